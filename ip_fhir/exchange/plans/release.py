"""A person's yes to a held message about a plan in which an address is strictly confidential."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from ip_fhir.domain.sharing.events import PlanEvent, PlanEventKind, PlanSource
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.plans.commit import apply, plan_change
from ip_fhir.exchange.plans.outbound import awaits_yes
from ip_fhir.ports.plans import writes_plans

if TYPE_CHECKING:
    from datetime import datetime

    from ip_fhir.domain.referral import Author
    from ip_fhir.domain.sharing.case import SharedPlan
    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.sending.run_counts import PlanChange
    from ip_fhir.ports import OutboxRow, Transaction


def let_message_go(
    context: Context, tx: Transaction, row: OutboxRow, by: Author, now: datetime
) -> tuple[SharedPlan, PlanChange]:
    """Let a message about a plan leave; return the plan after it, and what moved. `now` is a time in UTC.

    Raises `InvalidInput` (not-found; business-rule: it waits for no yes).
    """
    if not writes_plans(tx) or (before := tx.load_plan(row.correlation_id)) is None:
        raise InvalidInput.at("plan", "the row's plan is not in the store", "not-found")
    if not awaits_yes(before.plan, row):
        raise InvalidInput.at("row", "it does not wait for a person's yes", "business-rule")
    event = PlanEvent(
        id=str(uuid4()), kind=PlanEventKind.RELEASE, at=now, raised_by=PlanSource.HOLDER, by=by, message_id=row.id
    )
    decision = apply(context, tx, before, event, now)
    return decision.plan, plan_change(before, decision)
