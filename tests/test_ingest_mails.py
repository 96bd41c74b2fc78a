import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reading import read

from cxsentiment.ingest.mails import own_words

QUOTED = "> The oven is cold.\n> It was hot before.\n>\n> Eve"
HEAD = "From: Eve Moon <eve@mail.example>\nSent: Monday, 1 March 2021 10:00\nTo: Help\nSubject: Oven\n"


@pytest.mark.parametrize(
    ("text", "own", "lines"),
    [
        (f"We send Ann.\n\nOn Mon, 1 Mar 2021 at 10:00, Eve <eve@mail.example> wrote:\n\n{QUOTED}", "We send Ann.", 5),
        (
            f"We send Ann.\n\nOn Mon, 1 Mar 2021 at 10:00, Eve Moon\n<eve@mail.example> wrote:\n{QUOTED}\n",
            "We send Ann.",
            6,
        ),
        (f"Wir kommen.\n\nAm 01.03.21 um 10:00 schrieb Eve Moon:\n{QUOTED}", "Wir kommen.", 5),
        (f"On arrive.\n\nLe lun. 1 mars 2021 à 10:00, Eve <e@mail.example> a écrit :\n{QUOTED}", "On arrive.", 5),
        (f"We send Ann.\n\n{HEAD}\nThe oven is cold.", "We send Ann.", 5),
        (f"We send Ann.\n________________________________\n{HEAD}\nThe oven is cold.", "We send Ann.", 6),
        (f"We send Ann.\n\n-----Original Message-----\n{HEAD}\nThe oven is cold.", "We send Ann.", 6),
        (f"We send Ann.\n\n-----Original Message-----\n{QUOTED}", "We send Ann.", 5),
        (
            "Wir kommen.\n\nVon: Eve <e@mail.example>\nGesendet: Montag, 1. März 2021 10:00\nAn: Hilfe <h@x.example>;\n"
            " Rat <r@x.example>\nCc: Bo\nBetreff: Ofen\n\nDer Ofen ist kalt.",
            "Wir kommen.",
            7,
        ),
        ("Hi.\n\n*From:* Eve\n*Sent:* Monday\n*To:* Help\n*Subject:* Oven\n\nCold.", "Hi.", 5),
        (f"On its way\n\nOn 1 March 2021, Eve wrote:\n{QUOTED}", "On its way", 5),
        (f"Ann comes\nOn Monday\nOn 1 March 2021, Eve wrote:\n{QUOTED}", "Ann comes\nOn Monday", 5),
        # A signature is the sender's.
        (
            f"We send Ann.\n\n-- \nMax\nCare team\n\nOn 1 March 2021, Eve wrote:\n{QUOTED}",
            "We send Ann.\n\n-- \nMax\nCare team",
            5,
        ),
        # The newest mark counts: what is before it is answered, what is behind it was quoted before.
        (f"No.\n\n{HEAD}\nWe send Ann.\n\nOn 1 March 2021, Eve wrote:\n{QUOTED}", "No.", 10),
        (f"I look forward to it.\n\n{HEAD}\nOn Tuesday.", "I look forward to it.", 5),
    ],
)
def test_history_at_the_end_is_left_out(text: str, own: str, lines: int) -> None:
    assert own_words(text) == (own, lines)


@pytest.mark.parametrize(
    "text",
    [
        "The oven is cold.",
        # Answers between quoted lines, and below them.
        "On 1 March 2021, Eve wrote:\n> Is it cold?\nYes.\n> Since when?\nMonday.",
        "On 1 March 2021, Eve wrote:\n> Is it cold?\n> Since when?\n\nYes, since Monday.",
        f"See my answers in red.\n\n{HEAD}\nIs it cold? YES.",
        f"My answers are inline below.\n\n{HEAD}\nIs it cold? YES.",
        # Mails that are passed on.
        f"What do they mean?\n\n---------- Forwarded message ---------\n{HEAD}\nYour oven is void.",
        f"Begin forwarded message:\n\n{HEAD}\nYour oven is void.",
        f"FYI\n\n{HEAD}\nYour oven is void.",
        "---------- Forwarded message ---------\n\nOn 1 March 2021, Eve wrote:\n> cold",
        # No mark, or none that is whole.
        "> The oven is cold.\nYes, it is.\n> It was hot before.",
        "It said:\n> error 5",
        "On Monday your agent wrote:\n> we come at once",
        "On 1 March 2021 your agent wrote:\nwe come at once",
        "A train, please.\nFrom: London\nTo: Paris\nDate: 1 March",
        "-----Original Message-----\n\nis what I see on my screen",
        # Nothing else was said.
        f"On 1 March 2021, Eve wrote:\n{QUOTED}",
        f"\n________________________________\n{HEAD}\nThe oven is cold.",
    ],
)
def test_what_may_be_the_senders_own_stays_whole(text: str) -> None:
    assert own_words(text) == (text, 0)


LINES = ["On 1 March 2021, Eve wrote:", "> cold", "", "Yes.", *HEAD.split("\n"), "-----Original Message-----", "_____"]


@given(st.lists(st.one_of(st.sampled_from(LINES), st.text(max_size=20)), max_size=12))
def test_own_words_are_the_beginning_of_the_text_and_never_nothing(lines: list[str]) -> None:
    text = "\n".join(lines)
    own, left_out = own_words(text)
    assert text.startswith(own)
    assert bool(left_out) == (own != text)
    assert bool(own.strip()) == bool(text.strip())


def test_only_contacts_of_mails_are_cut_and_it_is_told(tmp_path: Path) -> None:
    reply = f"We send Ann.\n\nOn 1 March 2021, Eve wrote:\n{QUOTED}"
    turns = [
        {"speaker": "customer", "text": "The oven is cold."},
        {"speaker": "agent", "text": reply},
        {"speaker": "agent", "text": f"Ann is ill.\n\n{HEAD}\n{reply}"},
    ]
    path = tmp_path / "contacts.jsonl"
    path.write_text("".join(json.dumps({"id": of, "channel": of, "turns": turns}) + "\n" for of in ("email", "chat")))
    (mail, chat), rejects = read(path)
    assert [turn.text for turn in mail.turns] == ["The oven is cold.", "We send Ann.", "Ann is ill."]
    assert "quoted history was left out (turns 1, 2)" in mail.warnings
    assert ([turn.text for turn in chat.turns], rejects) == ([turn["text"] for turn in turns], [])
