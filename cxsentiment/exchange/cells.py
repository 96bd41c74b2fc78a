"""The cells of one item's row ↔ the item as plain data. An error names the column and what is allowed."""

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

from cxsentiment.exchange.columns import CHOICES
from cxsentiment.rubric.conditions import Condition, nearest
from cxsentiment.rubric.scorecard import Cap, Item, Level
from cxsentiment.schema import ACTS, SENTIMENTS

Cells = Mapping[str, str]
_WHATS = ("acts", "phrases", "wording")
_RULE_ONLY = ("said by", "never", "times", "first turns", "last turns", "before", "after", "within turns")
_PLACES = {"times": "times", "first turns": "in_first", "last turns": "in_last", "within turns": "within"}
_NAMES = ("channels", "campaigns", "queues", "languages")
_CHANNELS = ("call", "chat", "email", "e-mail", "social", "voice", "phone")
_QUOTED = re.compile(r'"([^"]+)"|“([^”]+)”')
_LEVEL = re.compile(r"(.+?)\s*=\s*([0-9.,eE+-]+)")


class CellError(ValueError):
    """A cell that cannot be used: its column, what is wrong, and what is allowed."""

    def __init__(self, column: str, what: str, allowed: str = "") -> None:
        self.column = column
        self.allowed = allowed
        super().__init__(what)


def item_of(cells: Cells) -> dict[str, Any]:
    """The item of a row, without its id. Raises CellError."""
    item: dict[str, Any] = {"question": cells["question"], "weight": number(cells, "weight", 1.0)}
    kind = chosen(cells, "kind") or ("ordinal" if cells["levels"] else "count" if cells["full at"] else "yes_no")
    critical = chosen(cells, "critical") or "none"
    item |= {"kind": kind} if kind != "yes_no" else {}
    item |= {"critical": critical} if critical != "none" else {}
    item |= _effect(cells)
    item |= _applies(cells)
    item |= _rule(cells, kind)
    if cells["uncertain from"] or cells["uncertain to"]:
        item["uncertain_between"] = [number(cells, "uncertain from"), number(cells, "uncertain to")]
    item |= {"belongs_at": chosen(cells, "belongs at")} if cells["belongs at"] else {}
    return item | ({"hint": cells["hint"]} if cells["hint"] else {})


def number(cells: Cells, column: str, default: float | None = None) -> float:
    """The number in a cell; a decimal comma will do. Raises CellError."""
    text = cells[column]
    if not text and default is not None:
        return default
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise CellError(column, f"{text!r} is no number" if text else "is empty", "a number")
    return value


def figure(value: float) -> str:
    """A number as a cell holds it, so that `number` gives the same again."""
    return repr(float(value)).removesuffix(".0")


def chosen(cells: Cells, column: str) -> str:
    """The choice in a cell; empty where there is none. Raises CellError."""
    text = cells[column].lower().replace("/", "_").replace(" ", "_")
    if text and text not in CHOICES[column]:
        allowed = ", ".join(CHOICES[column]) + ("; zero under effect fails a contact" if column == "critical" else "")
        raise CellError(column, f"{cells[column]!r} is not known{nearest(text, CHOICES[column])}", allowed)
    return text


def several(text: str) -> list[str]:
    """The entries of a cell that are separated by semicolons."""
    return [entry for part in text.split(";") if (entry := part.strip())]


def carried(text: str) -> str:
    """The text as a cell can hold it: without control characters, and without blanks at the ends."""
    return "".join(one for one in text if one in "\n\t" or unicodedata.category(one) not in ("Cc", "Cs")).strip()


def _effect(cells: Cells) -> dict[str, Any]:
    text = cells["effect"].lower()
    if text in ("", "report"):
        return {}
    if text == "zero":
        return {"effect": "zero"}
    try:
        return {"effect": {"cap": number(cells, "effect")}}
    except CellError as error:
        raise CellError(
            "effect", str(error), "report, zero, or the most that is left of 100 points, such as 60"
        ) from error


def _applies(cells: Cells) -> dict[str, Any]:
    parts = [part.strip().lower() for part in cells["channels"].split(",")]
    if len(parts) > 1 and all(part in _CHANNELS for part in parts):  # any other name may hold a comma
        raise CellError("channels", f"{cells['channels']!r} is no single channel", "channels separated by ;")
    when: dict[str, Any] = {name: several(cells[name]) for name in _NAMES if several(cells[name])}
    if cells["only if"]:
        when["if"] = _anchor(cells, "only if")
    return {"applies_when": when} if when else {}


def _rule(cells: Cells, kind: str) -> dict[str, Any]:
    """`met_when`, `levels` or `count`; none of them where a person grades the item."""
    if kind == "ordinal":
        _refuse(cells, (*_WHATS, *_RULE_ONLY, "full at", "none at"), "levels of a sheet are graded by a person")
        return {"levels": [_level(entry) for entry in several(cells["levels"])]}
    _refuse(cells, ("levels",), f"levels go with kind ordinal, this row is {kind}")
    event = _event(cells)
    if kind == "count":
        _refuse(cells, ("never",), "a count has full at and none at instead")
        if event is None:
            raise CellError("acts", "a count needs what is counted", "acts, phrases or wording")
        return {"count": {"of": event, "full_at": _whole(cells, "full at"), "none_at": _whole(cells, "none at")}}
    _refuse(cells, ("full at", "none at"), "they go with kind count")
    if event is None:
        _refuse(cells, _RULE_ONLY, "there is nothing that it is about: fill in acts, phrases or wording")
        return {}
    return {"met_when": {"not": event} if chosen(cells, "never") == "yes" else event}


def _refuse(cells: Cells, columns: Sequence[str], why: str) -> None:
    for column in columns:
        if cells[column]:
            raise CellError(column, why, "an empty cell")


def _level(entry: str) -> dict[str, Any]:
    match = _LEVEL.fullmatch(entry)
    if match is None:
        raise CellError("levels", f"{entry!r} is no level", "name = points (0 to 1), such as Good = 1; Poor = 0")
    return {"name": match[1], "points": number({"levels": match[2]}, "levels")}


def _whole(cells: Cells, column: str) -> int:
    value = number(cells, column)
    if not value.is_integer():
        raise CellError(column, f"{cells[column]!r} is no whole number", "a whole number")
    return int(value)


def _event(cells: Cells) -> dict[str, Any] | None:
    by = chosen(cells, "said by")
    spoken = {"by": by} if by and by != "agent" else {}
    kinds: list[dict[str, Any]] = []
    if acts := several(cells["acts"]):
        kinds.append({"act": [_act(act, "acts") for act in acts]})
    if phrases := several(cells["phrases"]):
        kinds.append({"phrase": phrases} | spoken)
    if cells["wording"]:
        kinds.append({"wording": cells["wording"]} | spoken)
    if spoken and not (phrases or cells["wording"]):
        raise CellError("said by", "acts are always the agent's", "an empty cell, or phrases or wording")
    if not kinds:
        return None
    event = kinds[0] if len(kinds) == 1 else {"any": kinds}
    event = event | {key: _whole(cells, column) for column, key in _PLACES.items() if cells[column]}
    return event | {key: _anchor(cells, key) for key in ("before", "after") if cells[key]}


def _act(text: str, column: str) -> str:
    name = text.lower().replace(" ", "_")
    if "," in text and all(part.strip().lower().replace(" ", "_") in ACTS for part in text.split(",")):
        raise CellError(column, f"{text!r} is no single act", "acts separated by ;")
    if name not in ACTS:
        raise CellError(column, f"{text!r} is not an act{nearest(name, ACTS)}", ", ".join(ACTS))
    return name


def _anchor(cells: Cells, column: str) -> dict[str, Any]:
    """What a rule is bound to: acts, the customer's sentiment, words in quotes (of the agent, or `customer "…"`)."""
    acts: list[str] = []
    phrases: dict[str, list[str]] = {"agent": [], "customer": []}
    kinds: list[dict[str, Any]] = []
    for entry in several(cells[column]):
        speaker, _, rest = entry.partition(" ")
        speaker = speaker.lower().rstrip(":")
        said = _QUOTED.fullmatch(rest.strip() if speaker == "customer" else entry)
        if said:
            phrases["customer" if speaker == "customer" else "agent"].append(said[1] or said[2])
        elif speaker == "customer" and rest.strip().lower() in SENTIMENTS:
            kinds.append({"sentiment": rest.strip().lower()})
        elif speaker == "customer":
            raise CellError(column, f"{entry!r} is not known", 'customer negative, customer positive, customer "words"')
        else:
            acts.append(_act(entry, column))
    kinds += [{"act": acts}] if acts else []
    kinds += [{"phrase": phrases["agent"]}] if phrases["agent"] else []
    kinds += [{"phrase": phrases["customer"], "by": "customer"}] if phrases["customer"] else []
    return kinds[0] if len(kinds) == 1 else {"any": kinds}


def cells_of(item: Item) -> dict[str, str]:
    """The cells that say as much of an item as a sheet can; what they leave out, `item_of` shows."""
    cells = {
        "question": item.question,
        "weight": figure(item.weight),
        "kind": "" if item.kind == "yes_no" else item.kind,
        "critical": "" if item.critical == "none" else item.critical,
        "effect": figure(item.effect.cap) if isinstance(item.effect, Cap) else item.effect.replace("report", ""),
        "belongs at": item.belongs_at or "",
        "hint": item.hint,
        "id": item.id,
    }
    for name in _NAMES:
        cells[name] = "; ".join(getattr(item.applies_when, name) or ())
    cells["only if"] = _anchor_cell(item.applies_when.if_)
    if item.uncertain_between is not None:
        low, high = item.uncertain_between
        cells |= {"uncertain from": figure(low), "uncertain to": figure(high)}
    if item.levels is not None:
        levels = _levels_cell(item.levels)
        cells |= {"levels": levels} if levels else {"kind": ""}  # a person grades it, by yes or no
    if item.count is not None:
        event = _event_cells(item.count.of)
        if not event:
            return cells | {"kind": ""}  # a person grades what a sheet cannot count
        cells |= event | {"full at": str(item.count.full_at), "none at": str(item.count.none_at)}
    if item.met_when is not None:
        never = item.met_when.not_ is not None
        event = _event_cells(item.met_when.not_ or item.met_when)
        cells |= event | ({"never": "yes"} if never and event else {})
    return cells


def _levels_cell(levels: Sequence[Level]) -> str:
    """The cell of these levels; empty where their names cannot be told apart in it."""
    text = carried("; ".join(f"{level.name} = {figure(level.points)}" for level in levels))
    try:
        read = [(one["name"], one["points"]) for one in map(_level, several(text))]
    except CellError:
        return ""
    return text if read == [(level.name, level.points) for level in levels] else ""


def _event_cells(condition: Condition) -> dict[str, str]:
    """The cells of a rule; none where a sheet has no way to say it."""
    bound = {column: str(value) for column, key in _PLACES.items() if (value := getattr(condition, key)) is not None}
    for key in ("before", "after"):
        bound[key] = _anchor_cell(getattr(condition, key))
        if getattr(condition, key) is not None and not bound[key]:
            return {}
    parts = condition.any if condition.any is not None else (condition,)
    cells: dict[str, str] = {}
    for part in parts:
        cells |= {"acts": "; ".join(part.act)} if part.act is not None else {}
        cells |= {"phrases": "; ".join(part.phrase)} if part.phrase is not None else {}
        cells |= {"wording": part.wording} if part.wording is not None else {}
        cells |= {"said by": part.by} if part.by not in (None, "agent") else {}
    if not any(column in cells for column in _WHATS):
        return {}
    cells = {column: text for column, text in (cells | bound).items() if text}
    try:  # what the cells say must be what the condition says
        again = _event(_Blank(cells))
        same = again is not None and Condition.model_validate(again) == condition
    except ValueError:
        same = False
    return cells if same else {}


def _anchor_cell(condition: Condition | None) -> str:
    if condition is None:
        return ""
    entries: list[str] = []
    for part in condition.any if condition.any is not None else (condition,):
        entries += part.act or ()
        entries += [f"customer {part.sentiment}"] if part.sentiment is not None else []
        entries += [f'{"customer " if part.by == "customer" else ""}"{phrase}"' for phrase in part.phrase or ()]
    text = "; ".join(entries)
    try:
        same = bool(text) and Condition.model_validate(_anchor({"cell": text}, "cell")) == condition
    except ValueError:
        same = False
    return text if same else ""


class _Blank(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return ""
