"""The project's own label files: written talk in full, and labels keyed to turns of open datasets."""

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from cxsentiment.errors import UsageError
from cxsentiment.schema import ACTS, SENTIMENTS
from training.catalogue import SOURCES

LABELS = Path(__file__).parents[1] / "training" / "labels"
TALK = sorted(name for name in SOURCES if name.startswith("talk_"))


def _conversation(data: Path) -> None:
    turns = [{"speaker": "agent", "text": "Hello, this is Ana."}, {"speaker": "customer", "text": "this is awful"}]
    with gzip.open(data / "star.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write(json.dumps({"id": "star-1", "dataset": "star", "channel": "chat", "turns": turns}) + "\n")


def _labels(path: Path, *rows: dict[str, object]) -> Path:
    whole = [{"dataset": "star", "conversation_id": "star-1"} | row for row in rows]
    path.write_text("".join(json.dumps(row) + "\n" for row in whole), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", TALK)
def test_written_talk_is_well_formed_and_never_tested_on(name: str, tmp_path: Path) -> None:
    source = SOURCES[name]
    turns = list(source.read(source.path(tmp_path), tmp_path))
    assert len(turns) > 500
    assert not source.tested
    assert {turn.source for turn in turns} == {name}
    assert {turn.sentiment for turn in turns if turn.acts is None} == set(SENTIMENTS)
    acts = {act for turn in turns for act in turn.acts or ()}
    assert len(acts) >= len(ACTS) - 2  # a file on customers, or on one kind of act, may lack another
    # Neighbouring contacts may be variants of one situation, so a campaign is split as one conversation.
    assert all(turn.conversation.startswith(f"{name}/") for turn in turns)


def test_keyed_labels_find_their_texts(tmp_path: Path) -> None:
    _conversation(tmp_path)
    path = _labels(tmp_path / "agent_turns.jsonl", {"turn": 0, "acts": ["greet", "identify"]})
    (turn,) = SOURCES["agent_turns"].read(path, tmp_path)
    assert (turn.text, turn.acts, turn.sentiment) == ("Hello, this is Ana.", ("greet", "identify"), None)
    path = _labels(tmp_path / "customer_turns.jsonl", {"turn": 1, "sentiment": "negative"})
    (turn,) = SOURCES["customer_turns"].read(path, tmp_path)
    assert (turn.text, turn.acts, turn.sentiment) == ("this is awful", None, "negative")


def test_a_label_of_a_single_text_finds_it(tmp_path: Path) -> None:
    row = {"id": "star-1", "text": "this is awful", "speaker": "reddit_user", "labels": {"emotions": ["neutral"]}}
    (tmp_path / "star.jsonl.gz").write_bytes(gzip.compress(json.dumps(row).encode()))
    path = _labels(tmp_path / "posts.jsonl", {"turn": 0, "sentiment": "negative"})
    (turn,) = SOURCES["posts"].read(path, tmp_path)
    assert (turn.text, turn.sentiment, turn.style, turn.conversation) == (
        "this is awful",
        "negative",
        "written",
        "star-1",
    )
    with pytest.raises(UsageError, match="star-1 turn 1"):
        list(SOURCES["posts"].read(_labels(tmp_path / "posts.jsonl", {"turn": 1, "sentiment": "neutral"}), tmp_path))


def test_all_written_talk_together_has_every_act_many_times(tmp_path: Path) -> None:
    found = Counter(
        act
        for name in TALK
        for turn in SOURCES[name].read(SOURCES[name].path(tmp_path), tmp_path)
        for act in turn.acts or ()
    )
    assert set(found) == set(ACTS)
    assert min(found.values()) > 300


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"turn": 7, "acts": []}, "1 labels of star point at turns that do not exist: star-1 turn 7"),
        ({"turn": 0, "sentiment": "negative"}, "speaker 'agent' is labelled with sentiment"),
        ({"turn": 0, "acts": ["greet"], "sentiment": "negative"}, "labelled with sentiment and acts"),
        ({"turn": 1, "acts": []}, "speaker 'customer' is labelled with acts"),
        ({"turn": 1}, "is labelled with nothing"),
        ({"dataset": "stars", "turn": 0, "acts": []}, r"stars\.jsonl\.gz: this file is missing"),
        ({"dataset": None, "turn": 0, "acts": []}, r"agent_turns\.jsonl:1: key 'dataset' holds None"),
        ({"conversation_id": 1, "turn": 0, "acts": []}, r":1: key 'conversation_id' holds 1 \(allowed: text"),
        ({"turn": False, "acts": []}, r":1: key 'turn' holds False \(allowed: a whole number"),
        ({"turn": 0.0, "acts": []}, r":1: key 'turn' holds 0\.0"),
        ({"turn": [0], "acts": []}, r":1: key 'turn' holds \[0\]"),
        ({"turn": 0, "acts": [], "emotion": "angry"}, r":1: unknown key 'emotion'"),
        ({"turn": 0, "acts": "greet"}, r"star-1, turn 0: acts are 'greet' \(allowed: a list"),
        ({"turn": 0, "acts": ["sing"]}, "unknown acts"),
        ({"turn": 1, "sentiment": "grumpy"}, "unknown sentiment 'grumpy'"),
    ],
)
def test_a_label_that_points_nowhere_or_says_nothing_known(
    tmp_path: Path, row: dict[str, object], message: str
) -> None:
    _conversation(tmp_path)
    path = _labels(tmp_path / "agent_turns.jsonl", row)
    with pytest.raises(UsageError, match=message):
        list(SOURCES["agent_turns"].read(path, tmp_path))


def test_a_line_that_is_no_label_is_named(tmp_path: Path) -> None:
    path = tmp_path / "agent_turns.jsonl"
    for line, says in (
        ("{oops", "not valid JSON"),
        ("[1]", "not a JSON object"),
        ('{"dataset": "star", "turn": 0}', "conversation_id"),
    ):
        path.write_text(line + "\n", encoding="utf-8")
        with pytest.raises(UsageError, match=rf"agent_turns\.jsonl:1: .*{says}"):
            list(SOURCES["agent_turns"].read(path, tmp_path))


@pytest.mark.parametrize("acts", [["greet"], ["close"]], ids=["alike", "other"])
def test_two_labels_of_one_turn_are_refused(tmp_path: Path, acts: list[str]) -> None:
    _conversation(tmp_path)
    path = _labels(tmp_path / "agent_turns.jsonl", {"turn": 0, "acts": ["greet"]}, {"turn": 0, "acts": acts})
    with pytest.raises(UsageError, match=r"agent_turns\.jsonl:2: a second label of star-1 turn 0"):
        list(SOURCES["agent_turns"].read(path, tmp_path))


@pytest.mark.parametrize(
    ("conversation", "says"),
    [
        ({"id": 5, "turns": []}, r"star\.jsonl\.gz:1: key 'id' holds 5"),
        ({"id": "star-1"}, r":1: the key 'turns' is missing"),
        ({"id": "star-1", "turns": [{"speaker": "agent", "text": None}]}, r":1, turn 0: key 'text' holds None"),
        ({"id": "star-1", "turns": ["hello"]}, r":1, turn 0: not a JSON object"),
    ],
)
def test_a_damaged_conversation_is_named(tmp_path: Path, conversation: dict[str, object], says: str) -> None:
    (tmp_path / "star.jsonl.gz").write_bytes(gzip.compress(json.dumps(conversation).encode()))
    path = _labels(tmp_path / "agent_turns.jsonl", {"turn": 0, "acts": ["greet"]})
    with pytest.raises(UsageError, match=says):
        list(SOURCES["agent_turns"].read(path, tmp_path))


@pytest.mark.parametrize(
    ("name", "label"), [("agent_turns", "acts"), ("customer_turns", "sentiment"), ("posts", "sentiment")]
)
def test_label_files_hold_no_text_of_other_sources_and_no_mood_of_an_agent(name: str, label: str) -> None:
    for line in (LABELS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
        assert set(json.loads(line)) == {"dataset", "conversation_id", "turn", label}


def test_no_agents_turn_carries_a_mood_in_any_talk_that_ships() -> None:
    files = [*LABELS.glob("talk_*.txt"), *(LABELS.parents[1] / "eval" / "bundled").glob("*.txt")]
    assert len(files) > 15
    for path in files:
        for line in path.read_text(encoding="utf-8").splitlines():
            codes = line.split(":", 1)[0].split()
            assert codes[:1] != ["A"] or not {"neg", "neu", "pos"} & set(codes), line
