"""Tells our own people of rows that cannot be read, once for each: by `tell` and by an item on their worklist."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from uuid import NAMESPACE_URL, uuid5

from ip_fhir.domain.effects import Effect, EffectKind, Reason
from ip_fhir.domain.values.aggregate import Aggregate
from ip_fhir.exchange.commit import tell_our_people
from ip_fhir.ports.capabilities import sets_aside

if TYPE_CHECKING:
    from datetime import datetime

    from ip_fhir.exchange.context import Context
    from ip_fhir.ports.capabilities import UnreadableRow, UnreadableStore

_STORE: Final = "store"  # the kind of aggregate under which a row stands whose own cannot be told


def set_unreadable_aside(context: Context, now: datetime) -> None:
    """Set aside the rows that were met and cannot be read, and have people told of each. Raises `StoreError`."""
    store = context.store
    if not sets_aside(store):
        return
    store.set_aside(now)
    for row in store.untold():
        _tell(store, row, now)


def _tell(store: UnreadableStore, row: UnreadableRow, now: datetime) -> None:
    aggregate = row.aggregate or Aggregate(kind=_STORE, id=row.kind)
    ident = str(uuid5(NAMESPACE_URL, f"{row.kind}/{row.key}#unreadable-{row.first.isoformat()}"))
    text = f"{row.kind} {row.key}: {row.reason}"
    effect = Effect(id=ident, kind=EffectKind.TELL, reason=Reason.UNREADABLE, text=text)
    with store.begin() as tx:
        tell_our_people(tx, aggregate, effect, now)
        tx.told(row, now)
