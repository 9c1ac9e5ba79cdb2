"""Applies the clocks of plans that are due: days that turn, and all that waits for an answer."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

from ip_fhir.domain.sharing.events import PlanEvent, PlanEventKind, PlanSource
from ip_fhir.errors import IpFhirError, StoreError, Unreadable
from ip_fhir.exchange.commit import again_on_conflict
from ip_fhir.exchange.plans.commit import announce, apply, plan_change
from ip_fhir.exchange.sending.run_counts import RunCounts
from ip_fhir.ports.plans import keeps_plans

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.sending.run_counts import PlanChange
    from ip_fhir.ports.plans import PlanStore

log = logging.getLogger("ip_fhir.exchange")

_AT_ONCE = 100


def run_plan_timers(context: Context, now: datetime, limit: int, keep_going: Callable[[], bool]) -> RunCounts:
    """Apply what is due of up to `limit` plans at `now` (UTC), each in a transaction of its own. Raises `StoreError`.

    A fault in one plan stops no other: it stays due, and is logged.
    """
    store, failed = context.store, set[str]()
    moved: list[PlanChange] = []
    if not keeps_plans(store):
        return RunCounts()
    done = 0
    while done < limit:
        due = [plan_id for plan_id in store.due_plans(now, _AT_ONCE + len(failed)) if plan_id not in failed]
        if not due:
            break
        for plan_id in due:
            if not keep_going() or done >= limit:
                return RunCounts.of(moved, timers=done, failed=len(failed))
            if _timer(context, store, plan_id, now, moved):
                done += 1
            else:
                failed.add(plan_id)
    return RunCounts.of(moved, timers=done, failed=len(failed))


def turn(context: Context, store: PlanStore, plan_id: str, now: datetime) -> list[PlanChange]:
    """Apply all clocks of a plan that are due at `now` (UTC), and return what moved. Raises as `apply`."""

    def once() -> list[PlanChange]:
        with store.begin() as tx:
            before = tx.load_plan(plan_id)
            if before is None:
                return []
            ident = str(uuid5(NAMESPACE_URL, f"{plan_id}#{before.revision}#time"))
            event = PlanEvent(id=ident, kind=PlanEventKind.TIME, at=now, raised_by=PlanSource.CLOCK)
            return [plan_change(before.plan, apply(context, tx, before, event, now))]

    return [announce(context, PlanEventKind.TIME, moved) for moved in again_on_conflict(once)]


def _timer(context: Context, store: PlanStore, plan_id: str, now: datetime, moved: list[PlanChange]) -> bool:
    """Apply one plan's clocks and add to `moved`; False if that failed."""
    try:
        moved += turn(context, store, plan_id, now)
    except Unreadable as error:
        log.error("clock: %s", error)  # noqa: TRY400 - a trace may hold a person's data
        return False
    except StoreError:
        raise
    except IpFhirError as error:
        log.error("clock of plan %s: %s", plan_id, error)  # noqa: TRY400 - as above
        return False
    except Exception as error:  # noqa: BLE001 - a fault of ours in one plan must not stop the others
        log.error("clock of plan %s: unforeseen %s", plan_id, type(error).__name__)  # noqa: TRY400 - as above
        return False
    return True
