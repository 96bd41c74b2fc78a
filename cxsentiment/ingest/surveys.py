"""Survey answers read from files, and joined to contacts by contact id or by customer and time.

Every row becomes one of: an answer, a reject, a row without an answer, a duplicate, an excluded row (preview,
unfinished); the counts add up. Scales and dates are declared, never guessed.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from cxsentiment.amounts import counted
from cxsentiment.errors import InputError, UsageError
from cxsentiment.ingest.dates import DateError, DateRules, Moment, read_date
from cxsentiment.ingest.scales import NPS_SCALE, OUTCOMES, Scales, contradicted, turned
from cxsentiment.ingest.sources import Source, find_sources, ignore
from cxsentiment.ingest.survey_files import RowFile, open_rows
from cxsentiment.ingest.tables import Row, missing_column
from cxsentiment.ingest.values import contact_id, text_or_none
from cxsentiment.privacy import mask
from cxsentiment.schema import Reject, Transcript

Keep = Literal["last", "first"]
Match = Literal["id", "customer"]

_FIELDS = ("id", "customer_id", "answered_at", *OUTCOMES)
# Above this share of answers off the scale, the declared scale itself is in doubt.
_DOUBTFUL_SHARE = 0.2
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class SurveyRules:
    """What the user declares about survey answers, besides the columns (--map)."""

    scales: Scales = field(default_factory=Scales)
    dates: DateRules = field(default_factory=DateRules)
    keep: Keep = "last"
    match: Match = "id"
    window_s: float = 72 * 3600.0


@dataclass(frozen=True, slots=True)
class Survey:
    """One answer; None where the question was not answered."""

    csat: float | None = None
    nps: float | None = None
    ces: float | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """One row's answer: whose it is (a contact's id, or a customer's) and when it was given."""

    who: str
    survey: Survey
    at: Moment | None
    source: str
    record: int


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the rows; `added` are kept beside another row of their contact, `excluded` counts by reason."""

    rows: int = 0
    without_answer: int = 0
    duplicates: int = 0
    added: int = 0
    excluded: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Surveys:
    """Answers by contact id, or `loose` ones by customer and time, and what else the files held.

    `asked` are the outcomes that the files have columns for.
    """

    answers: Mapping[str, Survey]
    rejects: tuple[Reject, ...] = ()
    notes: tuple[str, ...] = ()
    source: str = ""
    rules: SurveyRules = field(default_factory=SurveyRules)
    loose: tuple[Answer, ...] = ()
    counts: Counts = field(default_factory=Counts)
    asked: tuple[str, ...] = ()

    def facts(self, matched: int) -> dict[str, Any]:
        """What the receipt says about the survey files, given how many answers met their contact."""
        answers = len(self.loose) or len(self.answers)
        csat = self.rules.scales.csat
        return {
            "source": self.source,
            "rows": self.counts.rows,
            "answers": answers,
            "matched": matched,
            "unmatched": answers - matched,
            "rejected": len(self.rejects),
            "without_answer": self.counts.without_answer,
            "duplicates": self.counts.duplicates,
            "added": self.counts.added,
            "excluded": dict(self.counts.excluded),
            "match": self.rules.match,
            "keep": self.rules.keep,
            "csat_scale": [csat.low, csat.high] if csat else None,
            "notes": list(self.notes),
        }

    def content(self) -> object:
        """All that a run's results depend on, for its identity."""
        by_id = sorted((name, asdict(survey)) for name, survey in self.answers.items())
        return [by_id, [repr(answer) for answer in self.loose], repr(self.rules), len(self.rejects)]


def read_surveys(paths: Sequence[str], rules: SurveyRules, columns: Mapping[str, str] | None = None) -> Surveys:
    """Read files (also folders and globs) of answers; `columns` are our fields' columns as declared with --map.

    An answer off its scale, or not a number, refuses its row. Of several answers of a contact to one question one is
    kept, by `rules.keep`: by time where both rows have one of the same kind, else by place in the files.

    Raises:
        UsageError: a file is missing, or it has CSAT and no scale was declared, or one against its own heading.
        InputError: a file cannot be read, or has no id column or no outcome column.
    """
    sources = [source for path in paths for source in _found(path)]
    reading = _Reading(rules)
    for source in sources:
        opened = open_rows(source, (columns or {}).get("sheet"))
        if opened is not None:
            reading.read(opened, columns or {})
    if not reading.sources:
        raise UsageError(", ".join(paths), "holds no survey answers", do="Check the files given with --surveys")
    return reading.surveys()


def _found(path: str) -> list[Source]:
    try:
        return find_sources([path])
    except UsageError as error:
        raise UsageError(path, "no such survey file", do="Check the path given with --surveys") from error


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


def on_scale(scales: Scales, transcript: Transcript) -> Transcript:
    """The transcript, its own answers turned as declared; one off its scale is taken out. Both with a warning."""
    csat, nps, ces, warnings = transcript.csat, transcript.nps, transcript.ces, []
    if csat is not None and scales.csat is not None:
        if not scales.csat.holds(csat):
            warnings.append(f"CSAT is off the declared scale {scales.csat}: not used")
            csat = None
        elif scales.csat.reversed:
            warnings.append(turned("CSAT", scales.csat, "better"))
            csat = scales.csat.stored(csat)
    if nps is not None and (not NPS_SCALE.holds(nps) or nps % 1):
        warnings.append(f"NPS is off its scale {NPS_SCALE}, whole numbers: not used")
        nps = None
    if ces is not None and not scales.ces.holds(ces):
        warnings.append(f"CES is off its scale {scales.ces} (--ces-scale declares another): not used")
        ces = None
    elif ces is not None and scales.ces.reversed:
        warnings.append(turned("CES", scales.ces, "easier"))
        ces = scales.ces.stored(ces)
    if not warnings:
        return transcript
    return replace(transcript, csat=csat, nps=nps, ces=ces, warnings=(*transcript.warnings, *warnings))


class _Reading:
    """Answers gathered row by row, file by file."""

    def __init__(self, rules: SurveyRules) -> None:
        self.sources: list[str] = []
        self._rules = rules
        self._by_id = rules.match == "id"
        self._kept = Kept(rules.keep)
        self._loose: list[Answer] = []
        self._rejects: list[Reject] = []
        self._notes: dict[str, None] = {}
        self._counts: Counter[str] = Counter()
        self._excluded: Counter[str] = Counter()
        self._undated: Counter[str] = Counter()
        self._asked: dict[str, None] = {}

    def read(self, file: RowFile, columns: Mapping[str, str]) -> None:
        source = file.table.source
        fields = self._fields(file, columns)
        self.sources.append(source)
        self._asked |= dict.fromkeys(outcome for outcome in OUTCOMES if outcome in fields)
        self._notes |= dict.fromkeys(file.table.warnings)
        for row in file.table.rows(ignore):
            self._counts["rows"] += 1
            if not row.problem and (reason := file.excluded(row.cells)) is not None:
                self._excluded[reason] += 1
                continue
            self._add(row, fields, source)

    def _fields(self, file: RowFile, columns: Mapping[str, str]) -> Mapping[str, int]:
        table = file.table
        # Columns declared for transcripts may not exist here, and are no fault.
        declared = {name: column for name, column in columns.items() if name in _FIELDS}
        fields = file.layout(_FIELDS, declared).fields
        for wanted in ("id",) if self._by_id else ("customer_id", "answered_at"):
            if wanted not in fields:
                raise missing_column(table.source, table.columns, wanted)
        if not set(OUTCOMES) & set(fields):
            raise missing_column(table.source, table.columns, "csat")
        if "csat" in fields:
            self._check_scale(table.source, table.columns[fields["csat"]])
        return fields

    def _check_scale(self, source: str, column: str) -> None:
        scale = self._rules.scales.csat
        if scale is None:
            raise UsageError(
                source,
                "has CSAT answers, and their scale is not declared",
                do="Say for example --csat-scale 1-5, or --csat-map good=1 --csat-map bad=0 for answers in words; a "
                "mean over an unknown scale would mean nothing",
            )
        if (problem := contradicted(column, scale)) is not None:
            raise UsageError(source, problem, do="Write --csat-scale WORST-BEST, such as 5-1 where 1 is the best")

    def _add(self, row: Row, fields: Mapping[str, int], source: str) -> None:
        where = f"{source}:{row.number}"
        name: str | None = None
        try:
            if row.problem:
                raise InputError("bad_row", where, row.problem)
            survey = Survey(**{one: self._answer(row, fields, one, where) for one in OUTCOMES})
            name = self._who(row, fields, where)
            if survey == Survey():
                self._counts["without_answer"] += 1
                return
            at = self._time(row, fields, where)
        except InputError as error:
            self._reject(row, fields, source, error)
            return
        answer = Answer(name, survey, at, source, row.number)
        if self._by_id:
            self._kept.add(name, answer)
        else:
            self._loose.append(answer)

    def _answer(self, row: Row, fields: Mapping[str, int], outcome: str, where: str) -> float | None:
        if outcome not in fields:
            return None
        return self._rules.scales.answer(outcome, row.cells[fields[outcome]], where)

    def _who(self, row: Row, fields: Mapping[str, int], where: str) -> str:
        cell = row.cells[fields["id" if self._by_id else "customer_id"]]
        try:
            name = contact_id(cell) if self._by_id else text_or_none(cell)
        except ValueError as error:
            raise InputError("bad_id", where, f"the id {error}") from error
        if name is None and self._by_id:
            raise InputError("missing_id", where, "has no contact id")
        if name is None:
            raise InputError("missing_customer", where, "has no customer id")
        return name

    def _time(self, row: Row, fields: Mapping[str, int], where: str) -> Moment | None:
        """When it was answered. Matching by customer needs it; otherwise what cannot be read is counted, no more."""
        if "answered_at" not in fields:
            return None
        try:
            at = read_date(row.cells[fields["answered_at"]], self._rules.dates)
        except DateError as error:
            if not self._by_id:
                raise InputError(error.code, where, f"answered_at {error}") from error
            self._undated[error.code] += 1
            return None
        if at is None and not self._by_id:
            raise InputError("missing_time", where, "has no answered_at, which matching by customer needs")
        if at is not None and not at.zoned:
            self._counts["zoneless"] += 1
        return at

    def _reject(self, row: Row, fields: Mapping[str, int], source: str, error: InputError) -> None:
        told = None
        at = fields.get("id")
        if at is not None and not row.problem and row.cells[at] is not None:
            told = mask(str(row.cells[at]).strip()).text or None
        self._rejects.append(Reject(source, row.number, told, error.code, error.message))

    def surveys(self) -> Surveys:
        return Surveys(
            answers=self._kept.answers(),
            rejects=tuple(self._rejects),
            notes=self._told(),
            source=", ".join(self.sources),
            rules=self._rules,
            loose=tuple(self._loose),
            counts=Counts(
                self._counts["rows"],
                self._counts["without_answer"],
                self._kept.duplicates,
                self._kept.added,
                dict(sorted(self._excluded.items())),
            ),
            asked=tuple(self._asked),
        )

    def _told(self) -> tuple[str, ...]:
        """What the receipt should say about the files as a whole."""
        rows, counts = self._counts["rows"], self._counts
        notes = [*self._notes, *self._rules.scales.notes(tuple(self._asked)), *self._kept.notes()]
        if counts["without_answer"]:
            notes.append(f"{counts['without_answer']} of {rows} rows hold no answer")
        notes += [f"{count} of {rows} rows are not counted: {reason}" for reason, count in self._excluded.items()]
        for code, count in sorted(self._undated.items()):
            hint = "; say --date-order" if code == "ambiguous_date" else ""
            notes.append(f"{count} times of answers could not be used ({code}){hint}")
        if counts["zoneless"]:
            notes.append(f"{counts['zoneless']} times of answers name no zone and are read as UTC; say --timezone")
        off = sum(reject.code.endswith("_out_of_scale") for reject in self._rejects)
        if off > _DOUBTFUL_SHARE * rows:
            notes.append(f"{off} of {rows} rows are off their scale: is the declared scale right?")
        return tuple(notes)


class Kept:
    """The answer that is kept to each question of each contact.

    By question, for CSAT and NPS are often asked in surveys of their own: an answer to one is no copy of the other.
    """

    def __init__(self, keep: Keep) -> None:
        self._keep: Keep = keep
        self._rows = 0
        self._kept: dict[str, dict[str, Answer]] = {}

    def add(self, contact: str, answer: Answer) -> None:
        """Take one more row's answer to a contact."""
        self._rows += 1
        kept = self._kept.setdefault(contact, {})
        for outcome in OUTCOMES:
            if getattr(answer.survey, outcome) is None:
                continue
            if outcome not in kept or replaces(answer, kept[outcome], self._keep):
                kept[outcome] = answer

    def answers(self) -> dict[str, Survey]:
        """By contact."""
        return {
            contact: Survey(**{outcome: getattr(answer.survey, outcome) for outcome, answer in kept.items()})
            for contact, kept in self._kept.items()
        }

    @property
    def _used(self) -> int:
        return sum(len({id(answer) for answer in kept.values()}) for kept in self._kept.values())

    @property
    def duplicates(self) -> int:
        """Rows of which nothing is kept."""
        return self._rows - self._used

    @property
    def added(self) -> int:
        """Rows that are kept beside another one of their contact."""
        return self._used - len(self._kept)

    def notes(self) -> list[str]:
        """What to tell of rows that came again."""
        told = (
            (
                self.duplicates,
                f"{counted(self.duplicates, 'answer')} came again for their contact; the {self._keep} is kept",
            ),
            (self.added, f"{self.added} rows answer another question of a contact that has an answer; both are kept"),
        )
        return [text for count, text in told if count]


def replaces(new: Answer, old: Answer, keep: Keep) -> bool:
    """Whether a later row's answer replaces an earlier row's for the same contact."""
    if new.at is None or old.at is None or new.at.zoned != old.at.zoned or new.at.at == old.at.at:
        return keep == "last"
    return (new.at.at > old.at.at) == (keep == "last")


def examples(names: Iterable[str]) -> str:
    """The first of some ids, as they may stand in a note."""
    found = [mask(name).text for name, _ in zip(names, range(_SHOWN), strict=False)]
    return ", ".join(found)
