"""The referral: one loop from notice to close, with one correlation id. Each side stores its own, with its role."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AwareDatetime, Field

from ip_fhir.domain.consent.protection import LocatingPart
from ip_fhir.domain.effects import Timer
from ip_fhir.domain.green_form import GreenForm, Missing
from ip_fhir.domain.notice import Notice
from ip_fhir.domain.people import Organization
from ip_fhir.domain.values.value import AsMade, Id, Text, Value
from ip_fhir.errors import LoopError


class Role(StrEnum):
    """The source of an event: one of the two parties, the transport between them, or the clock."""

    HOSPITAL = "hospital"
    MUNICIPALITY = "municipality"
    TRANSPORT = "transport"
    CLOCK = "clock"


def role_in_loop(role: Role | None) -> Role:
    """Returns the role of a side in the green form loop. Raises `LoopError` for a side that has none.

    >>> role_in_loop(Role.HOSPITAL)
    <Role.HOSPITAL: 'hospital'>
    """
    if role is None:
        reason = "in its settings `role` is neither hospital nor municipality"
        raise LoopError(f"this side has no role in the green form loop: {reason}")
    return role


class State(StrEnum):
    """The state of a referral; both sides have the same states."""

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
    """The kind of an event that can happen to a referral."""

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
    RELEASE = "release"  # a person of ours lets out what is protected; it moves no state, so the table has no row


class Author(Value):
    """The user who raised an event, by the EHR's id and by name: stored as evidence, never written to logs.

    >>> Author(id="nina01", name="Nina Testesen")
    Author(***)
    """

    id: Annotated[Text, Field(max_length=255)] = Field(description="Id by which the EHR knows them.")
    name: Annotated[Text, Field(max_length=255)] = Field(description="Name, for whoever reads the evidence.")

    def __repr__(self) -> str:
        return "Author(***)"


class Release(Value):
    """Parts about persons with a protected address that a person of ours lets go to one party. The latest counts."""

    party: Id = Field(description="Party that may have them, by its name in the settings.")
    parts: tuple[LocatingPart, ...] = Field(max_length=10, description="Parts that may go; none: they no longer may.")
    at: AwareDatetime = Field(description="Time of the release.")
    by: Author = Field(description="The person of our own side who decided so.")


class Event(Value):
    """Something that happened at the time `at`, by the clock of the side that applies it.

    `message_id` is the id of the message from the other side that brought the event; for a receipt, the id of our
    message that it is for. `sent` is the time at which the other side sent that message, by its clock, and `answers`
    the id of our message that it replies to. `sender` is what the message says, `party` who its credential belongs to.
    `by` is the user of our own side who raised the event, if the EHR names one; it is stored as evidence and sent to
    nobody.
    """

    id: Id = Field(description="Id of the event.")
    kind: EventKind = Field(description="Kind.")
    at: AwareDatetime = Field(description="Time, by the clock of the side that applies it.")
    raised_by: Role = Field(description="Side, transport or clock that raised it.")
    message_id: Id | None = Field(
        default=None, description="Id of the message that brought it, or that a receipt is for."
    )
    sent: AwareDatetime | None = Field(
        default=None, description="Time when that message was sent, by the sender's clock."
    )
    answers: Id | None = Field(default=None, description="Id of our message that it replies to.")
    sender: Organization | None = Field(default=None, description="The organisation that sent the message.")
    notice: Annotated[Notice, AsMade()] | None = Field(default=None, description="The notice that it brings.")
    form: Annotated[GreenForm, AsMade()] | None = Field(default=None, description="The green form that it brings.")
    missing: tuple[Missing, ...] = Field(default=(), max_length=50, description="Items that a green form lacks.")
    number: int | None = Field(default=None, ge=1, description="Number of the reminder or rung.")
    text: Text | None = Field(default=None, description="Words that go with it.")
    by: Author | None = Field(default=None, description="The person of our own side who did it.")
    party: Id | None = Field(default=None, description="Party that brought it; none: our own side, or not known.")
    to_party: Id | None = Field(default=None, description="Party that its form passes the notice on to.")


class FormStatus(StrEnum):
    """The result of judging a green form; every form is kept."""

    COMPLETE = "complete"
    INCOMPLETE = "incomplete"
    REPEATED = "repeated"
    REPLACES = "replaces"
    CONTRADICTORY = "contradictory"
    LATE = "late"


class KeptForm(Value):
    """A green form that came in, with the result of judging it and the items it lacked."""

    form: Annotated[GreenForm, AsMade()] = Field(description="The form.")
    received: AwareDatetime = Field(description="Time when it came in.")
    status: FormStatus = Field(description="Result of judging it.")
    missing: tuple[Missing, ...] = Field(default=(), max_length=50, description="Items that it lacked.")
    message: Id | None = Field(default=None, description="Id of the message that carried it.")
    party: Id | None = Field(default=None, description="Party that brought it; none: our own side, or not known.")
    to_party: Id | None = Field(default=None, description="Party that it passes the notice on to.")


class Told(Value):
    """A contact on the escalation ladder who was told that the answer is missing, and must be told when it comes."""

    step: int = Field(ge=1, description="Rung of the ladder, from 1.")
    to: Text = Field(description="The contact who was told.")
    effect: Id = Field(description="Id of the effect that told them.")
    own_side: bool = Field(default=False, description="True if they belong to this side.")


class KnownParty(Value):
    """An organisation of a notice that was known to be a party of the settings when the loop was opened."""

    organization: Id = Field(description="Id of the organisation in the notice.")
    party: Id = Field(description="Name of the party.")


class Referral(Value):
    """The referral as one side stores it. `role` is that side (hospital or municipality). Times are with zone.

    `correlation_id` is the key under which this side has it: the notice's own correlation id, which every message about
    it bears, unless another party's loop has that key. A `party` is named as in the settings (`domain.parties`).
    """

    correlation_id: Id = Field(description="Key of the loop on this side.")
    role: Role = Field(description="Side that this store belongs to.")
    state: State = Field(description="State.")
    notice: Annotated[Notice, AsMade()] = Field(description="The notice.")
    party: Id | None = Field(default=None, description="Party on the other side; none: not known.")
    known: tuple[KnownParty, ...] = Field(
        default=(), max_length=1000, description="Organisations of the notice that are parties."
    )
    opened: AwareDatetime = Field(description="Time when it was opened.")
    changed: AwareDatetime = Field(description="Time of the last change.")
    delivered: AwareDatetime | None = Field(default=None, description="Time when the notice was delivered.")
    forms: tuple[KeptForm, ...] = Field(default=(), max_length=200, description="Every green form that came.")
    timers: tuple[Timer, ...] = Field(default=(), max_length=200, description="Clocks that run.")
    paused: tuple[Timer, ...] = Field(
        default=(), max_length=200, description="Clocks that are paused while the referral is on hold."
    )
    paused_at: AwareDatetime | None = Field(default=None, description="Time when they were paused.")
    reminders: int = Field(default=0, ge=0, description="Number of reminders so far.")
    escalations: int = Field(default=0, ge=0, description="Number of rungs so far.")
    resends: int = Field(default=0, ge=0, description="Times the notice was sent again.")
    task_number: int = Field(default=1, ge=1, description="Number of the Task; one that has ended is never reopened.")
    reason: Text | None = Field(default=None, description="Reason of the last change, in words.")
    notice_message: Id | None = Field(default=None, description="Id of the message that carried the notice.")
    last_message: Id | None = Field(default=None, description="Id of the other side's last message.")
    last_sender: Organization | None = Field(default=None, description="The organisation that sent it.")
    last_party: Id | None = Field(default=None, description="Party that sent it; none: not known.")
    heard: AwareDatetime | None = Field(
        default=None, description="Time when the other side's newest message was sent, by that side's clock."
    )
    stands: AwareDatetime | None = Field(
        default=None,
        description="Time when the newest word about progress was sent, by the sender's clock.",
    )
    resumes: State | None = Field(default=None, description="State that it returns to when a hold ends.")
    consent_gone: AwareDatetime | None = Field(default=None, description="Time when consent was withdrawn.")
    ended_there: bool = Field(
        default=False,
        description="True if the other side has ended it too: no rejection is overturned.",
    )
    vacancies: tuple[AwareDatetime, ...] = Field(
        default=(), max_length=1_000, description="Times when a coordinator left."
    )
    told: tuple[Told, ...] = Field(default=(), max_length=1_000, description="Contacts on the ladder who were told.")
    releases: tuple[Release, ...] = Field(
        default=(), max_length=1_000, description="What our people have let go to one party."
    )
    let_go: tuple[Id, ...] = Field(
        default=(), max_length=10_000, description="Ids of the messages that a person has let go."
    )

    def released_to(self, party: str | None) -> tuple[LocatingPart, ...]:
        """Returns the parts that were released to this party, by the latest release; nothing for None."""
        found = (release.parts for release in reversed(self.releases) if release.party == party)
        return next(found, ())

    @property
    def form(self) -> GreenForm | None:
        """The form in force: the last one that was complete or replaced another."""
        in_force = (FormStatus.COMPLETE, FormStatus.REPLACES)
        return next((kept.form for kept in reversed(self.forms) if kept.status in in_force), None)


class Record(Value):
    """The evidence of one step: event, side, states and effects. The store adds the hash of the record before."""

    event: Event = Field(description="The event.")
    role: Role = Field(description="Side that applied it.")
    before: State | None = Field(description="State before; none: it was opened.")
    after: State = Field(description="State after.")
    note: Text | None = Field(default=None, description="Note.")
    effects: tuple[Id, ...] = Field(default=(), max_length=1_000, description="Ids of the effects.")
