import io
import json
import sys
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from cxsentiment import terminal
from cxsentiment.invocation import print_json, ready_streams
from cxsentiment.pipeline import Progress
from cxsentiment.schema import Estimate
from cxsentiment.score_terminal import print_spent
from cxsentiment.screens import as_typed, fitted


@pytest.mark.parametrize(
    ("fraction", "seconds", "said"),
    [
        (0.0, 5.0, "time left not known yet"),
        (0.25, 10.0, "about 30 s left"),
        (0.1, 100.0, "about 15 min left"),
        (1.0, 9.0, "about 0 s left"),
    ],
)
def test_remaining_time(fraction: float, seconds: float, said: str) -> None:
    assert terminal._left(Progress(fraction, 1, 1, seconds)) == said


def test_what_was_mended_is_told_apart_from_what_was_removed(capsys: pytest.CaptureFixture[str]) -> None:
    names = ["items/part-00000.parquet", "items/part-00000 (1).parquet"]
    receipt = {"redone": names, "files": {names[0]: "hash"}, "contacts_per_second": None, "core_seconds": 0.0}
    print_spent(receipt)
    mended, removed, _ = capsys.readouterr().out.splitlines()
    assert mended == f"scored again: {names[0]} was damaged or missing since it was written"
    assert removed == f"removed: {names[1]} lay among the parts of this run and is none"


def test_contacts_without_a_turn_have_no_speed_of_turns(capsys: pytest.CaptureFixture[str]) -> None:
    receipt = {"redone": [], "files": {}, "turns_per_second": None, "contacts_per_second": 2.5, "core_seconds": 0.5}
    print_spent({**receipt, "cost": None, "shards_reused": 0})
    assert capsys.readouterr().out == "0 turns a second; 2.5 contacts a second; 0.5 core-seconds\n"


def test_the_bar_shows_rate_and_remaining_time_from_its_first_update() -> None:
    """A small input has few shards, so one update must be enough to say how long it will take."""
    screen = io.StringIO()
    with terminal._bar(Console(file=screen, force_terminal=True, width=120)) as show:
        show(Progress(0.25, 50, 1000, 10.0))
    assert "the first part is under way" in screen.getvalue()
    assert "1,000 turns, 100 a second, about 30 s left" in screen.getvalue()


def test_lines_come_now_and_then_where_there_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(terminal, "_SECONDS_BETWEEN_LINES", 0.0)
    with terminal.progress(quiet=False) as show:
        show(Progress(0.5, 50, 1000, 10.0))
    assert capsys.readouterr().err == "scoring  50%: 50 contacts, 1,000 turns, 100 a second, about 10 s left\n"
    with terminal.progress(quiet=True) as show:
        show(Progress(0.5, 50, 1000, 10.0))
    assert capsys.readouterr().err == ""


def test_a_table_too_wide_for_the_screen_goes_on_below_and_loses_nothing() -> None:
    heads = ("agent", "95% interval", "reliability", "method", "allows")
    table = Table(*heads, box=None, pad_edge=False)
    cells = ("0a3c5-9e-fabe", r"0.50 \[-0.17, 0.62]", "0.98", "machine alone, uncalibrated", "differences only")
    table.add_row(*cells)
    screen = io.StringIO()
    Console(file=screen, width=40).print(fitted(table, 40))
    lines = [line.rstrip() for line in screen.getvalue().splitlines()]
    assert max(map(len, lines)) <= 40
    said = "".join(lines)
    assert "…" not in said
    assert sorted(said.replace(" ", "")) == sorted("".join((*heads, *cells)).replace(" ", "").replace("\\", ""))


def test_what_rounds_to_nothing_has_no_sign() -> None:
    assert terminal._interval(Estimate(0.1, -0.001, 0.2, 9, "m"), 2) == "\\[0.00, 0.20]"
    assert terminal._interval(Estimate(0.1, -0.01, 0.2, 9, "m"), 2) == "\\[-0.01, 0.20]"


def test_what_an_encoding_lacks_is_escaped_and_json_stays_json(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Latin-1 locale, or a file on Windows: "≤" and emoji were tracebacks there."""
    for encoding in ("cp1252", "iso8859-1", "utf-8"):
        kept = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(kept, encoding=encoding))
        ready_streams()
        told = {"said": "Überaus ✓ ≤ 😀", "file": "\udcff"}
        print_json(told)
        sys.stdout.flush()
        assert json.loads(kept.getvalue().decode(encoding)) == told


def test_pipes_of_windows_are_utf_8_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    for given, expected in ((None, "utf-8"), ("cp850", "cp1252")):
        monkeypatch.delenv("PYTHONIOENCODING", raising=False)
        if given is not None:
            monkeypatch.setenv("PYTHONIOENCODING", given)
        monkeypatch.setattr(sys, "stdout", stream := io.TextIOWrapper(io.BytesIO(), encoding="cp1252"))
        ready_streams()
        assert stream.encoding == expected


def test_a_closed_stream_takes_what_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    ready_streams()
    with sys.stdout:
        print_json("said to nobody")


def test_a_path_in_a_command_to_type_is_quoted_where_it_must_be(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (as_typed(Path("runs/may")), as_typed(Path("my run"))) == ("runs/may", "'my run'")
    monkeypatch.setattr(sys, "platform", "win32")
    assert (as_typed(Path("runs")), as_typed(Path("my run"))) == ("runs", '"my run"')
