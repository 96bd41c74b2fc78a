"""Made-up contacts, verdicts and human labels with a known truth, for tests of agents, rates and associations."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from pyarrow import parquet

from cxsentiment.gradings import Gradings
from cxsentiment.labels import Labels, labels_of
from cxsentiment.rubric.reading import parse_rubric
from cxsentiment.rubric.scorecard import Rubric
from cxsentiment.runs import CONTACTS, ITEMS

AGENTS = 12


_ITEM = {"question": "Is it?", "weight": 1, "met_when": {"act": "greet"}}
RUBRIC: dict[str, Any] = {
    "name": "t",
    "version": "1",
    "minimum_coverage": 0,
    "sections": [
        {"id": "care", "title": "Care", "weight": 3, "items": [{**_ITEM, "id": "a"}, {**_ITEM, "id": "b"}]},
        {"id": "law", "title": "Law", "weight": 1, "items": [{**_ITEM, "id": "c", "critical": "compliance"}]},
    ],
}


def rubric() -> Rubric:
    """Two sections: `care` with a and b, `law` with c, which is critical for compliance."""
    return parse_rubric(RUBRIC, "t")


class Book:
    """`n` contacts of twelve agents: `truth` (3, n) of the items a, b and c, and what such a machine saw."""

    def __init__(
        self,
        n: int = 1200,
        *,
        agents: int = AGENTS,
        sensitivity: float = 0.95,
        specificity: float = 0.85,
        seed: int = 0,
        skill: tuple[float, float] = (0.45, 0.9),
    ) -> None:
        rng = np.random.default_rng(seed)
        self.rng, self.n = rng, n
        self.agent = np.arange(n) % agents
        self.skill = np.linspace(*skill, agents)
        self.truth = (rng.random((3, n)) < self.skill[self.agent]).astype(float)
        seen = np.where(self.truth == 1, rng.random((3, n)) < sensitivity, rng.random((3, n)) > specificity)
        self.seen = seen.astype(float)
        self.columns: dict[str, Sequence[Any]] = {
            "agent_id": [f"a{code:02d}" for code in self.agent],
            "campaign": [f"k{k % 2}" for k in (np.arange(n) // agents)],
        }

    @property
    def ids(self) -> list[str]:
        return [f"c{k:05d}" for k in range(self.n)]

    @property
    def contacts(self) -> pa.Table:
        p = 0.05 + 0.9 * self.seen
        values: dict[str, Any] = {
            "contact_id": self.ids,
            "score": 100 * (3 * self.seen[:2].mean(axis=0) + self.seen[2]) / 4,
            "p_critical_compliance": 1 - p[2],
            **self.columns,
        }
        arrays = [
            pa.array(values[one.name], one.type, from_pandas=True) if one.name in values else pa.nulls(self.n, one.type)
            for one in CONTACTS
        ]
        return pa.table(arrays, schema=CONTACTS)

    @property
    def items(self) -> pa.Table:
        rows = [
            {
                "contact_id": name,
                "item": item,
                "section": "law" if item == "c" else "care",
                "verdict": "met" if self.seen[k, place] else "not_met",
                "p_met": 0.05 + 0.9 * self.seen[k, place],
                "points": self.seen[k, place] * (1.0 if item == "c" else 1.5),
                "weight": 1.0 if item == "c" else 1.5,
                "critical": "compliance" if item == "c" else "none",
            }
            for place, name in enumerate(self.ids)
            for k, item in enumerate("abc")
        ]
        return pa.Table.from_pylist(rows, schema=ITEMS)

    def label_rows(self, chosen: Sequence[int], probability: float | None = None, **more: Any) -> list[dict[str, Any]]:
        """What a faultless grader says of the chosen contacts."""
        chance = len(chosen) / self.n if probability is None else probability
        base = {"grader": "g1", "purpose": "random", "inclusion_probability": chance}
        return [
            {**base, "contact_id": self.ids[place], "item": item, "value": self.truth[k, place], **more}
            for place in chosen
            for k, item in enumerate("abc")
        ]

    def random(self, size: int) -> list[int]:
        return sorted(self.rng.choice(self.n, size=size, replace=False).tolist())

    def gradings(self, labels: Labels | Sequence[Mapping[str, Any]] | None = None) -> Gradings:
        given = labels_of(labels) if isinstance(labels, list) else labels
        return Gradings(self.contacts, self.items, rubric(), given)

    def write(self, run: Path) -> Path:
        """A finished run folder of these contacts, without turns."""
        for name, table in (("contacts", self.contacts), ("items", self.items)):
            (run / name).mkdir(parents=True)
            parquet.write_table(table, run / name / "part-00000.parquet")
        receipt = {
            "state": "complete",
            "rubric": {"content": RUBRIC},
            "settings": {"csat_scale": [1, 5], "ces_scale": [1, 7]},
            "surveys": None,
            "warnings": {},
        }
        (run / "run.json").write_text(json.dumps(receipt), encoding="utf-8")
        return run
