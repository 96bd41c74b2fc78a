import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from dataclasses import replace

import pytest

from cxsentiment.charts import (
    MAX_ROWS,
    agents_chart,
    associations_chart,
    items_chart,
    journey_chart,
    timelines_chart,
    words,
)
from cxsentiment.page_schema import Touchpoint
from cxsentiment.reasons import Reason
from cxsentiment.schema import AgentScore, Association, Estimate, ItemRate, JourneyPoint

NOTHING = Estimate(None, None, None, 0, "none", Reason("not_given", "no data"))


def estimate(value: float, half: float) -> Estimate:
    return Estimate(value, value - half, value + half, 50, "method")


def agents(count: int) -> list[AgentScore]:
    standings = ("above", "below", "cannot be told apart", None)
    return [AgentScore(f"A{k}", 50, estimate(60 + k % 30, 4), 0.7, 0.5, standings[k % 4]) for k in range(count)]


def items(count: int) -> list[ItemRate]:
    return [ItemRate(f"item_{k}", "s", "?", estimate(0.5, 0.1), 1, 1, 0, 0) for k in range(count)]


def associations(count: int, outcome: str = "csat") -> list[Association]:
    return [
        Association(f"feature_{k}", outcome, level, estimate(0.1, half), 8, 0.2, 0.5, 0.3)
        for k in range(count)
        for level, half in (("pooled", 0.1), ("within", 0.12), ("between", 0.5))
    ]


def points(channels: int) -> list[JourneyPoint]:
    return [JourneyPoint(f"channel_{c}", t, estimate(t / 20 - 0.2, 0.1)) for c in range(channels) for t in range(10)]


def touchpoints(count: int) -> list[Touchpoint]:
    return [
        Touchpoint(f"u{k}", place, f"c{k}-{place}", f"2026-06-{day:02d}", "chat", None, -0.5, 0.5, 50.0, None)
        for k in range(count)
        for place, day in ((1, 3), (2, 3), (3, 20))
    ]


def svg(chart: str | None) -> ElementTree.Element:
    assert chart is not None
    return ElementTree.fromstring(chart)


def texts(chart: str | None) -> list[str]:
    return [element.text or "" for element in svg(chart).iter("{http://www.w3.org/2000/svg}text")]


def height(chart: str | None) -> float:
    return float(svg(chart).attrib["viewBox"].split()[3])


CHARTS: dict[str, Callable[[int], str | None]] = {
    "agents": lambda count: agents_chart(agents(count)),
    "items": lambda count: items_chart(items(count)),
    "associations": lambda count: associations_chart(associations(count)),
    "journey": lambda count: journey_chart(points(count)),
    "timelines": lambda count: timelines_chart(touchpoints(count)),
}


@pytest.mark.parametrize("name", CHARTS)
def test_a_chart_is_one_named_image_that_takes_the_width_of_its_place(name: str) -> None:
    root = svg(CHARTS[name](4))
    title = root.find("{http://www.w3.org/2000/svg}title")
    assert title is not None
    assert title.text
    assert root.attrib["role"] == "img"
    assert root.attrib["aria-labelledby"] == title.attrib["id"]
    assert root.attrib["width"] == "100%"
    assert "height" not in root.attrib


@pytest.mark.parametrize("name", CHARTS)
def test_the_same_values_give_the_same_bytes_whatever_was_drawn_before(name: str) -> None:
    first = CHARTS[name](4)
    for other in CHARTS.values():
        other(3)
    assert CHARTS[name](4) == first


@pytest.mark.parametrize("name", [name for name in CHARTS if name != "timelines"])  # of five customers at most
def test_height_grows_with_rows_up_to_a_limit(name: str) -> None:
    assert height(CHARTS[name](2)) < height(CHARTS[name](8)) < height(CHARTS[name](MAX_ROWS))
    assert height(CHARTS[name](MAX_ROWS + 5)) == height(CHARTS[name](MAX_ROWS))


def test_no_chart_where_there_is_nothing_to_draw() -> None:
    assert agents_chart([]) is None
    assert agents_chart([replace(agent, estimate=NOTHING) for agent in agents(3)]) is None
    assert items_chart([]) is None
    assert items_chart([replace(item, estimate=NOTHING) for item in items(3)]) is None
    assert associations_chart([]) is None
    assert associations_chart([replace(one, estimate=NOTHING) for one in associations(3)]) is None
    assert journey_chart([]) is None
    assert timelines_chart([]) is None
    assert timelines_chart([replace(one, mood_start=None, mood_end=None) for one in touchpoints(3)]) is None
    assert journey_chart([replace(point, estimate=NOTHING) for point in points(2)]) is None


def test_contacts_of_one_day_stand_side_by_side_and_unknown_moods_are_marked() -> None:
    drawn = touchpoints(1)
    drawn[2] = replace(drawn[2], mood_end=None)
    chart = timelines_chart(drawn)
    assert {"u0", "at its start", "at its end", "not known"} <= set(texts(chart))
    places = re.findall(r'<path transform="translate\(([\d.]+),([\d.]+)\)"', chart or "")
    squares_and_circles = {x for x, _ in places}
    assert len(places) >= 6
    assert len(squares_and_circles) >= 3  # two contacts of the third day, one of the twentieth
    assert "not known" not in texts(timelines_chart(touchpoints(1)))


def test_ids_do_not_meet_when_charts_share_a_page() -> None:
    page = [chart(3) for chart in CHARTS.values()] + [associations_chart(associations(3, "nps"))]
    ids = [name for chart in page for name in re.findall(r'\sid="([^"]+)"', chart or "")]
    used = [name for chart in page for name in re.findall(r"url\(#([^)]+)\)", chart or "")]
    assert len(ids) == len(set(ids)) >= len(page)
    assert set(used) <= set(ids)


def test_rows_keep_the_order_given_and_carry_n() -> None:
    shown = texts(agents_chart([*reversed(agents(4))]))
    assert [text for text in shown if re.fullmatch(r"A\d", text)] == ["A3", "A2", "A1", "A0"]
    assert shown.count("n = 50") == 4


def test_the_legend_names_only_what_occurs() -> None:
    one = [agent for agent in agents(8) if agent.standing == "above"]
    assert "above the mean" in texts(agents_chart(one))
    assert "below the mean" not in texts(agents_chart(one))
    assert {"all contacts", "within agents", "between agents"} <= set(texts(associations_chart(associations(2))))


def test_an_estimate_without_interval_is_drawn() -> None:
    alone = replace(agents(1)[0], estimate=Estimate(50.0, None, None, 1, "mean", Reason("too_few", "one value")))
    assert "A0" in texts(agents_chart([alone]))


@pytest.mark.parametrize("bound", [0.0, 100.0])
def test_the_score_axis_stays_on_the_scale(bound: float) -> None:
    edge = replace(agents(1)[0], estimate=Estimate(bound, max(0, bound - 1), min(100, bound + 1), 9, "mean"))
    numbers = [float(text) for text in texts(agents_chart([edge])) if re.fullmatch(r"-?\d+", text)]
    assert min(numbers) >= 0
    assert max(numbers) <= 100
    assert bound in numbers


def test_an_interval_beyond_the_scale_does_not_widen_the_chart() -> None:
    wide = [replace(agent, estimate=Estimate(60.0, -160.0, 280.0, 2, "mean")) for agent in agents(2)]
    assert (
        svg(agents_chart(wide)).attrib["viewBox"].split()[2]
        == svg(agents_chart(agents(2))).attrib["viewBox"].split()[2]
    )


def test_a_tenth_without_value_breaks_the_line() -> None:
    whole, broken = points(1), points(1)
    broken[4] = replace(broken[4], estimate=NOTHING)
    lines = [
        re.findall(r'<path [^>]*?\bd="([^"]+)"[^>]*stroke="#0072B2"', journey_chart(p) or "") for p in (whole, broken)
    ]
    assert [max(path.count("M") for path in paths) for paths in lines] == [1, 2]


def test_hostile_names_stay_text() -> None:
    names = ("A_1", "<script>x</script>", "a & b \x00", "\u202edlrow", "W" * 300, "new\nline", "")
    shown = texts(agents_chart([replace(agents(1)[0], agent_id=name) for name in names]))
    assert {"A_1", "<script>x</script>", "a & b", "dlrow", "(no name)"} <= set(shown)
    assert any(text.startswith("WWW") and text.endswith("…") for text in shown)


@pytest.mark.parametrize(
    ("name", "said"),
    [("sentiment_end", "sentiment end"), ("item:check_resolved", "item: check resolved"), ("", "(no name)")],
)
def test_names_read_as_words(name: str, said: str) -> None:
    assert words(name) == said


@pytest.mark.parametrize("name", CHARTS)
def test_only_the_drawing_as_a_whole_has_a_role_and_a_name(name: str) -> None:
    chart = CHARTS[name](3)
    assert chart is not None
    assert re.findall(r'\srole="([^"]*)"', chart) == ["img"]
    assert chart.count("aria-") == 1
