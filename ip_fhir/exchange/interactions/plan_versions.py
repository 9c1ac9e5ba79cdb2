"""Earlier versions of a resource of a view: as the party was given them, and as far as it may still see all of it.

A version is the number of the view in which the resource last changed. An earlier view is made again, and nothing of it
is given unless it is the very one that was given then, the resource is in today's view, and so is all that it names.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.access.log import Occasion
from ip_fhir.exchange.commit import without_version
from ip_fhir.exchange.interactions.search import MOST
from ip_fhir.exchange.interactions.versions import Versions
from ip_fhir.exchange.plans import rest
from ip_fhir.exchange.plans.views import Views
from ip_fhir.ports import ResourceVersion
from ip_fhir.ports.readings import by_share

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.peers import Credential
    from ip_fhir.exchange.plans.known_views import Shown
    from ip_fhir.ports import JsonObject

_MADE_AGAIN: Final = 100  # views that are made again for one request


def version(
    context: Context, peer: Credential, place: tuple[str, str], number: int, share: str | None = None
) -> ResourceVersion:
    """A version of a resource (type and id) of the view that the party has. Raises `InvalidInput`, as `rest.read`.

    `share` is the id of the share that the request names. That it was shown is recorded before.
    """
    shown, current = rest.found(context, peer, *place, share, "vread")
    found = current if number == current.version else _Past(context, peer, shown, current).version(number)
    if found is None:
        raise InvalidInput.at(place[0], "no version with this number", "not-found")
    occasion = Occasion(context.store, context.clock.now())
    context.reads.read(occasion, peer, found, by_share(shown.share.id), "vread")
    return found


def history(
    context: Context,
    peer: Credential,
    place: tuple[str, str],
    most: int,
    before: int | None = None,
    since: datetime | None = None,
    share: str | None = None,
) -> Versions:
    """The versions of a resource (type and id) of the view that the party has, `most` (1 to 1000), latest first.

    With `before` those with lower numbers, with `since` those of a day that ended after this time (UTC). There is no
    total. What is shown is recorded before. Raises `InvalidInput` (value), and as `rest.read`.
    """
    if not 1 <= most <= MOST:
        raise InvalidInput.at("_count", f"is a number from 1 to {MOST}", "value")
    shown, current = rest.found(context, peer, *place, share, "history")
    past = _Past(context, peer, shown, current)
    found: list[ResourceVersion] = []
    more = None
    for one in past.before(before):
        if since is not None and one.updated < since:
            break
        if len(found) == most:
            more = found[-1].version
            break
        found.append(one)
    else:
        more = past.left_off
    context.reads.history(Occasion(context.store, context.clock.now()), peer, found, by_share(shown.share.id))
    return Versions(found, None, more)


class _Past:
    """The earlier versions of a resource in the views of a share. `left_off` is where a request looked no further."""

    def __init__(self, context: Context, peer: Credential, shown: Shown, current: ResourceVersion) -> None:
        self._views = Views(context, peer, context.clock.now(), shown.share.id)
        self._shown, self._current = shown, current
        self._named = {name for one in shown.resources for name in _names(one.data())}
        self._made: dict[int, ResourceVersion | None] = {}
        self.left_off: int | None = None

    def version(self, number: int) -> ResourceVersion | None:
        """The version with this number; None if there is none, or it is not given out any more."""
        if not 1 <= number < self._current.version:
            return None
        found = self._at(number)
        return None if found is None or self._same(found, number - 1) else found

    def before(self, number: int | None) -> Iterator[ResourceVersion]:
        """Yields the versions with lower numbers than this, or all, latest first."""
        if number is None or number > self._current.version:
            yield self._current
            number = self._current.version
        found = self._at(number - 1)
        while found is not None:
            first = found.version
            while self._same(found, first - 1):
                first -= 1
            if len(self._made) >= _MADE_AGAIN:
                self.left_off = first + 1
                return
            yield self._at(first) or found
            found = self._at(first - 1)

    def _same(self, found: ResourceVersion, number: int) -> bool:
        """True if the resource was the same in the view with this number."""
        earlier = self._at(number)
        if earlier is None:
            return False
        if found.type == rest.ROOT:  # it says the number and day of its view, too
            return self._undated(number) == self._undated(found.version)
        return without_version(earlier.body) == without_version(found.body)

    def _undated(self, number: int) -> JsonObject | None:
        shown = self._views.earlier(self._shown.share, number, dated=False)
        return shown.resources[-1].data() if shown is not None else None

    def _at(self, number: int) -> ResourceVersion | None:
        """The resource as it stood in the view with this number; None if it did not, or is not given out any more."""
        if number not in self._made:
            self._made[number] = self._again(number) if number > 0 and len(self._made) <= _MADE_AGAIN else None
        return self._made[number]

    def _again(self, number: int) -> ResourceVersion | None:
        shown = self._views.earlier(self._shown.share, number)
        for one in shown.resources if shown is not None else ():
            if shown is not None and (one.type, one.id) == (self._current.type, self._current.id):
                one.number(number)
                found = shown.data_of(one)
                return found if self._named.issuperset(_names(found.body)) else None
        return None


def _names(node: Any) -> Iterator[str]:
    """Yields the ids and references in a resource: all that it names must be in today's view."""
    if isinstance(node, list):
        for one in node:
            yield from _names(one)
    elif isinstance(node, dict):
        yield from (node[key] for key in ("id", "reference") if isinstance(node.get(key), str))
        for one in node.values():
            yield from _names(one)
