"""One contact of a run, walked item by item: what each asks, what was found, how sure it is, and what it counts."""

from dataclasses import dataclass
from pathlib import Path

from cxsentiment.errors import UsageError
from cxsentiment.rescore import scorecard_of, stored_contacts
from cxsentiment.rubric.scorecard import Rubric
from cxsentiment.schema import Evaluation, Transcript
from cxsentiment.score.flows import Walk

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Explanation:
    """A contact with what a rubric says of it, and the flows of the rubric that apply to it, step by step."""

    transcript: Transcript
    evaluation: Evaluation
    flows: tuple[Walk, ...]


def explain(rubric: Rubric, run: Path, contact_id: str) -> Explanation:
    """Apply a rubric to one contact of a finished run. Raises UsageError where the run holds no such contact."""
    scorecard = scorecard_of(run, rubric)
    near: list[str] = []
    first: list[str] = []
    for transcript, predictions, row in stored_contacts(run):
        if transcript.id == contact_id:
            walks = scorecard.walk(transcript, predictions, row)
            return Explanation(transcript, scorecard.evaluate(transcript, predictions, row), tuple(walks.values()))
        if len(first) < _SHOWN:
            first.append(transcript.id)
        if len(near) < _SHOWN and contact_id.lower() in transcript.id.lower():
            near.append(transcript.id)
    known = ", ".join(near or first) + (" …" if len(near or first) == _SHOWN else "")
    raise UsageError(f"--contact {contact_id}", f"{run} holds no such contact", allowed=known)
