"""The behaviour tests: that wrong files are refused, that each kind of test judges as it says, that all cases load."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cxsentiment.errors import UsageError
from cxsentiment.model import Model, read_bundle
from cxsentiment.schema import ACTS, SENTIMENTS
from cxsentiment.stats.rates import wilson_interval
from eval import behaviour as command
from eval.behaviour import CASES, Behaviour, Outcome, Share, behaviour, pass_rates
from eval.noise import NOISES, noisy
from eval.suite import Direction, Invariance, Minimum, read_suite

WANTED = """
negation sarcasm reported_speech third_party_blame polite_complaint mixed_turns thanks i_understand sorry empathy
questions confirmation holding transfers opening closing unprofessional facts intensity philippine_english
indian_english british_english american_english second_language_english names dialect case punctuation fillers
asr_errors emoji html
masks long_turns one_word other_languages
""".split()
HEAD = "capability: toy\nabout: A toy.\n"
Suite = Callable[[str], Path]


@pytest.fixture
def suite(tmp_path: Path) -> Suite:
    """Write the lists of one capability `toy`, after its head, and return the folder."""

    def write(text: str) -> Path:
        (tmp_path / "toy.yaml").write_text(HEAD + text, encoding="utf-8")
        return tmp_path

    return write


def only(found: Behaviour) -> Outcome:
    (outcome,) = found.outcomes
    return outcome


# The cases that ship.


def test_every_capability_ships_with_cases() -> None:
    shipped = read_suite(CASES)
    assert {one.capability for one in shipped} == set(WANTED)
    cases = [case for one in shipped for case in one.cases]
    assert len(cases) >= 400
    assert len({case.id for case in cases}) == len(cases)
    assert {type(case) for case in cases} == {Minimum, Invariance, Direction}
    assert sum(case.head == "sentiment" for case in cases) >= 200
    assert sum(case.head == "acts" for case in cases) >= 200


def test_every_label_is_asked_for_and_forbidden_somewhere() -> None:
    wanted = [case.wanted for one in read_suite(CASES) for case in one.minimum if not case.report_only]
    for label in SENTIMENTS + ACTS:
        assert sum(one.get(label) is True for one in wanted) >= 5, label
        assert sum(one.get(label) is False for one in wanted) >= 5, label


def test_fairness_looks_at_names_of_many_origins_and_at_dialects() -> None:
    by_name = {one.capability: one for one in read_suite(CASES)}
    assert [name for name, one in by_name.items() if one.fairness] == ["dialect", "names"]
    origins = by_name["names"].fills["name"]
    assert len(origins) >= 12
    assert len({len(names) for names in origins.values()}) == 1, "each origin has as many names"
    dialects = [set(case.variants) for case in by_name["dialect"].invariance]
    assert len(set().union(*dialects)) >= 8


def test_other_languages_are_only_reported() -> None:
    by_name = {one.capability: one for one in read_suite(CASES)}
    assert all(case.report_only for case in by_name["other_languages"].cases)


# What is refused.


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "minimum:\n  - {id: toy-01, label: neutral, text: a, lable: b}",
            r"toy\.yaml case toy-01: lable: Extra inputs",
        ),
        ("minimum:\n  - {id: toy-01, label: glad, text: a}", r"case toy-01: label: 'glad' is not known \(allowed: neg"),
        ("minimum:\n  - {id: toy-01, has: [greeet], text: a}", r"case toy-01: has\.0: 'greeet' is not known"),
        ("minimum:\n  - {id: toy-01, text: a}", "case toy-01: give either label"),
        ("minimum:\n  - {id: toy-01, label: neutral, has: [greet], text: a}", "case toy-01: give either label"),
        (
            "minimum:\n  - {id: toy-01, has: [greet], lacks: [greet], text: a}",
            "case toy-01: .*both in has and in lacks",
        ),
        ("minimum:\n  - {id: toy-01, label: neutral, text: yes}", "case toy-01: text: Input should be a valid string"),
        ("minimum:\n  - {id: toy-01, label: neutral, text: ''}", "case toy-01: text: String should have at least 1"),
        ("minimum:\n  - {id: other-01, label: neutral, text: a}", "must be called after its capability, toy-"),
        ("minimum:\n  - {id: toy, label: neutral, text: a}", "case toy: id: String should match"),
        ("minimum:\n  - text", r"minimum\[0\]: Input should be a valid dictionary"),
        ("minimum: []", "there is no case"),
        ("invariance:\n  - {id: toy-01, head: mood, text: a, variants: {b: c}}", "case toy-01: head: Input should be"),
        ("invariance:\n  - {id: toy-01, head: acts, text: a}", "case 'toy-01' needs either variants and noise"),
        ("invariance:\n  - {id: toy-01, head: acts, text: a, noise: [shouting]}", "'shouting' is not known"),
        ("invariance:\n  - {id: toy-01, head: acts, text: a, variants: {b: c, b: d}}", "the key 'b' stands twice"),
        ("direction:\n  - {id: toy-01, text: a, variants: [b]}", "case toy-01: give either raises or lowers"),
        ("direction:\n  - {id: toy-01, text: a, variants: [], raises: greet}", "case toy-01: variants: Tuple should"),
        ("direction:\n  - {id: toy-01, text: a, variants: [b], raises: greet, by: 2}", "case toy-01: by: Input"),
        (
            "direction:\n  - {id: toy-01, text: a, variants: [b], raises: greet, by: 0.1, tolerance: 0.1}",
            "case toy-01: give either by or tolerance",
        ),
        (
            "fills: {x: {g: [b]}, y: {g: [b]}}\nminimum:\n  - {id: toy-01, label: neutral, text: '{x} {y}'}",
            "case 'toy-01' has the slots",
        ),
        (
            "fills: {x: {g: [b]}}\ndirection:\n  - {id: toy-01, text: '{x}', variants: [b], raises: greet}",
            "case 'toy-01' is a test of direction",
        ),
        (
            "fills: {person: {g: [Ann]}}\nminimum:\n  - {id: toy-01, label: neutral, text: 'I am {persn}'}",
            r"case 'toy-01' has the slot 'persn', which is not filled \(allowed: person\)",
        ),
        (
            "minimum:\n  - {id: toy-01, label: neutral, text: 'I am {person}'}",
            r"the slot 'person', which is not filled \(allowed: none",
        ),
        (
            "fills: {x: {g: [b]}}\ninvariance:\n  - {id: toy-01, head: acts, text: '{X} b', variants: {c: d}}",
            "case 'toy-01' has the slot 'X'",
        ),
        ("invariance:\n  - {id: toy-01, head: acts, text: a, variants: {b: a}}", "case 'toy-01' tests nothing"),
        ("invariance:\n  - {id: toy-01, head: acts, text: ok, noise: [lower case]}", "case 'toy-01' tests nothing"),
        (
            "fills: {x: {g: [b], h: [b]}}\ninvariance:\n  - {id: toy-01, head: acts, text: '{x}'}",
            "case 'toy-01' tests nothing",
        ),
        ("unknown: 1\nminimum:\n  - {id: toy-01, label: neutral, text: a}", r"toy\.yaml: unknown: Extra inputs"),
        ("minimum: [", "not valid YAML"),
    ],
)
def test_a_wrong_file_is_refused_with_file_and_case(suite: Suite, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as refused:
        read_suite(suite(text))
    assert "toy.yaml" in refused.value.message


def test_a_mask_in_double_braces_is_no_slot(suite: Suite) -> None:
    (one,) = read_suite(suite("minimum:\n  - {id: toy-01, label: neutral, text: 'I am {{NAME}}'}"))
    assert one.cases[0].text == "I am {{NAME}}"


def test_an_id_that_two_files_use_is_refused_and_so_is_a_file_of_another_name(suite: Suite) -> None:
    folder = suite("minimum:\n  - {id: toy-01, label: neutral, text: a}\n  - {id: toy-01, label: neutral, text: b}")
    with pytest.raises(UsageError, match=r"case toy-01: this id is also in .*toy\.yaml"):
        read_suite(folder)
    (folder / "toy.yaml").rename(folder / "other.yaml")
    with pytest.raises(UsageError, match=r"other\.yaml: capability 'toy' is not the name of the file"):
        read_suite(folder)


def test_a_folder_without_cases_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no behaviour tests here"):
        read_suite(tmp_path)


# Minimum functionality.


@pytest.mark.parametrize(
    ("demand", "text", "why"),
    [
        ("label: negative", "this is terrible", None),
        ("label: neutral", "my size is nine", None),
        ("label: positive", "this is terrible", "wrongly has negative, misses positive"),
        ("has: [apologise, hold]", "sorry, one moment", None),
        ("has: [apologise, greet]", "sorry, one moment", "misses greet"),
        ("lacks: [greet]", "sorry, one moment", None),
        ("has: [hold], lacks: [apologise]", "sorry, one moment", "wrongly has apologise"),
        ("only: [apologise, hold]", "sorry, one moment", None),
        ("only: [apologise]", "sorry, one moment", "wrongly has hold"),
        ("only: []", "mhm", None),
        ("only: []", "hello", "wrongly has greet"),
    ],
)
def test_minimum_functionality(suite: Suite, toy_model: Model, demand: str, text: str, why: str | None) -> None:
    outcome = only(behaviour(toy_model, suite(f"minimum:\n  - {{id: toy-01, {demand}, text: '{text}'}}")))
    assert outcome.passed == (why is None)
    assert [failure.why for failure in outcome.failures] == ([why] if why else [])


def test_a_failure_shows_the_probabilities_it_turns_on(suite: Suite, toy_model: Model) -> None:
    outcome = only(behaviour(toy_model, suite("minimum:\n  - {id: toy-01, has: [greet], text: sorry}")))
    assert outcome.failures[0].probs == pytest.approx({"apologise": 0.9526, "greet": 0.0474}, abs=1e-4)


def test_a_slot_is_filled_and_every_fill_must_hold(suite: Suite, toy_model: Model) -> None:
    found = behaviour(
        toy_model,
        suite("fills: {x: {g: [box, bag], h: [great box]}}\nminimum:\n  - {id: toy-01, label: neutral, text: 'a {x}'}"),
    )
    assert [(failure.group, failure.text) for failure in only(found).failures] == [("h", "a great box")]


def test_a_label_that_must_not_be_there_is_surely_wrong_above_four_fifths(suite: Suite, toy_model: Model) -> None:
    found = behaviour(
        toy_model,
        suite(
            "minimum:\n"
            "  - {id: toy-01, report_only: true, only: [], text: hello}\n"
            "  - {id: toy-02, report_only: true, only: [greet], text: mhm}\n"  # wrong, but of no label it is sure
        ),
    )
    surely = found.capabilities["toy"].surely_wrong
    assert (surely.count, surely.n) == (1, 2)


def test_texts_take_the_products_path(suite: Suite, toy_model: Model) -> None:
    folder = suite('minimum:\n  - {id: toy-01, label: negative, text: "terri\\u200bble"}')  # cleaned before scoring
    assert only(behaviour(toy_model, folder)).passed


# Invariance.


def test_invariance_counts_the_variants_that_flip_by_group(suite: Suite, toy_model: Model) -> None:
    found = behaviour(
        toy_model,
        suite(
            "groups: change\n"
            "invariance:\n"
            "  - {id: toy-01, head: acts, text: hello, variants: {same: hi, other: goodbye}}\n"
            "  - {id: toy-02, head: acts, text: sorry, variants: {same: apologies, other: sorry sorry}}\n"
        ),
    )
    assert [outcome.passed for outcome in found.outcomes] == [False, True]
    flips = found.capabilities["toy"].flips
    assert {group: (share.count, share.n) for group, share in flips.items()} == {
        "same": (0, 2),
        "other": (1, 2),
        "all": (1, 4),
    }
    (failure,) = found.outcomes[0].failures
    assert (failure.group, failure.why) == ("other", "flips greet (reference 0.95), close (reference 0.05)")
    shifts = found.capabilities["toy"].shifts
    assert shifts["same"] == 0
    assert shifts["other"] == pytest.approx(0.905 / 2, abs=1e-3)


def test_the_reference_of_a_slot_is_the_mean_of_its_groups(suite: Suite, toy_model: Model) -> None:
    # Two of three groups are positive on the whole; counted by names instead, the neutral group would be the norm.
    found = behaviour(
        toy_model,
        suite(
            "fairness: true\nfills: {name: {a: [Great], b: [Lovely], c: [Kim, Lee, Sam, Max, Tim]}}\n"
            "invariance:\n  - {id: toy-01, head: sentiment, text: 'it is {name}'}"
        ),
    )
    flips = found.capabilities["toy"].flips
    assert {group: (share.count, share.n) for group, share in flips.items()} == {
        "a": (0, 1),
        "b": (0, 1),
        "c": (5, 5),
        "all": (5, 7),
    }
    assert found.fairness == ("toy",)


def test_no_dialect_is_the_norm_the_text_that_is_varied_neither(suite: Suite, toy_model: Model) -> None:
    variants = "invariance:\n  - {id: toy-01, head: acts, text: hello, variants: {north: sorry, south: apologies}}\n"
    fair, plain = (
        behaviour(toy_model, suite(head + variants)).capabilities["toy"].flips["all"].count
        for head in ("fairness: true\n", "")
    )
    assert (fair, plain) == (0, 2)


def test_variants_of_one_text_are_no_trials_of_their_own(suite: Suite, toy_model: Model) -> None:
    def of(texts: list[str]) -> Share:
        cases = "".join(
            f"  - {{id: toy-{k:02}, head: acts, text: {text}, variants: {{a: hello, b: hi hi, c: hello hi}}}}\n"
            for k, text in enumerate(texts)
        )
        return behaviour(toy_model, suite(f"invariance:\n{cases}")).capabilities["toy"].flips["all"]

    some = of(["hi"] * 9 + ["sorry"])  # the three variants of the last flip together
    assert (some.count, some.n) == (3, 30)
    as_ten = wilson_interval(1, 10)
    assert (some.low, some.high) == pytest.approx((as_ten.low, as_ten.high), abs=0.03)
    none = of(["hi"] * 10)
    assert (none.count, none.n, none.high) == (0, 30, pytest.approx(wilson_interval(0, 10).high, abs=1e-4))
    few = of(["hi", "hi", "sorry"])
    assert (few.value, few.low) == (pytest.approx(1 / 3, abs=1e-4), None)


def test_noise_is_made_from_the_text(suite: Suite, toy_model: Model) -> None:
    found = behaviour(
        toy_model,
        suite("invariance:\n  - {id: toy-01, head: acts, text: 'Hello, Ann.', noise: [upper case, no full stop]}"),
    )
    assert only(found).passed  # the toy's words know no capitals
    assert set(found.capabilities["toy"].flips) == {"upper case", "no full stop", "all"}


def test_a_variant_that_equals_the_text_does_not_count() -> None:
    case = Invariance(id="toy-01", head="acts", text="ok", variants={"a": "ok", "b": "okay"}, noise=("lower case",))
    assert [variant.text for variant in case.made()] == ["okay"]


# Direction.


@pytest.mark.parametrize(
    ("demand", "text", "variant", "why"),
    [
        ("raises: negative, by: 0.5", "it is here", "it is here again", None),
        (
            "raises: negative, by: 0.99",
            "it is here",
            "it is here again",
            "does not raise negative by 0.99: 0.05 → 0.95",
        ),
        ("raises: negative", "it is bad", "it is bad", None),  # no change lies within the tolerance
        ("raises: greet", "hello", "goodbye", "does not raise greet: 0.95 → 0.05"),
        ("raises: greet, tolerance: 0", "hello", "hello", None),
        ("lowers: apologise, by: 0.5", "sorry", "well", None),
        ("lowers: apologise", "well", "sorry", "does not lower apologise: 0.05 → 0.95"),
    ],
)
def test_direction(suite: Suite, toy_model: Model, demand: str, text: str, variant: str, why: str | None) -> None:
    folder = suite(f"direction:\n  - {{id: toy-01, {demand}, text: {text}, variants: ['{variant}']}}")
    outcome = only(behaviour(toy_model, folder))
    assert [failure.why for failure in outcome.failures] == ([why] if why else [])


# Figures.


def test_cases_that_are_only_reported_count_in_no_pass_rate(suite: Suite, toy_model: Model) -> None:
    folder = suite(
        "minimum:\n"
        "  - {id: toy-01, label: negative, text: terrible}\n"
        "  - {id: toy-02, label: negative, text: fine, report_only: true}\n"
        "  - {id: toy-03, has: [greet], text: bye}\n"
    )
    found = behaviour(toy_model, folder)
    one = found.capabilities["toy"]
    assert (found.cases, found.all.count, found.all.n) == (3, 1, 2)
    assert (one.report_only.count, one.report_only.n) == (0, 1)
    assert (one.heads["sentiment"].value, one.heads["acts"].value) == (1, 0)
    assert (one.all.low, one.all.high) == pytest.approx((0.0945, 0.9055), abs=1e-4)  # Wilson, 1 of 2
    rates = pass_rates(toy_model, folder)
    assert rates["capabilities"] == {"toy": 0.5}
    assert rates["heads"] == {"sentiment": 1, "acts": 0}
    assert rates["report_only"] == {"toy": 0}
    assert rates["kinds"] == {"minimum": 0.5, "invariance": None, "direction": None}


def test_the_command_prints_and_writes_the_report(
    suite: Suite, toy_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = suite(
        "fairness: true\n"
        "minimum:\n  - {id: toy-01, has: [greet], text: <b>bye</b>}\n"
        "invariance:\n  - {id: toy-02, head: acts, text: hello, variants: {north: hi, south: bye}}\n"
    )
    out = tmp_path / "out"
    monkeypatch.setattr(sys, "argv", ["behaviour", str(toy_bundle), "--cases", str(folder), "--out", str(out)])
    command.main()
    results = json.loads((out / "toy-behaviour.json").read_text(encoding="utf-8"))
    assert results["model"] == {"name": "toy", "version": "0", "bundle_sha256": read_bundle(toy_bundle)[1]}
    assert results["capabilities"]["toy"]["flips"]["south"] == {"count": 1, "n": 1} | {
        "value": 1.0,
        "low": pytest.approx(0.2065, abs=1e-4),
        "high": 1.0,
    }
    assert [one["id"] for one in results["failed"]] == ["toy-01", "toy-02"]
    report = (out / "toy-behaviour.md").read_text(encoding="utf-8")
    assert report in capsys.readouterr().out
    assert "| toy | 0.000 [0.00, 0.66] (0/2) | – | 0.000 [0.00, 0.66] (0/2) | – |" in report
    assert "### toy (fairness)" in report
    assert "`<b>bye</b>`: misses greet; greet 0.05, close 0.95" in report


def test_the_command_says_what_is_wrong(toy_bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["behaviour", str(toy_bundle), "--cases", str(tmp_path)])
    with pytest.raises(SystemExit, match="no behaviour tests here"):
        command.main()


# Noise.

SENTENCE = (
    "Good morning, it's Ann's order: two lamps, four tables and a chair for the new flat in the old mill, please."
)


@pytest.mark.parametrize("kind", NOISES)
def test_noise_is_the_same_every_time_and_never_empty(kind: str) -> None:
    assert noisy(SENTENCE, kind) == noisy(SENTENCE, kind)
    assert all(noisy(text, kind)[0] for text in (SENTENCE, "ok"))


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("upper case", "Hi, Ann's here.", "HI, ANN'S HERE."),
        ("lower case", "Hi, Ann's here.", "hi, ann's here."),
        ("title case", "hi, Ann's here.", "Hi, Ann's Here."),
        ("no punctuation", "Hi, 'Ann's here'!", "Hi Ann's here"),
        ("no full stop", "Hi. It's me!", "Hi. It's me"),
        ("spaced marks", "Hi, me!", "Hi , me !"),
        ("curly quotes", "It's me", "It’s me"),
        ("speech form", "Hi, Ann's here.", "hi ann's here"),
    ],
)
def test_plain_changes(kind: str, text: str, expected: str) -> None:
    assert noisy(text, kind) == (expected,)


@pytest.mark.parametrize("share", [5, 10, 20, 30])
def test_word_errors_hit_the_stated_share_of_words(share: int) -> None:
    (spoken,) = noisy(SENTENCE, "speech form")
    words = spoken.split()
    draws = noisy(SENTENCE, f"{share} % word errors")
    assert len(set(draws)) == len(draws)
    for text in draws:
        assert _edits(words, text.split()) == round(share / 100 * len(words))


def _edits(before: list[str], after: list[str]) -> int:
    """Levenshtein distance in words."""
    row = list(range(len(after) + 1))
    for i, one in enumerate(before, 1):
        last, row[0] = row[0], i
        for j, other in enumerate(after, 1):
            last, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, last + (one != other))
    return row[-1]


def test_fillers_and_repeats_keep_every_word() -> None:
    for kind in ("fillers", "repeats"):
        for text in noisy(SENTENCE, kind):
            rest = iter(text.split())
            assert all(word in rest for word in SENTENCE.split()), f"{kind} lost or moved a word: {text}"
            assert len(text.split()) > len(SENTENCE.split())
