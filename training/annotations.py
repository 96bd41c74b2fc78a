"""A team's own labelled turns: CSV or JSONL files, with their texts or pointing at turns of a run folder.

Columns or keys: `speaker` (customer or agent), `text`, `sentiment` (of a customer's turn), `acts` (of an agent's turn:
a list, or names with ; , or space between; `none`, or an empty list: no act), and optionally `contact_id` (or
`conversation_id`), `turn` (or `turn_index`), `channel`, `picked` (why the turn was labelled: `unsure`, for a model's
doubt, or `chance`). A row without `text` is looked up by `contact_id` and `turn` in
a run folder, which holds the texts as they were scored: cleaned and masked.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cxsentiment.errors import InputError, UsageError
from cxsentiment.ingest.csvfile import open_csv
from cxsentiment.ingest.encoding import detect_encoding, open_text
from cxsentiment.ingest.options import normalise_name
from cxsentiment.ingest.sources import ignore, source_name
from cxsentiment.runs import read_table, require_complete, sha256_of
from cxsentiment.schema import ACTS, SENTIMENTS
from training.labelled_turn import Annotation, ambiguous, once
from training.sources import as_scored

_NAMES = {"conversation_id": "contact_id", "turn_index": "turn"}
_COLUMNS = ("contact_id", "turn", "channel", "speaker", "text", "sentiment", "acts", "picked")
_PICKED = ("unsure", "chance")
_SPEAKERS = ("agent", "customer")
_DO = "Write one labelled turn a row below the column names"
_LAST_TURN = 2**31 - 1  # of the tables
_SHOWN = 40  # characters of a wrong value
_EXCEL = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")  # .xlsx and .xls
_LONE_SURROGATE = re.compile(r"[\ud800-\udfff]")
_BETWEEN_ACTS = re.compile(r"[;,\s]+")
_AGENTS_FEEL_NOTHING_HERE = (
    "Leave sentiment empty for agents and label their acts: what an agent does can be seen in the text and coached, "
    "what an agent feels is not judged here, and no such label is ever trained on"
)


@dataclass(frozen=True, slots=True)
class Annotations:
    """The labelled turns of all files, each once; the files' sha256 by name; and what a person should know of them."""

    turns: tuple[Annotation, ...]
    files: Mapping[str, str]
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Row:
    """One row as it stands in a file: its known fields as text or list; `names` are all that it has."""

    where: str
    fields: Mapping[str, object]
    names: tuple[str, ...]

    def text(self, name: str) -> str:
        value = self.fields.get(name)
        return "" if value is None else str(value).strip()


def read_annotations(files: Sequence[Path], run: Path | None = None) -> Annotations:
    """Read label files; texts that they lack are looked up in the run folder `run`.

    Raises UsageError with file and line for whatever cannot be used, RunError for a folder that is no finished run.
    """
    notes: list[str] = []
    rows = [row for path in files for row in _rows(path, notes)]
    stored = _Stored(run, rows) if run is not None else None
    found = [_annotation(row, stored) for row in rows]
    turns, said = once(found)
    notes.extend(said)
    other = sorted({name for row in rows for name in row.names if name not in _COLUMNS})
    if other:
        notes.append(f"columns that are not read: {', '.join(other)}")
    notes.extend(ambiguous(turns))
    hashes = {f"labels {number}: {path.name}": sha256_of(path) for number, path in enumerate(files, 1)}
    return Annotations(turns, hashes, tuple(notes))


def _rows(path: Path, notes: list[str]) -> list[_Row]:
    """The rows of one file; a doubtful encoding is noted."""
    if not path.is_file():
        raise UsageError(source_name(path), "no such label file", do="Check the path given with --labels")
    _refuse_workbook(path)
    try:
        encoding = detect_encoding(path)
        with open_text(path, encoding) as file:
            lines = file.read(200).lstrip("\ufeff \t\r\n").startswith(("{", "["))
        rows = list(_json_rows(path) if lines else _csv_rows(path))
    except InputError as error:
        raise UsageError(error.where, error.what, allowed=error.allowed, do=error.do or _DO) from error
    if not rows:
        raise UsageError(source_name(path), "holds no labelled turn", do=_DO)
    if encoding.warning:
        notes.append(f"{source_name(path)}: {encoding.warning}")
    return rows


def _refuse_workbook(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(8)
    if start.startswith(_EXCEL):
        raise UsageError(
            source_name(path),
            "is an Excel file (or another packed one), and labels are read as text",
            allowed="CSV, JSONL",
            do="Save it as CSV (UTF-8) and give that",
        )


def _json_rows(path: Path) -> Iterator[_Row]:
    with open_text(path, detect_encoding(path)) as file:
        for number, line in enumerate(file, 1):
            where = f"{source_name(path)}:{number}"
            if not line.strip():
                continue
            try:
                row = json.loads(line, object_pairs_hook=tuple)  # pairs: of two equal keys a dict would drop the first
            except (ValueError, RecursionError) as error:
                raise UsageError(where, f"not valid JSON: {error}", do="Write one object a line") from error
            if not isinstance(row, tuple):
                raise UsageError(where, "is not an object", do='Write one a line: {"speaker": …, "text": …, …}')
            yield _row(where, row)


def _csv_rows(path: Path) -> Iterator[_Row]:
    table = open_csv(path)
    for row in table.rows(ignore):
        where = f"{source_name(path)}:{row.number}"
        if row.problem:
            raise UsageError(where, row.problem, do="Correct the row")
        yield _row(where, zip(table.columns, row.cells, strict=True))


def _row(where: str, cells: Iterable[tuple[str, object]]) -> _Row:
    """The row's fields. Where two columns are of one field (contact_id, conversation_id), the filled one counts."""
    fields: dict[str, object] = {}
    for given, value in cells:
        name = _NAMES.get(normalise_name(given), normalise_name(given))
        _refuse_shape(where, name, value)
        before = fields.get(name)
        if _blank(before):
            fields[name] = value
        elif name in _COLUMNS and not _blank(value) and str(value).strip() != str(before).strip():
            raise UsageError(
                where,
                f"two columns of {name} that disagree: {_short(before)} and {_short(value)}",
                do="Keep the right one of them",
            )
    return _Row(where, fields, tuple(fields))


def _refuse_shape(where: str, name: str, value: object) -> None:
    """Refuse what JSON can hold in a field and no table can: objects, lists, true and false, halves of characters."""
    if _LONE_SURROGATE.search(name):
        raise UsageError(where, f"the key {_short(name)} holds half a character", do="Correct it")
    if name not in _COLUMNS or value is None:
        return
    if name == "acts" and isinstance(value, list):
        if bad := [part for part in value if not isinstance(part, str) or not part.strip()]:
            raise UsageError(
                where,
                f"acts holds {json.dumps(bad[0])[:_SHOWN]}, which is no act",
                allowed=", ".join((*ACTS, "none")),
                do="Write the acts, or [] or none where the turn has no act",
            )
        return
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise UsageError(where, f"{name} is {_short(value)}", allowed="text or a number", do="Correct the row")
    if name != "text" and _LONE_SURROGATE.search(str(value)):
        raise UsageError(where, f"{name} {_short(value)} holds half a character", do="Correct the row")


def _blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())


def _short(value: object) -> str:
    shown = ascii(value)
    return shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]}…"


class _Stored:
    """Speaker, text and channel of the turns of a run, for the contacts that label files name without a text."""

    def __init__(self, run: Path, rows: Sequence[_Row]) -> None:
        import pyarrow as pa
        import pyarrow.compute as pc

        require_complete(run)
        self._run = source_name(run)
        wanted = pa.array(sorted({row.text("contact_id") for row in rows if not row.text("text")}), pa.string())
        turns = read_table(run, "turns", ["contact_id", "turn", "speaker", "text"])
        contacts = read_table(run, "contacts", ["contact_id", "channel"])
        chosen = turns.filter(pc.is_in(turns["contact_id"], wanted)).to_pylist()
        self._turns = {(turn["contact_id"], turn["turn"]): turn for turn in chosen}
        self._channels = dict(zip(contacts["contact_id"].to_pylist(), contacts["channel"].to_pylist(), strict=True))

    def fill(self, row: _Row) -> _Row:
        """The row with what the run stores of its turn."""
        contact, place = row.text("contact_id"), _turn(row)
        if contact not in self._channels:
            raise UsageError(row.where, f"contact {contact!r} is not in {self._run}", do="Correct contact_id or --run")
        turn = self._turns.get((contact, -1 if place is None else place))
        if turn is None:
            known = sorted(number for name, number in self._turns if name == contact)
            listed = f"{known[0]} to {known[-1]}" if known else "none"
            raise UsageError(
                row.where,
                f"points at turn {row.text('turn')!r} of contact {contact!r}, which {self._run} does not hold",
                allowed=f"turns stored: {listed}",
                do="Correct turn: it is the 0-based index in the source, as in the run's turns table",
            )
        if turn["text"] is None:
            raise UsageError(
                row.where, f"{self._run} stores no texts", do="Give the text in the label file, or score with texts"
            )
        said = row.text("speaker").lower()
        if said and said != turn["speaker"]:
            raise UsageError(
                row.where, f"speaker {said!r}, but {self._run} has {turn['speaker']!r}", do="Correct one of them"
            )
        extra = {"speaker": turn["speaker"], "text": turn["text"], "channel": self._channels[contact]}
        return _Row(row.where, {**row.fields, **extra}, row.names)


def _annotation(row: _Row, stored: _Stored | None) -> Annotation:
    if not row.text("text") and stored is not None and row.text("contact_id"):
        row = stored.fill(row)
    _require(row, "text", " (or contact_id and turn, with --run RUN)")
    _require(row, "speaker")
    text = as_scored(row.text("text"))
    if not text:
        raise UsageError(row.where, "the text is empty", do="Leave the row out, or give its text")
    speaker = row.text("speaker").lower()
    if speaker not in _SPEAKERS:
        raise UsageError(row.where, f"speaker {speaker!r}", allowed=", ".join(_SPEAKERS), do="Correct the row")
    return Annotation(
        where=row.where,
        speaker=speaker,
        text=text,
        sentiment=_sentiment(row) if speaker == "customer" else None,
        acts=_acts(row) if speaker == "agent" else None,
        contact=row.text("contact_id") or None,
        turn=_turn(row),
        channel=row.text("channel").lower() or None,
        picked=_picked(row),
    )


def _require(row: _Row, name: str, instead: str = "") -> None:
    if name not in row.fields:
        seen = ", ".join(row.names)
        raise UsageError(row.where, f"no column {name!r}{instead}; columns seen: {seen}", do="Add the column")


def _turn(row: _Row) -> int | None:
    text = row.text("turn")
    if not text:
        return None
    # The length is looked at first, for Python refuses to read a number of thousands of digits.
    if not text.isdecimal() or len(text) > len(str(_LAST_TURN)) or int(text) > _LAST_TURN:
        raise UsageError(
            row.where, f"turn {_short(text)}", allowed=f"a whole number from 0 to {_LAST_TURN}", do="Correct the row"
        )
    return int(text)


def _picked(row: _Row) -> str | None:
    said = row.text("picked").lower()
    if said and said not in _PICKED:
        raise UsageError(
            row.where, f"picked {_short(said)}", allowed=", ".join(_PICKED), do="Correct it or leave it empty"
        )
    return said or None


def _sentiment(row: _Row) -> str:
    _require(row, "sentiment")
    if row.fields.get("acts") and _names(row) not in ((), ("none",)):
        raise UsageError(row.where, "a customer's turn with acts", do="Acts are of agents: correct speaker or acts")
    label = row.text("sentiment").lower()
    if label not in SENTIMENTS:
        what = f"unknown sentiment {label!r}" if label else "a customer's turn without a sentiment"
        raise UsageError(row.where, what, allowed=", ".join(SENTIMENTS), do="Label the turn, or leave the row out")
    return label


def _acts(row: _Row) -> tuple[str, ...]:
    if row.text("sentiment"):
        raise UsageError(row.where, "an agent's turn with a sentiment", do=_AGENTS_FEEL_NOTHING_HERE)
    _require(row, "acts")
    names = _names(row)
    if not names and not isinstance(row.fields.get("acts"), list):
        raise UsageError(
            row.where,
            "an agent's turn without acts",
            allowed=", ".join((*ACTS, "none")),
            do="Write none where the turn has no act, or leave a row out that nobody has labelled",
        )
    if unknown := [name for name in names if name not in (*ACTS, "none")]:
        raise UsageError(
            row.where, f"unknown act {unknown[0]!r}", allowed=", ".join((*ACTS, "none")), do="Correct the row"
        )
    if "none" in names and len(names) > 1:
        raise UsageError(row.where, f"'none' beside {', '.join(names)}", do="Write the acts, or none alone")
    return tuple(act for act in ACTS if act in names)


def _names(row: _Row) -> tuple[str, ...]:
    value = row.fields.get("acts")
    parts = value if isinstance(value, list) else _BETWEEN_ACTS.split(row.text("acts"))
    return tuple(part.strip().lower() for part in parts if part.strip())
