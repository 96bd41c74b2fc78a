"""What the user declares about a source: which column is which field, and which label is which speaker."""

import csv
import difflib
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from cxsentiment.errors import UsageError
from cxsentiment.ingest.dates import DateRules
from cxsentiment.schema import SPEAKERS, Speaker

CONTACT_FIELDS = (
    "id",
    "channel",
    "agent_id",
    "customer_id",
    "campaign",
    "queue",
    "started_at",
    "csat",
    "nps",
    "ces",
)
TURN_FIELDS = ("speaker", "text", "start", "end")
LOG_FIELDS = ("wait_s", "hold_s", "wrap_up_s", "handle_s", "transferred", "abandoned", "resolved", "shift", "site")
FIELDS = (*CONTACT_FIELDS, "turns", *TURN_FIELDS, "answered_at", "sheet", *LOG_FIELDS)

TimeUnit = Literal["s", "ms", "us", "ticks"]
# How many of a unit are a second; a tick is 100 nanoseconds.
_PER_SECOND: Mapping[TimeUnit | None, float] = {None: 1.0, "s": 1.0, "ms": 1e3, "us": 1e6, "ticks": 1e7}

# Names under which a field is found without --map; the first that is present is taken. `contact_id` stands before
# `id` because a table that has both numbers its rows with `id`.
_KNOWN_NAMES: Mapping[str, tuple[str, ...]] = {
    "id": ("contact_id", "conversation_id", "id"),
    "speaker": ("speaker", "speaker_role"),
    "text": ("text", "message_text"),
    "start": ("start", "start_s"),
    "end": ("end", "end_s"),
}

# Columns of a turn table that date its rows where none is named started_at, most telling first. One is only taken where
# most of its values are dates: "timestamp" may as well count seconds.
START_COLUMNS = ("start_date", "datetime", "date_time", "date", "timestamp", "created_at")

# Labels other than our own names that mean one thing in every export that uses them (Google CCAI, Genesys, LivePerson).
# "caller", "client", "user", "rep", "operator" are not here: each is the agent in one export and the customer or a
# bot in another.
_SYNONYMS: Mapping[str, Speaker] = {
    "end_user": "customer",
    "consumer": "customer",
    "automated_agent": "bot",
    "chatbot": "bot",
    "ivr": "system",
    "acd": "system",
    "supervisor": "other",
    "interpreter": "other",
}
_SPEAKERS: Mapping[str, Speaker] = {**_SYNONYMS, **{name: name for name in SPEAKERS}}


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """`columns`: our field → the source's column or key. `roles`: the source's speaker label → our speaker.

    A key of `roles` between slashes is a pattern ("/^agent .*/") that a label must match from start to end. `format`
    is the name of the format to read everything as; None to find it by structure. `time_unit` is that of start and end
    where they are numbers; None for seconds. With `guess_roles` two speakers whose roles nobody declared are told apart
    by what they say, and the contact is marked. `dates` declare the order of day and month, and the zone of times that
    name none. `met` gathers, while reading, the keys of `roles` that some speaker had.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    roles: Mapping[str, Speaker] = field(default_factory=dict)
    format: str | None = None
    guess_roles: bool = False
    time_unit: TimeUnit | None = None
    dates: DateRules = field(default_factory=DateRules)
    met: set[str] = field(default_factory=set, compare=False, repr=False)

    @property
    def per_second(self) -> float:
        """How many of the declared unit of times are a second."""
        return _PER_SECOND[self.time_unit]

    def source_name(self, name: str, available: Collection[str]) -> str | None:
        """The column or key that holds our field `name`, or None.

        `available` are normalised (`normalise_name`) or as they stand; a declared column is looked up both ways.
        """
        declared = self.columns.get(name)
        if declared is not None:
            candidates: tuple[str, ...] = (declared, normalise_name(declared))
        else:
            candidates = _KNOWN_NAMES.get(name, (name,))
        return next((candidate for candidate in candidates if candidate in available), None)

    def speaker(self, label: str) -> Speaker | None:
        """Our speaker for a source's label: --role first, then the six names and exact synonyms; None if unknown."""
        return self.declared((label,)) or _SPEAKERS.get(label.strip().casefold().replace(" ", "_"))

    def unmet(self) -> tuple[str, ...]:
        """The keys of `roles` that no speaker had in what was read so far: most often a slip, or another file's."""
        return tuple(name for name in self.roles if name.strip().casefold() not in self.met)

    def declared(self, names: Sequence[str]) -> Speaker | None:
        """The speaker that --role gives to the first of `names` that it names; None where it names none of them."""
        if not self.roles:
            return None
        exact = {name.strip().casefold(): speaker for name, speaker in self.roles.items()}
        for name in names:
            if (speaker := exact.get(name.strip().casefold())) is not None:
                self.met.add(name.strip().casefold())
                return speaker
        for pattern, speaker in exact.items():
            inner = pattern[1:-1] if len(pattern) > 2 and pattern[0] == pattern[-1] == "/" else None
            if inner and any(re.fullmatch(inner, name.strip(), re.IGNORECASE) for name in names):
                self.met.add(pattern)
                return speaker
        return None


# Marks that nobody sees: of the byte order, and spaces of no width, as web pages leave them in what is copied.
_UNSEEN = re.compile("[\ufeff\u200b\u2060]")


def normalise_name(name: str) -> str:
    """A column name in lower case with underscores: " Speaker Role " → "speaker_role"."""
    return re.sub(r"[\s\-]+", "_", _UNSEEN.sub("", name).strip().lower())


def parse_map(texts: Sequence[str]) -> dict[str, str]:
    """Read `--map field=column` options.

    Raises:
        UsageError: no `=`, an unknown field, or a field given twice with different columns.
    """
    columns: dict[str, str] = {}
    for text in texts:
        name, column = _split(text, "--map", "text=message")
        name = "id" if name == "contact_id" else name
        if name not in FIELDS:
            raise UsageError(f"--map {text}", f'"{name}" is not a field{_nearest(name, FIELDS)}', allowed=_list(FIELDS))
        if columns.setdefault(name, column) != column:
            raise UsageError(
                f"--map {text}", f'"{name}" is already mapped to "{columns[name]}"', do="Give each field once."
            )
    return columns


def parse_roles(texts: Sequence[str]) -> dict[str, Speaker]:
    """Read `--role LABEL=speaker` options; a label may itself hold `=`, the speaker stands after the last one.

    Raises:
        UsageError: no `=`, an unknown speaker, or a label given twice with different speakers.
    """
    roles: dict[str, Speaker] = {}
    known: dict[str, Speaker] = {name: name for name in SPEAKERS}
    for text in texts:
        label, name = _split(text, "--role", "AGT=agent", last=True)
        speaker = known.get(name.lower())
        if speaker is None:
            raise UsageError(
                f"--role {text}", f'"{name}" is not a speaker{_nearest(name, SPEAKERS)}', allowed=_list(SPEAKERS)
            )
        _check_pattern(label, text)
        if roles.setdefault(label.casefold(), speaker) != speaker:
            raise UsageError(
                f"--role {text}", f'"{label}" is already {roles[label.casefold()]}', do="Give each label once."
            )
    return roles


def _check_pattern(label: str, text: str) -> None:
    """Raise UsageError for a label between slashes that is no pattern."""
    if len(label) > 2 and label[0] == label[-1] == "/":
        try:
            re.compile(label[1:-1])
        except re.error as error:
            raise UsageError(
                f"--role {text}", f"is no pattern ({error})", do="Write for example /agent .*/=agent"
            ) from error


def read_roles(path: Path) -> dict[str, Speaker]:
    """Read a role file (--roles): a CSV with the columns `label` and `speaker`.

    Raises:
        UsageError: the file cannot be read, lacks a column, or a row is no role or against an earlier one; it names
            the line.
    """
    try:
        rows = list(csv.DictReader(path.read_text(encoding="utf-8-sig").splitlines()))
    except (OSError, ValueError, csv.Error) as error:
        raise UsageError(f"--roles {path}", f"cannot be read ({error})", do="Give a CSV: label,speaker") from error
    roles: dict[str, Speaker] = {}
    for number, row in enumerate(rows, start=2):
        if not row.get("label") or not row.get("speaker"):
            raise UsageError(f"{path}:{number}", "has no label or no speaker", allowed="the columns label,speaker")
        try:
            found = parse_roles([f"{row['label']}={row['speaker']}"])
        except UsageError as error:
            raise UsageError(f"{path}:{number}", error.what, allowed=error.allowed, do=error.do) from error
        for label, speaker in found.items():
            if roles.setdefault(label, speaker) != speaker:
                raise UsageError(f"{path}:{number}", f'"{label}" is already {roles[label]}', do="Give each label once.")
    return roles


def parse_time_unit(text: str | None) -> TimeUnit | None:
    """Read `--time-unit`; None where it is not given.

    Raises:
        UsageError: it is no unit.
    """
    if text is None:
        return None
    units: tuple[TimeUnit, ...] = get_args(TimeUnit)
    name = text.strip().lower()
    for unit in units:
        if name == unit:
            return unit
    raise UsageError(f"--time-unit {text}", f'"{text}" is not a unit of time', allowed=_list(units))


def _split(text: str, option: str, example: str, *, last: bool = False) -> tuple[str, str]:
    left, _, right = text.rpartition("=") if last else text.partition("=")
    if not left.strip() or not right.strip():
        raise UsageError(
            f"{option} {text}", "is not of the form LEFT=RIGHT", do=f"Write for example {option} {example}"
        )
    return left.strip(), right.strip()


def _nearest(name: str, names: Sequence[str]) -> str:
    close = difflib.get_close_matches(name.lower(), names, n=1)
    return f'; did you mean "{close[0]}"?' if close else ""


def _list(names: Sequence[str]) -> str:
    return ", ".join(names)
