"""What is planted in a campaign comes out again: scored by the bundled model, read by every command of figures."""

import itertools
import json
import math
from pathlib import Path

import numpy as np
import pytest
from planted_campaign import AGENTS, BASELINE, SKILL, WITHIN_S, Campaign, make
from pyarrow import parquet
from typer.testing import CliRunner

from cxsentiment import cli
from cxsentiment.cli import app
from cxsentiment.reasons import CODES
from cxsentiment.rubric.reading import default_rubric, read_rubric
from cxsentiment.schema import ACTS, SENTIMENTS, Span, Transcript, Turn, TurnPrediction
from cxsentiment.score.contact import Labels
from cxsentiment.score.evaluation import Scorecard
from training.sources import service_talk


def said(*arguments):
    done = CliRunner().invoke(app, [*map(str, arguments), "--json"])
    assert done.exit_code == 0, (done.output, done.exception)
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def campaign(tmp_path_factory: pytest.TempPathFactory) -> Campaign:
    found = make(tmp_path_factory.mktemp("planted"))
    given = ("--log", found.folder / "log.csv", "--surveys", found.folder / "surveys.csv", "--csat-scale", "1-5")
    said("score", found.folder / "contacts.jsonl", *given, "--out", found.folder / "run")
    return found


def test_agents_are_told_apart_by_the_skill_they_have(campaign):
    rows = said("agents", campaign.folder / "run", "--labels", campaign.folder / "labels.csv", "--level", "item")
    rows = [row for row in rows["agents"] if row["name"] == "apologise"]
    truth = np.array([100 * campaign.kind[campaign.agent == a].mean() for a in range(AGENTS)])
    inside = [row["low"] <= value <= row["high"] for row, value in zip(rows, truth, strict=True)]
    assert sum(inside) >= AGENTS - 1
    assert np.corrcoef([row["estimate"] for row in rows], truth)[0, 1] > 0.97
    tiers = [row["tier"] for row in rows]
    assert tiers[: AGENTS // 3] == ["above"] * (AGENTS // 3)
    assert tiers[-AGENTS // 3 :] == ["below"] * (AGENTS // 3)
    assert all(row["calibrated"] for row in rows)


def test_what_an_apology_does_to_the_answer(campaign):
    rows = {
        (row["feature"], row["statistic"], row["level"]): row
        for row in said("associations", campaign.folder / "run")["associations"]
    }
    given = ~np.isnan(campaign.csat)
    for level in ("pooled", "within"):
        row = rows["item:apologise", "spearman", level]
        assert row["low"] > 0.3
        assert row["p_adjusted"] < 0.01
    best = campaign.csat[given] == 5
    kind = campaign.kind[given]
    wins = [(kind[best][:, None] > kind[~best]).mean(), (kind[best][:, None] == kind[~best]).mean()]
    assert rows["item:apologise", "auc", "pooled"]["estimate"] == pytest.approx(wins[0] + wins[1] / 2)
    assert rows["item:apologise", "spearman", "between"]["estimate"] > 0.6


def test_nights_and_the_training_differ_and_weekdays_do_not(campaign):
    given = ("--shifts", "day=08-20,night=20-08", "--timezone", "UTC", "--baseline", BASELINE)
    found = said("consistency", campaign.folder / "run", *given)
    rows = {(row["factor"], row["group"], row["measure"]): row for row in found["differences"]}
    shift = rows["shift", "day", "item:apologise"]
    planted = 100 * (campaign.kind[~campaign.night].mean() - campaign.kind[campaign.night].mean())
    assert shift["verdict"] == "different"
    assert shift["low"] <= planted <= shift["high"]
    days = [row for (factor, *_), row in rows.items() if factor == "weekday"]
    assert len(days) >= 7
    assert not [row for row in days if row["verdict"] == "different"], "nothing is planted there"
    change = next(row for row in found["changes"] if row["measure"] == "item:apologise")
    planted = 100 * (campaign.kind[campaign.after].mean() - campaign.kind[~campaign.after].mean())
    assert change["verdict"] == "different"
    assert change["low"] <= planted <= change["high"]
    assert change["agents"] == AGENTS


def test_indicators_are_those_of_the_log_and_the_answers(campaign):
    found = {row["kpi"]: row for row in said("kpis", campaign.folder / "run", "--answer-within", WITHIN_S)["kpis"]}
    assert found["first_contact_resolution"]["estimate"] == pytest.approx(campaign.resolved_at_first)
    assert found["service_level"]["estimate"] == pytest.approx(campaign.service_level)
    assert found["average_handle_time"]["estimate"] == pytest.approx(campaign.handle_s)
    answers = campaign.csat[~np.isnan(campaign.csat)]
    assert found["csat_satisfied_customers"]["estimate"] == pytest.approx(100 * np.mean(answers >= 4))
    assert found["csat_top_box"]["estimate"] == pytest.approx(100 * np.mean(answers == 5))


def test_campaign_rate_with_labels_holds_the_truth(campaign):
    rows = said("rates", campaign.folder / "run", "--labels", campaign.folder / "labels.csv")["rates"]
    row = next(row for row in rows if row["name"] == "apologise" and row["campaign"] == "all campaigns")
    assert row["low"] <= campaign.kind.mean() <= row["high"]
    assert "PPI" in row["method"]
    assert abs(SKILL.mean() - campaign.kind.mean()) < 0.1, "the truth is what was planted, and chance"


@pytest.mark.shared
@pytest.mark.slow
def test_the_demo_campaigns_agents_are_those_its_writers_made(shared, tmp_path, model_cache):
    """The writers gave each agent habits and labelled every turn. Scored by those labels instead of the model's
    probabilities, the same scorecard says how good each agent truly is; the model's figures must say the same.
    """
    demo = Path(cli.__file__).parent / "demo"
    joins = ("--surveys", demo / "surveys.csv", "--csat-scale", "1-5", "--cache", model_cache)
    said("score", demo / "contacts.jsonl", *joins, "--out", tmp_path)
    labelled = {turns[0].conversation: turns for turns in _by_conversation(shared / "data")}
    card = Scorecard(read_rubric(default_rubric()), Labels(ACTS, (0.5,) * len(ACTS)))
    truth: dict[str, list[float]] = {}
    for line in (demo / "contacts.jsonl").read_text(encoding="utf-8").splitlines():
        contact = json.loads(line)
        evaluation = card.evaluate(*_as_labelled(contact, labelled[contact["id"].removeprefix("demo-")]), {})
        if evaluation.score is not None:
            truth.setdefault(contact["agent_id"], []).append(evaluation.score)
    rows = said("agents", tmp_path)["agents"]
    means = {agent: float(np.mean(scores)) for agent, scores in truth.items()}
    assert np.corrcoef([row["estimate"] for row in rows], [means[row["agent_id"]] for row in rows])[0, 1] > 0.9
    middle = np.mean(list(means.values()))
    for row in rows:
        if row["tier"] in ("above", "below"):
            assert (means[row["agent_id"]] > middle) == (row["tier"] == "above"), row["agent_id"]
    assert {row["agent_id"] for row in rows if row["tier"] == "below"} == set(sorted(means, key=means.__getitem__)[:2])
    associations = said("associations", tmp_path)["associations"]
    closing = next(
        row
        for row in associations
        if (row["feature"], row["statistic"], row["level"]) == ("sentiment_end", "spearman", "pooled")
    )
    assert closing["low"] > 0.2, "who ends content was given a high answer by the writers"


def _by_conversation(data):
    turns = sorted(service_talk(data / "service_talk.txt", data), key=lambda turn: turn.conversation)
    for _, own in itertools.groupby(turns, key=lambda turn: turn.conversation):
        yield sorted(own, key=lambda turn: turn.turn)


def _as_labelled(contact, labelled):
    turns, predictions = [], []
    for index, (turn, label) in enumerate(zip(contact["turns"], labelled, strict=True)):
        turns.append(Turn(index, turn["speaker"], turn["text"], turn.get("start"), turn.get("end")))
        if turn["speaker"] == "agent":
            probs = tuple(float(act in label.acts) for act in ACTS)
        else:
            probs = tuple(float(sentiment == label.sentiment) for sentiment in SENTIMENTS)
        head = "acts" if turn["speaker"] == "agent" else "sentiment"
        predictions.append(TurnPrediction(index, head, probs, (Span(0, len(turn["text"])),) * len(probs)))
    return Transcript(contact["id"], tuple(turns), channel=contact["channel"]), tuple(predictions)


PARTS = ("", "_low", "_high", "_n", "_method", "_reason", "_reason_code")
SHIFTS = ("--shifts", "day=08-20,night=20-08", "--timezone", "UTC", "--baseline", BASELINE)
TARGETS = """targets:
- {kpi: csat_mean, target: 80, floor: 50, direction: higher, perspective: customer}
- {kpi: service_level, target: 80, floor: 50, direction: higher, perspective: internal process}
- {kpi: trained, value: 3, target: 4, floor: 0, direction: higher, perspective: learning}
- {kpi: cost, value: 3, low: 2, high: 4, target: 2, floor: 5, direction: lower, perspective: financial}
"""


def commands(campaign):
    """Every command of figures: its arguments, and the tables it must have."""
    run, labels = campaign.folder / "run", campaign.folder / "labels.csv"
    (campaign.folder / "targets.yaml").write_text(TARGETS, encoding="utf-8")
    (campaign.folder / "customers.csv").write_text("customer_id,from,margin\nu0001,2025-01-01,5\n", encoding="utf-8")
    double = (campaign.folder / "labels.csv").read_text(encoding="utf-8").replace(",kim,", ",lee,")
    (campaign.folder / "double.csv").write_text(double.replace(",random,", ",double,"), encoding="utf-8")
    db, refused = campaign.folder / "labels.db", campaign.folder / "refused.jsonl"
    said("labels", "import", labels, campaign.folder / "double.csv", "--db", db, "--rejects", refused)
    plan = ("--db", db, "--out", campaign.folder / "plan.csv", "--overwrite", "--double", 4)
    beside = ("responses", "balance", "drivers", "means", "predicted")
    return {
        "agents": ((run, "--labels", labels), ("agents", "models")),
        "agents, raw": ((run, "--ranks"), ("agents", "models", "ranks")),
        "agents, items": (
            (run, "--labels", labels, "--level", "item", "--target", 60, "--ranks"), ("agents", "models", "ranks")
        ),
        "agents, sections": ((run, "--labels", db, "--level", "section"), ("agents", "models")),
        "agents, critical": ((run, "--level", "critical", "--unreliable"), ("agents", "models")),
        "rates": ((run, "--labels", labels), ("rates", "calibration")),
        "associations": ((run, "--labels", labels), ("associations", *beside)),
        "associations, strict": ((run, "--any-dependence"), ("associations", *beside)),
        "kpis": (
            (run, "--by", "agent", "--by", "week", "--targets", campaign.folder / "targets.yaml", "--customers",
             campaign.folder / "customers.csv", "--resolve-within", 24),
            ("kpis", "slices", "targets", "scorecard"),
        ),
        "consistency": ((run, "--labels", labels, *SHIFTS), ("differences", "changes", "charts")),
        "agreement": (
            (run, "--db", db),
            tuple(f"agreement{one}" for one in ("", "_graders", "_pairs", "_disputes", "_prevalence")),
        ),
        "plan": ((run, "--goal", "per-agent", "--half-width", 5, *plan), ("plan_agents", "plan_strata", "plan_totals")),
        "plan, critical": (
            (run, "--goal", "critical", "--prevalence", 0.03, *plan), ("plan_agents", "plan_strata", "plan_totals")
        ),
    }  # fmt: skip


def test_every_row_of_every_table_is_whole_and_the_same_each_time(campaign, tmp_path):
    seen = 0
    for name, (arguments, tables) in commands(campaign).items():
        folders = [tmp_path / f"{name} {k}" for k in range(2)]
        for folder in folders:
            done = CliRunner().invoke(
                app, [*map(str, (name.split(",")[0], *arguments)), "--csv", str(folder), "--parquet", str(folder)]
            )
            assert done.exit_code == 0, (name, done.output, done.exception)
        files = sorted(path.name for path in folders[0].iterdir())
        assert {f"{table}.{form}" for table in tables for form in ("csv", "parquet")} <= set(files), name
        for file in files:
            assert (folders[0] / file).read_bytes() == (folders[1] / file).read_bytes(), (name, file)
        for table in tables:
            rows = parquet.read_table(folders[0] / f"{table}.parquet").to_pylist()
            for row in rows:
                check_row(row, (name, table))
            seen += len(rows)
    assert seen > 1500


def check_row(row, where):
    """Each estimate of the row has its interval, n and method, and its reason with a code where one of them lacks."""
    named = [column.removesuffix("_method") for column in row if column.endswith("_method")]
    named += ["estimate"] if "method" in row else []
    assert named, where
    assert "estimate" in named or where[1] == "models", where
    for name in named:
        prefix = "" if name == "estimate" else name
        columns = [name, *((prefix + part).removeprefix("_") for part in PARTS[1:])]
        value, low, high, n, method, reason, code = (row[column] for column in columns)
        assert method, (where, row)
        assert isinstance(n, int), (where, row)
        assert n >= 0
        assert reason or None not in (value, low, high), (where, row)
        assert code in CODES if None in (value, low, high) else code is None, (where, row)
        numbers = [one for one in (low, value, high) if one is not None]
        assert all(map(math.isfinite, numbers)), (where, row)
        if where[1] != "charts":  # there low and high are the chart's limits, which a point may lie outside of
            assert numbers == sorted(numbers), (where, row)


def test_ranks_come_only_when_asked_for_and_hold_the_true_ones(campaign):
    given = ("agents", campaign.folder / "run", "--labels", campaign.folder / "labels.csv", "--level", "item")
    assert "ranks" not in said(*given)
    rows = [row for row in said(*given, "--ranks")["ranks"] if row["name"] == "apologise"]
    assert [row["agent_id"] for row in rows] == sorted(row["agent_id"] for row in rows), "by id, no league table"
    truth = np.array([campaign.kind[campaign.agent == a].mean() for a in range(AGENTS)])
    ranks = 1 + np.array([(truth > one).sum() for one in truth])
    assert sum(row["low"] <= rank <= row["high"] for row, rank in zip(rows, ranks, strict=True)) >= AGENTS - 1
    raw = said("agents", campaign.folder / "run", "--ranks")["ranks"]
    assert all(row["estimate"] is None and "--labels" in row["reason"] for row in raw)


def test_any_dependence_is_stricter(campaign):
    plain, strict = (
        [row["p_adjusted"] for row in said("associations", campaign.folder / "run", *more)["associations"] if row["p"]]
        for more in ((), ("--any-dependence",))
    )
    assert all(one <= two for one, two in zip(plain, strict, strict=True))
    assert sum(one < two for one, two in zip(plain, strict, strict=True)) > len(plain) / 2
