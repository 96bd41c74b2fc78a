import pickle
import re
import sys
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cxsentiment.errors import UsageError
from cxsentiment.privacy import MARKS, Masking, MaskingError, checks, engine, mask, mask_transcript, names
from cxsentiment.privacy.cue_table import CUES, STARTS
from cxsentiment.privacy.marks import STANDARD
from cxsentiment.schema import Transcript, Turn


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        # card verification codes
        ("my security code is 123", "my security code is [CVV]"),
        ("the three digits on the back are one two three", "the three digits on the back are [CVV]"),
        ("cvv 4321 thanks", "cvv [CVV] thanks"),
        ("CVC: 123", "CVC: [CVV]"),
        ("one two three is the security code", "[CVV] is the security code"),
        ("and the three on the back are 3 1 9", "and the three on the back are [CVV]"),
        ("the three digit code is four five six", "the three digit code is [CVV]"),
        # PINs and one-time codes
        ("my pin is 1234", "my pin is [PIN]"),
        ("my PIN is either 9503 or 9431.", "my PIN is either [PIN] or [PIN]."),
        ("p i n one two three four", "p i n [PIN]"),
        ("the one time code is 482913", "the one time code is [PIN]"),
        ("the code you sent me is four eight two nine one three", "the code you sent me is [PIN]"),
        ("you sent me a code at 1230, it's 482913", "you sent me a code at 1230, it's [PIN]"),
        ("the code you sent me at 0915 is 4829", "the code you sent me at 0915 is [PIN]"),
        ("they texted me the code at 4829", "they texted me the code at [PIN]"),
        ("the code you sent me on whatsapp 482913", "the code you sent me on whatsapp [PIN]"),
        ("the code we sent by text four eight two nine one three", "the code we sent by text [PIN]"),
        ("the pin's four eight two one, the PIN’s 4821", "the pin's [PIN], the PIN’s [PIN]"),
        # passwords
        ("password is hunter2", "password is [PASSWORD]"),
        ("password's hunter2, the password’s walrus", "password's [PASSWORD], the password’s [PASSWORD]"),
        ("the password: Tr0ub4dor&3", "the password: [PASSWORD]"),
        ("my password is tomato 12", "my password is [PASSWORD]"),
        ("password is b l u e four four", "password is [PASSWORD]"),
        ("my one time password is 894561", "my one time password is [PIN]"),
        ("at 654676 98 North Street", "at [ADDRESS]"),
        ("297 grant avenue auburn ny 13021 963 852 7412", "[ADDRESS]"),
        ("my memorable word is walrus.", "my memorable word is [PASSWORD]."),
        # parts of cards
        ("the card ending in 1111", "the card ending in [CARD]"),
        ("card ending 2024", "card ending [CARD]"),
        ("the last four of the card are one one one one", "the last four of the card are [CARD]"),
        ("last four of my social are 1120", "last four of my social are [ID]"),
        ("your mobile number ending 0177", "your mobile number ending [PHONE]"),
        # bank accounts
        ("iban GB82 WEST 1234 5698 7654 32 please", "iban [IBAN] please"),
        ("DE89370400440532013000", "[IBAN]"),
        ("sort code 20-00-00", "sort code [ACCOUNT]"),
        ("routing number 021000021", "routing number [ACCOUNT]"),
        ("BSB zero zero zero five five five", "BSB [ACCOUNT]"),
        # national ids
        ("SSN 078-05-1120", "SSN [ID]"),
        ("social security number is oh seven eight oh five one one two oh", "social security number is [ID]"),
        ("national insurance number QQ 12 34 56 C", "national insurance number [ID]"),
        ("ni number q q one two three four five six c", "ni number [ID]"),
        ("AB123456C", "[ID]"),
        ("ABCPE1234F", "[ID]"),
        ("2341 2341 2346", "[ID]"),
        ("NHS number 943 476 5919", "NHS number [ID]"),
        ("046 454 286", "[ID]"),
        ("123 456 782", "[ID]"),
        ("2123 45670 1", "[ID]"),
        ("34-1234567-8", "[ID]"),
        ("123-456-789-000", "[ID]"),
        ("passport X1234567", "passport [ID]"),
        # cues of other languages
        ("el código de seguridad es 319, mi clave es 4821", "el código de seguridad es [CVV], mi clave es [PIN]"),
        ("die Prüfnummer lautet 319, meine PIN ist 4821", "die Prüfnummer lautet [CVV], meine PIN ist [PIN]"),
        (
            "le cryptogramme est 319, mon code secret c'est 4821",
            "le cryptogramme est [CVV], mon code secret c'est [PIN]",
        ),
        ("o código de segurança é 319, o PIN é 4821", "o código de segurança é [CVV], o PIN é [PIN]"),
        ("los últimos cuatro dígitos son 4242", "los últimos cuatro dígitos son [CARD]"),
        ("Postleitzahl 10115, código postal 28013", "Postleitzahl [ADDRESS], código postal [ADDRESS]"),
        ("Personalausweis L01X00T47", "Personalausweis [ID]"),
        (
            "mi contraseña es Perro2019, mein Passwort ist Hund2019.",
            "mi contraseña es [PASSWORD], mein Passwort ist [PASSWORD].",
        ),
        ("le mot de passe est Chien2019, a senha: gato19", "le mot de passe est [PASSWORD], a senha: [PASSWORD]"),
        ("mi DNI es 12345678Z o 12.345.678-Z, su NIE X1234567L", "mi DNI es [ID] o [ID], su NIE [ID]"),
        (
            "it is 12345678Z, the number 12345678Z, in any case 12345678Z",
            "it is [ID], the number [ID], in any case [ID]",
        ),
        # dates of birth
        ("born on 4 May 1987", "born on [DOB]"),
        ("date of birth 4th of May 1987, yes", "date of birth [DOB], yes"),
        ("DOB: 04/05/87", "DOB: [DOB]"),
        ("my birthday is may fourth", "my birthday is [DOB]"),
        ("date of birth is july nine nineteen sixty eight", "date of birth is [DOB]"),
        ("born on the fifth of April, uh, nineteen seventy three.", "born on [DOB]."),
        ("driving licence MORGA753116SM9IJ", "driving licence [ID]"),
        ("licence number is MORGA 753116 SM9IJ 35, UK", "licence number is [ID], UK"),
        ("CURP GOMC900514HDFRRL09", "CURP [ID]"),
        ("driving licence MORGA-753116-SM9IJ, passport AB-123456-789012", "driving licence [ID], passport [ID]"),
        ("passport no. AB 123456", "passport no. [ID]"),
        ("passport is ABC 123456", "passport is [ID]"),
        ("social: 4111111111111111", "social: [CARD]"),
        ("passport 4111-1111-1111-1111", "passport [CARD]"),
        ("my birthday's on the twenty second of July sixty nine", "my birthday's on [DOB]"),
        ("d o b is three three eighty one", "d o b is [DOB]"),
        ("nací el 3 de marzo de 1981, fecha de nacimiento: 03/03/1981", "nací el [DOB], fecha de nacimiento: [DOB]"),
        ("geboren am 3. März 1981, Geburtsdatum 03.03.1981", "geboren am [DOB], Geburtsdatum [DOB]"),
        ("née le 3 mars 1981, date de naissance : 03/03/1981", "née le [DOB], date de naissance : [DOB]"),
        ("nasci em 3 de março de 1981, nascimento 03/03/1981", "nasci em [DOB], nascimento [DOB]"),
        ("date of birth 1st of the 4th 82", "date of birth [DOB]"),
        ("born in the year 1985, born the year two thousand and five", "born in the year [DOB], born the year [DOB]"),
        ("nací en 1985, nació el 3 de marzo de 1981", "nací en [DOB], nació el [DOB]"),
        (
            "né en 1985, geboren im Jahr 1985, nascido no ano 1985",
            "né en [DOB], geboren im Jahr [DOB], nascido no ano [DOB]",
        ),
        (
            "born in 1985 months before him, DOB 010585, years ago",
            "born in [DOB] months before him, DOB [DOB], years ago",
        ),
        # dates of birth as forms write them
        ("date-of-birth: 1985-05-05", "date-of-birth: [DOB]"),
        ("date_of_birth=05/05/1985, birth_date: 5 May 1985", "date_of_birth=[DOB], birth_date: [DOB]"),
        ("DOB=1985-05-05T00:00:00.000Z", "DOB=[DOB]"),
        # addresses of people and devices
        ("I live at 12 Baker Street, London NW1 6XE", "I live at [ADDRESS], London [ADDRESS]"),
        ("1600 Pennsylvania Ave NW, Washington, DC 20500", "[ADDRESS]"),
        ("It is at 145 Main Street. The door is red", "It is at [ADDRESS]. The door is red"),
        ("write to P.O. Box 1234, Springfield", "write to [ADDRESS], Springfield"),
        ("zip code is 90210", "zip code is [ADDRESS]"),
        ("postcode sw1a 1aa", "postcode [ADDRESS]"),
        ("sixty two lewin road, SW sixteen six JT", "[ADDRESS], [ADDRESS]"),
        ("192.168.10.25 and 2001:db8::1", "[IP] and [IP]"),
        ("vivo en Calle Mayor 12, 28013 Madrid", "vivo en [ADDRESS]"),
        ("Avenida de la Constitución 3 y Rua Augusta, 1500", "[ADDRESS] y [ADDRESS]"),
        (
            "ich wohne in der Hauptstraße 12a, 10115 Berlin, früher Lange Straße 7",
            "ich wohne in der [ADDRESS], früher [ADDRESS]",
        ),
        ("j'habite 12 rue de la Paix, 75002 Paris", "j'habite [ADDRESS]"),
        ("12 bis, rue Victor Hugo, 3 avenue du Champ de Mars", "[ADDRESS], [ADDRESS]"),
        ("jane dot doe at example dot com", "[EMAIL]"),
        # addresses of which a part is typed, a part said or hidden
        ("it's jane.doe at gmail.com, thanks", "it's [EMAIL], thanks"),
        ("my email is jane, at example.co.uk", "my email is [EMAIL]"),
        ("Jane.Doe AT example DOT com", "[EMAIL]"),
        ("jane dot doe at gmail.com", "[EMAIL]"),
        ("so J-A-N-E at example.com", "so [EMAIL]"),
        ("jane.doe@example dot com", "[EMAIL]"),
        ("jane@ example.com or jane @gmail.com", "[EMAIL] or [EMAIL]"),
        ("jane[at]example[dot]com, jane (at) example.com", "[EMAIL], [EMAIL]"),
        ("https://example.com/?mail=jane%40example.com&x=1", "https://example.com/?mail=[EMAIL]&x=1"),
        ("write to john.smith at amazon.com or anna_k at web.de", "write to [EMAIL] or [EMAIL]"),
        ("mike85 at gmail.com, jane1985 at example.com", "[EMAIL], [EMAIL]"),
        ("jane-doe at acme.com", "[EMAIL]"),
        ("Yes, it's jane-doe at acme.com, thanks.", "Yes, it's [EMAIL], thanks."),
        ("send it to jsmith7 at example.com, or to john at comcast.net", "send it to [EMAIL], or to [EMAIL]"),
        ("mary-jane @ example.com, mike7 @example.com", "[EMAIL], [EMAIL]"),
        # and letter by letter, or with the signs of other languages
        ("j o h n dot s m i t h at g m a i l dot com", "[EMAIL]"),
        ("jane.doe at-sign example.com, jane dot doe at sign example dot com", "[EMAIL], [EMAIL]"),
        ("j dot doe at company hyphen name dot com", "[EMAIL]"),
        ("it is jane.doe at gmail. com, jane@gmail. com", "it is [EMAIL], [EMAIL]"),
        ("mi correo es juan punto perez arroba gmail punto com", "mi correo es [EMAIL]"),
        ("escriba: ana.lopez arroba gmail.com", "escriba: [EMAIL]"),
        ("meine Mail ist max punkt mustermann at web punkt de", "meine Mail ist [EMAIL]"),
        ("max.mustermann ät gmx.at", "[EMAIL]"),
        ("c'est jean point dupont arobase gmail point com", "c'est [EMAIL]"),
        ("correio: joao ponto silva arroba uol ponto com ponto br", "correio: [EMAIL]"),
        # phones
        ("plus four four seven seven double oh nine double oh one two three", "[PHONE]"),
        ("oh seven seven double oh nine double oh one two three", "[PHONE]"),
        ("one eight hundred five five five oh one two three", "[PHONE]"),
        ("five five five oh one five nine", "[PHONE]"),
        ("my number is 077 um 0090 um 0123", "my number is [PHONE]"),
        ("it's 07700 nine hundred 123", "it's [PHONE]"),
        # cards as they are said
        ("it's four one one one one one one one one one one one one one one one okay", "it's [CARD] okay"),
        ("forty one eleven eleven eleven eleven eleven eleven eleven", "[CARD]"),
        ("four triple one, double one double one, and then one one one one one one one one", "[CARD]"),
        ("4111 one one one one 1111 dash one one one one", "[CARD]"),
        ("for won one one one one one one one one one one one one one one", "[CARD]"),
        ("4111, 1111, 1111 and then 1111", "[CARD]"),
        ("four one one one one plum one one one one one one one one one one one", "[CARD]"),
        ("four one one one one one one one one one one one one one one two", "[NUMBER]"),
    ],
)
def test_what_is_masked(text: str, masked: str) -> None:
    assert mask(text).text == masked


@pytest.mark.parametrize(
    "text",
    [
        "my password is wrong",
        "my password is not working, please reset it",
        "the password's wrong, my password's been reset and the memorable word's 1st letter",
        "I forgot my PIN in 2019",
        "you sent me the code at 1230",
        "a 4 digit pin",
        "the security code is 3 digits",
        "the show ending 2024",
        "I have waited for the last four months",
        "we are on the main road at number one",
        "a ten minute drive, then a two way street",
        "one or two of the three",
        "ten to fifteen, or twenty to thirty",
        "I was born to do this, born in the two of us",
        "born two thousand miles away, born 1995 miles from here, born twenty twenty minutes ago",
        "born at 2000 grams, born five thousand years ago, born with two thousand and five dollars",
        "on my birthday 2000 points, the birthday was 1999 dollars, nací en Madrid hace 2000 días",
        "nineteen ninety two, nineteen ninety five and nineteen ninety eight",
        "ten twenty thirty forty fifty sixty seventy eighty",
        "it came to one hundred and twenty three thousand four hundred and fifty six dollars and seventy eight cents",
        "rooms 1204, 1205, 1206 and 1207",
        "in 2019, 2020, 2021 and 2022",
        "version 10.15.7.1 of the app, build 115.0.5790.170",
        "the balance in your savings account is $5,849.47",
        "my phone bill is 45.99",
        "my account number is 12345",
        "order number is 55123",
        "a physical examination at this point in time",
        "find us at example dot com",
        "find us at example.com, or my account at gmail.com",
        "I bought shoes at example.com, the mail ends in @example.com",
        "meet me at the store.The manager was at 10.30",
        "social: iphone-15-pro-max",
        "a new passport is NZD 12000",
        "my email is dead at this point in time, look at this point in the plan",
        "will you at one point be willing to look at it",
        "the Punto at the dealer, a good point at com, 20 % on zara punto com",
        "los últimos 4 meses, die letzten vier Wochen, les 4 derniers mois de 2024",
        "mi contraseña es incorrecta, das Passwort ist falsch, le mot de passe est perdu, a senha é inválida",
        "llega el 3 de marzo de 2024, Lieferung am 3. März 2024, livré le 3 mars 2024, em 3 de março de 2024",
        "part 12345678A, la rue est longue, 3 rues plus loin, die Straße 12 km lang, Rabatt am Bahnweg 20%",
        "Wagen 7, Sitzplatz 14 oder Parkplatz 3, unser Platz 14",
        # what was bought, when and for how much, at a shop that is named by its domain
        "it was 49.99 at amazon.com, order 12345 at amazon.com",
        "my check-in at booking.com on 3.10.2024 at booking.com",
        "I got the iphone-15 at apple.com and v2.0 at example.com, open 24x7 at example.com",
        "the bill at verizon.com, my bill at att.com and the one at sky.com",
        "gift-card at amazon.com",
        "I bought it at amazon.com, a jump-suit at acme.com",
        "order 12345678Z, my order number is 12345678Z, booking ref: 12345678Z, case number 12345678Z",
        "log in at my account dot example dot com",
        "Plaza Hotel 12, Plaza Premium Lounge 4, Alameda County 911, the Crowne Plaza Berlin 3",
        "am Alexanderplatz 10 Uhr, die Goethestraße 5 Minuten entfernt, en Plaza Mayor 5 minutos",
        "in Plaza Madrid 3 nights, 2 Avenue Mall tickets, 4 Boulevard Brewing beers",
        "at 5 p.m. at booking.com, version two dot five at example.com",
        "your card was charged 4 times",
        "a 2TB drive and the M1 8GB model",
        "call 911 or text 60300",
    ],
)
def test_what_is_kept(text: str) -> None:
    assert mask(text).text == text


def test_every_kind_has_a_meaning_and_every_cue_a_kind_and_a_first_word() -> None:
    assert all(meaning for meaning in MARKS.values())
    assert {cue.kind for cue in CUES} <= MARKS.keys()
    for cue in CUES:
        assert any(re.match(cue.pattern, f"{word} ", re.IGNORECASE) or word in cue.pattern for word in STARTS)


def test_orders_are_masked_only_if_asked_for() -> None:
    text = "order number is 55123 and booking AB-12345"
    assert mask(text).text == text
    assert mask(text, Masking(kinds=STANDARD | {"ORDER"})).text == "order number is [ORDER] and booking [ORDER]"


def test_with_masking_off_codes_are_still_never_kept() -> None:
    text = "cvv is 123, card 4111111111111111, pin 4432, the one time code is one two three four, mail a@b.co"
    masked = mask(text, Masking(off=True))
    assert masked.text == ("cvv is [CVV], card 4111111111111111, pin [PIN], the one time code is [PIN], mail a@b.co")
    assert masked.counts == {"CVV": 1, "PIN": 2}
    assert mask("my one time password is 894561", Masking(off=True)).text == "my one time password is [PIN]"
    assert mask("cvv 123", Masking(kinds=frozenset())).text == "cvv [CVV]"


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown kind FACE"):
        Masking(kinds=frozenset({"FACE"}))


def test_names_need_the_plug_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "presidio_analyzer", None)  # as where it is not installed
    names._analyzer.cache_clear()
    with pytest.raises(UsageError, match="Presidio is not installed"):
        mask("my name is Jane", Masking(kinds=STANDARD | {"NAME"}))


SECRET = "my card is 4111 1111 1111 1111"


def test_a_fault_stops_the_text_and_tells_nothing_of_it(
    monkeypatch: pytest.MonkeyPatch, contact: Callable[..., Transcript]
) -> None:
    def fail(text: str) -> None:
        raise ValueError(f"cannot read {text}")

    monkeypatch.setattr(engine.shapes, "shapes", fail)
    made = contact(f"C: {SECRET}")
    for attempt in (lambda: mask(SECRET), lambda: mask_transcript(made)):
        with pytest.raises(MaskingError) as caught:
            attempt()
        error = caught.value
        assert error.code == "masking_failed"
        assert "4111" not in error.message + repr(vars(error))
        assert error.__cause__ is None
        assert error.__context__ is None
        assert pickle.loads(pickle.dumps(error)).code == "masking_failed"


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (checks.luhn, "4111111111111111", "4111111111111112"),
        (checks.aadhaar, "234123412346", "234123412347"),
        (checks.iban, "GB82WEST12345698765432", "GB82WEST12345698765433"),
        (checks.tax_file, "123456782", "123456783"),
        (checks.medicare, "2123456701", "2123456711"),
        (checks.dni, "12345678Z", "12345678A"),
        (checks.dni, "X1234567L", "X1234567T"),
        (checks.issued_card, "2221000000000009", "1111111111111117"),
    ],
)
def test_check_digits(check: Callable[[str], bool], good: str, bad: str) -> None:
    assert check(good)
    assert not check(bad)


WORDS = st.lists(
    st.sampled_from(
        "one two to for oh zero double nine forty eleven hundred and then um card security code is pin ending in last"
        " four my phone number password born on may at dot com street 4111 12 3 2024 [CARD] , . - : 1:30 $5 a@b.co"
        " SW1A 1AA plus what 10.0.0.1 sort iban GB82".split()
    ),
    max_size=40,
).map(" ".join)


@given(WORDS | st.text(max_size=80))
@settings(max_examples=300)
def test_masking_twice_is_masking_once(text: str) -> None:
    once = mask(text)
    assert mask(once.text).text == once.text
    assert mask(once.text).counts == {}


@given(WORDS | st.text(max_size=80))
@settings(max_examples=300)
def test_what_is_outside_of_marks_is_unchanged_and_in_order(text: str) -> None:
    position = 0
    for piece in re.split(r"\[[A-Z]+\]", mask(text).text):
        position = text.index(piece, position) + len(piece)


@given(st.lists(WORDS | st.text(max_size=40), max_size=8))
@settings(max_examples=150)
def test_a_masked_contact_is_masked(texts: list[str]) -> None:
    turns = (Turn(k, "customer" if k % 2 else "agent", text) for k, text in enumerate(texts))
    contact = Transcript("c", tuple(turns))
    once, _ = mask_transcript(contact)
    twice, _ = mask_transcript(once)
    assert twice == once


def card() -> st.SearchStrategy[str]:
    def complete(body: str) -> str:
        return next(body + last for last in "0123456789" if checks.luhn(body + last))

    bodies = st.integers(12, 18).flatmap(lambda n: st.text("0123456789", min_size=n - 1, max_size=n - 1))
    return st.tuples(st.sampled_from("3456"), bodies).map("".join).map(complete)


NAMES = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@given(card(), st.sampled_from(["", " ", "-", ".", " - ", ", "]), st.sampled_from([1, 4]))
def test_no_digit_of_a_typed_card_survives(digits: str, sign: str, size: int) -> None:
    groups = [digits[k : k + size] for k in range(0, len(digits), size)]
    assert not re.search(r"\d", mask(f"it is {sign.join(groups)} thanks").text)


@given(card(), st.data())
def test_no_digit_of_a_said_card_survives(digits: str, data: st.DataObject) -> None:
    gaps = st.sampled_from([" ", " ", " ", ", ", " um ", " and ", ". ", " - "])
    text = "".join(NAMES[int(digit)] + data.draw(gaps) for digit in digits)
    assert not set(NAMES) & set(re.findall(r"\w+", mask(f"take it down {text.strip()}").text))
