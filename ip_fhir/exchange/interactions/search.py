"""The search of a party's ServiceRequests and Tasks, page by page, with the resources that they go together with."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ip_fhir.domain.values.ids import PersonId
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.access.cursor import read_cursor, write_cursor
from ip_fhir.exchange.access.log import Occasion
from ip_fhir.exchange.access.parties import acting, require_all
from ip_fhir.exchange.interactions.criteria import INDEXED, PERSONS, matches
from ip_fhir.ports.resources import Bounds, exactly

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.peers import Credential
    from ip_fhir.ports import JsonObject, ResourceVersion, SearchPlace
    from ip_fhir.ports.resources import SearchOrder, TimePlace

MOST: Final = 1000
"""The most resources of one page."""

INCLUDES: Final = {
    "Task": {"_include": ("Task:based-on", "Task:focus")},
    "ServiceRequest": {"_revinclude": ("Task:based-on", "Task:focus")},
}
"""By type the values of `_include` and `_revinclude`; each leads to the other resource of the same loop."""

_LOOKED_THROUGH: Final = 10_000  # resources that are read for one page, where a criterion is no index's
_AT_ONCE: Final = 50  # resources whose others are looked for together


@dataclass(frozen=True, slots=True)
class Narrowed:
    """The part of a search beside its criteria. `person` is a token for the number of the person, `system|number`.

    Found are resources last changed from `begin` on and before `end` (UTC), in this order. `include` are values of
    `_include` and `_revinclude`; with `count_only` only the number is found.
    """

    person: str | None = field(default=None, repr=False)
    begin: datetime | None = None
    end: datetime | None = None
    order: SearchOrder = "place"
    include: tuple[str, ...] = ()
    count_only: bool = False

    def names(self) -> dict[str, str]:
        """Returns all of it but the person, by which a cursor is bound to this search."""
        said = {
            "_lastUpdated": f"{self.begin or ''}/{self.end or ''}".strip("/"),
            "_sort": self.order.removesuffix("place"),
            "_include": ",".join(self.include),
        }
        return {name: value for name, value in said.items() if value}


WIDE: Final = Narrowed()
"""A search that is not narrowed."""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a search. `after` is the cursor of the next page, None on the last.

    `total` counts the resources of all pages that concern the party; None where there are too many to count. `included`
    are others that go together with those found.
    """

    found: list[ResourceVersion]
    total: int | None
    after: str | None = None
    included: list[ResourceVersion] = field(default_factory=list)


def search(
    context: Context,
    peer: Credential,
    type_: str,
    criteria: Mapping[str, str],
    most: int = 100,
    cursor: str | None = None,
    counted: int = 10_000,
    narrowed: Narrowed = WIDE,
) -> Page:
    """The next `most` (1 to 1000) current versions that match every criterion and concern this party.

    By default the order does not change while a caller goes from page to page by `cursor`: nothing is found twice or
    passed over. A total over `counted` is left out. What is shown is recorded before. A page that follows a search by
    person has that person from its cursor. Raises `InvalidInput` for a cursor of another party or search (structure),
    a number that is none, and a mere count over `counted` (too-costly); `StoreError`.
    """
    if not 1 <= most <= MOST:
        raise InvalidInput.at("_count", f"is a number from 1 to {MOST}", "value")
    one = _Search(context, peer, type_, criteria, narrowed)
    after = one.begin(cursor)
    require_all(context)
    if narrowed.count_only:
        return one.counted(counted)
    found, last, complete = one.page(most, after)
    included = one.included(found)
    context.reads.found(one.occasion, peer, type_, one.names, [*found, *included])
    whole = len(found) if complete and after is None else None
    total = whole if whole is not None or not one.is_indexed else one.count(counted)
    return Page(found, total, None if complete or last is None else one.cursor(last, found), included)


def with_ids(
    context: Context, peer: Credential, type_: str, criteria: Mapping[str, str], ids: Iterable[str]
) -> list[ResourceVersion]:
    """The resources with one of these ids that a search by the party finds; that they are shown is not recorded.

    Raises `StoreError`.
    """
    wanted = ",".join(map(exactly, ids))
    if not wanted:
        return []
    require_all(context)
    return _Search(context, peer, type_, {**criteria, "_id": wanted}, WIDE).page(MOST, None)[0]


class _Search:
    """One search of one party at one moment."""

    def __init__(
        self, context: Context, peer: Credential, type_: str, criteria: Mapping[str, str], narrowed: Narrowed
    ) -> None:
        self._context, self._peer, self._type, self._narrowed = context, peer, type_, narrowed
        self._parties = acting(context, peer)
        self._indexed = {name: value for name, value in criteria.items() if name in INDEXED}
        self._others = {name: value for name, value in criteria.items() if name not in INDEXED}
        self._bound_by = {**criteria, **narrowed.names()}
        number = number_of(context, narrowed.person) if narrowed.person is not None else None
        self._bounds = Bounds(narrowed.begin, narrowed.end, number)
        self.occasion = Occasion(context.store, context.clock.now())

    @property
    def is_indexed(self) -> bool:
        """True if the store looks for all criteria."""
        return not self._others

    @property
    def names(self) -> dict[str, str]:
        """The criteria as they are recorded: of a person the parameter only."""
        return self._bound_by | ({} if self._bounds.person is None else {PERSONS[0]: ""})

    # --- pages

    def begin(self, cursor: str | None) -> SearchPlace | TimePlace | None:
        """The place that the page begins after; the person, where the search is by one, comes from the cursor too."""
        if cursor is None:
            return None
        place, loop = read_cursor(cursor, self._peer.name, self._type, self._bound_by, self._narrowed.order)
        if loop is not None:
            self._bounds = Bounds(self._bounds.begin, self._bounds.end, self._person_of(loop))
        return place

    def _person_of(self, loop: str) -> str:
        stored = self._context.store.referral(loop)
        person = stored.referral.notice.owner.identifier if stored is not None else None
        if stored is None or person is None or not self._context.speaking(self._peer, stored.referral):
            raise InvalidInput.at("_cursor", "what it leads to is no longer shown: search again", "conflict")
        return str(person)

    def cursor(self, last: SearchPlace | TimePlace, found: list[ResourceVersion]) -> str:
        """The cursor of the page after `last`; of a search by person it names a loop about that person."""
        loop = None if self._bounds.person is None else found[0].of_referral
        return write_cursor(last, self._peer.name, self._type, self._bound_by, loop)

    def page(
        self, most: int, after: SearchPlace | TimePlace | None
    ) -> tuple[list[ResourceVersion], SearchPlace | TimePlace | None, bool]:
        """The resources of a page, the place to go on from, and True if there are no more.

        What is no index's is looked for page by page. If many have another value, the page may be shorter, and is not
        the last.
        """
        order = self._narrowed.order
        at_once = most if self.is_indexed else MOST
        found: list[ResourceVersion] = []
        for _ in range(max(1, _LOOKED_THROUGH // at_once)):
            some = self._some(at_once + 1, after)
            for resource in some[:at_once]:
                if matches(resource.body, self._others):
                    found.append(resource)
                after = resource.place_in(order)
                if len(found) == most:
                    return found, after, resource is some[-1]
            if len(some) <= at_once:
                return found, after, True
        return found, after, False

    def _some(self, most: int, after: SearchPlace | TimePlace | None) -> list[ResourceVersion]:
        return self._context.store.search_resources(
            self._type,
            self._indexed,
            most,
            parties=self._parties,
            after=after,
            bounds=self._bounds,
            order=self._narrowed.order,
        )

    # --- numbers

    def count(self, most: int) -> int | None:
        """The number of resources in all pages, None over `most`."""
        store = self._context.store
        number = store.count_resources(self._type, self._indexed, self._parties, most + 1, self._bounds)
        return number if number <= most else None

    def counted(self, most: int) -> Page:
        """A page with the number only. Raises `InvalidInput` (too-costly) if it is over `most`."""
        total = self.count(most) if self.is_indexed else self._looked_through()
        if total is None:
            raise InvalidInput.at("_summary", f"more than {most} to count: narrow the search", "too-costly")
        self._context.reads.found(self.occasion, self._peer, self._type, self.names, [])
        return Page([], total)

    def _looked_through(self) -> int | None:
        found, _, complete = self.page(_LOOKED_THROUGH, None)
        return len(found) if complete else None

    # --- what goes together

    def included(self, found: list[ResourceVersion]) -> list[ResourceVersion]:
        """The other resources of the loops found, if they were asked for: each once, in the order of those found."""
        if not self._narrowed.include:
            return []
        other, criterion = ("ServiceRequest", "_id") if self._type == "Task" else ("Task", "based-on")
        wanted = list(dict.fromkeys(_ids(self._type, found)))
        several: dict[str, ResourceVersion] = {}
        for start in range(0, len(wanted), _AT_ONCE):
            asked = ",".join(map(exactly, wanted[start : start + _AT_ONCE]))
            for one in self._context.store.search_resources(other, {criterion: asked}, MOST, parties=self._parties):
                several[one.id] = one
        return list(several.values())


def _ids(type_: str, found: Iterable[ResourceVersion]) -> Iterable[str]:
    """The ids by which the other resources of the loops are looked for."""
    if type_ == "ServiceRequest":
        return [f"ServiceRequest/{one.id}" for one in found]
    return [ident for one in found if (ident := _request_of(one.body)) is not None]


def _request_of(task: JsonObject) -> str | None:
    """The id of the ServiceRequest that a Task is about."""
    kind, _, ident = str(task.get("focus", {}).get("reference")).partition("/")
    return ident if kind == "ServiceRequest" else None


def number_of(context: Context, token: str) -> str:
    """The person's number in a token, `system|number` or `number`.

    Raises `InvalidInput`, without the number, if it is none.
    """
    system, bar, text = token.rpartition("|")
    number = PersonId(text)
    if bar and system not in context.mapper.compiled.systems.accepted(number.kind.value):
        raise InvalidInput.at("identifier", "has another system than numbers of this kind have", "value")
    return str(number)
