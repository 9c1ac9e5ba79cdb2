"""The clocks of a referral: start, pause, resumption, and the step that follows when one is due.

Each step is counted from the time at which the one before was carried out, not from its deadline: a worker that was off
for weeks does each step once, and sends one reminder, not three. All times returned are in UTC.
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

_FIRST_REPLY = (TimerKind.ACCEPTANCE, TimerKind.PRELIMINARY_REPLY)
_WITHOUT_TIMERS = (*OVER, State.UNDELIVERED, State.DRAFT)
_FOLLOW_UPS = (TimerKind.EVALUATION, TimerKind.MENTOR_TALK)


def receipt_timer(agreement: Agreement, now: datetime, step: int = 1) -> Timer:
    """Returns the receipt timer, due in the agreement's number of minutes; `step` counts attempts from 1."""
    return Timer(kind=TimerKind.RECEIPT, due=now + timedelta(minutes=agreement.receipt_minutes), step=step)


def answer_timer(agreement: Agreement, now: datetime) -> Timer:
    """Returns the answer timer, due in working days from delivery, or from the time a coordinator left."""
    return Timer(kind=TimerKind.ANSWER, due=add_working_days(now, agreement.answer_days, agreement.closed))


def acceptance_timer(agreement: Agreement, now: datetime) -> Timer:
    """Returns the acceptance timer, due when the municipality should have sent its first message."""
    return Timer(kind=TimerKind.ACCEPTANCE, due=add_working_days(now, agreement.acceptance_days, agreement.closed))


def on_delivery(agreement: Agreement, role: Role, now: datetime) -> tuple[Timer, ...]:
    """Returns the timers that start at delivery; the municipality also has one for a preliminary reply (fvl § 11a)."""
    clocks = (acceptance_timer(agreement, now), answer_timer(agreement, now))
    if role is not Role.MUNICIPALITY:
        return clocks
    due = add_days(now, agreement.preliminary_reply_days, agreement.closed)
    return (*clocks, Timer(kind=TimerKind.PRELIMINARY_REPLY, due=due))


def due_timer(referral: Referral, now: datetime) -> Timer | None:
    """Returns the timer that has been due longest; None if no timer is due."""
    due = [timer for timer in referral.timers if timer.due <= now]
    return min(due, key=lambda timer: (timer.due, list(TimerKind).index(timer.kind)), default=None)


def outcome_of_timer(timer: Timer, role: Role, agreement: Agreement) -> Outcome:
    """Returns the outcome of a due timer: resend, give up, remind, escalate, follow up, done, or overdue."""
    if timer.kind is TimerKind.RECEIPT:
        return Outcome.RESEND if timer.step <= agreement.receipt_resends else Outcome.GIVE_UP
    if timer.kind in _FOLLOW_UPS:
        return Outcome.FOLLOW_UP
    if timer.kind is TimerKind.CLOSING:
        return Outcome.DONE
    if timer.kind in _FIRST_REPLY or role is Role.MUNICIPALITY:
        return Outcome.OVERDUE
    if timer.kind is TimerKind.REMINDER or (timer.kind is TimerKind.ANSWER and agreement.reminders):
        return Outcome.REMIND
    return Outcome.ESCALATE if timer.step <= len(agreement.ladder) else Outcome.OVERDUE


def next_timer(timer: Timer, role: Role, agreement: Agreement, now: datetime) -> Timer | None:
    """Returns the timer that follows a step carried out at `now`; None after the last step."""
    outcome = outcome_of_timer(timer, role, agreement)
    if outcome is Outcome.RESEND:
        return receipt_timer(agreement, now, timer.step + 1)
    if outcome is Outcome.REMIND:
        return after_reminder(agreement, timer.step, now)
    if outcome is Outcome.ESCALATE:
        return _escalation(agreement, timer.step + 1, now)
    return _follow_up(timer.kind, agreement, now, timer.step + 1) if outcome is Outcome.FOLLOW_UP else None


def after_reminder(agreement: Agreement, number: int, now: datetime) -> Timer:
    """Returns the timer after reminder `number`: the next reminder, or the first escalation after the last one."""
    if number >= agreement.reminders:
        return _escalation(agreement, 1, now)
    due = add_working_days(now, agreement.reminder_every_days, agreement.closed)
    return Timer(kind=TimerKind.REMINDER, due=due, step=number + 1)


def _escalation(agreement: Agreement, step: int, now: datetime) -> Timer:
    due = add_working_days(now, agreement.escalation_every_days, agreement.closed)
    return Timer(kind=TimerKind.ESCALATION, due=due, step=step)


def resumed(timer: Timer, stopped: datetime, now: datetime, agreement: Agreement) -> Timer:
    """Returns a timer after a hold from `stopped` to `now`: as many working days left, at the same local time.

    Local time is Europe/Oslo. With no working day left, the remaining hours are counted from `now` (at least none), and
    the timer is due on a working day.
    """
    closed = agreement.closed
    left = working_days_between(stopped, timer.due, closed)
    if left == 0:
        return timer.evolve(due=add_working_days(now + max(timer.due - stopped, timedelta()), 0, closed))
    at = timer.due.astimezone(OSLO)
    moment = now.astimezone(OSLO).replace(hour=at.hour, minute=at.minute, second=at.second, microsecond=at.microsecond)
    return timer.evolve(due=add_working_days(moment, left, closed))


def timers_after(
    before: Referral, after: State, event: Event, outcome: Outcome, agreement: Agreement
) -> dict[str, Any]:
    """Returns the changed clock fields after an event that leads to `after`: `timers`, `paused`, `paused_at`."""
    if after in _WITHOUT_TIMERS:
        return {"timers": (), "paused": (), "paused_at": None}
    if after is State.CONFIRMED:
        return {"timers": _while_confirmed(before, event, outcome, agreement), "paused": (), "paused_at": None}
    if after is State.SENT:
        return _while_sent(before, event, agreement)
    if event.kind is EventKind.TIME:
        return {"timers": _after_due(before, event, agreement)}
    if after is before.state:
        return _on_same_state(before, event, outcome, agreement)
    return _on_new_state(before, after, event, agreement)


def _while_sent(before: Referral, event: Event, agreement: Agreement) -> dict[str, Any]:
    if event.kind is EventKind.SEND:
        return {"timers": (receipt_timer(agreement, event.at),)}
    return {"timers": _after_due(before, event, agreement) if event.kind is EventKind.TIME else before.timers}


def _while_confirmed(before: Referral, event: Event, outcome: Outcome, agreement: Agreement) -> tuple[Timer, ...]:
    """Returns the follow-ups that are due in a confirmed loop; if there is none, the timer that closes it."""
    following = _follow_ups(before, event, outcome, agreement)
    if following or agreement.close_after_days is None:
        return following
    running = tuple(timer for timer in before.timers if timer.kind is TimerKind.CLOSING)
    if running and outcome is not Outcome.REPLACES:
        return running
    return (Timer(kind=TimerKind.CLOSING, due=add_days(event.at, agreement.close_after_days)),)


def _follow_ups(before: Referral, event: Event, outcome: Outcome, agreement: Agreement) -> tuple[Timer, ...]:
    """Returns the municipality's own timers: evaluations if there is a plan, talks if there is a mentor."""
    if before.role is not Role.MUNICIPALITY:
        return ()
    if event.kind is EventKind.TIME:
        return tuple(timer for timer in _after_due(before, event, agreement) if timer.kind in _FOLLOW_UPS)
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
    return None if months is None else Timer(kind=kind, due=add_months(now, months, agreement.closed), step=step)


def _after_due(before: Referral, event: Event, agreement: Agreement) -> tuple[Timer, ...]:
    timer = due_timer(before, event.at)
    following = next_timer(timer, before.role, agreement, event.at) if timer else None
    rest = tuple(other for other in before.timers if other is not timer)
    return (*rest, following) if following else rest


def _on_same_state(before: Referral, event: Event, outcome: Outcome, agreement: Agreement) -> dict[str, Any]:
    """Returns the changed timers of an event that keeps the state.

    A reminder sent by a person replaces the next one. A new unit has the whole answer time.
    """
    if event.kind is EventKind.REMIND and before.role is Role.HOSPITAL:
        again = (after_reminder(agreement, t.step, event.at) if _is_reminder(t) else t for t in before.timers)
        return {"timers": tuple(again)}
    if before.state is State.FORWARDED and outcome in (Outcome.ALWAYS, Outcome.FORWARDED) and _passes_on(event):
        return {"timers": _forwarded(before.role, agreement, event.at)}
    return {}


def _is_reminder(timer: Timer) -> bool:
    return timer.kind is TimerKind.REMINDER


def _passes_on(event: Event) -> bool:
    return event.kind in (EventKind.FORWARD, EventKind.ANSWER)


def _on_new_state(before: Referral, after: State, event: Event, agreement: Agreement) -> dict[str, Any]:
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
    return {"timers": running if after is State.DELIVERED else _without_first_reply(running), **done}


def _running(before: Referral, now: datetime, agreement: Agreement) -> tuple[Timer, ...]:
    if before.delivered is None:
        return on_delivery(agreement, before.role, now)
    if before.paused_at is not None:
        return tuple(resumed(timer, before.paused_at, now, agreement) for timer in before.paused)
    return before.timers


def _pause(before: Referral, now: datetime, agreement: Agreement) -> dict[str, Any]:
    """Returns the fields that pause the timers; timers that are paused already keep the time they were paused."""
    if before.paused_at is not None:
        return {}
    return {"paused": _without_first_reply(_running(before, now, agreement)), "paused_at": now}


def _without_first_reply(timers: tuple[Timer, ...]) -> tuple[Timer, ...]:
    return tuple(timer for timer in timers if timer.kind not in _FIRST_REPLY)


def _forwarded(role: Role, agreement: Agreement, now: datetime) -> tuple[Timer, ...]:
    """Returns the timers after passing on: the hospital gives the new unit the whole time; the old unit has none."""
    return (answer_timer(agreement, now),) if role is Role.HOSPITAL else ()


def paused_anew(before: Referral, resumes: State, now: datetime, agreement: Agreement) -> dict[str, Any]:
    """Returns the paused timers if the other side went on to the state `resumes` during the hold."""
    if resumes is State.VACANT:
        return {"paused": (answer_timer(agreement, now),), "paused_at": now}
    if resumes is State.FORWARDED:
        return {"paused": _forwarded(before.role, agreement, now), "paused_at": now}
    return {}


def resumable(state: State) -> State:
    """Returns the state to which a hold that began in `state` returns."""
    return state if state in RESUMED else State.DELIVERED
