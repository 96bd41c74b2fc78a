"""Check digits of cards, accounts and national ids; every function takes the digits (0-9) as a string."""

_PERMUTED = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    (1, 5, 7, 6, 2, 8, 3, 0, 9, 4),
    (5, 8, 0, 3, 7, 9, 6, 1, 4, 2),
    (8, 9, 1, 6, 0, 4, 3, 5, 2, 7),
    (9, 4, 5, 3, 1, 2, 6, 8, 7, 0),
    (4, 2, 8, 6, 5, 7, 3, 9, 0, 1),
    (2, 7, 9, 3, 8, 0, 6, 4, 1, 5),
    (7, 0, 4, 6, 9, 1, 3, 2, 5, 8),
)
_CARD_DIGITS = range(13, 20)


def digits_of(text: str) -> str:
    """The decimal digits of a text, of any script, as 0-9."""
    return "".join(str(int(character)) for character in text if character.isdecimal())


def luhn(digits: str) -> bool:
    """ISO/IEC 7812-1."""
    numbers = [int(digit) for digit in digits]
    doubled = [sum(divmod(2 * number, 10)) for number in numbers[-2::-2]]
    return bool(digits) and (sum(numbers[-1::-2]) + sum(doubled)) % 10 == 0


def card(digits: str) -> bool:
    """As many digits as a card has, and the Luhn check holds."""
    return len(digits) in _CARD_DIGITS and luhn(digits)


def issued_card(digits: str) -> bool:
    """A card whose first digits an issuer of payment cards uses (3, 4, 5, 6 or 2221 to 2720)."""
    return card(digits) and (digits[0] in "3456" or "2221" <= digits[:4] <= "2720")


def verhoeff(digits: str) -> bool:
    """Aadhaar: multiplication in the dihedral group of ten elements."""
    check = 0
    for place, digit in enumerate(reversed(digits)):
        check = _dihedral(check, _PERMUTED[place % 8][int(digit)])
    return check == 0


def _dihedral(left: int, right: int) -> int:
    if left < 5:
        return (left + right) % 5 if right < 5 else 5 + (left + right) % 5
    return 5 + (left - right) % 5 if right < 5 else (left - right) % 5


def aadhaar(digits: str) -> bool:
    """Twelve digits, the first 2-9."""
    return len(digits) == 12 and digits[0] in "23456789" and verhoeff(digits)


def iban(text: str) -> bool:
    """ISO 13616: letters and digits without separators; the remainder by 97 is 1."""
    if not (15 <= len(text) <= 34 and text.isascii() and text.isalnum()):
        return False
    moved = text[4:] + text[:4]
    return int("".join(str(int(character, 36)) for character in moved)) % 97 == 1


def tax_file(digits: str) -> bool:
    """Australian tax file number: nine digits, weighted sum divisible by 11."""
    weights = (1, 4, 3, 7, 5, 8, 6, 9, 10)
    return len(digits) == 9 and sum(int(d) * w for d, w in zip(digits, weights, strict=True)) % 11 == 0


def medicare(digits: str) -> bool:
    """Australian Medicare card: ten or eleven digits, the first 2-6, the ninth a check digit."""
    weights = (1, 3, 7, 9, 1, 3, 7, 9)
    if len(digits) not in (10, 11) or digits[0] not in "23456":
        return False
    return sum(int(d) * w for d, w in zip(digits[:8], weights, strict=True)) % 10 == int(digits[8])


def dni(text: str) -> bool:
    """Spanish DNI or NIE: seven digits after X, Y or Z, or eight, and a letter by the remainder by 23."""
    number, letter = text[:-1].translate(str.maketrans("XYZ", "012")), text[-1]
    return len(number) == 8 and number.isdecimal() and letter == "TRWAGMYFPDXBNJZSQVHLCKE"[int(number) % 23]


def vehicle(text: str) -> bool:
    """Vehicle identification number of North America and China: 17 characters, the ninth by the remainder by 11."""
    values = dict(zip("ABCDEFGHJKLMNPRSTUVWXYZ", map(int, "12345678123457923456789"), strict=True))
    weights = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
    if len(text) != len(weights) or any(one not in values and not one.isdecimal() for one in text):
        return False
    total = sum((values.get(one) or int(one)) * w for one, w in zip(text, weights, strict=True))
    return text[8] == "0123456789X"[total % 11]
