"""`cxsentiment check`: looks at transcripts, a rubric or a model folder without scoring, and says what it found."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cxsentiment import privacy
from cxsentiment.ingest.identities import FirstSeen
from cxsentiment.ingest.intake import read_contacts
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.ingest.sources import Source, find_sources, source_name
from cxsentiment.model import BUNDLE_FILE, read_bundle
from cxsentiment.rubric import read_rubric
from cxsentiment.schema import Reject


@dataclass(frozen=True, slots=True)
class Check:
    """What one file holds. `facts` are lines for a person; `rejects` what would be refused, with codes."""

    source: str
    kind: str
    facts: tuple[str, ...]
    warnings: tuple[str, ...]
    rejects: tuple[Reject, ...]


def check(paths: list[str], options: ReadOptions) -> Iterator[Check]:
    """Check each path. Raises RubricError or BundleError for a rubric or model that cannot be used."""
    seen: FirstSeen = {}
    for name in paths:
        path = Path(name)
        if path.suffix.lower() in (".yaml", ".yml"):
            yield _check_rubric(path)
        elif (path / BUNDLE_FILE).exists():
            yield _check_model(path)
        else:
            for source in find_sources([name]):
                yield _check_transcripts(source, options, seen)


def _check_rubric(path: Path) -> Check:
    rubric = read_rubric(path)
    pairs = list(rubric.pairs())
    critical = [item.id for _, item in pairs if item.critical != "none"]
    total = sum(section.weight for section in rubric.sections)
    facts = [f"{rubric.name} {rubric.version}: {len(rubric.sections)} sections, {len(pairs)} items"]
    for section in rubric.sections:
        items = ", ".join(item.id for item in section.items)
        facts.append(f"{section.title}: {section.weight / total:.0%} of the score ({items})")
    facts.append(f"critical items: {', '.join(critical) or 'none'}")
    return Check(str(path), "rubric", tuple(facts), (), ())


def _check_model(path: Path) -> Check:
    bundle, sha256 = read_bundle(path)
    heads = [f"{head.name} ({head.speaker} turns): {', '.join(head.labels)}" for head in bundle.heads]
    facts = (f"{bundle.name} {bundle.version}, sha256 {sha256[:12]}…, every file as recorded", *heads)
    return Check(str(path), "model", facts, (), ())


def _check_transcripts(path: Source, options: ReadOptions, seen: FirstSeen) -> Check:
    contacts = turns = without_text = 0
    speakers: Counter[str] = Counter()
    channels: Counter[str] = Counter()
    masked: Counter[str] = Counter()
    warnings: Counter[str] = Counter()
    agents: set[str] = set()
    dates: list[str] = []
    rejects = []
    for record in read_contacts([path], options, first_seen=seen):
        if isinstance(record, Reject):
            rejects.append(record)
            continue
        contacts += 1
        turns += len(record.turns)
        without_text += record.dropped_turns
        speakers.update(turn.speaker for turn in record.turns)
        channels[record.channel or "no channel"] += 1
        masked.update(privacy.mask_transcript(record)[1])
        warnings.update(record.warnings)
        if record.agent_id:
            agents.add(record.agent_id)
        if record.started_at:
            dates = [min([*dates, record.started_at]), max([*dates, record.started_at])]
    facts = [f"{contacts:,} contacts, {turns:,} turns with text, {without_text:,} without"]
    if contacts:
        facts += [
            f"speakers: {_counts(speakers)}",
            f"channels: {_counts(channels)}",
            f"agents: {len(agents):,}" if agents else "agents: no agent_id in any contact",
            f"dates: {dates[0]} to {dates[-1]}" if dates else "dates: none given",
            f"would be masked: {_counts(masked)}",
        ]
    found = tuple(f"{text} ({count:,} contacts)" for text, count in warnings.most_common())
    return Check(source_name(path), "transcripts", tuple(facts), found, tuple(rejects))


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counter.most_common()) or "nothing"
