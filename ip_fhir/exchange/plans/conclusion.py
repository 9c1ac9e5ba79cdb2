"""The conclusion of a row about a plan: the receipt of a message of ours moves the plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self
from uuid import NAMESPACE_URL, uuid5

from ip_fhir.domain.sharing.events import PlanEvent, PlanEventKind, PlanSource
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.plans.commit import apply, plan_change
from ip_fhir.ports.plans import writes_plans

if TYPE_CHECKING:
    from datetime import datetime

    from ip_fhir.domain.referral import Author, EventKind
    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.peers import Peer
    from ip_fhir.exchange.sending.run_counts import PlanChange
    from ip_fhir.ports import OutboxRow, Transaction
    from ip_fhir.ports.plans import PlanTransaction, StoredPlan


@dataclass(frozen=True, slots=True)
class PlanConclusion:
    """The plan that a row is about."""

    context: Context
    tx: PlanTransaction
    before: StoredPlan
    row: OutboxRow

    @classmethod
    def of(cls, context: Context, tx: Transaction, row: OutboxRow) -> Self | None:
        """Load the plan; None if it is not there any more."""
        if not writes_plans(tx):
            return None
        before = tx.load_plan(row.correlation_id)
        return None if before is None else cls(context, tx, before, row)

    @property
    def peer(self) -> Peer:
        """The party that the row went to. Raises `InvalidInput` if settings know it no longer."""
        return self.context.peers.party(self.row.effect.party or "")

    def apply(
        self, name: str, kind: EventKind, now: datetime, reason: str | None = None, by: Author | None = None
    ) -> PlanChange | None:
        """Apply a receipt's event: see `sending.conclusion`."""
        effect = self.row.effect
        event = PlanEvent(
            id=str(uuid5(NAMESPACE_URL, f"{self.row.id}#{name}")),
            kind=PlanEventKind(str(kind)),
            at=now,
            raised_by=PlanSource.TRANSPORT,
            message_id=self.row.id,
            party=effect.party,
            about=effect.about,
            number=effect.number,
            message=effect.plan_message,
            text=reason,
            by=by,
        )
        try:
            decision = apply(self.context, self.tx, self.before, event, now)
        except InvalidInput:  # a receipt that changes nothing; the row is done all the same
            return None
        return plan_change(self.before, decision)
