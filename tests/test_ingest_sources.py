import errno
import gzip
import os
from pathlib import Path

import pyarrow as pa
import pytest

from cxsentiment.errors import InputError, UsageError
from cxsentiment.ingest.intake import read_contacts
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.ingest.sources import content_name, find_sources, open_bytes


def _touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")


def _names(root: Path, found: list[Path]) -> list[str]:
    return [path.relative_to(root).as_posix() for path in found]


def test_a_folder_gives_all_its_files_sorted_without_system_junk(tmp_path: Path) -> None:
    _touch(tmp_path, "b.jsonl", "a/z.csv", "a/odd.xyz", ".DS_Store", "__MACOSX/a.json", "Thumbs.db", ".git/config")
    assert _names(tmp_path, find_sources([str(tmp_path)])) == ["a/odd.xyz", "a/z.csv", "b.jsonl"]


def test_folders_of_an_earlier_run_are_not_read(tmp_path: Path) -> None:
    _touch(tmp_path, "a.jsonl", "out/run.json", "out/contacts/part-00000.parquet", "out/turns/part-00000.parquet")
    _touch(tmp_path, "calls/run.json", "calls/contacts/b.jsonl")
    assert _names(tmp_path, find_sources([str(tmp_path)])) == ["a.jsonl", "calls/contacts/b.jsonl", "calls/run.json"]
    assert _names(tmp_path, find_sources([f"{tmp_path}/*"])) == ["a.jsonl", "calls/contacts/b.jsonl", "calls/run.json"]
    with pytest.raises(UsageError, match="earlier run"):
        find_sources([str(tmp_path / "out")])


def test_globs_files_and_folders_mix_and_a_file_named_twice_comes_once(tmp_path: Path) -> None:
    _touch(tmp_path, "b.jsonl", "a/z.csv", "a/y.csv", "[1].txt")
    inputs = [f"{tmp_path}/[1].txt", f"{tmp_path}/a/*.csv", str(tmp_path / "a/z.csv"), str(tmp_path)]
    assert _names(tmp_path, find_sources(inputs)) == ["[1].txt", "a/y.csv", "a/z.csv", "b.jsonl"]


def test_a_link_given_by_name_is_followed_and_one_in_a_folder_is_kept_as_a_link(tmp_path: Path) -> None:
    _touch(tmp_path, "real.txt", "folder/other.txt")
    (tmp_path / "folder/link.txt").symlink_to(tmp_path / "real.txt")
    assert find_sources([str(tmp_path / "folder/link.txt")]) == [tmp_path / "real.txt"]
    assert find_sources([str(tmp_path / "folder")])[0].is_symlink()


def test_a_folder_that_may_not_be_read_is_refused_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _touch(tmp_path, "calls/a.txt", "calls/shut/b.txt", "calls/z.txt")
    shut, listdir, scandir = tmp_path / "calls" / "shut", os.listdir, os.scandir

    def guarded(look):  # no permission stops root, who may run the tests
        def look_or_refuse(path):
            if Path(path) == shut:
                raise PermissionError(errno.EACCES, "Permission denied", str(path))
            return look(path)

        return look_or_refuse

    monkeypatch.setattr(os, "listdir", guarded(listdir))
    monkeypatch.setattr(os, "scandir", guarded(scandir))
    sources = find_sources([str(tmp_path / "calls")])
    assert _names(tmp_path, sources) == ["calls/a.txt", "calls/shut", "calls/z.txt"]
    (refused,) = read_contacts([sources[1]], ReadOptions())
    assert (refused.code, refused.source) == ("unreadable", shut.as_posix())
    assert "is a folder that cannot be read (Permission denied). Check its permissions" in refused.message


@pytest.mark.parametrize("inputs", [[], ["absent.jsonl"], ["*.absent"], ["empty"]])
def test_nothing_found_is_a_usage_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inputs: list[str]) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError):
        find_sources(inputs)


def _zstd(data: bytes) -> bytes:
    return bytes(pa.compress(data, codec="zstd", asbytes=True))


@pytest.mark.parametrize("pack", [bytes, gzip.compress, _zstd], ids=["plain", "gzip", "zstd"])
def test_bytes_come_decompressed_whatever_the_name_and_progress_counts_stored_bytes(tmp_path: Path, pack) -> None:
    data = b"".join(b"%d: some words\n" % n for n in range(200_000))
    path = tmp_path / "file.bin"
    path.write_bytes(pack(data))
    counts: list[int] = []
    with open_bytes(path, counts.append) as file:
        assert file.read() == data
    assert sum(counts) == path.stat().st_size


@pytest.mark.parametrize("pack", [gzip.compress, _zstd], ids=["gzip", "zstd"])
def test_a_cut_archive_is_damaged(tmp_path: Path, pack) -> None:
    path = tmp_path / "cut.gz"
    path.write_bytes(pack(b"some words " * 5000)[:-12])
    with pytest.raises(InputError) as caught, open_bytes(path) as file:
        file.read()
    assert caught.value.code == "damaged"
    assert str(path) in caught.value.message


def test_a_corrupt_archive_is_damaged(tmp_path: Path) -> None:
    path = tmp_path / "corrupt.gz"
    data = bytearray(gzip.compress(bytes(range(256)) * 50))
    data[40] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(InputError) as caught, open_bytes(path) as file:
        file.read()
    assert caught.value.code == "damaged"


def test_a_file_that_is_gone_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        open_bytes(tmp_path / "gone")
    assert caught.value.code == "unreadable"


def test_the_name_of_the_content(tmp_path: Path) -> None:
    assert [content_name(Path(name)) for name in ("a/b.jsonl.gz", "b.csv.ZST", "c.txt")] == [
        "b.jsonl",
        "b.csv",
        "c.txt",
    ]
