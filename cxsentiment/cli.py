"""The command line. Imports of weight stand inside the commands, so that `--help` and errors are quick."""

import os
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer

from cxsentiment.arguments import (
    CacheFolder,
    DateOrderOption,
    FormatName,
    GuessRoles,
    Json,
    Map,
    Role,
    RoleFile,
    TimeUnit,
    Timezone,
)
from cxsentiment.coach_commands import coach
from cxsentiment.consistency_commands import consistency
from cxsentiment.errors import CxError, ExitCode, UsageError
from cxsentiment.invocation import interruptible, options_of, print_json, ready_streams, stopping
from cxsentiment.kpi_commands import kpis
from cxsentiment.report_commands import report
from cxsentiment.review_commands import register as add_review_commands
from cxsentiment.rubric_commands import app as rubric_commands
from cxsentiment.rubric_commands import rescore
from cxsentiment.score_commands import score
from cxsentiment.serve_commands import register as add_serve_commands
from cxsentiment.statistics_commands import app as statistics_commands
from cxsentiment.verify_commands import verify
from cxsentiment.watch_commands import watch

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Score every contact-centre transcript on this machine: customer sentiment, agent acts, your scorecard, agent "
    "scores with intervals and their association with CSAT. Nothing leaves the machine.",
    epilog="Exit codes: 0 done, 1 failure, 2 usage, 3 done with rejects, 4 a check was missed, 130 interrupted.",
)
app.command()(score)
app.command()(watch)
app.command()(verify)
app.add_typer(rubric_commands, name="rubric")
app.command()(report)
app.command()(rescore)
app.command()(kpis)
app.command()(consistency)
app.command()(coach)
add_review_commands(app)
add_serve_commands(app)
app.add_typer(statistics_commands)


def main() -> NoReturn:
    """Run the command line and leave with the exit code of the contract."""
    # The statistics work on small matrices, where threads wait for each other: drivers took 15 times as long with two.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    ready_streams()
    try:
        app()
    except CxError as error:
        _fail(error)
    except OSError as error:  # of a path that no command could know beforehand: too long a name, a folder that is shut
        where, what = str(error.filename or ""), error.strerror or str(error)
        _fail(CxError(where, what, do="Check the path, who may read and write there, and the space on the disk"))
    sys.exit(ExitCode.DONE)


def _fail(error: CxError) -> NoReturn:
    from cxsentiment import terminal

    terminal.fail(error)
    sys.exit(error.exit_code)


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", is_eager=True, help="Print the version and leave.")] = False,
) -> None:
    if version:
        from importlib.metadata import version as installed

        typer.echo(installed("cxsentiment"))
        raise typer.Exit


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
    from cxsentiment.ingest.installed import installed
    from cxsentiment.terminal import warn_of_readers

    options = options_of(map_, role, roles, guess_roles, format_, time_unit, date_order, timezone)
    checks = list(look(files, options))
    if as_json:
        print_json([asdict(found) for found in checks])
    else:
        print_checks(checks, options.unmet())
    warn_of_readers(installed().faults.values())
    raise typer.Exit(ExitCode.REJECTS if any(found.rejects for found in checks) else ExitCode.DONE)


@app.command()
def formats(as_json: Json = False) -> None:
    """List every format that can be read: how roles are known, the unit of its times, an example."""
    from dataclasses import asdict

    from cxsentiment import terminal
    from cxsentiment.ingest.facts import formats as own
    from cxsentiment.ingest.installed import installed

    known = [*own(), *(given.facts for given in installed().usable())]
    if as_json:
        print_json([asdict(facts) for facts in known])
    else:
        terminal.print_formats(known)
    terminal.warn_of_readers(installed().faults.values())


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
    pseudonym_key: Annotated[
        Path | None,
        typer.Option("--pseudonym-key", metavar="FILE", help="The key of a run's pseudonyms, to find customers by id."),
    ] = None,
    now: Annotated[str | None, typer.Option(metavar="DATE", help="Count the age from this moment (ISO 8601).")] = None,
    as_json: Json = False,
) -> None:
    """Remove customers, contacts or old contacts from run folders, and leave a record of it without their ids."""
    from dataclasses import asdict

    from cxsentiment import erase_terminal as terminal
    from cxsentiment.erase import Whom, moment_of, verified
    from cxsentiment.erase import erase as remove
    from cxsentiment.privacy.pseudonyms import read_key

    if verify:
        if customer or contact or retain is not None or dry_run:
            what = "only checks the record, and erases nobody"
            raise UsageError("--verify", what, do="Erase first, without --verify; then check")
        found = {str(run): verified(run) for run in runs}
        print_json(found) if as_json else terminal.print_records(found)
        return
    whom = Whom(tuple(customer), tuple(contact), retain, undated, read_key(pseudonym_key))
    done = []
    with interruptible():
        for erasure in remove(runs, whom, reason=reason, dry_run=dry_run, now=moment_of(now)):
            done.append(asdict(erasure))
            if not as_json:
                terminal.print_erasure(erasure)
    if as_json:
        print_json(done)


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", "-o", metavar="RUN", help="The run folder to write.")] = Path(
        "cxsentiment-demo"
    ),
    cache: CacheFolder = None,
    as_json: Json = False,
) -> None:
    """Score the bundled demo campaign (432 written contacts of eight agents) and report on it."""
    from cxsentiment import score_terminal, terminal
    from cxsentiment.figures import document
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
        cache=cache,
        demo=True,
        command="cxsentiment demo",
    )
    with interruptible(), terminal.progress(quiet=as_json) as show:
        receipt = run([str(campaign / "contacts.jsonl")], out, settings, show, stopping)
    findings, page = write_report(out)
    if as_json:
        print_json({**document(findings), "page": str(page)})
    else:
        terminal.print_run(receipt, out)
        score_terminal.print_spent(receipt)
        terminal.print_findings(findings, page)
