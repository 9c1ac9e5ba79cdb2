"""The way in: bytes -> message -> decision -> one commit -> receipt. Read this first.

The receipt is built from what was committed, and given after the commit, never before. A message that raises an error
has changed nothing: the sender may send again. The answer to an accepted message is stored, so that the same message
gets the same bytes again.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ip_fhir.domain.loop import Decision, decide, event_of, open_referral
from ip_fhir.domain.referral import EventKind, Record, Role
from ip_fhir.errors import InvalidInput, LoopError, NotTaken, NotYet
from ip_fhir.exchange.commit import again_on_conflict, not_before, write
from ip_fhir.exchange.formats import Answer, places_of
from ip_fhir.exchange.peers import takes_part
from ip_fhir.exchange.refusals import (
    Arrival,
    check_date,
    check_person,
    is_early,
    receipt_of,
    refusals_kept,
    unknown_here,
)
from ip_fhir.fhir.outcome import problems_of
from ip_fhir.ports import Receipt, Seen

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from ip_fhir.domain.message import Message
    from ip_fhir.domain.people import Organization
    from ip_fhir.domain.referral import Event, Referral
    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.formats import Incoming
    from ip_fhir.exchange.peers import Peer
    from ip_fhir.ports import Stored, WireFormat


def receive(context: Context, content: bytes, peer: Peer, format_name: WireFormat) -> bytes:
    """Take in a message from `peer` and return the answer, in the same wire format.

    Raises `InvalidInput` (unreadable, not sent in the peer's name, a known key with other content; a format that is not
    installed), `StoreError`; where the wire format has no receipts also `NotTaken`. A refusal is recorded by digest and
    reason.
    """
    wire, arrival = context.formats.named(format_name), Arrival.of(peer, content)
    with refusals_kept(context, arrival):
        incoming = wire.open(content, context.limits)
        message = _understood(incoming, context)
        arrival.message_id, arrival.kind = message.id, message.kind
        with places_of(incoming):
            _check_parties(context, message, peer)
            # All that needs no look at the store is done before the transaction: while one is open, others wait.
            persons, foreign = incoming.persons(), incoming.resources() if message.notice is not None else ()
    key, digest = f"{peer.name}/{message.id}", incoming.digest()
    now = context.clock.now()

    def once() -> tuple[bytes, str]:
        with context.store.begin() as tx:
            if seen := tx.seen(key):
                return _same_again(seen, digest), "repeated"
            check_date(context, message, now)
            before = tx.load(message.correlation_id)
            if before is not None:
                check_person(before.referral, persons)
            decision = _decide(context, message, before, peer, now)
            stored = write(tx, before, decision, now, () if before else foreign, context=context)
            # A decision with problems: the message is kept as evidence, and not acted on.
            receipt = Receipt(message.id, "fatal-error" if decision.problems else "ok", decision.problems)
            reply = incoming.reply(Answer(receipt, stored, now, context.url))
            tx.remember(Seen(key, digest, reply), now)
        return reply, "refused" if decision.problems else "ok"

    try:
        with refusals_kept(context, arrival), places_of(incoming):
            reply, outcome = again_on_conflict(once)
    except NotTaken as error:
        if not wire.receipts:
            raise
        return incoming.reply(Answer(receipt_of(message.id, error), (), now, context.url))
    context.counts.add("in", message.kind, outcome)
    return reply


def _understood(incoming: Incoming, context: Context) -> Message:
    """Read the message. A broken reference in it is a fault of its content (invariant), not of the address (404)."""
    try:
        return incoming.message(context.mapper)
    except InvalidInput as error:
        found = (replace(p, code="invariant") if p.code == "not-found" else p for p in error.problems)
        raise InvalidInput(found) from None


def _same_again(seen: Seen, digest: str) -> bytes:
    """Return the first answer to a resend. Refuses another message under its key, and a resend from before a purge."""
    if seen.digest != digest:
        reason = "a message with this id and other content was taken in before"
        raise InvalidInput.at("message.id", reason, "duplicate")
    if not seen.reply:
        raise NotTaken.at("message.id", "taken in long ago: what was answered is not kept so long", "duplicate")
    return seen.reply


def _decide(context: Context, message: Message, before: Stored | None, peer: Peer, now: datetime) -> Decision:
    event = event_of(message, not_before(before, now), context.role)
    if before is None:
        if message.notice is None:
            raise unknown_here(context, message, now)
        return open_referral(message.notice, context.role, event, context.agreement(message.notice))
    if not takes_part(peer, before.referral):
        if context.role is Role.HOSPITAL and peer.passes_on and is_early(context, message, now):
            raise unknown_here(context, message, now)  # the unit that was asked first may have passed it on
        raise InvalidInput.at("correlation_id", "this referral is another party's", "forbidden")
    try:
        _check_role(context, event)
        return decide(before.referral, event, context.agreement(before.referral.notice))
    except LoopError as error:
        return _refused(before.referral, event, error)
    except NotYet as error:
        if is_early(context, message, now):
            raise
        return _refused(before.referral, event, LoopError(str(error)))


def _check_role(context: Context, event: Event) -> None:
    """Refuse an event that only our own side may raise. `RECEIVE` is the exception: it always comes by message."""
    if event.raised_by is context.role and event.kind is not EventKind.RECEIVE:
        raise LoopError(f"{event.kind} is for the {event.raised_by} to say, which did not send this")


def _refused(referral: Referral, event: Event, error: LoopError) -> Decision:
    """A decision that applies nothing: the event is not allowed, is kept as evidence, and is refused for good."""
    record = Record(
        event=event, role=referral.role, before=referral.state, after=referral.state, note=f"refused: {error}"
    )
    return Decision(referral, (record,), problems=problems_of(error))


def _check_parties(context: Context, message: Message, peer: Peer) -> None:
    """Refuse a message in the name of another party than the token's, or addressed to somebody other than us."""
    if not all(peer.speaks_for(organization) for organization in _in_whose_name(message, peer)):
        raise InvalidInput.at("sender", "not the party that the token belongs to", "forbidden")
    notice = message.notice
    addressees = [message.recipient, *([notice.organization(notice.recipient)] if notice else [])]
    if not all(context.is_us(organization) for organization in addressees):
        raise InvalidInput.at("recipient", "addressed to somebody else", "business-rule")
    if notice is not None and context.role is Role.HOSPITAL:
        raise InvalidInput.at("kind", "a hospital sends notices, it takes none in", "business-rule")


def _in_whose_name(message: Message, peer: Peer) -> Iterator[Organization]:
    """The organisations in whose name a message speaks; the hospital's name does not count when a unit passes it on."""
    yield message.sender
    if message.form is not None:
        yield from (o for o in message.form.organizations if o.id == message.form.sender)
    if message.notice is not None and not peer.passes_on:
        yield message.notice.organization(message.notice.sender)
