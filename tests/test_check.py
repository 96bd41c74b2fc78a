import json
from pathlib import Path

from cxsentiment.check import Check, check
from cxsentiment.ingest.options import ReadOptions, parse_roles


def look(path: Path, **options: object) -> Check:
    (found,) = check([str(path)], ReadOptions(**options))  # type: ignore[arg-type]
    return found


def voice(path: Path) -> Path:
    said = ["Thank you for calling, how can I help you?", "My card was lost, and I need a new one, please."]
    words = [{"BeginOffsetMillis": n * 2000, "EndOffsetMillis": n * 2000 + 900, "Content": text, "ParticipantId": who}
             for n, (text, who) in enumerate(zip(said, ("AGENT", "CUSTOMER"), strict=True))]  # fmt: skip
    roles = [{"ParticipantId": who, "ParticipantRole": who} for who in ("AGENT", "CUSTOMER")]
    document = {"Channel": "VOICE", "Participants": roles, "Transcript": words, "LanguageCode": "en-GB",
                "CustomerMetadata": {"ContactId": "c-1"}}  # fmt: skip
    path.write_text(json.dumps(document))
    return path


def test_a_vendors_file_says_format_roles_why_and_language(tmp_path: Path) -> None:
    found = look(voice(tmp_path / "call.json"))
    assert found.facts[:5] == (
        "format: Amazon Connect Contact Lens, voice (amazon-contact-lens-voice); its times: milliseconds",
        "1 contact, 2 turns with text, 0 without",
        "speakers: agent 1, customer 1",
        '  "AGENT": agent, as the format says (1 turn)',
        '  "CUSTOMER": customer, as the format says (1 turn)',
    )
    assert "languages, by their words: en 1 (as the source says: en-GB 1)" in found.facts
    assert found.warnings == found.rejects == ()


def test_roles_are_told_with_their_source(tmp_path: Path) -> None:
    path = tmp_path / "call.txt"
    path.write_text("Ines: Good morning.\nCustomer: Hello.\nIvo: Hi.\nInes: Yes?\nIvo: One moment.\n")
    found = look(path, roles=parse_roles(["Ines=agent"]))
    assert '  "Ines": agent, as declared (2 turns)' in found.facts
    assert '  "Customer": customer, by its label (1 turn)' in found.facts
    assert '  "Ivo": unknown, for nothing says which (2 turns)' in found.facts
    assert any("--role Ivo=agent" in line for line in found.warnings)


def test_guessed_roles_show_their_least_probability(tmp_path: Path) -> None:
    path = tmp_path / "call.txt"
    path.write_text(
        "S1: Thank you for calling, my name is Ines, how can I help?\nS2: My order never came, I already called.\n"
        "S1: I'm sorry to hear that. May I have your order number?\nS2: It's B7.\nS1: One moment, let me check.\n"
    )
    found = look(path, guess_roles=True)
    assert any("guessed from what was said" in line for line in found.facts)
    assert any(line.startswith("roles guessed in 1 contact, least probability ") for line in found.facts)


def test_many_speakers_are_counted_not_listed(tmp_path: Path) -> None:
    path = tmp_path / "call.json"
    turns = [{"speaker": f"S{n}", "text": "hello"} for n in range(12)]
    path.write_text(json.dumps({"id": "1", "turns": turns}))
    assert "  and 4 other speakers" in look(path).facts


def test_a_file_without_a_contact_says_so(tmp_path: Path) -> None:
    path = tmp_path / "empty.json"
    path.touch()
    found = look(path)
    assert found.facts == ("no contact",)
    assert [reject.code for reject in found.rejects] == ["empty"]


def test_a_file_that_is_read_with_another_is_no_reject_beside_it(tmp_path: Path) -> None:
    (tmp_path / "a.ctm").write_text("rec A 0.0 0.4 hello\nrec A 0.5 0.4 there\n")
    (tmp_path / "a.rttm").write_text("SPEAKER rec 1 0.0 1.0 <NA> <NA> ines <NA> <NA>\n")
    words, speakers = check([str(tmp_path)], ReadOptions())
    assert words.rejects == speakers.rejects == ()
    assert speakers.facts == ("no contact of its own: it is read with another file",)
    (alone,) = check([str(tmp_path / "a.rttm")], ReadOptions())
    assert [reject.code for reject in alone.rejects] == ["companion"]


def test_ids_of_speakers_stay_legible_and_cards_do_not(tmp_path: Path) -> None:
    path = tmp_path / "call.json"
    turns = [{"speaker": name, "text": "hello"} for name in ("114089223", "4111111111111111", "jane@mail.com")]
    path.write_text(json.dumps({"id": "1", "turns": turns}))
    said = "\n".join(look(path).facts)
    assert '"114089223": unknown' in said
    assert "4111" not in said
    assert "jane" not in said


def test_holes_copies_and_notes_are_counted_and_their_places_told(tmp_path: Path) -> None:
    whole = {"id": "a", "turns": [{"speaker": "agent", "text": "hello", "agent_id": name} for name in ("x", "y")]}
    holes = {"id": "b", "turns": [{"speaker": "agent", "text": "hello"}, {"speaker": "agent", "text": {}}, 3]}
    path = tmp_path / "calls.jsonl"
    path.write_text("\n".join(map(json.dumps, (whole, holes, whole, whole))))
    found = look(path)
    assert "2 contacts, 3 turns with text, 0 without, 2 refused" in found.facts
    assert (found.contacts, found.turns, found.refused_turns, found.copies) == (2, 3, 2, 2)
    assert [(one.kind, one.contact_id, one.record) for one in found.rejects] == [("turn", "b", 2)] * 2
    assert found.notes == (
        "2 agents took part (x, y): each turn is its own agent's, the contact is credited to none (1 contact)",
    )
    assert found.warnings[-1] == (
        f"2 copies of contacts were left out; each contact counts once ({path.as_posix()}:3, {path.as_posix()}:4)"
    )
    assert any(line.startswith("2 of its turns were refused") for line in found.warnings)
