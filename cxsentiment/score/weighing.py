"""How the shares of items become a score: the arithmetic of a scorecard, whoever gave the verdicts.

Section and contact scores follow the weighted mean over what applies (NA leaves the denominator):
S_s = Σ w·s / Σ w over the section's scored items; Q = 100 · Σ W·S / Σ W over sections with a scored item.
An item's weight is W·w/Σw, so Q = 100 · Σ points / Σ weight over the scored items of the contact. With `flat` the
sections' weights are left out. Critical errors are reported apart; only an item that says so caps the score.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from cxsentiment.rubric.scorecard import Item, Rubric, Section
from cxsentiment.schema import Verdict


@dataclass(frozen=True, slots=True)
class Weighed:
    """A score (0-100) or None with the reason, before and after critical errors that cap it, and which did.

    `weights` are what each item counts for in this contact, `coverage` (0-1) is the share of the whole that was scored.
    """

    score: float | None
    reason: str | None
    uncapped: float | None
    effect: str | None
    weights: Sequence[float]
    coverage: float


class Weighing:
    """A scorecard's weights. Shares (0-1 of an item's points, None where it was not scored) stand in its order."""

    def __init__(self, rubric: Rubric) -> None:
        self.rubric = rubric
        self._pairs = list(rubric.pairs())
        # What an item weighs where its section is scored whole, and each section's whole weight.
        self._whole = {section.id: sum(item.weight for item in section.items) for section in rubric.sections}
        self._shares = [self._share(section, item) for section, item in self._pairs]
        self._rounded = [round(share, 6) for share in self._shares]
        self._total = sum(self._shares)
        # What is asked of every contact is looked up once: place of the item, its section's id and weight, its own.
        self.slots = [(section.id, section.weight, item.weight) for section, item in self._pairs]
        self._capping = [
            (place, item, item.ceiling) for place, (_, item) in enumerate(self._pairs) if item.ceiling is not None
        ]

    def weigh(self, shares: Sequence[float | None], verdicts: Sequence[Verdict]) -> Weighed:
        """The score of one contact. None where nothing applies, or less was scored than the rubric asks for."""
        weights = self.weights(shares)
        points = [
            None if share is None else round(share * weight, 6) for share, weight in zip(shares, weights, strict=True)
        ]
        coverage = self.coverage(shares)
        score, reason = self._score(points, weights, verdicts, coverage)
        capped, effect = self._effects(score, verdicts)
        return Weighed(capped, reason, score, effect, weights, coverage)

    def weights(self, shares: Sequence[float | None]) -> list[float]:
        """W·w/Σw for each item; Σ over the section's scored items for a scored item, over all its items otherwise."""
        if self.rubric.flat:
            return self._rounded
        sums = dict.fromkeys(self._whole, 0.0)
        for (section, _, weight), share in zip(self.slots, shares, strict=True):
            if share is not None:
                sums[section] += weight
        return [
            whole if share is None else round(of_section * weight / sums[section], 6)
            for (section, of_section, weight), share, whole in zip(self.slots, shares, self._rounded, strict=True)
        ]

    def coverage(self, shares: Sequence[float | None]) -> float:
        """Share of the rubric's whole weight (section weight times the item's share of it) that was scored."""
        scored = zip(self._shares, shares, strict=True)
        return sum([whole for whole, share in scored if share is not None]) / self._total

    def _share(self, section: Section, item: Item) -> float:
        """What an item weighs of the whole, as long as everything is scored."""
        return item.weight if self.rubric.flat else section.weight * item.weight / self._whole[section.id]

    def _score(
        self, points: Sequence[float | None], weights: Sequence[float], verdicts: Sequence[Verdict], coverage: float
    ) -> tuple[float | None, str | None]:
        score = weighted_score(points, weights)
        if score is None:
            if "unscored" in verdicts:
                return None, "no item of the rubric could be scored on this contact"
            return None, "no item of the rubric applies to this contact"
        least = self.rubric.minimum_coverage
        if coverage < least:
            return None, f"only {coverage:.0%} of the rubric's weight was scored (minimum {least:.0%})"
        return round(score, 4), None

    def _effects(self, score: float | None, verdicts: Sequence[Verdict]) -> tuple[float | None, str | None]:
        """The score after critical errors that cap it, and which did."""
        lowest, why = score, None
        for place, item, cap in self._capping:
            if score is None or verdicts[place] != "not_met":
                continue
            if lowest is None or cap < lowest:
                lowest, why = cap, f"critical error ({item.critical}): {item.id} caps the score at {cap:g}"
        return lowest, why


def weighted_score(points: Sequence[float | None], weights: Sequence[float]) -> float | None:
    """100 · Σ points / Σ weight over the entries whose points (0 to weight) are given; None where there is none."""
    scored = [(p, w) for p, w in zip(points, weights, strict=True) if p is not None]
    total = sum(w for _, w in scored)
    return 100 * sum(p for p, _ in scored) / total if total > 0 else None
