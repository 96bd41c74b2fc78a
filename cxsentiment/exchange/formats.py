"""Finds out what kind of scorecard a file holds, and reads or writes each kind."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Literal

from cxsentiment.errors import RubricError, UsageError
from cxsentiment.exchange import amazon, files, google, sheet
from cxsentiment.exchange.documents import read_bytes, read_json
from cxsentiment.exchange.layout import rubric_text
from cxsentiment.exchange.losses import Imported, Loss
from cxsentiment.rubric.reading import parse_rubric, read_rubric
from cxsentiment.rubric.scorecard import Rubric
from cxsentiment.schema import Criticality

Source = Literal["amazon", "google", "sheet"]
Target = Literal["amazon", "google", "csv", "xlsx"]
SOURCES: tuple[Source, ...] = ("amazon", "google", "sheet")
TARGETS: tuple[Target, ...] = ("amazon", "google", "csv", "xlsx")
_KNOWN = "an Amazon Connect form or evaluation, Google QA questions, a CSV or XLSX sheet"


def import_rubric(path: Path, source: Source | None = None, critical: Criticality = "business") -> Imported:
    """The rubric that a file of another system holds, checked, and what did not map. Raises RubricError."""
    imported = _read(path, source, critical)
    parse_rubric(imported.content, str(path))
    return imported


def imported_text(imported: Imported, source: str) -> str:
    """The YAML of an imported rubric, with where it comes from and what did not map as comments."""
    head = [
        f"Imported from {source} by cxsentiment. Items without met_when are graded by a person until you write one:",
        "see docs/rubric.md, and try it with `cxsentiment rubric test`.",
    ]
    return rubric_text(imported.content, head, imported.losses)


def export_rubric(rubric: Rubric, target: Target) -> tuple[bytes, tuple[Loss, ...]]:
    """The rubric as a file of another system, and what did not map."""
    if target in ("amazon", "google"):
        written = amazon.write_form(rubric) if target == "amazon" else google.write_questions(rubric)
        return (json.dumps(written.content, ensure_ascii=False, indent=2) + "\n").encode(), written.losses
    written = sheet.write_rows(rubric)
    settings, rows = written.content
    make = files.csv_bytes if target == "csv" else files.xlsx_bytes
    return make(settings, rows), written.losses


def write_template(path: Path) -> None:
    """Write an empty scorecard sheet. Raises UsageError for a file that stands, or of another kind."""
    if path.suffix.lower() not in (".csv", ".xlsx"):
        raise UsageError(str(path), "is neither CSV nor XLSX", allowed="FILE.csv or FILE.xlsx")
    write_new(path, files.template(path))


def write_new(path: Path, content: bytes) -> None:
    """Write a file that does not stand yet. Raises UsageError."""
    try:
        with path.open("xb") as file:
            file.write(content)
    except FileExistsError as error:
        raise UsageError(str(path), "stands already", do="Give another name, or remove it") from error
    except OSError as error:
        raise UsageError(
            str(path), f"cannot be written: {error.strerror}", do="Give a file in a folder that stands"
        ) from error


def write_rubric(path: Path, text: str) -> None:
    """Write a rubric's YAML into a new file, and read it again. Raises RubricError, and leaves no file, for one that
    cannot be used: too large, say.
    """
    write_new(path, text.encode())
    try:
        read_rubric(path)
    except RubricError:
        path.unlink()
        raise


def _read(path: Path, source: Source | None, critical: Criticality) -> Imported:
    if source == "sheet" or (source is None and not _looks_like_json(path)):
        rows, losses = files.read_sheet(path)
        imported = sheet.read_rows(rows, str(path), path.stem)
        return replace(imported, losses=(*losses, *imported.losses))
    document = read_json(path)
    where = str(path)
    if source in (None, "amazon"):
        if amazon.is_form(document):
            return amazon.read_form(document, where, critical)
        if amazon.is_evaluation(document):
            return amazon.read_evaluation(document, where, critical)
    if source in (None, "google") and google.is_questions(document):
        return google.read_questions(document, where, path.stem)
    kinds = {"amazon": "Items, or schemaVersion with sections and questions", "google": "qaQuestions with questionBody"}
    raise RubricError(where, "is JSON of another kind", allowed=kinds.get(source or "", _KNOWN))


def _looks_like_json(path: Path) -> bool:
    start = read_bytes(path)[:4096].lstrip(b"\xef\xbb\xbf \t\r\n")
    return start[:1] in (b"{", b"[")
