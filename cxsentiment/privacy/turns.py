"""A whole contact, masked: numbers that a question announces, or that are read out over several turns.

A question ("and the last four?", "what's the security code?") speaks for the next turns, whoever says it: customers
announce numbers too, and roles may be unknown. Turns that hold little but digits, with nothing but "okay" between, are
one number. What was masked once is masked wherever it is read back.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from cxsentiment.errors import UsageError
from cxsentiment.privacy import cues, dates, secrets, typed
from cxsentiment.privacy.checks import card
from cxsentiment.privacy.cue_table import Cue
from cxsentiment.privacy.cues import Said
from cxsentiment.privacy.engine import Reading, guarded, masked, read, wholes
from cxsentiment.privacy.errors import MaskingError
from cxsentiment.privacy.marks import EVERYTHING_USUAL, Found, Masking
from cxsentiment.privacy.numbers import LONG, SHORT
from cxsentiment.privacy.pseudonyms import pseudonymised
from cxsentiment.privacy.spoken import Flavour, Joint, Run, words_of
from cxsentiment.privacy.vendor import map_marks
from cxsentiment.schema import Transcript

_NEAR = 60  # characters
# Every pass takes characters away, so passes end; a contact made to need many is refused rather than kept.
_MAX_PASSES = 50
_PATIENCE = 4  # turns that a question waits for its number
_BACKCHANNEL_WORDS = 4
_BACKCHANNEL_CHARACTERS = 60
_POLITE = frozenset(
    "thanks thank please sir ma'am madam right alright perfect great got mhm mm uh-huh go ahead continue correct sorry"
    " sounds good lovely brilliant hello hi no wait sec second hold opo po".split()
)
_SOUNDS = frozenset("yes yeah uh um er erm and then okay ok".split())
_OTHER_QUESTION = re.compile(
    r"\b(?:how (?:many|much|long|old|often)|age|expir\w*|what (?:time|year|date|day|size)|when|quantity|amount"
    r"|price|balance|today)\b",
    re.I,
)
# A number read back with the letters beside it: "P74188236".
_GLUED = re.compile(r"(?<![\w-])[A-Z]{1,3}(\d{6,10})(?![\w-])")
_BIRTH = Cue("DOB", "", 5, 8)
_GENERIC = frozenset({"NUMBER", "PHONE"})
_NOTHING = Reading()


@dataclass(slots=True)
class _Look:
    """What one turn holds, and whether it is little but digits (`reading`) or a mere "okay" (`passing`).

    `extra` is what is personal in it because of other turns.
    """

    text: str
    speaker: str
    read: Reading = _NOTHING
    reading: bool = False
    passing: bool = False
    extra: list[Found] = field(default_factory=list)

    def is_free(self, start: int, end: int) -> bool:
        """Whether nothing in these characters is known for what it is."""
        known = [one for one in self.read.found if one.kind not in _GENERIC]
        return not any(one.start < end and start < one.end for one in (*known, *self.extra))


@dataclass(slots=True)
class _Ask:
    """An open question: what it asks for, who put it, the turns since it was put, and whether it was answered."""

    cues: tuple[Cue, ...] = ()
    speaker: str = ""
    age: int = 0
    answered: bool = False


def mask_transcript(transcript: Transcript, masking: Masking = EVERYTHING_USUAL) -> tuple[Transcript, Counter[str]]:
    """The transcript with every turn's text masked, and the number of marks set by kind (never what was masked).

    With a key, customer and agent ids become pseudonyms. Raises MaskingError if any turn cannot be masked.
    """
    counts: Counter[str] = Counter()
    texts = [_mapped(turn.text, masking, counts) for turn in transcript.turns]
    speakers = [turn.speaker for turn in transcript.turns]
    # A mark can bring to light what the number in its place hid from another turn, so repeat until nothing changes.
    for _ in range(_MAX_PASSES):
        before = texts
        texts = []
        for text, found in zip(before, _guarded(before, speakers, masking), strict=True):
            result = guarded(lambda text=text, found=found: masked(text, masking, found))  # type: ignore[misc]
            counts.update(result.counts)
            texts.append(result.text)
        if texts == before:
            break
    else:
        raise MaskingError("RepeatedPasses")
    turns = [
        turn if text == turn.text else replace(turn, text=text)
        for turn, text in zip(transcript.turns, texts, strict=True)
    ]
    if any(new is not old for new, old in zip(turns, transcript.turns, strict=True)):
        transcript = replace(transcript, turns=tuple(turns))
    return (transcript if masking.key is None else pseudonymised(transcript, masking.key)), counts


def _mapped(text: str, masking: Masking, counts: Counter[str]) -> str:
    if not masking.vendor_marks:
        return text
    result = guarded(lambda: map_marks(text))
    counts.update(result.counts)
    return result.text


def _guarded(texts: Sequence[str], speakers: Sequence[str], masking: Masking) -> list[list[Found]]:
    try:
        return _findings(texts, speakers, masking)
    except UsageError:
        raise
    except Exception as error:
        name = type(error).__name__
    raise MaskingError(name)


def _findings(texts: Sequence[str], speakers: Sequence[str], masking: Masking) -> list[list[Found]]:
    """By turn, what is personal by itself or because of what stands in other turns, surest first."""
    looks = [_look(text, speaker, masking) for text, speaker in zip(texts, speakers, strict=True)]
    _answers(looks, masking)
    _groups(looks)
    _repeats(looks)
    _births_again(looks)
    return [_of_turn(look, masking.active) for look in looks]


def _of_turn(look: _Look, active: frozenset[str]) -> list[Found]:
    extra = [one for one in look.extra if one.kind in active]
    return [*extra, *look.read.found, *wholes(look.read.runs, extra)]


def _look(text: str, speaker: str, masking: Masking) -> _Look:
    reading = read(text, masking)
    look = _Look(text, speaker, reading)
    if reading.runs:
        elements = sum(len(run.elements) for run in reading.runs)
        look.reading = _other_words(reading) <= max(1, elements // 4)
    elif len(text) < _BACKCHANNEL_CHARACTERS:
        look.passing = len(text.split()) <= _BACKCHANNEL_WORDS
    return look


def _other_words(reading: Reading) -> int:
    """Words outside of runs that are more than small talk."""
    inside = iter([(run.start, run.end) for run in reading.runs])
    span = next(inside, None)
    count = 0
    for start, _, word in reading.tokens:
        while span is not None and span[1] <= start:
            span = next(inside, None)
        if word[0].isalnum() and not (span is not None and span[0] <= start):
            count += word not in _POLITE and not cues.is_small(word)
    return count


def _answers(looks: Sequence[_Look], masking: Masking) -> None:
    """Mask numbers that answer an open question."""
    ask = _Ask()
    secret = 0
    for look in looks:
        if secret and (value := secrets.answer(look.text, secret)) is not None:
            look.extra.append(value)
        secret = secrets.asks(look.text) if "PASSWORD" in masking.active else 0
        put = _put(look)
        if put:
            look.passing = False
            _fill_own(look, put, masking)
            ask = _Ask(tuple(one.cue for one in put), look.speaker)
        else:
            _answer(look, ask, masking)
            ask = _next(ask, look)


def _fill_own(look: _Look, put: Sequence[Said], masking: Masking) -> None:
    """ "I remembered my PIN. It is 5380.": the first number after a cue of the same turn, if it is near."""
    kept = typed.kept_spans(look.text) if look.read.runs else []
    for said in put:
        run = cues.next_run(look.read.runs, said.end)
        if run is None or said.cue.kind not in masking.active or run.start - said.end > _NEAR:
            continue
        if said.cue.low <= len(run.digits) <= said.cue.high and _is_free(look, run, kept):
            look.extra.append(Found(run.start, run.end, said.cue.kind))


def _answer(look: _Look, ask: _Ask, masking: Masking) -> None:
    """What in a turn answers an open question."""
    if not ask.cues or (not look.reading and (ask.answered or look.speaker == ask.speaker)):
        look.extra += _read_back(look) if _BIRTH in ask.cues and ask.answered else []
        return
    if not look.reading and _OTHER_QUESTION.search(look.text):
        return
    kept = typed.kept_spans(look.text) if look.read.runs else []
    for cue in sorted(ask.cues, key=lambda cue: cue.high - cue.low):
        if cue.kind not in masking.active or (cue.kind == "ADDRESS" and _holds(look, "ADDRESS")):
            continue
        if cue.kind == "DOB":
            found = dates.answered(look.text, look.read.runs, reading=look.reading)
            look.extra += [date for date in found if look.is_free(date.start, date.end)]
        else:
            _fill(look, cue, kept)
    ask.answered = ask.answered or bool(look.extra)


def _read_back(look: _Look) -> list[Found]:
    """A date of birth that is read back: a turn of a date and small talk."""
    dates_in = dates.answered(look.text, look.read.runs, reading=False)
    others = [
        word
        for start, _, word in words_of(look.text)
        if word[0].isalnum() and not any(one.start <= start < one.end for one in dates_in)
    ]
    if not dates_in or any(word not in _POLITE and not cues.is_small(word) for word in others):
        return []
    return [one for one in dates_in if look.is_free(one.start, one.end)]


def _fill(look: _Look, cue: Cue, kept: Sequence[tuple[int, int]]) -> None:
    low = cue.chunk if cue.chunk and look.reading else cue.low
    fits = [fit for run in look.read.runs for fit in cues.fitting(run, low, cue.high) if _is_free(look, fit, kept)]
    look.extra += [Found(fit.start, fit.end, cue.kind) for fit in fits]
    if cue.letters and not fits and (value := cues.lettered(look.text, 0, cue)) is not None:
        look.extra += [value] if look.is_free(value.start, value.end) else []


def _holds(look: _Look, kind: str) -> bool:
    return any(one.kind == kind for one in look.read.found)


def _is_free(look: _Look, run: Run, kept: Sequence[tuple[int, int]]) -> bool:
    return look.is_free(run.start, run.end) and not cues.is_count(look.text, run, kept)


def _put(look: _Look) -> tuple[Said, ...]:
    """The cues of a turn whose value is not in their own turn."""
    tokens = look.read.tokens or words_of(look.text)
    said = look.read.said or cues.said(look.text, tokens)
    found = look.read.found
    put = [one for one in said if not _is_filled(look.text, one, found)]
    born = dates.asks_birth(look.text, tokens)
    filled = born is not None and "[DOB]" in look.text[born:]
    if born is not None and not filled and not any(one.kind == "DOB" and one.start >= born for one in found):
        put.append(Said(_BIRTH, born, born))
    return tuple(put)


def _is_filled(text: str, said: Said, found: Sequence[Found]) -> bool:
    """Whether a cue's value, or the mark in its place, follows in its own turn."""
    kinds = (said.cue.kind, *_GENERIC)
    if any(one.start >= said.end and one.kind in kinds for one in found):
        return True
    return any(text.find(f"[{kind}]", said.end) >= 0 for kind in kinds)


def _next(ask: _Ask, look: _Look) -> _Ask:
    """The question that is open after a turn that puts none of these."""
    if not ask.cues or (not look.reading and _OTHER_QUESTION.search(look.text)):
        return _Ask()
    answered = ask.answered or "[" in look.text
    if look.reading:
        return _Ask(ask.cues, ask.speaker, 0, answered)
    left = _PATIENCE - 2 * answered
    return _Ask(ask.cues, ask.speaker, ask.age + 1, answered) if ask.age + 1 < left else _Ask()


def _groups(looks: Sequence[_Look]) -> None:
    """Mask numbers that several turns read out."""
    group: list[_Look] = []
    for look in looks:
        if look.reading:
            group.append(look)
        elif not look.passing:
            _group(group)
            group = []
    _group(group)


def _group(group: Sequence[_Look]) -> None:
    chunks = _chunks(group)
    if len({id(look) for look, _ in chunks}) < 2:
        return
    digits = "".join(run.digits for _, run in chunks)
    said = sum(run.count(Flavour.UNIT) + run.count(Flavour.ALIKE) for _, run in chunks)
    # A card or account, or a shorter number that was said digit by digit.
    if not (len(digits) >= LONG or (len(digits) >= SHORT and said >= SHORT)):
        return
    kinds = Counter(one.kind for look in group for one in look.extra)
    kind = kinds.most_common(1)[0][0] if kinds else "NUMBER"
    long = len(digits) >= LONG
    rest = [run.digits for look in group if _is_bare(look) for run in look.read.runs if len(run.digits) < _least(run)]
    kind = "CARD" if card(digits) or card(digits + "".join(rest)) else kind
    for look in group:
        kept = typed.kept_spans(look.text)
        for run in look.read.runs:
            if (len(run.digits) >= _least(run) or (long and _is_bare(look))) and _is_free(look, run, kept):
                look.extra.append(Found(run.start, run.end, kind))


def _is_bare(look: _Look) -> bool:
    """Whether a turn holds one run and nothing but a sound beside it: the last digit of a card, not "the one"."""
    if len(look.read.runs) != 1:
        return False
    run = look.read.runs[0]
    return all(
        word in _SOUNDS or not word[0].isalnum() or run.start <= start < run.end for start, _, word in look.read.tokens
    )


def _least(run: Run) -> int:
    """How many digits a piece of a number that is read out has: "forty one" is one, a typed "15" is none."""
    return 2 if run.spoken else 3


def _chunks(group: Sequence[_Look]) -> list[tuple[_Look, Run]]:
    """The runs of two digits or more, without what one side reads back to the other."""
    chunks: list[tuple[_Look, Run]] = []
    said: dict[str, str] = {}
    for look in group:
        kept = typed.kept_spans(look.text)
        for run in look.read.runs:
            others = (digits for speaker, digits in said.items() if speaker != look.speaker)
            if (
                len(run.digits) >= _least(run)
                and not any(run.digits in digits for digits in others)
                and not cues.is_count(look.text, run, kept)
            ):
                chunks.append((look, run))
                said[look.speaker] = said.get(look.speaker, "") + run.digits
    return chunks


def _births_again(looks: Sequence[_Look]) -> None:
    """Mask a date of birth wherever the contact says it again in the same words."""
    known = {
        _date_words(look.text[one.start : one.end])
        for look in looks
        for one in (*look.read.found, *look.extra)
        if one.kind == "DOB"
    }
    known = {words for words in known if len(words) > 1}  # no year alone
    for look in looks if known else ():
        for one in dates.answered(look.text, look.read.runs, reading=False):
            if _date_words(look.text[one.start : one.end]) in known and look.is_free(one.start, one.end):
                look.extra.append(one)


def _date_words(text: str) -> tuple[str, ...]:
    return tuple(word for _, _, word in words_of(text) if word[0].isalnum() and word not in ("the", "of"))


def _repeats(looks: Sequence[_Look]) -> None:
    """Mask what repeats four digits or more of a number that was masked elsewhere in the contact."""
    known: dict[str, str] = {}
    for look in looks:
        for run in look.read.runs:
            one = next((f for f in (*look.extra, *look.read.found) if f.start < run.end and run.start < f.end), None)
            if one is not None and one.kind not in ("DOB", "ADDRESS") and len(run.digits) >= 4:
                known.setdefault(run.digits, one.kind)
            elif len(run.digits) >= LONG:
                known.setdefault(run.digits, "CARD" if card(run.digits) else "NUMBER")
    if not known:
        return
    for look in looks:
        look.extra += _again(look, known)


def _again(look: _Look, known: Mapping[str, str]) -> list[Found]:
    """What of a turn is in `known`: kinds by digits."""
    found = []
    kept = typed.kept_spans(look.text) if look.read.runs else []
    for part in [part for run in look.read.runs for part in _parts(run)]:
        kind = next((kind for digits, kind in known.items() if part.digits in digits), None)
        if len(part.digits) >= 4 and kind is not None and _is_free(look, part, kept):
            found.append(Found(part.start, part.end, kind))
    for match in _GLUED.finditer(look.text):
        kind = next((kind for digits, kind in known.items() if digits.endswith(match[1])), None)
        if kind is not None and look.is_free(*match.span()):
            found.append(Found(*match.span(), kind))
    return found


def _parts(run: Run) -> list[Run]:
    """A run, and what of it may be a number by itself: "the 4471 one"."""
    loose = run.parts(run.loosest) if run.loosest >= Joint.JOINER else []
    typed_alone = [part for part in run.parts(Joint.NEXT) if not part.spoken] if run.spoken else []
    return [run, *loose, *typed_alone]
