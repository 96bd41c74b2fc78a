"""Example contacts of a rubric: short written dialogues, each with the verdicts that a grader gives.

They lie beside the rubric, as `NAME.examples.yaml`. A turn is one line: `agent: Hello`, `customer: Hi`, with seconds
from the start where times matter: `12-15.5 agent: One moment`.
"""

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, ValidationError, model_validator

from cxsentiment.errors import RubricError
from cxsentiment.rubric.conditions import Strict, nearest, no_yes_or_no
from cxsentiment.rubric.misfits import told
from cxsentiment.rubric.reading import read_yaml
from cxsentiment.rubric.scorecard import Rubric
from cxsentiment.schema import SPEAKERS, Transcript, Turn
from cxsentiment.text import clean

_TURN = re.compile(r"(?:(\d+(?:\.\d+)?)(?:-(\d+(?:\.\d+)?))? +)?([a-z]+): *(\S.*)", re.DOTALL)
Expected = Literal["met", "not_met", "not_applicable", "unscored"]
_Time = Annotated[float, BeforeValidator(no_yes_or_no), Field(ge=0)]


class Example(Strict):
    """One contact and what a grader says of some of the rubric's items. `log` is what a contact log would add."""

    id: Annotated[str, Field(min_length=1)]
    channel: str | None = None
    campaign: str | None = None
    queue: str | None = None
    log: dict[Literal["wait_s", "hold_s", "wrap_up_s", "handle_s"], _Time] = Field(default_factory=dict)
    turns: Annotated[tuple[str, ...], Field(min_length=1)]
    expect: Annotated[dict[str, Expected], Field(min_length=1)]

    @model_validator(mode="after")
    def _readable(self) -> "Example":
        for line in self.turns:
            _parsed(line)
        return self

    def transcript(self) -> Transcript:
        """The contact as it would have been read."""
        turns = []
        for index, line in enumerate(self.turns):
            start, end, speaker, text = _parsed(line)
            turns.append(Turn(index, speaker, clean(text), start, end))  # type: ignore[arg-type]
        return Transcript(
            self.id,
            tuple(turns),
            channel=self.channel,
            campaign=self.campaign,
            queue=self.queue,
            log={name: value for name, value in self.log.items()},
        )


class Examples(Strict):
    """The example contacts of one rubric."""

    contacts: Annotated[tuple[Example, ...], Field(min_length=1)]


def examples_beside(rubric: Path) -> Path:
    """Where the examples of a rubric file lie."""
    return rubric.with_name(rubric.stem + ".examples.yaml")


def read_examples(path: Path, rubric: Rubric) -> tuple[Example, ...]:
    """Read the example contacts of a rubric. Raises RubricError where they cannot be used."""
    _, content = read_yaml(path)
    try:
        examples = Examples.model_validate(content).contacts
    except ValidationError as error:
        fault = error.errors()[0]
        place = ".".join(str(part + 1) if isinstance(part, int) else part for part in fault["loc"])
        message, allowed = told(fault)
        raise RubricError(
            str(path), f"{place}: {message}", allowed=allowed or "contacts with id, turns and expect"
        ) from error
    known = tuple(item.id for _, item in rubric.pairs())
    seen: set[str] = set()
    for example in examples:
        if example.id in seen:
            raise RubricError(str(path), f"the contact id {example.id!r} is used more than once")
        seen.add(example.id)
        for name in example.expect:
            if name not in known:
                raise RubricError(
                    str(path),
                    f"{example.id}: the rubric has no item {name!r}{nearest(name, known)}",
                    allowed=", ".join(known),
                )
    return examples


def _parsed(line: str) -> tuple[float | None, float | None, str, str]:
    match = _TURN.fullmatch(line.strip())
    if match is None or match[3] not in SPEAKERS:
        raise ValueError(f"{line[:60]!r} is no turn (allowed: `agent: …`, `customer: …`, `12-15.5 agent: …`)")
    start, end = (None if value is None else float(value) for value in match.group(1, 2))
    return start, end, match[3], match[4]
