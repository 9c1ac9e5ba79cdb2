"""The referral: one loop from notice to close, with one correlation id. Both sides keep one, each with its own role."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field

from ip_fhir.domain.effects import Timer
from ip_fhir.domain.green_form import GreenForm, Missing
from ip_fhir.domain.notice import Notice
from ip_fhir.domain.people import Organization
from ip_fhir.domain.values.value import Id, Text, Value


class Role(StrEnum):
    """Who raises an event: one of the two parties, the transport between them, or the clock."""

    HOSPITAL = "hospital"
    MUNICIPALITY = "municipality"
    TRANSPORT = "transport"
    CLOCK = "clock"


class State(StrEnum):
    """Where a referral stands; the same states on both sides."""

    DRAFT = "draft"
    SENT = "sent"
    UNDELIVERED = "undelivered"
    DELIVERED = "delivered"
    AWAITING_INFORMATION = "awaiting-information"
    ACCEPTED = "accepted"
    ASSESSING = "assessing"
    INCOMPLETE = "incomplete"
    CONFIRMED = "confirmed"
    VACANT = "vacant"
    REJECTED = "rejected"
    FORWARDED = "forwarded"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"
    WITHDRAWN = "withdrawn"
    CLOSED = "closed"


class EventKind(StrEnum):
    """What can happen to a referral."""

    SEND = "send"
    RECEIPT_OK = "receipt-ok"
    RECEIPT_ERROR = "receipt-error"  # a permanent no from the other machine
    RECEIVE = "receive"  # the municipality has stored the notice
    ACCEPT = "accept"
    ASSESS = "assess"
    ASK_INFORMATION = "ask-information"
    GIVE_INFORMATION = "give-information"
    ANSWER = "answer"  # a green form, complete or not
    COORDINATOR_LEFT = "coordinator-left"
    CANCEL = "cancel"
    ASK_ABORT = "ask-abort"
    AGREE_ABORT = "agree-abort"
    REFUSE_ABORT = "refuse-abort"
    WITHDRAW_CONSENT = "withdraw-consent"
    CLOSE = "close"
    REMIND = "remind"  # a reminder came in, or a person asks for one now
    FORWARD = "forward"  # the municipality passed it on without a form; `text` says to whom
    ESCALATE = "escalate"  # an escalation came in
    REPORT_INCOMPLETE = "report-incomplete"  # the hospital says what the form lacks
    TIME = "time"  # a timer is due


class Author(Value):
    """The person who pressed the key, by the EHR's id and by name: for evidence, never for logs.

    >>> Author(id="nina01", name="Nina Testesen")
    Author(***)
    """

    id: Annotated[Text, Field(max_length=255)]
    name: Annotated[Text, Field(max_length=255)]

    def __repr__(self) -> str:
        return "Author(***)"


class Event(Value):
    """Something that happened. `at` is when, by the clock of the side that applies it.

    `message_id` is set when a message from the other side brought it, and when a receipt is for one of ours; `sent` is
    when the other side sent that message, by its own clock, and `answers` the message of ours that it replies to. `by`
    is the person of our own side who did it, as far as the EHR says; it is kept as evidence and sent to nobody.
    """

    id: Id
    kind: EventKind
    at: AwareDatetime
    raised_by: Role
    message_id: Id | None = None
    sent: AwareDatetime | None = None
    answers: Id | None = None
    sender: Organization | None = None  # who sent that message
    notice: Notice | None = None
    form: GreenForm | None = None
    missing: tuple[Missing, ...] = ()
    number: int | None = Field(default=None, ge=1)
    text: Text | None = None
    by: Author | None = None


class FormStatus(StrEnum):
    """What became of a green form; every form is kept."""

    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    REPEATED = "repeated"
    REPLACES = "replaces"
    CONTRADICTORY = "contradictory"
    LATE = "late"


class KeptForm(Value):
    """A green form that came, what became of it and what it lacked."""

    form: GreenForm
    received: AwareDatetime
    status: FormStatus
    missing: tuple[Missing, ...] = ()
    message: Id | None = None  # the message that carried it


class Told(Value):
    """Somebody on the ladder who was told that the answer has not come, and must be told when it has."""

    step: int = Field(ge=1)
    to: Text
    effect: Id
    own_side: bool = False


class Referral(Value):
    """The aggregate. `role` is the side this store belongs to (hospital or municipality)."""

    correlation_id: Id
    role: Role
    state: State
    notice: Notice
    opened: AwareDatetime
    changed: AwareDatetime
    delivered: AwareDatetime | None = None
    forms: tuple[KeptForm, ...] = ()
    timers: tuple[Timer, ...] = ()
    paused: tuple[Timer, ...] = ()  # timers that wait while information is asked for; `paused_at` says since when
    paused_at: AwareDatetime | None = None
    reminders: int = Field(default=0, ge=0)
    escalations: int = Field(default=0, ge=0)
    resends: int = Field(default=0, ge=0)
    task_number: int = Field(default=1, ge=1)  # a terminal Task is never reopened: a new one is made
    reason: Text | None = None
    notice_message: Id | None = None  # the id of the message that carried the notice
    last_message: Id | None = None  # the last message of the other side
    last_sender: Organization | None = None  # who sent it
    heard: AwareDatetime | None = None  # when the newest of the other side's messages was sent, by its clock
    stands: AwareDatetime | None = None  # when the newest of them that says how far the work has come was sent
    resumes: State | None = None  # where it goes on after awaiting-information or cancelling
    consent_gone: AwareDatetime | None = None
    ended_there: bool = False  # the other side has ended it too: a no can be overturned no more
    vacancies: tuple[AwareDatetime, ...] = ()  # when a coordinator left
    told: tuple[Told, ...] = ()

    @property
    def form(self) -> GreenForm | None:
        """The form in force: the last one that was complete or replaced another."""
        in_force = (FormStatus.COMPLETE, FormStatus.REPLACES)
        return next((kept.form for kept in reversed(self.forms) if kept.status in in_force), None)


class Record(Value):
    """One piece of evidence: who, what, when, why, which message. The store adds the hash of the record before."""

    event: Event
    role: Role
    before: State | None
    after: State
    note: Text | None = None
    effects: tuple[Id, ...] = ()
