"""From an effect to the message that goes out: who to whom, and no more than the agreement lets through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ip_fhir.domain.agreement import ContentLevel
from ip_fhir.domain.effects import EffectKind
from ip_fhir.domain.message import Message, MessageKind
from ip_fhir.domain.value import build
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.peers import counterpart, own_organization

if TYPE_CHECKING:
    from datetime import datetime

    from ip_fhir.domain.agreement import Agreement
    from ip_fhir.domain.effects import Effect
    from ip_fhir.domain.green_form import GreenForm
    from ip_fhir.domain.notice import Notice
    from ip_fhir.domain.referral import Referral

_DROPPED: dict[ContentLevel, dict[str, Any]] = {
    ContentLevel.HEADER: {"needs": (), "reason": None, "attachments": ()},
    ContentLevel.NEEDS: {"attachments": ()},
    ContentLevel.PLAN: {},
}
"""What each content level leaves out of a notice. The wish for a coordinator stays: the answer must speak to it."""


def message_for(referral: Referral, effect: Effect, sent: datetime, agreement: Agreement) -> Message:
    """The message that a SEND effect asks for; its id is the effect's. Raises `InvalidInput` for any other effect."""
    if effect.kind is not EffectKind.SEND or effect.message is None:
        raise InvalidInput.at("effect", f"{effect.kind} sends no message", "invariant")
    fields = {
        "id": effect.id,
        "kind": effect.message,
        "correlation_id": referral.correlation_id,
        "sent": sent,
        "sender": own_organization(referral),
        "recipient": effect.recipient or counterpart(referral),
        "answers": effect.answers,
        "notice": _notice(referral.notice, agreement) if effect.message is MessageKind.NOTICE else None,
        "form": _form(referral, effect) if effect.message is MessageKind.GREEN_FORM else None,
        "missing": effect.missing,
        "number": effect.number,
        "text": effect.text or effect.to,
    }
    return build(Message, fields)


def _notice(notice: Notice, agreement: Agreement) -> Notice:
    return notice.evolve(**_DROPPED[agreement.content_level])


def _form(referral: Referral, effect: Effect) -> GreenForm:
    form = next((kept.form for kept in referral.forms if kept.form.id == effect.form_id), None)
    if form is None:
        raise InvalidInput.at("effect.form_id", "the referral has no such form", "not-found")
    return form
