"""The review desk: grading blind, two at once, calibration, disputes and their scores, labels to take along."""

import csv
import io
import json
import re
import shutil
import threading

import pytest

pytest.importorskip("fastapi", reason="needs the extra serve, which is not installed")

from desk_pages import NASTY, PASSWORD, Browser, hidden, open_desk

from cxsentiment import runs
from cxsentiment.errors import InputError, UsageError
from cxsentiment.reviews.assigning import Assignments, ChangedMeanwhileError, Draw
from cxsentiment.reviews.disputes import Decision, Disputes, Machine, holding
from cxsentiment.reviews.store import LabelStore
from cxsentiment.reviews.tables import assignments
from cxsentiment.reviews.turnlabels import TurnLabel, TurnLabels, check
from cxsentiment.web.contact import find, view
from cxsentiment.web.grading import questions
from cxsentiment.web.revised import revised, revised_scores


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request, tmp_path):
    database = str(tmp_path / "r.db") if request.param == "sqlite" else request.getfixturevalue("postgres")
    with LabelStore.open(database, create=True) as made:
        made.erase([f"c{k}" for k in range(60)])
        yield made


def draw(desk, facts, graders, kind="double", count=2, name="May"):
    frame = [f"c{k}" for k in range(8, 30)]
    return Assignments(desk.store).draw(Draw(facts.key, name, kind, frame, count, graders), "ada")


def answers(facts, value="1"):
    return {f"item.{one.item}": value for one in questions(facts)}


def test_grading_is_blind_until_it_is_sent(desk, facts, desk_run):
    draw(desk, facts, ["quin", "tess"])
    browser = Browser(desk).sign_in("quin")
    listed = browser.get("/r/may/review")
    path = re.search(r'href="(/r/may/grade\?assignment=\d+)"', listed)[1]
    form = browser.get(path)
    contact = re.search(r"<h1>Grade <bdi>([^<]+)", form)[1]
    item = next(
        one for one in runs.read_table(desk_run, "items").to_pylist() if one["contact_id"] == contact and one["reason"]
    )
    for word in ("machine, p of met", 'class="act"', 'class="feeling', item["reason"][:40]):
        assert word not in form
    blind = browser.get(f"/r/may/contact?id={contact}")
    assert "asked to grade this contact blind" in blind
    assert "machine, p of met" not in blind
    assert 'class="feeling' not in blind
    assert "grade first" in browser.get("/r/may/contacts")
    fields = {name: hidden(form, name) for name in ("assignment", "version")}
    missing = browser.post("/r/may/grade", {**fields, "item.greeting": "1", "comment.greeting": NASTY}, 400)
    assert "Without an answer" in missing
    assert "<script>alert" not in missing
    assert re.search(r'name="item.greeting" value="1" required checked', missing)
    assert desk.store.labels() == []
    sent = {**fields, **answers(facts), "item.greeting": "0", "item.verified": "na", "comment.greeting": "None, sadly."}
    sent = {
        name: value for name, value in sent.items() if name in fields or name in answers(facts) or "comment" in name
    }
    assert "Your verdicts are saved" in browser.post("/r/may/grade", sent)
    labels = {one.item: one for one in desk.store.labels()}
    assert len(labels) == len(questions(facts))
    one = labels["greeting"]
    assert (one.verdict, one.points, one.comment, one.grader, one.purpose) == (
        "not_met",
        0.0,
        "None, sadly.",
        "quin",
        "double",
    )
    assert one.inclusion_probability == pytest.approx(2 / 22)
    assert one.rubric_sha256 == facts.rubric["sha256"]
    assert "machine, p of met" in browser.get(f"/r/may/contact?id={contact}")
    other = Browser(desk).sign_in("tess")
    assert "assigned to somebody else" in other.get(path, 403)
    assert "machine, p of met" not in other.get(f"/r/may/contact?id={contact}")
    assert desk.store.log()[-1]["action"] == "graded"


def test_two_tabs_lose_nothing(desk, facts):
    draw(desk, facts, ["quin"], "random", 1)
    browser = Browser(desk).sign_in("quin")
    form = browser.get("/r/may/grade?assignment=1")
    first = {**{name: hidden(form, name) for name in ("assignment", "version")}, **answers(facts)}
    browser.post("/r/may/grade", first)
    late = {**first, "item.greeting": "0", "comment.greeting": "typed in the other tab"}
    told = browser.post("/r/may/grade", late, 409)
    assert "saved meanwhile" in told
    assert "typed in the other tab" in told
    assert "saved now: met" in told
    assert {one.points for one in desk.store.labels()} == {1.0}
    again = {**late, "version": hidden(told, "version")}
    browser.post("/r/may/grade", again)
    assert {one.item: one.points for one in desk.store.labels()}["greeting"] == 0.0
    history = [one for one in desk.store.labels(history=True) if one.item == "greeting"]
    assert sorted(one.points for one in history) == [0.0, 1.0]


@pytest.mark.parametrize("value", ["2", "met", "-1", NASTY])
def test_an_answer_that_is_none_is_refused(desk, facts, value):
    draw(desk, facts, ["quin"], "random", 1)
    browser = Browser(desk).sign_in("quin")
    sent = {"assignment": "1", "version": "0", **answers(facts), "item.greeting": value}
    assert "<script>alert" not in browser.post("/r/may/grade", sent, 400)
    assert desk.store.labels() == []


def test_a_contact_of_the_queue_is_graded_as_chosen_once(desk, facts):
    browser = Browser(desk).sign_in("tess")
    page = browser.get("/r/may/queue?why=flag")
    contact = hidden(page, "contact")
    form = browser.post("/r/may/pick", {"contact": contact})
    assert "machine, p of met" not in form
    again = browser.post("/r/may/pick", {"contact": contact})
    assert hidden(form, "assignment") == hidden(again, "assignment")
    assert "hidden until you have graded it" in browser.get("/r/may/queue?why=flag")
    sent = {"assignment": hidden(form, "assignment"), "version": "0", **answers(facts)}
    browser.post("/r/may/grade", sent)
    assert {one.purpose for one in desk.store.labels()} == {"targeted"}
    assert {one.inclusion_probability for one in desk.store.labels()} == {None}
    browser.post("/r/may/pick", {"contact": "nobody"}, 404)
    # Beside the machine's verdict stands their own, and nobody else's.
    assert "<strong>You: " in browser.get(f"/r/may/contact?id={contact}")
    assert "<strong>You: " not in Browser(desk).sign_in("quin").get(f"/r/may/contact?id={contact}")
    # The next one sees that somebody has read it; not before their own verdicts, where they are to grade it too.
    other = Browser(desk).sign_in("quin")
    told = other.get("/r/may/queue?why=flag")
    assert '<td data-label="By people"><bdi>tess</bdi>: met</td>' in told
    assert told.count("tess") == 1
    other.post("/r/may/pick", {"contact": contact})
    assert "<bdi>tess</bdi>: " not in other.get("/r/may/queue?why=flag")


def test_a_contact_drawn_by_chance_stays_so_when_it_is_picked_from_the_queue(desk, facts):
    browser = Browser(desk).sign_in("tess")
    contact = hidden(browser.get("/r/may/queue?why=flag"), "contact")
    number = Assignments(desk.store).draw(Draw(facts.key, "May", "random", [contact], 1, ["tess"]), "ada")
    sent = {"assignment": "1", "version": "0", **answers(facts)}
    browser.post("/r/may/grade", sent)
    form = browser.post("/r/may/pick", {"contact": contact})
    assert "You graded this contact" in form
    sent |= {name: hidden(form, name) for name in ("assignment", "version")}
    browser.post("/r/may/grade", {**sent, **answers(facts, "0")})
    found = desk.store.labels()
    assert {(one.purpose, one.inclusion_probability, one.points) for one in found} == {("random", 1.0, 0.0)}
    assert [one.id for one in Assignments(desk.store).batches(facts.key)] == [number]


def test_a_report_of_agreement_is_of_its_batch_and_of_what_is_saved_now(desk, facts):
    number = draw(desk, facts, ["quin", "tess"], "calibration", 4)
    _, asked = Assignments(desk.store).batch(number)
    for one in asked:
        Browser(desk).sign_in(one.grader).post("/r/may/grade", {"assignment": one.id, "version": "0", **answers(facts)})
    browser = Browser(desk).sign_in("quin")
    before = browser.get(f"/r/may/batch?id={number}")
    mine = next(one for one in asked if one.grader == "quin")
    browser.post("/r/may/grade", {"assignment": mine.id, "version": "1", **answers(facts, "0")})
    with desk.store.writing() as connection:  # as if all of it had come within a second
        connection.execute(assignments.update().values(done_at=asked_at(desk, number)))
    assert browser.get(f"/r/may/batch?id={number}") != before


def test_a_report_of_agreement_holds_verdicts_that_another_batch_changed(desk, facts):
    numbers = [
        Assignments(desk.store).draw(Draw(facts.key, name, "double", ["c8"], 1, ["quin", "tess"]), "ada")
        for name in ("first", "second")
    ]
    told = []
    for number, value in zip(numbers, ("1", "0"), strict=True):
        for one in Assignments(desk.store).batch(number)[1]:
            sent = {"assignment": one.id, "version": "0", **answers(facts, value if one.grader == "quin" else "1")}
            Browser(desk).sign_in(one.grader).post("/r/may/grade", sent)
        page = Browser(desk).sign_in("quin").get(f"/r/may/batch?id={numbers[0]}")
        told.append(page.partition("Do graders agree?")[2])
    assert told[0] != told[1]


def asked_at(desk, number: int) -> str:
    return str(min(one.done_at for one in Assignments(desk.store).batch(number)[1]))


def test_a_calibration_session_tells_its_agreement_when_all_have_graded(desk, facts):
    number = draw(desk, facts, ["quin", "tess", "ada"], "calibration", 4)
    assigned = Assignments(desk.store)
    made, asked = assigned.batch(number)
    assert made.size == 12
    assert {one.contact_id for one in asked if one.grader == "quin"} == {one.contact_id for one in asked}
    for k, one in enumerate(asked):
        browser = Browser(desk).sign_in(one.grader)
        assert "shown when all have graded" in browser.get(f"/r/may/batch?id={number}")
        sent = {"assignment": one.id, "version": "0", **answers(facts, "1" if k % 3 else "0")}
        browser.post("/r/may/grade", sent)
    page = browser.get(f"/r/may/batch?id={number}")
    assert "Do graders agree?" in page
    assert f"{12 * len(questions(facts)):,} verdicts on 4 contacts by 3 graders" in page
    assert "greeting" in page
    differ = [one.contact_id for one in asked if asked.index(one) % 3 == 0]  # 0, 1 and 1 of each contact
    for contact in differ:
        assert f'<a href="/r/may/contact?id={contact}"><bdi>{contact}</bdi></a>: <bdi>' in page
    assert "quin: not met" in page or "ada: not met" in page
    # Whoever is to grade one of them blind in another batch does not read there what others said.
    Assignments(desk.store).draw(Draw(facts.key, "June", "random", [differ[0]], 1, ["gil"]), "ada")
    desk.accounts.add("gil", "qa", agent_id=None, password=PASSWORD)
    blind = Browser(desk).sign_in("gil").get(f"/r/may/batch?id={number}")
    assert f"contact?id={differ[0]}" not in blind
    assert "are left out" in blind


def test_assigning_by_the_page(desk, facts):
    browser = Browser(desk).sign_in("quin")
    fields = {"name": NASTY, "kind": "double", "count": "5", "seed": "7", "grader": ["quin", "tess", "cleo", "nobody"]}
    said = browser.post("/r/may/assign", fields)
    assert "The contacts are assigned" in said
    assert "<script>alert" not in said
    (made,) = Assignments(desk.store).batches(facts.key)
    assert made.size == 10
    assert desk.store.log()[-1]["details"]["graders"] == ["quin", "tess"]
    for wrong in ({"count": "0"}, {"count": "9999"}, {"kind": "x"}, {"name": " "}, {"grader": ["quin"]}):
        browser.post("/r/may/assign", {**fields, "name": "more", **wrong}, 400)


def test_a_form_of_assigning_that_is_sent_twice_assigns_once(desk, facts):
    browser = Browser(desk).sign_in("quin")
    fields = {"name": "May", "kind": "double", "count": "5", "grader": ["quin", "tess"]}
    browser.post("/r/may/assign", fields)
    assert "a batch named May: is there already" in browser.post("/r/may/assign", fields, 400)
    (made,) = Assignments(desk.store).batches(facts.key)
    assert made.size == 10
    browser.post("/r/may/assign", {**fields, "name": "June"})


def test_a_draw_is_the_same_with_the_same_seed_and_every_contact_can_be_in_it(store):
    frame = [f"c{k}" for k in range(20)]
    assigned = Assignments(store)
    seen = set()
    for seed in range(30):
        asked = Draw("run", f"b{seed}", "double", frame, 4, ["x", "y", "z"], seed)
        found = assigned.batch(assigned.draw(asked, "ada"))[1]
        asked = Draw("run", f"b{seed} again", "double", frame[::-1], 4, ["z", "y", "x"], seed)
        again = assigned.batch(assigned.draw(asked, "ada"))[1]
        assert [(one.contact_id, one.grader) for one in found] == [(one.contact_id, one.grader) for one in again]
        assert all(
            len({one.grader for one in found if one.contact_id == name}) == 2 for name in {o.contact_id for o in found}
        )
        seen |= {one.contact_id for one in found}
    assert seen == set(frame)
    with pytest.raises(UsageError):
        assigned.draw(Draw("run", "b", "calibration", frame, 4, ["x"]), "ada")


def test_two_who_save_at_once_lose_nothing(store):
    """Two reviewers, each with ten contacts, and both in two tabs: all is in, and each version was saved once."""
    frame = [f"c{k}" for k in range(10)]
    assigned = Assignments(store)
    number = assigned.draw(Draw("run", "b", "calibration", frame, 10, ["x", "y"]), "ada")
    asked = assigned.batch(number)[1]
    outcomes: list[str] = []

    def save(grader: str, points: float) -> None:
        from cxsentiment.reviews.labels import Label

        for one in (one for one in asked if one.grader == grader):
            verdict = "met" if points else "not_met"
            label = Label(
                one.contact_id, "greet", grader, verdict, points, "double", rated_at=f"2026-05-0{int(points) + 1}"
            )
            try:
                assigned.save(one.id, 0, [label], grader)
                outcomes.append("saved")
            except ChangedMeanwhileError:
                outcomes.append("told")

    tabs = [threading.Thread(target=save, args=(name, points)) for name in ("x", "y") for points in (0.0, 1.0)]
    for tab in tabs:
        tab.start()
    for tab in tabs:
        tab.join(120)
    assert sorted(outcomes) == ["saved"] * 20 + ["told"] * 20
    found = [one for one in store.labels() if one.item == "greet"]
    assert len(found) == 20
    assert {(one.contact_id, one.grader) for one in found} == {(name, grader) for name in frame for grader in "xy"}
    assert all(one.version == 1 and one.done_at for one in assigned.batch(number)[1])


def test_a_dispute_from_an_agent_to_a_new_score(desk, facts):
    row = next(r for r in facts.ask("SELECT * FROM contacts WHERE agent_id = 'A1' AND v_0 = 2 ORDER BY place"))
    contact = row["contact_id"]
    agent, lead = Browser(desk).sign_in("amy"), Browser(desk).sign_in("quin")
    page = agent.get(f"/r/may/contact?id={contact}")
    assert "Contest" in page
    agent.post("/r/may/contest", {"contact": contact, "item": "greeting", "reason": "  "}, 400)
    told = agent.post("/r/may/contest", {"contact": contact, "item": "greeting", "reason": NASTY})
    assert "<script>alert" not in told
    assert "Withdraw" in told
    assert "Decide" not in told
    fields = {"contact": contact, "item": "greeting", "reason": "again"}
    assert "contested already" in agent.post("/r/may/contest", fields, 400)
    page = lead.get("/r/may/dispute?id=1")
    decide = {"dispute": "1", "version": hidden(page, "version"), "verdict": "1", "why": "He did greet, in his way."}
    assert "Nothing is saved yet" in lead.post("/r/may/decide", {**decide, "why": ""}, 400)
    assert "Nothing is saved yet" in lead.post("/r/may/decide", {**decide, "verdict": "5"}, 400)
    assert "the score is recomputed" in lead.post("/r/may/decide", decide)
    late = lead.post("/r/may/decide", {**decide, "verdict": "stands"}, 409)
    assert "meanwhile" in late
    page = agent.get(f"/r/may/contact?id={contact}")
    assert "Changed to met" in page
    assert "by <bdi>quin</bdi>" in page
    assert "He did greet, in his way." in page
    (found,) = Disputes(desk.store).of(facts.key)
    assert (found.machine_verdict, found.human_verdict, found.opened_by, found.decided_by) == (
        "not_met",
        "met",
        "amy",
        "quin",
    )
    new = revised_scores(facts, [found])[contact]
    assert new > row["score"]
    assert f"<strong>{new:.1f}</strong> with people's verdicts; the machine's: {row['score']:.1f}" in page.replace(
        "&#39;", "'"
    )
    assert "reviewed" in agent.get("/r/may/contacts?order=lowest")
    assert "In 1 contact a person changed a verdict" in lead.get("/r/may/agents")
    assert "In 1 contact a person changed a verdict" in lead.get("/r/may/overview")
    actions = [(line["who"], line["action"]) for line in desk.store.log()]
    assert ("amy", "contested") in actions
    assert ("quin", "decided") in actions
    # the run folder itself stays as it was
    assert find(facts, contact)["score"] == row["score"]


def test_the_score_after_a_dispute_is_what_the_scorecard_gives(facts, desk_run):
    """With the machine's own verdicts put in people's places the score is the machine's, of every contact."""
    checked = 0
    for row in facts.ask("SELECT * FROM contacts ORDER BY place LIMIT 30"):
        items = view(facts, row).items
        for item in items[:2]:
            same = _dispute(facts, row["contact_id"], item.item, item.verdict, item.share)
            made = revised(facts, items, [same])
            assert made.score == pytest.approx(row["score"], abs=1e-3)
            checked += 1
    assert checked == 60


def test_a_verdict_that_does_not_apply_leaves_the_score(facts):
    for row in facts.ask("SELECT * FROM contacts WHERE score IS NOT NULL ORDER BY place"):
        items = view(facts, row).items
        missed = next((one for one in items if one.verdict == "not_met" and _met_beside(items, one)), None)
        if missed is not None:
            break
    without = revised(facts, items, [_dispute(facts, row["contact_id"], missed.item, "not_applicable", None)])
    assert without.score > row["score"]
    assert revised(facts, items, []) is None


def _met_beside(items, missed):
    return any(one.section == missed.section and one.share == 1 for one in items)


def _dispute(facts, contact, item, verdict, share):
    from cxsentiment.reviews.disputes import Dispute

    state = "changed"
    by = ("amy", "2026-05-01", "because", state, "quin", "2026-05-02", "so be it")
    return Dispute(1, facts.key, contact, item, "met", 1.0, 0.9, *by, verdict, share, 1)


def test_disputes_keep_their_history(store):
    known = Disputes(store)
    machine = Machine("not_met", 0.0, 0.2)
    first = known.open("run", "c1", "greet", machine, "He did.", "amy")
    with pytest.raises(InputError, match="already"):
        known.open("run", "c1", "greet", machine, "He did!", "tess")
    known.decide(first, 0, Decision("met", 1.0, "Indeed."), "quin")
    second = known.open("run", "c1", "greet", machine, "No he did not.", "tess")
    known.decide(second, 0, Decision(None, None, "He did."), "ada")
    third = known.open("run", "c1", "greet", machine, "Please.", "tess")
    known.withdraw(third, 0, "tess")
    with pytest.raises(ChangedMeanwhileError):
        known.decide(third, 0, Decision(None, None, "late"), "ada")
    found = known.of("run", "c1")
    assert [one.state for one in found] == ["withdrawn", "upheld", "changed"]
    assert holding(found)["c1", "greet"].id == first
    assert holding(known.of("other")) == {}


def test_who_contests_does_not_decide(desk, facts):
    lead = Browser(desk).sign_in("quin")
    lead.post("/r/may/contest", {"contact": "c0", "item": "greeting", "reason": "look again"})
    fields = {"dispute": "1", "version": "0", "verdict": "1", "why": "x"}
    assert "does not decide it" in lead.post("/r/may/decide", fields, 403)
    other = Browser(desk).sign_in("amy")
    other.post("/r/may/withdraw", {"dispute": "1", "version": "0"}, 403)
    assert "is withdrawn" in lead.post("/r/may/withdraw", {"dispute": "1", "version": "0"})


def test_what_people_write_of_a_contact_is_masked_before_it_is_kept(desk, facts):
    told = "She gave 4111 1111 1111 1111 & said <yes>"
    lead, agent = Browser(desk).sign_in("quin"), Browser(desk).sign_in("amy")
    agent.post("/r/may/contest", {"contact": "c0", "item": "greeting", "reason": told})
    lead.post("/r/may/decide", {"dispute": "1", "version": "0", "verdict": "1", "why": told})
    draw(desk, facts, ["quin"], "random", 1)
    lead.post("/r/may/grade", {"assignment": "1", "version": "0", **answers(facts), "comment.greeting": told})
    (decided,) = Disputes(desk.store).of(facts.key)
    (comment,) = [one.comment for one in desk.store.labels() if one.comment]
    assert {decided.reason, decided.decision, comment} == {"She gave [CARD] & said <yes>"}


def test_an_agent_sees_disputes_about_their_own_contacts_only(desk, facts):
    lead, agent = Browser(desk).sign_in("quin"), Browser(desk).sign_in("amy")
    for contact in ("c0", "c1"):
        lead.post("/r/may/contest", {"contact": contact, "item": "greeting", "reason": "look again"})
    text = agent.get("/r/may/disputes")
    assert "1 dispute." in text
    agent.get("/r/may/dispute?id=1")
    assert "their own contacts only" in agent.get("/r/may/dispute?id=2", 403)


def test_labelled_turns_are_what_training_reads(desk, facts, tmp_path):
    from training.annotations import read_annotations

    browser = Browser(desk).sign_in("tess")
    form = browser.get("/r/may/turns?id=c5")
    assert 'name="sentiment.0"' not in form  # an agent has no sentiment
    sent = {"contact": "c5", "version": hidden(form, "version"), "sentiment.1": "negative"}
    sent |= {"acts.0": ["greet", "identify"], "acts.2": "none", "sentiment.3": ""}
    assert "Your labels of the turns are saved" in browser.post("/r/may/turns", sent)
    late = browser.post("/r/may/turns", {**sent, "sentiment.1": "positive"}, 409)
    assert re.search(r'name="sentiment.1" value="positive" checked', late)
    for wrong in ({"sentiment.1": "angry"}, {"acts.0": "smile"}):
        version = hidden(browser.get("/r/may/turns?id=c5"), "version")
        browser.post("/r/may/turns", {"contact": "c5", "version": version, **wrong}, 400)
    browser.post("/r/may/turns", {"contact": "c5", "version": "0"}, 400)
    lead = Browser(desk).sign_in("quin")
    answer = lead.client.post("/r/may/export", data={"csrf": lead.csrf, "kind": "turns"})
    assert answer.headers["content-disposition"] == 'attachment; filename="may-turns.jsonl"'
    path = tmp_path / "turns.jsonl"
    path.write_text(answer.text, encoding="utf-8")
    rows = [json.loads(line) for line in answer.text.splitlines()]
    assert [(row["turn"], row.get("sentiment"), row.get("acts")) for row in rows] == [
        (0, None, ["greet", "identify"]),
        (1, "negative", None),
        (2, None, ["none"]),
    ]
    assert [one.labels for one in read_annotations([path]).turns] == [("greet", "identify"), ("negative",), ()]
    assert desk.store.log()[-1]["details"]["rows"] == 3
    form = lead.get("/r/may/turns?id=c5")
    other = {"contact": "c5", "version": hidden(form, "version"), "sentiment.1": "positive", "acts.2": "none"}
    lead.post("/r/may/turns", other)
    assert "1 turn on which people differ is left out" in lead.get("/r/may/export")
    assert len(lead.post("/r/may/export", {"kind": "turns"}).splitlines()) == 2


def test_turn_labels_on_either_database(store):
    known = TurnLabels(store)
    one = TurnLabel("c1", 0, "customer", "x", "negative", ())
    assert known.save("run", "c1", "x", 0, [one]) == 1
    version, found = known.of("run", "c1", "x")
    assert found == {0: one}
    assert known.save("run", "c1", "x", version, [one]) == 0
    with pytest.raises(ChangedMeanwhileError):
        known.save("run", "c1", "x", 0, [one])
    with pytest.raises(InputError):
        check(TurnLabel("c1", 0, "agent", "x", "negative", ()))
    assert known.save("run", "c1", "x", version, [], [0, 1]) == 1
    with pytest.raises(ChangedMeanwhileError):
        known.save("run", "c1", "x", version, [one])
    assert known.of("run", "c1", "x")[1] == {}
    store.erase(["c1"])
    assert known.of("run", "c1", "x") == (0, {})


def test_a_label_of_a_turn_can_be_taken_back(desk, facts):
    browser = Browser(desk).sign_in("tess")

    def send(fields, status=200):
        form = browser.get("/r/may/turns?id=c5")
        assert 'type="hidden" name="acts.0" value=""' in form
        return browser.post("/r/may/turns", {"contact": "c5", "version": hidden(form, "version"), **fields}, status)

    send({"sentiment.1": "negative", "acts.0": ["", "greet"], "acts.2": ["", "none"]})
    send({"sentiment.1": "", "acts.0": "", "acts.2": ["", "none"]})
    assert [one.turn for one in TurnLabels(desk.store).all_of(facts.key)] == [2]
    told = send({"sentiment.1": "", "acts.0": "", "acts.2": ""})
    assert "are labelled" not in told  # none is any more
    assert "Your labels of the turns are saved" in told
    assert TurnLabels(desk.store).all_of(facts.key) == []
    assert "no turn has a label" in send({"sentiment.1": "", "acts.0": "", "acts.2": ""}, 400)


def test_exports_hold_no_formulas_and_say_who_took_them(desk, facts):
    lead = Browser(desk).sign_in("quin")
    reason = '=HYPERLINK("http://evil","x")\r\n+1'
    lead.post("/r/may/contest", {"contact": "c0", "item": "greeting", "reason": reason})
    draw(desk, facts, ["quin"], "random", 1)
    lead.post(
        "/r/may/grade",
        {"assignment": "1", "version": "0", **answers(facts), "comment.greeting": "@SUM(A1)"},
    )
    for kind in ("disputes", "verdicts"):
        answer = lead.client.post("/r/may/export", data={"csrf": lead.csrf, "kind": kind})
        assert answer.status_code == 200
        cells = [cell for row in csv.reader(io.StringIO(answer.text)) for cell in row]
        assert len(cells) > 20
        assert not [cell for cell in cells if cell.startswith(("=", "+", "@", "\t", "\r"))]
        assert answer.headers["content-type"].startswith("text/csv")
    lead.post("/r/may/export", {"kind": "x\r\nSet-Cookie: a=b"}, 404)
    admin = Browser(desk).sign_in("ada")
    log = admin.get("/audit")
    assert "exported" in log
    assert "<bdi>quin</bdi>" in log


def test_what_people_write_is_masked_before_it_is_stored(desk, facts):
    lead = Browser(desk).sign_in("quin")
    lead.post("/r/may/contest", {"contact": "c0", "item": "greeting", "reason": "he read 4111 1111 1111 1111 out"})
    Disputes(desk.store).decide(1, 0, Decision(None, None, "cvv 814 is not to be asked"), "ada")
    draw(desk, facts, ["quin"], "random", 1)
    lead.post(
        "/r/may/grade",
        {
            "assignment": "1",
            "version": "0",
            **answers(facts),
            "comment.greeting": "x" * 1990 + " 4111 1111 1111 1111",
            "comment.closing": "mail jane.doe@example.org",
        },
    )
    (found,) = Disputes(desk.store).of(facts.key)
    assert (found.reason, found.decision) == ("he read [CARD] out", "cvv [CVV] is not to be asked")
    comments = {one.item: one.comment for one in desk.store.labels()}
    assert comments["closing"] == "mail [EMAIL]"
    assert "4111" not in comments["greeting"]


def test_erasing_a_contact_takes_what_the_desk_holds_of_it(desk, facts):
    draw(desk, facts, ["quin"], "random", 1)
    (asked,) = Assignments(desk.store).of(facts.key, "quin")
    Disputes(desk.store).open(facts.key, asked.contact_id, "greeting", Machine("met", 1.0, 0.9), "why", "amy")
    desk.store.erase([asked.contact_id])
    assert Assignments(desk.store).of(facts.key, "quin") == []
    assert Disputes(desk.store).of(facts.key) == []


def test_a_contact_that_the_run_lost_holds_nobody_up(desk, facts):
    Assignments(desk.store).draw(Draw(facts.key, "May", "double", ["gone", "c8"], 2, ["quin", "tess"]), "ada")
    for name in ("quin", "tess"):
        browser = Browser(desk).sign_in(name)
        assert "<p>1 to grade." in browser.get("/r/may/review")
        mine = next(one for one in Assignments(desk.store).of(facts.key, name) if one.contact_id == "c8")
        sent = {"assignment": mine.id, "version": "0", "then": "next", **answers(facts)}
        assert "Nothing is assigned to you any more" in browser.post("/r/may/grade", sent)
    assert "Do graders agree?" in browser.get(f"/r/may/batch?id={mine.batch_id}")


def test_erasing_a_contact_takes_its_id_out_of_the_audit_log(desk, facts):
    store, machine = desk.store, Machine("met", 1.0, 0.9)
    Disputes(store).open(facts.key, "c1", "greeting", machine, "why", "amy")
    Disputes(store).open(facts.key, "c2", "greeting", machine, "why", "amy")
    TurnLabels(store).save(facts.key, "c1", "x", 0, [TurnLabel("c1", 0, "customer", "x", "negative", ())])
    before = len(store.log())
    store.erase(["c1"])
    subjects = [line["subject"] for line in store.log()]
    assert len(subjects) == before + 1  # that something was done stays, and by whom
    assert "c1" not in subjects
    assert subjects.count("[erased]") == 2
    assert "c2" in subjects


def test_a_store_that_is_down_says_so_and_comes_back(desk_run, tmp_path):
    database = tmp_path / "db" / "reviews.db"
    database.parent.mkdir()
    desk = open_desk([desk_run], str(database), users=True)
    browser = Browser(desk).sign_in("quin")
    browser.get("/r/may/review")
    desk.store.close()
    shutil.move(database.parent, tmp_path / "away")
    told = browser.get("/r/may/review", 503)
    assert "The store of reviews cannot be used" in told
    assert "Traceback" not in told
    shutil.move(tmp_path / "away", database.parent)
    browser.get("/r/may/review")
    desk.close()
