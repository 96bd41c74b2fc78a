"""The verdict of one item on one contact: does it apply, is it met, how sure is that, and what shows it."""

from collections.abc import Callable
from typing import NamedTuple

from cxsentiment.ingest.values import channel
from cxsentiment.language import language_of
from cxsentiment.rubric.scorecard import AppliesWhen, Bounds, Counted, Item, Level, Rubric
from cxsentiment.schema import Verdict
from cxsentiment.score.conditions import Conditions, Judge
from cxsentiment.score.contact import Contact, Sighting
from cxsentiment.score.outcome import Gap, Outcome
from cxsentiment.score.words import sentence, turns_of, where, who_did
from cxsentiment.text import clean

PERSON = "no rule says what counts: a person grades this item"
UNCERTAIN = "uncertain"
_NEAR = 0.2
_ALL_BUT_NO = 0.1  # probability under which a condition of an item does not hold, and over 1 - which it does
_REASONS = 1_000  # kept of each item: they name counts, and turns of few numbers


class Finding(NamedTuple):
    """A verdict. `p_met` and `share` (of the item's points) are 0-1; evidence is quoted best first.

    `gap` says why there is no verdict of met or not_met.
    """

    verdict: Verdict
    p_met: float | None
    share: float | None
    evidence: tuple[Sighting, ...]
    reason: str
    gap: Gap = ""


Grade = Callable[[Contact], Finding]


class ItemJudge:
    """An item, made ready to be judged on any number of contacts."""

    def __init__(self, item: Item, rubric: Rubric, conditions: Conditions) -> None:
        self.item = item
        self._bounds = rubric.bounds(item)
        self._only_if = _applies(item.applies_when, conditions)
        self._p_applies = _p_applies(item.applies_when, conditions)
        self._grade = self._make(conditions)
        self._key = "item " + item.id
        self._not_applicable: dict[str, Finding] = {}

    def judge(self, contact: Contact) -> Finding:
        """The verdict, its evidence and its reason. A contact without an agent turn must not come here."""
        found: Finding | None = contact.memo.get(self._key)
        if found is None:
            reason = self._only_if(contact) if self._only_if is not None else None
            found = self._does_not_apply(reason) if reason is not None else self._grade(contact)
            contact.memo[self._key] = found
        return found

    def _does_not_apply(self, reason: str) -> Finding:
        """The verdict of an item that does not apply: the same few reasons again and again."""
        found = self._not_applicable.get(reason)
        if found is None:
            if len(self._not_applicable) >= _REASONS:
                self._not_applicable.clear()
            found = self._not_applicable[reason] = Finding(
                "not_applicable", None, None, (), sentence(reason), "no_chance"
            )
        return found

    def expected(self, contact: Contact) -> tuple[float, float] | None:
        """How likely the item applies, and the share of its points to be expected if it does (each 0-1).

        None where nothing says how it would be met. A rule of channel, campaign, queue or language is certain.
        """
        p_applies = self._p_applies(contact)
        if p_applies == 0:
            return None
        found = self.judge(contact)
        if found.gap == "no_chance" and p_applies < 1:
            found = self._grade(contact)
        return None if found.p_met is None else (p_applies, found.p_met)

    def outcome(self, contact: Contact) -> Outcome:
        """The verdict as something that another item's condition can build on."""
        found = self.judge(contact)
        holds = {"met": True, "not_met": False}.get(found.verdict)
        return Outcome(holds, found.p_met, found.evidence, lambda: found.reason.rstrip("."), found.gap)

    def _make(self, conditions: Conditions) -> Grade:
        item = self.item
        if item.met_when is not None:
            return self._yes_no(conditions.judge(item.met_when))
        if item.levels is not None and any(level.when is not None for level in item.levels):
            judges = [conditions.judge(level.when) for level in item.levels if level.when is not None]
            return self._ordinal(item.levels, judges)
        if item.count is not None:
            return self._counted(item.count, conditions)
        person = Finding("unscored", None, None, (), sentence(PERSON), "unknown")
        return lambda contact: person

    def _yes_no(self, judge: Judge) -> Grade:
        def grade(contact: Contact) -> Finding:
            outcome = judge(contact)
            if outcome.holds is None:
                return _without(outcome)
            p = round(outcome.p, 5) if outcome.p is not None else None
            evidence = outcome.evidence
            if not outcome.holds:
                evidence = self._where_it_belongs(contact, evidence)
            if p is not None and _between(p, self._bounds):
                return _uncertain(p, evidence, outcome.why())
            verdict: Verdict = "met" if outcome.holds else "not_met"
            return Finding(verdict, p, float(outcome.holds), evidence, sentence(outcome.why()))

        return grade

    def _where_it_belongs(self, contact: Contact, evidence: tuple[Sighting, ...]) -> tuple[Sighting, ...]:
        """Evidence of what is missing: what came near, else the turn where it would have belonged."""
        if self.item.belongs_at is None or (evidence and evidence[0].p >= _NEAR):
            return evidence
        places = contact.places("agent")
        first, last = 0, len(places) - 1
        if self.item.met_when is not None and self.item.met_when.in_last is not None:
            first = max(0, len(places) - self.item.met_when.in_last)
        if self.item.met_when is not None and self.item.met_when.in_first is not None:
            last = min(last, self.item.met_when.in_first - 1)
        return (contact.whole_turn(places[first] if self.item.belongs_at == "start" else places[last]),)

    def _ordinal(self, levels: tuple[Level, ...], judges: list[Judge]) -> Grade:
        def grade(contact: Contact) -> Finding:
            outcomes: list[Outcome] = []
            for judge in judges:
                outcome = judge(contact)
                if outcome.holds is None:
                    return _without(outcome)
                outcomes.append(outcome)
                if outcome.holds:
                    break
            place = len(outcomes) - 1 if outcomes[-1].holds else len(levels) - 1
            expected, rest = 0.0, 1.0
            for level, judge in zip(levels, judges, strict=False):
                p = judge(contact).p or 0.0
                expected, rest = expected + rest * p * level.points, rest * (1 - p)
            p_met = round(expected + rest * levels[-1].points, 5)
            told = f"{levels[place].name}: {outcomes[-1].why()}"
            if any(one.p is not None and _between(one.p, self._bounds) for one in outcomes):
                return _uncertain(p_met, outcomes[-1].evidence, told)
            verdict: Verdict = "met" if place == 0 else "not_met"
            return Finding(verdict, p_met, levels[place].points, outcomes[-1].evidence, sentence(told))

        return grade

    def _counted(self, count: Counted, conditions: Conditions) -> Grade:
        tally = conditions.tally(count.of)
        deed, place, speaker = who_did(count.of), where(count.of), conditions.speaker(count.of)

        def share(number: float) -> float:
            return min(1.0, max(0.0, (number - count.none_at) / (count.full_at - count.none_at)))

        def grade(contact: Contact) -> Finding:
            window, best = tally(contact)
            if window.gap:
                return _without(Outcome(None, None, (), lambda: window.why, window.gap))
            sure = [one for one in best if one.sure]
            points = share(len(sure))
            p_met = round(share(sum(one.p for one in best)), 5)
            counted = turns_of(speaker, len(sure))
            told = f"{deed}{place} in {counted} (all points at {count.full_at}, none at {count.none_at})"
            if self._bounds is not None:
                low, high = self._bounds
                fewest, most = sum(one.p >= high for one in best), sum(one.p > low for one in best)
                if share(fewest) != share(most):
                    return _uncertain(p_met, tuple(best[:3]), told)
            verdict: Verdict = "met" if points == 1 else "not_met"
            return Finding(verdict, p_met, points, tuple(sure[:3]), sentence(told))

        return grade


def _applies(when: AppliesWhen, conditions: Conditions) -> Callable[[Contact], str | None] | None:
    """A function that says why an item does not apply to a contact (None: it does); None for one that always does."""
    if when == AppliesWhen():
        return None
    filters = [("channel", when.channels, channel), ("campaign", when.campaigns, clean), ("queue", when.queues, clean)]
    # A name stands for what a contact of that name is read as: a channel "Voice" is a call.
    given = [(name, values, {*values, *map(read, values)}) for name, values, read in filters if values is not None]
    judge = conditions.judge(when.if_) if when.if_ is not None else None
    event = when.if_ is not None and when.if_.is_event
    unseen = f"it was not seen that {who_did(when.if_)}{where(when.if_)}" if event and when.if_ is not None else ""

    def why_not(contact: Contact) -> str | None:
        for name, values, meant in given:
            value = getattr(contact.transcript, name)
            if value not in meant:
                return f"{name} is {value or 'not given'}, the item is for {', '.join(values)}"
        if when.languages is not None:
            language = _language(contact)
            if language not in when.languages:
                return f"language is {language or 'not clear'}, the item is for {', '.join(when.languages)}"
        if judge is not None:
            outcome = judge(contact)
            if not outcome.holds:
                return unseen if unseen and not outcome.gap else f"it does not apply: {outcome.why()}"
        return None

    return why_not


def _p_applies(when: AppliesWhen, conditions: Conditions) -> Callable[[Contact], float]:
    """A function that says how likely an item applies to a contact; what is all but sure counts as sure."""
    if when == AppliesWhen():
        return lambda contact: 1.0
    sure = _applies(when.model_copy(update={"if_": None}), conditions)
    judge = conditions.judge(when.if_) if when.if_ is not None else None

    def p_applies(contact: Contact) -> float:
        if sure is not None and sure(contact) is not None:
            return 0.0
        outcome = judge(contact) if judge is not None else None
        if outcome is None:
            return 1.0
        if outcome.p is None or not _ALL_BUT_NO < outcome.p < 1 - _ALL_BUT_NO:
            return float(bool(outcome.holds))
        return outcome.p

    return p_applies


def _language(contact: Contact) -> str | None:
    if "language" not in contact.memo:
        contact.memo["language"] = language_of("\n".join(turn.text for turn in contact.turns))
    language: str | None = contact.memo["language"]
    return language


def _without(outcome: Outcome) -> Finding:
    verdict: Verdict = "not_applicable" if outcome.gap == "no_chance" else "unscored"
    return Finding(verdict, None, None, (), sentence(outcome.why()), outcome.gap or "unknown")


def _uncertain(p: float, evidence: tuple[Sighting, ...], told: str) -> Finding:
    reason = f"{UNCERTAIN}: p(met) = {p:.2f} is too close to call, a person should look. {sentence(told)}"
    return Finding("unscored", p, None, evidence, reason, "unknown")


def _between(p: float, bounds: Bounds | None) -> bool:
    return bounds is not None and bounds[0] < p < bounds[1]
