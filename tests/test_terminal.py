import io

import pytest
from rich.console import Console

from cxsentiment import terminal
from cxsentiment.pipeline import Progress
from cxsentiment.score_terminal import print_spent


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
