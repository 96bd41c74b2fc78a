import json
from pathlib import Path

import pytest

from cxsentiment.errors import UsageError
from cxsentiment.schema import ACTS, SENTIMENTS
from training.config import Config, Split, read_config
from training.data import build, duplicate_key, part_of
from training.sources import CODES, EMOTIONS, SOURCES, codes

pytest.importorskip("datasets", reason="needs the train extra")

RECIPE = Path(__file__).parents[1] / "training" / "configs" / "default.yaml"
_CODE_OF = {label: code for code, label in CODES.items()}


@pytest.fixture
def recipe() -> Config:
    whole = read_config(RECIPE)
    return whole.model_copy(update={"sources": {name: whole.sources[name] for name in ("service_talk", "act_gallery")}})


def talk(conversations: int, *, prefix: str = "t") -> str:
    """Conversations that hold every label, each with words of its own."""
    blocks = []
    for k in range(conversations):
        letters = prefix + "".join(chr(97 + int(digit)) for digit in str(k))  # digits do not count as words
        lines = [f"# id={prefix}-{k} channel=chat campaign=x agent=A01 style=chat outcome=resolved csat=-"]
        lines += [f"C {_CODE_OF[mood]}: this customer {letters} feels rather {mood}" for mood in SENTIMENTS]
        lines += [f"A {_CODE_OF[act]}: this agent {letters} does plainly {act}" for act in ACTS]
        blocks.append("\n".join([*lines, f"A -: ok ok ok {letters}"]))
    return "\n\n".join(blocks) + "\n"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "service_talk.txt").write_text(talk(60), encoding="utf-8")
    (tmp_path / "act_gallery.txt").write_text(talk(20, prefix="g"), encoding="utf-8")
    return tmp_path


def test_every_turn_is_read_with_its_labels(data: Path, recipe: Config) -> None:
    tables = build(data, recipe)
    rows = [row for part in tables.parts.values() for row in part if row["source"] == "service_talk"]
    dropped = sum(n for reason, n in tables.dropped.items() if reason.startswith("service_talk"))
    assert len(rows) + dropped == 60 * (3 + 17 + 1)
    first = sorted((row for row in rows if row["conversation"] == "t-7"), key=lambda row: row["turn"])
    assert [row["sentiment"] for row in first[:3]] == list(SENTIMENTS)
    assert [row["acts"] for row in first[3:]] == [[act] for act in ACTS] + [[]]


def test_a_conversation_lies_in_one_part(data: Path, recipe: Config) -> None:
    tables = build(data, recipe)
    parts = [set(tables.conversations(part)) for part in ("train", "dev", "test")]
    assert all(parts)
    assert not parts[0] & parts[1]
    assert not parts[0] & parts[2]
    assert not parts[1] & parts[2]


def test_the_split_does_not_hang_on_the_order_of_reading(data: Path, recipe: Config) -> None:
    before = build(data, recipe).conversations("test")
    blocks = (data / "service_talk.txt").read_text(encoding="utf-8").strip().split("\n\n")
    (data / "service_talk.txt").write_text("\n\n".join(reversed(blocks)), encoding="utf-8")
    assert build(data, recipe).conversations("test") == before


def test_the_split_has_about_its_shares() -> None:
    split = Split(salt="s", dev=0.1, test=0.2)
    parts = [part_of(split, f"c{k}") for k in range(4000)]
    assert parts.count("test") == pytest.approx(800, abs=80)
    assert parts.count("dev") == pytest.approx(400, abs=60)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("I was charged 20 twice!", "i was charged twice"),
        ("i was charged 99 TWICE", "i was charged twice"),
        ("Thank you so", None),  # three words: everybody's
        ("12345 67", None),
    ],
)
def test_near_duplicates_share_their_words(text: str, key: str | None) -> None:
    assert duplicate_key(text) == key


def test_no_training_turn_says_what_a_held_out_turn_says(data: Path, recipe: Config) -> None:
    tables = build(data, recipe)
    victim = next(row for row in tables.parts["test"] if row["source"] == "service_talk")
    target = next(row for row in tables.parts["train"] if row["source"] == "service_talk")
    text = (data / "service_talk.txt").read_text(encoding="utf-8")
    text = text.replace(target["text"], victim["text"].upper() + " 7!")
    (data / "service_talk.txt").write_text(text, encoding="utf-8")
    again = build(data, recipe)
    held = {duplicate_key(row["text"]) for part in ("dev", "test") for row in again.parts[part]}
    assert not held & {duplicate_key(row["text"]) for row in again.parts["train"]}
    assert again.dropped.get("service_talk: same words as a held-out text", 0) > tables.dropped.get(
        "service_talk: same words as a held-out text", 0
    )


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: text.replace("A E2:", "A E9:", 1), "unknown code 'E9'"),
        (lambda text: text.replace("A E2: this", "A E2 this", 1), "not a turn such as"),
        (lambda text: text.replace("A N1:", "A -:"), "no training turn carries unprofessional"),
    ],
)
def test_a_damaged_source_says_what_is_wrong(data: Path, recipe: Config, change: object, says: str) -> None:
    for name in ("service_talk.txt", "act_gallery.txt"):
        text = (data / name).read_text(encoding="utf-8")
        (data / name).write_text(change(text), encoding="utf-8")  # type: ignore[operator]
    with pytest.raises(UsageError, match=says):
        build(data, recipe)


def test_a_missing_source_is_named(tmp_path: Path, recipe: Config) -> None:
    with pytest.raises(UsageError, match=r"act_gallery\.txt: this source is missing"):
        build(tmp_path, recipe)


def test_codes_name_exactly_the_labels_of_the_schema() -> None:
    assert set(CODES.values()) == {*SENTIMENTS, *ACTS}
    assert (CODES["E2"], CODES["P1"], CODES["P12"], CODES["N1"]) == ("apologise", "greet", "transfer", "unprofessional")
    assert codes("x", "E1 P7") == ("acknowledge", "hold")
    assert codes("x", "-") == ()
    assert set(EMOTIONS.values()) == set(SENTIMENTS)


@pytest.mark.parametrize(
    ("change", "says"),
    [({"epoch": 3}, "key 'epoch'"), ({"layers": 0}, "key 'layers'"), ({"storage": "int4"}, "key 'storage'")],
)
def test_a_wrong_recipe_names_the_key(tmp_path: Path, change: dict[str, object], says: str) -> None:
    recipe = json.loads(read_config(RECIPE).model_dump_json()) | change
    (tmp_path / "r.yaml").write_text(json.dumps(recipe), encoding="utf-8")
    with pytest.raises(UsageError, match=says):
        read_config(tmp_path / "r.yaml")


@pytest.mark.shared
def test_the_real_sources_are_read(shared: Path) -> None:
    recipe = read_config(RECIPE)
    tables = build(shared / "data", recipe)
    assert set(tables.parts["train"]["source"]) == set(recipe.sources) <= set(SOURCES)
    tested = {"service_turns", "service_talk", "act_gallery", "agent_turns", "customer_turns"}
    assert set(tables.parts["test"]["source"]) == tested
    other = recipe.model_copy(update={"split": replace_salt(recipe.split)})
    assert build(shared / "data", other).conversations("test") != tables.conversations("test")


def replace_salt(split: Split) -> Split:
    return split.model_copy(update={"salt": split.salt + "x"})
