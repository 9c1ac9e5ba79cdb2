"""The conclusion of a row: a receipt, or the lack of one, moves the loop or plan that the row is about."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol
from uuid import NAMESPACE_URL, uuid5

from ip_fhir.domain.loop import decide
from ip_fhir.domain.referral import Event, EventKind, Role
from ip_fhir.domain.values.aggregate import REFERRAL
from ip_fhir.errors import InvalidInput, LoopError
from ip_fhir.exchange.commit import not_before, write
from ip_fhir.exchange.plans.conclusion import PlanConclusion
from ip_fhir.exchange.sending.run_counts import LoopChange

if TYPE_CHECKING:
    from datetime import datetime

    from ip_fhir.domain.referral import Author
    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.peers import Peer
    from ip_fhir.exchange.sending.run_counts import Moved
    from ip_fhir.ports import OutboxRow, Stored, Transaction


class Conclusion(Protocol):
    """The loop or plan of a row, as one transaction has loaded it."""

    @property
    def peer(self) -> Peer:
        """The party that the row went to. Raises `InvalidInput` if settings know it no longer."""
        ...

    def apply(
        self, name: str, kind: EventKind, now: datetime, reason: str | None = None, by: Author | None = None
    ) -> Moved | None:
        """Apply a receipt's event and return what moved; None if it changes nothing.

        `name` tells this event from others about the same row, `now` is a time in UTC, `reason` a line without a
        person's data, `by` the person of our own side who ended the row.
        """
        ...


def conclusion_of(context: Context, tx: Transaction, row: OutboxRow) -> Conclusion | None:
    """Load what the row is about; None if it is not there any more.

    It is loaded before the row's present state is: if another process settles the row in between, it changes what the
    row is about, too, and our save conflicts.
    """
    if row.aggregate_kind != REFERRAL:
        return PlanConclusion.of(context, tx, row)
    before = tx.load(row.correlation_id)
    return None if before is None else _LoopConclusion(context, tx, before, row)


@dataclass(frozen=True, slots=True)
class _LoopConclusion:
    """The loop that a row is about."""

    context: Context
    tx: Transaction
    before: Stored
    row: OutboxRow

    @property
    def peer(self) -> Peer:
        return self.context.peer_of(self.before.referral, self.row.effect)

    def apply(
        self, name: str, kind: EventKind, now: datetime, reason: str | None = None, by: Author | None = None
    ) -> LoopChange | None:
        before = self.before.referral
        event = Event(
            id=str(uuid5(NAMESPACE_URL, f"{self.row.id}#{name}")),
            kind=kind,
            at=not_before(self.before, now),
            raised_by=Role.TRANSPORT,
            message_id=self.row.id,
            text=reason,
            by=by,
        )
        try:
            decision = decide(before, event, self.context.agreement(before))
        except (LoopError, InvalidInput):  # a receipt that changes nothing; the row is done all the same
            return None
        write(self.tx, self.before, decision, now, context=self.context)
        return LoopChange(before.correlation_id, before.state, decision.referral.state)
