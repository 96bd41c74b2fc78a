"""Tables to charts: each function takes findings and returns one SVG, or None where there is nothing to draw."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from cxsentiment.drawing import BLUE, GREY, INK, ORANGE, Row, kinds, svg, zero
from cxsentiment.imports import some_home
from cxsentiment.page_schema import Touchpoint, TrendPoint
from cxsentiment.schema import AgentScore, Association, Estimate, ItemRate, JourneyPoint, Level
from cxsentiment.text import clean

with some_home():
    import altair as alt

MAX_ROWS = 40
"""At most this many agents, items or features are drawn; the table beside the chart has all."""
MAX_CHANNELS = 12
"""At most this many channels are drawn in the journey; the table beside it has all."""

LEVELS: Mapping[Level, str] = {"pooled": "all contacts", "within": "within agents", "between": "between agents"}

# (colour, shape) of each kind of mark, in the order of the legend.
_LEVEL_MARKS = {
    LEVELS["pooled"]: (INK, "diamond"),
    LEVELS["within"]: (BLUE, "circle"),
    LEVELS["between"]: (ORANGE, "square"),
}
_STANDING_MARKS = {
    "above the mean": (BLUE, "triangle-up"),
    "below the mean": (ORANGE, "triangle-down"),
    "cannot be told apart": (GREY, "circle"),
    "not stated": (GREY, "square"),
}
_INSIDE, _OUTSIDE = "within its limits", "outside its limits"
_LIMIT_MARKS = {_INSIDE: (BLUE, "circle"), _OUTSIDE: (ORANGE, "triangle-up")}
_VERDICT_MARKS = {
    "equivalent": (BLUE, "circle"),
    "different": (ORANGE, "triangle-up"),
    "undetermined": (GREY, "square"),
}
_START, _END, _UNKNOWN = "at its start", "at its end", "not known"
_MOOD_MARKS = {_START: (ORANGE, "square"), _END: (BLUE, "circle"), _UNKNOWN: (GREY, "cross")}
_STANDINGS = {"above": "above the mean", "below": "below the mean", "cannot be told apart": "cannot be told apart"}

# Drawn about as wide as a phone is, so that letters stay readable there and are merely larger on a desktop.
_PLOT_WIDTH, _LABEL_WIDTH = 245, 132
_PANEL_WIDTH, _PANEL_HEIGHT = 172, 100
_ROW_STEP, _LEVEL_STEP = 20, 10
_CONTROL_WIDTH, _CONTROL_HEIGHT, _PERIOD_LABELS, _TREND_HEIGHT = 360, 150, 12, 110
_STRIP_HEIGHT = 52
# An interval may reach beyond a scale's ends (a mean of two contacts): it is clipped there; its table says how far.
# A line of unknown values is broken there, not joined across.
_BROKEN = "break-paths-show-domains"


def agents_chart(agents: Sequence[AgentScore]) -> str | None:
    """Mean score (0-100) of each agent with its 95 % interval, in the order given."""
    drawn = [agent for agent in agents if agent.estimate.value is not None][:MAX_ROWS]
    if not drawn:
        return None
    rows = [_row(_named(a.agent_id), a.estimate, _STANDINGS.get(a.standing or "", "not stated")) for a in drawn]
    low, high = _reach(agent.estimate for agent in drawn)
    scale = alt.Scale(domain=[max(0, 5 * ((low - 2) // 5)), min(100, 5 * ((high + 2) // 5 + 1))], nice=False)
    chart = _dots(rows, scale, "mean score (0-100), with 95% interval", marks=kinds(rows, _STANDING_MARKS))
    return svg(chart, "agents", f"Mean score of {len(drawn)} agents with 95% intervals, in the order of their ids")


def items_chart(rates: Sequence[ItemRate]) -> str | None:
    """Share of contacts (0-100 %) that met each scorecard item, with its 95 % interval, in the order given."""
    drawn = [rate for rate in rates if rate.estimate.value is not None][:MAX_ROWS]
    if not drawn:
        return None
    rows = [_row(words(rate.item), rate.estimate) for rate in drawn]
    scale = alt.Scale(domain=[0, 1], nice=False)
    chart = _dots(rows, scale, "share of contacts that met it, with 95% interval", number_format="%")
    return svg(chart, "items", f"Share of contacts that met each of {len(drawn)} scorecard items, most missed first")


def associations_chart(associations: Sequence[Association]) -> str | None:
    """Forest plot of correlations (-1 to 1) with one survey outcome: one row a feature, one mark a level.

    Give the associations of one outcome; the features keep the order in which they come.
    """
    known = [a for a in associations if a.estimate.value is not None]
    features = list(dict.fromkeys(a.feature for a in known))[:MAX_ROWS]
    drawn = [a for a in known if a.feature in features]
    if not drawn:
        return None
    rows = [_row(words(a.feature), a.estimate, LEVELS[a.level]) for a in drawn]
    base = alt.Chart(alt.Data(values=rows)).encode(
        y=_names(rows), yOffset=alt.YOffset("kind:N", scale=alt.Scale(domain=list(_LEVEL_MARKS), paddingOuter=0.3))
    )
    x = {"title": "Spearman correlation, with 95% interval", "scale": _symmetric(drawn)}
    marked = kinds(rows, _LEVEL_MARKS)
    interval = base.mark_rule(clip=True, strokeWidth=1.5).encode(
        x=alt.X("low:Q", **x), x2="high:Q", color=marked["color"]
    )
    marks = base.mark_point(filled=True, size=36, opacity=1).encode(x=alt.X("estimate:Q", **x), **marked)
    chart = zero("x") + interval + marks
    title = f"Correlation of {len(features)} features with {words(drawn[0].outcome)}, with 95% intervals"
    chart = chart.properties(width=_PLOT_WIDTH, height=alt.Step(_LEVEL_STEP, **{"for": "offset"}))
    return svg(chart, f"associations-{words(drawn[0].outcome)}", title)


def journey_chart(points: Sequence[JourneyPoint]) -> str | None:
    """Mean customer valence (-1 to 1) over the tenths of a contact: one small plot a channel, intervals as bands."""
    channels = list(dict.fromkeys(p.channel for p in points if p.estimate.value is not None))[:MAX_CHANNELS]
    drawn = [p for p in points if p.channel in channels]
    if not drawn:
        return None
    rows = [_row(channel_words(p.channel), p.estimate) | {"tenth": p.tenth} for p in drawn]
    first, last = min(p.tenth for p in drawn), max(p.tenth for p in drawn)
    ends = alt.Axis(
        values=[first, last],
        labelExpr=f"datum.value == {first} ? 'start of contact' : 'end'",
        labelAlign=alt.expr(f"datum.value == {first} ? 'left' : 'right'"),
        grid=False,
    )
    base = alt.Chart().encode(
        x=alt.X("tenth:Q", title=None, axis=ends, scale=alt.Scale(domain=[first, last], nice=False))
    )
    y = alt.Y("estimate:Q", title=None, axis=alt.Axis(tickCount=5), scale=_symmetric(drawn))
    band = base.mark_area(clip=True, color=BLUE, opacity=0.25, invalid=_BROKEN).encode(y="low:Q", y2="high:Q")
    line = base.mark_line(color=BLUE, point={"size": 24, "color": BLUE}, invalid=_BROKEN).encode(y=y)
    panel = alt.layer(zero("y"), band, line, data=alt.Data(values=rows))
    header = alt.Header(title=None, labelFontSize=13, labelFontWeight="bold", labelAnchor="start", labelLimit=180)
    order = [channel_words(channel) for channel in channels]
    chart = panel.properties(width=_PANEL_WIDTH, height=_PANEL_HEIGHT).facet(
        facet=alt.Facet("name:N", sort=order, header=header), columns=2, spacing={"row": 12, "column": 22}
    )
    return svg(chart, "journey", "Mean customer sentiment from the start to the end of a contact, for each channel")


def timelines_chart(points: Sequence[Touchpoint]) -> str | None:
    """The mood (-1 to 1) at the start and the end of each contact by day: one strip a customer, in the order given."""
    rows = [row for one in _spaced(points) for row in one]
    if all(row["mood"] is None for row in rows):
        return None
    rows = [row if row["mood"] is not None else {**row, "mood": 0.0, "kind": _UNKNOWN} for row in rows]
    days = [date.fromisoformat(one.day) for one in points]
    # A day of room at both ends: a point on the edge would be cut in half.
    ends = [str(min(days) - timedelta(days=1)), str(max(days) + timedelta(days=2))]
    axis = alt.Axis(format="%Y-%m-%d", tickCount=4, grid=False, labelOverlap=True)
    x = alt.X("at:T", title=None, axis=axis, scale=alt.Scale(type="utc", domain=ends, nice=False))
    y = alt.Y("mood:Q", title=None, axis=alt.Axis(values=[-1, 0, 1]), scale=alt.Scale(domain=[-1.2, 1.2], nice=False))
    base = alt.Chart().encode(x=x, y=y)
    within = base.mark_line(color=GREY, strokeWidth=1.5).encode(detail="contact:N")
    marks = base.mark_point(filled=True, size=45, opacity=1).encode(**kinds(rows, _MOOD_MARKS))
    strip = alt.layer(zero("y"), within, marks, data=alt.Data(values=rows))
    header = alt.Header(title=None, labelFontSize=12, labelFontWeight="bold", labelAnchor="start", labelLimit=300)
    order = list(dict.fromkeys(row["name"] for row in rows))
    chart = strip.properties(width=_CONTROL_WIDTH, height=_STRIP_HEIGHT).facet(
        facet=alt.Facet("name:N", sort=order, header=header), columns=1, spacing=8
    )
    return svg(chart, "timelines", f"Mood at the start and end of each contact of {len(order)} customers, by day")


def _spaced(points: Sequence[Touchpoint]) -> Iterator[tuple[Row, Row]]:
    """The two ends of each contact; contacts of a customer on one day stand side by side in it, in their order."""
    busy = Counter((one.customer_id, one.day) for one in points)
    seen: Counter[tuple[str, str]] = Counter()
    for one in points:
        key = one.customer_id, one.day
        hour = 24 * (2 * seen[key] + 1) / (2 * busy[key])
        seen[key] += 1
        at = f"{one.day}T{int(hour):02d}:{int(hour % 1 * 60):02d}:00Z"
        ends: Row = {"name": _named(one.customer_id), "contact": f"{one.customer_id} {one.place}", "at": at}
        yield ends | {"mood": one.mood_start, "kind": _START}, ends | {"mood": one.mood_end, "kind": _END}


def trend_chart(points: Sequence[TrendPoint], name: str) -> str | None:
    """Mean score (0-100) by week with its 95 % interval; a grey line for everybody, beside an agent's or a team's."""
    drawn = [p for p in points if p.own.value is not None]
    if len(drawn) < 2:
        return None
    order = [p.week for p in points]
    own = [_row(p.week, p.own) for p in drawn]
    bounds = [b for e in (p.own for p in drawn) for b in (e.value, e.low, e.high) if b is not None]
    bounds += [p.everybody.value for p in points if p.everybody.value is not None]
    scale = alt.Scale(domain=[max(0.0, min(bounds) - 3), min(100.0, max(bounds) + 3)], nice=True)
    axis = alt.Axis(labelAngle=-45, grid=False)
    base = alt.Chart(alt.Data(values=own)).encode(x=alt.X("name:O", sort=order, title=None, axis=axis))
    y = alt.Y("estimate:Q", title="mean score", scale=scale)
    layers = [
        base.mark_rule(clip=True, strokeWidth=1.5, color=BLUE).encode(y=alt.Y("low:Q", scale=scale), y2="high:Q"),
        base.mark_line(color=BLUE, strokeWidth=1).encode(y=y),
        base.mark_point(filled=True, size=60, opacity=1, color=BLUE).encode(y=y),
    ]
    if points[0].of:
        rest = alt.Data(values=[_row(p.week, p.everybody) for p in points if p.everybody.value is not None])
        line = alt.Chart(rest).mark_line(color=GREY, strokeDash=[4, 3], point={"color": GREY, "size": 20})
        layers.insert(0, line.encode(x=alt.X("name:O", sort=order), y=y))
    chart = alt.layer(*layers).properties(width=_CONTROL_WIDTH, height=_TREND_HEIGHT)
    return svg(chart, f"trend-{name}", "Mean score by week with 95% intervals")


def control_chart(
    name: str,
    title: str,
    periods: Sequence[str],
    values: Sequence[float],
    limits: Sequence[tuple[float, float]],
    outside: Sequence[bool],
    unit: str,
) -> str | None:
    """A control chart: the value of each period in order, its limits as a band, and the periods outside in orange."""
    if not periods:
        return None
    rows: list[Row] = [
        {"period": period, "value": value, "low": low, "high": high, "kind": _OUTSIDE if out else _INSIDE}
        for period, value, (low, high), out in zip(periods, values, limits, outside, strict=True)
    ]
    shown = [period for k, period in enumerate(periods) if k % max(1, -(-len(periods) // _PERIOD_LABELS)) == 0]
    axis = alt.Axis(values=shown, labelAngle=-45, grid=False)
    base = alt.Chart(alt.Data(values=rows)).encode(x=alt.X("period:O", sort=list(periods), title=None, axis=axis))
    scale = alt.Scale(zero=False, nice=True)
    y = alt.Y("value:Q", title=unit, scale=scale)
    band = base.mark_area(color=BLUE, opacity=0.15, interpolate="step").encode(
        y=alt.Y("low:Q", scale=scale), y2="high:Q"
    )
    line = base.mark_line(color=GREY, strokeWidth=1).encode(y=y)
    marks = base.mark_point(filled=True, size=40, opacity=1).encode(y=y, **kinds(rows, _LIMIT_MARKS))
    chart = (band + line + marks).properties(width=_CONTROL_WIDTH, height=_CONTROL_HEIGHT)
    return svg(chart, name, title)


def shares_chart(
    name: str, title: str, rows: Sequence[tuple[str, Estimate]], *, most: float | None = None
) -> str | None:
    """Shares (label, estimate 0-1) with 95 % intervals about 0, in the order given; the scale ends at `most`."""
    known = [estimate for _, estimate in rows if estimate.value is not None]
    if not known:
        return None
    low, high = _reach(known)
    scale = alt.Scale(domain=[min(0.0, low), most or min(1.0, high)], nice=most is None)
    return _intervals_chart(name, title, rows, scale, "share, with 95% interval", "%")


def moods_chart(name: str, title: str, rows: Sequence[tuple[str, Estimate]]) -> str | None:
    """Mean valences (label, estimate -1 to 1) with 95 % intervals about 0, in the order given."""
    known = [estimate for _, estimate in rows if estimate.value is not None]
    if not known:
        return None
    low, high = _reach(known)
    reach = min(1.0, max(0.2, -low, high))
    scale = alt.Scale(domain=[-reach, reach], nice=True)
    return _intervals_chart(name, title, rows, scale, "mean sentiment, with 95% interval", ".1f")


def _intervals_chart(
    name: str, title: str, rows: Sequence[tuple[str, Estimate]], scale: alt.Scale, unit: str, number_format: str
) -> str:
    drawn = [_row(_named(label), estimate) for label, estimate in rows if estimate.value is not None][:MAX_ROWS]
    return svg(zero("x") + _dots(drawn, scale, unit, number_format=number_format), name, title)


def differences_chart(
    name: str, title: str, rows: Sequence[tuple[str, str, Estimate]], margin: float, unit: str
) -> str | None:
    """Differences (label, verdict, estimate) with 95 % intervals about 0, and dashed lines at the margins."""
    drawn = [_row(_named(label), estimate, verdict) for label, verdict, estimate in rows if estimate.value is not None]
    drawn = drawn[:MAX_ROWS]
    if not drawn:
        return None
    low, high = _reach(estimate for _, _, estimate in rows if estimate.value is not None)
    reach = max(-low, high, 1.5 * margin)
    scale = alt.Scale(domain=[-reach, reach], nice=True)
    chart = _dots(drawn, scale, unit, marks=kinds(drawn, _VERDICT_MARKS))
    lines = [_at_x(at) for at in (-margin, margin)]
    return svg(zero("x") + lines[0] + lines[1] + chart, name, title)


def abstention_chart(series: Mapping[str, Sequence[tuple[float, float]]]) -> str | None:
    """Lines of (share left to a person, share wrong among the rest), both 0-1, by the series' name."""
    rows = [
        {"series": name, "left": 100 * left, "wrong": 100 * wrong}
        for name, points in series.items()
        for left, wrong in points
    ]
    if not rows:
        return None
    marks = dict(zip(series, ((BLUE, "circle"), (ORANGE, "square")), strict=False))
    chart = (
        alt.Chart(alt.Data(values=rows))
        .mark_line(point=True)
        .encode(
            x=alt.X("left:Q", title="left to a person, %"),
            y=alt.Y("wrong:Q", title="wrong among the rest, %", scale=alt.Scale(zero=True)),
            color=alt.Color(
                "series:N",
                title=None,
                sort=list(series),
                scale=alt.Scale(domain=list(marks), range=[colour for colour, _ in marks.values()]),
                legend=alt.Legend(orient="top"),
            ),
        )
        .properties(width=_CONTROL_WIDTH, height=_CONTROL_HEIGHT)
    )
    return svg(chart, "abstention", "What leaving unsure verdicts to a person costs and saves")


def words(name: str) -> str:
    """A name from the files as words: `sentiment_end` becomes `sentiment end`, `item:greet` `item: greet`."""
    return _named(name.replace("_", " ").replace("item:", "item: ", 1))


def channel_words(channel: str) -> str:
    """A channel of the journey as words; `all` is every channel together."""
    return "all channels" if channel == "all" else words(channel)


def _named(name: str) -> str:
    """An id as it is, fit to be shown."""
    return clean(name) or "(no name)"


def _dots(
    rows: list[Row],
    scale: alt.Scale,
    title: str,
    *,
    number_format: str = "d",
    marks: Mapping[str, Any] | None = None,
) -> alt.LayerChart:
    """One line a name: the interval, the estimate (its colour and shape from `marks`) and n at the right."""
    base = alt.Chart(alt.Data(values=rows)).encode(y=_names(rows))
    x = {"title": title, "scale": scale, "axis": alt.Axis(tickCount=6, format=number_format)}
    interval = base.mark_rule(clip=True, strokeWidth=1.5, color=INK).encode(x=alt.X("low:Q", **x), x2="high:Q")
    dots = base.mark_point(filled=True, size=75, opacity=1, color=BLUE)
    dots = dots.encode(x=alt.X("estimate:Q", **x), **(marks or {}))
    counts = base.mark_text(align="left", baseline="middle", color=GREY, fontSize=11, dx=8)
    counts = counts.encode(x=alt.value(_PLOT_WIDTH), text="n:N")
    return (interval + dots + counts).properties(width=_PLOT_WIDTH, height=alt.Step(_ROW_STEP))


def _row(name: str, estimate: Estimate, kind: str = "") -> Row:
    return {
        "name": name,
        "kind": kind,
        "estimate": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "n": f"n = {estimate.n}",
    }


def _names(rows: Iterable[Row]) -> alt.Y:
    order = list(dict.fromkeys(row["name"] for row in rows))
    return alt.Y(
        "name:N", sort=order, title=None, axis=alt.Axis(labelLimit=_LABEL_WIDTH, grid=True, ticks=False, labelPadding=6)
    )


def _reach(estimates: Iterable[Estimate]) -> tuple[float, float]:
    """Smallest and largest value or bound."""
    bounds = [b for e in estimates for b in (e.value, e.low, e.high) if b is not None]
    return min(bounds), max(bounds)


def _symmetric(drawn: Sequence[Association | JourneyPoint]) -> alt.Scale:
    """A scale with zero in the middle, up to the farthest bound but at least 0.2, so that noise does not look large."""
    low, high = _reach(one.estimate for one in drawn)
    reach = min(1.0, max(0.2, -low, high))
    return alt.Scale(domain=[-reach, reach], nice=True)


def _at_x(at: float) -> alt.Chart:
    return alt.Chart(alt.Data(values=[{}])).mark_rule(color=GREY, strokeDash=[2, 4]).encode(x=alt.datum(at))
