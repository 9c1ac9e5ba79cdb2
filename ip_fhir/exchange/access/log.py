"""The log of reads: written before the answer is given, so that nothing is shown without a trace.

Each read by id leaves a row, one that is refused too; so does each resource that a search shows. A search that shows
only what the same party was shown by it within the hour, or nothing, adds to the count of that hour instead. Rows and
counts are durable before the answer leaves. Several requests that come together are written in one commit, and none
waits for another's beyond that.

What a search showed is remembered by this process only: after a restart it is recorded once more.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, OrderedDict
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

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


class Reader(Protocol):
    """A reader: a party of the settings, and the client or person by which it came."""

    @property
    def name(self) -> str:
        """The party's name in the settings."""
        ...

    @property
    def client(self) -> str:
        """The client at the authorisation server or, of our own side, the person's id in the EHR; may be empty."""
        ...


class OurReader(NamedTuple):
    """One of our own people as a `Reader`."""

    name: str
    client: str


class Occasion(NamedTuple):
    """The store that a read is recorded in, and the time of the read (UTC)."""

    store: Store
    now: datetime


class ReadLog:
    """The log of one side. Threads may share it: those that wait for a commit are written together in the next."""

    def __init__(self) -> None:
        self._shown = _Shown()
        self._waiting: list[_Entry] = []
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
        peer: Reader,
        type_: str,
        criteria: dict[str, str],
        found: Sequence[ResourceVersion],
        ground: str = TAKES_PART,
    ) -> None:
        """Record what a search is about to show, and on what ground. Raises `StoreError` if it cannot be recorded."""
        key = (peer.name, peer.client, type_, *sorted(criteria.items()))
        hour = _hour(occasion.now)
        new = self._shown.new(key, [(one, (one.id, one.version, hour)) for one in found])
        outcome: ReadingOutcome = "shown" if new else "nothing-new" if found else "nothing-found"
        rows = [_reading(occasion, peer, "search", one, ground, tuple(sorted(criteria))) for one in new]
        self._keep(occasion, peer, rows, outcome)
        self._shown.remember(key, [(one.id, one.version, hour) for one in found])

    def read(
        self,
        occasion: Occasion,
        peer: Reader,
        resource: ResourceVersion,
        ground: str = TAKES_PART,
        way: ReadingWay = "read",
    ) -> None:
        """Record a resource that is about to be shown. Raises as `found`."""
        self._keep(occasion, peer, [_reading(occasion, peer, way, resource, ground)], "shown")

    def history(
        self, occasion: Occasion, peer: Reader, found: Sequence[ResourceVersion], ground: str = TAKES_PART
    ) -> None:
        """Record the versions that are about to be shown. Raises as `found`."""
        rows = [_reading(occasion, peer, "history", one, ground) for one in found]
        self._keep(occasion, peer, rows, "shown" if rows else "nothing-found")

    def refused(self, occasion: Occasion, peer: Reader, way: ReadingWay, resource: ResourceVersion) -> None:
        """Record that another party's resource was asked for. Raises as `found`."""
        self._keep(occasion, peer, [_reading(occasion, peer, way, resource, REFUSED)], "refused")

    def _keep(self, occasion: Occasion, peer: Reader, rows: list[Reading], outcome: ReadingOutcome) -> None:
        """Write the rows of a request or, where it has none, count it."""
        counted = None if rows else (peer.name, _hour(occasion.now), outcome)
        entry = _Entry(rows, counted)
        with self._queue:
            self._outcomes[outcome] += 1
            self._waiting.append(entry)
        with self._turn:
            if not entry.done:
                self._write(occasion.store)
        if entry.error is not None:
            raise entry.error

    def _write(self, store: Store) -> None:
        """Write all that waits in one commit."""
        with self._queue:
            entries, self._waiting = self._waiting, []
        error: Exception | None = None
        try:
            if keeps_readings(store):
                counted = Counter(entry.counted for entry in entries if entry.counted is not None)
                counts = [ReadingCount(*key, times=times) for key, times in counted.items()]
                store.add_readings([row for entry in entries for row in entry.rows], counts)
        except Exception as failure:  # noqa: BLE001 - each of those that wait raises it
            error = failure
        for entry in entries:
            entry.done, entry.error = True, error

    def upkeep(self, store: Store) -> None:
        """Seal what is new, at most once a minute. Raises `StoreError`."""
        now = time.monotonic()
        if now - self._sealed < _SECONDS_UNSEALED or not keeps_readings(store):
            return
        self._sealed = now
        self.finish(store)

    def finish(self, store: Store) -> None:
        """Seal everything that is not sealed. Raises `StoreError`."""
        if keeps_readings(store):
            while store.seal_readings(_BATCH) == _BATCH:
                pass


class _Entry:
    """The rows of one request, or what it counts for, until they are written."""

    def __init__(self, rows: list[Reading], counted: tuple[str, datetime, ReadingOutcome] | None) -> None:
        self.rows, self.counted = rows, counted
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
    peer: Reader,
    way: ReadingWay,
    resource: ResourceVersion,
    ground: str,
    criteria: tuple[str, ...] = (),
) -> Reading:
    aggregate = Aggregate(kind=resource.aggregate_kind, id=resource.correlation_id or resource.id)
    kind = (way, resource.type, resource.id, resource.version)
    return Reading(peer.name, occasion.now, *kind, aggregate, ground, criteria, client=peer.client)


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)
