"""The journey's figures → sections of a report: stages, peaks and troughs, what surrounds them, who comes back."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from cxsentiment.charts import channel_words, moods_chart, timelines_chart, words
from cxsentiment.figures import Tables
from cxsentiment.journey.peaks import (
    LEAST_TURNS,
    ActBefore,
    Extremes,
    ItemAround,
    StageMood,
    acts_before,
    extremes,
    items_around,
    stage_moods,
)
from cxsentiment.journey.stages import Course
from cxsentiment.journey.timelines import Returns, returns
from cxsentiment.journey.topics import Topic, topics
from cxsentiment.journey.valence import ALL
from cxsentiment.page_schema import Columns, FigureView, Section, TableView, Touchpoint
from cxsentiment.pages.printing import NONE, PRINTERS, decimals, interval, number
from cxsentiment.schema import Estimate
from cxsentiment.starts import Starts
from cxsentiment.stats.arrays import IntArray
from cxsentiment.text import clean

_SHOWN = 6  # acts, and items, on either side
_PHRASES = 5
_MOST_READ = 100_000  # turns whose words are counted


@dataclass(frozen=True, slots=True)
class Journey:
    """Stages, what stands before peaks and troughs, items around them, topics, and customers who come back."""

    stages: tuple[StageMood, ...]
    acts: tuple[ActBefore, ...]
    items: tuple[ItemAround, ...]
    topics: tuple[Topic, ...]
    returns: Returns | None
    timelines: tuple[Touchpoint, ...]
    troughs: int
    peaks: int
    measured: int

    def tables(self) -> Tables:
        """The figures by the name of their file."""
        return {
            "journey_stages": (StageMood, self.stages),
            "journey_acts": (ActBefore, self.acts),
            "journey_items": (ItemAround, self.items),
            "journey_topics": (Topic, self.topics),
            "journey_customers": (Touchpoint, self.timelines),
        }


def journey_of(contacts: pa.Table, turns: pa.Table, items: pa.Table, times: Starts) -> Journey:
    """Everything about the journey that needs more than mean valences; times are the contacts' starts."""
    course = Course(turns)
    found = extremes(course)
    back, listed = returns(contacts, times)
    return Journey(
        stage_moods(course, found, contacts),
        acts_before(course, found),
        items_around(course, found, items),
        _topics(course, found),
        back,
        listed,
        int(found.troughs.size),
        int(found.peaks.size),
        int(found.measured.size),
    )


def _topics(course: Course, found: Extremes) -> tuple[Topic, ...]:
    customer = np.flatnonzero(~np.isnan(course.valence))
    rows: list[Topic] = []
    for name, places in (("trough", found.troughs), ("peak", found.peaks)):
        rest = np.setdiff1d(customer, places)
        rows += topics(name, course.texts(_some(places)), course.texts(_some(rest)))
    return tuple(rows)


def _some(rows: IntArray) -> IntArray:
    """At most so many turns, evenly over the run: phrases that stand out do so in fewer, too."""
    return rows[:: max(1, -(-rows.size // _MOST_READ))]


def journey_sections(found: Journey) -> tuple[Section, ...]:
    """The sections of the journey; those that have nothing to say are left out."""
    made = (_stages(found), _around(found), _customers(found))
    return tuple(section for section in made if section is not None)


def _stages(found: Journey) -> Section | None:
    if not found.measured:
        return None
    every = [one for one in found.stages if one.channel == ALL]
    chart = moods_chart(
        "stages", "Mean customer sentiment by stage of contact", [(one.stage, one.valence) for one in every]
    )
    columns: Columns = (
        ("Channel", "id"), ("Stage", "short"), ("Mean sentiment", "n"), ("95% interval", "n"), ("Customer turns", "n"),
        ("Troughs that lie here", "n"), ("95% interval", "n"), ("Peaks that lie here", "n"), ("95% interval", "n"),
    )  # fmt: skip
    rows = [
        (
            channel_words(one.channel),
            one.stage,
            *_cells(one.valence, "r"),
            number(one.valence.n),
            *_cells(one.troughs, "share"),
            *_cells(one.peaks, "share"),
        )
        for one in found.stages
    ]
    says = [
        f"Of {number(found.measured)} contacts with at least {LEAST_TURNS} customer turns, {number(found.troughs)} "
        f"have a moment that reads as negative and {number(found.peaks)} one that reads as positive."
    ]
    if found.troughs:
        turns = sum(one.valence.n for one in every)
        worst = max(every, key=lambda one: one.troughs.value or 0.0)
        says.append(
            f"Most troughs lie in the {worst.stage} ({PRINTERS['share'](worst.troughs.value)}, "
            f"{interval(worst.troughs, 'share')}), which holds {PRINTERS['share'](worst.valence.n / turns)} of the "
            "customers' turns."
        )
    caption = "Mean customer sentiment (−1 to +1) in each stage of a contact, all channels, with its 95% interval."
    return Section(
        "journey",
        "Stages of a contact",
        says=tuple(says),
        text=(
            "Discovery begins when the agent first works on the matter (asks, verifies, holds, informs), resolution "
            "when the agent first informs, closing when the agent offers further help or says goodbye after the last "
            "answer. The trough is a contact's lowest customer turn, where it reads as negative; the peak its highest, "
            "where it reads as positive.",
        ),
        figures=(FigureView(chart, caption),) if chart else (),
        tables=(TableView("stages", "Stages by channel", columns, tuple(rows)),),
    )


def _around(found: Journey) -> Section | None:
    if not found.troughs and not found.peaks:
        return None
    tables: list[TableView] = []
    rows: list[tuple[str, ...]]
    says: list[str] = []
    acts: Columns = (
        ("Just before a", "short"), ("Agent's act", "id"), ("Before it", "n"), ("95% interval", "n"),
        ("Before other customer turns", "n"), ("Difference, points", "n"), ("95% interval", "n"),
    )  # fmt: skip
    shown = [one for at in ("trough", "peak") for one in [a for a in found.acts if a.at == at][:_SHOWN]]
    if shown:
        rows = [
            (
                one.at, words(one.act), *_cells(one.before, "share"), PRINTERS["share"](one.elsewhere.value),
                *_points(one.difference),
            )
            for one in shown
        ]  # fmt: skip
        tables.append(TableView("acts-before", "What the agent did just before", acts, tuple(rows)))
    card: Columns = (
        ("Item", "id"), ("Met, with a trough", "n"), ("Met, without", "n"), ("Difference, points", "n"),
        ("95% interval", "n"),
    )  # fmt: skip
    if found.items:
        rows = [
            (
                words(one.item),
                PRINTERS["share"](one.with_trough.value),
                PRINTERS["share"](one.without.value),
                *_points(one.difference),
            )
            for one in found.items[:_SHOWN]
        ]
        tables.append(
            TableView(
                "items-around",
                f"Items met in contacts with and without a trough, of those with {LEAST_TURNS} customer turns or more",
                card,
                tuple(rows),
            )
        )
    if found.topics:
        columns: Columns = (("At a", "short"), ("Phrase", "id"), ("Contacts", "n"), ("Other turns", "n"), ("z", "n"))
        rows = [
            (one.at, clean(one.phrase), number(one.contacts), number(one.elsewhere), decimals(1)(one.z))
            for one in found.topics
        ]
        tables.append(TableView("topics", "Phrases that stand out", columns, tuple(rows)))
        says = [said for name in ("trough", "peak") for said in _phrases(found, name)]
    return Section(
        "journey",
        "Around peaks and troughs",
        says=tuple(says),
        text=(
            "What stands close to a low or a high moment. It shows what goes together, not what causes what: a bad "
            "answer may come before a trough because the news was bad.",
        ),
        tables=tuple(tables),
    )


def _phrases(found: Journey, at: str) -> list[str]:
    said = [f"“{clean(one.phrase)}”" for one in found.topics if one.at == at][:_PHRASES]
    return [f"Customers at a {at} speak of {', '.join(said)}."] if said else []


def _customers(found: Journey) -> Section | None:
    told = found.returns
    if told is None or not told.steps:
        return None
    says = (
        f"{number(told.several)} of {number(told.customers)} customers have several contacts, on any matter. "
        f"{_said(told.soon, 'share')} of contacts are followed by another of the same customer within seven days. From "
        f"one contact of a customer to the next, whenever it came, the median gap is {_said(told.gap_days, 'score')} "
        "days.",
        f"A contact that was followed by another ended at {_said(told.end, 'r')}; the next one began at "
        f"{_said(told.next_start, 'r')}: means over the last and the first quarter of the customer's turns. "
        f"{_said(told.other_channel, 'share')} of the next contacts came by another channel.",
    )
    columns: Columns = (
        ("Customer", "id"), ("Contact", "n"), ("Day", "short"), ("Channel", "short"), ("Queue", "short"),
        ("Mood at start", "n"), ("Mood at end", "n"), ("Score", "n"), ("CSAT", "n"),
    )  # fmt: skip
    moods = decimals(2)
    rows = [
        (
            clean(one.customer_id), f"{one.place}", one.day, clean(one.channel or NONE), clean(one.queue or NONE),
            moods(one.mood_start), moods(one.mood_end), PRINTERS["score"](one.score), PRINTERS["score"](one.csat),
        )
        for one in found.timelines
    ]  # fmt: skip
    chart = timelines_chart(found.timelines)
    caption = (
        "The customer's mood (−1 to +1) at the start and at the end of each contact, joined by a line, by day: the "
        "customers with most contacts. Contacts of one day stand side by side."
    )
    return Section(
        "journey",
        "Customers who come back",
        says=says,
        figures=(FigureView(chart, caption, private=True),) if chart else (),
        tables=(TableView("timelines", "Timelines of customers", columns, tuple(rows), private=True),),
        notes=(
            "The customers with most contacts are listed contact by contact; at most the latest twelve of each.",
            "Only contacts of this run are known: customers may have come back elsewhere.",
        ),
    )


def _cells(estimate: Estimate, kind: str) -> tuple[str, str]:
    return PRINTERS[kind](estimate.value), interval(estimate, kind)


def _points(difference: Estimate) -> tuple[str, str]:
    """A difference of shares in points of 100."""
    whole = decimals(0)
    parts = [None if one is None else 100 * one for one in (difference.value, difference.low, difference.high)]
    return whole(parts[0]), f"{whole(parts[1])} to {whole(parts[2])}" if parts[1] is not None else NONE


def _said(estimate: Estimate, kind: str) -> str:
    value = PRINTERS[kind](estimate.value)
    return value if estimate.low is None else f"{value} ({interval(estimate, kind)})"
