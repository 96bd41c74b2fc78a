"""Single cells of a source: ids, numbers, seconds, dates. Absent is None; what cannot be read raises ValueError."""

import hashlib
import math
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from cxsentiment.privacy import mask
from cxsentiment.text import clean

# Longer ids are cut and end in a hash, so that they stay unique and name files and columns safely.
MAX_ID_CHARACTERS = 512
_HASH_CHARACTERS = 16
_MAX_SHOWN_CHARACTERS = 40
# Past this a number is no time since the start of a contact but a clock: 1e9 seconds are 31 years.
_MAX_SECONDS = 1e9
# Seconds and milliseconds since 1970 between 2001 and 2096.
_EPOCH_S = (1e9, 4e9)
_EPOCH_MS = (1e12, 4e12)

# Words that exports write for an absent value (seen in real files); never applied to what somebody said.
_MISSING = {"", "none", "null", "undefined", "nan"}
_MISSING_ID = _MISSING | {"-1"}
_MISSING_NUMBER = _MISSING | {"na", "n/a", "-"}
# Names of channels by which exports mean one of ours.
_CHANNELS = {
    **dict.fromkeys(("voice", "phone", "telephone"), "call"),
    **dict.fromkeys(("e mail", "mail"), "email"),
    **dict.fromkeys(("live chat", "livechat", "messaging", "webchat", "web chat"), "chat"),
}
_CLOCK = re.compile(r"(?:(\d{1,4}):)?(\d{1,2}):(\d{1,2}(?:[.,]\d+)?)")
_NUMBER = re.compile(r"[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d{1,3})?")


def text_or_none(value: object) -> str | None:
    """A label such as a channel or an agent id. "007" stays "007"; a number becomes its shortest text.

    Raises:
        ValueError: for a list, an object, true or false.
    """
    if value is None:
        return None
    if isinstance(value, str):
        stripped = clean(value)
        return None if stripped.lower() in _MISSING_ID else stripped
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"is {json_type(value)}, not text")
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return None if value == -1 else str(value)


def plain(value: Any) -> Any:
    """A value of a typed table, in which decimals are whole numbers or floats, in lists and objects too."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, list):
        return [plain(one) for one in value]
    if isinstance(value, dict):
        return {name: plain(one) for name, one in value.items()}
    return value


class MadeId(str):
    """An id that was made from the file's name, for the source gives none."""

    __slots__ = ()


def channel(value: object) -> str | None:
    """A channel in lower case, under the contract's name where it has one: "Voice" → "call", "e-mail" → "email".

    Raises:
        ValueError: as `text_or_none`.
    """
    text = text_or_none(value)
    if text is None:
        return None
    name = text.casefold()
    return _CHANNELS.get(" ".join(name.replace("_", " ").replace("-", " ").split()), name)


def contact_id(value: object) -> str | None:
    """An id, cut to `MAX_ID_CHARACTERS` with a hash of the whole at its end.

    Raises:
        ValueError: as `text_or_none`.
    """
    text = text_or_none(value)
    if text is None or len(text) <= MAX_ID_CHARACTERS:
        return text
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_CHARACTERS]
    return f"{text[: MAX_ID_CHARACTERS - _HASH_CHARACTERS - 1]}~{digest}"


def number(value: object) -> float | None:
    """A finite number; numbers as text may have a decimal comma. NaN and infinity are absent.

    Raises:
        ValueError: where it is no number.
    """
    if isinstance(value, str):
        text = value.strip()
        if text.lower() in _MISSING_NUMBER:
            return None
        if not _NUMBER.fullmatch(text):
            raise ValueError("is not a number")
        value = float(text.replace(",", "."))
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"is {json_type(value)}, not a number")
    return _finite(value)


def _finite(value: int | float) -> float | None:
    try:
        result = float(value)
    except OverflowError:
        return None
    return result if math.isfinite(result) else None


def seconds(value: object, per_second: float = 1.0) -> float | None:
    """Seconds from the start of the contact: H:MM:SS.mmm or MM:SS, or a number, `per_second` of which are a second.

    Raises:
        ValueError: where it is no time, is negative, or is a clock time in seconds or milliseconds since 1970.
    """
    if isinstance(value, str) and ":" in value:
        result: float | None = _clock(value)
    else:
        result = number(value)
        result = None if result is None else round(result / per_second, 6)
    if result is None:
        return None
    if result < 0:
        raise ValueError("is negative")
    if result >= _MAX_SECONDS:
        raise ValueError("is not in seconds from the start")
    return result


def _clock(text: str) -> float:
    match = _CLOCK.fullmatch(text.strip())
    if not match:
        raise ValueError("is not a time")
    hours, minutes, rest = match.groups()
    return int(hours or 0) * 3600 + int(minutes) * 60 + float(rest.replace(",", "."))


def instant(value: object) -> str | None:
    """An ISO 8601 date or time as it stands; seconds or milliseconds since 1970 become ISO in UTC.

    Raises:
        ValueError: for every other form; "03/04/2024" could be two days.
    """
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    text = text_or_none(value)
    if text is None:
        return None
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return _epoch(text)
    return text


def _epoch(text: str) -> str:
    value = float(text) if _NUMBER.fullmatch(text) and "," not in text else 0.0
    if _EPOCH_MS[0] <= value <= _EPOCH_MS[1]:
        value /= 1000
    if not _EPOCH_S[0] <= value <= _EPOCH_S[1]:
        raise ValueError("is not an ISO 8601 time such as 2024-05-01T10:00:00Z")
    return datetime.fromtimestamp(value, UTC).isoformat()


def shown(text: str) -> str:
    """A label, key or id of the source as it may stand in a message: short, masked, without control characters."""
    return mask(clean(text)).text[:_MAX_SHOWN_CHARACTERS]  # masked first: half a card number is not known as one


def json_type(value: object) -> str:
    """The kind of a value in a reader's words: "a list", "a number" …"""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, str):
        return "text"
    if isinstance(value, list):
        return "a list"
    return "an object" if isinstance(value, dict) else f"a value of type {type(value).__name__}"
