"""The deadlines of exchanges: one thread ends what is late, and nothing else."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from contextlib import ExitStack

from ip_fhir.wire.http.deadlines import Deadlines

_PATIENCE = 10.0


class Exchange:
    """An exchange that remembers how often it was shut down."""

    def __init__(self) -> None:
        self.ended = threading.Event()
        self.times = 0

    def shut_down(self) -> None:
        """Count it."""
        self.times += 1
        self.ended.set()


def test_what_is_late_is_ended() -> None:
    """Once, when its time is over, though its block goes on."""
    late = Exchange()
    began = time.monotonic()
    with Deadlines().watched(late, began + 0.05):
        assert late.ended.wait(_PATIENCE)
        assert time.monotonic() - began >= 0.05
        time.sleep(0.05)
    assert late.times == 1


def test_what_was_in_time_is_left_alone() -> None:
    """An exchange whose block has ended is not shut down, though others are whose end comes later."""
    deadlines, early, late = Deadlines(), Exchange(), Exchange()
    now = time.monotonic()
    with deadlines.watched(late, now + 0.1):
        with deadlines.watched(early, now + 0.05):
            pass
        assert late.ended.wait(_PATIENCE)
    assert (early.times, late.times) == (0, 1)


def test_a_short_time_does_not_wait_for_a_long_one() -> None:
    """The thread sleeps for a minute when an exchange comes that has a moment only: it is ended first."""
    deadlines, long, short = Deadlines(), Exchange(), Exchange()
    with deadlines.watched(long, time.monotonic() + 60):
        with deadlines.watched(short, time.monotonic() + 0.05):
            assert short.ended.wait(_PATIENCE)
        with deadlines.watched(short, time.monotonic() + 3600):
            pass
    assert (long.times, short.times) == (0, 1)


def test_one_thread_for_all() -> None:
    """Two hundred exchanges side by side, and as many one after the other, have one thread more."""
    deadlines, before = Deadlines(), set(threading.enumerate())  # of these some may end meanwhile
    with ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(deadlines.watched(Exchange(), time.monotonic() + 60))
            assert len(set(threading.enumerate()) - before) == 1
    for _ in range(200):
        with deadlines.watched(Exchange(), time.monotonic() + 60):
            pass
    assert len(set(threading.enumerate()) - before) == 1


_IN_A_CHILD = """
import os, sys, threading, time
from ip_fhir.wire.http.deadlines import DEADLINES

class Exchange:
    def __init__(self):
        self.ended = threading.Event()
    def shut_down(self):
        self.ended.set()

with DEADLINES.watched(Exchange(), time.monotonic() + 60):
    child = os.fork()
    if child == 0:
        late = Exchange()
        with DEADLINES.watched(late, time.monotonic() + 0.05):
            os._exit(0 if late.ended.wait(10) else 7)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_forked_process_has_a_thread_of_its_own() -> None:
    """Threads do not survive a fork: what is late in the child is ended there all the same."""
    ran = subprocess.run([sys.executable, "-W", "ignore", "-c", _IN_A_CHILD], check=False, timeout=60)
    assert ran.returncode == 0
