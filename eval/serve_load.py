"""How `cxsentiment serve` holds up: many reviewers at once, and pages of a million contacts. Contacts are made up here.

`python -m eval.serve_load [--contacts N] [--reviewers N] [--seconds S] [--paging N] [--postgres | --db URL]
[--out FILE]`. Reviews are kept in SQLite; with `--postgres` in a server that is started for it, with `--db` in an empty
database of one's own. Figures of these stand under `load_postgresql`, and only the load is measured: lists do not
depend on the store. The server is a process of its own, the reviewers are connections of this one. A reviewer opens a
list with a filter, a contact, the form of grading, and saves it, with a pause of 1 to 3 seconds after each page, as a
person who reads has at least.
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
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import numpy as np

from cxsentiment.reviews.accounts import Accounts
from cxsentiment.reviews.assigning import Assignments, Draw
from cxsentiment.reviews.store import LabelStore
from cxsentiment.web.facts import Facts
from cxsentiment.web.listing import Filters, listed
from cxsentiment.web.overview import overview
from eval.made_up_run import write_run
from eval.throwaway_postgres import postgres_server

_PAUSE = (1.0, 3.0)


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


def load(folder: Path, reviewers: int, seconds: float, contacts: int, database: str) -> dict[str, Any]:
    """Serve a run and let the reviewers work on it, with a database that holds nothing yet."""
    run = write_run(folder / "run", contacts)
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
    run = write_run(folder / "many", contacts)
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
    searches = {}
    for words in ("waiting for two weeks, this is really annoying. 12345", "order number"):  # said in few, in all
        began = time.perf_counter()
        listed(facts, Filters.of({"words": words}))
        first = time.perf_counter() - began
        began = time.perf_counter()
        listed(facts, Filters.of({"words": words}), after=middle)
        searches[words] = {"first_s": round(first, 2), "next_page_ms": round((time.perf_counter() - began) * 1000, 1)}
    began = time.perf_counter()
    overview(facts)
    whole = time.perf_counter() - began
    facts.close()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {
        "contacts": contacts,
        "read_s": round(read, 1),
        "pages": pages,
        "searches_of_words": searches,
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
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--db", help="an empty database for the reviews: postgresql+psycopg://…")
    where.add_argument("--postgres", action="store_true", help="start a PostgreSQL server for the reviews, on a socket")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "serve_load.json")
    options = parser.parse_args()
    figures: dict[str, Any] = {
        "machine": {"processors": os.cpu_count(), "python": platform.python_version()},
        "busy_before": round(os.getloadavg()[0], 1),
    }
    with ExitStack() as until_done:
        folder = Path(until_done.enter_context(tempfile.TemporaryDirectory()))
        database = until_done.enter_context(postgres_server()) if options.postgres else options.db
        elsewhere = database is not None
        database = database or str(folder / "reviews.db")
        figures["load"] = load(folder, options.reviewers, options.seconds, options.contacts, database)
        if options.paging and not elsewhere:
            figures["paging"] = paging(folder, options.paging)
    figures["busy_after"] = round(os.getloadavg()[0], 1)
    if elsewhere:  # the figures of SQLite stay as they are
        known = json.loads(options.out.read_text(encoding="utf-8")) if options.out.exists() else {}
        figures = {
            **known,
            "load_postgresql": {**{name: figures[name] for name in figures if name != "load"}, **figures["load"]},
        }
    elif options.out.exists() and (other := json.loads(options.out.read_text(encoding="utf-8")).get("load_postgresql")):
        figures["load_postgresql"] = other
    options.out.write_text(json.dumps(figures, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    main()
