"""Coaching packs: areas, trend, before and after, the pages and the command."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from command_line import Command

from cxsentiment.coach_files import read_coaching, read_teams
from cxsentiment.coached import coached_skills
from cxsentiment.coaching.areas import agent_areas, team_areas, verdicts_of
from cxsentiment.coaching.trend import trends
from cxsentiment.consistency.measures import Measure
from cxsentiment.errors import UsageError
from cxsentiment.pack_files import file_names, write
from cxsentiment.packs import Wanted, gather
from cxsentiment.pages.pack_page import index_page, pack_page
from cxsentiment.schema import ItemText
from cxsentiment.starts import starts
from cxsentiment.stats.arrays import codes
from tests import finished
from tests.tables import agent, contacts, customer, items, turns

NAMES = ("greet", "solve", "rude", "rare")
TEXTS = {"greet": ItemText("Opening", "Does the agent greet?", "Say hello."), "solve": ItemText("S", "Solved?", "Ask.")}
CARD = {
    "sections": [
        {
            "title": "All",
            "items": [
                {"id": "greet", "question": "Does the agent greet?", "hint": "Say hello."},
                {"id": "solve", "question": "Is it solved?", "hint": "Ask whether it works."},
            ],
        }
    ]
}


def verdict(contact: int, item: str, met: bool, weight: float = 10.0, critical: str = "none") -> dict[str, Any]:
    return {
        "contact_id": f"c{contact:03d}",
        "item": item,
        "verdict": "met" if met else "not_met",
        "p_met": 0.9 if met else 0.1,
        "weight": weight,
        "critical": critical,
        "evidence_turn": 1,
    }


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four weeks of three agents: ann greets in 4 of 5, bob in 1 of 5 until 2026-06-15 and always after."""
    rows, verdicts, said = [], [], []
    for k in range(120):
        name, day = ("ann", "bob", "<b>eve</b>")[k % 3], 1 + k // 5
        met = day > 15 if name == "bob" else k % 5 < 4
        rows.append(
            {
                "agent_id": name,
                "started_at": f"2026-06-{day:02d}T10:00:00+00:00",
                "score": 60.0 + 20 * met + k % 4,
                "channel": "chat",
                "campaign": ("shop", "bank")[k % 2],
            }
        )
        verdicts += [verdict(k, "greet", met), verdict(k, "solve", k % 2 == 0, 5.0)]
        talk = [customer(negative=0.9, text=f"It broke {k}"), agent(acknowledge=0.9 if k % 4 == 0 else 0.1)]
        said.append(turns(f"c{k:03d}", talk))
    folder = tmp_path_factory.mktemp("made") / "run"
    return finished.run(folder, rows, verdicts, turns=pa.concat_tables(said), rubric={"content": CARD})


def counted(met_by_agent: list[dict[str, tuple[int, int]]]) -> tuple[Any, Any]:
    """Verdicts in which agent k met each item in so many of so many contacts."""
    rows, meta = [], []
    for k, own in enumerate(met_by_agent):
        first = len(meta)
        meta += [{"agent_id": f"a{k}"}] * max(n for _, n in own.values())
        for item, (met, n) in own.items():
            weight = {"greet": 10.0, "solve": 30.0, "rude": 60.0, "rare": 90.0}[item]
            critical = "customer" if item == "rude" else "none"
            rows += [verdict(first + j, item, j < met, weight, critical) for j in range(n)]
    table = contacts(meta)
    return table, verdicts_of(table, items(rows))


def test_areas_are_what_brings_most_points_beyond_others_and_what_costs_most() -> None:
    others = {"greet": (20, 40), "solve": (20, 40), "rare": (40, 40)}
    table, found = counted([{"greet": (18, 20), "solve": (4, 20), "rude": (0, 20), "rare": (0, 2)}, others])
    of, names = codes(table["agent_id"])
    everything = np.ones(table.num_rows, dtype=bool)
    areas = agent_areas(found, of, names, everything, TEXTS)["a0"]
    assert [(one.item, one.strength) for one in areas] == [("greet", True), ("solve", False)]
    greet = areas[0]
    assert (greet.own.value, greet.own.n, greet.others.value) == (0.9, 20, 0.5)
    assert greet.difference.value == pytest.approx(0.4)
    assert greet.difference.low > 0
    assert (greet.question, greet.hint) == ("Does the agent greet?", "Say hello.")
    assert not {"rude", "rare"} & {one.item for one in areas}  # critical, and too few contacts


def test_the_focus_is_the_heaviest_loss_and_never_an_item_always_met() -> None:
    own = {"greet": (2, 20), "solve": (10, 20), "rare": (20, 20)}
    table, found = counted([own, {"greet": (20, 20), "solve": (20, 20), "rare": (20, 20)}])
    of, names = codes(table["agent_id"])
    areas = agent_areas(found, of, names, np.ones(table.num_rows, dtype=bool), TEXTS)
    assert [(one.item, one.strength) for one in areas["a0"]] == [("rare", True), ("solve", False), ("greet", False)]
    assert [(one.item, one.strength) for one in areas["a1"]] == [("solve", True), ("greet", True)]  # by points ahead


def test_few_contacts_are_drawn_to_what_is_usual() -> None:
    # Three contacts that all missed a light item do not beat a heavy item that everybody misses half the time.
    table, found = counted([{"greet": (0, 3), "solve": (1, 3)}, {"greet": (40, 40), "solve": (20, 40)}])
    of, names = codes(table["agent_id"])
    everything = np.ones(table.num_rows, dtype=bool)
    areas = agent_areas(found, of, names, everything, TEXTS)["a0"]
    drawn = {one.item: one.lost for one in areas}
    assert drawn["greet"] == pytest.approx(0.25 * 3 / 11)
    assert drawn["solve"] == pytest.approx(0.75 * (1 - 5 / 11))


def test_the_teams_areas_stand_beside_the_weeks_before() -> None:
    _, found = counted([{"greet": (9, 10), "solve": (2, 10)}, {"greet": (5, 10), "solve": (2, 10)}])
    now = np.arange(20) < 10
    greet, *rest = team_areas(found, now, ~now, TEXTS)
    assert (greet.item, greet.strength, greet.own.value, greet.others.value) == ("greet", True, 0.9, 0.5)
    assert all(one.agent_id == "" for one in (greet, *rest))
    nothing = np.zeros(20, dtype=bool)
    assert team_areas(found, nothing, nothing, TEXTS) == []
    assert team_areas(found, now, nothing, TEXTS)[0].others.reason == "nothing to count"


def test_trend_by_week_of_agent_and_everybody() -> None:
    score = np.array([50.0, 60, 70, 80, np.nan, 90])
    found = trends(score, np.array([0, 0, 1, 0, 0, -1]), ["a", "b"], np.array([0, 0, 0, 1, 1, 1]), ["W1", "W2"])
    first, second = found["a"]
    assert (first.week, first.own.value, first.own.n, first.everybody.value) == ("W1", 55.0, 2, 60.0)
    assert (second.own.value, second.own.n, second.own.low) == (80.0, 1, None)
    assert found["b"][1].own.value is None
    assert [point.own.value for point in found[""]] == [60.0, 85.0]


def test_before_and_after_leaves_out_the_day_and_compares_with_those_not_coached(tmp_path: Path) -> None:
    path = tmp_path / "coached.csv"
    path.write_text("agent,item,day\na,greet,2026-06-10\na,score,2026-06-10\nzed,greet,2026-06-10\na,sing,2026-06-10\n")
    lines, rejects = read_coaching(str(path), ["a", "b"], ["score", "greet"])
    assert [(one.agent_id, one.skill, one.day) for one in lines] == [
        ("a", "greet", "2026-06-10"),
        ("a", "score", "2026-06-10"),
    ]
    assert [reject.code for reject in rejects] == ["unknown_agent", "unknown_skill"]
    days = [*range(1, 10), 10, *range(11, 20)]
    times = starts(pa.chunked_array([[f"2026-06-{day:02d}T10:00:00Z" for day in days] * 2]))
    greet = np.array([0.0] * 9 + [0.0] + [100.0] * 9 + [100.0] * 19)
    score = np.concatenate([np.arange(19.0), np.full(19, 50.0)])
    of = np.repeat([0, 1], 19)
    one, other = coached_skills(lines, [Measure("item:greet", greet), Measure("score", score)], times, of, ["a", "b"])
    assert (one.before.value, one.before.n, one.after.value, one.after.n) == (0.0, 9, 100.0, 9)
    assert one.difference.value == 100.0
    assert 0 < one.difference.low < 100
    assert one.others.value is None or one.others.value == pytest.approx(0.0)
    assert other.difference.value == pytest.approx(10.0)
    assert other.difference.low < 10 < other.difference.high


def test_a_coaching_file_without_a_column_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "coached.csv"
    path.write_text("agent,day\na,2026-06-10\n")
    with pytest.raises(UsageError, match="skill"):
        read_coaching(str(path), ["a"], ["score"])


def test_packs_of_the_last_week(run: Path) -> None:
    packs = gather(run, Wanted())
    assert packs.week == "2026-W26"
    assert [one.agent_id for one in packs.agents] == ["<b>eve</b>", "ann", "bob"]
    bob = packs.agents[-1]
    assert (bob.contacts, bob.scored, bob.weeks) == (5, 5, ("2026-W23", "2026-W24", "2026-W25", "2026-W26"))
    assert len(bob.trend) == 4
    assert bob.moments
    assert {one.contact_id for one in bob.moments} <= {f"c{k:03d}" for k in range(105, 120)}
    assert packs.team.contacts == 15
    assert {one.skill for one in packs.team.moments} == {"acknowledging"}
    assert packs.team.focus[0].others.n > 0  # the weeks before


def test_a_week_that_has_only_begun_is_named_and_passed_over(tmp_path: Path) -> None:
    days = [*["2026-06-02"] * 4, *["2026-06-10"] * 9, "2026-06-16", "2026-06-16"]
    rows = [{"agent_id": "ann", "started_at": f"{day}T10:00:00+00:00", "score": 60.0} for day in days]
    said = pa.concat_tables([turns(f"c{k:03d}", [customer(), agent()]) for k in range(len(days))])
    made = finished.run(tmp_path / "run", rows, [], turns=said, rubric={"content": CARD})
    packs = gather(made, Wanted())
    assert (packs.week, packs.team.contacts) == ("2026-W24", 9)
    assert "2026-W25, has 2 contacts, too few" in packs.notes[0]
    assert "--week 2026-W25" in packs.notes[0]
    asked = gather(made, Wanted(week="2026-W25"))
    assert (asked.week, asked.team.contacts, asked.notes) == ("2026-W25", 2, ())


def test_contacts_without_a_start_are_told_to_be_in_no_week(tmp_path: Path) -> None:
    rows = [{"agent_id": "ann", "started_at": at, "score": 60.0} for at in ("2026-06-02T10:00:00+00:00", None)]
    said = pa.concat_tables([turns(f"c{k:03d}", [customer(), agent()]) for k in range(2)])
    made = finished.run(tmp_path / "run", rows, [], turns=said, rubric={"content": CARD})
    assert any("in no week's packs; --week all" in note for note in gather(made, Wanted()).notes)
    assert not any("in no week" in note for note in gather(made, Wanted(week="all")).notes)


def test_packs_of_a_week_an_agent_a_campaign_and_of_everything(run: Path) -> None:
    (one,) = gather(run, Wanted(agents=["bob"], week="2026-w24")).agents
    assert (one.agent_id, one.week, one.weeks) == ("bob", "2026-W24", ("2026-W23", "2026-W24"))
    whole = gather(run, Wanted(week="all"))
    assert (whole.week, whole.team.contacts, whole.agents[0].weeks) == ("all", 120, ())
    assert gather(run, Wanted(week="all", campaign="bank")).team.contacts == 60


def test_the_pack_of_an_agent_is_the_same_whoever_else_is_asked_for(tmp_path: Path) -> None:
    rows = [{"agent_id": "ab"[k % 2], "channel": "chat"} for k in range(4)]
    said = [turns(f"c{k:03d}", [customer(), agent(), customer()]) for k in range(4)]
    # What a does always and b never: how often all agents miss it makes it a good example.
    verdicts = [verdict(k, "greet", k % 2 == 0) for k in range(4)]
    folder = finished.run(tmp_path / "run", rows, verdicts, turns=pa.concat_tables(said), rubric={"content": CARD})
    every, alone = gather(folder, Wanted()), gather(folder, Wanted(agents=["a"]))
    assert alone.agents[0].moments == every.agents[0].moments
    assert "all agents together miss it in 50% of contacts" in alone.agents[0].moments[0].why


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Wanted(week="2020-W01"), "2026-W23 to 2026-W26, or all"),
        (Wanted(agents=["bib"]), "Did you mean bob"),
        (Wanted(campaign="shoe"), "Did you mean shop"),
    ],
)
def test_what_the_run_does_not_have_is_said(run: Path, wanted: Wanted, said: str) -> None:
    with pytest.raises(UsageError) as error:
        gather(run, wanted)
    assert said in error.value.message


def test_a_run_without_starts_or_contacts_has_packs_too(tmp_path: Path) -> None:
    bare = finished.run(tmp_path / "bare", [{"agent_id": "a", "score": 50.0}], rubric={"content": CARD})
    packs = gather(bare, Wanted())
    assert (packs.week, len(packs.agents)) == ("all", 1)
    assert "No contact has a start" in packs.notes[0]
    with pytest.raises(UsageError, match="no contact of this run has a start"):
        gather(bare, Wanted(week="2026-W01"))
    page = pack_page(packs.agents[0])
    for sentence in ("nothing to say of strengths", "No moments were found", "there is no trend"):
        assert sentence in page
    empty = gather(finished.run(tmp_path / "empty", [], rubric={"content": CARD}), Wanted())
    assert empty.agents == ()
    assert "there are no packs of agents" in index_page((), "all", {}, empty.notes, demo=False, team=True, teams={})


def test_the_pages_escape_and_need_nothing_from_outside(run: Path, tmp_path: Path) -> None:
    index = write(gather(run, Wanted()), tmp_path / "packs")
    assert {path.name for path in (tmp_path / "packs").iterdir()} == {
        "index.html",
        "team.html",
        "agents",
        "coaching.csv",
    }
    pages = [index, *(tmp_path / "packs").glob("*.html"), *(tmp_path / "packs" / "agents").glob("*.html")]
    assert len(pages) == 6
    for path in pages:
        text = path.read_text(encoding="utf-8")
        assert "<b>eve" not in text
        assert "<script" not in text
        assert "http" not in text.replace("http://www.w3.org/", "")
    linked = [path.name for path in (tmp_path / "packs" / "agents").iterdir()]
    assert all(f'href="agents/{name}"' in index.read_text(encoding="utf-8") for name in linked)
    with (tmp_path / "packs" / "coaching.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert rows
    assert "asks" in rows[0]


def test_file_names_are_safe_and_never_shared() -> None:
    names = file_names(["A1", "a1", "../../etc/passwd", "Zoë", "x" * 300, "plain_one"])
    assert names["plain_one"] == "plain_one"
    assert len({name.lower() for name in names.values()}) == 6
    assert all(
        set(name) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_") for name in names.values()
    )
    assert max(map(len, names.values())) <= 70


def test_the_command(run: Path, tmp_path: Path, command: Command) -> None:
    done = command("coach", run, "--out", tmp_path / "packs")
    assert (done.code, done.out.startswith("week 2026-W26: 15 contacts, packs of 3 agents")) == (0, True)
    assert done.err == ""
    done = command("coach", run, "--out", tmp_path / "packs", "--agent", "bob")
    assert done.out.startswith("week 2026-W26: 5 contacts, packs of 1 agent")
    assert "still holds pages of earlier packs, which this index does not lead to: team.html, agents/" in done.err
    coached = tmp_path / "coached.csv"
    coached.write_text("agent_id,skill,date\nbob,greet,2026-06-15\nnobody,greet,2026-06-15\n")
    done = command("coach", run, "-o", tmp_path / "two", "--agent", "bob", "--coached", coached, "--json")
    assert done.code == 3
    found = json.loads(done.out)
    (skill,) = found["agents"][0]["coached"]
    assert (skill["before"]["value"], skill["after"]["value"]) == (0.0, 100.0)
    assert not (tmp_path / "two" / "team.html").exists()
    page = next((tmp_path / "two" / "agents").iterdir()).read_text(encoding="utf-8")
    assert "Coached skills, before and after" in page
    assert command("coach", run, "-o", coached).code == 1
    assert (tmp_path / "two" / "rejects.jsonl").exists()
    command("coach", run, "-o", tmp_path / "two")
    assert not (tmp_path / "two" / "rejects.jsonl").exists()  # those of the packs before
    assert "is a run folder" in command("coach", run, "-o", run).err
    assert not (run / "index.html").exists()
    assert command("coach", tmp_path, "-o", tmp_path / "three").code == 1


def test_teams_have_packs_of_their_own(run: Path, tmp_path: Path, command: Command) -> None:
    path = tmp_path / "teams.csv"
    path.write_text("agent_id,team\nann,North\n<b>eve</b>,North\nbob,<i>South</i>\nbob,North\nzed,North\n")
    found, rejects = read_teams(str(path), ["ann", "bob", "<b>eve</b>"])
    assert found == {"<i>South</i>": ["bob"], "North": ["ann", "<b>eve</b>"]}
    assert [reject.code for reject in rejects] == ["duplicate_agent", "unknown_agent"]
    south, north = gather(run, Wanted(week="all", teams=str(path))).teams
    assert (south.team, south.contacts, north.team, north.contacts) == ("<i>South</i>", 40, "North", 80)
    assert [point.of for point in south.trend] == ["<i>South</i>"] * 4
    assert south.trend[0].own.value != south.trend[0].everybody.value
    done = command("coach", run, "-o", tmp_path / "packs", "--teams", path)
    assert done.code == 3
    assert "all 2 refused rows" in done.err
    assert len((tmp_path / "packs" / "rejects.jsonl").read_text(encoding="utf-8").splitlines()) == 2
    pages = sorted((tmp_path / "packs" / "teams").iterdir())
    assert len(pages) == 2
    assert all("<i>South" not in page.read_text(encoding="utf-8") for page in pages)
    index = (tmp_path / "packs" / "index.html").read_text(encoding="utf-8")
    assert all(f'href="teams/{page.name}"' in index for page in pages)
