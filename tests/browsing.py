"""A real browser for tests of pages, what is looked for in every page, and a desk behind a real port.

Pictures of every page go to the folder that CXSENTIMENT_PICTURES names, if it names one.
"""

import json
import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("playwright.sync_api", reason="needs Playwright, which is not installed")
pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe, which is not installed")

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

if TYPE_CHECKING:
    from cxsentiment.web.desk import Desk

_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
IN_A_BROWSER = [
    pytest.mark.slow,
    pytest.mark.skipif(_CHROMIUM is None, reason="needs a browser (Debian: chromium), which is not installed"),
]
"""The marks of a file of such tests."""
WIDTHS = {"desktop": (1280, 900), "phone": (390, 844)}


def started_chromium() -> Iterator[Browser]:
    """A browser without a window, for a fixture."""
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def picture(page: Page, name: str, *, whole: bool = True) -> None:
    """Keep a picture of the page, where somebody wants them."""
    if folder := os.environ.get("CXSENTIMENT_PICTURES"):
        page.screenshot(path=str(Path(folder) / f"{name}.png".replace(" ", "-")), full_page=whole)


def look(page: Page, name: str) -> None:
    """No fault of access by axe's rules, nothing wider than the window."""
    found = Axe().run(page)
    told = [(one["id"], [node["html"][:120] for node in one["nodes"][:3]]) for one in found.response["violations"]]
    assert told == [], f"{name}: {json.dumps(told, indent=1)}"
    over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert over <= 0, f"{name} is {over} pixels wider than the window"


@contextmanager
def served(desk: "Desk") -> Iterator[str]:
    """Serve a desk on a free port of this machine; its address."""
    import uvicorn

    from cxsentiment.web.app import make_app

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = uvicorn.Config(make_app(desk), host="127.0.0.1", port=port, log_level="error", lifespan="off")
    server = uvicorn.Server(settings)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(20)
