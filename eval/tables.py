"""Evaluation results as Markdown tables."""

from typing import Any

from cxsentiment.kept_figures import OF_BUNDLE

TITLES = {"sentiment": "Customer sentiment", "acts": "Agent acts"}
MODEL = "this model"


def interval(figure: dict[str, Any]) -> str:
    """`.812 [.79, .83]`; `.812` where too few cases give an interval; a dash where there was nothing to measure."""
    if figure["value"] is None:
        return "–"
    if figure["low"] is None:
        return f"{figure['value']:.3f}"
    return f"{figure['value']:.3f} [{figure['low']:.2f}, {figure['high']:.2f}]"


def _table(head: list[str], rows: list[list[str]]) -> list[str]:
    return ["| " + " | ".join(row) + " |" for row in (head, ["---"] * len(head), *rows)]


def comparison(sets: dict[str, Any]) -> list[str]:
    """Macro-F1 of each method (rows) on each set (columns)."""
    rows = [[method, *(interval(figures[method]["macro_f1"]) for figures in sets.values())] for method in sets["all"]]
    counted = [
        f"{name} ({figures[MODEL]['turns']} turns, {len(figures[MODEL]['macro_classes'])} classes)"
        for name, figures in sets.items()
    ]
    return _table(["macro-F1", *counted], rows)


def classes(figures: dict[str, Any]) -> list[str]:
    """Precision, recall, F1 and average precision of each class."""
    rows = [
        [name, str(one["cases"]), *(interval(one[key]) for key in ("precision", "recall", "f1", "ap"))]
        for name, one in figures["classes"].items()
    ]
    return _table(["class", "cases", "precision", "recall", "F1", "average precision"], rows)


def sections(results: dict[str, Any]) -> list[str]:
    """The lines of both heads: against the baselines, then class by class on all sets together."""
    lines: list[str] = []
    for head, sets in results["heads"].items():
        sources = {name: figures for name, figures in sets.items() if not name.startswith("style ")}
        styles = {name: figures for name, figures in sets.items() if name == "all" or name.startswith("style ")}
        mine = sets["all"][MODEL]
        lines += ["", f"## {TITLES[head]}", "", *comparison(sources), "", "By style:", "", *comparison(styles), ""]
        lines += [
            f"On all {mine['turns']} test turns of {mine['conversations']} conversations: micro-F1 "
            f"{interval(mine['micro_f1'])}, expected calibration error {mine['ece']:.3f}. Class by class:",
            "",
            *classes(mine),
            "",
            "The same on the real turns of service_turns alone:",
            "",
            *classes(sets["service_turns"][MODEL]),
        ]
    lines += ["", "## Transfer to other talk", ""]
    lines += _table(
        ["test set", "turns", "macro-F1", *("negative F1", "neutral F1", "positive F1")],
        [
            [
                name,
                str(one["turns"]),
                interval(one["macro_f1"]),
                *(interval(one["classes"][label]["f1"]) for label in ("negative", "neutral", "positive")),
            ]
            for name, one in results["transfer"].items()
            if name != "probes"
        ],
    )
    return lines + probes(results["transfer"]["probes"]) + calibration(results["calibration"])


def probes(found: dict[str, Any]) -> list[str]:
    """Area under the ROC curve of each method (rows) on each corpus (columns)."""
    if not found:
        return []
    methods = list(next(iter(found.values()))["auc"])
    rows = [[method, *(interval(one["auc"][method]) for one in found.values())] for method in methods]
    counted = [f"{name} ({one['cases']} of {one['turns']} turns)" for name, one in found.items()]
    return ["", *_table(["area under the ROC curve", *counted], rows)]


def calibration(heads: dict[str, Any]) -> list[str]:
    """Expected calibration error of each head (rows) on each channel (columns)."""
    channels = list(dict.fromkeys(channel for found in heads.values() for channel in found))
    rows = [
        [
            TITLES[head],
            *(
                f"{found[c]['ece']:.3f}, {found[c]['ece_above']:.3f} ({found[c]['turns']} turns)" if c in found else "–"
                for c in channels
            ),
        ]
        for head, found in heads.items()
    ]
    intro = "Expected calibration error by channel: of all scores, of scores of .1 and more."
    return ["", "## Calibration", "", intro, "", *_table(["head", *channels], rows)]


def _left_out(results: dict[str, Any]) -> str:
    """Of the random turns; results from before they were compared with training turns say nothing of it."""
    if "left_out" not in results:
        return " (some of them say what a training turn says)"
    number = results["left_out"]["random_turns"]
    return f" ({number} that say what a turn of a training conversation says, or nearly, are left out)"


def markdown(results: dict[str, Any]) -> str:
    """The whole report."""
    model = results["model"]
    lines = [
        f"# Evaluation of {model['name']} {model['version']}",
        "",
        f"Written by `python -m eval.run`; bundle.json sha256 {model[OF_BUNDLE][:16]}…, bundle "
        f"{model['bytes'] / 1e6:.1f} MB. Test conversations were kept from training by hash. 95 % intervals: bootstrap "
        "over conversations. Macro-F1 is the mean over the classes with at least ten cases in the set. service_turns "
        "are real turns, further_turns more of them, many chosen as hard, random_turns more again, drawn at random and "
        f"labelled by the majority of three{_left_out(results)}, posts public posts that are no service talk, most of "
        "them chosen as hard; none of these three counts in another set; "
        "service_talk and act_gallery were written for this project, so kin of the training texts; "
        "strangers were written too, but nothing by their writers was ever trained on.",
        *sections(results),
    ]
    return "\n".join(lines) + "\n"
