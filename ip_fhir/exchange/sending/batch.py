"""Claims due outbox rows in batches and sends several at a time; the store keeps each referral's rows in order.

A peer that is slow holds up nobody else: its rows go out by threads of its own (`bulkheads`), and are not claimed while
these are all busy or the peer rests (`circuits`). A row whose peer takes long does not count among those that go out at
a time.

Our own people are told of all rows of a claim in one thread, and in another as well if one of these takes long.

A row is tried only in the first half of its lease: the second half is left for the peer to answer in, so that no other
worker claims it meanwhile. Claimed rows that could not be tried in time, or before a stop, are given back. One that has
not ended with its lease is waited for no more: it will be claimed and sent again, the same bytes.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, deque
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from ip_fhir.domain.effects import EffectKind
from ip_fhir.errors import StoreError, Unreadable
from ip_fhir.exchange.outbound import Done, close_told, send
from ip_fhir.exchange.sending.run_counts import Moved, RunCounts
from ip_fhir.logs import log_message
from ip_fhir.tracing import span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from datetime import datetime

    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.sending.bulkheads import Bulkheads, Task
    from ip_fhir.ports import OutboxRow

log = logging.getLogger("ip_fhir.exchange")

TOGETHER: Final = 0.004
"""Seconds to wait, after something has happened, for what comes together with it: each look is a transaction."""

_LONG: Final = 0.25  # seconds after which a row that is being sent no longer counts among those that go out at a time


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


@dataclass(frozen=True, slots=True)
class _Claimed:
    """A row, and the start of its lease in seconds of the machine's monotonic clock."""

    row: OutboxRow
    held_from: float


@dataclass(frozen=True, slots=True)
class _UnderWay:
    """A row that is being sent since `began`, in seconds of the machine's monotonic clock.

    It is `together` with others if one thread takes them one after another.
    """

    claimed: _Claimed
    began: float
    together: bool = False


@dataclass(frozen=True, slots=True)
class Signals:
    """The ways in which a run and the others speak: all are called from the thread of the run.

    `keep_going` is asked before each step. `changes` grows when there may be a new row; `wake` is set then, too. After
    it was set the run waits `pause` seconds for what comes together with it.
    """

    keep_going: Callable[[], bool]
    changes: Callable[[], int]
    wake: threading.Event
    pause: float = 0.0


class Sending:
    """One run over the outbox, in one thread; the rows are sent in those of their peers."""

    def __init__(self, context: Context, run_clock: RunClock, signals: Signals, bulkheads: Bulkheads) -> None:
        self._context = context
        self._settings = context.settings
        self._run_clock = run_clock
        self._signals = signals
        self._bulkheads = bulkheads
        self._waiting: deque[_Claimed] = deque()
        self._under_way: dict[Future[Done], _UnderWay] = {}
        self._ended: deque[Future[Done]] = deque()
        self._done: Counter[Done] = Counter()
        self._noted: deque[Moved] = deque()
        self._moved = RunCounts()
        self._telling: deque[Task] = deque()
        self._telling_since = 0.0
        self._told: list[str] = []
        self._told_since = 0.0
        self._failed: Exception | None = None
        self._changes = -1
        self._looked = 0.0
        self._over: float | None = None

    def run(self, limit: int, *, in_turn: bool = False) -> RunCounts:
        """Send until no due row can be claimed, `limit` rows are done, or told to stop. Raises `StoreError`.

        With `in_turn` one row after another. Rows that are being sent are waited for: until the end of their lease, and
        after a stop or an error for half of `grace`. Returns the rows by outcome.
        """
        long = self._settings.lease if in_turn else _LONG
        while self._step(limit, long):
            if self._signals.wake.wait(min(self._settings.rest, _LONG)):
                time.sleep(self._signals.pause)
        if self._failed is not None:
            raise self._failed
        return self._moved + RunCounts.of((), **{str(name): number for name, number in self._done.items()})

    def _step(self, limit: int, long: float) -> bool:
        """Do what can be done without waiting. Returns True if there is something to wait for."""
        self._signals.wake.clear()
        going = self._signals.keep_going()
        self._collect()
        self._close_told()
        if not going or self._failed is not None:
            return self._wind_up()
        self._leave_hanging()
        self._give_back(self._untimely())
        self._start(long)
        while self._may_look(limit, long):
            self._claim(limit)
            self._start(long)
        return bool(self._under_way or self._waiting)

    def _collect(self) -> None:
        """Count the rows that have ended. More of the same peer may be there now."""
        while self._ended:
            future = self._ended.popleft()
            self._note_changes()
            ended = self._under_way.pop(future, None)
            if ended is None:  # it was left hanging
                continue
            peer, error = ended.claimed.row.peer, future.exception()
            if error is None:
                self._count(future.result(), ended.claimed.row)
            elif isinstance(error, StoreError) and not isinstance(error, Unreadable):
                self._failed = self._failed or error
            else:  # this row's alone: its lease runs out, and it is tried again
                said = error if isinstance(error, Unreadable) else f"unforeseen {type(error).__name__}"
                log.error("sending: %s", said)
            if all(claimed.row.peer != peer for claimed in self._waiting):
                self._looked = 0.0

    def _note_changes(self) -> None:
        """Take in the changes of rows that have ended; each loop and plan once, however long the run."""
        new = [self._noted.popleft() for _ in range(len(self._noted))]
        self._moved = self._moved + RunCounts.of(new) if new else self._moved

    def _count(self, done: Done, row: OutboxRow) -> None:
        self._done[done] += 1
        if done == "told" and row.peer is None:  # a row to a recipient is closed already
            self._told_since = self._told_since if self._told else time.monotonic()
            self._told.append(row.id)

    def _close_told(self, *, at_once: bool = False) -> None:
        """Close the rows that our own people were told of: together, if more are just being told, but soon."""
        more = any(one.claimed.row.peer is None for one in self._under_way.values())
        soon = len(self._told) < self._settings.batch and time.monotonic() - self._told_since < _LONG
        if not self._told or (more and soon and not at_once):
            return
        told, self._told = self._told, []
        try:
            close_told(self._context, told, self._run_clock.now())
        except StoreError as error:  # their leases run out, and they are told again
            self._failed = self._failed or error

    def _wind_up(self) -> bool:
        """Give back what waits; True while there is something under way, and some time for it."""
        self._close_told(at_once=True)
        self._take_back_telling()
        self._give_back(list(self._waiting))
        self._over = self._over or time.monotonic() + self._settings.grace / 2
        if self._under_way and time.monotonic() < self._over:
            return True
        for future in self._under_way:
            self._bulkheads.give_up(future)
        return False

    def _leave_hanging(self) -> None:
        """Wait no more for what has outlived its lease: it is somebody else's to send by now."""
        now = time.monotonic()
        hanging = [f for f, one in self._under_way.items() if now - one.claimed.held_from > self._settings.lease]
        for future in hanging:
            row = self._under_way.pop(future).claimed.row
            self._bulkheads.give_up(future)
            log.error("message %s to peer %s: its sending does not end", row.id, row.peer or "(none)")

    def _untimely(self) -> list[_Claimed]:
        """The rows that wait for a peer that rests, or have waited for half of their lease."""
        resting, now = self._context.circuits.resting(self._run_clock.now()), time.monotonic()
        late = now - self._settings.lease / 2
        return [one for one in self._waiting if one.row.peer in resting or one.held_from < late]

    def _give_back(self, untimely: Iterable[_Claimed]) -> None:
        for claimed in untimely:
            self._waiting.remove(claimed)
            with suppress(StoreError):  # then the lease runs out by itself
                self._context.store.give_back(claimed.row.id, claimed.row.claim)

    def _room(self, long: float) -> int:
        """The number of rows that may be started now, whomever they go to."""
        since = time.monotonic() - long
        counted = (one for one in self._under_way.values() if not one.together)
        return self._settings.parallel - sum(one.began > since for one in counted)

    def _capacity(self, peer: str | None) -> int:
        """The number of rows that may be under way to a peer; one, if it is asked after a rest."""
        if self._context.circuits.of(peer).is_open:
            return 1
        return min(self._settings.per_peer, self._settings.parallel)

    def _start(self, long: float) -> None:
        """Send the rows that wait and for which there is room, in their order."""
        self._start_telling()
        room, wait_on = self._room(long), deque[_Claimed]()
        while self._waiting:
            claimed = self._waiting.popleft()
            future = self._begin(claimed) if room > 0 and not self._is_told_together(claimed) else None
            if future is None:
                wait_on.append(claimed)
                continue
            room -= 1
            self._under_way[future] = _UnderWay(claimed, time.monotonic())
            future.add_done_callback(self._has_ended)
        self._waiting = wait_on

    def _is_told_together(self, claimed: _Claimed) -> bool:
        """True if the row is for our own people, and need not be sent after all others."""
        row = claimed.row
        return row.effect.kind is EffectKind.TELL and row.peer is None and self._settings.parallel > 1

    def _start_telling(self) -> None:
        """Tell our own people of the rows that wait for it; also of those that wait behind one that takes long."""
        now = time.monotonic()
        if now - self._telling_since > _LONG or any(map(self._is_told_together, self._waiting)):
            self._take_back_telling()
        rows = [claimed for claimed in self._waiting if self._is_told_together(claimed)]
        if not rows or self._bulkheads.busy()[None] >= self._capacity(None):
            return
        self._waiting = deque(claimed for claimed in self._waiting if not self._is_told_together(claimed))
        self._telling, self._telling_since = deque(), now
        for claimed in rows:
            future: Future[Done] = Future()
            future.add_done_callback(self._has_ended)
            self._under_way[future] = _UnderWay(claimed, now, together=True)
            self._telling.append((future, partial(self._one, claimed.row)))
        self._bulkheads.start_all(None, self._capacity(None), self._telling)

    def _take_back_telling(self) -> None:
        """Let the rows wait that no thread has begun to tell our people of."""
        left = self._bulkheads.take_back(self._telling)
        self._waiting.extend(self._under_way.pop(future).claimed for future in left)

    def _begin(self, claimed: _Claimed) -> Future[Done] | None:
        row = claimed.row
        return self._bulkheads.start(row.peer, self._capacity(row.peer), lambda: self._one(row))

    def _one(self, row: OutboxRow) -> Done:
        """Send one row; runs in a thread of its peer."""
        began = time.monotonic()
        with span("send", "client", passed_on=self._context.peers.passes_trace(row.peer)) as noted:
            noted.set(party=row.peer, kind=str(row.effect.message or row.effect.kind), loop=row.correlation_id)
            done = send(self._context, row, self._run_clock.now(), self._noted.append)
            noted.set(outcome=done)
        self._context.counts.add("out", row.effect.message or row.effect.kind, done)
        if row.effect.message is not None:
            log_message("out", row.peer, row.effect.message, done, began, row.correlation_id)
        return done

    def _has_ended(self, future: Future[Done]) -> None:
        self._ended.append(future)
        self._signals.wake.set()

    def _may_look(self, limit: int, long: float) -> bool:
        """True if due rows could be there that were not at the last look, and could be sent.

        Not if `limit` is reached, or a lease claimed now would leave no time to send.
        """
        if self._failed is not None or self._left(limit) <= 0 or self._room(long) <= 0:
            return False
        now, changes = time.monotonic(), self._signals.changes()
        if now - self._run_clock.held_from() >= self._settings.lease / 2:
            return False
        return changes != self._changes or now - self._looked >= self._settings.rest or not self._looked

    def _left(self, limit: int) -> int:
        return limit - self._done.total() - len(self._under_way) - len(self._waiting)

    def _claim(self, limit: int) -> None:
        """Claim rows of peers that are not busy."""
        self._changes, held_from = self._signals.changes(), self._run_clock.held_from()
        at_most, now = min(self._settings.batch, self._left(limit)), self._run_clock.now()
        lease, without = timedelta(seconds=self._settings.lease), self._without(now)
        try:
            rows = self._context.store.claim(self._context.worker, now, lease, at_most, without)
        except Exception as error:  # noqa: BLE001 - the rows under way are waited for; then it is raised
            self._failed = error
            return
        self._looked = time.monotonic() if len(rows) < at_most else 0.0
        self._waiting.extend(_Claimed(row, held_from) for row in rows)

    def _without(self, now: datetime) -> frozenset[str | None]:
        """The peers whose threads are all busy, that have rows waiting here already, or that rest."""
        busy = (peer for peer, number in self._bulkheads.busy().items() if number >= self._capacity(peer))
        waiting = (claimed.row.peer for claimed in self._waiting)
        return frozenset((*busy, *waiting, *self._context.circuits.resting(now)))
