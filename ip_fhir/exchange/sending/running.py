"""Work that is due by the clock: the half of `Exchange` that a scheduler or a worker calls."""

from __future__ import annotations

import logging
import sys
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final, Literal, TypeAlias, TypeVar

from ip_fhir.errors import InvalidInput, StoreError
from ip_fhir.exchange import receipts
from ip_fhir.exchange.access.parties import catch_up
from ip_fhir.exchange.hosts.joins import Join, Joins
from ip_fhir.exchange.plans.around import settings_basis
from ip_fhir.exchange.plans.commit import announce
from ip_fhir.exchange.plans.due import run_plan_timers
from ip_fhir.exchange.sending.batch import TOGETHER, RunClock, Sending, Signals
from ip_fhir.exchange.sending.bulkheads import Bulkheads
from ip_fhir.exchange.sending.circuits import Way
from ip_fhir.exchange.sending.due import run_timers
from ip_fhir.exchange.sending.run_counts import RunCounts
from ip_fhir.exchange.sending.unreadable import set_unreadable_aside
from ip_fhir.exchange.subscriptions.notifier import Notifier
from ip_fhir.exchange.telling.replay import Tellings
from ip_fhir.ports.capabilities import joins_hosts
from ip_fhir.tracing import note

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from ip_fhir.domain.sharing.events import PlanEventKind
    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.sending.run_counts import PlanChange
    from ip_fhir.ports import Store

log = logging.getLogger("ip_fhir.exchange")

T = TypeVar("T")

Part: TypeAlias = Literal["timers", "outbox", "subscriptions"]

PARTS: Final[tuple[Part, ...]] = ("timers", "outbox", "subscriptions")
"""The parts of a run."""

_WORKED_OUT = 1000  # referrals whose parties one run works out, at most


class Running:
    """Runs what is due. Threads may share it: besides the store, it only remembers if there is work to do.

    `activity` is set when there may be something to send at once, and `stirred` with it, for the timers; `written`,
    when there may be something to tell the clients that have subscribed to it.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self.activity = threading.Event()
        self.stirred = threading.Event()
        self.written = threading.Event()
        self._notifier = Notifier(context, self.written.set)
        self._changes = 0
        self._counting = threading.Lock()
        self._idle: dict[Part, tuple[int, datetime]] = {}
        self._bulkheads = Bulkheads()
        self.tellings = Tellings(context, lambda: self._active(None))
        self._joins = Joins()

    @property
    def store(self) -> Store:
        """The store that keeps referrals, evidence and outbox."""
        return self._context.store

    def now(self) -> datetime:
        """The present moment in UTC, by this side's clock."""
        return self._context.clock.now()

    def run_due(
        self, now: datetime | None = None, limit: int = 1000, keep_going: Callable[[], bool] = lambda: True
    ) -> RunCounts:
        """Handle timers that are due and receipts that are overdue, send outbox rows that are due, notify subscribers.

        Ends when nothing is left or `limit` of each kind are done, and returns how many of each there were, and which
        loops and plans were changed. Call it as often as you like, from any number of processes and threads. `now`
        (UTC) is the time of the whole run; rows not begun within half a lease are left for the next. `keep_going` is
        called before each step. A sending that does not end is left to itself after its lease. Raises `StoreError`
        only, when the store fails as a whole. A fault in one referral or row stops no other: it is recorded with the
        row, a timer that fails stays due and is logged, and a row that cannot be read is set aside, and our people are
        told.
        """
        run_clock = RunClock.of(self._context, now)
        ran = self.run_timers(now, limit, keep_going)
        signals = Signals(keep_going, lambda: 0, threading.Event())
        ran += self._run_outbox(run_clock, signals, limit, in_turn=self._context.settings.parallel == 1)
        changes, began, started = self._changes, run_clock.now(), time.time_ns()
        told = RunCounts(notified=self._notifier.run(now, keep_going))
        return ran + self._passed("subscriptions", told, (changes, began), keep_going, started)

    def run_timers(
        self, now: datetime | None = None, limit: int = 1000, keep_going: Callable[[], bool] = lambda: True
    ) -> RunCounts:
        """Handle timers that are due and receipts that are overdue: the first half of `run_due`."""
        changes, began, started = self._changes, now or self.now(), time.time_ns()
        ran = run_timers(self._context, began, limit, keep_going)
        ran += run_plan_timers(self._context, began, limit, keep_going)
        ran += receipts.run_overdue(self._context, began, limit, keep_going)
        set_unreadable_aside(self._context, began)
        self.look_at_joins()
        self._keep_up(keep_going)
        return self._passed("timers", ran, (changes, began), keep_going, started)

    def join(self, connection: object) -> tuple[Context, Join]:
        """This side in a transaction of the host's: see `ip_fhir.exchange.within`, which hands it out.

        Raises `InvalidInput` if the store can be in none, or the connection is to another database.
        """
        store, context = self.store, self._context
        if not joins_hosts(store):
            raise InvalidInput.at("store", "this store can be in no transaction of the host's", "not-supported")

        def committing() -> None:
            join.committing = True
            self.stirred.set()

        def later(event: PlanEventKind, moved: PlanChange) -> None:
            join.told.append((join.store.head(), lambda: announce(context, event, moved)))

        join = Join(store.within(connection, committing))
        self._joins.add(join)
        inside = replace(context, store=join.store, plan_moved=later)
        inside.known_basis.append(settings_basis(context))
        return inside, join

    def look_at_joins(self) -> None:
        """Call the hooks for what the host has committed since, and wake the worker. Each run does so, too.

        For a process that has no worker and runs nothing. Raises `StoreError`; then it is done the next time.
        """
        store = self.store
        if joins_hosts(store) and self._joins.look(store):
            self._active(None)

    def run_outbox(self, keep_going: Callable[[], bool]) -> RunCounts:
        """Send outbox rows until none is due and none under way: the second half of `run_due`, for one thread only.

        While some are under way, rows that become due meanwhile are sent too, at once where `activity` tells of them.
        """
        run_clock = RunClock.of(self._context, None)
        signals = Signals(keep_going, lambda: self._changes, self.activity, TOGETHER)
        return self._run_outbox(run_clock, signals, sys.maxsize)

    def run_subscriptions(self, keep_going: Callable[[], bool]) -> RunCounts:
        """Notify subscribers, without waiting for those that take long: the last part of `run_due`, for one thread."""
        changes, began, started = self._changes, self.now(), time.time_ns()
        told = RunCounts(notified=self._notifier.begin(keep_going))
        return self._passed("subscriptions", told, (changes, began), keep_going, started)

    def _run_outbox(self, run_clock: RunClock, signals: Signals, limit: int, *, in_turn: bool = False) -> RunCounts:
        changes, began, started = self._changes, run_clock.now(), time.time_ns()
        ran = Sending(self._context, run_clock, signals, self._bulkheads).run(limit, in_turn=in_turn)
        set_unreadable_aside(self._context, began)
        return self._passed("outbox", ran, (changes, began), signals.keep_going, started)

    def _passed(
        self,
        part: Part,
        ran: RunCounts,
        began: tuple[int, datetime],
        keep_going: Callable[[], bool],
        started: int,
    ) -> RunCounts:
        if ran.anything:
            note("run", started, part=part)
            self._moved()
            if part != "subscriptions":  # the other part looks again, too
                (self.activity if part == "timers" else self.stirred).set()
            return ran
        if keep_going():
            self._idle[part] = began
        return ran

    def _keep_up(self, keep_going: Callable[[], bool]) -> None:
        """Work out whom referrals concern where the settings have changed, and seal the log of reads."""
        try:
            catch_up(self._context, _WORKED_OUT, keep_going)
            self._context.reads.upkeep(self.store)
        except StoreError as error:  # what was due is done all the same
            log.error("upkeep of who may read, and of what was read: %s", error)  # noqa: TRY400 - no trace, as elsewhere

    def ways(self) -> list[Way]:
        """The state of the way to each peer of the settings, in their order, as this process knows it."""
        busy, now = self._bulkheads.busy(), self.now()
        return [
            Way.of(peer.name, self._context.circuits.of(peer.name), busy[peer.name], now)
            for peer in self._context.peers
        ]

    def _active(self, result: T) -> T:
        self._moved()
        self.activity.set()
        self.stirred.set()
        return result

    def _moved(self) -> None:
        with self._counting:
            self._changes += 1
        self.written.set()
