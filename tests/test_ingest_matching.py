from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from cxsentiment.ingest.dates import Moment
from cxsentiment.ingest.matching import Held, join
from cxsentiment.ingest.surveys import Answer, Counts, Survey, SurveyRules, Surveys

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = 3600.0


def answer(hours: float, csat: float = 5.0, who: str = "u", record: int = 2, *, day_only: bool = False) -> Answer:
    at = Moment(START + timedelta(hours=hours), zoned=True, day_only=day_only)
    return Answer(who, Survey(csat=csat), at, "s.csv", record)


def held(name: str, hours: float | None, who: str | None = "u", duration_s: float | None = None) -> Held:
    started = None if hours is None else (START + timedelta(hours=hours)).isoformat()
    return Held(name, who, started, duration_s)


def loose(*answers: Answer, keep: str = "last", window_h: float = 72.0) -> Surveys:
    rules = SurveyRules(match="customer", keep=keep, window_s=window_h * HOUR)  # type: ignore[arg-type]
    return Surveys({}, rules=rules, loose=answers, counts=Counts(rows=len(answers)))


def test_an_answer_joins_the_last_contact_before_it() -> None:
    joined = join(loose(answer(10)), [held("late", 11), held("b", 5), held("a", 1), held("other", 9, "v")])
    assert joined.answers == {"b": Survey(csat=5.0)}
    assert joined.facts["several_contacts"] == 1
    assert (joined.facts["matched"], joined.facts["unmatched"]) == (1, 0)
    assert any("several contacts" in note for note in joined.facts["notes"])


def test_the_window_counts_from_the_end_of_the_contact() -> None:
    surveys = loose(answer(10), window_h=2)
    assert join(surveys, [held("a", 1)]).facts["unmatched"] == 1
    assert join(surveys, [held("a", 1, duration_s=7.5 * HOUR)]).facts["matched"] == 1
    assert join(surveys, [held("a", 8)]).facts["matched"] == 1
    assert join(surveys, [held("a", 9, duration_s=5 * HOUR)]).facts["matched"] == 1, "answered before it ended"


def test_two_contacts_that_began_together_leave_the_answer_unmatched_with_a_reason() -> None:
    joined = join(loose(answer(10)), [held("a", 9), held("b", 9)])
    assert joined.answers == {}
    assert [reject.code for reject in joined.rejects] == ["tied_contacts"]
    assert joined.facts["rejected"] == 1
    assert join(loose(answer(10)), [held("a", 8), held("b", 8), held("c", 9)]).answers == {"c": Survey(csat=5.0)}


def test_a_day_without_a_time_does_not_pass_over_the_contact_of_that_day() -> None:
    contacts = [held("yesterday", 15), held("today", 34)]
    day = loose(answer(24, day_only=True))
    joined = join(day, contacts)
    assert joined.answers == {}
    (reject,) = joined.rejects
    assert (reject.code, reject.record) == ("day_only", 2)
    assert "with its time" in reject.message
    assert joined.facts["rejected"] == 1
    assert join(day, [contacts[0], held("next day", 48)]).answers == {"yesterday": Survey(csat=5.0)}
    assert join(loose(answer(24)), contacts).answers == {"yesterday": Survey(csat=5.0)}, "answered at midnight"


def test_of_several_answers_to_one_contact_one_is_kept() -> None:
    answers = (answer(10, 1.0), answer(12, 2.0), answer(11, 3.0))
    last = join(loose(*answers), [held("a", 9)])
    first = join(loose(*answers, keep="first"), [held("a", 9)])
    assert last.answers == {"a": Survey(csat=2.0)}
    assert first.answers == {"a": Survey(csat=1.0)}
    assert last.facts["duplicates"] == first.facts["duplicates"] == 2


def test_contacts_without_a_usable_start_are_told() -> None:
    contacts = [held("a", None), Held("b", "u", "03/04/2025"), Held("c", "u", "2025-12-31T20:00")]
    joined = join(loose(answer(1)), contacts)
    assert list(joined.answers) == ["c"]
    assert any("2 contacts of customers" in note for note in joined.facts["notes"])
    assert any("--timezone" in note for note in joined.facts["notes"])


def test_answers_by_id_that_match_nothing_are_named_and_masked() -> None:
    surveys = Surveys({"a": Survey(csat=1.0), "jane@mail.com": Survey(csat=2.0)})
    joined = join(surveys, [Held("a"), Held("b")])
    assert joined.answers == {"a": Survey(csat=1.0)}
    assert joined.facts["unmatched"] == 1
    assert joined.facts["notes"] == ["answers that match no contact, for example: [EMAIL]"]


CUSTOMERS = st.sampled_from(["u", "v", "w"])
HOURS = st.integers(0, 100)
CONTACTS = st.lists(st.tuples(HOURS, CUSTOMERS, st.none() | st.integers(0, 10_000)), max_size=12)
ANSWERS = st.lists(st.tuples(HOURS, CUSTOMERS), max_size=12)


@settings(deadline=None)  # a busy machine is no fault of the code
@given(CONTACTS, ANSWERS, st.integers(1, 50), st.sampled_from(["last", "first"]))
def test_an_answer_never_joins_a_later_contact_nor_another_customers_and_counts_add_up(
    contacts, answers, window, keep
) -> None:
    holding = [held(f"c{k}", hours, who, duration) for k, (hours, who, duration) in enumerate(contacts)]
    # The answer's number is its score, so that it can be told again after joining.
    given_ = [answer(hours, float(k), who, k) for k, (hours, who) in enumerate(answers)]
    joined = join(loose(*given_, keep=keep, window_h=window), holding)
    for name, survey in joined.answers.items():
        hours, who = answers[int(survey.csat or 0)]
        start, customer, duration = contacts[int(name[1:])]
        assert start <= hours
        assert customer == who
        assert hours - start - (duration or 0) / HOUR <= window
        between = [one for one in contacts if one[1] == who and start < one[0] <= hours]
        assert not [one for one in between if hours - one[0] - (one[2] or 0) / HOUR <= window]
    facts = joined.facts
    assert facts["answers"] == facts["matched"] + facts["unmatched"]
    assert len(answers) == facts["answers"] + facts["duplicates"] + facts["added"] + len(joined.rejects)


@settings(deadline=None)  # a busy machine is no fault of the code
@given(CONTACTS, ANSWERS)
def test_the_order_of_contacts_does_not_matter(contacts, answers) -> None:
    holding = [held(f"c{k}", hours, who, duration) for k, (hours, who, duration) in enumerate(contacts)]
    given_ = [answer(hours, float(k), who, k) for k, (hours, who) in enumerate(answers)]
    assert join(loose(*given_), holding) == join(loose(*given_), holding[::-1])
