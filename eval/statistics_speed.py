"""How long agents, rates and associations take: 1,000 agents, 1,000,000 contacts, ten items each, made up here.

`python -m eval.statistics_speed [--contacts N] [--agents N] [--out FILE]`. Each step in its turn in one process, from
tables in memory as a run's are read. Processor seconds are what the work takes where others use the
machine too; the most memory held is that of the whole process, the made-up data included.
"""

import argparse
import json
import os
import platform
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from cxsentiment.analysis import associate
from cxsentiment.calibrated import agent_figures
from cxsentiment.gradings import Gradings
from cxsentiment.labels import LABELS, Labels
from cxsentiment.rates import rates
from cxsentiment.rubric.reading import parse_rubric
from cxsentiment.rubric.scorecard import Rubric
from cxsentiment.runs import CONTACTS, ITEMS

ITEM_COUNT = 10
ANSWERED = 0.15
LABELS_EACH = 10
_SENSITIVITY, _SPECIFICITY = 0.93, 0.85
_SCALES = {"csat": (1.0, 5.0), "nps": (0.0, 10.0), "ces": (1.0, 7.0)}


def rubric() -> Rubric:
    """Ten items in five sections, the last one critical for the customer."""
    item = {"question": "Is it?", "weight": 1, "met_when": {"act": "greet"}}
    sections = [
        {
            "id": f"s{place}",
            "title": f"Section {place}",
            "weight": 1,
            "items": [
                {**item, "id": f"i{2 * place + k}"} | ({"critical": "customer"} if 2 * place + k == 9 else {})
                for k in (0, 1)
            ],
        }
        for place in range(ITEM_COUNT // 2)
    ]
    return parse_rubric({"name": "bench", "version": "1", "minimum_coverage": 0, "sections": sections}, "bench")


def made_up(contacts: int, agents: int) -> tuple[pa.Table, pa.Table, Labels]:
    """Contacts, verdicts and labels with planted skill of the agents, errors of the machine, and answers."""
    rng = np.random.default_rng(6)
    agent = rng.integers(0, agents, contacts)
    skill = rng.normal(0, 0.6, agents)
    opening = np.clip(rng.normal(-0.2, 0.5, contacts), -1, 1)
    mood = skill[agent] + 0.3 * opening
    ids = pa.array(np.char.add("c", np.char.zfill(np.arange(contacts).astype("U7"), 7)))
    met = np.empty((ITEM_COUNT, contacts), dtype=bool)
    p_met = np.empty((ITEM_COUNT, contacts), dtype=np.float64)
    truth = np.empty((ITEM_COUNT, contacts), dtype=bool)
    for k in range(ITEM_COUNT):
        truth[k] = rng.random(contacts) < 1 / (1 + np.exp(-(mood + 0.15 * k)))
        met[k] = np.where(truth[k], rng.random(contacts) < _SENSITIVITY, rng.random(contacts) > _SPECIFICITY)
        p_met[k] = np.where(met[k], 0.9, 0.1)
    score = 100 * met.mean(axis=0)
    csat = np.clip(np.round(3.6 + 0.8 * mood + 0.2 * (score - 60) / 20 + rng.normal(0, 1, contacts)), 1, 5)
    csat[rng.random(contacts) >= ANSWERED] = np.nan
    names = {
        "agent_id": _named("a", agent, agents),
        "customer_id": _named("k", rng.integers(0, contacts // 2, contacts), contacts // 2),
        "campaign": _named("campaign ", rng.integers(0, 4, contacts), 4),
        "channel": _named("channel ", rng.integers(0, 3, contacts), 3),
        "queue": _named("queue ", rng.integers(0, 6, contacts), 6),
    }
    started = np.datetime64("2026-01-01T00:00:00") + np.sort(rng.integers(0, 90 * 86_400, contacts))
    values: dict[str, Any] = {
        "contact_id": ids,
        "started_at": pa.array(np.char.add(started.astype("U19"), "Z")),
        "score": score,
        "csat": pa.array(csat, from_pandas=True),
        "p_critical_customer": 1 - p_met[9],
        "wait_s": rng.exponential(40, contacts),
        "sentiment_start": opening,
        "sentiment_end": np.clip(opening + 0.3 * mood + rng.normal(0, 0.4, contacts), -1, 1),
        "sentiment_mean": np.clip(opening + 0.15 * mood + rng.normal(0, 0.3, contacts), -1, 1),
        "first_response_s": rng.exponential(20, contacts),
        **names,
    }
    table = pa.table(
        [values.get(field.name, pa.nulls(contacts, field.type)) for field in CONTACTS], names=CONTACTS.names
    ).cast(CONTACTS)
    return table, _verdicts(ids, met, p_met), _labels(ids, truth, agent, agents, rng)


def _verdicts(ids: pa.Array, met: Any, p_met: Any) -> pa.Table:
    kept = ("contact_id", "item", "verdict", "p_met", "points", "weight")
    schema = pa.schema([ITEMS.field(name) for name in kept])
    n = len(ids)
    parts = [
        pa.table(
            [
                ids,
                pa.repeat(f"i{k}", n),
                pa.array(np.where(met[k], "met", "not_met")),
                p_met[k],
                met[k] * 10.0,
                np.full(n, 10.0),
            ],
            schema=schema,
        )
        for k in range(ITEM_COUNT)
    ]
    return pa.concat_tables(parts)


def _labels(ids: pa.Array, truth: Any, agent: Any, agents: int, rng: np.random.Generator) -> Labels:
    chosen = np.sort(rng.choice(len(ids), size=LABELS_EACH * agents, replace=False))
    n = chosen.size
    columns = [
        pa.concat_arrays([ids.take(pa.array(chosen))] * ITEM_COUNT),
        pa.array(np.repeat([f"i{k}" for k in range(ITEM_COUNT)], n)),
        pa.repeat("grader 1", n * ITEM_COUNT),
        pa.array(truth[:, chosen].astype(np.float64).ravel()),
        pa.repeat("random", n * ITEM_COUNT),
        pa.array(np.full(n * ITEM_COUNT, n / len(ids))),
    ]
    return Labels(pa.table(columns, schema=LABELS))


def _named(prefix: str, of: Any, count: int) -> pa.Array:
    names = pa.array([f"{prefix}{k:06d}" if count > 10 else f"{prefix}{k}" for k in range(count)])
    return pa.DictionaryArray.from_arrays(pa.array(of), names).cast(pa.string())


def measure(contacts: int, agents: int) -> dict[str, Any]:
    """Seconds and processor seconds of each step, and the most memory the process held (GB)."""
    began = time.perf_counter()
    table, verdicts, labels = made_up(contacts, agents)
    made = time.perf_counter() - began
    card, seconds, worked = rubric(), {}, {}

    def timed(name: str, step: Callable[[], Any]) -> Any:
        start, busy = time.perf_counter(), time.process_time()
        result = step()
        seconds[name] = round(time.perf_counter() - start, 2)
        worked[name] = round(time.process_time() - busy, 2)
        return result

    gradings = timed("labels and verdicts joined", lambda: Gradings(table, verdicts, card, labels))
    figures = timed("agent model", lambda: agent_figures(table, gradings, ("agent",), target=60))
    found, _ = timed("rates", lambda: rates(table, gradings))
    tables, _ = timed(
        "associations, who answers, drivers, predicted CSAT",
        lambda: associate(table, gradings, _SCALES, labelled=True),
    )
    return {
        "contacts": contacts,
        "agents": agents,
        "items": ITEM_COUNT,
        "verdicts": verdicts.num_rows,
        "answers": table.num_rows - table["csat"].null_count,
        "labelled contacts": LABELS_EACH * agents,
        "rows": {
            "agents": len(figures.figures),
            "rates": len(found),
            **{name: len(rows) for name, (_, rows) in tables.items()},
        },
        "seconds": seconds,
        "seconds in all": round(sum(seconds.values()), 2),
        "processor seconds": worked,
        "processor seconds in all": round(sum(worked.values()), 2),
        "seconds to make the data up": round(made, 2),
        "most memory, GB": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2),
        "machine": {
            "cpu": _cpu(),
            "cores used": len(os.sched_getaffinity(0)),
            "load at the end": [round(one, 1) for one in os.getloadavg()],
            "python": platform.python_version(),
            "numpy": np.__version__,
        },
    }


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def main() -> None:
    """Run the benchmark and print or write its figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contacts", type=int, default=1_000_000)
    parser.add_argument("--agents", type=int, default=1_000)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    text = json.dumps(measure(given.contacts, given.agents), indent=2) + "\n"
    if given.out:
        given.out.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
