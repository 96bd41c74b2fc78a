import csv
import json
import math
from collections import Counter

import numpy as np
import pytest
from labelled import CARD, campaign, label, write_run

from cxsentiment.errors import UsageError
from cxsentiment.reviews.frame import read_frame
from cxsentiment.reviews.graded import human_scores
from cxsentiment.reviews.importing import ImportRules, read_labels
from cxsentiment.reviews.labels import labels_for_calibration
from cxsentiment.reviews.planning import Goal, make_plan
from cxsentiment.reviews.store import LabelStore

PER_AGENT = {"half_width": 5.0, "prevalence": None}
CRITICAL = {"half_width": None, "prevalence": 0.03}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Four agents with 40 contacts each, half of them calls."""
    return campaign(tmp_path_factory.mktemp("plan") / "run")


def per_agent(**more):
    return Goal.of("per-agent", **(PER_AGENT | more))


def test_contacts_for_each_agents_interval_by_hand(run):
    plan = make_plan(run, per_agent())
    scores = plan.frame.score.reshape(40, 4)  # the agents take turns
    sd = math.sqrt(((scores - scores.mean(axis=0)) ** 2).sum() / (160 - 4))
    n0 = (1.959964 * sd / 5) ** 2
    wanted = math.ceil(n0 / (1 + n0 / 40))
    assert plan.spread.value == pytest.approx(sd)
    assert [share.needed for share in plan.shares] == [wanted] * 4
    assert [share.drawn for share in plan.shares] == [wanted] * 4
    assert plan.needed == len(plan.drawn) == 4 * wanted
    for share in plan.shares:
        assert share.half_width.value <= 5
        assert share.half_width.value == pytest.approx(1.959964 * sd / math.sqrt(wanted) * math.sqrt(1 - wanted / 40))


def test_contacts_to_find_a_rare_error_by_hand(run):
    errors = math.ceil(0.03 * 160)
    wanted = next(n for n in range(161) if math.comb(160 - errors, n) / math.comb(160, n) <= 0.05)
    plan = make_plan(run, Goal.of("critical", **CRITICAL))
    assert plan.needed == len(plan.drawn) == wanted
    assert plan.reached.value == pytest.approx(1 - math.comb(160 - errors, wanted) / math.comb(160, wanted))
    assert plan.reached.value >= 0.95
    sure = make_plan(run, Goal.of("critical", confidence=0.99, **CRITICAL))
    assert sure.needed > wanted


def test_each_stratum_is_drawn_from_and_its_probability_is_its_share(run):
    plan = make_plan(run, per_agent())
    size = Counter(f"A{k % 4}/{'call' if k % 8 < 4 else 'chat'}/spring" for k in range(160))
    drawn = Counter(one.stratum for one in plan.drawn)
    assert set(drawn) == set(size)
    assert {one.stratum: (one.contacts, one.drawn) for one in plan.strata} == {n: (size[n], drawn[n]) for n in size}
    for one in plan.drawn:
        assert one.probability == pytest.approx(drawn[one.stratum] / size[one.stratum])


def test_same_seed_same_contacts_and_another_seed_others(run):
    rows = [[one.row for one in make_plan(run, per_agent(), seed=seed).drawn] for seed in (1, 1, 2)]
    assert rows[0] == rows[1] != rows[2]


def test_what_is_graded_counts_and_is_not_drawn_again(run):
    first = make_plan(run, per_agent())
    names = {first.frame.ids[one.row] for one in first.drawn}
    labels = [label(name, rubric_name="t", rubric_version="1") for name in names]
    assert make_plan(run, per_agent(), labels).drawn == ()
    half = make_plan(run, per_agent(), labels[: len(labels) // 2])
    assert not {half.frame.ids[one.row] for one in half.drawn} & {one.contact_id for one in labels[: len(labels) // 2]}
    assert len(half.drawn) == len(first.drawn) - len(labels) // 2
    coached = make_plan(run, per_agent(), [label(name, purpose="coaching") for name in names])
    assert len(coached.drawn) == len(first.drawn), "coached contacts are no sample, so they do not count"


def test_a_second_round_speaks_for_all_contacts_too(run):
    """What the first round took was taken by chance, so the second stands for the whole stratum, not for its rest."""
    first = make_plan(run, per_agent(at_most=16))
    labels = [label(first.frame.ids[one.row], rubric_name="t", rubric_version="1") for one in first.drawn]
    second = make_plan(run, per_agent(), labels)
    assert second.graded == 16
    assert sum(1 / one.probability for one in second.drawn) == pytest.approx(160)


def test_at_most_is_kept_and_the_interval_that_results_is_told(run):
    plan = make_plan(run, per_agent(at_most=12))
    assert len(plan.drawn) == 12
    assert {share.drawn for share in plan.shares} == {3}
    assert all(share.half_width.value > 5 for share in plan.shares)
    few = make_plan(run, Goal.of("critical", at_most=30, **CRITICAL))
    assert few.reached.value == pytest.approx(1 - math.comb(155, 30) / math.comb(160, 30))


def test_targeted_contacts_are_others_and_likelier_where_errors_are_likely(run):
    counts = Counter()
    for seed in range(40):
        plan = make_plan(run, per_agent(at_most=16), targeted=20, seed=seed)
        assert not {one.row for one in plan.drawn} & {one.row for one in plan.targeted}
        assert {one.purpose for one in plan.targeted} == {"targeted"}
        counts.update(plan.frame.critical[one.row] > 0.5 for one in plan.targeted)
    assert counts[True] / counts.total() > 0.08, "one contact in twenty is flagged; by chance it would be .05"


def test_either_list_weighted_back_speaks_for_all_contacts(run):
    """Horvitz-Thompson: over many drawings the totals of 1/p, and of y/p, are those of the run."""
    totals = {"random": [], "targeted": []}
    for seed in range(150):
        plan = make_plan(run, per_agent(at_most=24), targeted=24, seed=seed)
        for name, drawn in (("random", plan.drawn), ("targeted", plan.targeted)):
            weight = np.array([1 / one.probability for one in drawn])
            flagged = plan.frame.critical[[one.row for one in drawn]] > 0.5
            totals[name].append((weight.sum(), weight[flagged].sum()))
    for name, found in totals.items():
        mean, error = np.mean(found, axis=0), np.std(found, axis=0) / math.sqrt(len(found))
        assert abs(mean[0] - 160) < 4 * error[0] + 1e-9, name
        assert abs(mean[1] - 8) < 4 * error[1] + 1e-9, name


def test_a_form_filled_in_comes_back_as_labels_that_calibrate(command, run, tmp_path):
    out = tmp_path / "form.csv"
    done = command(
        "plan", run, "--goal", "per-agent", "--half-width", 5, "--double", 6, "--targeted", 8, "--out", out, "--json"
    )
    told = json.loads(done.out)
    assert done.code == 0
    assert (told["double"], told["targeted"]) == (6, 8)
    for name, path in told["forms"].items():
        with open(path, newline="") as file:  # noqa: PTH123
            rows = list(csv.DictReader(file))
        twice = [contact for contact, count in Counter(row["contact_id"] for row in rows).items() if count == 2]
        assert len(twice) == (6 if name == "random" else 0)
        assert not any("p_met" in column or "verdict" in column for column in rows[0]), "graders must not see it"
        empty = read_labels([path], ImportRules())
        assert (empty.labels, empty.rejects, empty.empty) == ((), (), len(rows))
        seen = Counter()
        for row in rows:
            seen[row["contact_id"]] += 1
            row |= {"grader": f"g{seen[row['contact_id']]}", "item:greet": "yes", "item:solve": "n/a"}
        with open(path, "w", newline="") as file:  # noqa: PTH123
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
        assert command("labels", "import", path, "--db", tmp_path / "l.db", "--rejects", tmp_path / "r.jsonl").code == 0
    with LabelStore.open(str(tmp_path / "l.db")) as store:
        labels = store.labels()
    usable = labels_for_calibration(labels)
    assert len(usable.labels) == len(labels) == 2 * (told["drawn"] + 6 + 8)
    assert usable.weighted
    assert {label.rubric_name for label in labels} == {"t"}
    assert {label.purpose for label in labels} == {"random", "double", "targeted"}
    again = command("plan", run, "--goal", "per-agent", "--half-width", 5, "--out", out)
    assert again.code == 2
    assert "what people filled in may be lost" in again.err
    assert (
        json.loads(
            command(
                "plan",
                run,
                "--goal",
                "per-agent",
                "--half-width",
                5,
                "--db",
                tmp_path / "l.db",
                "--out",
                tmp_path / "next.csv",
                "--json",
            ).out
        )["graded"]
        == told["drawn"]
    )


def test_the_same_plan_twice_is_the_same_file(command, run, tmp_path):
    out = tmp_path / "form.csv"
    arguments = ("plan", run, "--goal", "critical", "--prevalence", 0.03, "--out", out, "--csv", tmp_path / "t")
    first = command(*arguments)
    before = out.read_bytes()
    assert command(*arguments).out == first.out
    assert out.read_bytes() == before
    assert "To find an error that is in 3.0% of contacts with 95% confidence" in first.out
    assert (tmp_path / "t" / "plan_agents.csv").exists()


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "best"},
        {"half_width": None},
        {"half_width": 0.0},
        {"half_width": 60.0},
        {"kind": "critical", "prevalence": None},
        {"kind": "critical", "prevalence": 1.0},
        {"kind": "critical", "prevalence": 0.03, "confidence": 1.0},
    ],
)
def test_goals_that_say_nothing(wrong):
    with pytest.raises(UsageError):
        Goal.of(**({"kind": "per-agent"} | PER_AGENT | wrong))


def test_one_agent_and_contacts_without_an_agent(tmp_path):
    one = campaign(tmp_path / "one", agents=1, each=50)
    with pytest.raises(UsageError, match=r"one agent only.*run of several agents"):
        make_plan(one, per_agent())
    assert len(make_plan(one, Goal.of("critical", **CRITICAL)).drawn) > 0
    rows = [{"contact_id": f"c{k}", "score": float(k), "agent_id": f"A{k % 2}" if k < 20 else None} for k in range(30)]
    mixed = write_run(tmp_path / "mixed", rows, [])
    plan = make_plan(mixed, per_agent())
    assert all(plan.frame.agent[one.row] >= 0 for one in plan.drawn)
    silent = write_run(tmp_path / "silent", [{"agent_turns": 0}], [])
    with pytest.raises(UsageError, match="nothing to grade"):
        make_plan(silent, per_agent())


def test_peoples_own_spread_is_used_once_there_is_enough_of_it(run):
    """People give whole contacts 0, 50 or 100 points; the machine's scores vary by 10."""
    frame = make_plan(run, per_agent()).frame
    named = {"rubric_name": "t", "rubric_version": "1"}
    few = [
        label(frame.ids[k], item, points=float((k * 7 + shift) % 3 > 0), **named)
        for k in range(60)
        for item, shift in (("greet", 0), ("solve", 1))
    ]
    assert "machine" in make_plan(run, per_agent(), few[:40]).spread.method
    plan = make_plan(run, per_agent(), few)
    assert "people" in plan.spread.method
    assert plan.spread.value > 20
    assert plan.with_machine.value is not None


def test_peoples_scores_are_lowered_by_the_critical_errors_they_found(tmp_path):
    rows = [{"contact_id": f"c{k}", "agent_id": "a"} for k in range(4)]
    run = write_run(
        tmp_path / "run", rows, [{"contact_id": f"c{k}", "item": i} for k in range(4) for i in CARD.texts()]
    )
    receipt = json.loads((run / "run.json").read_text())
    receipt["rubric"]["content"]["sections"][0]["items"][1] |= {"critical": "compliance", "effect": {"cap": 20}}
    (run / "run.json").write_text(json.dumps(receipt))
    given = [("c0", 0.0), ("c1", 1.0), ("c2", None), ("c3", 0.0), ("c3", 1.0)]  # of c3 two graders disagree
    labels = [label(contact, "solve", f"g{k}", points) for k, (contact, points) in enumerate(given)]
    labels += [label(f"c{k}", "greet", points=1.0) for k in range(4)]
    _, scores = human_scores(run, labels, read_frame(run))
    assert scores.tolist() == [20, 100, 100, 75]
