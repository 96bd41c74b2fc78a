"""What makes a contact's roles or its language doubtful: worth telling, never changed.

That a contact is in another language than English is a note, for nothing is wrong with it; that roles look swapped, or
that the source names no language that there is, is a warning.

Both questions are asked of every contact, so each has a glance that spares most contacts the slow test; together they
take 7 % of the time of reading. Measured on 18,934 contacts in English whose roles are right (STAR, SGD, PriMock57,
service_talk): 2 looked swapped (0.01 %), none read as another language. With their roles turned round, 42 % look
swapped: short ones seldom tell. The threshold is that of guess.py at which 99.6 % of guesses are right. Cues and
threshold were fitted and chosen on these same sources, so on others false alarms may be more.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from cxsentiment.ingest.guess import agent_probability
from cxsentiment.ingest.values import shown
from cxsentiment.language import language_of
from cxsentiment.schema import Turn

SWAPPED_FROM = 0.9
_LEAST_TURNS = 2  # a side; one says too little
_READ = 1_000  # characters of each side: the start of a contact tells
# What agents say and customers hardly ever do; where the customer says more of it, the slow test is worth it.
_OF_AGENTS = (
    "can i help",
    "may i ",
    "can i have your",
    "your name",
    "anything else",
    "apolog",
    "sorry",
    "unfortunately",
    "would you like",
    "please provide",
    "one moment",
    "have a ",
    "thank you for",
    "do you have",
)
# Of English a text as short as this has so many; then nothing else is asked.
_ENGLISH = (" the ", " you ", " and ", " for ", " my ", " your ", " can ", " have ", " that ", " it ")
_GLANCE = 200  # characters, of the start and of the end
_ENGLISH_IN_GLANCE = 4
_LEAST_CHARACTERS = 80
_NAMES = {
    "ar": "Arabic",
    "de": "German",
    "el": "Greek",
    "es": "Spanish",
    "fr": "French",
    "he": "Hebrew",
    "hi": "Hindi",
    "id": "Indonesian",
    "it": "Italian",
    "ja": "Japanese",
    "ko": "Korean",
    "nl": "Dutch",
    "pl": "Polish",
    "pt": "Portuguese",
    "ru": "Russian",
    "th": "Thai",
    "tl": "Filipino",
    "tr": "Turkish",
    "zh": "Chinese",
}
# ISO 639-1. Codes of three letters (ISO 639-3) are some 8,000 and are believed.
_CODES = frozenset(
    "aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz ee el en "
    "eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io is it iu iw ja "
    "jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd "
    "ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg sh si sk sl sm sn so sq sr "
    "ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu".split()
)
_NAMED = frozenset(name.lower() for name in _NAMES.values())
_TAG = re.compile(r"([a-z]{2,3})(?:[-_][a-z0-9]{1,8})*")


@dataclass(frozen=True, slots=True)
class Doubt:
    """One thing to tell of a contact; a warning where `may_be_wrong`, else a note."""

    line: str
    may_be_wrong: bool


def doubts(turns: Sequence[Turn], attrs: Mapping[str, object]) -> Iterator[Doubt]:
    """What there is to tell about who speaks and in which language, of a contact whose roles are settled."""
    agents = [turn.text for turn in turns if turn.speaker == "agent"]
    customers = [turn.text for turn in turns if turn.speaker == "customer"]
    if look_swapped(agents, customers):
        line = "the roles look swapped: the customer speaks as an agent does; --role declares who is who"
        yield Doubt(line, may_be_wrong=True)
    declared = attrs.get("language")
    if isinstance(declared, str) and declared.strip() and not declared.strip().lower().startswith("en"):
        line = f'the source gives its language as "{shown(declared)}": the model was made for English'
        yield Doubt(line, may_be_wrong=not _is_language(declared.strip().lower()))
    elif (code := other_language([*customers, *agents])) is not None:
        line = f"reads as {_NAMES.get(code, code)} ({code}): the model was made for English"
        yield Doubt(line, may_be_wrong=False)


def _is_language(told: str) -> bool:
    """Whether a text in lower case is a code of a language (BCP 47: "pt-br", "fil"), or the name of a common one."""
    tag = _TAG.fullmatch(told)
    return told in _NAMED or (tag is not None and (len(tag[1]) > 2 or tag[1] in _CODES))


def look_swapped(agents: Sequence[str], customers: Sequence[str]) -> bool:
    """Whether the one called customer speaks so much as an agent does that the roles are likely the wrong way round."""
    if min(len(agents), len(customers)) < _LEAST_TURNS:
        return False
    of_customer = _spoken_as_agent(customers)
    if not of_customer or of_customer <= _spoken_as_agent(agents):
        return False
    return agent_probability(customers, agents) >= SWAPPED_FROM


def _spoken_as_agent(texts: Sequence[str]) -> int:
    said = " ".join(texts)[:_READ].lower()
    return sum([words in said for words in _OF_AGENTS])  # a list, for this runs for every contact


def other_language(texts: Sequence[str]) -> str | None:
    """The code of the language other than English that most of the words are in; None where they are too few."""
    text = " ".join(texts)
    if len(text) < _LEAST_CHARACTERS and text.isascii():
        return None
    glance = f"{text[:_GLANCE]} {text[_GLANCE:][-_GLANCE:]}".lower()
    if sum([glance.count(word) for word in _ENGLISH]) >= _ENGLISH_IN_GLANCE:
        return None
    code = language_of(text)
    return None if code == "en" else code
