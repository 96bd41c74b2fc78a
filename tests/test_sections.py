"""What a report says beyond its findings: agents with the same mix, drivers, consistency, targets; and the overview."""

import csv
import html as html_module
import io
import json
import math
import re
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from command_line import Command
from gradebook import Book
from test_report import EMPTY, findings

from cxsentiment.calibrated import AgentFigure
from cxsentiment.consistency.contrasts import Difference
from cxsentiment.drivers import WHOLE, DriverFigure
from cxsentiment.findings import Asked, write_report
from cxsentiment.kpis.attainment import Attained, Balance, Perspective
from cxsentiment.kpis.targets import Goal
from cxsentiment.labels import LABELS
from cxsentiment.page_schema import Section, TableView
from cxsentiment.pages.overview import overview
from cxsentiment.pages.report_page import html
from cxsentiment.people_sections import people_section
from cxsentiment.rates import MACHINE_ONLY, Rate
from cxsentiment.reasons import Reason
from cxsentiment.runs import read_receipt, write_receipt
from cxsentiment.schema import Estimate, ItemRate, JourneyPoint, Kpi
from cxsentiment.sections import agents_section, consistency_section, drivers_section, quality_section, targets_section
from cxsentiment.steadiness import Steadiness
from tests.tables import contacts

NOTHING = Estimate(None, None, None, 0, "none", Reason("too_few", "too few answers"))


def estimate(value: float, half: float, n: int = 50) -> Estimate:
    return Estimate(value, value - half, value + half, n, "method")


def agent(name: str, tier: str | None = "above") -> AgentFigure:
    mean = estimate(60, 3)
    return AgentFigure(
        name, "agent", "score", False, 50, 0, 50, mean, mean, estimate(62, 2), 0.9, 0.95, tier, 0.8, None, "coaching"
    )


def driver(family: str, share: float, half: float, slope: str = "+", suppressor: bool = False) -> DriverFigure:
    return DriverFigure("csat", family, estimate(share, half), slope, suppressor)


def difference(factor: str, group: str, value: float, verdict: str, measure: str = "score") -> Difference:
    found = estimate(value, 2.0)
    mean = estimate(60 + value, 3)
    return Difference(
        factor, group, measure, 40, mean, estimate(60, 3), found, None, None, 3.0, verdict, 0.01, 0.02, True
    )


def steady(*rows: Difference) -> Steadiness:
    return Steadiness(rows, (), (), ("2 contacts have no start",), ())


def test_agents_stand_by_id_with_their_tier() -> None:
    section = agents_section([agent("A10"), agent("A2", None)], ("Adjusted for channel.", "There is no league table."))
    assert section is not None
    assert [row[0] for row in section.tables[0].rows] == ["A2", "A10"]
    assert section.tables[0].rows[0] == (
        "A2",
        "60.0",
        "57.0 to 63.0",
        "62.0",
        "60.0 to 64.0",
        "90%",
        "not stated",
        "coaching",
    )
    # A tier beside “same mix” is read as one of it, which it is not.
    assert ("Tier, own mix", "short") in section.tables[0].columns
    assert "does not allow for it" in section.text[0]
    assert section.notes == ("Adjusted for channel.",)
    assert agents_section([], ()) is None


def test_drivers_in_plain_words() -> None:
    rows = [driver(WHOLE, 0.4, 0.1), driver("empathy", 0.2, 0.1), driver("closing", 0.05, 0.1, "-", True)]
    section = drivers_section(rows, ("a note",))
    assert section is not None
    assert section.says == (
        "CSAT: what agents do accounts for 40%, 30% to 50% of the differences between answers.",
        "Of the families of behaviours these stand out for CSAT: empathy (20%, 10% to 30%).",
    )
    assert [row[4] for row in section.tables[0].rows] == ["", "better answers", "not settled"]
    turned = drivers_section([rows[0], driver("pace", 0.2, 0.1, "-", True)], ())
    assert turned is not None
    assert turned.tables[0].rows[1][4] == "worse answers (the other way round once the other families are allowed for)"
    assert len(section.figures) == 1
    thin = replace(rows[0], estimate=replace(rows[0].estimate, low=None, high=None, reason="too few agents"))
    for whole, words in ((driver(WHOLE, 0.04, 0.1), "not settled"), (thin, "read nothing into it")):
        unsure = drivers_section([whole, rows[2]], ())
        assert unsure is not None
        assert words in unsure.says[0]
        assert "accounts for" not in unsure.says[0]
    nobody = drivers_section([rows[0], rows[2]], ())
    assert nobody is not None
    assert nobody.says[1] == "No single family of behaviours stands out for CSAT: every interval reaches 0."
    no_interval = replace(rows[2], estimate=replace(rows[2].estimate, low=None, high=None, reason="too few agents"))
    few = drivers_section([thin, no_interval], ())
    assert few is not None
    assert len(few.says) == 1  # there is no interval that could reach 0
    lacking = drivers_section([DriverFigure("csat", WHOLE, NOTHING, "", False)], ())
    assert lacking is not None
    assert lacking.says == ("CSAT: nothing can be said. Too few answers.",)
    assert lacking.figures == ()
    assert drivers_section([], ()) is None


def test_consistency_names_what_differs_and_what_could_not_be_compared() -> None:
    lacks = replace(difference("site", "", 0, "undetermined"), estimate=NOTHING)
    rows = (
        difference("channel", "email", 9.0, "different"),
        difference("channel", "chat", -9.0, "different"),
        difference("weekday", "Monday", 0.2, "equivalent"),
        difference("channel", "email", 5.0, "different", "item:greet"),
    )
    section = consistency_section(steady(*rows, lacks), 3.0)
    assert section is not None
    assert section.says == (
        "Of 3 comparisons 2 are different, 1 equivalent (within 3 points) and 0 undetermined.",
        "Channel email: 9.0 points above all others (7.0 to 11.0).",
        "Channel chat: 9.0 points below all others (−11.0 to −7.0).",
    )
    assert section.notes == ("site: too few answers.", "2 contacts have no start")
    nothing = consistency_section(steady(lacks), 3.0)
    assert nothing is not None
    assert (nothing.figures, nothing.tables) == ((), ())
    assert consistency_section(steady(), 3.0) is None


def test_targets_and_the_balanced_scorecard() -> None:
    goal = Goal(
        kpi="nps",
        target=10,
        floor=0,
        direction="lower",
        perspective="customer",
        owner="Ann",
        valid_from=date(2026, 1, 1),
    )
    attained = Attained("nps", "NPS", "points", goal, estimate(20, 5), estimate(0.2, 0.1), "not reached")
    unknown = replace(attained, measured=NOTHING, estimate=NOTHING, standing=None)
    parts = (Perspective("customer", 1.0, estimate(0.2, 0.1)), Perspective("composite", None, NOTHING))
    section = targets_section(Balance((attained, unknown), parts, ("targets as of 2026-07-01",)))
    assert section.says == ("Targets: 1 not reached, 1 has no value.",)
    assert section.tables[0].rows[0][:7] == (
        "NPS",
        "customer",
        "Ann",
        "20.0",
        "15.0 to 25.0",
        "at most 10.0",
        "not reached",
    )
    assert section.tables[1].rows[1] == ("All four together", "–", "–", "–", "too few answers")
    assert targets_section(Balance((), parts, ())).says == ("No target is valid on this day.",)


def test_the_overview_names_no_agent_and_leads_to_the_parts() -> None:
    section = consistency_section(steady(difference("channel", "email", 9.0, "different")), 3.0)
    assert section is not None
    points = tuple(JourneyPoint("all", k, estimate(0.1 * k - 0.3 * (k == 2), 0.05)) for k in range(10))
    found = replace(findings(), journey=points)
    lines = overview(found, (section,))
    page = html(found, (section,))
    assert {line.part for line in lines} >= {"agents", "items", "journey", "associations", "consistency"}
    assert all(f'<section id="{line.part}"' in page for line in lines)
    assert not re.search(r"\bA\d+\b", " ".join(line.text for line in lines))
    (mood,) = (line.text for line in lines if line.part == "journey")
    assert "0.00 (−0.05 to 0.05) in the first tenth of a contact and 0.90 (0.85 to 0.95) in the last" in mood
    assert "lowest 20 to 30% into it" in mood
    satisfied = Kpi("CSAT, satisfied customers", "%", Estimate(70.0, 63.0, 77.0, 171, "share"), "answers of at least 4")
    (csat,) = (line.text for line in overview(replace(EMPTY, kpis=(satisfied,)), ()) if line.title == "CSAT")
    assert csat == "70% (63% to 77%) of the 171 answers are of satisfied customers."  # who comes back answers again
    assert "contacts count as independent" in page
    assert overview(EMPTY, ()) == ()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    book = Book(400)
    csat = np.clip(np.round(2.5 + 1.5 * book.truth[0] + book.rng.normal(0, 0.9, book.n)), 1, 5)
    book.columns = {**book.columns, "csat": csat.tolist(), "channel": ["chat", "email"] * 200}
    run = book.write(tmp_path_factory.mktemp("made") / "run")
    counts = {"contacts": {"in": 400, "scored": 400, "rejected": 0}, "seconds": {"total": 1.0}, "shards_reused": 0}
    write_receipt(run, {**(read_receipt(run) or {}), **counts})
    return run


def test_the_report_of_a_run_has_all_parts_and_their_tables(made: Path, tmp_path: Path) -> None:
    targets = tmp_path / "targets.yaml"
    targets.write_text(
        "targets:\n- {kpi: call_quality, target: 50, floor: 0, direction: higher, perspective: customer}\n"
        "perspectives: {customer: 1}\n"
    )
    _, page = write_report(made, asked=Asked(targets))
    text = page.read_text(encoding="utf-8")
    for title in (
        "With the same mix of contacts",
        "What the answers go with",
        "Steadiness by channel",
        "Targets and balanced scorecard",
    ):
        assert f"<h3>{title}</h3>" in text
    assert {"agents_same_mix.csv", "drivers.csv", "consistency.csv"} <= {path.name for path in page.parent.iterdir()}
    head = (page.parent / "drivers.csv").read_text(encoding="utf-8").splitlines()[0]
    assert head == "outcome,family,estimate,low,high,n,method,reason,reason_code,slope,suppressor"


def test_what_people_found_stands_beside_the_machine(made: Path, tmp_path: Path, command: Command) -> None:
    run = tmp_path / "run"
    shutil.copytree(made, run)
    book = Book(400)
    rows = book.label_rows(book.random(150))
    rows += [{**rows[0], "contact_id": "nobody"}, {**rows[1], "value": "perhaps"}]
    labels = tmp_path / "labels.csv"
    with labels.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, LABELS.names)
        table.writeheader()
        table.writerows(rows)
    done = command("report", run, "--labels", labels)
    assert done.code == 3
    assert "labels: 450 that may calibrate, 2 rejected" in done.out
    refused = (run / "report" / "rejects.jsonl").read_text(encoding="utf-8")
    assert '"unknown_contact"' in refused
    assert '"unknown_value"' in refused
    text = (run / "report" / "index.html").read_text(encoding="utf-8")
    assert "<h3>With what people found</h3>" in text
    assert "People's verdicts calibrate the column" in html_module.unescape(text)
    found = list(csv.DictReader(io.StringIO((run / "report" / "rates.csv").read_text(encoding="utf-8"))))
    told = json.loads(command("rates", run, "--labels", labels, "--json").out)
    assert [float(one["estimate"] or "nan") for one in found] == pytest.approx(
        [math.nan if one["estimate"] is None else one["estimate"] for one in told["rates"]], nan_ok=True
    )
    assert any(one["method"].startswith("PPI++") for one in found)
    assert (run / "report" / "calibration.csv").exists()
    assert command("report", run).code == 0
    assert "With what people found" not in (run / "report" / "index.html").read_text(encoding="utf-8")


def test_too_few_labels_are_said_to_correct_nothing() -> None:
    alone = Rate("all campaigns", "item", "greet", estimate(0.5, 0.1), 50, 0, None)
    alone = replace(alone, estimate=replace(alone.estimate, method=f"{MACHINE_ONLY}: mean"))
    section = people_section([alone], (), [], ())
    assert section.says == ("People's verdicts are too few to correct any figure: all are the machine's alone.",)
    assert section.figures == ()
    assert section.tables[0].rows[0][1:4] == ("0", "–", "50%")


def test_what_is_known_of_the_contacts() -> None:
    table = contacts([{"agent_id": "a", "score": 50.0}, {"agent_id": None, "score": None}])
    item = ItemRate("greet", "s", "?", estimate(0.5, 0.1), 2, 1, 5, 1)
    section = quality_section(table, [item])
    assert section.says == ("1 of 4 verdicts (25%) were too close to call and left open.",)
    assert section.tables[0].rows[0] == ("Agent", "1", "50%", "is left out of agents' scores and coaching")
    assert quality_section(contacts([]), []).says == ()
    assert quality_section(contacts([]), []).tables[0].rows[0][2] == "–"


def test_the_page_for_a_client_names_no_agent_quotes_nobody_and_leads_nowhere() -> None:
    rows = (("C-0815", "1", "2026-06-01"),)
    view = TableView(
        "timelines", "Timelines", (("Customer", "id"), ("Contact", "n"), ("Day", "short")), rows, private=True
    )
    back = Section("journey", "Customers who come back", says=("Three customers came back.",), tables=(view,))
    found = replace(findings(), run={**findings().run, "identity": "abc123"})
    whole, page = html(found, (back,)), html(found, (back,), client=True)
    assert "C-0815" in whole
    for private in ("C-0815", "contact-1", ">A10<", "I already told you twice", "campaign.jsonl", "unknown speaker"):
        assert private not in page, private
    assert "Three customers came back." in page
    assert "<code>abc123</code>" in page
    parts = re.findall(r'<section id="([^"]+)"', page)
    assert parts == [
        "overview",
        "limits",
        "items",
        "journey",
        "associations",
        "kpis",
        "consistency",
        "quality",
        "method",
    ]
    assert set(re.findall(r'href="#([^"]+)"', page)) <= {*parts, "main"}
