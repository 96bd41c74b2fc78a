"""Tables to charts: each function takes findings and returns one SVG, or None where there is nothing to draw.

Altair describes the chart and vl-convert renders it here, so a page needs no JavaScript, font or network. An SVG
scales to the width of its place. Colours are Okabe and Ito's, safe for colour-blind readers; shapes repeat what
colours say, so that a grey print still tells them apart.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

import altair as alt
import vl_convert

from cxsentiment.page_schema import TrendPoint
from cxsentiment.schema import AgentScore, Association, Estimate, ItemRate, JourneyPoint, Level
from cxsentiment.text import clean

MAX_ROWS = 40
"""At most this many agents, items or features are drawn; the table beside the chart has all."""
MAX_CHANNELS = 12
"""At most this many channels are drawn in the journey; the table beside it has all."""

LEVELS: Mapping[Level, str] = {"pooled": "all contacts", "within": "within agents", "between": "between agents"}

_BLUE, _ORANGE, _INK, _GREY, _GRID = "#0072B2", "#D55E00", "#1a1a1a", "#595959", "#d9d9d9"
# (colour, shape) of each kind of mark, in the order of the legend.
_LEVEL_MARKS = {
    LEVELS["pooled"]: (_INK, "diamond"),
    LEVELS["within"]: (_BLUE, "circle"),
    LEVELS["between"]: (_ORANGE, "square"),
}
_STANDING_MARKS = {
    "above the mean": (_BLUE, "triangle-up"),
    "below the mean": (_ORANGE, "triangle-down"),
    "cannot be told apart": (_GREY, "circle"),
    "not stated": (_GREY, "square"),
}
_INSIDE, _OUTSIDE = "within its limits", "outside its limits"
_LIMIT_MARKS = {_INSIDE: (_BLUE, "circle"), _OUTSIDE: (_ORANGE, "triangle-up")}
_VERDICT_MARKS = {
    "equivalent": (_BLUE, "circle"),
    "different": (_ORANGE, "triangle-up"),
    "undetermined": (_GREY, "square"),
}
_STANDINGS = {"above": "above the mean", "below": "below the mean", "cannot be told apart": "cannot be told apart"}

# Arial's widths are Liberation Sans's too, by which vl-convert measures: labels fit where they are drawn.
_FONT = "Arial, Helvetica, Liberation Sans, sans-serif"
# Drawn about as wide as a phone is, so that letters stay readable there and are merely larger on a desktop.
_PLOT_WIDTH, _LABEL_WIDTH = 245, 132
_PANEL_WIDTH, _PANEL_HEIGHT = 172, 100
# All charts are at least this wide, so that their letters come out alike on a page.
_PAGE_WIDTH = 430
_ROW_STEP, _LEVEL_STEP = 20, 10
_CONTROL_WIDTH, _CONTROL_HEIGHT, _PERIOD_LABELS, _TREND_HEIGHT = 360, 150, 12, 110
# An interval may reach beyond a scale's ends (a mean of two contacts): it is clipped there; its table says how far.
# A line of unknown values is broken there, not joined across.
_BROKEN = "break-paths-show-domains"

_CONFIG: dict[str, Any] = {
    "font": _FONT,
    "aria": False,  # the SVG as a whole is one image with one name; its table is beside it
    "background": "transparent",
    "view": {"stroke": None},
    "axis": {
        "labelColor": _INK,
        "titleColor": _INK,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "gridColor": _GRID,
        "domainColor": _GREY,
        "tickColor": _GREY,
    },
    "legend": {
        "labelColor": _INK,
        "labelFontSize": 12,
        "orient": "top",
        "title": None,
        "labelLimit": 160,
        "columnPadding": 8,
    },
}

Row = dict[str, Any]


def agents_chart(agents: Sequence[AgentScore]) -> str | None:
    """Mean score (0-100) of each agent with its 95 % interval, in the order given."""
    drawn = [agent for agent in agents if agent.estimate.value is not None][:MAX_ROWS]
    if not drawn:
        return None
    rows = [_row(_named(a.agent_id), a.estimate, _STANDINGS.get(a.standing or "", "not stated")) for a in drawn]
    low, high = _reach(agent.estimate for agent in drawn)
    scale = alt.Scale(domain=[max(0, 5 * ((low - 2) // 5)), min(100, 5 * ((high + 2) // 5 + 1))], nice=False)
    chart = _dots(rows, scale, "mean score (0-100), with 95% interval", marks=_kinds(rows, _STANDING_MARKS))
    return _svg(chart, "agents", f"Mean score of {len(drawn)} agents with 95% intervals, in the order of their ids")


def items_chart(rates: Sequence[ItemRate]) -> str | None:
    """Share of contacts (0-100 %) that met each scorecard item, with its 95 % interval, in the order given."""
    drawn = [rate for rate in rates if rate.estimate.value is not None][:MAX_ROWS]
    if not drawn:
        return None
    rows = [_row(words(rate.item), rate.estimate) for rate in drawn]
    scale = alt.Scale(domain=[0, 1], nice=False)
    chart = _dots(rows, scale, "share of contacts that met it, with 95% interval", number_format="%")
    return _svg(chart, "items", f"Share of contacts that met each of {len(drawn)} scorecard items, most missed first")


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
    kinds = _kinds(rows, _LEVEL_MARKS)
    interval = base.mark_rule(clip=True, strokeWidth=1.5).encode(
        x=alt.X("low:Q", **x), x2="high:Q", color=kinds["color"]
    )
    marks = base.mark_point(filled=True, size=36, opacity=1).encode(x=alt.X("estimate:Q", **x), **kinds)
    chart = _zero("x") + interval + marks
    title = f"Correlation of {len(features)} features with {words(drawn[0].outcome)}, with 95% intervals"
    chart = chart.properties(width=_PLOT_WIDTH, height=alt.Step(_LEVEL_STEP, **{"for": "offset"}))
    return _svg(chart, f"associations-{words(drawn[0].outcome)}", title)


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
    band = base.mark_area(clip=True, color=_BLUE, opacity=0.25, invalid=_BROKEN).encode(y="low:Q", y2="high:Q")
    line = base.mark_line(color=_BLUE, point={"size": 24, "color": _BLUE}, invalid=_BROKEN).encode(y=y)
    panel = alt.layer(_zero("y"), band, line, data=alt.Data(values=rows))
    header = alt.Header(title=None, labelFontSize=13, labelFontWeight="bold", labelAnchor="start", labelLimit=180)
    order = [channel_words(channel) for channel in channels]
    chart = panel.properties(width=_PANEL_WIDTH, height=_PANEL_HEIGHT).facet(
        facet=alt.Facet("name:N", sort=order, header=header), columns=2, spacing={"row": 12, "column": 22}
    )
    return _svg(chart, "journey", "Mean customer sentiment from the start to the end of a contact, for each channel")


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
        base.mark_rule(clip=True, strokeWidth=1.5, color=_BLUE).encode(y=alt.Y("low:Q", scale=scale), y2="high:Q"),
        base.mark_line(color=_BLUE, strokeWidth=1).encode(y=y),
        base.mark_point(filled=True, size=60, opacity=1, color=_BLUE).encode(y=y),
    ]
    if points[0].of:
        rest = alt.Data(values=[_row(p.week, p.everybody) for p in points if p.everybody.value is not None])
        line = alt.Chart(rest).mark_line(color=_GREY, strokeDash=[4, 3], point={"color": _GREY, "size": 20})
        layers.insert(0, line.encode(x=alt.X("name:O", sort=order), y=y))
    chart = alt.layer(*layers).properties(width=_CONTROL_WIDTH, height=_TREND_HEIGHT)
    return _svg(chart, f"trend-{name}", "Mean score by week with 95% intervals")


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
    band = base.mark_area(color=_BLUE, opacity=0.15, interpolate="step").encode(
        y=alt.Y("low:Q", scale=scale), y2="high:Q"
    )
    line = base.mark_line(color=_GREY, strokeWidth=1).encode(y=y)
    marks = base.mark_point(filled=True, size=40, opacity=1).encode(y=y, **_kinds(rows, _LIMIT_MARKS))
    chart = (band + line + marks).properties(width=_CONTROL_WIDTH, height=_CONTROL_HEIGHT)
    return _svg(chart, name, title)


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
    return _svg(_zero("x") + _dots(drawn, scale, unit, number_format=number_format), name, title)


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
    chart = _dots(drawn, scale, unit, marks=_kinds(drawn, _VERDICT_MARKS))
    lines = [_at_x(at) for at in (-margin, margin)]
    return _svg(_zero("x") + lines[0] + lines[1] + chart, name, title)


def abstention_chart(series: Mapping[str, Sequence[tuple[float, float]]]) -> str | None:
    """Lines of (share left to a person, share wrong among the rest), both 0-1, by the series' name."""
    rows = [
        {"series": name, "left": 100 * left, "wrong": 100 * wrong}
        for name, points in series.items()
        for left, wrong in points
    ]
    if not rows:
        return None
    marks = dict(zip(series, ((_BLUE, "circle"), (_ORANGE, "square")), strict=False))
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
    return _svg(chart, "abstention", "What leaving unsure verdicts to a person costs and saves")


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
    interval = base.mark_rule(clip=True, strokeWidth=1.5, color=_INK).encode(x=alt.X("low:Q", **x), x2="high:Q")
    dots = base.mark_point(filled=True, size=75, opacity=1, color=_BLUE)
    dots = dots.encode(x=alt.X("estimate:Q", **x), **(marks or {}))
    counts = base.mark_text(align="left", baseline="middle", color=_GREY, fontSize=11, dx=8)
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


def _kinds(rows: Iterable[Row], marks: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    """Colour and shape by kind; the legend names only kinds that occur."""
    present = {row["kind"] for row in rows}
    domain = [kind for kind in marks if kind in present]
    color = alt.Scale(domain=domain, range=[marks[kind][0] for kind in domain])
    shape = alt.Scale(domain=domain, range=[marks[kind][1] for kind in domain])
    return {"color": alt.Color("kind:N", scale=color), "shape": alt.Shape("kind:N", scale=shape)}


def _reach(estimates: Iterable[Estimate]) -> tuple[float, float]:
    """Smallest and largest value or bound."""
    bounds = [b for e in estimates for b in (e.value, e.low, e.high) if b is not None]
    return min(bounds), max(bounds)


def _symmetric(drawn: Sequence[Association | JourneyPoint]) -> alt.Scale:
    """A scale with zero in the middle, up to the farthest bound but at least 0.2, so that noise does not look large."""
    low, high = _reach(one.estimate for one in drawn)
    reach = min(1.0, max(0.2, -low, high))
    return alt.Scale(domain=[-reach, reach], nice=True)


def _zero(channel: str) -> alt.Chart:
    return alt.Chart(alt.Data(values=[{}])).mark_rule(color=_INK, strokeDash=[3, 3]).encode(**{channel: alt.datum(0)})


def _at_x(at: float) -> alt.Chart:
    return alt.Chart(alt.Data(values=[{}])).mark_rule(color=_GREY, strokeDash=[2, 4]).encode(x=alt.datum(at))


def _svg(chart: alt.TopLevelMixin, name: str, title: str) -> str:
    """Render; give the SVG a name for screen readers, ids of its own, and the width of its place."""
    spec = chart.properties(config=_CONFIG).to_dict()
    svg: str = vl_convert.vegalite_to_svg(spec, vl_version="6.1", allowed_base_urls=[])
    slug = "chart-" + re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    head, body = re.match(r"(<svg[^>]*>)(.*)", svg, re.DOTALL).groups()  # type: ignore[union-attr]
    body = re.sub(r'\s(?:role|aria-\w+)="[^"]*"', "", body)  # roles of its parts would each need a name
    ids: dict[str, str] = {}
    for old in re.findall(r'\sid="([^"]+)"', body):
        ids.setdefault(old, f"{slug}-{len(ids)}")
    for old, new in ids.items():
        body = body.replace(f'id="{old}"', f'id="{new}"').replace(f"url(#{old})", f"url(#{new})")
    width, height = (float(side) for side in re.search(r'viewBox="0 0 (\S+) ([^"]+)"', head).groups())  # type: ignore[union-attr]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" aria-labelledby="{slug}-title" '
        f'width="100%" viewBox="0 0 {max(width, _PAGE_WIDTH):g} {height:g}">'
        f'<title id="{slug}-title">{escape(title)}</title>{body}'
    )
