"""Turns → calibrated probabilities: each distinct piece of text is scored once, in batches of like length.

A turn is cut into pieces: the whole turn, cut into windows where it is longer than the model reads at once, so that
every token is read; and its sentences where the head asks for evidence. Pooling (stated here once, used in training,
evaluation and scoring alike):
- a head of evidence "turn" (sentiment) averages the probabilities of the windows, weighted by tokens; a label's span is
  the turn;
- a head of evidence "sentence" (acts) takes each label's highest probability of a window; a label's span is the
  sentence that has the highest probability of it on its own.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from cxsentiment.cache import Cache
from cxsentiment.devices import tokens_at_once
from cxsentiment.model import FloatArray, Head, IntArray, Model, Tokens
from cxsentiment.schema import Span, Transcript, TurnPrediction
from cxsentiment.text import sentences

_MEMORY_ROWS = 100_000  # some 25 MB
# What is tokenised and sorted by length at once: enough for batches of like length.
_PART_TEXTS = 4_096
_PART_CHARACTERS = 500_000


@dataclass(frozen=True, slots=True)
class _Piece:
    """Part of a text: its characters, its row in the score table, and how many tokens it has (at least 1).

    `evidence`: a sentence on its own, read for the span alone; else a window of the whole text.
    """

    span: Span
    row: int
    tokens: int
    evidence: bool = False


class _Rows:
    """The distinct token sequences of a call to `predict`."""

    def __init__(self) -> None:
        self.ids: list[IntArray] = []
        self._index: dict[bytes, int] = {}

    def add(self, ids: IntArray) -> int:
        key = ids.tobytes()
        row = self._index.get(key)
        if row is None:
            row = self._index[key] = len(self.ids)
            self.ids.append(ids)
        return row


class Memory:
    """Logits of pieces scored before, bounded. Sound because a piece has the same logits in any batch (see _score).

    With a `cache` what other processes and earlier runs scored is remembered too.
    """

    def __init__(self, cache: Cache | None = None) -> None:
        self._logits: dict[bytes, bytes] = {}
        self._cache = cache
        self._unwritten: dict[bytes, FloatArray] = {}

    def recall(self, ids: IntArray) -> FloatArray | None:
        """The logits of all heads, side by side, or None where this piece was not scored lately."""
        piece = ids.tobytes()
        key = _digest(piece)
        if (known := self._logits.get(key)) is not None:
            return np.frombuffer(known, np.float32)
        if self._cache is None or (found := self._cache.find(piece)) is None:
            return None
        self._remember(key, found)
        return found

    def keep(self, ids: IntArray, logits: FloatArray) -> None:
        """Remember a piece that was scored."""
        piece = ids.tobytes()
        self._remember(_digest(piece), logits)
        if self._cache is not None:
            self._unwritten[piece] = logits

    def flush(self) -> None:
        """Write what was scored since the last time to the cache."""
        if self._cache is not None:
            self._cache.keep(self._unwritten)
            self._unwritten = {}

    def close(self) -> None:
        """Let go of the cache."""
        if self._cache is not None:
            self._cache.close()

    def _remember(self, key: bytes, logits: FloatArray) -> None:
        # A full memory is emptied: simpler than ageing, and refilled within seconds.
        if len(self._logits) >= _MEMORY_ROWS:
            self._logits.clear()
        self._logits[key] = logits.tobytes()  # a row of a table would keep the whole table


def _digest(piece: bytes) -> bytes:
    """A piece may have hundreds of tokens; what is remembered of it has 16 bytes."""
    return hashlib.blake2b(piece, digest_size=16).digest()


def predict(
    model: Model, transcripts: Sequence[Transcript], memory: Memory | None = None
) -> list[tuple[TurnPrediction, ...]]:
    """Predictions of every turn that a head reads, one tuple per transcript, in turn order."""
    heads: dict[str, Head] = {head.speaker: head for head in model.bundle.heads}
    texts: dict[tuple[str, str], int] = {}
    for transcript in transcripts:
        for turn in transcript.turns:
            if turn.speaker in heads:
                texts.setdefault((turn.speaker, turn.text), len(texts))
    wanted = [(heads[speaker], text) for speaker, text in texts]
    memory = memory or Memory()
    by_text = []
    for part in _parts(wanted):
        by_text += predict_texts(model, part, memory)
    results = []
    for transcript in transcripts:
        found = []
        for turn in transcript.turns:
            if turn.speaker in heads:
                probs, spans = by_text[texts[turn.speaker, turn.text]]
                found.append(TurnPrediction(turn.index, heads[turn.speaker].name, probs, spans))
        results.append(tuple(found))
    return results


def _parts(texts: Sequence[tuple[Head, str]]) -> Iterator[list[tuple[Head, str]]]:
    """The texts in parts that are scored one after the other, so that a contact of any length needs no more memory."""
    part: list[tuple[Head, str]] = []
    size = 0
    for one in texts:
        if part and (len(part) == _PART_TEXTS or size + len(one[1]) > _PART_CHARACTERS):
            yield part
            part, size = [], 0
        part.append(one)
        size += len(one[1])
    if part:
        yield part


def predict_texts(
    model: Model, texts: Sequence[tuple[Head, str]], memory: Memory | None = None
) -> list[tuple[tuple[float, ...], tuple[Span, ...]]]:
    """Probabilities (0-1, in the order of the head's labels) and the supporting span of each, for each (head, text)."""
    rows = _Rows()
    tokenised = model.tokenise([text for _, text in texts])
    pieces = [
        _pieces(head, text, tokens, rows, model.bundle.max_tokens - 2)
        for (head, text), tokens in zip(texts, tokenised, strict=True)
    ]
    logits = _score(model, rows.ids, memory or Memory())
    tables: dict[str, FloatArray] = {}
    place = 0
    for head in model.bundle.heads:
        tables[head.name] = head.probabilities(logits[:, place : place + len(head.labels)])
        place += len(head.labels)
    return [_pool(head, tables[head.name], parts) for (head, _), parts in zip(texts, pieces, strict=True)]


def embed_texts(model: Model, texts: Sequence[str]) -> FloatArray:
    """The pooled embedding of each text (texts by width): the mean over its tokens, windows of a long text averaged.

    For new heads that are fitted without torch; like the logits it is the same in any batch.
    """
    rows = _Rows()
    whole = [
        _cut(Span(0, len(text)), Span(0, len(tokens.ids)), tokens, rows, model.bundle.max_tokens - 2)
        for text, tokens in zip(texts, model.tokenise(list(texts)), strict=True)
    ]
    table: FloatArray | None = None
    for batch in _batches([len(ids) + 2 for ids in rows.ids], tokens_at_once(model.device)):
        found = model.embeddings(*_padded(model, [rows.ids[row] for row in batch]))[: len(batch)]
        if table is None:
            table = np.zeros((len(rows.ids), found.shape[1]), np.float32)
        table[batch] = found
    if table is None:
        return np.zeros((0, 0), np.float32)
    means = [
        np.average(table[[piece.row for piece in pieces]], axis=0, weights=[piece.tokens for piece in pieces])
        for pieces in whole
    ]
    return np.array(means, np.float32)


def _pieces(head: Head, text: str, tokens: Tokens, rows: _Rows, window: int) -> list[_Piece]:
    """The whole text first, then its sentences where the head asks for evidence and there are several."""
    pieces = _cut(Span(0, len(text)), Span(0, len(tokens.ids)), tokens, rows, window)
    parts = sentences(text) if head.evidence == "sentence" else ()
    if len(parts) > 1:
        for part in parts:
            first, last = np.searchsorted(tokens.starts, (part.start, part.end)).tolist()
            if last > first:
                pieces.extend(
                    replace(piece, evidence=True) for piece in _cut(part, Span(first, last), tokens, rows, window)
                )
    return pieces


def _cut(characters: Span, places: Span, tokens: Tokens, rows: _Rows, window: int) -> list[_Piece]:
    """The tokens at `places` as pieces of at most `window` tokens; one piece keeps all of `characters`."""
    cuts = [
        Span(places.start + cut.start, places.start + cut.end) for cut in _windows(places.end - places.start, window)
    ]
    pieces = []
    for cut in cuts:
        ids = tokens.ids[cut.start : cut.end]
        span = characters if len(cuts) == 1 else Span(int(tokens.starts[cut.start]), int(tokens.ends[cut.end - 1]))
        pieces.append(_Piece(span, rows.add(ids), max(len(ids), 1)))
    return pieces


def _windows(tokens: int, window: int) -> list[Span]:
    """Cut `tokens` into windows of nearly equal length, at most `window` each; a short tail would say too little."""
    count = max(1, -(-tokens // window))
    if count == 1:  # nearly always, and `linspace` takes as long as all else here
        return [Span(0, tokens)]
    bounds = np.linspace(0, tokens, count + 1).round().astype(int)
    return [Span(a, b) for a, b in pairwise(bounds.tolist())]


def _score(model: Model, ids: list[IntArray], memory: Memory) -> FloatArray:
    """Logits of all heads side by side (rows by labels) for rows of token ids.

    A row's sums run in the same order whatever stands beside it, with two exceptions in ONNX Runtime: matrices of one
    row take another path, and with AVX2 (seen there alone) a row whose tokens fill 4 k + 3 columns is summed in another
    order than with padding after it. So no batch has fewer than two rows, none has 4 k + 3 columns, and a row's logits
    are the same to the bit in any company: else a resumed run could not be told from one that was never stopped.
    """
    width = sum(len(head.labels) for head in model.bundle.heads)
    table = np.zeros((len(ids), width), np.float32)
    unknown = []
    for row, tokens in enumerate(ids):
        known = memory.recall(tokens)
        if known is None:
            unknown.append(row)
        else:
            table[row] = known
    for batch in _batches([len(ids[row]) + 2 for row in unknown], tokens_at_once(model.device)):
        chosen = [unknown[k] for k in batch]
        table[chosen] = _run(model, [ids[row] for row in chosen])
        for row in chosen:
            memory.keep(ids[row], table[row])
    memory.flush()
    return table


def _run(model: Model, ids: list[IntArray]) -> FloatArray:
    logits = model.logits(*_padded(model, ids))
    return np.concatenate([logits[head.name] for head in model.bundle.heads], axis=1)[: len(ids)]


def _padded(model: Model, ids: list[IntArray]) -> tuple[IntArray, IntArray]:
    """Rows of token ids between their ends, padded, and the mask: two rows or more, never 4 k + 3 columns (_score)."""
    first, last = model.ends
    rows = max(len(ids), 2)
    width = max(len(tokens) for tokens in ids) + 2
    width += width % 4 == 3
    padded = np.zeros((rows, width), np.int64)
    mask = np.zeros((rows, width), np.int64)
    for place in range(rows):
        tokens = ids[min(place, len(ids) - 1)]
        n = len(tokens)
        padded[place, 0] = first
        padded[place, 1 : n + 1] = tokens
        padded[place, n + 1] = last
        mask[place, : n + 2] = 1
    return padded, mask


def _batches(lengths: Sequence[int], tokens: int) -> Iterable[list[int]]:
    """Group rows, shortest first, so that rows times the longest is at most `tokens`."""
    batch: list[int] = []
    for row in np.argsort(lengths, kind="stable").tolist():
        if batch and (len(batch) + 1) * lengths[row] > tokens:
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _pool(head: Head, table: FloatArray, pieces: list[_Piece]) -> tuple[tuple[float, ...], tuple[Span, ...]]:
    windows = [piece for piece in pieces if not piece.evidence]
    scores = table[[piece.row for piece in windows]]
    if head.evidence == "turn":
        probs = np.average(scores, axis=0, weights=[piece.tokens for piece in windows])
        spans = (Span(windows[0].span.start, windows[-1].span.end),) * len(probs)
    else:
        probs = scores.max(axis=0)
        quotable = [piece for piece in pieces if piece.evidence] or windows
        best = np.argmax(table[[piece.row for piece in quotable]], axis=0)
        spans = tuple(quotable[int(k)].span for k in best)
    # Five decimals: below that lies the noise of float32 sums, which may differ between processors.
    return tuple(np.round(probs.astype(np.float64), 5).tolist()), spans
