"""The forecast: when each deadline, reminder and escalation falls if no answer comes."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from pydantic import AwareDatetime, Field

from ip_fhir.domain.agreement import Agreement, Contact
from ip_fhir.domain.effects import TimerKind
from ip_fhir.domain.loop.table import Outcome
from ip_fhir.domain.loop.timers import acceptance_timer, answer_timer, next_rung, outcome_of_timer
from ip_fhir.domain.referral import Role
from ip_fhir.domain.values.value import Value

if TYPE_CHECKING:
    from ip_fhir.domain.effects import Timer


class Step(Value):
    """One thing that happens when no answer comes."""

    due: AwareDatetime = Field(description="Time when it happens, in UTC.")
    kind: TimerKind = Field(description="What happens.")
    number: int = Field(ge=1, description="Which of its kind it is, from 1.")
    contact: Contact | None = Field(default=None, description="Who is told.")


def explain(agreement: Agreement, sent: datetime) -> tuple[Step, ...]:
    """When each deadline, reminder and escalation falls for a notice delivered at `sent`, if nobody answers.

    In order of time, in UTC. The last step, an escalation without a contact, is our own worklist's.
    """
    steps = [Step(due=acceptance_timer(agreement, sent).due, kind=TimerKind.ACCEPTANCE, number=1)]
    timer: Timer | None = answer_timer(agreement, sent)
    while timer is not None:
        steps.append(_step(agreement, timer))
        timer = next_rung(timer, Role.HOSPITAL, agreement, timer.due)
    return tuple(sorted(steps, key=lambda step: step.due))


def _step(agreement: Agreement, timer: Timer) -> Step:
    outcome = outcome_of_timer(timer, Role.HOSPITAL, agreement)
    if outcome is Outcome.REMIND:
        return Step(due=timer.due, kind=TimerKind.REMINDER, number=timer.step)
    contact = agreement.ladder[timer.step - 1] if outcome is Outcome.ESCALATE else None
    return Step(due=timer.due, kind=TimerKind.ESCALATION, number=timer.step, contact=contact)
