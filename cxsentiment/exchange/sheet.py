"""A spreadsheet (rows of cells) ↔ rubric: one row an item, settings in rows that begin with #.

What a sheet cannot say is found by reading the written rows again and comparing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from cxsentiment.errors import RubricError
from cxsentiment.exchange.cells import CellError, carried, cells_of, figure, item_of, number, several
from cxsentiment.exchange.columns import CHOICES, COLUMNS, REQUIRED, SETTINGS
from cxsentiment.exchange.ids import Ids
from cxsentiment.exchange.losses import Exported, Imported, Loss, once, one_line
from cxsentiment.rubric.conditions import nearest
from cxsentiment.rubric.misfits import told
from cxsentiment.rubric.reading import independent
from cxsentiment.rubric.scorecard import Item, Rubric

Row = Sequence[str]
_COLUMN_OF: Mapping[int | str, str] = {
    **{name: name for name in COLUMNS},
    **{name.replace(" ", "_"): name for name in COLUMNS},
    **{
        "in_first": "first turns",
        "in_last": "last turns",
        "within": "within turns",
        "uncertain_between": "uncertain from",
    },
}
_NUMBERS = ("negative_at", "minimum_coverage", "total_weight")


@dataclass(frozen=True, slots=True)
class Placed:
    """A row with its place in the file, such as `row 7`; a note holds a setting or an explanation."""

    place: str
    cells: Row
    note: bool = False


def read_rows(rows: Sequence[Placed], where: str, name: str) -> Imported:
    """The rubric of a sheet. Raises RubricError with the row and the column of what cannot be used."""
    settings: dict[str, Any] = {"name": name[:100] or "sheet", "version": "1"}
    header: list[str] | None = None
    sections: list[_Section] = []
    seen: dict[str, str] = {}
    for row in rows:
        cells = [cell.strip() for cell in row.cells]
        at = f"{where}: {row.place}"
        if not any(cells):
            continue
        if row.note:
            settings |= _setting(cells, at)
        elif header is None:
            header = _header(cells, at)
        else:
            given = _cells(header, cells, at)
            section = _section_of(given, sections, at)
            _refuse_twice(given, section.id or section.title, row.place, seen, at)
            section.add(given, at)
    if not sections:
        raise RubricError(where, "has no item", allowed=f"a header with {', '.join(REQUIRED)} … and a row an item")
    section_ids, item_ids = Ids(), Ids()
    for section in sections:  # ids that are given come first, so that those made avoid them
        section.reserve(section_ids, item_ids)
    return Imported(settings | {"sections": [one.content(section_ids, item_ids) for one in sections]}, ())


def _section_of(given: Mapping[str, str], sections: list["_Section"], at: str) -> "_Section":
    """The section that a row names by title and id; that of the row above where it names none."""
    title, name = given["section"], given["section id"]
    if not title and sections and name in ("", sections[-1].id):
        return sections[-1]
    if not title:
        raise RubricError(at, "section is empty", allowed="the title of a section")
    for section in reversed(sections):
        if section.title == title and (not name or section.id in ("", name)):
            section.id = section.id or name
            return section
    sections.append(_Section(title, name))
    return sections[-1]


def _header(cells: Sequence[str], at: str) -> list[str]:
    names = [" ".join(cell.lower().replace("_", " ").split()) for cell in cells]
    while names and not names[-1]:
        names.pop()
    for place, name in enumerate(names):
        if name not in COLUMNS:
            shown = cells[place][:60]
            raise RubricError(
                at, f"unknown column {shown!r}{nearest(name, tuple(COLUMNS))}", allowed=", ".join(COLUMNS)
            )
        if name in names[:place]:
            raise RubricError(at, f"the column {name} stands twice", allowed="each column once")
    for name in REQUIRED:
        if name not in names:
            raise RubricError(
                at, f"the column {name} is missing", allowed=", ".join(COLUMNS), do="Start from `rubric template`"
            )
    return names


def _cells(header: Sequence[str], cells: Sequence[str], at: str) -> dict[str, str]:
    for place, cell in enumerate(cells[len(header) :], len(header) + 1):
        if cell:
            raise RubricError(at, f"cell {place} is under no column: {cell[:60]!r}", allowed=", ".join(COLUMNS))
    return dict.fromkeys(COLUMNS, "") | dict(zip(header, cells, strict=False))


def _refuse_twice(given: Mapping[str, str], section: str, place: str, seen: dict[str, str], at: str) -> None:
    for key, what in ((given["id"], "the id"), (f"{section}\n{given['question']}", "the question")):
        shown = key.rpartition("\n")[2]
        meant = what == "the question" and bool(given["id"])  # two ids make two items, whatever they ask
        if key and (what + key) in seen and not meant:
            raise RubricError(at, f"{what} {shown[:60]!r} stands in {seen[what + key]} too", allowed="each item once")
        seen[what + key] = place


def _setting(cells: Sequence[str], at: str) -> dict[str, Any]:
    name = cells[0][1:].strip().lower().replace(" ", "_")
    text = cells[1] if len(cells) > 1 else ""
    if not name or (not text and name in SETTINGS):
        return {}  # an explanation, or a setting left open
    if name not in SETTINGS:
        raise RubricError(
            at, f"unknown setting {name[:60]!r}{nearest(name, tuple(SETTINGS))}", allowed=", ".join(SETTINGS)
        )
    try:
        if name in _NUMBERS:
            return {name: number({name: text}, name)}
        if name == "uncertain_between":
            return {name: [number({name: part}, name) for part in several(text)]}
    except CellError as error:
        raise RubricError(f"{at}, {name}", str(error), allowed=error.allowed) from error
    if name == "flat":
        if text.lower() not in CHOICES["never"]:
            raise RubricError(f"{at}, flat", f"{text!r} is not known", allowed="yes, no")
        return {"flat": True} if text.lower() == "yes" else {}
    return {name: text}


class _Section:
    """A section in the making."""

    def __init__(self, title: str, name: str) -> None:
        self.title = title
        self.id = name
        self._weight: float | None = None
        self._weight_at = ""
        self._items: list[tuple[str, dict[str, Any]]] = []

    def add(self, cells: Mapping[str, str], at: str) -> None:
        try:
            item = item_of(cells)
            Item.model_validate({"id": cells["id"] or "made_later"} | item)
            weight = number(cells, "section weight") if cells["section weight"] else None
        except CellError as error:
            raise RubricError(f"{at}, {error.column}", str(error), allowed=error.allowed) from error
        except ValidationError as error:
            fault = independent(error.errors())[0]
            column = next((_COLUMN_OF[part] for part in reversed(fault["loc"]) if part in _COLUMN_OF), "")
            message, allowed = told(fault)
            raise RubricError(f"{at}, {column}" if column else at, message, allowed=allowed) from error
        if weight is not None:
            if self._weight is not None and weight != self._weight:
                raise RubricError(
                    f"{at}, section weight",
                    f"{weight:g}, but {self._weight_at} says {self._weight:g} for {self.title!r}",
                    allowed="one weight a section",
                )
            self._weight, self._weight_at = weight, at.rpartition(": ")[2]
        self._items.append((cells["id"], item))

    def reserve(self, section_ids: Ids, item_ids: Ids) -> None:
        if self.id:
            section_ids.exactly(self.id)
        for name, _ in self._items:
            if name:
                item_ids.exactly(name)

    def content(self, section_ids: Ids, item_ids: Ids) -> dict[str, Any]:
        items = [{"id": name or item_ids.take(item["question"])} | item for name, item in self._items]
        weight = self._weight if self._weight is not None else min(sum(item["weight"] for item in items), 1000.0)
        return {
            "id": self.id or section_ids.take(self.title),
            "title": self.title,
            "weight": weight,
            "items": items,
        }


def write_rows(rubric: Rubric) -> Exported:
    """The rubric as (settings, items): rows that begin with #, and a header with a row an item."""
    content = rubric.content()
    losses = [
        Loss("rubric", f"{key} ({len(getattr(rubric, key))})", "a sheet has no place for them")
        for key in ("cues", "flows")
        if key in content
    ]
    settings = [[f"#{name}", carried(_setting_cell(rubric, name))] for name in SETTINGS if name in content]
    rows: list[list[str]] = [list(COLUMNS)]
    for section in rubric.sections:
        for number_, item in enumerate(section.items):
            cells = dict.fromkeys(COLUMNS, "") | cells_of(item)
            cells |= {"section": section.title, "section id": section.id}
            cells["section weight"] = "" if number_ else figure(section.weight)
            rows.append([carried(cells[name]) for name in COLUMNS])
    placed = [Placed("settings", row, note=True) for row in settings]
    placed += [Placed(f"row {number}", row) for number, row in enumerate(rows, 1)]
    again = read_rows(placed, "sheet", rubric.name)
    losses += _differences(rubric, again.content)
    return Exported((settings, rows), once(losses))


def _setting_cell(rubric: Rubric, name: str) -> str:
    value = getattr(rubric, name)
    if name == "uncertain_between":
        return "; ".join(figure(one) for one in value)
    return figure(value) if isinstance(value, float) else "yes" if value is True else str(value)


def _differences(rubric: Rubric, again: Mapping[str, Any]) -> Iterator[Loss]:
    for name in SETTINGS:
        if name in ("name", "description", "version") and again.get(name, "") != getattr(rubric, name):
            yield Loss("rubric", f"blanks or control characters of its {name}", "cells cannot hold them")
    read = [item for section in again["sections"] for item in section["items"]]
    for (section, item), plain in zip(rubric.pairs(), read, strict=True):
        if section.title != carried(section.title):
            yield Loss(section.id, "blanks or control characters of its title", "cells cannot hold them")
        other = Item.model_validate(plain)
        said = item.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        for key in Item.model_fields:
            if getattr(item, key) != getattr(other, key):
                yield Loss(item.id, f"{key}: {one_line(str(said.get(key)))[:80]}", "the sheet's columns cannot say it")
