"""Receipts: a peer's system acknowledges a message of ours, at once or later, and so ends its outbox row.

The row and the loop change in one commit. A receipt that comes later (an AppRec, a deferred ACK) never raises an error;
this table says what happens, by the row's status and the receipt's code:

| the row | ok | error for good | error for now |
|---|---|---|---|
| waits, or awaits its receipt | settled: sent | settled: parked | again: tried later, parked after the last attempt |
| sent | repeated | contradicts: the loop's evidence keeps it, the row stays sent | late |
| parked | settled: sent after all | late: evidence, the first time; then repeated | late |
| closed unsent | settled: it had got out before | refused | late |

A receipt is also `refused` if no message of ours has its id, or the message went to another party; it is recorded with
the refused messages (`refusals`). `repeated`, and `late` for an error for now, change nothing.
"""

from __future__ import annotations

import logging
import re
import time
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from ip_fhir.domain.effects import EffectKind
from ip_fhir.domain.referral import EventKind
from ip_fhir.domain.sharing.events import PlanEventKind
from ip_fhir.domain.values.ids import find_person_number
from ip_fhir.errors import InvalidInput, IpFhirError, StoreError, Unavailable, Unreadable
from ip_fhir.exchange.commit import again_on_conflict
from ip_fhir.exchange.plans.commit import announce
from ip_fhir.exchange.refusals import Arrival, refusals_kept
from ip_fhir.exchange.sending.conclusion import conclusion_of
from ip_fhir.exchange.sending.errand import errand_of
from ip_fhir.exchange.sending.retry import next_try
from ip_fhir.exchange.sending.run_counts import PlanChange, RunCounts
from ip_fhir.exchange.taking.citations import row_cited
from ip_fhir.logs import log_message
from ip_fhir.ports import Seen
from ip_fhir.ports.capabilities import awaits_receipts

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from ip_fhir.domain.agreement import Agreement
    from ip_fhir.domain.referral import Author
    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.peers import Credential
    from ip_fhir.exchange.sending.conclusion import Conclusion
    from ip_fhir.exchange.sending.run_counts import Moved
    from ip_fhir.ports import OutboxRow, OutboxStatus, Receipt, Transaction

log = logging.getLogger("ip_fhir.exchange")

Settled: TypeAlias = Literal["settled", "again", "repeated", "late", "contradicts", "refused"]
"""The outcome of a receipt that came in later."""

UNDER_WAY: Final[tuple[OutboxStatus, ...]] = ("waiting", "awaiting")
"""The statuses of a row that is not ended yet."""

KIND: Final = "receipt"
"""The kind under which later receipts are counted (`counts`)."""

_AT_ONCE: Final = 100
_IS_ID: Final = re.compile(r"[A-Za-z0-9\-.]{1,64}")
_NO_RECEIPT: Final = "handed over, and no receipt has come"


def settle(context: Context, receipt: Receipt, credential: Credential) -> Settled:
    """Apply a receipt that came after the message was handed over, by the module's table. Raises `StoreError` only."""
    now, began = context.clock.now(), time.monotonic()
    known = _IS_ID.fullmatch(receipt.message_id) is not None and not find_person_number(receipt.message_id)
    arrival = Arrival(credential.name, _digest(receipt), receipt.message_id if known else None, KIND)

    def once() -> tuple[Settled, _Settling]:
        with context.store.begin() as tx:
            found = row_cited(tx, credential.speaks_as, receipt.message_id) if known else None
            about = conclusion_of(context, tx, found) if found else None
            row = tx.row(found.id) if found else None  # after what it is about: see `conclusion_of`
            if row is None or row.content is None or row.effect.kind is not EffectKind.SEND or about is None:
                raise InvalidInput.at("message.id", "no message of ours was sent under this id", "not-found")
            if about.peer.name not in credential.speaks_as:
                raise InvalidInput.at("message.id", "the message was sent to another party", "forbidden")
            arrival.loop = row.correlation_id
            settling = _Settling(context, tx, about, row, now)
            return settling.by(receipt, about.peer.name), settling

    try:
        with refusals_kept(context, arrival):
            settled, settling = again_on_conflict(once)
    except InvalidInput:
        log_message("in", credential.name, KIND, "refused", began, None)
        return "refused"
    context.counts.add("in", KIND, settled)
    log_message("in", credential.name, KIND, settled, began, arrival.loop)
    for kind, moved in settling.moved:
        _announced(context, kind, moved)
    return settled


def _announced(context: Context, kind: EventKind, moved: Moved | None) -> Moved | None:
    """Call the EHR's hook about a plan that a receipt moved, after the commit; return what moved."""
    return announce(context, PlanEventKind(str(kind)), moved) if isinstance(moved, PlanChange) else moved


class _Settling:
    """The settling of one receipt with one row, in one transaction. `moved` is what the row's loop or plan was told."""

    def __init__(self, context: Context, tx: Transaction, about: Conclusion, row: OutboxRow, now: datetime) -> None:
        self._context, self._tx, self._about, self._row, self._now = context, tx, about, row, now
        self.moved: list[tuple[EventKind, Moved | None]] = []

    def by(self, receipt: Receipt, party: str) -> Settled:
        under_way = self._row.status in UNDER_WAY
        if receipt.code == "transient-error":
            return self._try_later(receipt) if under_way else "late"
        if receipt.code == "ok":
            return self._arrived()
        if self._row.status == "refused":
            raise InvalidInput.at("message.id", "the message was withdrawn before this receipt came", "business-rule")
        first = self._is_first_no(receipt, party)
        if not under_way and not first:
            return "repeated"
        self._tx.failed(self._row.id, words(said(receipt)), None, self._row.claim)  # changes only what is under way
        self._tell(EventKind.RECEIPT_ERROR, words(said(receipt)))
        if under_way:
            return "settled"
        return "contradicts" if self._row.status == "sent" else "late"

    def _arrived(self) -> Settled:
        if self._row.status == "sent":
            return "repeated"
        self._tx.finish(self._row.id, self._now)
        self._tell(EventKind.RECEIPT_OK, None)
        return "settled"

    def _try_later(self, receipt: Receipt) -> Settled:
        row, reason = self._row, words(said(receipt))
        policy = self._context.settings.retry
        again = next_try(Unavailable(reason), row.attempts, self._now, policy, self._context.jitter)
        self._tx.failed(row.id, reason, again, row.claim)
        if again is None:
            self._tell(EventKind.RECEIPT_ERROR, reason)
        return "again" if again is not None else "settled"

    def _is_first_no(self, receipt: Receipt, party: str) -> bool:
        """Remember this refusal and return True, or False if it was remembered before: nobody is told of it twice."""
        key = f"{party}/{self._row.id}#no"
        if self._tx.seen(key) is not None:
            return False
        self._tx.remember(Seen(key, _digest(receipt), b""), self._now)
        return True

    def _tell(self, kind: EventKind, reason: str | None) -> None:
        self.moved.append((kind, self._about.apply(f"{kind}-{self._row.claim}-later", kind, self._now, reason)))


def conclude(
    context: Context,
    row: OutboxRow,
    kind: EventKind,
    now: datetime,
    reason: str | None = None,
    by: Author | None = None,
    statuses: tuple[OutboxStatus, ...] = UNDER_WAY,
) -> Moved | None:
    """End a row that is in one of the `statuses` and apply the event to its loop or plan, in one commit.

    Returns what moved.

    `RECEIPT_OK` finishes the row, also if it was closed or parked while the message was on the wire: the message has
    arrived, and outbox and evidence say so. `RECEIPT_ERROR` parks it, unless it has been claimed again since. Otherwise
    nothing happens if the row has ended already. Raises `StoreError`.
    """

    def once() -> Moved | None:
        with context.store.begin() as tx:
            about = conclusion_of(context, tx, row)
            current = tx.row(row.id)
            arrived = kind is EventKind.RECEIPT_OK and current is not None and current.status != "sent"
            if current is None or (current.status not in statuses and not arrived):  # another worker has ended it
                return None
            if kind is EventKind.RECEIPT_ERROR and current.claim != row.claim:  # another worker is sending it now
                return None
            if kind is EventKind.RECEIPT_OK:
                tx.finish(row.id, now)
            else:
                tx.failed(row.id, reason or "", None, row.claim)
            return None if about is None else about.apply(f"{kind}-{row.claim}", kind, now, reason, by)

    return _announced(context, kind, again_on_conflict(once))


def receipt_due(agreement: Agreement, now: datetime) -> datetime:
    """The latest time (UTC) for the receipt of a message that is handed over `now`."""
    return now + timedelta(minutes=agreement.receipt_minutes)


# --- overdue receipts


def run_overdue(context: Context, now: datetime, limit: int, keep_going: Callable[[], bool]) -> RunCounts:
    """Send handed-over rows without a receipt in time again, the same bytes; park each after the agreed resends.

    The loop's own timer does the same for a notice: if it was first, the row waits already and is not overdue. Returns
    the counts. Raises `StoreError`; an error in one row is logged and stops no other.
    """
    store, ran, failed = context.store, RunCounts(), set[str]()
    if not awaits_receipts(store):
        return ran
    while ran.again + ran.parked < limit:
        rows = [row for row in store.overdue_receipts(now, _AT_ONCE + len(failed)) if row.id not in failed]
        if not rows:
            break
        for row in rows:
            if not keep_going() or ran.again + ran.parked >= limit:
                return ran
            done = _overdue(context, row, now)
            ran += done
            if done.failed:
                failed.add(row.id)
    return ran


def _overdue(context: Context, row: OutboxRow, now: datetime) -> RunCounts:
    try:
        if row.handovers > _agreed_resends(context, row):
            moved = conclude(context, row, EventKind.RECEIPT_ERROR, now, _NO_RECEIPT, statuses=("awaiting",))
            return RunCounts.of([moved], parked=1)
        context.store.failed(row.id, _NO_RECEIPT, now, row.claim)
    except Unreadable as error:
        log.error("receipt of message %s: %s", row.id, error)  # noqa: TRY400 - a trace may hold a person's data
        return RunCounts(failed=1)
    except StoreError:
        raise
    except IpFhirError as error:
        log.error("receipt of message %s: %s", row.id, error)  # noqa: TRY400 - as above
        return RunCounts(failed=1)
    except Exception as error:  # noqa: BLE001 - a fault of ours in one row must not stop the others
        log.error("receipt of message %s: unforeseen %s", row.id, type(error).__name__)  # noqa: TRY400 - as above
        return RunCounts(failed=1)
    return RunCounts(again=1)


def _agreed_resends(context: Context, row: OutboxRow) -> int:
    try:
        return errand_of(context, row).agreement.receipt_resends
    except InvalidInput:  # what it is about, or its receiver, is not known any more
        return 0


# --- words


def said(receipt: Receipt) -> str:
    """The receipt as text: its code and its problems."""
    return "; ".join([f"receipt {receipt.code}", *map(str, receipt.problems)])


def words(text: str) -> str:
    """The text as one printable line of at most 500 characters, fit to be stored: a peer may write anything."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())[:500]


def _digest(receipt: Receipt) -> str:
    return sha256(f"{receipt.message_id}|{said(receipt)}".encode()).hexdigest()
