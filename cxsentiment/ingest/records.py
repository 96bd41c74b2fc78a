"""The generic record of the contract (a mapping with `turns`) → Transcript. Every other reader ends here.

What makes a record unusable raises InputError: no list of turns, or none that holds a text. A turn that cannot be used
(no object, a text that is not text) is refused by its place, and the others are kept: then the contact has a hole, and
a warning says so. What leaves a turn usable (a time that cannot be read, an unknown speaker, a text that is a number)
becomes None, "unknown" or text, and a warning.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cxsentiment.errors import InputError
from cxsentiment.ingest.contacts import Contact, Entry, Notes, settle
from cxsentiment.ingest.dates import DateRules, read_date
from cxsentiment.ingest.moments import Stamp, place_in_time, read_time
from cxsentiment.ingest.options import CONTACT_FIELDS, ReadOptions
from cxsentiment.ingest.paths import MISSING, value_at, without
from cxsentiment.ingest.values import (
    MAX_ID_CHARACTERS,
    MadeId,
    channel,
    contact_id,
    instant,
    json_type,
    number,
    shown,
    text_or_none,
)
from cxsentiment.schema import Reject, Transcript
from cxsentiment.text import clean

_LABEL_FIELDS = ("agent_id", "customer_id", "campaign", "queue")
_SURVEY_FIELDS = ("csat", "nps", "ces")
_NOT_ATTRS = frozenset({"labels", "attrs"})
_KEYS_SHOWN = 20
_PLACES_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Unusable:
    """In the place of a turn: a row of a table, by its number, that was found unusable before it came here."""

    row: int
    error: InputError


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
        InputError: `record_type`, `no_turns`, `turns_type`, `no_text`, `id_type`; where no turn is left that holds a
            text, that of its first refused turn (`turn_type`, or what the turn was refused with).
    """
    where = f"{source}:{number}"
    if not isinstance(record, dict):
        raise InputError("record_type", where, f"the record is {json_type(record)}", allowed='an object with "turns"')
    names = _names(record, options)
    items = _turn_list(record, where, options)
    notes = Notes(warnings)
    if made_id is None:
        identity = _identity(record, names, where, f"{source.rpartition('/')[2]}:{number}", notes)
    else:
        identity = MadeId(contact_id(made_id) or made_id)
    fields = _fields(record, names, options, notes)
    entries, faults = _entries(items, where, options, notes)
    if faults and not any(clean(entry.text) for entry in entries):
        raise _nothing_left([fault for _, fault in faults], where)
    refused = [Reject(source, at or number, identity, fault.code, fault.message, "turn") for at, fault in faults]
    contact = Contact(entries, **fields, attrs=_attrs(record, names, options), notes=notes, refused=refused)
    return settle(contact, identity, options, source=source, record=number)


def _names(record: Mapping[str, object], options: ReadOptions) -> dict[str, str]:
    """Our contact field → the record's key, for those present. In a record, the contract's own name comes first."""
    names = {}
    for field in CONTACT_FIELDS:
        name = field if field in record and field not in options.columns else options.source_name(field, record)
        if name is None and value_at(record, declared := options.columns.get(field, "")) is not MISSING:
            name = declared
        if name is not None:
            names[field] = name
    return names


def _turn_list(record: Mapping[str, object], where: str, options: ReadOptions) -> list[object]:
    key = options.columns.get("turns", "turns")
    items = value_at(record, key)
    if items is MISSING:
        seen = _keys(record)
        raise InputError(
            "no_turns",
            where,
            f'the record has no "{key}" (keys seen: {seen})',
            do=_advice("turns", _likely_turns(record), "If the turns stand under another key"),
        )
    if not isinstance(items, list):
        raise InputError("turns_type", where, f'"{key}" is {json_type(items)}', allowed="a list of turns")
    return items


def _keys(record: Mapping[str, object]) -> str:
    return ", ".join(shown(str(name)) for name in list(record)[:_KEYS_SHOWN]) or "none"


def _identity(record: Mapping[str, object], names: Mapping[str, str], where: str, made: str, notes: Notes) -> str:
    value = value_at(record, names["id"]) if "id" in names else None
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
        found = value_at(record, _names(record, options).get("id", ""))
        return None if found is MISSING else contact_id(found)
    except ValueError:
        return None


def _started_at(value: object, dates: DateRules) -> str | None:
    """ISO 8601 as it stands; other forms by what the user declared. Raises ValueError as `instant` and `read_date`."""
    try:
        return instant(value)
    except ValueError:
        found = read_date(value, dates) if isinstance(value, str) else None
        if found is None:
            raise
        return str(found)


def _fields(
    record: Mapping[str, object], names: Mapping[str, str], options: ReadOptions, notes: Notes
) -> dict[str, Any]:
    """The contact's fields other than id and turns; what cannot be read is None with a warning."""
    readers = {
        **dict.fromkeys(_LABEL_FIELDS, text_or_none),
        "channel": channel,
        "started_at": lambda value: _started_at(value, options.dates),
        **dict.fromkeys(_SURVEY_FIELDS, number),
    }
    fields: dict[str, Any] = {}
    for field, read in readers.items():
        value = value_at(record, names[field]) if field in names else None
        try:
            fields[field] = read(value)
        except ValueError as error:
            fields[field] = None
            notes.add(f"{field} {error}; it is taken as missing")
            continue
        if fields[field] is None and isinstance(value, (int, float)) and value != -1:
            notes.add(f"{field} is not a finite number; it is taken as missing")
    return fields


def _attrs(record: Mapping[str, object], names: Mapping[str, str], options: ReadOptions) -> dict[str, object]:
    used = set(names.values())
    own = record.get("attrs")
    rest = without(record, options.columns.get("turns", "turns"))
    extra = {key: value for key, value in rest.items() if key not in used and key not in _NOT_ATTRS}
    return {**extra, **own} if isinstance(own, dict) else extra


def _nothing_left(faults: Sequence[InputError], where: str) -> InputError:
    """The error of a contact of whose turns none holds a text that can be used: that of the first, with all places."""
    if len(faults) == 1:
        return faults[0]
    places = ", ".join(" ".join(fault.where.split()[-2:]) for fault in faults[:_PLACES_SHOWN])
    more = f" and {len(faults) - _PLACES_SHOWN} more" if len(faults) > _PLACES_SHOWN else ""
    what = f"{places}{more} cannot be used, and no other turn has text; the first of them: {faults[0].what}"
    return InputError(faults[0].code, where, what, allowed=faults[0].allowed, do=faults[0].do)


def _entries(
    items: Sequence[object], where: str, options: ReadOptions, notes: Notes
) -> tuple[list[Entry], list[tuple[int | None, InputError]]]:
    """The turns that can be used, each with its place, and why the others cannot, with their rows if they are rows."""
    text_key, speaker_key, start_key, end_key, agent_key = (
        options.columns.get(field, field) for field in ("text", "speaker", "start", "end", "agent_id")
    )
    _require_texts(items, text_key, where)
    per_second = None if options.time_unit is None else options.per_second

    def get(item: Mapping[str, object], key: str) -> object:
        found = value_at(item, key)
        return None if found is MISSING else found

    def time(item: Mapping[str, object], field: str, key: str, index: int) -> Stamp:
        return read_time(get(item, key), field, index, notes, per_second)

    entries = []
    stamps = []
    faults: list[tuple[int | None, InputError]] = []
    for index, item in enumerate(items):
        try:
            turn = _usable(item, index, where)
            text = _text(get(turn, text_key), text_key, index, where, notes)
            label = _label(get(turn, speaker_key), index, where)
        except InputError as fault:
            faults.append((item.row if isinstance(item, Unusable) else None, fault))
            continue
        entries.append(Entry(text, label, agent_id=_agent(get(turn, agent_key), agent_key, index, notes), index=index))
        stamps.append((time(turn, "start", start_key, index), time(turn, "end", end_key, index)))
    place_in_time(entries, stamps, notes, options.dates.zone)
    return entries, faults


def _usable(item: object, index: int, where: str) -> Mapping[str, object]:
    if isinstance(item, Unusable):
        raise item.error
    if not isinstance(item, dict):
        raise InputError("turn_type", f"{where} turn {index}", f"is {json_type(item)}", allowed="an object")
    return item


def _require_texts(items: Sequence[object], key: str, where: str) -> None:
    """Refuse turns of which none has the text key: another key holds what was said."""
    turns = [item for item in items if isinstance(item, dict)]
    if turns and not any(value_at(turn, key) is not MISSING for turn in turns):
        raise InputError(
            "no_text",
            where,
            f'no turn has "{key}" (keys seen: {_keys(turns[0])})',
            do=_advice("text", _likely_text(turns[0]), "If the text stands under another key"),
        )


def _advice(field: str, key: str | None, otherwise: str) -> str:
    if key is None or shown(key) != key:
        return f"{otherwise}, say --map {field}=KEY (or KEY.KEY)"
    return f'"{key}" looks like it: --map {field}={key}'


def _likely_turns(record: Mapping[str, object]) -> str | None:
    """The first key that holds a list of objects."""
    lists = (key for key, value in record.items() if isinstance(value, list) and value and isinstance(value[0], dict))
    return next(lists, None)


def _likely_text(turn: Mapping[str, object]) -> str | None:
    """The key of the longest text of several words."""
    texts = {key: len(value) for key, value in turn.items() if isinstance(value, str) and " " in value.strip()}
    return max(texts, key=lambda key: texts[key], default=None)


def _text(value: object, key: str, index: int, where: str, notes: Notes) -> str:
    """What was said. Exports write a text of digits as a number, which is read as one, with a warning."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or (isinstance(value, float) and not math.isfinite(value)):
        raise InputError(
            "turn_type",
            f"{where} turn {index}",
            f'"{key}" is {json_type(value)}',
            allowed="text",
            do="Correct the turn",
        )
    notes.turn(index, f'"{key}" is a number and was read as its digits; zeros before it may be lost')
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _label(label: object, index: int, where: str) -> str | None:
    if isinstance(label, (dict, list)):
        raise InputError("turn_type", f"{where} turn {index}", f"the speaker is {json_type(label)}", allowed="text")
    return label if label is None or isinstance(label, str) else str(label)


def _agent(value: object, key: str, index: int, notes: Notes) -> str | None:
    try:
        return text_or_none(value)
    except ValueError as error:
        notes.turn(index, f"{key} {error}; it is taken as missing")
        return None
