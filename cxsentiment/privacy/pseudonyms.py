"""Customer and agent ids as pseudonyms: the same key gives the same id the same pseudonym, no key gives it back."""

import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

from cxsentiment.errors import UsageError
from cxsentiment.schema import Transcript

KEY_VARIABLE = "CXSENTIMENT_PSEUDONYM_KEY"
_MIN_KEY_BYTES = 16
_CHARACTERS = 20  # 80 bits of the hash: no two of a million ids are likely to meet
PREFIXES = {"customer": "cu_", "agent": "ag_"}


def read_key(path: Path | None, environment: Mapping[str, str] = os.environ) -> bytes | None:
    """The key: the bytes of the file, else of the environment variable, without white space at the ends; else None.

    Raises UsageError for a file that cannot be read and for a key of fewer than 16 bytes.
    """
    if path is None:
        source = f"environment variable {KEY_VARIABLE}"
        key = environment.get(KEY_VARIABLE, "").strip().encode()
        if not key:
            return None
    else:
        source = str(path)
        try:
            key = path.read_bytes().strip()
        except OSError as error:
            raise UsageError(source, f"the key cannot be read: {error.strerror}", do="Name a readable file") from None
    if len(key) < _MIN_KEY_BYTES:
        raise UsageError(
            source,
            f"the key for pseudonyms has {len(key)} bytes",
            allowed=f"{_MIN_KEY_BYTES} bytes or more",
            do="Make one: openssl rand -hex 32",
        )
    return key


def pseudonym(key: bytes, kind: Literal["customer", "agent"], identity: str) -> str:
    """A pseudonym such as "cu_2f6b…": a prefix by kind and 20 hexadecimal characters of HMAC-SHA256."""
    digest = hmac.new(key, f"{kind}\0{identity}".encode("utf-8", "backslashreplace"), hashlib.sha256)
    return PREFIXES[kind] + digest.hexdigest()[:_CHARACTERS]


def key_mark(key: bytes | None) -> str | None:
    """What tells whether two runs had the same key, and nothing else of it; None without a key."""
    return None if key is None else hmac.new(key, b"which key", hashlib.sha256).hexdigest()[:16]


def pseudonymised(transcript: Transcript, key: bytes) -> Transcript:
    """The transcript with pseudonyms for its customer and agents."""

    def agent(identity: str | None) -> str | None:
        return None if identity is None else pseudonym(key, "agent", identity)

    customer = transcript.customer_id
    return replace(
        transcript,
        customer_id=None if customer is None else pseudonym(key, "customer", customer),
        agent_id=agent(transcript.agent_id),
        turns=tuple(
            turn if turn.agent_id is None else replace(turn, agent_id=agent(turn.agent_id)) for turn in transcript.turns
        ),
    )
