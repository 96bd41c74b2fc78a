"""STAR's task charts → flows.

STAR: Mosig et al. 2020, "STAR: A Schema-Guided Dialog Dataset" (github.com/RasaHQ/STAR). A chart names the replies that
a wizard may pick and draws, for some, the one that comes next. What it cannot tell:

- jumps: a wizard who was already told the date need not ask for it, but no edge goes round the question. So the order
  is free, with only the drawn edges as `after`: what is drawn is wanted, what is not drawn is not forbidden.
- where a fork begins: an outcome ("available", "yes", "query_success") has an edge out of it, none into it. So what
  follows an outcome is tied to nothing before it, and where several outcomes end the task they are branches.
- when a reply that no edge touches may come (goodbye, out of scope, nothing found). It is no step; the losses list it.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from cxsentiment.errors import RubricError
from cxsentiment.exchange.documents import text_of
from cxsentiment.exchange.flowcharts import Drawn
from cxsentiment.exchange.ids import Ids
from cxsentiment.exchange.losses import Loss
from cxsentiment.rubric.conditions import nearest

# Nodes that nobody says: what the customer answered, what a look-up found.
_OUTCOME = re.compile(
    r"quer(y|y_\w+)|info_missing\d*|yes|no|done|available|unavailable|correct|incorrect|noanswer|unsure|other"
)
_SLOT = re.compile(r"\{[^{}]*\}")
# Wizards picked replies or typed near copies of them: one word in four may differ.
_TOLERANCE = 0.25
_FEWEST_WORDS = 3
_MORE_HELP = "anything_else"  # asks, but ends the task all the same


def is_chart(document: object) -> bool:
    """Whether it is the chart of a task."""
    return isinstance(document, Mapping) and {"replies", "graph"} <= set(document)


def read_chart(document: Mapping[str, Any], where: str, name: str) -> Drawn:
    """The flow of a chart: the way from its start, what follows outcomes, and branches where several end the task."""
    task = text_of(document, "task", where) or name
    replies, graph = _checked(document, where)
    losses = [
        Loss(task, f"the reply {reply}", "no edge touches it: the chart does not tell when it may come")
        for reply in replies
        if reply not in graph and reply not in graph.values() and not _OUTCOME.fullmatch(reply)
    ]
    start = next((one for one in ("hello", *graph) if one in graph and one not in graph.values()), None)
    if start is None:
        raise RubricError(where, "has no start: every reply follows another", allowed="a reply that follows none")
    trunk = _chain(start, graph)
    made = _Made(task, replies, losses)
    steps = [made.step(reply, before, required=True) for reply, before in _drawn_before(trunk)]
    told = set(trunk)
    endings: list[tuple[str, list[str]]] = []
    starts = [one for one in graph if one not in graph.values() and one != start]
    for outcome in starts:
        way = [reply for reply in _chain(outcome, graph) if reply not in set(trunk)]
        said = [reply for reply in way if not _OUTCOME.fullmatch(reply)]
        if said and _ends_the_task(said[-1], replies, graph):
            endings.append((outcome, way))
            continue
        for reply, before in _drawn_before(way):
            if reply not in told:
                steps.append(made.step(reply, before, required=False))
                told.add(reply)
    steps += [] if len(endings) > 1 else [
        made.step(reply, before, required=False)
        for _, way in endings
        for reply, before in _drawn_before(way)
        if reply not in told
    ]  # fmt: skip
    flow: dict[str, Any] = {"order": "free", "steps": steps}
    if len(endings) > 1:
        losses.append(
            Loss(task, "where its forks begin", "outcomes have no edge into them; the way seen most is taken")
        )
        flow["branches"] = _branches(endings, told, made, replies)
    losses.append(Loss(task, "legal jumps", "they are not drawn; only drawn edges are kept, as after"))
    return Drawn(((task, task.replace("_", " "), flow),), tuple(losses), (name,) if name != task else ())


def _branches(
    endings: Sequence[tuple[str, list[str]]], told: set[str], made: "_Made", replies: Mapping[str, str]
) -> list[dict[str, Any]]:
    """A branch an ending; endings that say the same are one."""
    ids = Ids()
    branches: dict[str, dict[str, Any]] = {}
    for outcome, way in endings:
        steps = [made.step(reply, before, required=True) for reply, before in _drawn_before(way) if reply not in told]
        title = replies[outcome].strip() or outcome
        same = branches.get(repr(steps))
        if same is not None:
            same["title"] += f" / {title}"
        elif steps:
            branches[repr(steps)] = {"id": ids.take(outcome, outcome), "title": title, "steps": steps}
    return list(branches.values())


def _checked(document: Mapping[str, Any], where: str) -> tuple[dict[str, str], dict[str, str]]:
    replies, graph = document["replies"], document["graph"]
    for key, found in (("replies", replies), ("graph", graph)):
        if not isinstance(found, Mapping) or not all(isinstance(one, str) for one in found.values()):
            raise RubricError(where, f"{key} is of another shape", allowed="names with one text each")
    for before, after in graph.items():
        for name in (before, after):
            if name not in replies:
                raise RubricError(
                    f"{where}: graph",
                    f"there is no reply {name!r}{nearest(name, tuple(replies))}",
                    allowed="names in replies",
                )
    return dict(replies), dict(graph)


def _chain(start: str, graph: Mapping[str, str]) -> list[str]:
    """The replies from one on, as far as edges lead; a circle ends where it began."""
    way = [start]
    while (follower := graph.get(way[-1])) is not None and follower not in way:
        way.append(follower)
    return way


def _drawn_before(way: list[str]) -> list[tuple[str, str]]:
    """What is said on a way, each with what was said before it there; outcomes between cut no tie."""
    said = [reply for reply in way if not _OUTCOME.fullmatch(reply)]
    return list(zip(said, ["", *said], strict=False))


def _ends_the_task(reply: str, replies: Mapping[str, str], graph: Mapping[str, str]) -> bool:
    """A reply that no edge leaves and that asks nothing: after a question the task goes on."""
    return reply not in graph and (reply == _MORE_HELP or not replies[reply].strip().endswith("?"))


class _Made:
    """Makes the steps of one task."""

    def __init__(self, task: str, replies: Mapping[str, str], losses: list[Loss]) -> None:
        self._task = task
        self._replies = replies
        self._losses = losses

    def step(self, reply: str, before: str, *, required: bool) -> dict[str, Any]:
        step: dict[str, Any] = {"id": _id(reply), "title": reply.replace("_", " ")}
        stretch = max(_SLOT.split(self._replies[reply]), key=lambda part: len(part.split()))
        words = " ".join(stretch.split()).strip("'\"").lstrip(".,;:!? ")
        if len(words.split()) >= _FEWEST_WORDS:
            step["seen"] = {"wording": words, "tolerance": _TOLERANCE}
        else:
            self._losses.append(
                Loss(self._task, f"how {reply} is seen", "all but a word or two of it is filled in; write seen")
            )
        step |= {} if required else {"required": False}
        return step | ({"after": [_id(before)]} if before else {})


def _id(reply: str) -> str:
    name = re.sub(r"[^a-z0-9]+", "_", reply.lower()).strip("_")[:60]
    return name if name[:1].isalpha() else f"step_{name}"
