"""Files of figures that an evaluation left (JSON objects): read whole, or told what is wrong with them.

What was measured on a model names it by the sha256 of its `bundle.json`, which fixes the graph and what turns its
outputs into probabilities and labels: biases, temperatures, thresholds.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cxsentiment.errors import CxError, UsageError

OF_BUNDLE = "bundle_sha256"


def read_figures(path: Path, do: str, keys: Sequence[str] = (), kind: type[CxError] = UsageError) -> dict[str, Any]:
    """The JSON object in `path`; an error of `kind`, with `do`, where there is none or it lacks one of `keys`."""
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise kind(str(path), "there is no such file of figures", do=do) from error
    except OSError as error:
        raise kind(str(path), f"cannot be read: {error.strerror}", do=do) from error
    except (ValueError, RecursionError) as error:
        raise kind(str(path), f"not valid JSON in UTF-8: {error}", do=do) from error
    if not isinstance(found, dict):
        raise kind(str(path), f"holds no figures by name but {type(found).__name__}: {found!r:.40}", do=do)
    if missing := [key for key in keys if key not in found]:
        raise kind(str(path), f"lacks {', '.join(map(repr, missing))}: it is cut or of another program", do=do)
    return found


def read_figures_of(path: Path, bundle_sha256: str, do: str, keys: Sequence[str] = ()) -> dict[str, Any]:
    """The figures in `path`, whose `model` says what they are of. UsageError too where it is not this bundle."""
    found = read_figures(path, do, ("model", *keys))
    named = found["model"].get(OF_BUNDLE) if isinstance(found["model"], dict) else None
    if named is None:
        raise UsageError(str(path), f"does not say which model it is of (model, {OF_BUNDLE})", do=do)
    if named != bundle_sha256:
        raise UsageError(str(path), "these results are of another model", do=do)
    return found
