"""What a run's tables hold: contacts, turns and verdicts as rows, and turns and predictions back from their rows."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from cxsentiment import runs
from cxsentiment.schema import (
    ACTS,
    SENTIMENTS,
    SIGNALS,
    Evaluation,
    ItemResult,
    Signal,
    Span,
    Transcript,
    Turn,
    TurnPrediction,
)

# Columns of the contacts table that the scorecard decides; all others stay as they are when a run is scored anew.
SCORED = (
    "score",
    "coverage",
    "null_reason",
    "p_critical_customer",
    "p_critical_business",
    "p_critical_compliance",
    "score_uncapped",
    "score_effect",
    "score_expected",
)
_DECIMALS = 5  # of a probability: how predict rounds, and what a 32-bit column gives back exactly


class Rows:
    """The columns of a shard's three tables, filled contact by contact. `labels`: those of each head."""

    def __init__(self, labels: Mapping[str, tuple[str, ...]]) -> None:
        self._labels = labels
        self._verdicts: list[tuple[str, Sequence[ItemResult]]] = []
        self._filled: dict[str, dict[str, list[Any]]] = {
            name: {column: [] for column in runs.SCHEMAS[name].names} for name in ("contacts", "turns")
        }

    @property
    def tables(self) -> dict[str, Mapping[str, Sequence[Any]]]:
        """The columns of each table by name."""
        return {**self._filled, "items": item_columns(self._verdicts)}

    def add(
        self,
        transcript: Transcript,
        predictions: Sequence[TurnPrediction],
        signals: Mapping[str, Signal],
        evaluation: Evaluation,
    ) -> None:
        """Add one contact."""
        self._append("contacts", _contact_row(transcript, signals) | score_row(evaluation))
        by_turn = {prediction.turn: prediction for prediction in predictions}
        for turn in transcript.turns:
            self._append("turns", self._turn_row(transcript, turn, by_turn.get(turn.index)))
        self._verdicts.append((transcript.id, evaluation.items))

    def _turn_row(self, transcript: Transcript, turn: Turn, prediction: TurnPrediction | None) -> dict[str, Any]:
        row: dict[str, Any] = {
            "contact_id": transcript.id,
            "turn": turn.index,
            "speaker": turn.speaker,
            "text": turn.text,
            "start_s": turn.start_s,
            "end_s": turn.end_s,
            "agent_id": turn.agent_id,
        }
        if prediction is not None:
            labels = self._labels[prediction.head]
            row |= {f"p_{label}": p for label, p in zip(labels, prediction.probs, strict=True)}
            if turn.speaker == "agent":
                row["act_spans"] = _flat(prediction.spans, len(turn.text))
        return row

    def _append(self, table: str, row: Mapping[str, Any]) -> None:
        for column, values in self._filled[table].items():
            values.append(row.get(column))


def duration(turns: Sequence[Turn]) -> float | None:
    """Seconds from the first turn's start to the last known moment; None without times."""
    starts = [turn.start_s for turn in turns if turn.start_s is not None]
    ends = starts + [turn.end_s for turn in turns if turn.end_s is not None]
    return round(max(ends) - min(starts), 3) if starts else None


def measured(transcript: Transcript, signals: Mapping[str, Signal]) -> dict[str, Any]:
    """What a scorecard may ask to be measured, by name: signals, the contact's length, what a contact log says."""
    values: dict[str, Any] = {name: signals[name].value for name in SIGNALS}
    return values | {"duration_s": duration(transcript.turns)} | dict(transcript.log)


def score_row(evaluation: Evaluation) -> dict[str, Any]:
    """The columns of `SCORED`."""
    row = {
        "score": evaluation.score,
        "coverage": evaluation.coverage,
        "null_reason": evaluation.null_reason,
        "score_uncapped": evaluation.score_uncapped,
        "score_effect": evaluation.score_effect,
        "score_expected": evaluation.score_expected,
    }
    return row | {f"p_critical_{kind}": p for kind, p in evaluation.p_critical.items()}


def item_columns(verdicts: Sequence[tuple[str, Sequence[ItemResult]]]) -> dict[str, Sequence[Any]]:
    """The items table of (contact id, verdicts) in their order, as columns by name."""
    rows = [_item_row(contact_id, result) for contact_id, results in verdicts for result in results]
    columns = zip(*rows, strict=True) if rows else ([],) * len(runs.ITEMS.names)
    return dict(zip(runs.ITEMS.names, columns, strict=True))


def _item_row(contact_id: str, result: ItemResult) -> tuple[Any, ...]:
    """One row of the items table, in the order of its columns."""
    evidence = result.evidence
    quoted = (None,) * 4 if evidence is None else (evidence.turn, evidence.start, evidence.end, evidence.quote)
    more = [{"turn": one.turn, "start": one.start, "end": one.end, "quote": one.quote} for one in result.more]
    return (
        contact_id,
        result.item,
        result.section,
        result.verdict,
        result.p_met,
        result.points,
        result.weight,
        result.critical,
        *quoted,
        result.reason or None,
        more or None,
    )


def contacts_of(
    contacts: pa.Table, turns: pa.Table
) -> Iterator[tuple[Transcript, tuple[TurnPrediction, ...], dict[str, Any]]]:
    """Each contact of a shard as it was scored: transcript, predictions, and its row of the contacts table.

    The turns of a contact stand together, in time order, and contacts stand in the same order in both tables.
    """
    plain = ("turn", "speaker", "text", "start_s", "end_s", "agent_id", "act_spans")
    columns = {name: turns.column(name).to_pylist() for name in plain}
    customer, agent = _probabilities(turns, SENTIMENTS), _probabilities(turns, ACTS)
    place = 0
    for row in contacts.to_pylist():
        said: list[Turn] = []
        predicted: list[TurnPrediction] = []
        for k in range(place, place + row["turns"]):
            text, index, speaker = columns["text"][k], columns["turn"][k], columns["speaker"][k]
            said.append(Turn(index, speaker, text, columns["start_s"][k], columns["end_s"][k], columns["agent_id"][k]))
            if agent[k] is not None:
                predicted.append(TurnPrediction(index, "acts", agent[k], _spans(columns["act_spans"][k], len(text))))
            elif customer[k] is not None:
                spans = (Span(0, len(text)),) * len(SENTIMENTS)
                predicted.append(TurnPrediction(index, "sentiment", customer[k], spans))
        place += row["turns"]
        transcript = Transcript(
            row["contact_id"],
            tuple(said),
            channel=row["channel"],
            agent_id=row["agent_id"],
            customer_id=row["customer_id"],
            campaign=row["campaign"],
            queue=row["queue"],
            started_at=row["started_at"],
        )
        yield transcript, tuple(predicted), row


def _probabilities(turns: pa.Table, labels: Sequence[str]) -> list[Any]:
    """The probabilities of each turn as a tuple in the order of the labels; None for turns that the head never saw."""
    columns = [turns.column(f"p_{label}").to_numpy() for label in labels]
    table = np.round(np.stack(columns, axis=1).astype(np.float64), _DECIMALS)
    known = ~np.isnan(table[:, 0])
    return [tuple(row) if there else None for row, there in zip(table.tolist(), known.tolist(), strict=True)]


def _contact_row(transcript: Transcript, signals: Mapping[str, Signal]) -> dict[str, Any]:
    speakers = Counter(turn.speaker for turn in transcript.turns)
    row: dict[str, Any] = {
        "contact_id": transcript.id,
        "source": transcript.source,
        "record": transcript.record,
        "agent_id": transcript.agent_id,
        "customer_id": transcript.customer_id,
        "campaign": transcript.campaign,
        "channel": transcript.channel,
        "queue": transcript.queue,
        "started_at": transcript.started_at,
        "turns": len(transcript.turns),
        "agent_turns": speakers["agent"],
        "customer_turns": speakers["customer"],
        "csat": transcript.csat,
        "nps": transcript.nps,
        "ces": transcript.ces,
        "role_source": transcript.role_source,
        "role_p": transcript.role_p,
        "refused_turns": transcript.refused_turns,
    }
    return row | measured(transcript, signals)


def _flat(spans: Sequence[Span], length: int) -> list[int] | None:
    """The spans as start, end, start, end …; None where each is the whole turn, as in most turns."""
    if all(span.start == 0 and span.end == length for span in spans):
        return None
    return [bound for span in spans for bound in (span.start, span.end)]


def _spans(bounds: Sequence[int] | None, length: int) -> tuple[Span, ...]:
    if bounds is None:
        return (Span(0, length),) * len(ACTS)
    return tuple(Span(start, end) for start, end in zip(bounds[::2], bounds[1::2], strict=True))
