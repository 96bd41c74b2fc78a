"""Conditions of a rubric, made ready to be judged on any number of contacts."""

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial

from cxsentiment.rubric.conditions import Condition
from cxsentiment.score.contact import Contact, Sighting
from cxsentiment.score.events import Events
from cxsentiment.score.measures import MISSING, measure_of
from cxsentiment.score.outcome import Outcome, all_of, any_of, at_least, not_of
from cxsentiment.score.windows import Window, Windows
from cxsentiment.score.words import turns_of, where, who_did

Judge = Callable[[Contact], Outcome]
_NEAR = 0.2  # below this probability no turn came near, and quoting the strongest would puzzle


class Conditions:
    """Makes judges of conditions; conditions that say the same are judged once a contact.

    `verdicts` judges the items, and `flows` the flows, that conditions refer to by id. `repeated` are the keys of
    conditions that stand more than once: only their outcomes are worth remembering.
    """

    def __init__(
        self,
        events: Events,
        verdicts: Mapping[str, Judge],
        flows: Mapping[str, Mapping[str, Judge]],
        repeated: Collection[str] = (),
    ) -> None:
        self._events = events
        self._repeated = repeated
        self._verdicts = verdicts
        self._flows = flows
        self._made: dict[str, Judge] = {}

    def judge(self, condition: Condition) -> Judge:
        """A function that says what became of the condition on a contact."""
        made = self._made.get(condition.key)
        if made is None:
            made = self._make(condition)
            if condition.key in self._repeated:
                made = _remembered("judged " + condition.key, made)
            self._made[condition.key] = made
        return made

    def tally(self, condition: Condition) -> Callable[[Contact], tuple[Window, list[Sighting]]]:
        """A function that gives the surest sighting of an event in each turn where it counts, and its window."""
        find, windows = self._events.finder(condition), Windows(condition, self._events)

        def tally(contact: Contact) -> tuple[Window, list[Sighting]]:
            window = windows.find(contact)
            return window, [] if window.gap else _best_by_turn(window.inside(find(contact)))

        return tally

    def speaker(self, condition: Condition) -> str:
        """Whose turns an event counts."""
        return self._events.speaker(condition)

    def _make(self, condition: Condition) -> Judge:
        what = condition.what
        if what == "any" and condition.is_event and condition.key != Condition(any=condition.any).key:
            return _Leaf(condition, self._events).judge
        if what in ("all", "any", "at_least"):
            parts = [self.judge(part) for part in condition.branches()]
            n = condition.at_least.n if condition.at_least is not None else 0
            combine = {"all": all_of, "any": any_of}.get(what) or partial(at_least, n)
            return lambda contact: combine([part(contact) for part in parts])
        if condition.not_ is not None:
            inner = self.judge(condition.not_)
            return lambda contact: not_of(inner(contact))
        if what == "measure":
            return partial(_measured, condition)
        if what == "item":
            return self._item(condition.item or "", condition.is_ or "met")
        if what == "flow":
            return self._flows[condition.flow or ""][condition.is_ or "in_order"]
        return _Leaf(condition, self._events).judge

    def _item(self, name: str, wanted: str) -> Judge:
        def judge(contact: Contact) -> Outcome:
            # Looked up when it is asked, for the item that is meant may be made later.
            found = self._verdicts[name](contact)
            if wanted == "applicable":
                applies = found.gap != "no_chance"
                return Outcome(applies, float(applies), (), lambda: _item_told(name, "applies", applies))
            if found.holds is None:
                return found
            holds = found.holds is (wanted == "met")
            p = None if found.p is None else found.p if wanted == "met" else 1 - found.p
            said = wanted.replace("_", " ")
            return Outcome(holds, p, found.evidence, lambda: _item_told(name, f"is {said}", holds))

        return judge


def _item_told(name: str, what: str, holds: bool) -> str:
    return f"the item {name} {what}" if holds else f"it does not hold that the item {name} {what}"


def _remembered(key: str, judge: Judge) -> Judge:
    def remembered(contact: Contact) -> Outcome:
        found: Outcome | None = contact.memo.get(key)
        if found is None:
            found = contact.memo[key] = judge(contact)
        return found

    return remembered


def _measured(condition: Condition, contact: Contact) -> Outcome:
    name = condition.measure or ""
    value = measure_of(name, contact)
    if value is None:
        return Outcome(None, None, (), lambda: MISSING[name], "unknown")
    low, high = condition.min, condition.max
    holds = (low is None or value >= low) and (high is None or value <= high)

    def why() -> str:
        bounds = [f"at least {low:g}" if low is not None else "", f"at most {high:g}" if high is not None else ""]
        asked = " and ".join(filter(None, bounds))
        return f"{name.replace('_', ' ')} is {value:.4g}, asked is {asked}"

    return Outcome(holds, float(holds), (), why)


class _Leaf:
    """An event, with where it must be seen and how often."""

    def __init__(self, condition: Condition, events: Events) -> None:
        self._condition = condition
        self._find = events.finder(condition)
        self._windows = Windows(condition, events)
        self._times = condition.times or 1
        self._deed = who_did(condition)
        self._where = where(condition)
        self._told = f"{self._deed}{self._where}"
        self._untold = f"{_not(self._deed)}{self._where}"

    def judge(self, contact: Contact) -> Outcome:
        window = self._windows.find(contact)
        if window.gap:
            return Outcome(None, None, (), lambda: window.why, window.gap)
        sightings = self._find(contact)
        if window.every:
            return self._each(contact, sightings, window)
        inside = window.inside(sightings)
        best = _best_by_turn(inside) if self._times > 1 else [max(inside, key=_margin)] if inside else []
        if len(best) >= self._times and best[self._times - 1].sure:
            seen = best[: self._times]
            return Outcome(True, seen[-1].p, (*seen, *window.anchors[:1]), partial(self._seen, contact, seen))
        p = best[self._times - 1].p if len(best) >= self._times else 0.0
        return self._missed(contact, sightings, best, p, window)

    def _each(self, contact: Contact, sightings: list[Sighting], window: Window) -> Outcome:
        """The event must be seen in the stretch of every anchor; the anchors count as independent."""
        p = 1.0
        seen: list[Sighting] = []
        missed: list[Sighting] = []
        for anchor, stretch in zip(window.anchors, window.stretches, strict=True):
            best = max(Window([stretch]).inside(sightings), key=_margin, default=None)
            p *= best.p if best is not None else 0.0
            if best is not None and best.sure:
                seen += [best, anchor]
            else:
                missed.append(anchor)
        if missed:
            return Outcome(False, p, tuple(missed), partial(self._not_each, contact, missed, len(window.anchors)))
        return Outcome(True, p, tuple(seen), partial(self._seen, contact, seen[::2]))

    def _missed(
        self, contact: Contact, sightings: list[Sighting], best: list[Sighting], p: float, window: Window
    ) -> Outcome:
        """Not seen where it counts: with quotes of what was seen elsewhere, of the anchor, or of the nearest turn."""
        elsewhere = [] if window.whole else [one for one in sightings if one.margin >= 0 and not window.holds(one)]
        anchors = [max(window.anchors, key=lambda one: one.p)] if window.anchors else []
        evidence: tuple[Sighting, ...]
        if anchors and elsewhere and self._condition.before is not None:
            evidence = (elsewhere[0], anchors[0])
        elif anchors:
            evidence = (anchors[0], *elsewhere[:1])
        elif best and best[0].p >= _NEAR:
            evidence = (best[0],)
        else:
            evidence = (*elsewhere[:1], *best[:1])
        return Outcome(False, p, evidence, partial(self._not_seen, contact, best, elsewhere, window))

    def _seen(self, contact: Contact, seen: list[Sighting]) -> str:
        if len(seen) == 1:  # as nearly always
            return f"{self._told} (turn {contact.turns[seen[0].place].index})"
        numbers = sorted({contact.number(one.place) for one in seen})
        return f"{self._told} ({_turns(numbers)})"

    def _not_seen(self, contact: Contact, best: list[Sighting], elsewhere: list[Sighting], window: Window) -> str:
        looked = turns_of(self._windows.speaker, self._windows.turns_in(contact, window))
        text = f"{self._untold} ({looked})"
        if self._times > 1:
            text = f"{self._deed} in {sum(one.sure for one in best)} of {self._times} turns asked for{self._where}"
        if elsewhere:
            text += f", only elsewhere ({_turns([contact.number(elsewhere[0].place)])})"
        if best and not best[0].sure and best[0].p >= _NEAR:
            text += f"; nearest: turn {contact.number(best[0].place)} with p = {best[0].p:.2f}"
        return text

    def _not_each(self, contact: Contact, missed: list[Sighting], asked: int) -> str:
        numbers = [contact.number(anchor.place) for anchor in missed]
        return f"{self._untold}: missing at {_turns(numbers)}, {len(missed)} of {asked}"


def _margin(sighting: Sighting) -> float:
    return sighting.margin


def _best_by_turn(sightings: Sequence[Sighting]) -> list[Sighting]:
    """The surest sighting of each turn, surest first; of equals the earlier."""
    best: dict[int, Sighting] = {}
    for one in sightings:
        held = best.get(one.place)
        if held is None or one.margin > held.margin:
            best[one.place] = one
    return sorted(best.values(), key=lambda one: -one.margin)


def _turns(numbers: list[int]) -> str:
    shown = ", ".join(map(str, numbers[:5])) + (" …" if len(numbers) > 5 else "")
    return f"turn{'s' if len(numbers) > 1 else ''} {shown}"


def _not(text: str) -> str:
    return f"it was not seen that {text}"
