"""Marks that other tools left in a text ("[PII]", "{{SSN}}", "XXXX-1234", "<unk>"), mapped to a small set.

Only marks that are known are touched. They become [NAME], [COMPANY], [NUMBER], [CARD], [PHONE], [EMAIL] or, where they
are something else, [REDACTED]: the model has seen each of these. Marks of noise and of speech that was not understood
are taken away, and the brackets around guessed words too; a turn of nothing else becomes "…".
"""

import re
from collections import Counter

from cxsentiment.privacy.marks import MARKS, Masked

NEUTRAL = "REDACTED"
NOTHING_SAID = "…"

_MEANINGS = {
    word: kind
    for kind, words in {
        "NAME": "name person per first_name last_name firstname lastname full_name customer_name agent_name names"
        " persons person_name customer agent given_name surname patient doctor caller",
        "COMPANY": "company org organization organisation brand business company_name",
        "NUMBER": "number num id integer ordinal digits cardinal numeric ssn us_ssn social_security_number order_number"
        " account_number bank_account_number bank_routing account bank_account us_bank_number passport passport_number"
        " us_passport driver_id driver_license us_driver_license drivers_license identification tax_id us_itin"
        " reference_number policy_number numerical_pii number_sequence account_id order_id customer_id",
        "CARD": "card credit_card credit_debit_number credit_card_number card_number pan creditcardnumber creditcard"
        " payment_card",
        "PHONE": "phone phone_number phonenumber telephone telephone_number tel mobile",
        "EMAIL": "email email_address e_mail emailaddress mail",
        NEUTRAL: "redacted pii phi removed masked mask hidden deidentified anonymized anonymised expletive profanity"
        " censored bleep beep location loc gpe address street_address city state us_state country zip zipcode zip_code"
        " postcode postal_code url uri website date time date_time datetime date_of_birth dob birthday age"
        " username user_name user password pin cvv cvc credit_debit_cvv credit_debit_expiry expiry money"
        " money_amount amount"
        " price ip ip_address mac_address iban iban_code swift swift_code nrp gender nationality religion norp"
        " facility event"
        " product language medical_condition drug injury blood_type occupation vehicle_id license_plate sensitive"
        " misc other",
    }.items()
    for word in words.split()
}
_NOISES = frozenset(
    """
    noise background_noise noises laughter laugh laughs laughing chuckle chuckles chuckling cough coughs coughing sneeze
    sigh sighs breath breathing breathes sniff music hold_music ringing ring dial_tone beeping typing static silence
    silenceperiod silence_period inaudible_speech pause long_pause short_pause inaudible unintelligible indistinct
    unclear
    crosstalk cross_talk overlapping overlap overlapping_speech foreign foreign_language foreign_speech blank_audio
    no_speech
    applause unk unin unsure vocalized_noise vocalised_noise spn nsn lipsmack lip_smack click clicks mumble mumbles
    mumbling background background_speech side_conversation dtmf tone hesitation no_audio audio_gap
    """.split()
)
# Between these, in round brackets too, only what is known for sure is a mark: people write "(agent)" and "(order)".
_ROUND = frozenset(
    "inaudible unintelligible indistinct crosstalk cross_talk laughter laughs laughing silence noise".split()
)
_BRACKETED = re.compile(
    r"\[{1,2}(?P<square>[A-Za-z][\w ./-]{0,30})\]{1,2}|\{{1,2}(?P<curly>[A-Za-z][\w .-]{0,30})\}{1,2}"
    r"|<{1,2}/?(?P<angle>[A-Za-z][\w .-]{0,30})/?>{1,2}|\((?P<round>[A-Za-z][A-Za-z ]{2,30})\)"
    r"|(?<![\w#])#(?P<hash>[A-Z][A-Z_]{1,20}\d{0,3})#(?![\w#])|(?<!\w)__(?P<under>[A-Za-z][A-Za-z_]{1,20}?)__(?!\w)"
    r"|%%(?P<cent>[A-Za-z][A-Za-z_]{1,20})%%"
)
# "***-**-1234", "XXXX-XXXX-XXXX-1234", "xxxxxxxx1234", "card ####": at least four covered characters. A run is taken
# whole or not at all ({2,}+): cut into five parts in every way, a line of a thousand x would take hours.
_COVERED = re.compile(
    r"(?<![\w*#•●])(?:(?:[*#•●]{2,}+|[xX]{3,}+)[ -]?){1,5}\d{2,4}(?![\w*])"
    r"|(?<![\w*#])[*#•●]{4,}(?![\w*#])|(?<![\w-])X{4,}(?![\w-])"
)
_CANDIDATE = re.compile(r"[\[{<(#%•●]|\*\*|XX|xxx|__")
_SPACES = re.compile(r"[ \t]{2,}")
_COMMAS = re.compile(r",(?:\s*,)+")
_SPACE_BEFORE = re.compile(r"[ \t]+(?=[,.;!?](?:\s|$))")


def map_marks(text: str) -> Masked:
    """The text with known marks of other tools mapped; counts are by VENDOR (mapped) and NOISE (taken away)."""
    if not _CANDIDATE.search(text):
        return Masked(text, {})
    counts: Counter[str] = Counter()

    def bracketed(match: re.Match[str]) -> str:
        style = str(match.lastgroup)
        new = _meaning(style, match[style], match[0])
        if new is None or new == match[0]:
            return match[0]
        counts["VENDOR" if new else "NOISE"] += 1
        return new

    def covered(match: re.Match[str]) -> str:
        counts["VENDOR"] += 1
        return "[NUMBER]" if match[0][-1].isdecimal() else f"[{NEUTRAL}]"

    text = _COVERED.sub(covered, _BRACKETED.sub(bracketed, text))
    if counts["NOISE"]:
        text = _COMMAS.sub(",", _SPACE_BEFORE.sub("", _SPACES.sub(" ", text))).strip(" ,") or NOTHING_SAID
    return Masked(text, {kind: count for kind, count in counts.items() if count})


def _meaning(style: str, inside: str, whole: str) -> str | None:
    """What stands for a mark: one of ours, nothing ("") for noise, or None where it is no mark that is known."""
    word = re.sub(r"[ ./-]+", "_", inside.strip()).lower()
    word = re.sub(r"_?\d{1,3}$", "", word)
    if style == "round":
        return "" if word in _ROUND else None
    if whole == f"[{inside}]" and (inside in MARKS or inside in (NEUTRAL, "COMPANY", "BRAND", "ORG", "PERSON")):
        return whole
    if word in _NOISES:
        return ""
    if style == "angle" and whole[1:2] == "/":
        return None
    kind = _MEANINGS.get(word)
    return None if kind is None else f"[{kind}]"
