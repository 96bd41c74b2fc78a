"""Lines of the audit log: who did what, when; written in the transaction of what they tell of."""

import getpass
import json
from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import Connection, insert

from cxsentiment.ingest.sources import writable
from cxsentiment.reviews.tables import audit

OF_A_CONTACT = ("picked", "graded", "contested", "decided", "withdrawn", "turns labelled")
"""The actions whose subject is a contact's id."""
NAMED_BY_PEOPLE = ("imported", "exported", "assigned")
"""The actions whose subject is a name that somebody chose, of files or of a batch, which may hold a contact's id."""


def note(
    connection: Connection, action: str, subject: str, details: Mapping[str, object], who: str | None = None
) -> None:
    """Add a line; `who` is the user of this process where nobody is named."""
    row = {
        "at": now(),
        "who": writable(who or process_user()),
        "action": action,
        "subject": writable(subject),  # the name of a file need not be UTF-8
        "details": json.dumps(details, sort_keys=True, ensure_ascii=False),
    }
    connection.execute(insert(audit), row)


def process_user() -> str:
    """The name of the user that runs this process, "unknown" where there is none."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):  # a container may run as a user without a name
        return "unknown"


def now() -> str:
    """The time as the store keeps it: ISO 8601 in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
