"""Optional capabilities of a store, each a Protocol of its own: a store without them keeps loops only.

| Protocol | without it |
|---|---|
| `ReceiptStore` | a row that was handed over waits for its next attempt; resends follow the retry policy |
| `HoldingStore` | a message that waits for a person's yes is parked meanwhile |
| `WorklistStore` | our people are told by `tell` only; nothing is listed, and nothing can be marked as done |
| `ReadingStore` | reads are counted in the metrics only: nobody can tell afterwards who read what |
| `AggregateStore` | only referrals can be kept: plans with evidence and messages of their own cannot |
| `PlanStore` (in `ip_fhir.ports.plans`) | only loops run: no plan is held, shared or received |
| `UnreadableStore` | a row that cannot be read is passed over and logged each time, and nobody is told |
| `ProofStore` | a proof of possession (DPoP) counts once for each process, not once for all of them |
| `SubscriptionStore` (in `ip_fhir.ports.subscriptions`) | the endpoint takes no Subscription |
| `TellingStore` (in `ip_fhir.ports.telling`) | our people are told by `tell` only: not by `[[told]]` of the settings |
| `JoinableStore` | what is decided is committed by itself, never with the host's own changes (`within`) |
| `TrialStore` | being ready means that the store can be read, not that it can be written |

A store with a capability has all of its methods, and its `begin` returns transactions with those of the capability.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias, TypeGuard

from ip_fhir.ports import Store, Transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractContextManager

    from ip_fhir.domain.loop.worklist import WorklistItem
    from ip_fhir.domain.referral import Author
    from ip_fhir.domain.values.aggregate import Aggregate
    from ip_fhir.errors import Problem
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


class HoldingTransaction(Transaction, Protocol):
    """A transaction that can hold a row until a person lets it go."""

    def hold_row(self, row_id: str, reason: str, claim: int) -> bool:
        """Mark a claimed, waiting row as `held`; the lease ends. It holds up no later row of its lane.

        False, without a change, if there is no such row that waits, or it has been claimed again since. `retry` makes
        it due again.
        """
        ...


class HoldingStore(Store, Protocol):
    """Holds rows of which a person must say yes before they leave (`held`)."""

    def begin(self) -> AbstractContextManager[HoldingTransaction]:
        """As `Store.begin`."""
        ...

    @property
    def holds_rows(self) -> bool:
        """True."""
        ...


class WorklistTransaction(Transaction, Protocol):
    """A transaction that can write the worklist."""

    def open_items(self, items: Sequence[WorklistItem]) -> None:
        """Add items. One whose id is there already is left as it is, done or not.

        Another open one of the same aggregate, reason and `about` gives way: it is closed by nobody when the new one is
        opened, with the note `IN_ITS_PLACE`, and the new one is kept as `WorklistItem.in_place_of` makes it.
        """
        ...

    def item(self, item_id: str) -> WorklistItem | None:
        """The item in its present state, or None."""
        ...

    def finish_item(self, item_id: str, now: datetime, by: Author | None, note: str | None) -> bool:
        """Mark an open item as done. False, without a change, if it is done already or does not exist."""
        ...

    def finish_items(
        self,
        aggregate: Aggregate,
        reasons: Sequence[str],
        now: datetime,
        by: Author | None,
        note: str | None,
        about: str | None = None,
    ) -> None:
        """Mark the open items of an aggregate that have one of these reasons as done; with `about` only those."""
        ...


class PersonTransaction(Transaction, Protocol):
    """A transaction that finds the referrals about one person."""

    def add_person(self, aggregate: Aggregate, number: str) -> None:
        """Keep the person whom a new aggregate is about, by number. Called once for each, after `save`."""
        ...

    def others_about(self, aggregate: Aggregate, number: str, limit: int) -> list[str]:
        """Correlation ids of other referrals about the person with this number that are not over, in their order."""
        ...


WorklistPlace: TypeAlias = tuple[bool, datetime, str]
"""The place of an item in the list: if it is done, when it was opened (UTC), and its id."""


class WorklistStore(Store, Protocol):
    """Keeps the worklist of our own people: items that are open until somebody has done them."""

    def begin(self) -> AbstractContextManager[WorklistTransaction]:
        """As `Store.begin`."""
        ...

    def worklist(
        self,
        *,
        open_only: bool = True,
        limit: int = 100,
        aggregate: Aggregate | None = None,
        after: WorklistPlace | None = None,
    ) -> list[WorklistItem]:
        """Items, open ones first, then by opening time; only those of one aggregate, or behind a place, if given."""
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


@dataclass(frozen=True, slots=True)
class UnreadableRow:
    """A row that cannot be read and is set aside until it is taken up again. The row itself stays as it is.

    `kind` is its table, `key` its key there; `reason` names columns and fields, never what stands in them. `first` and
    `last` are times (UTC) at which it was met, `times` how often, counted once a minute. `aggregate` is the referral or
    plan that it belongs to, None if that cannot be told.
    """

    kind: str
    key: str
    reason: str
    first: datetime
    last: datetime
    times: int = 1
    aggregate: Aggregate | None = None


class UnreadableTransaction(Transaction, Protocol):
    """A transaction that can note that people were told of a row."""

    def told(self, row: UnreadableRow, now: datetime) -> None:
        """Note that our people have been told of this row."""
        ...


class UnreadableStore(Store, Protocol):
    """Reads each row on its own: one that cannot be read is set aside with its reason, and stops no other.

    Lists (`outbox`, `referrals`, `worklist`, `search_resources`, `evidence`, `refusals`) are without such rows;
    `claim`, `due_timers` and `overdue_receipts` pass over them until they are taken up again. Methods that ask for one
    row raise `Unreadable`.
    """

    def begin(self) -> AbstractContextManager[UnreadableTransaction]:
        """As `Store.begin`."""
        ...

    def set_aside(self, now: datetime) -> None:
        """Write down the unreadable rows that were met since: from now on the work passes over them."""
        ...

    def unreadable(self, limit: int = 100) -> list[UnreadableRow]:
        """The rows that cannot be read, those met first at the top; also those that are not written down yet."""
        ...

    def look_through(self) -> tuple[Problem, ...]:
        """Read every row there is. Returns a problem for each that cannot be read; it takes as long as that does."""
        ...

    def untold(self, limit: int = 100) -> list[UnreadableRow]:
        """The rows that are set aside and of which nobody has been told."""
        ...

    def take_up(self, kind: str, key: str) -> None:
        """Take up a mended row again. Raises `Unreadable` if it is not mended, `InvalidInput` if it is not set aside.

        A row that has been deleted is forgotten.
        """
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


class ProofStore(Store, Protocol):
    """Remembers the proofs of possession (DPoP, RFC 9449) that were shown, for all processes that share the store."""

    def is_first_proof(self, digest: str, now: datetime, until: datetime) -> bool:
        """True if the proof with this digest was not shown before; from then on, to every process, it was.

        It is forgotten after `until`, with all whose time was over at `now` (both UTC). Durable when it returns.
        """
        ...


class JoinedStore(Store, Protocol):
    """A store in a transaction of the host's: what it writes is committed with it, or not at all.

    What the transaction has written is read here and nowhere else. Each `begin` is a part of it that is kept or undone
    as a whole; an error in it undoes nothing of the host's. `close` ends nothing.
    """

    @property
    def over(self) -> bool:
        """True once the host has ended the transaction, in whichever way. Then everything else raises `StoreError`."""
        ...


class JoinableStore(Store, Protocol):
    """Writes in a transaction of the program that embeds us, where both are in one database."""

    def within(self, connection: object, committing: Callable[[], None]) -> JoinedStore:
        """This store in the transaction that is open on a connection of the host's, or begins now.

        `connection` is whatever the host's transactions are on. `committing` is called, from any thread, when the host
        begins to commit or has committed; where a store cannot know, never. Raises `InvalidInput` if the connection is
        none, or is to another database.
        """
        ...

    def has_record(self, number: int, hash_: str) -> bool:
        """True if the record of evidence with this number is committed, and has this hash."""
        ...


class TrialStore(Store, Protocol):
    """Can say whether it takes something in."""

    def try_write(self, now: datetime) -> None:
        """Write as much as a message takes, and commit; nothing that is read changes. Raises `StoreError`."""
        ...


_METHODS: Final[dict[str, tuple[str, ...]]] = {
    "ReceiptStore": ("hand_over", "overdue_receipts"),
    "HoldingStore": ("holds_rows",),
    "WorklistStore": ("worklist",),
    "ReadingStore": ("add_readings", "readings", "reading_counts", "seal_readings"),
    "AggregateStore": ("records",),
    "PlanStore": (
        *("shared_plan", "plans", "plan_versions", "plan_version", "due_plans", "unsettled_plans", "plans_about"),
    ),
    "UnreadableStore": ("set_aside", "unreadable", "untold", "take_up"),
    "ProofStore": ("is_first_proof",),
    "SubscriptionStore": ("due_subscriptions", "changes_since"),
    "TellingStore": ("tellings", "last_telling"),
    "JoinableStore": ("within", "has_record"),
    "TrialStore": ("try_write",),
}


def awaits_receipts(store: Store) -> TypeGuard[ReceiptStore]:
    """True if rows of the store can await their receipt."""
    return has(store, "ReceiptStore")


def holds_rows(transaction: Transaction) -> TypeGuard[HoldingTransaction]:
    """True if the transaction is of a store that holds rows until a person lets them go."""
    return hasattr(transaction, "hold_row")


def lists_work(store: Store) -> TypeGuard[WorklistStore]:
    """True if the store keeps a worklist."""
    return has(store, "WorklistStore")


def writes_worklist(transaction: Transaction) -> TypeGuard[WorklistTransaction]:
    """True if the transaction is of a store that keeps a worklist."""
    return hasattr(transaction, "open_items")


def knows_persons(transaction: Transaction) -> TypeGuard[PersonTransaction]:
    """True if the transaction is of a store that finds the referrals about one person."""
    return hasattr(transaction, "others_about")


def sets_aside(store: Store) -> TypeGuard[UnreadableStore]:
    """True if the store sets rows aside that cannot be read."""
    return has(store, "UnreadableStore")


def joins_hosts(store: Store) -> TypeGuard[JoinableStore]:
    """True if the store can write in a transaction of the host's."""
    return has(store, "JoinableStore")


def can_try(store: Store) -> TypeGuard[TrialStore]:
    """True if the store can try whether it takes something in."""
    return has(store, "TrialStore")


def keeps_readings(store: Store) -> TypeGuard[ReadingStore]:
    """True if the store keeps a log of reads."""
    return has(store, "ReadingStore")


def keeps_proofs(store: Store) -> TypeGuard[ProofStore]:
    """True if the store remembers proofs of possession."""
    return has(store, "ProofStore")


def missing(store: Store) -> tuple[str, ...]:
    """The names of the capabilities that the store lacks, in the order of the table above."""
    return tuple(name for name in _METHODS if not has(store, name))


def has(store: Store, name: str) -> bool:
    """True if the store has the capability of this name, as in the table above."""
    return all(hasattr(store, method) for method in _METHODS[name])
