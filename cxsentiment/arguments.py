"""The options of the command line that several commands share: their names, forms and help."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, TypeVar

import typer

from cxsentiment.errors import UsageError

Choice = TypeVar("Choice", bound=str)

Inputs = Annotated[
    list[str],
    typer.Argument(
        help="Files, folders, globs, zip, tar, - (standard input), URLs of stores; see cxsentiment formats."
    ),
]
RunOut = Annotated[Path, typer.Option("--out", "-o", metavar="RUN", help="The run folder to write.")]
RubricOption = Annotated[
    str | None, typer.Option(help="Scorecard: a YAML file, or a ready-made one's name; the default one otherwise.")
]
ModelFolder = Annotated[Path | None, typer.Option(help="Model folder; the bundled one otherwise.")]
Workers = Annotated[int, typer.Option(min=0, help="Processes; 0 means one per available core, as memory allows.")]
EngineName = Annotated[
    str, typer.Option("--engine", metavar="ENGINE", help="Who scores: local (processes here) or spark (a cluster).")
]
Master = Annotated[
    str | None, typer.Option("--master", metavar="URL", help="The master of Spark: local[4], spark://HOST:7077, yarn …")
]
CacheFolder = Annotated[
    Path | None,
    typer.Option(
        "--cache",
        metavar="FOLDER",
        envvar="CXSENTIMENT_CACHE",
        help="Remember there what the model said, for this and later runs.",
    ),
]
DeviceOption = Annotated[
    str, typer.Option("--device", help="What runs the model: cpu, openvino, gpu, or auto, the fastest that is here.")
]


def _finite(price: float | None) -> float | None:
    if price is not None and not math.isfinite(price):
        raise UsageError(f"--price-per-core-hour {price}", "is no price", allowed="a finite number, 0 or more")
    return price


PricePerCoreHour = Annotated[
    float | None,
    typer.Option(
        "--price-per-core-hour",
        metavar="PRICE",
        min=0,
        callback=_finite,
        help="For the cost of 1,000 contacts, any currency.",
    ),
]
Map = Annotated[
    list[str],
    typer.Option("--map", metavar="FIELD=COLUMN", help="Read our FIELD from their COLUMN, e.g. text=message."),
]
Role = Annotated[
    list[str], typer.Option("--role", metavar="LABEL=SPEAKER", help="What a speaker label means, e.g. AGT=agent.")
]
# Surveys and contact logs: the same options when scoring and when reporting.
SurveyFiles = Annotated[
    list[str],
    typer.Option("--surveys", metavar="FILE", help="Survey answers (CSV, Excel, Qualtrics, JSON …); repeatable."),
]
CsatScale = Annotated[
    str | None, typer.Option("--csat-scale", metavar="WORST-BEST", help="The scale of CSAT answers, e.g. 1-5 or 5-1.")
]
CsatMap = Annotated[
    list[str], typer.Option("--csat-map", metavar="WORD=NUMBER", help="What a CSAT word stands for, e.g. good=1.")
]
CesScale = Annotated[
    str | None, typer.Option("--ces-scale", metavar="LOW-HIGH", help="The scale of CES answers; 1-7 otherwise.")
]
CesDirection = Annotated[
    str | None, typer.Option("--ces-direction", help="higher-is-easier (the default) or lower-is-easier.")
]
MatchBy = Annotated[
    str, typer.Option("--match", help="How answers find their contact: id, or customer (and time; see --match-window).")
]
MatchWindow = Annotated[
    str, typer.Option(metavar="TIME", help="How long after a contact its customer may answer: 72h, 3d, 30m.")
]
Keep = Annotated[str, typer.Option("--keep", help="Of several rows for one contact: last or first.")]
DateOrderOption = Annotated[
    str | None, typer.Option("--date-order", help="dmy, mdy or ymd, where 03/04/2024 could be two days.")
]
Timezone = Annotated[
    str | None, typer.Option("--timezone", metavar="ZONE", help="The zone of times that name none: Europe/Berlin.")
]
LogFiles = Annotated[
    list[str], typer.Option("--log", metavar="FILE", help="Contact log: one row a contact; repeatable.")
]
LogTimeUnit = Annotated[str, typer.Option("--log-time-unit", help="The unit of a log's durations: s, ms or min.")]
RoleFile = Annotated[
    Path | None, typer.Option("--roles", metavar="CSV", help="A file of roles: the columns label and speaker.")
]
GuessRoles = Annotated[
    bool,
    typer.Option("--guess-roles", help="Guess who is the agent where nobody says so, and mark those contacts."),
]
TimeUnit = Annotated[
    str | None, typer.Option("--time-unit", metavar="UNIT", help="Of the times in generic input: s, ms, us or ticks.")
]
FormatName = Annotated[
    str | None,
    typer.Option("--format", metavar="NAME", help="Read everything as this format (cxsentiment formats lists them)."),
]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder made by cxsentiment score.")]
CsvFolder = Annotated[Path | None, typer.Option("--csv", metavar="FOLDER", help="Also write each table as CSV.")]
ParquetFolder = Annotated[
    Path | None, typer.Option("--parquet", metavar="FOLDER", help="Also write each table as Parquet.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document for machines.")]
MaskAlso = Annotated[
    list[str], typer.Option("--mask-also", metavar="KIND", help="Mask order numbers (order) or names (name) too.")
]
NoMasking = Annotated[
    bool, typer.Option("--no-masking", help="Mask nothing but verification codes, PINs and one-time codes.")
]
KeepVendorMarks = Annotated[
    bool, typer.Option("--keep-vendor-marks", help="Leave the marks of other tools ([PII], {{SSN}}) as they are.")
]
PseudonymKey = Annotated[
    Path | None,
    typer.Option("--pseudonym-key", metavar="FILE", help="Replace customer and agent ids by keyed pseudonyms."),
]


def one_of(option: str, given: str, allowed: Sequence[Choice]) -> Choice:
    """The allowed value that was given. Raises UsageError for another."""
    for value in allowed:
        if value == given.strip().lower():
            return value
    raise UsageError(option, f"{given!r} is not known", allowed=", ".join(allowed))
