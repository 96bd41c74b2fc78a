"""Item verdicts → `ItemRate`: how often each scorecard item was met where it applied."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pyarrow as pa

from cxsentiment.reasons import Reason
from cxsentiment.schema import ItemRate, ItemText
from cxsentiment.stats.arrays import codes
from cxsentiment.stats.rates import wilson_interval

_VERDICTS = ("met", "not_met", "not_applicable", "unscored")


def item_rates(items: pa.Table, texts: Mapping[str, ItemText]) -> tuple[ItemRate, ...]:
    """Rates in the order of `texts` (the rubric's); items that the texts do not name follow, by id.

    `items` needs the columns item, section and verdict. The denominator is met + not_met: contacts to which the item
    did not apply, or on which it was not scored, are counted apart. Contacts count as independent in the interval.
    """
    item_of, names = codes(items["item"])
    verdict_of, verdicts = codes(items["verdict"])
    counts = {name: dict.fromkeys(_VERDICTS, 0) for name in [*texts, *(name for name in names if name not in texts)]}
    cells, sizes = np.unique(np.stack([item_of, verdict_of]), axis=1, return_counts=True)
    for (item, verdict), size in zip(cells.T.tolist(), sizes.tolist(), strict=True):
        counts[names[item]][verdicts[verdict]] = size
    unnamed = _sections(items, {name for name in names if name not in texts})
    return tuple(_rate(name, texts.get(name, unnamed.get(name)), count) for name, count in counts.items())


def _sections(items: pa.Table, wanted: set[str]) -> dict[str, ItemText]:
    """Texts of items that the rubric at hand does not name: the section from the table, nothing else."""
    found: dict[str, ItemText] = {}
    if wanted:
        for item, section in zip(items["item"].to_pylist(), items["section"].to_pylist(), strict=True):
            if item in wanted and item not in found:
                found[item] = ItemText(section or "", "", "")
    return found


def _rate(item: str, text: ItemText | None, count: Mapping[str, int]) -> ItemRate:
    text = text or ItemText("", "", "")
    estimate = wilson_interval(count["met"], count["met"] + count["not_met"])
    if estimate.n == 0:
        scored = (
            Reason("not_scored", "it was not scored on any contact")
            if count["unscored"]
            else Reason("nothing_to_count", "it applied to no contact")
        )
        estimate = replace(estimate, reason=scored)
    return ItemRate(
        item=item,
        section=text.section,
        question=text.question,
        estimate=estimate,
        met=count["met"],
        not_met=count["not_met"],
        not_applicable=count["not_applicable"],
        unscored=count["unscored"],
        hint=text.hint,
    )
