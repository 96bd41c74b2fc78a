"""The command line. Imports of weight stand inside the commands, so that `--help` and errors are quick."""

import json
import shlex
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from cxsentiment.arguments import (
    DateOrderOption,
    FormatName,
    GuessRoles,
    Inputs,
    Json,
    KeepVendorMarks,
    Map,
    MaskAlso,
    NoMasking,
    PseudonymKey,
    Role,
    RoleFile,
    TimeUnit,
    Timezone,
)
from cxsentiment.consistency_commands import consistency
from cxsentiment.errors import CxError, ExitCode
from cxsentiment.join_options import AS_TYPED, EVERY, JoinOptions, joined_by
from cxsentiment.kpi_commands import kpis
from cxsentiment.review_commands import register as add_review_commands
from cxsentiment.rubric_commands import app as rubric_commands
from cxsentiment.rubric_commands import rescore
from cxsentiment.statistics_commands import app as statistics_commands

if TYPE_CHECKING:
    from cxsentiment.ingest.options import ReadOptions
    from cxsentiment.privacy import Masking

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Score every contact-centre transcript on this machine: customer sentiment, agent acts, your scorecard, agent "
    "scores with intervals and their association with CSAT. Nothing leaves the machine.",
    epilog="Exit codes: 0 done, 1 failure, 2 usage, 3 done with rejects, 130 interrupted.",
)
app.add_typer(rubric_commands, name="rubric")
app.command()(rescore)
app.command()(kpis)
app.command()(consistency)
add_review_commands(app)
app.add_typer(statistics_commands)


def main() -> NoReturn:
    """Run the command line and leave with the exit code of the contract."""
    try:
        app()
    except CxError as error:
        from cxsentiment import terminal

        terminal.fail(error)
        sys.exit(error.exit_code)
    sys.exit(ExitCode.DONE)


@contextmanager
def _interruptible() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        typer.echo("interrupted: run the same command again to go on from what is done", err=True)
        raise typer.Exit(ExitCode.INTERRUPTED) from None


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", is_eager=True, help="Print the version and leave.")] = False,
) -> None:
    if version:
        from importlib.metadata import version as installed

        _print(installed("cxsentiment"))
        raise typer.Exit


@app.command()
@joined_by(EVERY)
def score(
    inputs: Inputs,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="RUN", help="The run folder to write.")],
    rubric: Annotated[
        str | None, typer.Option(help="Scorecard: a YAML file, or a ready-made one's name; the default one otherwise.")
    ] = None,
    model: Annotated[Path | None, typer.Option(help="Model folder; the bundled one otherwise.")] = None,
    beside: JoinOptions = AS_TYPED,
    role: Role = [],  # noqa: B006
    roles: RoleFile = None,
    guess_roles: GuessRoles = False,
    format_: FormatName = None,
    time_unit: TimeUnit = None,
    mask_also: MaskAlso = [],  # noqa: B006
    no_masking: NoMasking = False,
    keep_vendor_marks: KeepVendorMarks = False,
    pseudonym_key: PseudonymKey = None,
    workers: Annotated[int, typer.Option(min=0, help="Processes; 0 means one per available core.")] = 0,
    overwrite: Annotated[bool, typer.Option(help="Replace another run that lies in RUN.")] = False,
    as_json: Json = False,
) -> None:
    """Score transcripts into a run folder. An interrupted run goes on where it stopped when run again."""
    from cxsentiment import terminal
    from cxsentiment.model import default_model
    from cxsentiment.pipeline import Settings, run
    from cxsentiment.rubric.reading import find_rubric, read_rubric

    joins = beside.read()
    settings = Settings(
        model=model or default_model(),
        rubric=read_rubric(find_rubric(rubric or "default")),
        options=_options(beside.map_, role, roles, guess_roles, format_, time_unit, beside.date_order, beside.timezone),
        surveys=joins.surveys,
        scales=joins.scales,
        log=joins.log,
        masking=_masking(mask_also, no_masking, keep_vendor_marks, pseudonym_key),
        workers=workers,
        overwrite=overwrite,
        command=_typed(),
    )
    with _interruptible(), terminal.progress(quiet=as_json) as show:
        receipt = run(inputs, out, settings, show)
    if as_json:
        _print_json(receipt)
    else:
        terminal.print_run(receipt, out)
        if receipt["contacts"]["scored"]:
            _print(f"next: cxsentiment report {out}")
    turns = receipt["turns"]
    rejected = receipt["contacts"]["rejected"] + turns["refused"] + turns["times_refused"] + _rejected_beside(receipt)
    raise typer.Exit(ExitCode.REJECTS if rejected else ExitCode.DONE)


@app.command()
@joined_by(EVERY)
def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder made by cxsentiment score.")],
    beside: JoinOptions = AS_TYPED,
    as_json: Json = False,
) -> None:
    """Write RUN/report (HTML page and CSVs) and print the main tables. Surveys or a log given here replace its own."""
    from cxsentiment import terminal
    from cxsentiment.findings import write_report

    findings, page = write_report(run, beside.read(), _typed())
    surveys, log = bool(beside.surveys), bool(beside.log)
    if as_json:
        from dataclasses import asdict

        _print_json({**asdict(findings), "page": str(page)})
    else:
        if surveys or log:
            terminal.print_joined(findings.run, page.with_name("rejects.jsonl"), surveys=surveys, log=log)
        terminal.print_findings(findings, page)
    rejected = _rejected_beside({"surveys": surveys and findings.run["surveys"], "log": log and findings.run["log"]})
    raise typer.Exit(ExitCode.REJECTS if rejected else ExitCode.DONE)


@app.command()
def check(
    files: Annotated[list[str], typer.Argument(help="Transcripts, rubrics (.yaml) or model folders.")],
    map_: Map = [],  # noqa: B006
    role: Role = [],  # noqa: B006
    roles: RoleFile = None,
    guess_roles: GuessRoles = False,
    format_: FormatName = None,
    time_unit: TimeUnit = None,
    date_order: DateOrderOption = None,
    timezone: Timezone = None,
    as_json: Json = False,
) -> None:
    """Say what files hold and what would be rejected, without scoring."""
    from dataclasses import asdict

    from cxsentiment.check import check as look
    from cxsentiment.check_terminal import print_checks

    options = _options(map_, role, roles, guess_roles, format_, time_unit, date_order, timezone)
    checks = list(look(files, options))
    if as_json:
        _print_json([asdict(found) for found in checks])
    else:
        print_checks(checks, options.unmet())
    raise typer.Exit(ExitCode.REJECTS if any(found.rejects for found in checks) else ExitCode.DONE)


@app.command()
def formats(as_json: Json = False) -> None:
    """List every format that can be read: how roles are known, the unit of its times, an example."""
    from dataclasses import asdict

    from cxsentiment import terminal
    from cxsentiment.ingest.readers import formats as known

    if as_json:
        _print_json([asdict(facts) for facts in known()])
    else:
        terminal.print_formats(known())


@app.command()
def erase(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN…", help="Run folders made by cxsentiment score.")],
    customer: Annotated[list[str], typer.Option(metavar="ID", help="Every contact of this customer.")] = [],  # noqa: B006
    contact: Annotated[list[str], typer.Option(metavar="ID", help="This contact.")] = [],  # noqa: B006
    retain: Annotated[int | None, typer.Option(metavar="DAYS", min=1, help="Contacts older than this.")] = None,
    undated: Annotated[bool, typer.Option(help="With --retain: contacts without a date too.")] = False,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="For the record, e.g. a ticket's number.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and change nothing.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Check the record of erasures, and erase nothing.")] = False,
    pseudonym_key: PseudonymKey = None,
    now: Annotated[str | None, typer.Option(metavar="DATE", help="Count the age from this moment (ISO 8601).")] = None,
    as_json: Json = False,
) -> None:
    """Remove customers, contacts or old contacts from run folders, and leave a record of it without their ids."""
    from dataclasses import asdict

    from cxsentiment import terminal
    from cxsentiment.erase import Whom, moment_of, verified
    from cxsentiment.erase import erase as remove
    from cxsentiment.privacy.pseudonyms import read_key

    if verify:
        found = {str(run): verified(run) for run in runs}
        _print_json(found) if as_json else terminal.print_records(found)
        return
    whom = Whom(tuple(customer), tuple(contact), retain, undated, read_key(pseudonym_key))
    done = []
    with _interruptible():
        for erasure in remove(runs, whom, reason=reason, dry_run=dry_run, now=moment_of(now)):
            done.append(asdict(erasure))
            if not as_json:
                terminal.print_erasure(erasure)
    if as_json:
        _print_json(done)


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="RUN", help="The run folder to write.")] = Path(
        "cxsentiment-demo"
    ),
    as_json: Json = False,
) -> None:
    """Score the bundled demo campaign (432 written contacts of eight agents) and report on it."""
    from dataclasses import asdict

    from cxsentiment import terminal
    from cxsentiment.findings import write_report
    from cxsentiment.ingest.joins import read_joins
    from cxsentiment.model import default_model
    from cxsentiment.pipeline import Settings, run
    from cxsentiment.rubric.reading import default_rubric, read_rubric

    campaign = Path(__file__).parent / "demo"
    joins = read_joins(surveys=[str(campaign / "surveys.csv")], csat_scale="1-5")
    settings = Settings(
        default_model(),
        read_rubric(default_rubric()),
        surveys=joins.surveys,
        overwrite=True,
        demo=True,
        command="cxsentiment demo",
    )
    with _interruptible(), terminal.progress(quiet=as_json) as show:
        receipt = run([str(campaign / "contacts.jsonl")], out, settings, show)
    findings, page = write_report(out)
    if as_json:
        _print_json({**asdict(findings), "page": str(page)})
    else:
        terminal.print_run(receipt, out)
        terminal.print_findings(findings, page)


def _options(
    map_: list[str],
    role: list[str],
    roles: Path | None = None,
    guess_roles: bool = False,
    format_: str | None = None,
    time_unit: str | None = None,
    date_order: str | None = None,
    timezone: str | None = None,
) -> "ReadOptions":
    from cxsentiment.ingest.dates import date_rules
    from cxsentiment.ingest.options import ReadOptions, parse_map, parse_roles, parse_time_unit, read_roles

    declared = {**(read_roles(roles) if roles else {}), **parse_roles(role)}
    return ReadOptions(
        parse_map(map_),
        declared,
        format_,
        guess_roles=guess_roles,
        time_unit=parse_time_unit(time_unit),
        dates=date_rules(date_order, timezone),
    )


def _rejected_beside(receipt: Mapping[str, Any]) -> int:
    """Refused rows of surveys and of the contact log."""
    return sum((receipt.get(name) or {}).get("rejected", 0) for name in ("surveys", "log"))


def _masking(also: list[str], off: bool, keep_vendor_marks: bool, key: Path | None) -> "Masking":
    from cxsentiment.privacy import Masking
    from cxsentiment.privacy.marks import STANDARD
    from cxsentiment.privacy.pseudonyms import read_key

    kinds = STANDARD | {kind.strip().upper() for text in also for kind in text.split(",")}
    return Masking(kinds, off=off, vendor_marks=not keep_vendor_marks, key=read_key(key))


def _typed() -> str:
    return shlex.join(["cxsentiment", *sys.argv[1:]])


def _print_json(document: Any) -> None:
    _print(json.dumps(document, ensure_ascii=False, indent=2, default=_plain))


def _plain(value: object) -> object:
    return str(value)


def _print(text: str) -> None:
    typer.echo(text)
