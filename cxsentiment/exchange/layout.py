"""A rubric as YAML text in the layout of the ready-made ones: blocks for parts, one line for conditions."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import yaml

from cxsentiment.exchange.losses import Loss, one_line

_WIDTH = 116
_ONE_OR_MORE = ("act", "phrase")
_ALWAYS_BLOCKS = ("sections", "items", "flows", "steps", "branches", "cues")


def rubric_text(content: Mapping[str, Any], head: Sequence[str] = (), losses: Sequence[Loss] = ()) -> str:
    """The rubric's YAML, with `head` and the losses as comments above it."""
    lines = [f"# {one_line(line)}" for line in head]
    if losses:
        lines += ["#", f"# Not carried over ({len(losses)}):"]
        lines += [f"# - {loss}" for loss in losses]
    for key, value in content.items():
        if key in _ALWAYS_BLOCKS:
            lines.append("")
        lines += _entry(key, value, 0)
    return "\n".join(lines) + "\n"


def _entry(key: str, value: Any, depth: int) -> Iterator[str]:
    pad = "  " * depth
    name = _scalar(key)
    if not isinstance(value, (dict, list, tuple)):
        yield f"{pad}{name}: {_alone(value)}"
        return
    line = f"{pad}{name}: {_inline(value, key)}"
    if key not in _ALWAYS_BLOCKS and len(line) <= _WIDTH:
        yield line
    elif isinstance(value, Mapping):
        yield f"{pad}{name}:"
        for inner, one in value.items():
            yield from _entry(inner, one, depth + 1)
    elif not value:
        yield line
    else:
        yield f"{pad}{name}:"
        for number, one in enumerate(value):
            if key in ("sections", "flows") and number:
                yield ""
            yield from _element(one, depth + 1)


def _element(value: Any, depth: int) -> Iterator[str]:
    pad = "  " * depth
    if isinstance(value, Mapping) and value:
        lines = [line for key, one in value.items() for line in _entry(key, one, depth + 1)]
        yield f"{pad}- {lines[0].lstrip()}"
        yield from lines[1:]
    else:
        yield f"{pad}- {_inline(value)}"


def _inline(value: Any, under: str = "") -> str:
    if isinstance(value, Mapping):
        pairs = [f"{_scalar(key)}: {_inline(one, key)}" for key, one in value.items()]
        return "{ " + ", ".join(pairs) + " }" if value else "{}"
    if under in _ONE_OR_MORE and len(value) == 1:
        return _inline(value[0])
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_inline(one) for one in value) + "]"
    return _scalar(value)


def _alone(value: Any) -> str:
    """A scalar that has its line to itself: brackets and commas need no quotes there."""
    if isinstance(value, str) and value.isprintable() and value:
        return yaml.safe_dump(value, width=1 << 20, allow_unicode=True).removesuffix("\n").removesuffix("\n...")
    return _scalar(value)


def _scalar(value: Any) -> str:
    """A scalar that means the same inside brackets and outside; whole floats without `.0`."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    style = '"' if isinstance(value, str) and not value.isprintable() else None
    text = yaml.safe_dump(
        [value], default_flow_style=True, default_style=style, width=1 << 20, allow_unicode=style is None
    )
    return text.strip()[1:-1]
