import pytest

from cxsentiment.privacy import checks, mask, mask_transcript
from cxsentiment.schema import Transcript, Turn


def texts(*lines: str) -> list[str]:
    turns = tuple(Turn(k, "agent" if k % 2 == 0 else "customer", line) for k, line in enumerate(lines))
    return [turn.text for turn in mask_transcript(Transcript("c", turns))[0].turns]


@pytest.mark.parametrize(
    ("question", "answer", "masked"),
    [
        ("What was your mother's maiden name?", "Featherstone", "[PASSWORD]"),
        ("What was your mother's maiden name?", "It was Cooper!", "It was [PASSWORD]!"),
        ("And what was the name of the pet you had as a child?", "Mr Wiggles", "[PASSWORD]"),
        ("And the name of your first pet?", "Molly", "[PASSWORD]"),
        ("And the answer to your security question?", "Bluebonnet", "[PASSWORD]"),
        ("What's your memorable word?", "yes, it's Periwinkle.", "yes, it's [PASSWORD]."),
        ("Which password are you using?", "Tr0ub4dor&3", "[PASSWORD]"),
        ("And your password, please?", "walrus", "[PASSWORD]"),
        ("¿Cuál es su contraseña?", "Gatito9", "[PASSWORD]"),
        ("Ihr Kennwort?", "Sonnenblume7", "[PASSWORD]"),
        # nothing that opens anything
        ("What's your memorable word?", "I don't know", None),
        ("What's the problem with the password?", "It expired yesterday", None),
        ("Did you forget your password?", "It failed twice", None),
        ("¿Olvidó su contraseña?", "claro que sí", None),
    ],
)
def test_answers_to_questions_for_a_secret(question: str, answer: str, masked: str | None) -> None:
    assert texts(question, answer) == [question, answer if masked is None else masked]


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("my mother's maiden name is Cooper", "my mother's maiden name is [PASSWORD]"),
        ("my maiden name is on the card", None),
        ("I set my pw to Zanzibar!99", "I set my pw to [PASSWORD]"),
        ("login: mk / pass: Qwerty_2291", "login: mk / pass: [PASSWORD]"),
        ("boarding pass: AB1234", None),
        ("the code I received is 482913", "the code I received is [PIN]"),
        ("the error code I got is 404032, the promo code I received is 5512", None),
        ("G-482913 is the code that Google sent", "[PIN] is the code that Google sent"),
        # links and keys
        ("https://a.example/reset?token=eyJhbGciOi1&x=1", "https://a.example/reset?token=[PASSWORD]&x=1"),
        ("https://a.example/i/9f8e7d6c5b4a39281706f5e4d3c2b1a0", "https://a.example/i/[PASSWORD]"),
        ("https://me:Secr3t@a.example/", "https://me:[PASSWORD]@a.example/"),
        ("https://a.example/womens-running-shoes-blue-size-38-2024?id=55123", None),
        ("Authorization: Bearer a1B2c3D4e5F6g7H8i9", "Authorization: Bearer [PASSWORD]"),
        ("key sk-live-51H8xYzAbCdEf", "key [PASSWORD]"),
        # wallets
        ("to 1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "to [ACCOUNT]"),
        ("to 1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN3", None),
        ("to 0x71C7656EC7ab88b098defB751B7401B5f6d8976F", "to [ACCOUNT]"),
        ("to bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq", "to [ACCOUNT]"),
        ("error 0x80070057", None),
        # devices and vehicles
        ("the router 3C:5A:B4:1E:9F:22", "the router [IP]"),
        ("1HGCM82633A004352", "[ID]"),
        ("SKU ABCDEFGH123456789", None),
        ("VIN WDDGF4HB8CA123456", "VIN [ID]"),
        ("licence plate LK19 XBV", "licence plate [ID]"),
        ("my license plate is 7XKD214", "my license plate is [ID]"),
        ("my license plate expires in 3 days, plate 4 of 12", None),
        # what was masked in part, and what should not have been
        ("1829 Maplewood Drive Apt 4B, Columbus OH 43215", "[ADDRESS]"),
        ("Calle de Alcalá 231, 3º izquierda, 28028 Madrid", "[ADDRESS]"),
        ("room 1204, two hundred and fifty dollars, nineteen ninety nine", None),
        ("a maruti swift 2017", None),
        ("12 500 000 VND, or 1 250 000 points", None),
    ],
)
def test_secrets_and_their_look_alikes(text: str, masked: str | None) -> None:
    assert mask(text).text == (text if masked is None else masked)


def test_what_is_read_back_in_another_form() -> None:
    asked = "Is that the Visa ending in 4471 or the Mastercard ending 9902?"
    assert texts(asked, "the 4471 one")[1] == "the [CARD] one"
    assert texts("Passport?", "P as in papa seven four one double eight two three six", "P74188236?")[2] == "[ID]?"
    said = "the third of may eighty one"
    assert texts("date of birth please", said, "third of May eighty one, thank you")[2] == "[DOB], thank you"
    assert texts("date of birth please", said, "okay third of may eighty one, and it came on the fifth of June")[2] == (
        "okay [DOB], and it came on the fifth of June"
    )
    assert texts("date of birth please", said, "The parcel of 14 March 2024 is here")[2].endswith(
        "14 March 2024 is here"
    )


def test_vehicle_numbers() -> None:
    assert checks.vehicle("1M8GDM9AXKP042788")
    assert not checks.vehicle("1M8GDM9A1KP042788")
    assert not checks.vehicle("1M8GDM9AXKP04278")
