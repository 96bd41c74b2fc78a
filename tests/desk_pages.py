"""A desk over a small run for tests of pages: who signs in, and forms sent as a browser sends them."""

import html
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cxsentiment.pipeline import Settings, run
from cxsentiment.reviews.store import LabelStore
from cxsentiment.rubric.reading import default_rubric, read_rubric
from cxsentiment.web.app import make_app
from cxsentiment.web.desk import Desk, Way
from cxsentiment.web.shelf import Shelf

PASSWORD = "a long enough pass"
NASTY = "<script>alert(1)</script>\"'{{7*7}}${7*7}<img src=x onerror=alert(1)>"
"""Text that would run, or be computed, where a page forgot to escape it."""
ROLES = {"ada": "admin", "quin": "qa", "tess": "trainer", "amy": "agent", "cleo": "client"}


def contacts(count: int = 60) -> list[dict[str, Any]]:
    """Contacts of four agents, one of them with a name and words that try to run; one in Arabic, one very long."""
    made = []
    for k in range(count):
        agent = ["A1", "A2", "A3", NASTY][k % 4]
        turns = [
            ("agent", "Hello, Anna speaking. How can I help?" if k % 3 else "Yes?"),
            ("customer", "My card was declined again, this is terrible." if k % 2 else "Where is my refund?"),
            ("agent", "I am sorry, I understand. What is the number?" if k % 5 else "Whatever, that is stupid."),
            ("customer", "Great, thanks." if k % 3 == 0 else "Still awful."),
        ]
        if k == 1:
            turns.append(("customer", NASTY))
        if k == 2:
            turns.append(("customer", "مرحبا، أين طلبي؟"))
        if k == 3:
            turns += [("customer", f"and one more thing, number {n}") for n in range(900)] + [("customer", "x" * 9_000)]
        if k in (21, 25, 29):
            turns = turns * 3  # long enough to have a mood at the start and at the end
        campaign = NASTY if k == 5 else ["spring", "winter"][k % 2]
        made.append(
            {
                "id": f"c/{k}&?" if k == 7 else f"c{k}",
                "agent_id": agent,
                "channel": "chat" if k % 2 else "call",
                "customer_id": NASTY if k in (1, 5, 8, 9) else "u2" if k in (21, 25, 29) else None,
                "campaign": campaign,
                "started_at": f"2026-05-{1 + k % 28:02d}T10:{k % 60:02d}:00Z",
                "turns": [{"speaker": speaker, "text": text} for speaker, text in turns],
            }
        )
    return made


def make_run(folder: Path, bundle: Path, given: list[dict[str, Any]] | None = None, name: str = "may") -> Path:
    """Score contacts with the toy model into a run folder."""
    source = folder / f"{name}.jsonl"
    source.write_text("".join(json.dumps(one) + "\n" for one in given or contacts()), encoding="utf-8")
    run([str(source)], folder / name, Settings(bundle, read_rubric(default_rubric())))
    return folder / name


def open_desk(runs: list[Path], database: str, *, users: bool = False, **way: Any) -> Desk:
    """A desk over runs; with `users` one of each role, all with the same password."""
    desk = Desk(Shelf(runs), LabelStore.open(database, create=True), Way(**way))
    if users:
        from cxsentiment.reviews.passwords import hashed
        from cxsentiment.reviews.tables import users as table

        same = hashed(PASSWORD)  # hashing is slow on purpose: once is enough for five users
        for name, role in ROLES.items():
            desk.accounts.add(name, role, agent_id="A1" if role == "agent" else None, password=None)
        with desk.store.writing() as connection:
            connection.execute(table.update().values(password_hash=same))
    return desk


class Browser:
    """A browser without a window: it keeps cookies, and sends forms with what their page holds."""

    def __init__(self, desk: Desk, address: str = "http://127.0.0.1:8765") -> None:
        from starlette.testclient import TestClient

        self.client = TestClient(make_app(desk), base_url=address, follow_redirects=True, raise_server_exceptions=False)
        self.desk = desk

    def sign_in(self, name: str) -> "Browser":
        """Begin a session without the form, which costs a slow hash: its own tests use it."""
        self.client.cookies.set(self.desk.way.cookie, self.desk.accounts.start(name))
        return self

    def get(self, path: str, status: int = 200) -> str:
        """A page's text."""
        answer = self.client.get(path)
        assert answer.status_code == status, (path, answer.status_code, answer.text[-1500:])
        return answer.text

    @property
    def csrf(self) -> str:
        """The token that the forms of this browser's session carry."""
        session = self.desk.accounts.session(self.client.cookies.get(self.desk.way.cookie, ""))
        return session.csrf if session else hidden(self.client.get("/").text, "csrf")

    def post(self, path: str, fields: Mapping[str, Any], status: int = 200, *, csrf: str | None = None) -> str:
        """Send a form with the session's token, as its page would."""
        token = self.csrf if csrf is None else csrf
        answer = self.client.post(path, data={"csrf": token, **fields})
        assert answer.status_code == status, (path, answer.status_code, answer.text[-1500:])
        return answer.text


def hidden(page: str, name: str) -> str:
    """The value of a hidden field of a page."""
    found = re.search(rf'name="{re.escape(name)}" value="([^"]*)"', page)
    assert found, name
    return html.unescape(found[1])


def without_values(page: str) -> str:
    """A page without what its fields hold: a token is of random letters, and may hold any short word."""
    return re.sub(r'value="[^"]*"', "", page)
