"""Personal data that its shape gives away, typed: IP addresses, IBANs, national ids, streets, postal codes, spoken
e-mail addresses."""

import ipaddress
import re
from collections.abc import Set

from cxsentiment.privacy import checks
from cxsentiment.privacy.emails import AT, DOT, NOT_A_LOCAL_PART, TOP
from cxsentiment.privacy.marks import Found
from cxsentiment.privacy.streets import streets

_IPV4 = re.compile(r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w]|\.\d)")
_IPV6 = re.compile(r"(?<![\w:.])[0-9A-Fa-f:]{2,39}(?:\.\d{1,3}){0,3}(?![\w:])")
_VERSION = re.compile(
    r"(?:\bv|version|ver|release|build|firmware|update|ios|android|chrome|driver|patch)[\s.:]*$", re.I
)
_IBAN = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}[ -]?\d{2}(?:[ -]?[A-Za-z0-9]){11,30}")
# ISO 13616 registry: how many characters an IBAN of a country has.
_IBAN_LENGTHS = {
    country: int(length)
    for length, countries in (
        row.split(":")
        for row in (
            "15:NO 16:BE 18:DK,FI,FO,GL,NL,SD 19:MK,SI 20:AT,BA,EE,KZ,LT,LU,XK,MN 21:CH,HR,LI,LV 22:BG,BH,CR,DE,GB,GE"
            ",IE,ME,RS,VA 23:AE,GI,IL,IQ,OM,TL,SO 24:AD,CZ,ES,MD,PK,RO,SA,SE,SK,TN,VG 25:LY,PT,ST"
            " 26:IS,TR 27:BI,DJ,FR,GR,IT"
            ",MC,MR,SM 28:AL,AZ,BY,CY,DO,GT,HU,LB,PL,SV,NI 29:BR,EG,PS,QA,UA 30:JO,KW,MU 31:MT,SC 32:LC 33:RU"
        ).split(" ")
    )
    for country in countries.split(",")
}
_NINO = re.compile(
    r"(?<!\w)(?!BG|GB|NK|KN|TN|NT|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][ -]?\d{2}[ -]?\d{2}[ -]?\d{2}[ -]?[A-D](?!\w)"
)
_PAN = re.compile(r"(?<!\w)[A-Z]{3}[ABCFGHLJPT][A-Z]\d{4}[A-Z](?!\w)")
_DNI = re.compile(r"(?<![\w.-])(?:[0-9]{8}|[0-9]{1,2}\.[0-9]{3}\.[0-9]{3}|[XYZ]-?[0-9]{7})-?[A-Z](?![\w-])")
# One in 23 order numbers of that shape has the right letter by chance; one that is called so is none of these ids.
_OF_AN_ORDER = re.compile(
    r"\b(?:orders?|booking|reservation|tracking|reference|ref|ticket|invoice|confirmation|parcel|shipment|pedido|reserva"
    r"|(?:case|claim|incident)(?= (?:number|no|id)\b))(?:[ .:#]+(?:number|no|id|code|nr|ref|is|was|it's))*[ .:#]*$",
    re.IGNORECASE,
)
# National numbers whose grouping and check digit agree; each is three to five groups of digits.
_GROUPS = re.compile(r"(?<![\w+(./-])(?<!\d )\d{2,4}(?:[ -]\d{1,7}){1,3}(?![\w/]|[ .-]\d)")
_PH_TIN = re.compile(r"\d{3}-\d{3}-\d{3}-\d{3,5}")
_PH_SSS = re.compile(r"\d{2}-\d{7}-\d")
_AADHAAR = re.compile(r"\d{4}([ -])\d{4}\1\d{4}")
_THREES = re.compile(r"\d{3}([ -])\d{3}\1\d{3}")
_MEDICARE = re.compile(r"\d{4} \d{5} \d(?: ?[-/]? ?\d)?")
_AREAS = frozenset(
    """
    AB AL B BA BB BD BH BL BN BR BS BT CA CB CF CH CM CO CR CT CV CW DA DD DE DG DH DL DN DT DY E EC EH EN EX FK FY G GL
    GU GY HA HD HG HP HR HS HU HX IG IM IP IV JE KA KT KW KY L LA LD LE LL LN LS LU M ME MK ML N NE NG NN NP NR NW OL OX
    PA PE PH PL PO PR RG RH RM S SA SE SG SK SL SM SN SO SP SR SS ST SW SY TA TD TF TN TQ TR TS TW UB W WA WC WD WF WN
    WR WS WV YO ZE
    """.split()
)
_POSTCODE = re.compile(r"(?<!\w)([A-Za-z]{1,2})\d[A-Za-z\d]?\s?\d([ABD-HJLNP-UW-Zabd-hjlnp-uw-z]{2})(?!\w)")
_UNITS = frozenset("GB TB AD ST ND RD TH DB HD".split())
_KINDS = (
    "street|road|avenue|lane|drive|boulevard|crescent|terrace|close|court|place|way|gardens?|grove|square|hill|mews"
    "|walk"
    "|parkway|highway|circle|rise|row|parade|marg|nagar|st|rd|ave|av|ln|dr|blvd|cres|ct|pl|pkwy|hwy|sq|wy"
)
_SURE = "street|road|avenue|boulevard|crescent"
_ZIP = r"(?:,?\s+(?:[A-Za-z.'-]+,?\s+){0,3}?(?:[A-Z]{2},?\s+)?\d{5}(?:-\d{4})?(?!\d))?"
_TAIL = (
    # A full stop belongs to the line only where it goes on.
    r"(?:\.(?=\s*,|\s+(?-i:[#\da-z])))?(?:\s+(?:N|S|E|W|NE|NW|SE|SW|North|South|East|West)\b)?"
    rf"(?:,?\s*(?i:apt|apartment|unit|flat|suite|#)\.?\s*\w{{1,5}}\b)?{_ZIP}"
)
_STREET = re.compile(
    r"(?<![\w$€£¥₹.:/-])(?:(?:flat|apartment|apt|unit)\s+\w{1,4},?\s+)?\d{1,5}[A-Za-z]?(?:-\d{1,5})?,?\s+"
    rf"(?:(?:[A-Z][\w'’.-]*|\d{{1,3}}(?:st|nd|rd|th))\s+){{1,4}}(?:(?i:{_KINDS})\b{_TAIL})"
)
_BOX = re.compile(r"(?<![\w.])(?:P\.? ?O\.? ?Box|Post Office Box)(?: (?:no\.?|number))? ?\d{1,6}(?!\w)", re.IGNORECASE)
_LOWER_STREET = re.compile(
    r"(?<![\w$€£¥₹.:/-])\d{1,5}[A-Za-z]?,?\s+"
    rf"((?:[^\W\d_][\w'’-]*|\d{{1,3}}(?:st|nd|rd|th))\s+(?:[^\W\d_][\w'’-]*\s+)?)(?:{_SURE})\b{_TAIL}",
    re.IGNORECASE,
)
_NUMBER_WORD = (
    r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w{3,5}teen|twenty|thirty|forty|fifty|sixty"
    r"|seventy|eighty|ninety|hundred|thousand|oh|double)"
)
_SAID_STREET = re.compile(
    rf"(?<![\w'])(?:number )?{_NUMBER_WORD}(?:[ -](?:and )?{_NUMBER_WORD}){{0,4}}\s+"
    rf"((?:[^\W\d_][\w'’-]*\s+){{1,2}})(?:{_SURE}|lane|drive|terrace|close|court|gardens)\b",
    re.IGNORECASE,
)
_STREET_WORDS = frozenset(f"{_SURE}|lane|drive|terrace|close|court|gardens".split("|"))
_DIGIT_WORDS = frozenset("one two three four five six seven eight nine".split())
_ONE_DIGIT = r"(?:one|two|three|four|five|six|seven|eight|nine|oh|zero|ten|\w{3,5}teen|twenty|thirty|ninety|\d{1,2})"
# "s w one a one a a", "NW three six PQ"
_SAID_POSTCODE = re.compile(
    rf"(?<![\w'])([a-z] ?[a-z]?)\s+{_ONE_DIGIT}(?:[ -]{_ONE_DIGIT})?(?:\s+[a-z])?[\s,]+{_ONE_DIGIT}\s+"
    r"(?-i:[A-Z][A-Z]|[ABD-HJLNP-UW-Zabd-hjlnp-uw-z] [ABD-HJLNP-UW-Zabd-hjlnp-uw-z])(?![\w'])",
    re.IGNORECASE,
)
_HOME = re.compile(r"\b(?:address|live|living|lives|house|flat|apartment|deliver\w*|ship\w*|moved|reside|home)\b", re.I)
_NOT_A_NAME = frozenset(
    """
    minute minutes min mins hour hours day days night nights mile miles km metre metres meter meters way lane star bed
    more other of the a and or to in on from years year months people per percent blocks block doors first main roads
    streets door down off across along up off- for at is are was by with minute's hours' that this
    """.split()
)
_SIGN_WORD = "(?:underscore|dash|hyphen|minus|plus|gui[oó]n(?: bajo)?|unterstrich|bindestrich|tiret(?: bas)?|h[ií]fen)"
_SAID_EMAIL = re.compile(
    # After a dash none begins: each word of "a-a-a-…" would be read to the end of the text.
    rf"(?<![\w@'’-])((?:\w\s+){{0,12}}[\w'-]+(?:\s+(?:{DOT}|point|{_SIGN_WORD})\s+[\w-]+){{0,4}}"
    rf"(?:\s+(?:{_NUMBER_WORD}|[a-z]|\d+)){{0,12}})\s+{AT}\s+"
    rf"((?:(?:[a-z]\s+){{2,15}}|[\w-]+\s+)?(?:[\w-]+|<\w+/?>)(?:\s+{_SIGN_WORD}\s+[\w-]+){{0,2}}"
    rf"(?:\s+{DOT}\s+[a-z]{{2,12}}){{1,3}})(?!\w)",
    re.IGNORECASE,
)


def shapes(text: str) -> list[Found]:
    """Everything in a text whose shape says what it is."""
    found = _addresses_of_devices(text) if text.count(".") > 2 or text.count(":") > 1 else []
    found += [iban for match in _IBAN.finditer(text) if (iban := _iban(match)) is not None]
    found += [_found(match, "ID") for pattern in (_NINO, _PAN) for match in pattern.finditer(text)]
    found += [_found(match, "ID") for match in _DNI.finditer(text) if _is_dni(match)]
    found += [_found(match, "ID") for match in _GROUPS.finditer(text) if _is_national(match[0])]
    return found + _places(text)


def said_emails(text: str) -> list[Found]:
    """ "jane dot doe at example dot com"."""
    found = []
    for match in _SAID_EMAIL.finditer(text):
        local, domain = match[1].lower().split(), match[2].lower().split()
        if domain[-1] in TOP and local[-1] not in NOT_A_LOCAL_PART:
            found.append(_found(match, "EMAIL"))
    return found


def said_places(text: str, words: Set[str]) -> list[Found]:
    """ "forty two baker street", where an address is spoken of or the number is a long one; and spelled postcodes."""
    found = []
    if not words.isdisjoint(_STREET_WORDS):
        for match in _SAID_STREET.finditer(text):
            number = text[match.start() : match.start(1)].split()
            sure = len(number) > 1 or bool(_HOME.search(text, max(0, match.start() - 60), match.start()))
            if sure and not _NOT_A_NAME & set(match[1].lower().split()):
                found.append(_found(match, "ADDRESS"))
    if not words.isdisjoint(_DIGIT_WORDS):
        for match in _SAID_POSTCODE.finditer(text):
            area = "".join(match[1].split()).upper()
            if area in _AREAS and (match[1].isupper() or " " in match[1] or len(match[1]) == 1):
                found.append(_found(match, "ADDRESS"))
    return found


def _found(match: re.Match[str], kind: str) -> Found:
    return Found(match.start(), match.end(), kind)


def _addresses_of_devices(text: str) -> list[Found]:
    many = "::" in text or text.count(":") > 6
    return [
        _found(match, "IP")
        for match in (*_IPV4.finditer(text), *(_IPV6.finditer(text) if many else ()))
        if not _VERSION.search(text, max(0, match.start() - 12), match.start()) and _is_address(match[0])
    ]


def _is_address(text: str) -> bool:
    if ":" in text and sum(character.isalnum() for character in text) < 3:
        return False
    try:
        ipaddress.ip_address(text.rstrip("."))
    except ValueError:
        return False
    return True


def _iban(match: re.Match[str]) -> Found | None:
    """The beginning of a match that has its country's length and check digits, if it ends where a word ends."""
    places = [place for place, character in enumerate(match[0]) if character.isalnum()]
    length = _IBAN_LENGTHS.get(match[0][:2].upper())
    if length is None or len(places) < length:
        return None
    end = match.start() + places[length - 1] + 1
    value = re.sub(r"[ -]", "", match.string[match.start() : end]).upper()
    whole = not match.string[end : end + 1].isalnum()
    return Found(match.start(), end, "IBAN") if whole and checks.iban(value) else None


def _is_dni(match: re.Match[str]) -> bool:
    called = _OF_AN_ORDER.search(match.string, max(0, match.start() - 40), match.start())
    return called is None and checks.dni(re.sub(r"[.-]", "", match[0]))


def _is_national(text: str) -> bool:
    digits = checks.digits_of(text)
    if _AADHAAR.fullmatch(text):
        return checks.aadhaar(digits)
    if _THREES.fullmatch(text):
        return checks.luhn(digits) or checks.tax_file(digits)
    if _MEDICARE.fullmatch(text):
        return checks.medicare(digits)
    return bool(_PH_TIN.fullmatch(text) or _PH_SSS.fullmatch(text))


def _places(text: str) -> list[Found]:
    found = [_found(match, "ADDRESS") for pattern in (_STREET, _BOX) for match in pattern.finditer(text)]
    found += streets(text)
    found += [
        _found(match, "ADDRESS")
        for match in _LOWER_STREET.finditer(text)
        if not _NOT_A_NAME & set(match[1].lower().split())
    ]
    for match in _POSTCODE.finditer(text):
        # Without a space a booking reference may look the same; beside a street both are postcodes.
        sure = bool(found) or (match[0].isupper() and " " in match[0])
        if sure and match[1].upper() in _AREAS and match[2].upper() not in _UNITS:
            found.append(_found(match, "ADDRESS"))
    return found
