"""A whole contact, masked: numbers that a question announces, or that are read out over several turns.

A question ("and the last four?", "what's the security code?") speaks for the next turns, whoever says it: customers
announce numbers too, and roles may be unknown. Turns that hold little but digits, with nothing but "okay" between, are
one number. What was masked once is masked wherever it is read back.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from cxsentiment.privacy import cues, dates, secrets, typed
from cxsentiment.privacy.checks import card
from cxsentiment.privacy.cues import Cue, Said
from cxsentiment.privacy.engine import findings, guarded, mask, masked, worth_a_look
from cxsentiment.privacy.errors import MaskingError
from cxsentiment.privacy.marks import EVERYTHING_USUAL, Found, Masked, Masking
from cxsentiment.privacy.numbers import LONG, SHORT
from cxsentiment.privacy.pseudonyms import pseudonymised
from cxsentiment.privacy.spoken import Flavour, Run, words_of
from cxsentiment.privacy.vendor import map_marks
from cxsentiment.schema import Transcript

_PATIENCE = 4  # turns that a question waits for its number
_BACKCHANNEL_WORDS = 4
_POLITE = frozenset(
    "thanks thank please sir ma'am madam right alright perfect great got mhm mm uh-huh go ahead continue correct sorry"
    " sounds good lovely brilliant hello hi no wait sec second hold opo po".split()
)
_OTHER_QUESTION = re.compile(
    r"\b(?:how (?:many|much|long|old|often)|expir\w*|what (?:time|year|date|day|size)|when|quantity|amount|price)\b",
    re.I,
)
_UNIT_AFTER = re.compile(
    r"[\s-]*(?:%|°|(?:dollars?|euros?|pounds?|rupees?|pesos?|cents?|percent|per cent|am|pm|o'?clock|days?|weeks?|months?"
    r"|years?|hours?|hrs?|minutes?|mins?|seconds?|times|people|persons?|nights?|miles?|km|kg|lbs?|items?|pieces?|units?"
    r"|guests?|tickets?|rooms?|stars?|points?|degrees?|gb|mb|tb|inch(?:es)?|feet|ft|cm|mm|of them)\b)",
    re.IGNORECASE,
)
_ASKS_SECRET = re.compile(
    r"\b(?:what(?:'s| is| was)|tell me|give me|provide|confirm|verify|(?:have|get) (?:your|the|me))\b[^.?!\n]{0,40}"
    r"\b(?:pass ?word|pass ?phrase|(?:memorable|secret|security) (?:word|answer|name|place))\b",
    re.IGNORECASE,
)
_BIRTH = Cue("DOB", "", 4, 8)


@dataclass(slots=True)
class _Look:
    """What one turn holds: its runs, and whether it is little but digits (`reading`) or a mere "okay" (`passing`)."""

    text: str
    runs: list[Run] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)
    reading: bool = False
    passing: bool = False
    extra: list[Found] = field(default_factory=list)


@dataclass(slots=True)
class _Ask:
    """An open question: what it asks for, the turns since it was last answered or put, and whether it was answered."""

    cues: tuple[Cue, ...] = ()
    age: int = 0
    answered: bool = False


def mask_transcript(transcript: Transcript, masking: Masking = EVERYTHING_USUAL) -> tuple[Transcript, Counter[str]]:
    """The transcript with every turn's text masked, and the number of marks set by kind (never what was masked).

    With a key, customer and agent ids become pseudonyms. Raises MaskingError if any turn cannot be masked.
    """
    counts: Counter[str] = Counter()
    texts = [_mapped(turn.text, masking, counts) for turn in transcript.turns]
    extras = _guarded_extras(texts, masking)
    turns = []
    for place, (turn, text) in enumerate(zip(transcript.turns, texts, strict=True)):
        result = _masked(text, masking, extras.get(place))
        counts.update(result.counts)
        turns.append(turn if result.text == turn.text else replace(turn, text=result.text))
    if any(new is not old for new, old in zip(turns, transcript.turns, strict=True)):
        transcript = replace(transcript, turns=tuple(turns))
    return (transcript if masking.key is None else pseudonymised(transcript, masking.key)), counts


def _mapped(text: str, masking: Masking, counts: Counter[str]) -> str:
    if not masking.vendor_marks:
        return text
    result = guarded(lambda: map_marks(text))
    counts.update(result.counts)
    return result.text


def _masked(text: str, masking: Masking, extra: list[Found] | None) -> Masked:
    if not extra:
        return mask(text, masking)
    return guarded(lambda: masked(text, masking, lambda *_: extra))


def _guarded_extras(texts: Sequence[str], masking: Masking) -> Mapping[int, list[Found]]:
    try:
        return _extras(texts, masking)
    except Exception as error:
        name = type(error).__name__
    raise MaskingError(name)


def _extras(texts: Sequence[str], masking: Masking) -> dict[int, list[Found]]:
    """By turn, what is personal because of what stands in other turns."""
    looks = [_look(text, masking) for text in texts]
    if not any(look.runs for look in looks) and not any(_ASKS_SECRET.search(text) for text in texts):
        return {}
    _answers(looks, masking)
    _groups(looks)
    _repeats(looks)
    return {place: look.extra for place, look in enumerate(looks) if look.extra}


def _look(text: str, masking: Masking) -> _Look:
    if not worth_a_look(text):
        return _Look(text, passing=len(text) < 60 and len(text.split()) <= _BACKCHANNEL_WORDS)
    found, digit_runs = findings(text, masking)
    look = _Look(text, digit_runs, found)
    elements = sum(len(run.elements) for run in digit_runs)
    rest = _other_words(text, digit_runs)
    look.reading = elements > 0 and rest <= max(1, elements // 3)
    look.passing = not digit_runs and len(text.split()) <= _BACKCHANNEL_WORDS
    return look


def _other_words(text: str, digit_runs: Sequence[Run]) -> int:
    """Words outside of runs that are more than small talk."""
    inside = [(run.start, run.end) for run in digit_runs]
    count = 0
    for start, _, word in words_of(text):
        if word[0].isalnum() and not any(a <= start < b for a, b in inside):
            count += word not in _POLITE and not cues.small_words(word)
    return count


def _answers(looks: Sequence[_Look], masking: Masking) -> None:
    """Mask numbers that answer an open question."""
    ask = _Ask()
    secret = False
    for look in looks:
        if secret and "PASSWORD" in masking.active and (value := secrets.answer(look.text)) is not None:
            look.extra.append(value)
        secret = bool(_ASKS_SECRET.search(look.text))
        if ask.cues and (look.runs or dates.DATE.search(look.text)):
            _answer(look, ask)
        ask = _next(ask, look, masking)


def _answer(look: _Look, ask: _Ask) -> None:
    if ask.answered and not look.reading:
        return
    kept = typed.kept_spans(look.text)
    for cue in sorted(ask.cues, key=lambda cue: cue.high - cue.low):
        if cue.kind == "DOB":
            look.extra += [date for date in dates.answered(look.text, look.runs) if _is_new(date, look.extra)]
            continue
        before = len(look.extra)
        for run in look.runs:
            fit = cues.fitting(run, cue)
            if fit is not None and _is_free(look, fit, kept):
                look.extra.append(Found(fit.start, fit.end, cue.kind))
        if cue.letters and len(look.extra) == before and (value := cues.lettered(look.text, 0, cue)) is not None:
            look.extra += [value] if _is_new(value, look.extra) else []
    ask.answered = ask.answered or bool(look.extra)


def _is_free(look: _Look, run: Run, kept: Sequence[tuple[int, int]]) -> bool:
    """No date, time, price or count, and not masked already."""
    if any(a < run.end and run.start < b for a, b in kept) or _UNIT_AFTER.match(look.text, run.end):
        return False
    return _is_new(Found(run.start, run.end, ""), look.extra)


def _is_new(one: Found, others: Sequence[Found]) -> bool:
    return not any(other.start < one.end and one.start < other.end for other in others)


def _next(ask: _Ask, look: _Look, masking: Masking) -> _Ask:
    """The question that is open after a turn."""
    put = [said.cue for said in cues.said(look.text, masking.active) if _is_open(said, look)]
    born = dates.asks_birth(look.text) if "DOB" in masking.active else None
    if born is not None and not any(one.kind == "DOB" and one.start >= born for one in look.found):
        put.append(_BIRTH)
    if put:
        return _Ask(tuple(put))
    if _OTHER_QUESTION.search(look.text):
        return _Ask()
    ask.answered = ask.answered or "[" in look.text
    if look.reading:
        return _Ask(ask.cues, 0, ask.answered)
    limit = _PATIENCE - 2 * ask.answered
    return _Ask(ask.cues, ask.age + 1, ask.answered) if ask.age + 1 < limit else _Ask()


def _is_open(said: Said, look: _Look) -> bool:
    """Whether a cue's value is not in its own turn."""
    return not any(one.kind == said.cue.kind and one.start >= said.end for one in look.found)


def _groups(looks: Sequence[_Look]) -> None:
    """Mask numbers that several turns read out."""
    group: list[_Look] = []
    for look in [*looks, _Look("")]:
        if look.reading:
            group.append(look)
        elif not look.passing:
            _group(group)
            group = []


def _group(group: Sequence[_Look]) -> None:
    chunks = [(look, run) for look in group for run in look.runs]
    if len(group) < 2 or not chunks:
        return
    digits = "".join(run.digits for _, run in chunks)
    said = sum(run.count(Flavour.UNIT) + run.count(Flavour.ALIKE) for _, run in chunks)
    enough = len(digits) >= LONG and len(digits) >= 2.5 * len(chunks)
    enough = enough or (len(digits) >= SHORT and said >= SHORT)
    if not enough:
        return
    kinds = Counter(one.kind for look in group for one in look.extra)
    kind = kinds.most_common(1)[0][0] if kinds else _kind(digits, chunks)
    for look, run in chunks:
        if not _UNIT_AFTER.match(look.text, run.end) and _is_new(Found(run.start, run.end, ""), look.extra):
            look.extra.append(Found(run.start, run.end, kind))


def _kind(digits: str, chunks: Sequence[tuple[_Look, Run]]) -> str:
    """CARD where the digits of the group, or those of every other turn (the rest reads back), are a card's."""
    texts = dict.fromkeys(id(look) for look, _ in chunks)
    sides = ["".join(run.digits for look, run in chunks if id(look) in list(texts)[k::2]) for k in (0, 1)]
    return "CARD" if any(card(side) for side in (digits, *sides)) else "NUMBER"


def _repeats(looks: Sequence[_Look]) -> None:
    """Mask what repeats four digits or more of a number that was masked elsewhere in the contact."""
    known: dict[str, str] = {}
    for look in looks:
        for run in look.runs:
            one = next((f for f in (*look.extra, *look.found) if f.start < run.end and run.start < f.end), None)
            if one is not None and one.kind not in ("DOB", "ADDRESS") and len(run.digits) >= 4:
                known.setdefault(run.digits, one.kind)
            elif len(run.digits) >= LONG:
                known.setdefault(run.digits, "CARD" if card(run.digits) else "NUMBER")
    if not known:
        return
    for look in looks:
        kept = typed.kept_spans(look.text) if look.runs else []
        for run in look.runs:
            if len(run.digits) >= 4 and _is_free(look, run, kept):
                kind = next((kind for digits, kind in known.items() if run.digits in digits), None)
                if kind is not None:
                    look.extra.append(Found(run.start, run.end, kind))
