"""The resources among those changed that a client may read and that its subscription is about.

They are found as by a search of that client at this moment: whatever it would not find, it is not told of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from ip_fhir.exchange.access.log import Occasion
from ip_fhir.exchange.interactions.search import with_ids
from ip_fhir.exchange.plans.rest import ROOT
from ip_fhir.exchange.plans.views import Views
from ip_fhir.ports.readings import TAKES_PART, by_share
from ip_fhir.ports.resources import alternatives

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.peers import Credential
    from ip_fhir.ports import ResourceVersion
    from ip_fhir.ports.subscriptions import Change, Subscription

_AT_ONCE: Final = 50


class Match(NamedTuple):
    """A resource to tell of, the change that it is told for, and the ground on which the client may read it."""

    change: Change
    resource: ResourceVersion
    ground: str

    def record(self, context: Context, peer: Credential, now: datetime) -> None:
        """Record that the client is about to be shown the resource. Raises `StoreError`."""
        context.reads.read(Occasion(context.store, now), peer, self.resource, self.ground)


def matches(
    context: Context, peer: Credential, one: Subscription, changes: Sequence[Change], now: datetime
) -> Iterator[Match]:
    """Yields each resource once, in the order of the last changes.

    Raises `NotYet` (a view is not given out before the two sides have compared what they hold), `StoreError`.
    """
    last = {(change.id, change.share): change for change in changes}  # a later one takes the earlier one's value
    several = sorted(last.values(), key=lambda change: change.place)
    for start in range(0, len(several), _AT_ONCE):
        some = several[start : start + _AT_ONCE]
        yield from _tasks(context, peer, one, some) if one.type == "Task" else _views(context, peer, one, some, now)


def _tasks(context: Context, peer: Credential, one: Subscription, changes: Sequence[Change]) -> Iterator[Match]:
    wanted = _wanted(one, changes)
    others = {name: value for name, value in one.criteria.items() if name != "_id"}
    found = {found.id: found for found in with_ids(context, peer, "Task", others, [change.id for change in wanted])}
    for change in wanted:
        if change.id in found:
            yield Match(change, found[change.id], TAKES_PART)


def _views(
    context: Context, peer: Credential, one: Subscription, changes: Sequence[Change], now: datetime
) -> Iterator[Match]:
    """The CarePlan of each view: it stands for all that is in the view, of which any part may have changed."""
    wanted = one.criteria.get("share")
    for change in _wanted(one, changes):
        if change.share is None or wanted not in (None, change.share):
            continue
        shown = Views(context, peer, now, change.share).of_share(change.share).shown
        for part in shown.resources if shown is not None else ():
            if shown is not None and part.type == ROOT:
                yield Match(change, shown.data_of(part), by_share(shown.share.id))


def _wanted(one: Subscription, changes: Sequence[Change]) -> list[Change]:
    ids = one.criteria.get("_id")
    return [change for change in changes if ids is None or change.id in alternatives(ids)]
