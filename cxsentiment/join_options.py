"""The options by which commands take survey answers and contact logs from beside a run: one list for all of them."""

import functools
import inspect
from collections.abc import Callable, Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import TYPE_CHECKING

from cxsentiment.arguments import (
    CesDirection,
    CesScale,
    CsatMap,
    CsatScale,
    DateOrderOption,
    Keep,
    LogFiles,
    LogTimeUnit,
    Map,
    MatchBy,
    MatchWindow,
    SurveyFiles,
    Timezone,
)

if TYPE_CHECKING:
    from cxsentiment.ingest.joins import Joins

_PARAMETER = "beside"


@dataclass(frozen=True, slots=True)
class JoinOptions:
    """The options as typed; each field is one, with its form and help in its type."""

    surveys: SurveyFiles = field(default_factory=list)
    csat_scale: CsatScale = None
    csat_map: CsatMap = field(default_factory=list)
    ces_scale: CesScale = None
    ces_direction: CesDirection = None
    match: MatchBy = "id"
    match_window: MatchWindow = "72h"
    keep: Keep = "last"
    date_order: DateOrderOption = None
    timezone: Timezone = None
    log: LogFiles = field(default_factory=list)
    log_time_unit: LogTimeUnit = "s"
    map_: Map = field(default_factory=list)

    def read(self) -> "Joins":
        """Survey files and contact logs, read. Raises UsageError for what cannot be used."""
        from cxsentiment.ingest.joins import read_joins

        return read_joins(**asdict(self))


AS_TYPED = JoinOptions()
"""The default of a command's parameter `beside`: nothing typed."""
DATES = ("date_order", "timezone")
LOGS = ("log", "log_time_unit")
SCALES = ("csat_scale", "csat_map", "ces_scale", "ces_direction")
MATCHING = ("match", "match_window", "keep")
EVERY = tuple(one.name for one in fields(JoinOptions))


def joined_by(names: Sequence[str]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options of these names, which it takes together as its parameter `beside`: JoinOptions.

    The command line reads a function's signature, so that of the command is written out with one parameter an option,
    in the order of `EVERY`, in the place of `beside`.
    """
    chosen = [one for one in fields(JoinOptions) if one.name in names]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command)
        parameters = []
        for name, parameter in own.parameters.items():
            if name != _PARAMETER:
                parameters.append(parameter)
                continue
            for one in chosen:
                default = one.default if one.default_factory is MISSING else one.default_factory()
                kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
                parameters.append(inspect.Parameter(one.name, kind, default=default, annotation=one.type))

        @functools.wraps(command)
        def call(**given: object) -> None:
            typed = {one.name: given.pop(one.name) for one in chosen}
            command(**given, **{_PARAMETER: JoinOptions(**typed)})  # type: ignore[arg-type]

        call.__signature__ = own.replace(parameters=parameters)  # type: ignore[attr-defined]
        call.__annotations__ = {one.name: one.annotation for one in parameters} | {"return": None}
        return call

    return decorate
