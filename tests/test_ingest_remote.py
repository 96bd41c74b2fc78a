import io
import json
import sys
from pathlib import Path

import fsspec
import pytest

from cxsentiment.errors import UsageError
from cxsentiment.ingest import remote
from cxsentiment.ingest.intake import read_contacts
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.ingest.sources import find_sources
from cxsentiment.receipt import fingerprint
from cxsentiment.schema import Transcript


def contact(name: str) -> bytes:
    return json.dumps({"id": name, "turns": [{"speaker": "agent", "text": f"Hello {name}"}]}).encode()


def pipe(monkeypatch: pytest.MonkeyPatch, data: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))


def ids(*inputs: str) -> list[tuple[str, str]]:
    found = read_contacts(find_sources(inputs), ReadOptions())
    return [(one.id, one.source) for one in found if isinstance(one, Transcript)]


def test_standard_input_is_read_beside_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "b.json").write_bytes(contact("b"))
    pipe(monkeypatch, contact("a1") + b"\n" + contact("a2"))
    path = str(tmp_path / "b.json")
    assert ids("-", path) == [("a1", "stdin"), ("a2", "stdin"), ("b", path)]


def test_a_contact_without_an_id_from_standard_input_is_called_so(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe(monkeypatch, b"Agent: hello\nCustomer: hi")
    assert ids("-") == [("stdin", "stdin")]


def test_standard_input_has_a_limit_and_must_be_piped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "MAX_STDIN_BYTES", 10)
    pipe(monkeypatch, contact("a"))
    with pytest.raises(UsageError, match="as a file"):
        find_sources(["-"])
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(UsageError, match="nothing is piped in"):
        find_sources(["-"])


@pytest.fixture
def store() -> fsspec.AbstractFileSystem:
    system = fsspec.filesystem("memory")
    system.store.clear()
    for name in ("calls/a.json", "calls/deep/b.json", "other/c.json"):
        system.pipe(f"/{name}", contact(Path(name).stem))
    return system


def test_objects_of_a_store_by_name_folder_and_pattern(store: fsspec.AbstractFileSystem) -> None:
    assert ids("memory://calls/a.json") == [("a", "memory:///calls/a.json")]
    assert [name for name, _ in ids("memory://calls")] == ["a", "b"]
    assert [name for name, _ in ids("memory://*/*.json")] == ["a", "c"]


def test_an_object_knows_those_beside_it(store: fsspec.AbstractFileSystem) -> None:
    (found,) = find_sources(["memory://calls/a.json"])
    store.pipe("/calls/a.meta", b"{}")
    assert found.with_name("a.meta").is_file()
    assert not found.with_name("b.meta").is_file()
    assert fingerprint(found)["bytes"] == len(contact("a"))


@pytest.mark.parametrize(
    ("url", "said"),
    [("memory://nowhere", "no such object"), ("nosuchstore://x", "cannot be opened"), ("s3://b/k", "not installed")],
)
def test_a_store_that_cannot_be_read_says_why(store: fsspec.AbstractFileSystem, url: str, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        find_sources([url])


def test_without_fsspec_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec", None)
    with pytest.raises(UsageError, match=r"cxsentiment\[remote\]"):
        find_sources(["s3://bucket/calls"])


def test_an_input_that_cannot_be_read_has_no_hash(tmp_path: Path) -> None:
    assert fingerprint(tmp_path / "gone.json") == {"source": f"{tmp_path}/gone.json", "sha256": None, "bytes": 0}
