"""`cxsentiment verify`: whatever is changed in a run is found, named, and makes the exit code; what is whole passes."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import slow_run
from command_line import Command
from slow_run import contacts, finish

from cxsentiment import runs
from cxsentiment.errors import RunError
from cxsentiment.ingest.scales import Scale, Scales
from cxsentiment.ingest.surveys import SurveyRules, read_surveys
from cxsentiment.samples import rescore_sample
from cxsentiment.verify import Verification, verify

CONTACTS = 12


@pytest.fixture
def run(tmp_path: Path, toy_bundle: Path) -> Path:
    """Three shards; a rejected record, a copy, a refused turn, a turn without text, a bot's turn, a bad survey row."""
    rows = contacts(CONTACTS)
    more = [{"speaker": "agent", "text": " "}, {"speaker": "bot", "text": "hi"}]
    rows[3] = rows[3] | {"turns": [*slow_run.TURNS, *more]}
    rows[7] = rows[7] | {"turns": [*slow_run.TURNS, {"speaker": "agent", "text": {"no": "text"}}]}
    rows.append(rows[0])
    source = slow_run.write(tmp_path / "contacts.jsonl", [*rows, {"id": "no turns"}])
    answers = tmp_path / "surveys.csv"
    answers.write_text("contact_id,csat\nc1,4\nc2,many\n")
    finish(source, tmp_path / "run", toy_bundle, surveys=read_surveys([str(answers)], SurveyRules(Scales(Scale(1, 5)))))
    return tmp_path / "run"


def _receipt(run: Path, **changes: Any) -> dict[str, Any]:
    receipt: dict[str, Any] = json.loads((run / "run.json").read_text()) | changes
    (run / "run.json").write_text(json.dumps(receipt))
    return receipt


def _resigned(run: Path, name: str, change: Callable[[pa.Table], pa.Table]) -> None:
    """Change a table and its hash in the receipt, as somebody would who wants it not to be seen."""
    table = pq.read_table(run / name)
    digest = runs.write_table(change(table).replace_schema_metadata(table.schema.metadata), run / name)
    _receipt(run, files={**_receipt(run)["files"], name: digest})


def _whats(found: Verification) -> str:
    return "\n".join(f"{one.where}: {one.what}" for one in found.differences)


def test_a_run_as_it_was_written_has_no_difference_and_stays_as_it_is(run: Path, toy_bundle: Path) -> None:
    before = {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in [run, *run.rglob("*")]}
    found = verify(run, toy_bundle)
    assert found.differences == []
    assert found.not_compared == []
    assert len(found.held) == 6
    assert rescore_sample(run, 5, 1, toy_bundle, found)
    assert found.differences == []
    assert "5 contacts drawn by seed 1 score as they did: 1" in found.held[-1]
    assert {path: (path.stat().st_mtime_ns, path.stat().st_ino) for path in [run, *run.rglob("*")]} == before


def test_a_flipped_bit_in_any_file_is_named(run: Path, toy_bundle: Path) -> None:
    for name in _receipt(run)["files"]:
        good = (run / name).read_bytes()
        content = bytearray(good)
        content[len(content) // 2] ^= 1
        (run / name).write_bytes(content)
        found = verify(run, toy_bundle)
        assert f"{run / name}: its content is not what the receipt recorded" in _whats(found)
        (run / name).write_bytes(good)
    assert verify(run, toy_bundle).differences == []


def test_missing_and_foreign_files_are_named(run: Path, toy_bundle: Path) -> None:
    shutil.copy(run / "contacts" / "part-00000.parquet", run / "contacts" / "part-00007.parquet")
    (run / "items" / "part-00001.parquet").unlink()
    said = _whats(verify(run, toy_bundle))
    assert f"{run / 'items' / 'part-00001.parquet'}: is missing" in said
    assert "part-00007.parquet: is no part of this run" in said


def test_copies_beside_the_parts_are_named_not_read_and_cleaned_away_by_score(
    run: Path, toy_bundle: Path, tmp_path: Path
) -> None:
    for table in runs.TABLES:
        shutil.copy(run / table / "part-00001.parquet", run / table / "part-00001 (1).parquet")
    found = verify(run, toy_bundle)
    assert [Path(one.where).name for one in found.differences] == ["part-00001 (1).parquet"] * 3
    assert all(one.what.startswith("is no part of this run") for one in found.differences)
    assert runs.read_table(run, "contacts").num_rows == CONTACTS
    answers = read_surveys([str(tmp_path / "surveys.csv")], SurveyRules(Scales(Scale(1, 5))))
    receipt = finish(tmp_path / "contacts.jsonl", run, toy_bundle, surveys=answers)
    assert receipt["redone"] == sorted(f"{table}/part-00001 (1).parquet" for table in runs.TABLES)
    assert receipt["shards_reused"] == 3
    assert verify(run, toy_bundle).differences == []


@pytest.mark.parametrize("name", ["rejects.jsonl", "turns/part-00001.parquet"])
def test_a_file_of_which_the_receipt_holds_no_hash_is_named(run: Path, toy_bundle: Path, name: str) -> None:
    _receipt(run, files={one: digest for one, digest in _receipt(run)["files"].items() if one != name})
    assert _whats(verify(run, toy_bundle)) == f"{run / name}: the receipt holds no hash of it"


def test_a_shard_that_was_taken_out_of_the_receipt_is_missed(run: Path, toy_bundle: Path) -> None:
    _receipt(run, files={one: digest for one, digest in _receipt(run)["files"].items() if "00002" not in one})
    assert "it counts 3 shards and holds hashes of 2" in _whats(verify(run, toy_bundle))


def _edited(run: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    receipt = _receipt(run)
    edit(receipt)
    (run / "run.json").write_text(json.dumps(receipt))


@pytest.mark.parametrize(
    ("edit", "said"),
    [
        (lambda r: r["turns"].pop("without_text"), "'without_text' is missing"),
        (lambda r: r["contacts"].pop("in"), "'in' is missing"),
        (lambda r: r.pop("files"), "'files' is missing"),
        (lambda r: r["inputs"][0].pop("sha256"), "'sha256' is missing"),
        (lambda r: r["inputs"][0].pop("source"), "'source' is missing"),
        (lambda r: r["rubric"].pop("content"), "'content' is missing"),
        (lambda r: r["model"].pop("name"), "'name' is missing"),
        (lambda r: r.update(model=None), "it names no model"),
        (lambda r: r.update(files=[]), "is not a receipt as this version writes it: files is a list"),
        (lambda r: r.update(inputs="x"), "inputs is 'x', not a list"),
        (lambda r: r.update(device="cpu"), "device is 'cpu', not an object"),
        (lambda r: r["inputs"][0].update(path_hex="x"), "not bytes in hex"),
        (lambda r: r["rubric"]["content"].update(sections={}), "rubric.content.sections is an object, not a list"),
        (lambda r: r["contacts"].update(scored="12"), "contacts.scored is '12', not a count"),
    ],
)
def test_a_receipt_that_was_edited_is_a_difference(
    run: Path, toy_bundle: Path, edit: Callable[[dict[str, Any]], object], said: str
) -> None:
    _edited(run, edit)
    found = _whats(verify(run, toy_bundle))
    assert said in found
    assert str(run / "run.json") in found


@pytest.mark.parametrize("content", [b"[" * 200_000, b"[]", b"\xff\xfe", b'{"state": "comp'])
def test_a_receipt_that_cannot_be_read_is_a_difference(run: Path, toy_bundle: Path, content: bytes) -> None:
    (run / "run.json").write_bytes(content)
    (difference,) = verify(run, toy_bundle).differences
    assert difference.where == str(run / "run.json")


def test_what_the_receipt_says_of_model_and_counts_is_compared(run: Path, toy_bundle: Path) -> None:
    good = _receipt(run)
    acts = good["model"]["thresholds"]["acts"]
    first, second = list(acts)[:2]
    changed = {**good["model"]["thresholds"], "acts": {**acts, first: 0.99, second: 0.98}}
    _receipt(run, model={**good["model"], "thresholds": changed})
    said = f"{run / 'run.json'}: the thresholds of {first}, {second} are not those of the model"
    assert _whats(verify(run, toy_bundle)) == said
    _receipt(run, model={name: value for name, value in good["model"].items() if name != "thresholds"})
    assert verify(run, toy_bundle).not_compared == ["thresholds: the receipt holds none, as those of earlier versions"]
    _receipt(run, model=good["model"], null_reasons={"made up": 7}, turns={**good["turns"], "unknown_speaker": 5})
    said = _whats(verify(run, toy_bundle))
    assert 'contacts without a score ("made up") = such rows, but 7 ≠ 0' in said
    assert "turns of an unknown speaker = such rows, but 5 ≠ 0" in said
    _receipt(run, null_reasons=good["null_reasons"], turns=good["turns"], inputs=[])
    found = verify(run, toy_bundle)
    assert (found.differences, found.not_compared) == ([], [f"inputs: {run / 'run.json'} records none"])


def _without_first(table: pa.Table) -> pa.Table:
    return table.slice(1)


def _first_twice(table: pa.Table) -> pa.Table:
    return pa.concat_tables([table, table.slice(0, 1)])


def _unread(table: pa.Table) -> pa.Table:
    place = table.schema.get_field_index("p_negative")
    return table.set_column(place, "p_negative", pa.nulls(table.num_rows, pa.float32()))


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("contacts/part-00001.parquet", _without_first, "contacts scored = rows of the table"),
        ("contacts/part-00001.parquet", _without_first, "1 contact with turns or verdicts and not in the table"),
        ("contacts/part-00001.parquet", _first_twice, "1 contact in it twice: c4"),
        ("turns/part-00000.parquet", _without_first, "rows of the table of turns + without text"),
        (
            "items/part-00002.parquet",
            _without_first,
            "1 contact without one verdict for each item of the scorecard: c8",
        ),
        ("turns/part-00000.parquet", _unread, "turns scored = turns with probabilities"),
    ],
)
def test_rows_that_are_missing_doubled_or_emptied_do_not_add_up(
    run: Path, toy_bundle: Path, name: str, change: Callable[[pa.Table], pa.Table], said: str
) -> None:
    _resigned(run, name, change)
    assert said in _whats(verify(run, toy_bundle))


def test_a_count_in_the_receipt_that_is_changed_does_not_add_up(run: Path, toy_bundle: Path) -> None:
    receipt = _receipt(run)
    for part, names in (
        ("contacts", ("in", "scored", "rejected", "copies")),
        ("turns", ("in", "scored", "without_text", "refused")),
    ):
        for name in names:
            changed = {**receipt[part], name: receipt[part][name] + 1}
            _receipt(run, **{part: changed})
            assert "does not add up" in _whats(verify(run, toy_bundle)), (part, name)
            _receipt(run, **{part: receipt[part]})
    assert receipt["contacts"] == {"in": CONTACTS + 2, "scored": CONTACTS, "rejected": 1, "copies": 1}
    assert (receipt["turns"]["without_text"], receipt["turns"]["refused"]) == (1, 1)


def test_a_reject_that_was_taken_out_is_missed(run: Path, toy_bundle: Path) -> None:
    path = run / runs.REJECTS
    path.write_text(path.read_text().splitlines(keepends=True)[0])
    _receipt(run, files={**_receipt(run)["files"], runs.REJECTS: runs.sha256_of(path)})
    assert "has 1 lines, the receipt counts 4 refusals" in _whats(verify(run, toy_bundle))


def test_a_changed_scorecard_or_input_is_named_and_a_missing_input_is_not_compared(run: Path, toy_bundle: Path) -> None:
    receipt = _receipt(run)
    rubric = json.loads(json.dumps(receipt["rubric"]))
    rubric["content"]["sections"][0]["items"][0]["weight"] = 99
    _receipt(run, rubric=rubric)
    assert "the scorecard in it was changed" in _whats(verify(run, toy_bundle))
    _receipt(run, rubric=receipt["rubric"])
    source = Path(receipt["inputs"][0]["source"])
    source.write_text(source.read_text() + "\n")
    assert f"{source}: this input has changed" in _whats(verify(run, toy_bundle))
    source.unlink()
    found = verify(run, toy_bundle)
    assert found.differences == []
    assert found.not_compared == ["inputs: 1 of 1 are not to be found from here"]


def test_beside_another_file_of_the_name_a_copied_run_does_not_claim_that_its_input_changed(
    run: Path, toy_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = _receipt(run)
    _receipt(run, inputs=[{**receipt["inputs"][0], "source": "contacts.jsonl"}])
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert verify(run, toy_bundle).differences == []
    Path("contacts.jsonl").write_text("another month\n")
    (found,) = verify(run, toy_bundle).differences
    assert found.what == "this input has changed since it was scored, or is another file of that name"
    assert found.do.startswith("Verify from the folder in which the command was given.")


@pytest.mark.parametrize(
    ("name", "column", "value", "said"),
    [
        ("turns/part-00000.parquet", "p_negative", 0.25, "a probability of turn 1 differs by"),
        ("items/part-00000.parquet", "verdict", "not_applicable", "verdict was 'not_applicable', is"),
        ("contacts/part-00000.parquet", "score", 99.0, "score was 99.0, is"),
        ("contacts/part-00000.parquet", "sentiment_mean", 0.5, "sentiment_mean was 0.5, is"),
    ],
)
def test_scoring_again_finds_what_no_count_can(
    run: Path, toy_bundle: Path, name: str, column: str, value: object, said: str
) -> None:
    def changed(table: pa.Table) -> pa.Table:
        values = table[column].to_pylist()
        values[1 if column == "p_negative" else 0] = value
        place = table.schema.get_field_index(column)
        return table.set_column(place, table.schema.field(place), pa.array(values, table.schema.field(place).type))

    _resigned(run, name, changed)
    found = verify(run, toy_bundle)
    assert found.differences == [], "counts and hashes hold"
    assert rescore_sample(run, CONTACTS, 1, toy_bundle, found)
    assert said in _whats(found)
    assert "contact c0" in _whats(found)


def test_the_last_decimal_may_differ_as_between_processors(run: Path, toy_bundle: Path) -> None:
    def nudged(table: pa.Table) -> pa.Table:
        place = table.schema.get_field_index("p_negative")
        values = [None if one is None else one - 1e-5 for one in table["p_negative"].to_pylist()]
        return table.set_column(place, table.schema.field(place), pa.array(values, pa.float32()))

    _resigned(run, "turns/part-00000.parquet", nudged)
    found = verify(run, toy_bundle)
    assert rescore_sample(run, CONTACTS, 1, toy_bundle, found)
    assert found.differences == []
    assert "4 turns differ in the last decimal" in found.held[-1]


def test_the_seed_decides_which_contacts_are_drawn(run: Path, toy_bundle: Path) -> None:
    from cxsentiment.samples import _drawn

    def ids(seed: int) -> list[str]:
        return [contact[0].id for _, part in _drawn(run, 4, seed) for contact in part]

    assert ids(1) == ids(1)
    assert len({tuple(ids(seed)) for seed in range(5)}) > 1
    assert sorted(one for _, part in _drawn(run, 500, 3) for one in (c[0].id for c in part)) == sorted(
        f"c{k}" for k in range(CONTACTS)
    )


def test_columns_of_a_later_version_are_not_compared(run: Path, toy_bundle: Path) -> None:
    for number in range(3):
        _resigned(run, f"contacts/part-{number:05d}.parquet", lambda table: table.drop_columns(["score_expected"]))
        _resigned(run, f"turns/part-{number:05d}.parquet", lambda table: table.drop_columns(["act_spans"]))
    found = verify(run, toy_bundle)
    assert rescore_sample(run, CONTACTS, 1, toy_bundle, found)
    assert found.differences == []
    (said,) = found.not_compared
    assert said.startswith("what an earlier version did not write: act_spans, evidence_end")
    assert "score_expected" in said


def test_the_command_says_what_cannot_be_compared_and_leaves_with_1(
    run: Path, toy_bundle: Path, tmp_path: Path, command: Command
) -> None:
    code, said, _ = command("verify", run, "--model", toy_bundle, "--rescore", 3)
    assert code == 0, said
    assert "the run is what its receipt says" in said
    code, said, _ = command("verify", run, "--model", tmp_path / "nowhere")
    assert code == 0
    assert "? not compared: model: " in said
    code, said, _ = command("verify", run, "--model", tmp_path / "nowhere", "--rescore", 3)
    assert code == 1
    assert "scoring again: the model that scored this run is not here" in said
    code, said, _ = command("verify", run, "--rescore", 3)  # the bundled model is another one
    assert code == 1
    assert "the run was scored by toy 0" in said
    (run / "items" / "part-00001.parquet").unlink()
    code, said, _ = command("verify", run, "--model", toy_bundle, "--json")
    assert code == 1
    assert json.loads(said)["differences"][0]["what"] == "is missing"


def test_an_interrupted_run_is_no_run_to_verify(run: Path, toy_bundle: Path) -> None:
    _receipt(run, state="incomplete")
    with pytest.raises(RunError, match="this run was interrupted"):
        verify(run, toy_bundle)


def test_an_erased_run_is_whole_and_a_changed_record_is_named(run: Path, toy_bundle: Path) -> None:
    from cxsentiment.erase import Whom, erase

    list(erase([run], Whom(contacts=("c5",))))
    found = verify(run, toy_bundle)
    assert found.differences == []
    assert any("the record of erasures (1 entries) is unbroken" in text for text in found.held)
    assert rescore_sample(run, CONTACTS, 1, toy_bundle, found)
    assert found.differences == []
    record = run / "erasures.jsonl"
    record.write_text(record.read_text().replace('"contact"', '"customer"'))
    assert "the record of erasures was altered" in _whats(verify(run, toy_bundle))


@pytest.mark.parametrize(("apart", "held"), [(0.004, True), (0.006, False)])
def test_of_whole_numbers_a_probability_may_differ_in_the_third_decimal(
    run: Path, toy_bundle: Path, apart: float, held: bool
) -> None:
    def nudged(table: pa.Table) -> pa.Table:
        place = table.schema.get_field_index("p_negative")
        values = [None if one is None else one - apart for one in table["p_negative"].to_pylist()]
        return table.set_column(place, table.schema.field(place), pa.array(values, pa.float32()))

    _resigned(run, "turns/part-00000.parquet", nudged)
    receipt = runs.read_receipt(run)
    assert receipt is not None
    receipt["device"]["precision"] = "int8"
    runs.write_receipt(run, receipt)
    found = verify(run, toy_bundle)
    assert rescore_sample(run, CONTACTS, 1, toy_bundle, found)
    assert (not any("probability" in one.what for one in found.differences)) == held
    assert not held or "4 turns differ by at most 0.00400, as between kinds of processor" in found.held[-1]
