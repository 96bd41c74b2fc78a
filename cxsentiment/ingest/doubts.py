"""What makes a contact's roles or its language doubtful: worth a warning, never changed.

Both questions are asked of every contact, so each has a glance that spares most contacts the slow test; together they
take 7 % of the time of reading. Measured on 18,934 contacts in English whose roles are right (STAR, SGD, PriMock57,
service_talk): 2 looked swapped (0.01 %), none read as another language. With their roles turned round, 42 % look
swapped: short ones seldom tell. The threshold is that of guess.py at which 99.6 % of guesses are right. Cues and
threshold were fitted and chosen on these same sources, so on others false alarms may be more.
"""

from collections.abc import Iterator, Mapping, Sequence

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


def doubts(turns: Sequence[Turn], attrs: Mapping[str, object]) -> Iterator[str]:
    """The warnings about who speaks and in which language, of a contact whose roles are settled."""
    agents = [turn.text for turn in turns if turn.speaker == "agent"]
    customers = [turn.text for turn in turns if turn.speaker == "customer"]
    if look_swapped(agents, customers):
        yield "the roles look swapped: the customer speaks as an agent does; --role declares who is who"
    declared = attrs.get("language")
    if isinstance(declared, str) and declared.strip() and not declared.strip().lower().startswith("en"):
        yield f'the source gives its language as "{shown(declared)}": the model was made for English'
    elif (code := other_language([*customers, *agents])) is not None:
        yield f"reads as {_NAMES.get(code, code)} ({code}): the model was made for English"


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
