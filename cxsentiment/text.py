"""How a turn's text reaches the model. Training and scoring share this, so there is no skew between them.

Offsets always refer to the cleaned text, which is also the text that is stored.
"""

import re
import unicodedata

from cxsentiment.schema import Span

# C0/C1 controls except tab and newline, plus soft hyphens, bidirectional overrides, zero-width spaces and the
# byte-order mark: they carry no words, and can recolour a terminal or reorder a page. The zero-width joiners stay:
# scripts and emoji need them.
_INVISIBLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
# A sentence ends at . ! ? or … (with closing quotes), followed by white space; or at a line break. A row of signs is
# read once, from its beginning: read anew from each of its signs, a line of dots would take hours.
_SENTENCE_END = re.compile(r"(?:(?<![.!?…])[.!?…]++[\"'”’)\]]*+(?=\s)|\n)\s*")
_ABBREVIATION = re.compile(
    r"(?:\b(?:mr|mrs|ms|dr|st|no|nr|vs|etc|approx|e\.g|i\.e)|\b[a-z]|^\d{1,2})\.$", re.IGNORECASE
)
# Below this a piece ("Ok.", "Hi!") says too little alone; it stays with its neighbour.
_MIN_SENTENCE_CHARACTERS = 2
_ABBREVIATION_CHARACTERS = 12  # more than the longest has, and the sign before it


def clean(text: str) -> str:
    """Return `text` in NFC without control, bidirectional and zero-width characters; white space at the ends is cut."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    text = _LONE_SURROGATE.sub("\ufffd", text)
    return unicodedata.normalize("NFC", _INVISIBLE.sub("", text)).strip()


def sentences(text: str) -> tuple[Span, ...]:
    """Split cleaned text into sentence spans that cover every word; a text without sentence marks is one span."""
    spans: list[Span] = []
    start = 0
    for match in _SENTENCE_END.finditer(text):
        if match.end() >= len(text):
            break
        end = match.end()
        while end > start and text[end - 1].isspace():
            end -= 1
        # Its end alone is looked at: a text of abbreviations is one piece, which grows with each.
        tail = text[max(start, end - _ABBREVIATION_CHARACTERS) : end]
        if end - start < _MIN_SENTENCE_CHARACTERS or _ABBREVIATION.search(tail):
            continue
        spans.append(Span(start, end))
        start = match.end()
    if text[start:].strip():
        spans.append(Span(start, len(text)))
    return tuple(spans)
