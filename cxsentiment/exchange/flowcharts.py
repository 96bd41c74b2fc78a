"""Flows that were read from another project's protocol, before they are put into a rubric."""

from dataclasses import dataclass
from typing import Any

from cxsentiment.exchange.losses import Loss


@dataclass(frozen=True, slots=True)
class Drawn:
    """Flows, each as (name of the task, title, plain data without an id), and what did not map.

    `campaigns`: further names under which contacts of the tasks may run, the same for all flows.
    """

    flows: tuple[tuple[str, str, dict[str, Any]], ...]
    losses: tuple[Loss, ...] = ()
    campaigns: tuple[str, ...] = ()
