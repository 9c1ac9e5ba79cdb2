"""The forecast: the times of each deadline, reminder and escalation if no answer comes."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import AwareDatetime, Field

from ip_fhir.domain.agreement import Agreement, Contact
from ip_fhir.domain.effects import TimerKind
from ip_fhir.domain.loop.table import Outcome
from ip_fhir.domain.loop.timers import acceptance_timer, answer_timer, next_timer, outcome_of_timer
from ip_fhir.domain.referral import Role
from ip_fhir.domain.values.value import Value

if TYPE_CHECKING:
    from ip_fhir.domain.effects import Timer


class ForecastStep(Value):
    """One step if no answer comes: due time (UTC), kind, number from 1 within the kind, and contact."""

    due: AwareDatetime = Field(description="Time when it happens, in UTC.")
    kind: TimerKind = Field(description="Deadline, reminder or escalation.")
    number: int = Field(ge=1, description="Number within its kind, from 1.")
    contact: Contact | None = Field(default=None, description="Contact who is told; none: our own worklist.")


def explain(agreement: Agreement, sent: datetime) -> tuple[ForecastStep, ...]:
    """Returns the deadlines, reminders and escalations for a notice delivered at `sent` (with zone), without an answer.

    They are in order of time, in UTC. The last step, an escalation without a contact, goes to our own worklist.
    """
    steps = [ForecastStep(due=acceptance_timer(agreement, sent).due, kind=TimerKind.ACCEPTANCE, number=1)]
    timer: Timer | None = answer_timer(agreement, sent)
    while timer is not None:
        steps.append(_step(agreement, timer))
        timer = next_timer(timer, Role.HOSPITAL, agreement, timer.due)
    return tuple(sorted(steps, key=lambda step: step.due))


def _step(agreement: Agreement, timer: Timer) -> ForecastStep:
    outcome = outcome_of_timer(timer, Role.HOSPITAL, agreement)
    if outcome is Outcome.REMIND:
        return ForecastStep(due=timer.due, kind=TimerKind.REMINDER, number=timer.step)
    contact = agreement.ladder[timer.step - 1] if outcome is Outcome.ESCALATE else None
    return ForecastStep(due=timer.due, kind=TimerKind.ESCALATION, number=timer.step, contact=contact)
