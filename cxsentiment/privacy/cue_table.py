"""The cues: words that say what the number after them is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cue:
    """What a cue announces: a kind of mark, and how many characters (`low` to `high`) its value has.

    `letters` says that the value may hold letters too; `shape` is a pattern that such a value must have when typed.
    `chunk` is how few digits count where a turn of little but digits answers a question.
    """

    kind: str
    pattern: str
    low: int
    high: int
    letters: bool = False
    shape: str = ""
    chunk: int = 0


_NO = r"(?: ?(?:numbers?|no\.?|nr\.?|num|#|digits?|code|id|details))?"
_DIGITS = r"(?: ?(?:digits?|numbers?|ones?))?"
_TIME = r"(?! ?(?:year|month|week|day|hour|minute|time|order|call|night|digit code))"
_FOUR = rf"(?:last|final|first|next|remaining|other) (?:four|4|six|6|eight|8){_TIME}{_DIGITS}"
_END = r"(?: number| account| card)?(?: which| that)?(?: should| will| is)? end(?:s|ing|ed)?(?: in| with)?"
_SOCIAL = r"(?:social security|social|s\.?s\.?n\.?|s s n)"
_UK_POSTCODE = r"(?i)(?<![\w-])[a-z]{1,2}\d[a-z\d]?\s?\d[a-z]{2}(?!\w)"
# "LK19 XBV", "7XKD214", "B-MX 4821": letters and digits in two or three groups, all in capitals or all small.
_PLATE = (
    r"(?<![\w-])(?=[A-Za-z \-]{0,6}\d)(?=\d{0,5}[ -]?[A-Za-z])"
    r"(?:[A-Z0-9]{1,7}(?:[ -][A-Z0-9]{1,5}){0,2}|[a-z0-9]{4,8})(?![\w-])"
)
# How it was sent: the code itself may follow at once ("by text four eight two …", "on WhatsApp 482913").
_NO_DIGIT = (
    r"(?!(?:zero|one|two|three|four|five|six|seven|eight|nine|oh|o|double|triple|ten|\w+teen|\w+ty)\b)[^\W\d]+\b"
)
_TOLD = rf"(?: you| me)?(?: (?:by|via|in|to|on|with|from)(?: {_NO_DIGIT}){{1,2}})?"
# "The code you sent me at 1230": when it was sent is no code.
_SENT_AT = r"(?: at (?:[01]?\d|2[0-3]):?[0-5]\d(?!\d))?"

# Codes that let nobody in.
_NO_OTHER = r"(?<!error )(?<!promo )(?<!promotional )(?<!discount )(?<!coupon )(?<!voucher )(?<!product )"

CUES: tuple[Cue, ...] = (
    Cue(
        "CVV",
        r"(?:c\.?v\.?v\.?2?|c ?v ?v|c\.?v\.?c\.?2?|c ?v ?c|cv2|c ?s ?c|card (?:verification|security|validation)"
        r"(?: (?:code|number|value))?|security (?:code|number|digits)|verification value"
        r"|(?:three|3|four|4)[ -]?(?:digits?|numbers?)(?: \w+){0,3} (?:on|at|from) the (?:back|front|reverse|rear)"
        r"|(?:three|3) (?:on|at|from) the (?:back|reverse|rear)"
        r"|(?:three|3|four|4)[ -]digit(?: security| verification| card) (?:code|number)|(?:three|3)[ -]digit code"
        rf"|(?:last|final) (?:three|3){_DIGITS}(?: \w+){{0,3}} on the (?:back|strip|signature strip|reverse))",
        3,
        4,
    ),
    Cue(
        "PIN",
        r"(?:one[ -]?time(?:[ -](?:pass ?)?(?:code|word|pin|number))|o\.?t\.?p\.?|verification code|passcode|pass code"
        r"|authenti?cation code|authori[sz]ation code|activation code|access code|log-?in code"
        rf"|confirmation code (?:we|i|they|you) \w+{_TOLD}"
        rf"|(?:code|number)(?: that)? (?:we|i|they|you)(?:'ve| have|'d| just)?(?: just)?"
        rf" (?:sent|texted|e?-?mailed){_TOLD}{_SENT_AT}"
        r"|(?:sent|sending|texted|texting)(?: (?:you|me|us|him|her|them|out|a|the|your|my|new|another)){1,3} code"
        rf"{_SENT_AT}"
        r"|(?:code|pin) (?:in|from) the (?:text|sms|message|e-?mail|app)"
        rf"|{_NO_OTHER}code(?: that)? (?:i|you|we|they)(?:'ve| have|'d)?(?: just)? (?:received|got)"
        r"|(?:six|6|five|5|eight|8)[ -]digit (?:code|pin|passcode|number))",
        4,
        8,
    ),
    Cue(
        "PIN",
        r"(?:p\.?i\.?n\.?|p i n|memorable number|secret (?:code|number)|security pin|(?:four|4)[ -]digit (?:code|pin))"
        r"(?: ?(?:numbers?|no\.?|#|code))?",
        4,
        6,
    ),
    Cue(
        "ID",
        rf"{_FOUR}(?: (?:of|on|for|from) (?:the|your|my))? {_SOCIAL}(?: number)?"
        rf"|{_SOCIAL}(?: number)?{_END}(?: in| with)",
        4,
        4,
    ),
    Cue("PHONE", rf"(?:mobile|phone|line|cell|landline){_END}", 4, 4),
    Cue("ORDER", rf"(?:order|ticket|case|tracking|reference|booking|policy|claim){_END}", 4, 34, letters=True),
    Cue(
        "CARD",
        rf"{_FOUR}(?: (?:of|on|for|from) (?:the|your|my|that|this)(?: \w+){{0,2}}?"
        r" (?:card|visa|mastercard|amex|number|account))?"
        rf"|(?:card|visa|mastercard|amex|account|number|one|it|it's){_END}(?<!end)(?<!ended)"
        r"|(?:ending|ends|end)(?: in| with)|ending",
        4,
        6,
    ),
    Cue(
        "CARD",
        r"(?:(?:long|sixteen[ -]digit|16[ -]digit|debit card|credit card|card|visa|mastercard|amex)"
        r" (?:numbers?|no\.?|details|digits)|(?:sixteen|16)[ -]digits?)",
        8,
        19,
        chunk=3,
    ),
    Cue(
        "ACCOUNT",
        r"(?:sort ?codes?|routing|aba|transit number|institution number|b\.?s\.?b\.?|bank account"
        r"|(?:checking|chequing|savings?|current|bank) (?:account|acct)|bank details"
        r"|swift(?= ?(?:code|bic|number|no\b))|direct debit)" + _NO,
        5,
        18,
        chunk=3,
    ),
    Cue("IBAN", r"(?:iban|i ban|i b a n)" + _NO, 10, 34, letters=True, chunk=3),
    Cue(
        "ID",
        rf"(?:{_SOCIAL}|social insurance|national insurance|ni number|nino|n\.?h\.?s\.?"
        r"|n h s|aa?dhaa?r|pan (?:card|number|no)|tax (?:file|id|identification|payer)|taxpayer|t\.?f\.?n\.?|medicare"
        r"|medicaid|phil ?health|pag-?ibig|s\.?s\.?s\.?|umid|g\.?s\.?i\.?s\.?|t\.?i\.?n\.?|t i n|passport"
        r"|(?:driver'?s?|driving) licen[cs]e|licen[cs]e number|national id|government id|identity (?:card|number)"
        r"|id number|id card|curp|e\.?i\.?n\.?)" + _NO + r"(?: card)?" + _NO,
        4,
        14,
        letters=True,
        chunk=3,
    ),
    Cue(
        "PHONE",
        r"(?:(?:tele)?phone|mobile|cell ?(?:phone)?|landline|call ?back|contact|whats ?app|viber|fax)"
        + _NO
        + r"|(?:call|reach|ring|text|phone|get|contact) (?:me|you|us|him|her|them) (?:back )?(?:at|on)"
        r"|(?:my|your|best|his|her) numbers?",
        6,
        13,
        chunk=3,
    ),
    Cue(
        "ADDRESS",
        r"(?:zip|zip ?code|post ?code|postal code|postal)(?: ?(?:number|code))?",
        4,
        9,
        letters=True,
        shape=_UK_POSTCODE,
    ),
    Cue(
        "ORDER",
        r"(?:orders?|booking|reservation|tracking|reference|ref|case|ticket|invoice|confirmation|policy|member(?:ship)?"
        r"|loyalty|customer|client|account|acct|parcel|shipment|claim|incident)" + _NO,
        4,
        34,
        letters=True,
        chunk=3,
    ),
    # Of what must never be kept, and of what no shape gives away, in Spanish, German, French and Portuguese.
    Cue(
        "CVV",
        r"(?:c[oó]digo de (?:seguridad|seguran[çc]a)|(?:karten)?pr[üu]f(?:nummer|ziffer)|sicherheits(?:code|nummer)"
        r"|cryptogramme(?: visuel)?|code de s[ée]curit[ée]"
        r"|(?:tres|tr[êe]s|3)(?: d[íi]gitos| n[úu]meros)? (?:(?:de )?a?tr[áa]s|del dorso"
        r"|(?:al|en el) (?:dorso|reverso)|no verso)"
        r"|(?:trois|3)(?: chiffres| num[ée]ros)? (?:au dos|derri[èe]re|au verso)"
        r"|(?:drei|3)(?: ziffern| zahlen| stellen)? (?:auf der|von der) r[üu]ckseite)",
        3,
        4,
    ),
    Cue(
        "PIN",
        r"(?:c[oó]digo (?:de verifica(?:ci[óo]n|[çc][ãa]o)|secreto|pin)|clave"
        r"|code (?:secret|confidentiel|de v[ée]rification|pin)|geheim(?:zahl|nummer)|best[äa]tigungscode"
        r"|pin-?(?:nummer|code))",
        4,
        8,
    ),
    Cue(
        "CARD",
        r"(?:[úu]ltimos (?:4|cuatro|quatro) (?:d[íi]gitos|n[úu]meros)|letzten (?:4|vier) (?:ziffern|stellen)"
        r"|(?:4|quatre) derniers chiffres)",
        4,
        4,
    ),
    Cue(
        "ID",
        r"(?:dni|nif|cpf|personalausweis(?:nummer)?|reisepass(?:nummer)?|pasaporte|passeport|passaporte|steuer-?id)",
        6,
        14,
        letters=True,
        chunk=3,
    ),
    Cue(
        "PHONE",
        r"(?:tel[ée]fono|m[óo]vil|celular|telefone|telem[óo]vel|t[ée]l[ée]phone|(?:telefon|handy|ruf|mobil)nummer"
        r"|num[ée]ro de portable|(?:mi|mon|meu|meine) (?:n[úu]m[ée]ro|nummer))",
        6,
        13,
        chunk=3,
    ),
    Cue(
        "ID",
        r"(?:(?:number|licen[cs]e|car|vehicle) plate(?: numbers?)?|plate numbers?|vehicle registration(?: number)?"
        r"|registration(?: number)?(?: plate)? (?:of|for|on) (?:the|your|my) (?:\w+ )?(?:car|vehicle|van|bike|truck))",
        4,
        9,
        letters=True,
        shape=_PLATE,
    ),
    Cue("ID", r"(?:vin|chassis|vehicle identification)(?: ?(?:numbers?|no\.?))?", 8, 17, letters=True),
    Cue("ADDRESS", r"(?:c[óo]digo postal|code postal|postleitzahl|cep)", 4, 9),
)
# The first word of every cue, as `spoken.words_of` cuts words: only there is a cue looked for.
STARTS = frozenset(
    """
    c cv cvv cvc csc cv2 card security verification three 3 four 4 last final one o otp passcode pass authentication
    authenication authorization authorisation activation access login log confirmation code number six 6 five 5 eight 8
    p pin memorable secret first next remaining other social s ssn mobile phone line cell landline order orders ticket
    case tracking reference ref booking policy claim visa mastercard amex account it it's ending ends end long sixteen
    16 debit credit sort sortcode sortcodes routing aba transit institution b bsb bank checking chequing saving savings
    current swift direct iban i national ni nino n nhs aadhaar adhaar aadhar adhar pan tax taxpayer t tfn medicare
    medicaid phil philhealth pag pagibig sss umid g gsis tin passport driver driver's drivers driving licence license
    government identity id curp e ein telephone call callback contact whats whatsapp viber fax reach ring text get my
    your best his her cellphone zip zipcode post postcode postal reservation invoice member membership loyalty customer
    client acct parcel shipment incident sent sending texted texting código codigo prüfnummer prufnummer prüfziffer
    prufziffer kartenprüfnummer kartenprüfziffer sicherheitscode sicherheitsnummer cryptogramme clave geheimzahl
    geheimnummer bestätigungscode bestatigungscode pinnummer pincode últimos ultimos letzten quatre dni nif cpf
    personalausweis personalausweisnummer reisepass reisepassnummer pasaporte passeport passaporte steuer steuerid
    postleitzahl cep tres três trois drei teléfono telefono móvil movil celular telefone telemóvel telemovel téléphone
    telefonnummer handynummer rufnummer mobilnummer numéro numero mi mon meu meine plate car vehicle registration vin
    chassis
    """.split()
)
