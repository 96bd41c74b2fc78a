"""`cxsentiment watch`: looks at a folder every few seconds and scores the files that have landed into one run."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cxsentiment.batches import Batches
from cxsentiment.errors import BusyError, UnsettledError
from cxsentiment.landing import Landing, State
from cxsentiment.pipeline import Settings
from cxsentiment.stopping import Stop, stoppable

_TICK_S = 0.2  # how soon a signal is heeded between two looks


@dataclass(frozen=True, slots=True)
class Rhythm:
    """Seconds between two looks, and for how long a file must have stayed the same before it is read."""

    interval_s: float = 5.0
    settle_s: float = 2.0


def watch(
    folder: Path,
    out: Path,
    settings: Settings,
    rhythm: Rhythm,
    *,
    once: bool = False,
    on_note: Callable[[str], None] = lambda text: None,
    on_stop: Callable[[], None] = lambda: None,
) -> Iterator[dict[str, Any]]:
    """Score files as they land in `folder` into `out`, and yield the receipt after each batch, with `this_batch`.

    Ends on SIGINT or SIGTERM, when the shards under way are written (the rest of the batch goes on at the next start);
    with `once` after all files that lay there at the start. `on_note` is told what stands in the way, once each time.
    Raises as `Batches.take`, but with `once` alone for a busy run; otherwise it waits for it. A file that does not rest
    is looked at again. With `once` a signal that comes before anything was scored raises KeyboardInterrupt.
    """
    landing, taken = Landing(folder, out, rhythm.settle_s), dict[Path, State | None]()
    batches = Batches(out, settings, on_stop=on_stop)
    told = ""
    with stoppable(on_stop) as stop:
        landing.look(time.monotonic())
        _rest(rhythm.settle_s, stop)
        if once:
            stop.check()
        first = True
        while not stop.requested:
            at_rest = True
            landed, waiting = landing.look(time.monotonic())
            new = [path for path in landed if taken.get(path) != landing.state(path)]
            note = _still(len(waiting)) if waiting else ""
            try:
                done = batches.take(new) if new or first else []
                first = False
                taken |= {path: landing.state(path) for path in new}
                yield from done
            except BusyError as error:
                if once:
                    raise
                note = error.message
            except UnsettledError as error:
                note, at_rest = error.message, False
            if note and note != told:
                on_note(note)
            told = note
            if once and at_rest:
                return
            _rest(rhythm.interval_s, stop)
        if once:
            stop.check()


def _rest(seconds: float, stop: Stop) -> None:
    end = time.monotonic() + seconds
    while not stop.requested and (left := end - time.monotonic()) > 0:
        time.sleep(min(left, _TICK_S))


def _still(count: int) -> str:
    if count == 1:
        return "1 file still changes, or is empty: it is read when it stays"
    return f"{count:,} files still change, or are empty: they are read when they stay"
