"""The benchmark of the figures: it runs, on few contacts here, and what is committed holds the bound."""

import json
from pathlib import Path

from eval.statistics_speed import BOUND_GB, BOUND_S, BOUNDED, measure

RESULT = Path(__file__).parents[1] / "eval" / "results" / "statistics_speed.json"


def test_a_small_one_has_every_figure():
    found = measure(4000, 20)
    assert found["rows"]["agents"] == 20
    assert found["rows"]["associations"] > 100
    assert found["rows"]["indicators"] > 20 * 25, "of the whole and of every agent"
    assert set(found["seconds"]) == {*BOUNDED, "rates"}
    assert found["seconds of agents, associations and indicators"] > 0


def test_what_is_committed_is_of_a_million_contacts_and_holds_the_bound():
    committed = json.loads(RESULT.read_text(encoding="utf-8"))
    assert (committed["contacts"], committed["agents"], committed["machine"]["cores used"]) == (1_000_000, 1_000, 2)
    seconds = sum(committed["seconds"][name] for name in BOUNDED)
    assert round(seconds, 2) == committed["seconds of agents, associations and indicators"] < BOUND_S
    assert committed["most memory, GB"] < BOUND_GB
