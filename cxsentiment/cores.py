"""How many processor cores this process may use, and how many processes its memory has room for: what affinity and the
limits of a container allow, whichever is least.
"""

import math
import os
from collections.abc import Iterator
from pathlib import Path

_MEMBERSHIP = Path("/proc/self/cgroup")
_MOUNT = Path("/sys/fs/cgroup")
_READER_BYTES = 300 * 2**20  # what the process that reads takes, with room to spare (docs/running.md has peaks)
_MOST = 2**60  # bytes; version 1 of control groups writes no limit as a number near 2**63


def cores(membership: Path = _MEMBERSHIP, mount: Path = _MOUNT) -> int:
    """At least 1. `membership` and `mount` are where Linux tells the control groups of this process.

    A container that may use two and a half cores' time (`docker run --cpus 2.5`, a limit of Kubernetes) sees all cores
    of its host; started by their number, processes would only stand in each other's way. Half a core counts as one.
    """
    # Not every system can tell its affinity, and there all of the machine's cores are meant.
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quotas = (_quota(group) for group in _groups("cpu", membership, mount))
    return max(1, min([allowed, *(math.ceil(quota) for quota in quotas if quota is not None)]))


def scorers(each: int, membership: Path = _MEMBERSHIP, mount: Path = _MOUNT) -> int:
    """How many processes that take `each` bytes may score at once: one a core, as far as the container's memory goes.

    A container is ended by its system when it takes more memory than it was given, and it may have a limit of memory
    and none of cores, on a host with very many.
    """
    limits = (_memory(group) for group in _groups("memory", membership, mount))
    room = [(limit - _READER_BYTES) // each for limit in limits if limit is not None]
    return max(1, min([cores(membership, mount), *room]))


def _groups(controller: str, membership: Path, mount: Path) -> Iterator[Path]:
    """The control groups around this process that may limit something; not all of them need be there."""
    for line in _text(membership).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        # Inside a container the path may be the host's, and its own group is the root of what is mounted.
        for root in (mount, mount / controllers):
            folder = root / path.lstrip("/")
            yield from (group for group in (folder, *folder.parents) if group.is_relative_to(root))


def _quota(group: Path) -> float | None:
    """Quota over period, of version 2 (`cpu.max`) or 1 of control groups; None where there is none."""
    quota, _, period = _text(group / "cpu.max").partition(" ")
    if not quota:
        quota, period = _text(group / "cpu.cfs_quota_us"), _text(group / "cpu.cfs_period_us")
    try:
        share = float(quota) / float(period)
    except (ValueError, ZeroDivisionError):  # "max", or no such file: no limit
        return None
    return share if share > 0 else None


def _memory(group: Path) -> int | None:
    """The most bytes that the group may take, by version 2 (`memory.max`) or 1 of control groups; None for no limit."""
    limit = _text(group / "memory.max") or _text(group / "memory.limit_in_bytes")
    return int(limit) if limit.isdecimal() and int(limit) < _MOST else None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape").strip()  # a group may have any name
    except OSError:
        return ""
