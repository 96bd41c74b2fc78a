"""How much card data masking finds and how much else it leaves alone, on made sentences; and what it costs.

    python -m eval.masking

10,000 sentences each with a card typed, said, and said with 2 % of the words misheard, and 10,000 with numbers that are
no personal data. A card counts as masked only if no digit or word of it is left. The seed is fixed. The generators
(`eval.spoken_numbers`, `eval.kept_numbers`) share no word list with the masker, but the same people wrote both: real
calls are harder, and the figures are an upper bound.
"""

import argparse
import json
import random
import re
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from cxsentiment.ingest.intake import read_contacts
from cxsentiment.ingest.options import ReadOptions
from cxsentiment.ingest.sources import find_sources
from cxsentiment.privacy import mask, mask_transcript
from cxsentiment.schema import Transcript
from cxsentiment.stats.rates import wilson_interval
from eval.kept_numbers import KINDS, kept
from eval.spoken_numbers import Sample, said, typed

RESULTS = Path(__file__).parent / "results" / "masking.json"
DEMO = Path(__file__).parent.parent / "cxsentiment" / "demo" / "contacts.jsonl"
SENTENCES = 10_000
SEED = 20_261_129
ERRORS = 0.02
_WORD = re.compile(r"\d|[^\W\d_]+")
_EXAMPLES = 5
# Least shares that must be masked or kept.
GOALS: Mapping[str, float] = {"typed": 0.999, "said": 0.99, "said with errors": 0.95, "kept": 0.99}


def is_masked(sample: Sample) -> bool:
    """Whether nothing of the card is left: no digit of it, and no word beyond those of the sentence around it."""
    left = Counter(_WORD.findall(mask(sample.text).text.lower()))
    around = Counter(_WORD.findall((sample.before + sample.after).lower()))
    card = set(_WORD.findall(sample.card.lower())) - set("um uh er uhm and then dash okay so".split())
    return not any(word in card for word in left - around)


def is_exact(sample: Sample) -> bool:
    """Whether the card alone became [CARD] and the sentence around it stayed as it was."""
    return mask(sample.text).text == f"{sample.before}[CARD]{sample.after}"


def cards(make: Callable[[random.Random], Sample], count: int, seed: int) -> dict[str, Any]:
    """Shares of made sentences whose card is masked, and whose rest is left as it was."""
    chance = random.Random(seed)  # nosec B311  # repeatable by its seed; no secret
    samples = [make(chance) for _ in range(count)]
    good = [is_masked(sample) for sample in samples]
    by: dict[str, list[bool]] = {}
    for sample, masked in zip(samples, good, strict=True):
        by.setdefault(sample.brand, []).append(masked)
        by.setdefault(f"style {sample.style}", []).append(masked)
    return {
        "masked": _share(good),
        "exactly [CARD]": _share([is_exact(sample) for sample in samples]),
        "groups": {name: _share(values) for name, values in sorted(by.items())},
        "missed": [sample.text for sample, masked in zip(samples, good, strict=True) if not masked][:_EXAMPLES],
    }


def negatives(count: int, seed: int) -> dict[str, Any]:
    """Share of sentences with numbers that are no personal data which are left as they are, by kind."""
    chance = random.Random(seed)  # nosec B311  # repeatable by its seed; no secret
    kinds: dict[str, list[bool]] = {kind: [] for kind in KINDS}
    lost = []
    for place in range(count):
        kind = KINDS[place % len(KINDS)]
        text = kept(kind, chance)
        same = mask(text).text == text
        kinds[kind].append(same)
        if not same:
            lost.append(f"{text} -> {mask(text).text}")
    return {
        "kept": _share([same for values in kinds.values() for same in values]),
        "groups": {kind: _share(values) for kind, values in kinds.items() if values},
        "masked": lost[: 4 * _EXAMPLES],
    }


def cost(contacts: list[Transcript]) -> dict[str, Any]:
    """Milliseconds of processor time a turn, over whole contacts; the mean, and the 99th percentile of contacts."""
    for contact in contacts[:20]:
        mask_transcript(contact)
    times = []
    for contact in contacts:
        start = time.process_time()
        mask_transcript(contact)
        times.append((time.process_time() - start, len(contact.turns)))
    turns = sum(count for _, count in times)
    each = sorted(1000 * seconds / count for seconds, count in times)
    return {
        "turns": turns,
        "ms a turn": round(1000 * sum(seconds for seconds, _ in times) / turns, 4),
        "ms a turn, 99th percentile of contacts": round(each[int(0.99 * (len(each) - 1))], 4),
    }


def measure(count: int) -> dict[str, Any]:
    """Every figure, on `count` sentences each."""
    return {
        "seed": SEED,
        "sentences": count,
        "typed": cards(typed, count, SEED),
        "said": cards(said, count, SEED + 1),
        "said with errors": cards(lambda chance: said(chance, ERRORS), count, SEED + 2),
        "kept": negatives(count, SEED + 3),
    }


def demo_contacts(path: Path = DEMO) -> list[Transcript]:
    """The contacts of the demo campaign."""
    records = read_contacts(find_sources([str(path)]), ReadOptions())
    return [record for record in records if isinstance(record, Transcript)]


def short_of_goal(results: Mapping[str, Any]) -> list[str]:
    """What falls short of its goal."""
    found = {name: results[name]["kept" if name == "kept" else "masked"]["share"] for name in GOALS}
    lines = [f"{name}: {found[name]:.4f}, goal {goal}" for name, goal in GOALS.items() if found[name] < goal]
    kinds = results["kept"]["groups"].items()
    return lines + [f"kept, {kind}: {one['share']:.4f}" for kind, one in kinds if one["share"] < GOALS["kept"]]


def _share(values: list[bool]) -> dict[str, Any]:
    found = wilson_interval(sum(values), len(values))
    return {"share": found.value, "low": found.low, "high": found.high, "n": len(values)}


def _line(name: str, one: Mapping[str, Any]) -> str:
    return f"{name:<36} {one['share']:.4f}  [{one['low']:.4f}, {one['high']:.4f}]  n={one['n']}"


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sentences", type=int, default=SENTENCES, help="how many of each kind")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    results = measure(options.sentences)
    results["cost"] = cost(demo_contacts())
    for name in GOALS:
        shares = {key: one for key, one in results[name].items() if isinstance(one, dict) and "share" in one}
        for key, one in shares.items():
            print(_line(f"{name}: {key}", one))
        for key, one in results[name]["groups"].items():
            print(_line(f"    {key}", one))
        for text in results[name]["masked" if name == "kept" else "missed"]:
            print(f"      {text!r}")
    print(results["cost"])
    print("\n".join(short_of_goal(results)) or "every goal is met")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(results, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
