"""Figures of agents, drivers, consistency and targets → sections of a report: plain words, drawings, tables."""

from collections import Counter
from collections.abc import Iterable, Sequence

import pyarrow as pa

from cxsentiment.calibrated import AgentFigure
from cxsentiment.charts import differences_chart, shares_chart, words
from cxsentiment.consistency.contrasts import Difference
from cxsentiment.drivers import WHOLE, DriverFigure
from cxsentiment.kpis.attainment import COMPOSITE, Attained, Balance
from cxsentiment.page_schema import Columns, FigureView, Section, TableView
from cxsentiment.pages.printing import NONE, PRINTERS, decimals, interval, kind_of, natural, number
from cxsentiment.schema import Estimate, ItemRate
from cxsentiment.steadiness import Steadiness
from cxsentiment.text import clean

_CLEAR_LOSS = "has no value"


def agents_section(figures: Sequence[AgentFigure], notes: Sequence[str]) -> Section | None:
    """Agents with the same mix of contacts, and what each figure allows; by id."""
    if not figures:
        return None
    noted = any(one.adjusted.reason for one in figures)
    rows = [
        (
            clean(one.agent_id),
            *_cells(one.machine, "score", n=False),
            *_cells(one.adjusted, "score", n=False),
            PRINTERS["share"](one.overlap),
            one.tier or "not stated",
            one.use,
            *([clean(one.adjusted.reason or "")] if noted else []),
        )
        for one in sorted(figures, key=lambda one: natural(one.agent_id))
    ]
    note: Columns = (("Note", "note"),) if noted else ()
    columns: Columns = (
        ("Agent", "id"), ("As it is", "n"), ("95% interval", "n"), ("Same mix", "n"), ("95% interval", "n"),
        ("Mix shared with others", "n"), ("Tier, own mix", "short"), ("Allows", "note"), *note,
    )  # fmt: skip
    return Section(
        "agents",
        "With the same mix of contacts",
        text=(
            "Some agents get harder contacts than others. “Same mix” is the mean score as it would be with the mix of "
            "campaigns, channels, queues and opening moods that all agents have together. The tier does not allow for "
            "it: it places an agent by the contacts that the agent was given, so see whether “same mix” bears it out.",
            *(["People's verdicts calibrate the column “Same mix”."] if any(one.calibrated for one in figures) else []),
        ),
        tables=(TableView("agents-mix", "Agents with the same mix of contacts, by id", columns, tuple(rows)),),
        notes=tuple(
            note.replace("sentiment_start", "the customer's opening mood")
            for note in notes
            if note.startswith(("Adjusted", "Case mix", "Less than", "Tiers"))
        ),
    )


def drivers_section(figures: Sequence[DriverFigure], notes: Sequence[str]) -> Section | None:
    """What the differences in answers go with, in plain words."""
    if not figures:
        return None
    says, drawings, tables = [], [], []
    for outcome in dict.fromkeys(one.outcome for one in figures):
        own = [one for one in figures if one.outcome == outcome]
        name = outcome.upper()
        whole, parts = own[0], own[1:]
        says += _driver_words(name, whole, parts)
        chart = shares_chart(
            f"drivers-{outcome}", f"Share of the differences in {name} that goes with each family of behaviours",
            [(words(one.family), one.estimate) for one in parts],
        )  # fmt: skip
        if chart:
            drawings.append(
                FigureView(
                    chart, f"Share of the differences in {name} that goes with each family of behaviours, with its 95% "
                    "interval. An interval that crosses 0 leaves it open whether there is anything; a share below 0 is "
                    "a by-product of the estimate: read it as possibly nothing.",
                )
            )  # fmt: skip
        rows = [
            (words(one.family), *_cells(one.estimate, "share"), _direction(one), clean(one.estimate.reason or ""))
            for one in own
        ]
        columns: Columns = (
            ("Family", "id"),
            ("Share", "n"),
            ("95% interval", "n"),
            ("Answers", "n"),
            ("Goes with", "short"),
            ("Note", "note"),
        )
        tables.append(TableView(f"drivers-{outcome}-table", f"Drivers of {name}", columns, tuple(rows)))
    return Section(
        "associations",
        "What the answers go with",
        says=tuple(says),
        text=(
            "How much of the differences between customers' answers goes with what agents do, by family of behaviours, "
            "beyond the mix of contacts. It is an association: nothing here shows that a behaviour made a "
            "customer happier.",
        ),
        figures=tuple(drawings),
        tables=tuple(tables),
        notes=tuple(notes),
    )


def _driver_words(name: str, whole: DriverFigure, parts: Sequence[DriverFigure]) -> list[str]:
    if whole.estimate.value is None:
        return [f"{name}: nothing can be said. {_sentence(whole.estimate.reason)}"]
    found = [_whole_words(name, whole.estimate)]
    if all(one.estimate.low is None for one in parts):
        return found  # without an interval nothing can be said of a family either
    clear = [one for one in parts if one.estimate.low is not None and one.estimate.low > 0]
    if not clear:
        return [*found, f"No single family of behaviours stands out for {name}: every interval reaches 0."]
    clear.sort(key=lambda one: -(one.estimate.value or 0.0))
    named = "; ".join(f"{words(one.family)} ({_share(one.estimate)})" for one in clear)
    return [*found, f"Of the families of behaviours these stand out for {name}: {named}."]


def _whole_words(name: str, whole: Estimate) -> str:
    if whole.low is None:
        return (
            f"{name}: {_share(whole)} of the differences between answers go with what agents do, but there is no "
            f"interval ({clean(whole.reason or '')}), so read nothing into it."
        )
    if whole.low <= 0:
        return f"{name}: whether answers go with what agents do is not settled ({_share(whole)} of their differences)."
    return f"{name}: what agents do accounts for {_share(whole)} of the differences between answers."


def _direction(one: DriverFigure) -> str:
    if one.family == WHOLE:
        return ""
    if one.estimate.low is None or one.estimate.low <= 0:
        return "not settled"
    said = {"+": "better answers", "-": "worse answers", "0": "neither", "mixed": "better and worse"}
    return said.get(one.slope, NONE) + (
        " (the other way round once the other families are allowed for)" if one.suppressor else ""
    )


def consistency_section(found: Steadiness, margin: float) -> Section | None:
    """The score of each shift, peak, site, channel and weekday against all other contacts."""
    judged = [one for one in found.differences if one.measure == "score" and one.group]
    lacking = [one for one in found.differences if not one.group]
    if not judged and not lacking:
        return None
    points = decimals(1)
    rows = [
        (
            f"{one.factor}: {clean(one.group)}",
            number(one.contacts),
            points(one.mean.value),
            points(one.others.value),
            points(one.estimate.value),
            interval(one.estimate, "score"),
            one.verdict,
            clean(one.estimate.reason or ""),
        )
        for one in judged
    ]
    columns: Columns = (
        ("Group", "id"), ("Contacts", "n"), ("Mean score", "n"), ("All others", "n"), ("Difference, same mix", "n"),
        ("95% interval", "n"), ("Verdict", "short"), ("Note", "note"),
    )  # fmt: skip
    chart = differences_chart(
        "consistency", "Score of each group less that of all other contacts",
        [(f"{one.factor}: {one.group}", one.verdict, one.estimate) for one in judged], margin,
        "difference in points, with 95% interval",
    )  # fmt: skip
    caption = (
        f"Score of each group less that of all other contacts. The dashed lines mark {margin:g} points, below which a "
        "difference counts as none."
    )
    table = TableView("consistency-table", "Groups against all other contacts", columns, tuple(rows))
    return Section(
        "consistency",
        _compared(judged),
        says=tuple(_consistency_words(judged, margin)),
        text=(
            "Whether customers are served alike, with the same mix of contacts. “Different”: the difference can be "
            f"told apart from 0 after allowing for all comparisons. “Equivalent”: its 90% interval lies within "
            f"{margin:g} points. “Undetermined”: neither; there are too few contacts or agents to say, which is not "
            "the same as no difference.",
        ),
        figures=(FigureView(chart, caption),) if chart else (),
        tables=(table,) if rows else (),
        notes=(*(f"{one.factor}: {clean(one.estimate.reason or '')}." for one in lacking), *_noted(found.notes)),
    )


def _compared(judged: Sequence[Difference]) -> str:
    """What was compared, as a heading."""
    factors = list(dict.fromkeys(one.factor for one in judged))
    if not factors:
        return _EVERY_FACTOR
    return f"Steadiness by {' and '.join(filter(None, [', '.join(factors[:-1]), factors[-1]]))}"


def _consistency_words(judged: Sequence[Difference], margin: float) -> list[str]:
    if not judged:
        return ["Nothing could be compared; the notes say what lacks."]
    count = Counter(one.verdict for one in judged)
    said = [
        f"Of {len(judged)} comparisons {count['different']} are different, {count['equivalent']} equivalent (within "
        f"{margin:g} points) and {count['undetermined']} undetermined."
    ]
    for one in judged:
        if one.verdict == "different" and one.estimate.value is not None:
            side = "above" if one.estimate.value > 0 else "below"
            said.append(
                f"{one.factor.capitalize()} {clean(one.group)}: {abs(one.estimate.value):.1f} points {side} all "
                f"others ({interval(one.estimate, 'score')})."
            )
    return said


def targets_section(found: Balance) -> Section:
    """Targets with their attainment, and the balanced scorecard."""
    count = Counter(one.standing or _CLEAR_LOSS for one in found.targets)
    said = ", ".join(f"{number(n)} {standing}" for standing, n in count.items())
    rows = [
        (
            clean(one.name),
            one.goal.perspective,
            clean(one.goal.owner or NONE),
            *_cells(one.measured, kind_of(one.unit), n=False),
            _goal(one),
            one.standing or _CLEAR_LOSS,
            *_cells(one.estimate, "r", n=False),
            clean(one.measured.reason or ""),
        )
        for one in found.targets
    ]
    columns: Columns = (
        ("Indicator", "id"), ("Perspective", "short"), ("Owner", "short"), ("Value", "n"), ("95% interval", "n"),
        ("Target", "n"), ("Standing", "short"), ("Attainment", "n"), ("95% interval", "n"), ("Note", "note"),
    )  # fmt: skip
    shown = [
        (
            "All four together" if one.name == COMPOSITE else one.name.capitalize(),
            decimals(2)(one.weight),
            *_cells(one.estimate, "r", n=False),
            clean(one.estimate.reason or ""),
        )
        for one in found.perspectives
    ]
    card: Columns = (
        ("Perspective", "id"),
        ("Weight", "n"),
        ("Attainment", "n"),
        ("95% interval", "n"),
        ("Note", "note"),
    )
    chart = shares_chart(
        "scorecard", "Attainment of each perspective of the balanced scorecard",
        [(name, one.estimate) for (name, *_), one in zip(shown, found.perspectives, strict=True)], most=1.2,
    )  # fmt: skip
    caption = (
        "Attainment of each perspective: 0% at the floor, 100% at the target, at most 120%, with its 95% interval."
    )
    return Section(
        "kpis",
        "Targets and balanced scorecard",
        says=(f"Targets: {said}." if found.targets else "No target is valid on this day.",),
        text=(
            "Attainment is 0 at a target's floor and 1 at the target, at most 1.2. A target that the interval holds, "
            "or a value too thin for an interval, “cannot be told”: more data are needed before anybody is praised or "
            "blamed.",
        ),
        figures=(FigureView(chart, caption),) if chart else (),
        tables=(
            *([TableView("targets-table", "Targets", columns, tuple(rows))] if rows else []),
            TableView("scorecard-table", "Balanced scorecard", card, tuple(shown)),
        ),
        notes=_noted(found.notes),
    )


_EVERY_FACTOR = "Shifts, peak hours, sites, channels and weekdays"
# A column of the contacts, what it is to a reader, and what becomes of a contact in which it is empty.
_NEEDED = (
    ("agent_id", "Agent", "is left out of agents' scores and coaching"),
    ("customer_id", "Customer", "is left out of first-contact resolution and timelines"),
    ("channel", "Channel", "is compared and drawn as “not given”"),
    ("started_at", "Start", "is left out of weeks, shifts, weekdays and trends"),
    ("duration_s", "Times of turns", "is left out of response times, lengths and silences"),
    ("csat", "CSAT answer", "is left out of associations with CSAT"),
    ("score", "Score", "is left out of means of scores: too little of the scorecard applied"),
)


def quality_section(contacts: pa.Table, items: Sequence[ItemRate]) -> Section:
    """What of the contacts is known, what lacks otherwise, and how much the model left open."""
    total = contacts.num_rows
    rows = []
    for column, name, lacks in _NEEDED:
        known = total - contacts[column].null_count
        rows.append((name, number(known), PRINTERS["share"](known / total if total else None), lacks))
    columns: Columns = (
        ("Known of a contact", "id"),
        ("Contacts", "n"),
        ("Share", "n"),
        ("A contact without it", "note"),
    )
    judged = sum(item.met + item.not_met for item in items)
    left = sum(item.unscored for item in items)
    says: tuple[str, ...] = ()
    if judged + left:
        share = PRINTERS["share"](left / (judged + left))
        says = (f"{number(left)} of {number(judged + left)} verdicts ({share}) were too close to call and left open.",)
    return Section(
        "quality",
        "What is known of the contacts, and limits of the model",
        says=says,
        text=(
            "The model reads English text turn by turn, with the turns before as context. It hears no voice, sees no "
            "screen, and does not know whether what an agent said is true. It was trained on other campaigns than "
            "yours, which its model card names; expect it to be right less often here than there. Irony, dialect and "
            "poor speech recognition cost accuracy. Grade some contacts yourselves before you trust a level.",
        ),
        tables=(TableView("known", "What is known of the contacts", columns, tuple(rows)),),
    )


def _goal(one: Attained) -> str:
    side = "at least" if one.goal.direction == "higher" else "at most"
    return f"{side} {PRINTERS[kind_of(one.unit)](one.goal.target)}"


def _cells(estimate: Estimate, kind: str, *, n: bool = True) -> tuple[str, ...]:
    cells = PRINTERS[kind](estimate.value), interval(estimate, kind)
    return (*cells, number(estimate.n)) if n else cells


def _share(estimate: Estimate) -> str:
    said = PRINTERS["share"](estimate.value)
    return said if estimate.low is None else f"{said}, {interval(estimate, 'share')}"


def _sentence(reason: str | None) -> str:
    return f"{reason[:1].upper()}{reason[1:]}." if reason else ""


def _noted(notes: Iterable[str]) -> tuple[str, ...]:
    return tuple(f"{note[:1].upper()}{note[1:]}" for note in notes)
