"""The shared plan as one side stores it: a holder's with its shares, a participant's with its copy."""

from __future__ import annotations

from enum import StrEnum

from pydantic import AwareDatetime, Field

from ip_fhir.domain.people import Organization, PlanOwner
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.referral import Author
from ip_fhir.domain.sharing.change import KeptChange
from ip_fhir.domain.sharing.share import Digest, Share
from ip_fhir.domain.sharing.view import PlanView
from ip_fhir.domain.values.value import Count, Day, Flag, Id, Text, Value


class PlanSide(StrEnum):
    """The part that a side has in a plan: exactly one side holds it."""

    HOLDER = "holder"
    PARTICIPANT = "participant"


class InvitationStatus(StrEnum):
    """The status of an invitation."""

    OPEN = "open"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    TAKEN_BACK = "taken-back"


class Invitation(Value):
    """A proposed membership that was sent to its party, which may accept or decline it. Silence is neither.

    `membership` and `member` are ids in the plan at the holder, and ids of the invitation alone at the participant.
    """

    id: Id = Field(description="Id of the invitation.")
    party: Id = Field(description="Party that is asked, or (at the participant) that asks.")
    membership: Id = Field(description="Id of the proposed membership.")
    status: InvitationStatus = Field(default=InvitationStatus.OPEN, description="Status.")
    sent: AwareDatetime = Field(description="Time when it was sent or came in.")
    asked: Count = Field(default=1, ge=1, description="Times that it was asked.")
    answered: AwareDatetime | None = Field(default=None, description="Time of the answer.")
    owner: Text | None = Field(default=None, description="Name of the person, as the party is told.")
    role: Text | None = Field(default=None, description="Role and task in the team, in words.")
    reason: Text | None = Field(default=None, description="Reason of the answer, in words.")
    by: Author | None = Field(default=None, description="The person of our own side who sent or answered it.")


class PartyShare(Value):
    """A share in a handover, with the organisation that its party is: parties have other names at the new holder."""

    share: Share = Field(description="The share, with key, id book and numbers.")
    organization: Organization = Field(description="The organisation of its party.")


class HandedOver(Value):
    """All that goes to a new holder: the plan, its shares, changes, and the new holder's own old ids."""

    plan: IndividualPlan = Field(description="The newest version of the plan.")
    shares: tuple[PartyShare, ...] = Field(default=(), max_length=2_000, description="Shares, also ended ones.")
    changes: tuple[KeptChange, ...] = Field(default=(), max_length=10_000, description="Undecided and recent changes.")
    epoch: Count = Field(ge=2, description="Epoch of the new holder.")
    final: Flag = Field(
        default=False, description="True once the old holder has taken the yes: by it the plan is held."
    )


class HandoverStatus(StrEnum):
    """The status of a handover."""

    OFFERED = "offered"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    TAKEN_BACK = "taken-back"


class Handover(Value):
    """The way of a plan to another holder: `party` is the other side. `epoch` is what the new holder's would be."""

    id: Id = Field(description="Id of the handover.")
    party: Id = Field(description="Party that is to hold the plan, or (there) that hands it over.")
    epoch: Count = Field(ge=2, description="Epoch of the new holder.")
    status: HandoverStatus = Field(default=HandoverStatus.OFFERED, description="Status.")
    sent: AwareDatetime = Field(description="Time when it was sent or came in.")
    asked: Count = Field(default=1, ge=1, description="Times that it was asked.")
    answered: AwareDatetime | None = Field(default=None, description="Time of the answer.")
    reason: Text | None = Field(default=None, description="Reason of the answer, in words.")
    offered: HandedOver | None = Field(
        default=None, description="What came with the offer; at the old holder, what is on its way."
    )
    message: Id | None = Field(default=None, description="Message that carries the plan to the party that said yes.")
    by: Author | None = Field(default=None, description="The person of our own side who offered or answered it.")


class Copy(Value):
    """A participant's copy: the newest view of one share, as its holder sent it."""

    share: Id = Field(description="Id of the share.")
    number: Count = Field(ge=1, description="Number of the newest view or withdrawal.")
    digest: Digest = Field(description="Digest of the view, or of the withdrawal.")
    view: PlanView | None = Field(default=None, description="The view; none: it was withdrawn.")
    received: AwareDatetime = Field(description="Time when it came in.")
    withdrawn: AwareDatetime | None = Field(default=None, description="Time when the holder withdrew it.")
    in_step: Flag = Field(default=True, description="False after a conflict of numbers, until a person has looked.")


class PlanTimerKind(StrEnum):
    """The clocks of a shared plan."""

    DAY = "day"  # the next day on which something opens, closes or turns for a share
    CHANGE = "change"  # a change waits for our people
    CHANGE_ANSWER = "change-answer"  # at the participant: the answer has not come
    INVITATION = "invitation"
    HANDOVER = "handover"
    REQUEST = "request"
    ACKNOWLEDGEMENT = "acknowledgement"  # a participant has not acknowledged its view
    STATE = "state"  # a participant has not said which view it holds
    REVIEW = "review"  # a review of the plan is due
    ARRANGEMENT = "arrangement"  # no review is planned, and by the arrangement one should be


class PlanTimer(Value):
    """A deadline of a shared plan. `about` is the id of the share, change, invitation, handover or review."""

    kind: PlanTimerKind = Field(description="Clock.")
    about: Id | None = Field(default=None, description="Id of what it is about; none: the plan as a whole.")
    due: AwareDatetime = Field(description="Time when it is due.")
    step: int = Field(default=1, ge=1, description="Step, from 1.")


class PlanRequest(Value):
    """A party's question for a plan about a person, which a person decides or the agreement's rule."""

    id: Id = Field(description="Id of the request.")
    party: Id = Field(description="Party that asks, or (there) that is asked.")
    asked: AwareDatetime = Field(description="Time when it was asked.")
    owner: PlanOwner | None = Field(default=None, description="The person, at the party that asks.")
    reason: Text | None = Field(default=None, description="Reason for asking, in words.")
    answered: AwareDatetime | None = Field(default=None, description="Time of the answer.")
    granted: Flag | None = Field(default=None, description="True if a share was begun; none: not answered.")
    by: Author | None = Field(default=None, description="The person of our own side who asked or answered.")


class SharedPlan(Value):
    """A plan as one side stores it, with all that is shared of it. Times are with zone.

    At the holder `plan` is the newest version and `shares` are those of the participants, also ended ones. At a
    participant `copies` are what it was sent (one; several where its people are kept apart), and `plan` is none.
    """

    id: Id = Field(description="Id of the plan, the same for all.")
    side: PlanSide = Field(description="The part that this side has.")
    holder: Id | None = Field(default=None, description="Party that holds it; none: this side.")
    epoch: Count = Field(default=1, ge=1, description="Number of the holder, from 1; one higher with each handover.")
    plan: IndividualPlan | None = Field(default=None, description="The newest version, at the holder.")
    shares: tuple[Share, ...] = Field(default=(), max_length=2_000, description="Shares, also those that have ended.")
    copies: tuple[Copy, ...] = Field(default=(), max_length=500, description="What a participant was sent.")
    changes: tuple[KeptChange, ...] = Field(default=(), max_length=10_000, description="Changes, the latest last.")
    invitations: tuple[Invitation, ...] = Field(default=(), max_length=2_000, description="Invitations.")
    requests: tuple[PlanRequest, ...] = Field(default=(), max_length=2_000, description="Questions for the plan.")
    handover: Handover | None = Field(default=None, description="The last handover.")
    released: tuple[Id, ...] = Field(
        default=(), max_length=10_000, description="Ids of the messages that a person has let go."
    )
    timers: tuple[PlanTimer, ...] = Field(default=(), max_length=20_000, description="Clocks that run.")
    on_paper: tuple[Id, ...] = Field(
        default=(), max_length=5_000, description="Ids of memberships that no party stands for and that were told."
    )
    referral: Id | None = Field(default=None, description="Key of the loop that the plan came of, if one did.")
    opened: AwareDatetime = Field(description="Time when this side got or made it.")
    changed: AwareDatetime = Field(description="Time of the last change.")
    settled_on: Day | None = Field(default=None, description="Norwegian day for which the shares were last looked at.")
    settled_by: Id | None = Field(default=None, description="Digest of the settings by which they were last looked at.")
    settled_since: AwareDatetime | None = Field(
        default=None, description="Time since when whoever looked at them had these settings."
    )
    over: Flag = Field(default=False, description="True if the plan has ended and nothing is shared any more.")

    @property
    def owner(self) -> PlanOwner | None:
        """The person whose plan it is, as far as this side knows: by the plan, else by what it was sent last."""
        views = [copy.view for copy in self.copies if copy.view is not None]
        offered = self.handover.offered if self.handover is not None else None
        plans = [self.plan, *(view.plan for view in views), offered.plan if offered is not None else None]
        return next((plan.owner for plan in plans if plan is not None), None)

    @property
    def content_version(self) -> int:
        """The version of the content that people see: it moves with what somebody wants, and with no receipt.

        At the holder the plan's version, at a participant the sum of its views' numbers.
        """
        return self.plan.version if self.plan is not None else sum(copy.number for copy in self.copies)

    def share(self, share_id: str) -> Share | None:
        """Returns the share of this id, or None."""
        return next((share for share in self.shares if share.id == share_id), None)

    def copy_of(self, share_id: str) -> Copy | None:
        """Returns the copy of this share, or None."""
        return next((copy for copy in self.copies if copy.share == share_id), None)
