"""Worklist items: the tasks of our own people about an aggregate, open until they are done.

An item is opened in the same commit as the decision that asks for it. It is closed when a person marks it as done, or
when the referral reaches a state in which it is no longer needed (`NEEDED`), such as an answered notice.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import AwareDatetime, Field

from ip_fhir.domain.effects import EffectKind, Reason
from ip_fhir.domain.loop.table import OPEN, OVER
from ip_fhir.domain.referral import Author, State
from ip_fhir.domain.values.aggregate import Aggregate
from ip_fhir.domain.values.value import Id, Text, Value

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from ip_fhir.domain.effects import Effect

_LIVE = tuple(state for state in State if state not in OVER)
_ON_HOLD = (State.AWAITING_INFORMATION, State.CANCELLING)  # the referral may return to the state before the hold

NEEDED: dict[Reason, tuple[State, ...] | None] = {
    Reason.NEW_NOTICE: (State.DELIVERED,),
    Reason.UNDELIVERED: (State.UNDELIVERED,),
    Reason.NOT_TAKEN: None,  # also when it is over: the other side may not know that
    Reason.NOT_ACCEPTED: (State.DELIVERED,),
    Reason.ANSWER_DUE: OPEN,
    Reason.PRELIMINARY_REPLY_DUE: (State.DELIVERED,),
    Reason.EVALUATION_DUE: (State.CONFIRMED,),
    Reason.MENTOR_TALK_DUE: (State.CONFIRMED,),
    Reason.ABORT_UNANSWERED: (State.CANCELLING,),
    Reason.REMINDED: OPEN,
    Reason.ESCALATED: OPEN,
    Reason.ESCALATION_OVER: None,  # news that somebody has to read
    Reason.FORM_INCOMPLETE: (State.INCOMPLETE, *_ON_HOLD),
    Reason.CONTRADICTORY: _LIVE,
    Reason.REJECTED: (State.REJECTED,),
    Reason.INFORMATION_ASKED: (State.AWAITING_INFORMATION,),
    Reason.INFORMATION_GIVEN: OPEN,
    Reason.CANCELLED: None,  # our own work has to be stopped
    Reason.ABORT_ASKED: (State.CANCELLING,),
    Reason.ABORT_REFUSED: OPEN,
    Reason.CONSENT_WITHDRAWN: None,  # as when cancelled
    Reason.NO_CONSENT: _LIVE,
    Reason.CLOSED: None,  # as when cancelled
    Reason.AWAITING_RELEASE: None,  # until somebody has said yes or no, or nothing waits any more (`exchange.commit`)
    Reason.UNREADABLE: None,  # the row waits for whoever mends it
}
"""The states in which an item of each reason is still needed; None: in every state, until a person has done it."""


class WorklistItem(Value):
    """One task on the worklist. `to`, `text` and `number` come from its effect. Times are with zone.

    An item that was closed because the loop moved on has `done` but no `by`.
    """

    id: Id = Field(description="Id of the item: that of the effect by which people are told.")
    aggregate: Aggregate = Field(description="The referral or plan that it is about.")
    reason: Reason = Field(description="Reason for which somebody is needed.")
    opened: AwareDatetime = Field(description="Time when it was opened.")
    to: Text | None = Field(default=None, description="The contact of the agreement who is told.")
    text: Text | None = Field(default=None, description="Words that go with it.")
    number: int | None = Field(default=None, ge=1, description="Number of the reminder or rung.")
    done: AwareDatetime | None = Field(default=None, description="Time when it was done; none while it is open.")
    by: Author | None = Field(default=None, description="The person who did it; none if the loop moved on by itself.")
    note: Text | None = Field(default=None, description="Their words about it.")


def items_of(effects: Iterable[Effect], aggregate: Aggregate, at: datetime) -> list[WorklistItem]:
    """Returns an item for each TELL effect, with the id of the effect: deciding again opens the same item."""
    return [
        WorklistItem(
            id=effect.id,
            aggregate=aggregate,
            reason=effect.reason,
            opened=at,
            to=effect.to,
            text=effect.text,
            number=effect.number,
        )
        for effect in effects
        if effect.kind is EffectKind.TELL and effect.reason is not None
    ]


def no_longer_needed(before: State, after: State) -> tuple[Reason, ...]:
    """Returns the reasons whose open items are no longer needed after a change from one state to another.

    >>> no_longer_needed(State.UNDELIVERED, State.DELIVERED)
    (<Reason.UNDELIVERED: 'undelivered'>,)
    """
    ended = ((reason, states) for reason, states in NEEDED.items() if states is not None)
    return tuple(reason for reason, states in ended if before in states and after not in states)
