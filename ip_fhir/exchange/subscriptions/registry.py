"""The subscriptions of a client: each has its own, and no other's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ip_fhir.domain.loop.worklist import NOTIFIED_AGAIN, SUBSCRIPTION_ENDED
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.subscriptions.failures import close_item
from ip_fhir.ports.subscriptions import keeps_subscriptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.peers import Credential
    from ip_fhir.ports.subscriptions import KeptSubscription, Subscription, SubscriptionStore

MOST: Final = 50
"""The most subscriptions of one client."""

_TYPE: Final = "Subscription"


class Subscriptions:
    """Keeps what clients ask for. `changed` is called after each commit: something may have to be told."""

    def __init__(self, context: Context, changed: Callable[[], None]) -> None:
        self._context, self._changed = context, changed

    @property
    def are_kept(self) -> bool:
        """True if the store of this side keeps subscriptions."""
        return keeps_subscriptions(self._context.store)

    def add(self, new: Subscription) -> KeptSubscription:
        """Keep a new one. Raises `InvalidInput` (value: its address is not notified; too-costly: it has too many)."""
        self._check(new)
        kept = self._store().add_subscription(new, MOST)
        if kept is None:
            raise InvalidInput.at(_TYPE, f"this client has {MOST} subscriptions: take one out", "too-costly")
        return kept

    def one(self, peer: Credential, id_: str) -> KeptSubscription:
        """The client's subscription with this id. Raises `InvalidInput` (not-found), also for another's."""
        kept = self._store().subscription(id_)
        if kept is None or kept.subscription.client != peer.name:
            raise _not_found()
        return kept

    def all(self, peer: Credential) -> list[KeptSubscription]:
        """All of the client's, in order of their ids."""
        return self._store().subscriptions(peer.name, MOST)

    def change(
        self, peer: Credential, id_: str, based_on: int, make: Callable[[Subscription], Subscription]
    ) -> KeptSubscription:
        """Replace what the client wrote in this revision by what `make` makes of it.

        It goes on from where it was told, so that nothing that was missed is passed over. Raises `InvalidInput`
        (not-found; conflict: it is another revision by now) and as `add`, `StoreError`, `Conflict`.
        """
        kept = self.one(peer, id_)
        if kept.revision != based_on:
            raise InvalidInput.at(f"{_TYPE}.meta.versionId", "it has changed since", "conflict")
        changed = make(kept.subscription)
        self._check(changed)
        now = self._context.clock.now()
        found = self._store().change_subscription(changed, based_on, now)
        if kept.subscription.status == "error":
            note = NOTIFIED_AGAIN if changed.status == "active" else SUBSCRIPTION_ENDED
            close_item(self._context.store, id_, note, now)
        self._changed()
        return found

    def remove(self, peer: Credential, id_: str) -> None:
        """Take out one of the client's. Raises `InvalidInput` (not-found)."""
        if not self._store().remove_subscription(id_, peer.name):
            raise _not_found()
        close_item(self._context.store, id_, SUBSCRIPTION_ENDED, self._context.clock.now())

    def _check(self, one: Subscription) -> None:
        self._context.endpoints.check(one.endpoint, f"{_TYPE}.channel.endpoint", with_path=one.payload)

    def _store(self) -> SubscriptionStore:
        store = self._context.store
        if not keeps_subscriptions(store):
            raise InvalidInput.at(_TYPE, "this side keeps no subscriptions", "not-supported")
        return store


def _not_found() -> InvalidInput:
    return InvalidInput.at(_TYPE, "no resource with this id", "not-found")
