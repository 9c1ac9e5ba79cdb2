"""The way out: due outbox row -> consent checked again -> rendered once -> sent -> receipt and row in one commit.

About a person with a strictly confidential address nothing is rendered or sent that a person of ours has not let go.

An adapter that only hands over gives no receipt: then the row awaits it (`receipts`). After a crash before that the row
still waits; it is sent again, unchanged to the byte, and the receiver recognises its key.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Literal, TypeAlias, TypeVar

from ip_fhir.domain.effects import EffectKind
from ip_fhir.domain.referral import EventKind
from ip_fhir.domain.sharing.life.shares import READERS_UNKNOWN
from ip_fhir.domain.values.aggregate import RECIPIENT
from ip_fhir.errors import (
    ConsentRefused,
    InvalidInput,
    IpFhirError,
    PeerError,
    Rejected,
    StoreError,
    Unavailable,
    Unreadable,
)
from ip_fhir.exchange import inbound
from ip_fhir.exchange.formats import ChainWriter, PersonWriter, Receipting
from ip_fhir.exchange.receipts import conclude, receipt_due, said, words
from ip_fhir.exchange.sending.correspondence import earlier_messages
from ip_fhir.exchange.sending.errand import errand_of
from ip_fhir.exchange.sending.release import hold
from ip_fhir.exchange.sending.retry import next_try
from ip_fhir.exchange.taking.citations import with_ids
from ip_fhir.exchange.telling.delivery import deliver, pass_on
from ip_fhir.ports import Outgoing
from ip_fhir.ports.adapters import AcknowledgingAdapter
from ip_fhir.ports.capabilities import awaits_receipts

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from ip_fhir.domain.referral import Author
    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.formats import Writer
    from ip_fhir.exchange.peers import Peer
    from ip_fhir.exchange.sending.errand import Errand
    from ip_fhir.exchange.sending.run_counts import Moved
    from ip_fhir.ports import OutboxRow, Receipt

Done: TypeAlias = Literal["sent", "awaiting", "told", "refused", "again", "parked", "held"]
"""The outcome of one attempt at a row."""


_Attempt: TypeAlias = "tuple[Done, Moved | None]"

T = TypeVar("T")


def send(
    context: Context, row: OutboxRow, now: datetime, changed: Callable[[Moved], object] = lambda _change: None
) -> Done:
    """Carry out a claimed row and return the outcome. Raises `StoreError` only: any other error is kept in the row.

    `changed` is called with the change of the row's loop or plan, if it changed.

    An item of which our own people were told is still to be closed: see `close_told`.
    A row whose referral cannot be read is tried again, and parked after as many attempts as any other.
    """
    try:
        done, change = _send(context, row, now)
    except Unreadable as error:
        return _postponed(context, row, error, now)
    if change is not None:
        changed(change)
    return done


def _send(context: Context, row: OutboxRow, now: datetime) -> _Attempt:
    if row.effect.kind is EffectKind.TELL:
        return _tell(context, row, now)
    if row.effect.kind is EffectKind.ACKNOWLEDGE:
        return _acknowledge(context, row, now)
    try:
        errand = errand_of(context, row)
        if errand.close(now):
            return "refused", None
        _check_readers(errand)
        if hold(context, errand, row, now):
            return "held", None
        row = _rendered(context, errand, row, now)
        if row.status != "waiting":  # withdrawn since it was claimed
            return "refused", None
        if _deliver(context, errand, row, now) is None:
            return _handed_over(context, errand, row, now)
    except StoreError:
        raise
    except IpFhirError as error:
        return _failed(context, row, error, now)
    return "sent", conclude(context, row, EventKind.RECEIPT_OK, now)


def _check_readers(errand: Errand) -> None:
    """Raise `ConsentRefused` or `Unavailable` where others read the server on the way, or nobody has said who does."""
    if withheld := errand.withheld_from:
        told = f"the server on its way is read by {', '.join(withheld)}, who may not see this message"
        raise ConsentRefused("readers", told)
    if errand.awaits_readers:
        raise Unavailable(READERS_UNKNOWN)


def _tell(context: Context, row: OutboxRow, now: datetime) -> _Attempt:
    """Tell a recipient, or hand an item to all of them and to the EHR's `tell`; if that fails, it is tried again."""
    if row.aggregate_kind == RECIPIENT:
        return deliver(context, row, now), None
    try:
        pass_on(context, row, now)
        context.tell(row)
    except StoreError:
        raise
    except Exception as error:  # noqa: BLE001 - somebody else's code
        return _failed(context, row, Unavailable(f"our own people could not be told: {type(error).__name__}"), now)
    return "told", None


def _acknowledge(context: Context, row: OutboxRow, now: datetime) -> _Attempt:
    """Post an acknowledgement of ours; if that fails, the row is tried again."""
    try:
        peer = context.peers.party(row.effect.party or "")
        adapter = peer.adapter
        if not isinstance(adapter, AcknowledgingAdapter):
            raise Rejected("this party takes no acknowledgements any more")
        _asked(context, peer, row, now, lambda: adapter.acknowledge(row.content or b"", peer.endpoint))
    except StoreError:
        raise
    except IpFhirError as error:
        return _failed(context, row, error, now)
    context.store.sent(row.id, now)
    return "sent", None


def close_told(context: Context, row_ids: Sequence[str], now: datetime) -> None:
    """Close rows of which our own people were told, in one commit. Raises `StoreError`: then they are told again."""
    with context.store.begin() as tx:
        for row_id in row_ids:
            tx.finish(row_id, now)


def _rendered(context: Context, errand: Errand, row: OutboxRow, now: datetime) -> OutboxRow:
    """Return the row with its bytes; a later attempt sends the bytes of the first, whatever has changed since."""
    if row.content is not None:
        return row
    writer = context.formats.writer(errand.peer.adapter.format, errand.peer.lines)
    try:
        content = _written(writer, errand, row, now, context)
    except IpFhirError:
        raise
    except Exception as error:  # a row that cannot be rendered is parked; it must not stop the others
        raise Rejected(f"rendering failed: {type(error).__name__}") from error
    content = with_ids(context, errand, row, writer, content)
    return context.store.keep_content(row.id, content, writer.content_type)


def _written(writer: Writer, errand: Errand, row: OutboxRow, now: datetime, context: Context) -> bytes:
    """The bytes of the message, with the person of the notice or the messages before it where its format wants them."""
    message = errand.message(now)
    if errand.owner is not None and isinstance(writer, PersonWriter):
        return writer.write_about(message, errand.owner, context.mapper)
    if isinstance(writer, ChainWriter):
        return writer.write_after(message, earlier_messages(context, errand.peer.name, row), context.mapper)
    return writer.write(message, context.mapper)


def _deliver(context: Context, errand: Errand, row: OutboxRow, now: datetime) -> Receipt | None:
    """Send through the adapter. Returns a receipt that says ok, or None: handed over. Raises `PeerError` otherwise."""
    peer = errand.peer
    outgoing = Outgoing(row.id, errand.about, row.content or b"", row.content_type or "", peer.endpoint)
    receipt = _asked(context, peer, row, now, lambda: peer.adapter.send(outgoing))
    if receipt is not None and receipt.reply is not None:
        _take_in(context, peer, receipt.reply)
    if receipt is not None and receipt.code == "transient-error":
        raise Unavailable(said(receipt))
    if receipt is not None and receipt.code == "fatal-error":
        raise Rejected(said(receipt))
    return receipt


def _take_in(context: Context, peer: Peer, reply: bytes) -> None:
    """Take in a message that came with the receipt, as any message of the peer. Raises `StoreError`: sent again then.

    If it is refused, that is recorded: the peer has our message all the same. One that is a receipt alone has said all
    that it says.
    """
    with suppress(InvalidInput):
        if not _is_receipt_alone(context, peer, reply):
            inbound.receive(context, reply, peer, peer.adapter.format)


def _is_receipt_alone(context: Context, peer: Peer, reply: bytes) -> bool:
    try:
        incoming = context.formats.spoken(peer.adapter.format, peer.lines).open(reply, context.limits)
    except InvalidInput:  # recorded where it is taken in
        return False
    return isinstance(incoming, Receipting) and incoming.is_receipt_alone()


def _asked(context: Context, peer: Peer, row: OutboxRow, now: datetime, ask: Callable[[], T]) -> T:
    """Return what the peer's adapter says. Raises `PeerError` and nothing else.

    Notes whether the peer gave an answer, by the name under which its rows are claimed.
    """
    with context.circuits.asking(row.peer or peer.name, now, context.settings.retry, context.jitter):
        return _by_adapter(peer, ask)


def _by_adapter(peer: Peer, ask: Callable[[], T]) -> T:
    try:
        return ask()
    except PeerError:
        raise
    except Exception as error:  # a plug-in that breaks its contract; no telling whether it was sent
        raise Unavailable(f"adapter {peer.adapter.name} failed: {type(error).__name__}") from error


def _handed_over(context: Context, errand: Errand, row: OutboxRow, now: datetime) -> _Attempt:
    """Mark the row as awaiting its receipt; in a store without that status it is tried again after the same time."""
    agreement = errand.agreement
    if awaits_receipts(context.store):
        context.store.hand_over(row.id, now, receipt_due(agreement, now), row.claim)
        return "awaiting", None
    wait = agreement.receipt_minutes * 60.0
    return _failed(context, row, Unavailable("handed over, and no receipt has come", retry_after=wait), now)


def _failed(context: Context, row: OutboxRow, error: IpFhirError, now: datetime) -> _Attempt:
    """Schedule another attempt, or park the row: then the loop has a person told."""
    again = next_try(error, row.attempts, now, context.settings.retry, context.jitter)
    if again is not None:
        context.store.failed(row.id, _words(error), again, row.claim)
        return "again", None
    return "parked", park(context, row, now, _words(error))


def _postponed(context: Context, row: OutboxRow, error: Unreadable, now: datetime) -> Done:
    """Schedule another attempt or park the row; the loop is not told, since it cannot be read."""
    again = next_try(error, row.attempts, now, context.settings.retry, context.jitter)
    context.store.failed(row.id, _words(error), again, row.claim)
    return "parked" if again is None else "again"


def park(context: Context, row: OutboxRow, now: datetime, reason: str, by: Author | None = None) -> Moved | None:
    """Stop sending the row until a person retries it; the loop learns that it did not arrive, and alerts our people."""
    if row.effect.kind is not EffectKind.SEND:
        context.store.failed(row.id, reason, None, row.claim)
        return None
    return conclude(context, row, EventKind.RECEIPT_ERROR, now, reason, by)


def _words(error: IpFhirError) -> str:
    """The error as one line that may be stored."""
    return words(str(error)) or type(error).__name__
