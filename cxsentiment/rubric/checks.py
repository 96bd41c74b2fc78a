"""What no single part of a rubric can tell: names that lead nowhere, circles, weights that do not sum, items that
nobody can ever meet.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from cxsentiment.rubric.conditions import ANCHORS, PLACES, SAID, Condition, nearest
from cxsentiment.rubric.flows import Step
from cxsentiment.rubric.scorecard import MAX_ITEMS, Item, Rubric, check_bounds

Path = tuple[str | int, ...]
_MOST_LEAVES = 12  # 4,096 combinations: above that nobody has met a contradiction, and looking would take seconds


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a rubric, and where in it (keys and 0-based places)."""

    path: Path
    what: str
    allowed: str = ""


def faults(rubric: Rubric) -> Iterator[Fault]:
    """Everything wrong with a rubric whose parts are each sound."""
    yield from _sizes(rubric)
    yield from _twice(rubric)
    yield from _weights(rubric)
    known = set(itertools.chain(_references(rubric), _bounds(rubric)))
    yield from sorted(known, key=lambda fault: [str(part) for part in fault.path])
    if not known:  # circles and sense can only be judged where every name leads somewhere
        yield from _circles(rubric)
        yield from _senseless(rubric)


def located(rubric: Rubric) -> Iterator[tuple[Path, Condition]]:
    """Every outermost condition of a rubric with its place."""
    for name, cue in rubric.cues.items():
        yield ("cues", name), cue
    for number, flow in enumerate(rubric.flows):
        if flow.applies_if is not None:
            yield ("flows", number, "applies_if"), flow.applies_if
        ways: list[tuple[Path, tuple[Step, ...]]] = [(("steps",), flow.steps)]
        ways += [(("branches", place, "steps"), branch.steps) for place, branch in enumerate(flow.branches)]
        for way, steps in ways:
            for place, step in enumerate(steps):
                for key in ("seen", "only_if", "due"):
                    if (condition := getattr(step, key)) is not None:
                        yield ("flows", number, *way, place, key), condition
    for path, item in _items(rubric):
        yield from _conditions(path, item)


def inside(path: Path, condition: Condition) -> Iterator[tuple[Path, Condition]]:
    """A condition and all inside it, with their places."""
    yield path, condition
    several = condition.at_least.of if condition.at_least is not None else condition.all or condition.any or ()
    way: Path = ("at_least", "of") if condition.at_least is not None else ("all" if condition.all else "any",)
    for place, part in enumerate(several):
        yield from inside((*path, *way, place), part)
    if condition.not_ is not None:
        yield from inside((*path, "not"), condition.not_)
    for name in ANCHORS:
        if (anchor := getattr(condition, name)) is not None:
            yield from inside((*path, name), anchor)
    for name, beside in (("with", condition.with_), ("without", condition.without)):
        if beside is not None:
            yield from inside((*path, name), beside)


def _items(rubric: Rubric) -> Iterator[tuple[Path, Item]]:
    for place, section in enumerate(rubric.sections):
        for number, item in enumerate(section.items):
            yield ("sections", place, "items", number), item


def _conditions(path: Path, item: Item) -> Iterator[tuple[Path, Condition]]:
    if item.applies_when.if_ is not None:
        yield (*path, "applies_when", "if"), item.applies_when.if_
    if item.met_when is not None:
        yield (*path, "met_when"), item.met_when
    for place, level in enumerate(item.levels or ()):
        if level.when is not None:
            yield (*path, "levels", place, "when"), level.when
    if item.count is not None:
        yield (*path, "count", "of"), item.count.of


def _sizes(rubric: Rubric) -> Iterator[Fault]:
    items = sum(len(section.items) for section in rubric.sections)
    if items > MAX_ITEMS:
        yield Fault(("sections",), f"{items:,} items are no scorecard", f"at most {MAX_ITEMS:,}")


def _twice(rubric: Rubric) -> Iterator[Fault]:
    places: list[tuple[str, list[tuple[Path, str]]]] = [
        ("section", [(("sections", n, "id"), section.id) for n, section in enumerate(rubric.sections)]),
        ("item", [((*path, "id"), item.id) for path, item in _items(rubric)]),
        ("flow", [(("flows", n, "id"), flow.id) for n, flow in enumerate(rubric.flows)]),
    ]
    for kind, ids in places:
        seen: set[str] = set()
        for path, name in ids:
            if name in seen:
                yield Fault(path, f"the {kind} id {name!r} is used more than once; ids must be unique")
            seen.add(name)


def _weights(rubric: Rubric) -> Iterator[Fault]:
    if rubric.total_weight is None:
        return
    what = "items" if rubric.flat else "sections"
    weights = [item.weight for _, item in rubric.pairs()] if rubric.flat else [s.weight for s in rubric.sections]
    if abs(sum(weights) - rubric.total_weight) > 1e-6 * rubric.total_weight:
        listed = " + ".join(f"{weight:g}" for weight in weights[:12]) + (" + …" if len(weights) > 12 else "")
        yield Fault(
            ("total_weight",),
            f"the weights of the {what} add up to {sum(weights):g}, not to {rubric.total_weight:g}: {listed}",
            f"weights of {what} that add up to total_weight, or no total_weight",
        )


def _references(rubric: Rubric) -> Iterator[Fault]:
    items = tuple(item.id for _, item in rubric.pairs())
    names: Mapping[str, tuple[str, ...]] = {
        "item": items,
        "flow": tuple(flow.id for flow in rubric.flows),
        "cue": tuple(rubric.cues),
    }
    for start, outer in located(rubric):
        for path, condition in inside(start, outer):
            what = condition.what
            if what in names:
                name = getattr(condition, what)
                if what in ("item", "flow") and start[0] in ("flows", "cues"):
                    yield Fault(path, f"{what} cannot be used in {start[0]}", "events and measures of the contact")
                elif name not in names[what]:
                    known = ", ".join(names[what]) or "none is defined"
                    yield Fault((*path, what), f"there is no {what} {name!r}{nearest(name, names[what])}", known)
                elif condition.by is not None and what == "cue" and (lost := _kinds(name, rubric) - {*SAID}):
                    reached = "has no effect on" if lost == _kinds(name, rubric) else f"reaches no {min(lost)} in"
                    yield Fault((*path, "by"), f"by {reached} the cue {name!r}", f"by with {', '.join(SAID)}")
        if start[0] == "cues":
            yield from _cue_faults(start, outer)


def _cue_faults(path: Path, cue: Condition) -> Iterator[Fault]:
    """A cue says what happens; where it counts, in which order and how often is said where the cue is used."""
    if not cue.is_event:
        yield Fault(path, "a cue needs something that happens in a turn", "an event, or any of events")
        return
    for part in cue.walk():
        bound = [name for name in (*PLACES, *ANCHORS, "times") if getattr(part, name) is not None]
        if bound:
            yield Fault(
                path, f"{bound[0]} has no effect inside a cue", f"{bound[0]} beside cue: {path[-1]}, where it is used"
            )
            return


def _kinds(name: str, rubric: Rubric) -> set[str]:
    """What the events of a cue are, looked through to the end; words anybody may say, acts are the agent's, and so on.

    Cues that are not there, or lead back to themselves, are told elsewhere.
    """
    kinds, seen, left = set[str](), {name}, [rubric.cues[name]]
    while left:
        event = left.pop()
        left += event.any or ()
        if event.cue is None:
            kinds |= {event.what} - {"any"}
        elif event.cue not in seen:
            seen.add(event.cue)
            left += [rubric.cues[event.cue]] if event.cue in rubric.cues else []
    return kinds


def _bounds(rubric: Rubric) -> Iterator[Fault]:
    if rubric.uncertain_between is not None:
        try:
            check_bounds(rubric.uncertain_between)
        except ValueError as error:
            yield Fault(("uncertain_between",), str(error))


def _circles(rubric: Rubric) -> Iterator[Fault]:
    items = {item.id: (path, _named(_outer(path, item), "item")) for path, item in _items(rubric)}
    cues = {name: (("cues", name), _named([cue], "cue")) for name, cue in rubric.cues.items()}
    for kind, graph in (("item", items), ("cue", cues)):
        for name, (path, _) in graph.items():
            if circle := _circle(name, {key: needs for key, (_, needs) in graph.items()}):
                yield Fault(path, f"circular: the {kind} {' needs '.join(circle)}", "conditions that end somewhere")
                break


def _outer(path: Path, item: Item) -> list[Condition]:
    return [condition for _, condition in _conditions(path, item)]


def _named(conditions: list[Condition], what: str) -> tuple[str, ...]:
    parts = itertools.chain.from_iterable(condition.walk() for condition in conditions)
    return tuple(dict.fromkeys(getattr(part, what) for part in parts if part.what == what))


def _circle(start: str, needs: Mapping[str, tuple[str, ...]]) -> list[str]:
    """A way from `start` back to itself; empty where there is none."""
    ways = [[start]]
    seen: set[str] = set()
    while ways:
        way = ways.pop()
        for name in needs[way[-1]]:
            if name == start:
                return [*way, start]
            if name not in seen:
                seen.add(name)
                ways.append([*way, name])
    return []


def _senseless(rubric: Rubric) -> Iterator[Fault]:
    for path, item in _items(rubric):
        if item.met_when is None:
            continue
        given = item.applies_when.if_
        met = _meaning(item.met_when)
        applies = _meaning(given) if given is not None else lambda facts: True
        leaves = sorted({part.key for one in (item.met_when, given) if one is not None for part in _leaves(one)})
        if len(leaves) > _MOST_LEAVES:
            continue
        rows = [dict(zip(leaves, row, strict=True)) for row in itertools.product((False, True), repeat=len(leaves))]
        outcomes = {met(row) for row in rows if applies(row)}
        if not outcomes:
            yield Fault((*path, "applies_when"), "the item can never apply: its conditions contradict one another")
        elif outcomes == {False}:
            yield Fault((*path, "met_when"), "nobody can ever meet this item: its conditions contradict one another")
        elif outcomes == {True}:
            yield Fault((*path, "met_when"), "everybody meets this item, whatever is said: its conditions always hold")


def _leaves(condition: Condition) -> Iterator[Condition]:
    if _combines(condition):
        for part in condition.branches():
            yield from _leaves(part)
    else:
        yield condition


def _combines(condition: Condition) -> bool:
    """Whether it combines verdicts; an `any` that is bound to a place is one event of several kinds."""
    bound = condition.what == "any" and condition.is_event and condition.key != Condition(any=condition.any).key
    return condition.what in ("all", "any", "not", "at_least") and not bound


def _meaning(condition: Condition) -> Callable[[Mapping[str, bool]], bool]:
    """The condition as a function of whether its leaves hold."""
    if not _combines(condition):
        return lambda facts: facts[condition.key]
    parts = [_meaning(part) for part in condition.branches()]
    if condition.what == "not":
        return lambda facts: not parts[0](facts)
    needed = {"all": len(parts), "any": 1}.get(condition.what) or (condition.at_least.n if condition.at_least else 1)
    return lambda facts: sum(part(facts) for part in parts) >= needed
