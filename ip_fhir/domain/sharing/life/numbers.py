"""Views, withdrawals and receipts: numbers decide, never clocks; and what two sides say after a backup was restored.

A number below the one held is late. The same number with another digest, or a number that was never given, is a
conflict: the share is out of step, and a person is told. Whoever meets either says which number it holds: the holder
may be one whose backup was put back, and not know it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ip_fhir.domain.effects import Reason
from ip_fhir.domain.sharing.case import Copy, HandoverStatus, InvitationStatus, PlanSide, PlanTimerKind
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.life import changes
from ip_fhir.domain.sharing.life.clocks import acknowledgement_due, state_due
from ip_fhir.domain.sharing.life.handover import offering, taking
from ip_fhir.domain.sharing.life.handover.listening import from_holder, say_what_we_hold
from ip_fhir.domain.sharing.life.shares import send_newest, tick, withdrawal_digest
from ip_fhir.domain.sharing.life.table import Finding
from ip_fhir.errors import InvalidInput, NotTaken, Problem

if TYPE_CHECKING:
    from ip_fhir.domain.effects import Effect
    from ip_fhir.domain.sharing.case import PlanTimer, SharedPlan
    from ip_fhir.domain.sharing.life.step import Step
    from ip_fhir.domain.sharing.share import Share

_ASKED_BEFORE_TOLD: Final = 3
"""Times that a participant is asked which view it holds before our people are told that it does not say."""

_OF_A_SHARE: Final = (PlanMessageKind.PLAN, PlanMessageKind.PLAN_WITHDRAWN)


def is_to_leave(case: SharedPlan, effect: Effect) -> bool:
    """True if the message of an effect is still to be sent, by the case as it is when it would leave.

    A view or withdrawal leaves if it is the newest of its share, an invitation or offer of the plan while it is open,
    the word that the plan is gone unless it has come back.
    """
    about = effect.about or ""
    if effect.plan_message in _OF_A_SHARE:
        share = case.share(about)
        is_view = effect.plan_message is PlanMessageKind.PLAN
        return share is not None and share.number == effect.number and share.goes_on == is_view
    if effect.plan_message is PlanMessageKind.INVITATION:
        return any(one.id == about and one.status is InvitationStatus.OPEN for one in case.invitations)
    if effect.plan_message is PlanMessageKind.HANDOVER:
        offer = case.handover
        if offer is None or offer.id != about:
            return False
        return offer.status is HandoverStatus.OFFERED or offer.offered is not None  # or on its way, as the yes has come
    return effect.plan_message is not PlanMessageKind.PLAN_GONE or case.side is PlanSide.PARTICIPANT


# --- at the participant


def view_came(step: Step) -> Finding:
    """Takes a view if its number is higher than the one held."""
    from_holder(step)
    view = step.needed("view")
    digest = step.event.digest or view.digest()
    if view.plan.id != step.case.id:
        raise NotTaken.at("view.plan.id", "is another plan", "invariant")
    finding = _compare(step, view.share, view.number, digest)
    if finding is Finding.NEWER:
        _put(step, Copy(share=view.share, number=view.number, digest=digest, view=view, received=step.event.at))
        step.evolve(over=False)
        step.tell(Reason.VIEW_CHANGED, view.share)
    return finding


def withdrawn(step: Step) -> Finding:
    """Gives up a copy if the number of the withdrawal is higher than the one held."""
    from_holder(step)
    share_id, number, now = step.needed("share"), step.needed("number"), step.event.at
    digest = withdrawal_digest(share_id, number)
    finding = _compare(step, share_id, number, digest)
    if finding is Finding.NEWER:
        _put(step, Copy(share=share_id, number=number, digest=digest, received=now, withdrawn=now))
        step.evolve(over=all(copy.view is None for copy in step.case.copies))
        step.tell(Reason.VIEW_WITHDRAWN, share_id)
    return finding


def _compare(step: Step, share_id: str, number: int, digest: str) -> Finding:
    held = step.case.copy_of(share_id)
    if held is None or number > held.number:
        return Finding.NEWER
    if number < held.number:
        say_what_we_hold(step, share_id)
        return Finding.LATE
    if digest == held.digest:
        return Finding.REPEATED
    say_what_we_hold(step, share_id)
    step.problems = (Problem("number", "another view with this number is here", "conflict"),)
    _put(step, held.evolve(in_step=False))
    step.tell(Reason.OUT_OF_STEP, share_id)
    return Finding.CONFLICT


def _put(step: Step, copy: Copy) -> None:
    others = tuple(one for one in step.case.copies if one.share != copy.share)
    step.evolve(copies=(*others, copy))


# --- receipts


def acknowledged(step: Step) -> Finding:
    """Keeps the receipt of a message of ours; a participant that has a view, or the withdrawal, holds its number."""
    event = step.event
    offering.arrived(step)
    share = step.case.share(event.about or "")
    if event.message not in _OF_A_SHARE or share is None or event.number is None:
        return Finding.OF_ANOTHER
    if event.number > share.number:
        _out_of_step(step, share)
        return Finding.CONFLICT
    if event.number > share.acknowledged:
        step.put_share(share.evolve(acknowledged=event.number))
    if event.number == share.number:
        step.stop(PlanTimerKind.ACKNOWLEDGEMENT, share.id)
    elif step.runs(PlanTimerKind.ACKNOWLEDGEMENT, share.id):  # it answers: the newest has its own time
        due = acknowledgement_due(step.around.of(share.party), event.at)
        step.start(PlanTimerKind.ACKNOWLEDGEMENT, share.id, due)
    return Finding.OF_VIEW


def not_taken(step: Step) -> Finding:
    """Keeps that the other machine refused a message of ours for good; a person is told."""
    event = step.event
    share = step.case.share(event.about or "")
    if event.message in _OF_A_SHARE and share is not None:
        if not share.goes_on and not share.acknowledged:  # it never had a view, and has nothing to give up
            step.put_share(share.evolve(acknowledged=share.number))
            step.stop(PlanTimerKind.ACKNOWLEDGEMENT, share.id)
        elif event.number == share.number:  # else a newer one is under way
            _out_of_step(step, share)
        return Finding.OF_VIEW
    if event.message is PlanMessageKind.PLAN_STATE_REQUEST and share is not None:
        step.stop(PlanTimerKind.STATE, share.id)  # the refusal is an answer
        if not share.acknowledged:
            step.put_share(share.evolve(in_step=True))  # the plan was not known there yet: there is nothing to compare
            send_newest(step, share)
            return Finding.OF_ANOTHER
    if event.message is PlanMessageKind.PLAN_GONE and not _has_had_a_view(step.case, event.party):
        return Finding.OF_ANOTHER  # it hears of the plan from the new holder alone
    changes.refused(step, event.about or "")
    taking.refused(step)
    step.tell(Reason.NOT_TAKEN, event.about, answers=event.message_id, text=event.text)
    return Finding.OF_ANOTHER


def _has_had_a_view(case: SharedPlan, party: str | None) -> bool:
    return any(share.party == party and share.acknowledged for share in case.shares)


def _out_of_step(step: Step, share: Share) -> None:
    step.put_share(share.evolve(in_step=False))
    step.tell(Reason.OUT_OF_STEP, share.id, text=step.event.text)


# --- after a backup was restored


def restored_here(step: Step) -> Finding:
    """Asks each participant which view it holds; until it has said so, nothing but withdrawals goes to it.

    A participant that does not say is asked again: the store that its answer came to may have been replaced as well.
    """
    for share in step.case.shares:
        if not share.on_wire:
            continue
        step.put_share(share.evolve(in_step=False))
        _ask_state(step, share, 1)
    step.drops = "a backup was restored: each participant is asked first which view it holds"
    return Finding.ALWAYS


def state_untold(step: Step, timer: PlanTimer) -> None:
    """Asks again which view a participant holds, and tells our people after the third time."""
    share = step.case.share(timer.about or "")
    if share is None or share.in_step or not share.on_wire or not share.goes_on:  # a withdrawal waits for no answer
        return
    if timer.step == _ASKED_BEFORE_TOLD:
        step.tell(Reason.OUT_OF_STEP, share.id)
    _ask_state(step, share, timer.step + 1)


def _ask_state(step: Step, share: Share, times: int) -> None:
    """Ask which view a participant holds, or tell our people where no agreement lets us ask."""
    step.stop(PlanTimerKind.STATE, share.id)
    if step.around.of(share.party).agreed:
        step.send(PlanMessageKind.PLAN_STATE_REQUEST, share.id, share.party)
        step.start(PlanTimerKind.STATE, share.id, state_due(step.event.at, times), times)
    else:
        step.tell(Reason.OUT_OF_STEP, share.id)


def copy_restored(step: Step) -> Finding:
    """Says to the holder which views we hold; it sends the newest if that is another one, and its answers again."""
    say_what_we_hold(step)
    return Finding.ALWAYS


def state_asked(step: Step) -> Finding:
    """Answers a restored holder: the number and digest that we hold of a share."""
    from_holder(step)
    say_what_we_hold(step, step.needed("share"))
    return Finding.ALWAYS


def state_told(step: Step) -> Finding:
    """Compares what a participant holds with what we gave it: in step, behind, or ahead after a restored backup.

    Raises `NotTaken` if the party has no such share.
    """
    share = step.case.share(step.needed("share"))
    if share is None or share.party != step.event.party:
        raise NotTaken.at("share", changes.UNKNOWN, "not-found")
    step.stop(PlanTimerKind.STATE, share.id)
    number, digest = step.needed("number"), step.event.digest
    if number > share.number or (number == share.number and digest != share.digest):
        return _ahead(step, share, number)
    step.put_share(share.evolve(in_step=True, acknowledged=number))
    changes.answer_again(step, share)
    if number == share.number:
        step.stop(PlanTimerKind.ACKNOWLEDGEMENT, share.id)
        return Finding.SAME
    send_newest(step, share.evolve(in_step=True, acknowledged=number))
    return Finding.BEHIND


def _ahead(step: Step, share: Share, number: int) -> Finding:
    """Numbers go on above the highest. A share that has ended is withdrawn anew; else a person has to look first."""
    if share.goes_on:
        step.put_share(share.evolve(number=number, in_step=False))
    else:
        above = share.evolve(number=number + 1, digest=withdrawal_digest(share.id, number + 1), in_step=True)
        step.put_share(above)
        send_newest(step, above)
    step.tell(Reason.OUT_OF_STEP, share.id, number=number or None)
    return Finding.AHEAD


def released(step: Step) -> Finding:
    """Ticks parts that lead to protected persons for a share, or lets a message go that waits for a yes.

    Raises `InvalidInput` if there is no such share, or neither share nor message is named.
    """
    if step.event.share is None:
        ident = step.needed("message_id")
        step.evolve(released=tuple(dict.fromkeys((*step.case.released, ident))))
        return Finding.MESSAGE
    share = step.case.share(step.event.share)
    if share is None:
        raise InvalidInput.at("share", "there is no such share", "not-found")
    tick(step, share, step.event.parts)
    return Finding.CHANGED
