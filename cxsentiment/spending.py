"""What a run took: how fast it went, the seconds that processors worked for it, and what that costs at a price."""

import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from cxsentiment.kpis.cost import per_contact
from cxsentiment.shards import ShardResult


def processor_seconds() -> float:
    """Seconds that processors have worked for this process, and its children that have ended (`counts_children`)."""
    return sum(os.times()[:4])


def counts_children() -> bool:
    """Whether `processor_seconds` knows of children. Windows does not add them up: there they tell it themselves."""
    return sys.platform != "win32"


def spent(
    results: Sequence[ShardResult], seconds: float, core_seconds: float, price_per_core_hour: float | None
) -> dict[str, Any]:
    """What the receipt says of it; rates and cost are those of what this run scored itself, shards reused left out.

    `seconds` are by the clock, `core_seconds` of processors. The price is that of a core for an hour, in any currency.
    """
    fresh = [result.note for result in results if result.seconds]
    contacts = sum(note.contacts for note in fresh)
    return {
        "turns_per_second": _rate(sum(note.turns_in for note in fresh), seconds),
        "contacts_per_second": _rate(contacts, seconds),
        "core_seconds": round(core_seconds, 3),
        "cost": cost(contacts, core_seconds, price_per_core_hour),
    }


def cost(contacts: int, core_seconds: float, price_per_core_hour: float | None) -> Mapping[str, Any] | None:
    """The price and what 1,000 contacts cost at it, in its currency; None without a price or contacts."""
    if price_per_core_hour is None or not contacts:
        return None
    each = per_contact(core_seconds, price_per_core_hour, contacts)
    return {"price_per_core_hour": price_per_core_hour, "per_1000_contacts": round(1000 * each, 6)}


def _rate(count: int, seconds: float) -> float | None:
    return round(count / seconds, 1) if count and seconds > 0 else None
