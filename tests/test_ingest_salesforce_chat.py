import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reading import Facts, facts, read

from cxsentiment.ingest.intake import find_reader
from cxsentiment.ingest.markup import plain_text
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.ingest.salesforce_chat import NAME, is_body
from cxsentiment.schema import Transcript

# Read off the files by eye; ../shared/formats/open/salesforce_livechat_transcript/<file>.
OPEN = {
    "chat1.html": Facts(
        id="chat1",
        speakers="acaac",
        first=(
            10.0,
            None,
            "Hi, this is Royalle with Hulu support. I'll be happy to assist you today, before getting started may I "
            "have your email address and billing zip code please?",
        ),
        last=(209.0, None, "yes"),
        started_at="2018-12-18T04:27:57+00:00",
        agent_id="Royalle G",
        channel="chat",
        dropped=1,
    ),
    "chat4.html": Facts(
        id="chat4",
        speakers="a",
        first=(
            10.0,
            None,
            "Hello Priscila Marques Fernandes, welcome to Salesforce.com chat. Thanks for your case information. "
            "I am reviewing your inquiry now.",
        ),
        last=(
            10.0,
            None,
            "Hello Priscila Marques Fernandes, welcome to Salesforce.com chat. Thanks for your case information. "
            "I am reviewing your inquiry now.",
        ),
        started_at="2017-12-28T13:36:39+00:00",
        agent_id="Zyr D",
        channel="chat",
    ),
}


@pytest.mark.shared
@pytest.mark.parametrize("name", OPEN)
def test_real_files(shared: Path, name: str) -> None:
    (contact,), rejects = read(shared / "formats" / "open" / "salesforce_livechat_transcript" / name)
    assert rejects == []
    assert facts(contact) == OPEN[name]
    assert (contact.format, contact.skipped) == (NAME, {})


@pytest.mark.shared
def test_no_other_file_is_claimed(shared: Path) -> None:
    claimed = set()
    for folder in (shared / "formats" / "open", shared / "formats" / "hostile"):
        for path in sorted(folder.rglob("*")):
            if path.is_file() and is_body(path.read_bytes()[:65_536].decode("utf-8", "replace")):
                claimed.add(path.name)
    assert claimed == set(OPEN)


def head(agent: str, started: str = "Tuesday, May 7, 2024, 09:05:06 (+0200)") -> str:
    lines = (f"Chat Started: {started}", "Chat Origin: Shop", f"Agent {agent}")
    return "".join(f'<p align="center">{line}</p>' for line in lines)


def one(tmp_path: Path, text: str, *, name: str = "body.html", roles: tuple[str, ...] = ()) -> Transcript:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    (contact,), rejects = read(path, roles=roles)
    assert rejects == []
    return contact


BODY = (
    head("Ana B")
    + "( 5s ) Ana B: Hello &amp; welcome: how can I help?<br>( 1m 2s ) Leo: My tap drips.<br>"
    + "( 1h 0m 3s ) Leo: Still there? ( 10s )<br>( 1h 0m 9s ) Leo: <br>( 1h 1m 0s ) The chat was closed<br>"
)


def test_a_body(tmp_path: Path) -> None:
    contact = one(tmp_path, BODY)
    assert [(turn.speaker, turn.text, turn.start_s) for turn in contact.turns] == [
        ("agent", "Hello & welcome: how can I help?", 5.0),
        ("customer", "My tap drips.", 62.0),
        ("customer", "Still there? ( 10s )", 3603.0),
    ]
    assert (contact.dropped_turns, contact.skipped) == (1, {"event": 1})
    assert (contact.started_at, contact.agent_id) == ("2024-05-07T07:05:06+00:00", "Ana B")


@pytest.mark.parametrize("name", ["body.html", "body.txt", "body"])
def test_it_is_known_by_its_structure(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_text(f"\ufeff\n{BODY}", encoding="utf-8")
    assert find_reader(path, ReadOptions())[0].name == NAME


def test_a_head_with_a_placeholder_tells_no_roles_but_the_user_may(tmp_path: Path) -> None:
    text = BODY.replace("Agent Ana B", "Agent (UserFirstName)")
    assert [turn.speaker for turn in one(tmp_path, text).turns] == ["unknown"] * 3
    contact = one(tmp_path, text, roles=("Ana B=agent", "Leo=customer"))
    assert [turn.speaker for turn in contact.turns] == ["agent", "customer", "customer"]
    assert contact.agent_id == "Ana B"


def test_a_transfer_makes_a_second_agent_and_a_third_name_is_nobody(tmp_path: Path) -> None:
    moved = '<p align="center">Chat Transferred From Ana B To Max</p>( 2h 0s ) Max: Max here<br>'
    contact = one(tmp_path, BODY + moved)
    assert [turn.speaker for turn in contact.turns] == ["agent", "customer", "customer", "agent"]
    assert contact.agent_id is None
    assert contact.turns[2].text == "Still there? ( 10s )"
    other = one(tmp_path, BODY + "( 2h 0s ) Max: Max here<br>")
    assert [turn.speaker for turn in other.turns] == ["agent", "unknown", "unknown", "unknown"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Monday, January 1, 2024, 12:00:00 AM (-0130)", "2024-01-01T01:30:00+00:00"),
        ("March 3, 2024, 1:02:03 PM", "2024-03-03T13:02:03"),
        ("February 31, 2024, 10:00:00", None),
        ("lundi 1 janvier 2024", None),
        ("January 1, 0001, 00:00:00 (+9900)", None),
    ],
)
def test_starts(tmp_path: Path, text: str, expected: str | None) -> None:
    assert one(tmp_path, BODY.replace("Tuesday, May 7, 2024, 09:05:06 (+0200)", text)).started_at == expected


def test_other_html_json_and_tables_are_not_such_a_body(tmp_path: Path) -> None:
    for name, text, code in (
        ("a.html", "<html><p>Chat Started: today</p></html>", "markup"),
        ("a.json", '{"Body": "' + BODY.replace('"', "'") + '"}', "no_turns"),
        ("a.csv", f'Id,Body\n1,"{BODY}"\n'.replace('"center"', "center"), "missing_column"),
    ):
        path = tmp_path / name
        path.write_text(text)
        assert [reject.code for reject in read(path)[1]] == [code]
    path = tmp_path / "a.txt"
    path.write_text("Agent: hi")
    found, (reject,) = read(path, format=NAME)
    assert (found, reject.code) == ([], "wrong_format")


PIECES = st.lists(
    st.sampled_from(
        ["( 5s ) Ana B: ", "( 1m 2s )", "<br>", "\n", "hello", "<p align=center>", "</p>", ":", "<", "( 3m"]
    ),
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(pieces=PIECES, junk=st.text(max_size=20))
def test_every_mark_is_one_entry(tmp_path_factory: pytest.TempPathFactory, pieces: list[str], junk: str) -> None:
    path = tmp_path_factory.mktemp("body") / "x.html"
    text = head("Ana B") + "( 1s ) Ana B: hi<br>" + "".join(pieces) + junk.replace("(", "")
    path.write_bytes(text.encode("utf-8", "replace"))
    contacts, rejects = read(path)
    assert len(contacts) + len(rejects) == 1
    for contact in contacts:
        told = len(contact.turns) + contact.dropped_turns + sum(contact.skipped.values())
        assert 1 <= told <= 1 + sum("( 5s )" in piece or "( 1m 2s )" in piece for piece in pieces)


@pytest.mark.parametrize("piece", ["<p align=center ", "( 1s ) a", "<br> \n", "<!--", "<script>", "( 1", "&amp;", "<"])
def test_long_bodies_take_no_long_time(tmp_path: Path, piece: str) -> None:
    started = time.process_time()
    one(tmp_path, head("A") + "( 1s ) A: hi<br>" + piece * 40_000)
    assert time.process_time() - started < 10


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<p>a &amp;lt; b</p><p>c<b>d</b>\n e</p>", "a &lt; b\ncd e"),
        ("plain\ntext", "plain\ntext"),
        ("x<br/>y<br>z", "x\ny\nz"),
        ("<style>p{}</style>a<!-- <p>no</p> -->b<script>1</script >c", "abc"),
        ("a < b and c > d", "a < b and c > d"),
        ("an open <!-- comment", "an open <!-- comment"),
        ("a&nbsp;b", "a b"),
    ],
)
def test_html_as_words(text: str, expected: str) -> None:
    assert plain_text(text) == expected
