"""Mutations of JSON that know its structure: values swapped, doubled, moved and spoilt, while it stays JSON.

Mutated byte by byte, a document would almost never get past the parser; so the readers behind it would stay untried.
"""

import copy
import json
import random
from collections.abc import Callable
from typing import Any

# Values on which readers stumble: wrong kinds, edges of numbers and dates, text that is markup or no text.
SPOILT: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    0.5,
    1e308,
    -1e-9,
    float("nan"),
    float("inf"),
    10**30,
    1_700_000_000,
    1_700_000_000_000,
    "",
    " ",
    "-1",
    "0",
    "1e999",
    "nan",
    "None",
    "undefined",
    "Agent",
    "customer",
    "<p>a<br>b</p>",
    "&#0;&#x110000;&amp",
    "\ud800",
    "\x00\x1b[31m",
    "\u202eabc",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-14:00",
    "2024-05-01T10:00:00Z",
    "2024-02-30",
    "10:00:05",
    "PT1H2M3.4S",
    "P9999999999Y",
    "12345678901234567890s",
    "٣٤",
    "²",
    "a@b.example",
    "4111 1111 1111 1111",
    [],
    {},
    [[]],
    [None],
    [{}],
    {"": None},
)
_MAX_MUTATIONS = 4

Place = tuple[Any, Any]  # a list or an object, and the position or key in it


def mutated(data: bytes, max_size: int, seed: int, of_bytes: Callable[[bytes, int], bytes]) -> bytes:
    """`data` with one to four changes: of its structure where it is JSON, else (and at times) of its bytes."""
    dice = random.Random(seed)  # nosec B311  # repeatable by its seed; no secret
    if dice.random() < 0.1:
        return of_bytes(data, max_size)
    try:
        root = [json.loads(data)]
    except (ValueError, RecursionError):
        return of_bytes(data, max_size)
    for _ in range(dice.randint(1, _MAX_MUTATIONS)):
        _change(root, dice, of_bytes)
    result = json.dumps(root[0]).encode()
    return result if len(result) <= max_size else data[:max_size]


def _change(root: list[Any], dice: random.Random, of_bytes: Callable[[bytes, int], bytes]) -> None:
    places = _places(root)
    holder, key = dice.choice(places)
    other, at = dice.choice(places)
    how = dice.randrange(7)
    if how == 0:
        holder[key] = copy.deepcopy(dice.choice(SPOILT))
    elif how == 1:
        holder[key] = copy.deepcopy(other[at])
    elif how == 2 and holder is not root:
        del holder[key]
    elif how == 3:
        holder[key] = [holder[key]]
    elif how == 4 and isinstance(holder, list) and holder is not root:
        holder.insert(dice.randrange(len(holder) + 1), copy.deepcopy(holder[key]))
    elif how == 5 and isinstance(holder, dict):
        holder[dice.choice(_keys(root))] = holder.pop(key)
    else:
        holder[key] = _scalar(holder[key], dice, of_bytes)


def _scalar(value: Any, dice: random.Random, of_bytes: Callable[[bytes, int], bytes]) -> Any:
    """A value like the one given."""
    if isinstance(value, str):
        return of_bytes(value.encode("utf-8", "surrogatepass"), len(value) + 20).decode("utf-8", "replace")
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + dice.choice((-1, 1, -value, 10**9, -(10**9)))
    if isinstance(value, float):
        return value * dice.choice((-1.0, 1e3, 1e-3, 1e300))
    return copy.deepcopy(dice.choice(SPOILT))


def _places(root: list[Any]) -> list[Place]:
    found: list[Place] = []
    waiting: list[Any] = [root]
    while waiting:
        holder = waiting.pop()
        for key in list(holder) if isinstance(holder, dict) else range(len(holder)):
            found.append((holder, key))
            if isinstance(holder[key], dict | list):
                waiting.append(holder[key])
    return found


def _keys(root: list[Any]) -> list[str]:
    return [key for _, key in _places(root) if isinstance(key, str)] or [""]
