"""The command line. Imports of weight stand inside the commands, so that `--help` and errors are quick."""

import json
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from cxsentiment.errors import CxError, ExitCode, InputError, UsageError

if TYPE_CHECKING:
    from cxsentiment.ingest.options import ReadOptions
    from cxsentiment.ingest.surveys import Scale, Surveys

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Score every contact-centre transcript on this machine: customer sentiment, agent acts, your scorecard, agent "
    "scores with intervals and their association with CSAT. Nothing leaves the machine.",
    epilog="Exit codes: 0 done, 1 failure, 2 usage, 3 done with rejects, 130 interrupted.",
)

Inputs = Annotated[
    list[str], typer.Argument(help="Files, folders or globs: JSONL (.gz, .zst), JSON, CSV, TSV, Parquet, plain text.")
]
Map = Annotated[
    list[str],
    typer.Option("--map", metavar="FIELD=COLUMN", help="Read our FIELD from their COLUMN, e.g. text=message."),
]
Role = Annotated[
    list[str], typer.Option("--role", metavar="LABEL=SPEAKER", help="What a speaker label means, e.g. AGT=agent.")
]
SurveyFile = Annotated[
    Path | None, typer.Option("--surveys", metavar="CSV", help="Survey answers: contact_id with csat, nps or ces.")
]
CsatScale = Annotated[
    str | None, typer.Option("--csat-scale", metavar="LOW-HIGH", help="The scale of CSAT answers, e.g. 1-5.")
]
RoleFile = Annotated[
    Path | None, typer.Option("--roles", metavar="CSV", help="A file of roles: the columns label and speaker.")
]
GuessRoles = Annotated[
    bool,
    typer.Option("--guess-roles", help="Guess who is the agent where nobody says so, and mark those contacts."),
]
FormatName = Annotated[
    str | None,
    typer.Option("--format", metavar="NAME", help="Read everything as this format (cxsentiment formats lists them)."),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document for machines.")]


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
def score(
    inputs: Inputs,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="RUN", help="The run folder to write.")],
    rubric: Annotated[Path | None, typer.Option(help="Scorecard (YAML); the default one otherwise.")] = None,
    model: Annotated[Path | None, typer.Option(help="Model folder; the bundled one otherwise.")] = None,
    surveys: SurveyFile = None,
    csat_scale: CsatScale = None,
    map_: Map = [],  # noqa: B006  (Typer copies it)
    role: Role = [],  # noqa: B006
    roles: RoleFile = None,
    guess_roles: GuessRoles = False,
    format_: FormatName = None,
    workers: Annotated[int, typer.Option(min=0, help="Processes; 0 means one per available core.")] = 0,
    overwrite: Annotated[bool, typer.Option(help="Replace another run that lies in RUN.")] = False,
    as_json: Json = False,
) -> None:
    """Score transcripts into a run folder. An interrupted run goes on where it stopped when run again."""
    from cxsentiment import terminal
    from cxsentiment.model import default_model
    from cxsentiment.pipeline import Settings, run
    from cxsentiment.rubric import default_rubric, read_rubric

    settings = Settings(
        model=model or default_model(),
        rubric=read_rubric(rubric or default_rubric()),
        options=_options(map_, role, roles, guess_roles, format_),
        surveys=_surveys(surveys, csat_scale, _options(map_, role)),
        csat_scale=_scale(csat_scale),
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
        _print(f"next: cxsentiment report {out}")
    rejected = receipt["contacts"]["rejected"] + (receipt["surveys"] or {}).get("rejected", 0)
    raise typer.Exit(ExitCode.REJECTS if rejected else ExitCode.DONE)


@app.command()
def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run folder made by cxsentiment score.")],
    surveys: SurveyFile = None,
    csat_scale: CsatScale = None,
    as_json: Json = False,
) -> None:
    """Write RUN/report (HTML page and CSVs) and print the main tables. Surveys given here replace the run's own."""
    from cxsentiment import terminal
    from cxsentiment.findings import write_report

    answers = _surveys(surveys, csat_scale)
    findings, page = write_report(run, answers, _scale(csat_scale), _typed())
    if as_json:
        from dataclasses import asdict

        _print_json({**asdict(findings), "page": str(page)})
    else:
        if answers is not None:
            terminal.print_surveys(findings.run["surveys"], page.with_name("rejects.jsonl"))
        terminal.print_findings(findings, page)
    raise typer.Exit(ExitCode.REJECTS if answers is not None and answers.rejects else ExitCode.DONE)


@app.command()
def check(
    files: Annotated[list[str], typer.Argument(help="Transcripts, rubrics (.yaml) or model folders.")],
    map_: Map = [],  # noqa: B006
    role: Role = [],  # noqa: B006
    roles: RoleFile = None,
    guess_roles: GuessRoles = False,
    format_: FormatName = None,
    as_json: Json = False,
) -> None:
    """Say what files hold and what would be rejected, without scoring."""
    from dataclasses import asdict

    from cxsentiment import terminal
    from cxsentiment.check import check as look

    checks = list(look(files, _options(map_, role, roles, guess_roles, format_)))
    if as_json:
        _print_json([asdict(found) for found in checks])
    else:
        terminal.print_checks(checks)
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
    now: Annotated[str | None, typer.Option(metavar="DATE", help="Count the age from this moment (ISO 8601).")] = None,
    as_json: Json = False,
) -> None:
    """Remove customers, contacts or old contacts from run folders, and leave a record of it without their ids."""
    from dataclasses import asdict

    from cxsentiment import terminal
    from cxsentiment.erase import Whom, moment_of, verified
    from cxsentiment.erase import erase as remove

    if verify:
        found = {str(run): verified(run) for run in runs}
        _print_json(found) if as_json else terminal.print_records(found)
        return
    whom = Whom(tuple(customer), tuple(contact), retain, undated)
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
    from cxsentiment.model import default_model
    from cxsentiment.pipeline import Settings, run
    from cxsentiment.rubric import default_rubric, read_rubric

    campaign = Path(__file__).parent / "demo"
    answers = _surveys(campaign / "surveys.csv", "1-5")
    settings = Settings(
        default_model(),
        read_rubric(default_rubric()),
        surveys=answers,
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
) -> "ReadOptions":
    from cxsentiment.ingest.options import ReadOptions, parse_map, parse_roles, read_roles

    declared = {**(read_roles(roles) if roles else {}), **parse_roles(role)}
    return ReadOptions(parse_map(map_), declared, format_, guess_roles)


def _scale(text: str | None) -> "Scale | None":
    from cxsentiment.ingest.surveys import parse_scale

    return parse_scale(text) if text else None


def _surveys(path: Path | None, csat_scale: str | None, options: "ReadOptions | None" = None) -> "Surveys | None":
    """The answers of a survey file; a file that cannot be used at all is a wrong argument, not a rejected record."""
    if path is None:
        return None
    from cxsentiment.ingest.surveys import read_surveys

    try:
        return read_surveys(path, _scale(csat_scale), options)
    except InputError as error:
        raise UsageError(error.where, error.what, allowed=error.allowed, do=error.do) from error


def _typed() -> str:
    return shlex.join(["cxsentiment", *sys.argv[1:]])


def _print_json(document: Any) -> None:
    _print(json.dumps(document, ensure_ascii=False, indent=2, default=_plain))


def _plain(value: object) -> object:
    return str(value)


def _print(text: str) -> None:
    typer.echo(text)
