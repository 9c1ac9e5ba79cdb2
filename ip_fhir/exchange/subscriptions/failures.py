"""Our own people are told of a subscription whose notifications have failed for good, until its client has begun again.

The client itself sees it only when it asks: the status of its Subscription is `error`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import NAMESPACE_URL, uuid5

from ip_fhir.domain.effects import Effect, EffectKind, Reason
from ip_fhir.domain.values.aggregate import SUBSCRIPTION, Aggregate
from ip_fhir.exchange.commit import tell_our_people
from ip_fhir.ports.capabilities import writes_worklist

if TYPE_CHECKING:
    from datetime import datetime

    from ip_fhir.ports import Store
    from ip_fhir.ports.subscriptions import KeptSubscription


def tell_of_failure(store: Store, kept: KeptSubscription, reason: str, now: datetime) -> None:
    """Have people told, once for each attempt after which it was given up. `now` is a time in UTC."""
    one = kept.subscription
    ident = str(uuid5(NAMESPACE_URL, f"{one.id}#not-notified-{kept.revision}-{kept.claim}"))
    text = f"{one.client}: {reason}"
    effect = Effect(id=ident, kind=EffectKind.TELL, reason=Reason.NOT_NOTIFIED, text=text)
    with store.begin() as tx:
        tell_our_people(tx, _aggregate(one.id), effect, now)


def close_item(store: Store, subscription: str, note: str, now: datetime) -> None:
    """Close the item about a subscription, if one is open: nobody needs to look any more. `now` is a time in UTC."""
    with store.begin() as tx:
        if writes_worklist(tx):
            tx.finish_items(_aggregate(subscription), [Reason.NOT_NOTIFIED], now, None, note)


def _aggregate(subscription: str) -> Aggregate:
    return Aggregate(kind=SUBSCRIPTION, id=subscription)
