"""What goes out: a due outbox row -> consent is asked again -> rendered once -> sent -> receipt and row in one commit.

A crash anywhere leaves the row waiting; it is sent again, unchanged to the byte, and the receiver knows the key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypeAlias
from uuid import NAMESPACE_URL, uuid5

from ip_fhir.domain.consent.permission import Refused
from ip_fhir.domain.effects import EffectKind
from ip_fhir.domain.loop import decide, message_of
from ip_fhir.domain.loop.consent_gate import may_send
from ip_fhir.domain.referral import Event, EventKind, Role
from ip_fhir.errors import InvalidInput, IpFhirError, LoopError, PeerError, Rejected, StoreError, Unavailable
from ip_fhir.exchange.commit import again_on_conflict, at_least, write
from ip_fhir.exchange.peers import counterpart
from ip_fhir.exchange.sending.retry import next_try
from ip_fhir.ports import Outgoing

if TYPE_CHECKING:
    from datetime import datetime

    from ip_fhir.domain.referral import Referral
    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.peers import Peer
    from ip_fhir.ports import OutboxRow, Receipt

Done: TypeAlias = Literal["sent", "told", "refused", "again", "parked"]
"""What became of a row."""


def send(context: Context, row: OutboxRow, now: datetime) -> Done:
    """Do what a claimed row asks for. Raises `StoreError` only: whatever else goes wrong is kept in the row."""
    if row.effect.kind is EffectKind.TELL:
        return _tell(context, row, now)
    try:
        referral, peer = _whom(context, row)
        verdict = may_send(referral, row.effect, context.agreement(referral.notice), now)
        if isinstance(verdict, Refused):
            context.store.refused(row.id, f"{verdict.rule}: {verdict.reason}")
            return "refused"
        row = _rendered(context, row, referral, peer, now)
        if row.status != "waiting":  # withdrawn while we were at it
            return "refused"
        _deliver(row, peer)
    except StoreError:
        raise
    except IpFhirError as error:
        return _failed(context, row, error, now)
    _settle(context, row, EventKind.RECEIPT_OK, now)
    return "sent"


def _tell(context: Context, row: OutboxRow, now: datetime) -> Done:
    """Hand it to our own people, by whatever means the EHR gave us; a means that fails is tried again."""
    try:
        context.tell(row)
    except Exception as error:  # noqa: BLE001 - somebody else's code
        return _failed(context, row, Unavailable(f"our own people could not be told: {type(error).__name__}"), now)
    context.store.sent(row.id, now)
    return "told"


def _whom(context: Context, row: OutboxRow) -> tuple[Referral, Peer]:
    stored = context.store.referral(row.correlation_id)
    if stored is None:
        raise InvalidInput.at("outbox", "the row's referral is not in the store", "not-found")
    return stored.referral, context.peers.of(row.effect.recipient or counterpart(stored.referral))


def _rendered(context: Context, row: OutboxRow, referral: Referral, peer: Peer, now: datetime) -> OutboxRow:
    """The row with its bytes: those of the first attempt, whatever has changed since."""
    if row.content is not None:
        return row
    writer = context.formats.writer(peer.adapter.format)
    try:
        at = max(now, referral.changed)  # the clock may have been turned back: see `commit.at_least`
        message = message_of(referral, row.effect, at, context.agreement(referral.notice))
        content = writer.write(message, context.mapper)
    except IpFhirError:
        raise
    except Exception as error:  # a row that cannot be rendered is parked; it must not stop the others
        raise Rejected(f"rendering failed: {type(error).__name__}") from error
    return context.store.keep_content(row.id, content, writer.content_type)


def _deliver(row: OutboxRow, peer: Peer) -> None:
    """Through the adapter. Raises `PeerError` for anything but a receipt that says ok."""
    outgoing = Outgoing(row.id, row.correlation_id, row.content or b"", row.content_type or "", peer.endpoint)
    try:
        receipt = peer.adapter.send(outgoing)
    except PeerError:
        raise
    except Exception as error:  # a plug-in that breaks its contract; no telling whether it was sent
        raise Unavailable(f"adapter {peer.adapter.name} failed: {type(error).__name__}") from error
    if receipt.code == "transient-error":
        raise Unavailable(_said(receipt))
    if receipt.code == "fatal-error":
        raise Rejected(_said(receipt))


def _said(receipt: Receipt) -> str:
    return "; ".join([f"receipt {receipt.code}", *map(str, receipt.problems)])


def _failed(context: Context, row: OutboxRow, error: IpFhirError, now: datetime) -> Done:
    """Try again later, or give up: then a person is told, by way of the loop."""
    again = next_try(error, row.attempts, now, context.settings.retry, context.jitter)
    if again is not None:
        context.store.failed(row.id, _words(error), again, row.claim)
        return "again"
    park(context, row, now, _words(error))
    return "parked"


def park(context: Context, row: OutboxRow, now: datetime, reason: str) -> None:
    """Send it no more until a person says so; the loop learns that it has not arrived, and has our people told."""
    if row.effect.kind is EffectKind.TELL:
        context.store.failed(row.id, reason, None, row.claim)
    else:
        _settle(context, row, EventKind.RECEIPT_ERROR, now, reason)


def _words(error: IpFhirError) -> str:
    """What an error says, as one line that may be stored; an adapter's own words may be anything."""
    said = " ".join("".join(c if c.isprintable() else " " for c in str(error)).split())
    return said[:500] or type(error).__name__


def _settle(context: Context, row: OutboxRow, kind: EventKind, now: datetime, reason: str | None = None) -> None:
    """The receipt's event and the end of the row, in one commit."""
    happened = Event(
        id=str(uuid5(NAMESPACE_URL, f"{row.id}#{kind}-{row.claim}")),
        kind=kind,
        at=now,
        raised_by=Role.TRANSPORT,
        message_id=row.id,
        text=reason,
    )

    def once() -> None:
        with context.store.begin() as tx:
            # The referral first: whoever settles the row between the two has changed it, and the save below conflicts.
            before = tx.load(row.correlation_id)
            current = tx.row(row.id)
            if current is None or current.status != "waiting":  # another worker was here first
                return
            if kind is EventKind.RECEIPT_OK:
                tx.finish(row.id, now)
            else:
                tx.failed(row.id, reason or "", None, row.claim)
            if before is None:
                return
            event = happened.evolve(at=at_least(now, before))
            try:
                decision = decide(before.referral, event, context.agreement(before.referral.notice))
            except (LoopError, InvalidInput):  # a receipt that changes nothing; the row is done all the same
                return
            write(tx, before, decision, now, mapper=context.mapper)

    again_on_conflict(once)
