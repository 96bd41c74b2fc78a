"""Pages that read: what they show, how they filter and page, and what they say where something is wrong."""

import json
import re
import shutil

import pyarrow.parquet as pq
import pytest

pytest.importorskip("fastapi", reason="needs the extra serve, which is not installed")

from desk_pages import NASTY, Browser, contacts, make_run, open_desk

from cxsentiment import runs
from cxsentiment.errors import InputError, RunError, UsageError
from cxsentiment.kpis.overview import kpis
from cxsentiment.queue import queue
from cxsentiment.reviews.assigning import Assignments, Draw
from cxsentiment.rubric.reading import texts_of
from cxsentiment.web import listing
from cxsentiment.web.access import Person
from cxsentiment.web.contact import find, view
from cxsentiment.web.customer import timeline
from cxsentiment.web.facts import Facts
from cxsentiment.web.headers import POLICY
from cxsentiment.web.overview import overview
from cxsentiment.web.shelf import Shelf

PAGES = ("overview", "contacts", "contact?id=c1", "agents", "coaching")


@pytest.fixture
def browser(desk_run, tmp_path):
    desk = open_desk([desk_run], str(tmp_path / "reviews.db"), token="once")
    made = Browser(desk)
    made.get("/enter?token=once")
    yield made
    desk.close()


def test_the_contacts_of_a_customer_stand_beside_one_of_them(desk_run, facts, tmp_path):
    desk = open_desk([desk_run], str(tmp_path / "reviews.db"), users=True)
    key = facts.key
    Assignments(desk.store).draw(Draw(key, "b", "random", ["c9"], 1, ["quin"]), "ada")
    lead = Browser(desk).sign_in("quin").get("/r/may/contact?id=c5")
    told = lead[lead.index("This customer's 4 contacts") : lead.index("Transcript")]
    assert [name for name in ("c1", "c8", "c9") if f"contact?id={name}" in told] == ["c1", "c8", "c9"]
    assert "(this one)" in told
    assert told.count("grade first") == 1  # c9, which quin grades blind
    assert "<svg" not in told  # so short contacts have no mood at their start and end
    assert NASTY not in lead
    assert "This customer's" not in Browser(desk).sign_in("quin").get("/r/may/contact?id=c9")
    assert "This customer's" not in Browser(desk).sign_in("quin").get("/r/may/contact?id=c2")  # names no customer
    # Of the customer's contacts amy, who is A1, had one: there is no other for her.
    assert "This customer's" not in Browser(desk).sign_in("amy").get("/r/may/contact?id=c8")
    desk.close()


def test_of_many_contacts_of_a_customer_those_around_are_shown(tmp_path, toy_bundle):
    given = [{**one, "id": f"m{k:02d}", "customer_id": "u1"} for k, one in enumerate(contacts(30)) if k != 3]
    for k, one in enumerate(given):
        one["turns"] = 3 * one["turns"]
        one["started_at"] = f"2026-05-{1 + k:02d}T10:00:00Z"
    facts = Facts(make_run(tmp_path, toy_bundle, given))
    person = Person("quin", "qa", None, "", "password")
    for at, shown in ((14, range(8, 21)), (0, range(7)), (28, range(22, 29))):
        row = find(facts, given[at]["id"])
        found = timeline(facts, row, person, ())
        assert [step.contact_id for step in found.steps] == [given[k]["id"] for k in shown]
        assert [step.contact_id for step in found.steps if step.here] == [given[at]["id"]]
        assert found.total == 29
        assert all(0 < step.x < 600 for step in found.steps)
        assert found.drawn
        assert all((step.begin is None) == (step.mood_start is None) for step in found.steps)
        assert all(8 <= step.end <= 92 for step in found.steps)
    assert not timeline(facts, row, person, {one["id"] for one in given}).drawn
    facts.close()


def test_the_printed_link_lets_one_browser_in_once(desk_run, tmp_path):
    desk = open_desk([desk_run], str(tmp_path / "reviews.db"), token="once")
    first, second = Browser(desk), Browser(desk)
    assert "Open the link" in first.get("/r/may/contacts", 401)
    first.get("/enter?token=twice", 403)
    assert "Overview" in first.get("/enter?token=once")
    assert "This link was used" in second.get("/enter?token=once", 403)
    second.get("/r/may/contacts", 401)
    cookie = next(iter(first.client.cookies.jar))
    assert cookie.has_nonstandard_attr("HttpOnly")
    assert cookie.get_nonstandard_attr("SameSite").lower() == "lax"
    lost = second.client.post("/r/may/contest", data={"reason": NASTY}).text
    assert "Copy it before you leave this page" in lost
    assert "<script>alert" not in lost
    first.client.headers["host"] = "evil.example:8765"
    assert "Wrong address" in first.get("/r/may/contacts", 400)
    desk.close()


def test_the_mean_of_a_run_has_the_interval_that_its_report_gives(tmp_path, toy_bundle):
    run = make_run(tmp_path, toy_bundle, [{**one, "agent_id": f"A{k % 9}"} for k, one in enumerate(contacts())])
    facts = Facts(run)
    shown = overview(facts)
    facts.close()
    given = {one.name: one.estimate for one in kpis(runs.read_table(run, "contacts"), None)}
    bounds = [(one.value, one.low, one.high) for one in (shown.mean, given["Call quality"])]
    assert bounds[0] == pytest.approx(bounds[1])
    assert {one.mean.method for one in shown.channels} == {"mean, interval clustered by agent"}


@pytest.mark.parametrize("page", PAGES)
def test_every_page_has_safe_headers_and_nothing_inline(browser, page):
    answer = browser.client.get(f"/r/may/{page}")
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"] == POLICY
    assert "unsafe" not in POLICY
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert " style=" not in answer.text
    assert " onclick=" not in answer.text
    assert answer.text.count("<script") == answer.text.count('<script src="/static/desk.js"') == 1
    assert "http://" not in answer.text.replace("http://www.w3.org", "")
    assert "https://" not in answer.text


@pytest.mark.parametrize("page", PAGES)
def test_what_people_said_and_are_called_is_never_run(browser, page):
    text = browser.get(f"/r/may/{page}")
    assert "<script>alert" not in text
    assert "<img" not in text
    assert "${49}" not in text


def test_a_nasty_contact_is_shown_as_it_was_said(browser):
    text = browser.get("/r/may/contact?id=c1")
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text
    assert "{{7*7}}" in text


@pytest.mark.parametrize("field", ["agent", "campaign", "words", "since", "item", "order", "said"])
def test_what_an_address_holds_is_never_run(browser, field):
    answer = browser.client.get("/r/may/contacts", params={field: NASTY})
    assert answer.status_code in (200, 400)
    assert "<script>alert" not in answer.text
    assert "<img" not in answer.text


def test_the_queue_is_the_one_that_the_report_has(desk_run, facts):
    whole = queue(
        runs.read_table(desk_run, "contacts", ["contact_id", "agent_id"]),
        runs.read_table(desk_run, "items"),
        texts_of(runs.require_complete(desk_run)["rubric"]["content"]),
    )
    rows = facts.ask("SELECT * FROM queue ORDER BY pos")
    assert whole
    assert [(row["contact_id"], row["agent_id"], row["item"], row["why"], row["p_error"]) for row in rows] == [
        (one.contact_id, one.agent_id, one.item, one.why, one.p_error) for one in whole
    ]


@pytest.mark.parametrize("order", list(listing.ORDERS))
def test_pages_forth_and_back_hold_every_contact_once(facts, order, monkeypatch):
    monkeypatch.setattr(listing, "PAGE", 7)
    filters = listing.Filters.of({"order": order})
    pages = [listing.listed(facts, filters)]
    while pages[-1].after is not None:
        pages.append(listing.listed(facts, filters, after=pages[-1].after))
    seen = [row["contact_id"] for page in pages for row in page.rows]
    assert len(seen) == len(set(seen)) == 60 == pages[0].total
    back = [pages[-1]]
    while back[-1].before is not None:
        back.append(listing.listed(facts, filters, before=back[-1].before))
    assert [page.rows for page in reversed(back)][1:] == [page.rows for page in pages][1:]
    assert pages[0].before is None
    if order == "lowest":
        scores = [row["score"] for page in pages for row in page.rows]
        known = [score for score in scores if score is not None]
        assert scores[: len(known)] == sorted(known)
    else:
        assert [row["started_at"] for page in pages for row in page.rows] == sorted(
            (one["started_at"] for one in contacts()), reverse=True
        )


def test_filters_take_what_they_say(desk_run, facts):
    rows = runs.read_table(desk_run, "contacts").to_pylist()
    items = runs.read_table(desk_run, "items").to_pylist()
    turns = runs.read_table(desk_run, "turns").to_pylist()

    def ids(**given: str) -> set[str]:
        return {row["contact_id"] for row in listing.listed(facts, listing.Filters.of(given)).rows}

    def of(keep) -> set[str]:
        return {row["contact_id"] for row in rows if keep(row)}

    assert ids(agent="A2") == of(lambda row: row["agent_id"] == "A2")
    assert ids(agent=NASTY) == of(lambda row: row["agent_id"] == NASTY)
    assert ids(campaign="winter", channel="chat") == of(
        lambda row: row["campaign"] == "winter" and row["channel"] == "chat"
    )
    assert ids(since="2026-05-03", until="2026-05-04") == of(
        lambda row: row["started_at"][:10] in ("2026-05-03", "2026-05-04")
    )
    assert ids(least="40", most="60", agent="A1") == of(
        lambda row: row["agent_id"] == "A1" and row["score"] is not None and 40 <= row["score"] <= 60
    )
    assert ids(item="professional", verdict="not_met") == {
        row["contact_id"] for row in items if row["item"] == "professional" and row["verdict"] == "not_met"
    }
    assert ids(path="recovered", agent="A3") == of(
        lambda row: (
            row["agent_id"] == "A3"
            and row["sentiment_start"] is not None
            and row["sentiment_start"] < 0 <= row["sentiment_end"]
        )
    )
    assert ids(words="MY CARD", agent="A2") == {
        row["contact_id"] for row in turns if "my card" in row["text"].lower()
    } & of(lambda row: row["agent_id"] == "A2")
    assert ids(words="no such words") == set()


def test_words_are_found_whatever_letters_they_have(tmp_path, toy_bundle):
    said = ["Meine Straße ist falsch.", "İstanbul, please.", "Η ΟΔΟΣ μου"]
    given = [{"id": f"c{k}", "turns": [{"speaker": "customer", "text": text}]} for k, text in enumerate(said)]
    made = Facts(make_run(tmp_path, toy_bundle, given))
    for k, words in enumerate(["STRASSE", "straße", "İstanbul", "οδος", "Straße"]):
        found = [row["contact_id"] for row in listing.listed(made, listing.Filters.of({"words": words})).rows]
        assert found == [[], ["c0"], ["c1"], [], ["c0"]][k], words
    made.close()


def test_a_quote_leads_to_its_turn_where_turns_without_text_were_left_out(tmp_path, toy_bundle):
    turns = [{"speaker": "customer", "text": "" if 0 < k < 300 else f"and another thing, {k}"} for k in range(900)]
    turns[850] = {"speaker": "agent", "text": "Whatever, that is stupid."}
    facts = Facts(make_run(tmp_path, toy_bundle, [{"id": "c0", "agent_id": "A1", "turns": turns}]))
    seen = view(facts, find(facts, "c0"))
    assert 0 < seen.places[850] < 850
    assert any(one.turn == 850 for one in view(facts, find(facts, "c0"), first=seen.places[850]).turns)
    desk = open_desk([facts.run], str(tmp_path / "reviews.db"), token="t")
    made = Browser(desk)
    made.get("/enter?token=t")
    page = made.get("/r/may/contact?id=c0")
    for first, turn in re.findall(r"&amp;first=(\d+)#turn-(\d+)", page):
        assert int(first) == seen.places[int(turn)]
    assert "&amp;first=" in page
    desk.close()
    facts.close()


@pytest.mark.parametrize(
    "value",
    ["'; DROP TABLE contacts; --", "' OR 1=1 --", "x' UNION SELECT * FROM read_text('/etc/passwd') --", "%", "_"],
)
def test_what_is_asked_for_is_never_a_part_of_the_question(facts, value):
    for field in ("agent", "campaign", "channel", "words"):
        assert listing.listed(facts, listing.Filters.of({field: value})).total == 0
    assert facts.number("SELECT count(*) FROM contacts") == 60


@pytest.mark.parametrize(
    ("field", "value"),
    [("since", "1 May"), ("least", "-1"), ("most", "1e9"), ("verdict", "x"), ("path", "x"), ("order", "score; --")]
    + [("item", "greeting"), ("words", "x" * 201)],
)
def test_a_filter_that_is_none_says_what_it_takes(browser, field, value):
    with pytest.raises(InputError):
        listing.Filters.of({field: value})
    assert "Traceback" not in browser.get(f"/r/may/contacts?{field}={value}", 400)


def test_a_contact_shows_items_whose_quotes_lead_to_their_turn(browser):
    text = browser.get("/r/may/contact?id=c4")
    assert 'id="turn-1"' in text
    assert 'href="#turn-' in text
    assert "Does the agent greet the customer at the start?" in text
    assert 'class="arc"' in text
    assert "Contact <bdi>c/7&amp;?</bdi>" in browser.get("/r/may/contact?id=c%2F7%26%3F")


def test_a_long_contact_comes_in_pages_and_arabic_keeps_its_direction(browser):
    text = browser.get("/r/may/contact?id=c3")
    assert text.count('<li id="turn-') == 400
    assert "Turns from 400 of 905" in text
    last = browser.get("/r/may/contact?id=c3&first=800")
    assert last.count('<li id="turn-') == 105
    assert "5,000 more characters are not shown" in last
    assert "There is no turn from here on" in browser.get("/r/may/contact?id=c3&first=5000")
    assert '<p class="text" dir="auto">مرحبا' in browser.get("/r/may/contact?id=c2")


@pytest.mark.parametrize("path", ["/r/may/contact?id=../../etc/passwd", "/r/..%2f..%2fetc/overview", "/r/x/contacts"])
def test_paths_lead_nowhere_else(browser, path):
    assert "root:" not in browser.get(path, 404)


@pytest.mark.parametrize("name", ["..%2fapp.py", "../app.py", "desk.css%00", "base.html.j2"])
def test_only_three_static_files_are_to_be_had(browser, name):
    browser.get(f"/static/{name}", 404)


def test_a_run_that_lacks_a_part_says_which_and_the_others_go_on(desk_run, tmp_path):
    broken = shutil.copytree(desk_run, tmp_path / "june")
    next((broken / "items").glob("*.parquet")).unlink()
    desk = open_desk([desk_run, broken], str(tmp_path / "reviews.db"), token="t")
    made = Browser(desk)
    home = made.get("/enter?token=t")
    assert "is missing (1 of the run" in home
    said = made.get("/r/june/overview", 503)
    assert "items/part-00000.parquet" in said
    assert "Copy the whole run folder" in said
    made.get("/r/may/overview")
    shutil.rmtree(broken)
    assert "is gone" in made.get("/r/june/contacts", 503)
    desk.close()


def test_a_run_that_changes_is_read_again_and_an_erased_contact_is_told(desk_run, tmp_path):
    copy = shutil.copytree(desk_run, tmp_path / "july")
    desk = open_desk([copy], str(tmp_path / "reviews.db"), token="t")
    made = Browser(desk)
    made.get("/enter?token=t")
    made.get("/r/july/contact?id=c4")
    path = copy / "contacts" / "part-00000.parquet"
    table = pq.read_table(path)
    pq.write_table(table.filter([name != "c4" for name in table["contact_id"].to_pylist()]), path)
    receipt = json.loads((copy / "run.json").read_text())
    (copy / "run.json").write_text(json.dumps(receipt | {"erased": 1}))
    assert "may have been erased" in made.get("/r/july/contact?id=c4", 404)
    (copy / "run.json").write_text(json.dumps(receipt | {"state": "erasing"}))
    assert "being removed" in made.get("/r/july/contacts", 503)
    (copy / "run.json").write_text("{")
    assert "not valid JSON" in made.get("/r/july/contacts", 503)
    desk.close()


def test_a_run_of_an_earlier_version_lacks_columns_and_is_shown(desk_run, tmp_path):
    old = shutil.copytree(desk_run, tmp_path / "old")
    for path in (old / "contacts").glob("*.parquet"):
        table = pq.read_table(path)
        pq.write_table(table.drop_columns(["sentiment_start", "queue", "null_reason"]), path)
    made = Facts(old)
    assert listing.listed(made, listing.Filters.of({"path": "recovered"})).total == 0
    assert listing.listed(made, listing.Filters()).total == 60
    made.close()


def test_a_run_without_contacts_says_so(tmp_path, toy_bundle, desk_run):
    empty = shutil.copytree(desk_run, tmp_path / "none")
    for name in runs.TABLES:
        for path in (empty / name).glob("*.parquet"):
            pq.write_table(runs.SCHEMAS[name].empty_table(), path)
    desk = open_desk([empty], str(tmp_path / "reviews.db"), token="t")
    made = Browser(desk)
    assert "This run has no contacts" in made.get("/enter?token=t")
    assert "This run has no contacts" in made.get("/r/none/contacts")
    assert "names its agent" in made.get("/r/none/agents")
    desk.close()


def test_what_is_no_run_is_refused(tmp_path):
    with pytest.raises(UsageError, match="no folder"):
        Shelf([tmp_path / "nothing"])
    with pytest.raises(RunError, match="no run folder"):
        Facts(tmp_path)


def test_two_runs_of_one_name_have_two_names(desk_run, tmp_path):
    other = shutil.copytree(desk_run, tmp_path / "may")
    assert Shelf([desk_run, other]).names == ["may", "may-2"]


def test_coaching_shows_what_the_report_holds(desk_run, tmp_path):
    from cxsentiment.findings import write_report

    reported = shutil.copytree(desk_run, tmp_path / "august")
    desk = open_desk([reported], str(tmp_path / "reviews.db"), token="t")
    made = Browser(desk)
    made.get("/enter?token=t")
    assert "This run has no report yet" in made.get("/r/august/coaching")
    write_report(reported)
    assert "Coaching moments of <bdi>A2</bdi>" in made.get("/r/august/coaching?agent=A2")
    desk.close()
