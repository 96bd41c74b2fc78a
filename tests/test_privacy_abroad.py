import time

import pytest

from cxsentiment.privacy import Masking, mask, mask_transcript
from cxsentiment.schema import Transcript, Turn


def texts(*lines: str) -> list[str]:
    turns = tuple(Turn(k, "agent" if k % 2 == 0 else "customer", line) for k, line in enumerate(lines))
    return [turn.text for turn in mask_transcript(Transcript("c", turns))[0].turns]


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        # 4111 1111 1111 1111
        ("es cuatro uno uno uno uno uno uno uno, uno uno uno uno uno uno uno uno", "es [CARD]"),
        ("quatre un un un un un un un un un un un un un un un", "[CARD]"),
        ("vier eins eins eins eins eins eins eins eins eins eins eins eins eins eins eins", "[CARD]"),
        ("é quatro um um um um um um um um um um um um um um um", "é [CARD]"),
        ("cuatro, eh, nueve dos nueve tres ocho uno dos doble cero siete seis", "[NUMBER]"),
        # pairs, with words between the ten and the unit, or in one word
        ("zéro six, douze, trente-quatre, cinquante-six, soixante-dix-huit", "[PHONE]"),
        ("zéro six, quatre-vingt-onze, vingt et un, soixante et onze, quatre-vingts", "[PHONE]"),
        ("null eins sieben sechs, dreiundzwanzig, fünfundvierzig, siebenundsechzig", "[PHONE]"),
        ("mi teléfono es seis uno dos, treinta y cuatro, cincuenta y seis, veintidós", "mi teléfono es [PHONE]"),
        ("mi móvil es el seiscientos doce treinta y cuatro cincuenta y seis", "mi móvil es el [PHONE]"),
        ("meu cpf é um dois três, quatro cinco meia, sete oito nove, zero nove", "meu cpf é [ID]"),
        ("el código de seguridad es ocho uno cuatro", "el código de seguridad es [CVV]"),
        # no number of anybody
        ("cinco, seis o siete veces al día, ocho o nueve", None),
        ("em dois mil e vinte e três paguei cento e vinte e cinco reais", None),
        ("trois cent cinquante euros et quatre-vingt-dix centimes", None),
        ("Ich habe zwei oder drei Mal angerufen, um vier, fünf Uhr", None),
        ("uno dos tres, y ya está", None),
        ("it was once six dos zero um un six zero", None),
    ],
)
def test_numbers_said_in_other_languages_are_masked(text: str, masked: str | None) -> None:
    assert mask(text).text == (text if masked is None else masked)


def test_a_number_over_several_turns() -> None:
    assert texts(
        "¿el número de la tarjeta?",
        "cuatro uno uno uno",
        "sí",
        "uno uno uno uno",
        "ajá",
        "uno uno uno uno uno uno uno uno",
    ) == ["¿el número de la tarjeta?", "[CARD]", "sí", "[CARD]", "ajá", "[CARD]"]
    assert texts("¿y los tres de atrás?", "ocho uno cuatro")[1] == "[CVV]"
    assert texts("et les trois chiffres au dos ?", "huit un quatre")[1] == "[CVV]"
    assert texts("und die drei Ziffern auf der Rückseite?", "acht eins vier")[1] == "[CVV]"
    assert texts("e os três números no verso?", "oito um quatro")[1] == "[CVV]"


def test_codes_are_masked_with_masking_off() -> None:
    assert (
        mask("el código de seguridad es ocho uno cuatro", Masking(off=True)).text == "el código de seguridad es [CVV]"
    )


@pytest.mark.parametrize("words", ["six zero ", "quatre vingt ", "uno y ", "trente et "])
def test_many_numbers_take_linear_time(words: str) -> None:
    began = time.process_time()
    mask("cuatro cinco " + words * 5000)
    assert time.process_time() - began < 2
