"""The values that the doors of plans take and give, where they are none of the domain's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import Field

from ip_fhir.domain.agreement import ContentLevel
from ip_fhir.domain.consent.protection import LocatingPart
from ip_fhir.domain.people import PlanOwner
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.referral import Author
from ip_fhir.domain.sharing.case import HandoverStatus, InvitationStatus, PlanSide
from ip_fhir.domain.sharing.change import ChangeStatus, KeptChange, PartDecision
from ip_fhir.domain.sharing.events import PlanRecord
from ip_fhir.domain.sharing.share import Share
from ip_fhir.domain.sharing.view import PlanView
from ip_fhir.domain.values.value import Count, Day, Flag, Id, MadeText, Moment, Text, Value
from ip_fhir.web.own.loop_values import NEXT

if TYPE_CHECKING:
    from ip_fhir.domain.sharing.case import SharedPlan
    from ip_fhir.exchange.plans.forecast import ShareForecast
    from ip_fhir.ports.plans import SavedVersion
    from ip_fhir.report.plans.access import AccessEntry

_UNDECIDED = (ChangeStatus.PROPOSED, ChangeStatus.CONFLICT)


class ShownShare(Value):
    """A share, without the secret that its ids are made of."""

    id: Id = Field(description="Id of the share.")
    party: Id = Field(description="Party of the participant.")
    person: Id | None = Field(default=None, description="Id in the plan of the one person it is for.")
    level: ContentLevel = Field(description="Amount of the plan that the agreement lets through.")
    began: Day = Field(description="First day.")
    number: Count = Field(description="Number of the newest view.")
    acknowledged: Count = Field(description="Number of the view that the participant has acknowledged.")
    in_step: Flag = Field(description="False after a conflict of numbers, until a person has looked.")
    released: tuple[LocatingPart, ...] = Field(default=(), description="Parts of a protected address that go along.")
    ended: Day | None = Field(default=None, description="Day on which it ended.")
    end_reason: Text | None = Field(default=None, description="Reason for which it ended.")

    @classmethod
    def of(cls, share: Share) -> ShownShare:
        """Returns a share as it is shown."""
        return cls(
            id=share.id,
            party=share.party,
            person=share.person,
            level=share.level,
            began=share.began,
            number=share.number,
            acknowledged=share.acknowledged,
            in_step=share.in_step,
            released=share.released,
            ended=share.ended,
            end_reason=str(share.end_reason) if share.end_reason is not None else None,
        )


class ShownInvitation(Value):
    """An invitation to take part."""

    id: Id = Field(description="Id of the invitation.")
    party: Id = Field(description="Party that is asked, or (there) that asks.")
    membership: Id = Field(description="Id of the proposed membership.")
    status: InvitationStatus = Field(description="Status.")
    sent: Moment = Field(description="Time when it was sent or came in.")
    answered: Moment | None = Field(default=None, description="Time of the answer.")
    owner: Text | None = Field(default=None, description="Name of the person, as the party is told.")
    role: Text | None = Field(default=None, description="Role and task in the team, in words.")


class ShownRequest(Value):
    """A party's question for the plan."""

    id: Id = Field(description="Id of the question.")
    party: Id = Field(description="Party that asks, or (there) that is asked.")
    asked: Moment = Field(description="Time when it was asked.")
    answered: Moment | None = Field(default=None, description="Time of the answer.")
    granted: Flag | None = Field(default=None, description="True if a share was begun; none: not answered.")


class ShownHandover(Value):
    """The way of the plan to another holder."""

    id: Id = Field(description="Id of the handover.")
    party: Id = Field(description="Party that is to hold the plan, or (there) that hands it over.")
    status: HandoverStatus = Field(description="Status.")
    sent: Moment = Field(description="Time when it was sent or came in.")


class PlanSummary(Value):
    """A plan in a list, without a word about the person."""

    id: Id = Field(description="Id of the plan, the same for all.")
    side: PlanSide = Field(description="The part that this side has.")
    holder: Id | None = Field(default=None, description="Party that holds it; none: this side.")
    epoch: Count = Field(description="Number of the holder.")
    status: Text | None = Field(default=None, description="Status, at the holder.")
    version: Count | None = Field(default=None, description="Newest version, at the holder.")
    shared_with: tuple[Id, ...] = Field(description="Parties whose share goes on.")
    waiting: Count = Field(description="Changes that wait for a person.")
    opened: Moment = Field(description="Time when this side got or made it.")
    changed: Moment = Field(description="Time of the last change.")
    over: Flag = Field(description="True if it has ended and nothing is shared any more.")

    @classmethod
    def facts(cls, plan: SharedPlan) -> dict[str, object]:
        """Returns the fields of a plan's summary."""
        content = plan.plan
        return {
            "id": plan.id,
            "side": plan.side,
            "holder": plan.holder,
            "epoch": plan.epoch,
            "status": str(content.status) if content is not None else None,
            "version": content.version if content is not None else None,
            "shared_with": tuple(sorted({share.party for share in plan.shares if share.goes_on})),
            "waiting": sum(kept.status in _UNDECIDED for kept in plan.changes),
            "opened": plan.opened,
            "changed": plan.changed,
            "over": plan.over,
        }


class PlanPage(Value):
    """A page of plans, latest changed first."""

    items: tuple[PlanSummary, ...] = Field(description="Plans.")
    next: Text | None = NEXT


class SharingState(PlanSummary):
    """A plan with all that is shared of it, and what was asked; without its content."""

    shares: tuple[ShownShare, ...] = Field(description="Shares, also those that have ended.")
    invitations: tuple[ShownInvitation, ...] = Field(description="Invitations.")
    requests: tuple[ShownRequest, ...] = Field(description="Questions for the plan.")
    handover: ShownHandover | None = Field(default=None, description="The last handover.")

    @classmethod
    def of(cls, plan: SharedPlan) -> SharingState:
        """Returns a plan as it is shown."""
        handover = plan.handover
        return cls.model_validate(
            {
                **cls.facts(plan),
                "shares": tuple(map(ShownShare.of, plan.shares)),
                "invitations": tuple(_same(ShownInvitation, one) for one in plan.invitations),
                "requests": tuple(_same(ShownRequest, one) for one in plan.requests),
                "handover": _same(ShownHandover, handover) if handover is not None else None,
            }
        )


def _same(shown: type[Value], value: Value) -> Value:
    """Returns a value of which only these fields are shown."""
    return shown(**{name: getattr(value, name) for name in shown.model_fields})


class Views(Value):
    """The views that this side was sent and that were not withdrawn."""

    items: tuple[PlanView, ...] = Field(description="Views; several where our people are kept apart.")


class NewShare(Value):
    """A share that is to begin."""

    party: Id = Field(description="Party, by its name in the settings; `us`: our own people.")
    person: Id | None = Field(default=None, description="Id in the plan of the one person it is for.")
    released: tuple[LocatingPart, ...] = Field(default=(), max_length=10, description="Parts that go along.")


class Parts(Value):
    """Parts of a protected address."""

    parts: tuple[LocatingPart, ...] = Field(max_length=10, description="Parts that may go; all others may not.")


class MaybeBecause(Value):
    """The reason of a decision, if there is one."""

    reason: Text | None = Field(default=None, description="Reason, in words.")


class YesOrNo(Value):
    """An answer."""

    accepts: Flag = Field(description="True for yes.")
    reason: Text | None = Field(default=None, description="Reason, in words.")


class WantedView(Value):
    """A change that we ask the holder for."""

    view: PlanView = Field(description="Our view as we want it, with its number.")
    text: Text | None = Field(default=None, description="Words to the holder.")
    whole: Flag = Field(default=True, description="True if what is missing was taken out; false: it is unchanged.")


class SeenPlan(Value):
    """A plan as a party or a person sees it: what they see of the plan itself, or views by their shares."""

    plan: IndividualPlan | None = Field(default=None, description="What the person, or a relative, sees.")
    views: tuple[PlanView, ...] = Field(default=(), description="A party's views, one for each share.")
    is_shared: Flag = Field(description="False if nothing is shared with the party: this is what it would see.")


class Changes(Value):
    """The changes of a plan, the latest last."""

    items: tuple[KeptChange, ...] = Field(description="Changes with what became of each part.")


class Decisions(Value):
    """Decisions of a person about the parts of a change; parts that are not named go on waiting."""

    decisions: tuple[PartDecision, ...] = Field(min_length=1, max_length=20_000, description="Decisions.")


class Invite(Value):
    """An invitation that is to be sent."""

    membership: Id = Field(description="Id of the proposed membership in the plan.")


class HandOver(Value):
    """An offer of the plan to another holder."""

    party: Id = Field(description="Party that is to hold it.")
    reason: Text | None = Field(default=None, description="Reason, in words.")


class Question(Value):
    """A question to another party for the plan about a person."""

    party: Id = Field(description="Party that is asked.")
    owner: PlanOwner = Field(description="The person.")
    reason: Text | None = Field(default=None, description="Reason, in words.")


class Version(Value):
    """A version of a plan, without its content."""

    version: Count = Field(description="Number.")
    saved: Moment = Field(description="Time when it was saved.")
    by: Author | None = Field(default=None, description="The person of our own side who saved it.")
    digest: Text = Field(description="SHA-256 of its JSON.")

    @classmethod
    def of(cls, saved: SavedVersion) -> Version:
        """Returns a version as it is shown."""
        return cls(version=saved.version, saved=saved.saved, by=saved.by, digest=saved.digest)


class Versions(Value):
    """A page of versions, newest first."""

    items: tuple[Version, ...] = Field(description="Versions.")
    next: Text | None = NEXT


class Difference(Value):
    """The difference of two versions, in words."""

    items: tuple[MadeText, ...] = Field(description="Differences.")


class Preview(Value):
    """The view that one participant would have."""

    party: Id = Field(description="Party.")
    is_shared: Flag = Field(description="False if its share does not begin by itself.")
    view: PlanView | None = Field(default=None, description="The view as it would be; none: nothing can be shared.")
    before: PlanView | None = Field(default=None, description="The view that it has now.")
    refusal: MadeText | None = Field(default=None, description="Reason for which nothing can be shared.")

    @classmethod
    def of(cls, one: ShareForecast) -> Preview:
        """Returns a forecast as it is shown."""
        refusal = str(one.refusal) if one.refusal is not None else None
        return cls(party=one.party, is_shared=one.is_shared, view=one.view, before=one.before, refusal=refusal)


class Previews(Value):
    """The views that all participants would have on a day."""

    on: Day = Field(description="Day, in Norway.")
    items: tuple[Preview, ...] = Field(description="Participants.")
    on_paper: tuple[Id, ...] = Field(default=(), description="Ids of memberships that no party stands for.")


class Wanted(Value):
    """A plan to be looked at before it is saved."""

    plan: IndividualPlan | None = Field(default=None, description="As if this were saved; none: as it is.")


class AccessLine(Value):
    """One line of the log of access: who was sent or read what, and on what ground."""

    at: Moment = Field(description="Time.")
    to: Text = Field(description="Party, by the name of its enterprise.")
    kind: Text = Field(description="What it was.")
    number: Count | None = Field(default=None, description="Number of the view.")
    version: Count | None = Field(default=None, description="Version of the plan that it was made from.")
    received: Moment | None = Field(default=None, description="Time of the receipt.")
    resource: Text | None = Field(default=None, description="Resource that was read.")
    consents: tuple[Id, ...] = Field(default=(), description="Ids of the consents that it rests on.")
    by: Author | None = Field(default=None, description="The person of our own side by whose act it was sent.")

    @classmethod
    def of(cls, entry: AccessEntry) -> AccessLine:
        """Returns an entry as it is shown."""
        return cls(
            at=entry.at,
            to=entry.to,
            kind=str(entry.kind),
            number=entry.number,
            version=entry.version,
            received=entry.received,
            resource=entry.resource,
            consents=entry.consents,
            by=entry.by,
        )


class AccessLog(Value):
    """The log of access to a plan, the first at the top. It may be shown to the person."""

    items: tuple[AccessLine, ...] = Field(description="Entries.")
    next: Text | None = NEXT


class PlanSteps(Value):
    """A page of the evidence about a plan, first step first."""

    items: tuple[PlanRecord, ...] = Field(description="Steps.")
    next: Text | None = NEXT
