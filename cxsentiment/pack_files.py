"""Coaching packs → a folder of pages that print on one or two sheets, and their moments as a table."""

import hashlib
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from cxsentiment import runs
from cxsentiment.errors import RunError
from cxsentiment.packs import Packs
from cxsentiment.pages.pack_page import index_page, pack_page
from cxsentiment.report import table_of
from cxsentiment.spreadsheets import csv_text


def write(packs: Packs, folder: Path, *, alone: bool = False) -> Path:
    """Write index.html, team.html, teams/NAME.html, agents/NAME.html and coaching.csv; return the path of the index.

    Rows of the coach's files that were refused are listed in rejects.jsonl.

    `alone` leaves the teams out, for packs of some agents only. Raises RunError where the folder cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise RunError(str(folder), "is a file", allowed="a folder", do="Name another folder")
    if (folder / "run.json").exists():  # rejects.jsonl of the run would be lost
        raise RunError(str(folder), "is a run folder", allowed="a folder of its own", do="Name another folder")
    names = file_names([one.agent_id for one in packs.agents])
    files = {f"agents/{names[one.agent_id]}.html": pack_page(one, demo=packs.demo) for one in packs.agents}
    of_teams = file_names([one.team for one in packs.teams])
    if not alone:
        files["team.html"] = pack_page(packs.team, demo=packs.demo)
        files |= {f"teams/{of_teams[one.team]}.html": pack_page(one, demo=packs.demo) for one in packs.teams}
    chosen = [moment for one in packs.agents for moment in one.moments]
    files["coaching.csv"] = csv_text(*table_of("coaching", chosen))
    links = {} if alone else {one.team: f"teams/{of_teams[one.team]}.html" for one in packs.teams}
    files["index.html"] = index_page(
        packs.agents, packs.week, names, packs.notes, demo=packs.demo, team=not alone, teams=links
    )
    for name, content in files.items():
        runs.write_atomically(folder / name, content.encode("utf-8", "replace"))
    if packs.rejects:
        runs.write_rejects(folder, packs.rejects)
    else:
        (folder / "rejects.jsonl").unlink(missing_ok=True)  # those of earlier packs are not of these
    return folder / "index.html"


def earlier_pages(index: Path) -> list[str]:
    """Pages of packs beside this index that it does not lead to: those of another week, or of other agents."""
    text, folder = index.read_text(encoding="utf-8"), index.parent
    pages = [
        path for pattern in ("team.html", "teams/*.html", "agents/*.html") for path in sorted(folder.glob(pattern))
    ]
    names = [path.relative_to(folder).as_posix() for path in pages]
    return [name for name in names if f'href="{name}"' not in text]


def file_names(ids: Sequence[str]) -> dict[str, str]:
    """A file name for each id, of letters that every system takes; ids that would share one get their hash beside."""
    plain = {name: re.sub(r"[^A-Za-z0-9_-]+", "-", name).strip("-")[:60] for name in ids}
    shared = Counter(text.lower() for text in plain.values())
    found = {}
    for name, text in plain.items():
        mark = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:8]
        found[name] = text if text == name and shared[text.lower()] == 1 else f"{text}-{mark}".strip("-")
    return found
