"""Draws reliability curves: what share of the labels that got a score is true, per head and channel."""

from typing import Any

from eval.tables import TITLES

_FEWEST = 10  # scores in a bin; the share of fewer is mostly chance, so such bins are not drawn
_COLOURS = ("#1b1b1b", "#0072b2", "#d55e00", "#009e73", "#cc79a7")  # Okabe and Ito 2008: told apart by the colour-blind
_DASHES = ([1, 0], [6, 2], [2, 2], [8, 3, 2, 3], [4, 4])


def draw(calibration: dict[str, Any]) -> str:
    """An SVG with one panel a head: mean score of a bin (across) against the share that is true (up), by channel."""
    import altair as alt
    import vl_convert

    # A bin of few scores has no share, so that a line breaks there instead of running on straight.
    points = [
        {
            "head": TITLES[head],
            "channel": channel,
            "score": one["mean"],
            "share": one["share"] if one["cases"] >= _FEWEST else None,
        }
        for head, channels in calibration.items()
        for channel, found in channels.items()
        for one in found["bins"]
    ]
    names = list(dict.fromkeys(point["channel"] for point in points))
    axis = {"scale": alt.Scale(domain=[0, 1]), "type": "quantitative"}
    colour = alt.Scale(domain=names, range=list(_COLOURS[: len(names)]))
    dash = alt.Scale(domain=names, range=list(_DASHES[: len(names)]))
    base = alt.Chart(alt.Data(values=points)).encode(
        x=alt.X("score", title="score the model gave", **axis),
        y=alt.Y("share", title="share that is true", **axis),
        color=alt.Color("channel:N", scale=colour, title="channel"),
    )
    lines = base.mark_line().encode(strokeDash=alt.StrokeDash("channel:N", scale=dash, title="channel"))
    perfect = (
        alt.Chart(alt.Data(values=[{"score": 0, "share": 0}, {"score": 1, "share": 1}]))
        .mark_line(color="#999999", strokeWidth=1)
        .encode(x=alt.X("score", **axis), y=alt.Y("share", **axis))
    )
    panels = [
        alt.layer(
            perfect, (lines + base.mark_circle(size=28, opacity=1)).transform_filter(f"datum.head === '{title}'")
        ).properties(title=title, width=320, height=320)
        for title in dict.fromkeys(point["head"] for point in points)
    ]
    chart = alt.hconcat(*panels, config=alt.Config(background="white", font="sans-serif"))
    return str(vl_convert.vegalite_to_svg(chart.to_json(), vl_version="6.1", allowed_base_urls=[]))
