"""The pages in a real browser: each role's way through them, by keyboard, without a fault of access or a request away.

Pictures of them are kept (`browsing.py`).
"""

import json
import re
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="needs the extra serve, which is not installed")

from browsing import IN_A_BROWSER, WIDTHS, look, picture, served, started_chromium
from desk_pages import NASTY, PASSWORD, contacts, make_run, open_desk

from cxsentiment.findings import write_report
from cxsentiment.reviews.assigning import Assignments, Draw

pytestmark = IN_A_BROWSER
PAGES = (
    *("overview", "contacts", "contacts?words=refund", "contact?id=c1", "contact?id=c2", "contact?id=c21", "agents"),
    *("coaching", "queue", "review", "grade?assignment=1", "disputes", "dispute?id=1", "turns?id=c5", "export"),
    *("batch?id=1", "contact?id=nobody", "contacts?since=x"),
)


@pytest.fixture(scope="module")
def chromium():
    yield from started_chromium()


def _desk(folder: Path, bundle: Path, given=None):
    run = make_run(folder, bundle, given)
    write_report(run)
    return open_desk([run], str(folder / "reviews.db"), users=True)


@pytest.fixture(scope="module")
def desk(tmp_path_factory, toy_bundle):
    made = _desk(tmp_path_factory.mktemp("runs"), toy_bundle)
    key = made.facts("may").key
    Assignments(made.store).draw(
        Draw(key, "May", "double", [f"c{k}" for k in range(8, 20)], 2, ["quin", "tess"]), "ada"
    )
    yield made
    made.close()


@pytest.fixture(scope="module")
def address(desk):
    with served(desk) as base:
        yield base


class Visit:
    """A browser window of one person, which notes every fault and every request to elsewhere."""

    def __init__(
        self, chromium, desk, address: str, name: str | None, width: str = "desktop", dark: bool = False
    ) -> None:
        size = dict(zip(("width", "height"), WIDTHS[width], strict=True))
        scheme = "dark" if dark else "light"
        self.context = chromium.new_context(viewport=size, color_scheme=scheme, accept_downloads=True)
        if name is not None:
            cookie = {"name": desk.way.cookie, "value": desk.accounts.start(name), "url": address}
            self.context.add_cookies([cookie])
        self.page = self.context.new_page()
        self.address = address
        self.faults: list[str] = []
        self.page.on("console", lambda said: self._note(said.text) if said.type in ("error", "warning") else None)
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.faults.append(f"dialog {dialog.message}"), dialog.accept()))
        self.page.on("request", self._requested)

    def _note(self, text: str) -> None:
        # The browser reports the status of a page that says no; the tests ask for such pages.
        if not re.search(r"status of (400|401|403|404|409)", text):
            self.faults.append(text)

    def _requested(self, request) -> None:
        if not request.url.startswith(self.address):
            self.faults.append(f"request to {request.url}")

    def go(self, path: str):
        self.page.goto(self.address + path)
        return self.page

    def close(self) -> None:
        self.context.close()
        assert self.faults == []


@pytest.fixture
def visit(chromium, desk, address):
    opened = []

    def open_(name: str | None, width: str = "desktop", dark: bool = False) -> Visit:
        opened.append(Visit(chromium, desk, address, name, width, dark))
        return opened[-1]

    yield open_
    for one in opened:
        one.close()


@pytest.mark.parametrize("width", list(WIDTHS))
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_every_page_is_readable_by_everybody(visit, desk, width, dark):
    _dispute(desk)
    one = visit("quin", width, dark)
    for path in PAGES:
        page = one.go(f"/r/may/{path}")
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true; })")
        name = re.sub(r"[^a-z0-9]+", "-", path)
        picture(page, f"{name}-{width}-{'dark' if dark else 'light'}")
        look(page, path)
    admin = visit("ada", width, dark)
    for path in ("/audit", "/users", "/user?name=amy"):
        page = admin.go(path)
        picture(page, f"{re.sub(r'[^a-z0-9]+', '-', path[1:])}-{width}-{'dark' if dark else 'light'}")
        look(page, path)
    nobody = visit(None, width, dark)
    look(nobody.go("/r/may/contacts"), "sign-in")
    assert nobody.page.title().startswith("Sign in")


def _dispute(desk):
    from cxsentiment.reviews.disputes import Disputes, Machine

    key = desk.facts("may").key
    if not Disputes(desk.store).of(key):
        Disputes(desk.store).open(key, "c4", "greeting", Machine("not_met", 0.0, 0.1), NASTY, "amy")


def sign_in(page, name):
    """Fill the form that stands before a page, and get to the page."""
    wanted = page.url
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(wanted)


def test_a_lead_filters_opens_a_contact_and_follows_its_evidence(visit):
    one = visit(None)
    page = one.go("/r/may/contacts")
    sign_in(page, "quin")
    page.locator("summary", has_text="Filter").click()
    page.get_by_label("Agent").fill("A2")
    page.get_by_label("Words said").fill("my card")
    page.get_by_role("button", name="Show").click()
    assert "contacts match" in page.get_by_role("status").inner_text()
    page.locator("tbody th a").first.click()
    link = page.locator(".quote a").first
    target = link.get_attribute("href")
    link.click()
    assert page.url.endswith(target)
    assert page.locator(target).evaluate("one => one.matches(':target')")
    page.get_by_role("button", name="Sign out").click()
    assert "You are signed out" in page.get_by_role("status").inner_text()


def test_a_contact_is_graded_blind_by_keyboard_alone(visit, desk):
    one = visit("tess")
    page = one.go("/r/may/review")
    keys = page.keyboard
    _tab_to(page, lambda: page.evaluate("document.activeElement.textContent").startswith("Grade "))
    keys.press("Enter")
    page.wait_for_url("**/grade?assignment=*")
    assert "machine, p of met" not in page.content()
    _tab_to(page, lambda: page.evaluate("document.activeElement.type") == "radio")
    questions = page.locator("fieldset.question").count()
    keys.press("2")
    for _ in range(questions - 1):
        keys.press("1")
    keys.press("k")
    keys.press("j")
    keys.press("Control+Enter")
    page.wait_for_url("**said=graded")
    found = [label for label in desk.store.labels() if label.grader == "tess"]
    assert len(found) == questions
    assert sorted({label.points for label in found}) == [0.0, 1.0]


def _tab_to(page, there) -> None:
    for _ in range(80):
        page.keyboard.press("Tab")
        if there():
            return
    raise AssertionError("the keyboard does not get there")


def test_a_dispute_goes_from_the_agent_to_the_reviewer_and_back(visit, desk):
    agent, lead = visit("amy"), visit("quin")
    page = agent.go("/r/may/contacts")
    assert page.locator("nav a", has_text="Queue").count() == 0
    page.goto(agent.address + "/r/may/contact?id=c20")
    item = page.locator("article.not_met").first
    item.locator("summary").click()
    item.get_by_label("Why this verdict is wrong").fill("It was said in Tagalog.")
    item.get_by_role("button", name="Send").click()
    number = re.search(r"id=(\d+)", page.url)[1]
    decided = lead.go(f"/r/may/dispute?id={number}")
    decided.get_by_label("met", exact=True).check()
    decided.get_by_label("Why, for both sides to read").fill("Indeed it was.")
    decided.get_by_role("button", name="Decide").click()
    assert "the score is recomputed" in decided.get_by_role("status").inner_text()
    page.goto(agent.address + "/r/may/contact?id=c20")
    assert "with people's verdicts" in page.locator("dl.facts").first.inner_text()
    assert "Indeed it was." in page.locator(".held").first.inner_text()


def test_labels_are_taken_along(visit, desk):
    one = visit("quin")
    page = one.go("/r/may/turns?id=c5")
    page.locator("input[value=negative]").first.check()
    page.get_by_role("button", name="Save").click()
    page.goto(one.address + "/r/may/export")
    with page.expect_download() as waiting:
        page.locator("article", has_text="Labelled turns").get_by_role("button").click()
    assert waiting.value.suggested_filename == "may-turns.jsonl"
    row = json.loads(Path(waiting.value.path()).read_text(encoding="utf-8").splitlines()[0])
    assert row["sentiment"] == "negative"


def test_an_admin_adds_a_user_who_signs_in(visit):
    one = visit("ada", "phone")
    page = one.go("/users")
    page.get_by_label("Name").fill("eve")
    page.get_by_label("Role").select_option("agent")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Add").click()
    assert "goes with the role agent" in page.get_by_role("alert").inner_text()
    look(page, "users with a problem")
    page.get_by_label("Agent's id in the runs").fill("A3")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Add").click()
    assert "The user is added" in page.get_by_role("status").inner_text()
    page.get_by_role("link", name="Change eve").click()
    page.get_by_label("Role").select_option("trainer")
    page.get_by_label("Agent's id in the runs").fill("")
    page.get_by_role("button", name="Change the role").click()
    assert page.locator("tr", has_text="eve").locator("td").first.inner_text().endswith("trainer")
    new = visit(None)
    page = new.go("/r/may/agents")
    sign_in(page, "eve")


def test_a_client_sees_the_overview_alone(visit):
    one = visit("cleo", "phone")
    page = one.go("/")
    assert page.url.endswith("/r/may/overview")
    assert page.locator("nav[aria-label=Pages] a").all_inner_texts() == ["Overview"]
    look(page, "client")


@pytest.mark.parametrize(("agents", "count"), [(0, 3), (1, 6), (500, 1_000)])
def test_pages_with_no_agent_one_and_five_hundred(chromium, toy_bundle, tmp_path, agents, count):
    given = [
        {**one, "id": f"n{k}", "agent_id": f"agent-{k % agents:03d}" if agents else None, "campaign": "may"}
        for k, one in enumerate((contacts(60) * 20)[:count])
        if len(one["turns"]) < 100
    ]
    desk = _desk(tmp_path, toy_bundle, given)
    with served(desk) as base:
        for width in WIDTHS:
            one = Visit(chromium, desk, base, "quin", width)
            for path in ("overview", "contacts", "agents", "coaching"):
                page = one.go(f"/r/may/{path}")
                picture(page, f"{path}-{agents}-agents-{width}")
                look(page, f"{path} with {agents} agents")
            one.close()
    desk.close()
