"""A message that takes back an earlier one of its sender's, on a wire that can say so (`Retracting`).

A notice that is taken back is cancelled, by the loop's own rules for whatever has become of it since. A message that
ends something by its kind (a cancellation, the end of a share) is taken in as that. Of all others the effect stands:
the retraction is kept, told to our people, and refused for good, so that its sender knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import NAMESPACE_URL, uuid5

from ip_fhir.domain.effects import Effect, EffectKind, Reason
from ip_fhir.domain.message import Message, MessageKind
from ip_fhir.domain.referral import EventKind
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.errors import Problem
from ip_fhir.exchange.formats import Retracting

if TYPE_CHECKING:
    from ip_fhir.domain.sharing.messages import PlanMessage
    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.formats import Incoming

REFUSED: Final = Problem("", "takes back a message that was acted on here: nothing of it is undone", "not-supported")
"""The problem that is told to the sender."""

_ENDS: Final = (
    *(MessageKind.CANCELLATION, MessageKind.ABORT_REQUEST, MessageKind.WITHDRAWAL, MessageKind.CLOSURE),
    *(PlanMessageKind.PLAN_WITHDRAWN, PlanMessageKind.PLAN_GONE),
)


def taken_back_by(incoming: Incoming, message: Message | PlanMessage) -> str | None:
    """Return the id of the message that this one takes back; None if it takes none back, or ends something by itself.

    Raises `InvalidInput` if it does not say which.
    """
    ident = incoming.retracts() if isinstance(incoming, Retracting) else None
    return None if message.kind in _ENDS else ident


def cancellation(context: Context, message: Message, retracted: str, loop: str, party: str) -> Message | None:
    """Return the cancellation that a message is which takes back the loop's notice; None if it takes back another."""
    if message.notice is None:
        return None
    events = (kept.record.event for kept in context.store.evidence(loop))
    came = ((event.message_id, event.party) for event in events if event.kind is EventKind.RECEIVE)
    if (retracted, party) not in came:
        return None
    return message.evolve(kind=MessageKind.CANCELLATION, notice=None)


def telling(message_id: str) -> Effect:
    """Return the effect by which our people hear of a retraction that undoes nothing."""
    ident = str(uuid5(NAMESPACE_URL, f"{message_id}#{Reason.NOT_UNDONE}"))
    return Effect(id=ident, kind=EffectKind.TELL, reason=Reason.NOT_UNDONE)
