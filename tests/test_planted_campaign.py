"""What is planted in a campaign comes out again: scored by the bundled model, read by every command of figures."""

import json

import numpy as np
import pytest
from planted_campaign import AGENTS, BASELINE, SKILL, WITHIN_S, Campaign, make
from typer.testing import CliRunner

from cxsentiment.cli import app


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
