"""How long the figures of 1,000 agents with 1,000,000 contacts and ten items each take: agents, associations, KPIs.

`python -m eval.statistics_speed [--contacts N] [--agents N] [--out FILE]`. The contacts are made up here and written as
a run folder; then each command's work is timed in its turn in one process, from reading the folder to the last figure:
the agent model with human labels, the associations with their jackknife (and who answers, drivers, predicted CSAT), the
indicators of the whole and of every agent, and the rates. Processor seconds are what the work takes where others use
the machine too; the most memory held is that of the whole process, the made-up data included.
"""

import argparse
import json
import os
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cxsentiment import runs
from cxsentiment.analysis import Analysis, analyse_agents, analyse_associations, analyse_rates
from cxsentiment.ingest.joins import Joins
from cxsentiment.kpis.handling import QueueRules
from cxsentiment.kpis.indicators import Rules
from cxsentiment.labels import LABELS, Labels
from cxsentiment.measurement import measure as measure_kpis
from cxsentiment.rubric.reading import parse_rubric
from cxsentiment.rubric.scorecard import Rubric
from cxsentiment.runs import CONTACTS, ITEMS, LOG
from eval.machine import described

ITEM_COUNT = 10
ANSWERED = 0.15
LABELS_EACH = 10
_SENSITIVITY, _SPECIFICITY = 0.93, 0.85
# What the issue that set the bound names; rates are timed besides.
BOUND_S, BOUND_GB = 60, 4
BOUNDED = ("agents", "associations", "indicators, whole and by agent")


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
        "median_response_s": rng.exponential(15, contacts),
        "duration_s": rng.exponential(240, contacts),
        "hold_s": rng.exponential(20, contacts),
        "wrap_up_s": rng.exponential(40, contacts),
        "handle_s": rng.exponential(300, contacts),
        "abandoned": rng.random(contacts) < 0.02,
        "transferred": rng.random(contacts) < 0.1,
        "resolved": rng.random(contacts) < 0.8,
        **names,
    }
    table = pa.table(
        [values.get(field.name, pa.nulls(contacts, field.type)) for field in CONTACTS], names=CONTACTS.names
    ).cast(CONTACTS)
    return table, _verdicts(ids, met, p_met), _labels(ids, truth, agents, rng)


def _verdicts(ids: pa.Array, met: Any, p_met: Any) -> pa.Table:
    n = len(ids)
    parts = []
    for k in range(ITEM_COUNT):
        values = {
            "contact_id": ids,
            "item": pa.repeat(f"i{k}", n),
            "section": pa.repeat(f"s{k // 2}", n),
            "verdict": pa.array(np.where(met[k], "met", "not_met")),
            "p_met": p_met[k],
            "points": met[k] * 10.0,
            "weight": np.full(n, 10.0),
            "critical": pa.repeat("customer" if k == ITEM_COUNT - 1 else "none", n),
        }
        parts.append(pa.table([values.get(field.name, pa.nulls(n, field.type)) for field in ITEMS], schema=ITEMS))
    return pa.concat_tables(parts)


def _labels(ids: pa.Array, truth: Any, agents: int, rng: np.random.Generator) -> Labels:
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


def write_run(folder: Path, contacts: int, agents: int) -> Labels:
    """A finished run of made-up contacts with its log, and people's labels of some of them."""
    table, verdicts, labels = made_up(contacts, agents)
    note = runs.ShardNote("made up", contacts, 0, 0, 0, 0, {}, {}, {}, {})
    runs.write_shard(folder, 0, {"turns": runs.TURNS.empty_table(), "items": verdicts, "contacts": table}, note)
    logged = {name: table[name] for name in LOG.names if name in table.column_names}
    logged["scored"] = pa.repeat(True, contacts)
    path = runs.shard_path(folder, "log", 0)
    path.parent.mkdir(parents=True)
    pq.write_table(pa.table([logged[name] for name in LOG.names], schema=LOG), path, compression="zstd")
    card = rubric()
    receipt = {
        "state": "complete",
        "rubric": {"name": card.name, "version": card.version, "sha256": card.sha256, "content": card.content()},
        "settings": {"csat_scale": [1, 5], "ces_scale": None, "timezone": None},
        "contacts": {"in": contacts, "scored": contacts, "rejected": 0},
        "started_at": "2026-06-01T00:00:00+00:00",
        "seconds": {"total": 1.0},
        "surveys": None,
        "log": None,
        "warnings": {},
    }
    runs.write_receipt(folder, receipt)
    return labels


def measure(contacts: int, agents: int) -> dict[str, Any]:
    """Seconds and processor seconds of each step, and the most memory the process held (GB)."""
    with tempfile.TemporaryDirectory() as place:
        return _measured(Path(place) / "run", contacts, agents)


def _measured(run: Path, contacts: int, agents: int) -> dict[str, Any]:
    began = time.perf_counter()
    labels = write_run(run, contacts, agents)
    made = time.perf_counter() - began
    seconds: dict[str, float] = {}
    worked: dict[str, float] = {}
    rows: dict[str, int] = {}

    def timed(name: str, step: Callable[[], Any]) -> Any:
        start, busy = time.perf_counter(), time.process_time()
        result = step()
        seconds[name] = round(time.perf_counter() - start, 2)
        worked[name] = round(time.process_time() - busy, 2)
        return result

    def counted(found: Analysis) -> None:
        rows.update({name: len(figures) for name, (_, figures) in found.tables.items()})

    counted(timed("agents", lambda: analyse_agents(run, labels, target=60)))
    counted(timed("associations", lambda: analyse_associations(run, Joins(), labels)))
    rules = Rules(queues=QueueRules(20, 5), resolve_within_h=24)
    found = timed(BOUNDED[2], lambda: measure_kpis(run, Joins(), rules, by=("agent",)))
    rows["indicators"] = len(found.indicators.rows)
    counted(timed("rates", lambda: analyse_rates(run, labels)))
    in_all = round(sum(seconds[name] for name in BOUNDED), 2)
    memory = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20, 2)
    return {
        "contacts": contacts,
        "agents": agents,
        "items": ITEM_COUNT,
        "labelled contacts": LABELS_EACH * agents,
        "rows": rows,
        "seconds": seconds,
        "seconds of agents, associations and indicators": in_all,
        "processor seconds": worked,
        "processor seconds of agents, associations and indicators": round(sum(worked[name] for name in BOUNDED), 2),
        "seconds to make the data up": round(made, 2),
        "most memory, GB": memory,
        "bound": {"seconds": BOUND_S, "GB": BOUND_GB, "held": in_all < BOUND_S and memory < BOUND_GB},
        "machine": {
            **described(),
            "load at the end": [round(one, 1) for one in os.getloadavg()],
            "numpy": np.__version__,
        },
    }


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
