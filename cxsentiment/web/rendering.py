"""Values to HTML pages. Every text is escaped; templates decide nothing but how things look."""

import math
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from cxsentiment.amounts import share
from cxsentiment.pages.moments import skill_words
from cxsentiment.schema import Estimate
from cxsentiment.text import clean
from cxsentiment.web.access import Person

_NONE = "–"
SAID: Mapping[str, str] = {
    "graded": "Your verdicts are saved.",
    "assigned": "The contacts are assigned.",
    "contested": "The verdict is contested. A reviewer will decide; both sides stay on record.",
    "withdrawn": "The dispute is withdrawn.",
    "decided": "Your decision is saved, and the score is recomputed.",
    "labelled": "Your labels of the turns are saved.",
    "user": "The user is changed.",
    "added": "The user is added, and may sign in.",
    "out": "You are signed out.",
}
"""What a page says after an action, by the code in its address: no text of an address reaches a page."""
_PATHS = {
    "recovered": "turned for the better",
    "soured": "turned for the worse",
    "negative": "stayed negative",
    "positive": "stayed positive",
}
_VERDICTS = {
    "met": "met",
    "not_met": "not met",
    "not_applicable": "does not apply",
    "unscored": "left open",
    "points": "partly met",
}


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("cxsentiment.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {
        "clean": lambda value: clean(str(value)),
        "number": lambda value: _NONE if value is None else f"{value:,}",
        "points": points,
        "percent": share,
        "range": interval,
        "day": lambda value: (value or _NONE)[:10],
        "moment": lambda value: (value or _NONE)[:16].replace("T", " "),
        "clock": clock,
        "words": lambda value: str(value).replace("_", " "),
        "verdict": lambda value: _VERDICTS.get(value, value),
        "skill": skill_words,
        "path": lambda value: _PATHS[value],
        "q": lambda value: quote(str(value), safe=""),
    }
    made.globals |= {"paths": _PATHS, "verdicts": _VERDICTS, "pairs": lambda names: [(name, name) for name in names]}
    made.globals["turn_shown"] = lambda seen, turn: any(one.turn == turn for one in seen.turns)
    return made


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> Response:
    """An answer with a page. `person`, the runs and the note of the last action are added."""
    person: Person | None = getattr(request.state, "person", None)
    names = request.app.state.desk.shelf.names
    asked = request.path_params.get("run")
    shared = {
        "person": person,
        "csrf": person.csrf if person else "",
        "runs": names,
        "said": SAID.get(request.query_params.get("said", "")),
        "run": values.pop("run", asked if person and asked in names else None),
        "here": values.pop("here", ""),
    }
    return HTMLResponse(_environment().get_template(template).render({**shared, **values}), status_code=status)


@cache
def static_files() -> Mapping[str, tuple[str, bytes]]:
    """The style, the script and the icon: their kinds and contents by name. There is nothing else to be had."""
    kinds = {"desk.css": "text/css", "desk.js": "text/javascript", "icon.svg": "image/svg+xml"}
    folder = files("cxsentiment.web") / "static"
    return {name: (kind, (folder / name).read_bytes()) for name, kind in kinds.items()}


def points(value: float | None) -> str:
    """A score of 0-100 with one decimal."""
    return _NONE if value is None or math.isnan(value) else f"{value:.1f}"


def interval(estimate: Estimate, scale: float = 1.0) -> str:
    """The 95 % interval, or why there is none."""
    if estimate.low is None or estimate.high is None:
        return estimate.reason or _NONE
    return f"{estimate.low * scale:.0f} to {estimate.high * scale:.0f}"


def clock(seconds: float | None) -> str:
    """Seconds as minutes and seconds."""
    if seconds is None or math.isnan(seconds):
        return ""
    whole = int(seconds)
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02d}:{rest % 60:02d}" if hours else f"{rest // 60}:{rest % 60:02d}"
