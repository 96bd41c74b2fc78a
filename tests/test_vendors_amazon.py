from pathlib import Path

import pytest
from reading import Facts, facts, read

# Read off the files by eye; ../shared/formats/open/<folder>/<file>.
OPEN = {
    "amazon_contact_lens_voice/voice_1_1_0_redacted.json": Facts(
        id="voice_1_1_0_redacted",
        speakers="acacacacac",
        first=(0.0, 0.09, "Okay."),
        last=(30.58, 32.11, "Thank you. Sir. Have a nice evening."),
        channel="call",
    ),
}


@pytest.mark.shared
@pytest.mark.parametrize("name", OPEN)
def test_real_files(shared: Path, name: str) -> None:
    (contact,), rejects = read(shared / "formats" / "open" / name)
    assert rejects == []
    assert facts(contact) == OPEN[name]
