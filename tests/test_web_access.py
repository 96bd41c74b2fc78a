"""Who may see what: every page with every role, forged forms, signing in, throttling, proxies, sessions that ended."""

import html
import json
import re
import threading
import time

import pytest

pytest.importorskip("fastapi", reason="needs the extra serve, which is not installed")

from desk_pages import PASSWORD, ROLES, Browser, contacts, hidden, make_run, open_desk, without_values

from cxsentiment.errors import UsageError
from cxsentiment.reviews import accounts as accounts_module
from cxsentiment.reviews.accounts import IDLE_S, LONGEST_S, Accounts, TooManyTriesError
from cxsentiment.reviews.store import LabelStore
from cxsentiment.reviews.tables import sessions, users
from cxsentiment.schema import Estimate
from cxsentiment.web.access import ACCESS, OPEN
from cxsentiment.web.app import make_app
from cxsentiment.web.desk import checked_url
from cxsentiment.web.overview import Group, ItemShare, Overview, for_client
from cxsentiment.web.server import Address, welcome
from cxsentiment.web.server import open_desk as open_served

# A request to every page and action: method and path. The test below fails for a route that is missing here.
REQUESTS = {
    "home": ("GET", "/"),
    "sign_out": ("POST", "/sign-out"),
    "overview": ("GET", "/r/may/overview"),
    "contacts": ("GET", "/r/may/contacts"),
    "contact": ("GET", "/r/may/contact?id=c0"),
    "agents": ("GET", "/r/may/agents"),
    "coaching": ("GET", "/r/may/coaching"),
    "queue": ("GET", "/r/may/queue"),
    "pick": ("POST", "/r/may/pick"),
    "review": ("GET", "/r/may/review"),
    "grade": ("GET", "/r/may/grade?assignment=1"),
    "save_grade": ("POST", "/r/may/grade"),
    "assign": ("POST", "/r/may/assign"),
    "batch": ("GET", "/r/may/batch?id=1"),
    "turns": ("GET", "/r/may/turns?id=c0"),
    "save_turns": ("POST", "/r/may/turns"),
    "disputes": ("GET", "/r/may/disputes"),
    "dispute": ("GET", "/r/may/dispute?id=1"),
    "contest": ("POST", "/r/may/contest"),
    "withdraw": ("POST", "/r/may/withdraw"),
    "decide": ("POST", "/r/may/decide"),
    "export": ("GET", "/r/may/export"),
    "export_file": ("POST", "/r/may/export"),
    "audit": ("GET", "/audit"),
    "users": ("GET", "/users"),
    "add_user": ("POST", "/users/add"),
    "user": ("GET", "/user?name=quin"),
    "set_user": ("POST", "/users"),
    "set_role": ("POST", "/user/role"),
    "set_password": ("POST", "/user/password"),
}
ACTIONS = [name for name, (method, _) in REQUESTS.items() if method == "POST"]


@pytest.fixture(scope="module")
def desk(desk_run, tmp_path_factory):
    made = open_desk([desk_run], str(tmp_path_factory.mktemp("db") / "reviews.db"), users=True)
    yield made
    made.close()


def test_every_route_stands_in_the_table_of_roles(desk):
    names = {route.name for route in _routes(make_app(desk))}
    assert names == set(ACCESS) | OPEN
    assert set(REQUESTS) == set(ACCESS)


def _routes(app):
    for route in app.routes:
        inner = getattr(route, "original_router", None)
        yield from inner.routes if inner is not None else [route]


@pytest.mark.parametrize("name", list(REQUESTS))
@pytest.mark.parametrize("who", list(ROLES))
def test_each_role_reaches_what_the_table_says_and_nothing_else(desk, name, who):
    method, path = REQUESTS[name]
    browser = Browser(desk).sign_in(who)
    browser.client.follow_redirects = False
    fields = {"csrf": browser.csrf}
    answer = browser.client.request(method, path, data=fields if method == "POST" else None)
    if ROLES[who] in ACCESS[name]:
        assert answer.status_code != 403, answer.text[-800:]
        assert answer.status_code < 500
    else:
        assert answer.status_code == 403
        assert "not for that role" in answer.text


@pytest.mark.parametrize("name", list(REQUESTS))
def test_nobody_sees_anything_without_signing_in(desk, name):
    method, path = REQUESTS[name]
    answer = Browser(desk).client.request(method, path, data={"a": "b"} if method == "POST" else None)
    assert answer.status_code == 401
    assert "A1" not in without_values(answer.text)


@pytest.mark.parametrize("name", ACTIONS)
@pytest.mark.parametrize("forgery", ["no token", "another token", "another session's", "other site", "other origin"])
def test_a_forged_form_is_refused(desk, name, forgery):
    browser = Browser(desk).sign_in("ada")
    right = browser.csrf
    other = Browser(desk).sign_in("ada").csrf
    token = {"no token": "", "another token": "x" * 43, "another session's": other}.get(forgery, right)
    headers = {"other site": {"sec-fetch-site": "cross-site"}, "other origin": {"origin": "https://evil.example"}}
    answer = browser.client.post(REQUESTS[name][1], data={"csrf": token}, headers=headers.get(forgery, {}))
    assert answer.status_code == 403
    assert "did not come from a page of this site" in answer.text


def test_signing_in_is_forged_neither(desk):
    browser = Browser(desk)
    fields = {"name": "ada", "password": PASSWORD, "csrf": "guessed"}
    assert browser.client.post("/sign-in", data=fields).status_code == 403
    page = browser.get("/sign-in")
    fields["csrf"] = hidden(page, "csrf")
    assert browser.client.post("/sign-in", data=fields, headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert browser.client.post("/sign-in", data=fields).status_code == 200


@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "application/json", "text/plain", ""])
def test_files_and_other_kinds_of_content_are_not_taken(desk, kind):
    browser = Browser(desk).sign_in("ada")
    answer = browser.client.post("/r/may/pick", content=b"--x\r\n", headers={"content-type": kind})
    assert answer.status_code == 415


def test_too_much_and_what_is_no_text_is_not_taken(desk):
    browser = Browser(desk).sign_in("ada")
    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert browser.client.post("/r/may/pick", content=b"a=" + b"x" * 600_000, headers=headers).status_code == 413
    for body in (b"\xff\xfe", b"a=%ff", b"&".join([b"a=b"] * 6_000)):
        assert browser.client.post("/r/may/pick", content=body, headers=headers).status_code == 400


def test_an_agent_sees_their_own_contacts_only(desk):
    browser = Browser(desk).sign_in("amy")
    text = browser.get("/r/may/contacts?agent=A2")
    assert "15 contacts." in text
    assert '<details class="filters">' in text  # nothing is narrowed but to their own
    assert ">A2<" not in text
    assert "winter" not in text  # not even the names of campaigns that they have no part in
    assert "winter" in Browser(desk).sign_in("tess").get("/r/may/contacts")
    assert "Start (UTC)" in text
    browser.get("/r/may/contact?id=c0")
    assert "Not your contact" in browser.get("/r/may/contact?id=c1", 403)
    said = browser.post("/r/may/contest", {"contact": "c1", "item": "greeting", "reason": "x"}, 403)
    assert "Not your contact" in said


def test_an_agents_id_that_no_run_has_is_told_to_the_agent_and_to_the_admin(desk_run, tmp_path):
    desk = open_desk([desk_run], str(tmp_path / "r.db"), users=True)
    assert "names this agent" not in Browser(desk).sign_in("ada").get("/users")
    with desk.store.writing() as connection:
        connection.execute(users.update().where(users.c.name == "amy").values(agent_id="a1"))
    text = Browser(desk).sign_in("amy").get("/r/may/contacts")
    assert "none names the agent <bdi>a1</bdi>" in text
    assert "Take one of the filters away" not in text
    assert Browser(desk).sign_in("ada").get("/users").count("no contact of the runs here names this agent") == 1
    desk.close()


def test_an_agent_without_an_id_sees_nobody(desk_run, tmp_path):
    desk = open_desk([desk_run], str(tmp_path / "r.db"), users=True)
    with desk.store.writing() as connection:
        connection.execute(users.update().where(users.c.name == "amy").values(agent_id=""))
    browser = Browser(desk).sign_in("amy")
    for page in ("contacts", "contacts?agent=A2", "coaching", "coaching?agent=A2", "contact?id=c1"):
        browser.get(f"/r/may/{page}", 403)
    assert "No verdict is contested" in browser.get("/r/may/disputes")
    desk.close()


def test_a_client_sees_totals_and_no_person(desk):
    text = without_values(Browser(desk).sign_in("cleo").get("/r/may/overview"))
    for told in ("A1", "A2", "A3", "c0", "declined", "queue?", "contact?"):
        assert told not in text
    assert "spring" in text
    assert "onerror" not in text  # the campaign of a single contact rests on too few
    assert "winter" not in text  # all less the others would tell it
    assert "winter" in Browser(desk).sign_in("quin").get("/r/may/overview")


def figures_of(campaigns, channels=(), crossed=(), *, scored, counts=(0, 0), paths=()) -> Overview:
    """An overview of so many contacts with a score, by campaign and channel."""

    def mean(n: int) -> Estimate:
        return Estimate(50.0, 40.0, 60.0, n, "mean")

    groups = [tuple(Group(name, n, mean(n)) for name, n in dict(given).items()) for given in (campaigns, channels)]
    item = ItemShare("greeting", "s", "?", mean(20), {"met": 19, "not_met": 1, **dict(zip(REST, counts, strict=True))})
    some = ((item,), dict(paths), 7, 8, (("no agent turn", 1),), dict(crossed))
    return Overview(scored, scored, "", "", mean(scored), *groups, *some)


REST = ("not_applicable", "unscored")


@pytest.mark.parametrize(
    ("campaigns", "scored", "shown"),
    [
        ({"a": 20, "b": 10}, 30, "ab"),
        ({"a": 20, "b": 10, "c": 4}, 34, "a"),  # all less a and b would be c
        ({"a": 20, "b": 10, "c": 3, "d": 2}, 35, "ab"),  # c and d together are enough
        ({"a": 20, "b": 10}, 33, "a"),  # three contacts name no campaign
        ({"a": 4}, 4, ""),
        ({"a": 30, "b": 1}, 31, ""),
    ],
)
def test_a_client_cannot_work_out_a_group_of_fewer_than_five(campaigns, scored, shown):
    for asked in (figures_of(campaigns, scored=scored), figures_of((), campaigns, scored=scored)):
        found = for_client(asked)
        assert "".join(one.name for one in (*found.campaigns, *found.channels)) == shown
    assert "".join(for_client(figures_of((), scored=scored, paths=campaigns)).paths) == shown


def test_a_client_cannot_work_out_few_contacts_from_a_campaign_and_a_channel():
    campaigns, channels = {"a": 20, "b": 20}, {"call": 18, "chat": 22}
    within = {("a", "call"): 18, ("a", "chat"): 2, ("b", "chat"): 20}  # a less call would be two chats
    found = for_client(figures_of(campaigns, channels, within, scored=40))
    assert [one.name for one in (*found.campaigns, *found.channels)] == ["a", "b"]
    across = {("a", "call"): 13, ("a", "chat"): 7, ("b", "call"): 5, ("b", "chat"): 15}
    found = for_client(figures_of(campaigns, channels, across, scored=40))
    assert [one.name for one in (*found.campaigns, *found.channels)] == ["a", "b", "call", "chat"]


def test_a_client_cannot_work_out_few_contacts_from_sums_of_campaigns_and_channels():
    campaigns = dict.fromkeys("abcd", 20)
    channels = {"call": 19, "chat": 42, "mail": 19}
    crossed = {("a", "chat"): 20, ("b", "chat"): 20, ("c", "chat"): 2, ("c", "call"): 9, ("c", "mail"): 9}
    crossed |= {("d", "call"): 10, ("d", "mail"): 10}
    # chat less a and b would be two contacts, and so would c and d less call and mail
    found = for_client(figures_of(campaigns, channels, crossed, scored=80))
    assert [one.name for one in (*found.campaigns, *found.channels)] == [*"abcd", "call"]


@pytest.mark.parametrize(("counts", "told"), [((5, 0), (5, 0)), ((0, 0), (0, 0)), ((4, 9), ()), ((9, 1), ())])
def test_a_client_is_not_told_that_a_few_contacts_have_no_verdict(counts, told):
    assert tuple(for_client(figures_of((), scored=30, counts=counts)).items[0].counts.values()) == told


def test_a_client_sees_no_figure_of_fewer_than_five_contacts(tmp_path, toy_bundle):
    desk = open_desk([make_run(tmp_path, toy_bundle, contacts(4))], str(tmp_path / "r.db"), users=True)
    lead, client = (Browser(desk).sign_in(name).get("/r/may/overview") for name in ("quin", "cleo"))
    mean = re.search(r'Mean score, of 100</dt><dd class="value">([^<]+)', lead)[1]
    assert float(mean) > 0
    assert "shown from 5 contacts on" in client
    assert f">{mean}<" not in client
    assert "Sentiment turned for" in lead
    assert "Sentiment turned for" not in client  # not 0 either: that would be wrong
    desk.close()


def test_signing_in_and_out(desk):
    browser = Browser(desk)
    page = browser.get("/r/may/queue?why=flag", 401)
    fields = {"csrf": hidden(page, "csrf"), "next": hidden(page, "next"), "name": " QUIN ", "password": PASSWORD}
    answer = browser.client.post("/sign-in", data=fields)
    assert str(answer.url).endswith("/r/may/queue?why=flag")
    before = browser.client.cookies[desk.way.cookie]
    assert "You are signed out" in browser.post("/sign-out", {})
    browser.client.cookies.set(desk.way.cookie, before)
    browser.get("/r/may/queue", 401)
    again = browser.post("/sign-out", {}, 401, csrf="gone")  # sent twice: there is nothing to send a third time
    assert "What you entered" not in again
    assert 'name="kept"' not in again


@pytest.mark.parametrize("target", ["//evil.example", "https://evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_signing_in_leads_to_no_other_site(desk, target):
    assert hidden(Browser(desk).client.get("/sign-in", params={"next": target}).text, "next") == "/"


def test_wrong_passwords_are_slowed_down_and_told_apart_from_nothing(desk_run, tmp_path):
    desk = open_desk([desk_run], str(tmp_path / "reviews.db"), users=True)
    browser = Browser(desk)
    fields = {"csrf": hidden(browser.get("/sign-in"), "csrf"), "name": "tess", "password": "not it, not it"}
    texts = set()
    for name in ["tess"] * 5 + ["nobody"]:
        answer = browser.client.post("/sign-in", data={**fields, "name": name})
        assert answer.status_code == 401
        texts.add(re.search(r'role="alert">([^<]+)<', answer.text)[1])
    assert len(texts) == 1
    answer = browser.client.post("/sign-in", data={**fields, "password": PASSWORD})
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) > 600
    assert "not it" not in json.dumps(desk.store.log())
    assert "nobody" not in json.dumps(desk.store.log())
    desk.close()


def test_throttling_ends_and_guards_names_and_addresses(desk_run, tmp_path, monkeypatch):
    with LabelStore.open(str(tmp_path / "r.db"), create=True) as store:
        known = Accounts(store)
        monkeypatch.setattr(
            accounts_module.passwords, "is_right", lambda given, stored: given == "right" and bool(stored)
        )
        monkeypatch.setattr(accounts_module.passwords, "hashed", lambda given: "hash")
        known.add("ada", "admin", agent_id=None, password="any")
        moment = [1_000_000]
        monkeypatch.setattr(accounts_module.time, "time", lambda: moment[0])
        for k in range(50):
            assert known.sign_in("ada", "wrong", f"10.0.0.{k}") is None
        with pytest.raises(TooManyTriesError):
            known.sign_in("ada", "right", "10.0.1.1")
        moment[0] += 15 * 60 + 1
        assert known.sign_in("ada", "right", "10.0.1.1").name == "ada"
        for k in range(50):
            known.sign_in(f"user{k}", "wrong", "10.0.9.9")
        with pytest.raises(TooManyTriesError):
            known.sign_in("ada", "right", "10.0.9.9")


def test_guesses_that_are_sent_at_once_count_each_other(tmp_path, monkeypatch):
    with LabelStore.open(str(tmp_path / "r.db"), create=True) as store:
        known = Accounts(store)
        looked_at, told = [], []
        opened = threading.Event()

        def slow(given: str, stored: str | None) -> bool:
            looked_at.append(given)
            opened.wait(20)
            return given == "right"

        monkeypatch.setattr(accounts_module.passwords, "is_right", slow)
        monkeypatch.setattr(accounts_module.passwords, "hashed", lambda given: "hash")
        known.add("ada", "admin", agent_id=None, password="any")

        def guess(k: int) -> None:
            try:
                told.append(known.sign_in("ada", f"guess {k}", "here"))
            except TooManyTriesError:
                told.append("refused")

        threads = [threading.Thread(target=guess, args=[k]) for k in range(12)]
        for one in threads:
            one.start()
        end = time.monotonic() + 20
        while len(looked_at) + len(told) < 12 and time.monotonic() < end:
            time.sleep(0.01)
        opened.set()
        for one in threads:
            one.join(30)
        assert len(looked_at) == 5
        assert told.count("refused") == 7


def test_right_passwords_use_up_no_tries(tmp_path, monkeypatch):
    with LabelStore.open(str(tmp_path / "r.db"), create=True) as store:
        known = Accounts(store)
        monkeypatch.setattr(accounts_module.passwords, "is_right", lambda given, stored: given == "right")
        monkeypatch.setattr(accounts_module.passwords, "hashed", lambda given: "hash")
        known.add("ada", "admin", agent_id=None, password="any")
        moment = [1_000_000]
        monkeypatch.setattr(accounts_module.time, "time", lambda: moment[0])
        for k in range(49):
            known.sign_in(f"user{k}", "wrong", "office")
        for _ in range(60):
            moment[0] += 10
            assert known.sign_in("ada", "right", "office").name == "ada"
        moment[0] += 15 * 60 - 600 + 1  # since the last wrong one: the right ones must not have kept it young
        for k in range(49):
            assert known.sign_in(f"other{k}", "wrong", "office") is None
        assert known.sign_in("ada", "right", "office").name == "ada"


def test_a_session_ends_when_idle_when_old_and_with_its_user(desk_run, tmp_path, monkeypatch):
    desk = open_desk([desk_run], str(tmp_path / "reviews.db"), users=True)
    moment = [1_000_000]
    monkeypatch.setattr(accounts_module.time, "time", lambda: moment[0])
    browser = Browser(desk).sign_in("quin")
    moment[0] += IDLE_S - 1
    browser.get("/r/may/contacts")
    moment[0] += IDLE_S - 1
    browser.get("/r/may/contacts")
    moment[0] += IDLE_S + 1
    browser.get("/r/may/contacts", 401)
    browser.sign_in("quin")
    for _ in range(LONGEST_S // 3_000):
        moment[0] += 3_000
        browser.client.get("/r/may/contacts")
    moment[0] += 3_000
    browser.get("/r/may/contacts", 401)
    admin = Browser(desk).sign_in("ada")
    browser.sign_in("quin")
    admin.post("/users", {"name": "quin", "disabled": "yes"})
    browser.get("/r/may/contacts", 401)
    browser.sign_in("quin")
    browser.get("/r/may/contacts", 401)
    assert "shut yourself out" in admin.post("/users", {"name": "ada", "disabled": "yes"}, 400)
    desk.close()


def test_what_was_entered_outlives_the_session(desk_run, tmp_path):
    desk = open_desk([desk_run], str(tmp_path / "reviews.db"), users=True)
    browser = Browser(desk).sign_in("quin")
    csrf = browser.csrf
    desk.accounts.end(browser.client.cookies[desk.way.cookie])
    entered = {"contact": "c1", "item": "greeting", "reason": 'He <b>did</b> greet, "in his way"'}
    page = browser.post("/r/may/contest", entered, 401, csrf=csrf)
    assert "What you entered is kept" in page
    assert "Copy it before you leave" not in page
    fields = {"csrf": hidden(page, "csrf"), "kept": hidden(page, "kept"), "name": "quin", "password": PASSWORD}
    page = browser.client.post("/sign-in", data=fields).text
    assert "Nothing of this is saved yet" in page
    assert "<b>did" not in page
    sent = {
        html.unescape(name): html.unescape(value) for name, value in re.findall(r'name="([^"]+)" value="([^"]*)"', page)
    }
    assert "The verdict is contested" in browser.client.post(re.search(r'action="(/r[^"]+)"', page)[1], data=sent).text
    assert desk.store.log()[-1]["action"] == "contested"
    other = Browser(desk).sign_in("quin")
    same = {"sec-fetch-site": "same-origin"}
    answer = other.client.post("/r/may/contest", data={**entered, "csrf": csrf}, headers=same)
    assert answer.status_code == 403
    assert "Nothing of this is saved yet" in answer.text
    assert hidden(answer.text, "csrf") == other.csrf
    for kept in ("{", "[1]", json.dumps({"path": "//evil", "fields": []}), "[" * 100_000):
        again = Browser(desk)
        fields = {"csrf": hidden(again.get("/sign-in"), "csrf"), "name": "quin", "password": PASSWORD, "kept": kept}
        answer = again.client.post("/sign-in", data=fields)
        assert answer.status_code == 200
        assert "evil" not in answer.text
    desk.close()


def test_behind_a_proxy_only_its_own_word_counts(desk_run, tmp_path):
    desk = open_desk([desk_run], str(tmp_path / "r.db"), users=True, proxy_header="X-User", proxy_from=("testclient",))
    browser = Browser(desk)
    browser.get("/r/may/contacts", 403)
    browser.client.headers["X-User"] = "quin"
    browser.get("/r/may/contacts")
    browser.get("/audit", 403)
    assert "Not for your role" in browser.get("/users", 403)
    token = hidden(browser.get("/r/may/review"), "csrf")
    said = browser.post("/r/may/assign", {"name": "b", "kind": "random", "count": "2", "grader": "quin"}, csrf=token)
    assert "The contacts are assigned" in said
    browser.post("/r/may/assign", {"name": "b", "kind": "random", "count": "2", "grader": "quin"}, 403, csrf="x")
    browser.client.headers["X-User"] = "Quin"
    browser.get("/r/may/contacts")
    two = browser.client.get("/users", headers=[("x-user", "ada"), ("x-user", "quin")])
    assert two.status_code == 403
    assert "Not through the proxy" in two.text
    browser.client.headers["X-User"] = "mallory"
    assert "Not a user here" in browser.get("/r/may/contacts", 403)
    desk.way = type(desk.way)(proxy_header="X-User", proxy_from=("10.0.0.1",))
    browser.client.headers["X-User"] = "ada"
    assert "Not through the proxy" in browser.get("/r/may/contacts", 403)
    desk.close()


def test_wrong_passwords_behind_a_proxy_are_counted_by_who_sends_them(desk_run, tmp_path):
    desk = open_desk([desk_run], str(tmp_path / "r.db"), users=True, proxy_from=("testclient",))
    browser = Browser(desk)
    fields = {"csrf": hidden(browser.get("/sign-in"), "csrf"), "name": "tess", "password": "not it, not it"}
    for k in range(6):
        headers = {"x-forwarded-for": f"spoofed{k}, 10.1.1.1"}
        status = browser.client.post("/sign-in", data=fields, headers=headers).status_code
    assert status == 429
    elsewhere = {"x-forwarded-for": "10.1.1.1, 10.1.1.2"}
    assert browser.client.post("/sign-in", data={**fields, "password": PASSWORD}, headers=elsewhere).status_code == 200
    assert desk.store.log()[-1]["details"]["address"] == "10.1.1.2"
    lines = [("x-forwarded-for", "10.9.9.9"), ("x-forwarded-for", "10.1.1.3")]  # as a proxy that adds a line writes it
    browser.client.post("/sign-in", data=fields, headers=lines)
    assert desk.store.log()[-1]["details"]["address"] == "10.1.1.3"
    desk.close()


def test_behind_tls_the_cookie_is_secure_and_names_are_checked(desk_run, tmp_path):
    desk = open_desk([desk_run], str(tmp_path / "r.db"), users=True, public_url="https://qa.example.org")
    browser = Browser(desk, "https://qa.example.org")
    page = browser.client.get("/sign-in")
    assert "max-age" in page.headers["strict-transport-security"]
    fields = {"csrf": hidden(page.text, "csrf"), "name": "quin", "password": PASSWORD}
    browser.client.follow_redirects = False
    answer = browser.client.post("/sign-in", data=fields, headers={"origin": "https://qa.example.org"})
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("__Host-cxsentiment=")
    assert {"secure", "httponly", "samesite=lax", "path=/"} <= {part.strip().lower() for part in cookie.split(";")}
    assert Browser(desk, "https://other.example.org").client.get("/sign-in").status_code == 400
    desk.close()


def test_passwords_are_hashes_and_tokens_are_not_kept(desk):
    token = desk.accounts.start("ada")
    with desk.store.reading() as connection:
        kept = [row.password_hash for row in connection.execute(users.select())]
        tokens = [row.token_sha256 for row in connection.execute(sessions.select())]
    assert all(one.startswith("$argon2id$") for one in kept)
    assert token not in tokens


@pytest.mark.parametrize(
    ("name", "role", "agent", "password", "said"),
    [("Ada", "admin", None, PASSWORD, "no name"), ("eve", "boss", None, PASSWORD, "no role")]
    + [("eve", "agent", " ", PASSWORD, "the role agent"), ("eve", "agent", None, PASSWORD, "the role agent")]
    + [("eve", "qa", "A1", PASSWORD, "the role agent")]
    + [("eve", "qa", None, "short", "12 to 200"), ("ada", "qa", None, PASSWORD, "already")],
)
def test_users_that_cannot_be_are_refused(desk, name, role, agent, password, said):
    with pytest.raises(UsageError, match=said):
        desk.accounts.add(name, role, agent_id=agent, password=password)


def test_without_users_only_this_machine_is_served(desk_run, tmp_path):
    database = str(tmp_path / "r.db")
    with pytest.raises(UsageError, match="no users"):
        open_served([desk_run], database, Address("0.0.0.0", 8765))
    with pytest.raises(UsageError, match="no users"):
        open_served([desk_run], database, Address("127.0.0.1", 8765, public_url="https://qa.example.org"))
    desk = open_served([desk_run], database, Address("127.0.0.1", 8765))
    assert f"http://127.0.0.1:8765/enter?token={desk.way.token}" in welcome(desk, Address("127.0.0.1", 8765))[1]
    desk.accounts.add("ada", "admin", agent_id=None, password=PASSWORD)
    desk.close()
    again = open_served([desk_run], database, Address("0.0.0.0", 8765))
    assert again.way.token is None
    assert "unencrypted" in welcome(again, Address("0.0.0.0", 8765))[1]
    again.close()


@pytest.mark.parametrize(
    ("url", "origin"),
    [("https://QA.Example.org/", "https://qa.example.org"), ("https://qa.example.org:443", "https://qa.example.org")]
    + [("http://[::1]:80", "http://[::1]"), ("https://qa.example.org:8443", "https://qa.example.org:8443")],
)
def test_forms_are_taken_at_a_public_address_however_it_was_written(desk_run, tmp_path, url, origin):
    address = checked_url(url)
    assert address == origin
    desk = open_desk([desk_run], str(tmp_path / "r.db"), users=True, public_url=address)
    browser = Browser(desk, origin).sign_in("quin")
    fields = {"csrf": browser.csrf, "contact": "nobody"}
    assert browser.client.post("/r/may/pick", data=fields, headers={"origin": origin}).status_code == 404
    desk.close()


@pytest.mark.parametrize(
    "url", ["qa.example.org", "ftp://x", "https://x/path", "https://[", "https://x:99999", "https://x:y", ""]
)
def test_a_public_address_that_is_none_is_refused(desk_run, tmp_path, url):
    if url:
        with pytest.raises(UsageError, match="no address"):
            open_served([desk_run], str(tmp_path / "r.db"), Address("127.0.0.1", 8765, public_url=url))
