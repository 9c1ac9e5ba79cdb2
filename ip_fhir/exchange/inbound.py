"""The way in: bytes -> message -> decision -> one commit -> receipt. Read this first.

The receipt is built from what was committed, and given after the commit, never before. A message that raises an error
has changed nothing: the sender may send again. The answer to an accepted message is stored, so that the same message
gets the same bytes again.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from ip_fhir.domain.sharing.messages import PlanMessage
from ip_fhir.errors import InvalidInput, LoopError, NotTaken
from ip_fhir.exchange.commit import again_on_conflict
from ip_fhir.exchange.formats import Answer, Reliable, Telling, places_of
from ip_fhir.exchange.plans.inbound import PlanIntake
from ip_fhir.exchange.receipts import KIND, settle
from ip_fhir.exchange.refusals import Arrival, check_date, receipt_of, refusals_kept
from ip_fhir.exchange.taking.acknowledgements import Posting
from ip_fhir.exchange.taking.answering import answer_in_reply
from ip_fhir.exchange.taking.loop import LoopIntake
from ip_fhir.exchange.taking.retraction import taken_back_by
from ip_fhir.exchange.taking.speakers import check_addressee, speaker
from ip_fhir.fhir.outcome import problems_of
from ip_fhir.logs import log_message
from ip_fhir.ports import Receipt, Seen
from ip_fhir.tracing import span

if TYPE_CHECKING:
    from datetime import datetime

    from ip_fhir.domain.message import Message
    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.formats import Format, Incoming
    from ip_fhir.exchange.peers import Credential
    from ip_fhir.exchange.taking.intake import Intake
    from ip_fhir.ports import ReceiptCode, Transaction, WireFormat


def receive(context: Context, content: bytes, credential: Credential, format_name: WireFormat) -> bytes:
    """Take in a message that came with `credential` and return the answer, in the same wire format.

    Raises `InvalidInput` (unreadable, not sent in the name of the credential's party, a known key with other content; a
    format that is not installed), `StoreError`; where the wire format has no receipts also `NotTaken`. A refusal is
    recorded by digest and reason. In a format where every message gets a receipt (`Reliable`) a refusal is one, too;
    a receipt that comes in is applied, and answered by nothing: `InvalidInput` if it fits no message of ours.
    """
    with span("receive", "server") as noted:
        arrival = Arrival.of(credential, content)
        try:
            return _taken_in(context, content, credential, format_name, arrival)
        finally:
            noted.set(party=arrival.party or arrival.peer, kind=str(arrival.kind))
            noted.set(outcome=arrival.outcome, loop=arrival.loop)


def _taken_in(
    context: Context, content: bytes, credential: Credential, format_name: WireFormat, arrival: Arrival
) -> bytes:
    began = time.monotonic()
    try:
        wire = context.formats.spoken(format_name, context.peers.lines_of(credential))
        arrival.posting = Posting.to(credential, wire)
        with refusals_kept(context, arrival):
            incoming = arrival.incoming = wire.open(content, context.limits)
            receipt = incoming.receipt() if isinstance(incoming, Reliable) else None
        if receipt is not None:
            return _settled(context, receipt, credential, arrival, incoming)
        return _receive(context, wire, incoming, credential, arrival)
    except (InvalidInput, LoopError) as error:
        return _acknowledged(context, arrival, error)
    finally:
        if arrival.kind != KIND:  # a receipt has its line already
            log_message("in", arrival.party or arrival.peer, arrival.kind, arrival.outcome, began, arrival.loop)


def _receive(context: Context, wire: Format, incoming: Incoming, credential: Credential, arrival: Arrival) -> bytes:
    try:
        with refusals_kept(context, arrival):
            message = _understood(incoming, context)
    except NotTaken as error:
        return _told(context, wire, incoming, arrival, error.message_id, error)
    with refusals_kept(context, arrival):
        arrival.message_id, arrival.kind = message.id, message.kind
        with places_of(incoming):
            # All that needs no look at the store is done before the transaction: while one is open, others wait.
            intake = _intake(context, message, incoming, credential, arrival)
            warnings = incoming.warnings(message, context.mapper) if isinstance(incoming, Telling) else ()
            envelope = incoming.envelope_id() if isinstance(incoming, Reliable) else None
    key, digest = f"{intake.party}/{message.id}", incoming.digest()
    now = context.clock.now()

    def once() -> tuple[bytes, str]:
        with context.store.begin() as tx:
            if seen := tx.seen(key):
                again = _same_again(seen, digest, incoming, now)
                arrival.posting.owe_again(tx, message.id, seen.reply, again, now)
                return again, "repeated"
            if envelope is not None:
                _keep_envelope(tx, f"{intake.party}/{envelope}#envelope", message.id, now)
            check_date(context, message, now)
            taken = intake.take(tx, now)
            # With problems, the message is kept as evidence, and not acted on.
            receipt = Receipt(message.id, "fatal-error" if taken.problems else "ok", taken.problems)
            answered = answer_in_reply(context, tx, incoming, taken, intake.party, now)
            reply = answered or incoming.reply(Answer(receipt, taken.stored, now, context.url, warnings))
            tx.remember(Seen(key, digest, reply), now)
            arrival.posting.owe(tx, message.id, reply, now)
        arrival.loop = taken.about
        taken.committed()
        return reply, "refused" if taken.problems else "ok"

    try:
        with refusals_kept(context, arrival), places_of(incoming):
            reply, outcome = again_on_conflict(once)
    except NotTaken as error:
        return _told(context, wire, incoming, arrival, message.id, error)
    arrival.outcome = outcome
    context.counts.add("in", message.kind, outcome)
    return reply


def _told(
    context: Context, wire: Format, incoming: Incoming, arrival: Arrival, message_id: str | None, error: NotTaken
) -> bytes:
    """The receipt that tells a refusal. Raises the error where the wire has none, or no id of the message was read."""
    if not wire.receipts or message_id is None:
        raise error
    return _refusal(context, incoming, arrival, receipt_of(message_id, error))


def _understood(incoming: Incoming, context: Context) -> Message | PlanMessage:
    """Read the message. A broken reference in it is a fault of its content (invariant), not of the address (404)."""
    try:
        return incoming.message(context.mapper)
    except NotTaken:
        raise
    except InvalidInput as error:
        found = (replace(p, code="invariant") if p.code == "not-found" else p for p in error.problems)
        raise InvalidInput(found) from None


def _acknowledged(context: Context, arrival: Arrival, error: InvalidInput | LoopError) -> bytes:
    """The receipt of whatever was refused, in a format where every message gets one; else raises the error."""
    incoming = arrival.incoming
    if incoming is None:
        raise error
    message_id = incoming.told_id() if isinstance(incoming, Reliable) else None
    if message_id is None:
        raise error
    code: ReceiptCode = "transient-error" if error.retry else "fatal-error"
    return _refusal(context, incoming, arrival, Receipt(message_id, code, problems_of(error)))


def _refusal(context: Context, incoming: Incoming, arrival: Arrival, receipt: Receipt) -> bytes:
    """The answer to a message that was not taken in, which is posted, too, where its sender wants it so."""
    now = context.clock.now()
    reply = incoming.reply(Answer(receipt, (), now, context.url))
    arrival.posting.owe_alone(context.store, receipt.message_id, reply, now)
    return reply


def _settled(context: Context, receipt: Receipt, credential: Credential, arrival: Arrival, incoming: Incoming) -> bytes:
    """Apply a receipt that came as a message does: it gets no answer. Raises `InvalidInput` if it fits nothing."""
    arrival.kind = KIND
    with places_of(incoming):
        if settle(context, receipt, credential) == "refused":
            raise InvalidInput.at("message.id", "acknowledges no message of ours to this party", "not-found")
    return b""


def _keep_envelope(tx: Transaction, key: str, message_id: str, now: datetime) -> None:
    """Keep under this key that a message's envelope has come. Refuses another message in the same envelope."""
    if tx.seen(key) is not None:
        raise InvalidInput.at("message.id", "another message came in the same envelope before", "duplicate")
    tx.remember(Seen(key, message_id, b""), now)


def _same_again(seen: Seen, digest: str, incoming: Incoming, now: datetime) -> bytes:
    """Return the first answer to a resend. Refuses another message under its key, and a resend from before a purge."""
    if seen.digest != digest:
        reason = "a message with this id and other content was taken in before"
        raise InvalidInput.at("message.id", reason, "duplicate")
    if not seen.reply:
        raise NotTaken.at("message.id", "taken in long ago: what was answered is not kept so long", "duplicate")
    return incoming.again(seen.reply, now) if isinstance(incoming, Reliable) else seen.reply


def _intake(
    context: Context, message: Message | PlanMessage, incoming: Incoming, credential: Credential, arrival: Arrival
) -> Intake:
    """Return the intake of a message, and note its party. Refuses one not in the name of its credential, or not for us.

    Raises `InvalidInput`.
    """
    party = speaker(context, message.sender, credential)
    if isinstance(message, PlanMessage):
        arrival.party = party
        check_addressee(context, message.recipient)
        return PlanIntake(context, message, party, incoming.persons(), arrival, taken_back_by(incoming, message))
    return LoopIntake.of(context, message, party, incoming, credential, arrival)
