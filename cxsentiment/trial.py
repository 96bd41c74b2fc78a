"""A rubric tried out: on its own example contacts, and on a finished run, where it shows what no item can tell."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cxsentiment.model import Model
from cxsentiment.predict import predict
from cxsentiment.privacy import mask_transcript
from cxsentiment.rescore import scorecard_of, stored_contacts
from cxsentiment.rows import measured
from cxsentiment.rubric.checks import inside, located
from cxsentiment.rubric.conditions import Condition
from cxsentiment.rubric.examples import Example
from cxsentiment.rubric.scorecard import Rubric
from cxsentiment.schema import ItemResult
from cxsentiment.score.contact import Contact, Labels
from cxsentiment.score.evaluation import Scorecard
from cxsentiment.score.events import Events
from cxsentiment.signals import measure

WANTED = ("met", "not_met", "not_applicable")
_WORDED = ("phrase", "pattern", "wording")
_FEW = 20  # contacts of a run below which "never" and "always" say nothing


@dataclass(frozen=True, slots=True)
class Trial:
    """One item on one example contact: what was expected, and what the rubric says."""

    contact: str
    item: str
    expected: str
    result: ItemResult

    @property
    def right(self) -> bool:
        """Whether the verdict is the expected one."""
        return self.result.verdict == self.expected


@dataclass(frozen=True, slots=True)
class Use:
    """How an item fares in a run: contacts by verdict, and those left to a person as uncertain."""

    item: str
    met: int
    not_met: int
    not_applicable: int
    unscored: int


def try_examples(rubric: Rubric, examples: Sequence[Example], model: Path) -> list[Trial]:
    """Score the example contacts as `cxsentiment score` would, and compare with what a grader says."""
    reader = Model(model)
    acts = next(head for head in reader.bundle.heads if head.speaker == "agent")
    scorecard = Scorecard(rubric, Labels(acts.labels, acts.thresholds))
    contacts = [mask_transcript(example.transcript())[0] for example in examples]
    trials = []
    for example, contact, predictions in zip(examples, contacts, predict(reader, contacts), strict=True):
        values = measured(contact, measure(contact, predictions))
        results = {one.item: one for one in scorecard.evaluate(contact, predictions, values).items}
        trials += [Trial(example.id, item, expected, results[item]) for item, expected in example.expect.items()]
    return trials


def lacking(rubric: Rubric, examples: Sequence[Example]) -> dict[str, tuple[str, ...]]:
    """For each item that people's examples do not cover, the verdicts that no example expects."""
    expected: dict[str, set[str]] = {}
    for example in examples:
        for item, verdict in example.expect.items():
            expected.setdefault(item, set()).add(verdict)
    missing = {}
    for _, one in rubric.pairs():
        if next(one.counting(), None) is None:
            continue  # a person grades it
        lacks = tuple(verdict for verdict in WANTED if verdict not in expected.get(one.id, set()))
        if lacks:
            missing[one.id] = lacks
    return missing


def use_in_run(rubric: Rubric, run: Path) -> tuple[list[Use], list[str]]:
    """How each item fares in a finished run, and warnings of what never or always holds there."""
    scorecard = scorecard_of(run, rubric)
    counts: dict[str, Counter[str]] = {item.id: Counter() for _, item in rubric.pairs()}
    words = _Words(rubric, scorecard.labels)
    contacts = 0
    for transcript, predictions, row in stored_contacts(run):
        contacts += 1
        words.look(Contact(transcript, predictions, row, scorecard.labels))
        for result in scorecard.evaluate(transcript, predictions, row).items:
            counts[result.item][result.verdict] += 1
    uses = [Use(item, *(count[verdict] for verdict in (*WANTED, "unscored"))) for item, count in counts.items()]
    if contacts < _FEW:
        return uses, [f"the run has {contacts} contacts: too few to say what never or always holds"]
    return uses, [*words.warnings(), *_extremes(rubric, uses)]


class _Words:
    """In how many contacts each phrase, pattern and wording of a rubric is found."""

    def __init__(self, rubric: Rubric, labels: Labels) -> None:
        self._places: dict[str, tuple[str, Condition]] = {}
        for start, outer in located(rubric):
            for path, condition in inside(start, outer):
                if condition.what in _WORDED:
                    self._places.setdefault(condition.key, (_said(rubric, path), condition))
        events = Events(rubric, labels, [condition for _, condition in self._places.values()])
        self._finders = {key: events.finder(condition) for key, (_, condition) in self._places.items()}
        self._found: Counter[str] = Counter()
        self._asked: Counter[str] = Counter()

    def look(self, contact: Contact) -> None:
        for key, find in self._finders.items():
            places = contact.places(self._places[key][1].speaker)
            if places:
                self._asked[key] += 1
                seen = {sighting.place for sighting in find(contact)}
                self._found[key] += bool(seen)
                self._found["all " + key] += len(seen) == len(places)

    def warnings(self) -> Iterator[str]:
        for key, (place, condition) in self._places.items():
            asked = self._asked[key]
            if asked and not self._found[key]:
                yield f"{place}: the {condition.what} is found in none of the run's {asked:,} contacts"
            elif asked and self._found["all " + key] == asked:
                yield f"{place}: the {condition.what} is found in every turn of the run"


def _said(rubric: Rubric, path: tuple[str | int, ...]) -> str:
    if path[0] == "sections":
        return rubric.sections[int(path[1])].items[int(path[3])].id
    return ".".join(map(str, path[:2])) if path[0] == "cues" else f"flow {rubric.flows[int(path[1])].id}"


def _extremes(rubric: Rubric, uses: Sequence[Use]) -> Iterator[str]:
    graded = {item.id for _, item in rubric.pairs() if next(item.counting(), None) is not None}
    for use in uses:
        scored = use.met + use.not_met
        if use.item not in graded:
            continue
        if not scored:
            why = "applies to none" if not use.unscored else "could be scored in none"
            yield f"{use.item}: {why} of the run's contacts"
        elif scored >= _FEW and not use.not_met:
            yield f"{use.item}: met in all {scored:,} contacts it was scored in: it tells no one apart"
        elif scored >= _FEW and not use.met:
            yield f"{use.item}: met in none of {scored:,} contacts it was scored in"
