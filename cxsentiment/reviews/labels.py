"""A human label: what one grader said of one item of one contact, and whether it may enter calibration."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from cxsentiment.errors import UsageError

Verdict = Literal["met", "not_met", "not_applicable", "points"]
Purpose = Literal["random", "double", "targeted", "coaching"]
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)

# Why a label does not enter calibration; the codes are stable, the sentences say what to do.
LEFT_OUT = {
    "coaching": "picked for coaching, so it is no sample of anything",
    "targeted_without_probability": "targeted, and how likely it was to be picked is not known: give it from the plan",
    "bad_probability": "the inclusion probability does not lie in (0, 1]",
    "targeted_beside_unweighted": "targeted, and the random labels have no inclusion probability to be weighed against",
    "unweighted_beside_weighted": "random without an inclusion probability, beside random labels that have one",
}


@dataclass(frozen=True, slots=True)
class Label:
    """One verdict of one grader.

    `points` (0-1) is 1 for met, 0 for not_met, None for not_applicable. `inclusion_probability` (0-1] is how likely the
    contact was to be picked, None where nobody knows. `rated_at` is ISO 8601 in UTC, or "". `rubric_*` name the
    scorecard it was graded by, "" where unknown. `source` is the file or evaluation that it came from.
    """

    contact_id: str
    item: str
    grader: str
    verdict: Verdict
    points: float | None
    purpose: Purpose
    inclusion_probability: float | None = None
    rated_at: str = ""
    rubric_name: str = ""
    rubric_version: str = ""
    rubric_sha256: str = ""
    stratum: str = ""
    comment: str = ""
    source: str = ""

    @property
    def identity(self) -> tuple[str, str, str, str, str]:
        """What a grader has one current verdict for: contact, item, grader, rubric name and version."""
        return (self.contact_id, self.item, self.grader, self.rubric_name, self.rubric_version)

    @property
    def digest(self) -> str:
        """Hex sha256 of all it says; the same label imported twice has the same, from whatever file it comes."""
        said = {name: getattr(self, name) for name in FIELDS if name != "source"}
        return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


FIELDS = tuple(Label.__dataclass_fields__)


@dataclass(frozen=True, slots=True)
class Calibration:
    """The labels that may calibrate the machine, and how many were left out for each reason (`LEFT_OUT`).

    `weighted` says whether they are to be weighted by 1 / inclusion probability, which then all of them have.
    """

    labels: tuple[Label, ...]
    left_out: dict[str, int]
    weighted: bool

    def weight(self, label: Label) -> float:
        """1 / inclusion probability, or 1 where all labels count the same."""
        return 1 / label.inclusion_probability if self.weighted and label.inclusion_probability else 1.0


def labels_for_calibration(labels: Iterable[Label]) -> Calibration:
    """Random and double labels, and targeted ones whose inclusion probability is known; what else there is is counted.

    Weights must be of one kind. If the random labels have inclusion probabilities, those without are left out; if none
    has one, they count the same, and targeted labels are left out. METHODS, section 1: coached contacts never enter.
    """
    left: Counter[str] = Counter()
    random: list[Label] = []
    targeted: list[Label] = []
    for label in labels:
        reason = _unusable(label)
        if reason:
            left[reason] += 1
        else:
            (targeted if label.purpose == "targeted" else random).append(label)
    known = [label for label in random if label.inclusion_probability is not None]
    weighted = bool(known) or (bool(targeted) and not random)
    if weighted:
        left["unweighted_beside_weighted"] = len(random) - len(known)
        kept = [*known, *targeted]
    else:
        left["targeted_beside_unweighted"] = len(targeted)
        kept = random
    kept.sort(key=lambda label: (*label.identity, label.rated_at))
    return Calibration(tuple(kept), {code: left[code] for code in LEFT_OUT if left[code]}, weighted)


def _unusable(label: Label) -> str | None:
    p = label.inclusion_probability
    if label.purpose == "coaching":
        return "coaching"
    if p is not None and not 0 < p <= 1:
        return "bad_probability"
    return "targeted_without_probability" if label.purpose == "targeted" and p is None else None


def one_per_contact(labels: Iterable[Label]) -> tuple[Label, ...]:
    """One label of each contact and item, where several graders gave one: the same at every call, by a hash.

    Two labels of a contact are no two contacts, and a mean of 0 and 1 is no verdict. The hash keeps any one grader's
    name from coming first everywhere. Verdicts come before not_applicable.
    """
    picked: dict[tuple[str, str], Label] = {}
    for label in sorted(labels, key=lambda one: (one.points is None, chance(one.contact_id, one.grader))):
        picked.setdefault((label.contact_id, label.item), label)
    return tuple(picked[key] for key in sorted(picked))


def chance(contact: str, grader: str) -> bytes:
    """What graders of a contact are put in order by, so that it looks random and is the same at every call."""
    return hashlib.sha256(f"{contact}\0{grader}".encode()).digest()


def of_rubric(labels: Sequence[Label], name: str | None, version: str | None) -> tuple[list[Label], dict[str, int]]:
    """The labels graded by this rubric (None: by any) or by one that is not known, one a contact, item and grader, and
    what was left.

    Of several the one rated last stays. The counts are by reason: other_rubric, other_version, older_verdict.
    """
    left: Counter[str] = Counter()
    newest: dict[tuple[str, str, str], Label] = {}
    for label in labels:
        if name is not None and label.rubric_name not in ("", name):
            left["other_rubric"] += 1
        elif version is not None and label.rubric_version not in ("", version):
            left["other_version"] += 1
        else:
            key = label.identity[:3]
            before = newest.get(key)
            left["older_verdict"] += before is not None
            if before is None or _rank(label) >= _rank(before):
                newest[key] = label
    return [newest[key] for key in sorted(newest)], {code: count for code, count in sorted(left.items()) if count}


def _rank(label: Label) -> tuple[str, bool]:
    return label.rated_at, bool(label.rubric_version)


def counts(labels: Sequence[Label]) -> list[dict[str, object]]:
    """Labels by grader, item and purpose: how many, and how many met, not_met, not_applicable, points."""
    cells: dict[tuple[str, str, str], Counter[str]] = {}
    for label in labels:
        cells.setdefault((label.grader, label.item, label.purpose), Counter())[label.verdict] += 1
    return [
        {
            "grader": grader,
            "item": item,
            "purpose": purpose,
            "labels": tally.total(),
            **{verdict: tally[verdict] for verdict in get_args(Verdict)},
        }
        for (grader, item, purpose), tally in sorted(cells.items())
    ]


def known_purpose(text: str | None) -> Purpose | None:
    """Check --purpose. Raises UsageError for one that is not known."""
    if text is None:
        return None
    if text not in PURPOSES:
        raise UsageError(f"--purpose {text}", "is no purpose of a label", allowed=", ".join(PURPOSES))
    return text
