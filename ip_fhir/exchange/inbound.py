"""The way in: bytes -> message -> decision -> one commit -> receipt. Read this first.

The receipt is built from what was committed, and given after the commit, never before. A message that raises an error
has changed nothing: the sender may send again. The answer to an accepted message is stored, so that the same message
gets the same bytes again.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from ip_fhir.domain.loop import Decision, decide, event_of, open_referral
from ip_fhir.domain.parties import OURS
from ip_fhir.domain.referral import EventKind, Record, Role
from ip_fhir.errors import InvalidInput, LoopError, NotTaken, NotYet
from ip_fhir.exchange.access import keys
from ip_fhir.exchange.commit import again_on_conflict, not_before, write
from ip_fhir.exchange.formats import Answer, places_of
from ip_fhir.exchange.peers import Carrier
from ip_fhir.exchange.refusals import (
    Arrival,
    check_date,
    check_person,
    check_role_here,
    is_early,
    receipt_of,
    refusals_kept,
    unknown_here,
)
from ip_fhir.fhir.outcome import problems_of
from ip_fhir.logs import log_message
from ip_fhir.ports import Receipt, Seen

if TYPE_CHECKING:
    from datetime import datetime

    from ip_fhir.domain.message import Message
    from ip_fhir.domain.people import Organization
    from ip_fhir.domain.referral import Event, Referral
    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.formats import Format, Incoming
    from ip_fhir.exchange.peers import Credential
    from ip_fhir.ports import Stored, Transaction, WireFormat


class _Brought(NamedTuple):
    """The party that a message is from, and (of a notice) the party whose notice it is."""

    party: str
    owner: str | None = None


def receive(context: Context, content: bytes, credential: Credential, format_name: WireFormat) -> bytes:
    """Take in a message that came with `credential` and return the answer, in the same wire format.

    Raises `InvalidInput` (unreadable, not sent in the name of the credential's party, a known key with other content; a
    format that is not installed), `StoreError`; where the wire format has no receipts also `NotTaken`. A refusal is
    recorded by digest and reason.
    """
    began, arrival = time.monotonic(), Arrival.of(credential, content)
    try:
        return _receive(context, content, credential, format_name, arrival)
    finally:
        log_message("in", arrival.party or arrival.peer, arrival.kind, arrival.outcome, began, arrival.loop)


def _receive(
    context: Context, content: bytes, credential: Credential, format_name: WireFormat, arrival: Arrival
) -> bytes:
    wire = context.formats.named(format_name)
    try:
        with refusals_kept(context, arrival):
            incoming = wire.open(content, context.limits)
            message = _understood(incoming, context)
    except NotTaken as error:
        return _told(context, wire, incoming, error.message_id, error)
    with refusals_kept(context, arrival):
        arrival.message_id, arrival.kind = message.id, message.kind
        with places_of(incoming):
            brought = _brought(context, message, credential)
            arrival.party = brought.party
            _check_addressee(context, message)
            # All that needs no look at the store is done before the transaction: while one is open, others wait.
            persons, foreign = incoming.persons(), incoming.resources() if message.notice is not None else ()
    key, digest = f"{brought.party}/{message.id}", incoming.digest()
    now = context.clock.now()

    def once() -> tuple[bytes, str]:
        with context.store.begin() as tx:
            if seen := tx.seen(key):
                return _same_again(seen, digest), "repeated"
            check_role_here(context)
            check_date(context, message, now)
            loop, before = _loop(context, tx, message, brought)
            arrival.loop = loop if before is not None else None
            if before is not None:
                check_person(before.referral, persons)
            decision = _decide(context, message, before, brought, loop, now)
            stored = write(tx, before, decision, now, () if before else foreign, context=context)
            # A decision with problems: the message is kept as evidence, and not acted on.
            receipt = Receipt(message.id, "fatal-error" if decision.problems else "ok", decision.problems)
            reply = incoming.reply(Answer(receipt, stored, now, context.url))
            tx.remember(Seen(key, digest, reply), now)
        arrival.loop = loop
        return reply, "refused" if decision.problems else "ok"

    try:
        with refusals_kept(context, arrival), places_of(incoming):
            reply, outcome = again_on_conflict(once)
    except NotTaken as error:
        return _told(context, wire, incoming, message.id, error)
    arrival.outcome = outcome
    context.counts.add("in", message.kind, outcome)
    return reply


def _told(context: Context, wire: Format, incoming: Incoming, message_id: str | None, error: NotTaken) -> bytes:
    """The receipt that tells a refusal. Raises the error where the wire has none, or no id of the message was read."""
    if not wire.receipts or message_id is None:
        raise error
    return incoming.reply(Answer(receipt_of(message_id, error), (), context.clock.now(), context.url))


def _understood(incoming: Incoming, context: Context) -> Message:
    """Read the message. A broken reference in it is a fault of its content (invariant), not of the address (404)."""
    try:
        return incoming.message(context.mapper)
    except NotTaken:
        raise
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


def _loop(context: Context, tx: Transaction, message: Message, brought: _Brought) -> tuple[str, Stored | None]:
    """Return the key and the loop that a message is about: only one that concerns the party that sent it.

    A notice is about the loop of the party whose notice it is; any other message about one of the sender's own, or of
    the parties whose notices it passes on. To everybody else the loop is not there.
    """
    owners = [brought.owner] if brought.owner else [brought.party, *context.peers.party(brought.party).passes_on]
    if context.role is Role.HOSPITAL:
        owners = [OURS]
    for owner in owners:
        key, before = keys.find(context, tx, owner, message.correlation_id)
        if before is not None and brought.party in context.parties_of(before.referral):
            return key, before
    if message.notice is not None and before is not None:
        raise InvalidInput.at("correlation_id", "this referral is another party's", "forbidden")
    return key, None


def _decide(
    context: Context, message: Message, before: Stored | None, brought: _Brought, loop: str, now: datetime
) -> Decision:
    given = context.party_given(message.form)
    role = context.loop_role()
    event = event_of(message, not_before(before, now), role, brought.party, given)
    if before is None:
        notice, owner = message.notice, brought.owner
        if notice is None or owner is None:
            raise unknown_here(context, message, now)
        known, agreement = context.known_in(notice, owner), context.agreement_with(owner, notice)
        return open_referral(notice, role, event, agreement, party=owner, known=known, key=loop)
    try:
        check_role(context, before.referral, event)
        return decide(before.referral, event, context.agreement(before.referral))
    except LoopError as error:
        return _refused(before.referral, event, error)
    except NotYet as error:
        if is_early(context, message, now):
            raise
        return _refused(before.referral, event, LoopError(str(error)))


def check_role(context: Context, referral: Referral, event: Event) -> None:
    """Refuse an event that only our own side may raise, or at a unit one of the hospital's that another party brings.

    `RECEIVE` is the exception: it always comes by message. Raises `LoopError`.
    """
    if event.raised_by is context.loop_role() and event.kind is not EventKind.RECEIVE:
        raise LoopError(f"{event.kind} is for the {event.raised_by} to say, which did not send this")
    if event.raised_by is Role.HOSPITAL and event.party != context.owner(referral):
        raise LoopError(f"{event.kind} is for the hospital to say whose notice it is, which did not send this")


def _refused(referral: Referral, event: Event, error: LoopError) -> Decision:
    """A decision that applies nothing: the event is not allowed, is kept as evidence, and is refused for good."""
    record = Record(
        event=event, role=referral.role, before=referral.state, after=referral.state, note=f"refused: {error}"
    )
    return Decision(referral, (record,), problems=problems_of(error))


def _brought(context: Context, message: Message, credential: Credential) -> _Brought:
    """Return who a message is from: the party of the credential that nothing in the message contradicts."""
    party = _speaker(context, message.sender, credential)
    form = message.form
    said = next((o for o in form.organizations if o.id == form.sender), None) if form is not None else None
    if said is not None and _speaker(context, said, credential) != party:
        raise _not_theirs(context, said)
    if message.notice is None:
        return _Brought(party)
    return _Brought(party, _owner(context, message.notice.organization(message.notice.sender), credential, party))


def _speaker(context: Context, said: Organization, credential: Credential) -> str:
    """Return the party that an organisation is: of a carrier's parties the one that a number of its own identifies."""
    if isinstance(credential, Carrier):
        party = context.parties.find(said, credential.parties)
    else:
        party = credential.name if context.parties.fits(said, credential.name) else None
    if party is None:
        raise _not_theirs(context, said)
    return party


def _owner(context: Context, said: Organization, credential: Credential, party: str) -> str:
    """Return the party whose notice it is: the one that brings it, or one that it may pass on the notices of.

    Of one that may pass on notices, a number of its own must say that a notice is its own: none said is nobody's.
    """
    passes_on = context.peers.party(party).passes_on
    if not passes_on:
        owner = _speaker(context, said, credential)
        if owner != party:
            raise _not_theirs(context, said)
        return owner
    owned = context.parties.find(said, (party, *passes_on))
    if owned is None:
        raise _not_theirs(context, said)
    return owned


def _not_theirs(context: Context, said: Organization) -> InvalidInput:
    if context.parties.names_unknown(said):
        return InvalidInput.at("sender", "has a number that no list of units in the settings has", "forbidden")
    return InvalidInput.at("sender", "not the party that the credential belongs to", "forbidden")


def _check_addressee(context: Context, message: Message) -> None:
    """Refuse a message that is addressed to somebody other than us, and a notice that is sent to a hospital."""
    notice = message.notice
    addressees = [message.recipient, *([notice.organization(notice.recipient)] if notice else [])]
    if not all(context.is_us(organization) for organization in addressees):
        raise InvalidInput.at("recipient", "addressed to somebody else", "business-rule")
    if notice is not None and context.role is Role.HOSPITAL:
        raise InvalidInput.at("kind", "a hospital sends notices, it takes none in", "business-rule")
