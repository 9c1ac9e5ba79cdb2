"""Optional capabilities of a store, each a Protocol of its own: a store without them keeps loops only.

| Protocol | without it |
|---|---|
| `ReceiptStore` | a row that was handed over waits for its next attempt; resends follow the retry policy |
| `WorklistStore` | our people are told by `tell` only; nothing is listed, and nothing can be marked as done |
| `ReadingStore` | reads are counted in the metrics only: nobody can tell afterwards who read what |
| `AggregateStore` | only referrals can be kept: plans with evidence and messages of their own cannot |

A store with a capability has all of its methods, and its `begin` returns transactions with those of the capability.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol, TypeGuard

from ip_fhir.ports import Store, Transaction

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime

    from ip_fhir.domain.loop.worklist import WorklistItem
    from ip_fhir.domain.referral import Author
    from ip_fhir.domain.values.aggregate import Aggregate
    from ip_fhir.ports import JsonObject, OutboxRow
    from ip_fhir.ports.readings import Reading, ReadingCount


class ReceiptStore(Store, Protocol):
    """Holds rows that were handed over and await their receipt (`awaiting`)."""

    def hand_over(self, row_id: str, now: datetime, due: datetime, claim: int) -> None:
        """Mark a claimed row as handed over at `now`; its receipt is due by `due`. Counts the handover, ends the lease.

        Changes nothing if the row no longer waits, or has been claimed again since. Raises `InvalidInput` (not-found)
        when there is no such row.
        """
        ...

    def overdue_receipts(self, now: datetime, limit: int) -> list[OutboxRow]:
        """Awaiting rows whose receipt is due, those due longest first."""
        ...


class WorklistTransaction(Transaction, Protocol):
    """A transaction that can write the worklist."""

    def open_items(self, items: Sequence[WorklistItem]) -> None:
        """Add items. One whose id is there already is left as it is, done or not."""
        ...

    def item(self, item_id: str) -> WorklistItem | None:
        """The item in its present state, or None."""
        ...

    def finish_item(self, item_id: str, now: datetime, by: Author | None, note: str | None) -> bool:
        """Mark an open item as done. False, without a change, if it is done already or does not exist."""
        ...

    def finish_items(
        self, aggregate: Aggregate, reasons: Sequence[str], now: datetime, by: Author | None, note: str | None
    ) -> None:
        """Mark the open items of an aggregate that have one of these reasons as done."""
        ...


class WorklistStore(Store, Protocol):
    """Keeps the worklist of our own people: items that are open until somebody has done them."""

    def begin(self) -> AbstractContextManager[WorklistTransaction]:
        """As `Store.begin`."""
        ...

    def worklist(
        self, *, open_only: bool = True, limit: int = 100, aggregate: Aggregate | None = None
    ) -> list[WorklistItem]:
        """Items, open ones first, then by opening time; only those of one aggregate if it is given."""
        ...


@dataclass(frozen=True, slots=True)
class AggregateRecord:
    """A link of the chain of evidence, about any aggregate: `record` is the data of its canonical JSON."""

    number: int
    aggregate: Aggregate
    record: JsonObject
    previous: str
    hash: str


class AggregateTransaction(Transaction, Protocol):
    """A transaction that can write what belongs to any aggregate.

    Outbox rows and resources of other kinds go in by `enqueue` and `put_resource`, which take their `aggregate_kind`.
    """

    def append_records(self, aggregate: Aggregate, records: Sequence[JsonObject]) -> None:
        """Add evidence about the aggregate to the one hash chain."""
        ...

    def drop_rows(self, aggregate: Aggregate, reason: str, keep: Sequence[str] = ()) -> None:
        """As `drop_waiting`, for the rows of any aggregate."""
        ...


class AggregateStore(Store, Protocol):
    """Keeps plans beside referrals: outbox, lanes, evidence and resources by kind and id."""

    def begin(self) -> AbstractContextManager[AggregateTransaction]:
        """As `Store.begin`."""
        ...

    def records(self, aggregate: Aggregate) -> Sequence[AggregateRecord]:
        """The evidence about the aggregate in order; without records whose words a retention rule took out."""
        ...


class ReadingStore(Store, Protocol):
    """Keeps a log of reads, and seals it into the chain of evidence in batches."""

    def add_readings(self, readings: Sequence[Reading], counts: Sequence[ReadingCount]) -> None:
        """Add readings to the log, in this order, and counts to those of the same party, hour and outcome.

        Durable when it returns: nothing is shown before.
        """
        ...

    def readings(self, aggregate: Aggregate | None = None, limit: int = 100) -> list[Reading]:
        """Readings, latest first; only those of one aggregate if it is given."""
        ...

    def reading_counts(self, limit: int = 100) -> list[ReadingCount]:
        """Requests that were only counted, latest hour first."""
        ...

    def seal_readings(self, limit: int = 1000) -> int:
        """Put the next readings, at most `limit`, into the chain of evidence; return how many there were.

        From then on `verify` finds out if one of them is changed or removed.
        """
        ...


_METHODS: Final[dict[str, tuple[str, ...]]] = {
    "ReceiptStore": ("hand_over", "overdue_receipts"),
    "WorklistStore": ("worklist",),
    "ReadingStore": ("add_readings", "readings", "reading_counts", "seal_readings"),
    "AggregateStore": ("records",),
}


def awaits_receipts(store: Store) -> TypeGuard[ReceiptStore]:
    """True if rows of the store can await their receipt."""
    return _has(store, "ReceiptStore")


def lists_work(store: Store) -> TypeGuard[WorklistStore]:
    """True if the store keeps a worklist."""
    return _has(store, "WorklistStore")


def writes_worklist(transaction: Transaction) -> TypeGuard[WorklistTransaction]:
    """True if the transaction is of a store that keeps a worklist."""
    return hasattr(transaction, "open_items")


def keeps_readings(store: Store) -> TypeGuard[ReadingStore]:
    """True if the store keeps a log of reads."""
    return _has(store, "ReadingStore")


def missing(store: Store) -> tuple[str, ...]:
    """The names of the capabilities that the store lacks, in the order of the table above."""
    return tuple(name for name in _METHODS if not _has(store, name))


def _has(store: Store, name: str) -> bool:
    return all(hasattr(store, method) for method in _METHODS[name])
