"""Rows of graders' verdicts → labels. A row that cannot be used is refused with a code; its neighbours stay."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from cxsentiment.errors import InputError, UsageError
from cxsentiment.ingest.dates import DateError, DateRules, read_date
from cxsentiment.ingest.options import normalise_name
from cxsentiment.ingest.sources import Source, find_sources, source_name
from cxsentiment.ingest.values import contact_id, number, shown, text_or_none
from cxsentiment.privacy import mask
from cxsentiment.reviews.connect import answers_of
from cxsentiment.reviews.files import ITEM_PREFIX, PLANNED, LabelRow, read_rows
from cxsentiment.reviews.labels import PURPOSES, Label, Purpose
from cxsentiment.reviews.verdicts import Graded, Vocabulary
from cxsentiment.rubric.scorecard import Rubric
from cxsentiment.schema import Reject

# The names under which each field is found where --map names none, the first that is there.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "contact_id": ("contact_id", "conversation_id", "id"),
    "item": ("item", "item_id", "question"),
    "grader": ("grader", "evaluator", "reviewer", "rater"),
    "value": ("value", "verdict", "answer"),
    "points": ("points",),
    "purpose": ("purpose",),
    "inclusion_probability": ("inclusion_probability", "incl_prob"),
    "rated_at": ("rated_at", "graded_at", "evaluated_at"),
    "rubric_name": ("rubric_name",),
    "rubric_version": ("rubric_version",),
    "rubric_sha256": ("rubric_sha256",),
    "stratum": ("stratum",),
    "comment": ("comment", "comments", "notes"),
    "source": ("source",),  # as an export has it
}
FIELDS = (*_NAMES, "sheet")
_TEXTS_CHARACTERS = 2_000  # of a comment


@dataclass(frozen=True, slots=True)
class ImportRules:
    """What the user declares of files of labels.

    `columns`: our field → their column. `items`: their question or column, normalised → item. `purpose` and `grader`
    are for rows that name none. `rubric` is the scorecard they were graded by. `needs_probability`: a label that is
    not for coaching is refused without its inclusion probability.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    items: Mapping[str, str] = field(default_factory=dict)
    words: Vocabulary = field(default_factory=Vocabulary)
    rubric: Rubric | None = None
    purpose: Purpose | None = None
    grader: str | None = None
    dates: DateRules = field(default_factory=DateRules)
    needs_probability: bool = False


@dataclass(frozen=True, slots=True)
class Read:
    """What files held: labels, refused rows, and counts: rows, rows without a verdict (an empty form), texts.

    `records` says in which row of its file each label stands, `unread` which columns of forms hold no item's verdicts.
    """

    labels: tuple[Label, ...]
    rejects: tuple[Reject, ...]
    rows: int
    empty: int
    texts: int
    records: tuple[int, ...] = ()
    unread: tuple[str, ...] = ()


def parse_label_map(texts: Sequence[str]) -> dict[str, str]:
    """Read `--map field=column` options of labels. Raises UsageError for an unknown field or one given twice."""
    columns: dict[str, str] = {}
    for text in texts:
        name, equals, column = (part.strip() for part in text.partition("="))
        if not equals or name not in FIELDS or not column:
            raise UsageError(
                f"--map {text}", "names no field of labels", allowed=", ".join(FIELDS), do="Write FIELD=COLUMN"
            )
        if columns.setdefault(name, column) != column:
            raise UsageError(f"--map {text}", f'"{name}" is already mapped to "{columns[name]}"')
    return columns


def parse_items(texts: Sequence[str], rubric: Rubric | None) -> dict[str, str]:
    """Read `--item 'question text=item'`; with a rubric its items' ids and questions are known besides.

    Raises:
        UsageError: no `=`, an item that the rubric does not have, or a question given twice.
    """
    known: dict[str, str] = {}
    ids = {item.id for _, item in rubric.pairs()} if rubric else set()
    for text in texts:
        question, equals, item = (part.strip() for part in text.rpartition("="))
        if not equals or not question or not item:
            raise UsageError(f"--item {text}", "is not of the form QUESTION=ITEM")
        if ids and item not in ids:
            raise UsageError(f"--item {text}", f'the rubric has no item "{item}"', allowed=", ".join(sorted(ids)))
        if known.setdefault(normalise_name(question), item) != item:
            raise UsageError(f"--item {text}", "names a question that another --item names too")
    for _, one in rubric.pairs() if rubric else ():
        known.setdefault(normalise_name(one.id), one.id)
        known.setdefault(normalise_name(one.question), one.id)
    return known


def read_labels(inputs: Sequence[str], rules: ImportRules) -> Read:
    """Read all files. A file that cannot be read as a whole is one reject, at record 0.

    Raises:
        UsageError: a file does not exist.
    """
    reader = _Reader(rules)
    for source in find_sources(inputs):
        reader.read(source)
    return reader.found()


def read_label_rows(rows: Iterable[LabelRow], rules: ImportRules) -> Read:
    """Labels of rows that are in memory already."""
    reader = _Reader(rules)
    for row in rows:
        reader.take(row)
    return reader.found()


class _Reader:
    def __init__(self, rules: ImportRules) -> None:
        self._rules = rules
        self.labels: list[Label] = []
        self.records: list[int] = []
        self.rejects: list[Reject] = []
        self.rows = self.empty = self.texts = 0
        self.unread: set[str] = set()
        self._seen: dict[tuple[str, ...], Label] = {}
        self._ids = {item.id for _, item in rules.rubric.pairs()} if rules.rubric else set()

    def found(self) -> Read:
        kept = tuple(self.labels), tuple(self.rejects), self.rows, self.empty, self.texts, tuple(self.records)
        return Read(*kept, tuple(sorted(self.unread - PLANNED)))

    def take(self, row: LabelRow) -> None:
        self.rows += 1
        self._row(row)

    def read(self, source: Source) -> None:
        before = self.rows
        try:
            for row in read_rows(source, self._rules.columns.get("sheet")):
                self.take(row)
            if self.rows == before:
                raise InputError("empty", source_name(source), "holds no rows", do="Export it again")
        except (InputError, UsageError, OSError) as error:
            code = error.code if isinstance(error, InputError) else "unreadable"
            told = error.message if isinstance(error, (InputError, UsageError)) else f"{source_name(source)}: {error}"
            self.rejects.append(Reject(source_name(source), 0, None, code, told))

    def _row(self, row: LabelRow) -> None:
        if row.problem is not None:
            self._reject(row, None, row.problem)
            return
        if row.document is not None:
            self._evaluation(row)
            return
        try:
            fields, wide = self._layout(row)
        except InputError as error:
            if row.table:
                raise  # no row of the table has what is missing
            self._reject(row, None, error)
            return
        contact = _said(fields.get("contact_id"))
        verdicts = [(item, fields | {"value": value, "points": None}) for item, value in wide]
        if not wide:
            verdicts = [(_said(fields.get("item")) or "", fields)]
        filled = [(item, cells) for item, cells in verdicts if not _blank(cells.get("value"), cells.get("points"))]
        if wide and not filled:
            self.empty += 1  # a form of the planner that nobody has filled in yet
            return
        for item, cells in filled if wide else verdicts:
            try:
                self._keep(self._label(row, item, cells, wide=bool(wide)), row)
            except InputError as error:
                self._reject(row, contact, error)

    def _layout(self, row: LabelRow) -> tuple[dict[str, object], list[tuple[str, object]]]:
        """The row's cells by our fields, and (item, cell) of each column of verdicts, none in a row of one verdict."""
        fields: dict[str, object] = {}
        used = set()
        for name, known in _NAMES.items():
            declared = self._rules.columns.get(name)
            names = (normalise_name(declared),) if declared is not None else known
            column = next((one for one in names if one in row.cells), None)
            if declared is not None and column is None and row.table:
                raise InputError(
                    "missing_column",
                    row.source,
                    f'no column "{shown(declared)}" (asked for by --map {name}={shown(declared)})',
                    allowed=", ".join(shown(one) for one in row.cells),
                )
            if column is not None:
                fields[name] = row.cells[column]
                used.add(column)
        if row.table and "contact_id" not in fields:
            raise InputError(
                "missing_column",
                row.source,
                "has no column of contacts",
                allowed=", ".join(_NAMES["contact_id"]),
                do="Say which it is with --map contact_id=COLUMN",
            )
        if "item" in fields:
            return fields, []
        wide = [
            (item, cell)
            for column, cell in row.cells.items()
            if column not in used and (item := self._item_of(column)) is not None
        ]
        self.unread |= row.cells.keys() - used - {one for one in row.cells if self._item_of(one) is not None}
        if not wide:
            raise InputError(
                "missing_column",
                row.source,
                "has neither a column item nor columns of items",
                allowed=f"item and value (one row a verdict), or {ITEM_PREFIX}NAME for each item (one row a contact)",
                do="Name columns with --map item=COLUMN, --item 'COLUMN=item', or give the scorecard with --rubric",
            )
        return fields, wide

    def _item_of(self, column: str) -> str | None:
        name = column.removeprefix(ITEM_PREFIX).strip()
        known = self._rules.items.get(name)
        return known if known is not None else text_or_none(name) if column.startswith(ITEM_PREFIX) else None

    def _label(self, row: LabelRow, item: str, cells: Mapping[str, object], *, wide: bool) -> Label:
        where = f"{row.source}:{row.number}" + (f" {shown(item)}" if wide else "")
        rules = self._rules
        contact = _text(cells.get("contact_id"), "contact_id", where)
        item = rules.items.get(normalise_name(item), item)
        for name, value in (("contact", contact), ("item", item)):
            if not value:
                raise InputError(f"missing_{name}", where, f"names no {name}")
        if rules.rubric is not None and item not in self._ids:
            raise InputError(
                "unknown_item",
                where,
                f'the rubric {rules.rubric.name} has no item "{shown(item)}"',
                do="Say which it is: --item 'QUESTION=item'",
            )
        verdict, points = self._graded(cells, item, where)
        grader = _text(cells.get("grader"), "grader", where) or rules.grader
        if not grader:
            raise InputError("missing_grader", where, "names no grader", do="Fill in the column, or say --grader NAME")
        label = Label(
            contact_id=contact,
            item=item,
            grader=grader,
            verdict=verdict,
            points=points,
            purpose=_purpose(_text(cells.get("purpose"), "purpose", where) or rules.purpose, where),
            inclusion_probability=_probability(cells.get("inclusion_probability"), where),
            rated_at=self._time(cells.get("rated_at"), where),
            stratum=_text(cells.get("stratum"), "stratum", where),
            comment=mask(_text(cells.get("comment"), "comment", where)).text[:_TEXTS_CHARACTERS],
            source=_text(cells.get("source"), "source", where) or row.source.rpartition("/")[2],
            **{name: _text(cells.get(name), name, where) for name in _RUBRIC},
        )
        if rules.needs_probability and label.purpose != "coaching" and label.inclusion_probability is None:
            raise InputError(
                "missing_probability",
                where,
                f"a {label.purpose} label needs the probability with which its contact was drawn",
                do="Fill in inclusion_probability (1 of 50 at random: 0.02)",
            )
        return self._of_rubric(label, where)

    def _graded(self, cells: Mapping[str, object], item: str, where: str) -> Graded:
        value = cells.get("value")
        if _blank(value) or value == "points":
            value = cells.get("points")
        found = self._rules.words.read(value, where, item, self._rules.rubric)
        if found is None:
            raise InputError("missing_value", where, "has no verdict", do="Write met, not_met or not_applicable")
        return found

    def _of_rubric(self, label: Label, where: str) -> Label:
        rubric = self._rules.rubric
        if rubric is None:
            return label
        named = (label.rubric_name or rubric.name, label.rubric_version or rubric.version)
        if named != (rubric.name, rubric.version) or label.rubric_sha256 not in ("", rubric.sha256):
            raise InputError(
                "other_rubric",
                where,
                f"was graded by {shown(named[0])} {shown(named[1])}, not by this {rubric.name} {rubric.version}",
                do="Import it with its own --rubric, or without one",
            )
        return replace(label, rubric_name=rubric.name, rubric_version=rubric.version, rubric_sha256=rubric.sha256)

    def _time(self, value: object, where: str) -> str:
        try:
            found = read_date(value, self._rules.dates)
        except DateError as error:
            raise InputError(error.code, where, f"rated_at {error}") from error
        return "" if found is None else as_utc(found.at)

    def _evaluation(self, row: LabelRow) -> None:
        """An evaluation of Amazon Connect: one row of cells a question, read like any other."""
        assert row.document is not None
        try:
            found = answers_of(row.document, f"{row.source}:{row.number}", self._rules.items)
        except InputError as error:
            self._reject(row, None, error)
            return
        self.texts += found.texts
        for answer in found.answers:
            try:
                if answer.problem is not None:
                    raise answer.problem
                self._keep(self._label(row, answer.item, answer.cells, wide=True), row)
            except InputError as error:
                self._reject(row, found.contact, error)

    def _keep(self, label: Label, row: LabelRow) -> None:
        """A verdict that contradicts another of the same file without saying when it was given is refused."""
        key = (row.source, *label.identity, label.rated_at)
        before = self._seen.setdefault(key, label)
        if before is not label and (before.verdict, before.points) != (label.verdict, label.points):
            raise InputError(
                "conflict",
                f"{row.source}:{row.number}",
                f'another row gives "{shown(label.item)}" of this contact another verdict by the same grader',
                do="Remove one of them, or say in rated_at when each was given",
            )
        self.labels.append(label)
        self.records.append(row.number)

    def _reject(self, row: LabelRow, contact: str | None, error: InputError) -> None:
        told = mask(contact).text if contact else None
        self.rejects.append(Reject(row.source, row.number, told, error.code, error.message))


_RUBRIC = ("rubric_name", "rubric_version", "rubric_sha256")


def as_utc(at: datetime) -> str:
    """A time with a zone as ISO 8601 in UTC, with seconds: comparable as text."""
    return at.astimezone(UTC).isoformat(timespec="seconds")


def _said(value: object) -> str | None:
    try:
        return contact_id(value)
    except ValueError:
        return None


def _blank(*values: object) -> bool:
    return all(value is None or (isinstance(value, str) and not value.strip()) for value in values)


def _text(value: object, name: str, where: str) -> str:
    try:
        found = contact_id(value) if name == "contact_id" else text_or_none(value)
    except ValueError as error:
        raise InputError("bad_text", where, f"{name} {error}") from error
    return found or ""


def _purpose(value: str | None, where: str) -> Purpose:
    if not value:
        raise InputError(
            "missing_purpose",
            where,
            "does not say why this contact was graded",
            allowed=", ".join(PURPOSES),
            do="Add a column purpose, or say it for all rows that have none: --purpose random",
        )
    name = value.strip().casefold()
    if name not in PURPOSES:
        raise InputError("unknown_purpose", where, f'the purpose "{shown(value)}"', allowed=", ".join(PURPOSES))
    return name


def _probability(value: object, where: str) -> float | None:
    try:
        found = number(value)
    except ValueError:
        found = -1.0
    if found is not None and not 0 < found <= 1:
        raise InputError(
            "bad_probability", where, f'the inclusion probability "{shown(str(value))}"', allowed="above 0, at most 1"
        )
    return found
