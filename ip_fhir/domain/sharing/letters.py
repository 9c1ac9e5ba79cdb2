"""The message that an effect asks for, made of the plan as it is when the message is sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ip_fhir.domain.people import PlanOwner
from ip_fhir.domain.sharing.case import HandedOver, HandoverStatus, InvitationStatus, PartyShare, PlanSide
from ip_fhir.domain.sharing.change import ChangeAnswer, ChangeStatus
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.messages import (
    CONTENT,
    Gone,
    HandoverContent,
    HeldView,
    InvitationContent,
    PlanMessage,
    PlanQuestion,
    Reply,
    Withdrawal,
)
from ip_fhir.domain.sharing.see import see
from ip_fhir.domain.values.calendar import local_day
from ip_fhir.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    from ip_fhir.domain.effects import Effect
    from ip_fhir.domain.people import Organization
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.sharing.case import SharedPlan
    from ip_fhir.domain.sharing.change import Change
    from ip_fhir.domain.sharing.share import Share
    from ip_fhir.domain.sharing.view import PlanView

T = TypeVar("T")

_UNDECIDED: Final = (ChangeStatus.PROPOSED, ChangeStatus.CONFLICT)


@dataclass(frozen=True, slots=True)
class Letter:
    """An effect that sends a message, at the time `sent` (with zone).

    `organizations` are the enterprises of the parties, by the party's name in the settings, and of our own side.
    `before` is the last view that the party acknowledged, where a view says what left since then.
    """

    case: SharedPlan
    effect: Effect
    sent: datetime
    organizations: Mapping[str, Organization]
    before: PlanView | None = None

    def message(self, sender: Organization, recipient: Organization) -> PlanMessage:
        """Returns the message. Raises `InvalidInput` (not-found) if what it is about is not in the plan any more."""
        kind = self.effect.plan_message
        if kind is None:
            raise InvalidInput.at("effect", "sends no message about a plan", "structure")
        given: dict[str, Any] = {CONTENT[kind]: _CONTENTS[kind](self)}
        if kind is PlanMessageKind.PLAN:
            left = () if self.before is None else given["view"].left_since(self.before)
            kept = () if self.share.readers else self.share.kept  # nobody can tell if others may see it
            given |= {"kept": kept, "numbers": self.share.numbers, "left": left}
        if self.case.side is PlanSide.HOLDER:
            given["epoch"] = self.case.epoch
        return PlanMessage(
            id=self.effect.id,
            kind=kind,
            sent=self.sent,
            sender=sender,
            recipient=recipient,
            answers=self.effect.answers,
            text=self.effect.text,
            **given,
        )

    # --- what it is about

    @property
    def plan(self) -> IndividualPlan:
        """The newest version. Raises `InvalidInput` where only a copy is here."""
        return self._there(self.case.plan)

    @property
    def share(self) -> Share:
        """The share that the effect is about."""
        return self._there(self.case.share(self.effect.about or ""))

    def _there(self, found: T | None) -> T:
        if found is None:
            raise InvalidInput.at("about", "what the message is about is not in the plan any more", "not-found")
        return found

    def _about(self, items: Iterable[T], ident: Callable[[T], str]) -> T:
        return self._there(next((item for item in items if ident(item) == self.effect.about), None))

    # --- contents

    def view(self) -> PlanView:
        """The view as it is on the Norwegian day."""
        return see(self.plan, self.share, local_day(self.sent))

    def withdrawal(self) -> Withdrawal:
        """The end of a share."""
        return Withdrawal(share=self.share.id, number=self.share.number)

    def change(self) -> Change:
        """A change of ours, without who made it."""
        kept = self._about(self.case.changes, lambda one: one.change.id)
        return kept.change.evolve(by=None)

    def answer(self) -> ChangeAnswer:
        """The answer to a change, as far as it is decided."""
        kept = self._about(self.case.changes, lambda one: one.change.id)
        share = self._there(self.case.share(kept.change.share))
        return ChangeAnswer(
            change=kept.change.id,
            share=share.id,
            status=kept.status,
            decisions=kept.decisions,
            number=share.number,
        )

    def invitation(self) -> InvitationContent:
        """The invitation to a proposed membership."""
        asked = self._about(self.case.invitations, lambda one: one.id)
        memberships = self.plan.team.memberships if self.plan.team is not None else ()
        place = self._there(next((one for one in memberships if one.id == asked.membership), None))
        return InvitationContent(
            invitation=asked.id,
            plan=self.case.id,
            owner=told_of(self.plan.owner),
            role=place.role,
            role_text=place.role_text,
            task=place.task,
            member=_name_of(self.plan, place.member),
        )

    def reply(self) -> Reply:
        """Our answer to an invitation or a handover."""
        handover = self.case.handover
        if handover is not None and handover.id == self.effect.about:
            return Reply(about=handover.id, accepts=handover.status is HandoverStatus.ACCEPTED, reason=handover.reason)
        if self.effect.plan_message is PlanMessageKind.HANDOVER_ANSWER:  # an earlier one, which came to nothing
            return Reply(about=self._there(self.effect.about), accepts=False)
        asked = self._about(self.case.invitations, lambda one: one.id)
        return Reply(about=asked.id, accepts=asked.status is InvitationStatus.ACCEPTED, reason=asked.reason)

    def handover(self) -> HandoverContent:
        """The plan with its shares and undecided changes."""
        offers = () if self.case.handover is None else (self.case.handover,)
        handover = self._about(offers, lambda one: one.id)
        if handover.offered is not None:  # the yes has been taken: as it was then
            return HandoverContent(handover=handover.id, content=handover.offered)
        shares = [
            PartyShare(share=share, organization=self._there(self.organizations.get(share.party)))
            for share in self.case.shares
        ]
        undecided = tuple(kept for kept in self.case.changes if kept.status in _UNDECIDED)
        content = HandedOver(plan=self.plan, shares=tuple(shares), changes=undecided, epoch=handover.epoch)
        return HandoverContent(handover=handover.id, content=content)

    def question(self) -> PlanQuestion:
        """Our question for a plan about a person."""
        request = self._about(self.case.requests, lambda one: one.id)
        return PlanQuestion(request=request.id, owner=self._there(request.owner), reason=request.reason)

    def gone(self) -> Gone:
        """Our word that another party holds the plan."""
        holder = self._there(self.organizations.get(self.case.holder or ""))
        return Gone(plan=self.case.id, epoch=self.case.epoch, holder=holder)

    def held(self) -> HeldView:
        """The question which view of a share is held, or our answer to it."""
        share_id = self.effect.about or ""
        copy = self.case.copy_of(share_id)
        if self.case.side is PlanSide.HOLDER or copy is None:
            return HeldView(share=share_id)
        return HeldView(share=share_id, number=copy.number, digest=copy.digest)


_CONTENTS: Final[dict[PlanMessageKind, Callable[[Letter], Any]]] = {
    PlanMessageKind.PLAN: Letter.view,
    PlanMessageKind.PLAN_WITHDRAWN: Letter.withdrawal,
    PlanMessageKind.PLAN_CHANGE: Letter.change,
    PlanMessageKind.PLAN_CHANGE_ANSWER: Letter.answer,
    PlanMessageKind.INVITATION: Letter.invitation,
    PlanMessageKind.INVITATION_ANSWER: Letter.reply,
    PlanMessageKind.HANDOVER: Letter.handover,
    PlanMessageKind.HANDOVER_ANSWER: Letter.reply,
    PlanMessageKind.PLAN_REQUEST: Letter.question,
    PlanMessageKind.PLAN_GONE: Letter.gone,
    PlanMessageKind.PLAN_STATE_REQUEST: Letter.held,
    PlanMessageKind.PLAN_STATE: Letter.held,
}


def told_of(owner: PlanOwner) -> PlanOwner:
    """Returns as much of the person as a party is told who has no view of the plan: name, number, birth date."""
    return PlanOwner(id=owner.id, name=owner.name, identifier=owner.identifier, birth_date=owner.birth_date)


def _name_of(plan: IndividualPlan, ident: str) -> str | None:
    """Returns the name of a person or organisation of the plan; None for the owner and for nobody."""
    people = {
        **{person.id: person.name.full for person in plan.related_persons},
        **{person.id: person.name.full for person in plan.professionals},
        **{organization.id: organization.name for organization in plan.organizations},
    }
    return people.get(ident)
