"""Survey answers from a CSV, joined to contacts by contact id. Scales are declared, never guessed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from cxsentiment.errors import InputError, UsageError
from cxsentiment.ingest.csvfile import open_csv
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.ingest.sources import ignore, source_name
from cxsentiment.ingest.tables import Layout, Row, find_columns, missing_column
from cxsentiment.ingest.values import contact_id
from cxsentiment.privacy import mask
from cxsentiment.schema import Reject, Transcript

_OUTCOMES = ("csat", "nps", "ces")
_NO_ANSWER = frozenset({"", "na", "n/a", "none", "null", "nan", "-"})
_ANSWER = re.compile(r"[+-]?\d{1,9}(?:\.\d{1,9})?")
# Above this share of answers off the scale, the declared scale itself is in doubt.
_DOUBTFUL_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Scale:
    """The lowest and highest answer that can be given; the highest is the best."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.low:g}-{self.high:g}"


NPS_SCALE = Scale(0, 10)
CES_SCALE = Scale(1, 7)


@dataclass(frozen=True, slots=True)
class Survey:
    """One answer; None where the question was not answered."""

    csat: float | None = None
    nps: float | None = None
    ces: float | None = None


@dataclass(frozen=True, slots=True)
class Surveys:
    """Answers by contact id, the rows that were refused, remarks for the receipt, and the declared CSAT scale."""

    answers: Mapping[str, Survey]
    rejects: tuple[Reject, ...] = ()
    notes: tuple[str, ...] = ()
    source: str = ""
    csat_scale: Scale | None = None

    def facts(self, matched: int) -> dict[str, object]:
        """What the receipt says about the survey file, given how many answers met their contact."""
        return {
            "source": self.source,
            "answers": len(self.answers),
            "matched": matched,
            "unmatched": len(self.answers) - matched,
            "rejected": len(self.rejects),
            "csat_scale": [self.csat_scale.low, self.csat_scale.high] if self.csat_scale else None,
            "notes": list(self.notes),
        }


def parse_scale(text: str) -> Scale:
    """Read `--csat-scale LOW-HIGH`.

    Raises:
        UsageError: where it is not two numbers in rising order.
    """
    match = re.fullmatch(r"\s*(\d{1,3}(?:\.\d+)?)\s*-\s*(\d{1,3}(?:\.\d+)?)\s*", text)
    if not match or float(match[1]) >= float(match[2]):
        raise UsageError(f"--csat-scale {text}", "is not a scale", do="Write LOWEST-HIGHEST, for example 1-5")
    return Scale(float(match[1]), float(match[2]))


def read_surveys(path: Path, csat_scale: Scale | None, options: ReadOptions | None = None) -> Surveys:
    """Read a CSV of answers: contact_id (or id), csat, nps (0-10, whole), ces (1-7), answered_at; --map renames.

    An answer off its scale, or not a number, refuses its row. Of several answers for one contact the last is kept:
    by `answered_at` where both rows have an ISO time, else by place in the file.

    Raises:
        UsageError: the file is missing, or it has CSAT and no scale was declared.
        InputError: the file cannot be read, or has no id column or no outcome column.
    """
    if not path.is_file():
        raise UsageError(source_name(path), "no such survey file", do="Check the path given with --surveys")
    table = open_csv(path)
    columns = options.columns if options else {}
    # Columns declared for transcripts may not exist here, and are no fault.
    relevant = {field: name for field, name in columns.items() if field in ("id", *_OUTCOMES, "answered_at")}
    layout = _layout(table.source, table.columns, ReadOptions(columns=relevant))
    if "csat" in layout.fields and csat_scale is None:
        raise UsageError(
            table.source,
            "has CSAT answers, and their scale is not declared",
            do="Say for example --csat-scale 1-5; a mean over an unknown scale would mean nothing",
        )
    reading = _Reading(table.source, layout, {"csat": csat_scale or NPS_SCALE, "nps": NPS_SCALE, "ces": CES_SCALE})
    for row in table.rows(ignore):
        reading.add(row)
    notes = (*table.warnings, *reading.notes())
    return Surveys(reading.answers, tuple(reading.rejects), notes, table.source, csat_scale)


def apply(surveys: Surveys, transcript: Transcript) -> Transcript:
    """The transcript with its survey answers; an outcome that was not answered keeps the transcript's own value."""
    survey = surveys.answers.get(transcript.id)
    if survey is None:
        return transcript
    return replace(
        transcript,
        csat=transcript.csat if survey.csat is None else survey.csat,
        nps=transcript.nps if survey.nps is None else survey.nps,
        ces=transcript.ces if survey.ces is None else survey.ces,
    )


def on_scale(scale: Scale, transcript: Transcript) -> Transcript:
    """The transcript, its own CSAT taken out with a warning where it is off the declared scale."""
    if transcript.csat is None or scale.low <= transcript.csat <= scale.high:
        return transcript
    warning = f"CSAT is off the declared scale {scale}: not used"
    return replace(transcript, csat=None, warnings=(*transcript.warnings, warning))


def _layout(source: str, columns: Sequence[str], options: ReadOptions) -> Layout:
    layout = find_columns(source, columns, ("id", *_OUTCOMES, "answered_at"), options)
    if "id" not in layout.fields:
        raise missing_column(source, columns, "id")
    if not set(_OUTCOMES) & set(layout.fields):
        raise missing_column(source, columns, "csat")
    return layout


class _Reading:
    """Answers gathered row by row."""

    def __init__(self, source: str, layout: Layout, scales: Mapping[str, Scale]) -> None:
        self.answers: dict[str, Survey] = {}
        self.rejects: list[Reject] = []
        self._source = source
        self._fields = layout.fields
        self._scales = scales
        self._answered: dict[str, datetime | None] = {}
        self._rows = self._empty = self._repeated = 0

    def add(self, row: Row) -> None:
        self._rows += 1
        name: str | None = None
        try:
            if row.problem:
                raise InputError("bad_row", f"{self._source}:{row.number}", row.problem)
            name = contact_id(row.cells[self._fields["id"]])
            if name is None:
                raise InputError("missing_id", f"{self._source}:{row.number}", "has no contact id")
            survey = Survey(**{outcome: self._answer(row, outcome) for outcome in _OUTCOMES})
        except InputError as error:
            told = None if name is None else mask(name).text
            self.rejects.append(Reject(self._source, row.number, told, error.code, error.message))
            return
        if survey == Survey():
            self._empty += 1
            return
        self._keep(name, survey, self._time(row))

    def _answer(self, row: Row, outcome: str) -> float | None:
        if outcome not in self._fields:
            return None
        text = str(row.cells[self._fields[outcome]]).strip()
        if text.lower() in _NO_ANSWER:
            return None
        where = f"{self._source}:{row.number}"
        if not _ANSWER.fullmatch(text):
            raise InputError(f"{outcome}_not_a_number", where, f"the {outcome} answer is not a number")
        value, scale = float(text), self._scales[outcome]
        if not scale.low <= value <= scale.high or (outcome == "nps" and value % 1):
            allowed = f"{scale}, whole numbers" if outcome == "nps" else str(scale)
            raise InputError(f"{outcome}_out_of_scale", where, f"the {outcome} answer is {value:g}", allowed=allowed)
        return value

    def _time(self, row: Row) -> datetime | None:
        if "answered_at" not in self._fields:
            return None
        try:
            return datetime.fromisoformat(str(row.cells[self._fields["answered_at"]]).strip())
        except ValueError:
            return None

    def _keep(self, name: str, survey: Survey, time: datetime | None) -> None:
        if name in self.answers:
            self._repeated += 1
            if _is_before(time, self._answered[name]):
                return
        self.answers[name] = survey
        self._answered[name] = time

    def notes(self) -> tuple[str, ...]:
        """What the receipt should say about the file as a whole."""
        notes = []
        if self._repeated:
            notes.append(f"{self._repeated} contacts' answers came again; the last answer was kept")
        if self._empty:
            notes.append(f"{self._empty} of {self._rows} rows hold no answer")
        off = sum(reject.code.endswith("_out_of_scale") for reject in self.rejects)
        if off > _DOUBTFUL_SHARE * self._rows:
            notes.append(f"{off} of {self._rows} rows are off their scale: is the declared scale right?")
        return tuple(notes)


def _is_before(time: datetime | None, other: datetime | None) -> bool:
    if time is None or other is None or (time.tzinfo is None) != (other.tzinfo is None):
        return False
    return time < other
