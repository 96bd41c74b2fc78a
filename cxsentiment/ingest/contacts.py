"""What a reader found, before roles and times are settled, and the one way from there to a Transcript.

A reader says what stands in its format (`Contact` of `Entry`); who is the agent, in which order the turns stand and
what is doubtful is decided here, alike for every format.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise

from cxsentiment.ingest.dates import DateRules
from cxsentiment.ingest.doubts import doubts
from cxsentiment.ingest.guess import guess_roles
from cxsentiment.ingest.mails import own_words
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.ingest.times import changed_clock, in_utc
from cxsentiment.ingest.values import MadeId, contact_id, shown
from cxsentiment.schema import Party, Reject, RoleSource, Speaker, Transcript, Turn
from cxsentiment.text import clean
from cxsentiment.zones import require_zone

# Doubtful sizes: worth a warning or a note, never changed. A call of hours may be one; of more than a day hardly.
_LONG_TURN_CHARACTERS = 20_000
_LONG_TURN_S = 600.0
_LONG_CALL_S = 8 * 3600.0
_ENDLESS_CALL_S = 24 * 3600.0
# Past this a number is no time since the start of a contact but a clock: 1e9 seconds are 31 years.
_MAX_SECONDS = 1e9
_SHOWN = 5
_DAY = len("2024-05-01")  # a day alone is in no zone
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff]")


class Notes:
    """Warnings and notes of one contact; warnings about turns are gathered, one line a kind."""

    def __init__(self, first: Iterable[str] = ()) -> None:
        self._lines = list(first)
        self._turns: dict[str, list[int]] = {}
        self._told: list[str] = []

    def add(self, line: str) -> None:
        """Warn of something that may be wrong with the contact as a whole."""
        self._lines.append(line)

    def turn(self, index: int, what: str) -> None:
        """Warn of something that may be wrong with the turn of that 0-based index."""
        self._turns.setdefault(what, []).append(index)

    def tell(self, line: str) -> None:
        """Note what is worth knowing of the contact, though nothing is wrong with it."""
        self._told.append(line)

    def told(self) -> tuple[str, ...]:
        """All notes."""
        return tuple(self._told)

    def lines(self) -> tuple[str, ...]:
        """All warnings, each once; what concerns several turns names the first of them."""
        return (*self._lines, *(f"{what} ({_listed(indices)})" for what, indices in self._turns.items()))


@dataclass(slots=True)
class Entry:
    """One utterance or message as its source has it. Without text it is counted and left out.

    `label` is the speaker as the source names it, which people see and `--role` declares; `also` holds other names
    under which `--role` may declare it ("channel:1", the author's name). `role` is what the format itself says of the
    speaker, None where it says nothing. `start` and `end` are seconds from the start of the contact; a format with
    absolute times gives `at` instead. `index` is the 0-based place in the source, counted where it is None.
    """

    text: str
    label: str | None = None
    start: float | None = None
    end: float | None = None
    at: datetime | None = None
    role: Speaker | None = None
    also: tuple[str, ...] = ()
    agent_id: str | None = None
    index: int | None = None


@dataclass(slots=True)
class Contact:
    """One contact as its source has it; `id` is None where the source has none (it is then called by its file).

    `started_at` is ISO 8601. `skipped` counts by kind what is no turn: events, internal notes, attachments.
    `mails` tells that texts may be mails, which quote those before them; in channel "email" they always are.
    `agent_id` is who spoke for the company; `assignee` is who was in charge, who may not have said a word. `refused`
    is what of it could not be used and is left out.
    """

    entries: list[Entry]
    id: str | None = None
    channel: str | None = None
    mails: bool = False
    agent_id: str | None = None
    assignee: str | None = None
    customer_id: str | None = None
    campaign: str | None = None
    queue: str | None = None
    started_at: str | None = None
    csat: float | None = None
    nps: float | None = None
    ces: float | None = None
    attrs: Mapping[str, object] = field(default_factory=dict)
    notes: Notes = field(default_factory=Notes)
    skipped: Counter[str] = field(default_factory=Counter)
    refused: list[Reject] = field(default_factory=list)


def identity_of(contact: Contact, made: str) -> str:
    """The id of a contact; where its source has none, `made` (a `MadeId`), with a warning."""
    if contact.id is not None and (own := contact_id(contact.id)) is not None:
        return own
    contact.notes.add(f'the contact has no id; it is called "{shown(made)}"')
    return MadeId(contact_id(made) or made)


def settle(
    contact: Contact, identity: str, options: ReadOptions, *, source: str, record: int, format_name: str = ""
) -> Transcript:
    """The contact as a Transcript called `identity`: roles settled, turns without text counted, times in order."""
    notes = contact.notes
    for place, entry in enumerate(contact.entries):
        if entry.index is None:
            entry.index = place
    started_at = _in_utc(_place_in_time(contact, options.dates.zone), options.dates, notes)
    mails = contact.mails or contact.channel == "email"
    turns, parties = _turns(contact.entries, options, notes, mails=mails)
    agent_id, attrs = _who_is_credited(contact, turns, notes)
    refused = sum(one.kind == "turn" for one in contact.refused)
    if refused:
        notes.add(f"{_of_turns(refused)} refused: the contact has a hole there (rejects.jsonl says where and why)")
    dropped = len(contact.entries) - len(turns)
    if dropped:
        notes.add(f"{dropped} of {len(contact.entries)} turns have no text and were left out")
    if not turns:
        notes.add("no turn has text: there is nothing to score")
    _warn_of_unknown(parties, notes, generic=not format_name)
    ordered = _in_time_order(turns, notes)
    _doubt_times(ordered, contact.channel, notes)
    for doubt in doubts(ordered, contact.attrs):
        (notes.add if doubt.may_be_wrong else notes.tell)(doubt.line)
    settled = Transcript(
        id=identity,
        turns=ordered,
        source=source,
        record=record,
        channel=contact.channel,
        agent_id=agent_id,
        customer_id=contact.customer_id,
        campaign=contact.campaign,
        queue=contact.queue,
        started_at=started_at,
        csat=contact.csat,
        nps=contact.nps,
        ces=contact.ces,
        dropped_turns=dropped,
        warnings=notes.lines(),
        notes=notes.told(),
        attrs=attrs,
        format=format_name,
        parties=parties,
        skipped=dict(sorted(contact.skipped.items())),
        refused=tuple(contact.refused),
    )
    return guess_roles(settled) if options.guess_roles else settled


def _place_in_time(contact: Contact, zone: str | None) -> str | None:
    """Give entries of absolute times their seconds from the first of them; return the start of the contact."""
    timed = [entry.at for entry in contact.entries if entry.at is not None]
    if not timed:
        return contact.started_at
    placed = [in_utc(at, zone) for at in timed]
    first = min(placed)
    moments = iter(placed)
    for entry in contact.entries:
        if entry.at is not None:
            if doubt := changed_clock(entry.at, zone):
                contact.notes.turn(entry.index or 0, f"the time is {doubt}")
            entry.start = round((next(moments) - first).total_seconds(), 6)
    zoned = sum(at.tzinfo is not None for at in timed)
    if zone is None and 0 < zoned < len(timed):
        contact.notes.add("some times name a zone and others none, which are read as UTC: say --timezone")
    if contact.started_at is not None:
        return contact.started_at
    return (first if zoned or zone else first.replace(tzinfo=None)).isoformat()


def _in_utc(text: str | None, dates: DateRules, notes: Notes) -> str | None:
    """The start in UTC where its zone is known, from itself or from --timezone; else as it stands."""
    if text is None or text.endswith(("Z", "+00:00")):
        return text
    try:
        found = datetime.fromisoformat(text)
        if found.tzinfo is None and dates.zone is not None and len(text) > _DAY:
            if doubt := changed_clock(found, dates.zone):
                notes.add(f"the start of the contact is {doubt}")
            found = found.replace(tzinfo=require_zone(dates.zone))
        return text if found.tzinfo is None else found.astimezone(UTC).isoformat()
    except (ValueError, OverflowError):
        return text


def _who_is_credited(contact: Contact, turns: Sequence[Turn], notes: Notes) -> tuple[str | None, Mapping[str, object]]:
    """The agent of the contact, and its attrs; an assignee who said nothing is a fact, not the agent of a score."""
    agent_id = _one_agent(contact.agent_id, turns, notes)
    assignee = contact.assignee
    # Where a system assigns a customer's ticket to the customer, that makes nobody an agent.
    if assignee in (None, contact.customer_id) or any(turn.agent_id is not None for turn in turns):
        return agent_id, contact.attrs
    if any(turn.speaker == "agent" for turn in turns):  # some agent spoke whom no turn names
        return agent_id or assignee, contact.attrs
    return agent_id, {**contact.attrs, "assignee": assignee}


def _one_agent(agent_id: str | None, turns: Sequence[Turn], notes: Notes) -> str | None:
    """The one agent who spoke; None where several did: one score is not for two.

    The contact's own agent counts where agents' turns name nobody: turns that do say better who spoke.
    """
    named = {turn.agent_id: None for turn in turns if turn.agent_id is not None}
    nameless = any(turn.speaker == "agent" and turn.agent_id is None for turn in turns)
    if agent_id is not None and (nameless or not named):
        named[agent_id] = None
    if len(named) <= 1:
        return next(iter(named), None)
    listed = ", ".join(shown(name) for name in sorted(named)[:_SHOWN])
    notes.tell(
        f"{len(named)} agents took part ({listed}): each turn is its own agent's, the contact is credited to none"
    )
    return None


def _turns(
    entries: Sequence[Entry], options: ReadOptions, notes: Notes, *, mails: bool
) -> tuple[list[Turn], tuple[Party, ...]]:
    """The entries that have a text, and who spoke them."""
    roles: dict[object, tuple[Speaker, RoleSource]] = {}
    counts: Counter[tuple[str, Speaker, RoleSource]] = Counter()
    turns = []
    for entry in entries:
        index = entry.index or 0
        text = _text(entry.text, index, notes, mails=mails)
        if not text:
            continue
        key = (entry.label, entry.role, entry.also)
        if (role := roles.get(key)) is None:
            role = roles[key] = _role(entry, options)
        label = _label(entry.label)
        counts[label, *role] += 1
        start, end = _times(entry.start, entry.end, index, notes)
        agent = entry.agent_id if role[0] == "agent" else None
        turns.append(Turn(index, role[0], text, start, end, agent, label if role[0] == "unknown" else ""))
    parties = tuple(Party(label, speaker, source, count) for (label, speaker, source), count in counts.items())
    return turns, parties


def _role(entry: Entry, options: ReadOptions) -> tuple[Speaker, RoleSource]:
    """Who speaks: what the user declared, else what the format says, else what the label itself is."""
    names = (*((entry.label,) if entry.label is not None else ()), *entry.also)
    declared = options.declared(names)
    if declared is not None:
        return declared, "declared"
    if entry.role is not None:
        return entry.role, "unknown" if entry.role == "unknown" else "format"
    known = options.speaker(entry.label) if entry.label is not None else None
    return (known, "label") if known not in (None, "unknown") else ("unknown", "unknown")


def _label(label: str | None) -> str:
    """A label that can be shown and written: most can as they stand."""
    return "" if label is None else label.strip() if label.isprintable() else clean(label)


def _text(text: str, index: int, notes: Notes, *, mails: bool) -> str:
    if len(text) > _LONG_TURN_CHARACTERS:
        notes.turn(index, f"more than {_LONG_TURN_CHARACTERS:,} characters in one turn")
    if not text.isprintable() and _CONTROL.search(text):
        notes.turn(index, "control characters or broken characters were removed from the text")
    text = clean(text)
    if not mails:
        return text
    own, left_out = own_words(text)
    if left_out:
        notes.turn(index, "quoted history was left out")
    return own


def _times(start: float | None, end: float | None, index: int, notes: Notes) -> tuple[float | None, float | None]:
    if start is not None and not 0 <= start < _MAX_SECONDS:
        notes.turn(index, "start is negative; it is taken as missing" if start < 0 else "start is no time in a contact")
        start = None
    if end is not None and not 0 <= end < _MAX_SECONDS:
        notes.turn(index, "end is negative; it is taken as missing" if end < 0 else "end is no time in a contact")
        end = None
    if start is not None and end is not None and end < start:
        notes.turn(index, "the end is before the start; the end is taken as missing")
        end = None
    return start, end


def _warn_of_unknown(parties: Sequence[Party], notes: Notes, *, generic: bool) -> None:
    unknown = [party for party in parties if party.speaker == "unknown"]
    labels = sorted({party.label for party in unknown if party.label and party.label.lower() != "unknown"})
    missing = sum(party.turns for party in unknown if not party.label)
    if missing:
        turns = "1 turn has" if missing == 1 else f"{missing} turns have"
        hint = ": add one, or name its key with --map speaker=KEY" if generic else ""
        notes.add(f"{turns} no speaker and will not be scored{hint}")
    if labels:
        listed = ", ".join(f'"{shown(label)}"' for label in labels[:_SHOWN])
        more = f" and {len(labels) - _SHOWN} more" if len(labels) > _SHOWN else ""
        # A label that is masked or cut here could not be typed as it is shown.
        example = labels[0] if shown(labels[0]) == labels[0] else "LABEL"
        notes.add(f"unknown speakers {listed}{more}: say who they are, for example --role {_quoted(example)}=agent")


def _quoted(label: str) -> str:
    return f'"{label}"' if " " in label else label


def _in_time_order(turns: Sequence[Turn], notes: Notes) -> tuple[Turn, ...]:
    """By start where every turn has one (turns that start together stay as they are), else as in the source."""
    starts = [turn.start_s for turn in turns if turn.start_s is not None]
    if len(starts) < len(turns) or all(a <= b for a, b in pairwise(starts)):
        return tuple(turns)
    notes.tell("the turns are not in order of time in the source; they were sorted by their start")
    return tuple(sorted(turns, key=lambda turn: turn.start_s or 0.0))


def _doubt_times(turns: Sequence[Turn], channel: str | None, notes: Notes) -> None:
    # Times may be those of a day: a call lasts from its first one.
    begun = min((turn.start_s for turn in turns if turn.start_s is not None), default=0.0)
    last = begun
    for turn in turns:
        if turn.start_s is not None and turn.end_s is not None and turn.end_s - turn.start_s > _LONG_TURN_S:
            notes.turn(turn.index, f"longer than {_LONG_TURN_S / 60:.0f} minutes; are the times in seconds?")
        last = max(last, turn.start_s or 0.0, turn.end_s or 0.0)
    hours = (last - begun) / 3600
    if channel == "call" and last - begun > _ENDLESS_CALL_S:
        notes.add(f"the call lasts {hours:.1f} hours; are the times in seconds?")
    elif channel == "call" and last - begun > _LONG_CALL_S:
        notes.tell(f"the call lasts {hours:.1f} hours")


def _of_turns(count: int) -> str:
    return "1 of its turns was" if count == 1 else f"{count:,} of its turns were"


def _listed(indices: Sequence[int]) -> str:
    listed = ", ".join(map(str, indices[:_SHOWN]))
    more = f" and {len(indices) - _SHOWN} more" if len(indices) > _SHOWN else ""
    return f"turn{'s' if len(indices) > 1 else ''} {listed}{more}"
