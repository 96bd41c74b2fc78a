"""Survey answers → CSAT, NPS and CES. Answers count as independent, and describe the customers who answered only."""

import numpy as np

from cxsentiment.kpis.units import PERCENT, because
from cxsentiment.reasons import Reason
from cxsentiment.schema import Kpi
from cxsentiment.stats.arrays import FloatArray
from cxsentiment.stats.estimates import clipped, missing, scaled
from cxsentiment.stats.indicators import net_promoter
from cxsentiment.stats.means import mean_t_interval
from cxsentiment.stats.rates import wilson_interval

_NPS_HIGHEST = 10
_SMALLEST_WITH_TOP_THREE = 9  # steps of a 1-10 scale
Scale = tuple[float, float]


def csat(answers: FloatArray, scale: Scale | None) -> list[Kpi]:
    """Share of satisfied customers and mean, both 0-100 %, on the declared scale (lowest, highest answer)."""
    top = "CSAT, satisfied customers"
    mean = "CSAT, mean"
    given, scale_or_why = _usable(answers, scale)
    if isinstance(scale_or_why, Reason):
        return [
            Kpi(
                top, PERCENT, missing(scale_or_why, "share, Wilson interval", given.size), "satisfied answers / answers"
            ),
            Kpi(mean, PERCENT, missing(scale_or_why, "mean, t interval", given.size), "100 x mean / highest answer"),
        ]
    scale = scale_or_why
    least = _satisfied_from(scale)
    named = f"{scale[0]:g}-{scale[1]:g}"
    share = scaled(wilson_interval(int(np.sum(given >= least)), given.size), 100)
    average = clipped(scaled(mean_t_interval(given), 100 / scale[1]), 100 * scale[0] / scale[1], 100.0)
    return [
        Kpi(top, PERCENT, share, f"answers of at least {least:g} on {named} / answers"),
        Kpi(mean, PERCENT, average, f"100 x mean / {scale[1]:g} on {named}"),
    ]


def csat_top_box(answers: FloatArray, scale: Scale | None) -> Kpi:
    """Share (0-100 %) of the highest answer alone."""
    given, scale_or_why = _usable(answers, scale)
    if isinstance(scale_or_why, Reason):
        return Kpi(
            "CSAT, top box", PERCENT, missing(scale_or_why, "share, Wilson interval", given.size), "highest answers / n"
        )
    scale = scale_or_why
    share = scaled(wilson_interval(int(np.sum(given >= scale[1])), given.size), 100)
    return Kpi("CSAT, top box", PERCENT, share, f"answers of {scale[1]:g} on {scale[0]:g}-{scale[1]:g} / answers")


def _usable(answers: FloatArray, scale: Scale | None) -> tuple[FloatArray, Scale | Reason]:
    """The answers given, and their scale, or why they cannot be used."""
    given = answers[~np.isnan(answers)]
    if given.size == 0:
        return given, Reason("no_answers", "no contact has a CSAT answer")
    if scale is None:
        return given, Reason(
            "not_declared",
            f"{given.size} CSAT answers, but their scale is not known: declare it with --csat-scale, such as 1-5",
        )
    if scale[1] <= 0 or scale[0] >= scale[1]:
        return given, Reason(
            "out_of_scale", f"the declared scale {scale[0]:g}-{scale[1]:g} must rise to a highest answer above 0"
        )
    if outside := int(np.sum((given < scale[0]) | (given > scale[1]))):
        return given, Reason(
            "out_of_scale",
            f"{outside} of {given.size} answers lie outside the declared scale {scale[0]:g}-{scale[1]:g}",
        )
    return given, scale


def _satisfied_from(scale: Scale) -> float:
    """Lowest answer that counts as satisfied: 4 of 1-5, 8 of 1-10, the upper one of a yes/no scale."""
    low, high = scale
    if high - low <= 1:
        return high
    return high - 2 if high - low >= _SMALLEST_WITH_TOP_THREE else high - 1


def nps(answers: FloatArray) -> Kpi:
    """Net promoter score, -100 to 100."""
    definition = "share answering 9-10 less share answering 0-6, x 100"
    given = answers[~np.isnan(answers)]
    method = net_promoter(np.zeros(0)).method
    if outside := int(np.sum((given < 0) | (given > _NPS_HIGHEST))):
        reason = Reason("out_of_scale", f"{outside} of {given.size} answers lie outside 0-10")
        return Kpi("NPS", "points", missing(reason, method, given.size), definition)
    return Kpi(
        "NPS", "points", because(net_promoter(given), Reason("no_answers", "no contact has an NPS answer")), definition
    )


def ces(answers: FloatArray) -> Kpi:
    """Mean customer effort answer; the run holds answers turned so that higher is easier."""
    estimate = because(mean_t_interval(answers), Reason("no_answers", "no contact has a CES answer"))
    definition = "mean answer; higher is easier, if it was asked so or --ces-direction says how"
    return Kpi("CES, mean", "answer", estimate, definition)
