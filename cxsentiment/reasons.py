"""Why a figure has no number: a sentence for people that carries a code for programs.

The place that makes a reason says its code. A `Reason` is the sentence itself, so it is printed and joined like any
text; `CODES` holds what each code means.
"""

from collections.abc import Mapping
from typing import Literal, Self

Code = Literal[
    "bounds",
    "censored",
    "constant",
    "counted",
    "imported",
    "incomplete",
    "no_answers",
    "no_labels",
    "no_spread",
    "not_applicable",
    "not_comparable",
    "not_declared",
    "not_given",
    "not_named",
    "not_scored",
    "nothing_to_count",
    "one_agent",
    "one_class",
    "one_contact",
    "out_of_scale",
    "planned",
    "remark",
    "too_few",
    "undefined",
    "weak_machine",
    "withheld",
]

CODES: Mapping[Code, str] = {
    "bounds": "the row gives bounds between which the number lies, not the number",
    "censored": "everything began too late for its outcome to be known yet",
    "constant": "a value that must vary is the same everywhere",
    "counted": "all there is was counted, no sample was drawn, so there is no interval",
    "imported": "the number was imported without an interval",
    "incomplete": "too many parts of a composite have no number",
    "no_answers": "no contact has an answer to the survey question",
    "no_labels": "people have not labelled what the figure needs labels of",
    "no_spread": "the data agree so fully that no spread is left for an interval",
    "not_applicable": "the method does not take values of this kind, or the plan's goal has no such figure",
    "not_comparable": "the groups, or the graders, have nothing in common to compare them by",
    "not_declared": "somebody must say something first: a scale, a target, a period, a price, a time",
    "not_given": "a file, a column or a time that the figure needs is not there",
    "not_named": "the contacts do not name their agents or customers",
    "not_scored": "the machine scored none of the contacts on it",
    "nothing_to_count": "no contact, turn or value is of the kind that the figure counts",
    "one_agent": "it rests on one agent alone",
    "one_class": "all labels are of one class, or all agree",
    "one_contact": "the row is about one contact, which has no interval",
    "out_of_scale": "answers, or the declared scale itself, do not fit",
    "planned": "the number follows from the plan or is taken as given for it, so there is no interval",
    "too_few": "fewer contacts, labels, answers, agents or periods than the method needs",
    "undefined": "the data do not determine the number or its interval",
    "weak_machine": "machine and people agree too little to use the machine's verdicts",
    "withheld": "a number that would tell more of chance than of the agent; --unreliable shows it",
}
"""What the codes of files mean. A `remark` tells how a number that is there was made, so it stands in no file."""


class Reason(str):
    """A sentence for people with a code for programs."""

    __slots__ = ("code",)
    code: Code

    def __new__(cls, code: Code, text: str) -> Self:
        """The sentence `text` with its code."""
        reason = super().__new__(cls, text)
        reason.code = code
        return reason

    def __getnewargs__(self) -> tuple[Code, str]:  # type: ignore[override]
        """What `__new__` takes, so that copies and other processes keep the code."""
        return self.code, str(self)

    def reworded(self, text: str) -> "Reason":
        """Another sentence for the same cause."""
        return Reason(self.code, text)

    def joined(self, other: "Reason") -> "Reason":
        """Both sentences, a semicolon between them, with the code of the first that is no mere remark."""
        return Reason(other.code if self.code == "remark" else self.code, f"{self}; {other}")
