"""A short version of the simulations, and the results that are committed."""

import json
import math

import numpy as np
import pytest

from eval import planted, replicates
from eval.scenarios import SCENARIOS, Scenario
from eval.simulations import RESULTS, main, missed, simulate

FEW = 6
# Bands widened to what six replicates can show; the full ones are held by the committed results.
SHORT = {
    "agents: item, 10 labels": {"coverage": (0.88, 1.0), "rmse_over_raw": (0.0, 0.95)},
    "agents: composite, ICC .05, 4 labels, machine errs by agent": {
        "coverage": (0.85, 1.0),
        "rmse_over_raw": (0.0, 0.9),
    },
    "campaign: PPI, good machine": {"width_over_human": (0.0, 1.02), "lam": (0.3, 1.0)},
    "associations: Simpson": {"signs_found": (0.8, 1.0), "flagged": (0.8, 1.0), "pooled": (-0.15, 0.10)},
    "non-response: at random": {"weighted_error": (-0.02, 0.02), "warned": (1.0, 1.0)},
    "conformal": {"coverage": (0.87, 0.94)},
    "charts: p', day SD .3": {"alarms": (0.0, 0.01)},
    "case mix": {"within_slope": (-9.0, -7.0)},
    "drift: 400 labels a batch": {"found": (0.8, 1.0), "agents_changed": (0.0, 0.2)},
    "shifts: at the margin": {"equivalent": (0.0, 0.2)},
}


@pytest.mark.parametrize("name", SHORT)
def test_a_short_run_lies_in_widened_bands(name):
    figures = simulate(name, SCENARIOS[name], FEW)["figures"]
    for figure, (low, high) in SHORT[name].items():
        assert low <= figures[figure] <= high, figure


@pytest.mark.parametrize("name", SCENARIOS)
def test_committed_results_are_of_these_scenarios_and_meet_their_bands(name):
    result = json.loads(RESULTS.read_text(encoding="utf-8"))[name]
    assert result["replicates"] >= 150
    assert [(band["figure"], band["low"], band["high"]) for band in result["bands"]] == list(SCENARIOS[name].bands)
    assert missed({name: result}) == []


def test_results_name_no_scenario_that_is_gone():
    assert list(json.loads(RESULTS.read_text(encoding="utf-8"))) == list(SCENARIOS)


def test_a_replicate_is_the_same_twice_and_a_run_goes_on_where_it_stopped(tmp_path, monkeypatch, capsys):
    calls = []

    def replicate(rng):
        calls.append(1)
        return {"coverage": float(rng.random() < 2), "mse_model": 4.0, "mse_raw": 16.0, "gone": math.nan}

    scenario = Scenario(replicate, (("coverage", 0.9, 1.0), ("rmse_over_raw", 0.0, 0.5)))
    monkeypatch.setattr("eval.simulations.SCENARIOS", {"one": scenario, "two": scenario})
    path = tmp_path / "results.json"
    assert main(["--replicates", "3", "--only", "one", "--results", str(path)]) == 0
    assert main(["--replicates", "3", "--results", str(path)]) == 0
    assert len(calls) == 6
    first = path.read_bytes()
    assert main(["--replicates", "3", "--again", "--results", str(path)]) == 0
    assert path.read_bytes() == first
    assert json.loads(first)["one"]["figures"]["gone"] is None
    failing = Scenario(replicate, (("coverage", 0.0, 0.5),))
    monkeypatch.setattr("eval.simulations.SCENARIOS", {"one": failing})
    assert main(["--replicates", "3", "--again", "--results", str(path)]) == 4
    assert "coverage 1.0 is not in 0.0-0.5" in capsys.readouterr().out


def test_the_planted_composite_has_the_reliability_it_is_named_for():
    for agent_sd, icc in ((0.20, 0.05), (0.53, 0.26)):
        rng = np.random.default_rng(0)
        data = planted.composite(rng, 10**6, agent_sd=agent_sd)
        spread = np.std(planted.composite_truth(agent_sd * rng.standard_normal(20_000)))
        within = np.std(data.contacts.human - data.truth[data.contacts.labelled_agent])
        assert spread**2 / (spread**2 + within**2) == pytest.approx(icc, abs=0.012)


def test_a_missing_interval_is_no_coverage():
    from cxsentiment.reasons import Reason
    from cxsentiment.stats.estimates import missing

    assert math.isnan(replicates.covers(missing(Reason("undefined", "none"), "m"), 0.5))
    assert math.isnan(replicates.width(missing(Reason("undefined", "none"), "m")))
