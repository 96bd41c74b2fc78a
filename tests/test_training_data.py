import gzip
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from cxsentiment.errors import UsageError
from cxsentiment.schema import ACTS, SENTIMENTS
from training import duplicates
from training.catalogue import SOURCES
from training.config import Config, Split, read_config
from training.data import build, main, part_of, refuse_one_sided, write
from training.sources import CODES, EMOTIONS, codes

pytest.importorskip("datasets", reason="needs the train extra")

from datasets import Dataset, DatasetDict

from training.train import checkpoint_of, train

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
def test_the_same_text_has_the_same_words(text: str, key: str | None) -> None:
    assert duplicates.key(text) == key


def test_a_text_that_is_nearly_a_held_out_one_is_found() -> None:
    held = ["my parcel was due on monday and it has still not arrived at my door", "thanks for your help"]
    texts = [
        "My parcel was due on MONDAY, and it has still not arrived at the door!",  # one word changed
        "my parcel was due on monday",  # a part of it
        "my parcel came on monday and it is still not the right one for me",  # other words
        "thanks for your help",  # too short to be anybody's own
        "my parcel was due on monday and it has still not arrived at my door "
        "although two or three other people had told me quite the opposite",
    ]
    assert duplicates.near(texts, held).tolist() == [True, False, False, False, False]
    assert duplicates.near(texts, []).tolist() == [False] * 5
    assert duplicates.near([], held).tolist() == []


def test_no_training_turn_says_what_a_held_out_turn_says(data: Path, recipe: Config) -> None:
    tables = build(data, recipe)
    victim = next(row for row in tables.parts["test"] if row["source"] == "service_talk")
    target = next(row for row in tables.parts["train"] if row["source"] == "service_talk")
    text = (data / "service_talk.txt").read_text(encoding="utf-8")
    text = text.replace(target["text"], victim["text"].upper() + " 7!")
    (data / "service_talk.txt").write_text(text, encoding="utf-8")
    again = build(data, recipe)
    held = {duplicates.key(row["text"]) for part in ("dev", "test") for row in again.parts[part]}
    assert not held & {duplicates.key(row["text"]) for row in again.parts["train"]}
    assert again.dropped.get("service_talk: same words as a held-out text", 0) > tables.dropped.get(
        "service_talk: same words as a held-out text", 0
    )


def test_a_training_turn_that_is_nearly_a_test_turn_is_dropped(data: Path, recipe: Config) -> None:
    tables = build(data, recipe)
    victim = next(row for row in tables.parts["test"] if row["source"] == "service_talk")
    target = next(row for row in tables.parts["train"] if row["source"] == "service_talk")
    near = f"{victim['text']} and says so more than once today"
    text = (data / "service_talk.txt").read_text(encoding="utf-8")
    text = text.replace(victim["text"], near).replace(target["text"], near.replace("today", "now"))
    (data / "service_talk.txt").write_text(text, encoding="utf-8")
    again = build(data, recipe)
    assert near in again.parts["test"]["text"]
    assert near.replace("today", "now") not in again.parts["train"]["text"]
    assert again.dropped["service_talk: nearly the same as a test text"] == 1


def test_tables_cards_and_manifest_are_written_alike_each_time(
    data: Path, recipe: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "r.yaml").write_text(recipe.model_dump_json(), encoding="utf-8")
    command = ["data", "--source", str(data), "--config", str(tmp_path / "r.yaml"), "--out"]
    for name in ("one", "two"):
        monkeypatch.setattr("sys.argv", [*command, str(tmp_path / name)])
        main()
    assert "train: " in capsys.readouterr().out
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*.*"))
    assert [str(path) for path in files] == [
        "cards/act_gallery.md",
        "cards/service_talk.md",
        "dev.parquet",
        "manifest.json",
        "test.parquet",
        "train.parquet",
    ]
    assert all((tmp_path / "one" / f).read_bytes() == (tmp_path / "two" / f).read_bytes() for f in files)
    manifest = json.loads((tmp_path / "one" / "manifest.json").read_text(encoding="utf-8"))
    for name, table in manifest["tables"].items():
        content = (tmp_path / "one" / name).read_bytes()
        assert table["sha256"] == hashlib.sha256(content).hexdigest()
    assert manifest["sources"]["service_talk"]["licence"] == "Apache-2.0"
    assert manifest["sources"]["service_talk"]["labels"]["train"]["negative"] > 10
    card = (tmp_path / "one" / "cards" / "service_talk.md").read_text(encoding="utf-8")
    assert 'license: "Apache-2.0"' in card
    for path in (tmp_path / "one" / "cards").iterdir():
        front = yaml.safe_load(path.read_text(encoding="utf-8").split("---")[1])
        assert front["license"] == SOURCES[path.stem].licence
        assert front["pretty_name"] == SOURCES[path.stem].title
    assert f"| negative | {manifest['sources']['service_talk']['labels']['train']['negative']} |" in card


@pytest.fixture
def keyed(data: Path, recipe: Config, monkeypatch: pytest.MonkeyPatch) -> Config:
    """The recipe with a source whose texts lie in another dataset's file."""
    monkeypatch.setitem(SOURCES, "agent_turns", replace(SOURCES["agent_turns"], file="agent_turns.jsonl"))
    label = {"dataset": "star", "conversation_id": "star-1", "turn": 0, "acts": ["greet"]}
    (data / "agent_turns.jsonl").write_text(json.dumps(label) + "\n", encoding="utf-8")
    star(data, "hello there")
    use = recipe.sources["act_gallery"]
    return recipe.model_copy(update={"sources": recipe.sources | {"agent_turns": use}})


def star(data: Path, text: str) -> None:
    row = {"id": "star-1", "turns": [{"speaker": "agent", "text": text}]}
    (data / "star.jsonl.gz").write_bytes(gzip.compress(json.dumps(row).encode(), mtime=0))


def test_the_file_that_gives_the_texts_of_keyed_labels_is_named(data: Path, keyed: Config, tmp_path: Path) -> None:
    tables = build(data, keyed)
    digest = hashlib.sha256((data / "star.jsonl.gz").read_bytes()).hexdigest()
    assert tables.files["star.jsonl.gz"] == digest
    write(tables, keyed, tmp_path / "out")
    assert json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))["files"] == tables.files


def test_a_turn_that_measures_is_not_taught_by_the_label_of_another_source(
    data: Path, recipe: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    texts = [f"post {number}, short" for number in range(40)]  # too short to be found by their words
    rows = [
        {"id": f"g-{k}", "dataset": "goemotions", "text": text, "labels": {"emotions": ["joy"]}}
        for k, text in enumerate(texts)
    ]
    (data / "goemotions.jsonl.gz").write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    labels = [
        {"dataset": "goemotions", "conversation_id": f"g-{k}", "turn": 0, "sentiment": "neutral"} for k in range(40)
    ]
    (data / "posts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in labels), encoding="utf-8")
    monkeypatch.setitem(SOURCES, "posts", replace(SOURCES["posts"], file="posts.jsonl"))
    use = recipe.sources["act_gallery"]
    tables = build(data, recipe.model_copy(update={"sources": recipe.sources | {"posts": use, "goemotions": use}}))
    measured = {row["text"] for part in ("dev", "test") for row in tables.parts[part] if row["source"] == "posts"}
    assert 0 < len(measured) < 40
    taught = [row["text"] for row in tables.parts["train"] if row["source"] == "goemotions"]
    assert sorted(taught) == sorted(set(texts) - measured)
    assert tables.dropped["goemotions: held out by another label"] == len(measured)


def test_a_checkpoint_is_of_the_texts_and_of_the_labels(data: Path, keyed: Config) -> None:
    tables = build(data, keyed)
    assert checkpoint_of(keyed, build(data, keyed)) == checkpoint_of(keyed, tables)
    seen = {checkpoint_of(keyed, tables)}
    star(data, "good morning to you")
    seen.add(checkpoint_of(keyed, build(data, keyed)))
    rows = tables.parts["train"].to_list()
    for changed in ([rows[0] | {"text": "others"}, *rows[1:]], rows[::-1], rows[1:]):  # the same files, read otherwise
        parts = DatasetDict(
            {**tables.parts, "train": Dataset.from_list(changed, features=tables.parts["train"].features)}
        )
        seen.add(checkpoint_of(keyed, replace(tables, parts=parts)))
    assert len(seen) == 5


def test_what_a_reader_leaves_out_is_counted(data: Path, recipe: Config, tmp_path: Path) -> None:
    told = [["joy"], ["anger", "fear"], ["surprise"], ["joy", "caring"], ["joy", "anger", "caring"], ["grief"], []]
    rows = [{"id": f"r{k}", "text": f"a text {k}", "labels": {"emotions": one}} for k, one in enumerate(told)]
    rows[5] |= {"dup_of_held": True}
    lines = "".join(json.dumps(row) + "\n" for row in rows)
    (data / "goemotions.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    use = recipe.sources["act_gallery"]
    config = recipe.model_copy(update={"sources": recipe.sources | {"goemotions": use}})
    tables = build(data, config)
    assert {reason: n for reason, n in tables.dropped.items() if reason.startswith("goemotions")} == {
        "goemotions: of two of our classes": 1,
        "goemotions: repeated by the official test": 1,
        "goemotions: with emotions that are neither satisfaction nor dissatisfaction": 2,
        "goemotions: with such an emotion beside one of ours": 1,
    }
    write(tables, config, tmp_path / "out")
    card = (tmp_path / "out" / "cards" / "goemotions.md").read_text(encoding="utf-8")
    assert "1 with such an emotion beside one of ours" in card


def test_a_folder_of_something_else_is_not_written_to(data: Path, recipe: Config, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x", encoding="utf-8")
    with pytest.raises(UsageError, match="is not empty and holds no training tables"):
        write(build(data, recipe), recipe, tmp_path / "mine")


def test_cards_of_others_stay(data: Path, recipe: Config, tmp_path: Path) -> None:
    tables, out = build(data, recipe), tmp_path / "mine"
    (out / "cards").mkdir(parents=True)
    (out / "cards" / "notes.md").write_text("a year of work", encoding="utf-8")
    for manifest in ('{"name": "another program"}', "[]", "{", "null"):
        (out / "manifest.json").write_text(manifest, encoding="utf-8")
        with pytest.raises(UsageError, match="is not empty and holds no training tables"):
            write(tables, recipe, out)
        assert (out / "manifest.json").read_text(encoding="utf-8") == manifest
    listed = {"recipe_sha256": "x", "sources": {"act_gallery": {}, "talk_rare": {}, "../../thesis": {}}}
    (out / "manifest.json").write_text(json.dumps(listed), encoding="utf-8")
    for other in (out / "cards" / "talk_rare.md", tmp_path / "thesis.md"):
        other.write_text("x", encoding="utf-8")
    write(tables, recipe, out)
    assert sorted(path.name for path in (out / "cards").iterdir()) == ["act_gallery.md", "notes.md", "service_talk.md"]
    assert (tmp_path / "thesis.md").exists()


def test_tables_are_not_written_where_a_file_lies(data: Path, recipe: Config, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("x", encoding="utf-8")
    with pytest.raises(UsageError, match="out: is a file"):
        write(build(data, recipe), recipe, tmp_path / "out")


@pytest.mark.parametrize(
    ("kept", "says"),
    [("A", "no turn of customers, and"), ("C", "no turn of agents, and"), ("", "no turn of customers and of agents")],
)
def test_a_development_part_that_cannot_calibrate_both_heads_is_refused(
    data: Path, recipe: Config, tmp_path: Path, kept: str, says: str
) -> None:
    for name in recipe.sources:
        blocks = (data / f"{name}.txt").read_text(encoding="utf-8").strip().split("\n\n")
        for place, block in enumerate(blocks):
            if part_of(recipe.split, block.split("id=")[1].split()[0]) == "dev":
                blocks[place] = "\n".join(line for line in block.split("\n") if line[0] in f"#{kept}")
        (data / f"{name}.txt").write_text("\n\n".join(blocks) + "\n", encoding="utf-8")
    path = tmp_path / "r.yaml"
    path.write_text(recipe.model_dump_json(), encoding="utf-8")
    with pytest.raises(UsageError, match=f"development part: holds {says}"):
        train(path, data, tmp_path / "out")


@pytest.mark.parametrize(
    ("source", "row", "says"),
    [
        ("goemotions", {"labels": {"emotions": ["joy", "envy"]}}, "unknown label 'envy'"),
        ("senti4sd", {"labels": {"polarity": "mixed"}}, "unknown label 'mixed'"),
        ("uci_reviews", {"labels": {"sentiment": "5"}}, "unknown label '5'"),
        ("goemotions", {"labels": {"emotions": [["joy"]]}}, "unknown label"),
    ],
)
def test_a_label_that_no_table_maps_is_refused(tmp_path: Path, source: str, row: dict[str, object], says: str) -> None:
    path = tmp_path / SOURCES[source].file
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.write(json.dumps({"id": "r1", "text": "a text"} | row) + "\n")
    with pytest.raises(UsageError, match=f"r1: {says}"):
        list(SOURCES[source].read(path, tmp_path))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: text.replace("A E2:", "A E9:", 1), "unknown code 'E9'"),
        (lambda text: text.replace("A E2: this", "A E2 this", 1), "not a turn such as"),
        (lambda text: text.replace("A N1:", "A -:"), "no training turn carries unprofessional"),
        (lambda text: text.replace("A E2:", "A neg:", 1), r"txt:6: a turn of an agent is labelled 'neg'"),
        (lambda text: text.replace("A E2:", "A E2 neg:", 1), "a turn of an agent is labelled 'E2 neg'"),
        (lambda text: text.replace("A E2:", "A E2 -:", 1), "a turn of an agent is labelled 'E2 -'"),
        (lambda text: text.replace("C neg:", "C E2:", 1), r"txt:2: a turn of a customer is labelled 'E2'"),
        (lambda text: text.replace("C neg:", "C neg pos:", 1), "a turn of a customer is labelled 'neg pos'"),
        (lambda text: text.replace("C neg:", "C -:", 1), "a turn of a customer is labelled '-'"),
    ],
)
def test_a_damaged_source_says_what_is_wrong(data: Path, recipe: Config, change: object, says: str) -> None:
    for name in ("service_talk.txt", "act_gallery.txt"):
        text = (data / name).read_text(encoding="utf-8")
        (data / name).write_text(change(text), encoding="utf-8")  # type: ignore[operator]
    with pytest.raises(UsageError, match=says):
        build(data, recipe)


_ROW = json.dumps({"id": "r1", "text": "a text", "labels": {"emotions": ["joy"]}}).encode() + b"\n"


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"no gzip", r"goemotions\.jsonl\.gz: cannot be read as gzip"),
        (gzip.compress(_ROW * 5000)[:-90], r"goemotions\.jsonl\.gz: cannot be read as gzip"),
        (gzip.compress(_ROW * 50)[:10] + b"\xff" * 40, r"goemotions\.jsonl\.gz: cannot be read as gzip"),
        (gzip.compress(b'{"id": "caf\xe9"}\n'), "not UTF-8 text"),
        (gzip.compress(_ROW + b"[1]\n"), ":2: not a JSON object"),
        (gzip.compress(_ROW + b'{"id": "r2", "text": "x"}\n'), ":2: the key 'labels' is missing"),
        (gzip.compress(_ROW.replace(b'"a text"', b"null")), ":1: key 'text' holds None"),
        (gzip.compress(_ROW.replace(b'["joy"]', b'"joy"')), ":1: key 'emotions' holds 'joy'"),
    ],
    ids=["no gzip", "cut off", "damaged", "old encoding", "list", "no labels", "no text", "no list"],
)
def test_a_damaged_file_of_single_texts_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "goemotions.jsonl.gz"
    path.write_bytes(content)
    with pytest.raises(UsageError, match=says):
        list(SOURCES["goemotions"].read(path, tmp_path))


def test_a_service_turn_without_its_conversation_is_named(tmp_path: Path) -> None:
    path = tmp_path / "service_turns.jsonl.gz"
    row = {"id": "1", "dataset": "star", "turn": 0, "speaker": "agent", "text": "x", "acts": ["greet"]}
    path.write_bytes(gzip.compress(json.dumps(row).encode()))
    with pytest.raises(UsageError, match=r":1: the key 'conversation_id' is missing"):
        list(SOURCES["service_turns"].read(path, tmp_path))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"# id=a channel=chat\nC neg: x\n", ":2: the header above this turn lacks style=, campaign="),
        (b"C neg: x\n", ":1: the header above this turn lacks id=, style=, campaign="),
        (b"# id=a style=chat campaign=x\nC neg: caf\xe9\n", "not UTF-8 text"),
    ],
)
def test_damaged_written_talk_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "talk_rare.txt").write_bytes(content)
    with pytest.raises(UsageError, match=rf"talk_rare\.txt.*{says}"):
        list(SOURCES["talk_rare"].read(tmp_path / "talk_rare.txt", tmp_path))


def test_an_unknown_source_is_named(tmp_path: Path, recipe: Config) -> None:
    use = recipe.sources["act_gallery"]
    with pytest.raises(UsageError, match=r"sources\.act_galery: no such source"):
        build(tmp_path, recipe.model_copy(update={"sources": {"act_galery": use}}))


def test_a_missing_source_is_named(tmp_path: Path, recipe: Config) -> None:
    with pytest.raises(UsageError, match=r"act_gallery\.txt: this source is missing"):
        build(tmp_path, recipe)


def test_codes_name_exactly_the_labels_of_the_schema() -> None:
    assert set(CODES.values()) == {*SENTIMENTS, *ACTS}
    assert (CODES["E2"], CODES["P1"], CODES["P12"], CODES["N1"]) == ("apologise", "greet", "transfer", "unprofessional")
    assert codes("x", "E1 P7") == ("acknowledge", "hold")
    assert codes("x", "-") == ()
    assert set(EMOTIONS.values()) == {*SENTIMENTS, None}
    assert len(EMOTIONS) == 28


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"epoch": 3}, "key 'epoch'"),
        ({"layers": 0}, "key 'layers'"),
        ({"split": {"salt": "s", "dev": 0, "test": 0.1}}, r"key 'split': .*`dev` must be greater than 0"),
        ({"seed": 10**30}, "key 'seed'"),
        ({"storage": "int4"}, "key 'storage'"),
    ],
)
def test_a_wrong_recipe_names_the_key(tmp_path: Path, change: dict[str, object], says: str) -> None:
    recipe = json.loads(read_config(RECIPE).model_dump_json()) | change
    (tmp_path / "r.yaml").write_text(json.dumps(recipe), encoding="utf-8")
    with pytest.raises(UsageError, match=says):
        read_config(tmp_path / "r.yaml")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("name: möhren\n".encode("cp1252"), r"r\.yaml: not UTF-8 text\. Save the file as UTF-8"),
        (b"name: a\nseed: 1\nname: b\n", r"the key 'name' stands twice(?s:.*)line 3"),
        (b"optimiser: {clip: 1, clip: 2}\n", "the key 'clip' stands twice"),
        (b"name: " + b"[" * 5000, "cannot be read as YAML"),
    ],
    ids=["old encoding", "twice", "twice within", "deep"],
)
def test_a_recipe_that_cannot_be_read_says_why(tmp_path: Path, content: bytes, says: str) -> None:
    (tmp_path / "r.yaml").write_bytes(content)
    with pytest.raises(UsageError, match=says):
        read_config(tmp_path / "r.yaml")


@pytest.mark.shared
def test_the_real_sources_are_read(shared: Path) -> None:
    recipe = read_config(RECIPE)
    tables = build(shared / "data", recipe)
    assert set(tables.parts["train"]["source"]) == set(recipe.sources) <= set(SOURCES)
    tested = {"service_turns", "service_talk", "act_gallery", "agent_turns", "customer_turns", "posts"}
    assert set(tables.parts["test"]["source"]) == tested
    held = {row["conversation"] for part in ("dev", "test") for row in tables.parts[part] if row["source"] == "posts"}
    taught = {row["conversation"] for row in tables.parts["train"] if row["source"] == "goemotions"}
    assert len(held) > 100
    assert not held & taught  # a comment that measures is not taught by its dataset's own label


@pytest.mark.shared
def test_another_salt_splits_the_real_sources_otherwise(shared: Path, recipe: Config) -> None:
    other = recipe.model_copy(update={"split": recipe.split.model_copy(update={"salt": recipe.split.salt + "x"})})
    before, after = (build(shared / "data", one).conversations("test") for one in (recipe, other))
    assert before != after
    assert set(before) & set(after)


def test_posts_alone_do_not_make_a_development_part() -> None:
    agent = {"source": "service_talk", "acts": ["greet"]}
    customer = {"source": "service_talk", "acts": None}
    refuse_one_sided(Dataset.from_list([agent, customer]))
    with pytest.raises(UsageError, match="development part: holds no turn of customers"):
        refuse_one_sided(Dataset.from_list([agent, customer | {"source": "posts"}]))
