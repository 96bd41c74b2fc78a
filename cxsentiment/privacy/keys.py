"""What opens an account or a purse, and what names a device or a vehicle, by its shape: keys and tokens in links,
wallets of crypto currencies, hardware addresses, vehicle identification numbers."""

import re
from hashlib import sha256

from cxsentiment.privacy.checks import vehicle
from cxsentiment.privacy.marks import Found

# "?token=…", "&sig=…": whoever has the link is let in.
_IN_LINK = re.compile(
    r"[?&#;](?:(?:access|refresh|id|auth|reset|login|magic|csrf|verification|session)[_-]?token|token|api[_-]?key|key"
    r"|(?:client[_-]?)?secret|passw(?:or)?d|pwd|auth|sig|signature|session(?:[_-]?id)?|sid|jwt|otp|code|magic)"
    r"=(?!\[)([^\s&#\"'<>]{6,})",
    re.IGNORECASE,
)
_USER_OF_LINK = re.compile(r"://[^\s/:@]{1,64}:(?!\[)([^\s/@]{1,64})@")
# A part of a path that nobody could guess: letters and digits, 24 of them or more.
_IN_PATH = re.compile(r"https?://[^\s?#]{1,200}?/((?=[A-Za-z]*\d)(?=\d*[A-Za-z])[A-Za-z\d]{24,})(?![\w-])")
_KEY = re.compile(
    r"(?<![\w-])(?:eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]+)?"  # a JSON Web Token
    r"|(?:sk|pk|rk)[-_](?:live|test|proj)[-_]\w{8,}|gh[pousr]_\w{20,}|xox[baprs]-[\w-]{10,}|AKIA[A-Z\d]{16}"
    r"|(?i:(?<=bearer )|(?<=basic ))(?=[\w.~+/-]*\d)[\w.~+/-]{16,}={0,2})"
)
_GOOGLE_CODE = re.compile(r"(?<![\w-])G-\d{6}(?![\w-])")
_WALLET = re.compile(
    r"(?<!\w)(?:(?:bc1|tb1|ltc1)[a-z\d]{25,62}|0x[\da-fA-F]{40}|([13][1-9A-HJ-NP-Za-km-z]{25,34}))(?!\w)"
)
_HARDWARE = re.compile(r"(?<![\w:-])[\dA-Fa-f]{2}([:-])(?:[\dA-Fa-f]{2}\1){4}[\dA-Fa-f]{2}(?![\w:-])")
_VEHICLE = re.compile(r"(?<![\w-])(?=[A-Z]*\d)[A-HJ-NPR-Z\d]{17}(?![\w-])")
_BASE_58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def keys(text: str) -> list[Found]:
    """The keys, tokens, wallets, hardware addresses and vehicle numbers in a text."""
    found = [Found(*match.span(1), "PASSWORD") for match in _IN_LINK.finditer(text)] if "=" in text else []
    if "://" in text:
        found += [Found(*match.span(1), "PASSWORD") for match in _USER_OF_LINK.finditer(text)]
        found += [Found(*match.span(1), "PASSWORD") for match in _IN_PATH.finditer(text)]
    found += [Found(*match.span(), "PASSWORD") for match in _KEY.finditer(text)]
    found += [Found(*match.span(), "PIN") for match in _GOOGLE_CODE.finditer(text)]
    found += [
        Found(*match.span(), "ACCOUNT") for match in _WALLET.finditer(text) if match[1] is None or _is_bitcoin(match[1])
    ]
    found += [Found(*match.span(), "IP") for match in _HARDWARE.finditer(text)]
    found += [Found(*match.span(), "ID") for match in _VEHICLE.finditer(text) if vehicle(match[0])]
    return found


def _is_bitcoin(text: str) -> bool:
    """Base 58 of 25 bytes, the last four of which are the begin of the doubled hash of the others."""
    number = 0
    for character in text:
        number = 58 * number + _BASE_58.index(character)
    if number.bit_length() > 8 * 25:
        return False
    whole = number.to_bytes(25, "big")
    return sha256(sha256(whole[:-4]).digest()).digest()[:4] == whole[-4:]
