"""Users by page: an admin adds, changes and shuts out; nobody is left without an admin, and no password is shown."""

import threading

import pytest

pytest.importorskip("fastapi", reason="needs the extra serve, which is not installed")

from desk_pages import NASTY, PASSWORD, Browser, open_desk

from cxsentiment.errors import UsageError
from cxsentiment.reviews.accounts import Accounts
from cxsentiment.reviews.store import LabelStore

NEW = "quite another long pass"


@pytest.fixture(params=["sqlite", "postgresql"])
def accounts(request, tmp_path):
    database = str(tmp_path / "r.db") if request.param == "sqlite" else request.getfixturevalue("postgres")
    with LabelStore.open(database, create=True) as made:
        yield Accounts(made)


def test_an_admin_adds_changes_and_shuts_out_a_user(desk):
    admin = Browser(desk).sign_in("ada")
    told = admin.post("/users/add", {"name": " Eve ", "role": "agent", "agent": "A2", "password": NEW})
    assert "The user is added" in told
    assert desk.accounts.sign_in("eve", NEW, "here").agent_id == "A2"
    eve = Browser(desk).sign_in("eve")
    assert "c1" in eve.get("/r/may/contacts")
    assert "The user is changed" in admin.post("/user/role", {"name": "eve", "role": "trainer", "agent": ""})
    eve.get("/r/may/contacts", 401)
    assert desk.accounts.find("eve").role == "trainer"
    assert desk.accounts.find("eve").agent_id is None
    admin.post("/user/password", {"name": "eve", "password": PASSWORD})
    assert desk.accounts.sign_in("eve", NEW, "here") is None
    assert desk.accounts.sign_in("eve", PASSWORD, "here") is not None
    admin.post("/users", {"name": "eve", "disabled": "yes"})
    assert desk.accounts.sign_in("eve", PASSWORD, "here") is None
    assert "Let in again" in admin.get("/user?name=eve")
    log = admin.get("/audit")
    for action in ("user added", "role changed", "password changed", "user disabled"):
        assert action in log
    assert "trainer" in log
    everything = log + admin.get("/users") + admin.get("/user?name=eve")
    assert NEW not in everything
    assert PASSWORD not in everything


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"name": "Eve!", "role": "qa", "password": NEW}, "is no name"),
        ({"name": NASTY, "role": "qa", "password": NEW}, "is no name"),
        ({"name": "quin", "role": "qa", "password": NEW}, "is there already"),
        ({"name": "eve", "role": "boss", "password": NEW}, "is no role"),
        ({"name": "eve", "role": "agent", "password": NEW}, "goes with the role agent"),
        ({"name": "eve", "role": "qa", "agent": "A1", "password": NEW}, "goes with the role agent"),
        ({"name": "eve", "role": "qa", "password": "short"}, "12 to 200"),
        ({"name": "eve", "role": "qa", "password": ""}, "The password is missing"),
    ],
)
def test_what_cannot_be_added_is_told_on_the_form_which_keeps_the_entries(desk, fields, said):
    page = Browser(desk).sign_in("ada").post("/users/add", fields, 400)
    assert said in page
    assert NEW not in page
    assert NASTY not in page
    assert f'<option value="{fields["role"]}" selected>' in page or fields["role"] == "boss"
    assert len(desk.accounts.users()) == 5


def test_behind_a_proxy_a_user_needs_no_password(desk_run, tmp_path):
    desk = open_desk([desk_run], str(tmp_path / "p.db"), users=True, proxy_header="x-user", proxy_from=("testclient",))
    browser = Browser(desk)
    browser.client.headers["x-user"] = "ada"
    browser.post("/users/add", {"name": "eve", "role": "qa"})
    assert desk.accounts.find("eve").has_password is False
    desk.close()


def test_nobody_changes_themselves_out_and_unknown_names_are_told(desk):
    admin = Browser(desk).sign_in("ada")
    assert "cannot change your own role" in admin.post("/user/role", {"name": "ada", "role": "qa"}, 400)
    assert "cannot shut yourself out" in admin.post("/users", {"name": "ada", "disabled": "yes"}, 400)
    own = admin.get("/user?name=ada")
    assert "/user/role" not in own
    for path in ("/users", "/user/role", "/user/password"):
        admin.post(path, {"name": "nobody", "role": "qa", "password": NEW, "disabled": "yes"}, 404)
    admin.get("/user?name=nobody", 404)
    assert "12 to 200" in admin.post("/user/password", {"name": "quin", "password": "short"}, 400)
    admin.post("/user/password", {"name": "ada", "password": NEW}, 401)  # their own sessions end too
    assert desk.accounts.sign_in("ada", NEW, "here").role == "admin"


def test_a_password_that_was_entered_is_not_kept_in_a_page(desk):
    admin = Browser(desk).sign_in("ada")
    desk.accounts.end(admin.client.cookies[desk.way.cookie])
    page = admin.post("/users/add", {"name": "eve", "role": "qa", "password": NEW}, 401, csrf="gone")
    assert "eve" in page
    assert NEW not in page


def test_the_last_admin_with_a_password_stays_unless_a_proxy_lets_people_in(tmp_path):
    with LabelStore.open(str(tmp_path / "r.db"), create=True) as store:
        accounts, proxied = Accounts(store), Accounts(store, proxied=True)
        accounts.add("ada", "admin", agent_id=None, password=PASSWORD)
        accounts.add("eve", "admin", agent_id=None, password=None)  # nobody comes in as eve without a proxy
        for change in (lambda: accounts.set_disabled("ada", True), lambda: accounts.set_role("ada", "qa", None)):
            with pytest.raises(UsageError, match=r"last admin who has a password.*user password eve"):
                change()
        accounts.set_disabled("eve", True)
        accounts.set_disabled("eve", False)
        proxied.set_role("ada", "qa", None)
        assert accounts.find("ada").role == "qa"
        accounts.set_role("ada", "admin", None)
        accounts.set_password("eve", NEW)
        accounts.set_disabled("ada", True)


def test_the_last_admin_stays(accounts):
    for one in accounts.users():
        assert one.name not in ("ada", "eve")
    accounts.add("ada", "admin", agent_id=None, password=None)
    accounts.add("eve", "admin", agent_id=None, password=None)
    accounts.set_disabled("eve", True)
    for change in (lambda: accounts.set_disabled("ada", True), lambda: accounts.set_role("ada", "qa", None)):
        with pytest.raises(UsageError, match="last admin"):
            change()
    accounts.set_role("ada", "admin", None)
    accounts.set_disabled("eve", False)
    accounts.set_role("ada", "qa", None)
    accounts.set_role("ada", "admin", None)

    refused = []
    ready = threading.Barrier(2)

    def shut_out(name: str) -> None:
        ready.wait()
        try:
            accounts.set_disabled(name, True)
        except UsageError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=shut_out, args=[name]) for name in ("ada", "eve")]
    for one in threads:
        one.start()
    for one in threads:
        one.join(30)
    assert len(refused) == 1
    assert sum(not one.disabled for one in accounts.users() if one.role == "admin") == 1
