"""Published protocols (ABCD, STAR) → a rubric with their flows, and one item a flow, so that it can be used at once."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cxsentiment.errors import RubricError
from cxsentiment.exchange import abcd, star
from cxsentiment.exchange.documents import read_json
from cxsentiment.exchange.flowcharts import Drawn
from cxsentiment.exchange.ids import Ids
from cxsentiment.exchange.layout import rubric_text
from cxsentiment.exchange.losses import Imported, Loss, once
from cxsentiment.rubric.reading import parse_rubric

_KNOWN = "ABCD's kb.json or guidelines.json, a STAR task chart with replies and graph"


def import_flows(paths: Sequence[Path], name: str) -> Imported:
    """The rubric of protocol files: their flows, and an item a flow for the contacts of its campaign."""
    ids = Ids()
    flows: list[dict[str, Any]] = []
    items: list[dict[str, Any]] = []
    losses: list[Loss] = []
    for path in paths:
        drawn = _read(path)
        losses += drawn.losses
        for task, title, flow in drawn.flows:
            made = ids.take(title, task)
            flows.append({"id": made, "title": title, **flow})
            items.append(
                {
                    "id": made,
                    "question": f"Does the contact follow the protocol {title}?",
                    "weight": 1,
                    "applies_when": {"campaigns": list(dict.fromkeys((task, *drawn.campaigns)))},
                    "met_when": {"flow": made, "is": "in_order"},
                }
            )
    section = {"id": "protocols", "title": "Protocols", "weight": 1, "items": items}
    content = {"name": name[:100], "version": "1", "minimum_coverage": 0, "flows": flows, "sections": [section]}
    parse_rubric(content, ", ".join(map(str, paths)))
    return Imported(content, once(losses))


def flows_text(imported: Imported, paths: Sequence[Path]) -> str:
    """The YAML of imported flows, with what they cannot tell as comments."""
    head = [
        f"Flows imported from {', '.join(path.name for path in paths)} by cxsentiment; see docs/flows.md.",
        "An item applies to the contacts of the campaigns it names: put the names of your campaigns there.",
        "A step without seen cannot be read off a transcript and is never missed.",
    ]
    return rubric_text(imported.content, head, imported.losses)


def _read(path: Path) -> Drawn:
    document = read_json(path)
    where = str(path)
    if star.is_chart(document):
        return star.read_chart(document, where, path.stem)
    if abcd.is_sequences(document):
        return abcd.read_sequences(document, where)
    if abcd.is_guidelines(document):
        return abcd.read_guidelines(document, where)
    replies = isinstance(document, dict) and document and all(isinstance(one, str) for one in document.values())
    what = "lists replies only: the chart is the file without .responses" if replies else "is JSON of another kind"
    raise RubricError(where, what, allowed=_KNOWN)
