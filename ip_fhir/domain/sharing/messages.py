"""The messages that two parties send each other about a plan, independent of wire and format."""

from __future__ import annotations

from typing import Final, Self

from pydantic import Field, model_validator

from ip_fhir.domain.people import Organization, PlanOwner
from ip_fhir.domain.sharing.case import HandedOver
from ip_fhir.domain.sharing.change import Change, ChangeAnswer
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.share import Digest, ItemNumber, Kept
from ip_fhir.domain.sharing.view import LeftItem, PlanView
from ip_fhir.domain.team import TeamRole
from ip_fhir.domain.values.value import Count, Flag, Id, Moment, Text, Value


class Withdrawal(Value):
    """The end of a share, numbered as a view. It names share and number alone."""

    share: Id = Field(description="Id of the share.")
    number: Count = Field(ge=1, description="Number, one higher than that of the last view.")


class InvitationContent(Value):
    """An invitation to take part: who asks for whom, and what for. Ids in it are its own."""

    invitation: Id = Field(description="Id of the invitation.")
    plan: Id = Field(description="Id of the plan, the same for all.")
    owner: PlanOwner = Field(description="The person whose plan it is: name, number, birth date.")
    role: TeamRole = Field(description="Role in the team.")
    role_text: Text | None = Field(default=None, description="Role in words.")
    task: Text | None = Field(default=None, description="Task in the team, in words.")
    member: Text | None = Field(default=None, description="Name of the person or organisation that is asked.")


class Reply(Value):
    """A yes or a no to an invitation, a handover or a request, with its reason."""

    about: Id = Field(description="Id of what is answered.")
    accepts: Flag = Field(description="True for yes.")
    reason: Text | None = Field(default=None, description="Reason, in words.")


class PlanQuestion(Value):
    """The question for a plan about a person."""

    request: Id = Field(description="Id of the request.")
    owner: PlanOwner = Field(description="The person: name, number, birth date.")
    reason: Text | None = Field(default=None, description="Reason for asking, in words.")


class HandoverContent(Value):
    """A handover with everything that goes to the new holder."""

    handover: Id = Field(description="Id of the handover.")
    content: HandedOver = Field(description="Plan, shares, undecided changes and epoch.")


class Gone(Value):
    """The old holder's word that another party holds the plan."""

    plan: Id = Field(description="Id of the plan.")
    epoch: Count = Field(ge=2, description="Epoch of the new holder.")
    holder: Organization = Field(description="The organisation of the new holder.")


class HeldView(Value):
    """The number and digest of the newest view that a participant holds of a share; 0 and none: it holds none."""

    share: Id = Field(description="Id of the share.")
    number: Count = Field(default=0, ge=0, description="Number.")
    digest: Digest | None = Field(default=None, description="Digest.")


class PlanMessage(Value):
    """One message about a plan. A repeated delivery has the same `id`; `answers` is the id of what it replies to.

    Exactly the one content that belongs to its kind is given (`CONTENT`). `epoch` is that of the holder who sends it.
    """

    id: Id = Field(description="Id of the message; a repeated delivery has the same.")
    kind: PlanMessageKind = Field(description="Kind.")
    sent: Moment = Field(description="Time when it was sent, with zone.")
    sender: Organization = Field(description="The organisation that sends it.")
    recipient: Organization = Field(description="The organisation it is for.")
    answers: Id | None = Field(default=None, description="Id of the message that it replies to.")
    epoch: Count | None = Field(default=None, ge=1, description="Epoch of the holder who sends it.")
    view: PlanView | None = Field(default=None, description="The view, in a plan message.")
    kept: tuple[Kept, ...] = Field(
        default=(), max_length=20_000, description="Data of the participant's own, given back with its view."
    )
    numbers: tuple[ItemNumber, ...] = Field(
        default=(), max_length=20_000, description="View in which each item last changed: written, never read."
    )
    left: tuple[LeftItem, ...] = Field(
        default=(),
        max_length=20_000,
        description="Items that left since the last view acknowledged: written, not read.",
    )
    withdrawal: Withdrawal | None = Field(default=None, description="The withdrawal.")
    change: Change | None = Field(default=None, description="The change.")
    answer: ChangeAnswer | None = Field(default=None, description="The answer to a change.")
    invitation: InvitationContent | None = Field(default=None, description="The invitation.")
    reply: Reply | None = Field(default=None, description="The answer to an invitation or handover.")
    handover: HandoverContent | None = Field(default=None, description="The handover.")
    question: PlanQuestion | None = Field(default=None, description="The question for a plan.")
    gone: Gone | None = Field(default=None, description="The word about the new holder.")
    held: HeldView | None = Field(default=None, description="What a participant holds, or is asked about.")
    text: Text | None = Field(default=None, description="Words to the receiver.")

    @model_validator(mode="after")
    def _content_fits_kind(self) -> Self:
        given = {name for name in _CONTENTS if getattr(self, name) is not None}
        if given != {CONTENT[self.kind]}:
            message = f"a message of the kind {self.kind} has {CONTENT[self.kind]}, and no other content"
            raise ValueError(message)
        if (self.kept or self.numbers or self.left) and self.kind is not PlanMessageKind.PLAN:
            message = "a message with a view, and no other, gives back what was kept, has numbers, and says what left"
            raise ValueError(message)
        return self


CONTENT: Final = {
    PlanMessageKind.PLAN: "view",
    PlanMessageKind.PLAN_WITHDRAWN: "withdrawal",
    PlanMessageKind.PLAN_CHANGE: "change",
    PlanMessageKind.PLAN_CHANGE_ANSWER: "answer",
    PlanMessageKind.INVITATION: "invitation",
    PlanMessageKind.INVITATION_ANSWER: "reply",
    PlanMessageKind.HANDOVER: "handover",
    PlanMessageKind.HANDOVER_ANSWER: "reply",
    PlanMessageKind.PLAN_REQUEST: "question",
    PlanMessageKind.PLAN_GONE: "gone",
    PlanMessageKind.PLAN_STATE_REQUEST: "held",
    PlanMessageKind.PLAN_STATE: "held",
}
"""The field of `PlanMessage` that each kind carries."""

_CONTENTS = frozenset(CONTENT.values())
