"""The Protocols by which the core reaches the outside world, and the plain values that they exchange.

An adapter implements `Adapter`, a server or poller implements `Listener`. An EHR with a database of its own implements
`Store`, and as much of `ip_fhir.ports.capabilities` as it wants. All times are time zone aware, in UTC.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, runtime_checkable

from ip_fhir.domain.values.aggregate import REFERRAL, Aggregate
from ip_fhir.ports.figures import Figures as Figures
from ip_fhir.ports.figures import OutboxStatus as OutboxStatus
from ip_fhir.ports.figures import Refusal as Refusal
from ip_fhir.ports.resources import JsonObject as JsonObject
from ip_fhir.ports.resources import PartyNames as PartyNames
from ip_fhir.ports.resources import ResourceStore as ResourceStore
from ip_fhir.ports.resources import ResourceTransaction as ResourceTransaction
from ip_fhir.ports.resources import ResourceVersion as ResourceVersion
from ip_fhir.ports.resources import SearchPlace as SearchPlace

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime, timedelta

    from ip_fhir.domain.effects import Effect
    from ip_fhir.domain.referral import Record, Referral
    from ip_fhir.errors import InvalidInput, Problem
    from ip_fhir.ports.http import Credentials

WireFormat: TypeAlias = str
"""The name of a wire format, such as `fhir-message`: an entry point of the group `ip_fhir.formats`."""

ReceiptCode: TypeAlias = Literal["ok", "transient-error", "fatal-error"]


class Clock(Protocol):
    """The source of time. The core reads it at its edge only, and passes the time on as an argument."""

    def now(self) -> datetime:
        """The present moment, time zone aware (UTC)."""
        ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The place where a peer listens: address, credentials (or a token), and the seconds for a whole exchange.

    `lines` are its settings by wire format. With `traceparent` it is told which trace a message belongs to.
    """

    url: str
    token: str | None = field(default=None, repr=False)
    timeout: float = 30.0
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    lines: Mapping[WireFormat, object] = field(default_factory=dict, repr=False)
    credentials: Credentials | None = field(default=None, repr=False)
    traceparent: bool = False


@dataclass(frozen=True, slots=True)
class Outgoing:
    """Rendered bytes for one message. `message_id` is the idempotency key; a resend has the same bytes."""

    message_id: str
    correlation_id: str
    content: bytes = field(repr=False)
    content_type: str
    endpoint: Endpoint


@dataclass(frozen=True, slots=True)
class Receipt:
    """The answer of the peer's system: stored (`ok`), or not, for now or for good. Never the business answer.

    `reply` is a message of the peer that came with it, in the adapter's format: it is taken in before the receipt
    counts.
    """

    message_id: str
    code: ReceiptCode
    problems: tuple[Problem, ...] = ()
    reply: bytes | None = field(default=None, repr=False)


@runtime_checkable
class Adapter(Protocol):
    """A way to one kind of system, stateless but for connections; entry point `name` in group `ip_fhir.adapters`."""

    name: str
    format: WireFormat

    def send(self, outgoing: Outgoing) -> Receipt | None:
        """Deliver and return the receipt; None: handed over, the receipt comes in later (`Exchange.receive_receipt`).

        Raises `Rejected` (refused for good), `Unavailable` or `Conflict` (to be tried again), nothing else. Ends within
        `endpoint.timeout`; one that does not keeps its peer's threads busy, and its messages are sent again.
        """
        ...


@runtime_checkable
class CheckingAdapter(Adapter, Protocol):
    """An adapter that finds out before anything is sent if it can use what settings say about a peer."""

    def check(self, endpoint: Endpoint) -> None:
        """Raise `InvalidInput` at `url` or the option that cannot be used. Connects to nothing."""
        ...


class Receiver(Protocol):
    """The side of the loop that a listener hands bytes to: an `ip_fhir.exchange.Exchange`."""

    def receive(self, content: bytes, peer: str, format_name: WireFormat) -> bytes:
        """Take in a message of the peer or carrier that settings call `peer`; return the answer, after the commit.

        Thread-safe. After any exception nothing was taken in; `retry` of an `IpFhirError` says if the same message may
        come again.
        """
        ...

    def receive_receipt(self, receipt: Receipt, peer: str) -> str:
        """Apply a receipt of this peer for a message that was handed over; return what became of it.

        Raises `StoreError`: then it may come again. One that fits nothing is recorded with the refused messages.
        """
        ...

    def refuse(self, content: bytes, peer: str, error: InvalidInput) -> None:
        """Record, by its digest, content of this peer that no format can read. Raises `StoreError`."""
        ...


class Listener(Protocol):
    """A plug-in that waits or polls for messages: a server, a subscription, a folder.

    The entry point `name`, of the group `ip_fhir.listeners`, is a function that takes a mapping of options and returns
    a listener, having opened nothing. It raises `InvalidInput` at an option that it does not know or cannot use.
    """

    name: str

    def start(self, exchange: Receiver) -> None:
        """Start listening in threads of its own, and return. Called once. Raises `OSError` or `InvalidInput`."""
        ...

    def stop(self) -> None:
        """Take in no more, and wait at most ten seconds for messages under way. Does nothing if it is not running."""
        ...


@dataclass(frozen=True, slots=True)
class Seen:
    """A message that was taken in before: its key, its digest and the reply to it.

    Once a message is too old to be taken in again (`limits.max_age`), a store may forget the reply, which is then
    empty, and also the key after its referral is purged. Until then it keeps both.
    """

    key: str
    digest: str
    reply: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Stored:
    """A referral in the store, with the revision that a change must be based on."""

    referral: Referral
    revision: int


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One effect to be carried out. `content` is None until the first attempt has rendered it, then never changes.

    `attempts` counts claims since the row was enqueued or last retried: 1 in the row that the first claim returns.
    `claim` counts all claims, so that a late report by a worker whose lease ran out can be told from the present one's.
    `handovers` counts handovers without a receipt since the row was enqueued, or retried after it had ended;
    `handed_over` is the time of the last one. If the row is not a referral's, `correlation_id` is its aggregate's id.
    `peer` is the name, in the settings at the time of enqueuing, of the party that the row goes to; None: it is for our
    own people, or the settings named no party.
    """

    id: str
    correlation_id: str
    effect: Effect
    due: datetime
    attempts: int = 0
    status: OutboxStatus = "waiting"
    content: bytes | None = field(default=None, repr=False)
    content_type: str | None = None
    last_error: str | None = None
    claim: int = 0
    handovers: int = 0
    handed_over: datetime | None = None
    aggregate_kind: str = REFERRAL
    peer: str | None = None

    @property
    def aggregate(self) -> Aggregate:
        """The referral or plan that the row is about."""
        return Aggregate(kind=self.aggregate_kind, id=self.correlation_id)


@dataclass(frozen=True, slots=True)
class EvidenceRecord:
    """A link of the chain of evidence, about a referral: `hash` covers `previous` and the record's canonical JSON."""

    number: int
    correlation_id: str
    record: Record
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class ChainHead:
    """The end of the chain of evidence: number of records, hash of the last, number of purged records.

    With a copy kept elsewhere it can be shown later that the chain was not made anew.
    """

    number: int
    hash: str
    purged: int = 0


class Transaction(ResourceTransaction, Protocol):
    """All or nothing: its changes are committed together when the block ends without an error."""

    def seen(self, key: str) -> Seen | None:
        """The message taken in under this key, if any."""
        ...

    def remember(self, seen: Seen, now: datetime) -> None:
        """Keep the key, digest and reply of a message. A second `remember` of a key raises `StoreError`."""
        ...

    def refuse(self, refusal: Refusal, most: int = 1000) -> None:
        """Record a refused message; if it was recorded before (peer, digest, code), count it and set its `last`.

        Of one peer about `most` are recorded one by one; any further one is counted by `Refusal.beyond`.

        Raises `Conflict` when another transaction records the same message at this moment.
        """
        ...

    def load(self, correlation_id: str) -> Stored | None:
        """The referral, or None."""
        ...

    def save(self, referral: Referral, revision: int | None) -> int:
        """Save a referral and return its new revision, from 1. `revision` is the one it was based on; None: it is new.

        Raises `Conflict` if `revision` is no longer current, or a new one exists already.
        """
        ...

    def append(self, correlation_id: str, records: Sequence[Record]) -> None:
        """Add evidence to the hash chain."""
        ...

    def enqueue(self, rows: Sequence[OutboxRow]) -> None:
        """Add outbox rows, in this order. A row whose id is there already is left as it is."""
        ...

    def drop_waiting(self, correlation_id: str, reason: str, keep: Sequence[str] = ()) -> None:
        """Close the referral's unsent rows, held and parked ones too (`refused`, with the reason), but for `keep`."""
        ...

    def row(self, row_id: str) -> OutboxRow | None:
        """The outbox row in its present state, or None."""
        ...

    def finish(self, row_id: str, now: datetime) -> None:
        """As `Store.sent`, in this transaction, so that row and referral are written together or not at all."""
        ...

    def failed(self, row_id: str, reason: str, next_try: datetime | None, claim: int | None = None) -> None:
        """As `Store.failed`, in this transaction."""
        ...

    def refused(self, row_id: str, reason: str) -> None:
        """As `Store.refused`, in this transaction."""
        ...

    def retry(self, row_id: str, now: datetime) -> None:
        """As `Store.retry`, in this transaction."""
        ...


class Store(ResourceStore, Protocol):
    """Durable storage. Every method but `begin` is a transaction of its own; all may raise `StoreError`."""

    def begin(self) -> AbstractContextManager[Transaction]:
        """A write transaction. Raises `StoreError` when the storage fails, having changed nothing."""
        ...

    def claim(
        self, worker: str, now: datetime, lease: timedelta, limit: int, without: frozenset[str | None] = frozenset()
    ) -> list[OutboxRow]:
        """Claim up to `limit` rows due at `now`, held for this worker until the lease runs out.

        Rows of the peers in `without` are left out, those without a peer if None is in it.
        Of each lane at most one row is returned: the first that was enqueued. A lane is the rows of one referral (or
        plan) with the same effect kind and `to`: an escalation, or an alert to our own people, does not wait behind a
        message to a peer that is down. Messages about a plan have a lane for each `party`, else for each `about`: a
        participant that is down holds up no other. A waiting or awaiting row holds up later rows of its lane, also
        while it is leased or not yet due. A parked or held row does not: it waits for a person, and a withdrawal must
        not.
        """
        ...

    def keep_content(self, row_id: str, content: bytes, content_type: str) -> OutboxRow:
        """Keep the bytes of the first attempt, before they are sent. Kept bytes never change.

        Returns the row with the bytes to send: those of another worker, if it was first.
        """
        ...

    def sent(self, row_id: str, now: datetime) -> None:
        """Mark a row as sent, whatever its status was; inside a `Transaction` the same is `finish`.

        This and the three methods below raise `InvalidInput` (not-found) when there is no such row.
        """
        ...

    def failed(self, row_id: str, reason: str, next_try: datetime | None, claim: int | None = None) -> None:
        """Record a failed attempt: retry at `next_try`, or (None) park the row for a person. Ends the lease.

        Changes nothing if the row neither waits nor awaits its receipt (a late report), or, where `claim` (of the
        claimed row) is given, if the row has been claimed again since.
        """
        ...

    def give_back(self, row_id: str, claim: int) -> None:
        """Give back a claimed row that was not tried: it is as before the claim, except that `claim` stays counted.

        Changes nothing if the row no longer waits or has been claimed again since.
        """
        ...

    def refused(self, row_id: str, reason: str) -> None:
        """Close a row that will not be sent, with the reason (consent). A row that was sent stays sent."""
        ...

    def due_timers(self, now: datetime, limit: int) -> list[str]:
        """Correlation ids of referrals with a timer that is due, earliest first."""
        ...

    def referral(self, correlation_id: str) -> Stored | None:
        """The referral with its revision, or None."""
        ...

    def referrals(self, states: Sequence[str] = (), limit: int = 100, after: str | None = None) -> list[Referral]:
        """Referrals, latest changed first, optionally in some states; `after` is the last id of the page before.

        Raises `InvalidInput` when there is no such referral.
        """
        ...

    def outbox(self, status: OutboxStatus | None = None, limit: int = 100, after: str | None = None) -> list[OutboxRow]:
        """Outbox rows, oldest first, behind the row `after`. Raises `InvalidInput` (not-found) if there is no such."""
        ...

    def refusals(self, limit: int = 100) -> list[Refusal]:
        """Messages that were not taken in, latest first."""
        ...

    def figures(self) -> Figures:
        """The state of the store, counted now; it may take a tenth of a second with a million referrals."""
        ...

    def retry(self, row_id: str, now: datetime) -> None:
        """Make a parked, held or sent row due again, with the bytes it had (a resend), in its old place in its lane.

        A waiting row becomes due now if it was due later; a lease on it stays. An awaiting row waits again, due now.
        Raises `InvalidInput` when there is no such row (not-found), or it was refused or superseded (business-rule).
        """
        ...

    def evidence(self, correlation_id: str | None = None) -> Sequence[EvidenceRecord]:
        """The records about referrals in order, or about one of them; without records whose words were purged."""
        ...

    def head(self) -> ChainHead:
        """The end of the chain now; number 0 and 64 zeros for an empty chain."""
        ...

    def verify(self, expected: Sequence[ChainHead] = ()) -> tuple[Problem, ...]:
        """Check the whole chain, and that it has the `expected` heads. Returns a problem for each thing amiss."""
        ...

    def close(self) -> None:
        """Close the connections."""
        ...
