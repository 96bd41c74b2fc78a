"""Variants of a turn as real channels deliver it: speech recognition, anonymisation marks, social media, typing.

Labels never change: every variant still says what the turn said. All chance comes from the generator that is given,
so the same seed gives the same variants.
"""

import random
import re
from dataclasses import replace

from training.config import Augment
from training.sources import LabelledTurn

# The styles of marks that anonymisers leave in the place of a name, a brand and a number.
MARKS: tuple[tuple[str, str, str], ...] = (
    ("[NAME]", "[COMPANY]", "[NUMBER]"),
    ("[PERSON]", "[ORG]", "[NUM]"),
    ("<name>", "<company>", "<number>"),
    ("<PERSON>", "<ORGANIZATION>", "<PHONE_NUMBER>"),
    ("{{NAME}}", "{{COMPANY}}", "{{NUMBER}}"),
    ("{{name}}", "{{brand}}", "{{Order Number}}"),
    ("{name}", "{company}", "{order_number}"),
    ("XXXX", "XXXX", "XXXX"),
    ("xxx", "xxx", "xxxx"),
    ("****", "****", "****"),
    ("###", "###", "####"),
    ("__name__", "__company__", "__number__"),
    ("_NAME_", "_ORG_", "_ID_"),
    ("NAME", "BRAND", "NUMBER"),
    ("[REDACTED]", "[REDACTED]", "[REDACTED]"),
    ("[NAME]", "[BRAND]", "[CARD]"),
    ("[PII]", "[PII]", "[PHONE]"),
    ("[NAME]", "[BRAND]", "[EMAIL]"),
    ("#NAME#", "#ORG#", "#NUMBER#"),
    ("#PERSON#", "#COMPANY#", "#ID#"),
    ("PRS_NAME", "PRS_ORG", "PRS_ID"),
    ("NAME_1", "ORG_1", "NUM_1"),
    ("PERSON1", "ORG1", "ID1"),
    ("<<agent>>", "<<company>>", "<<number>>"),
    ("%%NAME%%", "%%BRAND%%", "%%NUMBER%%"),
    ("$NAME", "$COMPANY", "$NUMBER"),
    ("(name removed)", "(company removed)", "(number removed)"),
    ("____", "____", "____"),
    ("[Agent Name]", "[Company Name]", "[Order Number]"),
    ("@Name", "@Company", "#12345"),
    ("X.", "X", "0000"),
)
# Given names of many origins: what an agent does must not hang on who does it.
NAMES = (
    "Anna Ben Carlos Deepa Emeka Fatima Grace Hassan Ingrid Jomar Kwame Lucy Mei Nikhil Olga Pedro Quinn Rosa "
    "Sanjay Tomasz Uma Victor Wei Yusuf Zoe Maricel Bianca Arjun Siobhan Tyrone Kenji Aaliyah Mike Linda Sam Priya "
    "Jhun Linh Thuy Duc Nguyet Khoa Trang Ahmed Khalid Layla Noor Omar Zainab Aoife Ciaran Eoin Saoirse Grainne "
    "Adebayo Chidi Ngozi Folake Temitope Thabo Nomvula Sipho Lerato Malgorzata Zbigniew Agnieszka Emre Aylin Mehmet "
    "Elif Jiang Xiu Hao Ling Seojun Jiwoo Haruto Sakura Yui Lakshmi Rajesh Gurpreet Kavya Rosario Althea Datu "
    "Guadalupe Alejandro Xiomara Joaquin Svetlana Dmitri Bogdan Ioana Astrid Sigrid Leif Yael Avi Noa Jamal Keisha "
    "DeShawn Latoya Darius Shirin Kaveh Parisa Giulia Matteo Heike Jurgen Anneke Pieter Beatriz Thiago Celine "
    "Amelie Tamika Moana Tane Wanjiru Kipchoge Abebe Selam "
).split()
BRANDS = [
    "Northwind",
    "Bluebird Bank",
    "Acme",
    "Kestrel Mobile",
    "Sunrise Air",
    "Parcelio",
    "Fernhill Energy",
    "Tidewater Insurance",
    "QuickCart",
    "Maple & Co",
    "Orbit Broadband",
    "HomeNest",
    "Vertex",
    "the billing team",
    "customer care",
    "technical support",
    "Larkspur Hotels",
]
_FILLERS = ("um", "uh", "er", "you know", "like", "so", "okay", "i mean", "ah", "hmm", "yeah", "well")
_NAME_AFTER = re.compile(
    r"(?P<cue>\b(?:my name is|my name's|this is|i am|i'm|it's|dear|hi|hello|hey|thanks|thank you|mr\.?|mrs\.?|ms\.?) )"
    r"(?P<name>[A-Z][a-z]+(?: [A-Z][a-z]+)?)(?![a-z])"
)
_CUE_CASE = re.compile(r"\b(my name is|my name's|this is|i am|i'm|it's|dear|hi|hello|hey|thanks|thank you) ", re.I)
_SIGNATURE = re.compile(
    r"(?P<cue>(?:[Rr]egards|[Bb]est|[Cc]heers|[Ss]incerely|[Ww]ishes|[Tt]hanks),? |(?:^|[.!?)] ?)[-–~^/*] ?)"
    r"(?P<name>[A-Z][a-z]+)(?=[.!]?$)"
)
# Words that stand where a name may stand, and are none; a part of a word after an apostrophe is none either.
_NO_NAME = "|".join(
    "who now am is i you we are be and not a an the my our someone somebody anyone anybody nobody for by of in on to "
    "up out from while when without before after was were been being re generally strictly honestly frankly roughly "
    "technically english spanish french german all same came come but so or it that this right still stuck new over "
    "nothing everything he she they me him her them us live stay here there just only also already back".split()
)
_A_NAME = rf"(?<!['’\w])(?!(?i:{_NO_NAME})\b)"
_NAME_BEFORE = re.compile(rf"{_A_NAME}(?P<name>[A-Z][a-z]+)(?P<cue> (?:here|speaking)\b)")
_ASR_NAME = re.compile(rf"(?P<cue>\b(?:my name is|my name's|you're speaking (?:to|with)) ){_A_NAME}(?P<name>[a-z]+)\b")
_ASR_NAME_BEFORE = re.compile(rf"{_A_NAME}(?P<name>[a-z]+)(?P<cue> speaking\b)")
_BRAND_AFTER = re.compile(
    r"(?P<cue>\b(?:[Cc]alling|[Cc]ontacting|[Cc]hoosing|[Rr]eached|[Ww]elcome to|[Ff]rom|[Aa]t|with) )"
    r"(?P<name>[A-Z][\w&'-]*(?: (?:[A-Z&][\w&'-]*|of|and))*(?: [A-Z][\w'-]*)?)"
)
_NUMBER = re.compile(r"\b[A-Z]{0,4}-?\d[\d\-/]{2,}\d?\b")
# Emoji and smileys: a recogniser has none, and what they say may be all that the label hangs on.
_FACE = re.compile(
    r"[\U0001F300-\U0001FAFF\u2600-\u27BF\u2B50]|<3|[:;=]['’]?-?[()]|(?<!\w)(?:[:;=]['’]?-?[DPpOo/\\|*]|\(-?[:;=])(?!\w)"
)
_MARKED = re.compile(r"[\[<{*#_]|XX")


def variant(turn: LabelledTurn, config: Augment, chance: random.Random) -> LabelledTurn:
    """A variant of `turn` (often the turn itself)."""
    text, style = turn.text, turn.style
    if chance.random() < config.marks:
        text = replace_names(text, chance)
    if chance.random() < config.typos:
        text = mistype(text, chance)
    if style != "asr" and chance.random() < config.asr and not _told_by_face(turn):
        text, style = as_speech(text, chance), "asr"
    elif style in ("chat", "written") and chance.random() < config.social:
        text = as_social(text, turn.acts is None, chance)
    return replace(turn, text=text or turn.text, style=style)


def _told_by_face(turn: LabelledTurn) -> bool:
    return turn.sentiment in ("negative", "positive") and _FACE.search(turn.text) is not None


def replace_names(text: str, chance: random.Random) -> str:
    """Put anonymisation marks of one style, or other names, in the place of names, brands and numbers."""
    person, brand, number = chance.choice(MARKS)
    if chance.random() < 0.35:  # other names instead of marks
        person, brand = chance.choice(NAMES), chance.choice(BRANDS)
        number = str(chance.randrange(1000, 10**7))
        if text.islower():
            person, brand = person.lower(), brand.lower()
    if not _MARKED.search(text):
        text = _NAME_AFTER.sub(lambda m: m["cue"] + person, _lower_cues(text))
        text = _SIGNATURE.sub(lambda m: m["cue"] + person, text)
        text = _NAME_BEFORE.sub(lambda m: person + m["cue"], text)
        text = _ASR_NAME.sub(lambda m: m["cue"] + person, text)
        text = _ASR_NAME_BEFORE.sub(lambda m: person + m["cue"], text)
        text = _BRAND_AFTER.sub(lambda m: m["cue"] + brand, text)
    return _NUMBER.sub(number, text)


def _lower_cues(text: str) -> str:
    # The encoder's tokeniser ignores case, so lowering the cue costs nothing and keeps the patterns simple.
    return _CUE_CASE.sub(lambda m: m[0].lower(), text)


def as_speech(text: str, chance: random.Random) -> str:
    """The text as a recogniser writes it: no capitals, no punctuation, now and then a filler, repeat or lost word."""
    words = re.sub(r"[^\w\s'\[\]<>{}*#]|(?<!\w)'|'(?!\w)", " ", text.lower().replace("’", "'")).split()
    spoken: list[str] = []
    for word in words:
        roll = chance.random()
        if roll < 0.025:
            spoken.append(chance.choice(_FILLERS))
        elif roll < 0.04:
            spoken.append(word)
        elif roll < 0.05 and len(words) > 6:
            continue
        spoken.append(word)
    return " ".join(spoken)


def as_social(text: str, customer: bool, chance: random.Random) -> str:
    """The text as a public post: a handle before it, or a link, hash tag or agent's initials after it."""
    if customer:
        if chance.random() < 0.8:
            text = chance.choice(("@", "@", "Hey @")) + _handle(chance) + " " + text
        if chance.random() < 0.25:
            text += " https://t.co/" + "".join(chance.choices("abcdefghijkLMNOPQR0123456789", k=10))
        return text
    if chance.random() < 0.6:
        text = "@" + (str(chance.randrange(100000, 900000)) if chance.random() < 0.6 else _handle(chance)) + " " + text
    if chance.random() < 0.5:
        text += chance.choice((" ^", " /", " *", " -")) + "".join(chance.choices("ABCDEFGHJKLMNPRSTW", k=2))
    return text


def _handle(chance: random.Random) -> str:
    brand = chance.choice(BRANDS[:12]).replace(" ", "").replace("&", "")
    return brand + chance.choice(("", "Support", "Help", "Care", "_UK", "Cares", "HQ"))


def mistype(text: str, chance: random.Random) -> str:
    """Swap, drop or double one letter of about every twelfth word of four letters or more."""
    words = text.split(" ")
    for place, word in enumerate(words):
        if len(word) >= 4 and word.isalpha() and chance.random() < 0.08:
            at = chance.randrange(1, len(word) - 1)
            middle = chance.choice((word[at + 1] + word[at], word[at + 1], word[at] * 2 + word[at + 1]))
            words[place] = word[:at] + middle + word[at + 2 :]
    return " ".join(words)


def compose(turns: list[LabelledTurn], chance: random.Random) -> LabelledTurn:
    """One turn that says what two or three turns of one style say: acts are united.

    Of customers: a neutral turn beside one other, whose attitude decides (codebook, mixed turns).
    """
    first = turns[0]
    joint = " "
    if first.style != "asr" and not _ends(first.text):
        joint = chance.choice((". ", "\n", ", "))
    text = first.text
    for turn in turns[1:]:
        text += joint + turn.text
        joint = " " if first.style == "asr" or _ends(turn.text) else ". "
    if first.acts is None:
        moods = [turn.sentiment for turn in turns if turn.sentiment != "neutral"]
        return replace(first, text=text, sentiment=moods[0] if moods else "neutral")
    acts = tuple(dict.fromkeys(act for turn in turns for act in turn.acts or ()))
    return replace(first, text=text, acts=acts)


def _ends(text: str) -> bool:
    return text[-1:] in ".!?…"


def composed(turns: list[LabelledTurn], share: float, chance: random.Random) -> list[LabelledTurn]:
    """`share` times as many composed turns as there are `turns`, each of turns of one style and one speaker."""
    groups: dict[tuple[str, bool, bool], list[LabelledTurn]] = {}
    for turn in turns:
        groups.setdefault((turn.style, turn.acts is None, turn.sentiment == "neutral"), []).append(turn)
    made = []
    for (style, customer, neutral), group in sorted(groups.items()):
        partners = groups.get((style, True, True), []) if customer else group
        # Long turns are not made longer, and two moods are not mixed.
        for turn in group:
            if chance.random() >= share or len(turn.text) > 220 or not partners:
                continue
            more = [chance.choice(partners) for _ in range(1 if customer or chance.random() < 0.7 else 2)]
            parts = [turn, *(other for other in more if len(other.text) <= 160)]
            if customer and not neutral:
                chance.shuffle(parts)
            made.append(compose(parts, chance))
    return made
