"""Scores after decided disputes: the machine's verdicts with people's in their places, by the same arithmetic."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from cxsentiment import runs
from cxsentiment.reviews.disputes import Dispute, holding
from cxsentiment.rubric.reading import parse_rubric
from cxsentiment.schema import Verdict
from cxsentiment.score.weighing import Weighing
from cxsentiment.web.contact import ItemView, items_of
from cxsentiment.web.facts import Facts


@dataclass(frozen=True, slots=True)
class Revised:
    """The score (0-100) with people's verdicts, the reason where there is none, and by which disputes it came so."""

    score: float | None
    reason: str | None
    by: tuple[Dispute, ...]


def revised(facts: Facts, items: Sequence[ItemView], found: Sequence[Dispute]) -> Revised | None:
    """The score of one contact with the verdicts that people changed; None where they changed none."""
    held = {item: one for (_, item), one in holding(found).items()}
    if not held:
        return None
    weighing = _weighing(facts)
    known: Mapping[str, ItemView] = {one.item: one for one in items}
    shares: list[float | None] = []
    verdicts: list[Verdict] = []
    for _, item in weighing.rubric.pairs():
        human, machine = held.get(item.id), known.get(item.id)
        if human is not None:
            shares.append(human.human_points)
            verdicts.append(_as_scored(human.human_verdict or ""))
        else:
            shares.append(machine.share if machine else None)
            verdicts.append(cast("Verdict", machine.verdict) if machine else "unscored")
    weighed = weighing.weigh(shares, verdicts)
    return Revised(weighed.score, weighed.reason, tuple(held.values()))


def revised_scores(facts: Facts, found: Sequence[Dispute]) -> dict[str, float | None]:
    """The scores of all contacts of a run of which people changed a verdict, by contact id."""
    by_contact: dict[str, list[Dispute]] = {}
    for one in found:
        if one.state == "changed":
            by_contact.setdefault(one.contact_id, []).append(one)
    scores: dict[str, float | None] = {}
    rows: list[dict[str, Any]] = facts.ask(
        "SELECT contact_id, min(shard) AS shard FROM contacts WHERE contact_id IN (SELECT unnest(?)) "
        "GROUP BY contact_id ORDER BY shard, contact_id",
        [sorted(by_contact)],
    )
    tables: dict[int, Any] = {}
    for row in rows:
        if row["shard"] not in tables:
            tables = {row["shard"]: runs.read_part(facts.run, "items", row["shard"])}
        made = revised(facts, items_of(tables[row["shard"]], row["contact_id"], facts), by_contact[row["contact_id"]])
        if made is not None:
            scores[row["contact_id"]] = made.score
    return scores


def _weighing(facts: Facts) -> Weighing:
    if "weighing" not in facts.kept:
        facts.kept["weighing"] = Weighing(parse_rubric(facts.rubric["content"], str(facts.run / runs.RECEIPT)))
    made: Weighing = facts.kept["weighing"]
    return made


def _as_scored(verdict: str) -> Verdict:
    """A person's verdict in the words of a score: points between none and all count as met in part."""
    return "met" if verdict == "points" else cast("Verdict", verdict)
