"""A signal is a request that whoever works last gets to know of."""

import os
import signal

import pytest

from cxsentiment.stopping import stoppable


def test_a_signal_when_a_batch_no_longer_looks_reaches_the_watch_around_it() -> None:
    with stoppable() as around:
        with stoppable() as batch:
            os.kill(os.getpid(), signal.SIGTERM)
            assert batch.requested
            assert not around.requested
        assert around.requested
        with pytest.raises(KeyboardInterrupt):
            around.check()


def test_a_batch_that_nobody_asked_to_stop_leaves_the_watch_alone() -> None:
    with stoppable() as around:
        with stoppable():
            pass
        assert not around.requested
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_a_second_signal_stops_at_once() -> None:
    with stoppable() as stop:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.requested
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
