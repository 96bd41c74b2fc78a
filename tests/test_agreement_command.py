import csv
import json
import math
from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest
from labelled import label, write_run

from cxsentiment.errors import UsageError
from cxsentiment.reviews.session import Chosen, choose, session_report
from cxsentiment.reviews.store import LabelStore
from cxsentiment.reviews.wording import measures, sentences

NAN = math.nan
# Krippendorff's canonical example, one row per rater: alpha .7434 nominal, .8154 ordinal; AC2 .9140.
CANONICAL = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
    [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
]


@pytest.fixture
def run(tmp_path):
    """Contacts c0-c199; the machine says met on every second one, and that c4 has nothing to solve."""
    contacts = [{"contact_id": f"c{k}", "agent_id": "A1"} for k in range(200)]
    verdicts = [
        {"contact_id": f"c{k}", "item": item, "verdict": "met" if k % 2 else "not_met", "points": 5.0 * (k % 2)}
        for k in range(200)
        for item in ("greet", "solve")
        if (k, item) != (4, "solve")
    ]
    return write_run(tmp_path / "run", contacts, verdicts)


def report(labels, run, **more):
    return session_report(Chosen(tuple(labels), {}), run, **more)


def by_rows(rows, item="greet", scale=1.0):
    return [
        label(f"c{k}", item, f"g{rater}", value / scale)
        for rater, row in enumerate(rows)
        for k, value in enumerate(row)
        if not math.isnan(value)
    ]


def test_krippendorffs_example_comes_out_as_published(run):
    (item,) = report(by_rows(CANONICAL, "levels", scale=5), run).items
    assert item.metric == "ordinal"
    assert round(item.people.alpha.value, 4) == 0.8154
    assert round(item.people.ac.value, 4) == 0.9140
    assert (item.people.contacts, item.people.raters) == (11, 4)


def test_two_graders_by_hand(run):
    """40 both met, 10 + 10 apart, 40 neither: raw .8, kappa .6, met half of the time."""
    first = [1] * 50 + [0] * 50
    second = [1] * 40 + [0] * 10 + [1] * 10 + [0] * 40
    (item,) = report(by_rows([first, second]), run).items
    assert item.people.raw.value == pytest.approx(0.8)
    assert item.people.kappa.value == pytest.approx(0.6)
    assert item.always_met.value == pytest.approx(0.5)
    assert item.people.warning is None
    assert item.gate == "not yet"
    low, high = item.people.kappa.low, item.people.kappa.high
    assert 0.4 < low < 0.6 < high < 0.8


def test_the_document_has_the_cases_on_which_graders_differ(run, tmp_path, command):
    given = [
        label("c1", grader="anna"), label("c1", grader="ben"),
        label("c2", grader="anna"), label("c2", grader="ben", points=0.0),
        label("c4", "solve", grader="anna|x", points=None), label("c4", "solve", grader="ben", points=0.5),
        label("c6", "solve", grader="anna", points=0.5), label("c6", "solve", grader="ben", points=1.0),
    ]  # fmt: skip
    found = report(given, run)
    assert [(one.item, one.contact_id, one.estimate.value) for one in found.disputes] == [
        ("greet", "c2", 1.0),
        ("solve", "c4", 1.0),
        ("solve", "c6", 0.5),
    ]
    assert found.disputes[0].verdicts == "anna: met, ben: not met"
    assert [one.machine for one in found.disputes] == ["not met", "no verdict", "not met"]
    with LabelStore.open(str(tmp_path / "labels.db"), create=True) as store:
        store.add([replace(one, purpose="double") for one in given])
    for name in ("one.md", "two.md"):
        done = command("agreement", run, "--db", tmp_path / "labels.db", "--out", tmp_path / name)
        assert done.code == 0
    text = (tmp_path / "one.md").read_text(encoding="utf-8")
    assert text == (tmp_path / "two.md").read_text(encoding="utf-8")
    assert text.startswith("# Calibration session\n")
    assert "| c2 | anna: met, ben: not met | not met |" in text
    assert r"anna\|x: not applicable, ben: 0.5" in text, "no name makes a column"
    assert "Is the customer greeted?" in text


def test_the_gate_and_what_is_said_of_it(run):
    same = [k % 2 for k in range(200)]
    nearly = [1 - value if k < 6 else value for k, value in enumerate(same)]
    reports = {
        "performance": report(by_rows([same, nearly]), run),
        "rewrite": report(by_rows([same, [k % 3 % 2 for k in range(200)]]), run),
    }
    assert {wanted: found.items[0].gate for wanted, found in reports.items()} == {
        "performance": "performance",
        "rewrite": "rewrite",
    }
    assert any("reliable enough to judge agents by" in said for said in sentences(reports["performance"]))
    assert any("rewrite the question" in said for said in sentences(reports["rewrite"]))


def test_few_contacts_are_no_verdict_on_a_question(run):
    found = report(by_rows([[0, 1, 1, 0, 1], [1, 0, 1, 0, 1]]), run)
    said = " ".join(sentences(found))
    assert found.items[0].gate == "rewrite"
    assert "rewrite the question" not in said
    assert "so far graders do not seem to mean the same" in said
    assert "5 contacts were rated twice; 100 are needed" in said


def test_one_contact_is_described_and_no_measure_of_agreement_is_read_from_it(run):
    """The machine says met on c1 and not met on c0."""
    given = [label("c1", "greet", name) for name in ("anna", "ben")]
    given += [label("c1", "solve", name, points) for name, points in (("anna", 1.0), ("ben", 0.0))]
    found = report(given, run)
    said = " ".join(sentences(found))
    assert "greet: on the one contact that several graded the graders agree, and the machine with them. One" in said
    assert "solve: on the one contact that several graded the graders differ. One" in said
    assert "rewrite" not in said
    assert "without an interval" not in said
    assert {one.people.alpha.reason.code for one in found.items} <= {"one_contact", "one_class"}
    otherwise = report([label("c0", "greet", name) for name in ("anna", "ben")], run)
    assert "and the machine says otherwise" in " ".join(sentences(otherwise))


def test_high_agreement_on_an_easy_item_is_not_praised(run):
    """94 % raw agreement where always saying met reaches 97 %: alpha is about 0, and that is what the gate goes by."""
    first = [0] * 3 + [1] * 97
    second = [1] * 97 + [0] * 3
    (item,) = report(by_rows([first, second]), run).items
    assert item.people.raw.value == pytest.approx(0.94)
    assert item.always_met.value == pytest.approx(0.97)
    assert item.people.alpha.value < 0.05
    assert item.gate == "rewrite"
    assert "200 are needed" in item.people.warning


def test_the_machine_is_one_more_rater_on_the_same_contacts(run):
    truth = [k % 2 for k in range(200)]
    noisy = [1 - value if k % 20 == 0 else value for k, value in enumerate(truth)]
    (item,) = report(by_rows([truth, noisy]), run).items
    assert item.machine.people.value == pytest.approx(item.people.alpha.value)
    assert item.machine.machine.value > item.machine.people.value, "it agrees with one of them always"
    assert item.machine.ratio.value == pytest.approx(item.machine.machine.value / item.machine.people.value)
    assert sum(item.confusion.values()) == 200


def test_the_machines_points_are_shares_of_an_item(run):
    """The run holds 5 of 5 points; a person says 1: they agree."""
    (item,) = report(by_rows([[k % 2 for k in range(200)]]), run).items
    assert item.versus.raw.value == 1.0
    assert item.confusion == {"both_met": 100, "only_machine_met": 0, "only_person_met": 0, "both_not_met": 100}


def test_whether_an_item_applies_is_agreed_on_apart(run):
    given = [
        label(f"c{k}", grader=name, points=points) for k in range(10) for name, points in (("a", 1.0), ("b", None))
    ]
    given += [label(f"c{k}", grader=name) for k in range(10, 40) for name in "ab"]
    (item,) = report(given, run).items
    assert item.applies.value == pytest.approx(0.75)
    assert item.people.raw.value == 1.0
    assert item.people.contacts == 30


def test_a_strict_grader_is_found_on_contacts_that_others_graded_too(run):
    rng = np.random.default_rng(3)
    truth = rng.random(150) < 0.6
    strict = truth & (rng.random(150) > 0.4)
    given = [
        label(f"c{k}", grader=name, points=float(value[k]))
        for k in range(150)
        for name, value in (("anna", truth), ("ben", truth), ("carl", strict))
    ]
    found = report(given, run)
    severity = {one.grader: one.severity for one in found.graders}
    assert severity["carl"].high < 0 < severity["anna"].low
    assert any("carl is stricter" in said for said in sentences(found))
    assert {(pair.first, pair.second) for pair in found.pairs} == {("anna", "ben"), ("anna", "carl"), ("ben", "carl")}


def test_one_grader_alone_gets_reasons_and_no_figures(run):
    found = report([label(f"c{k}", points=float(k % 2)) for k in range(40)], run)
    (item,) = found.items
    for name in ("raw", "kappa", "alpha", "ac", "machine_alpha", "machine_ratio"):
        estimate = measures(item)[name]
        assert estimate.value is None
        assert estimate.reason, name
    assert item.versus.raw.value == 1.0
    assert found.graders[0].severity.reason
    said = [*sentences(found)]
    assert any("so nobody can say whether graders agree" in one for one in said)
    assert any("machine and a person agree in 100%" in one for one in said)


def test_too_many_different_points_are_said(run):
    given = [
        label(f"c{k}", "scale", grader, (k + shift) / 200) for k in range(100) for grader, shift in (("a", 1), ("b", 2))
    ]
    (item,) = report(given, run).items
    assert "at most 50" in item.problem
    assert item.people.alpha.value is None


def test_what_is_chosen_and_what_is_left_out(run):
    given = [
        label("c1", rated_at="2026-05-02T08:00:00+00:00"),
        label("c2", rated_at="2026-04-30T08:00:00+00:00"),
        label("c3"),
        label("c4", purpose="coaching", rated_at="2026-05-02T08:00:00+00:00"),
        label("c5", rated_at="2026-05-02T08:00:00+00:00", rubric_name="other"),
        label("c6", rated_at="2026-05-02T08:00:00+00:00", rubric_name="t", rubric_version="0"),
    ]
    found = choose(given, run, since="2026-05-01")
    assert [one.contact_id for one in found.labels] == ["c1"]
    left = {"earlier": 1, "no_time": 1, "other_rubric": 1, "other_version": 1, "purpose_coaching": 1}
    assert found.left_out == left
    assert [one.contact_id for one in choose(given, run, contacts="c3, c4", purposes="random,coaching").labels] == [
        "c3",
        "c4",
    ]
    for wrong in ({"since": "soon"}, {"since": ""}, {"purposes": "fun"}):
        with pytest.raises(UsageError):
            choose(given, run, **wrong)


def test_contacts_that_the_run_does_not_have_count_for_the_graders_only(run):
    found = report([label(name, grader=grader) for name in ("c1", "gone") for grader in "ab"], run)
    assert found.not_in_run == 1
    assert found.items[0].people.contacts == 2
    assert found.items[0].versus.contacts == 1


def test_contacts_asked_for_that_nobody_graded_are_named(run):
    chosen = choose([label("c1"), label("c2")], run, contacts="c1, c02")
    assert [one.contact_id for one in chosen.labels] == ["c1"]
    said = [*sentences(session_report(chosen, run))]
    assert said[:3] == [
        "1 verdict on 1 contact by 1 grader.",
        "1 verdict left out: of other contacts.",
        "No verdict counts of 1 contact that --contacts names: c02.",
    ]


def test_another_scorecard_under_the_same_version_is_told(run):
    found = report([label("c1", rubric_name="t", rubric_version="1", rubric_sha256="ab"), label("c2")], run)
    assert found.other_content == 1
    assert any("with other content" in one for one in sentences(found))


def test_the_command(command, run, tmp_path):
    db = tmp_path / "labels.db"
    with LabelStore.open(str(db), create=True) as store:
        given = by_rows([[k % 2 for k in range(120)], [k % 4 // 2 for k in range(120)]])
        store.add([*given, label("c1", "solve", purpose="coaching")])
    done = command("agreement", run, "--db", db, "--csv", tmp_path / "csv", "--parquet", tmp_path / "pq")
    assert done.code == 0
    assert "240 verdicts on 120 contacts by 2 graders." in done.out
    assert "1 verdict left out: coaching; --purpose includes them." in done.out
    told = json.loads(command("agreement", run, "--db", db, "--json").out)
    assert told["items"][0]["gate"] == "rewrite"
    assert set(told["items"][0]["measures"]) >= {"raw", "kappa", "alpha", "ac", "always_met", "machine_ratio"}
    with (tmp_path / "csv" / "agreement.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["measure"] for row in rows} == set(told["items"][0]["measures"])
    assert all(row["estimate"] or row["reason"] for row in rows)
    assert all(row["method"] for row in rows)
    assert pq.read_table(tmp_path / "pq" / "agreement.parquet").num_rows == len(rows)
    before = (tmp_path / "csv" / "agreement.csv").read_bytes()
    command("agreement", run, "--db", db, "--csv", tmp_path / "csv")
    assert (tmp_path / "csv" / "agreement.csv").read_bytes() == before, "same input, same bytes"


def test_no_labels_at_all(command, run, tmp_path):
    db = tmp_path / "labels.db"
    assert command("agreement", run, "--db", db).code == 1
    LabelStore.open(str(db), create=True).close()
    done = command("agreement", run, "--db", db, "--parquet", tmp_path / "pq")
    assert done.code == 0
    assert "0 verdicts on 0 contacts" in done.out
