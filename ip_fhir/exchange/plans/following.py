"""The loop that a plan came of follows what happens to the plan: in the same commit."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Final
from uuid import NAMESPACE_URL, uuid5

from ip_fhir.domain.effects import Reason
from ip_fhir.domain.loop import decide
from ip_fhir.domain.notice import NoticeKind
from ip_fhir.domain.plan import PlanStatus
from ip_fhir.domain.referral import Event, EventKind, Role, State
from ip_fhir.domain.sharing.life.saving import may_be_one_person
from ip_fhir.domain.team import CoordinatorKind
from ip_fhir.domain.values.aggregate import Aggregate
from ip_fhir.domain.values.calendar import local_day
from ip_fhir.errors import InvalidInput, LoopError
from ip_fhir.exchange.commit import not_before, write

if TYPE_CHECKING:
    from datetime import date, datetime

    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.sharing.case import SharedPlan
    from ip_fhir.domain.sharing.life.step import PlanDecision
    from ip_fhir.exchange.context import Context
    from ip_fhir.ports import Stored
    from ip_fhir.ports.plans import PlanTransaction

NO_PLAN_WANTED: Final = "the person no longer wants a plan"
"""The reason that a loop shows which ends with the consent to a plan."""


def follow_in_loop(
    context: Context, tx: PlanTransaction, before: SharedPlan | None, decision: PlanDecision, now: datetime
) -> None:
    """Bring the loop that a plan came of up to date with a decision about the plan. `now` is a time in UTC.

    A plan that is made ends the task to make it. Where its coordinator's place has become vacant, it is in the loop,
    too; where the person no longer wants a plan, a notice that asks for a plan alone ends.
    """
    after = decision.plan
    if after.referral is None or after.plan is None:
        return
    was = before.plan if before is not None else None
    if was is not None and was.version == after.plan.version:  # nothing is said anew: the loop need not be read
        return
    loop = tx.load(after.referral)
    if loop is None:
        return
    by = decision.records[0].by
    if before is None:
        tx.finish_items(Aggregate.of_referral(after.referral), (Reason.MAKE_PLAN,), now, by, "the plan is made")
    kind = _event(loop, was, after.plan, now)
    if kind is None:
        return
    event = Event(
        id=str(uuid5(NAMESPACE_URL, f"{decision.records[0].event}#{kind}")),
        kind=kind,
        at=not_before(loop, now),
        raised_by=loop.referral.role,
        text=None if kind is EventKind.COORDINATOR_LEFT else NO_PLAN_WANTED,
        by=by,
    )
    with suppress(LoopError, InvalidInput):  # it is over by itself
        write(tx, loop, decide(loop.referral, event, context.agreement(loop.referral)), now, context=context)


def check_loop(tx: PlanTransaction, referral: str, plan: IndividualPlan) -> None:
    """Raise `InvalidInput` if no loop has the key `referral` here, or it is about another person than the plan."""
    loop = tx.load(referral)
    if loop is None:
        raise InvalidInput.at("referral", "no loop here has this id", "not-found")
    if not may_be_one_person(loop.referral.notice.owner, plan.owner):
        raise InvalidInput.at("referral", "this loop is about another person", "invariant")


def _event(loop: Stored, before: IndividualPlan | None, after: IndividualPlan, now: datetime) -> EventKind | None:
    """Return the event of the loop that a change of the plan causes; None for most."""
    referral, on = loop.referral, local_day(now)
    revoked = after.status is PlanStatus.REVOKED and (before is None or before.status is not PlanStatus.REVOKED)
    if revoked and referral.notice.kind is NoticeKind.PLAN:
        return EventKind.WITHDRAW_CONSENT if referral.role is Role.HOSPITAL else EventKind.CLOSE
    confirmed = referral.state is State.CONFIRMED and referral.role is Role.MUNICIPALITY
    if confirmed and before is not None and is_coordinated(before, on) and not is_coordinated(after, on):
        return EventKind.COORDINATOR_LEFT
    return None


def is_coordinated(plan: IndividualPlan, on: date) -> bool:
    """True if somebody of the municipality holds a coordinator's place on this Norwegian day."""
    held = plan.team.coordinators_on(on) if plan.team is not None else ()
    return any(place.kind is not CoordinatorKind.HOSPITAL for place in held)
