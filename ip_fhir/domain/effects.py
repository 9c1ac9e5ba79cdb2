"""What a decision asks for: values that are written to the outbox in the same commit, and done later."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - return type of a public function
from enum import StrEnum

from pydantic import AwareDatetime, Field

from ip_fhir.domain.green_form import Missing
from ip_fhir.domain.message import MessageKind
from ip_fhir.domain.value import Id, Text, Value


class EffectKind(StrEnum):
    """What is to be done."""

    SEND = "send"  # a message to the other party
    TELL = "tell"  # a person on our own side must look: a worklist entry, no wire


class Effect(Value):
    """One thing to do. It names the message, it does not contain it: what goes out is rendered when it is sent.

    `id` is derived from the event that caused it, so that deciding again gives the same id; it becomes the message id.
    """

    id: Id
    kind: EffectKind
    message: MessageKind | None = None
    form_id: Id | None = None  # which of the referral's forms a green-form message carries
    answers: Id | None = None
    missing: tuple[Missing, ...] = ()
    number: int | None = Field(default=None, ge=1)
    to: Text | None = None  # an agreement's contact, for an escalation or a worklist entry
    text: Text | None = None


class TimerKind(StrEnum):
    """The clocks of a referral."""

    RECEIPT = "receipt"  # no receipt: resend unchanged, then a person is told
    ACCEPTANCE = "acceptance"  # the municipality has said nothing
    ANSWER = "answer"  # the green form has not come
    REMINDER = "reminder"  # next rung after a reminder
    ESCALATION = "escalation"  # next rung after an escalation
    PRELIMINARY_REPLY = "preliminary-reply"  # the municipality's own: answer within a month


class Timer(Value):
    """When something has to happen if nothing else does first. `step` counts rungs from 1."""

    kind: TimerKind
    due: AwareDatetime
    step: int = Field(default=1, ge=1)


def earliest(timers: tuple[Timer, ...]) -> datetime | None:
    """When the first of the timers is due."""
    return min((timer.due for timer in timers), default=None)
