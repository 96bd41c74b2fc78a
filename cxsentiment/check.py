"""`cxsentiment check`: looks at transcripts, a rubric or a model folder without scoring, and says what it found."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median

from cxsentiment.amounts import counted
from cxsentiment.ingest.facts import formats
from cxsentiment.ingest.identities import FirstSeen, told_of_copies
from cxsentiment.ingest.installed import installed
from cxsentiment.ingest.intake import read_contacts
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.ingest.sources import Source, find_sources, source_name
from cxsentiment.ingest.values import shown
from cxsentiment.language import language_of
from cxsentiment.model import BUNDLE_FILE, read_bundle
from cxsentiment.privacy import EVERYTHING_USUAL, Masking, MaskingError, mask_transcript
from cxsentiment.privacy.marks import ALSO_COUNTED
from cxsentiment.rubric.reading import read_rubric
from cxsentiment.schema import Reject, Transcript

_PARTIES_SHOWN = 8
_AGENTS_SHOWN = 5
_PLACES_SHOWN = 5
_OWN_ID = re.compile(r'the contact has no id; it is called ".*"')
_ID = re.compile(r"[A-Za-z0-9_.:-]{1,64}")
_CARD_DIGITS = 12  # from here on a label may be a payment card
_WHY = {
    "declared": "as declared",
    "format": "as the format says",
    "label": "by its label",
    "guessed": "guessed from what was said",
    "unknown": "for nothing says which",
}


@dataclass(frozen=True, slots=True)
class Check:
    """What one file holds. `facts` are lines for a person; `rejects` what would be refused, with codes.

    `warnings` say what may be wrong, `notes` what is worth knowing though nothing is wrong. Of transcripts also the
    counts: contacts, turns with text, contacts in which both an agent and a customer speak, turns of the contacts that
    would be refused, and copies of contacts (which count once).
    """

    source: str
    kind: str
    facts: tuple[str, ...]
    warnings: tuple[str, ...]
    rejects: tuple[Reject, ...]
    contacts: int = 0
    turns: int = 0
    both_sides: int = 0
    notes: tuple[str, ...] = ()
    refused_turns: int = 0
    copies: int = 0


def check(paths: list[str], options: ReadOptions, masking: Masking = EVERYTHING_USUAL) -> Iterator[Check]:
    """Check each path; `masking` is what would be masked.

    Raises RubricError or BundleError for a rubric or model that cannot be used.
    """
    seen = FirstSeen()
    for name in paths:
        path = Path(name)
        if path.suffix.lower() in (".yaml", ".yml"):
            yield _check_rubric(path)
        elif (path / BUNDLE_FILE).exists():
            yield _check_model(path)
        else:
            sources = find_sources([name])
            given = sorted(set(map(source_name, sources)))
            for source in sources:
                yield _check_transcripts(source, options, seen, given, masking)


def _check_rubric(path: Path) -> Check:
    rubric = read_rubric(path)
    pairs = list(rubric.pairs())
    critical = [item.id for _, item in pairs if item.critical != "none"]
    total = sum(section.weight for section in rubric.sections)
    facts = [
        f"{rubric.name} {rubric.version}: {counted(len(rubric.sections), 'section')}, {counted(len(pairs), 'item')}"
    ]
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


def _check_transcripts(
    path: Source, options: ReadOptions, seen: FirstSeen, given: Sequence[str], masking: Masking
) -> Check:
    found = _Found(masking)
    for record in read_contacts([path], options, first_seen=seen, beside=given):
        found.add(record)
    warnings = _with_counts(found.warnings)
    if found.copies:
        warnings += (f"{told_of_copies(len(found.copies))} ({_places(found.copies)})",)
    return Check(
        source_name(path),
        "transcripts",
        tuple(found.facts()),
        warnings,
        tuple(found.rejects),
        found.contacts,
        found.turns,
        found.both_sides,
        _with_counts(found.notes),
        found.refused_turns,
        len(found.copies),
    )


class _Found:
    """What the contacts of one source hold, counted as they come."""

    def __init__(self, masking: Masking) -> None:
        self._masking = masking
        self.contacts = self.turns = self.without_text = self.refused_turns = 0
        self.zoneless = self.both_sides = self.uncredited = 0
        self.formats: Counter[str] = Counter()
        self.parties: Counter[tuple[str, str, str]] = Counter()
        self.skipped: Counter[str] = Counter()
        self.channels: Counter[str] = Counter()
        self.languages: Counter[str] = Counter()
        self.declared: Counter[str] = Counter()
        self.seconds: list[float] = []
        self.masked: Counter[str] = Counter()
        self.warnings: Counter[str] = Counter()
        self.notes: Counter[str] = Counter()
        self.agents: set[str] = set()
        self.guessed: list[float] = []
        self.dates: list[tuple[str, str]] = []  # the first and the last: as they compare, and as they stand
        self.rejects: list[Reject] = []
        self.copies: list[Reject] = []

    def add(self, record: Transcript | Reject) -> None:
        """Count one contact or reject."""
        if isinstance(record, Reject):
            (self.copies if record.kind == "copy" else self.rejects).append(record)
            return
        try:
            self.masked.update(mask_transcript(record, self._masking)[1])
        except MaskingError as error:
            self.rejects.append(Reject(record.source, record.record, shown(record.id), error.code, error.message))
            return
        self.contacts += 1
        self.turns += len(record.turns)
        self.without_text += record.dropped_turns
        self.refused_turns += record.refused_turns
        self.formats[record.format] += 1
        for party in record.parties:
            self.parties[party.label, party.speaker, party.source] += party.turns
        self.skipped.update(record.skipped)
        self.channels[record.channel or "not given"] += 1
        self.languages[_language(record)] += 1
        if isinstance(declared := record.attrs.get("language"), str):
            self.declared[declared] += 1
        self.warnings.update({_kind_of(warning): 1 for warning in record.warnings})
        self.notes.update(set(record.notes))
        speakers = {turn.speaker for turn in record.turns}
        self.both_sides += {"agent", "customer"} <= speakers
        self.uncredited += record.agent_id is not None and "agent" not in speakers
        if any(turn.end_s or turn.start_s for turn in record.turns):
            self.seconds.append(max(turn.end_s or turn.start_s or 0.0 for turn in record.turns))
        self.agents.update(turn.agent_id for turn in record.turns if turn.agent_id)
        if record.agent_id:
            self.agents.add(record.agent_id)
        if record.role_p is not None:
            self.guessed.append(record.role_p)
        if record.started_at:
            dated = (_comparable(record.started_at), record.started_at)
            self.dates = [min([*self.dates[:1], dated]), max([*self.dates[-1:], dated])]
            self.zoneless += not record.started_at.endswith(("Z", "+00:00"))

    def _dates(self) -> str:
        if not self.dates:
            return "dates: none given"
        (_, first), (last_key, last) = self.dates
        doubts = []
        if self.zoneless:
            doubts.append(f"{counted(self.zoneless, 'contact')} without a time zone (--timezone declares it)")
        if last_key > _comparable((datetime.now(UTC) + timedelta(days=1)).isoformat()):
            doubts.append("the last lies in the future")
        span = first if first == last else f"{first} to {last}"
        return f"dates: {span}" + (f"; {'; '.join(doubts)}" if doubts else "")

    def _agents(self) -> str:
        if not self.agents:
            return "agents: none named"
        names = ", ".join(map(_plain, sorted(self.agents)[:_AGENTS_SHOWN]))
        more = ", …" if len(self.agents) > _AGENTS_SHOWN else ""
        silent = f"; in {counted(self.uncredited, 'contact')} the named agent says nothing" if self.uncredited else ""
        return f"agents: {len(self.agents):,} ({names}{more}){silent}"

    def facts(self) -> Iterator[str]:
        """Lines for a person."""
        if not self.contacts:
            beside = "its contacts stand in the input already" if self.copies else "it is read with another file"
            yield "no contact" if self.rejects else f"no contact of its own: {beside}"
            return
        known = {facts.name: facts for facts in (*formats(), *installed().loaded())}
        for name, count in self.formats.most_common():
            title = f"{known[name].title} ({name})" if name in known else name
            times = f"; its times: {known[name].times}" if name in known else ""
            yield f"format: {title}{times}" + (f" ({counted(count, 'contact')})" if len(self.formats) > 1 else "")
        turns = f"{counted(self.turns, 'turn')} with text, {self.without_text:,} without"
        refused = f", {self.refused_turns:,} refused" if self.refused_turns else ""
        yield f"{counted(self.contacts, 'contact')}, {turns}{refused}"
        if self.both_sides < self.contacts:
            yield f"agent and customer both speak, as known, in {self.both_sides:,} of {self.contacts:,}"
        if self.skipped:
            yield f"left out, for they are no turns: {_counts(self.skipped)}"
        roles: Counter[str] = Counter()
        for (_, speaker, _), count in self.parties.items():
            roles[speaker] += count
        yield f"speakers: {_counts(roles)}"
        for (label, speaker, source), count in self.parties.most_common(_PARTIES_SHOWN):
            yield f"  {_quoted(label)}: {speaker}, {_WHY[source]} ({counted(count, 'turn')})"
        if (more := len(self.parties) - _PARTIES_SHOWN) > 0:
            yield f"  and {counted(more, 'other speaker')}"
        if self.guessed:
            yield f"roles guessed in {counted(len(self.guessed), 'contact')}, least probability {min(self.guessed):.2f}"
        yield f"channels: {_counts(self.channels)}"
        yield self._agents()
        yield self._dates()
        if self.seconds:
            yield f"length: median {median(self.seconds):,.0f} s, longest {max(self.seconds):,.0f} s"
        told = f" (as the source says: {_counts(self.declared)})" if self.declared else ""
        yield f"languages, by their words: {_counts(self.languages)}{told}"
        masked = Counter({ALSO_COUNTED.get(kind, kind): count for kind, count in self.masked.items()})
        yield f"would be masked: {_counts(masked)}"


def _with_counts(lines: Counter[str]) -> tuple[str, ...]:
    return tuple(f"{text} ({counted(count, 'contact')})" for text, count in lines.most_common())


def _places(rejects: Sequence[Reject]) -> str:
    places = ", ".join(f"{one.source}:{one.record}" for one in rejects[:_PLACES_SHOWN])
    return places + (f" and {len(rejects) - _PLACES_SHOWN} more" if len(rejects) > _PLACES_SHOWN else "")


def _language(contact: Transcript) -> str:
    said = " ".join(turn.text for turn in contact.turns if turn.speaker in ("agent", "customer", "unknown"))
    return language_of(said) or "not told"


def _comparable(text: str) -> str:
    """A date in a form whose order is the order of time; without a zone it is taken as UTC."""
    try:
        found = datetime.fromisoformat(text)
        return (found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)).isoformat()
    except (ValueError, OverflowError):
        return text


def _kind_of(warning: str) -> str:
    """A warning without what differs from contact to contact, so that contacts of one kind are counted together."""
    return _OWN_ID.sub("contacts without an id are called by their file", warning)


def _plain(label: str) -> str:
    """A name as --role would take it. Ids stay legible here, though in messages that are kept they may be masked."""
    is_id = _ID.fullmatch(label) and sum(map(str.isdigit, label)) < _CARD_DIGITS
    return label if is_id else shown(label)


def _quoted(label: str) -> str:
    return f'"{_plain(label)}"' if label else "without a name"


def _counts(counter: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counter.most_common()) or "nothing"
