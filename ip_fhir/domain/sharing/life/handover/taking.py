"""The new holder: an offer that came, our answer to it, and the plan itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ip_fhir.domain.effects import Reason
from ip_fhir.domain.sharing.case import HandedOver, Handover, HandoverStatus, PartyShare, PlanSide, PlanTimerKind
from ip_fhir.domain.sharing.change import ChangeStatus
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.life.clocks import change_due, set_review_clocks
from ip_fhir.domain.sharing.life.handover.listening import begins_anew
from ip_fhir.domain.sharing.life.shares import look_at_shares, send_newest
from ip_fhir.domain.sharing.life.table import Finding
from ip_fhir.errors import InvalidInput, NotTaken, NotYet

if TYPE_CHECKING:
    from ip_fhir.domain.sharing.case import SharedPlan
    from ip_fhir.domain.sharing.life.step import Step
    from ip_fhir.domain.sharing.share import Share

_UNDECIDED: Final = (ChangeStatus.PROPOSED, ChangeStatus.CONFLICT)


def came(step: Step) -> Finding:
    """Keeps an offer that came, with all that goes with it; our people are told that it waits for their answer.

    Raises `NotTaken` if it is not the holder's or of an epoch that is past, and `NotYet` while our yes to an earlier
    offer is under way: that one was taken back, and we are about to hear of it.
    """
    content, ident = step.needed("handed_over"), step.needed("about")
    known = step.case.handover
    begins_anew(step, content.epoch - 1)  # `epoch` is what ours would be
    if step.event.party != step.case.holder:
        raise NotTaken.at("sender", "unknown here", "not-found")
    if content.plan.id != step.case.id or content.epoch <= step.case.epoch:
        raise NotTaken.at("handover", "is of another plan, or of an epoch that is past", "invariant")
    offer = Handover(id=ident, party=step.needed("party"), epoch=content.epoch, sent=step.event.at)
    if content.final:
        _take_over(step, offer, content)
        return Finding.TAKES_OVER
    if known is not None and known.id != ident and known.status is HandoverStatus.ACCEPTED and known.offered:
        raise NotYet.at("handover", "our yes to an earlier offer of this plan is under way", "conflict")
    is_first = known is None or known.id != ident
    if is_first or (known is not None and known.status is HandoverStatus.OFFERED):
        sent = step.event.at if known is None or is_first else known.sent
        step.evolve(handover=offer.evolve(sent=sent, offered=content))
        step.tell(Reason.HANDOVER_TO_ANSWER, ident, text=step.event.text)
    return Finding.FIRST if is_first else Finding.REPEATED


def came_again(step: Step) -> Finding:
    """Takes the plan that this side holds already once more. Raises `NotTaken` for another offer."""
    handover = step.case.handover
    if handover is None or handover.id != step.event.about or handover.party != step.event.party:
        raise NotTaken.at("handover", "unknown here", "not-found")
    return Finding.REPEATED


def is_offered_to_us(case: SharedPlan) -> bool:
    """True if a plan was offered to this side and the offer has not come to nothing."""
    handover = case.handover
    return handover is not None and handover.offered is not None and handover.epoch > case.epoch


def answer(step: Step) -> Finding:
    """Sends our answer to an offer. Raises `InvalidInput` if there is none that is open."""
    handover = step.case.handover
    if handover is None or handover.id != step.needed("about") or handover.status is not HandoverStatus.OFFERED:
        raise InvalidInput.at("about", "there is no such offer that waits for an answer", "not-found")
    accepts = step.needed("accepts")
    status = HandoverStatus.ACCEPTED if accepts else HandoverStatus.DECLINED
    given = {"status": status, "answered": step.event.at, "reason": step.event.text, "by": step.event.by}
    step.evolve(handover=handover.evolve(**given, offered=handover.offered if accepts else None))
    step.send(PlanMessageKind.HANDOVER_ANSWER, handover.id, handover.party)
    return Finding.ACCEPTED if accepts else Finding.DECLINED


def taken_back(step: Step) -> Finding:
    """Keeps that the holder took its offer back; our people are told. A yes that crossed it comes to nothing."""
    handover = step.case.handover
    if handover is None or handover.id != step.event.about or handover.party != step.event.party:
        return Finding.LATE
    if not is_offered_to_us(step.case) or step.event.accepts:
        return Finding.LATE
    _lose(step, handover)
    return Finding.TAKEN_BACK


def refused(step: Step) -> None:
    """Keeps that the old holder did not take our yes: it had taken its offer back, or another handover won."""
    handover = step.case.handover
    ours = step.event.message is PlanMessageKind.HANDOVER_ANSWER and is_offered_to_us(step.case)
    if ours and handover is not None and handover.id == step.event.about:
        _lose(step, handover)


def _lose(step: Step, handover: Handover) -> None:
    step.evolve(handover=handover.evolve(status=HandoverStatus.TAKEN_BACK, offered=None, reason=step.event.text))
    step.tell(Reason.HANDOVER_TAKEN_BACK, handover.id, text=step.event.text)


def _take_over(step: Step, handover: Handover, offered: HandedOver) -> None:
    """Makes this side the holder, with the shares, whose numbers go on, and the changes that wait."""
    shares = tuple(share for one in offered.shares if (share := _taken_over(step, one)) is not None)
    came = {kept.change.id for kept in offered.changes}
    lost = [kept for kept in step.case.changes if kept.status is ChangeStatus.SENT and kept.change.id not in came]
    for kept in lost:  # of our own, and never decided: our people put it into the plan themselves now
        step.tell(Reason.CHANGE_UNANSWERED, kept.change.id)
    step.evolve(
        side=PlanSide.HOLDER,
        holder=None,
        epoch=offered.epoch,
        plan=offered.plan,
        shares=shares,
        changes=(*offered.changes, *lost),
        copies=(),
        timers=(),
        handover=handover.evolve(status=HandoverStatus.ACCEPTED, answered=step.event.at, offered=None),
    )
    look_at_shares(step)
    set_review_clocks(step)
    is_back = step.before is not None and bool(step.before.shares)
    for share in step.case.shares:
        # Who has not heard that the plan was gone does not hear it any more: it learns our epoch by its view.
        if share.on_wire and (share.is_behind or is_back):
            send_newest(step, share)
    for kept in step.case.changes:
        share = step.case.share(kept.change.share)
        if kept.status in _UNDECIDED and share is not None:
            due = change_due(step.around.of(share.party), step.event.at, 1)
            step.start(PlanTimerKind.CHANGE, kept.change.id, due)
            step.tell(Reason.CHANGE_TO_DECIDE, share.id)


def _taken_over(step: Step, one: PartyShare) -> Share | None:
    """Returns a share with the party's name here; our own has ended. None: no party here is this participant.

    The name that the party has at the old holder may be another's here, and is never used.
    """
    share = one.share
    names = (step.around.party_of.get(unit) for unit in (*share.organizations, one.organization.id))
    party = next((name for name in names if name is not None), None)
    if party is None:
        return None
    share = share.evolve(party=party, on_wire=step.around.of(party).on_wire)
    return share if share.on_wire else share.handed_over(step.on)
