"""Versions of a party's ServiceRequests and Tasks: all that were ever written are kept as long as the loop is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.access.log import Occasion
from ip_fhir.exchange.interactions.search import MOST

if TYPE_CHECKING:
    from datetime import datetime

    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.peers import Credential
    from ip_fhir.ports import ResourceVersion


@dataclass(frozen=True, slots=True)
class Versions:
    """Some versions of a resource, latest first. `before`: older ones have lower numbers than this; None on the last.

    `total` is the number of all versions, None where only later ones were asked for.
    """

    found: list[ResourceVersion]
    total: int | None
    before: int | None = None


def version(context: Context, peer: Credential, current: ResourceVersion, number: int) -> ResourceVersion:
    """A version of the resource whose current one is `current`, which concerns the party.

    That it was shown is recorded before. Raises `InvalidInput` (not-found), `StoreError`.
    """
    found = context.store.resource_versions(current.type, current.id, 1, number + 1)
    if not found or found[0].version != number:
        raise InvalidInput.at(current.type, "no version with this number", "not-found")
    context.reads.read(Occasion(context.store, context.clock.now()), peer, found[0], way="vread")
    return found[0]


def history(
    context: Context,
    peer: Credential,
    current: ResourceVersion,
    most: int,
    before: int | None = None,
    since: datetime | None = None,
) -> Versions:
    """The versions of the resource whose current one is `current`, `most` (1 to 1000) of them, latest first.

    With `before` those with lower numbers, with `since` those written at that time (UTC) or later. What is shown is
    recorded before. Raises `InvalidInput` (value), `StoreError`.
    """
    if not 1 <= most <= MOST:
        raise InvalidInput.at("_count", f"is a number from 1 to {MOST}", "value")
    some = context.store.resource_versions(current.type, current.id, most + 1, before)
    found = [one for one in some[:most] if since is None or one.updated >= since]
    context.reads.history(Occasion(context.store, context.clock.now()), peer, found)
    more = len(some) > most and len(found) == most
    return Versions(found, current.version if since is None else None, found[-1].version if more else None)
