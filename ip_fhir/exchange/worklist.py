"""The worklist of our own people: open items, and marking them as done.

`commit.write` opens items, and closes them when the loop moves on; this module serves the people. Marking an item as
done changes no referral: to move the loop, a person uses `Exchange.act` or `Exchange.answer`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.domain.values.aggregate import Aggregate
from ip_fhir.errors import InvalidInput
from ip_fhir.ports.capabilities import lists_work

if TYPE_CHECKING:
    from ip_fhir.domain.loop.worklist import WorklistItem
    from ip_fhir.domain.referral import Author
    from ip_fhir.exchange.context import Context
    from ip_fhir.ports.capabilities import WorklistPlace, WorklistStore


def items(
    context: Context, correlation_id: str | None, *, open_only: bool, limit: int, after: WorklistPlace | None
) -> list[WorklistItem]:
    """Items, open ones first, then by opening time; only those of one loop if `correlation_id` is given.

    With `after` only those behind that place in the list: the next page, also if an item of this one is done meanwhile.

    Raises `InvalidInput` (not-supported: the store keeps no worklist), `StoreError`.
    """
    aggregate = None if correlation_id is None else Aggregate.of_referral(correlation_id)
    return _store(context).worklist(open_only=open_only, limit=limit, aggregate=aggregate, after=after)


def item(context: Context, item_id: str) -> WorklistItem:
    """The item in its present state.

    Raises `InvalidInput` (not-found; not-supported: the store keeps no worklist), `StoreError`.
    """
    with _store(context).begin() as tx:
        found = tx.item(item_id)
    if found is None:
        raise InvalidInput.at("item", "the worklist has no such item", "not-found")
    return found


def done(context: Context, item_id: str, by: Author, note: str | None) -> WorklistItem:
    """Mark an item as done now and return it. One that is done already is returned unchanged: the first mark counts.

    Raises `InvalidInput` (not-found; not-supported: the store keeps no worklist), `StoreError`.
    """
    store, now = _store(context), context.clock.now()
    with store.begin() as tx:
        tx.finish_item(item_id, now, by, note)
        item = tx.item(item_id)
    if item is None:
        raise InvalidInput.at("item", "the worklist has no such item", "not-found")
    return item


def _store(context: Context) -> WorklistStore:
    if not lists_work(context.store):
        reason = (
            "this store keeps no worklist (WorklistStore of ip_fhir.ports.capabilities); people are told all the same"
        )
        raise InvalidInput.at("worklist", reason, "not-supported")
    return context.store
