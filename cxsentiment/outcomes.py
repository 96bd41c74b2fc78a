"""Scores, sentiment and item verdicts against survey answers: associations at three levels, never causes.

Spearman correlations pooled, within agents and between agents stand side by side, for the pooled figure mixes the
other two and can hide or even reverse them. Pooled intervals allow for contacts of one agent being alike and, where
customers come back, for those of one customer.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa

from cxsentiment.amounts import counted
from cxsentiment.evidence import told_apart
from cxsentiment.schema import FALSE_DISCOVERY_RATE, HEADLINE_FEATURES, Association, Level
from cxsentiment.stats.arrays import BoolArray, FloatArray, IntArray, codes, floats
from cxsentiment.stats.correlation import clustered_spearman
from cxsentiment.stats.jackknife import ClusteredCorrelation, compare_levels, two_way
from cxsentiment.stats.power import benjamini_hochberg, minimal_detectable_r

FEATURES = (
    "score",
    "sentiment_mean",
    "sentiment_start",
    "sentiment_end",
    "sentiment_min",
    "sentiment_slope",
    "sentiment_recovery",
)
OUTCOMES = ("csat", "nps", "ces")
LEVELS: tuple[Level, ...] = ("pooled", "within", "between")
ITEM_PREFIX = "item:"
# Below this size a correlation explains less than one hundredth of the differences between contacts.
SMALL = 0.1
SUSPICIOUS = 0.6
# In the best documented call-centre study (8,726 surveyed calls) the call-level Spearman correlation was .239.
_LARGEST_DOCUMENTED = 0.24
_FEW_ANSWERS = 0.10
COME_BACK = "customers come back, so intervals over all contacts allow for agents and for customers alike"

_NAMES = {
    "score": "contact score",
    "sentiment_mean": "mean customer sentiment",
    "sentiment_start": "customer sentiment at the start",
    "sentiment_end": "customer sentiment at the end",
    "sentiment_min": "lowest customer sentiment",
    "sentiment_slope": "rise of customer sentiment over the contact",
    "sentiment_recovery": "recovery of customer sentiment",
    "csat": "CSAT",
    "nps": "NPS",
    "ces": "CES",
}


@dataclass(frozen=True, slots=True)
class _Feature:
    name: str
    values: FloatArray


def associate(contacts: pa.Table, items: pa.Table) -> tuple[tuple[Association, ...], tuple[str, ...]]:
    """Associations (outcome, then feature, then level) and notes to print with them.

    `contacts` needs contact_id, agent_id, customer_id, `FEATURES` and `OUTCOMES`; `items` contact_id, item and
    verdict. An item is 1 where met, 0 where not met, missing otherwise; items come by id. Outcomes nobody answered are
    left out and noted. Adjusted p-values are Benjamini-Hochberg over the whole table, at a false discovery rate of .10.
    """
    features = [_Feature(name, floats(contacts[name])) for name in FEATURES] + _item_features(contacts, items)
    agent_of, _ = codes(contacts["agent_id"])
    customer_of, _ = codes(contacts["customer_id"])
    found: list[Association] = []
    notes: list[str] = []
    for outcome in OUTCOMES:
        answers = floats(contacts[outcome])
        if np.all(np.isnan(answers)):
            continue
        customers = returning(customer_of, ~np.isnan(answers))
        notes += _answer_notes(outcome, answers, agent_of)
        if customers is not None:
            notes.append(f"{readable(outcome)}: {COME_BACK}.")
        for feature in features:
            found += _levels(feature, outcome, answers, agent_of, customers)
    if not found:
        return (), ("No contact has an answer to CSAT, NPS or CES, so there is nothing to associate with.",)
    adjusted = benjamini_hochberg([one.p for one in found])
    found = [replace(one, p_adjusted=p) for one, p in zip(found, adjusted, strict=True)]
    spoken = tuple(replace(one, reading=reading(one)) if _worth_saying(one) else one for one in found)
    return spoken, (*notes, *_result_notes(found))


def reading(association: Association) -> str:
    """One plain sentence for a reader; it tells of an association, never of a cause."""
    feature, outcome = readable(association.feature), readable(association.outcome)
    estimate = association.estimate
    who = {
        "pooled": f"Over all contacts, {feature} and {outcome}",
        "within": f"Among contacts of the same agent, {feature} and {outcome}",
        "between": f"Across agents, average {feature} and average {outcome}",
    }[association.level]
    if estimate.value is None:
        return f"{who}: no figure ({estimate.reason})."
    size = f"Spearman {estimate.value:+.2f}"
    if estimate.low is None or estimate.high is None:
        size += f" in {counted(estimate.n, 'contact')}"
        return f"{who}: {size}, but no interval ({estimate.reason}), so read nothing into it."
    size += f", 95% interval {estimate.low:+.2f} to {estimate.high:+.2f}, {counted(estimate.n, 'contact')}"
    size += f" of {counted(association.agents, 'agent')}"
    if told_apart(association) and abs(estimate.value) < SMALL:
        return f"{who} are almost unrelated ({size}): told apart from 0, and too close to it to matter for a contact."
    if told_apart(association):
        direction = "go up together" if estimate.value > 0 else "go in opposite directions"
        return f"{who} tend to {direction} ({size}): an association, no more."
    if estimate.low <= 0 <= estimate.high:
        return f"{who}: not settled ({size}; the interval includes 0)."
    return f"{who}: the interval leaves out 0, but not after allowing for the number of comparisons ({size})."


def _worth_saying(one: Association) -> bool:
    return one.feature in HEADLINE_FEATURES or told_apart(one)


def readable(name: str) -> str:
    """A feature or outcome name as people say it."""
    if name.startswith(ITEM_PREFIX):
        return f"meeting the item {name.removeprefix(ITEM_PREFIX)}"
    return _NAMES.get(name, name)


def _item_features(contacts: pa.Table, items: pa.Table) -> list[_Feature]:
    row_of = {contact: row for row, contact in enumerate(contacts["contact_id"].to_pylist())}
    contact_of, contact_names = codes(items["contact_id"])
    rows = np.array([row_of.get(name, -1) for name in contact_names], dtype=np.int64)
    item_of, names = codes(items["item"])
    verdict_of, verdicts = codes(items["verdict"])
    value = np.array([{"met": 1.0, "not_met": 0.0}.get(verdict, np.nan) for verdict in verdicts])
    features = []
    for code, name in enumerate(names):
        mine = item_of == code
        target = rows[contact_of[mine]]
        values = np.full(contacts.num_rows, np.nan)
        values[target[target >= 0]] = value[verdict_of[mine]][target >= 0]
        features.append(_Feature(ITEM_PREFIX + name, values))
    return features


def returning(customers: IntArray, answered: BoolArray) -> IntArray | None:
    """Codes of the customers, shape (n,), where one has several answers; else None. A contact that does not name its
    customer counts as one customer's, for leaving it out would leave another correlation.
    """
    given = customers[answered & (customers >= 0)]
    if given.size == np.unique(given).size:
        return None
    nobody = customers < 0
    return np.where(nobody, int(customers.max()) + np.cumsum(nobody), customers)


def both_ways(
    made: Callable[[IntArray], ClusteredCorrelation], agents: IntArray, customers: IntArray | None
) -> ClusteredCorrelation:
    """What `made` makes of the agents' codes, with the wider interval of that and of the customers' (None: by agent).

    Contacts without an agent are in neither, so that both are the same correlation of the same contacts.
    """
    by_agent = made(agents)
    if customers is None or by_agent.estimate.low is None:
        return by_agent
    return two_way(by_agent, made(np.where(agents < 0, -1, customers)))


def _levels(
    feature: _Feature, outcome: str, answers: FloatArray, agent_of: IntArray, customers: IntArray | None
) -> list[Association]:
    x = feature.values
    by_level = {level: clustered_spearman(x, answers, agent_of, level) for level in LEVELS[1:]}
    pooled = both_ways(lambda of: clustered_spearman(x, answers, of), agent_of, customers)
    by_level = {"pooled": pooled, **by_level}
    conflict = conflict_of(by_level["within"], by_level["between"])
    return [association_of(feature.name, outcome, level, found, conflict) for level, found in by_level.items()]


def association_of(
    feature: str, outcome: str, level: Level, found: ClusteredCorrelation, conflict: str | None
) -> Association:
    """One association with what to say of it: that levels disagree, or that it is larger than honest ones are."""
    value = found.estimate.value
    # Averages of many contacts may well agree that closely; single contacts hardly ever do.
    leaking = level != "between" and value is not None and abs(value) > SUSPICIOUS
    flags = [flag for flag in (conflict, "larger than expected: check for leakage" if leaking else None) if flag]
    return Association(
        feature=feature,
        outcome=outcome,
        level=level,
        estimate=found.estimate,
        agents=found.clusters,
        p=found.p,
        p_adjusted=None,
        minimal_detectable=None if found.effective_n is None else minimal_detectable_r(found.effective_n),
        flag="; ".join(flags) or None,
    )


def conflict_of(within: ClusteredCorrelation, between: ClusteredCorrelation) -> str | None:
    """What to say where the levels disagree: in sign, or by more than the difference's interval allows."""
    inside, across = within.estimate.value, between.estimate.value
    if inside is None or across is None:
        return None
    difference = compare_levels(within, between)
    beyond_chance = difference.low is not None and difference.high is not None and difference.low * difference.high > 0
    if inside * across < 0:
        surely = "the interval of the difference leaves out 0" if beyond_chance else "chance may explain it"
        return f"signs differ within and between agents ({surely}): do not read the pooled figure alone"
    return "sizes differ within and between agents: do not read the pooled figure alone" if beyond_chance else None


def _answer_notes(outcome: str, answers: FloatArray, agent_of: IntArray) -> list[str]:
    answered = ~np.isnan(answers)
    count, contacts = int(answered.sum()), answers.size
    share = count / contacts
    notes = [f"{readable(outcome)}: {count} of {contacts} contacts have an answer ({share:.1%})."]
    if count < contacts:
        notes[0] += (
            " Those who answer may differ from those who do not, and where answering depends on how happy a customer "
            "is, weighting cannot repair it."
        )
    if share < _FEW_ANSWERS:
        notes.append(
            f"{readable(outcome)}: fewer than {_FEW_ANSWERS:.0%} of the contacts have an answer: read with care."
        )
    if nobody := int(np.sum(answered & (agent_of < 0))):
        if nobody == count:
            notes.append(f"{readable(outcome)}: no contact with an answer names its agent, so there are no intervals.")
        else:
            notes.append(f"{readable(outcome)}: contacts with an answer but no agent id, left out: {nobody}.")
    return notes


def _result_notes(found: Sequence[Association]) -> list[str]:
    notes = [
        f"{len([one for one in found if one.p is not None])} comparisons with a p-value; adjusted by "
        f"Benjamini-Hochberg at a false discovery rate of {FALSE_DISCOVERY_RATE:.0%}. An association is not a cause."
    ]
    if surviving := [one for one in found if told_apart(one)]:
        return notes + _near_zero_note(found, surviving) + _leak_note(found)
    detectable = [
        one.minimal_detectable for one in found if one.level == "pooled" and one.minimal_detectable is not None
    ]
    power = (
        f" The pooled comparisons have 80% power only for |r| of at least {min(detectable):.2f}." if detectable else ""
    )
    if all(one.p is None for one in found):
        return [
            *notes,
            "No association can be judged: none of the figures has an interval; the reasons stand with them.",
        ]
    clear = Counter(_excludes_zero(one) for one in found if one.p is not None)
    left = "1 interval leaves" if clear[True] == 1 else f"{clear[True]} intervals leave"
    how = f"{left} out 0, but none holds for so many comparisons" if clear[True] else "all intervals include 0"
    return [*notes, f"No association found: {how}.{power}", *_leak_note(found)]


def _near_zero_note(found: Sequence[Association], surviving: Sequence[Association]) -> list[str]:
    """Where no contact-level correlation of the score or of sentiment is of any size: many contacts find tiny ones."""
    sizes = [
        abs(one.estimate.value)
        for one in found
        if one.feature in HEADLINE_FEATURES and one.estimate.value is not None and one.level != "between"
    ]
    if not sizes or max(sizes) >= SMALL:
        return []
    largest = max(surviving, key=lambda one: abs(one.estimate.value or 0.0))
    return [
        "Near zero: over contacts and within agents, neither the score nor customer sentiment reaches a correlation of "
        f"{SMALL:.2f} in size. With this many contacts even such sizes can be told apart from 0. The largest that can, "
        f"of all features, is {readable(largest.feature)} ({largest.level}, {largest.estimate.value:+.2f}). The text "
        "tells next to nothing about a single customer's answer here."
    ]


def _excludes_zero(one: Association) -> bool:
    low, high = one.estimate.low, one.estimate.high
    return low is not None and high is not None and low * high > 0


def _leak_note(found: Sequence[Association]) -> list[str]:
    large = [one for one in found if one.flag is not None and "leakage" in one.flag]
    if not large:
        return []
    return [
        f"{len(large)} correlations exceed {SUSPICIOUS}. Expect small numbers: the best documented call-centre system "
        f"reached about {_LARGEST_DOCUMENTED} over single calls. Treat these as suspect: few agents or answers, a "
        "score that has seen the outcome, or one rater on both sides."
    ]
