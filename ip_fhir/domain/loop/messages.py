"""Conversion between events, messages and effects: the event of an incoming message, the message of an effect."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.domain.consent.protection import withheld
from ip_fhir.domain.loop.content import addressed_to, cut_to
from ip_fhir.domain.message import Message, MessageKind
from ip_fhir.domain.people import OrganizationKind
from ip_fhir.domain.referral import Event, EventKind, Role
from ip_fhir.errors import InvalidInput

if TYPE_CHECKING:
    from datetime import datetime

    from ip_fhir.domain.agreement import Agreement
    from ip_fhir.domain.effects import Effect
    from ip_fhir.domain.green_form import GreenForm
    from ip_fhir.domain.notice import Notice
    from ip_fhir.domain.people import Organization
    from ip_fhir.domain.referral import Referral

MESSAGE_OF: dict[EventKind, MessageKind] = {
    EventKind.SEND: MessageKind.NOTICE,
    EventKind.ACCEPT: MessageKind.ACCEPTED,
    EventKind.ASSESS: MessageKind.ASSESSING,
    EventKind.FORWARD: MessageKind.FORWARDED,
    EventKind.ASK_INFORMATION: MessageKind.INFORMATION_REQUEST,
    EventKind.GIVE_INFORMATION: MessageKind.INFORMATION,
    EventKind.ANSWER: MessageKind.GREEN_FORM,
    EventKind.COORDINATOR_LEFT: MessageKind.COORDINATOR_VACANT,
    EventKind.CANCEL: MessageKind.CANCELLATION,
    EventKind.ASK_ABORT: MessageKind.ABORT_REQUEST,
    EventKind.AGREE_ABORT: MessageKind.ABORT_AGREED,
    EventKind.REFUSE_ABORT: MessageKind.ABORT_REFUSED,
    EventKind.WITHDRAW_CONSENT: MessageKind.WITHDRAWAL,
    EventKind.CLOSE: MessageKind.CLOSURE,
    EventKind.REMIND: MessageKind.REMINDER,
    EventKind.ESCALATE: MessageKind.ESCALATION,
    EventKind.REPORT_INCOMPLETE: MessageKind.FORM_INCOMPLETE,
}
"""The message that is sent when our own side raises the event. A receipt or the clock sends nothing by itself."""

EVENT_OF: dict[MessageKind, EventKind] = {
    **{message: event for event, message in MESSAGE_OF.items()},
    MessageKind.NOTICE: EventKind.RECEIVE,
}
"""The event that a message is to the side that receives it."""

BY_MUNICIPALITY = frozenset(
    {
        MessageKind.NOTICE,  # its event RECEIVE is raised by the municipality
        MessageKind.GREEN_FORM,
        MessageKind.ACCEPTED,
        MessageKind.ASSESSING,
        MessageKind.FORWARDED,
        MessageKind.INFORMATION_REQUEST,
        MessageKind.COORDINATOR_VACANT,
        MessageKind.ABORT_AGREED,
        MessageKind.ABORT_REFUSED,
    }
)
"""The kinds of message that the municipality sends, and the notice."""


def event_of(
    message: Message,
    now: datetime,
    receiver: Role | None = None,
    party: str | None = None,
    to_party: str | None = None,
) -> Event:
    """Returns the event of an incoming message; `now` (with zone) is the time at which it is applied here.

    `party` is the party that brought the message, and `to_party` the one that its form passes the notice on to (None:
    not known).

    Either side may raise a closure: it was raised by the side that is not `receiver`. Without `receiver`, it was raised
    by the hospital if the sender is one, else by the municipality.
    """
    return Event(
        id=message.id,
        kind=EVENT_OF[message.kind],
        at=now,
        raised_by=_raised_by(message, receiver),
        message_id=message.id,
        sent=message.sent,
        answers=message.answers,
        sender=message.sender,
        notice=message.notice,
        form=message.form,
        missing=message.missing,
        number=message.number,
        text=message.text,
        party=party,
        to_party=to_party,
    )


def _raised_by(message: Message, receiver: Role | None) -> Role:
    if message.kind is not MessageKind.CLOSURE:
        return Role.MUNICIPALITY if message.kind in BY_MUNICIPALITY else Role.HOSPITAL
    if receiver is not None:
        return Role.HOSPITAL if receiver is Role.MUNICIPALITY else Role.MUNICIPALITY
    return Role.HOSPITAL if message.sender.kind is OrganizationKind.HOSPITAL else Role.MUNICIPALITY


def message_of(referral: Referral, effect: Effect, now: datetime, agreement: Agreement) -> Message:
    """Returns the message of a SEND effect, with no more of the person's data than the agreement allows.

    What leads to a person with a protected address is in it only where one of our people has released it to this party.
    `now` (with zone) becomes the time of sending. Raises `InvalidInput` for an effect without a message, or with a form
    that the referral does not have.
    """
    if effect.message is None:
        raise InvalidInput.at("effect.message", "the effect is no message", "invariant")
    sender, recipient = _parties(referral, effect)
    return Message(
        id=effect.id,
        kind=effect.message,
        correlation_id=referral.notice.correlation_id,
        sent=now,
        sender=sender,
        recipient=recipient,
        answers=effect.answers,
        notice=_notice(referral, effect, agreement) if effect.message is MessageKind.NOTICE else None,
        form=_form(referral, effect) if effect.message is MessageKind.GREEN_FORM else None,
        missing=effect.missing,
        number=effect.number,
        text=effect.text or effect.to,
    )


def _parties(referral: Referral, effect: Effect) -> tuple[Organization, Organization]:
    notice = referral.notice
    hospital, unit = notice.organization(notice.sender), notice.organization(notice.recipient)
    if referral.role is Role.HOSPITAL:
        return hospital, effect.recipient or unit
    return unit, effect.recipient or hospital


def _notice(referral: Referral, effect: Effect, agreement: Agreement) -> Notice:
    released = referral.released_to(effect.party or referral.party)
    notice = withheld(cut_to(referral.notice, agreement.content_level), released)
    return notice if effect.recipient is None else addressed_to(notice, effect.recipient)


def _form(referral: Referral, effect: Effect) -> GreenForm:
    found = next((kept.form for kept in referral.forms if kept.form.id == effect.form_id), None)
    if found is None:
        raise InvalidInput.at("effect.form_id", "the referral has no such form", "not-found")
    return found
