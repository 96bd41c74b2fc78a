import pytest

from cxsentiment.errors import UsageError
from cxsentiment.ingest.options import ReadOptions, normalise_name, parse_map, parse_roles


def test_maps_are_read_field_first() -> None:
    assert parse_map(["text=message body", "contact_id=Ref=No"]) == {"text": "message body", "id": "Ref=No"}


def test_roles_are_read_speaker_last() -> None:
    assert parse_roles(["spk_0=agent", "a=b=Customer", "Dana Lee=agent"]) == {
        "spk_0": "agent",
        "a=b": "customer",
        "dana lee": "agent",
    }


@pytest.mark.parametrize(
    ("read", "texts", "said"),
    [
        (parse_map, ["message"], "is not of the form"),
        (parse_map, ["=message"], "is not of the form"),
        (parse_map, ["speeker=who"], 'did you mean "speaker"?'),
        (parse_map, ["colour=red"], "allowed: id, channel"),
        (parse_map, ["text=a", "text=b"], 'already mapped to "a"'),
        (parse_roles, ["AGT"], "--role AGT=agent"),
        (parse_roles, ["AGT=agnt"], 'did you mean "agent"?'),
        (parse_roles, ["AGT=boss"], "allowed: agent, customer, bot, system, other, unknown"),
        (parse_roles, ["AGT=agent", "agt=customer"], "already agent"),
    ],
)
def test_what_cannot_be_used_is_named(read, texts, said) -> None:
    with pytest.raises(UsageError, match="--") as caught:
        read(texts)
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("label", "speaker"),
    [
        ("agent", "agent"),
        (" AGENT ", "agent"),
        ("End User", "customer"),
        ("IVR", "system"),
        ("AUTOMATED_AGENT", "bot"),
        ("agents", None),
        ("reagent", None),
        ("customer service", None),
        ("caller", None),
        ("client", None),
        ("0", None),
    ],
)
def test_labels_are_matched_whole_and_never_guessed(label, speaker) -> None:
    assert ReadOptions().speaker(label) == speaker


def test_a_declared_role_wins_over_our_own_names() -> None:
    options = ReadOptions(roles={"Agent": "bot", "caller": "customer"})
    assert [options.speaker(label) for label in ("AGENT", "Caller", "customer")] == ["bot", "customer", "customer"]


@pytest.mark.parametrize(
    ("field", "available", "name"),
    [
        ("text", ["text", "message"], "message"),
        ("id", ["id", "contact_id"], "contact_id"),
        ("id", ["conversation_id"], "conversation_id"),
        ("speaker", ["speaker_role"], "speaker_role"),
        ("queue", ["team"], None),
    ],
)
def test_columns_are_found_by_map_or_by_known_names(field, available, name) -> None:
    assert ReadOptions(columns={"text": "Message"}).source_name(field, available) == name


def test_names_are_normalised() -> None:
    assert normalise_name("\ufeff Speaker  Role ") == "speaker_role"
