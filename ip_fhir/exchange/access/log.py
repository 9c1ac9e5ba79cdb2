"""The log of reads: written before the answer is given, so that nothing is shown without a trace.

Several requests that come together are written in one commit. A request that shows only what the same party was shown
by it before is counted, not recorded; so is a second refusal, or a second read of the same version within an hour.
What was shown before is remembered by this process only: after a restart it is recorded once more.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple

from ip_fhir.domain.values.aggregate import Aggregate
from ip_fhir.ports.capabilities import keeps_readings
from ip_fhir.ports.readings import REFUSED, TAKES_PART, Reading, ReadingCount, ReadingOutcome

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Sequence
    from datetime import datetime

    from ip_fhir.ports import ResourceVersion, Store
    from ip_fhir.ports.readings import ReadingWay

_REMEMBERED: Final = 100_000  # resources that are remembered as shown
_BATCH: Final = 1000
_SECONDS_UNSEALED: Final = 60.0


class Occasion(NamedTuple):
    """The store that a read is recorded in, and the time of the read (UTC)."""

    store: Store
    now: datetime


class ReadLog:
    """The log of one side. Threads may share it: those that wait for a commit are written together in the next."""

    def __init__(self) -> None:
        self._shown = _Shown()
        self._waiting: list[_Entry] = []
        self._counted: Counter[tuple[str, datetime, ReadingOutcome]] = Counter()
        self._outcomes: Counter[ReadingOutcome] = Counter()
        self._queue = threading.Lock()
        self._turn = threading.Lock()
        self._sealed = -_SECONDS_UNSEALED

    def counts(self) -> dict[ReadingOutcome, int]:
        """Requests by outcome, since this process began."""
        with self._queue:
            return dict(self._outcomes)

    def found(
        self,
        occasion: Occasion,
        party: str,
        type_: str,
        criteria: dict[str, str],
        found: Sequence[ResourceVersion],
        ground: str = TAKES_PART,
    ) -> None:
        """Record what a search is about to show, and on what ground. Raises `StoreError` if it cannot be recorded."""
        key = (party, type_, *sorted(criteria.items()))
        new = self._shown.new(key, [(one, (one.id, one.version)) for one in found])
        outcome: ReadingOutcome = "shown" if new else "nothing-new" if found else "nothing-found"
        rows = [_reading(occasion, party, "search", one, ground, tuple(sorted(criteria))) for one in new]
        self._keep(occasion, party, rows, outcome)
        self._shown.remember(key, [(one.id, one.version) for one in found])

    def read(self, occasion: Occasion, party: str, resource: ResourceVersion, ground: str = TAKES_PART) -> None:
        """Record a resource that is about to be shown. Raises as `found`."""
        self._one(occasion, party, "read", resource, ground)

    def refused(self, occasion: Occasion, party: str, way: ReadingWay, resource: ResourceVersion) -> None:
        """Record that another party's resource was asked for. Raises as `found`."""
        self._one(occasion, party, way, resource, REFUSED)

    def _one(self, occasion: Occasion, party: str, way: ReadingWay, resource: ResourceVersion, ground: str) -> None:
        key = (party, way, ground, resource.type, resource.id)
        mark = (resource.version, _hour(occasion.now))
        new = self._shown.new(key, [(resource, mark)])
        seen: ReadingOutcome = "shown" if new else "nothing-new"
        rows = [_reading(occasion, party, way, resource, ground) for _ in new]
        self._keep(occasion, party, rows, "refused" if ground == REFUSED else seen)
        self._shown.remember(key, [mark])

    def _keep(self, occasion: Occasion, party: str, rows: list[Reading], outcome: ReadingOutcome) -> None:
        with self._queue:
            self._outcomes[outcome] += 1
            if not rows:
                self._counted[party, _hour(occasion.now), outcome] += 1
                return
            entry = _Entry(rows)
            self._waiting.append(entry)
        with self._turn:
            if not entry.done:
                self._write(occasion.store)
        if entry.error is not None:
            raise entry.error

    def _write(self, store: Store) -> None:
        """Write all that waits, and what was counted, in one commit."""
        with self._queue:
            entries, self._waiting = self._waiting, []
            counted, self._counted = self._counted, Counter()
        error: Exception | None = None
        try:
            if keeps_readings(store):
                rows = [row for entry in entries for row in entry.rows]
                counts = [ReadingCount(*key, times=times) for key, times in counted.items()]
                store.add_readings(rows, counts)
        except Exception as failure:  # noqa: BLE001 - each of those that wait raises it
            error = failure
            with self._queue:
                self._counted.update(counted)
        for entry in entries:
            entry.done, entry.error = True, error
        if error is not None and not entries:
            raise error

    def upkeep(self, store: Store) -> None:
        """Write what was only counted, and seal what is new, at most once a minute. Raises `StoreError`."""
        now = time.monotonic()
        if now - self._sealed < _SECONDS_UNSEALED or not keeps_readings(store):
            return
        self._sealed = now
        self.finish(store)

    def finish(self, store: Store) -> None:
        """Write what was only counted, and seal everything that is not sealed. Raises `StoreError`."""
        with self._turn:
            if self._counted:
                self._write(store)
        if keeps_readings(store):
            while store.seal_readings(_BATCH) == _BATCH:
                pass


class _Entry:
    """The rows of one request, until they are written."""

    def __init__(self, rows: list[Reading]) -> None:
        self.rows = rows
        self.done = False
        self.error: Exception | None = None


class _Shown:
    """The marks of what each request showed last time; the oldest are forgotten when there are too many."""

    def __init__(self) -> None:
        self._marks: OrderedDict[Hashable, frozenset[int]] = OrderedDict()
        self._number = 0
        self._lock = threading.Lock()

    def new(
        self, key: Hashable, found: Iterable[tuple[ResourceVersion, tuple[Hashable, ...]]]
    ) -> list[ResourceVersion]:
        """Those whose mark the same request did not have last time."""
        with self._lock:
            known = self._marks.get(key, frozenset())
        return [one for one, mark in found if hash(mark) not in known]

    def remember(self, key: Hashable, marks: Iterable[tuple[Hashable, ...]]) -> None:
        """Keep the marks of a request, instead of those of last time."""
        kept = frozenset(map(hash, marks))
        with self._lock:
            self._number += len(kept) + 1 - len(self._pop(key))
            self._marks[key] = kept
            while self._number > _REMEMBERED and len(self._marks) > 1:
                _, old = self._marks.popitem(last=False)
                self._number -= len(old) + 1

    def _pop(self, key: Hashable) -> list[int]:
        """Take a request out; what it counted for, as so many things."""
        old = self._marks.pop(key, None)
        return [] if old is None else [*old, 0]


def _reading(
    occasion: Occasion,
    party: str,
    way: ReadingWay,
    resource: ResourceVersion,
    ground: str,
    criteria: tuple[str, ...] = (),
) -> Reading:
    aggregate = Aggregate(kind=resource.aggregate_kind, id=resource.correlation_id or resource.id)
    kind = (way, resource.type, resource.id, resource.version)
    return Reading(party, occasion.now, *kind, aggregate, ground, criteria)


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)
