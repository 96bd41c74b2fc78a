"""Time zones by name. Their database is the system's or the package tzdata's; UTC needs none."""

from datetime import UTC, tzinfo
from zoneinfo import ZoneInfo, available_timezones

from cxsentiment.errors import UsageError


def zone_of(name: str) -> tzinfo | None:
    """The zone of that name; None where there is none."""
    if name == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (ValueError, LookupError, OSError):  # OSError also for a name that is a folder of the database
        return None


def require_zone(name: str) -> tzinfo:
    """The zone of that name. Raises UsageError where there is none, or nothing to look it up in."""
    if (found := zone_of(name)) is not None:
        return found
    if not available_timezones():  # Windows has no such database of its own, nor have small containers
        what = "cannot be looked up: this system has no database of time zones"
        raise UsageError(f"--timezone {name}", what, do="pip install tzdata, or write UTC")
    raise UsageError(f"--timezone {name}", "is not a time zone", do="Write for example Europe/Berlin or UTC")
