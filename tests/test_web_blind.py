"""Grading blind: no page tells a grader what the machine found in a contact before they have graded it."""

import pytest

pytest.importorskip("fastapi", reason="needs the extra serve, which is not installed")

from desk_pages import Browser

from cxsentiment.reviews.assigning import Assignments, Draw
from cxsentiment.web.grading import questions


def ask(desk, facts, contact: str, grader: str = "quin", kind: str = "random") -> int:
    """Ask somebody to grade one contact; the number of the assignment."""
    Assignments(desk.store).draw(Draw(facts.key, f"{contact} {kind} {grader}", kind, [contact], 1, [grader]), "ada")
    return next(
        one.id for one in Assignments(desk.store).of(facts.key, grader) if one.contact_id == contact and not one.done_at
    )


def answers(facts, value: str = "1") -> dict[str, str]:
    return {f"item.{one.item}": value for one in questions(facts)}


@pytest.mark.parametrize(
    "asked", ["least=0", "most=100", "item=professional&verdict=not_met", "path=recovered", "order=lowest"]
)
def test_no_list_tells_what_the_machine_found_in_a_contact_graded_blind(desk, facts, asked):
    browser = Browser(desk).sign_in("quin")
    found = browser.get(f"/r/may/contacts?{asked}")
    contact = found.partition("/r/may/contact?id=")[2].partition('"')[0]
    number = ask(desk, facts, contact)
    told = browser.get(f"/r/may/contacts?{asked}")
    assert f'contact?id={contact}"' not in told
    assert "asked to grade blind are not in this list" in told
    assert f'contact?id={contact}"' in Browser(desk).sign_in("tess").get(f"/r/may/contacts?{asked}")
    browser.post("/r/may/grade", {"assignment": number, "version": "0", **answers(facts)})
    assert f'contact?id={contact}"' in browser.get(f"/r/may/contacts?{asked}")


def test_the_list_hides_the_sentiment_of_a_contact_graded_blind(desk, facts):
    browser = Browser(desk).sign_in("quin")
    ask(desk, facts, "c21")  # long enough to have a mood
    row = browser.get("/r/may/contacts?words=declined").partition('contact?id=c21"')[2].partition("</tr>")[0]
    assert row.count("grade first") == 2
    assert "turned for" not in row
    assert "stayed" not in row


def test_a_dispute_tells_nothing_of_a_contact_graded_blind(desk, facts):
    other = Browser(desk).sign_in("tess")
    other.post("/r/may/contest", {"contact": "c0", "item": "greeting", "reason": "he did greet"})
    number = ask(desk, facts, "c0")
    browser = Browser(desk).sign_in("quin")
    row = browser.get("/r/may/disputes").partition("dispute?id=1")[2].partition("</tr>")[0]
    assert row.count("grade first") == 1
    assert "greeting" not in row  # which item somebody contests, and what came of it, tell what was found
    assert "open" not in row
    assert "greeting" in other.get("/r/may/disputes")
    told = browser.get("/r/may/dispute?id=1", 403)
    assert "asked to grade this contact blind" in told
    assert "he did greet" not in told
    browser.post("/r/may/decide", {"dispute": "1", "version": "0", "verdict": "1", "why": "x"}, 403)
    browser.post("/r/may/grade", {"assignment": number, "version": "0", **answers(facts)})
    assert "he did greet" in browser.get("/r/may/dispute?id=1")


def test_the_queue_tells_nothing_of_a_contact_drawn_to_be_graded_blind(desk, facts):
    contact = facts.ask("SELECT contact_id FROM queue WHERE why = 'flag' ORDER BY pos")[0]["contact_id"]
    number = ask(desk, facts, contact)
    browser = Browser(desk).sign_in("quin")
    told = browser.get("/r/may/queue?why=flag")
    assert f'value="{contact}"' not in told
    assert "drawn for you to grade blind are not in this list" in told
    assert f'value="{contact}"' in Browser(desk).sign_in("tess").get("/r/may/queue?why=flag")
    browser.post("/r/may/grade", {"assignment": number, "version": "0", **answers(facts)})
    assert f'value="{contact}"' in browser.get("/r/may/queue?why=flag")


def test_no_file_to_take_along_holds_what_was_found_in_a_contact_graded_blind(desk, facts):
    other, lead = Browser(desk).sign_in("tess"), Browser(desk).sign_in("quin")
    for contact in ("c0", "c4"):
        number = ask(desk, facts, contact, "tess")
        other.post("/r/may/grade", {"assignment": number, "version": "0", **answers(facts)})
        other.post("/r/may/contest", {"contact": contact, "item": "greeting", "reason": "he did greet"})
        other.post("/r/may/turns", {"contact": contact, "version": "0", "sentiment.1": "negative"})
    number = ask(desk, facts, "c0")
    assert "in the 1 contact that you are asked to grade blind" in lead.get("/r/may/export")
    told = {kind: lead.post("/r/may/export", {"kind": kind}) for kind in ("verdicts", "disputes", "turns")}
    for kind, text in told.items():
        assert "c4" in text, kind
        assert "c0" not in text, kind
    assert desk.store.log()[-1]["details"]["contacts_left_out"] == 1
    lead.post("/r/may/grade", {"assignment": number, "version": "0", **answers(facts)})
    for kind in told:
        assert "c0" in lead.post("/r/may/export", {"kind": kind}), kind
    assert "grade blind" not in lead.get("/r/may/export")


def test_the_audit_log_tells_nothing_of_a_contact_graded_blind(desk, facts):
    other, admin = Browser(desk).sign_in("tess"), Browser(desk).sign_in("ada")
    other.post("/r/may/contest", {"contact": "c0", "item": "greeting", "reason": "he did greet"})
    lead = Browser(desk).sign_in("quin")
    lead.post("/r/may/decide", {"dispute": "1", "version": "0", "verdict": "1", "why": "so he did"})
    assert "human verdict" in admin.get("/audit")
    number = ask(desk, facts, "c0", "ada")
    told = admin.get("/audit")
    assert "human verdict" not in told
    assert "greeting" not in told
    assert told.count("grade first") == 2
    admin.post("/r/may/grade", {"assignment": number, "version": "0", **answers(facts)})
    assert "human verdict" in admin.get("/audit")
