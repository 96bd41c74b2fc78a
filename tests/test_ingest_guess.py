import json
from pathlib import Path

import pytest
from reading import read

from cxsentiment.errors import UsageError
from cxsentiment.ingest.guess import LEAST, agent_probability
from cxsentiment.ingest.intake import read_contacts
from cxsentiment.ingest.options import ReadOptions, parse_roles, read_roles
from cxsentiment.schema import Transcript

AGENT = [
    "Thank you for calling Larkspur, my name is Ines, how can I help you?",
    "I'm sorry to hear that. May I have your booking number, please?",
    "One moment, let me check that for you.",
    "Is there anything else I can do for you?",
]
CUSTOMER = ["My booking is gone, I already called twice.", "It's 4471.", "Why is it so slow?", "No, thanks."]


def call(tmp_path: Path, *sides: tuple[str, list[str]], **options: object) -> Transcript:
    turns = [{"speaker": who, "text": text} for lines in zip(*(said for _, said in sides), strict=True)
             for who, text in zip((who for who, _ in sides), lines, strict=True)]  # fmt: skip
    path = tmp_path / "call.json"
    path.write_text(json.dumps({"id": "1", "turns": turns}))
    (found,) = read_contacts([path], ReadOptions(**options))  # type: ignore[arg-type]
    assert isinstance(found, Transcript)
    return found


def speakers(found: Transcript) -> str:
    return "".join(turn.speaker[0] for turn in found.turns)


@pytest.mark.parametrize("first", ["agent", "customer"])
def test_two_speakers_are_told_apart_by_what_they_say_and_marked(tmp_path: Path, first: str) -> None:
    sides = [("spk_0", AGENT), ("spk_1", CUSTOMER)]
    found = call(tmp_path, *(sides if first == "agent" else sides[::-1]), guess_roles=True)
    assert speakers(found) == ("acacacac" if first == "agent" else "cacacaca")
    assert found.role_source == "guessed"
    assert found.role_p is not None
    assert LEAST <= found.role_p <= 1
    assert {(p.label, p.speaker, p.source) for p in found.parties} == {
        ("spk_0", "agent", "guessed"),
        ("spk_1", "customer", "guessed"),
    }
    assert found.warnings == ("roles were guessed from what was said (--guess-roles)",)


def test_nothing_is_guessed_unless_asked(tmp_path: Path) -> None:
    found = call(tmp_path, ("spk_0", AGENT), ("spk_1", CUSTOMER))
    assert (speakers(found), found.role_source, found.role_p) == ("uuuuuuuu", "unknown", None)


def test_words_that_do_not_tell_stay_unknown(tmp_path: Path) -> None:
    found = call(tmp_path, ("spk_0", ["Blue.", "Green."]), ("spk_1", ["Red.", "White."]), guess_roles=True)
    assert (speakers(found), found.role_p) == ("uuuu", None)
    assert any("do not tell" in line for line in found.warnings)


def test_three_unknown_speakers_are_not_guessed(tmp_path: Path) -> None:
    sides = [("a", AGENT), ("b", CUSTOMER), ("c", CUSTOMER)]
    found = call(tmp_path, *sides, guess_roles=True)
    assert set(speakers(found)) == {"u"}
    assert any("needs two" in line for line in found.warnings)


def test_one_unknown_speaker_beside_a_known_one_is_the_other_side(tmp_path: Path) -> None:
    roles = parse_roles(["spk_1=customer"])
    found = call(tmp_path, ("spk_0", AGENT), ("spk_1", CUSTOMER), guess_roles=True, roles=roles)
    assert (speakers(found), found.role_source) == ("acacacac", "guessed")
    roles = parse_roles(["spk_1=agent"])  # declared against what the words say: nothing is guessed against it
    found = call(tmp_path, ("spk_0", AGENT), ("spk_1", CUSTOMER), guess_roles=True, roles=roles)
    assert set(speakers(found)) == {"u", "a"}


def test_what_is_declared_is_never_guessed(tmp_path: Path) -> None:
    roles = parse_roles(["spk_0=customer", "spk_1=agent"])
    found = call(tmp_path, ("spk_0", AGENT), ("spk_1", CUSTOMER), guess_roles=True, roles=roles)
    assert (speakers(found), found.role_source, found.role_p) == ("cacacaca", "declared", None)


def test_the_probability_is_of_the_first_and_both_add_to_one() -> None:
    assert agent_probability(AGENT, CUSTOMER) == pytest.approx(1 - agent_probability(CUSTOMER, AGENT))
    assert agent_probability([], []) == 0.5


@pytest.mark.shared
@pytest.mark.slow
def test_real_contacts_are_guessed_right_where_anything_is_guessed(shared: Path) -> None:
    right = wrong = 0
    for name in ("harpervalley_sample", "primock57", "abcd_sample"):
        found, _ = read(shared / "data" / f"{name}.jsonl.gz")
        for one in found:
            sides = {who: [t.text for t in one.turns if t.speaker == who] for who in ("agent", "customer")}
            p = agent_probability(sides["agent"], sides["customer"])
            right += p >= LEAST
            wrong += p <= 1 - LEAST
    assert right >= 50
    assert wrong == 0


def test_a_role_file(tmp_path: Path) -> None:
    path = tmp_path / "roles.csv"
    path.write_text("label,speaker\nspk_0,agent\n/guest .*/,customer\n")
    assert read_roles(path) == {"spk_0": "agent", "/guest .*/": "customer"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("label,speaker\nspk_0,angel\n", "roles.csv:2"),
        ("label,speaker\nspk_0,\n", "no speaker"),
        ("a,b\n1,2\n", "label,speaker"),
        ("label,speaker\n/(/,agent\n", "pattern"),
        ("label,speaker\nS1,agent\nS2,customer\ns1,customer\n", 'roles.csv:4.*"s1" is already agent'),
    ],
)
def test_a_role_file_that_cannot_be_used_names_the_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "roles.csv"
    path.write_text(text)
    with pytest.raises(UsageError, match=said):
        read_roles(path)
    with pytest.raises(UsageError, match="cannot be read"):
        read_roles(tmp_path / "gone.csv")


def test_roles_by_pattern() -> None:
    options = ReadOptions(roles=parse_roles(["/agent .*/=agent", "Agent Smith=other"]))
    assert [options.speaker(name) for name in ("Agent Miller", "agent smith", "Reagent X")] == ["agent", "other", None]
