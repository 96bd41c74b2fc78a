"""Reports and coaching packs in a real browser: no fault of access, no request away, nothing wider than the screen.

Pictures of them are kept (`browsing.py`).
"""

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from browsing import IN_A_BROWSER, WIDTHS, look, picture, started_chromium
from test_packs import CARD, verdict
from test_report import EMPTY, agent, findings
from test_sections import difference, steady

from cxsentiment.pack_files import write
from cxsentiment.packs import Wanted, gather
from cxsentiment.pages.report_page import html
from cxsentiment.sections import consistency_section
from tests import finished
from tests.tables import agent as agent_turn
from tests.tables import customer, turns

pytestmark = IN_A_BROWSER
PAGES = ("report", "client", "empty", "one agent", "many agents", "pack", "pack team", "pack index")


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The path of each page."""
    folder = tmp_path_factory.mktemp("pages")
    section = consistency_section(steady(difference("channel", "email", 9.0, "different")), 3.0)
    assert section is not None
    made = {
        "report": html(findings(), (section,)),
        "client": html(findings(), (section,), client=True),
        "empty": html(EMPTY),
        "one agent": html(replace(findings(), agents=(agent(1),), moments=findings().moments[:1])),
        "many agents": html(replace(findings(), agents=tuple(agent(k) for k in range(500)))),
    }
    paths = {name: folder / f"{name}.html".replace(" ", "-") for name in made}
    for name, text in made.items():
        paths[name].write_text(text, encoding="utf-8", errors="replace")
    rows = [
        {"agent_id": "Ann", "score": 50.0 + k, "started_at": f"2026-06-{2 * k + 1:02d}T10:00:00Z"} for k in range(10)
    ]
    talk = [customer(negative=0.9, text="x" * 300), agent_turn(acknowledge=0.9), customer(negative=0.9), agent_turn()]
    said = pa.concat_tables([turns(f"c{k:03d}", talk) for k in range(10)])
    verdicts = [verdict(k, "greet", k < 5) for k in range(10)]
    run = finished.run(folder / "run", rows, verdicts, turns=said, rubric={"content": CARD})
    index = write(gather(run, Wanted(week="all")), folder / "packs")
    return paths | {
        "pack index": index,
        "pack team": index.with_name("team.html"),
        "pack": index.parent / "agents" / "Ann.html",
    }


@pytest.fixture(scope="module")
def browser():
    yield from started_chromium()


@pytest.mark.parametrize(("width", "scheme"), [("desktop", "light"), ("phone", "dark")])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_reads_on_every_screen(name: str, width: str, scheme: str, pages: dict[str, Path], browser) -> None:
    wide, high = WIDTHS[width]
    context = browser.new_context(viewport={"width": wide, "height": high}, color_scheme=scheme)
    try:
        page = context.new_page()
        faults: list[str] = []
        asked: list[str] = []
        page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
        page.on("request", lambda request: asked.append(request.url))
        page.goto(pages[name].as_uri())
        assert asked == [pages[name].as_uri()]
        assert faults == []
        look(page, name)
        picture(page, f"{name}-{width}-{scheme}", whole=name != "many agents")
    finally:
        context.close()
