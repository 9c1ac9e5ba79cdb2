"""The item by which our people learn that a recipient could not be told, open until all that was parked is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import NAMESPACE_URL, uuid5

from ip_fhir.domain.effects import Effect, EffectKind, Reason
from ip_fhir.domain.loop.worklist import TOLD_AFTER_ALL
from ip_fhir.domain.values.aggregate import RECIPIENT, TOLD, Aggregate
from ip_fhir.exchange.commit import tell_our_people
from ip_fhir.ports.capabilities import writes_worklist

if TYPE_CHECKING:
    from datetime import datetime

    from ip_fhir.ports import OutboxRow, Store, Transaction

_PAGE: Final = 1000


def tell_of_failure(tx: Transaction, row: OutboxRow, reason: str, now: datetime) -> None:
    """Open the item about the recipient of a row that is given up, and have the others told. `now` is a time in UTC."""
    ident = str(uuid5(NAMESPACE_URL, f"{row.id}#not-told-{row.claim}"))
    effect = Effect(id=ident, kind=EffectKind.TELL, reason=Reason.NOT_TOLD, text=f"{row.peer}: {reason}")
    tell_our_people(tx, _aggregate(row.correlation_id), effect, now)


def has_parked(store: Store, recipient: str) -> bool:
    """True if a row to this recipient is parked. Raises `StoreError`."""
    parked = store.outbox("parked", _PAGE)
    while parked:
        if any(row.aggregate_kind == RECIPIENT and row.correlation_id == recipient for row in parked):
            return True
        parked = store.outbox("parked", _PAGE, parked[-1].id)
    return False


def close_item(tx: Transaction, recipient: str, now: datetime) -> None:
    """Close the item about a recipient, if one is open: it was told all. `now` is a time in UTC."""
    if writes_worklist(tx):
        tx.finish_items(_aggregate(recipient), [Reason.NOT_TOLD], now, None, TOLD_AFTER_ALL)


def _aggregate(recipient: str) -> Aggregate:
    return Aggregate(kind=TOLD, id=recipient)
