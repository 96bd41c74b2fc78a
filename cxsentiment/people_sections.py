"""What people found of contacts → a section of a report: shares that use machine and people, and how far off it is."""

from collections.abc import Sequence

from cxsentiment.calibration import ECE, EVERYWHERE, IN_THE_LARGE, CalibrationFigure
from cxsentiment.charts import shares_chart, words
from cxsentiment.page_schema import Columns, FigureView, Section, TableView
from cxsentiment.pages.printing import NONE, PRINTERS, interval, number
from cxsentiment.rates import ALL, MACHINE_ONLY, Rate
from cxsentiment.schema import ItemRate
from cxsentiment.text import clean

_TITLE = "With what people found"


def people_section(
    rates: Sequence[Rate], calibration: Sequence[CalibrationFigure], items: Sequence[ItemRate], notes: Sequence[str]
) -> Section:
    """Shares of all campaigns together by item and class of critical errors, and the machine's probabilities held
    against people's verdicts; `items` are the machine's own shares.
    """
    shown = [one for one in rates if one.campaign == ALL and one.kind != "accuracy"]
    corrected = [one for one in shown if not one.estimate.method.startswith(MACHINE_ONLY)]
    met = [(words(one.name), one.estimate) for one in corrected if one.kind == "item"]
    caption = "Share of contacts that met each item, by people and machine together, with its 95% interval"
    chart = shares_chart("people-items", caption, met, most=1.0)
    tables = [_rates_table(shown, {one.item: one for one in items})] if shown else []
    if checked := _calibration_rows(calibration):
        columns: Columns = (
            ("Item", "id"), ("Labels", "n"), ("Said too often by", "n"), ("95% interval", "n"),
            ("Off by, on average", "n"), ("95% interval", "n"), ("Note", "note"),
        )  # fmt: skip
        tables.append(
            TableView("people-calibration", "The machine's probabilities against people's verdicts", columns, checked)
        )
    return Section(
        "items",
        _TITLE,
        says=_says(corrected, len(shown)),
        text=(
            "People graded some of the contacts. Where their verdicts are enough, the share is people's, made more "
            "precise by what the machine says of the contacts that nobody graded; the column “How” says which way each "
            "figure was made. “Said too often” is the machine's mean probability that an item was met less the share "
            "that people found met, on the contacts that people graded: above 0 it flatters, below 0 it is too strict.",
        ),
        figures=(FigureView(chart, f"{caption}."),) if chart else (),
        tables=tuple(tables),
        notes=tuple(dict.fromkeys(notes)),
    )


def _says(corrected: Sequence[Rate], total: int) -> tuple[str, ...]:
    if not corrected:
        return ("People's verdicts are too few to correct any figure: all are the machine's alone.",)
    labels = max(one.labels for one in corrected)
    rest = "" if len(corrected) == total else "; the others are the machine's alone"
    return (
        f"{len(corrected)} of {total} figures use what people found, on up to {number(labels)} contacts each{rest}.",
    )


def _rates_table(rates: Sequence[Rate], machine: dict[str, ItemRate]) -> TableView:
    share = PRINTERS["share"]
    rows = []
    for one in rates:
        item = machine.get(one.name) if one.kind == "item" else None
        rows.append(
            (
                words(one.name) if one.kind == "item" else f"Critical error: {words(one.name)}",
                number(one.labels),
                NONE if item is None else share(item.estimate.value),
                share(one.estimate.value),
                interval(one.estimate, "share"),
                one.estimate.method,
                clean(one.estimate.reason or ""),
            )
        )
    columns: Columns = (
        ("Item", "id"), ("Labels", "n"), ("Machine's verdicts", "n"), ("With people", "n"), ("95% interval", "n"),
        ("How", "note"), ("Note", "note"),
    )  # fmt: skip
    return TableView("people-rates", "How often items were met, and critical errors happened", columns, tuple(rows))


def _calibration_rows(found: Sequence[CalibrationFigure]) -> tuple[tuple[str, ...], ...]:
    whole = [one for one in found if one.by == "all" and one.part == EVERYWHERE]
    by_item = {name: {one.measure: one.estimate for one in whole if one.item == name} for name in _names(whole)}
    rows = []
    for name, measures in by_item.items():
        large, error = measures[IN_THE_LARGE], measures[ECE]
        cells = [cell for one in (large, error) for cell in (PRINTERS["share"](one.value), interval(one, "share"))]
        rows.append((words(name), number(large.n), *cells, clean(large.reason or error.reason or "")))
    return tuple(rows)


def _names(found: Sequence[CalibrationFigure]) -> list[str]:
    return list(dict.fromkeys(one.item for one in found))
