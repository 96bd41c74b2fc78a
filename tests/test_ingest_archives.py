import bz2
import gzip
import io
import json
import struct
import tarfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pytest
from reading import read

from cxsentiment.ingest.archives import MAX_TAR_MEMBER_BYTES, Member, members


def contact(name: str) -> bytes:
    return json.dumps({"id": name, "turns": [{"speaker": "agent", "text": f"Hello {name}"}]}).encode()


def write_zip(path: Path, files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as packed:
        for name, data in files.items():
            packed.writestr(name, data)
    return path


def write_tar(path: Path, files: dict[str, bytes], mode: str = "w") -> Path:
    with tarfile.open(path, mode) as packed:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            packed.addfile(info, io.BytesIO(data))
    return path


FILES = {
    "a.json": contact("a"),
    "calls/b.txt": b"Agent: hello\nCustomer: hi",
    "calls/c.jsonl": contact("c1") + b"\n" + contact("c2"),
    "t.csv": b"id,speaker,text\nd,agent,hi\n",
    "packed.json.gz": gzip.compress(contact("e")),
    "__MACOSX/._a.json": b"\x00",
    ".DS_Store": b"\x00",
    "calls/Thumbs.db": b"\x00",
}


@pytest.mark.parametrize("kind", ["zip", "stored.zip", "tar", "tar.gz", "tar.bz2", "tar.zst", "nameless"])
def test_members_are_read_like_files(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"calls.{kind}"
    if "zip" in kind or kind == "nameless":
        write_zip(path, FILES, zipfile.ZIP_STORED if "stored" in kind else zipfile.ZIP_DEFLATED)
    elif kind == "tar.zst":
        plain = write_tar(tmp_path / "plain", FILES).read_bytes()
        path.write_bytes(pa.compress(plain, codec="zstd", asbytes=True))
    else:
        write_tar(path, FILES, {"tar": "w", "tar.gz": "w:gz", "tar.bz2": "w:bz2"}[kind])
    found, rejects = read(path)
    assert rejects == []
    assert [(c.id, c.source) for c in found] == [
        ("a", f"{path.as_posix()}/a.json"),
        ("b", f"{path.as_posix()}/calls/b.txt"),
        ("c1", f"{path.as_posix()}/calls/c.jsonl"),
        ("c2", f"{path.as_posix()}/calls/c.jsonl"),
        ("d", f"{path.as_posix()}/t.csv"),
        ("e", f"{path.as_posix()}/packed.json.gz"),
    ]


def test_bzip2_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "a.json.bz2"
    path.write_bytes(bz2.compress(contact("a")))
    (found,), rejects = read(path)
    assert (found.id, found.warnings, rejects) == ("a", (), [])


def test_parquet_in_a_zip(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(pa.table({"id": ["p"], "speaker": ["agent"], "text": ["hi"]}), sink)
    (found,), rejects = read(write_zip(tmp_path / "a.zip", {"t.parquet": sink.getvalue().to_pybytes()}))
    assert (found.id, rejects) == ("p", [])


def _linked_tar(path: Path) -> Path:
    with tarfile.open(path, "w") as packed:
        for kind, name in ((tarfile.SYMTYPE, "link"), (tarfile.LNKTYPE, "hard"), (tarfile.FIFOTYPE, "pipe")):
            info = tarfile.TarInfo(f"{name}.json")
            info.type, info.linkname = kind, "/etc/passwd"
            packed.addfile(info)
        info = tarfile.TarInfo("ok.json")
        info.size = len(contact("ok"))
        packed.addfile(info, io.BytesIO(contact("ok")))
    return path


def test_links_and_devices_are_not_followed(tmp_path: Path) -> None:
    (found,), rejects = read(_linked_tar(tmp_path / "a.tar"))
    assert (found.id, [r.code for r in rejects]) == ("ok", ["link"] * 3)
    link = zipfile.ZipInfo("link.json")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr(link, "/etc/passwd")
        packed.writestr("ok.json", contact("ok"))
    (found,), (refused,) = read(tmp_path / "a.zip")
    assert (found.id, refused.code) == ("ok", "link")
    assert "a.zip/link.json" in refused.message


@pytest.mark.parametrize("name", ["../../up.json", "/abs.json", "C:\\evil.json", "ok/../../evil.json", "a\\b.json"])
@pytest.mark.parametrize("write", [write_zip, write_tar], ids=["zip", "tar"])
def test_names_that_point_outside_are_refused_and_the_others_read(tmp_path: Path, name: str, write) -> None:
    path = write(tmp_path / "a", {name: contact("bad"), "ok.json": contact("ok")})
    found, rejects = read(path)
    assert ([c.id for c in found], [r.code for r in rejects]) == (["ok"], ["unsafe_name"])
    assert sorted(tmp_path.iterdir()) == [path]


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"zeros.jsonl": b"0" * (65 * 2**20), "ok.json": contact("ok")})
    (found,), (refused,) = read(path)
    assert (found.id, refused.code) == ("ok", "bomb")


def test_a_compressed_bomb_stops_while_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(contact("a") + b"\n" + (b" " * 1023 + b"\n") * (80 * 2**10)))
    (found,), (refused,) = read(path)
    assert (found.id, refused.code) == ("a", "bomb")


def test_text_that_packs_well_is_no_bomb(tmp_path: Path) -> None:
    line = contact("x") + b" " * 200 + b"\n"
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(line + b"\n" * 2**20))
    (found,), rejects = read(path)
    assert (found.id, rejects) == ("x", [])


def test_archives_in_archives_are_refused_and_the_others_read(tmp_path: Path) -> None:
    inner = write_zip(tmp_path / "inner.zip", {"deep.json": contact("deep")}).read_bytes()
    (found,), (refused,) = read(write_zip(tmp_path / "a.zip", {"inner.zip": inner, "ok.json": contact("ok")}))
    assert (found.id, refused.code) == ("ok", "nested_archive")


def test_two_members_of_one_name_are_both_read_and_told(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("a.json", contact("one"))
        with pytest.warns(UserWarning, match="Duplicate name"):
            packed.writestr("a.json", contact("two"))
    found, rejects = read(tmp_path / "a.zip")
    assert ([c.id for c in found], rejects) == (["one", "two"], [])
    assert all("have this name" in c.warnings[0] for c in found)


def test_encrypted_and_damaged_members_are_refused_and_the_others_read(tmp_path: Path) -> None:
    path = write_zip(tmp_path / "a.zip", {"x.json": contact("x") * 50, "ok.json": contact("ok")}, zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    place = data.index(b"Hello x")
    data[place] ^= 0xFF
    path.write_bytes(data)
    (found,), (refused,) = read(path)
    assert (found.id, refused.code) == ("ok", "damaged")
    central = data.index(b"PK\x01\x02")
    flags = struct.unpack_from("<H", data, central + 8)[0]
    struct.pack_into("<H", data, central + 8, flags | 1)
    path.write_bytes(data)
    (found,), (refused,) = read(path)
    assert (found.id, refused.code) == ("ok", "encrypted")


@pytest.mark.parametrize("write", [write_zip, write_tar], ids=["zip", "tar"])
def test_an_archive_cut_anywhere_gives_contacts_or_rejects(tmp_path: Path, write) -> None:
    data = write(tmp_path / "a", {"a.json": contact("a"), "b.json": contact("b")}).read_bytes()
    for end in range(0, len(data), 97):
        path = tmp_path / "cut.zip"
        path.write_bytes(data[:end])
        found, rejects = read(path)
        assert found or rejects


def test_a_directory_that_lies_before_the_start_of_the_file_is_damage(tmp_path: Path) -> None:
    changed = bytearray(write_zip(tmp_path / "a.zip", {"a.json": contact("a")}).read_bytes())
    end = changed.index(b"PK\x05\x06")
    struct.pack_into("<L", changed, end + 12, end + 9)  # its size, by which zipfile finds its start
    (tmp_path / "a.zip").write_bytes(changed)
    found, (refused,) = read(tmp_path / "a.zip")
    assert (found, refused.code) == ([], "damaged")


def test_names_that_are_no_text_can_be_told_of(tmp_path: Path) -> None:
    path = write_tar(tmp_path / "a.tar", {"../caf_.json": contact("a"), "b.json": contact("b")})
    path.write_bytes(path.read_bytes().replace(b"caf_", b"caf\xe9"))
    raw = bytearray(path.read_bytes())
    raw[148:156] = b"%06o\0 " % (sum(raw[:148]) + sum(raw[156:512]) + 8 * 32)
    path.write_bytes(raw)
    (found,), (refused,) = read(path)
    assert (found.id, refused.code) == ("b", "unsafe_name")
    assert refused.message.encode()


def test_names_cannot_recolour_a_terminal(tmp_path: Path) -> None:
    found, rejects = read(write_zip(tmp_path / "a.zip", {"../\x1b[31mred": b"{}", "\u202eb.json": contact("b")}))
    assert [found[0].source.rpartition("/")[2], *(r.message.partition(": ")[0][-8:] for r in rejects)] == [
        "?b.json",
        "?[31mred",
    ]


def test_a_member_without_a_name_is_refused_and_the_others_read(tmp_path: Path) -> None:
    data = write_zip(tmp_path / "a.zip", {"a": contact("bad"), "ok.json": contact("ok")}).read_bytes()
    place = data.index(b"PK\x01\x02")
    changed = bytearray(data)
    struct.pack_into("<HHH", changed, place + 28, 0, 1, 0)  # the name becomes an extra field
    (tmp_path / "a.zip").write_bytes(changed)
    (found,), (refused,) = read(tmp_path / "a.zip")
    assert (found.id, refused.code) == ("ok", "unsafe_name")


def test_an_empty_archive_is_refused(tmp_path: Path) -> None:
    found, (refused,) = read(write_zip(tmp_path / "a.zip", {}))
    assert (found, refused.code) == ([], "empty")


@pytest.mark.parametrize("write", [write_zip, write_tar], ids=["zip", "tar"])
def test_a_member_knows_the_files_beside_it(tmp_path: Path, write) -> None:
    path = write(tmp_path / "a", {"x/a.json": b"1", "x/b.json": b"2", "b.json": b"3"})
    first = next(iter(members(path)))
    assert isinstance(first, Member)
    with first.with_name("b.json").open("rb") as file:
        assert file.read() == b"2"
    assert not first.with_name("c.json").is_file()


def test_a_tar_member_too_large_to_hold_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cxsentiment.ingest.archives.MAX_TAR_MEMBER_BYTES", 10)
    found, (refused,) = read(write_tar(tmp_path / "a.tar", {"a.json": contact("a")}))
    assert (found, refused.code) == ([], "too_large")
    assert MAX_TAR_MEMBER_BYTES > 10
