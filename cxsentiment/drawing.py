"""How every chart is drawn: one look, colours with their shapes, and the SVG with a name for screen readers.

Altair describes a chart and vl-convert renders it here, so a page needs no JavaScript, font or network. An SVG
scales to the width of its place. Colours are Okabe and Ito's, safe for colour-blind readers; shapes repeat what
colours say, so that a grey print still tells them apart.
"""

import re
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

import vl_convert

from cxsentiment.imports import some_home

with some_home():
    import altair as alt

BLUE, ORANGE, INK, GREY, _GRID = "#0072B2", "#D55E00", "#1a1a1a", "#595959", "#d9d9d9"
# Arial's widths are Liberation Sans's too, by which vl-convert measures: labels fit where they are drawn.
_FONT = "Arial, Helvetica, Liberation Sans, sans-serif"
# Where none of these is installed letters are wider, and labels begin this much further to the left.
_ROOM_FOR_LABELS = 24
# All charts are at least this wide, so that their letters come out alike on a page.
_PAGE_WIDTH = 430
_CONFIG: dict[str, Any] = {
    "font": _FONT,
    "aria": False,  # the SVG as a whole is one image with one name; its table is beside it
    "background": "transparent",
    "view": {"stroke": None},
    "axis": {
        "labelColor": INK,
        "titleColor": INK,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "gridColor": _GRID,
        "domainColor": GREY,
        "tickColor": GREY,
    },
    "legend": {
        "labelColor": INK,
        "labelFontSize": 12,
        "orient": "top",
        "title": None,
        "labelLimit": 160,
        "columnPadding": 24,  # a page's font may be wider than the one that it was laid out with
    },
}

Row = dict[str, Any]


def kinds(rows: Iterable[Row], marks: Mapping[str, tuple[str, str]]) -> dict[str, Any]:
    """Colour and shape by kind; the legend names only kinds that occur."""
    present = {row["kind"] for row in rows}
    domain = [kind for kind in marks if kind in present]
    color = alt.Scale(domain=domain, range=[marks[kind][0] for kind in domain])
    shape = alt.Scale(domain=domain, range=[marks[kind][1] for kind in domain])
    return {"color": alt.Color("kind:N", scale=color), "shape": alt.Shape("kind:N", scale=shape)}


def zero(channel: str) -> alt.Chart:
    """A dashed line at 0 of the channel x or y."""
    return alt.Chart(alt.Data(values=[{}])).mark_rule(color=INK, strokeDash=[3, 3]).encode(**{channel: alt.datum(0)})


def svg(chart: alt.TopLevelMixin, name: str, title: str) -> str:
    """Render; give the SVG a name for screen readers, ids of its own, and the width of its place."""
    spec = chart.properties(config=_CONFIG).to_dict()
    drawn: str = vl_convert.vegalite_to_svg(spec, vl_version="6.1", allowed_base_urls=[])
    slug = "chart-" + re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    head, body = re.match(r"(<svg[^>]*>)(.*)", drawn, re.DOTALL).groups()  # type: ignore[union-attr]
    body = re.sub(r'\s(?:role|aria-\w+)="[^"]*"', "", body)  # roles of its parts would each need a name
    ids: dict[str, str] = {}
    for old in re.findall(r'\sid="([^"]+)"', body):
        ids.setdefault(old, f"{slug}-{len(ids)}")
    for old, new in ids.items():
        body = body.replace(f'id="{old}"', f'id="{new}"').replace(f"url(#{old})", f"url(#{new})")
    width, height = (float(side) for side in re.search(r'viewBox="0 0 (\S+) ([^"]+)"', head).groups())  # type: ignore[union-attr]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="chart" role="img" aria-labelledby="{slug}-title" '
        f'width="100%" viewBox="{-_ROOM_FOR_LABELS} 0 {max(width, _PAGE_WIDTH) + _ROOM_FOR_LABELS:g} {height:g}">'
        f'<title id="{slug}-title">{escape(title)}</title>{body}'
    )
