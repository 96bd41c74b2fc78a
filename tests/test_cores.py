"""Processes are started by the cores and the memory that there are for them, not by those of the host."""

import os
from pathlib import Path

import pytest

from cxsentiment.cores import cores, scorers
from cxsentiment.devices import memory_of


@pytest.fixture(autouse=True)
def _eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(8)), raising=False)


def _group(folder: Path, **files: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name.replace("_", ".", 1)).write_text(text + "\n")


def _membership(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "cgroup"
    path.write_text(text + "\n")
    return path


def test_without_a_limit_all_cores_of_the_affinity_count(tmp_path: Path) -> None:
    _group(tmp_path / "fs" / "job", cpu_max="max 100000")
    assert cores(_membership(tmp_path, "0::/job"), tmp_path / "fs") == 8
    assert cores(tmp_path / "nothing", tmp_path / "nowhere") == 8


@pytest.mark.parametrize(("limit", "expected"), [("200000", 2), ("250000", 3), ("50000", 1), ("9900000", 8)])
def test_a_container_s_quota_counts_rounded_up(tmp_path: Path, limit: str, expected: int) -> None:
    _group(tmp_path / "fs", cpu_max=f"{limit} 100000")
    assert cores(_membership(tmp_path, "0::/"), tmp_path / "fs") == expected


def test_the_tightest_group_around_it_counts(tmp_path: Path) -> None:
    _group(tmp_path / "fs" / "pod", cpu_max="200000 100000")
    _group(tmp_path / "fs" / "pod" / "box", cpu_max="400000 100000")
    assert cores(_membership(tmp_path, "0::/pod/box"), tmp_path / "fs") == 2


def test_control_groups_of_version_1(tmp_path: Path) -> None:
    _group(tmp_path / "fs" / "cpu" / "box", cpu_cfs_quota_us="300000", cpu_cfs_period_us="100000")
    assert cores(_membership(tmp_path, "5:memory:/box\n2:cpu:/box"), tmp_path / "fs") == 3
    _group(tmp_path / "fs" / "cpu" / "box", cpu_cfs_quota_us="-1", cpu_cfs_period_us="100000")
    assert cores(_membership(tmp_path, "5:memory:/box\n2:cpu:/box"), tmp_path / "fs") == 8


@pytest.mark.parametrize("name", ["büro".encode(), b"b\xfcro"])
def test_a_group_may_have_any_name(tmp_path: Path, name: bytes) -> None:
    _group(tmp_path / "fs" / os.fsdecode(name), cpu_max="200000 100000")
    (tmp_path / "cgroup").write_bytes(b"0::/" + name + b"\n")
    assert cores(tmp_path / "cgroup", tmp_path / "fs") == 2


def test_a_path_of_the_host_that_is_not_mounted_here_falls_back_to_the_root(tmp_path: Path) -> None:
    _group(tmp_path / "fs", cpu_max="100000 100000")
    assert cores(_membership(tmp_path, "0::/kubepods/pod7/box"), tmp_path / "fs") == 1


EACH = 400 * 2**20


@pytest.mark.parametrize(("megabytes", "expected"), [(128, 1), (700, 1), (1536, 3), (2048, 4), (65536, 8)])
def test_a_container_s_memory_bounds_what_is_started_where_its_cores_are_many(
    tmp_path: Path, megabytes: int, expected: int
) -> None:
    _group(tmp_path / "fs" / "pod", memory_max=str(megabytes * 2**20))
    _group(tmp_path / "fs" / "pod" / "box", memory_max="max", cpu_max="max 100000")
    assert scorers(EACH, _membership(tmp_path, "0::/pod/box"), tmp_path / "fs") == expected
    assert cores(tmp_path / "cgroup", tmp_path / "fs") == 8


def test_memory_of_version_1_and_none(tmp_path: Path) -> None:
    _group(tmp_path / "fs" / "memory" / "box", memory_limit_in_bytes=str(1536 * 2**20))
    assert scorers(EACH, _membership(tmp_path, "5:memory:/box\n2:cpu:/box"), tmp_path / "fs") == 3
    _group(tmp_path / "fs" / "memory" / "box", memory_limit_in_bytes="9223372036854771712")
    assert scorers(EACH, _membership(tmp_path, "5:memory:/box\n2:cpu:/box"), tmp_path / "fs") == 8
    assert scorers(EACH, tmp_path / "nothing", tmp_path / "nowhere") == 8


def test_fewer_cores_than_memory_has_room_for_are_enough(tmp_path: Path) -> None:
    _group(tmp_path / "fs" / "box", memory_max=str(2**40), cpu_max="200000 100000")
    assert scorers(memory_of("cpu"), _membership(tmp_path, "0::/box"), tmp_path / "fs") == 2
    assert memory_of("openvino") > memory_of("cpu")
