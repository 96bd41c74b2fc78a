"""The generic record of the contract (a mapping with `turns`) → Transcript. Every other reader ends here.

What makes a record unusable raises InputError: no list of turns, a turn that is not an object, a text that is not
text. A contact with a hole would be scored as if nothing had been said there. What leaves the rest usable (a time that
cannot be read, an unknown speaker) becomes None or "unknown" and a warning.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any

from cxsentiment.errors import InputError
from cxsentiment.ingest.options import CONTACT_FIELDS, ReadOptions
from cxsentiment.ingest.values import (
    MAX_ID_CHARACTERS,
    MadeId,
    channel,
    contact_id,
    instant,
    json_type,
    number,
    seconds,
    shown,
    text_or_none,
)
from cxsentiment.schema import Reject, Speaker, Transcript, Turn
from cxsentiment.text import clean

_LABEL_FIELDS = ("agent_id", "customer_id", "campaign", "queue")
_SURVEY_FIELDS = ("csat", "nps", "ces")
_NOT_ATTRS = frozenset({"labels", "attrs"})
# Doubtful sizes: worth a warning, never changed.
_LONG_TURN_CHARACTERS = 20_000
_LONG_TURN_S = 600.0
_LONG_CALL_S = 8 * 3600.0
_SHOWN = 5
_KEYS_SHOWN = 20
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")


class _Warnings:
    """Warnings of one contact; those about turns are gathered, one line a kind."""

    def __init__(self, first: Sequence[str]) -> None:
        self._lines = list(first)
        self._turns: dict[str, list[int]] = {}

    def add(self, line: str) -> None:
        self._lines.append(line)

    def turn(self, index: int, what: str) -> None:
        self._turns.setdefault(what, []).append(index)

    def lines(self) -> tuple[str, ...]:
        return (*self._lines, *(f"{what} ({_turns(indices)})" for what, indices in self._turns.items()))


def read_or_reject(
    record: object,
    *,
    source: str,
    number: int,
    options: ReadOptions,
    warnings: Sequence[str] = (),
    made_id: str | None = None,
) -> Transcript | Reject:
    """`read_record`, with an unusable record as a Reject."""
    try:
        return read_record(record, source=source, number=number, options=options, warnings=warnings, made_id=made_id)
    except InputError as error:
        return Reject(source, number, _id_of(record, options), error.code, error.message)


def read_record(
    record: object,
    *,
    source: str,
    number: int,
    options: ReadOptions,
    warnings: Sequence[str] = (),
    made_id: str | None = None,
) -> Transcript:
    """One generic record as a Transcript; `number` is its place in `source`, `warnings` come first in its own.

    `made_id` is the id where the format has none in its records; without it a record that lacks its id is named by
    file and place, with a warning. A made id is a `MadeId`.

    Raises:
        InputError: `record_type`, `no_turns`, `turns_type`, `turn_type`, `no_text`, `id_type`.
    """
    where = f"{source}:{number}"
    if not isinstance(record, dict):
        raise InputError("record_type", where, f"the record is {json_type(record)}", allowed='an object with "turns"')
    names = _names(record, options)
    items = _turn_list(record, where, options)
    notes = _Warnings(warnings)
    if made_id is None:
        identity = _identity(record, names, where, f"{source.rpartition('/')[2]}:{number}", notes)
    else:
        identity = MadeId(contact_id(made_id) or made_id)
    fields = _fields(record, names, notes)
    fields["agent_id"] = _one_agent(fields["agent_id"], items, options, notes)
    turns = _read_turns(items, where, options, notes)
    dropped = len(items) - len(turns)
    if dropped:
        notes.add(f"{dropped} of {len(items)} turns have no text and were left out")
    if not turns:
        notes.add("no turn has text: there is nothing to score")
    ordered = _in_time_order(turns, notes)
    _doubt_times(ordered, fields["channel"], notes)
    return Transcript(
        id=identity,
        turns=ordered,
        source=source,
        record=number,
        dropped_turns=dropped,
        attrs=_attrs(record, names, options),
        warnings=notes.lines(),
        **fields,
    )


def _names(record: Mapping[str, object], options: ReadOptions) -> dict[str, str]:
    """Our contact field → the record's key, for those present. In a record, the contract's own name comes first."""
    names = {}
    for field in CONTACT_FIELDS:
        name = field if field in record and field not in options.columns else options.source_name(field, record)
        if name is not None:
            names[field] = name
    return names


def _turn_list(record: Mapping[str, object], where: str, options: ReadOptions) -> list[object]:
    key = options.columns.get("turns", "turns")
    if key not in record:
        seen = _keys(record)
        raise InputError(
            "no_turns",
            where,
            f'the record has no "{key}" (keys seen: {seen})',
            do="If the turns stand under another key, say --map turns=KEY",
        )
    items = record[key]
    if not isinstance(items, list):
        raise InputError("turns_type", where, f'"{key}" is {json_type(items)}', allowed="a list of turns")
    return items


def _keys(record: Mapping[str, object]) -> str:
    return ", ".join(shown(str(name)) for name in list(record)[:_KEYS_SHOWN]) or "none"


def _identity(record: Mapping[str, object], names: Mapping[str, str], where: str, made: str, notes: _Warnings) -> str:
    value = record[names["id"]] if "id" in names else None
    try:
        found = contact_id(value)
    except ValueError as error:
        raise InputError("id_type", where, f"the id {error}", allowed="text or a whole number") from error
    if found is None:
        notes.add(f'the contact has no id; it is called "{made}"')
        return MadeId(contact_id(made) or made)
    if isinstance(value, float):
        notes.add(f'the id is a number with a decimal point; it is read as the text "{found}"')
    if isinstance(value, str) and len(value.strip()) > MAX_ID_CHARACTERS:
        notes.add(
            f"the id has {len(value.strip())} characters; it is cut to {MAX_ID_CHARACTERS}, with a hash at its end"
        )
    return found


def _id_of(record: object, options: ReadOptions) -> str | None:
    """The id of a record that was refused, where it has one."""
    if not isinstance(record, dict):
        return None
    try:
        return contact_id(record.get(_names(record, options).get("id", "")))
    except ValueError:
        return None


def _fields(record: Mapping[str, object], names: Mapping[str, str], notes: _Warnings) -> dict[str, Any]:
    """The contact's fields other than id and turns; what cannot be read is None with a warning."""
    readers = {
        **dict.fromkeys(_LABEL_FIELDS, text_or_none),
        "channel": channel,
        "started_at": instant,
        **dict.fromkeys(_SURVEY_FIELDS, number),
    }
    fields: dict[str, Any] = {}
    for field, read in readers.items():
        value = record[names[field]] if field in names else None
        try:
            fields[field] = read(value)
        except ValueError as error:
            fields[field] = None
            notes.add(f"{field} {error}; it is taken as missing")
            continue
        if fields[field] is None and isinstance(value, (int, float)) and value != -1:
            notes.add(f"{field} is not a finite number; it is taken as missing")
    return fields


def _one_agent(agent_id: str | None, items: Sequence[object], options: ReadOptions, notes: _Warnings) -> str | None:
    """The one agent that the contact and its turns name; None where several: one score is not for two people."""
    key = options.columns.get("agent_id", "agent_id")
    named = {} if agent_id is None else {agent_id: None}
    for index, item in enumerate(items):
        try:
            name = text_or_none(item.get(key)) if isinstance(item, dict) else None
        except ValueError as error:
            notes.turn(index, f"{key} {error}; it is taken as missing")
            continue
        if name is not None:
            named[name] = None
    if len(named) <= 1:
        return next(iter(named), None)
    listed = ", ".join(shown(name) for name in sorted(named)[:_SHOWN])
    notes.add(f"{len(named)} agents took part ({listed}); the contact is credited to none")
    return None


def _attrs(record: Mapping[str, object], names: Mapping[str, str], options: ReadOptions) -> dict[str, object]:
    used = {*names.values(), options.columns.get("turns", "turns")}
    own = record.get("attrs")
    extra = {key: value for key, value in record.items() if key not in used and key not in _NOT_ATTRS}
    return {**extra, **own} if isinstance(own, dict) else extra


def _read_turns(items: Sequence[object], where: str, options: ReadOptions, notes: _Warnings) -> list[Turn]:
    text_key, speaker_key, start_key, end_key = (
        options.columns.get(field, field) for field in ("text", "speaker", "start", "end")
    )
    _require_texts(items, text_key, where)
    speakers: dict[object, Speaker] = {}
    unknown: dict[str, int] = {}
    turns = []
    for index, item in enumerate(items):
        if not isinstance(item, dict):
            raise InputError("turn_type", f"{where} turn {index}", f"is {json_type(item)}", allowed="an object")
        text = _text(item.get(text_key), text_key, index, where, notes)
        if not text:
            continue
        label = item.get(speaker_key)
        speaker = speakers.get(label) if isinstance(label, str) else None
        if speaker is None:
            speaker = _speaker(label, options, index, where)
            if isinstance(label, str):
                speakers[label] = speaker
        if speaker == "unknown":
            name = "" if label is None else str(label).strip()
            unknown[name] = unknown.get(name, 0) + 1
        start, end = _times(item.get(start_key), item.get(end_key), index, notes)
        turns.append(Turn(index, speaker, text, start, end))
    _warn_of_unknown(unknown, notes)
    return turns


def _require_texts(items: Sequence[object], key: str, where: str) -> None:
    """Refuse turns of which none has the text key: another key holds what was said."""
    turns = [item for item in items if isinstance(item, dict)]
    if turns and not any(key in turn for turn in turns):
        raise InputError(
            "no_text",
            where,
            f'no turn has "{key}" (keys seen: {_keys(turns[0])})',
            do="If the text stands under another key, say --map text=KEY",
        )


def _text(value: object, key: str, index: int, where: str, notes: _Warnings) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise InputError(
            "turn_type",
            f"{where} turn {index}",
            f'"{key}" is {json_type(value)}',
            allowed="text",
            do="Correct the turn; a contact with a hole would be scored wrongly",
        )
    if len(value) > _LONG_TURN_CHARACTERS:
        notes.turn(index, f"more than {_LONG_TURN_CHARACTERS:,} characters in one turn")
    if not value.isprintable() and _CONTROL.search(value):
        notes.turn(index, "control characters or broken characters were removed from the text")
    return clean(value)


def _speaker(label: object, options: ReadOptions, index: int, where: str) -> Speaker:
    if label is None:
        return "unknown"
    if isinstance(label, (dict, list)):
        raise InputError("turn_type", f"{where} turn {index}", f"the speaker is {json_type(label)}", allowed="text")
    return options.speaker(str(label)) or "unknown"


def _warn_of_unknown(unknown: Mapping[str, int], notes: _Warnings) -> None:
    labels = [label for label in unknown if label and label.lower() != "unknown"]
    missing = unknown.get("", 0)
    if missing:
        turns = "1 turn has" if missing == 1 else f"{missing} turns have"
        notes.add(f"{turns} no speaker and will not be scored: add one, or name its key with --map speaker=KEY")
    if labels:
        listed = ", ".join(f'"{shown(label)}"' for label in labels[:_SHOWN])
        more = f" and {len(labels) - _SHOWN} more" if len(labels) > _SHOWN else ""
        notes.add(
            f"unknown speakers {listed}{more}: say who they are, for example --role {_quoted(shown(labels[0]))}=agent"
        )


def _quoted(label: str) -> str:
    return f'"{label}"' if " " in label else label


def _times(start: object, end: object, index: int, notes: _Warnings) -> tuple[float | None, float | None]:
    start_s = _time(start, "start", index, notes)
    end_s = _time(end, "end", index, notes)
    if start_s is not None and end_s is not None and end_s < start_s:
        notes.turn(index, "the end is before the start; the end is taken as missing")
        end_s = None
    return start_s, end_s


def _time(value: object, field: str, index: int, notes: _Warnings) -> float | None:
    if value is None:
        return None
    try:
        result = seconds(value)
    except ValueError as error:
        notes.turn(index, f"{field} {error}; it is taken as missing")
        return None
    if result is None and not (isinstance(value, str) and not value.strip()):
        notes.turn(index, f"{field} is not a finite number; it is taken as missing")
    return result


def _in_time_order(turns: Sequence[Turn], notes: _Warnings) -> tuple[Turn, ...]:
    """By start where every turn has one (turns that start together stay as they are), else as in the source."""
    starts = [turn.start_s for turn in turns if turn.start_s is not None]
    if len(starts) < len(turns) or all(a <= b for a, b in pairwise(starts)):
        return tuple(turns)
    notes.add("the turns are not in order of time in the source; they were sorted by their start")
    return tuple(sorted(turns, key=lambda turn: turn.start_s or 0.0))


def _doubt_times(turns: Iterable[Turn], channel: str | None, notes: _Warnings) -> None:
    last = 0.0
    for turn in turns:
        if turn.start_s is not None and turn.end_s is not None and turn.end_s - turn.start_s > _LONG_TURN_S:
            notes.turn(turn.index, f"longer than {_LONG_TURN_S / 60:.0f} minutes; are the times in seconds?")
        last = max(last, turn.start_s or 0.0, turn.end_s or 0.0)
    if last > _LONG_CALL_S and channel == "call":
        notes.add(f"the call lasts {last / 3600:.1f} hours; are the times in seconds?")


def _turns(indices: Sequence[int]) -> str:
    listed = ", ".join(map(str, indices[:_SHOWN]))
    more = f" and {len(indices) - _SHOWN} more" if len(indices) > _SHOWN else ""
    return f"turn{'s' if len(indices) > 1 else ''} {listed}{more}"
