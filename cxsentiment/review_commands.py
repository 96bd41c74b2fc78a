"""`cxsentiment labels …`, `agreement` and `plan`: what people said of contacts. Imports are inside the commands."""

from pathlib import Path
from typing import Annotated

import typer

from cxsentiment.amounts import counted
from cxsentiment.arguments import CsvFolder, DateOrderOption, Json, ParquetFolder, RunFolder, Timezone
from cxsentiment.errors import ExitCode

labels_app = typer.Typer(no_args_is_help=True, help="Import, list and export the verdicts of human graders.")

Database = Annotated[
    str, typer.Option("--db", metavar="PATH|URL", help="The store of labels: a file, or postgresql+psycopg://…")
]


def register(app: typer.Typer) -> None:
    """Add the commands of this module to the command line."""
    app.add_typer(labels_app, name="labels")
    app.command()(agreement)
    app.command()(plan)


@labels_app.command("import")
def import_(
    files: Annotated[
        list[str], typer.Argument(metavar="FILE…", help="CSV, Excel, JSONL, Parquet, or Amazon Connect evaluations.")
    ],
    db: Database,
    rubric: Annotated[
        str | None,
        typer.Option(metavar="RUBRIC", help="The scorecard they were graded by: a file or a ready-made one."),
    ] = None,
    map_: Annotated[
        list[str], typer.Option("--map", metavar="FIELD=COLUMN", help="Read our FIELD from their COLUMN.")
    ] = [],  # noqa: B006
    item: Annotated[
        list[str], typer.Option("--item", metavar="QUESTION=ITEM", help="The item a question or column stands for.")
    ] = [],  # noqa: B006
    value: Annotated[
        list[str], typer.Option("--value", metavar="WORD=VERDICT", help="What a word means: Maybe=0.5, Good=met.")
    ] = [],  # noqa: B006
    purpose: Annotated[
        str | None, typer.Option(help="Of rows that name none: random, double, targeted or coaching.")
    ] = None,
    grader: Annotated[str | None, typer.Option(metavar="NAME", help="Of rows that name none.")] = None,
    by: Annotated[str | None, typer.Option(metavar="NAME", help="Who imports, for the audit log.")] = None,
    rejects: Annotated[
        Path, typer.Option(metavar="FILE", help="Where refused rows go, one a line with its code.")
    ] = Path("labels-rejects.jsonl"),
    date_order: DateOrderOption = None,
    timezone: Timezone = None,
    as_json: Json = False,
) -> None:
    """Add verdicts of graders to the store. The same file again changes nothing; a new verdict keeps the old one."""
    from cxsentiment import review_terminal as terminal
    from cxsentiment.ingest.dates import date_rules
    from cxsentiment.reviews.importing import ImportRules, parse_items, parse_label_map, read_labels
    from cxsentiment.reviews.labels import known_purpose
    from cxsentiment.reviews.rejects import write_rejects
    from cxsentiment.reviews.store import LabelStore
    from cxsentiment.reviews.verdicts import parse_values
    from cxsentiment.rubric.reading import find_rubric, read_rubric

    card = read_rubric(find_rubric(rubric)) if rubric else None
    rules = ImportRules(
        columns=parse_label_map(map_),
        items=parse_items(item, card),
        words=parse_values(value),
        rubric=card,
        purpose=known_purpose(purpose),
        grader=grader,
        dates=date_rules(date_order, timezone),
    )
    read = read_labels(files, rules)
    with LabelStore.open(db, create=True) as store:
        added = store.add(read.labels, subject=", ".join(files), who=by, rejected=len(read.rejects))
    write_rejects(rejects, read.rejects)
    terminal.print_import(read, added, rejects, as_json=as_json)
    raise typer.Exit(ExitCode.REJECTS if read.rejects else ExitCode.DONE)


@labels_app.command("list")
def list_(db: Database, as_json: Json = False) -> None:
    """Count the labels by grader, item and purpose, and say which may calibrate the machine."""
    from cxsentiment import review_terminal as terminal
    from cxsentiment.reviews.store import LabelStore

    with LabelStore.open(db) as store:
        terminal.print_labels(store.labels(), len(store.superseded()), as_json=as_json)


@labels_app.command()
def export(
    db: Database,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="A .csv, .jsonl or .parquet file.")],
    history: Annotated[bool, typer.Option(help="Also verdicts that were replaced, and by which.")] = False,
    by: Annotated[str | None, typer.Option(metavar="NAME", help="Who exports, for the audit log.")] = None,
) -> None:
    """Write the labels to a file that `labels import` reads back."""
    from cxsentiment.reviews.exporting import export_labels
    from cxsentiment.reviews.store import LabelStore

    with LabelStore.open(db) as store:
        count = export_labels(store, out, history=history)
        store.note("exported", str(out), {"labels": count, "history": history}, by)
    typer.echo(f"{counted(count, 'label')} written to {out}")


@labels_app.command()
def erase(
    db: Database,
    contact: Annotated[list[str], typer.Option(metavar="ID", help="All labels of this contact; repeatable.")],
    reason: Annotated[str, typer.Option(metavar="TEXT", help="For the audit log, e.g. a ticket's number.")] = "",
    by: Annotated[str | None, typer.Option(metavar="NAME", help="Who erases, for the audit log.")] = None,
) -> None:
    """Remove all labels of contacts, history and comments included; the audit log keeps how many, and no ids."""
    from cxsentiment.erase import contact_of, require_no_id
    from cxsentiment.reviews.store import LabelStore

    ids = list(dict.fromkeys(map(contact_of, contact)))
    require_no_id(reason, [*contact, *ids])
    with LabelStore.open(db) as store:
        labelled = {label.contact_id for label in store.labels(history=True, contacts=ids)}
        count = store.erase(ids, reason=reason, who=by)
    typer.echo(f"{counted(count, 'label')} erased")
    if without := [one for one in ids if one not in labelled]:
        typer.echo(f"no label was of {', '.join(without)}; ids are compared as text: 17 is not 017")


@labels_app.command()
def log(db: Database, as_json: Json = False) -> None:
    """Print the audit log: who imported and exported what, and when."""
    from cxsentiment import review_terminal as terminal
    from cxsentiment.reviews.store import LabelStore

    with LabelStore.open(db) as store:
        terminal.print_log(store.log(), as_json=as_json)


def agreement(
    run: RunFolder,
    db: Database,
    contacts: Annotated[
        str | None, typer.Option(metavar="ID,…", help="Only these contacts: those of one calibration session.")
    ] = None,
    since: Annotated[str | None, typer.Option(metavar="DATE", help="Only verdicts given from this day on.")] = None,
    purpose: Annotated[
        str, typer.Option(metavar="NAME,…", help="Which labels count: random, double, targeted, coaching.")
    ] = "random,double",
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Also write the report to take along (Markdown).")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of the bootstrap.")] = 0,
    csv: CsvFolder = None,
    parquet: ParquetFolder = None,
    as_json: Json = False,
) -> None:
    """Say whether graders agree, item by item, how strict each is, and how the machine compares (a session report)."""
    from cxsentiment import review_terminal as terminal
    from cxsentiment.figures import write_all
    from cxsentiment.reviews.minutes import session_document
    from cxsentiment.reviews.session import choose, session_report
    from cxsentiment.reviews.store import LabelStore
    from cxsentiment.reviews.wording import agreement_tables
    from cxsentiment.runs import write_atomically

    with LabelStore.open(db) as store:
        chosen = choose(store.labels(), run, contacts=contacts, since=since, purposes=purpose)
    report = session_report(chosen, run, seed=seed)
    written = write_all(agreement_tables(report), None, csv, parquet)
    if out is not None:
        write_atomically(out, session_document(report, str(run)).encode("utf-8", "replace"))
        written.append(out)
    terminal.print_agreement(report, written, as_json=as_json)


def plan(
    run: RunFolder,
    goal: Annotated[str, typer.Option(help="per-agent (an interval for each agent) or critical (find rare errors).")],
    half_width: Annotated[
        float | None, typer.Option(metavar="POINTS", help="per-agent: each agent's mean score to ± this (0-100).")
    ] = None,
    prevalence: Annotated[
        float | None, typer.Option(metavar="SHARE", help="critical: how rare the errors are that must be found.")
    ] = None,
    confidence: Annotated[float, typer.Option(metavar="SHARE", help="critical: how sure to find one.")] = 0.95,
    db: Annotated[
        str | None, typer.Option("--db", metavar="PATH|URL", help="The store of labels: what is graded counts.")
    ] = None,
    at_most: Annotated[
        int | None, typer.Option(metavar="CONTACTS", min=1, help="No more than this: what people can grade.")
    ] = None,
    double: Annotated[
        int, typer.Option(metavar="CONTACTS", min=0, help="How many of them two graders grade, for agreement.")
    ] = 0,
    targeted: Annotated[
        int, typer.Option(metavar="CONTACTS", min=0, help="Besides: contacts with unsure verdicts or critical flags.")
    ] = 0,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The form to fill in.")] = Path("plan.csv"),
    overwrite: Annotated[bool, typer.Option(help="Replace forms that are there.")] = False,
    seed: Annotated[int, typer.Option(min=0, help="Of the drawing: same seed, same contacts.")] = 0,
    csv: CsvFolder = None,
    parquet: ParquetFolder = None,
    as_json: Json = False,
) -> None:
    """Say how many contacts people must grade, and draw them by chance into a form that `labels import` reads back."""
    from cxsentiment import review_terminal as terminal
    from cxsentiment.figures import write_all
    from cxsentiment.reviews.forms import plan_tables, write_forms
    from cxsentiment.reviews.planning import Goal, make_plan
    from cxsentiment.reviews.store import LabelStore

    wanted = Goal.of(goal, half_width=half_width, prevalence=prevalence, confidence=confidence, at_most=at_most)
    labels = []
    if db is not None:
        with LabelStore.open(db) as store:
            labels = store.labels()
    made = make_plan(run, wanted, labels, double=double, targeted=targeted, seed=seed)
    forms = write_forms(made, run, out, overwrite=overwrite)
    write_all(plan_tables(made), None, csv, parquet)
    terminal.print_plan(made, forms, as_json=as_json)
