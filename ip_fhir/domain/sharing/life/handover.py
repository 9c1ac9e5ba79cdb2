"""The way of a plan to another holder: offered, accepted or declined, and never two holders at once.

When the old side has taken a yes it holds the plan no longer, and sends it once more, as it is then: by that the new
side holds it. So the old side, which takes one yes at most, decides which of two handovers wins, and nothing that was
saved after the offer is lost. Once the plan is there, the old side says to all participants who holds it: nobody is
sent to a side that has no plan yet. They listen to the new holder when the old one, or a person of theirs, has said
who it is; only the highest epoch counts.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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
from ip_fhir.domain.sharing.change import ChangeStatus
from ip_fhir.domain.sharing.events import PlanEventKind
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.life import changes
from ip_fhir.domain.sharing.life.clocks import change_due, handover_due, set_review_clocks
from ip_fhir.domain.sharing.life.shares import look_at_shares, refusal_of_all, send_newest
from ip_fhir.domain.sharing.life.table import Finding
from ip_fhir.domain.sharing.share import EndReason
from ip_fhir.errors import ConsentRefused, InvalidInput, NotTaken, NotYet, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.domain.sharing.case import PlanTimer, SharedPlan
    from ip_fhir.domain.sharing.life.step import Step
    from ip_fhir.domain.sharing.share import Share

_AWAY = EndReason.HANDED_OVER
_UNDECIDED = (ChangeStatus.PROPOSED, ChangeStatus.CONFLICT)


def from_holder(step: Step) -> None:
    """Lets a message pass that the holder sent. Raises `NotTaken` for another side, `NotYet` for a newer holder.

    A newer holder, with a higher epoch, is listened to when the old one, or a person of ours, has said who it is. If
    the plan was away and has come back, what is undecided is sent again: it may have come while nobody could take it.
    """
    case, event = step.case, step.event
    epoch = event.epoch if event.epoch is not None else case.epoch
    if event.party == case.holder and epoch >= case.epoch:
        if epoch > case.epoch:
            step.evolve(epoch=epoch)
            changes.send_again(step)
        return
    if epoch > case.epoch:
        raise NotYet.at("epoch", "a new holder, of whom the old one has not told yet", "conflict")
    raise NotTaken.at("sender", "unknown here", "not-found")


def elsewhere(step: Step) -> Finding:
    """Tells a party that had a share of a plan which was handed over who holds it now. Raises `NotTaken` for others.

    A change is not refused: as soon as its author hears who holds the plan, it is sent there. Raises `NotYet` while the
    plan is on its way, from here or to here: nobody holds it until it has arrived.
    """
    if all(share.party != step.event.party for share in step.case.shares):
        raise NotTaken.at("plan", "unknown here", "not-found")
    handover = step.case.handover
    if handover is not None and handover.status is HandoverStatus.ACCEPTED and handover.offered is not None:
        raise NotYet.at("plan", "is on its way to its new holder", "conflict")
    step.send(PlanMessageKind.PLAN_GONE, step.case.id, step.event.party, answers=step.event.message_id)
    if step.event.kind is not PlanEventKind.CHANGE:
        step.problems = (Problem("plan", "another side holds the plan", "business-rule"),)
    return Finding.ELSEWHERE


# --- at the old holder


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


# --- at the new holder


def came(step: Step) -> Finding:
    """Keeps an offer that came, with all that goes with it; our people are told that it waits for their answer.

    Raises `NotTaken` if it is not the holder's or of an epoch that is past, and `NotYet` while our yes to an earlier
    offer is under way: that one was taken back, and we are about to hear of it.
    """
    content, ident = step.needed("handed_over"), step.needed("about")
    known = step.case.handover
    if step.event.party != step.case.holder:  # `epoch` is what ours would be
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


# --- at participants


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
    step.evolve(holder=holder, epoch=epoch)
    name = step.event.holder.name if step.event.holder is not None else holder
    step.tell(Reason.HOLDER_CHANGED, step.case.id, text=name)
    changes.send_again(step)
