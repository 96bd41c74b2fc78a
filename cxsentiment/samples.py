"""Contacts of a finished run scored again by the same model and scorecard from their stored texts, and compared."""

import random
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cxsentiment import runs
from cxsentiment.amounts import counted
from cxsentiment.errors import CxError
from cxsentiment.model import Model
from cxsentiment.predict import Memory, predict
from cxsentiment.rescore import scorecard_of
from cxsentiment.rows import SCORED, contacts_of, item_columns, score_row
from cxsentiment.rubric.reading import parse_rubric
from cxsentiment.schema import SIGNALS, Evaluation, Transcript, TurnPrediction
from cxsentiment.score.evaluation import Scorecard
from cxsentiment.signals import measure
from cxsentiment.verify import Difference, Verification, device_of, model_of

NOISE = 2e-5
"""Probabilities are kept with five decimals; another processor's kernels may move the last one."""
NOISE_OF_WHOLE = 0.005
"""Where a model multiplies in whole numbers, another processor may round an input the other way (decision 19)."""
_DO = "Score again into a new folder and compare; if it differs there too, the model or the machine has changed"
_QUOTES = ("evidence_turn", "evidence_start", "evidence_end", "evidence_quote", "reason", "more_evidence")
Contact = tuple[Transcript, tuple[TurnPrediction, ...], dict[str, Any], list[dict[str, Any]]]


@dataclass(slots=True)
class _Tally:
    noise: float
    contacts: int = 0
    turns: int = 0
    near: int = 0
    furthest: float = 0.0
    items: int = 0


def rescore_sample(run: Path, count: int, seed: int, model: Path | None, found: Verification) -> bool:
    """Score `count` contacts drawn by `seed` again, and add to `found` what held and what differs.

    Compared are probabilities, the words that acts rest on, signals, verdicts and scores. Returns False, and says why,
    where that cannot be done.
    """
    receipt = runs.require_complete(run)
    folder, why = model_of(receipt, model)
    if folder is None:
        found.not_compared.append(f"scoring again: the model that scored this run is not here: {why}")
        return False
    device, other = device_of(receipt)
    if device is None:
        found.not_compared.append(f"scoring again: the device that scored this run is not here: {other}")
        return False
    if other:
        found.not_compared.append(f"the library that runs the model: {other}; last decimals may differ for that")
    try:
        rubric = parse_rubric(receipt["rubric"]["content"], runs.RECEIPT)
    except CxError as error:
        found.not_compared.append(f"scoring again: this version cannot read the run's scorecard: {error.message}")
        return False
    lacking = sorted(_lacking(run))
    if lacking:
        found.not_compared.append(f"what an earlier version did not write: {', '.join(lacking)}")
    scorecard, scorer, memory = scorecard_of(run, rubric), Model(folder, device), Memory()
    whole = (receipt.get("device") or {}).get("precision") == "int8"
    tally = _Tally(NOISE_OF_WHOLE if whole else NOISE)
    wrong: list[Difference] = []
    for number, contacts in _drawn(run, count, seed):
        again = predict(scorer, [contact[0] for contact in contacts], memory)
        for contact, predictions in zip(contacts, again, strict=True):
            where = f"{runs.shard_path(run, 'contacts', number)}: contact {contact[0].id}"
            wrong += [
                Difference(where, what, _DO) for what in _compare(contact, predictions, scorecard, tally, lacking)
            ]
    did = "scores as it did" if tally.contacts == 1 else "score as they did"
    told = (
        f"{counted(tally.contacts, 'contact')} drawn by seed {seed} {did}: "
        f"{counted(tally.turns, 'turn')}, {counted(tally.items, 'verdict')}"
    )
    if tally.near:
        how = "in the last decimal" if tally.furthest <= NOISE else f"by at most {tally.furthest:.5f}"
        differ = "turn differs" if tally.near == 1 else "turns differ"
        told += f" ({tally.near:,} {differ} {how}, as between kinds of processor)"
    found.add(told, wrong)
    return True


def _lacking(run: Path) -> set[str]:
    """The columns that a shard lacks because an earlier version wrote it, and those that rest on them."""
    lacking = {
        column
        for number in runs.numbers_of(run)
        for name in runs.TABLES
        for column in set(runs.SCHEMAS[name].names).difference(pq.read_schema(runs.shard_path(run, name, number)).names)
    }
    return lacking | (set(_QUOTES) if "act_spans" in lacking else set())


def _drawn(run: Path, count: int, seed: int) -> Iterator[tuple[int, list[Contact]]]:
    """The drawn contacts, shard by shard."""
    numbers = runs.numbers_of(run)
    ends = list(accumulate(pq.read_metadata(runs.shard_path(run, "contacts", n)).num_rows for n in numbers))
    total = ends[-1] if ends else 0
    places: dict[int, set[int]] = {}
    # repeatable by its seed; no secret
    for drawn in random.Random(seed).sample(range(total), min(count, total)):  # nosec B311
        shard = bisect_right(ends, drawn)
        places.setdefault(shard, set()).add(drawn - (ends[shard - 1] if shard else 0))
    for shard in sorted(places):
        number = numbers[shard]
        contacts, turns = runs.read_part(run, "contacts", number), runs.read_part(run, "turns", number)
        verdicts: dict[str, list[dict[str, Any]]] = {}
        for row in runs.read_part(run, "items", number).to_pylist():
            verdicts.setdefault(row["contact_id"], []).append(row)
        stored = enumerate(contacts_of(contacts, turns))
        chosen = [one for place, one in stored if place in places[shard]]
        yield number, [(*one, verdicts.get(one[0].id, [])) for one in chosen]


def _compare(
    contact: Contact,
    predictions: Sequence[TurnPrediction],
    scorecard: Scorecard,
    tally: _Tally,
    lacking: Sequence[str],
) -> Iterator[str]:
    transcript, stored, row, verdicts = contact
    tally.contacts += 1
    tally.turns += len(predictions)
    tally.items += len(verdicts)
    if "act_spans" in lacking:
        predictions = [replace(now, spans=then.spans) for then, now in zip(stored, predictions, strict=False)]
    exact = stored == tuple(predictions)
    if not exact:
        if [one.turn for one in stored] != [one.turn for one in predictions]:
            yield "other turns are read than were"
            return
        gap, turn = max((_gap(a, b), a.turn) for a, b in zip(stored, predictions, strict=True))
        if gap > tally.noise:
            yield f"a probability of turn {turn} differs by {gap:.5f}"
            return
        tally.furthest = max(tally.furthest, gap)
        tally.near += sum(a.probs != b.probs for a, b in zip(stored, predictions, strict=True))
        if all(a.probs == b.probs for a, b in zip(stored, predictions, strict=True)):
            yield "the words that an act rests on are others"
    signals = measure(transcript, predictions)
    for name in (one for one in SIGNALS if one not in lacking):
        if not _alike(row[name], signals[name].value, exact):
            yield f"{name} was {row[name]}, is {signals[name].value}"
    evaluation = scorecard.evaluate(transcript, predictions, row)
    yield from _compare_verdicts(evaluation, row, verdicts, exact, lacking)


def _gap(first: TurnPrediction, second: TurnPrediction) -> float:
    """The largest difference of two predictions of one turn, rounded as they are kept; 1 where heads differ."""
    if first.head != second.head:
        return 1.0
    return max(round(abs(a - b), 6) for a, b in zip(first.probs, second.probs, strict=True))


def _compare_verdicts(
    evaluation: Evaluation,
    row: Mapping[str, Any],
    verdicts: Sequence[Mapping[str, Any]],
    exact: bool,
    lacking: Sequence[str],
) -> Iterator[str]:
    columns = dict(item_columns([(evaluation.transcript_id, evaluation.items)]))
    again = pa.Table.from_pydict(columns, schema=runs.ITEMS).to_pylist()
    if [one["item"] for one in verdicts] != [one["item"] for one in again]:
        yield "other items have verdicts than had"
        return
    compared = [one for one in runs.ITEMS.names if one not in lacking] if exact else ["verdict", "p_met", "points"]
    for before, now in zip(verdicts, again, strict=True):
        for name in compared:
            if not _alike(before[name], now[name], exact):
                yield f"item {before['item']}: {name} was {before[name]!r}, is {now[name]!r}"
                break
    scores = score_row(evaluation)
    for name in (one for one in SCORED if one not in lacking):
        if not _alike(row[name], scores.get(name), exact):
            yield f"{name} was {row[name]}, is {scores.get(name)}"


def _alike(before: object, now: object, exact: bool) -> bool:
    """Whether two values are the same; of numbers, where probabilities moved in the last decimal, nearly."""
    if not exact and isinstance(before, float) and isinstance(now, float):
        return abs(before - now) <= 0.01
    return before == now
