"""Ctrl-C and SIGTERM as a request: what is under way is finished first; a second signal stops at once."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass(slots=True)
class Stop:
    """Whether it was asked to stop, and asked again because that takes too long."""

    requested: bool = False
    insisted: bool = False

    def check(self) -> None:
        """Raise KeyboardInterrupt where it was."""
        if self.requested:
            raise KeyboardInterrupt


_lasting: list[Stop] = []


@contextmanager
def stoppable(on_stop: Callable[[], None] = lambda: None) -> Iterator[Stop]:
    """While this lasts, the first signal sets the flag and calls `on_stop`; another raises KeyboardInterrupt.

    Within another one, what this was asked for is handed on to that at the end: a signal may come when nothing here
    looks at the flag any more. Only a main thread may take signals; in any other the flag stays as it is.
    """
    stop = Stop()

    def ask(number: int, frame: FrameType | None) -> None:
        stop.insisted = stop.requested
        stop.check()
        stop.requested = True
        on_stop()

    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    _lasting.append(stop)
    before = {number: signal.signal(number, ask) for number in SIGNALS}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        _lasting.pop()
        if stop.requested and _lasting:
            _lasting[-1].requested = True
