"""`cxsentiment serve` and `cxsentiment user …` on the command line, and without the extra that they need."""

import importlib.util
import io

import pytest

PASSWORD = "a long enough pass"


@pytest.fixture
def command(command, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    return command


def test_without_the_extra_it_says_which(command, monkeypatch, tmp_path):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "fastapi" else find(name))
    done = command("serve", tmp_path)
    assert done.code == 2
    assert "pip install 'cxsentiment[serve]'" in done.err


def test_users_are_added_listed_changed_and_disabled(command, monkeypatch):
    pytest.importorskip("argon2", reason="needs the extra serve, which is not installed")

    def typed(text: str) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO(text + "\n"))

    typed(PASSWORD)
    assert (
        command("user", "add", "ada", "--role", "admin", "--db", "r.db", "--password-stdin", "--by", "root").code == 0
    )
    assert (
        command("user", "add", "amy", "--role", "agent", "--agent-id", "A1", "--db", "r.db", "--no-password").code == 0
    )
    assert command("user", "disable", "amy", "--db", "r.db").code == 0
    listed = command("user", "list", "--db", "r.db").out
    assert listed.splitlines() == ["ada: admin", "amy: agent, agent A1, disabled, through a proxy only"]
    assert command("user", "enable", "amy", "--db", "r.db").code == 0
    typed("short")
    short = command("user", "password", "ada", "--db", "r.db", "--password-stdin")
    assert short.code == 2
    assert "12 to 200" in short.err
    typed("another long enough pass")
    assert command("user", "password", "ada", "--db", "r.db", "--password-stdin").code == 0
    assert command("user", "disable", "nobody", "--db", "r.db").code == 2
    log = command("labels", "log", "--db", "r.db").out
    assert "user added" in log
    assert PASSWORD not in log
    from cxsentiment.reviews.accounts import Accounts
    from cxsentiment.reviews.store import LabelStore

    with LabelStore.open("r.db") as store:
        assert Accounts(store).sign_in("ada", PASSWORD, "here") is None
        assert Accounts(store).sign_in("ada", "another long enough pass", "here").role == "admin"


def test_serve_refuses_what_is_no_run_and_an_open_door(command, tmp_path):
    pytest.importorskip("fastapi", reason="needs the extra serve, which is not installed")
    assert "no folder" in command("serve", tmp_path / "nothing").err
    (tmp_path / "run").mkdir()
    opened = command("serve", "run", "--host", "0.0.0.0")
    assert opened.code == 2
    assert "no users" in opened.err
