"""The nouns: what flows between the stages. Frozen dataclasses, standard library only.

Stage 1 makes, per contact: Transcript → TurnPrediction, Signal → Evaluation of ItemResult.
Stage 2 makes, per run: AgentScore, ItemRate, Association, Kpi, JourneyPoint, CoachingMoment, gathered in Findings.
There is no emotion or sentiment of an agent anywhere: sentiment is a head for customer turns only.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from cxsentiment.reasons import Code, Reason

Speaker = Literal["agent", "customer", "bot", "system", "other", "unknown"]
SPEAKERS: tuple[Speaker, ...] = ("agent", "customer", "bot", "system", "other", "unknown")
RoleSource = Literal["guessed", "declared", "format", "label", "unknown"]
RefusedKind = Literal["record", "turn", "time", "copy"]
ROLE_SOURCES: tuple[RoleSource, ...] = ("guessed", "declared", "format", "label", "unknown")

SENTIMENTS = ("negative", "neutral", "positive")
EMPATHY_ACTS = ("acknowledge", "apologise", "reassure", "appreciate")
PROTOCOL_ACTS = (
    "greet",
    "identify",
    "offer_help",
    "verify",
    "probe",
    "confirm",
    "hold",
    "inform",
    "check_resolved",
    "further_help",
    "close",
    "transfer",
)
CONDUCT_ACTS = ("unprofessional",)
ACTS = EMPATHY_ACTS + PROTOCOL_ACTS + CONDUCT_ACTS

Verdict = Literal["met", "not_met", "not_applicable", "unscored"]
Criticality = Literal["none", "customer", "business", "compliance"]
Level = Literal["pooled", "within", "between"]

# What is measured of a contact, by name; each is a column of the contacts table. cxsentiment.signals defines them.
SENTIMENT_SIGNALS = (
    "sentiment_mean",
    "sentiment_start",
    "sentiment_end",
    "sentiment_min",
    "sentiment_slope",
    "sentiment_recovery",
    "sentiment_peak_end",
    "sentiment_volatility",
    "sentiment_neg_share",
)
TIME_SIGNALS = ("agent_talk_share", "first_response_s", "median_response_s", "longest_gap_s")
CUE_SIGNALS = ("supervisor_requests", "repeat_effort")
SIGNALS = SENTIMENT_SIGNALS + TIME_SIGNALS + CUE_SIGNALS

# Adjusted p up to which an association counts as told apart from zero (Benjamini and Hochberg 1995).
FALSE_DISCOVERY_RATE = 0.10
# The features whose associations are always put into words.
HEADLINE_FEATURES = ("score", "sentiment_mean", "sentiment_end")


@dataclass(frozen=True, slots=True)
class Turn:
    """One utterance or message. `index` is its 0-based place in the source; times are seconds from the start.

    `agent_id` is the agent's who said it, where the source tells agents of one contact apart. `label` is how the source
    names a speaker whose role is unknown; it is empty for all others.
    """

    index: int
    speaker: Speaker
    text: str
    start_s: float | None = None
    end_s: float | None = None
    agent_id: str | None = None
    label: str = ""


@dataclass(frozen=True, slots=True)
class Party:
    """One speaker of a contact as its source names it ("" where it names none), the role it got, and who says so.

    `source` is declared (--role), format (the format has roles), label (the label itself is one), guessed, or unknown.
    """

    label: str
    speaker: Speaker
    source: RoleSource
    turns: int


@dataclass(frozen=True, slots=True)
class Transcript:
    """One contact. `record` is its place in `source` (line, row group or 1); `dropped_turns` had no text.

    `format` is the name of the format it was read as. `skipped` counts entries of the source that nobody said to the
    other side (events, internal notes), by kind. `role_p` is the probability of guessed roles, None where none is.
    `log` is what a contact log adds to the contact. `warnings` say what may be wrong, `notes` what is worth knowing
    though nothing is wrong; `refused` is what of the contact could not be used and was left out.
    """

    id: str
    turns: tuple[Turn, ...]
    source: str = ""
    record: int = 1
    channel: str | None = None
    agent_id: str | None = None
    customer_id: str | None = None
    campaign: str | None = None
    queue: str | None = None
    started_at: str | None = None
    csat: float | None = None
    nps: float | None = None
    ces: float | None = None
    dropped_turns: int = 0
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    attrs: Mapping[str, object] = field(default_factory=dict)
    format: str = ""
    parties: tuple[Party, ...] = ()
    skipped: Mapping[str, int] = field(default_factory=dict)
    role_p: float | None = None
    log: Mapping[str, object] = field(default_factory=dict)
    refused: tuple["Reject", ...] = ()

    @property
    def refused_turns(self) -> int:
        """How many turns of the contact were left out because they could not be used: its holes."""
        return sum(one.kind == "turn" for one in self.refused)

    @property
    def role_source(self) -> RoleSource:
        """Where the roles come from: guessed where one was guessed, else declared, format or label; else unknown."""
        found = {party.source for party in self.parties}
        return next((source for source in ROLE_SOURCES if source in found), "unknown")


@dataclass(frozen=True, slots=True)
class Reject:
    """What was refused of the input, as it stands in rejects.jsonl.

    `kind` is record (a whole contact, row or file), turn (a turn of a contact that was kept without it), time (a turn's
    time; its text was kept) or copy (the same contact once more: it counts once, and nothing is lost).
    """

    source: str
    record: int
    contact_id: str | None
    code: str
    message: str
    kind: RefusedKind = "record"


@dataclass(frozen=True, slots=True)
class Span:
    """Characters [start, end) of a turn's text."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class TurnPrediction:
    """Calibrated probabilities of one head for one turn, in the order of the head's labels.

    `spans[k]` is the part of the turn that supports label k most (the sentence, or the whole turn).
    """

    turn: int
    head: str
    probs: tuple[float, ...]
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why a judgement was made: a quote from a turn (`start`, `end` are characters of its text) and a reason."""

    turn: int
    start: int
    end: int
    quote: str
    why: str


@dataclass(frozen=True, slots=True)
class Signal:
    """A measured fact of a contact that needs no model; `value` is None where it cannot be measured."""

    name: str
    value: float | None
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class ItemResult:
    """One scorecard item on one contact. `p_met` in [0, 1]; `points` of `weight`; None where not scored.

    `more` is further evidence, such as the turn before which something should have come.
    """

    item: str
    section: str
    verdict: Verdict
    p_met: float | None
    points: float | None
    weight: float
    critical: Criticality
    evidence: Evidence | None
    reason: str = ""
    more: tuple[Evidence, ...] = ()


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A scorecard applied to one contact. `score` is 0-100 or None with `null_reason`; `coverage` in [0, 1].

    Where a critical error capped the score, `score_effect` says which, and `score_uncapped` is the score without it.
    `score_expected` (0-100) is the score with each verdict's probability in the place of the verdict, before any cap.
    """

    transcript_id: str
    agent_id: str | None
    score: float | None
    coverage: float
    null_reason: str | None
    items: tuple[ItemResult, ...]
    p_critical: Mapping[str, float | None]
    score_uncapped: float | None = None
    score_effect: str | None = None
    score_expected: float | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its 95 % interval. `value` is None with a `reason`; `low`/`high` may be None with a `reason`."""

    value: float | None
    low: float | None
    high: float | None
    n: int
    method: str
    reason: Reason | None = None

    @property
    def reason_code(self) -> Code | None:
        """One of `cxsentiment.reasons.CODES` where value, low or high is missing, else None."""
        if None not in (self.value, self.low, self.high):
            return None
        return "undefined" if self.reason is None else self.reason.code


@dataclass(frozen=True, slots=True)
class AgentScore:
    """Mean machine score of one agent's contacts (0-100).

    `reliability` in [0, 1] is the share of the variance of such means that is between agents. `standing` compares
    with the mean of all agents: above | below | cannot be told apart, or None with the reason in `estimate`.
    """

    agent_id: str
    contacts: int
    estimate: Estimate
    reliability: float | None
    p_above: float | None
    standing: str | None


@dataclass(frozen=True, slots=True)
class ItemText:
    """What reports print of a scorecard item."""

    section: str
    question: str
    hint: str


@dataclass(frozen=True, slots=True)
class ItemRate:
    """How often one scorecard item was met among the contacts it applied to (0-1)."""

    item: str
    section: str
    question: str
    estimate: Estimate
    met: int
    not_met: int
    not_applicable: int
    unscored: int
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Association:
    """Spearman correlation of one feature with one survey outcome at one level; never a statement of cause.

    `reading` says a headline feature's result in one plain sentence; it is empty elsewhere.
    """

    feature: str
    outcome: str
    level: Level
    estimate: Estimate
    agents: int
    p: float | None
    p_adjusted: float | None
    minimal_detectable: float | None
    flag: str | None = None
    reading: str = ""


@dataclass(frozen=True, slots=True)
class Kpi:
    """One key performance indicator; a null value says in its reason which data it lacks."""

    name: str
    unit: str
    estimate: Estimate
    definition: str


@dataclass(frozen=True, slots=True)
class JourneyPoint:
    """Mean customer valence (p_positive - p_negative, -1 to 1) in one tenth of the contact, for one channel."""

    channel: str
    tenth: int
    estimate: Estimate


@dataclass(frozen=True, slots=True)
class QuotedTurn:
    """A turn shown to a reader."""

    turn: int
    speaker: Speaker
    text: str


@dataclass(frozen=True, slots=True)
class CoachingMoment:
    """A turn worth talking about. `strength` is True for a good example; `confidence` in [0, 1].

    `speaker` says the quote; None where that is not known. `context` are the turns shown, the quoted one among them,
    in the order they were said, which the turns' numbers need not follow. `asks` is what the scorecard asks there,
    empty where it has no item for it.
    """

    contact_id: str
    agent_id: str
    skill: str
    strength: bool
    turn: int
    quote: str
    context: tuple[QuotedTurn, ...]
    why: str
    focus: str
    confidence: float
    speaker: Speaker | None = None
    asks: str = ""


@dataclass(frozen=True, slots=True)
class Queued:
    """A verdict for a person to decide: a flag of a critical error, or one that is too close to call.

    `p_error` in [0, 1] is the probability that the item is not met; `turn` and `quote` are the evidence, where there is
    some.
    """

    contact_id: str
    agent_id: str | None
    item: str
    question: str
    critical: Criticality
    why: Literal["flag", "uncertain"]
    p_error: float | None
    turn: int | None
    quote: str
    reason: str


@dataclass(frozen=True, slots=True)
class Findings:
    """Everything stage 2 says about a run; the report renders it as it is."""

    run: Mapping[str, Any]
    agents: tuple[AgentScore, ...]
    agent_notes: tuple[str, ...]
    items: tuple[ItemRate, ...]
    associations: tuple[Association, ...]
    association_notes: tuple[str, ...]
    kpis: tuple[Kpi, ...]
    journey: tuple[JourneyPoint, ...]
    moments: tuple[CoachingMoment, ...]
    queue: tuple[Queued, ...] = ()
