"""The old holder: it offers the plan, takes the answer, and sends the plan to its new holder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ip_fhir.domain.effects import Reason
from ip_fhir.domain.sharing.case import (
    HandedOver,
    Handover,
    HandoverStatus,
    InvitationStatus,
    PartyShare,
    PlanSide,
    PlanTimerKind,
)
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.life import changes
from ip_fhir.domain.sharing.life.clocks import handover_due
from ip_fhir.domain.sharing.life.shares import refusal_of_all
from ip_fhir.domain.sharing.life.table import Finding
from ip_fhir.domain.sharing.share import EndReason
from ip_fhir.errors import ConsentRefused, InvalidInput, NotTaken, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.domain.sharing.case import PlanTimer, SharedPlan
    from ip_fhir.domain.sharing.life.step import Step

_AWAY: Final = EndReason.HANDED_OVER


def offer(step: Step) -> Finding:
    """Offers the plan to another party; this side goes on holding it until the yes has come.

    Raises `InvalidInput` if the party is none with an agreement and a wire, or an offer waits for an answer, and
    `ConsentRefused` unless all of the plan may be shared with the party.
    """
    party = step.needed("to_party")
    terms = step.around.of(party)
    if not terms.agreed or not terms.on_wire:
        raise InvalidInput.at("to_party", "is no party with which there is an agreement", "business-rule")
    if step.case.handover is not None and step.case.handover.status is HandoverStatus.OFFERED:
        raise InvalidInput.at("handover", "an offer waits for its answer: take it back first", "business-rule")
    if (refused := refusal_of_all(step, party)) is not None:
        raise ConsentRefused(refused.rule, refused.reason)
    ident = step.event.about or step.derived_id("handover", party)
    offered = Handover(id=ident, party=party, epoch=step.case.epoch + 1, sent=step.event.at, by=step.event.by)
    step.evolve(handover=offered.evolve(reason=step.event.text))
    step.send(PlanMessageKind.HANDOVER, ident, party)
    step.start(PlanTimerKind.HANDOVER, ident, handover_due(terms, step.event.at))
    return Finding.FIRST


def take_back_without_consent(step: Step) -> None:
    """Takes back an offer that the person no longer consents to, or whose party the plan names no longer."""
    handover = step.case.handover
    if handover is None or handover.status is not HandoverStatus.OFFERED:
        return
    named = handover.party in step.around.party_of.values()
    if not named or refusal_of_all(step, handover.party) is not None:
        take_back_offer(step)


def answered(step: Step) -> Finding:
    """Applies the answer to our offer: with a yes, this side is a participant from now on.

    A yes to an offer that was taken back, or after another one, is refused. Raises `NotTaken` for another party.
    """
    if step.case.side is PlanSide.HOLDER:
        take_back_without_consent(step)
    handover, event = step.case.handover, step.event
    ours = handover is not None and handover.id == event.about
    if ours and handover is not None and handover.party != event.party:
        raise NotTaken.at("reply.about", "unknown here", "not-found")
    accepts = step.needed("accepts")
    status = HandoverStatus.ACCEPTED if accepts else HandoverStatus.DECLINED
    if handover is None or not ours or handover.status not in (HandoverStatus.OFFERED, status):
        step.problems = (Problem("reply.about", "it was taken back, or another handover won", "conflict"),)
        return Finding.LATE
    if handover.status is status:
        return Finding.REPEATED
    step.stop(PlanTimerKind.HANDOVER, handover.id)
    step.evolve(handover=handover.evolve(status=status, answered=event.at, reason=event.text))
    step.tell(Reason.HANDOVER_ANSWERED, handover.id, text=event.text)
    if not accepts:
        return Finding.DECLINED
    _give_away(step, handover)
    return Finding.ACCEPTED


def _give_away(step: Step, handover: Handover) -> None:
    """Makes this side a participant, and sends the plan: whatever waits here is the new holder's now."""
    for invitation in step.case.invitations:
        if invitation.status is InvitationStatus.OPEN:
            step.send(PlanMessageKind.INVITATION_ANSWER, invitation.id, invitation.party)
    closed = {"status": InvitationStatus.TAKEN_BACK, "answered": step.event.at}
    given = handover.evolve(status=HandoverStatus.ACCEPTED, answered=step.event.at, reason=step.event.text)
    carrier = step.send(PlanMessageKind.HANDOVER, handover.id, handover.party)
    step.evolve(
        handover=given.evolve(offered=_content(step, handover), message=carrier.id),
        side=PlanSide.PARTICIPANT,
        holder=handover.party,
        epoch=handover.epoch,
        plan=None,
        shares=tuple(share.handed_over(step.on) if share.goes_on else share for share in step.case.shares),
        invitations=tuple(
            one.evolve(**closed) if one.status is InvitationStatus.OPEN else one for one in step.case.invitations
        ),
        timers=(),
        settled_on=None,
    )
    step.drops = "the plan was handed over"


def _content(step: Step, handover: Handover) -> HandedOver:
    """Returns all that goes to the new holder, as it is now. A share whose party the plan names no longer stays."""
    units = {one.id: one for one in step.plan.organizations}
    named = [(share, [units[unit] for unit in share.organizations if unit in units]) for share in step.case.shares]
    shares = tuple(PartyShare(share=share, organization=there[0]) for share, there in named if there)
    return HandedOver(
        plan=step.plan, shares=shares, changes=changes.to_hand_over(step), epoch=handover.epoch, final=True
    )


def take_back(step: Step) -> Finding:
    """Takes our offer back; the party is told. Raises `InvalidInput` if none waits for an answer."""
    handover = step.case.handover
    if step.event.accepts is not False:
        raise InvalidInput.at("event.accepts", "only the party that is asked says yes", "business-rule")
    if handover is None or handover.id != step.needed("about") or handover.status is not HandoverStatus.OFFERED:
        raise InvalidInput.at("about", "there is no such offer that waits for an answer", "not-found")
    take_back_offer(step)
    return Finding.TAKEN_BACK


def take_back_offer(step: Step) -> None:
    """Takes back the offer that waits for an answer, if there is one."""
    handover = step.case.handover
    if handover is None or handover.status is not HandoverStatus.OFFERED:
        return
    status = HandoverStatus.TAKEN_BACK
    step.evolve(handover=handover.evolve(status=status, answered=step.event.at, reason=step.event.text))
    step.stop(PlanTimerKind.HANDOVER, handover.id)
    step.send(PlanMessageKind.HANDOVER_ANSWER, handover.id, handover.party)


def unanswered(step: Step, timer: PlanTimer) -> None:
    """Offers once more when a handover has not been answered in time; the second time a person is told."""
    handover = step.case.handover
    if handover is None or handover.id != timer.about or handover.status is not HandoverStatus.OFFERED:
        return
    if timer.step > 1:
        step.tell(Reason.HANDOVER_UNANSWERED, handover.id)
        return
    step.evolve(handover=handover.evolve(asked=handover.asked + 1))
    step.send(PlanMessageKind.HANDOVER, handover.id, handover.party)
    due = handover_due(step.around.of(handover.party), step.event.at)
    step.start(PlanTimerKind.HANDOVER, handover.id, due, 2)


def arrived(step: Step) -> None:
    """Gives up what was on its way to the new holder, once that one has it, and tells the others who holds it now.

    A late receipt of the offer says nothing about the plan itself.
    """
    handover, event = step.case.handover, step.event
    if handover is None or handover.offered is None or step.case.side is not PlanSide.PARTICIPANT:
        return
    ours = event.message is PlanMessageKind.HANDOVER and event.about == handover.id
    if not ours or handover.message not in (None, event.message_id):  # none: it left before the store kept its id
        return
    step.evolve(handover=handover.evolve(offered=None))
    for party in dict.fromkeys(_concerned(step.case)):
        if party != handover.party:
            step.send(PlanMessageKind.PLAN_GONE, step.case.id, party)


def _concerned(case: SharedPlan) -> Iterator[str]:
    """Yields the parties that go by a view of ours, or wait for our answer."""
    yield from (one.party for one in case.shares if one.on_wire and (one.end_reason is _AWAY or one.is_behind))
    yield from (one.party for one in case.requests if one.answered is None)
