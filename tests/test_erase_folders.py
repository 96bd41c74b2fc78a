"""An erasure among other work: several folders are changed all or none, and a report that is being made keeps none."""

from pathlib import Path

import pytest
from slow_run import contacts, files, finish, write

from cxsentiment import findings, lock, runs
from cxsentiment.erase import Whom, erase
from cxsentiment.errors import RunError

ANNA = Whom(customers=("anna",))


@pytest.fixture
def folders(tmp_path: Path, toy_bundle: Path) -> list[Path]:
    """Two runs, each with a contact of Anna's."""
    made = []
    for name in ("one", "two"):
        rows = contacts(6)
        rows[2] |= {"customer_id": "anna", "turns": [{"speaker": "customer", "text": f"terrible bicycle {name}"}]}
        finish(write(tmp_path / f"{name}.jsonl", rows), tmp_path / name, toy_bundle)
        made.append(tmp_path / name)
    return made


@pytest.mark.parametrize("harm", ["damaged", "held"])
def test_where_one_folder_cannot_be_changed_none_is(folders: list[Path], harm: str) -> None:
    before = [files(folder) for folder in folders]
    part = runs.shard_path(folders[1], "turns", 0)
    whole = part.read_bytes()
    if harm == "damaged":
        part.write_bytes(whole[:-1])
        with pytest.raises(RunError, match=r"two/turns/part-00000.parquet: is missing, or was altered"):
            list(erase(folders, ANNA))
        part.write_bytes(whole)
    else:
        with lock.alone(folders[1], "cxsentiment watch"), pytest.raises(RunError, match="another process is at work"):
            list(erase(folders, ANNA))
    assert [files(folder) for folder in folders] == before
    done = list(erase([*folders, folders[0] / ".." / "one"], ANNA))
    assert [one.entries[0]["removed"]["contacts"] for one in done] == [1, 1], "a folder named twice is one"


def test_a_report_that_was_being_made_does_not_keep_who_was_erased(
    folders: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, read = folders[0], runs.read_table

    def read_and_erase(*given: object) -> object:
        rows = read(*given)  # type: ignore[arg-type]
        monkeypatch.undo()
        list(erase([run], ANNA))
        return rows

    monkeypatch.setattr(runs, "read_table", read_and_erase)
    with pytest.raises(RunError, match=r"contacts were removed from it, while it was read; .* Make the report again"):
        findings.write_report(run)
    assert not any(b"bicycle" in path.read_bytes() for path in run.rglob("*") if path.is_file())
    findings.write_report(run)
    assert (run / "report" / "index.html").exists()
    assert not any(b"bicycle" in path.read_bytes() for path in run.rglob("*") if path.is_file())
