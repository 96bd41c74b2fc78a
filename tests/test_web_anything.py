"""Whatever is sent to any page: it answers with a page, never with a fault of ours, and nothing runs that came in."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("fastapi", reason="needs the extra serve, which is not installed")

from desk_pages import NASTY, ROLES, Browser, make_run, open_desk
from test_web_access import REQUESTS

from cxsentiment.reviews.assigning import Assignments, Draw
from cxsentiment.reviews.disputes import Disputes, Machine

TRICKS = (
    *(
        NASTY,
        "' OR 1=1 --",
        "'; DROP TABLE users; --",
        "../../etc/passwd",
        "%2e%2e%2f",
        "\r\nSet-Cookie: a=b",
        "{{7*7}}",
    ),
    *(
        "\0",
        "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
        "-1",
        "0",
        "99999999999999999999",
        "1e309",
        "NaN",
    ),
    *("c0", "c1", "greeting", "met", "1", "stands", "\u202e", "א", "x" * 5_000, "=1+1", "turns", "yes", "ada"),
)
TEXTS = st.one_of(st.sampled_from(TRICKS), st.text(max_size=60), st.integers().map(str))
FIELDS = (
    *("id", "first", "after", "before", "agent", "words", "since", "least", "item", "verdict", "path", "order", "page"),
    *(
        "why",
        "assignment",
        "contact",
        "reason",
        "dispute",
        "version",
        "kind",
        "name",
        "count",
        "grader",
        "seed",
        "said",
    ),
    *(
        "item.greeting",
        "comment.greeting",
        "sentiment.1",
        "acts.0",
        "disabled",
        "next",
        "kept",
        "token",
        "csrf",
        "then",
    ),
)


@pytest.fixture(scope="module")
def browsers(tmp_path_factory, toy_bundle):
    folder: Path = tmp_path_factory.mktemp("runs")
    desk = open_desk([make_run(folder, toy_bundle)], str(folder / "r.db"), users=True)
    key = desk.facts("may").key
    Assignments(desk.store).draw(Draw(key, "b", "random", ["c1", "c2"], 2, ["ada"]), "ada")
    Disputes(desk.store).open(key, "c0", "greeting", Machine("met", 1.0, 0.9), "why", "quin")
    yield {name: Browser(desk).sign_in(name) for name in ROLES}
    desk.close()


@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    name=st.sampled_from([one for one in REQUESTS if one != "sign_out"]),
    who=st.sampled_from(list(ROLES)),
    query=st.dictionaries(st.sampled_from(FIELDS), TEXTS, max_size=5),
    form=st.dictionaries(st.sampled_from(FIELDS), TEXTS, max_size=8),
)
def test_any_request_is_answered_with_a_page(browsers, name, who, query, form):
    browser = browsers[who]
    method, path = REQUESTS[name]
    path = path.partition("?")[0]
    token = browser.desk.accounts.session(browser.client.cookies[browser.desk.way.cookie]).csrf
    data = {**_sendable(form), "csrf": token} if method == "POST" else None
    answer = browser.client.request(method, path, params=_sendable(query), data=data, follow_redirects=False)
    assert answer.status_code < 500, (method, path, query, form)
    assert "set-cookie" not in answer.headers
    assert "<script>alert" not in answer.text
    assert "<img" not in answer.text
    assert "Traceback" not in answer.text


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(path=st.lists(TEXTS, min_size=1, max_size=4))
def test_any_path_is_answered_with_a_page(browsers, path):
    from urllib.parse import quote

    where = "/" + "/".join(quote(part, safe="") for part in _sendable(dict.fromkeys(path, "")))
    answer = browsers["ada"].client.get(where, follow_redirects=False)
    assert answer.status_code < 500, where
    assert "root:" not in answer.text


def _sendable(fields):
    """Lone surrogates cannot be sent at all."""
    return {
        name.encode("utf-8", "replace").decode(): value.encode("utf-8", "replace").decode()
        for name, value in fields.items()
    }
