"""The thread that runs one side: it does all that is due, again and again, until it is stopped."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING

from ip_fhir.errors import IpFhirError

if TYPE_CHECKING:
    from ip_fhir.exchange.exchange import Exchange

log = logging.getLogger("ip_fhir.exchange")

_REST_AFTER_ERROR = 5.0


class Worker:
    """Calls `exchange.run_due()` over and over; with nothing due it rests `rest` seconds or until there is activity."""

    def __init__(self, exchange: Exchange, rest: float) -> None:
        self._exchange = exchange
        self._rest = rest
        self._stopping = threading.Event()
        self._thread: threading.Thread | None = None
        self._passed = time.monotonic()

    @property
    def running(self) -> bool:
        """True if the thread is alive."""
        return self._thread is not None and self._thread.is_alive()

    @property
    def seconds_since_pass(self) -> float:
        """Seconds since the last pass began; a number that only grows means a stuck worker."""
        return time.monotonic() - self._passed

    def start(self) -> None:
        """Start the thread; a second start does nothing."""
        if not self.running:
            self._stopping.clear()
            self._thread = threading.Thread(target=self.run, name="ip-fhir-worker", daemon=True)
            self._thread.start()

    def stop(self, timeout: float | None = None) -> bool:
        """Finish the sendings under way and give back the rest. True if the thread ended within `timeout` seconds."""
        self._stopping.set()
        self._exchange.activity.set()
        if self._thread is not None:
            self._thread.join(timeout)
        return not self.running

    def run(self) -> None:
        """Run in this thread until another one calls `stop`; a signal handler must not, since `stop` takes locks."""
        while not self._stopping.is_set():
            self._passed = time.monotonic()
            self._exchange.activity.clear()
            if not self._once():
                self._exchange.activity.wait(self._rest)

    def _once(self) -> bool:
        """Make one pass, and return True to make the next at once. Errors are logged: only `stop` ends the loop."""
        try:
            return self._exchange.run_due(keep_going=lambda: not self._stopping.is_set()).anything
        except IpFhirError as error:
            log.error("worker: %s", error)  # noqa: TRY400 - a trace may hold a person's data
        except Exception as error:  # noqa: BLE001 - a worker that has died sends no reminder
            log.error("worker: unforeseen %s", type(error).__name__)  # noqa: TRY400 - as above
        self._stopping.wait(min(_REST_AFTER_ERROR, max(self._rest, 0.05)))
        return False
