"""Make the demo campaign that ships with the package from the project's own labelled conversations.

    python -m training.demo_campaign --data ../shared/data

Reads `service_talk.txt` (written for this project), drops its labels, and invents dates, shifts, turn times and
customer ids: deterministically, each from a hash of the contact's id, so that the same text gives the same files.
"""

import argparse
import csv
import hashlib
import io
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

OUT = Path(__file__).parent.parent / "cxsentiment" / "demo"
FIRST_DAY = datetime(2026, 6, 1, tzinfo=UTC)
DAYS = 42
# Start hour (UTC) of the shift and the agents who work it; two agents rotate between late and night by week.
SHIFTS = {"early": 6, "late": 14, "night": 22}
ROTA = {
    "A01": ("early",),
    "A02": ("early",),
    "A03": ("early", "late"),
    "A04": ("late",),
    "A05": ("late", "night"),
    "A06": ("late",),
    "A07": ("night",),
    "A08": ("early", "late"),
}
SPEAKERS = {"A": "agent", "C": "customer"}
WORDS_PER_SECOND = 2.6  # about 156 words a minute, an ordinary speaking rate
# Seconds between turns of written channels: (shortest, longest), by channel and by who answers.
PAUSES = {
    ("chat", "agent"): (8, 70),
    ("chat", "customer"): (6, 60),
    ("email", "agent"): (1_800, 86_400),
    ("email", "customer"): (1_200, 50_000),
    ("social", "agent"): (240, 5_400),
    ("social", "customer"): (60, 3_600),
}


@dataclass(frozen=True)
class Conversation:
    """One conversation as written: its header fields and its (speaker, text) turns."""

    header: dict[str, str]
    turns: list[tuple[str, str]]


def read_conversations(path: Path) -> Iterator[Conversation]:
    """Conversations of a labelled-talk file: a `# key=value …` line, then `A codes: text` and `C code: text` lines."""
    current: Conversation | None = None
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            if current is not None:
                yield current
            current = Conversation(dict(part.split("=", 1) for part in line[2:].split()), [])
        elif line.strip() and current is not None:
            codes, text = line.split(": ", 1)
            current.turns.append((SPEAKERS[codes[0]], text))
    if current is not None:
        yield current


def contact(conversation: Conversation) -> dict[str, Any]:
    """One contact in the generic JSONL form, with invented start, shift, customer and turn times."""
    header = conversation.header
    # repeatable by its seed; no secret
    dice = random.Random(int.from_bytes(hashlib.sha256(header["id"].encode()).digest()[:8]))  # nosec B311
    day = dice.randrange(DAYS)
    shifts = ROTA[header["agent"]]
    shift = shifts[day // 7 % len(shifts)]
    started = FIRST_DAY + timedelta(days=day, hours=SHIFTS[shift], seconds=dice.randrange(8 * 3600))
    return {
        "id": f"demo-{header['id']}",
        "channel": header["channel"],
        "agent_id": header["agent"],
        # Fewer customers than contacts, so that some come back.
        "customer_id": f"C{dice.randrange(1, 361):04d}",
        "campaign": header["campaign"],
        "queue": f"{header['campaign']}-{header['channel']}",
        "started_at": started.isoformat().replace("+00:00", "Z"),
        "attrs": {"shift": shift},
        "turns": turns(conversation, dice),
    }


def turns(conversation: Conversation, dice: random.Random) -> list[dict[str, Any]]:
    """Turns with times in seconds: start and end where people speak, start alone where they write."""
    channel = conversation.header["channel"]
    clock = round(dice.uniform(0.5, 2.5), 2)
    result = []
    for speaker, text in conversation.turns:
        turn: dict[str, Any] = {"speaker": speaker, "text": text}
        if channel == "call":
            turn["start"] = clock
            clock = round(clock + len(text.split()) / WORDS_PER_SECOND * dice.uniform(0.85, 1.2), 2)
            turn["end"] = clock
            # Now and then someone looks something up.
            clock = round(clock + (dice.uniform(8, 40) if dice.random() < 0.06 else dice.uniform(0.2, 1.6)), 2)
        else:
            turn["start"] = clock
            low, high = PAUSES[channel, "customer" if speaker == "agent" else "agent"]
            clock = round(clock + low * (high / low) ** dice.random(), 1)
        result.append(turn)
    return result


def main() -> None:
    """Write contacts.jsonl and surveys.csv."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder that holds service_talk.txt")
    parser.add_argument("--out", type=Path, default=OUT)
    arguments = parser.parse_args()
    conversations = list(read_conversations(arguments.data / "service_talk.txt"))
    contacts = sorted((contact(conversation) for conversation in conversations), key=lambda c: c["started_at"])
    arguments.out.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(c, ensure_ascii=False) + "\n" for c in contacts)
    (arguments.out / "contacts.jsonl").write_text(lines, encoding="utf-8")
    answers = {f"demo-{c.header['id']}": c.header["csat"] for c in conversations if c.header["csat"] != "-"}
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["contact_id", "csat"])
    writer.writerows((c["id"], answers[c["id"]]) for c in contacts if c["id"] in answers)
    (arguments.out / "surveys.csv").write_text(table.getvalue(), encoding="utf-8")
    print(f"{len(contacts)} contacts, {len(answers)} surveys written to {arguments.out}")


if __name__ == "__main__":
    main()
