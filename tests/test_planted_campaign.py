"""What is planted in a campaign comes out again: scored by the bundled model, read by every command of figures."""

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
from planted_campaign import AGENTS, BASELINE, SKILL, WITHIN_S, Campaign, make
from typer.testing import CliRunner

from cxsentiment import cli
from cxsentiment.cli import app
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
def test_the_demo_campaigns_agents_are_those_its_writers_made(shared, tmp_path):
    """The writers gave each agent habits and labelled every turn. Scored by those labels instead of the model's
    probabilities, the same scorecard says how good each agent truly is; the model's figures must say the same.
    """
    demo = Path(cli.__file__).parent / "demo"
    said("score", demo / "contacts.jsonl", "--surveys", demo / "surveys.csv", "--csat-scale", "1-5", "--out", tmp_path)
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
