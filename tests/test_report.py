import csv
import io
import re
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from cxsentiment import report, runs
from cxsentiment.errors import RunError
from cxsentiment.kpis.overview import kpis
from cxsentiment.pages.printing import PRINTERS
from cxsentiment.pages.report_page import html
from cxsentiment.reasons import Reason
from cxsentiment.schema import (
    AgentScore,
    Association,
    CoachingMoment,
    Estimate,
    Findings,
    ItemRate,
    JourneyPoint,
    Kpi,
    Level,
    QuotedTurn,
)
from cxsentiment.spreadsheets import csv_text

NASTY = (
    "<script>alert('x')</script>",
    '=cmd|"/c calc"!A1',
    "\u05e9\u05dc\u05d5\u05dd, where is my refund? \u202etxet desrever\u202c",
    "Donaudampfschifffahrtsgesellschaft" * 8,
    "thanks \U0001f600\U0001f469\u200d\U0001f4bb & goodbye",
    "@SUM(1+1)",
    "{{ 7 * 7 }} {% raw %}",
)
LEVELS: tuple[Level, ...] = ("pooled", "within", "between")
FEATURES = ("score", "sentiment_mean", "sentiment_end", *(f"item:item_{k}" for k in range(22)))
VOID = {"meta", "link", "br", "hr", "img", "input"}


def estimate(value: float, half: float, n: int, method: str = "mean, t interval") -> Estimate:
    return Estimate(value, value - half, value + half, n, method)


def missing(reason: str, method: str = "none") -> Estimate:
    return Estimate(None, None, None, 0, method, Reason("nothing_to_count", reason))


def agent(number: int, name: str | None = None) -> AgentScore:
    standing = ("above", "cannot be told apart", "below", "cannot be told apart")[number % 4]
    mean = estimate(64 + 3.7 * (number % 5), 2.4 + 0.4 * (number % 3), 40 + number)
    return AgentScore(f"A{number}" if name is None else name, 44 + number, mean, 0.71, 0.93, standing)


def association(feature: str, level: Level, value: float, p_adjusted: float | None) -> Association:
    half = 0.45 if level == "between" else 0.12
    p = None if p_adjusted is None else p_adjusted / 3
    reading = f"Over all contacts, {feature} and CSAT: not settled." if level == "pooled" else ""
    found = estimate(value, half, 152, f"Spearman, {level}, delete-one-agent jackknife")
    return Association(feature, "csat", level, found, 8, p, p_adjusted, 0.23, None, reading)


def moment(number: int, text: str) -> CoachingMoment:
    context = (
        QuotedTurn(3, "customer", f"I already told you twice. {text}"),
        QuotedTurn(4, "agent", f"Well. {text} Anyway, next question."),
    )
    return CoachingMoment(
        contact_id=f"contact-{number}",
        agent_id=f"A{1 + number % 8}",
        skill="missed_empathy",
        strength=number % 3 == 0,
        turn=4,
        quote=text,
        context=context,
        why=f"The customer was negative; {text}",
        focus="Name the customer's trouble in your next sentence, before the solution.",
        confidence=0.83,
    )


RUN: Mapping[str, object] = {
    "demo": True,
    "software": {"name": "cxsentiment", "version": "0.1.0"},
    "model": {"name": "default", "version": "1", "sha256": "ab" * 32},
    "rubric": {"name": "default", "version": "1.0", "sha256": "cd" * 32, "content": {"sections": ["not repeated"]}},
    "settings": {"map": {}, "role": {"AGT": "agent"}},
    "inputs": [{"source": "campaign.jsonl", "sha256": "ef" * 32, "bytes": 123456}],
    "contacts": {"in": 436, "scored": 435, "rejected": 1},
    "turns": {"in": 8130, "scored": 8100, "without_text": 23, "refused": 7, "times_refused": 0},
    "surveys": {"answers": 160, "matched": 152, "unmatched": 8, "rejected": 0, "csat_scale": [1, 5]},
    "masked": {"card": 12, "email": 3},
    "warnings": {"unknown speaker <b>SYS</b>": 4},
    "notes": {"2 agents took part (<i>a1</i>, a2)": 5},
    "seconds": {"read": 0.1, "predict": 2.25, "total": 3.5},
    "turns_per_second": 2314.2,
    "shards": 1,
    "started_at": "2025-01-02T03:04:05+00:00",
}


def findings() -> Findings:
    """A run of 8 agents with something of everything, and hostile text wherever text may stand."""
    values = [(k * 7 % 11 - 5) / 20 for k in range(len(FEATURES) * 3)]
    pairs = [(feature, level) for feature in FEATURES for level in LEVELS]
    return Findings(
        run=RUN,
        agents=tuple(agent(number) for number in (8, 2, 3, 4, 5, 6, 7, 10)),
        agent_notes=("Agents stand in the order of their ids.", NASTY[0]),
        items=(
            *(
                ItemRate(
                    item=f"item_{k}",
                    section="empathy",
                    question=f"Does the agent do thing {k}? {NASTY[k % len(NASTY)]}",
                    estimate=Estimate(k / 16, max(0.0, k / 16 - 0.05), k / 16 + 0.05, 300, "share, Wilson interval"),
                    met=10,
                    not_met=290,
                    not_applicable=100,
                    unscored=0,
                    hint="Say what you will do, and by when.",
                )
                for k in (3, 15, 0, 7, 9, 12)
            ),
            ItemRate("verification", "v", "Asked?", missing("it applied to no contact"), 0, 0, 435, 0),
        ),
        associations=tuple(
            association(feature, level, value, 0.04 if feature == "score" else 0.6)
            for (feature, level), value in zip(pairs, values, strict=True)
        ),
        association_notes=("CSAT: 152 of 435 contacts have an answer.",),
        kpis=(
            Kpi("CSAT, satisfied customers", "%", estimate(71.2, 7.1, 152, "share, Wilson interval"), "4 or 5"),
            Kpi("Call quality", "points", estimate(68.44, 1.31, 435, "mean, interval clustered by agent"), "mean"),
            Kpi("NPS", "points", estimate(-12.34, 9.0, 80, "normal interval"), "promoters less detractors"),
            Kpi("Average handle time", "s", missing("needs a contact log"), "(talk + hold) / handled"),
        ),
        journey=tuple(
            JourneyPoint(
                channel,
                tenth,
                missing("no scored customer turn lies in this tenth")
                if (channel, tenth) == ("social", 4)
                else estimate(-0.3 + 0.06 * tenth + 0.05 * place, 0.08, 90),
            )
            for place, channel in enumerate(("call", "chat", "email", "social"))
            for tenth in range(10)
        ),
        moments=tuple(moment(number, NASTY[number % len(NASTY)]) for number in range(30)),
    )


EMPTY = Findings({}, (), (), (), (), (), (), (), ())


class Structure(HTMLParser):
    """Checks that every element is closed in order; gathers ids, headings, the text and the marked text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.text: list[str] = []
        self.marked: list[str] = []
        self.refers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        values = dict(attrs)
        assert len(values) == len(attrs), f"an attribute of <{tag}> is given twice"
        self.ids += [values["id"] or ""] if "id" in values else []
        self.refers += (values.get("aria-labelledby") or "").split()
        self.refers += [(values["href"] or "").removeprefix("#")] if tag == "a" else []
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open.pop() == tag, f"</{tag}> closes another element"

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)
        if "mark" in self.open:
            self.marked.append(data)


def parsed(page: str) -> Structure:
    structure = Structure()
    structure.feed(page)
    structure.close()
    assert structure.open == []
    return structure


def rows(folder: Path, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO((folder / name).read_text(encoding="utf-8"), newline="")))


@pytest.fixture(scope="module")
def full() -> str:
    return html(findings())


def many_agents() -> Findings:
    return replace(findings(), agents=tuple(agent(number) for number in range(120)))


def one_agent() -> Findings:
    lonely = replace(agent(1), standing=None, reliability=None, p_above=None)
    return replace(
        EMPTY,
        run=RUN,
        agents=(replace(lonely, estimate=Estimate(50.0, None, None, 1, "t", Reason("too_few", "one value"))),),
    )


def untested() -> Findings:
    return replace(findings(), associations=tuple(replace(a, p=None, p_adjusted=None) for a in findings().associations))


def unclear() -> Findings:
    return replace(findings(), associations=tuple(replace(a, p_adjusted=0.7) for a in findings().associations))


CASES = {
    "full": findings,
    "empty": lambda: EMPTY,
    "one agent": one_agent,
    "120 agents": many_agents,
    "untested": untested,
    "unclear": unclear,
}


@pytest.mark.parametrize("case", CASES)
def test_page_is_well_formed_self_contained_and_prints_no_null(case: str) -> None:
    page = html(CASES[case]())
    structure = parsed(page)
    assert len(structure.ids) == len(set(structure.ids))
    assert set(structure.refers) <= set(structure.ids)
    assert structure.tags.count("h1") == 1
    assert {"header", "nav", "main", "footer"} <= set(structure.tags)
    assert not {"script", "link", "img", "iframe", "object", "base", "form"} & set(structure.tags)
    requests = re.sub(r'xmlns(:xlink)?="http://www\.w3\.org/[^"]+"', "", page)
    assert not re.findall(r"https?:|src=|<script|@import|url\((?!#)", requests)
    assert not re.findall(
        r"\b(?:None|nan|NaN|inf|undefined|Undefined)\b", re.sub(r"None of", "", " ".join(structure.text))
    )


def test_hostile_text_is_shown_and_inert(full: str) -> None:
    structure = parsed(full)
    text = "".join(structure.text)
    assert "script" not in structure.tags
    assert "b" not in structure.tags
    assert "<script>alert('x')</script>" in text
    assert "{{ 7 * 7 }} {% raw %}" in text
    assert "unknown speaker <b>SYS</b>" in text
    assert "2 agents took part (<i>a1</i>, a2)" in text
    assert "\u202e" not in full
    assert "".join(structure.marked).count('=cmd|"/c calc"!A1') == sum(n % len(NASTY) == 1 for n in range(30))


def test_holes_copies_and_notes_are_told(full: str) -> None:
    assert "<strong>Holes</strong>: 7 turns could not be used" in full
    assert "Worth knowing, though nothing is wrong" in full
    assert "copies of another contact" not in full
    assert "The times of" not in full
    run = {**RUN, "contacts": {"in": 438, "scored": 435, "rejected": 1, "copies": 2}, "notes": {}}
    run["turns"] = {"in": 8130, "scored": 8100, "without_text": 23, "refused": 0, "times_refused": 3}
    page = report.html(replace(findings(), run=run))
    assert "2 of them were copies of another contact" in page
    assert "The times of 3 turns could not be read" in page
    assert "Holes" not in page
    assert "Worth knowing" not in page


def test_parts_stand_in_their_order(full: str) -> None:
    parts = "overview limits agents items journey associations kpis consistency coaching queue quality method"
    assert re.findall(r'<section id="([^"]+)"', full) == parts.split()
    assert full.count("<svg") == 4


def test_agents_stand_by_id_not_by_score(full: str) -> None:
    table = full[full.index('id="agents-table-caption"') :]
    shown = re.findall(r'<th scope="row" class="id"><bdi>([^<]+)</bdi>', table[: table.index("</table>")])
    assert shown == ["A2", "A3", "A4", "A5", "A6", "A7", "A8", "A10"]


def test_items_stand_by_how_often_they_are_missed(full: str) -> None:
    table = full[full.index('id="items-table-caption"') :]
    shown = re.findall(r'<th scope="row" class="id">([^<]+)</th>', table[: table.index("</table>")])
    assert shown == ["item 0", "item 3", "item 7", "item 9", "item 12", "item 15", "verification"]


def test_numbers_carry_interval_and_n(full: str) -> None:
    assert '<td class="n">67.7</td><td class="n">65.3 to 70.1</td><td class="n">46</td>' in full
    assert '<td class="n">−12.3</td><td class="n">−21.3 to −3.3</td><td class="n">80</td>' in full
    assert "71%" in full
    assert "needs a contact log" in full


@pytest.mark.parametrize(
    ("case", "sentence"),
    [
        ("full", "<strong>1 of 75</strong> associations can be told apart from zero"),
        ("unclear", "<strong>None of the 75 associations with CSAT can be told apart from zero</strong>"),
        ("untested", "<strong>None of the associations with CSAT could be tested.</strong>"),
        ("empty", "No survey answers belong to the contacts of this run"),
    ],
)
def test_page_says_plainly_what_the_associations_amount_to(case: str, sentence: str) -> None:
    assert sentence in html(CASES[case]())


def test_readings_of_clear_associations_come_first(full: str) -> None:
    readings = re.findall(r"<li>(Over all contacts, [^<]+)</li>", full)
    assert len(readings) == len(FEATURES)
    assert readings[0] == "Over all contacts, score and CSAT: not settled."


def test_key_figures_are_named_as_the_indicators_are() -> None:
    names = {kpi.name for kpi in kpis(runs.CONTACTS.empty_table(), None)}
    assert {"Call quality", "CSAT, satisfied customers"} <= names


def test_an_indicator_without_value_gives_its_reason_among_the_key_figures() -> None:
    nothing = Kpi("CSAT, satisfied customers", "%", missing("no contact has a CSAT answer"), "4 or 5")
    page = html(replace(EMPTY, run=RUN, kpis=(nothing,)))
    assert '<dd class="value">–</dd><dd>no contact has a CSAT answer</dd>' in page
    assert "0 of 435 scored contacts" in page


def test_demo_banner_only_on_demo_data(full: str) -> None:
    assert "<strong>DEMO</strong>" in full
    assert "no evidence of accuracy" in full
    assert "<strong>DEMO</strong>" not in html(replace(findings(), run={**RUN, "demo": False}))


def test_many_agents_are_all_in_the_table_and_the_chart_says_it_stops() -> None:
    page = html(many_agents())
    assert "Only the first 40 agents with a score are drawn; the table has all 120." in page
    assert page.count('class="id"><bdi>A') == 120


def test_moments_keep_strengths_first_and_say_what_is_left_out() -> None:
    moments = tuple(replace(moment(k, "quoted"), agent_id="A1", strength=k >= 8) for k in range(20))
    page = html(replace(EMPTY, moments=moments))
    kinds = re.findall(r'class="tag">([^<]+):<', page)
    assert kinds == ["Strength"] * 3 + ["To talk about"] * 3
    assert "6 of 20 moments are shown here." in page


def test_a_huge_turn_is_cut_around_its_quote_and_says_so() -> None:
    long = replace(moment(1, "quoted"), context=(QuotedTurn(4, "agent", "a" * 5000 + "quoted" + "b" * 5000),))
    page = html(replace(EMPTY, moments=(long,)))
    assert "<mark>quoted</mark>" in page
    assert "[9,400 more characters are not shown]" in page


@pytest.mark.parametrize("text", ["well, quoted here", "a text that the quote is not found in"])
def test_turns_stand_in_the_order_they_were_said_whatever_their_numbers(text: str) -> None:
    said = (QuotedTurn(9, "customer", "before"), QuotedTurn(4, "unknown", text), QuotedTurn(7, "agent", "after"))
    page = html(replace(EMPTY, moments=(replace(moment(1, "quoted"), context=said),)))
    assert re.findall(r'class="who">([^<]+)<', page) == ["turn 9, customer", "turn 4", "turn 7, agent"]
    assert page.count("<mark>quoted</mark>") == 1


def test_contacts_without_a_score_are_counted_by_reason_commonest_first() -> None:
    reasons = {"<b>too little</b> applies": 2, "the speaker of 2 turns is unknown": 11}
    page = html(replace(EMPTY, run={**RUN, "null_reasons": reasons}))
    assert re.findall(r'"long">([^<]+)</th><td class="n">(\d+)', page.split("Contacts without a score, by reason")[1])[
        :2
    ] == [
        ("the speaker of 2 turns is unknown", "11"),
        ("&lt;b&gt;too little&lt;/b&gt; applies", "2"),
    ]
    assert "null_reasons" not in page
    assert "Contacts without a score" not in html(replace(EMPTY, run=RUN))


@pytest.mark.parametrize(
    ("named", "shown"),
    [
        ({"command": "cxsentiment score a --out r"}, "cxsentiment score a --out r"),
        (
            {"command": "cxsentiment score a --out r", "report_command": "cxsentiment report r"},
            "cxsentiment score a --out r\ncxsentiment report r",
        ),
    ],
)
def test_the_commands_of_the_receipt_reproduce_the_report(named: Mapping[str, str], shown: str) -> None:
    assert f"<pre><code>{shown}</code></pre>" in html(replace(EMPTY, run={**RUN, **named}))


def test_write_makes_every_file_the_same_twice(tmp_path: Path) -> None:
    index = report.write(findings(), tmp_path / "a" / "report")
    again = report.write(findings(), tmp_path / "b")
    names = {"index.html", *(f"{name}.csv" for name in report.COLUMNS)}
    assert index == tmp_path / "a" / "report" / "index.html"
    assert {path.name for path in index.parent.iterdir()} == names
    assert all((index.parent / name).read_bytes() == (again.parent / name).read_bytes() for name in names)


def test_csv_cells_are_neutralised_empty_for_null_and_exact(tmp_path: Path) -> None:
    report.write(findings(), tmp_path)
    coaching = rows(tmp_path, "coaching.csv")
    assert {row["quote"] for row in coaching} == {f"'{text}" if text.startswith(("=", "@")) else text for text in NASTY}
    assert len(coaching) == 30
    assert coaching[0]["strength"] == "true"
    kpis = {row["name"]: row for row in rows(tmp_path, "kpis.csv")}
    assert kpis["NPS"]["estimate"] == "-12.34"
    assert kpis["Average handle time"]["estimate"] == kpis["Average handle time"]["low"] == ""
    assert kpis["Average handle time"]["reason"] == "needs a contact log"
    agents = rows(tmp_path, "agents.csv")
    assert [row["agent_id"] for row in agents][:2] == ["A2", "A3"]
    assert float(agents[0]["estimate"]) == agent(2).estimate.value
    assert rows(tmp_path, "associations.csv")[0]["p_adjusted"] == "0.04"


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n"])
def test_formula_starts_get_an_apostrophe(start: str) -> None:
    text = csv_text(("name", "n"), [(f"{start}1+1", -1.5)])
    assert list(csv.reader(io.StringIO(text, newline=""))) == [["name", "n"], [f"'{start}1+1", "-1.5"]]


def test_write_says_what_to_do_where_the_folder_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "report").write_text("in the way")
    with pytest.raises(RunError, match=r"cannot be written.*choose a folder"):
        report.write(EMPTY, tmp_path / "report")


def test_undecodable_text_does_not_stop_the_report(tmp_path: Path) -> None:
    odd = replace(findings(), moments=(moment(1, "half \ud83d"),), agents=(agent(1, "A\ud83d\x00"),))
    assert b"\xed" not in report.write(odd, tmp_path).read_bytes()


@pytest.mark.parametrize(
    ("printer", "value", "text"),
    [
        ("score", 71.25, "71.2"),
        ("score", -0.04, "0.0"),
        ("score", None, "–"),
        ("score", float("nan"), "–"),
        ("r", -0.204, "−0.20"),
        ("share", 0.004, "<1%"),
        ("share", 0.0, "0%"),
        ("share", -0.0, "0%"),
        ("share", -0.004, ">−1%"),  # of a difference, or of an interval that crosses 0
        ("share", 0.005, "<1%"),  # 1 of 200
        ("share", -0.005, ">−1%"),
        ("share", -0.996, "<−99%"),
        ("share", -0.03, "−3%"),
        ("share", 0.996, ">99%"),
        ("share", 1.0, "100%"),
        ("percent", 71.6, "72%"),
        ("seconds", 12.34, "12.3 s"),
        ("p", 0.0004, "< .001"),
        ("p", 0.0324, ".032"),
        ("p", 1.0, "1.000"),
        ("seconds", 949.0, "15.8 min"),
        ("seconds", 13336.4, "3.7 h"),
        ("score", 78487.0, "78,487.0"),
    ],
)
def test_numbers_print_as_readers_expect(printer: str, value: float | None, text: str) -> None:
    assert PRINTERS[printer](value) == text


def test_ids_sort_by_their_numbers() -> None:
    shuffled = [agent(0, name) for name in ("b", "A10", "A2", "", "A" + "9" * 5000)]
    page = html(replace(EMPTY, agents=tuple(shuffled)))
    shown = re.findall(r'class="id"><bdi>([^<]*)</bdi>', page)
    assert [name[:3] for name in shown] == ["", "A2", "A10", "A99", "b"]


def test_parts_and_tables_have_names_of_their_own(full: str) -> None:
    names = re.findall(r'<(?:h2 id="[^"]+-title"|caption id="[^"]+")>([^<]+)<', full)
    assert len(names) == len(set(names))
