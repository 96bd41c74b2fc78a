"""What machine and people found of each contact, side by side: of an item, a section, the whole, critical errors.

All values are shares from 0 to 1, 1 being good: an item met, a section's or a contact's score over 100, and a contact
without a critical error of its class.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from cxsentiment.labels import WHOLE_CONTACT, Labels
from cxsentiment.rubric.scorecard import Rubric
from cxsentiment.schema import Reject
from cxsentiment.stats.arrays import BoolArray, FloatArray, IntArray, floats

Granularity = Literal["agent", "item", "section", "critical"]
CRITICAL_CLASSES = ("customer", "business", "compliance")


@dataclass(frozen=True, slots=True)
class Grading:
    """One value of every contact: the machine's (n,) and people's (n,), NaN where there is none; `met` (n,) is the
    machine's verdict as 0 or 1, of items; `weights` (n,) 1 / inclusion probability where people's value is known.
    """

    level: Granularity
    name: str
    machine: FloatArray
    human: FloatArray
    weights: FloatArray
    met: FloatArray | None = None

    @property
    def labelled(self) -> BoolArray:
        """Which contacts have a human value, shape (n,)."""
        return np.asarray(~np.isnan(self.human))

    @property
    def binary(self) -> bool:
        """Whether people's values are 0 and 1 only."""
        given = self.human[self.labelled]
        return bool(np.all((given == 0) | (given == 1)))

    @property
    def unequal(self) -> bool:
        """Whether the labelled contacts were drawn with different probabilities."""
        given = self.weights[self.labelled]
        return bool(given.size) and float(np.ptp(given)) > 1e-9 * float(given.max())


@dataclass(frozen=True, slots=True)
class _Item:
    name: str
    section: str
    critical: str
    weight: float
    section_weight: float
    ceiling: float | None


@dataclass(frozen=True, slots=True)
class _People:
    """The labelled contacts' `rows` (m,), people's `values` (m, items), what was `graded` (m, items), grades of the
    `whole` contact (m,), and the `chances` (m, items + 1) of having been drawn, infinite where not graded; the last
    column is the whole's.
    """

    rows: IntArray
    values: FloatArray
    graded: BoolArray
    whole: FloatArray
    chances: FloatArray


class Gradings:
    """The machine's and people's values of a run's `contacts`; `rejects` are labels that no contact or item takes, and
    `graded_by_customer` says whether some grader is the customer of the contact.
    """

    def __init__(self, contacts: pa.Table, items: pa.Table, rubric: Rubric, labels: Labels | None) -> None:
        self._n = contacts.num_rows
        self.contacts = contacts
        self._rubric = rubric
        self._items = _items_of(items, rubric)
        self._row = _places(items["contact_id"], contacts["contact_id"])
        if (other := self._row < 0).any():  # verdicts of contacts that are not looked at
            items, self._row = items.filter(pa.array(~other)), self._row[~other]
        names = pa.array([item.name for item in self._items], pa.string())
        self._item = _places(items["item"], names)
        self._table = items
        self.rejects: tuple[Reject, ...] = ()
        self._people: _People | None = None
        self.graded_by_customer = False
        if labels is not None:
            self._people, self.rejects = _people(labels, contacts, names)
            self.graded_by_customer = _same_rater(labels, contacts)

    def part(self, contacts: pa.Table) -> "Gradings":
        """The machine's values of some of the contacts, without people's."""
        return Gradings(contacts, self._table, self._rubric, None)

    def of(self, level: Granularity) -> Iterator[Grading]:
        """The gradings of a level, one at a time: in the order of the scorecard."""
        if level == "agent":
            yield self._whole()
        elif level == "item":
            for code in range(len(self._items)):
                yield self._of_item(code)
        elif level == "section":
            for section in dict.fromkeys(item.section for item in self._items):
                yield self._of_section(section)
        else:
            for kind in CRITICAL_CLASSES:
                if any(item.critical == kind for item in self._items):
                    yield self._of_critical(kind)

    @property
    def critical_items(self) -> frozenset[str]:
        """Items whose failure is a critical error."""
        return frozenset(item.name for item in self._items if item.critical != "none")

    @property
    def in_parts(self) -> tuple[str, ...]:
        """Items that can be met in part (ordinal, count), in the scorecard's order: values are shares of points."""
        return tuple(item.id for _, item in self._rubric.pairs() if item.kind != "yes_no")

    def section_scores(self) -> dict[str, FloatArray]:
        """The machine's score (0-1) of each section, of every contact (n,)."""
        return {name: self._section(name) for name in dict.fromkeys(item.section for item in self._items)}

    def _whole(self) -> Grading:
        human, weights = self._blank(), self._blank()
        if (people := self._people) is not None:
            value = self._score_by_people(np.ones(len(self._items), dtype=bool), by_section=True)
            for code, item in enumerate(self._items):
                if (
                    item.ceiling is not None
                ):  # people's critical errors lower people's score as the machine's do its own
                    error = people.values[:, code] == 0
                    value = np.where(error, np.minimum(value, item.ceiling / 100), value)
            value = np.where(np.isnan(people.whole), value, people.whole)
            chance = np.where(np.isnan(people.whole), people.chances[:, :-1].min(axis=1), people.chances[:, -1])
            human[people.rows], weights[people.rows] = value, _weights(chance)
        return Grading("agent", "score", floats(self.contacts["score"]) / 100, human, weights)

    def _of_item(self, code: int) -> Grading:
        mine = np.flatnonzero(self._item == code)
        rows, verdicts = self._row[mine], self._table["verdict"].take(pa.array(mine))
        met, scored = (np.asarray(pc.equal(verdicts, text)) for text in ("met", "not_met"))
        machine, verdict = self._blank(), self._blank()
        p = floats(self._table["p_met"].take(pa.array(mine)))
        judged = met | scored
        machine[rows[judged]], verdict[rows[judged]] = p[judged], met[judged].astype(np.float64)
        human, weights = self._blank(), self._blank()
        if (people := self._people) is not None:
            human[people.rows], weights[people.rows] = people.values[:, code], _weights(people.chances[:, code])
        return Grading("item", self._items[code].name, machine, human, weights, verdict)

    def _of_section(self, section: str) -> Grading:
        human, weights = self._blank(), self._blank()
        if (people := self._people) is not None:
            chosen = np.array([item.section == section for item in self._items])
            human[people.rows] = self._score_by_people(chosen, by_section=False)
            weights[people.rows] = _weights(people.chances[:, :-1][:, chosen].min(axis=1))
        return Grading("section", section, self._section(section), human, weights)

    def _of_critical(self, kind: str) -> Grading:
        human, weights = self._blank(), self._blank()
        if (people := self._people) is not None:
            chosen = np.array([item.critical == kind for item in self._items])
            values = np.where(np.isnan(people.values[:, chosen]), np.inf, people.values[:, chosen]).min(axis=1)
            complete = self._complete(chosen) & np.isfinite(values)
            human[people.rows] = np.where(complete, values, np.nan)
            weights[people.rows] = _weights(people.chances[:, :-1][:, chosen].min(axis=1))
        machine = 1 - floats(self.contacts[f"p_critical_{kind}"])
        return Grading("critical", kind, machine, human, weights, np.where(np.isnan(machine), np.nan, machine >= 0.5))

    def _section(self, section: str) -> FloatArray:
        codes = np.flatnonzero([item.section == section for item in self._items])
        mine = np.flatnonzero(np.isin(self._item, codes))
        taken = pa.array(mine)
        points, weight = floats(self._table["points"].take(taken)), floats(self._table["weight"].take(taken))
        scored = ~np.isnan(points)
        rows = self._row[mine][scored]
        total = np.bincount(rows, weights=weight[scored], minlength=self._n)
        got = np.bincount(rows, weights=points[scored], minlength=self._n)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.where(total > 0, got / total, np.nan))

    def _complete(self, chosen: BoolArray) -> BoolArray:
        """Whether people graded each of the chosen items that the machine scored, by labelled contact."""
        people = self._people
        assert people is not None
        place = np.full(self._n, -1, dtype=np.int64)
        place[people.rows] = np.arange(people.rows.size)
        mine = np.flatnonzero((self._item >= 0) & (place[self._row] >= 0) & chosen[self._item])
        verdicts = self._table["verdict"].take(pa.array(mine))
        judged = mine[np.asarray(pc.is_in(verdicts, pa.array(["met", "not_met"])))]
        lacking = ~people.graded[place[self._row[judged]], self._item[judged]]
        complete = np.ones(people.rows.size, dtype=bool)
        complete[place[self._row[judged]][lacking]] = False
        return complete

    def _score_by_people(self, chosen: BoolArray, *, by_section: bool) -> FloatArray:
        """The weighted share people's verdicts give, (m,); NaN where an item that the machine scored is ungraded."""
        people = self._people
        assert people is not None
        codes = np.flatnonzero(chosen)
        values = people.values[:, codes]
        known = ~np.isnan(values)
        weights = np.array([self._items[code].weight for code in codes])
        sections = [self._items[code].section for code in codes]
        total, got = np.zeros(values.shape[0]), np.zeros(values.shape[0])
        for section in dict.fromkeys(sections):
            own = np.array([name == section for name in sections])
            w = known[:, own] * weights[own]
            share = np.divide(
                (w * np.nan_to_num(values[:, own])).sum(axis=1), w.sum(axis=1),
                out=np.zeros(values.shape[0]), where=w.sum(axis=1) > 0,
            )  # fmt: skip
            weight = next(self._items[code].section_weight for code in codes if self._items[code].section == section)
            size = np.where(w.sum(axis=1) > 0, weight, 0.0) if by_section and weight > 0 else w.sum(axis=1)
            total, got = total + size, got + size * share
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.where((total > 0) & self._complete(chosen), got / total, np.nan))

    def _blank(self) -> FloatArray:
        return np.full(self._n, np.nan)


def _items_of(items: pa.Table, rubric: Rubric) -> list[_Item]:
    """The items in the order of the scorecard; a flat one has no section weights (0)."""
    known = {
        item.id: _Item(
            item.id, section.id, item.critical, item.weight, 0.0 if rubric.flat else section.weight, item.ceiling
        )
        for section, item in rubric.pairs()
    }
    present = set(pc.unique(items["item"]).to_pylist())
    return [item for name, item in known.items() if name in present]


def _people(labels: Labels, contacts: pa.Table, names: pa.Array) -> tuple[_People, tuple[Reject, ...]]:
    table = labels.table
    row = _places(table["contact_id"], contacts["contact_id"])
    item = _places(table["item"], pa.concat_arrays([names, pa.array([WHOLE_CONTACT])]))
    rejects = [
        Reject(
            labels.source, labels.record(place), table["contact_id"][place].as_py(), *_unknown(table, place, row[place])
        )
        for place in np.flatnonzero((row < 0) | (item < 0)).tolist()
    ]
    use = (row >= 0) & (item >= 0)
    values, chance = floats(table["value"])[use], floats(table["inclusion_probability"])[use]
    rows, of = np.unique(row[use], return_inverse=True)
    size = len(names) + 1
    # One label stands for each item of a contact (`cxsentiment.labels`), so no cell is written twice.
    grid, graded = np.full((rows.size, size), np.nan), np.zeros((rows.size, size), dtype=bool)
    grid[of, item[use]], graded[of, item[use]] = values, True
    # A contact graded as a whole counts with the least of its items' chances.
    chances = np.full((rows.size, size), np.inf)
    chances[of, item[use]] = chance
    return _People(rows, grid[:, :-1], graded[:, :-1], grid[:, -1], chances), tuple(rejects)


def _weights(chance: FloatArray) -> FloatArray:
    """1 / the chance, NaN where there is none."""
    return np.asarray(np.where(np.isfinite(chance), 1 / chance, np.nan))


def _unknown(table: pa.Table, place: int, row: int) -> tuple[str, str]:
    if row < 0:
        return "unknown_contact", "the run has no contact of this id"
    return "unknown_item", f"the run's scorecard has no item {table['item'][place].as_py()!r}"


def _places(column: pa.ChunkedArray, names: pa.ChunkedArray | pa.Array) -> IntArray:
    """Place of each value among the names, -1 where it is none of them."""
    found = pc.index_in(column, value_set=names if isinstance(names, pa.Array) else names.combine_chunks())
    return np.asarray(pc.fill_null(found, -1).to_numpy(), dtype=np.int64)


def _same_rater(labels: Labels, contacts: pa.Table) -> bool:
    row = _places(labels.table["contact_id"], contacts["contact_id"])
    graded = np.flatnonzero(row >= 0)
    graders = labels.table["grader"].take(pa.array(graded))
    customers = contacts["customer_id"].take(pa.array(row[graded]))
    return bool(pc.any(pc.equal(graders, customers)).as_py())


def purposes_note(labels: Labels) -> str:
    """How many labels there are of each purpose, and which calibrate."""
    told = ", ".join(f"{count} {purpose}" for purpose, count in labels.purposes.items())
    return f"Human labels: {told or 'none'}; coaching labels never calibrate."
