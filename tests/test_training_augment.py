import random

import pytest

from training.augment import (
    MARKS,
    as_social,
    as_speech,
    compose,
    composed,
    mistype,
    replace_names,
    variant,
)
from training.config import Augment
from training.sources import LabelledTurn

ALWAYS = Augment(asr=1, marks=1, social=1, typos=1, compose=1)
NEVER = Augment(asr=0, marks=0, social=0, typos=0, compose=0)


def agent(text: str, *acts: str, style: str = "chat") -> LabelledTurn:
    return LabelledTurn("service_talk", "service_talk", "c", 0, style, text, acts=acts)


def customer(text: str, sentiment: str) -> LabelledTurn:
    return LabelledTurn("service_talk", "service_talk", "c", 0, "chat", text, sentiment=sentiment)


def test_the_same_seed_gives_the_same_variants() -> None:
    turn = agent("Hello, this is Marta from Oakline. Your order 48812 left on Monday.", "greet", "identify", "inform")
    runs = [[variant(turn, ALWAYS, chance).text for _ in range(20)] for chance in (random.Random(5), random.Random(5))]
    assert runs[0] == runs[1]
    assert len(set(runs[0])) > 10


def test_without_chances_a_turn_stays_as_it_is() -> None:
    turn = agent("Hello, this is Marta.", "greet")
    assert variant(turn, NEVER, random.Random(1)) == turn


def test_variants_keep_their_labels() -> None:
    turn = agent("Hello, this is Marta.", "greet", "identify")
    for seed in range(30):
        changed = variant(turn, ALWAYS, random.Random(seed))
        assert (changed.acts, changed.sentiment, changed.conversation) == (turn.acts, None, "c")
        assert changed.text


@pytest.mark.parametrize(
    ("text", "gone", "kept"),
    [
        ("Hello, this is Marta from Oakline.", ["Marta", "Oakline"], "this is"),
        ("Marta here, how can I help?", ["Marta"], "here, how can I help?"),
        ("thank you for calling marta speaking", ["marta"], "speaking"),
        ("Your reference is KX-48812.", ["48812"], "Your reference is"),
    ],
)
def test_names_brands_and_numbers_go_and_their_cues_stay(text: str, gone: list[str], kept: str) -> None:
    for seed in range(20):
        changed = replace_names(text, random.Random(seed))
        assert not [word for word in gone if word in changed], changed
        assert kept.lower() in changed.lower()


@pytest.mark.parametrize(
    "text",
    [
        "thanks you're speaking with the team",
        "thank you for speaking up",
        "my name is not on it",
        "who's speaking please",
        "Same here.",
        "And here it is.",
        "Came here for help.",
        "You’re speaking too fast",
    ],
)
def test_words_that_are_no_names_stay(text: str) -> None:
    assert {replace_names(text, random.Random(seed)).lower() for seed in range(30)} == {text.lower()}


@pytest.mark.parametrize("text", ["you're speaking with marta", "it's marta speaking", "Marta speaking"])
def test_names_beside_such_words_still_go(text: str) -> None:
    for seed in range(30):
        changed = replace_names(text, random.Random(seed))
        assert "marta" not in changed.lower()
        assert "speaking" in changed


@pytest.mark.parametrize(
    "text", ["great 😡", "oh great :(", "lovely :-/", "fine :'(", "thanks:)", "ok <3", "wow (:", "so late ☹"]
)
def test_a_mood_that_a_face_may_tell_is_not_made_speech(text: str) -> None:
    speech = Augment(asr=1, marks=0, social=0, typos=0, compose=0)
    for mood in ("negative", "positive"):
        assert variant(customer(text, mood), speech, random.Random(1)) == customer(text, mood)
    assert variant(customer(text, "neutral"), speech, random.Random(1)).style == "asr"
    assert variant(customer("at http://a.b it is 10:30 (late)", "negative"), speech, random.Random(1)).style == "asr"
    assert variant(agent(text, "greet"), speech, random.Random(1)).style == "asr"


def test_every_style_of_marks_turns_up() -> None:
    seen = {replace_names("This is Marta.", random.Random(seed)) for seed in range(400)}
    assert {f"this is {person}." for person, _, _ in MARKS} <= seen


def test_speech_has_no_capitals_and_no_punctuation() -> None:
    for seed in range(20):
        spoken = as_speech("Well, I don't know! It's $20 - isn't it?", random.Random(seed))
        assert spoken == spoken.lower()
        assert not set(spoken) & set(",.!?$-")
        assert "don't" in spoken


def test_speech_keeps_either_apostrophe() -> None:
    for seed in range(5):
        assert as_speech("I don’t", random.Random(seed)) == as_speech("I don't", random.Random(seed))
    assert any("i don't" in as_speech("I ‘don’t’", random.Random(seed)) for seed in range(5))


def test_posts_keep_the_words() -> None:
    for seed in range(20):
        assert "Sorry about that" in as_social("Sorry about that", False, random.Random(seed))
        assert "where is it" in as_social("where is it", True, random.Random(seed))


def test_typing_slips_change_few_letters() -> None:
    text = "please describe the problem with your connection " * 5
    changed = mistype(text, random.Random(3))
    assert changed != text
    assert abs(len(changed) - len(text)) < 8


def test_composed_acts_are_united() -> None:
    joint = compose([agent("I'm sorry.", "apologise"), agent("One moment", "hold", "inform")], random.Random(1))
    assert joint.acts == ("apologise", "hold", "inform")
    assert joint.text == "I'm sorry. One moment"


@pytest.mark.parametrize("mood", ["negative", "positive"])
def test_of_composed_customer_turns_the_attitude_decides(mood: str) -> None:
    turns = [customer(f"neutral words {k}", "neutral") for k in range(5)] + [customer("a mood", mood)]
    joint = [one for one in composed(turns, 1.0, random.Random(2)) if "a mood" in one.text]
    assert joint
    assert {one.sentiment for one in joint} == {mood}


def test_two_moods_and_two_styles_are_never_joined() -> None:
    turns = [customer("happy words", "positive"), customer("angry words", "negative"), customer("plain", "neutral")]
    texts = [one.text for seed in range(20) for one in composed(turns, 1.0, random.Random(seed))]
    assert not [text for text in texts if "happy" in text and "angry" in text]
    mixed = [agent("Chat words.", "inform"), agent("spoken words", "inform", style="asr")]
    for seed in range(20):
        assert not [
            one for one in composed(mixed, 1.0, random.Random(seed)) if {"Chat", "spoken"} <= set(one.text.split())
        ]
