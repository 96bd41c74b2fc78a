"""What joins contacts from beside their transcripts: survey answers and a contact log, read as typed."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast, get_args

from cxsentiment.errors import InputError, UsageError
from cxsentiment.ingest.contactlog import TIME_UNITS, ContactLog, LogRules, LogTimeUnit, read_log
from cxsentiment.ingest.dates import date_rules
from cxsentiment.ingest.options import parse_map
from cxsentiment.ingest.scales import Scales, declare
from cxsentiment.ingest.surveys import Keep, Match, SurveyRules, Surveys, read_surveys

_WINDOW = re.compile(r"(\d{1,6}(?:\.\d{1,3})?)\s*([smhd]?)")
_SECONDS = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


@dataclass(frozen=True, slots=True)
class Joins:
    """`surveys` and `log` join the contacts; `scales` are those of answers, also of those inside the transcripts."""

    surveys: Surveys | None = None
    scales: Scales = field(default_factory=Scales)
    log: ContactLog | None = None


def read_joins(
    *,
    surveys: Sequence[str] = (),
    csat_scale: str | None = None,
    csat_map: Sequence[str] = (),
    ces_scale: str | None = None,
    ces_direction: str | None = None,
    match: str = "id",
    match_window: str = "72h",
    keep: str = "last",
    date_order: str | None = None,
    timezone: str | None = None,
    log: Sequence[str] = (),
    log_time_unit: str = "s",
    map_: Sequence[str] = (),
) -> Joins:
    """Read survey files and contact logs by the options as typed.

    Raises:
        UsageError: for an option that cannot be used, or a file that cannot be used at all.
    """
    scales = declare(csat_scale, csat_map, ces_scale, ces_direction)
    dates, columns = date_rules(date_order, timezone), parse_map(map_)
    kept = cast("Keep", _one_of("--keep", keep, get_args(Keep)))
    by = cast("Match", _one_of("--match", match, get_args(Match)))
    unit = cast("LogTimeUnit", _one_of("--log-time-unit", log_time_unit, tuple(TIME_UNITS)))
    rules = SurveyRules(scales, dates, kept, by, parse_window(match_window))
    try:
        return Joins(
            read_surveys(surveys, rules, columns) if surveys else None,
            scales,
            read_log(log, LogRules(dates, unit, kept), columns) if log else None,
        )
    except InputError as error:
        raise UsageError(error.where, error.what, allowed=error.allowed, do=error.do) from error


def parse_window(text: str) -> float:
    """Read `--match-window`: 72h, 3d, 30m or 90s (or a number of seconds), in seconds.

    Raises:
        UsageError: for anything else, and for no time at all.
    """
    match = _WINDOW.fullmatch(text.strip().lower())
    seconds = float(match[1]) * _SECONDS[match[2]] if match else 0.0
    if seconds <= 0:
        raise UsageError(f"--match-window {text}", "is no length of time", do="Write for example 72h, 3d or 30m")
    return seconds


def _one_of(option: str, value: str, allowed: Sequence[str]) -> str:
    if value not in allowed:
        raise UsageError(f"{option} {value}", "is not known", allowed=", ".join(allowed))
    return value
