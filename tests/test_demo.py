import csv
import json
from collections import Counter
from pathlib import Path

import pytest

from cxsentiment import cli
from training import demo_campaign

DEMO = Path(cli.__file__).parent / "demo"


def _contacts() -> list[dict[str, object]]:
    return [json.loads(line) for line in (DEMO / "contacts.jsonl").read_text(encoding="utf-8").splitlines()]


def test_the_campaign_is_what_its_readme_says() -> None:
    contacts = _contacts()
    channels = Counter(contact["channel"] for contact in contacts)
    with (DEMO / "surveys.csv").open() as file:
        answers = list(csv.DictReader(file))
    facts = (
        f"{len(contacts)} contacts ({channels['call']} calls, {channels['chat']} chats, {channels['email']} e-mails, "
    )
    facts += f"{channels['social']} social threads; {sum(len(c['turns']) for c in contacts):,} turns)"  # type: ignore[arg-type, misc]
    assert facts in " ".join((DEMO / "README.md").read_text().split())
    assert len(contacts) >= 400
    assert len({contact["agent_id"] for contact in contacts}) == 8
    assert 0.28 < len(answers) / len(contacts) < 0.38
    assert {answer["contact_id"] for answer in answers} <= {contact["id"] for contact in contacts}
    assert {answer["csat"] for answer in answers} == set("12345")


def test_times_run_forward_and_labels_are_gone() -> None:
    for contact in _contacts():
        starts = [turn["start"] for turn in contact["turns"]]  # type: ignore[attr-defined]
        assert starts == sorted(starts)
        assert set(contact) == {
            "id",
            "channel",
            "agent_id",
            "customer_id",
            "campaign",
            "queue",
            "started_at",
            "attrs",
            "turns",
        }


@pytest.mark.shared
def test_the_same_text_makes_the_same_files(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["demo_campaign", "--data", str(shared / "data"), "--out", str(tmp_path)])
    demo_campaign.main()
    for name in ("contacts.jsonl", "surveys.csv"):
        assert (tmp_path / name).read_bytes() == (DEMO / name).read_bytes()
