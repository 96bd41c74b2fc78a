import pytest

from cxsentiment.ingest.doubts import doubts, look_swapped, other_language
from cxsentiment.schema import Speaker, Turn

AGENT = (
    "Thank you for calling, my name is Dana, how can I help you?",
    "I am sorry to hear that. May I have your order number, please?",
    "Is there anything else I can do for you? Have a nice day.",
)
CUSTOMER = ("Hi, my order never arrived.", "It is 4471, I already called twice.", "No, thanks.")
SPANISH = ("Hola, mi factura está mal y no sé por qué.", "Sí, el número es 4471. Muchas gracias por su ayuda.")


def turns(agent: tuple[str, ...], customer: tuple[str, ...], other: tuple[str, ...] = ()) -> list[Turn]:
    said: list[tuple[Speaker, str]] = [("agent", text) for text in agent]
    said += [("customer", text) for text in customer]
    said += [("unknown", text) for text in other]
    return [Turn(index, speaker, text) for index, (speaker, text) in enumerate(said)]


def test_roles_the_right_way_round_raise_no_doubt() -> None:
    assert list(doubts(turns(AGENT, CUSTOMER), {})) == []


def test_roles_the_wrong_way_round_are_told_with_what_to_do() -> None:
    (doubt,) = doubts(turns(CUSTOMER, AGENT), {})
    assert "roles look swapped" in doubt.line
    assert "--role" in doubt.line
    assert doubt.may_be_wrong


@pytest.mark.parametrize("one", [(), CUSTOMER[:1]])
def test_one_turn_a_side_says_too_little(one: tuple[str, ...]) -> None:
    assert not look_swapped(one, AGENT)
    assert not look_swapped(CUSTOMER, AGENT[: len(one)])


def test_a_customer_who_is_only_polite_is_no_agent() -> None:
    assert not look_swapped(("Okay.", "Let me see."), ("Thank you for that, sorry to bother you.", "My bill is wrong."))


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (SPANISH, "reads as Spanish (es)"),
        (("Добрый день, мой заказ не пришёл.", "Да, номер 4471."), "reads as Russian (ru)"),
        (("はい、確認します。少々お待ちください。",), "reads as Japanese (ja)"),
        (("Bonjour, je vous appelle pour ma facture, elle est trop chère.", "Oui, merci."), "reads as French (fr)"),
    ],
)
def test_other_languages_are_told(said: tuple[str, ...], told: str) -> None:
    (doubt,) = doubts(turns(said, said), {})
    assert doubt.line.startswith(told)
    assert "made for English" in doubt.line
    assert not doubt.may_be_wrong


@pytest.mark.parametrize(
    "said", [(), ("ok merci",), ("Hola.", "I want to know why my bill is so high, can you help me with it please?")]
)
def test_too_few_words_and_a_foreign_greeting_are_no_other_language(said: tuple[str, ...]) -> None:
    assert other_language(said) is None


def test_who_is_not_scored_is_not_asked() -> None:
    assert list(doubts(turns(AGENT, CUSTOMER, SPANISH * 9), {})) == []


@pytest.mark.parametrize("declared", ["en-US", "English", "", None, 7])
def test_english_or_nothing_is_no_doubt(declared: object) -> None:
    assert list(doubts(turns(AGENT, CUSTOMER), {"language": declared})) == []


@pytest.mark.parametrize(
    ("declared", "may_be_wrong"),
    [("es", False), ("pt-BR", False), ("fil", False), ("zh_Hans_CN", False), ("German", False)]
    + [("xx-INVALID", True), ("?", True), ("de AT", True), ("german-ish", True)],
)
def test_the_language_that_the_source_declares_is_believed_where_it_is_one(declared: str, may_be_wrong: bool) -> None:
    (doubt,) = doubts(turns(AGENT, CUSTOMER), {"language": declared})
    assert f'language as "{declared}"' in doubt.line
    assert doubt.may_be_wrong == may_be_wrong
