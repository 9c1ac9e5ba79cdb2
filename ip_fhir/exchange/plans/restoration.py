"""After a backup of the store was put back: each plan is marked, and the other sides are asked what they hold.

A holder may have forgotten views that it gave out. Nothing goes to a participant before that one has said which number
it holds; numbers then go on above the highest. A participant that was restored says what it holds, and gets the newest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from ip_fhir.domain.sharing.case import PlanSide
from ip_fhir.domain.sharing.events import PlanEvent, PlanEventKind, PlanSource
from ip_fhir.exchange.commit import again_on_conflict
from ip_fhir.exchange.plans.commit import announce, apply, plan_change

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.domain.referral import Author
    from ip_fhir.domain.sharing.case import SharedPlan
    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.sending.run_counts import PlanChange
    from ip_fhir.ports.plans import PlanStore

_AT_ONCE = 200


def restore(context: Context, store: PlanStore, by: Author) -> Iterator[SharedPlan]:
    """Mark every plan as restored, and yield each after it, in a transaction of its own.

    If it is interrupted it is done again from the beginning: whoever was asked is asked once more. Raises `StoreError`.
    """
    for plan_id in _all_plans(store):
        done = again_on_conflict(lambda: _restored(context, store, plan_id, by))  # noqa: B023 - called at once
        if done is not None:
            after, moved = done
            announce(context, PlanEventKind.RESTORED, moved)
            yield after


def _all_plans(store: PlanStore) -> list[str]:
    """Return the ids of all plans, before any is changed: the order of the pages is that of their last changes."""
    found: list[str] = []
    after = None
    while page := store.plans(None, _AT_ONCE, after):
        after = page[-1].id
        found += [plan.id for plan in page]
    return found


def _restored(context: Context, store: PlanStore, plan_id: str, by: Author) -> tuple[SharedPlan, PlanChange] | None:
    now = context.clock.now()
    with store.begin() as tx:
        before = tx.load_plan(plan_id)
        if before is None:  # purged meanwhile
            return None
        source = PlanSource.HOLDER if before.plan.side is PlanSide.HOLDER else PlanSource.PARTICIPANT
        event = PlanEvent(id=str(uuid4()), kind=PlanEventKind.RESTORED, at=now, raised_by=source, by=by)
        decision = apply(context, tx, before, event, now)
        return decision.plan, plan_change(before, decision)
