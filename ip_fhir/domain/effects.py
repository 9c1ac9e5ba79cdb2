"""The effects and timers that a decision asks for: stored in the same commit, carried out later."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import AwareDatetime, Field

from ip_fhir.domain.green_form import Missing
from ip_fhir.domain.message import MessageKind
from ip_fhir.domain.people import Organization
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.values.value import Id, Text, Value


class EffectKind(StrEnum):
    """The kind of an effect."""

    SEND = "send"  # a message to the other party
    RESEND = "resend"  # `answers` is the id of an outbox row to make due again, unchanged to the byte
    TELL = "tell"  # a person on our own side must look: a worklist entry, no wire
    ACKNOWLEDGE = "acknowledge"  # our acknowledgement of the message `answers`, which goes out by itself


class Reason(StrEnum):
    """The reason for which a person must look, or is told again. The words for each code are in `report.words`."""

    NEW_NOTICE = "new-notice"
    UNDELIVERED = "undelivered"  # no receipt, or the other machine said no
    NOT_TAKEN = "not-taken"  # the other machine refused another message than the notice
    NOT_ACCEPTED = "not-accepted"  # the municipality has said nothing
    ANSWER_DUE = "answer-due"  # the municipality's own: the green form is due
    PRELIMINARY_REPLY_DUE = "preliminary-reply-due"
    EVALUATION_DUE = "evaluation-due"  # the municipality's own: of the plan
    MENTOR_TALK_DUE = "mentor-talk-due"  # the municipality's own: of coordinator and mentor
    ABORT_UNANSWERED = "abort-unanswered"
    REMINDED = "reminded"
    ESCALATED = "escalated"
    ESCALATION_OVER = "escalation-over"
    FORM_INCOMPLETE = "form-incomplete"
    CONTRADICTORY = "contradictory"  # two forms disagree: a person must decide
    REJECTED = "rejected"
    INFORMATION_ASKED = "information-asked"
    INFORMATION_GIVEN = "information-given"
    CANCELLED = "cancelled"
    ABORT_ASKED = "abort-asked"
    ABORT_REFUSED = "abort-refused"
    CONSENT_WITHDRAWN = "consent-withdrawn"
    NO_CONSENT = "no-consent"  # something was due, and was not sent, for want of consent
    CLOSED = "closed"
    DECEASED = "deceased"  # the person is dead: the loop is closed
    ACCEPTED = "accepted"
    ASSESSING = "assessing"
    FORWARDED = "forwarded"
    CONFIRMED = "confirmed"  # the complete green form has come: who coordinates, from when, how to reach them
    REPLACED = "replaced"  # another coordinator
    PLAN_STATE = "plan-state"  # the plan has begun, begins on another day, or is declined
    DETAILS = "details"  # the same coordinator, with other details, such as another phone
    VACANT = "vacant"  # the coordinator has left
    DECLINED = "declined"
    LATE_FORM = "late-form"  # a form came when the loop was over, and is not acted on
    ABORT_AGREED = "abort-agreed"
    AWAITING_RELEASE = "awaiting-release"  # strictly confidential address: the message waits for a person's yes
    SECOND_LOOP = "second-loop"  # another loop about the same person is not over; the text is its id
    NOT_UNDONE = "not-undone"  # the other side took back a message that was acted on: its effect stands
    UNREADABLE = "unreadable"  # a stored row cannot be read, and waits until somebody has mended it
    NOT_TOLD = "not-told"  # one of our own people could not be told of something, after the last attempt
    NOT_NOTIFIED = "not-notified"  # notifications of a client's subscription have failed for good
    # Of shared plans
    MAKE_PLAN = "make-plan"  # the green form says that a plan is to be made
    CHANGE_TO_DECIDE = "change-to-decide"
    CHANGE_OVERDUE = "change-overdue"  # a change has waited so long that the unit's leader is told
    CHANGE_CONFLICT = "change-conflict"  # two changed the same: a person chooses
    CHANGE_NOT_FOUND = "change-not-found"  # it was about what the participant no longer sees
    CHANGE_ANSWERED = "change-answered"
    CHANGE_UNANSWERED = "change-unanswered"
    NOT_ACKNOWLEDGED = "not-acknowledged"  # a participant has not acknowledged its view
    VIEW_TURNS = "view-turns"  # a view will open or shrink by a date
    ON_PAPER = "on-paper"  # a member for whom no party stands
    RESPONSIBLE_UNSEEING = "responsible-unseeing"  # somebody is responsible for what they may not see
    VIEW_CHANGED = "view-changed"  # a new view has come
    VIEW_WITHDRAWN = "view-withdrawn"
    OUT_OF_STEP = "out-of-step"  # two sides hold different views under one number
    INVITATION_TO_ANSWER = "invitation-to-answer"
    INVITATION_ANSWERED = "invitation-answered"
    INVITATION_UNANSWERED = "invitation-unanswered"
    INVITATION_TAKEN_BACK = "invitation-taken-back"
    HANDOVER_TO_ANSWER = "handover-to-answer"
    HANDOVER_ANSWERED = "handover-answered"
    HANDOVER_UNANSWERED = "handover-unanswered"
    HANDOVER_TAKEN_BACK = "handover-taken-back"
    HOLDER_CHANGED = "holder-changed"  # another side holds the plan
    REQUEST_TO_ANSWER = "request-to-answer"
    REQUEST_UNANSWERED = "request-unanswered"
    REVIEW_DUE = "review-due"
    REVIEW_NOT_PLANNED = "review-not-planned"  # by the arrangement there should be one


class Effect(Value):
    """One thing to do. It names a message but does not contain it: the message is made when it is sent.

    `id` is derived from the event that caused the effect, so deciding again gives the same id. It becomes the id of the
    message.
    """

    id: Id = Field(description="Id, derived from that of the event; also the id of the message.")
    kind: EffectKind = Field(description="Kind.")
    message: MessageKind | None = Field(default=None, description="Kind of message to send.")
    plan_message: PlanMessageKind | None = Field(default=None, description="Kind of message about a plan to send.")
    about: Id | None = Field(
        default=None, description="Id of the share, change, invitation, request or handover that it is about."
    )
    form_id: Id | None = Field(default=None, description="Id of the green form that is sent, or told of.")
    answers: Id | None = Field(
        default=None, description="Id of the message it replies to, or of the row to send again."
    )
    missing: tuple[Missing, ...] = Field(default=(), max_length=50, description="Items that a green form lacks.")
    number: int | None = Field(default=None, ge=1, description="Number of the reminder, rung or view.")
    to: Text | None = Field(default=None, description="Contact of the agreement who is told.")
    text: Text | None = Field(default=None, description="Words that go with it.")
    reason: Reason | None = Field(default=None, description="Reason for which a person must look.")
    recipient: Organization | None = Field(
        default=None, description="Receiver of the message, if it is not the notice's other party."
    )
    party: Id | None = Field(default=None, description="Party that the receiver is; none: not known.")
    due: AwareDatetime | None = Field(default=None, description="Next deadline of the loop, for whoever is told.")


class TimerKind(StrEnum):
    """The clocks of a referral."""

    RECEIPT = "receipt"  # no receipt: resend unchanged, then a person is told
    ACCEPTANCE = "acceptance"  # the municipality has said nothing
    ANSWER = "answer"  # the green form has not come
    REMINDER = "reminder"  # the second reminder and those after it; the first is `ANSWER`
    ESCALATION = "escalation"  # a rung of the agreement's ladder
    PRELIMINARY_REPLY = "preliminary-reply"  # the municipality's own: answer within a month
    EVALUATION = "evaluation"  # the municipality's own: the plan is evaluated, again and again
    MENTOR_TALK = "mentor-talk"  # the municipality's own: the coordinator talks with the mentor (fadder)
    CLOSING = "closing"  # confirmed for long, and nothing is left to do


class Timer(Value):
    """A deadline: something happens at `due`, unless an event removes the timer before. `step` counts from 1."""

    kind: TimerKind = Field(description="Clock.")
    due: AwareDatetime = Field(description="Time when it is due.")
    step: int = Field(default=1, ge=1, description="Rung, from 1.")


def earliest(timers: tuple[Timer, ...]) -> datetime | None:
    """Returns the time when the first of the timers is due; None without timers."""
    return min((timer.due for timer in timers), default=None)
