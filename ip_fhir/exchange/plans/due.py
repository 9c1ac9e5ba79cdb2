"""Applies the clocks of plans that are due: days that turn, settings that changed, and all that waits for an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.domain.sharing.events import PlanEventKind
from ip_fhir.domain.sharing.life.decision import due_plan_event, is_to_be_settled
from ip_fhir.exchange.commit import again_on_conflict
from ip_fhir.exchange.plans.around import settings_basis
from ip_fhir.exchange.plans.commit import announce, apply, plan_change
from ip_fhir.exchange.sending.due import run_each
from ip_fhir.exchange.sending.run_counts import RunCounts
from ip_fhir.ports.plans import keeps_plans

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from ip_fhir.domain.sharing.case import SharedPlan
    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.sending.run_counts import PlanChange
    from ip_fhir.ports.plans import PlanStore


def run_plan_timers(context: Context, now: datetime, limit: int, keep_going: Callable[[], bool]) -> RunCounts:
    """Apply what is due of up to `limit` plans at `now` (UTC), and decide shares of other settings anew, as many again.

    Returns and raises as `run_each`.
    """
    store = context.store
    if not keeps_plans(store):
        return RunCounts()

    def apply_to(plan_id: str) -> list[PlanChange]:
        return turn(context, store, plan_id, now)

    ran = run_each("plan", lambda at_most: store.due_plans(now, at_most), apply_to, limit, keep_going)
    basis = settings_basis(context)
    return ran + run_each("plan", lambda at_most: store.unsettled_plans(basis, at_most), apply_to, limit, keep_going)


def turn(context: Context, store: PlanStore, plan_id: str, now: datetime) -> list[PlanChange]:
    """Apply all clocks of a plan that are due at `now` (UTC), and return what moved. Raises as `apply`."""

    def once() -> list[PlanChange]:
        with store.begin() as tx:
            before = tx.load_plan(plan_id)
            if before is None:
                return []
            event = due_plan_event(before.plan, now, before.revision, settings_basis(context))
            if event is None:
                return []
            return [plan_change(before, apply(context, tx, before, event, now))]

    return [announce(context, PlanEventKind.TIME, moved) for moved in again_on_conflict(once)]


def up_to_date(context: Context, store: PlanStore, plan: SharedPlan, now: datetime) -> SharedPlan | None:
    """Return a plan as it is on the Norwegian day of `now` (UTC), by our settings: its shares are looked at if need be.

    None if it is not there any more. Raises as `turn`.
    """
    if not is_to_be_settled(plan, now, settings_basis(context)):
        return plan
    turn(context, store, plan.id, now)
    stored = store.shared_plan(plan.id)
    return stored.plan if stored is not None else None
