"""What the core asks of the world, as Protocols, and the plain values they exchange.

An adapter implements `Adapter`, what waits or polls `Listener`, an EHR with a database of its own `Store`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime, timedelta

    from ip_fhir.domain.effects import Effect
    from ip_fhir.domain.referral import Record, Referral
    from ip_fhir.errors import IssueCode, Problem

WireFormat: TypeAlias = str
"""The name of a wire format: an entry point of the group `ip_fhir.formats`, such as `fhir-message`; anybody's."""

ReceiptCode: TypeAlias = Literal["ok", "transient-error", "fatal-error"]
OutboxStatus: TypeAlias = Literal["waiting", "sent", "parked", "refused"]
JsonObject: TypeAlias = "dict[str, Any]"


class Clock(Protocol):
    """Time is an argument everywhere; this is where it comes from."""

    def now(self) -> datetime:
        """The present moment, time zone aware."""
        ...


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a peer listens: address, credentials, and how long to wait (seconds)."""

    url: str
    token: str | None = field(default=None, repr=False)
    timeout: float = 30.0
    options: Mapping[str, str] = field(default_factory=dict, repr=False)


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
    """What the peer's machine answered: stored (`ok`), or not - for now or for good. Never the business answer."""

    message_id: str
    code: ReceiptCode
    problems: tuple[Problem, ...] = ()


@runtime_checkable
class Adapter(Protocol):
    """A way to one kind of system, stateless but for connections; entry point `name` in group `ip_fhir.adapters`."""

    name: str
    format: WireFormat

    def send(self, outgoing: Outgoing) -> Receipt:
        """Deliver and return the receipt. Raises `Rejected`, `Unavailable` or `Conflict`, nothing else."""
        ...


class Receiver(Protocol):
    """The side of the loop that a listener hands bytes to: an `ip_fhir.exchange.Exchange`."""

    def receive(self, content: bytes, peer: str, format_name: WireFormat) -> bytes:
        """Take in a message of the peer that settings call `peer`; return the answer, after the commit. Thread-safe.

        Any exception means that nothing was taken in; `retry` of an `IpFhirError` says if the same may be later.
        """
        ...


class Listener(Protocol):
    """Anything that waits or polls for bytes: a server, a subscription, a folder.

    The entry point `name`, of the group `ip_fhir.listeners`, is a function that takes a mapping of options and returns
    a listener, having opened nothing. It raises `InvalidInput` at an option that it does not know or cannot use.
    """

    name: str

    def start(self, exchange: Receiver) -> None:
        """Begin, in threads of its own, and return. Raises `OSError` or `InvalidInput` when it cannot. Called once."""
        ...

    def stop(self) -> None:
        """Take in no more and wait, ten seconds at most, for what is under way. Does nothing when it is not running."""
        ...


@dataclass(frozen=True, slots=True)
class Seen:
    """A message that was taken in before: the digest of what came and the reply that was given.

    When a message is too old to be taken in again (`limits.max_age`) a store may forget the reply, which is then empty;
    and the key too, once what came of it is gone. Until then it keeps both.
    """

    key: str
    digest: str
    reply: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A message that was not taken in: from whom, which, why, and how often it came. It moved no referral.

    `message_id` is None where it could not be read; `digest` is of the bytes as they came. Neither content nor
    anything about a person is kept.
    """

    peer: str
    digest: str
    code: IssueCode
    reason: str
    first: datetime
    last: datetime
    message_id: str | None = None
    times: int = 1


@dataclass(frozen=True, slots=True)
class Figures:
    """How a store stands, in numbers: for a dashboard and an alarm. Nothing about a person.

    `loops` counts referrals by state, `outbox` rows by status; a state or status of which there is none may be left
    out. `overdue`: an answer is waited for, and its deadline is over; `unanswered_since` is when the wait that has
    lasted longest began. `most_attempts` is of a waiting row.
    """

    loops: Mapping[str, int]
    overdue: int
    unanswered_since: datetime | None
    outbox: Mapping[OutboxStatus, int]
    most_attempts: int
    refusals: int


@dataclass(frozen=True, slots=True)
class Stored:
    """A referral as it stands in the store, with the revision a change must be based on."""

    referral: Referral
    revision: int


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One effect to be done. `content` is None until the first attempt has rendered it, then never changes.

    `attempts` counts claims since it was enqueued or last retried: 1 in the row that the first claim gives.
    `claim` counts them all: it tells a late report of a worker whose lease ran out from the present one's.
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


@dataclass(frozen=True, slots=True)
class ResourceVersion:
    """A FHIR resource as held for REST: `version` counts from 1 and is the ETag."""

    type: str
    id: str
    version: int
    body: JsonObject = field(repr=False)
    updated: datetime
    correlation_id: str | None = None


@dataclass(frozen=True, slots=True)
class EvidenceRecord:
    """A link of the chain: `hash` covers `previous` and the record's canonical JSON."""

    number: int
    correlation_id: str
    record: Record
    previous: str
    hash: str


@dataclass(frozen=True, slots=True)
class ChainHead:
    """Where the chain of evidence ends: how many records, the last one's hash, how many have lost their words.

    Whoever keeps a copy of it elsewhere can tell later whether the chain was made anew.
    """

    number: int
    hash: str
    purged: int = 0


class Transaction(Protocol):
    """All or nothing: what is done through it is committed together when the block ends without an error."""

    def seen(self, key: str) -> Seen | None:
        """The message taken in under this key, if any."""
        ...

    def remember(self, seen: Seen, now: datetime) -> None:
        """Keep the key, digest and reply of a message. A second `remember` of a key raises `StoreError`."""
        ...

    def refuse(self, refusal: Refusal) -> None:
        """Keep that a message was not taken in; the same again (peer, digest, code) is counted, its `last` moved.

        Raises `Conflict` when another transaction keeps the same at this moment.
        """
        ...

    def load(self, correlation_id: str) -> Stored | None:
        """The referral, or None."""
        ...

    def save(self, referral: Referral, revision: int | None) -> int:
        """Write it (None: it is new), return the new revision. Raises `Conflict` if `revision` is no longer current."""
        ...

    def append(self, correlation_id: str, records: Sequence[Record]) -> None:
        """Add evidence to the hash chain."""
        ...

    def enqueue(self, rows: Sequence[OutboxRow]) -> None:
        """Add outbox rows, in this order. A row whose id is there already is left as it is."""
        ...

    def drop_waiting(self, correlation_id: str, reason: str, keep: Sequence[str] = ()) -> None:
        """Close the referral's waiting and parked rows (`refused`, with the reason), but for the ids in `keep`."""
        ...

    def row(self, row_id: str) -> OutboxRow | None:
        """The outbox row as it stands, or None."""
        ...

    def finish(self, row_id: str, now: datetime) -> None:
        """As `Store.sent`, in this transaction: the row is done when the referral is saved, or neither."""
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

    def resource(self, type_: str, id_: str) -> ResourceVersion | None:
        """The current version of a FHIR resource."""
        ...

    def put_resource(self, resource: ResourceVersion, expected: int | None) -> None:
        """Write a version, the one after `expected`; the old ones are kept.

        Raises `Conflict` if the current version is not `expected` (None: there is none).
        """
        ...


class Store(Protocol):
    """Durability. Every method but `begin` is a transaction of its own."""

    def begin(self) -> AbstractContextManager[Transaction]:
        """A write transaction. Raises `StoreError` when the storage fails, having changed nothing."""
        ...

    def claim(self, worker: str, now: datetime, lease: timedelta, limit: int) -> list[OutboxRow]:
        """Up to `limit` due rows, held for this worker until the lease runs out.

        At most one of each lane, the first in the order they were enqueued. A lane is the rows of one
        referral with the same effect kind and `to`: an escalation, or a word to our own people, does not wait
        behind a message to a peer that is down. A waiting row holds up those after it in its lane, also while
        it is leased or not yet due; a parked one does not: it waits for a person, and a withdrawal must get
        out before that.
        """
        ...

    def keep_content(self, row_id: str, content: bytes, content_type: str) -> OutboxRow:
        """Keep the bytes of the first attempt, before it is made. What is kept never changes.

        Returns the row: if another worker was first, with its bytes, and those are the ones to send.
        """
        ...

    def sent(self, row_id: str, now: datetime) -> None:
        """The row is done, whatever it was before; inside a `Transaction` the same is `finish`.

        This and the three below raise `InvalidInput` (not-found) when there is no such row.
        """
        ...

    def failed(self, row_id: str, reason: str, next_try: datetime | None, claim: int | None = None) -> None:
        """An attempt failed. Try again at `next_try`; None parks the row for a person. Gives the lease back.

        Changes nothing if the row no longer waits (a late report), or, where `claim` (of the claimed row) is
        given, if the row has been claimed again since.
        """
        ...

    def give_back(self, row_id: str, claim: int) -> None:
        """What was claimed was not tried after all: it is as before the claim, but that `claim` stays counted.

        Changes nothing if the row no longer waits or has been claimed again since.
        """
        ...

    def refused(self, row_id: str, reason: str) -> None:
        """The row will not be sent (consent); closed with the reason. A row that was sent stays sent."""
        ...

    def due_timers(self, now: datetime, limit: int) -> list[str]:
        """Correlation ids of referrals with a timer that is due, earliest first."""
        ...

    def referral(self, correlation_id: str) -> Stored | None:
        """Read one referral."""
        ...

    def referrals(self, states: Sequence[str] = (), limit: int = 100, after: str | None = None) -> list[Referral]:
        """Referrals, latest changed first, optionally in some states; `after` is the last one of the page before.

        Raises `InvalidInput` when there is no such referral.
        """
        ...

    def outbox(self, status: OutboxStatus | None = None, limit: int = 100) -> list[OutboxRow]:
        """Outbox rows, oldest first."""
        ...

    def refusals(self, limit: int = 100) -> list[Refusal]:
        """Messages that were not taken in, latest first."""
        ...

    def figures(self) -> Figures:
        """How the store stands, counted now; it may take a tenth of a second with a million referrals."""
        ...

    def retry(self, row_id: str, now: datetime) -> None:
        """Make a parked or sent row due again, with the bytes it had (a resend) and in its old place in its lane.

        A waiting row is made due now if it was to wait longer; who holds it keeps it. Raises `InvalidInput`
        when there is no such row (not-found), or it was refused (business-rule).
        """
        ...

    def search_resources(self, type_: str, criteria: Mapping[str, str], limit: int = 100) -> list[ResourceVersion]:
        """Current versions matching `_id`, `identifier`, `status`, `based-on`, `focus` (exact) and `correlation`.

        An identifier as `system|value` or `value`, a reference as it stands, as `Type/id` or `id`. Latest first.
        Raises `InvalidInput` for any other criterion: to leave it out would find too much.
        """
        ...

    def evidence(self, correlation_id: str | None = None) -> Sequence[EvidenceRecord]:
        """The chain in order, whole or one referral's part; without records whose words a retention rule took out."""
        ...

    def head(self) -> ChainHead:
        """Where the chain ends now; number 0 and 64 zeros when nothing was written yet."""
        ...

    def verify(self) -> tuple[Problem, ...]:
        """Check the whole chain; a changed, removed or inserted record is a problem with its number."""
        ...

    def close(self) -> None:
        """Give back connections."""
        ...
