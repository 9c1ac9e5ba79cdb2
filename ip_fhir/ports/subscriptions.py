"""Subscriptions of clients as a store keeps them, and the changes by which it is known of what they are to be notified.

`SubscriptionStore` is a capability of a store, as those in `ip_fhir.ports.capabilities` are: without it the endpoint
takes no Subscription.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, Protocol, TypeAlias, TypeGuard

from ip_fhir.ports import Store
from ip_fhir.ports.capabilities import has

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from ip_fhir.ports import JsonObject

SubscriptionStatus: TypeAlias = Literal["active", "error", "off"]
"""`active`: told of changes; `error`: given up after the last attempt; `off`: ended by its client, or by its end."""

WatchedType: TypeAlias = Literal["Task", "CarePlan"]
"""The types of resources of whose changes clients are notified."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A wish of a client to be notified of changes of what it may read.

    `client` is the name, in settings, of the party or carrier that made it. `criteria` are those of a search of
    resources of `type`. `endpoint` is the address that is notified, with the header `Authorization: secret` if there is
    one; with `payload` the resource goes along. `body` is the resource as the client wrote it, without its status, its
    secret and its `meta`. It ends at `ends` (UTC).
    """

    id: str
    client: str
    type: WatchedType
    criteria: Mapping[str, str]
    endpoint: str = field(repr=False)
    payload: bool
    body: JsonObject = field(repr=False)
    updated: datetime
    secret: str | None = field(default=None, repr=False)
    ends: datetime | None = None
    status: SubscriptionStatus = "active"
    error: str | None = None


@dataclass(frozen=True, slots=True)
class KeptSubscription:
    """A subscription in the store. `revision` counts from 1 what its client has written; `place` is how far it is told.

    `failures` counts the attempts in a row that failed; `claim` counts all claims, so that a late report by a worker
    whose lease ran out can be told from the present one's.
    """

    subscription: Subscription
    revision: int
    place: int
    failures: int = 0
    claim: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """A Task that was written, or a view that was made of a share of a plan: then `id` is the plan's.

    Whoever was told of it, and of all before, has been told up to its `place`.
    """

    type: WatchedType
    id: str
    place: int
    share: str | None = None


@dataclass(frozen=True, slots=True)
class Changes:
    """Changes in the order of their commits, up to and with the place `upto`; there are later ones if `more`."""

    found: Sequence[Change]
    upto: int
    more: bool = False


class SubscriptionStore(Store, Protocol):
    """Keeps subscriptions, and tells what was committed since a place. Each method is a transaction of its own.

    A place is a number that grows with each commit that changes a resource or a view. What is committed later has a
    higher one, whoever wrote it: nothing appears before a place that was read.
    """

    def add_subscription(self, new: Subscription, most: int) -> KeptSubscription | None:
        """Keep a new subscription, told of nothing before now. None, without a change, if the client has `most`."""
        ...

    def change_subscription(self, changed: Subscription, based_on: int, now: datetime) -> KeptSubscription:
        """Replace what the client wrote, and begin anew to notify it at `now` (UTC), from the place that it was told.

        Raises `Conflict` if `based_on` is not its revision, or it is not there (any longer).
        """
        ...

    def remove_subscription(self, id_: str, client: str) -> bool:
        """Take out a subscription of this client. False if it has none with this id."""
        ...

    def subscription(self, id_: str) -> KeptSubscription | None:
        """The subscription, or None."""
        ...

    def subscriptions(self, client: str, limit: int = 100, after: str | None = None) -> list[KeptSubscription]:
        """The subscriptions of a client in order of their ids; those after the id `after`."""
        ...

    def due_subscriptions(self, now: datetime, limit: int) -> list[KeptSubscription]:
        """Active ones with something after their place, that nobody has claimed and whose next attempt is due."""
        ...

    def changes_since(self, place: int, limit: int) -> Changes:
        """The changes after a place, read from at most `limit` commits or so."""
        ...

    def pass_subscription(self, kept: KeptSubscription, place: int) -> None:
        """Move on to a place, as there was nothing to tell before it. Nothing happens if it was changed meanwhile."""
        ...

    def claim_subscription(self, kept: KeptSubscription, now: datetime, until: datetime) -> KeptSubscription | None:
        """Hold it for this worker until a time (UTC). None if another holds it, or it was changed meanwhile."""
        ...

    def settle_subscription(self, kept: KeptSubscription, place: int, more: bool) -> KeptSubscription | None:
        """Note that a claimed one was told of all up to a place; the claim ends unless there is `more` to tell now.

        None, without a change, for a late report.
        """
        ...

    def fail_subscription(self, kept: KeptSubscription, reason: str, next_try: datetime | None, failures: int) -> None:
        """Note a failed attempt of a claimed one: it is tried again, or (None) its status is `error` with the reason.

        `failures` are those in a row. Nothing happens for a late report.
        """
        ...

    def end_subscription(self, kept: KeptSubscription, reason: str) -> None:
        """Set a subscription `off`, with the reason, if it is still the same."""
        ...


def keeps_subscriptions(store: Store) -> TypeGuard[SubscriptionStore]:
    """True if the store keeps subscriptions."""
    return has(store, "SubscriptionStore")
