import json
import random
import re
import shutil
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="needs the train extra")
pytest.importorskip("transformers", reason="needs the train extra")

import torch
import yaml
from tiny_bundle import write_tiny_bundle

from cxsentiment.errors import CxError, UsageError
from cxsentiment.model import Model, read_bundle
from cxsentiment.pipeline import Settings, run
from cxsentiment.predict import predict_texts
from cxsentiment.rubric.reading import default_rubric, read_rubric
from cxsentiment.schema import ACTS, SENTIMENTS
from training import duplicates
from training.batches import SoftTurn, encode, epoch_turns, load_tokeniser, turns_of
from training.bundle import check_folder, weighed
from training.campaign import Material, Team, gather
from training.catalogue import SOURCES
from training.comparison import card
from training.config import Config, read_config
from training.data import written_tests
from training.train import checkpoint_of, main, train

ROOT = Path(__file__).parents[1]
RECIPE = ROOT / "training" / "configs" / "campaign.yaml"
WORDS = "parcel bill router refund hotel card flight meter claim seat order phone gas train ticket loan".split()
CONTACTS = 48
SAID = {
    "negative": "this {0} and {1} business is terrible again",
    "neutral": "my {0} has the number of my {1}",
    "positive": "lovely, the {0} and the {1} came, thanks",
    "apologise": "I am so sorry about the {0} and the {1}",
    "hold": "let me check the {0} and then the {1}",
    "close": "bye for now, mind the {0} and the {1}",
}


def rows(contacts: int) -> list[dict[str, Any]]:
    """Six labelled turns a contact, each of words of its own."""
    made = []
    for k in range(contacts):
        for turn, (label, said) in enumerate(SAID.items()):
            words = random.Random(f"{k} {label}").sample(WORDS, 2)
            text = said.format(*words) + " " + "".join(chr(97 + int(digit)) for digit in str(k)) * 3
            row = {"contact_id": f"c{k}", "turn": turn, "text": text, "channel": "chat"}
            if label in SENTIMENTS:
                made.append(row | {"speaker": "customer", "sentiment": label})
            else:
                made.append(row | {"speaker": "agent", "acts": [label]})
    return made


def write(path: Path, lines: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_bundle(tmp_path_factory.mktemp("start") / "tiny")


@pytest.fixture
def recipe(tmp_path: Path, start: Path) -> Path:
    return write_recipe(tmp_path, start)


def write_recipe(folder: Path, start: Path) -> Path:
    """The campaign's recipe in miniature, for the tiny start model."""
    whole = yaml.safe_load(RECIPE.read_text(encoding="utf-8"))
    whole |= {"start": str(start), "max_tokens": 32, "precision": "fp32", "storage": "fp32"}
    whole["sources"] = {"talk_rare": {"repeat": 0.1}}
    whole["optimiser"] |= {"epochs": 2, "batch_rows": 32}
    whole["campaign"] |= {"transcripts": {"turns": 40, "repeat": 1, "weight": 0.5}}
    path = folder / "recipe.yaml"
    path.write_text(yaml.safe_dump(whole), encoding="utf-8")
    return path


@pytest.fixture
def team(tmp_path: Path) -> Team:
    return write_team(tmp_path / "transcripts")


def write_team(folder: Path) -> Team:
    """Labels of 48 contacts, and transcripts: a good file, a picture, and the label file itself."""
    folder.mkdir()
    labels = write(folder / "labels.jsonl", rows(CONTACTS))
    turns = [
        {"speaker": "agent" if k % 2 else "customer", "text": f"a {word} is what we talk about"}
        for k, word in enumerate(WORDS)
    ]
    turns += [{"speaker": "bot", "text": "press one"}, {"speaker": "agent", "text": rows(CONTACTS)[3]["text"]}]
    write(folder / "calls.jsonl", [{"id": f"t{n}", "turns": turns} for n in range(3)])
    (folder / "screen.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return Team((labels,), transcripts=folder)


@pytest.fixture(scope="module")
def material(start: Path, tmp_path_factory: pytest.TempPathFactory) -> Material:
    """What recipe and team give as they are; gathering takes seconds, so the tests that only read it share it."""
    folder = tmp_path_factory.mktemp("material")
    return gather(read_config(write_recipe(folder, start)), write_team(folder / "transcripts"))


def own(material: Material, part: str) -> list[Any]:
    return [turn for turn in turns_of(material.tables.parts[part]) if turn.source == "campaign"]


def test_a_contact_lies_in_one_part_and_none_is_lost(material: Material) -> None:
    parts = {part: own(material, part) for part in ("train", "dev", "test")}
    contacts = [{turn.conversation for turn in turns} for turns in parts.values()]
    assert all(contacts)
    assert sum(map(len, contacts)) == len(set.union(*contacts))
    left_out = material.facts["labels"]["left_out"]  # type: ignore[index]
    assert sum(map(len, parts.values())) + sum(left_out.values()) == CONTACTS * 6


def test_ids_of_contacts_and_texts_do_not_travel_with_the_model(material: Material) -> None:
    assert all(turn.conversation.isdecimal() for turn in own(material, "train"))
    facts = re.sub(r"\b[0-9a-f]{64}\b", "", json.dumps(material.facts))  # a hash may hold any short word
    assert "c17" not in facts
    assert "business" not in facts


def test_held_out_turns_whose_words_training_reads_are_left_out(recipe: Path, team: Team) -> None:
    macro = [
        {"contact_id": f"c{k}", "turn": 9, "speaker": "agent", "text": "Anything else on the list today?", "acts": []}
        for k in range(CONTACTS)
    ]
    write(team.labels[0], [*rows(CONTACTS), *macro])
    material = gather(read_config(recipe), team)
    shown = {duplicates.key(turn.text) for turn in own(material, "train")}
    assert "anything else on the list today" in shown
    for part in ("dev", "test"):
        assert not shown & {duplicates.key(turn.text) for turn in own(material, part)}
    left_out = material.facts["labels"]["left_out"]  # type: ignore[index]
    assert left_out["test"] > 3
    assert any(f"{left_out['test']} of the measure" in note for note in material.notes)


def test_labelled_training_turns_stay_though_a_test_or_the_replay_says_the_same(
    recipe: Path, team: Team, material: Material
) -> None:
    """Turns that every campaign has: of a behaviour case, of a stranger, and of the replay's dev part."""
    stranger, *_, case = [text for text in written_tests(ROOT / "eval") if len(text.split()) > 5]
    replay = next(
        turn
        for turn in turns_of(material.tables.parts["dev"])
        if turn.source == "talk_rare" and duplicates.key(turn.text)
    )
    macros = [
        {"contact_id": f"c{k}", "turn": 10 + place, "speaker": "agent", "text": text, "acts": ["inform"]}
        for k in range(CONTACTS)
        for place, text in enumerate((stranger, case, replay.text))
    ]
    write(team.labels[0], [*rows(CONTACTS), *macros])
    found = gather(read_config(recipe), team)
    shown = own(found, "train")
    contacts = {turn.conversation for turn in shown}
    for text in (stranger, case, replay.text):
        assert sum(turn.text == text for turn in shown) == len(contacts)
    parts = found.facts["labels"]["parts"]  # type: ignore[index]
    assert parts["train"]["turns"] == len(shown) == 9 * len(contacts)
    assert any(note.startswith(f"labelled turns: train {len(shown)},") for note in found.notes)
    dev = [turn for turn in turns_of(found.tables.parts["dev"]) if turn.source == "talk_rare"]
    assert duplicates.key(replay.text) not in {duplicates.key(turn.text) for turn in dev}
    before = sum(turn.source == "talk_rare" for turn in turns_of(material.tables.parts["dev"]))
    left_out = found.facts["labels"]["replay_dev_left_out"]  # type: ignore[index]
    assert before - len(dev) == left_out > 0
    assert f"left out of the replay's dev part, for labelled training turns say the same words: {left_out}" in (
        found.notes
    )


def test_without_contacts_each_text_is_a_conversation(recipe: Path, team: Team) -> None:
    bare = [{key: value for key, value in row.items() if key not in ("contact_id", "turn")} for row in rows(CONTACTS)]
    write(team.labels[0], bare)
    material = gather(read_config(recipe), team)
    held = own(material, "test")
    assert len({turn.conversation for turn in held}) == len(held)
    assert material.unnamed == CONTACTS * 6
    assert any(note.startswith(f"labelled turns that name no contact: {CONTACTS * 6};") for note in material.notes)


def test_a_few_turns_without_a_contact_are_counted(recipe: Path, team: Team, material: Material) -> None:
    assert material.unnamed == 0
    assert not any("no contact" in note for note in material.notes)
    lines = rows(CONTACTS)
    for row in lines[:7]:
        row["contact_id"] = " "
    write(team.labels[0], lines)
    found = gather(read_config(recipe), team)
    assert found.unnamed == found.facts["labels"]["unnamed"] == 7  # type: ignore[index]


@pytest.mark.parametrize("contact", ["c1", "c4", "c7"])
def test_rows_of_one_contact_alone_are_refused(recipe: Path, team: Team, contact: str) -> None:
    lines = [row | {"contact_id": contact, "turn": place} for place, row in enumerate(rows(CONTACTS))]
    write(team.labels[0], lines)
    with pytest.raises(UsageError, match="all rows name one contact"):
        gather(read_config(recipe), team)


def test_a_split_that_leaves_nothing_to_train_on_is_refused(recipe: Path, team: Team) -> None:
    config = read_config(recipe)
    assert config.campaign is not None
    shares = config.campaign.model_copy(update={"dev": 0.0, "test": 1.0})
    with pytest.raises(UsageError, match="none of the 48 contacts lies in the training part"):
        gather(config.model_copy(update={"campaign": shares}), team)


def test_contacts_that_measure_are_not_drawn_from(recipe: Path, team: Team, material: Material) -> None:
    assert team.transcripts is not None
    said = {f"c{k}": f"only in contact {chr(97 + k % 26) * (2 + k // 26)} is this ever said" for k in range(CONTACTS)}
    contacts = [{"id": name, "turns": [{"speaker": "agent", "text": text}]} for name, text in said.items()]
    write(team.transcripts / "more.jsonl", contacts)
    found = gather(read_config(recipe), team)
    held = found.facts["transcripts"]["contacts_held_out"]  # type: ignore[index]
    assert held == len({turn.conversation for turn in own(found, "test")})
    drawn = {turn.text for turn in found.soft}
    numbers = {f"{k + 1:05}": f"c{k}" for k in range(CONTACTS)}  # contacts are numbered as they come
    measured = {said[numbers[turn.conversation]] for turn in own(found, "test")}
    assert not drawn & measured
    assert drawn & set(said.values())
    assert any(note.endswith(f"nothing was drawn from them: {held}") for note in found.notes)


def test_a_short_unlabelled_turn_that_is_labelled_is_left_out_and_short_repeats_are_counted(
    recipe: Path, team: Team
) -> None:
    assert team.transcripts is not None
    bye = [
        {"contact_id": f"c{k}", "turn": 9, "speaker": "agent", "text": "Muddy boots!", "acts": ["close"]}
        for k in range(CONTACTS)
    ]
    write(team.labels[0], [*rows(CONTACTS), *bye])
    turns = [
        {"speaker": speaker, "text": text}
        for text in ("Muddy boots!", "Dry socks!")
        for speaker in ("agent", "customer")
    ]
    write(team.transcripts / "more.jsonl", [{"id": "m", "turns": turns}])
    found = gather(read_config(recipe), team)
    drawn = {(turn.text, turn.acts is None) for turn in found.soft}
    assert ("Muddy boots!", False) not in drawn
    assert {("Muddy boots!", True), ("Dry socks!", True), ("Dry socks!", False)} <= drawn
    repeats = sum(turn.text == "Muddy boots!" for turn in own(found, "test"))
    assert found.facts["labels"]["repeats"] == repeats > 3  # type: ignore[index]
    assert any(f"{repeats} of fewer than four words repeat a labelled training turn" in note for note in found.notes)


def test_turns_picked_for_a_models_doubt_are_not_measured_and_counted(
    recipe: Path, team: Team, material: Material
) -> None:
    lines = [row | {"picked": "unsure" if row["turn"] in (1, 4) else "chance"} for row in rows(CONTACTS)]
    write(team.labels[0], lines)
    found = gather(read_config(recipe), team)
    assert {turn.turn for turn in own(found, "test")} == {0, 2, 3, 5}
    labels: Any = found.facts["labels"]
    before: Any = material.facts["labels"]
    held, held_before = (one["parts"]["test"]["turns"] + one["left_out"]["test"] for one in (labels, before))
    assert labels["unsure"] == held_before - held > 3
    assert (labels["unmarked"], before["unmarked"]) == (0, CONTACTS * 6)
    for part in ("train", "dev"):
        assert labels["parts"][part] == before["parts"][part]
    assert any(f"so are not measured: {labels['unsure']} (" in note for note in found.notes)
    assert not any("do not say why they were picked" in note for note in found.notes)
    assert any(f"do not say why they were picked: {CONTACTS * 6};" in note for note in material.notes)
    config = read_config(recipe)
    bundle = read_bundle(ROOT / "models" / "default")[0]
    bundle = bundle.model_copy(update={"training": bundle.training | {"recipe": config.model_dump()}})
    model = {"start": {"name": "a", "version": "1", "sha256": "0"}}
    said, unsaid = (card(bundle, model | dict(one.facts), {}, {}) for one in (found, material))
    assert f"{labels['unsure']} held-out turns that were picked because the start model was unsure" in said
    assert "nobody said why" not in said
    assert f"Of {CONTACTS * 6} labelled turns nobody said why they were picked" in unsaid


def test_the_card_says_turns_where_some_name_no_contact(recipe: Path, team: Team) -> None:
    config = read_config(recipe)
    bundle = read_bundle(ROOT / "models" / "default")[0]
    bundle = bundle.model_copy(update={"training": bundle.training | {"recipe": config.model_dump()}})
    lines = rows(CONTACTS)
    texts = []
    for unnamed in (0, 3):
        for row in lines[:unnamed]:
            del row["contact_id"]
        write(team.labels[0], lines)
        figures = {"start": {"name": "a", "version": "1", "sha256": "0"}, **gather(config, team).facts}
        texts.append(card(bundle, figures, {}, {}))
    named, without = texts
    assert "Turns of contacts that were kept from training" in named
    assert "a bootstrap over contacts that draws the same contacts" in named
    assert "labelled turns of 48 contacts" in named
    assert "3 of the labelled turns name no contact" in without
    assert "\nTurns that were kept from training" in without
    assert "a bootstrap over turns that draws the same turns" in without
    assert "288 labelled turns, 3 of which name no contact, the team's own" in without


def test_the_checkpoint_hangs_on_texts_that_a_run_folder_brings(
    recipe: Path, team: Team, tmp_path: Path, start: Path
) -> None:
    """The same label file, and two runs whose contacts and turns have the same ids."""
    bare = [{key: value for key, value in row.items() if key not in ("text", "channel")} for row in rows(CONTACTS)]
    write(team.labels[0], bare)
    config = read_config(recipe)
    seen = set()
    for name, tail in (("one", ""), ("other", " indeed")):
        contacts = [
            {
                "id": f"c{k}",
                "channel": "chat",
                "turns": [
                    {"speaker": row["speaker"], "text": row["text"] + tail} for row in rows(CONTACTS)[6 * k : 6 * k + 6]
                ],
            }
            for k in range(CONTACTS)
        ]
        write(tmp_path / f"{name}.jsonl", contacts)
        run(
            [str(tmp_path / f"{name}.jsonl")],
            tmp_path / name,
            Settings(start, read_rubric(default_rubric()), workers=1),
        )
        seen.add(checkpoint_of(config, gather(config, Team(team.labels, run=tmp_path / name)).tables))
    assert len(seen) == 2


def test_unlabelled_turns_carry_the_start_models_probabilities(material: Material, start: Path) -> None:
    model = Model(start)
    heads = {"customer": model.bundle.head("sentiment"), "agent": model.bundle.head("acts")}
    assert len(material.soft) == len(WORDS)  # each text once, not the bot's, not the labelled one
    for turn in material.soft:
        speaker = "customer" if turn.acts is None else "agent"
        ((probabilities, _),) = predict_texts(model, [(heads[speaker], turn.text)])
        assert turn.probabilities == pytest.approx(probabilities, abs=2e-5)
        if turn.acts is None:
            assert turn.sentiment == SENTIMENTS[int(np.argmax(probabilities))]
        else:
            assert turn.acts == tuple(act for act, p in zip(ACTS, probabilities, strict=True) if p >= 0.5)
    targets = encode(
        [(turn, 1.0) for turn in material.soft], load_tokeniser(read_config_of(start)), read_config_of(start)
    )
    assert [item.sentiment or item.acts for item in targets] == [turn.probabilities for turn in material.soft]


def read_config_of(start: Path) -> Config:
    recipe = read_bundle(start)[0].training["recipe"]
    return Config.model_validate(recipe | {"start": (str(start),)})  # type: ignore[operator]


def test_what_could_not_be_read_is_named_and_never_fatal(material: Material) -> None:
    notes = "\n".join(material.notes)
    assert "screen.png: is an image" in notes
    assert "1 files of the transcripts could not be read" in notes
    assert "labels.jsonl" not in notes  # lies in the folder, and is no transcript
    assert "3 turns of other or unknown speakers were left out" in notes
    assert "no labelled training turn carries acknowledge," in notes


@pytest.mark.parametrize("kind", ["none", "empty", "unreadable"])
def test_without_transcripts_training_goes_on_and_says_so(tmp_path: Path, recipe: Path, team: Team, kind: str) -> None:
    folder = tmp_path / "other"
    folder.mkdir()
    if kind == "unreadable":
        (folder / "a.pdf").write_bytes(b"%PDF-1.7")
    material = gather(read_config(recipe), Team(team.labels, transcripts=None if kind == "none" else folder))
    assert material.soft == ()
    assert any(note.startswith("training goes without unlabelled transcripts") for note in material.notes)


def test_the_draw_does_not_hang_on_the_files_it_comes_from(tmp_path: Path, recipe: Path, team: Team) -> None:
    config = read_config(recipe)
    assert config.campaign is not None
    five = config.campaign.transcripts.model_copy(update={"turns": 5})
    few = config.model_copy(update={"campaign": config.campaign.model_copy(update={"transcripts": five})})
    before = gather(few, team).soft
    assert 3 <= len(before) <= 5  # of the five drawn, those that say what a labelled turn says are left out
    assert team.transcripts is not None
    contacts = (team.transcripts / "calls.jsonl").read_text(encoding="utf-8").splitlines()
    contact = json.loads(contacts[0])
    (team.transcripts / "calls.jsonl").unlink()
    for number, turn in enumerate(reversed(contact["turns"])):
        write(team.transcripts / f"{number}.jsonl", [{"id": f"x{number}", "turns": [turn]}])
    assert gather(few, team).soft == before


def test_the_checkpoint_hangs_on_labels_transcripts_and_start(recipe: Path, team: Team, material: Material) -> None:
    config = read_config(recipe)
    seen = {checkpoint_of(config, material.tables), checkpoint_of(config, gather(config, team).tables)}
    assert len(seen) == 1
    seen.add(checkpoint_of(config, gather(config, Team(team.labels)).tables))
    write(team.labels[0], rows(CONTACTS + 1))
    seen.add(checkpoint_of(config, gather(config, team).tables))
    assert len(seen) == 3
    assert [name for name in material.tables.files if name.startswith("start tiny")]


@pytest.mark.parametrize(
    ("contacts", "change", "says"),
    [
        (5, {}, r"30 labelled turns are too few.*\(allowed: 60 or more"),
        (CONTACTS, {"test": 0.0}, "0 turns of 48 contacts are held out"),
        (CONTACTS, {"least_test": 90}, "are held out .*too few to tell"),
    ],
)
def test_too_few_labelled_turns_are_refused(
    recipe: Path, team: Team, contacts: int, change: dict[str, Any], says: str
) -> None:
    write(team.labels[0], rows(contacts))
    config = read_config(recipe)
    assert config.campaign is not None
    with pytest.raises(UsageError, match=says):
        gather(config.model_copy(update={"campaign": config.campaign.model_copy(update=change)}), team)


def test_a_source_outside_the_package_is_no_replay(recipe: Path, team: Team) -> None:
    config = read_config(recipe)
    outside = config.model_copy(update={"sources": {"goemotions": config.sources["talk_rare"]}})
    with pytest.raises(UsageError, match=r"sources\.goemotions: lies outside the package"):
        gather(outside, team)


def test_a_missing_folder_of_transcripts_is_named(recipe: Path, team: Team, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such folder"):
        gather(read_config(recipe), Team(team.labels, transcripts=tmp_path / "gone"))


def test_an_epoch_shows_labelled_turns_often_and_unlabelled_ones_lightly(recipe: Path, material: Material) -> None:
    config = read_config(recipe)
    shown = epoch_turns([*turns_of(material.tables.parts["train"]), *material.soft], config, 0)
    plain = [(turn, weight) for turn, weight in shown if turn.dataset == "campaign" and weight == 1]
    assert len(plain) >= 4 * len(own(material, "train"))
    soft = [(turn, weight) for turn, weight in shown if isinstance(turn, SoftTurn)]
    assert len(soft) == len(material.soft)
    assert {weight for _, weight in soft} == {0.5}


def test_calibration_counts_the_campaigns_turns_several_times(recipe: Path, material: Material) -> None:
    config = read_config(recipe)
    dev = turns_of(material.tables.parts["dev"])
    mine = len(own(material, "dev"))
    assert mine
    assert len(weighed(dev, config)) == len(dev) + 4 * mine


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"start": "models/gone"}, "start 'models/gone': no model folder"),
        ({"layers": 6}, "key 'layers': comes from the model it starts from"),
        ({"split": {"salt": "other", "dev": 0.1, "test": 0.1}}, "key 'split': comes from the model"),
        ({"start": None}, "key '(encoder|layers|campaign)'"),
    ],
)
def test_a_recipe_keeps_what_its_start_model_fixes(recipe: Path, change: dict[str, Any], says: str) -> None:
    whole = yaml.safe_load(recipe.read_text(encoding="utf-8")) | change
    recipe.write_text(yaml.safe_dump({k: v for k, v in whole.items() if v is not None}), encoding="utf-8")
    with pytest.raises(UsageError, match=says):
        read_config(recipe)


def test_the_recipe_that_ships_replays_what_lies_in_the_package() -> None:
    config = read_config(RECIPE)
    assert all(SOURCES[name].file.startswith("labels/") for name in config.sources)
    assert config.start == ("models/default",)
    shipped = read_bundle(ROOT / "models" / "default")[0].training["recipe"]
    assert config.split.model_dump() == shipped["split"]  # type: ignore[index]
    assert config.layers == shipped["layers"]  # type: ignore[index]


def test_the_default_model_is_never_overwritten(recipe: Path, start: Path, tmp_path: Path) -> None:
    config = read_config(recipe)
    (tmp_path / "link").symlink_to(ROOT / "models" / "default")
    copy = tmp_path / "copy"
    copy.mkdir()
    shutil.copyfile(ROOT / "models" / "default" / "bundle.json", copy / "bundle.json")
    for out in (ROOT / "models" / "default", tmp_path / "link", copy, tmp_path / "default"):
        for name in ("campaign", "default"):  # an adapted model is no default model, whatever its name
            with pytest.raises(UsageError, match=f"is the default model's place, and the recipe '{name}'"):
                check_folder(out, config.model_copy(update={"name": name}))
    with pytest.raises(UsageError, match="is the model that training starts from"):
        check_folder(start, config)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("x", encoding="utf-8")
    with pytest.raises(UsageError, match="is not empty and not a model folder"):
        check_folder(tmp_path / "mine", config)
    check_folder(tmp_path / "new", config)


def test_labels_and_recipe_must_belong_together(recipe: Path, team: Team, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="needs a campaign's labelled turns"):
        train(recipe, None, tmp_path / "out")
    default = ROOT / "training" / "configs" / "default.yaml"
    with pytest.raises(UsageError, match="has no part `campaign`"):
        train(default, None, tmp_path / "out", team=team)
    with pytest.raises(UsageError, match="--data: the folder of the sources is missing"):
        train(default, None, tmp_path / "out")


def test_too_little_memory_says_what_to_lower(
    recipe: Path, team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*arguments: object, **options: object) -> object:
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:124] DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr(torch.optim.AdamW, "step", full)
    with pytest.raises(CxError, match=r"not enough memory for a batch\. Lower optimiser\.batch_rows \(now 32\)"):
        train(recipe, None, tmp_path / "out", team=team)
    assert not (tmp_path / "out").exists()


def test_a_killed_run_goes_on_and_its_model_scores_contacts(
    recipe: Path, team: Team, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    whole = train(recipe, None, tmp_path / "whole", team=team)
    capsys.readouterr()

    monkeypatch.setattr("training.train._SAVE_EVERY", 2)
    command = ["train", str(recipe), "--labels", str(team.labels[0]), "--data", str(team.transcripts)]
    monkeypatch.setattr("sys.argv", [*command, "--out", str(tmp_path / "mine")])
    steps: list[int] = []
    original = torch.optim.AdamW.step

    def stop(*arguments: Any, **options: Any) -> Any:
        steps.append(1)
        if len(steps) == 6:
            signal.raise_signal(signal.SIGTERM)
        return original(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(torch.optim.AdamW, "step", stop)
        with pytest.raises(SystemExit) as left:
            main()
    assert left.value.code == 130
    assert "the same command goes on from the last checkpoint" in capsys.readouterr().out
    assert signal.getsignal(signal.SIGTERM) == before, "the handler of whoever called is back"
    main()
    said = capsys.readouterr().out
    assert "going on from" in said
    assert "step 4 (" in said
    assert "on the campaign:" in said
    assert not Path(said.split("going on from ")[1].split(":")[0]).parent.exists()
    mine = tmp_path / "mine"
    assert (mine / "model.onnx").read_bytes() == (whole / "model.onnx").read_bytes()
    assert (mine / "model.onnx").read_bytes() != (
        Path(yaml.safe_load(recipe.read_text())["start"]) / "model.onnx"
    ).read_bytes()

    bundle, _ = read_bundle(mine)
    assert bundle.name == "mine"
    assert {"old_talk", "posts", "talk_rare"} == set(bundle.training["sources"])  # type: ignore[call-overload]
    figures = json.loads((mine / "campaign.json").read_text(encoding="utf-8"))
    assert figures["model"]["onnx_sha256"] == bundle.files["model.onnx"].sha256
    card = (mine / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert bundle.version == "1"
    began = figures["start"]
    for needed in ("# Model card: mine 1", f"tiny {began['version']}", began["sha256"], "written for a test"):
        assert needed in card
    assert "business" not in card
    assert "of four words or more that say what a labelled training turn says" in card
    assert f"{figures['labels']['repeats']} of the {figures['labels']['parts']['test']['turns']} held-out turns" in card

    settings = Settings(mine, read_rubric(default_rubric()), workers=1)
    receipt = run([str(team.transcripts)], tmp_path / "run", settings)
    assert receipt["model"]["name"] == "mine"
    assert receipt["contacts"]["scored"] >= 3
