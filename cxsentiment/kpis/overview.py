"""The indicators of a run as its report shows them, each with its definition, interval and n.

An indicator whose data a run does not hold stands in the list with no value and the data it lacks.
"""

import pyarrow as pa

from cxsentiment.kpis.handling import first_response, logged, transcript_length
from cxsentiment.kpis.quality import judged, quality
from cxsentiment.kpis.resolution import first_contacts
from cxsentiment.kpis.surveys import Scale, ces, csat, nps
from cxsentiment.kpis.units import PERCENT
from cxsentiment.reasons import Reason
from cxsentiment.schema import Kpi
from cxsentiment.slices import all_contacts
from cxsentiment.starts import starts
from cxsentiment.stats.arrays import floats
from cxsentiment.stats.estimates import missing

# Indicator, unit, definition, the data it lacks.
_ELSEWHERE = (
    ("Service level", PERCENT, "answered within the target time / (offered - abandoned early)",
     "a declared target time and a contact log with queue times"),
    ("Customer retention", PERCENT, "(customers at the end - new customers) / customers at the start",
     "a customer table"),
    ("Customer lifetime value", "currency", "margin x retention / (1 + discount rate - retention)",
     "a customer table with margin and retention"),
)  # fmt: skip


def kpis(
    contacts: pa.Table,
    csat_scale: Scale | None,
    log: pa.Table | None = None,
    verdicts: pa.Table | None = None,
    zone: str | None = None,
) -> tuple[Kpi, ...]:
    """All indicators in a fixed order; shares and CSAT in percent (0-100), NPS from -100 to 100, times in seconds.

    `contacts` is the run's table; `csat_scale` the declared lowest and highest answer; `log` its contact log, where it
    has one; `verdicts` its items table; `zone` that of times that name none. Survey answers count as independent in
    their intervals, and describe the customers who answered only.
    """
    result = [*csat(floats(contacts["csat"]), csat_scale), nps(floats(contacts["nps"])), ces(floats(contacts["ces"]))]
    result += [*first_response(contacts), *transcript_length(contacts)]
    result += quality(contacts, judged(contacts, verdicts))
    result += logged(log)
    every = all_contacts(contacts, log)
    times = None if log is None else starts(every["started_at"], zone)
    result.append(first_contacts(every, times, present=None, has_log=log is not None).kpi)
    for name, unit, definition, lacks in _ELSEWHERE:
        result.append(
            Kpi(
                name,
                unit,
                missing(Reason("not_given", f"needs {lacks}, which this run does not hold"), "none"),
                definition,
            )
        )
    return tuple(result)
