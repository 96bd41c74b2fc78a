"""Slack: the day files of an export, and channels or threads written by slackdump or the API.

A thread with replies is a contact, and all messages of a day that stand in none are one: an export has a file for each
day, and the messages of a whole channel are told apart by their day (UTC). Slack knows no roles: they come from --role
with a user's id or name. Names stand in users.json beside the file or in the folder above.
"""

import html
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

from cxsentiment.errors import CompanionError, InputError
from cxsentiment.ingest.contacts import Contact, Entry
from cxsentiment.ingest.formats import DocumentFormat, Format, Origin, at, objects, words
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.ingest.vendors.fields import above, beside, by_id, credit, identifier, known, moment_of
from cxsentiment.schema import Speaker

_STAMP = re.compile(r"\d{9,11}\.\d{1,6}")
_REFERENCE = re.compile(r"<([^<>\s][^<>]*)>")
# Subtypes that are messages of people or bots; every other one is an event ("channel_join", "tombstone").
_SAID = frozenset({"", "bot_message", "file_share", "me_message", "thread_broadcast"})
_LISTS = ("users.json", "channels.json", "groups.json", "dms.json", "mpims.json")
_Users = Mapping[str, dict[str, Any]]


def _is_message(value: object) -> bool:
    return (
        isinstance(value, dict)
        and value.get("type") == "message"
        and isinstance(value.get("ts"), str)
        and bool(_STAMP.fullmatch(value["ts"]))
    )


def _is_listed(value: object) -> bool:
    """Whether it is a user, channel or group of an export's lists."""
    return (
        isinstance(value, dict)
        and isinstance(value.get("id"), str)
        and (("team_id" in value and "profile" in value) or ("members" in value and "created" in value))
    )


def _detect(document: object) -> bool:
    if isinstance(document, list):
        return bool(document) and (all(map(_is_message, document)) or all(map(_is_listed, document)))
    messages = at(document, "messages")
    return _is_message(document) or (isinstance(messages, list) and bool(messages) and all(map(_is_message, messages)))


def _read(document: Any, origin: Origin) -> Iterator[Contact | InputError]:
    if isinstance(document, list) and not any(map(_is_message, document)):
        raise CompanionError(
            origin.where,
            "is a list of an export of Slack, not messages",
            main=origin.where[: -len(origin.source.name)],
            do="It is read with the messages where it lies beside them; give the channels' files",
        )
    messages = [document] if _is_message(document) else objects(document) or objects(document, "messages")
    users = _users(origin)
    channel = identifier(at(document, "channel_id"))
    for (thread, day), members in _contacts(_threads(messages), by_day=channel is not None).items():
        contact = _contact(members, thread, users, origin.options)
        contact.id = ":".join(filter(None, (channel, contact.id or day))) or None
        contact.attrs = known(thread=thread, channel_id=channel)
        yield contact


def _users(origin: Origin) -> _Users:
    if origin.source.name in _LISTS:
        return {}
    found = beside(origin, "users.json")
    if found is None:
        found = above(origin, "users.json")
    return by_id(objects(found) or objects(found, "users"))


def _threads(messages: list[dict[str, Any]]) -> dict[str | None, dict[object, dict[str, Any]]]:
    """Messages by thread and time; one that is listed twice (a reply that was also sent to the channel) counts once."""
    threads: dict[str | None, dict[object, dict[str, Any]]] = {}
    for message in messages:
        for each in (message, *objects(message, "slackdump_thread_replies")):
            thread = identifier(each.get("thread_ts"))
            stamp = identifier(each.get("ts"))
            # Without a time there is nothing to know a message by again.
            threads.setdefault(thread, {}).setdefault(
                (stamp, identifier(each.get("user"))) if stamp else id(each), each
            )
    return threads


def _contacts(
    threads: dict[str | None, dict[object, dict[str, Any]]], *, by_day: bool
) -> dict[tuple[str | None, str | None], list[dict[str, Any]]]:
    """The messages by thread where it has replies here, all others by None and their day (None without `by_day`)."""
    contacts: dict[tuple[str | None, str | None], list[dict[str, Any]]] = {}
    for thread, found in threads.items():
        members = list(found.values())
        if thread is not None and (len(members) > 1 or members[0].get("ts") != thread):
            contacts[thread, None] = members
            continue
        for message in members:
            moment = moment_of(message.get("ts")) if by_day else None
            contacts.setdefault((None, moment.date().isoformat() if moment else None), []).append(message)
    return contacts


def _contact(messages: list[dict[str, Any]], thread: str | None, users: _Users, options: ReadOptions) -> Contact:
    entries: list[Entry] = []
    skipped: Counter[str] = Counter()
    for message in messages:
        text = _clean(words(message.get("text")), users)
        if words(message.get("subtype")) not in _SAID:
            skipped["event"] += 1
        elif not text and isinstance(message.get("files"), list):
            skipped["attachment"] += 1
        else:
            entries.append(_entry(message, text, users))
    credit(entries, options)
    contact = Contact(entries, id=thread, channel="chat", skipped=skipped)
    if thread is not None and all(message.get("ts") != thread for message in messages):
        contact.id = f"{thread}-{identifier(messages[0].get('ts'))}"
        contact.notes.add("the thread starts in another file; this is what is said of it here")
    return contact


def _entry(message: dict[str, Any], text: str, users: _Users) -> Entry:
    user = identifier(message.get("user"))
    bot = identifier(message.get("bot_id"))
    is_bot = bot is not None or message.get("subtype") == "bot_message"
    role: Speaker | None = "bot" if is_bot or at(users.get(user or ""), "is_bot") is True else None
    label = user or bot or words(message.get("username")) or None
    names = _names(users.get(user or "")) or _names(message.get("user_profile"))
    others = (bot, words(message.get("username")), words(at(message, "bot_profile", "name")), *names)
    also = tuple(dict.fromkeys(name for name in others if name and name != label))
    return Entry(
        text,
        label,
        at=moment_of(message.get("ts")),
        role=role,
        also=also,
    )


def _names(user: object) -> tuple[str, ...]:
    paths = (("real_name",), ("profile", "real_name"), ("profile", "display_name"), ("display_name",), ("name",))
    return tuple(dict.fromkeys(name for path in paths if (name := words(at(user, *path)))))


def _clean(text: str, users: _Users) -> str:
    """Slack's marks as a person reads them: mentions and links by their names; entities are decoded once."""

    def read(match: re.Match[str]) -> str:
        target, _, name = match[1].partition("|")
        if target.startswith("@"):
            names = _names(users.get(target[1:]))
            return f"@{name or (names[0] if names else target[1:])}"
        if target.startswith("#"):
            return f"#{name or target[1:]}"
        if target.startswith("!"):
            return name or f"@{target[1:].partition('^')[0]}"
        return name or target.removeprefix("mailto:")

    return html.unescape(_REFERENCE.sub(read, text)).strip()


SLACK = DocumentFormat(
    Format(
        name="slack",
        title="Slack messages",
        family="messaging",
        roles="none: --role U012AB3CD=agent, by a user's id or name",
        times="seconds since 1970",
        example="cxsentiment check support/ --role U012AB3CD=agent",
    ),
    _detect,
    _read,
)
