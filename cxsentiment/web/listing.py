"""The list of contacts: what a person filters by, and one page of it, found by the place where the last one ended."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlencode

from cxsentiment.errors import InputError
from cxsentiment.text import clean
from cxsentiment.web.facts import VERDICTS, Facts

PAGE = 50
PATHS: Mapping[str, str] = {
    "recovered": "sentiment_start < 0 AND sentiment_end >= 0",
    "soured": "sentiment_start >= 0 AND sentiment_end < 0",
    "negative": "sentiment_start < 0 AND sentiment_end < 0",
    "positive": "sentiment_start >= 0 AND sentiment_end >= 0",
}
"""How the customer's sentiment went from the start of a contact to its end, by name."""
ORDERS: Mapping[str, str] = {"newest": "place", "lowest": "low"}
_DAY = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])")
_LONGEST = 200
_FIELDS = (
    "agent",
    "campaign",
    "channel",
    "since",
    "until",
    "least",
    "most",
    "item",
    "verdict",
    "path",
    "words",
    "order",
)


@dataclass(frozen=True, slots=True)
class Filters:
    """What a person asked for; an empty text asks nothing. `least` and `most` are scores (0-100), days are ISO."""

    agent: str = ""
    campaign: str = ""
    channel: str = ""
    since: str = ""
    until: str = ""
    least: str = ""
    most: str = ""
    item: str = ""
    verdict: str = ""
    path: str = ""
    words: str = ""
    order: str = "newest"

    @classmethod
    def of(cls, query: Mapping[str, str]) -> "Filters":
        """Read a page's address. Raises InputError which says what a field takes."""
        given = {name: clean(query.get(name, "")) for name in _FIELDS}
        for name, value in given.items():
            if len(value) > _LONGEST:
                raise InputError("filter", name, "is too long", allowed=f"up to {_LONGEST} characters")
        given["order"] = given["order"] or "newest"
        _check(given)
        return cls(**given)

    def address(self, **more: object) -> str:
        """The query of a link to the same list, e.g. with `after` a place."""
        fields = {name: getattr(self, name) for name in _FIELDS if getattr(self, name)}
        return urlencode({**fields, **{name: value for name, value in more.items() if value is not None}})

    @property
    def any(self) -> bool:
        """Whether anything is asked for beside the order."""
        return replace(self, order="newest") != Filters()

    @property
    def reads_machine(self) -> bool:
        """Whether what is asked for, or the order, tells what the machine found in the contacts that are listed."""
        return bool(self.least or self.most or self.item or self.path) or self.order == "lowest"


def _check(given: Mapping[str, str]) -> None:
    for name in ("since", "until"):
        if given[name] and not _DAY.fullmatch(given[name]):
            raise InputError("filter", name, "is no day", allowed="a day such as 2026-05-31")
    for name in ("least", "most"):
        if given[name] and not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,4})?", given[name]):
            raise InputError("filter", name, "is no score", allowed="a number from 0 to 100")
    for name, known in (("verdict", VERDICTS), ("path", tuple(PATHS)), ("order", tuple(ORDERS))):
        if given[name] and given[name] not in known:
            raise InputError("filter", name, "is not known", allowed=", ".join(known))
    if bool(given["item"]) != bool(given["verdict"]):
        raise InputError("filter", "item", "needs a verdict, and a verdict an item", do="Choose both, or neither")


@dataclass(frozen=True, slots=True)
class Listed:
    """One page: its rows, how many contacts the filters take in all, and the places before and after it, if any."""

    rows: list[dict[str, Any]]
    total: int
    before: int | None
    after: int | None
    cut_short: bool


def listed(facts: Facts, filters: Filters, *, after: int = 0, before: int = 0, hidden: Collection[str] = ()) -> Listed:
    """The page that follows the place `after`, or goes before the place `before`. Raises InputError for an item.

    `hidden` contacts are graded blind: where the list itself would tell what the machine found in them, it lacks them.
    """
    condition, values, cut_short = _condition(facts, filters)
    if hidden and filters.reads_machine:
        condition, values = f"{condition} AND contact_id NOT IN (SELECT unnest(?))", [*values, sorted(hidden)]
    key = ORDERS[filters.order]
    if before:
        where, bound, turn = f"({condition}) AND {key} < ?", before, "DESC"
    else:
        where, bound, turn = f"({condition}) AND {key} > ?", after, "ASC"
    rows = facts.ask(
        # names of ours; values are bound
        f"SELECT {key} AS at, contact_id, agent_id, campaign, channel, started_at, turns, score, null_reason, "  # nosec B608
        f"sentiment_start, sentiment_end FROM contacts WHERE {where} ORDER BY {key} {turn} LIMIT ?",
        [*values, bound, PAGE + 1],
    )
    more, rows = len(rows) > PAGE, rows[:PAGE]
    if before:
        rows.reverse()
    # names of ours; values are bound
    total = facts.number(f"SELECT count(*) FROM contacts WHERE {condition}", values)  # nosec B608
    earlier = more if before else after > 0
    later = bool(before) or more
    return Listed(
        rows,
        total,
        rows[0]["at"] if rows and earlier else None,
        rows[-1]["at"] if rows and later else None,
        cut_short,
    )


def _condition(facts: Facts, filters: Filters) -> tuple[str, list[object], bool]:
    """The condition, the values to bind to it, and whether the search of texts stopped early."""
    parts, values = ["true"], list[object]()
    plain: Sequence[tuple[str, str, str]] = (
        ("agent_id = ?", filters.agent, ""),
        ("campaign = ?", filters.campaign, ""),
        ("channel = ?", filters.channel, ""),
        ("started_at >= ?", filters.since, ""),
        ("started_at < ?", filters.until, "~"),  # a whole day: ~ comes after T and after a space
        ("score >= CAST(? AS DOUBLE)", filters.least, ""),
        ("score <= CAST(? AS DOUBLE)", filters.most, ""),
    )
    for part, value, suffix in plain:
        if value:
            parts.append(part)
            values.append(value + suffix)
    if filters.path:
        parts.append(PATHS[filters.path])
    if filters.item:
        code = facts.code_of(filters.item)
        if code is None:
            raise InputError("filter", "item", "is not in this run's scorecard", allowed=", ".join(facts.items))
        parts.append(f"v_{code} = ?")
        values.append(VERDICTS.index(filters.verdict) + 1)
    cut_short = False
    if filters.words:
        places, cut_short = facts.saying(filters.words)
        parts.append("list_contains(?, place)" if len(places) < 50 else "place IN (SELECT unnest(?))")
        values.append(list(places))
    return " AND ".join(parts), values, cut_short


def choices(facts: Facts, column: str, agent: str = "") -> list[str]:
    """The values of agent_id, campaign or channel that the run has, at most 1,000, by name; of an agent's contacts only
    where one is named.
    """
    if column not in ("agent_id", "campaign", "channel"):
        raise KeyError(column)
    if agent:
        return _choices(facts, column, agent)
    key = f"choices {column}"
    if key not in facts.kept:
        facts.kept[key] = _choices(facts, column)
    found: list[str] = facts.kept[key]
    return found


def _choices(facts: Facts, column: str, agent: str = "") -> list[str]:
    rows = facts.ask(
        # names of ours; values are bound
        f"SELECT DISTINCT {column} AS name FROM contacts WHERE {column} IS NOT NULL AND (agent_id = ? OR ? = '') "  # nosec B608
        "ORDER BY name LIMIT 1000",
        [agent, agent],
    )
    return [row["name"] for row in rows]
