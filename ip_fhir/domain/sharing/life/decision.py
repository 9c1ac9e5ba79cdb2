"""The decision: what follows from an event of a shared plan, by the table `table.ROWS`.

`decide_plan` is pure: the same case, event and surroundings give the same decision, with the same ids; a share that
begins gets a new secret. The time is `event.at`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeAlias

from ip_fhir.domain.effects import Reason
from ip_fhir.domain.loop.effects import effect_id
from ip_fhir.domain.sharing.case import PlanSide, PlanTimerKind, SharedPlan
from ip_fhir.domain.sharing.events import PlanEvent, PlanEventKind, PlanSource
from ip_fhir.domain.sharing.life import changes, invitations, numbers, requests, saving
from ip_fhir.domain.sharing.life.clocks import change_due, due_timers, tell_of
from ip_fhir.domain.sharing.life.handover import listening, offering, taking
from ip_fhir.domain.sharing.life.shares import begin, end
from ip_fhir.domain.sharing.life.step import PlanDecision, Step
from ip_fhir.domain.sharing.life.table import Finding, may_raise, row_of
from ip_fhir.domain.sharing.share import EndReason
from ip_fhir.domain.values.calendar import local_day
from ip_fhir.errors import InvalidInput, LoopError, NotTaken

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from ip_fhir.domain.sharing.case import PlanTimer
    from ip_fhir.domain.sharing.life.surroundings import SettingsBasis, Surroundings

_Handler: TypeAlias = "Callable[[Step], Finding]"
_K, _HOLDER, _PARTICIPANT = PlanEventKind, PlanSide.HOLDER, PlanSide.PARTICIPANT
_BY_HOLDER, _BY_PARTICIPANT = PlanSource.HOLDER, PlanSource.PARTICIPANT


def decide_plan(case: SharedPlan | None, event: PlanEvent, around: Surroundings) -> PlanDecision:
    """Returns the decision on `event`; without a case, the event opens one. Pure: nothing is changed by an error.

    A decision without records says that nothing happened. Raises `LoopError` if the table has no row for the event at
    this side, `InvalidInput` if it lacks a field or cannot be done, `ConsentRefused` if consent does not allow it,
    `Conflict` if another version was saved meanwhile; for what came by message, `NotTaken` (unknown here, and the same
    for all that is not the sender's) and `NotYet` (sent again later, it is taken in).

    >>> from ip_fhir.domain.plan import IndividualPlan
    >>> from ip_fhir.domain.sharing.life.surroundings import PartyTerms, Surroundings
    >>> from ip_fhir.domain.sharing.terms import SharingTerms
    >>> from ip_fhir.domain.values.value import read
    >>> plan = read(IndividualPlan, '''{"id": "p", "created": "2026-01-12T08:40:00Z", "status": "active", "owner":
    ...     {"id": "owner", "name": {"family": "Testesen"}}, "organizations": [{"id": "school", "name": "Skolen",
    ...     "kind": "school"}], "team": {"id": "team", "memberships": [{"id": "m", "member": "school",
    ...     "role": "service-provider"}]}, "consents": [{"id": "c", "kind": "sharing", "given_on": "2026-01-12"}]}''')
    >>> terms = PartyTerms(agreed=True, sharing=SharingTerms(shares_begin="by-rule"))
    >>> around = Surroundings({"school": "nordvik"}, {"nordvik": terms}, new_key=lambda: "00" * 32)
    >>> event = PlanEvent(id="e", kind="save", at="2026-01-12T09:00:00Z", raised_by="holder", plan=plan)
    >>> [(effect.kind.value, effect.party, effect.number) for effect in decide_plan(None, event, around).effects]
    [('send', 'nordvik', 1)]
    """
    opened = _opened(event) if case is None else case
    side, event = opened.side, event.evolve(raised_by=_said_by(opened, event))
    if not may_raise(event.kind, event.raised_by, side):
        raise _refusal(event, side)
    if event.kind is _K.TIME and not _is_due(opened, event.at, around.basis):
        return PlanDecision(opened)
    step = Step(case, event, around, opened)
    finding = _handler(event, side)(step)
    row = row_of(event.kind, event.raised_by, side, finding)
    if step.case.side is _HOLDER:
        changes.close_ended(step)
    return step.decision(finding, row.follows)


def due_plan_event(
    case: SharedPlan, now: datetime, revision: int, basis: SettingsBasis | None = None
) -> PlanEvent | None:
    """Returns the TIME event for all clocks that are due at `now`, also if `is_to_be_settled`; None if nothing is.

    `revision` is the case's in its store: each has an event of its own. Deciding on it removes these clocks or sets
    them later, so calling again until None comes to an end.
    """
    if not _is_due(case, now, basis):
        return None
    ident = effect_id(case.id, "time", str(revision))
    return PlanEvent(id=ident, kind=_K.TIME, at=now, raised_by=PlanSource.CLOCK)


def is_to_be_settled(case: SharedPlan, now: datetime, basis: SettingsBasis | None = None) -> bool:
    """True if the holder last looked at the shares on an earlier Norwegian day or by settings that `basis` replaces."""
    if case.side is not _HOLDER or case.over:
        return False
    turned = case.settled_on is not None and case.settled_on < local_day(now)
    return turned or (basis is not None and basis.replaces(case.settled_by, case.settled_since))


def _is_due(case: SharedPlan, now: datetime, basis: SettingsBasis | None) -> bool:
    return is_to_be_settled(case, now, basis) or bool(due_timers(case, now))


_OPENS: Final = {
    (_K.SAVE, True): _HOLDER,
    (_K.REQUEST, True): _PARTICIPANT,
    (_K.VIEW, False): _PARTICIPANT,
    (_K.INVITE, False): _PARTICIPANT,
    (_K.HAND_OVER, False): _PARTICIPANT,
}
"""The events that open a case, each as ours (True) or by message, with the part that this side has in it then."""


def _opened(event: PlanEvent) -> SharedPlan:
    """Returns the case as it is before the event that opens it. Raises `NotTaken` or `InvalidInput` for any other."""
    side = _OPENS.get((event.kind, event.party is None))
    if side is None and event.party is not None:
        raise NotTaken.at("plan", changes.UNKNOWN, "not-found")
    if side is None:
        raise InvalidInput.at("plan", "there is no such plan here", "not-found")
    plans = (event.plan, event.view.plan if event.view else None, event.handed_over and event.handed_over.plan)
    named = next((plan.id for plan in plans if plan), None) or event.plan_id or event.about or event.share
    if named is None:
        raise InvalidInput.at("event.plan_id", f"missing, and {event.kind} needs it", "required")
    epoch = event.epoch or 1
    return SharedPlan(
        id=named,
        side=side,
        holder=None if side is _HOLDER else event.party or event.to_party,
        epoch=1 if side is _HOLDER else epoch - 1 if event.kind is _K.HAND_OVER and epoch > 1 else epoch,
        opened=event.at,
        changed=event.at,
    )


def _refusal(event: PlanEvent, side: PlanSide) -> Exception:
    if event.party is not None:
        return NotTaken.at("kind", changes.UNKNOWN, "not-found")
    held = "this side holds the plan" if side is _HOLDER else "another side holds the plan"
    return LoopError(f"{held}: {event.kind} is not for it to do")


def _handler(event: PlanEvent, side: PlanSide) -> _Handler:
    """Returns the function for an event: by its kind, this side's part, and by whom a message brought it."""
    ours = event.party is None or event.raised_by in (PlanSource.TRANSPORT, PlanSource.CLOCK)
    found = _HANDLERS.get((event.kind, side, None if ours else event.raised_by))
    if found is None:
        raise _refusal(event, side)
    return found


def _said_by(case: SharedPlan, event: PlanEvent) -> PlanSource:
    """Returns who raised an event: a reply that comes to a participant is the holder's if it takes its offer back."""
    from_holder = case.side is _PARTICIPANT and event.party is not None and event.party == case.holder
    offers = event.kind is _K.ANSWER_INVITATION or (event.kind is _K.ANSWER_HANDOVER and taking.is_offered_to_us(case))
    return PlanSource.HOLDER if from_holder and offers else event.raised_by


# --- what is too short for a module of its own


def _share(step: Step) -> Finding:
    party, person = step.needed("to_party"), step.event.person
    known = [one for one in step.case.shares if one.party == party and person in (None, one.person)]
    finding = Finding.AGAIN if known else Finding.FIRST
    if any(one.goes_on for one in known):
        finding = Finding.REPEATED if all(one.in_step for one in known) else Finding.OUT_OF_STEP
    begin(step, party)
    saving.settle(step)
    return finding


def _end_share(step: Step) -> Finding:
    share = step.case.share(step.needed("share"))
    if share is None or not share.goes_on:
        raise InvalidInput.at("share", "there is no such share that goes on", "not-found")
    end(step, share, EndReason.BY_HAND)
    saving.settle(step)
    return Finding.DONE


def _release(step: Step) -> Finding:
    finding = numbers.released(step)
    if finding is Finding.CHANGED:
        saving.settle(step)
    return finding


def _time(step: Step) -> Finding:
    """Looks at every share if the day or the settings are others, and carries out each clock that is due."""
    for timer in due_timers(step.case, step.event.at):
        step.stop(timer.kind, timer.about)
        _run_out(step, timer)
    if step.case.side is _HOLDER and step.is_unsettled:
        saving.settle(step)
    return Finding.ALWAYS


def _run_out(step: Step, timer: PlanTimer) -> None:
    if timer.kind is PlanTimerKind.INVITATION:
        invitations.unanswered(step, timer)
    elif timer.kind is PlanTimerKind.HANDOVER:
        offering.unanswered(step, timer)
    elif timer.kind is PlanTimerKind.STATE:
        numbers.state_untold(step, timer)
    elif timer.kind is PlanTimerKind.CHANGE_ANSWER:
        changes.unanswered(step, timer)
    elif timer.kind is PlanTimerKind.CHANGE:
        _undecided(step, timer)
    else:
        tell_of(step, timer)


def _undecided(step: Step, timer: PlanTimer) -> None:
    """Tells of a change that nobody has decided: first its decider again, then the unit's leader."""
    kept = next((one for one in step.case.changes if one.change.id == timer.about), None)
    share = step.case.share(kept.change.share) if kept is not None else None
    if kept is None or share is None or not changes.waits(kept):
        return
    step.tell(Reason.CHANGE_TO_DECIDE if timer.step == 1 else Reason.CHANGE_OVERDUE, share.id)
    changes.put(step, kept.evolve(told=kept.told + 1))
    if timer.step == 1:
        due = change_due(step.around.of(share.party), kept.received, 2)
        step.start(PlanTimerKind.CHANGE, timer.about, max(due, step.event.at), 2)


_HANDLERS: Final[dict[tuple[PlanEventKind, PlanSide, PlanSource | None], _Handler]] = {
    (_K.SAVE, _HOLDER, None): saving.save,
    (_K.SHARE, _HOLDER, None): _share,
    (_K.END_SHARE, _HOLDER, None): _end_share,
    (_K.RELEASE, _HOLDER, None): _release,
    (_K.VIEW, _PARTICIPANT, _BY_HOLDER): numbers.view_came,
    (_K.WITHDRAW, _PARTICIPANT, _BY_HOLDER): numbers.withdrawn,
    (_K.CHANGE, _PARTICIPANT, None): changes.made,
    (_K.CHANGE, _PARTICIPANT, _BY_PARTICIPANT): listening.elsewhere,
    (_K.CHANGE, _HOLDER, _BY_PARTICIPANT): changes.received,
    (_K.DECIDE, _HOLDER, None): changes.decided,
    (_K.CHANGE_ANSWERED, _PARTICIPANT, _BY_HOLDER): changes.answered,
    (_K.INVITE, _HOLDER, None): invitations.invite,
    (_K.INVITE, _PARTICIPANT, _BY_HOLDER): invitations.came,
    (_K.ANSWER_INVITATION, _HOLDER, None): invitations.take_back,
    (_K.ANSWER_INVITATION, _HOLDER, _BY_PARTICIPANT): invitations.answered,
    (_K.ANSWER_INVITATION, _PARTICIPANT, _BY_HOLDER): invitations.taken_back,
    (_K.ANSWER_INVITATION, _PARTICIPANT, _BY_PARTICIPANT): listening.elsewhere,
    (_K.ANSWER_INVITATION, _PARTICIPANT, None): invitations.answer,
    (_K.REQUEST, _PARTICIPANT, None): requests.ask,
    (_K.REQUEST, _PARTICIPANT, _BY_PARTICIPANT): listening.elsewhere,
    (_K.REQUEST, _HOLDER, _BY_PARTICIPANT): requests.asked,
    (_K.ANSWER_REQUEST, _HOLDER, None): requests.answer,
    (_K.ANSWER_REQUEST, _PARTICIPANT, _BY_HOLDER): requests.came_true,
    (_K.HAND_OVER, _HOLDER, None): offering.offer,
    (_K.HAND_OVER, _PARTICIPANT, _BY_HOLDER): taking.came,
    (_K.HAND_OVER, _HOLDER, _BY_HOLDER): taking.came_again,
    (_K.ANSWER_HANDOVER, _HOLDER, None): offering.take_back,
    (_K.ANSWER_HANDOVER, _HOLDER, _BY_PARTICIPANT): offering.answered,
    (_K.ANSWER_HANDOVER, _PARTICIPANT, _BY_HOLDER): taking.taken_back,
    (_K.ANSWER_HANDOVER, _PARTICIPANT, _BY_PARTICIPANT): offering.answered,
    (_K.ANSWER_HANDOVER, _PARTICIPANT, None): taking.answer,
    (_K.GONE, _PARTICIPANT, _BY_HOLDER): listening.gone,
    (_K.GONE, _PARTICIPANT, None): listening.gone_by_hand,
    (_K.GONE, _HOLDER, _BY_HOLDER): listening.gone_already,
    (_K.RECEIPT_OK, _HOLDER, None): numbers.acknowledged,
    (_K.RECEIPT_OK, _PARTICIPANT, None): numbers.acknowledged,
    (_K.RECEIPT_ERROR, _HOLDER, None): numbers.not_taken,
    (_K.RECEIPT_ERROR, _PARTICIPANT, None): numbers.not_taken,
    (_K.STATE_ASKED, _PARTICIPANT, _BY_HOLDER): numbers.state_asked,
    (_K.RESTORED, _HOLDER, None): numbers.restored_here,
    (_K.RESTORED, _HOLDER, _BY_PARTICIPANT): numbers.state_told,
    (_K.RESTORED, _PARTICIPANT, None): numbers.copy_restored,
    (_K.RESTORED, _PARTICIPANT, _BY_PARTICIPANT): listening.elsewhere,
    (_K.TIME, _HOLDER, None): _time,
    (_K.TIME, _PARTICIPANT, None): _time,
}
"""The function for each event, by this side's part and by whom it came (None: ourselves, transport, clock)."""
