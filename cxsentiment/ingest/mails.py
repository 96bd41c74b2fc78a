"""What a mail says itself, without the mails before it that programs quote at its end.

Quoted words are another's, often the other side's: read as the sender's, an agent is scored for the customer's
complaint. Only what is unmistakable is cut, from its mark to the end:
- a line such as "On 1 March 2026, Eve wrote:" after which every line starts with ">";
- a whole head of a mail ("From:", "Sent:", "To:", "Subject:"), as Outlook puts it before an answer, or
  "-----Original Message-----" before such a head or before lines that start with ">".
Answers between quoted lines, and mails that are passed on, stay whole: there the quotation is part of what is said.
"""

import re
from collections.abc import Sequence

_QUOTE = ">"
_MOST_LINES_OF_A_MARK = 3  # mail programs break it where it is long
_MOST_LINES_OF_A_HEAD = 14
_LONGEST_MARK = 300

# "On … wrote:" as mail programs write it in the languages that they are used in; each names a day or a time.
_WROTE = re.compile(
    r"(?:On\b.*\bwrote|Am\b.*\bschrieb\b.*|Le\b.*\ba écrit|El\b.*\bescribió|Il\b.*\bha scritto|Em\b.*\bescreveu"
    r"|Op\b.*\bschreef\b.*|Den\b.*\bskrev\b.*)\s?:"
)
_OPENS = ("On ", "Am ", "Le ", "El ", "Il ", "Em ", "Op ", "Den ")
_DIGIT = re.compile(r"\d")
_ORIGINAL = re.compile(r"-{3,}\s*(?:Original Message|Ursprüngliche Nachricht|Message d'origine)\s*-{3,}", re.IGNORECASE)
_RULE = re.compile(r"[_-]{5,}")
_PASSED_ON = re.compile(
    r"[>\s]*(?:-{3,}\s*(?:Forwarded message|Weitergeleitete Nachricht|Message transféré).*"
    r"|Begin forwarded message:.*|Anfang der weitergeleiteten Nachricht:.*)",
    re.IGNORECASE,
)
# "See below", "my answers in red": what follows is then part of what is said.
_POINTS_ON = re.compile(
    r"\b(?:below|beneath|underneath|in-?line|in (?:red|blue|green|bold)|forwarded|forwarding|fwd?|fyi)\b", re.IGNORECASE
)

# The lines of a head by their names, in the languages of Outlook; bold ones have asterisks around them.
_FIELDS = {
    "from": ("from", "von", "de", "da", "van", "från", "fra"),
    "sent": (
        "sent",
        "date",
        "gesendet",
        "datum",
        "envoyé",
        "enviado",
        "inviato",
        "data",
        "verzonden",
        "skickat",
        "sendt",
    ),
    "to": ("to", "an", "à", "para", "a", "aan", "till", "til"),
    "subject": ("subject", "betreff", "objet", "asunto", "oggetto", "assunto", "onderwerp", "ämne", "emne"),
    "other": ("cc", "bcc", "reply-to", "importance", "attachments", "kopie", "wichtigkeit", "importancia"),
}
_KINDS = {name: kind for kind, names in _FIELDS.items() for name in names}
_FIELD = re.compile(r"\*{0,2}([^\W\d_][\w-]{0,20})\s?:\*{0,2}(?:\s|$)")
_WHOLE = {"from", "sent", "to", "subject"}


def own_words(text: str) -> tuple[str, int]:
    """The text without the quoted history at its end, and how many lines (blank ones not counted) were left out.

    A text that is nothing but quotation is kept: it is all that there is.
    """
    lines = text.split("\n")
    quoted_from = _all_quoted_from(lines)
    points_on = False
    for at, line in enumerate(lines):
        if _PASSED_ON.fullmatch(line):
            break
        if _is_wrote(lines, at, quoted_from) or (not points_on and _is_head(lines, at, quoted_from)):
            return _cut(text, lines, at)
        points_on = points_on or _POINTS_ON.search(line) is not None
    return text, 0


def _cut(text: str, lines: Sequence[str], at: int) -> tuple[str, int]:
    end = at
    while end and (not lines[end - 1].strip() or _RULE.fullmatch(lines[end - 1].strip())):
        end -= 1
    own = "\n".join(lines[:end]).rstrip()
    return (own, sum(bool(line.strip()) for line in lines[end:])) if own.strip() else (text, 0)


def _all_quoted_from(lines: Sequence[str]) -> int:
    """The place from which every line is quoted or blank; the number of lines where the last one is not quoted."""
    first = at = len(lines)
    while at and (not lines[at - 1].strip() or lines[at - 1].lstrip().startswith(_QUOTE)):
        at -= 1
        if lines[at].strip():
            first = at
    return first


def _is_wrote(lines: Sequence[str], at: int, quoted_from: int) -> bool:
    """Whether "On … wrote:" starts here, on one line or broken over a few, and all that follows is quoted."""
    if quoted_from == len(lines) or not lines[at].strip().startswith(_OPENS):
        return False
    mark = ""
    for end in range(at, min(at + _MOST_LINES_OF_A_MARK, quoted_from)):
        part = lines[end].strip()
        if not part or (mark and part.startswith(_OPENS)):
            return False  # the mark does not start here, though a line of the text begins as one
        mark = f"{mark} {part}".strip()
        if len(mark) > _LONGEST_MARK:
            return False
        if _WROTE.fullmatch(mark):
            return bool(_DIGIT.search(mark)) and not any(lines[at].strip() for at in range(end + 1, quoted_from))
    return False


def _is_head(lines: Sequence[str], at: int, quoted_from: int) -> bool:
    if not _ORIGINAL.fullmatch(lines[at].strip()):
        return _has_head(lines, at)
    after = next((place for place in range(at + 1, len(lines)) if lines[place].strip()), len(lines))
    return after < len(lines) and (after == quoted_from or _has_head(lines, after))


def _has_head(lines: Sequence[str], at: int) -> bool:
    """Whether a whole head of a mail starts here: from whom, when, to whom, about what."""
    if _kind(lines[at]) != "from":
        return False
    found = set()
    for line in lines[at : at + _MOST_LINES_OF_A_HEAD]:
        if not line.strip():
            continue
        kind = _kind(line)
        if kind is None and "@" not in line:  # a long list of receivers goes on in the next line
            break
        found.add(kind)
    return found >= _WHOLE


def _kind(line: str) -> str | None:
    match = _FIELD.match(line.strip())
    return _KINDS.get(match[1].lower()) if match else None
