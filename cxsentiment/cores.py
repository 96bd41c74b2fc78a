"""How many processor cores this process may use: its affinity and the quota of its container, whichever is less."""

import math
import os
from pathlib import Path

_MEMBERSHIP = Path("/proc/self/cgroup")
_MOUNT = Path("/sys/fs/cgroup")


def cores(membership: Path = _MEMBERSHIP, mount: Path = _MOUNT) -> int:
    """At least 1. `membership` and `mount` are where Linux tells the control groups of this process.

    A container that may use two and a half cores' time (`docker run --cpus 2.5`, a limit of Kubernetes) sees all cores
    of its host; started by their number, processes would only stand in each other's way. Half a core counts as one.
    """
    # Not every system can tell its affinity, and there all of the machine's cores are meant.
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([allowed, *(math.ceil(quota) for quota in _quotas(membership, mount))]))


def _quotas(membership: Path, mount: Path) -> list[float]:
    """Cores' time that each control group around this process allows; groups without a limit say nothing."""
    found = []
    for line in _text(membership).splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        # Inside a container the path may be the host's, and its own group is the root of what is mounted.
        for root in (mount, mount / controllers):
            folder = root / path.lstrip("/")
            groups = [group for group in (folder, *folder.parents) if group.is_relative_to(root)]
            found += [quota for group in groups if (quota := _quota(group)) is not None]
    return found


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


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape").strip()  # a group may have any name
    except OSError:
        return ""
