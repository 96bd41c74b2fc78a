"""The ready-made rubrics, each with the example contacts beside it: they read, add up, and judge rightly."""

from pathlib import Path

import pytest

from cxsentiment.model import default_model
from cxsentiment.privacy import mask_transcript
from cxsentiment.rubric.examples import Example, examples_beside, read_examples
from cxsentiment.rubric.reading import library_cues, read_rubric, ready_rubrics
from cxsentiment.trial import Trial, lacking, try_examples

READY = ready_rubrics()
SHOWN = [name for name, path in READY.items() if examples_beside(path).exists()]
FEWEST_ITEMS = 15
# What version 4 of the bundled model reads otherwise than the grader: six turns, nine verdicts of 1,358. The examples
# stay as they were written: worded until a model agrees they would hide what it misses.
MISSED = {
    ("reinstalled-and-mail-gone", "trouble_acknowledged"),
    ("factory-reset-with-warning", "trouble_acknowledged"),
    ("factory-reset-with-warning", "ownership"),
}


def _examples(name: str) -> tuple[Example, ...]:
    return read_examples(examples_beside(READY[name]), read_rubric(READY[name]))


@pytest.fixture(scope="module")
def trials() -> dict[str, list[Trial]]:
    """Every example verdict of every rubric."""
    if not SHOWN:
        pytest.skip("no ready rubric has examples")
    model = default_model()
    return {name: try_examples(read_rubric(READY[name]), _examples(name), model) for name in SHOWN}


def test_there_are_ready_rubrics_with_examples() -> None:
    assert SHOWN


@pytest.mark.parametrize("name", READY)
def test_its_weights_sum_and_every_item_says_what_to_do(name: str) -> None:
    rubric = read_rubric(READY[name])
    assert rubric.name == name
    assert rubric.total_weight == 100
    assert sum(section.weight for section in rubric.sections) == pytest.approx(100)
    assert [item.id for _, item in rubric.pairs() if not item.hint] == []


@pytest.mark.parametrize("name", SHOWN)
def test_it_is_a_whole_scorecard(name: str) -> None:
    rubric = read_rubric(READY[name])
    assert len(list(rubric.pairs())) >= FEWEST_ITEMS or name == "default"
    assert rubric.description


@pytest.mark.parametrize("name", SHOWN)
def test_its_examples_show_every_item_met_not_met_and_not_applicable(name: str) -> None:
    assert lacking(read_rubric(READY[name]), _examples(name)) == {}


@pytest.mark.parametrize("name", SHOWN)
def test_its_examples_are_judged_as_a_grader_would(name: str, trials: dict[str, list[Trial]]) -> None:
    wrong = [
        f"{trial.contact}: {trial.item} is {trial.result.verdict}, not {trial.expected}. {trial.result.reason}"
        for trial in trials[name]
        if not trial.right and (trial.contact, trial.item) not in MISSED
    ]
    assert wrong == []


def test_what_the_model_is_said_to_miss_it_misses(trials: dict[str, list[Trial]]) -> None:
    wrong = {(trial.contact, trial.item) for found in trials.values() for trial in found if not trial.right}
    assert MISSED - wrong == set(), "take these out of MISSED"


@pytest.mark.parametrize("name", SHOWN)
def test_every_quote_stands_in_the_contact(name: str, trials: dict[str, list[Trial]]) -> None:
    texts = {
        example.id: {turn.index: turn.text for turn in mask_transcript(example.transcript())[0].turns}
        for example in _examples(name)
    }
    quotes = [(trial, trial.result.evidence) for trial in trials[name] if trial.result.evidence is not None]
    assert quotes
    for trial, evidence in quotes:
        text = texts[trial.contact][evidence.turn]
        assert evidence.quote.removesuffix("…") == text[evidence.start : evidence.end], (trial.contact, trial.item)


def test_every_library_cue_is_an_event_that_somebody_says() -> None:
    for name, cue in library_cues().items():
        assert cue.is_event, name
        assert all(part.what in ("phrase", "pattern", "wording", "any") for part in cue.walk()), name


@pytest.mark.parametrize("path", list(READY.values()), ids=list(READY))
def test_it_says_at_the_top_what_it_follows(path: Path) -> None:
    assert path.read_text(encoding="utf-8").startswith("# ")
