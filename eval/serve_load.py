"""How `cxsentiment serve` holds up: many reviewers at once, and pages of a million contacts. Contacts are made up here.

`python -m eval.serve_load [--contacts N] [--reviewers N] [--seconds S] [--paging N] [--out FILE]`. The server is a
process of its own, the reviewers are connections of this one. A reviewer opens a list with a filter, a contact, the
form of grading, and saves it, with a pause of 1 to 3 seconds after each page, as a person who reads has at least.
No write may be lost: at the end every saved contact must be in the store, once.
"""

import argparse
import asyncio
import json
import os
import platform
import random
import re
import resource
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from cxsentiment import runs
from cxsentiment.reviews.accounts import Accounts
from cxsentiment.reviews.assigning import Assignments, Draw
from cxsentiment.reviews.store import LabelStore
from cxsentiment.rubric.reading import default_rubric, read_rubric
from cxsentiment.rubric.scorecard import Rubric
from cxsentiment.web.facts import Facts
from cxsentiment.web.listing import Filters, listed
from cxsentiment.web.overview import overview

SHARD = 256  # contacts of one
TURNS = 16
_SAID = (
    "Hello, this is Anna speaking, how can I help you today?",
    "My order has not arrived and I have been waiting for two weeks, this is really annoying.",
    "I am sorry to hear that, let me look into it for you right away.",
    "I already told your colleague about this yesterday.",
    "Could you give me the order number, please?",
    "Sure, it is in the mail that you sent me.",
    "I have sent a new one, it will be with you on Friday. Is there anything else?",
    "No, thank you, that is all.",
)
_PAUSE = (1.0, 3.0)


def write_run(folder: Path, contacts: int, *, texts: bool = True, seed: int = 7) -> Path:
    """A run folder of made-up contacts, with the default scorecard; without `texts` it has no turns."""
    rng = np.random.default_rng(seed)
    rubric = read_rubric(default_rubric())
    for number, first in enumerate(range(0, contacts, SHARD)):
        ids = [f"c{k:07d}" for k in range(first, min(first + SHARD, contacts))]
        _write(folder, "contacts", number, _contacts(rng, ids))
        _write(folder, "items", number, _items(rng, ids, rubric))
        _write(folder, "turns", number, _turns(rng, ids if texts else []))
    head = {"name": rubric.name, "version": rubric.version, "sha256": rubric.sha256, "content": rubric.content()}
    receipt: dict[str, Any] = {
        "state": "complete",
        "identity": "f" * 64,
        "software": {"name": "cxsentiment", "version": "made up"},
    }
    receipt |= {"rubric": head, "contacts": {"in": contacts, "scored": contacts, "rejected": 0}, "files": {}}
    receipt |= {"started_at": "2026-05-01T00:00:00+00:00", "demo": False, "model": None}
    runs.write_receipt(folder, receipt)
    return folder


def _write(folder: Path, table: str, number: int, columns: Mapping[str, Any]) -> None:
    schema = runs.SCHEMAS[table]
    rows = len(next(iter(columns.values())))
    path = runs.shard_path(folder, table, number)
    path.parent.mkdir(parents=True, exist_ok=True)
    arrays = [
        pa.array(columns[field.name], field.type) if field.name in columns else pa.nulls(rows, field.type)
        for field in schema
    ]
    pq.write_table(pa.table(arrays, schema=schema), path, compression="zstd")


def _contacts(rng: np.random.Generator, ids: Sequence[str]) -> dict[str, Any]:
    n = len(ids)
    day, minute = rng.integers(1, 29, n), rng.integers(0, 1440, n)
    return {
        "contact_id": ids,
        "agent_id": [f"A{k:03d}" for k in rng.integers(0, 500, n)],
        "campaign": [f"campaign-{k}" for k in rng.integers(0, 12, n)],
        "channel": [("call", "chat", "email")[k] for k in rng.integers(0, 3, n)],
        "started_at": [f"2026-05-{d:02d}T{m // 60:02d}:{m % 60:02d}:00Z" for d, m in zip(day, minute, strict=True)],
        "turns": np.full(n, TURNS),
        "score": rng.uniform(0, 100, n).round(4),
        "coverage": np.ones(n),
        "sentiment_start": rng.uniform(-1, 1, n),
        "sentiment_end": rng.uniform(-1, 1, n),
    }


def _items(rng: np.random.Generator, ids: Sequence[str], rubric: Rubric) -> dict[str, Any]:
    pairs = list(rubric.pairs())
    n = len(ids) * len(pairs)
    met = rng.random(n) < 0.8
    return {
        "contact_id": [name for name in ids for _ in pairs],
        "item": [item.id for _, item in pairs] * len(ids),
        "section": [section.id for section, _ in pairs] * len(ids),
        "verdict": np.where(met, "met", "not_met"),
        "p_met": np.where(met, 0.9, 0.1),
        "points": np.where(met, 5.0, 0.0),
        "weight": np.full(n, 5.0),
        "critical": [item.critical for _, item in pairs] * len(ids),
        "evidence_turn": np.zeros(n, dtype=np.int32),
        "evidence_quote": [_SAID[0]] * n,
        "reason": ["made up"] * n,
    }


def _turns(rng: np.random.Generator, ids: Sequence[str]) -> dict[str, Any]:
    n = len(ids) * TURNS
    customer = np.tile(np.arange(TURNS) % 2 == 1, len(ids))
    negative = np.where(customer, rng.random(n), np.nan)
    absent = ~customer
    return {
        "contact_id": [name for name in ids for _ in range(TURNS)],
        "turn": np.tile(np.arange(TURNS, dtype=np.int32), len(ids)),
        "speaker": np.where(customer, "customer", "agent"),
        "text": [_SAID[k % len(_SAID)] for k in range(TURNS)] * len(ids),
        "p_negative": pa.array(negative, pa.float32(), mask=absent),
        "p_neutral": pa.array(np.where(customer, 0.0, np.nan), pa.float32(), mask=absent),
        "p_positive": pa.array(1 - negative, pa.float32(), mask=absent),
    }


class Times:
    """Seconds of every answer, by kind of page."""

    def __init__(self) -> None:
        self.by_kind: dict[str, list[float]] = {}
        self.refused: list[str] = []

    async def take(
        self, kind: str, client: httpx.AsyncClient, path: str, fields: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """Ask for a page, or send a form, and note how long the answer took."""
        started = time.perf_counter()
        try:
            answer = await (client.get(path) if fields is None else client.post(path, data=fields))
        except httpx.TimeoutException:
            answer = httpx.Response(504)
        self.by_kind.setdefault(kind, []).append(time.perf_counter() - started)
        if answer.status_code not in (200, 303):
            self.refused.append(f"{kind}: {answer.status_code}")
        return answer

    def table(self) -> dict[str, dict[str, float]]:
        """Answers, median, 95th percentile and longest in milliseconds, by kind and in all."""
        every = [one for times in self.by_kind.values() for one in times]
        return {name: _summary(times) for name, times in {**self.by_kind, "all": every}.items()}


def _summary(times: Sequence[float]) -> dict[str, float]:
    ms = np.array(times) * 1000
    low, high = np.percentile(ms, [50, 95])
    return {"answers": len(ms), "p50_ms": round(low, 1), "p95_ms": round(high, 1), "max_ms": round(float(ms.max()), 1)}


async def reviewer(client: httpx.AsyncClient, times: Times, seconds: float, seed: int) -> list[str]:
    """One reviewer's way for so many seconds; the contacts they saved."""
    rng, saved = random.Random(seed), list[str]()  # nosec B311  # repeatable by its seed; no secret
    end = time.monotonic() + seconds
    await asyncio.sleep(rng.uniform(0, _PAUSE[1]))
    while time.monotonic() < end:
        query = f"agent=A{rng.randrange(500):03d}" if rng.random() < 0.5 else f"after={rng.randrange(50_000)}"
        found = await times.take("contacts", client, f"/r/run/contacts?{query}")
        ids = re.findall(r"contact\?id=(c\d+)", found.text)
        await asyncio.sleep(rng.uniform(*_PAUSE))
        if ids:
            chosen = rng.choice(ids)
            await times.take("contact", client, f"/r/run/contact?id={chosen}")
            await asyncio.sleep(rng.uniform(*_PAUSE))
        desk = await times.take("review", client, "/r/run/review")
        open_ = re.search(r'/r/run/grade\?assignment=(\d+)">Grade', desk.text)
        if open_ is None:
            break
        number = open_[1]
        form = await times.take("grade", client, f"/r/run/grade?assignment={number}")
        await asyncio.sleep(rng.uniform(*_PAUSE))
        contact = re.search(r"<h1>Grade <bdi>([^<]+)", form.text)
        fields = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', form.text))
        fields |= {name: rng.choice(("1", "0", "na")) for name in re.findall(r'name="(item\.[^"]+)"', form.text)}
        answer = await times.take("save", client, "/r/run/grade", fields)
        if answer.status_code == 303 and contact:
            saved.append(contact[1])
        await asyncio.sleep(rng.uniform(*_PAUSE))
    return saved


def load(folder: Path, reviewers: int, seconds: float, contacts: int) -> dict[str, Any]:
    """Serve a run and let the reviewers work on it."""
    run, database = write_run(folder / "run", contacts), str(folder / "reviews.db")
    names = [f"reviewer{k}" for k in range(reviewers)]
    with LabelStore.open(database, create=True) as store:
        for name in names:
            Accounts(store).add(name, "qa", agent_id=None, password=None)
        frame = [f"c{k:07d}" for k in range(0, contacts, max(1, contacts // (reviewers * 40)))]
        Assignments(store).draw(Draw("f" * 64, "load", "random", frame, min(len(frame), 2000), names), names[0])
        tokens = {name: Accounts(store).start(name) for name in names}
    port = _free_port()
    program = "from cxsentiment.cli import main; main()"
    command = [sys.executable, "-c", program, "serve", str(run), "--db", database, "--port", str(port)]
    started = time.perf_counter()
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL)  # nosec B603  # a fixed command, no shell
    try:
        _wait(f"http://127.0.0.1:{port}/health", server)
        ready = time.perf_counter() - started
        times = Times()
        before = _processor_s(server.pid)
        saved = asyncio.run(_work(f"http://127.0.0.1:{port}", tokens, times, seconds))
        memory, worked = _memory(server.pid), _processor_s(server.pid)
    finally:
        server.terminate()
        server.wait(30)
    with LabelStore.open(database) as store:
        kept = {(label.grader, label.contact_id) for label in store.labels()}
    sent = {(name, contact) for name, contacts_ in saved.items() for contact in contacts_}
    return {
        "contacts": contacts,
        "reviewers": reviewers,
        "seconds": seconds,
        "pause_s": list(_PAUSE),
        "ready_after_s": round(ready, 1),
        "server_memory_mb": memory,
        "server_processor_s": None if worked is None or before is None else round(worked - before, 1),
        "times": times.table(),
        "not_answered_with_a_page": times.refused,
        "saved": len(sent),
        "lost": len(sent - kept),
        "not_sent_but_kept": len(kept - sent),
    }


async def _work(base: str, tokens: Mapping[str, str], times: Times, seconds: float) -> dict[str, list[str]]:
    limits = httpx.Limits(max_connections=len(tokens) + 5)
    clients = {
        name: httpx.AsyncClient(base_url=base, cookies={"cxsentiment": token}, timeout=60, limits=limits)
        for name, token in tokens.items()
    }
    work = [reviewer(client, times, seconds, k) for k, client in enumerate(clients.values())]
    done = await asyncio.gather(*work)
    for client in clients.values():
        await client.aclose()
    return dict(zip(tokens, done, strict=True))


def paging(folder: Path, contacts: int) -> dict[str, Any]:
    """How long a run takes to read, and its pages: at the start, far down, with filters."""
    run = write_run(folder / "many", contacts, texts=False)
    started = time.perf_counter()
    facts = Facts(run)
    read = time.perf_counter() - started
    middle = contacts // 2
    asked: dict[str, tuple[dict[str, str], int]] = {
        "first page": ({}, 0),
        "half way down": ({}, middle),
        "one agent": ({"agent": "A007"}, 0),
        "one agent, half way": ({"agent": "A007"}, middle),
        "campaign, channel, days, score": (
            {"campaign": "campaign-3", "channel": "chat", "since": "2026-05-10", "until": "2026-05-12", "least": "20"},
            0,
        ),
        "item not met, lowest first": ({"item": "greeting", "verdict": "not_met", "order": "lowest"}, middle),
        "sentiment recovered": ({"path": "recovered"}, middle),
    }
    pages = {}
    for name, (given, after) in asked.items():
        filters, times = Filters.of(given), []
        worked = time.process_time()
        for _ in range(15):
            began = time.perf_counter()
            listed(facts, filters, after=after)
            times.append(time.perf_counter() - began)
        pages[name] = {**_summary(times), "processor_ms": round((time.process_time() - worked) / 15 * 1000, 1)}
    began = time.perf_counter()
    overview(facts)
    whole = time.perf_counter() - began
    facts.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "contacts": contacts,
        "read_s": round(read, 1),
        "pages": pages,
        "overview_s": round(whole, 2),
        "peak_memory_mb": round(peak),
    }


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def _wait(address: str, server: "subprocess.Popen[bytes]") -> None:
    while server.poll() is None:
        try:
            if httpx.get(address, timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.2)
    raise SystemExit("serve ended before it answered")


def _memory(pid: int) -> int | None:
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return None
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
    return int(found[1]) // 1024 if found else None


def _processor_s(pid: int) -> float | None:
    """Processor seconds of a process: what the work takes where others use the machine too."""
    status = Path(f"/proc/{pid}/stat")
    if not status.exists():
        return None
    fields = status.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main() -> None:
    """Measure and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contacts", type=int, default=100_000)
    parser.add_argument("--reviewers", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--paging", type=int, default=1_000_000, help="contacts of the run whose pages are timed")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "serve_load.json")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures: dict[str, Any] = {
            "machine": {"processors": os.cpu_count(), "python": platform.python_version()},
            "busy_before": round(os.getloadavg()[0], 1),
            "load": load(Path(folder), options.reviewers, options.seconds, options.contacts),
        }
        if options.paging:
            figures["paging"] = paging(Path(folder), options.paging)
    figures["busy_after"] = round(os.getloadavg()[0], 1)
    options.out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
