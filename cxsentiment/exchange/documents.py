"""JSON files of other systems, read with care: what is not of the shape that is expected is named."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cxsentiment.errors import RubricError

MAX_BYTES = 5_000_000


def read_json(path: Path) -> Any:
    """The file's content. Raises RubricError for a file that is missing, too large, no UTF-8 or no JSON."""
    raw = read_bytes(path)
    try:
        return json.loads(raw.decode("utf-8-sig"), parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        raise RubricError(str(path), "not UTF-8 text", do="Save the file as UTF-8") from error
    except json.JSONDecodeError as error:
        raise RubricError(f"{path}:{error.lineno}", f"not JSON: {error.msg}", allowed="a JSON document") from error
    except (RecursionError, ValueError) as error:
        raise RubricError(str(path), f"not JSON that can be read: {error}", allowed="a JSON document") from error


def read_bytes(path: Path) -> bytes:
    """The file's bytes. Raises RubricError for a file that cannot be read or is too large to be a scorecard."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise RubricError(str(path), f"{size:,} bytes is no scorecard", allowed=f"at most {MAX_BYTES:,} bytes")
        return path.read_bytes()
    except OSError as error:
        raise RubricError(str(path), f"cannot be read: {error.strerror}", do="Give the path of a file") from error


def objects(document: Mapping[str, Any], key: str, where: str) -> list[Mapping[str, Any]]:
    """The list of objects under a key. Raises RubricError where it is anything else."""
    found = document.get(key)
    if not isinstance(found, list) or not all(isinstance(one, Mapping) for one in found):
        raise RubricError(where, f"{key} is {_shown(found)}", allowed="a list of objects")
    return found


def text_of(document: Mapping[str, Any], key: str, where: str) -> str:
    """The text under a key without blanks around it; empty where there is none. Raises RubricError for no text."""
    found = document.get(key)
    if found is None:
        return ""
    if not isinstance(found, str):
        raise RubricError(where, f"{key} is {_shown(found)}", allowed="text")
    return found.strip()


def number_of(document: Mapping[str, Any], key: str, where: str) -> float | None:
    """The number (0 or more) under a key; None where there is none. Raises RubricError for anything else."""
    found = document.get(key)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not math.isfinite(found) or found < 0:
        raise RubricError(where, f"{key} is {_shown(found)}", allowed="a number, 0 or more")
    return float(found)


def _shown(value: object) -> str:
    text = "missing" if value is None else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= 60 else text[:60] + "…"


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON number")
