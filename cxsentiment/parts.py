"""Which files of a run folder are parts of its tables: part-00000.parquet and on. Copies that lie beside are none."""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

_PART = re.compile(r"part-([0-9]{5,})\.parquet")


def number_of(name: str) -> int | None:
    """The number in the name of a part; None where the name is that of no part."""
    found = _PART.fullmatch(name)
    return int(found[1]) if found else None


def lying(folder: Path) -> list[Path]:
    """The parts of a table that lie in its folder, in their order."""
    numbered = [(number_of(path.name), path) for path in folder.glob("part-*.parquet")]
    return [path for _, path in sorted((number, path) for number, path in numbered if number is not None)]


def recorded(files: Iterable[str], tables: Sequence[str]) -> list[int]:
    """The numbers of the parts of these tables among the files that a receipt names, each once, rising."""
    paths = [PurePosixPath(name) for name in files]
    numbers = {number_of(path.name) for path in paths if str(path.parent) in tables}
    return sorted(number for number in numbers if number is not None)


def strays(run: Path, tables: Iterable[str], files: Mapping[str, str]) -> list[str]:
    """What lies among the parts of these tables, and might be taken for one, but is not named by the receipt."""
    found = (f"{table}/{path.name}" for table in tables for path in sorted((run / table).glob("part-*.parquet")))
    return [name for name in found if name not in files]


def remove_strays(run: Path, tables: Iterable[str], files: Mapping[str, str]) -> list[str]:
    """Delete what `strays` finds; the names."""
    names = strays(run, tables, files)
    for name in names:
        (run / name).unlink()
    return names
