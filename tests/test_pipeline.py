import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from cxsentiment import engines, libraries, pipeline, runs, shards
from cxsentiment.errors import BundleError, RunError, UsageError
from cxsentiment.ingest.scales import Scale, Scales
from cxsentiment.ingest.surveys import SurveyRules, read_surveys
from cxsentiment.pipeline import Progress, Settings, run
from cxsentiment.privacy import Masking
from cxsentiment.privacy.marks import STANDARD
from cxsentiment.rubric.reading import default_rubric, parse_rubric, read_rubric
from cxsentiment.schema import Transcript
from cxsentiment.verify import verify

Jsonl = Callable[..., Path]
GOOD = [
    {"speaker": "agent", "text": "Hello, Anna speaking."},
    {"speaker": "customer", "text": "this is terrible, my card is 4111 1111 1111 1111"},
    {"speaker": "agent", "text": "I am so sorry. One moment."},
]


def _contacts(count: int, **fields: Any) -> list[dict[str, Any]]:
    return [{"id": f"c{k}", "agent_id": f"a{k % 3}", "channel": "chat", "turns": GOOD} | fields for k in range(count)]


def _files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def _tables(folder: Path) -> dict[str, bytes]:
    return {name: content for name, content in _files(folder).items() if name != "run.json"}


def test_a_run_folder_is_what_the_contract_says(jsonl: Jsonl, settings: Settings, tmp_path: Path) -> None:
    out = tmp_path / "run"
    receipt = run([str(jsonl(_contacts(5)))], out, settings)
    assert set(_files(out)) == {
        "run.json",
        "rejects.jsonl",
        *(f"{table}/part-00000.parquet" for table in ("contacts", "turns", "items")),
    }
    assert receipt == runs.require_complete(out)
    assert receipt["contacts"] == {"in": 5, "scored": 5, "rejected": 0}
    assert receipt["turns"] == {
        "in": 15,
        "scored": 15,
        "without_text": 0,
        "unknown_speaker": 0,
        "refused": 0,
        "times_refused": 0,
    }
    assert receipt["notes"] == receipt["warnings"] == {}
    assert receipt["model"]["name"] == "toy"
    assert receipt["rubric"]["name"] == "default"
    assert len(receipt["inputs"][0]["sha256"]) == 64
    assert receipt["turns_per_second"] > 0
    assert set(receipt["seconds"]) == {"read", "mask", "predict", "score", "write", "total"}


def test_scores_are_as_the_rubric_says(jsonl: Jsonl, settings: Settings, tmp_path: Path) -> None:
    run([str(jsonl(_contacts(1)))], tmp_path / "run", settings)
    (contact,) = runs.read_table(tmp_path / "run", "contacts").to_pylist()
    items = runs.read_table(tmp_path / "run", "items").to_pylist()
    verdicts = {item["item"]: item["verdict"] for item in items}
    assert verdicts["greeting"] == verdicts["apologise"] == verdicts["professional"] == "met"
    assert verdicts["acknowledge"] == "not_met"
    scored = [item for item in items if item["points"] is not None]
    expected = 100 * sum(item["points"] for item in scored) / sum(item["weight"] for item in scored)
    assert contact["score"] == pytest.approx(expected, abs=1e-3)
    assert contact["sentiment_mean"] < -0.5
    assert (contact["agent_turns"], contact["customer_turns"]) == (2, 1)


def test_probabilities_stand_only_where_a_head_reads(jsonl: Jsonl, settings: Settings, tmp_path: Path) -> None:
    run([str(jsonl(_contacts(1)))], tmp_path / "run", settings)
    for turn in runs.read_table(tmp_path / "run", "turns").to_pylist():
        assert (turn["p_negative"] is None) == (turn["speaker"] != "customer")
        assert (turn["p_greet"] is None) == (turn["speaker"] != "agent")


def test_personal_data_is_nowhere_in_the_run(jsonl: Jsonl, settings: Settings, tmp_path: Path) -> None:
    receipt = run([str(jsonl(_contacts(1)))], tmp_path / "run", settings)
    table = runs.read_table(tmp_path / "run", "turns", ["text"]).to_pylist()
    assert "[CARD]" in table[1]["text"]
    assert sum(receipt["masked"].values()) == 1
    evidence = str(runs.read_table(tmp_path / "run", "items", ["evidence_quote"]).to_pylist())
    assert "4111" not in evidence + str(table)


def test_an_identical_second_run_scores_nothing_and_leaves_the_same_bytes(
    jsonl: Jsonl, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = jsonl(_contacts(5)), tmp_path / "run"
    run([str(source)], out, settings)
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in out.rglob("*") if path.is_file()}

    def refuse(*args: object) -> None:
        raise AssertionError("scored again")

    monkeypatch.setattr(shards.Scorer, "score_shard", refuse)
    run([str(source)], out, settings)
    assert {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in out.rglob("*") if path.is_file()} == before


def test_any_number_of_processes_gives_the_same_bytes(
    jsonl: Jsonl, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "SHARD_CONTACTS", 4)
    source = jsonl(_contacts(18))
    run([str(source)], tmp_path / "one", settings)
    both = Settings(settings.model, settings.rubric, workers=2)
    receipt = run([str(source)], tmp_path / "two", both)
    assert receipt["shards"] == 5
    assert _tables(tmp_path / "one") == _tables(tmp_path / "two")


def test_an_interrupted_run_goes_on_where_it_stopped(
    jsonl: Jsonl, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "SHARD_CONTACTS", 4)
    source, out = jsonl(_contacts(18)), tmp_path / "run"
    run([str(source)], tmp_path / "whole", settings)

    def stop(progress: Progress) -> None:
        if progress.contacts >= 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run([str(source)], out, settings, stop)
    assert json.loads((out / "run.json").read_text())["state"] == "incomplete"
    damaged = runs.shard_path(out, "turns", 1)
    damaged.write_bytes(damaged.read_bytes()[:-1])
    receipt = run([str(source)], out, settings)
    assert receipt["shards_reused"] == 1
    assert receipt["contacts"]["scored"] == 18
    assert _tables(out) == _tables(tmp_path / "whole")


@pytest.mark.parametrize("table", runs.TABLES)
def test_a_damaged_file_of_a_finished_run_is_scored_again(
    jsonl: Jsonl, settings: Settings, tmp_path: Path, table: str
) -> None:
    source, out = jsonl(_contacts(3)), tmp_path / "run"
    run([str(source)], out, settings)
    good = _tables(out)
    path = runs.shard_path(out, table, 0)
    content = bytearray(path.read_bytes())
    content[30] ^= 1
    path.write_bytes(content)
    assert run([str(source)], out, settings)["shards_reused"] == 0
    assert _tables(out) == good


def test_turns_are_judged_in_the_order_of_their_times(jsonl: Jsonl, settings: Settings, tmp_path: Path) -> None:
    """A stereo export may give all turns of one channel first; the verdicts are those of the talk as it was."""
    times = [(0, "agent", "Hello, Anna speaking."), (5, "customer", "terrible"), (9, "agent", "I am so sorry.")]
    turns = [{"speaker": who, "text": text, "start": start, "end": start + 1} for start, who, text in times]
    both = [{"id": "a", "turns": turns}, {"id": "b", "turns": [turns[0], turns[2], turns[1]]}]
    run([str(jsonl(both))], tmp_path / "run", settings)
    items = runs.read_table(tmp_path / "run", "items", ["contact_id", "item", "verdict"]).to_pylist()
    verdicts = {name: {i["item"]: i["verdict"] for i in items if i["contact_id"] == name} for name in ("a", "b")}
    assert verdicts["a"] == verdicts["b"]
    assert verdicts["a"]["apologise"] == "met"


def test_a_killed_process_leaves_a_folder_that_resumes(jsonl: Jsonl, settings: Settings, tmp_path: Path) -> None:
    source, out = jsonl(_contacts(1500)), tmp_path / "run"
    program = (
        "import sys; from pathlib import Path; from cxsentiment.pipeline import Settings, run; "
        "from cxsentiment.rubric.reading import default_rubric, read_rubric; "
        "run([sys.argv[1]], Path(sys.argv[2]), Settings(Path(sys.argv[3]), read_rubric(default_rubric()), workers=1))"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(source), str(out), str(settings.model)])
    while not runs.shard_path(out, "contacts", 0).exists():
        assert process.poll() is None, "the run ended before it could be killed"
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    receipt = run([str(source)], out, settings)
    assert receipt["contacts"]["scored"] == 1500
    assert receipt["shards_reused"] >= 1
    run([str(source)], tmp_path / "whole", settings)
    assert _tables(out) == _tables(tmp_path / "whole")


def test_another_run_is_not_overwritten_unless_asked(jsonl: Jsonl, settings: Settings, tmp_path: Path) -> None:
    source, out = jsonl(_contacts(2)), tmp_path / "run"
    run([str(source)], out, settings)
    content = settings.rubric.model_dump(mode="json")
    content["sections"][0]["items"][0]["weight"] = 20
    other = Settings(settings.model, parse_rubric(content, "other"), workers=1)
    with pytest.raises(UsageError, match=r"holds another run: it differs in rubric\. .*--overwrite"):
        run([str(source)], out, other)
    with pytest.raises(UsageError, match="holds another run: it differs in rubric"):
        run([str(source)], out, Settings(other.model, other.rubric, overwrite=True, demo=True))
    (out / "report").mkdir()
    replaced = run([str(source)], out, Settings(other.model, other.rubric, workers=1, overwrite=True))
    assert replaced["rubric"]["sha256"] == other.rubric.sha256
    assert not (out / "report").exists(), "a report of the run that was replaced"


def test_figures_of_two_versions_of_a_library_are_not_mixed(
    jsonl: Jsonl, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, out = jsonl(_contacts(3)), tmp_path / "run"
    here = run([str(source)], out, settings)["libraries"]
    assert here["onnxruntime"] == version("onnxruntime")
    before = _files(out)
    monkeypatch.setattr(pipeline, "versions", lambda *given: libraries.versions(*given) | {"onnxruntime": "1.0.0"})
    said = r"other versions of the libraries that shape results, .*: onnxruntime \S+ \(here 1\.0\.0\)\. "
    with pytest.raises(
        UsageError, match=rf"{said}.*--overwrite.*; to go on .* report, kpis and verify read it as it is"
    ):
        run([str(source)], out, settings)
    assert _files(out) == before
    assert verify(out, settings.model).differences == [], "reading asks for no version"
    receipt = runs.read_receipt(out) or {}
    runs.write_receipt(out, {**receipt, "state": "incomplete"})
    with pytest.raises(UsageError, match=rf"{said}.*install those versions again$"):
        run([str(source)], out, settings)
    runs.write_receipt(out, {name: value for name, value in receipt.items() if name != "libraries"})
    with pytest.raises(UsageError, match="its receipt does not name them"):
        run([str(source)], out, settings)
    assert run([str(source)], out, replace(settings, overwrite=True))["libraries"]["onnxruntime"] == "1.0.0"
    monkeypatch.setattr(
        pipeline, "versions", lambda *given: libraries.versions(*given) | {"onnxruntime": "1.0.0", "x": ""}
    )
    other = replace(settings, masking=Masking(off=True))
    with pytest.raises(UsageError, match=r"differs in masking or the key of pseudonyms\. Give"):
        run([str(source)], out, other)


def test_an_extra_that_is_installed_and_not_used_makes_no_other_run() -> None:
    usual = libraries.versions()
    assert {"onnxruntime", "onnxruntime-gpu", "numpy", "pyarrow", "spacy", "tokenizers", "google-re2"} <= usual.keys()
    assert not {"openvino", "presidio-analyzer"} & usual.keys()
    assert "openvino" in libraries.versions(device="openvino")
    named = libraries.versions(Masking(kinds=STANDARD | {"NAME"}))
    assert named.keys() - usual.keys() == {"presidio-analyzer", *(f"en_core_web_{size}" for size in ("lg", "md", "sm"))}


def test_a_folder_of_something_else_is_not_touched(jsonl: Jsonl, settings: Settings, tmp_path: Path) -> None:
    out = tmp_path / "holiday"
    out.mkdir()
    (out / "photo.jpg").write_bytes(b"x")
    with pytest.raises(UsageError, match="not empty and holds no run"):
        run([str(jsonl(_contacts(1)))], out, settings)
    with pytest.raises(UsageError, match="is a file"):
        run([str(jsonl(_contacts(1)))], out / "photo.jpg", settings)
    assert _files(out) == {"photo.jpg": b"x"}


def test_good_records_beside_bad_ones_are_scored(tmp_path: Path, settings: Settings) -> None:
    source = tmp_path / "mixed.jsonl"
    good = json.dumps({"id": "good", "turns": GOOD})
    source.write_text(
        f'{good}\n{{"id": "cut", "turns": [{{"spe\n\n{good.replace("good", "also")}\n{{"id": "no turns"}}\n'
    )
    receipt = run([str(source)], tmp_path / "run", settings)
    assert receipt["contacts"] == {"in": 4, "scored": 2, "rejected": 2}
    rejects = [json.loads(line) for line in (tmp_path / "run" / "rejects.jsonl").read_text().splitlines()]
    assert [reject["record"] for reject in rejects] == [2, 5]
    assert all(reject["code"] and reject["message"] for reject in rejects)


def test_what_was_refused_within_contacts_adds_up(tmp_path: Path, settings: Settings) -> None:
    holes = [{"speaker": "agent", "text": 5, "start": 9}, "lost", *GOOD[:1], {"speaker": "agent", "text": " "}, None]
    whole = json.dumps({"id": "whole", "turns": GOOD})
    lines = [
        whole,
        json.dumps({"id": "holes", "turns": holes}),
        whole,
        json.dumps({"id": "nothing", "turns": [1]}),
        whole,
    ]
    source = tmp_path / "mixed.jsonl"
    source.write_text("\n".join(lines))
    (tmp_path / "call.vtt").write_text(
        "WEBVTT\n\n00:01.000 --> 00:0x.000\nAgent: hello\n\n00:04.000 --> 00:05.000\nOk\n"
    )
    receipt = run([str(source), str(tmp_path / "call.vtt")], tmp_path / "run", settings)
    assert receipt["contacts"] == {"in": 6, "scored": 3, "rejected": 1, "copies": 2}
    turns = receipt["turns"]
    assert turns["in"] == len(GOOD) + len(holes) + 2
    assert (turns["without_text"], turns["refused"], turns["times_refused"]) == (1, 2, 1)
    assert receipt["warnings"]["2 copies of contacts were left out; each contact counts once"] == 1
    (hole,) = [line for line in receipt["warnings"] if line.startswith("2 of its turns were refused")]
    assert receipt["warnings"][hole] == 1
    rejects = [json.loads(line) for line in (tmp_path / "run" / "rejects.jsonl").read_text().splitlines()]
    assert [(one["kind"], one["contact_id"], one["code"]) for one in rejects] == [
        ("turn", "holes", "turn_type"),
        ("turn", "holes", "turn_type"),
        ("copy", "whole", "duplicate_contact"),
        ("record", "nothing", "turn_type"),
        ("copy", "whole", "duplicate_contact"),
        ("time", "call", "bad_cue"),
    ]
    rows = runs.read_table(tmp_path / "run", "contacts", ["contact_id", "turns", "refused_turns"]).to_pylist()
    assert [(row["contact_id"], row["refused_turns"]) for row in rows] == [("whole", 0), ("holes", 2), ("call", 0)]
    assert run([str(source), str(tmp_path / "call.vtt")], tmp_path / "run", settings)["already_scored"]


def test_a_huge_turn_and_a_huge_call_are_scored_whole(jsonl: Jsonl, settings: Settings, tmp_path: Path) -> None:
    long_turn = {"id": "long", "turns": [{"speaker": "agent", "text": "word " * 40_000 + "you idiot"}]}
    many = {"id": "many", "turns": [{"speaker": "agent", "text": "ok"}] * 50_000}
    receipt = run([str(jsonl([long_turn, many]))], tmp_path / "run", settings)
    assert receipt["turns"]["scored"] == 50_001
    assert receipt["shards"] == 2
    contacts = {row["contact_id"]: row for row in runs.read_table(tmp_path / "run", "contacts").to_pylist()}
    assert contacts["long"]["p_critical_customer"] > 0.9
    assert contacts["many"]["turns"] == 50_000


def test_a_run_folder_inside_the_input_is_not_its_own_input(jsonl: Jsonl, settings: Settings, tmp_path: Path) -> None:
    jsonl(_contacts(2))
    out = tmp_path / "run"
    first = run([str(tmp_path)], out, settings)
    assert run([str(tmp_path)], out, settings) == first | {"already_scored": True}
    assert first["contacts"] == {"in": 2, "scored": 2, "rejected": 0}


def test_surveys_join_by_contact_id(jsonl: Jsonl, settings: Settings, tmp_path: Path) -> None:
    survey = tmp_path / "surveys.csv"
    survey.write_text("contact_id,csat\nc0,5\nc1,9\nnobody,3\n")
    answers = read_surveys([str(survey)], SurveyRules(Scales(Scale(1, 5))))
    joined = Settings(settings.model, settings.rubric, surveys=answers, workers=1)
    receipt = run([str(jsonl(_contacts(3)))], tmp_path / "run", joined)
    csat = runs.read_table(tmp_path / "run", "contacts", ["contact_id", "csat"]).to_pylist()
    assert [row["csat"] for row in csat] == [5.0, None, None]
    facts = receipt["surveys"]
    assert (facts["answers"], facts["matched"], facts["unmatched"], facts["rejected"]) == (2, 1, 1, 1)
    assert facts["csat_scale"] == [1, 5]
    rejects = (tmp_path / "run" / "rejects.jsonl").read_text()
    assert "csat_out_of_scale" in rejects
    assert receipt["contacts"] == {"in": 3, "scored": 3, "rejected": 0}


def test_contacts_without_a_score_are_counted_by_reason(jsonl: Jsonl, settings: Settings, tmp_path: Path) -> None:
    silent = {"id": "s", "turns": [{"speaker": "customer", "text": "hello?"}]}
    receipt = run([str(jsonl([*_contacts(1), silent]))], tmp_path / "run", settings)
    assert receipt["null_reasons"] == {"no agent turn with text in this contact": 1}


def test_a_folder_that_cannot_be_written_is_named(jsonl: Jsonl, settings: Settings) -> None:
    with pytest.raises(RunError, match=r"cannot be written.*choose a folder you may write to"):
        run([str(jsonl(_contacts(1)))], Path("/proc/nowhere"), settings)


def test_csat_inside_the_transcripts_is_held_to_the_declared_scale(
    jsonl: Jsonl, settings: Settings, tmp_path: Path
) -> None:
    source = jsonl([contact | {"csat": csat} for contact, csat in zip(_contacts(3), (5, 9, None), strict=True)])
    declared = Settings(settings.model, settings.rubric, scales=Scales(Scale(1, 5)), workers=1)
    receipt = run([str(source)], tmp_path / "run", declared)
    csat = runs.read_table(tmp_path / "run", "contacts", ["csat"]).to_pylist()
    assert [row["csat"] for row in csat] == [5, None, None]
    assert receipt["warnings"] == {"CSAT is off the declared scale 1-5: not used": 1}
    assert receipt["settings"]["csat_scale"] == [1, 5]


def test_progress_reaches_the_whole(
    jsonl: Jsonl, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shards, "SHARD_CONTACTS", 4)
    seen: list[Progress] = []
    run([str(jsonl(_contacts(10)))], tmp_path / "run", settings, seen.append)
    assert [state.contacts for state in seen] == [4, 8, 10]
    assert seen[-1].fraction == pytest.approx(1.0)
    assert all(0 < state.fraction <= 1 for state in seen)


def test_a_broken_model_stops_the_run_before_anything_is_written(
    jsonl: Jsonl, settings: Settings, tmp_path: Path
) -> None:
    nowhere = Settings(tmp_path / "nowhere", settings.rubric)
    with pytest.raises(BundleError):
        run([str(jsonl(_contacts(1)))], tmp_path / "run", nowhere)
    assert not (tmp_path / "run").exists()


def test_contacts_split_into_shards_by_count_turns_and_characters(contact: Callable[..., Any]) -> None:
    small = [contact("A: x", id=str(k)) for k in range(shards.SHARD_CONTACTS + 1)]
    assert [len(shard.contacts) for shard in shards.cut(small, "i")] == [shards.SHARD_CONTACTS, 1]
    big = contact(*["A: x"] * (shards.SHARD_TURNS + 1), id="big")
    assert [len(shard.contacts) for shard in shards.cut([small[0], big, small[1]], "i")] == [1, 1, 1]
    wordy = contact("A: " + "x" * (shards.SHARD_CHARACTERS - 1), id="wordy")
    assert [len(shard.contacts) for shard in shards.cut([*small[:2], wordy, *small[2:5]], "i")] == [2, 2, 2]


def test_pool_is_used_only_where_there_is_more_than_one_shard(
    jsonl: Jsonl, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> None:
        raise AssertionError("a pool for one shard")

    monkeypatch.setattr(engines.LocalEngine, "_started", refuse)
    run([str(jsonl(_contacts(5)))], tmp_path / "run", Settings(settings.model, settings.rubric, workers=2))


def test_a_contact_that_cannot_be_masked_is_refused_and_the_others_scored(
    toy_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cxsentiment.privacy import MaskingError, mask_transcript

    def failing(transcript: Transcript, masking: Masking) -> object:
        if transcript.id == "b":
            raise MaskingError("ValueError")
        return mask_transcript(transcript, masking)

    monkeypatch.setattr(shards, "mask_transcript", failing)
    source = tmp_path / "in.jsonl"
    lines = [{"id": name, "turns": [{"speaker": "agent", "text": f"Hello secret {name}"}]} for name in "abc"]
    source.write_text("\n".join(map(json.dumps, lines)))
    settings = Settings(toy_bundle, read_rubric(default_rubric()), workers=1)
    receipt = run([str(source)], tmp_path / "run", settings)
    assert receipt["contacts"] == {"in": 3, "scored": 2, "rejected": 1}
    (refused,) = map(json.loads, (tmp_path / "run" / "rejects.jsonl").read_text().splitlines())
    assert (refused["contact_id"], refused["code"], refused["record"]) == ("b", "masking_failed", 2)
    assert "secret" not in json.dumps(refused)
    assert b"secret b" not in b"".join(path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file())
    again = run([str(source)], tmp_path / "run", settings)
    assert again["already_scored"]


def test_pseudonyms_and_masking_settings_are_part_of_the_run(toy_bundle: Path, tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    turns = [{"speaker": "customer", "text": "my order number is 55512345 and the security code is 123"}]
    source.write_text(json.dumps({"id": "a", "customer_id": "jane-doe", "agent_id": "ines", "turns": turns}))
    rubric = read_rubric(default_rubric())
    settings = Settings(toy_bundle, rubric, workers=1, masking=Masking(off=True, key=b"k" * 16))
    receipt = run([str(source)], tmp_path / "run", settings)
    (contact,) = runs.read_table(tmp_path / "run", "contacts", ["customer_id", "agent_id"]).to_pylist()
    assert contact["customer_id"].startswith("cu_")
    assert contact["agent_id"].startswith("ag_")
    (turn,) = runs.read_table(tmp_path / "run", "turns", ["text"]).to_pylist()
    assert turn["text"] == "my order number is 55512345 and the security code is [CVV]"
    assert receipt["settings"]["pseudonyms"] is True
    assert b"kkkk" not in (tmp_path / "run" / "run.json").read_bytes()
    with pytest.raises(UsageError, match="masking or the key"):
        run([str(source)], tmp_path / "run", Settings(toy_bundle, rubric, workers=1, masking=Masking()))
