"""The deadlines of all exchanges, watched by one thread: a timer for each would cost as much as half an exchange."""

from __future__ import annotations

import os
import threading
import time
from contextlib import contextmanager
from math import inf
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


class Ending(Protocol):
    """An exchange that can be ended from another thread, without waiting for anything."""

    def shut_down(self) -> None:
        """Ends whatever the exchange waits for."""
        ...


class Deadlines:
    """The exchanges under way, and the moment (monotonic seconds) at which each must be over.

    Its thread starts with the first exchange. It is woken by one that must end before all others, and otherwise sleeps
    until the first moment that it knew: once in the time that an exchange may take, however many come and go.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition(threading.Lock())
        self._ends: dict[Ending, float] = {}
        self._next = inf  # when the thread looks again
        self._thread: threading.Thread | None = None

    @contextmanager
    def watched(self, exchange: Ending, end: float) -> Iterator[None]:
        """Shuts the exchange down if the block has not ended at `end`; once the block has ended, never."""
        with self._changed:
            if self._thread is None:
                thread = threading.Thread(target=self._watch, name="deadlines", daemon=True)
                thread.start()
                self._thread = thread
            self._ends[exchange] = end
            if end < self._next:
                self._next = end
                self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._ends.pop(exchange, None)

    def _watch(self) -> None:
        with self._changed:
            while True:
                now = time.monotonic()
                for exchange in [one for one, end in self._ends.items() if end <= now]:
                    del self._ends[exchange]
                    exchange.shut_down()
                self._next = min(self._ends.values(), default=inf)
                self._changed.wait(min(self._next - now, threading.TIMEOUT_MAX))


DEADLINES: Final = Deadlines()

if hasattr(os, "register_at_fork"):  # not on Windows
    # A child has neither the thread nor the exchanges; the lock may have been held by a thread that it has not.
    os.register_at_fork(after_in_child=DEADLINES.__init__)  # type: ignore[misc]
