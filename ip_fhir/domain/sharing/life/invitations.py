"""Invitations: a proposed membership is accepted or declined by its party alone. Silence is neither."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.domain.consent.consent import ConsentKind
from ip_fhir.domain.consent.matrix import organizations_above
from ip_fhir.domain.consent.permission import AccessRequest, Refused, permits
from ip_fhir.domain.effects import Reason
from ip_fhir.domain.sharing.case import Invitation, InvitationStatus, PlanTimerKind
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.life.clocks import invitation_due
from ip_fhir.domain.sharing.life.handover.listening import from_holder
from ip_fhir.domain.sharing.life.shares import is_over, look_at_shares
from ip_fhir.domain.sharing.life.table import Finding
from ip_fhir.domain.team import Membership, MembershipStatus
from ip_fhir.domain.values.terms import LifeArea
from ip_fhir.errors import ConsentRefused, InvalidInput, NotTaken, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.sharing.case import PlanTimer
    from ip_fhir.domain.sharing.life.step import Step


# --- at the holder


def invite(step: Step) -> Finding:
    """Sends an invitation to the party of a proposed membership.

    Raises `InvalidInput` if the plan is over or the person dead, the membership is not proposed or no party with an
    agreement stands for it, and `ConsentRefused` if nothing may be shared with the member.
    """
    place = _membership(step.plan, step.needed("membership"))
    if step.plan.owner.has_died:
        raise InvalidInput.at("plan.owner", "the person is dead: nobody is invited any more", "business-rule")
    if is_over(step.plan, step.on):
        raise InvalidInput.at("plan.status", "the plan is over: nobody is invited any more", "business-rule")
    if place is None or place.status is not MembershipStatus.PROPOSED:
        raise InvalidInput.at("membership", "is none that is proposed", "not-found")
    organization = organization_of(step.plan, place)
    party = step.around.party_of.get(organization or "")
    terms = step.around.of(party)
    if party is None or not terms.agreed or not terms.on_wire:
        raise InvalidInput.at("membership", "no party with an agreement stands for the member", "business-rule")
    if any(one.membership == place.id and one.status is InvitationStatus.OPEN for one in step.case.invitations):
        raise InvalidInput.at("membership", "an invitation to it waits for an answer", "duplicate")
    if (refused := _refusal(step, place)) is not None:
        raise ConsentRefused(refused.rule, refused.reason)
    ident = step.event.about or step.derived_id("invitation", place.id)
    invitation = Invitation(id=ident, party=party, membership=place.id, sent=step.event.at, by=step.event.by)
    step.evolve(invitations=(*step.case.invitations, invitation))
    step.send(PlanMessageKind.INVITATION, ident, party)
    step.start(PlanTimerKind.INVITATION, ident, invitation_due(terms, step.event.at))
    return Finding.FIRST


def organization_of(plan: IndividualPlan, place: Membership) -> str | None:
    """Returns the id of the organisation in whose name somebody is a member; None: in their own.

    >>> from ip_fhir.domain.plan import IndividualPlan
    >>> from ip_fhir.domain.values.value import read
    >>> plan = read(IndividualPlan, '''{"id": "p", "created": "2026-01-12T08:40:00Z", "owner": {"id": "owner",
    ...     "name": {"family": "Testesen"}}, "organizations": [{"id": "school", "name": "Skolen", "kind": "school"}],
    ...     "professionals": [{"id": "sissel", "name": {"family": "Lærer"}, "organization": "school"}]}''')
    >>> organization_of(plan, Membership(id="m", member="sissel", role="service-provider"))
    'school'
    """
    if place.on_behalf_of is not None or any(one.id == place.member for one in plan.organizations):
        return place.on_behalf_of or place.member
    return next((one.organization for one in plan.professionals if one.id == place.member), None)


def _membership(plan: IndividualPlan, ident: str) -> Membership | None:
    places = plan.team.memberships if plan.team is not None else ()
    return next((place for place in places if place.id == ident), None)


def _refusal(step: Step, place: Membership) -> Refused | None:
    """Returns the no to an invitation, which tells of the plan; None if the member may be told something of it."""
    plan, organization = step.plan, organization_of(step.plan, place)
    above = organizations_above(plan, {one.id for one in plan.organizations})
    within = above[organization] if organization is not None else ()
    within = tuple(one for one in within if one != place.member)
    answers = [
        permits(
            plan.consents,
            AccessRequest(ConsentKind.SHARING, place.member, step.on, within, areas),
            plan.related_persons,
            plan.owner,
        )
        for areas in ((), *((area,) for area in LifeArea))
    ]
    first = answers[0]
    return first if isinstance(first, Refused) and all(isinstance(one, Refused) for one in answers) else None


def answered(step: Step) -> Finding:
    """Applies the party's answer to the membership: a new version of the plan. Raises `NotTaken` for another party."""
    invitation = _find(step, step.needed("about"))
    if invitation is None or invitation.party != step.event.party:
        raise NotTaken.at("reply.about", "unknown here", "not-found")
    status = InvitationStatus.ACCEPTED if step.needed("accepts") else InvitationStatus.DECLINED
    if invitation.status is status:
        return Finding.REPEATED
    place = _membership(step.plan, invitation.membership)
    if invitation.status is not InvitationStatus.OPEN or place is None:
        step.problems = (Problem("reply.about", "it was taken back, or answered otherwise", "conflict"),)
        return Finding.LATE
    _put(step, invitation.evolve(status=status, answered=step.event.at, reason=step.event.text))
    step.stop(PlanTimerKind.INVITATION, invitation.id)
    step.tell(Reason.INVITATION_ANSWERED, invitation.id, text=step.event.text)
    if place.status is MembershipStatus.PROPOSED:
        _put_membership(step, place, MembershipStatus(status.value))
    return Finding.ACCEPTED if status is InvitationStatus.ACCEPTED else Finding.DECLINED


def _put_membership(step: Step, place: Membership, status: MembershipStatus) -> None:
    plan, team = step.plan, step.plan.team
    if team is None:
        return
    is_first = status is MembershipStatus.ACCEPTED and place.period.start is None and place.period.end is None
    period = place.period.evolve(start=step.on) if is_first else place.period
    now = place.evolve(status=status, period=period)
    memberships = tuple(now if one.id == place.id else one for one in team.memberships)
    changed = {"team": team.evolve(memberships=memberships), "version": plan.version + 1, "updated": step.event.at}
    step.evolve(plan=plan.evolve(**changed))
    look_at_shares(step)


def take_back(step: Step) -> Finding:
    """Takes an open invitation back; its party is told. Raises `InvalidInput` if there is none."""
    invitation = _find(step, step.needed("about"))
    if step.event.accepts is not False:
        raise InvalidInput.at("event.accepts", "only the party that is asked says yes", "business-rule")
    if invitation is None or invitation.status is not InvitationStatus.OPEN:
        raise InvalidInput.at("about", "there is no such invitation that waits for an answer", "not-found")
    _take_back(step, invitation)
    return Finding.TAKEN_BACK


def _take_back(step: Step, invitation: Invitation) -> None:
    status = InvitationStatus.TAKEN_BACK
    _put(step, invitation.evolve(status=status, answered=step.event.at, reason=step.event.text, by=step.event.by))
    step.stop(PlanTimerKind.INVITATION, invitation.id)
    step.send(PlanMessageKind.INVITATION_ANSWER, invitation.id, invitation.party)


def take_back_settled(step: Step) -> None:
    """Takes back open invitations to what is no longer proposed, without consent, or of a plan that is over."""
    over = is_over(step.plan, step.on)
    for invitation in step.case.invitations:
        if invitation.status is InvitationStatus.OPEN:
            place = _membership(step.plan, invitation.membership)
            if over or place is None or place.status is not MembershipStatus.PROPOSED or _refusal(step, place):
                _take_back(step, invitation)


def unanswered(step: Step, timer: PlanTimer) -> None:
    """Asks once more when an invitation has not been answered in time; the second time a person is told."""
    invitation = _find(step, timer.about or "")
    if invitation is None or invitation.status is not InvitationStatus.OPEN:
        return
    if timer.step > 1:
        step.tell(Reason.INVITATION_UNANSWERED, invitation.id)
        return
    _put(step, invitation.evolve(asked=invitation.asked + 1))
    step.send(PlanMessageKind.INVITATION, invitation.id, invitation.party)
    due = invitation_due(step.around.of(invitation.party), step.event.at)
    step.start(PlanTimerKind.INVITATION, invitation.id, due, 2)


# --- at the party that is asked


def came(step: Step) -> Finding:
    """Keeps an invitation that came; our people are told that it waits for their answer."""
    invitation = step.needed("invitation")
    known = _find(step, invitation.id)
    if known is not None and known.party != step.event.party:
        raise NotTaken.at("invitation", "unknown here", "not-found")
    if known is None and step.case.copies:
        from_holder(step)
    if known is None:
        step.evolve(invitations=(*step.case.invitations, invitation))
    if known is None or known.status is InvitationStatus.OPEN:
        step.tell(Reason.INVITATION_TO_ANSWER, invitation.id)
    return Finding.FIRST if known is None else Finding.REPEATED


def answer(step: Step) -> Finding:
    """Sends our answer to an invitation. Raises `InvalidInput` if there is none that is open."""
    invitation = _find(step, step.needed("about"))
    if invitation is None or invitation.status is not InvitationStatus.OPEN:
        raise InvalidInput.at("about", "there is no such invitation that waits for an answer", "not-found")
    accepts = step.needed("accepts")
    status = InvitationStatus.ACCEPTED if accepts else InvitationStatus.DECLINED
    _put(step, invitation.evolve(status=status, answered=step.event.at, reason=step.event.text, by=step.event.by))
    step.send(PlanMessageKind.INVITATION_ANSWER, invitation.id, invitation.party)
    return Finding.ACCEPTED if accepts else Finding.DECLINED


def taken_back(step: Step) -> Finding:
    """Keeps that the holder took an invitation back; our people are told."""
    invitation = _find(step, step.needed("about"))
    if invitation is None or invitation.party != step.event.party:
        raise NotTaken.at("reply.about", "unknown here", "not-found")
    if invitation.status is InvitationStatus.TAKEN_BACK or step.event.accepts:
        return Finding.LATE
    _put(step, invitation.evolve(status=InvitationStatus.TAKEN_BACK, reason=step.event.text))
    step.tell(Reason.INVITATION_TAKEN_BACK, invitation.id, text=step.event.text)
    return Finding.TAKEN_BACK


def _find(step: Step, ident: str) -> Invitation | None:
    found: Iterable[Invitation] = (one for one in step.case.invitations if one.id == ident)
    return next(iter(found), None)


def _put(step: Step, invitation: Invitation) -> None:
    step.evolve(invitations=tuple(invitation if one.id == invitation.id else one for one in step.case.invitations))
