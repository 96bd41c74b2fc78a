"""Events: what happens in turns. Each finds its sightings in a contact; the phrases of a rubric are sought at once."""

from collections.abc import Callable, Iterable, Iterator, Mapping

from cxsentiment.rubric.conditions import SAID, Condition
from cxsentiment.rubric.scorecard import Rubric
from cxsentiment.schema import SENTIMENTS
from cxsentiment.score.contact import Contact, Labels, Sighting
from cxsentiment.score.worded import Words, words_key
from cxsentiment.score.wording import Wording

Finder = Callable[[Contact], list[Sighting]]
_SURE = 1.0  # what is read off the words themselves is certain


class Events:
    """Finds the sightings of any event of one rubric, in time order; an event that stands twice is sought once."""

    def __init__(self, rubric: Rubric, labels: Labels, conditions: Iterable[Condition]) -> None:
        self._labels = labels
        self._negative_at = rubric.negative_at
        self._cues: Mapping[str, Condition] = rubric.cues
        self._finders: dict[str, Finder] = {}
        self._speakers: dict[str, str] = {}
        known = [part for one in (*conditions, *rubric.cues.values()) for part in one.walk()]
        self._words = Words(known)

    def finder(self, condition: Condition) -> Finder:
        """A function that gives the sightings of an event, wherever it is; its place and order are not looked at."""
        bare = _bare(condition)
        found = self._finders.get(bare.key)
        if found is None:
            found = self._finders[bare.key] = _remembered(bare.key, self._make(bare))
        return found

    def speaker(self, condition: Condition) -> str:
        """Whose turns an event counts: those of what a cue stands for; of all where its kinds differ in speaker."""
        if condition.what not in ("cue", "any"):
            return condition.speaker
        if (known := self._speakers.get(condition.key)) is None:
            meant = self._meant(condition)
            speakers = {self.speaker(part) for part in meant.any or (meant,)}
            known = self._speakers[condition.key] = speakers.pop() if len(speakers) == 1 else "anyone"
        return known

    def walk(self, condition: Condition) -> Iterator[Condition]:
        """A condition and all inside it, what its cues stand for included, each cue once."""
        left, cues = [condition], set[str]()
        while left:
            for part in left.pop().walk():
                yield part
                if part.cue is not None and part.cue not in cues:
                    cues.add(part.cue)
                    left.append(self._cues[part.cue])

    def _meant(self, condition: Condition) -> Condition:
        """The event that a cue stands for, its words said `by` whom the cue names; any other event itself."""
        while condition.cue is not None:
            condition = _said_by(self._cues[condition.cue], condition.by)
        return condition

    def _make(self, condition: Condition) -> Finder:
        find = self._whats[condition.what](self, condition)
        if condition.with_ is not None:
            find = _both(find, self.finder(condition.with_))
        if condition.without is not None:
            find = _outside(find, self.finder(condition.without))
        return find

    def _acts(self, condition: Condition) -> Finder:
        wanted = [(act, self._labels.acts.index(act)) for act in condition.act or ()]
        several = [(act, number, self._labels.thresholds[number]) for act, number in wanted]

        def find(contact: Contact) -> list[Sighting]:
            sightings = []
            for place in contact.places("agent"):
                prediction = contact.prediction(place)
                for act, number, threshold in several:
                    p = prediction.probs[number]
                    span = prediction.spans[number]
                    sightings.append(Sighting(place, span.start, span.end, p, p - threshold, act))
            return sightings

        return find

    def _sentiment(self, condition: Condition) -> Finder:
        name = condition.sentiment or "negative"
        number = SENTIMENTS.index(name)
        least = self._negative_at if name == "negative" else 0.5

        def find(contact: Contact) -> list[Sighting]:
            sightings = []
            for place in contact.places("customer"):
                p = contact.prediction(place).probs[number]
                sightings.append(Sighting(place, 0, len(contact.turns[place].text), p, p - least, name))
            return sightings

        return find

    def _said(self, condition: Condition) -> Finder:
        key, speaker, words = words_key(condition), condition.speaker, self._words

        def find(contact: Contact) -> list[Sighting]:
            found = words.find(contact).get(key)
            if found is None:
                return []
            turns = contact.turns
            return [
                Sighting(place, start, end, _SURE, 0.0, "")
                for place, start, end in found
                if speaker in ("anyone", turns[place].speaker)
            ]

        return find

    def _wording(self, condition: Condition) -> Finder:
        wording = Wording(condition.wording or "", condition.tolerance)
        return lambda contact: wording.sightings(contact, condition.speaker)

    def _silence(self, condition: Condition) -> Finder:
        least = condition.silence or 0.0

        def find(contact: Contact) -> list[Sighting]:
            sightings = []
            end: float | None = None
            for place, turn in enumerate(contact.turns):
                if turn.start_s is not None and end is not None and turn.start_s - end >= least:
                    sightings.append(Sighting(place, 0, len(turn.text), _SURE, 0.0, f"{turn.start_s - end:.0f} s"))
                known = [moment for moment in (turn.start_s, turn.end_s, end) if moment is not None]
                end = max(known) if known else None
            return sightings

        return find

    def _cue(self, condition: Condition) -> Finder:
        return self.finder(_said_by(self._cues[condition.cue or ""], condition.by))

    def _any(self, condition: Condition) -> Finder:
        finders = [self.finder(part) for part in condition.any or ()]
        return lambda contact: sorted(
            (sighting for find in finders for sighting in find(contact)), key=lambda sighting: sighting.at
        )

    _whats: Mapping[str, Callable[["Events", Condition], Finder]] = {
        "act": _acts,
        "sentiment": _sentiment,
        "phrase": _said,
        "pattern": _said,
        "wording": _wording,
        "silence": _silence,
        "cue": _cue,
        "any": _any,
    }


def _said_by(event: Condition, by: str | None) -> Condition:
    """The event with its words, and those of each of its kinds, said by somebody else."""
    if by is None:
        return event
    if event.any is not None:
        kinds = tuple(_said_by(part, by) for part in event.any)
        return Condition.model_construct(**dict(event) | {"any": kinds})
    if event.what in SAID or event.cue is not None:
        return Condition.model_construct(**dict(event) | {"by": by})
    return event


def _bare(condition: Condition) -> Condition:
    """The event without its place, its order and how often."""
    bound = ("in_first", "in_last", "in_first_seconds", "in_last_seconds", "within", "times")
    anchors = ("before", "before_every", "after", "after_first", "after_every")
    return Condition.model_construct(**dict(condition) | dict.fromkeys(bound + anchors))


def _remembered(key: str, find: Finder) -> Finder:
    def remembered(contact: Contact) -> list[Sighting]:
        found: list[Sighting] | None = contact.memo.get(key)
        if found is None:
            found = contact.memo[key] = find(contact)
        return found

    return remembered


def _both(find: Finder, other: Finder) -> Finder:
    """Sightings of one event in turns that hold the other too; their probabilities count as independent."""

    def both(contact: Contact) -> list[Sighting]:
        beside: dict[int, Sighting] = {}
        for sighting in other(contact):
            held = beside.get(sighting.place)
            if held is None or sighting.margin > held.margin:
                beside[sighting.place] = sighting
        return [
            one._replace(p=one.p * match.p, margin=min(one.margin, match.margin))
            for one in find(contact)
            if (match := beside.get(one.place)) is not None
        ]

    return both


def _outside(find: Finder, other: Finder) -> Finder:
    """Sightings of one event in turns in which the other does not count as seen; they keep their probability."""

    def outside(contact: Contact) -> list[Sighting]:
        held = {one.place for one in other(contact) if one.sure}
        return [one for one in find(contact) if one.place not in held]

    return outside
