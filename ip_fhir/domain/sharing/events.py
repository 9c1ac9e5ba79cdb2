"""The events of a shared plan, and the evidence of each step."""

from __future__ import annotations

from enum import StrEnum

from pydantic import AwareDatetime, Field

from ip_fhir.domain.consent.protection import LocatingPart
from ip_fhir.domain.people import Organization, PlanOwner
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.referral import Author
from ip_fhir.domain.sharing.case import HandedOver, Invitation, PlanSide
from ip_fhir.domain.sharing.change import Change, ChangeAnswer, PartDecision
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.view import PlanView
from ip_fhir.domain.values.value import Count, Flag, Id, Text, Value


class PlanSource(StrEnum):
    """The source of an event: one of the two sides, the transport between them, or the clock."""

    HOLDER = "holder"
    PARTICIPANT = "participant"
    TRANSPORT = "transport"
    CLOCK = "clock"


class PlanEventKind(StrEnum):
    """The kind of an event that can happen to a shared plan."""

    SAVE = "save"  # holder: a new version, with all that follows for each share
    SHARE = "share"  # holder: a share begins, or begins again
    END_SHARE = "end-share"
    RELEASE = "release"  # holder: parts of a protected address are ticked for a share, or a message is let go
    VIEW = "view"  # participant: a view came
    WITHDRAW = "withdraw"  # participant: the holder ended the share
    CHANGE = "change"  # participant makes it, holder receives it
    DECIDE = "decide"  # holder: a person decides parts of a change
    CHANGE_ANSWERED = "change-answered"
    INVITE = "invite"
    ANSWER_INVITATION = "answer-invitation"
    REQUEST = "request"
    ANSWER_REQUEST = "answer-request"
    HAND_OVER = "hand-over"
    ANSWER_HANDOVER = "answer-handover"
    GONE = "gone"  # participant: the old holder says who holds the plan now
    RECEIPT_OK = "receipt-ok"
    RECEIPT_ERROR = "receipt-error"
    STATE_ASKED = "state-asked"  # participant: a restored holder asks which view we hold
    RESTORED = "restored"  # numbers and digests were compared after a backup was restored
    TIME = "time"  # the day turns, or a clock is due


class PlanEvent(Value):
    """Something that happened to a shared plan at the time `at`, by the clock of the side that applies it.

    Which of the other fields are given follows from the kind. `party` is the party that brought it by message; none:
    our own side. `by` is kept as evidence and sent to nobody.
    """

    id: Id = Field(description="Id of the event; ids of effects derive from it.")
    kind: PlanEventKind = Field(description="Kind.")
    at: AwareDatetime = Field(description="Time, by the clock of the side that applies it.")
    raised_by: PlanSource = Field(description="Side, transport or clock that raised it.")
    by: Author | None = Field(default=None, description="The person of our own side who did it.")
    party: Id | None = Field(default=None, description="Party that brought it; none: our own side.")
    to_party: Id | None = Field(default=None, description="Party that it is meant for: a new share, a new holder.")
    message_id: Id | None = Field(default=None, description="Id of the message that brought it, or receipted.")
    message: PlanMessageKind | None = Field(default=None, description="Kind of our message that a receipt is for.")
    plan_id: Id | None = Field(default=None, description="Id of the plan, where this side has no case of it yet.")
    referral: Id | None = Field(default=None, description="Key of the loop that a plan saved for the first time is of.")
    plan: IndividualPlan | None = Field(default=None, description="The plan that is saved.")
    based_on: Count | None = Field(default=None, ge=0, description="Version that the saved plan was based on.")
    share: Id | None = Field(default=None, description="Id of the share.")
    person: Id | None = Field(default=None, description="Id in the plan of the one person a share is for.")
    membership: Id | None = Field(default=None, description="Id of the membership of an invitation.")
    about: Id | None = Field(default=None, description="Id of the change, invitation, request or handover.")
    view: PlanView | None = Field(default=None, description="The view that came.")
    number: Count | None = Field(default=None, ge=0, description="Number of the view or withdrawal.")
    digest: Text | None = Field(default=None, description="Digest of the view or withdrawal.")
    change: Change | None = Field(default=None, description="The change.")
    polled: Flag = Field(default=False, description="True if the author of the change asks what became of it.")
    decisions: tuple[PartDecision, ...] = Field(default=(), max_length=20_000, description="Decisions of a person.")
    answer: ChangeAnswer | None = Field(default=None, description="The answer to a change.")
    holder: Organization | None = Field(default=None, description="The organisation of a new holder.")
    invitation: Invitation | None = Field(default=None, description="The invitation that came.")
    owner: PlanOwner | None = Field(default=None, description="The person whose plan our own side asks for.")
    accepts: Flag | None = Field(default=None, description="True for yes, false for no.")
    handed_over: HandedOver | None = Field(default=None, description="What came with a handover.")
    epoch: Count | None = Field(default=None, ge=1, description="Epoch of the holder.")
    parts: tuple[LocatingPart, ...] = Field(default=(), max_length=10, description="Parts that are ticked.")
    text: Text | None = Field(default=None, description="Words that go with it.")


class PlanRecord(Value):
    """The evidence of one step. Content stands in it by id, number and digest: versions and views are kept apart."""

    event: Id = Field(description="Id of the event.")
    kind: PlanEventKind = Field(description="Kind of the event.")
    at: AwareDatetime = Field(description="Time, by the clock of the side that applied it.")
    raised_by: PlanSource = Field(description="Side, transport or clock that raised it.")
    side: PlanSide = Field(description="Part of the side that applied it.")
    by: Author | None = Field(default=None, description="The person of our own side who did it.")
    party: Id | None = Field(default=None, description="Party that brought it; none: our own side.")
    message_id: Id | None = Field(default=None, description="Id of the message that brought it, or receipted.")
    version: Count | None = Field(default=None, ge=1, description="Version of the plan after it.")
    digest: Text | None = Field(default=None, description="Digest of what it brought: a version, view or change.")
    share: Id | None = Field(default=None, description="Id of the share that it was about.")
    number: Count | None = Field(default=None, ge=0, description="Number of the share's view after it.")
    about: Id | None = Field(default=None, description="Id of the change, invitation, request or handover.")
    decisions: tuple[PartDecision, ...] = Field(default=(), max_length=20_000, description="What was decided.")
    consents: tuple[Id, ...] = Field(default=(), max_length=500, description="Ids of the consents it rests on.")
    note: Text | None = Field(default=None, description="Note in words, without a person's data.")
    effects: tuple[Id, ...] = Field(default=(), max_length=10_000, description="Ids of the effects.")
