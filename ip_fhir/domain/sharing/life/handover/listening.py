"""The holder of a plan that was handed over, as the others hear of it: to whom they listen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ip_fhir.domain.effects import Reason
from ip_fhir.domain.sharing.case import HandoverStatus, InvitationStatus
from ip_fhir.domain.sharing.events import PlanEventKind
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.life import changes
from ip_fhir.domain.sharing.life.table import Finding
from ip_fhir.errors import NotTaken, NotYet, Problem

if TYPE_CHECKING:
    from ip_fhir.domain.sharing.life.step import Step

_SENT_ON: Final = (PlanEventKind.CHANGE, PlanEventKind.RESTORED)


def from_holder(step: Step) -> None:
    """Lets a message pass that the holder sent. Raises `NotTaken` for another side, `NotYet` for a newer holder.

    A newer holder, with a higher epoch, is listened to when the old one, or a person of ours, has said who it is, or
    if nothing here is the old one's: the plan is as new here then. If the plan was away and has come back, what is
    undecided is sent again: it may have come while nobody could take it.
    """
    case, event = step.case, step.event
    epoch = event.epoch if event.epoch is not None else case.epoch
    if begins_anew(step, epoch):
        return
    if event.party == case.holder and epoch >= case.epoch:
        if epoch > case.epoch:
            step.evolve(epoch=epoch)
            changes.send_again(step)
        return
    if epoch > case.epoch:
        raise NotYet.at("epoch", "a new holder, of whom the old one has not told yet", "conflict")
    raise NotTaken.at("sender", "unknown here", "not-found")


def begins_anew(step: Step, epoch: int) -> bool:
    """Listens to a holder of a higher epoch if nothing here is the one's that we know; returns whether it does.

    So it is where all that we know of a plan is an invitation, a question or an offer that has come to its end.
    """
    case = step.case
    waits = (
        any(one.status is InvitationStatus.OPEN for one in case.invitations),
        any(one.answered is None for one in case.requests),
        case.handover is not None and case.handover.offered is not None,
    )
    if epoch <= case.epoch or case.copies or case.shares or any(waits):
        return False
    step.evolve(holder=step.event.party, epoch=epoch)
    return True


def elsewhere(step: Step) -> Finding:
    """Tells a party that had a share of a plan which was handed over who holds it now. Raises `NotTaken` for others.

    A change is not refused, nor the word which views are held: whoever sent it sends it to the new holder. Raises
    `NotYet` while the plan is on its way, from here or to here: nobody holds it until it has arrived.
    """
    if all(share.party != step.event.party for share in step.case.shares):
        raise NotTaken.at("plan", "unknown here", "not-found")
    handover = step.case.handover
    if handover is not None and handover.status is HandoverStatus.ACCEPTED and handover.offered is not None:
        raise NotYet.at("plan", "is on its way to its new holder", "conflict")
    step.send(PlanMessageKind.PLAN_GONE, step.case.id, step.event.party, answers=step.event.message_id)
    if step.event.kind not in _SENT_ON:
        step.problems = (Problem("plan", "another side holds the plan", "business-rule"),)
    return Finding.ELSEWHERE


def gone(step: Step) -> Finding:
    """Takes the old holder's word about who holds the plan now; what waits for an answer is sent to that one.

    Also when we know it already: the word answers a change of ours that reached the old holder after that. Raises
    `NotYet` if the one who says so is a holder of whom we have not been told.
    """
    case, epoch = step.case, step.needed("epoch")
    if epoch <= case.epoch:
        if step.event.party != case.holder:
            changes.send_again(step)
        return Finding.LATE
    if step.event.party != case.holder:
        raise NotYet.at("sender", "is not the holder, as far as we know", "conflict")
    _follow(step, step.event.to_party or case.holder, epoch)
    return Finding.NEWER


def gone_already(step: Step) -> Finding:
    """Takes the word that this side holds the plan, which a receipt has said before. Raises `NotTaken` for others."""
    handover, epoch = step.case.handover, step.needed("epoch")
    if handover is None or step.event.party != handover.party or epoch > step.case.epoch:
        raise NotTaken.at("plan", "unknown here", "not-found")
    return Finding.LATE


def gone_by_hand(step: Step) -> Finding:
    """Takes the word of a person of ours about who holds the plan now."""
    _follow(step, step.needed("to_party"), step.event.epoch or step.case.epoch + 1)
    return Finding.NEWER


def _follow(step: Step, holder: str | None, epoch: int) -> None:
    """Listens to another holder, and says to it what we hold: it may have handed the plan over in its turn.

    Its word of that may have come before we knew the plan, and is not sent again: this asks for it.
    """
    step.evolve(holder=holder, epoch=epoch)
    name = step.event.holder.name if step.event.holder is not None else holder
    step.tell(Reason.HOLDER_CHANGED, step.case.id, text=name)
    say_what_we_hold(step)


def say_what_we_hold(step: Step, share_id: str | None = None) -> None:
    """Says to the holder which number we hold, of one share or all, and sends what it has not decided again."""
    by_holder = step.event.party == step.case.holder
    answers = step.event.message_id if by_holder else None  # else it is the old holder's
    for ident in [copy.share for copy in step.case.copies] if share_id is None else [share_id]:
        copy = step.case.copy_of(ident)
        number = copy.number if copy is not None else None
        step.send(PlanMessageKind.PLAN_STATE, ident, step.case.holder, number=number, answers=answers)
    changes.send_again(step, share_id)
