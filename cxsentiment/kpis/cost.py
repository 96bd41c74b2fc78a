"""What evaluating a contact cost: the run's time on processor cores, at a declared price."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cxsentiment.kpis.units import PERCENT
from cxsentiment.reasons import Reason
from cxsentiment.schema import Estimate, Kpi
from cxsentiment.stats.estimates import bare, missing

_HOUR_S = 3600.0
_COUNTED = Reason("counted", "counted and multiplied by the declared price: no sample, so no interval")
_NAMES = ("Cost per evaluated contact", "Saved per evaluated contact", "Return on evaluation")


@dataclass(frozen=True, slots=True)
class Prices:
    """Declared prices in one currency: of a core for an hour, and of a person evaluating one contact."""

    core_hour: float | None = None
    manual_contact: float | None = None


def costs(receipt: Mapping[str, Any], prices: Prices) -> list[Kpi]:
    """Cost per evaluated contact, what it saves, and the return in % of the cost."""
    contacts = int(receipt["contacts"]["scored"])
    core_s = core_seconds(receipt)
    definitions = (
        "seconds on processor cores by the receipt / 3600 x price of a core hour / contacts scored; no licence and no "
        "work of people in it",
        "declared price of a person's evaluation - cost per evaluated contact; saved if a person would have done it",
        "100 x saved / cost per evaluated contact",
    )
    lacks = _lacks(receipt, contacts, core_s, prices)
    if lacks:
        return [_none(name, definition, lacks) for name, definition in zip(_NAMES, definitions, strict=True)]
    method = f"{core_s:.0f} core seconds / {contacts} contacts"
    each = per_contact(core_s, prices.core_hour or 0.0, contacts)
    found = [Kpi(_NAMES[0], "currency", bare(each, contacts, method, _COUNTED), definitions[0])]
    if prices.manual_contact is None:
        lacks = Reason(
            "not_declared", "say what a person's evaluation of a contact costs with --price-per-manual-evaluation"
        )
        return found + [_none(name, what, lacks) for name, what in zip(_NAMES[1:], definitions[1:], strict=True)]
    saved = prices.manual_contact - each
    found.append(Kpi(_NAMES[1], "currency", bare(saved, contacts, method, _COUNTED), definitions[1]))
    if each == 0:
        return [
            *found,
            _none(_NAMES[2], definitions[2], Reason("undefined", "the cost is 0, so there is no return on it")),
        ]
    gain: Estimate = bare(100 * saved / each, contacts, method, _COUNTED)
    return [*found, Kpi(_NAMES[2], PERCENT, gain, definitions[2])]


def per_contact(core_s: float, price_per_core_hour: float, contacts: int) -> float:
    """What one of so many contacts (at least 1) cost, in the currency of the price."""
    return core_s / _HOUR_S * price_per_core_hour / contacts


def core_seconds(receipt: Mapping[str, Any]) -> float:
    """Seconds that processors worked for the run. 0 where a receipt has none.

    A receipt of an earlier version holds only how long reading and the workers took, each on one core.
    """
    if (measured := receipt.get("core_seconds")) is not None:
        return float(measured)
    seconds = receipt.get("seconds") or {}
    return float(sum(value for phase, value in seconds.items() if phase != "total"))


def _lacks(receipt: Mapping[str, Any], contacts: int, core_s: float, prices: Prices) -> Reason | None:
    if prices.core_hour is None:
        return Reason("not_declared", "say the price of a core hour with --price-per-core-hour")
    if contacts == 0:
        return Reason("not_scored", "no contact was scored")
    if core_s <= 0:
        return Reason("not_given", "the run's receipt does not say how long it took")
    if receipt.get("rescored_from"):
        return Reason(
            "not_given",
            "this run was rescored from another, and its receipt holds the time of that alone: ask the run it was "
            "made from",
        )
    if reused := receipt.get("shards_reused"):
        return Reason(
            "not_given",
            f"{reused} parts of the run were taken from an earlier one, whose time the receipt does not hold",
        )
    return None


def _none(name: str, definition: str, reason: Reason) -> Kpi:
    return Kpi(name, PERCENT if name == _NAMES[2] else "currency", missing(reason, "none"), definition)
