"""The machine that figures are measured on, and what processes take of its memory."""

import os
import platform
from pathlib import Path
from typing import Any

from cxsentiment.cores import cores


def described() -> dict[str, Any]:
    """What a figure needs beside it to be understood: cores, processor, its instructions for bf16 and int8, Python."""
    flags = _of_processor("flags").split()
    return {
        "cores": cores(),
        "processor": _of_processor("model name") or platform.processor() or platform.machine(),
        "instructions": [
            name for name in ("avx2", "avx512f", "avx512_bf16", "avx512_vnni", "amx_bf16") if name in flags
        ],
        "python": platform.python_version(),
    }


def tree(pid: int) -> list[int]:
    """A process and all its descendants."""
    pids = [pid]
    for parent in pids:
        for children in Path("/proc").glob(f"{parent}/task/*/children"):
            try:
                pids.extend(int(child) for child in children.read_text().split())
            except OSError:  # it ended meanwhile
                continue
    return pids


def resident(pid: int) -> int:
    """Proportional set size in bytes: memory that processes share is counted once."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:  # it ended meanwhile
        pass
    return 0


def keep_to_one_core() -> None:
    """Bind this process to one of its cores, where the system lets it: a rate per core needs that."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def _of_processor(key: str) -> str:
    path = Path("/proc/cpuinfo")
    for line in path.read_text().splitlines() if path.exists() else []:
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return ""
