import hashlib
import json
import shutil
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from command_line import Command

from cxsentiment import erase as erasing
from cxsentiment import erasures, lock, runs, shards
from cxsentiment.erase import Erasure, Whom, erase, moment_of, verified
from cxsentiment.errors import RunError, UsageError
from cxsentiment.findings import write_report
from cxsentiment.ingest.joins import read_joins
from cxsentiment.pipeline import Settings, run
from cxsentiment.privacy import Masking
from cxsentiment.privacy.errors import MaskingError
from cxsentiment.privacy.pseudonyms import pseudonym
from cxsentiment.rubric.reading import parse_rubric
from cxsentiment.schema import Transcript

Jsonl = Callable[..., Path]
NOW = moment_of("2026-07-01T00:00:00Z")
SECRETS = ("cust-anna", "anna-1", "anna-2", "giraffe", "Annabel")


def _contact(name: str, customer: str | None, text: str, **fields: Any) -> dict[str, Any]:
    turns = [
        {"speaker": "agent", "text": "Hello, Ben speaking."},
        {"speaker": "customer", "text": text},
        {"speaker": "agent", "text": "I am so sorry. One moment."},
    ]
    return {"id": name, "customer_id": customer, "agent_id": "ben", "channel": "chat", "turns": turns} | fields


def _anna(name: str, **fields: Any) -> dict[str, Any]:
    contact = _contact(name, "cust-anna", "this is terrible, my giraffe was on it", **fields)
    contact["turns"].append({"speaker": "Annabel", "text": "I am her sister."})
    return contact


def _others(count: int) -> list[dict[str, Any]]:
    return [_contact(f"other-{k}", f"cust-{k % 3}", "thanks, great", started_at="2026-06-20") for k in range(count)]


@pytest.fixture
def source(jsonl: Jsonl) -> Path:
    """Two contacts of Anna among six of others, and rejects: a copy of one of hers, and a line that is no JSON."""
    others = _others(6)
    contacts = [others[0], _anna("anna-1", started_at="2026-01-05T10:00:00Z"), *others[1:5], _anna("anna-2"), others[5]]
    path = jsonl([*contacts, _anna("anna-2")])
    path.write_text(path.read_text() + "{\n")
    return path


@pytest.fixture
def out(source: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(shards, "SHARD_CONTACTS", 3)
    run([str(source)], tmp_path / "run", settings)
    write_report(tmp_path / "run")
    return tmp_path / "run"


def _erase(folder: Path, *, reason: str | None = None, dry_run: bool = False, **whom: Any) -> Erasure:
    (done,) = erase([folder], Whom(**whom), reason=reason, dry_run=dry_run, now=NOW)
    return done


def _files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def _rows(folder: Path) -> dict[str, list[dict[str, Any]]]:
    return {name: runs.read_table(folder, name).to_pylist() for name in runs.TABLES}


def _without_anna(rows: dict[str, list[dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    return {name: [row for row in table if "anna" not in row["contact_id"]] for name, table in rows.items()}


def _said(folder: Path) -> str:
    """Everything that the files of a folder say: their bytes, and Parquet unpacked, with its metadata."""
    said = []
    for path in sorted(folder.rglob("*")):
        said.append(str(path.relative_to(folder)))
        if path.is_file():
            said.append(path.read_bytes().decode("latin-1"))
        if path.suffix == ".parquet":
            said += [str(pq.read_table(path).to_pylist()), str(pq.read_metadata(path).metadata)]
    return "\n".join(said)


def _record(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / erasures.FILE).read_text().splitlines()]


def test_nothing_of_the_customer_is_left(out: Path) -> None:
    assert all(secret in _said(out) for secret in SECRETS)
    stray = out / "turns" / ".part-00000.parquet.4711"
    stray.write_bytes(b"giraffe")
    _erase(out, customers=("cust-anna",), reason="ticket 42")
    said = _said(out)
    assert [secret for secret in SECRETS if secret in said] == []
    assert not (out / "report").exists()
    assert not stray.exists()


def test_every_row_of_the_others_stays_as_it_was(out: Path) -> None:
    before, files = _rows(out), _files(out)
    _erase(out, customers=("cust-anna",))
    assert _rows(out) == _without_anna(before)
    assert _files(out)["turns/part-00001.parquet"] == files["turns/part-00001.parquet"], "Anna is not in this shard"
    assert pq.read_schema(out / "turns/part-00000.parquet").equals(runs.TURNS)


def test_the_receipt_adds_up(out: Path) -> None:
    before = runs.require_complete(out)
    assert before["contacts"] == {"in": 10, "scored": 8, "rejected": 1, "copies": 1}
    assert before["warnings"]["1 copy of a contact was left out; each contact counts once"] == 1
    _erase(out, customers=("cust-anna",))
    after = runs.require_complete(out)
    assert after["contacts"] == {"in": 10, "scored": 6, "rejected": 1, "erased": 3}
    counts = {"without_text": 0, "unknown_speaker": 0, "refused": 0, "times_refused": 0}
    assert after["turns"] == {"in": 18, "scored": 18, **counts}
    assert after["roles"] == {"label": 6}
    assert after["warnings"] == {}
    assert {name: runs.sha256_of(out / name) for name in after["files"]} == after["files"]
    assert set(after["files"]) == set(before["files"])
    assert after["identity"] == before["identity"]


def test_the_record_says_what_was_done_and_never_to_whom(out: Path) -> None:
    done = _erase(out, customers=("cust-anna",), reason="ticket 42")
    (entry,) = _record(out)
    assert entry == dict(done.entries[0])
    assert entry["removed"] == {"contacts": 2, "items": 28, "turns": 8, "rejects": 1}
    assert entry["sha256"] == hashlib.sha256((entry["salt"] + "cust-anna").encode()).hexdigest()
    assert (entry["kind"], entry["reason"], entry["report"], entry["previous"]) == ("customer", "ticket 42", True, None)
    assert entry["time"].endswith("+00:00")
    assert entry["software"].startswith("cxsentiment ")


def test_erasing_again_finds_nothing_and_says_so_in_the_record(out: Path) -> None:
    _erase(out, customers=("cust-anna",))
    before = _files(out)
    done = _erase(out, customers=("cust-anna",))
    assert set(done.entries[0]["removed"].values()) == {0}
    first, second = _record(out)
    assert second["sha256"] == first["sha256"]
    assert second["previous"] == hashlib.sha256((out / erasures.FILE).read_bytes().splitlines()[0]).hexdigest()
    changed = {name for name, content in _files(out).items() if before.get(name) != content}
    assert changed == {"run.json", erasures.FILE}
    assert verified(out) == 2


def test_a_dry_run_changes_nothing(out: Path) -> None:
    before = _files(out)
    done = _erase(out, customers=("cust-anna",), dry_run=True)
    assert done.dry_run
    assert done.entries[0]["removed"]["contacts"] == 2
    assert _files(out) == before


def test_several_people_have_an_entry_each(out: Path) -> None:
    done = _erase(out, customers=("cust-anna", "nobody"), contacts=("other-3", "anna-1"))
    assert [entry["removed"]["contacts"] for entry in done.entries] == [2, 0, 1, 0]
    assert [entry["number"] for entry in _record(out)] == [1, 2, 3, 4]
    assert verified(out) == 4
    assert runs.require_complete(out)["contacts"] == {"in": 10, "scored": 5, "rejected": 1, "erased": 4}


def test_the_report_can_be_made_again(out: Path) -> None:
    _erase(out, customers=("cust-anna",))
    findings, page = write_report(out)
    assert sum(agent.contacts for agent in findings.agents) == 6
    said = _said(out)
    assert [secret for secret in SECRETS if secret in said] == []
    assert "10 read, 1 rejected, 3 erased" in page.read_text(encoding="utf-8")


def test_an_erased_run_stands_and_is_not_scored_again(out: Path, source: Path, settings: Settings) -> None:
    _erase(out, customers=("cust-anna",))
    before = _files(out)
    receipt = run([str(source)], out, settings)
    assert receipt["already_scored"]
    assert _files(out) == before


@pytest.mark.parametrize("table", runs.TABLES)
def test_mending_a_run_does_not_bring_anybody_back(out: Path, source: Path, settings: Settings, table: str) -> None:
    _erase(out, customers=("cust-anna",))
    rows, before = _rows(out), runs.require_complete(out)
    for number in range(3):
        runs.shard_path(out, table, number).unlink()
    after = run([str(source)], out, settings)
    assert _rows(out) == rows
    assert [secret for secret in SECRETS if secret in _said(out)] == []
    for part in ("contacts", "turns", "roles", "warnings", "erasures"):
        assert after[part] == before[part], part


def test_holes_and_notes_go_with_their_contacts_and_the_rest_still_adds_up(
    jsonl: Jsonl, settings: Settings, tmp_path: Path
) -> None:
    anna, other = _anna("anna-1", language="es"), _contact("other-1", "cust-1", "thanks", language="fr")
    anna["turns"] += ["lost", 7]
    other["turns"].append(None)
    source, out = jsonl([anna, other, other]), tmp_path / "run"
    before = run([str(source)], out, settings)
    assert before["turns"]["refused"] == 3
    assert sum(before["notes"].values()) == 2
    _erase(out, customers=("cust-anna",))
    after = runs.require_complete(out)
    assert after["contacts"] == {"in": 3, "scored": 1, "rejected": 0, "copies": 1, "erased": 1}
    assert (after["turns"]["in"], after["turns"]["refused"]) == (len(other["turns"]), 1)
    rejects = [json.loads(line) for line in (out / runs.REJECTS).read_text().splitlines()]
    assert [(one["contact_id"], one["kind"]) for one in rejects] == [("other-1", "turn"), ("other-1", "copy")]
    assert not any('"es"' in line for line in after["notes"])
    runs.shard_path(out, "turns", 0).unlink()
    mended = run([str(source)], out, settings)
    for part in ("contacts", "turns"):
        assert mended[part] == after[part], part
    assert "anna-1" not in _said(out)


def test_another_run_into_the_folder_leaves_them_out_too(out: Path, source: Path, settings: Settings) -> None:
    _erase(out, customers=("cust-anna",))
    content = settings.rubric.model_dump(mode="json")
    content["sections"][0]["items"][0]["weight"] = 20
    other = Settings(settings.model, parse_rubric(content, "other"), workers=1, overwrite=True)
    receipt = run([str(source)], out, other)
    assert receipt["contacts"] == {"in": 10, "scored": 6, "rejected": 1, "erased": 3}
    assert [secret for secret in SECRETS if secret in _said(out)] == []


def test_a_shard_may_lose_all_its_contacts(jsonl: Jsonl, settings: Settings, tmp_path: Path) -> None:
    source, out = jsonl([_anna("anna-1"), _anna("anna-2")]), tmp_path / "run"
    run([str(source)], out, settings)
    _erase(out, customers=("cust-anna",))
    receipt = runs.require_complete(out)
    assert receipt["contacts"] == {"in": 2, "scored": 0, "rejected": 0, "erased": 2}
    assert receipt["inputs"] == [{"source": "[erased]", "sha256": None, "bytes": 0}]
    write_report(out)
    runs.shard_path(out, "items", 0).unlink()
    assert run([str(source)], out, settings)["contacts"] == receipt["contacts"]
    assert [secret for secret in SECRETS if secret in _said(out)] == []


def test_an_id_in_a_file_s_name_is_blanked_also_beside_an_underscore(settings: Settings, tmp_path: Path) -> None:
    source = tmp_path / "all_cust-anna_june.jsonl"
    source.write_text("".join(json.dumps(one) + "\n" for one in (_anna("anna-1"), *_others(1))))
    run([str(source)], tmp_path / "run", replace(settings, command=f"cxsentiment score {source.name}"))
    _erase(tmp_path / "run", customers=("cust-anna",))
    receipt = runs.require_complete(tmp_path / "run")
    assert receipt["command"] == "cxsentiment score all_[erased]_june.jsonl"
    assert receipt["inputs"][0]["source"].endswith("all_[erased]_june.jsonl")


def test_a_file_named_after_the_contact_is_forgotten(settings: Settings, tmp_path: Path) -> None:
    calls = tmp_path / "calls"
    calls.mkdir()
    for name in ("anna-1", "other-1"):
        (calls / f"{name}.txt").write_text("Agent: hello\nCustomer: thanks\n")
    run([str(calls)], tmp_path / "run", settings)
    _erase(tmp_path / "run", contacts=("anna-1",))
    assert "anna-1" not in _said(tmp_path / "run")
    runs.shard_path(tmp_path / "run", "turns", 0).unlink()
    run([str(calls)], tmp_path / "run", settings)
    assert "anna-1" not in _said(tmp_path / "run")


def test_retention_goes_by_the_date(out: Path) -> None:
    done = _erase(out, retain_days=90)
    assert done.entries[0]["removed"]["contacts"] == 1
    assert done.entries[0]["before"] == "2026-04-02T00:00:00+00:00"
    assert done.undated == ("anna-2",)
    assert [row["contact_id"] for row in _rows(out)["contacts"] if "anna" in row["contact_id"]] == ["anna-2"]
    done = _erase(out, retain_days=90, undated=True)
    assert (done.entries[0]["removed"]["contacts"], done.undated) == (1, ())
    done = _erase(out, retain_days=11)
    assert done.entries[0]["removed"]["contacts"] == 0, "exactly as old as that is not older"
    done = _erase(out, retain_days=10)
    assert done.entries[0]["removed"]["contacts"] == 6
    assert runs.require_complete(out)["contacts"]["scored"] == 0


def test_what_was_too_old_stays_out(out: Path, source: Path, settings: Settings) -> None:
    _erase(out, retain_days=90, undated=True)
    rows = _rows(out)
    runs.shard_path(out, "contacts", 0).unlink()
    run([str(source)], out, settings)
    assert _rows(out) == rows


def test_any_table_that_names_contacts_or_customers_is_searched(out: Path) -> None:
    log = {
        "contact_id": ["anna-1", "anna-9", None, None, "other-1", "old"],
        "customer_id": ["cust-anna", "cust-anna", "cust-anna", "cust-1", "cust-1", "x"],
        "started_at": [None, None, None, "2026-06-01", "2020-01-01", "2020-01-01"],
    }
    runs.write_atomically(out / "log" / "part-00000.parquet", _parquet(log))
    answers = {"contact_id": ["anna-2", "anna-9", "other-1"], "csat": [1.0, 2.0, 3.0]}
    runs.write_atomically(out / "surveys" / "part-00000.parquet", _parquet(answers))
    (out / "notes.txt").write_text("mine")
    done = _erase(out, customers=("cust-anna",))
    removed = done.entries[0]["removed"]
    assert (removed["contacts"], removed["log"], removed["surveys"]) == (2, 3, 2)
    assert done.not_searched == ("notes.txt",)
    assert pq.read_table(out / "surveys" / "part-00000.parquet").to_pylist() == [{"contact_id": "other-1", "csat": 3.0}]
    assert [secret for secret in SECRETS if secret in _said(out)] == []
    done = _erase(out, retain_days=90)
    assert done.entries[0]["removed"]["log"] == 1, "the age of a scored contact is the one its own row has"
    assert len(pq.read_table(out / "log" / "part-00000.parquet")) == 2


def test_a_copy_beside_the_parts_stops_an_erasure_before_anything_is_changed(out: Path) -> None:
    copy = out / "contacts" / "part-00000 (1).parquet"
    shutil.copy(runs.shard_path(out, "contacts", 0), copy)
    before = _files(out)
    with pytest.raises(RunError, match=r"part-00000 \(1\)\.parquet: is no part of this run, and may hold those"):
        _erase(out, customers=("cust-anna",))
    assert _files(out) == before
    copy.unlink()
    _erase(out, customers=("cust-anna",))
    assert runs.require_complete(out)["contacts"]["scored"] == 6


def _parquet(columns: dict[str, list[Any]]) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink)
    return bytes(sink.getvalue().to_pybytes())


def test_survey_rows_of_the_customer_go_without_being_counted_as_contacts(
    jsonl: Jsonl, settings: Settings, tmp_path: Path
) -> None:
    survey = tmp_path / "surveys.csv"
    survey.write_text("contact_id,nps\nanna-1,twelve\nother-1,nine\n")
    joined = Settings(settings.model, settings.rubric, surveys=read_joins(surveys=[str(survey)]).surveys, workers=1)
    out = tmp_path / "run"
    run([str(jsonl([_anna("anna-1"), *_others(2)]))], out, joined)
    _erase(out, customers=("cust-anna",))
    assert runs.require_complete(out)["contacts"] == {"in": 3, "scored": 2, "rejected": 0, "erased": 1}
    assert [secret for secret in SECRETS if secret in _said(out)] == []


def test_logs_and_answers_by_customer_are_cleaned_and_stay_so(jsonl: Jsonl, settings: Settings, tmp_path: Path) -> None:
    log, survey, out = tmp_path / "log.csv", tmp_path / "survey.csv", tmp_path / "run"
    log.write_text(
        "contact_id,customer_id,started_at,wait_s\nanna-1,cust-anna,2026-06-20,5\nanna-9,cust-anna,2026-06-21,6\n"
        "other-0,cust-0,2026-06-20,7\nother-9,cust-0,2020-01-01,8\n"
    )
    survey.write_text("customer_id,csat,answered_at\ncust-anna,1,2026-06-20T12:00:00Z\ncust-0,5,2026-06-20T12:00:00Z\n")
    joins = read_joins(surveys=[str(survey)], csat_scale="1-5", match="customer", log=[str(log)])
    joined = replace(settings, surveys=joins.surveys, scales=joins.scales, log=joins.log)
    source = jsonl([_anna("anna-1", started_at="2026-06-20"), *_others(2)])
    run([str(source)], out, joined)
    done = _erase(out, customers=("cust-anna",))
    assert done.entries[0]["removed"] == {
        "contacts": 1, "items": 14, "turns": 4, "log": 2, "surveys": 1, "rejects": 0,
    }  # fmt: skip
    assert _erase(out, retain_days=90).entries[0]["removed"]["log"] == 1
    tables = {name: runs.read_table(out, name).to_pylist() for name in (*runs.TABLES, "log", "surveys")}
    assert [row["contact_id"] for row in tables["log"]] == ["other-0"]
    write_report(out)
    for _ in range(2):
        assert [secret for secret in SECRETS if secret in _said(out)] == []
        runs.shard_path(out, "log", 0).unlink()
        run([str(source)], out, joined)
        assert {name: runs.read_table(out, name).to_pylist() for name in tables} == tables


@pytest.mark.parametrize("by", ["id", "pseudonym"])
def test_customers_with_pseudonyms_are_found_by_the_key(
    jsonl: Jsonl, settings: Settings, tmp_path: Path, by: str
) -> None:
    key, out = b"a key of sixteen bytes", tmp_path / "run"
    hidden = replace(settings, masking=Masking(key=key))
    source = jsonl([_anna("anna-1"), *_others(2)])
    run([str(source)], out, hidden)
    assert "cust-anna" not in _said(out)
    with pytest.raises(UsageError, match="customers have pseudonyms in this run, and no key"):
        _erase(out, customers=("cust-anna",))
    known = pseudonym(key, "customer", "cust-anna")
    whom: dict[str, Any] = {"customers": ("cust-anna",), "key": key} if by == "id" else {"customers": (known,)}
    assert _erase(out, **whom).entries[0]["removed"]["contacts"] == 1
    runs.shard_path(out, "turns", 0).unlink()
    assert run([str(source)], out, hidden)["contacts"] == {"in": 3, "scored": 2, "rejected": 0, "erased": 1}
    assert [secret for secret in (*SECRETS, known) if secret in _said(out)] == []


def test_a_contact_that_could_not_be_masked_is_forgotten_too(
    jsonl: Jsonl, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = shards.mask_transcript

    def fails(contact: Transcript, masking: Masking) -> object:
        if contact.id == "anna-1":
            raise MaskingError("fault")
        return original(contact, masking)

    monkeypatch.setattr(shards, "mask_transcript", fails)
    source, out = jsonl([_anna("anna-1"), *_others(2)]), tmp_path / "run"
    assert run([str(source)], out, settings)["contacts"] == {"in": 3, "scored": 2, "rejected": 1}
    assert "anna-1" in _said(out)
    _erase(out, contacts=("anna-1",))
    assert "anna-1" not in _said(out)
    after = {"in": 3, "scored": 2, "rejected": 0, "erased": 1}
    assert runs.require_complete(out)["contacts"] == after
    runs.shard_path(out, "turns", 0).unlink()
    assert run([str(source)], out, settings)["contacts"] == after
    assert "anna-1" not in _said(out)


class _Killed(BaseException):
    pass


def _kill_at(step: int, before: bool, patch: pytest.MonkeyPatch) -> list[str]:
    """Kill whoever writes file number `step`, before it is there or after; returns the list of what was written."""
    original = runs.write_atomically
    written: list[str] = []

    def write(path: Path, content: bytes) -> None:
        written.append(path.name)
        if before and len(written) == step + 1:
            raise _Killed
        original(path, content)
        if len(written) == step + 1:
            raise _Killed

    patch.setattr(runs, "write_atomically", write)
    return written


def _check_killed(folder: Path, source: Path, settings: Settings, whole: dict[str, Any]) -> None:
    """A run whose erasure was killed is as it was, or done, or nobody reads or writes it."""
    receipt = runs.read_receipt(folder) or {}
    if receipt["state"] == "complete":
        assert receipt == whole or receipt["contacts"]["erased"] == 3
        return
    with pytest.raises(RunError, match="erase command again"):
        write_report(folder)
    with pytest.raises(RunError, match="erase command again"):
        run([str(source)], folder, settings)
    with pytest.raises(RunError, match="erase command again"):
        _erase(folder, customers=("cust-anna",), dry_run=True)
    assert [secret for secret in SECRETS if secret in (folder / "run.json").read_text()] == ["Annabel"]


@pytest.mark.parametrize("before", [True, False])
def test_a_kill_at_any_step_is_finished_by_the_next_erasure(
    out: Path, source: Path, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: bool
) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda size: "5a17")
    others, whole = _without_anna(_rows(out)), runs.require_complete(out)
    ends: list[dict[str, bytes]] = []
    for step in range(100):
        folder = tmp_path / f"step-{step}"
        shutil.copytree(out, folder)
        with monkeypatch.context() as patch:
            written = _kill_at(step, before, patch)
            with suppress(_Killed):
                _erase(folder, customers=("cust-anna",))
        assert _without_anna(_rows(folder)) == others
        if len(written) > step:
            _check_killed(folder, source, settings, whole)
            _erase(folder, customers=("cust-anna",))
        assert [secret for secret in SECRETS if secret in _said(folder)] == []
        end = _files(folder)
        receipt, entry = json.loads(end.pop("run.json")), json.loads(end.pop(erasures.FILE).splitlines()[0])
        assert entry["removed"] == {"contacts": 2, "items": 28, "turns": 8, "rejects": 1}
        assert receipt["contacts"] == {"in": 10, "scored": 6, "rejected": 1, "erased": 3}
        assert verified(folder) in (1, 2)
        ends.append(end)
        if len(written) <= step:
            break
    assert len(ends) > 8
    assert all(end == ends[0] for end in ends)


def test_another_request_finishes_an_interrupted_one_first(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def killed(*args: object) -> None:
        raise _Killed

    with monkeypatch.context() as patched:
        patched.setattr(erasing.holdings, "rewrite", killed)
        with pytest.raises(_Killed):
            _erase(out, customers=("cust-anna",))
    done = _erase(out, contacts=("other-1",))
    assert (done.finished, done.entries[0]["removed"]["contacts"]) == (1, 1)
    assert [entry["removed"]["contacts"] for entry in _record(out)] == [2, 1]
    assert [secret for secret in SECRETS if secret in _said(out)] == []


def test_a_record_that_was_altered_shows(out: Path, source: Path, settings: Settings) -> None:
    for name in ("cust-anna", "cust-0", "cust-1"):
        _erase(out, customers=(name,))
    path = out / erasures.FILE
    good = path.read_bytes()
    lines = good.splitlines(keepends=True)
    altered = {
        "line 2 is not what": [lines[0].replace(b'"contacts": 2', b'"contacts": 1'), *lines[1:]],
        "line 2 is not what was": [lines[0], lines[2]],
        "line 1 is not what": [b"{}\n", *lines[1:]],
        "3 entries were written, 2 are there": lines[:2],
        "3 entries were written, 0 are there": [],
        "line 3 is not the entry": [*lines[:2], lines[2].replace(b'"reason": null', b'"reason": "x"')],
    }
    for message, content in altered.items():
        path.write_bytes(b"".join(content))
        with pytest.raises(RunError, match=message):
            verified(out)
        with pytest.raises(RunError, match=message):
            _erase(out, customers=("cust-2",))
    runs.shard_path(out, "turns", 0).unlink()
    with pytest.raises(RunError, match="altered"):
        run([str(source)], out, settings)
    path.write_bytes(good)
    assert verified(out) == 3


def test_folders_that_cannot_be_used_are_refused_before_anything_is_changed(out: Path, tmp_path: Path) -> None:
    before = _files(out)
    half = tmp_path / "half"
    runs.write_receipt(half, {"state": "incomplete"})
    for folder, message in ((tmp_path / "no", "is no run folder"), (half, "being scored, or was interrupted")):
        with pytest.raises(RunError, match=message):
            list(erase([out, folder], Whom(customers=("cust-anna",))))
    assert _files(out) == before
    altered = runs.shard_path(out, "turns", 0)
    altered.write_bytes(altered.read_bytes() + b"x")
    with pytest.raises(RunError, match="is missing, or was altered"):
        _erase(out, customers=("cust-anna",))


def test_a_folder_that_cannot_be_written_stays_as_it_is(out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = _files(out)

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("os.fsync", full)
        with pytest.raises(RunError, match="cannot be written: No space left"):
            _erase(out, customers=("cust-anna",))
    assert _files(out) == before

    def denied(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("shutil.rmtree", denied)
    with pytest.raises(RunError, match="cannot be changed: Permission denied"):
        _erase(out, customers=("cust-anna",))


def test_two_erasures_do_not_work_on_one_folder(out: Path) -> None:
    with lock.alone(out, "cxsentiment erase"), pytest.raises(RunError, match="another process is at work here"):
        _erase(out, customers=("cust-anna",))


@pytest.mark.parametrize(
    ("whom", "message"),
    [
        ({}, "nobody to erase"),
        ({"undated": True}, "without --retain"),
        ({"customers": ("",)}, "is no id"),
        ({"contacts": ("null",)}, "is no id"),
        ({"retain_days": 10**9}, "too long ago"),
        ({"customers": ("cust-anna",), "reason": "for cust-anna"}, "holds the id"),
        ({"customers": (" cust-anna ",), "reason": "mail_of_cust-anna_2"}, "holds the id"),
    ],
)
def test_requests_that_cannot_be_used(out: Path, whom: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        _erase(out, **whom)


def test_ids_are_compared_as_text_as_reading_leaves_them(jsonl: Jsonl, settings: Settings, tmp_path: Path) -> None:
    contacts = [_contact("a", None, "x", customer_id=17), _contact("b", "017", "x"), _contact("c", "170", "x")]
    run([str(jsonl(contacts))], tmp_path / "run", settings)
    done = _erase(tmp_path / "run", customers=(" 17 ",))
    assert done.entries[0]["removed"]["contacts"] == 1
    assert [row["contact_id"] for row in _rows(tmp_path / "run")["contacts"]] == ["b", "c"]


class _Reviews:
    name = "reviews"

    def __init__(self) -> None:
        self.of = ["anna-1", "anna-1", "other-1"]

    def count(self, contact_ids: Collection[str]) -> int:
        return sum(one in contact_ids for one in self.of)

    def remove(self, contact_ids: Collection[str]) -> None:
        self.of = [one for one in self.of if one not in contact_ids]


def test_a_store_beside_the_run_is_asked_too(out: Path) -> None:
    reviews = _Reviews()
    (done,) = erase([out], Whom(customers=("cust-anna",)), stores=[reviews])
    assert done.entries[0]["removed"]["reviews"] == 2
    assert reviews.of == ["other-1"]


def test_the_command(out: Path, source: Path, toy_bundle: Path, command: Command) -> None:
    code, said, _ = command("erase", out, "--customer", "cust-anna", "--dry-run")
    assert code == 0
    assert "customer: 2 contacts, 28 items, 8 turns, 1 reject would be removed" in said
    code, said, _ = command("erase", out, "--customer", "cust-anna", "--json")
    (done,) = json.loads(said)
    assert (code, done["entries"][0]["removed"]["contacts"]) == (0, 2)
    assert "1 erasure recorded, the record is unbroken" in command("erase", out, "--verify").out
    code, said, _ = command("erase", out, "--customer", "cust-anna")
    assert (code, "customer: nothing found" in said) == (0, True)
    code, said, _ = command("erase", out, "--retain", 90, "--now", "2026-09-30")
    assert "contacts from before 2026-07-02T00:00:00+00:00: 6 contacts" in said
    code, said, _ = command("erase", out, "--verify")
    assert (code, "3 erasures recorded, the record is unbroken" in said) == (0, True)
    assert command("erase", out)[0] == 2
    code, _, said = command("erase", out, "--verify", "--customer", "cust-anna")
    assert (code, "only checks the record, and erases nobody" in said) == (2, True)
    assert command("erase", out, "--retain", 90, "--now", "soon")[0] == 2
    assert command("erase", out.parent, "--customer", "x")[0] == 1
    code, said, _ = command("score", source, "--out", out, "--model", toy_bundle)
    assert "9 contacts were erased from this run and are not scored again" in said


def test_contacts_without_a_date_and_strange_files_are_named(out: Path, command: Command) -> None:
    for k in range(22):
        (out / f"notes-{k:02}.txt").write_text("mine")
    code, said, _ = command("erase", out, "--retain", 90, "--now", "2026-07-01")
    assert code == 0
    assert "notes-19.txt and 2 more files (--json lists all)" in said
    assert "kept, for they have no date (1): anna-2" in said
    assert "not looked into: notes-00.txt" in said
    assert "report/ removed; make it again" in said
