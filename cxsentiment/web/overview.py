"""The figures of a run's first page and of its agents, each with its interval and how many contacts it rests on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from cxsentiment.agents import score_agents
from cxsentiment.reasons import Reason
from cxsentiment.schema import AgentScore, Estimate
from cxsentiment.stats.arrays import codes, floats
from cxsentiment.stats.estimates import clipped, missing
from cxsentiment.stats.means import mean_of_contacts
from cxsentiment.stats.rates import wilson_interval
from cxsentiment.web.facts import VERDICTS, Facts

LEAST_SHOWN = 5
"""A client sees no figure of fewer contacts than this: of fewer, a mean tells of single people."""
_GROUPS_SHOWN = 50
_CHANNELS_SHOWN = 8  # to a client: each sum of them is looked at


@dataclass(frozen=True, slots=True)
class Group:
    """The mean score (0-100) of the contacts of one campaign or channel."""

    name: str
    contacts: int
    mean: Estimate


@dataclass(frozen=True, slots=True)
class ItemShare:
    """How often an item was met where it applied (0-1), and the counts of each verdict."""

    item: str
    section: str
    question: str
    met: Estimate
    counts: dict[str, int]


@dataclass(frozen=True, slots=True)
class Overview:
    """What the first page of a run says. `paths` counts contacts by the way their sentiment went.

    `crossed` counts those with a score by campaign and channel; a page shows it to nobody.
    """

    contacts: int
    scored: int
    first_day: str
    last_day: str
    mean: Estimate
    campaigns: tuple[Group, ...]
    channels: tuple[Group, ...]
    items: tuple[ItemShare, ...]
    paths: dict[str, int]
    flags: int
    uncertain: int
    no_score: tuple[tuple[str, int], ...]
    crossed: Mapping[tuple[str, str], int]


def overview(facts: Facts) -> Overview:
    """The figures of all contacts of a run."""
    row = facts.ask(
        "SELECT count(*) AS contacts, count(score) AS scored, min(started_at) AS first, max(started_at) AS last, "
        "count(*) FILTER (sentiment_start < 0 AND sentiment_end >= 0) AS recovered, "
        "count(*) FILTER (sentiment_start >= 0 AND sentiment_end < 0) AS soured, "
        "count(*) FILTER (sentiment_start < 0 AND sentiment_end < 0) AS negative, "
        "count(*) FILTER (sentiment_start >= 0 AND sentiment_end >= 0) AS positive FROM contacts"
    )[0]
    why = facts.ask(
        "SELECT null_reason AS reason, count(*) AS n FROM contacts WHERE score IS NULL AND null_reason IS NOT NULL "
        "GROUP BY reason ORDER BY n DESC, reason LIMIT 10"
    )
    return Overview(
        row["contacts"],
        row["scored"],
        (row["first"] or "")[:10],
        (row["last"] or "")[:10],
        _mean(facts),
        _groups(facts, "campaign"),
        _groups(facts, "channel"),
        _items(facts),
        {name: row[name] for name in ("recovered", "soured", "negative", "positive")},
        facts.number("SELECT count(*) FROM queue WHERE why = 'flag'"),
        facts.number("SELECT count(*) FROM queue WHERE why = 'uncertain'"),
        tuple((one["reason"], one["n"]) for one in why),
        _crossed(facts),
    )


def agents_of(facts: Facts, changed: dict[str, float | None]) -> tuple[tuple[AgentScore, ...], tuple[str, ...]]:
    """Each agent's mean with its interval, by name, and the notes to it.

    `changed`: the scores of contacts of which people changed a verdict, by contact id; they take the machine's place.
    """
    contacts = facts.table("SELECT contact_id, agent_id, score, null_reason FROM contacts ORDER BY place")
    if changed:
        scores = contacts["score"].to_pylist()
        for place, contact in enumerate(contacts["contact_id"].to_pylist()):
            if contact in changed:
                scores[place] = changed[contact]
        import pyarrow as pa

        contacts = contacts.set_column(2, "score", pa.array(scores, pa.float64()))
    return score_agents(contacts)


def for_client(figures: Overview) -> Overview:
    """The same figures without those that rest on too few contacts, and without what tells of single contacts.

    Nor do those that stay tell one of too few by subtraction: all less the groups that are shown, or channels less the
    campaigns that have no other contacts, and the other way round.
    """
    few = Reason("too_few", f"shown from {LEAST_SHOWN} contacts on")
    mean = figures.mean if figures.mean.n >= LEAST_SHOWN else missing(few, figures.mean.method, figures.mean.n)
    paths = _enough(figures.paths, figures.contacts)
    campaigns = _large(figures.campaigns, figures.mean.n)
    channels = _large(_channels_beside(campaigns, figures), figures.mean.n)
    return replace(
        figures,
        mean=mean,
        campaigns=campaigns,
        channels=channels,
        items=tuple(_without_few(one) for one in figures.items if one.met.n >= LEAST_SHOWN),
        paths={name: count for name, count in figures.paths.items() if name in paths},
        flags=0,
        uncertain=0,
        no_score=(),
        crossed={},
    )


def _few(count: int) -> bool:
    return 0 < count < LEAST_SHOWN


def _enough(sizes: Mapping[str, int], total: int) -> set[str]:
    """The groups that can be shown beside a total; one more is left out where the rest would be too few otherwise."""
    kept = [name for name, size in sizes.items() if size >= LEAST_SHOWN]
    if kept and _few(total - sum(sizes[name] for name in kept)):
        kept.remove(min(kept, key=lambda name: (sizes[name], name)))
    return set(kept)


def _large(groups: Sequence[Group], total: int) -> tuple[Group, ...]:
    kept = _enough({one.name: one.mean.n for one in groups}, total)
    return tuple(one for one in groups if one.name in kept)


def _channels_beside(campaigns: Sequence[Group], figures: Overview) -> list[Group]:
    """The channels that can be shown beside these campaigns and beside each other."""
    sizes = {one.name: one.mean.n for one in campaigns}
    kept: list[Group] = []
    for channel in figures.channels:
        beside = (some for k in range(len(kept) + 1) for some in combinations(kept, k))
        if len(kept) < _CHANNELS_SHOWN and not any(_tell((channel, *some), sizes, figures) for some in beside):
            kept.append(channel)
    return kept


def _tell(channels: Sequence[Group], sizes: Mapping[str, int], figures: Overview) -> bool:
    """Whether the sum of these channels, less or beside a sum of campaigns (`sizes`), tells of too few contacts.

    Such a sum leaves nothing but a few where the campaigns lie wholly inside the channels, or the channels wholly
    inside the campaigns; and so for all contacts that are in none of the channels. Of the campaigns only one choice
    can leave a few: one that is left out, or added, is itself of contacts enough.
    """
    inside = {name: sum(figures.crossed.get((name, one.name), 0) for one in channels) for name in sizes}
    outside = {name: size - inside[name] for name, size in sizes.items()}
    whole = sum(one.mean.n for one in channels)
    for here, there, size in ((inside, outside, whole), (outside, inside, figures.mean.n - whole)):
        rest = size - sum(here[name] for name in sizes if there[name] == 0)
        touched = [name for name in sizes if here[name] > 0]
        covered = sum(here[name] for name in touched) == size
        if _few(rest) or (covered and _few(sum(there[name] for name in touched))):
            return True
    return False


def _without_few(item: ItemShare) -> ItemShare:
    """An item without its counts of contacts that have no verdict where one of them is small: one tells the other."""
    rest = {name: item.counts[name] for name in ("not_applicable", "unscored")}
    return replace(item, counts={} if any(map(_few, rest.values())) else rest)


def _mean(facts: Facts, where: str = "", values: Sequence[object] = ()) -> Estimate:
    """The mean score (0-100), of the contacts for which the condition holds, with the interval that reports give it."""
    # names of ours; values are bound
    found = facts.table(f"SELECT score, agent_id FROM contacts WHERE score IS NOT NULL {where}", values)  # nosec B608
    return clipped(mean_of_contacts(floats(found["score"]), codes(found["agent_id"])[0]), 0.0, 100.0)


def _groups(facts: Facts, column: str) -> tuple[Group, ...]:
    """Means by campaign or channel; the largest groups where there are more than fit a page."""
    names = facts.ask(
        # names of ours; values are bound
        f"SELECT {column} AS name, count(*) AS n FROM contacts WHERE {column} IS NOT NULL "  # nosec B608
        f"GROUP BY name ORDER BY n DESC, name LIMIT {_GROUPS_SHOWN}"
    )
    found = [Group(row["name"], row["n"], _mean(facts, f"AND {column} = ?", [row["name"]])) for row in names]
    return tuple(sorted(found, key=lambda one: one.name))


def _crossed(facts: Facts) -> dict[tuple[str, str], int]:
    rows = facts.ask(
        "SELECT campaign, channel, count(score) AS n FROM contacts "
        "WHERE campaign IS NOT NULL AND channel IS NOT NULL GROUP BY campaign, channel ORDER BY campaign, channel"
    )
    return {(row["campaign"], row["channel"]): row["n"] for row in rows}


def _items(facts: Facts) -> tuple[ItemShare, ...]:
    shares = []
    for place, (item, text) in enumerate(facts.texts.items()):
        # names of ours; values are bound
        rows = facts.ask(f"SELECT v_{place} AS code, count(*) AS n FROM contacts GROUP BY code")  # nosec B608
        by_code = {row["code"]: row["n"] for row in rows}
        counts = {verdict: by_code.get(code, 0) for code, verdict in enumerate(VERDICTS, 1)}
        met = wilson_interval(counts["met"], counts["met"] + counts["not_met"])
        shares.append(ItemShare(item, text.section, text.question, met, counts))
    return tuple(shares)
