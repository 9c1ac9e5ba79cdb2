"""The plan that came of a loop follows what our own people decide in the loop: in the same commit."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

from ip_fhir.domain.referral import EventKind
from ip_fhir.domain.sharing.case import PlanSide
from ip_fhir.domain.sharing.events import PlanEvent, PlanEventKind, PlanSource
from ip_fhir.domain.team import Coordinator, CoordinatorKind
from ip_fhir.domain.values.calendar import local_day
from ip_fhir.domain.values.value import Period
from ip_fhir.exchange.plans.commit import apply, plan_change
from ip_fhir.exchange.plans.following import is_coordinated
from ip_fhir.ports.plans import writes_plans

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date, datetime

    from ip_fhir.domain.loop import Decision
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.referral import Referral
    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.sending.run_counts import PlanChange
    from ip_fhir.ports import Transaction
    from ip_fhir.ports.plans import PlanTransaction, StoredPlan

_MOST = 100


def vacate(context: Context, tx: Transaction, decision: Decision, now: datetime) -> list[PlanChange]:
    """Make the coordinator's place vacant in the plan that came of a loop, if in the loop the coordinator has left.

    Returns what moved: each such plan is saved. `now` is a time in UTC. A store that keeps no plans has none to change.
    """
    if not decision.records or decision.records[-1].event.kind is not EventKind.COORDINATOR_LEFT:
        return []
    if not writes_plans(tx):
        return []
    moved = []
    event = decision.records[-1].event
    for before in _plans_of(tx, decision.referral):
        plan, on = before.plan.plan, local_day(now)
        if plan is None or not is_coordinated(plan, on):
            continue
        saved = PlanEvent(
            id=str(uuid5(NAMESPACE_URL, f"{event.id}#{plan.id}")),
            kind=PlanEventKind.SAVE,
            at=now,
            raised_by=PlanSource.HOLDER,
            by=event.by,
            plan=vacated(plan, on),
            based_on=plan.version,
        )
        moved.append(plan_change(before, apply(context, tx, before, saved, now)))
    return moved


def _plans_of(tx: PlanTransaction, referral: Referral) -> Iterator[StoredPlan]:
    """The plans held here that came of a loop: by its key, or by the person's number if made before that was kept."""
    key, number = referral.correlation_id, referral.notice.owner.identifier
    named = tx.plan_named("referral", key)
    about = tx.plans_about(str(number), _MOST) if number is not None else []
    for plan_id in dict.fromkeys((named, *about)):
        before = tx.load_plan(plan_id) if plan_id is not None else None
        if before is not None and before.plan.side is PlanSide.HOLDER and before.plan.referral == key:
            yield before


def vacated(plan: IndividualPlan, on: date) -> IndividualPlan:
    """Return the plan with the places of the municipality's coordinators ended the day before `on`, and vacant then."""
    team = plan.team
    if team is None:
        return plan
    places: list[Coordinator] = []
    for place in team.coordinators:
        if place.vacant or place.kind is CoordinatorKind.HOSPITAL or not place.period.covers(on):
            places.append(place)
            continue
        start, end = place.period.start, on - timedelta(days=1)
        if start is None or start <= end:
            places.append(place.evolve(period=Period(start=start, end=end)))
        ident = f"vacant-{on.isoformat()}-{place.kind}"
        if all(one.id != ident for one in places):
            places.append(Coordinator(id=ident, kind=place.kind, period=Period(start=on)))
    return plan.evolve(team=team.evolve(coordinators=tuple(places)))
