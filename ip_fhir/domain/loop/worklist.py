"""Worklist items: the tasks of our own people about an aggregate, open until they are done.

An item is opened in the same commit as the decision that asks for it, in the place of an open one of the same referral
and reason. It is closed when a person marks it as done, when the referral reaches a state in which it is no longer
needed (`NEEDED`), such as an answered notice, or when a complete form ends it (`ENDED_BY_FORM`).

An item names nobody: it refers to the referral and to the green form, and holds words that the other side wrote.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import AwareDatetime, Field

from ip_fhir.domain.effects import EffectKind, Reason
from ip_fhir.domain.green_form import Missing
from ip_fhir.domain.loop.table import OPEN, OVER
from ip_fhir.domain.referral import Author, FormStatus, State
from ip_fhir.domain.values.aggregate import Aggregate
from ip_fhir.domain.values.value import Id, Text, Value

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from ip_fhir.domain.effects import Effect
    from ip_fhir.domain.referral import Referral

_LIVE = tuple(state for state in State if state not in OVER)
_ON_HOLD = (State.AWAITING_INFORMATION, State.CANCELLING)  # the referral may return to the state before the hold
_COORDINATED = (State.CONFIRMED, State.CLOSED)  # news of a coordinator outlives the end of a loop that nobody has seen

NEEDED: dict[Reason, tuple[State, ...] | None] = {
    Reason.NEW_NOTICE: (State.DELIVERED,),
    Reason.UNDELIVERED: (State.UNDELIVERED,),
    Reason.NOT_TAKEN: None,  # also when it is over: the other side may not know that
    Reason.DECEASED: None,  # news that ends the loop
    Reason.NOT_ACCEPTED: (State.DELIVERED,),
    Reason.ANSWER_DUE: OPEN,
    Reason.PRELIMINARY_REPLY_DUE: (State.DELIVERED,),
    Reason.EVALUATION_DUE: (State.CONFIRMED,),
    Reason.MENTOR_TALK_DUE: (State.CONFIRMED,),
    Reason.ABORT_UNANSWERED: (State.CANCELLING,),
    Reason.REMINDED: OPEN,
    Reason.ESCALATED: OPEN,
    Reason.ESCALATION_OVER: None,  # news that somebody has to read
    Reason.FORM_INCOMPLETE: (State.INCOMPLETE, State.CONFIRMED, *_ON_HOLD),
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
    Reason.ACCEPTED: (State.ACCEPTED, *_ON_HOLD),
    Reason.ASSESSING: (State.ASSESSING, *_ON_HOLD),
    Reason.FORWARDED: OPEN,
    Reason.CONFIRMED: _COORDINATED,
    Reason.REPLACED: _COORDINATED,
    Reason.PLAN_STATE: _COORDINATED,
    Reason.DETAILS: _COORDINATED,
    Reason.VACANT: OPEN,
    Reason.DECLINED: None,  # news that ends the loop
    Reason.LATE_FORM: None,  # the municipality believes that it has answered
    Reason.ABORT_AGREED: None,  # as when declined
    Reason.AWAITING_RELEASE: None,  # until somebody has said yes or no, or nothing waits any more (`exchange.commit`)
    Reason.SECOND_LOOP: None,  # whoever knows both decides what becomes of them
    Reason.NOT_UNDONE: None,  # a person decides what is to be undone
    Reason.UNREADABLE: None,  # the row waits for whoever mends it
    Reason.NOT_NOTIFIED: None,  # until the subscription is active again, or gone (`exchange.subscriptions`)
    Reason.NOT_TOLD: None,  # until all that was parked is told after all (`exchange.telling`)
    Reason.MAKE_PLAN: _COORDINATED,
}
"""The states in which an item of each reason is still needed; None: in every state, until a person has done it.

The reasons that are about plans alone are not here: see `domain.sharing.life.worklist`.
"""


ENDED_BY_FORM = (Reason.FORM_INCOMPLETE,)
"""The reasons whose open items a complete form ends, also where the state stays as it is."""

IN_ITS_PLACE = "a later one is in its place"
"""The note of an item that gave way to a later one of the same referral and reason."""

NOTIFIED_AGAIN = "the client is notified again"
"""The note of an item about a subscription that is active again."""

SUBSCRIPTION_ENDED = "the client has ended its subscription"
"""The note of an item about a subscription that is off, or not there any more."""

TOLD_AFTER_ALL = "told after all"
"""The note of an item about a recipient that was told all that had been parked."""

_MOST_WORDS = 10_000  # characters of earlier items, in a later one
_LONGEST = 50_000  # characters of a `Text`


class WorklistItem(Value):
    """One task on the worklist. All but `aggregate`, `opened`, `done`, `by` and `note` comes from its effect.

    Times are with zone. An item that was closed because the loop moved on has `done` but no `by`.
    """

    id: Id = Field(description="Id of the item: that of the effect by which people are told.")
    aggregate: Aggregate = Field(description="The referral or plan that it is about.")
    reason: Reason = Field(description="Reason for which somebody is needed.")
    opened: AwareDatetime = Field(description="Time when it was opened.")
    to: Text | None = Field(default=None, description="The contact of the agreement who is told.")
    text: Text | None = Field(default=None, description="Words that go with it.")
    number: int | None = Field(default=None, ge=1, description="Number of the reminder or rung.")
    about: Id | None = Field(
        default=None, description="Id of the share, change, invitation, request or handover that it is about."
    )
    form_id: Id | None = Field(default=None, description="Id of the green form that it is about.")
    missing: tuple[Missing, ...] = Field(default=(), max_length=50, description="Items that this green form lacks.")
    due: AwareDatetime | None = Field(default=None, description="Next deadline of the loop when it was opened.")
    done: AwareDatetime | None = Field(default=None, description="Time when it was done; none while it is open.")
    by: Author | None = Field(default=None, description="The person who did it; none if the loop moved on by itself.")
    note: Text | None = Field(default=None, description="Their words about it.")

    def in_place_of(self, earlier: WorklistItem) -> WorklistItem:
        """Returns the item with the contacts and the words of an earlier one, which it takes the place of."""
        return self.evolve(to=_both(earlier.to, self.to, "; "), text=_both(earlier.text, self.text, "\n"))


def _both(earlier: str | None, later: str | None, between: str) -> str | None:
    """Returns both texts, the later one last, and each part once; None if there is neither."""
    if earlier is None or later is None:
        return later or earlier
    kept = between.join(part for part in earlier.split(between) if part != later)
    room = min(_MOST_WORDS, _LONGEST - len(later) - len(between))
    return f"{kept[-room:]}{between}{later}" if kept and room > 0 else later


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
            about=effect.about,
            form_id=effect.form_id,
            missing=effect.missing,
            due=effect.due,
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


def ended_by_form(before: Referral, after: Referral) -> tuple[Reason, ...]:
    """Returns the reasons whose open items a form ends that came between `before` and `after`: one that is acted on."""
    acted_on = (FormStatus.COMPLETE, FormStatus.REPLACES)
    came = after.forms[len(before.forms) :]
    return ENDED_BY_FORM if any(kept.status in acted_on for kept in came) else ()


def note_of_state(state: State) -> str:
    """Returns the note of an item that was closed because the loop has come to a state."""
    return f"the loop is {state}"
