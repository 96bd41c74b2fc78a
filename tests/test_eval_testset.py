import gzip
import json
import random
from pathlib import Path

import pytest

from cxsentiment.errors import BundleError, UsageError
from cxsentiment.schema import ACTS, SENTIMENTS
from eval.repeats import repeated
from eval.run import answers_of, subsets
from eval.testset import Case, all_cases, read_bundled, read_cases, read_counted, without_duplicates

TALK = """# id=t-1 channel=chat campaign=x agent=A01 style=chat outcome=resolved csat=4
C neg: it broke again: twice
A E2 P7: Sorry about that. One moment.
A -: ok

# id=t-2 channel=call campaign=x agent=A01 style=asr outcome=resolved csat=-
C pos: thanks
A N1: whatever
"""
ROWS = [
    {"dataset": "star", "conversation_id": "star-1", "turn": 4, "speaker": "agent", "text": "Hello", "acts": ["greet"]},
    {"dataset": "hvb", "conversation_id": "hvb-1", "turn": 2, "speaker": "agent", "text": "okay", "acts": ["none"]},
    {"dataset": "sgd", "conversation_id": "s-1", "turn": 0, "speaker": "customer", "text": "a", "sentiment": "neutral"},
]


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("eval.testset._LABELS", tmp_path / "labels")
    monkeypatch.setattr("eval.testset._BUNDLED", tmp_path / "bundled")
    monkeypatch.setattr("eval.testset._RANDOM", tmp_path / "random_turns.jsonl")
    (tmp_path / "random_turns.jsonl").touch()
    (tmp_path / "service_talk.txt").write_text(TALK, encoding="utf-8")
    (tmp_path / "act_gallery.txt").write_text(TALK.replace("t-", "g-"), encoding="utf-8")
    with gzip.open(tmp_path / "service_turns.jsonl.gz", "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in ROWS)
    split = {
        "dev_conversations": ["act_gallery/g-2"],
        "test_conversations": ["service_talk/t-1", "service_turns/star-1"],
    }
    (tmp_path / "split.json").write_text(json.dumps(split), encoding="utf-8")
    return tmp_path


def test_turns_are_read_with_labels_and_part(data: Path) -> None:
    cases = {(case.source, case.conversation, case.turn): case for case in all_cases(data, data)}
    assert len(cases) == 3 + 5 + 5
    first = cases["service_talk", "t-1", 0]
    assert (first.text, first.sentiment, first.acts) == ("it broke again: twice", "negative", None)
    assert cases["service_talk", "t-1", 1].acts == ("apologise", "hold")
    assert cases["service_talk", "t-1", 2].acts == ()
    assert cases["service_talk", "t-2", 1].acts == ("unprofessional",)
    assert cases["service_turns", "hvb-1", 2].acts == ()
    assert cases["service_turns", "s-1", 0].sentiment == "neutral"
    parts = {(case.source, case.conversation): case.part for case in cases.values()}
    assert [key for key, part in parts.items() if part == "test"] == [
        ("service_turns", "star-1"),
        ("service_talk", "t-1"),
    ]
    assert parts["act_gallery", "g-2"] == "dev"
    assert parts["service_talk", "t-2"] == "train"


def test_the_bundled_turns_are_tests_and_strangers_are_in_every_evaluation(data: Path) -> None:
    (data / "bundled").mkdir()
    (data / "bundled" / "service_talk.txt").write_text(TALK, encoding="utf-8")
    (data / "bundled" / "strangers_one.txt").write_text(TALK.replace("t-", "z-"), encoding="utf-8")
    bundled = read_bundled()
    assert {(case.source, case.conversation, case.part) for case in bundled} == {
        ("service_talk", "t-1", "test"),
        ("service_talk", "t-2", "test"),
        ("strangers", "z-1", "test"),
        ("strangers", "z-2", "test"),
    }
    assert {case.channel for case in bundled} == {"chat", "call"}
    strangers = [case for case in all_cases(data, data) if case.source == "strangers"]
    assert len(strangers) == 5
    assert {case.part for case in strangers} == {"test"}


@pytest.mark.shared
def test_the_bundled_turns_are_the_test_part_of_their_sources(shared: Path) -> None:
    model = Path(__file__).parents[1] / "models" / "default"
    whole = [case for case in all_cases(shared / "data", model) if case.part == "test"]
    assert [case for case in whole if case.source != "service_turns"] == sorted(
        read_bundled(), key=lambda case: ("service_talk", "act_gallery", "strangers").index(case.source)
    )


def test_training_turns_that_repeat_a_held_out_turn_are_left_out(data: Path) -> None:
    left = {(case.conversation, case.turn) for case in read_cases(data, data)}
    gone = {(case.conversation, case.turn) for case in all_cases(data, data)} - left
    assert gone == {("g-1", 0), ("g-1", 1)}  # "ok" repeats too, but it is everybody's


def test_further_labels_teach_and_are_never_tested_on(data: Path) -> None:
    labels = data / "labels"
    labels.mkdir()
    (labels / "talk_x.txt").write_text(TALK.replace("t-", "x-").replace("broke", "stopped"), encoding="utf-8")
    keyed = {"dataset": "star", "turn": 0, "acts": ["greet"]}
    rows = [keyed | {"conversation_id": name} for name in ("star-1", "star-2")]
    (labels / "agent_turns.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with gzip.open(data / "star.jsonl.gz", "wt", encoding="utf-8") as file:
        for name, line in (("star-1", "parcel"), ("star-2", "billing")):
            turns = [{"speaker": "agent", "text": f"welcome to our {line} line today"}]
            file.write(json.dumps({"id": name, "turns": turns}) + "\n")
    split = json.loads((data / "split.json").read_text())
    split["test_conversations"].append("agent_turns/star-1")
    split["dev_conversations"].append("talk_x/talk_x/x")
    (data / "split.json").write_text(json.dumps(split))
    further = [case for case in read_cases(data, data) if case.source in ("talk_x", "agent_turns")]
    assert {case.part for case in further if case.source == "talk_x"} == {"dev"}
    hard = [case for case in read_cases(data, data) if case.source == "further_turns"]
    assert [(case.conversation, case.part, case.acts) for case in hard] == [("star-1", "test", ("greet",))]
    places = subsets([*hard, Case("service_talk", "c", 0, "chat", "chat", "x", "test", "neutral", None)])
    assert places == {"all": [1], "further_turns": [0], "service_talk": [1], "style chat": [1]}
    assert [(c.conversation, c.part, c.acts) for c in further if c.source == "agent_turns"] == [
        ("star-2", "train", ("greet",))
    ]


def test_posts_are_a_set_of_their_own(data: Path) -> None:
    (data / "labels").mkdir()
    rows = [{"dataset": "goemotions", "conversation_id": f"g-{k}", "turn": 0, "sentiment": "neutral"} for k in (1, 2)]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (data / "labels" / "posts.jsonl").write_text(lines, encoding="utf-8")
    with gzip.open(data / "goemotions.jsonl.gz", "wt", encoding="utf-8") as file:
        for k in (1, 2, 3):
            file.write(json.dumps({"id": f"g-{k}", "text": f"that is post {k}", "labels": {}}) + "\n")
    split = json.loads((data / "split.json").read_text())
    split["test_conversations"].append("posts/g-1")
    (data / "split.json").write_text(json.dumps(split))
    found = [case for case in read_cases(data, data) if case.source == "posts"]
    assert {(case.conversation, case.part, case.sentiment, case.channel) for case in found} == {
        ("g-1", "test", "neutral", "social"),
        ("g-2", "train", "neutral", "social"),
    }
    assert subsets(found[:1]) == {"all": [], "posts": [0]}


def test_further_turns_that_service_turns_has_too_count_once(data: Path) -> None:
    (data / "labels").mkdir()
    keyed = {"dataset": "star", "conversation_id": "star-1"}
    rows = [keyed | {"turn": 4, "acts": ["greet"]}, keyed | {"turn": 5, "acts": []}]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (data / "labels" / "agent_turns.jsonl").write_text(lines, encoding="utf-8")
    with gzip.open(data / "star.jsonl.gz", "wt", encoding="utf-8") as file:
        turns = [{"speaker": "agent", "text": text} for text in ("a", "b", "c", "d", "Hello", "right")]
        file.write(json.dumps({"id": "star-1", "turns": turns}) + "\n")
    split = json.loads((data / "split.json").read_text())
    split["test_conversations"].append("agent_turns/star-1")
    (data / "split.json").write_text(json.dumps(split))
    tested = [(case.source, case.turn) for case in read_cases(data, data) if case.conversation == "star-1"]
    assert tested == [("service_turns", 4), ("further_turns", 5)]


def test_turns_drawn_at_random_count_where_nothing_of_their_conversation_was_taught(data: Path) -> None:
    keyed = {"dataset": "sgd", "turn": 0, "acts": ["greet"]}
    rows = [keyed | {"conversation_id": name} for name in ("sgd-1", "sgd-2")]
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (data / "random_turns.jsonl").write_text(lines, encoding="utf-8")
    (data / "labels").mkdir(exist_ok=True)
    (data / "labels" / "agent_turns.jsonl").write_text(json.dumps(rows[1] | {"turn": 1}) + "\n", encoding="utf-8")
    with gzip.open(data / "sgd.jsonl.gz", "wt", encoding="utf-8") as file:
        for name in ("sgd-1", "sgd-2"):
            turns = [{"speaker": "agent", "text": f"welcome, this is {word} of {name}"} for word in ("Ann", "Ben")]
            file.write(json.dumps({"id": name, "turns": turns}) + "\n")
    found = [case for case in read_cases(data, data) if case.source == "random_turns"]
    assert [(case.conversation, case.part, case.acts) for case in found] == [("sgd-1", "test", ("greet",))]
    assert subsets(found) == {"all": [], "random_turns": [0]}


def test_turns_drawn_at_random_that_training_says_too_are_left_out_and_counted(data: Path) -> None:
    said = {
        "sgd-1": "Is there anything else today?",  # word for word in a training turn
        "sgd-2": "Your table for two is booked at the Old Inn for noon, enjoy your meal",  # nearly
        "sgd-3": "Your room is too small for a party of nine, I am afraid",
        "sgd-4": "Thank you!",  # too short to be anybody's own
    }
    taught = {
        "sgd-8": "is there anything ELSE today",
        "sgd-9": "Your table for six is booked at the Old Inn for noon, enjoy your meal",
        "sgd-7": "Thank you!",
    }
    keyed = {"dataset": "sgd", "turn": 0, "acts": ["inform"]}
    for name, rows in (("random_turns.jsonl", said), ("labels/agent_turns.jsonl", taught)):
        (data / name).parent.mkdir(exist_ok=True)
        (data / name).write_text("".join(json.dumps(keyed | {"conversation_id": one}) + "\n" for one in rows))
    with gzip.open(data / "sgd.jsonl.gz", "wt", encoding="utf-8") as file:
        for name, text in (said | taught).items():
            file.write(json.dumps({"id": name, "turns": [{"speaker": "agent", "text": text}]}) + "\n")
    cases, left_out = read_counted(data, data)
    assert [case.conversation for case in cases if case.source == "random_turns"] == ["sgd-3", "sgd-4"]
    assert left_out == {"random_turns": 2}
    assert {case.conversation for case in cases if case.source == "agent_turns"} == set(taught)
    assert read_cases(data, data) == cases


def test_what_is_a_repeat_is_the_same_as_in_training() -> None:
    pytest.importorskip("sklearn", reason="needs the train extra")
    from training import duplicates

    texts = sorted({case.text for case in read_bundled()})
    chance = random.Random(5)
    others = texts[::3]
    changed = []
    for text in texts[1::7] + others[::5]:
        parts = text.split()
        parts[chance.randrange(len(parts))] = chance.choice(["indeed", "the", "parcel"])
        changed.append(" ".join(parts))
    asked = texts[1::3] + changed
    same = {key for text in others if (key := duplicates.key(text))}
    near = duplicates.near(asked, others)
    theirs = [bool(one) or duplicates.key(text) in same for text, one in zip(asked, near, strict=True)]
    assert repeated(asked, others) == theirs
    assert 20 < sum(theirs) < len(asked) / 2
    assert repeated(["a b c d e f"], []) == [False]


def test_turns_are_compared_by_their_words() -> None:
    def case(part: str, text: str) -> Case:
        return Case("service_talk", "c", 0, "chat", "chat", text, part, "neutral", None)

    kept = without_duplicates([case("test", "Order 12 is late again"), case("train", "order 99: IS LATE AGAIN!")])
    assert [one.part for one in kept] == ["test"]


def test_a_missing_source_and_a_missing_split_are_named(data: Path, tmp_path: Path) -> None:
    (data / "act_gallery.txt").unlink()
    with pytest.raises(UsageError, match=r"act_gallery\.txt: this source is missing"):
        read_cases(data, data)
    (data / "split.json").unlink()
    with pytest.raises(BundleError, match="does not say what it was not trained on"):
        read_cases(data, data)


def test_sets_are_all_each_source_and_each_style(data: Path) -> None:
    found = subsets(all_cases(data, data))
    assert {"all", "service_talk", "act_gallery", "service_turns", "style chat", "style asr", "style call"} <= set(
        found
    )
    assert len(found["all"]) == 13
    assert len(found["service_turns"]) == 3


def test_the_bundle_is_asked_through_the_products_own_path(toy_model) -> None:  # type: ignore[no-untyped-def]
    customers = [
        Case("service_talk", "c", 0, "chat", "chat", text, "test", "neutral", None) for text in ("terrible", "thanks")
    ]
    answer = answers_of(toy_model, "sentiment", customers)
    assert answer.predicted.argmax(1).tolist() == [SENTIMENTS.index("negative"), SENTIMENTS.index("positive")]
    agents = [Case("service_talk", "c", 0, "chat", "chat", "Hello. So sorry. A moment?", "test", None, ())]
    row = answers_of(toy_model, "acts", agents).predicted[0]
    assert {act for act, here in zip(ACTS, row, strict=True) if here} == {"greet", "apologise", "hold"}


@pytest.mark.shared
def test_both_readers_agree_on_the_real_sources(shared: Path) -> None:
    pytest.importorskip("datasets", reason="needs the train extra")
    from training.catalogue import SOURCES

    model = Path(__file__).parents[1] / "models" / "default"
    theirs = {
        (c.source, c.conversation, c.turn, c.text, c.sentiment, c.acts)
        for c in all_cases(shared / "data", model)
        if c.source != "strangers"
    }
    ours = {
        (turn.source, turn.conversation, turn.turn, turn.text, turn.sentiment, turn.acts)
        for name in ("service_turns", "service_talk", "act_gallery")
        for turn in SOURCES[name].read(shared / "data" / SOURCES[name].file, shared / "data")
    }
    assert theirs == ours
