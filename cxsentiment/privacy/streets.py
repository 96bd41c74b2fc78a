"""Street lines as they are written in Spanish, Portuguese, German and French: "Calle Mayor 12, 28013 Madrid"."""

import re

from cxsentiment.privacy.marks import Found

_NAME = r"[A-ZÀ-ÖØ-Þ][\w'’-]{1,30}"
# "Plaza Hotel 12" is no street, "4 Boulevard Brewing" a beer, and "Crowne Plaza Berlin 3 nights" a stay.
_THING = (
    r"(?!(?:Hotels?|Inn|Suites?|Lounge|Premium|Levels?|Rooms?|Floor|Station|Line|County|Series|Gate|Malls?|Stores?|Shops?"
    r"|Units?|Orders?|Tickets?|Bags?|Brew(?:ing|ery)|Company|Cards?|Gold|Silver|Platinum|Theat(?:re|er)|Cinemas?|Centers?"
    r"|Centre|Apartments|Parking|Plan|Package|Tower|Building)\b)"
)
_COUNTED = (
    r"(?!\s(?:nights?|days?|weeks?|months?|years?|hours?|minutes?|times|people|persons|guests|adults|kids|rooms?|tickets?|beds"
    r"|seats|stars?|[ap]\.?m|january|february|march|april|may|june|july|august|september|october|november|december"
    r"|uhr|minuten|stunden|tage|meter|minutos|horas|d[ií]as|heures|jours)\b)"
)
_CODE = rf"(?:,?\s+\d{{4,5}}(?:-\d{{3}})?(?!\w)(?:\s+{_NAME})?)?"  # and the place
_FLOOR = r"(?:,?\s+\d{1,2}\s?[ºª°]\.?(?:\s\w{1,10}(?=,))?)?"  # "3º izquierda"
_NUMBER = rf"\d{{1,4}}[A-Za-z]?(?!\w|[.:,]\d|\s?[€%])(?i:{_COUNTED}){_FLOOR}{_CODE}"
_OF = r"(?:(?:de|del|la|las|los|el|da|do|dos|das)\s+){0,2}"
_ROMANCE = re.compile(
    r"(?<!\w)(?i:calle|avenida|avda\.?|paseo|(?<!crowne )(?<!park )(?<!ramada )plaza|rua|travessa|pra[çc]a|alameda)\s+"
    rf"(?:{_OF}{_THING}{_NAME},?\s+){{1,4}}(?:n[.º°]{{1,2}}\s?)?{_NUMBER}"
)
# "Sitzplatz 14" and "Unser Platz 14" are no streets.
_NO_STREET = (
    r"(?!(?i:sitz|park|arbeits|stell|fenster|gang|liege|lager|camping|spiel|tisch|start)platz|(?i:um|aus|heim|rück|post)weg"
    r"|(?:Unser|Euer|Ihr|Dieser|Jeder|Erster|Zweiter|Dritter)\s)"
)
_GERMAN = re.compile(
    rf"(?<!\w){_NO_STREET}(?:[A-ZÄÖÜ][\w-]{{1,30}}?(?:stra(?:ß|ss)e|str\.|weg|platz|allee|gasse)"
    rf"|{_NAME}\s+(?:Stra(?:ß|ss)e|Str\.|Allee|Gasse)|{_NAME}(?<=er)\s+(?:Weg|Platz))\s+{_NUMBER}"
)
_FRENCH = re.compile(
    r"(?<![\w$€£¥₹.:/-])\d{1,4}(?:\s(?:bis|ter))?,?\s+(?i:rue|avenue|boulevard|chemin|impasse|all[ée]e|quai)\s+"
    rf"(?:(?:de|du|des|la|le|les)\s+|[dl]['’]){{0,3}}{_THING}{_NAME}(?:\s+(?:(?:de|du|des|la|le|les)\s+){{0,2}}{_NAME}){{0,3}}{_CODE}"
)
# What a text must hold, in lower case, for each pattern.
_GATED = (
    (_ROMANCE, ("calle", "avenida", "avda", "paseo", "plaza", "rua", "travessa", "praça", "praca", "alameda")),
    (_GERMAN, ("straße", "strasse", "str.", "weg", "platz", "allee", "gasse")),
    (_FRENCH, ("rue", "avenue", "boulevard", "chemin", "impasse", "allée", "allee", "quai")),
)


def streets(text: str) -> list[Found]:
    """The street lines in a text."""
    low = text.lower()
    return [
        Found(match.start(), match.end(), "ADDRESS")
        for pattern, words in _GATED
        if any(word in low for word in words)
        for match in pattern.finditer(text)
    ]
