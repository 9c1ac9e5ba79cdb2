"""The clocks of a referral: when each starts, stands still, runs on, and what follows when it is due.

Every next rung is counted from the moment the last one was done, not from when it should have been: a worker that was
off for weeks does each step once, and sends one reminder, not three. All moments are in UTC.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ip_fhir.domain.effects import Timer, TimerKind
from ip_fhir.domain.green_form import PlanState
from ip_fhir.domain.loop.table import OVER, RESUMED, Outcome
from ip_fhir.domain.referral import EventKind, Role, State
from ip_fhir.domain.values.calendar import OSLO, add_days, add_months, add_working_days, working_days_between

if TYPE_CHECKING:
    from ip_fhir.domain.agreement import Agreement
    from ip_fhir.domain.referral import Event, Referral

_SAID_NOTHING = (TimerKind.ACCEPTANCE, TimerKind.PRELIMINARY_REPLY)
_STILL = (*OVER, State.UNDELIVERED, State.DRAFT)
_FOLLOW_UPS = (TimerKind.EVALUATION, TimerKind.MENTOR_TALK)


def receipt_timer(agreement: Agreement, now: datetime, step: int = 1) -> Timer:
    """The receipt clock: minutes."""
    return Timer(kind=TimerKind.RECEIPT, due=now + timedelta(minutes=agreement.receipt_minutes), step=step)


def answer_timer(agreement: Agreement, now: datetime) -> Timer:
    """The answer clock: working days from delivery, or from when a coordinator left."""
    return Timer(kind=TimerKind.ANSWER, due=add_working_days(now, agreement.answer_days))


def acceptance_timer(agreement: Agreement, now: datetime) -> Timer:
    """When the municipality should have said something."""
    return Timer(kind=TimerKind.ACCEPTANCE, due=add_working_days(now, agreement.acceptance_days))


def on_delivery(agreement: Agreement, role: Role, now: datetime) -> tuple[Timer, ...]:
    """The clocks that start when the municipality has the notice; its own side also owes a preliminary reply."""
    clocks = (acceptance_timer(agreement, now), answer_timer(agreement, now))
    if role is not Role.MUNICIPALITY:
        return clocks
    due = add_days(now, agreement.preliminary_reply_days)
    return (*clocks, Timer(kind=TimerKind.PRELIMINARY_REPLY, due=due))


def due_timer(referral: Referral, now: datetime) -> Timer | None:
    """The timer that has been due longest, if one is."""
    due = [timer for timer in referral.timers if timer.due <= now]
    return min(due, key=lambda timer: (timer.due, list(TimerKind).index(timer.kind)), default=None)


def outcome_of_timer(timer: Timer, role: Role, agreement: Agreement) -> Outcome:
    """What a due timer asks for."""
    if timer.kind is TimerKind.RECEIPT:
        return Outcome.RESEND if timer.step <= agreement.receipt_resends else Outcome.GIVE_UP
    if timer.kind in _FOLLOW_UPS:
        return Outcome.FOLLOW_UP
    if timer.kind in _SAID_NOTHING or role is Role.MUNICIPALITY:
        return Outcome.OVERDUE
    if timer.kind is TimerKind.REMINDER or (timer.kind is TimerKind.ANSWER and agreement.reminders):
        return Outcome.REMIND
    return Outcome.ESCALATE if timer.step <= len(agreement.ladder) else Outcome.OVERDUE


def next_rung(timer: Timer, role: Role, agreement: Agreement, now: datetime) -> Timer | None:
    """What follows a rung done `now`; None after the last: when the ladder is climbed, a person has been told."""
    outcome = outcome_of_timer(timer, role, agreement)
    if outcome is Outcome.RESEND:
        return receipt_timer(agreement, now, timer.step + 1)
    if outcome is Outcome.REMIND:
        return after_reminder(agreement, timer.step, now)
    if outcome is Outcome.ESCALATE:
        return _escalation(agreement, timer.step + 1, now)
    return _follow_up(timer.kind, agreement, now, timer.step + 1) if outcome is Outcome.FOLLOW_UP else None


def after_reminder(agreement: Agreement, number: int, now: datetime) -> Timer:
    """The next reminder, or the ladder's first rung when there have been as many as agreed."""
    if number >= agreement.reminders:
        return _escalation(agreement, 1, now)
    due = add_working_days(now, agreement.reminder_every_days)
    return Timer(kind=TimerKind.REMINDER, due=due, step=number + 1)


def _escalation(agreement: Agreement, step: int, now: datetime) -> Timer:
    due = add_working_days(now, agreement.escalation_every_days)
    return Timer(kind=TimerKind.ESCALATION, due=due, step=step)


def run_on(timer: Timer, stopped: datetime, now: datetime) -> Timer:
    """The timer after a hold: as many working days left as there were, at the same local time; never in the past."""
    left = working_days_between(stopped, timer.due)
    if left == 0:
        return timer.evolve(due=add_working_days(now + max(timer.due - stopped, timedelta()), 0))
    at = timer.due.astimezone(OSLO)
    moment = now.astimezone(OSLO).replace(hour=at.hour, minute=at.minute, second=at.second, microsecond=at.microsecond)
    return timer.evolve(due=add_working_days(moment, left))


def timers_after(
    before: Referral, after: State, event: Event, outcome: Outcome, agreement: Agreement
) -> dict[str, Any]:
    """The referral's clocks after an event that leads to `after`: `timers`, `paused`, `paused_at`."""
    if after in _STILL:
        return {"timers": (), "paused": (), "paused_at": None}
    if after is State.CONFIRMED:
        return {"timers": _while_confirmed(before, event, outcome, agreement), "paused": (), "paused_at": None}
    if after is State.SENT:
        return _while_sent(before, event, agreement)
    if event.kind is EventKind.TIME:
        return {"timers": _after_due(before, event, agreement)}
    if after is before.state:
        return _in_place(before, event, outcome, agreement)
    return _on_change(before, after, event, agreement)


def _while_sent(before: Referral, event: Event, agreement: Agreement) -> dict[str, Any]:
    if event.kind is EventKind.SEND:
        return {"timers": (receipt_timer(agreement, event.at),)}
    return {"timers": _after_due(before, event, agreement) if event.kind is EventKind.TIME else before.timers}


def _while_confirmed(before: Referral, event: Event, outcome: Outcome, agreement: Agreement) -> tuple[Timer, ...]:
    """The municipality's own: evaluations while there is a plan, talks while there is a mentor."""
    if before.role is not Role.MUNICIPALITY:
        return ()
    if event.kind is EventKind.TIME:
        return _after_due(before, event, agreement)
    form = event.form
    running = {timer.kind: timer for timer in before.timers if timer.kind in _FOLLOW_UPS}
    if form is None or outcome not in (Outcome.APPOINTED, Outcome.REPLACES):
        return tuple(running.values())
    wanted = {
        TimerKind.EVALUATION: form.plan_state in (PlanState.STARTED, PlanState.STARTS_LATER),
        TimerKind.MENTOR_TALK: any(place.mentor and not place.vacant for place in form.coordinators),
    }
    found = (running.get(kind) or _follow_up(kind, agreement, event.at) for kind in _FOLLOW_UPS if wanted[kind])
    return tuple(timer for timer in found if timer is not None)


def _follow_up(kind: TimerKind, agreement: Agreement, now: datetime, step: int = 1) -> Timer | None:
    evaluation = kind is TimerKind.EVALUATION
    months = agreement.evaluation_every_months if evaluation else agreement.mentor_talk_every_months
    return None if months is None else Timer(kind=kind, due=add_months(now, months), step=step)


def _after_due(before: Referral, event: Event, agreement: Agreement) -> tuple[Timer, ...]:
    timer = due_timer(before, event.at)
    following = next_rung(timer, before.role, agreement, event.at) if timer else None
    rest = tuple(other for other in before.timers if other is not timer)
    return (*rest, following) if following else rest


def _in_place(before: Referral, event: Event, outcome: Outcome, agreement: Agreement) -> dict[str, Any]:
    """A reminder sent by hand counts as the one that would have come next; a new unit has the whole time."""
    if event.kind is EventKind.REMIND and before.role is Role.HOSPITAL:
        again = (after_reminder(agreement, t.step, event.at) if _reminds(t) else t for t in before.timers)
        return {"timers": tuple(again)}
    if before.state is State.FORWARDED and outcome in (Outcome.ALWAYS, Outcome.FORWARDED) and _passes_on(event):
        return {"timers": _forwarded(before.role, agreement, event.at)}
    return {}


def _reminds(timer: Timer) -> bool:
    return timer.kind is TimerKind.REMINDER


def _passes_on(event: Event) -> bool:
    return event.kind in (EventKind.FORWARD, EventKind.ANSWER)


def _on_change(before: Referral, after: State, event: Event, agreement: Agreement) -> dict[str, Any]:
    now = event.at
    if after is State.CANCELLING:
        return {"timers": (acceptance_timer(agreement, now),), **_pause(before, now, agreement)}
    if after is State.AWAITING_INFORMATION:
        return {"timers": (), **_pause(before, now, agreement)}
    done = {"paused": (), "paused_at": None}
    if after is State.VACANT:
        return {"timers": (answer_timer(agreement, now),), **done}
    if after is State.FORWARDED and before.state not in (State.AWAITING_INFORMATION, State.CANCELLING):
        return {"timers": _forwarded(before.role, agreement, now), **done}
    if after is State.DELIVERED and event.kind is EventKind.RECEIVE:
        return {"timers": on_delivery(agreement, before.role, now), **done}
    running = _running(before, now, agreement)
    if after is State.FORWARDED and event.kind is EventKind.ANSWER:
        running = _forwarded(before.role, agreement, now)
    return {"timers": running if after is State.DELIVERED else _has_spoken(running), **done}


def _running(before: Referral, now: datetime, agreement: Agreement) -> tuple[Timer, ...]:
    if before.delivered is None:
        return on_delivery(agreement, before.role, now)
    if before.paused_at is not None:
        return tuple(run_on(timer, before.paused_at, now) for timer in before.paused)
    return before.timers


def _pause(before: Referral, now: datetime, agreement: Agreement) -> dict[str, Any]:
    """Stop the clocks; what stands still already keeps the hour it stopped."""
    if before.paused_at is not None:
        return {}
    return {"paused": _has_spoken(_running(before, now, agreement)), "paused_at": now}


def _has_spoken(timers: tuple[Timer, ...]) -> tuple[Timer, ...]:
    return tuple(timer for timer in timers if timer.kind not in _SAID_NOTHING)


def _forwarded(role: Role, agreement: Agreement, now: datetime) -> tuple[Timer, ...]:
    """The new unit has the whole time; the unit that passed it on waits for nothing."""
    return (answer_timer(agreement, now),) if role is Role.HOSPITAL else ()


def paused_anew(before: Referral, resumes: State, now: datetime, agreement: Agreement) -> dict[str, Any]:
    """While it stands still, the other side is found to have gone on to `resumes`: what clock runs on from there."""
    if resumes is State.VACANT:
        return {"paused": (answer_timer(agreement, now),), "paused_at": now}
    if resumes is State.FORWARDED:
        return {"paused": _forwarded(before.role, agreement, now), "paused_at": now}
    return {}


def resumable(state: State) -> State:
    """Where a hold begun in `state` goes back to."""
    return state if state in RESUMED else State.DELIVERED
