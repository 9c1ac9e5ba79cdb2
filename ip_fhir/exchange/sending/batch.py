"""Claims due outbox rows in batches and sends several at a time; the store keeps each referral's rows in order.

A row is tried only in the first half of its lease: the second half is left for the peer to answer in, so that no other
worker claims it meanwhile. Claimed rows that could not be tried in time, or before a stop, are given back.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar

from ip_fhir.errors import StoreError, Unreadable
from ip_fhir.exchange.outbound import Done, send
from ip_fhir.exchange.sending.due import RunCounts

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from ip_fhir.exchange.context import Context
    from ip_fhir.ports import OutboxRow

log = logging.getLogger("ip_fhir.exchange")

T = TypeVar("T")
Outcome: TypeAlias = Done | Literal["given back"]


class InlineExecutor(Executor):
    """Runs each call at once in the calling thread: for a worker that sends one row at a time."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        """Call `fn` and return a finished future."""
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:  # noqa: BLE001 - whoever asks for the result gets it
            future.set_exception(error)
        return future


@dataclass(frozen=True, slots=True)
class RunClock:
    """The time (UTC) within one run: `fixed` if the caller gave one, else the clock's.

    `began` is when the run began, in seconds of the machine's monotonic clock.
    """

    clock: Callable[[], datetime]
    fixed: datetime | None
    began: float

    @classmethod
    def of(cls, context: Context, fixed: datetime | None) -> RunClock:
        """The clock of a run that begins at this moment."""
        return cls(context.clock.now, fixed, time.monotonic())

    def now(self) -> datetime:
        """The present moment in UTC."""
        return self.fixed or self.clock()

    def held_from(self) -> float:
        """The start of a lease that is claimed at `now`, in seconds of the machine's monotonic clock."""
        return self.began if self.fixed is not None else time.monotonic()


class Sending:
    """One run over the outbox. `keep_going` is called from several threads."""

    def __init__(self, context: Context, run_clock: RunClock, keep_going: Callable[[], bool], pool: Executor) -> None:
        self._context = context
        self._run_clock = run_clock
        self._keep_going = keep_going
        self._pool = pool
        self._under_way: set[Future[Outcome]] = set()
        self._done: Counter[Outcome] = Counter()
        self._failed: Exception | None = None

    def run(self, limit: int) -> RunCounts:
        """Send until no due row can be claimed, `limit` rows are done, or `keep_going` says stop. Raises `StoreError`.

        Rows that are being sent are finished in any case. Returns the rows by outcome.
        """
        while True:
            if self._may_claim(limit):
                self._claim(limit)
            if not self._under_way:
                break
            done, self._under_way = wait(self._under_way, return_when=FIRST_COMPLETED)
            for future in done:
                self._note(future)
        if self._failed is not None:
            raise self._failed
        return RunCounts(**{name: number for name, number in self._done.items() if name != "given back"})

    def _may_claim(self, limit: int) -> bool:
        """True if the pool has room, `limit` is not reached, and a lease claimed now would leave time to send."""
        room = len(self._under_way) < self._context.settings.parallel
        return room and self._done.total() + len(self._under_way) < limit and self._going(self._run_clock.held_from())

    def _going(self, held_from: float) -> bool:
        in_time = time.monotonic() - held_from < self._context.settings.lease / 2
        return in_time and self._failed is None and self._keep_going()

    def _claim(self, limit: int) -> None:
        settings, held_from = self._context.settings, self._run_clock.held_from()
        at_most = min(settings.batch, limit - self._done.total() - len(self._under_way))
        lease = timedelta(seconds=settings.lease)
        try:
            rows = self._context.store.claim(self._context.worker, self._run_clock.now(), lease, at_most)
        except StoreError as error:
            self._failed = error
            return
        self._under_way |= {self._pool.submit(self._one, row, held_from) for row in rows}

    def _one(self, row: OutboxRow, held_from: float) -> Outcome:
        if self._going(held_from):
            done = send(self._context, row, self._run_clock.now())
            self._context.counts.add("out", row.effect.message or row.effect.kind, done)
            return done
        with suppress(StoreError):  # then the lease runs out by itself
            self._context.store.give_back(row.id, row.claim)
        return "given back"

    def _note(self, future: Future[Outcome]) -> None:
        error = future.exception()
        if isinstance(error, StoreError) and not isinstance(error, Unreadable):
            self._failed = self._failed or error
        elif isinstance(error, Exception):  # this row's alone: its lease runs out, and it is tried again
            log.error("sending: %s", error if isinstance(error, Unreadable) else f"unforeseen {type(error).__name__}")
        else:
            self._done[future.result()] += 1
