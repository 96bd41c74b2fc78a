"""`cxsentiment rubric …`: list, show, test, compare and exchange scorecards. Imports are inside the commands."""

from pathlib import Path
from typing import Annotated

import typer

from cxsentiment.errors import ExitCode

app = typer.Typer(no_args_is_help=True, help="List, test, explain, compare and exchange scorecards.")

RubricName = Annotated[str, typer.Argument(metavar="RUBRIC", help="A rubric file, or the name of a ready-made rubric.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


@app.command("list")
def list_(as_json: Json = False) -> None:
    """List the ready-made rubrics."""
    from cxsentiment import rubric_terminal as terminal
    from cxsentiment.rubric.reading import read_rubric, ready_rubrics

    found = {name: read_rubric(path) for name, path in ready_rubrics().items()}
    terminal.print_rubrics(found, as_json=as_json)


@app.command()
def show(rubric: RubricName) -> None:
    """Print a rubric's file, for copying into your own: `cxsentiment rubric show sales > mine.yaml`."""
    from cxsentiment.rubric.reading import find_rubric, read_rubric

    path = find_rubric(rubric)
    read_rubric(path)
    typer.echo(path.read_text(encoding="utf-8"), nl=False)


@app.command()
def schema() -> None:
    """Print the JSON Schema of rubrics, for editors that complete and check YAML."""
    from cxsentiment import rubric_terminal as terminal
    from cxsentiment.rubric.scorecard import Rubric

    terminal.print_json(Rubric.model_json_schema(by_alias=True))


@app.command("test")
def try_(
    rubric: RubricName,
    examples: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Example contacts; NAME.examples.yaml beside the rubric otherwise."),
    ] = None,
    run: Annotated[
        Path | None, typer.Option(metavar="RUN", help="Also try it on the contacts of a finished run.")
    ] = None,
    model: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Model folder; the shipped one otherwise.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Score the rubric's own example contacts and compare with what is expected (exit code 4 where they differ)."""
    from cxsentiment import rubric_terminal as terminal
    from cxsentiment.model import default_model
    from cxsentiment.rubric.examples import examples_beside, read_examples
    from cxsentiment.rubric.reading import find_rubric, read_rubric
    from cxsentiment.trial import lacking, try_examples, use_in_run

    path = find_rubric(rubric)
    card = read_rubric(path)
    place = examples or examples_beside(path)
    given = read_examples(place, card) if examples is not None or place.exists() else ()
    trials = try_examples(card, given, model or default_model()) if given else []
    uses, warnings = use_in_run(card, run) if run is not None else ([], [])
    terminal.print_trials(card, trials, lacking(card, given), uses, warnings, as_json=as_json)
    wrong = any(not trial.right for trial in trials)
    raise typer.Exit(ExitCode.GATE if wrong else ExitCode.DONE)


@app.command()
def diff(
    first: RubricName,
    second: Annotated[str, typer.Argument(metavar="RUBRIC", help="The rubric to compare it with.")],
    run: Annotated[Path, typer.Option(metavar="RUN", help="The finished run whose contacts both are applied to.")],
    as_json: Json = False,
) -> None:
    """Say which contacts and agents of a run change between two rubrics, and through which items."""
    from cxsentiment import rubric_run_terminal as terminal
    from cxsentiment.difference import compare
    from cxsentiment.rubric.reading import find_rubric, read_rubric

    cards = [read_rubric(find_rubric(name)) for name in (first, second)]
    terminal.print_difference(cards[0], cards[1], compare(cards[0], cards[1], run), as_json=as_json)


@app.command()
def explain(
    rubric: RubricName,
    contact: Annotated[str, typer.Option(metavar="ID", help="The contact to walk through.")],
    run: Annotated[Path, typer.Option(metavar="RUN", help="The finished run that holds it.")],
    as_json: Json = False,
) -> None:
    """Walk one contact item by item: question, verdict, how sure, what it counts, why, and the words that show it."""
    from cxsentiment import rubric_run_terminal as terminal
    from cxsentiment.explanation import explain as walk
    from cxsentiment.rubric.reading import find_rubric, read_rubric

    card = read_rubric(find_rubric(rubric))
    terminal.print_explanation(card, walk(card, run, contact), as_json=as_json)


@app.command()
def abstain(
    rubric: RubricName,
    run: Annotated[Path, typer.Option(metavar="RUN", help="The finished run whose verdicts are looked at.")],
    at_most: Annotated[
        float, typer.Option(metavar="SHARE", min=0.0, max=0.5, help="The share of wrong verdicts to stay under.")
    ] = 0.05,
    model: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Model folder; the shipped one otherwise.")
    ] = None,
    chart: Annotated[Path | None, typer.Option(metavar="FILE.svg", help="Also draw the curve into this file.")] = None,
    as_json: Json = False,
) -> None:
    """Show what leaving unsure verdicts to a person costs and saves, and the bounds that a wanted error needs."""
    from cxsentiment import rubric_run_terminal as terminal
    from cxsentiment.abstention import curves, lines_of, measured
    from cxsentiment.model import default_model
    from cxsentiment.rubric.reading import find_rubric, read_rubric

    card = read_rubric(find_rubric(rubric))
    found, (known, lacks) = curves(card, run), measured(model or default_model())
    if chart is not None and found:
        from cxsentiment.charts import abstention_chart
        from cxsentiment.runs import write_atomically

        write_atomically(chart, (abstention_chart(lines_of(found[0], known)) or "").encode())
    terminal.print_abstention(found, known, lacks, at_most, as_json=as_json)


def rescore(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A finished run folder; it stays as it is.")],
    rubric: Annotated[str, typer.Option(metavar="RUBRIC", help="A rubric file, or the name of a ready-made rubric.")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="RUN", help="The new run folder; RUN-NAME-VERSION otherwise.")
    ] = None,
    overwrite: Annotated[bool, typer.Option(help="Replace another run in the folder.")] = False,
    as_json: Json = False,
) -> None:
    """Score a finished run by another scorecard, from its stored predictions: the model is not run."""
    import shlex
    import sys

    from cxsentiment import rubric_run_terminal as terminal
    from cxsentiment.rescore import rescore as score_anew
    from cxsentiment.rubric.reading import find_rubric, read_rubric

    card = read_rubric(find_rubric(rubric))
    folder = out or run.with_name(f"{run.resolve().name}-{card.name}-{card.version}".replace("/", "-"))
    typed = shlex.join(["cxsentiment", *sys.argv[1:]])
    receipt = score_anew(run, card, folder, overwrite=overwrite, command=typed)
    terminal.print_rescored(receipt, folder, as_json=as_json)


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="An Amazon Connect form or evaluation, Google questions, CSV or XLSX.")],
    out: Annotated[Path, typer.Option(metavar="FILE.yaml", help="Where the rubric goes.")],
    source: Annotated[str | None, typer.Option("--from", help="amazon, google or sheet; found out otherwise.")] = None,
    critical: Annotated[
        str, typer.Option(help="The class of automatic fails: customer, business or compliance.")
    ] = "business",
) -> None:
    """Make a rubric of a scorecard from another system; what does not map is listed."""
    from cxsentiment import rubric_terminal as terminal
    from cxsentiment.arguments import one_of
    from cxsentiment.exchange import formats

    kind = one_of("--from", source, formats.SOURCES) if source is not None else None
    imported = formats.import_rubric(file, kind, one_of("--critical", critical, ("customer", "business", "compliance")))
    formats.write_rubric(out, formats.imported_text(imported, file.name))
    terminal.print_exchanged(out, imported.losses)


@app.command()
def export(
    rubric: RubricName,
    to: Annotated[str, typer.Option(help="amazon, google, csv or xlsx.")],
    out: Annotated[Path, typer.Option(metavar="FILE", help="Where it goes.")],
) -> None:
    """Write a rubric for another system, or as a spreadsheet; what does not map is listed."""
    from cxsentiment import rubric_terminal as terminal
    from cxsentiment.arguments import one_of
    from cxsentiment.exchange import formats
    from cxsentiment.rubric.reading import find_rubric, read_rubric

    target = one_of("--to", to, formats.TARGETS)
    content, losses = formats.export_rubric(read_rubric(find_rubric(rubric)), target)
    formats.write_new(out, content)
    terminal.print_exchanged(out, losses)


@app.command()
def template(file: Annotated[Path, typer.Argument(metavar="FILE", help="FILE.csv or FILE.xlsx.")]) -> None:
    """Write an empty scorecard sheet, with every column explained, for `cxsentiment rubric import`."""
    from cxsentiment import rubric_terminal as terminal
    from cxsentiment.exchange.formats import write_template

    write_template(file)
    terminal.print_exchanged(file, ())


@app.command("import-flows")
def import_flows_(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="ABCD's kb.json or guidelines.json, STAR charts.")
    ],
    out: Annotated[Path, typer.Option(metavar="FILE.yaml", help="Where the rubric with the flows goes.")],
    name: Annotated[str, typer.Option(help="The rubric's name.")] = "flows",
) -> None:
    """Make a rubric of published task protocols: a flow and an item for each; what does not map is listed."""
    from cxsentiment import rubric_terminal as terminal
    from cxsentiment.exchange.formats import write_rubric
    from cxsentiment.exchange.protocols import flows_text, import_flows

    imported = import_flows(files, name)
    write_rubric(out, flows_text(imported, files))
    terminal.print_exchanged(out, imported.losses)


@app.command()
def flows(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A finished run.")],
    rubric: Annotated[str, typer.Option(metavar="RUBRIC", help="The rubric whose flows are walked.")],
    as_json: Json = False,
) -> None:
    """Walk a rubric's flows over a run: for each step, the share done, missed, late or out of order."""
    from cxsentiment import rubric_terminal as terminal
    from cxsentiment.errors import UsageError
    from cxsentiment.rubric.reading import find_rubric, read_rubric
    from cxsentiment.walks import walk_run

    card = read_rubric(find_rubric(rubric))
    if not card.flows:
        raise UsageError("--rubric", f"{rubric} has no flows", do="See docs/flows.md")
    terminal.print_walks(walk_run(run, card), as_json=as_json)
