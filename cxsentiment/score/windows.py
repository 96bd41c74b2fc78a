"""Where an event counts: the stretches of a contact that its place and its order leave open."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import NamedTuple

from cxsentiment.rubric.conditions import ANCHORS, PLACES, Condition
from cxsentiment.score.contact import Contact, Sighting, end_of, start_of
from cxsentiment.score.events import Events
from cxsentiment.score.outcome import Gap
from cxsentiment.score.words import actor, turns_of, who_did

Stretch = tuple[int, int]
_GOES_ON = 4  # words after an anchor in its own turn, from which on there was a chance to say more
_TIMED = ("in_first_seconds", "in_last_seconds")


class Window(NamedTuple):
    """Where an event counts. `stretches` are pairs [first, last] of places; `anchors` those that each came from.

    With `every` the event must be seen in each stretch, else in one of them. A gap says why nothing can be judged.
    """

    stretches: Sequence[Stretch]
    anchors: Sequence[Sighting] = ()
    every: bool = False
    gap: Gap = ""
    why: str = ""
    whole: bool = False

    def holds(self, sighting: Sighting) -> bool:
        """Whether a sighting lies in one of the stretches."""
        if self.whole:
            return True
        at = sighting.at
        return any(low <= at <= high for low, high in self.stretches)

    def inside(self, sightings: Sequence[Sighting]) -> Sequence[Sighting]:
        """The sightings that lie in one of the stretches."""
        if self.whole:
            return sightings
        if len(self.stretches) == 1:  # as nearly always, and many times a contact
            low, high = self.stretches[0]
            return [one for one in sightings if low <= one.at <= high]
        return [one for one in sightings if self.holds(one)]


class Windows:
    """Finds the window of one condition in any contact."""

    def __init__(self, condition: Condition, events: Events) -> None:
        self._condition = condition
        self.speaker = events.speaker(condition)
        self._order = next((name for name in ANCHORS if getattr(condition, name) is not None), None)
        self._needs_times = any(
            part.what == "silence" or any(getattr(part, name) is not None for name in _TIMED)
            for part in events.walk(condition)
        )
        self._unbound = all(getattr(condition, name) is None for name in (*PLACES, *ANCHORS))
        self._anchors: Callable[[Contact], list[Sighting]] | None = None
        if self._order is not None:
            self._anchor: Condition = getattr(condition, self._order)
            self._anchors = _confirmed(self._anchor, events)

    def find(self, contact: Contact) -> Window:
        """The window of the condition in this contact."""
        if self._needs_times and _lacks_times(contact):
            return Window((), gap="unknown", why="the turns of this contact have no times")
        places = contact.places(self.speaker)
        if not places and self.speaker not in ("agent", "customer"):
            return Window(())  # nobody of that kind took part: then it was not said
        if not places:
            return Window((), gap="unknown", why=f"no turn of {actor(self.speaker)} was scored")
        if self._unbound:
            return _WHOLE
        first, last = self._placed(contact, places)
        if self._anchors is None:
            return Window([(first, last)])
        anchors = self._anchors(contact)
        before = (self._order or "").startswith("before")
        if not anchors:
            if self._order == "before":  # nothing came that it could have come too late for
                return Window([(first, last)])
            return Window((), gap="no_chance", why=f"it never happened that {who_did(self._anchor)}")
        every = self._order in ("before_every", "after_every")
        if self._order in ("before", "after_first"):
            anchors = anchors[:1]
        stretch = self._before if before else self._after
        found = [(anchor, stretch(anchor, places)) for anchor in anchors]
        kept = [
            (anchor, (max(low, first), min(high, last)))
            for anchor, (low, high) in found
            if before or self._has_chance(contact, anchor, max(low, first), min(high, last), places)
        ]
        if not kept:
            turn = turns_of(self.speaker, 1).removeprefix("1 ")
            return Window((), gap="no_chance", why=f"no {turn} followed after {who_did(self._anchor)}")
        return Window([one for _, one in kept], [anchor for anchor, _ in kept], every)

    def turns_in(self, contact: Contact, window: Window) -> int:
        """How many turns of the speaker the window touches."""
        places = contact.places(self.speaker)
        if window.whole:
            return len(places)
        if len(window.stretches) == 1:
            low, high = window.stretches[0]
            return max(0, bisect_right(places, high // start_of(1)) - bisect_left(places, low // start_of(1)))
        return sum(
            any(low <= end_of(place) and start_of(place) <= high for low, high in window.stretches) for place in places
        )

    def _placed(self, contact: Contact, places: Sequence[int]) -> Stretch:
        """The stretch that in_first, in_last and seconds leave open."""
        condition = self._condition
        first, last = 0, end_of(len(contact.turns))
        if condition.in_first is not None:
            last = end_of(places[min(condition.in_first, len(places)) - 1])
        if condition.in_last is not None:
            first = start_of(places[-min(condition.in_last, len(places))])
        if condition.in_first_seconds is not None:
            inside = [k for k, turn in enumerate(contact.turns) if (turn.start_s or 0.0) <= condition.in_first_seconds]
            last = min(last, end_of(inside[-1]) if inside else -1)
        if condition.in_last_seconds is not None:
            end = max(max(turn.start_s or 0.0, turn.end_s or 0.0) for turn in contact.turns)
            least = end - condition.in_last_seconds
            inside = [k for k, turn in enumerate(contact.turns) if max(turn.start_s or 0.0, turn.end_s or 0.0) >= least]
            first = max(first, start_of(inside[0]))
        return first, last

    def _before(self, anchor: Sighting, places: Sequence[int]) -> Stretch:
        """Up to the anchor; what starts with it in one sentence counts as before it."""
        first = 0
        if self._condition.within is not None:
            earlier = bisect_left(places, anchor.place)
            if not earlier:
                return 0, anchor.at
            first = start_of(places[max(0, earlier - self._condition.within)])
        return first, anchor.at

    def _after(self, anchor: Sighting, places: Sequence[int]) -> Stretch:
        """From the anchor's end on, the rest of its own turn included."""
        last = end_of(places[-1]) if places else 0
        if self._condition.within is not None:
            later = bisect_right(places, anchor.place)
            following = places[later : later + self._condition.within]
            last = end_of(following[-1]) if following else end_of(anchor.place)
        return start_of(anchor.place) + anchor.end, last

    def _has_chance(self, contact: Contact, anchor: Sighting, low: int, high: int, places: Sequence[int]) -> bool:
        """Whether a turn follows in the stretch, or the anchor's own goes on for more than a few words."""
        following = bisect_right(places, anchor.place)
        if any(low <= end_of(place) and start_of(place) <= high for place in places[following:]):
            return True
        own = anchor.place in places and low <= end_of(anchor.place) and start_of(anchor.place) <= high
        return own and len(contact.turns[anchor.place].text[anchor.end :].split()) >= _GOES_ON


_WHOLE = Window([(0, end_of(1 << 30))], whole=True)


def _lacks_times(contact: Contact) -> bool:
    """Whether times are missing; in a call a turn's end too, without which its length would pass for a pause."""
    spoken = contact.transcript.channel == "call"
    return any(turn.start_s is None or (spoken and turn.end_s is None) for turn in contact.turns)


def _confirmed(anchor: Condition, events: Events) -> Callable[[Contact], list[Sighting]]:
    """The places where an anchor counts as seen, its own place and order respected."""
    find = events.finder(anchor)
    windows = Windows(anchor, events)
    key = "seen " + anchor.key

    def confirmed(contact: Contact) -> list[Sighting]:
        found: list[Sighting] | None = contact.memo.get(key)
        if found is None:
            window = windows.find(contact)
            found = contact.memo[key] = [one for one in window.inside(find(contact)) if one.margin >= 0]
        return found

    return confirmed
