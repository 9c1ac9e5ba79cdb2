"""The threads that run one side, again and again until they are stopped: for timers, for sending, for subscriptions."""

from __future__ import annotations

import logging
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

from ip_fhir.errors import IpFhirError
from ip_fhir.exchange.sending.batch import TOGETHER

if TYPE_CHECKING:
    from collections.abc import Callable

    from ip_fhir.exchange.exchange import Exchange

log = logging.getLogger("ip_fhir.exchange")

_REST_AFTER_ERROR = 5.0
_SHARE_OF_GRACE = 0.7  # half of it goes to the sendings under way, and a little to giving back the others


class Worker:
    """Handles timers in one thread, sends in another, notifies subscribers in a third: no peer delays a timer.

    With nothing due each rests `rest` seconds, or until there is activity.
    """

    def __init__(self, exchange: Exchange, rest: float) -> None:
        self._exchange = exchange
        self._rest = rest
        self._loops = self._new_loops()

    @property
    def running(self) -> bool:
        """True if all threads are alive."""
        return all(loop.thread.is_alive() for loop in self._loops)

    @property
    def seconds_since_pass(self) -> float:
        """Seconds since the last step of the slowest thread; a number that only grows means a stuck worker."""
        return max(time.monotonic() - loop.stepped for loop in self._loops)

    @property
    def stuck(self) -> bool:
        """True if a thread has made no step for twice as long as a lease and a rest: a restart would help."""
        return self.running and self.seconds_since_pass > 2 * (self._exchange.settings.lease + self._rest)

    def start(self) -> None:
        """Start the threads; a second start does nothing."""
        if not self.running:
            self._loops = self._new_loops()
            for loop in self._loops:
                loop.thread.start()

    def stop(self, timeout: float | None = None) -> bool:
        """Finish the sendings under way and give back the rest. True if the threads ended within `timeout` seconds.

        They wait for a sending half of `worker.grace` at most, and `stop` for them a little longer, unless `timeout`
        says otherwise; a row whose sending goes on is sent again when its lease is over.
        """
        end = time.monotonic() + (self._exchange.settings.grace * _SHARE_OF_GRACE if timeout is None else timeout)
        for loop in self._loops:
            loop.stop()
        for loop in self._loops:
            if loop.thread.is_alive():
                loop.thread.join(max(0.0, end - time.monotonic()))
        return not any(loop.thread.is_alive() for loop in self._loops)

    def _new_loops(self) -> tuple[_Loop, ...]:
        exchange = self._exchange
        return (
            _Loop(
                "ip-fhir-timers",
                lambda go: exchange.run_timers(keep_going=go).anything,
                exchange.stirred,
                Pace(self._rest, self._rest / 10, 0.0),
            ),
            _Loop(
                "ip-fhir-worker",
                lambda go: exchange.run_outbox(go).anything,
                exchange.activity,
                Pace(self._rest, min(TOGETHER, self._rest / 10), self._rest / 10),  # nothing due was left
            ),
            _Loop(
                "ip-fhir-hooks",
                lambda go: exchange.run_subscriptions(go).anything,
                exchange.written,
                Pace(self._rest, self._rest / 10, self._rest / 10),
            ),
        )


class Pace(NamedTuple):
    """Seconds between two passes, after one that found nothing to do `rest`, after one that did something `again`.

    Where something happens meanwhile, `pause` after that, for what comes with it.
    """

    rest: float
    pause: float
    again: float


class _Loop:
    """A thread that makes one kind of pass again and again, sooner if the last one did something."""

    def __init__(
        self, name: str, pass_: Callable[[Callable[[], bool]], bool], wake: threading.Event, pace: Pace
    ) -> None:
        self._pass = pass_
        self._wake = wake
        self._pace = pace
        self._stopping = threading.Event()
        self.stepped = time.monotonic()
        self.thread = threading.Thread(target=self._run, name=name, daemon=True)

    def stop(self) -> None:
        """End after the present pass, which hears of it before its next step."""
        self._stopping.set()
        self._wake.set()

    def _keep_going(self) -> bool:
        self.stepped = time.monotonic()
        return not self._stopping.is_set()

    def _run(self) -> None:
        while self._keep_going():
            self._wake.clear()
            seconds = self._pace.again if self._once() else self._pace.rest
            if not self._stopping.is_set() and seconds and self._wake.wait(seconds):
                self._stopping.wait(self._pace.pause)

    def _once(self) -> bool:
        """Make one pass, and return True if it did something. Errors are logged: only `stop` ends the loop."""
        try:
            return self._pass(self._keep_going)
        except IpFhirError as error:
            log.error("worker: %s", error)  # noqa: TRY400 - a trace may hold a person's data
        except Exception as error:  # noqa: BLE001 - a worker that has died sends no reminder
            log.error("worker: unforeseen %s", type(error).__name__)  # noqa: TRY400 - as above
        self._stopping.wait(min(_REST_AFTER_ERROR, max(self._pace.rest, 0.05)))
        return False
