"""A plan with all that it refers to, level by level: the CarePlan, what it refers to, what that refers to.

Each level is one batch. A server without batches is asked for all that the plan includes in one search, for which it
needs our search parameters (mappings/search_parameters), and for each resource that this leaves out by itself. Only
what is on the server's own base is ever asked for, no other person, no other plan, and no more than `MOST_RESOURCES`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeAlias, cast
from urllib.parse import urlencode

from ip_fhir.errors import Rejected
from ip_fhir.fhir.references import references_in
from ip_fhir.fhir.rest import instances, searches
from ip_fhir.fhir.rest.addresses import Location, referred
from ip_fhir.fhir.rest.bundles import EntryRequest, EntryResult, batch
from ip_fhir.fhir.rest.repeats import to_be_repeated

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ip_fhir.errors import PeerError
    from ip_fhir.ports import JsonObject
    from ip_fhir.servers.connection import Connection

MOST_RESOURCES: Final = 2_000
_MOST_LEVELS: Final = 12
_GONE = frozenset({403, 404, 410})
_NO_BATCH = frozenset({400, 404, 405, 415, 422, 501})  # statuses of servers that take none
# Resources that refer to the person, and that nothing may refer to.
_BY_PATIENT: Final = ("RelatedPerson", "Consent", "Appointment")
_AUTHORSHIP: Final = "Provenance"  # written, never read
_ROOT: Final = "CarePlan"
_PERSON: Final = "Patient"

_Way: TypeAlias = "tuple[str, Location]"
"""A type, and the resource that those of it refer to."""


INCLUDED: Final = {
    "CarePlan": ("subject", "care-team", "goal", "condition", "performer", "ip-coordinating-unit", "ip-contributor"),
    "CareTeam": ("participant", "ip-on-behalf-of", "ip-appointed-by", "ip-mentor"),
    "PractitionerRole": ("practitioner", "organization"),
    "Organization": ("partof",),
}
"""The search parameters by which a plan reaches its parts, by type."""


@dataclass
class Closure:
    """The resources that were found, by type and id, and those that the server does not have."""

    connection: Connection
    found: dict[Location, JsonObject] = field(default_factory=dict)
    gone: list[Location] = field(default_factory=list)
    batches: bool = True
    included: dict[Location, JsonObject] | None = None

    def of(self, plan: JsonObject) -> None:
        """Fetches all that a CarePlan refers to. Raises the errors of a peer; `Rejected` if there is no end."""
        root = Location(_ROOT, str(plan["id"]))
        self.found[root] = plan
        subject = _subject(plan, self.connection.base)
        ways = [] if subject is None else [(type_, subject) for type_ in _BY_PATIENT]
        new: Iterable[JsonObject] = [plan]
        for _ in range(_MOST_LEVELS):
            wanted = self._wanted(new, subject)
            if not wanted and not ways:
                return
            new = self._level(wanted, [*ways, (_AUTHORSHIP, root)] if ways else [])
            ways = []
            if len(self.found) > MOST_RESOURCES:
                raise Rejected(f"{self.connection.host}: a plan refers to more than {MOST_RESOURCES} resources")
        raise Rejected(f"{self.connection.host}: a plan refers to resources more than {_MOST_LEVELS} levels away")

    def _wanted(self, resources: Iterable[JsonObject], subject: Location | None) -> list[Location]:
        """The resources that these refer to and that have not been asked for."""
        named = (referred(one, self.connection.base) for resource in resources for one in references_in(resource))
        wanted = dict.fromkeys(place for place in named if place is not None and place not in self.found)
        others = {place for place in wanted if place.type == _ROOT or (place.type == _PERSON and place != subject)}
        return [place for place in wanted if place not in others and place not in self.gone]

    def _level(self, wanted: list[Location], ways: list[_Way]) -> list[JsonObject]:
        """Fetches these resources, and those that refer to a place; returns the new ones."""
        found = self._batch(wanted, ways) if self.batches else None
        if not self.batches and self.included is None:
            self.included = self._include(next(iter(self.found)))
        results, pages = found or ([self._read(place) for place in wanted], [self._search(*way) for way in ways])
        new = [self._taken(place, result) for place, result in zip(wanted, results, strict=True)]
        referring = [one for way, page in zip(ways, pages, strict=True) for one in self._referring(*way, page)]
        return [*filter(None, new), *referring]

    def _batch(
        self, wanted: list[Location], ways: list[_Way]
    ) -> tuple[list[EntryResult], list[list[JsonObject]]] | None:
        """One batch; entries that ask to come again are sent again, and only they. None: the server takes none."""
        asked = [EntryRequest("GET", f"{place.type}/{place.id}") for place in wanted]
        asked += [EntryRequest("GET", f"{type_}?{urlencode(criteria(type_, target))}") for type_, target in ways]
        try:
            results = list(self.connection.perform(batch(asked)))
        except Rejected as error:
            if error.status not in _NO_BATCH:
                raise
            self.batches = False
            return None
        for attempt in range(1, self.connection.patience.attempts):
            again = to_be_repeated(results)
            if not again:
                break
            self.connection.wait(cast("PeerError", results[again[0]].error), attempt)
            repeated = self.connection.perform(batch([asked[number] for number in again]))
            for number, result in zip(again, repeated, strict=True):
                results[number] = result
        count = len(wanted)
        pages = [self._page(type_, result) for (type_, _), result in zip(ways, results[count:], strict=True)]
        return results[:count], pages

    def _page(self, type_: str, result: EntryResult) -> list[JsonObject]:
        """The resources of a search in a batch, from all its pages."""
        if result.error is not None:
            return _none_of(type_, result.error)
        return self.connection.all_pages(searches.page_of(result.resource or {}, self.connection.host))

    def _include(self, root: Location) -> dict[Location, JsonObject]:
        """All that one search finds of the plan, by type and id; nothing if the server refuses the search."""
        ways = [(f"{type_}:{name}", type_ != _ROOT) for type_, names in INCLUDED.items() for name in names]
        including = [("_include:iterate" if iterate else "_include", way) for way, iterate in ways]
        revinclude = ("_revinclude", f"{_AUTHORSHIP}:target")
        try:
            first = self.connection.perform(searches.search(_ROOT, [("_id", root.id), *including, revinclude]))
        except Rejected:
            return {}
        resources = self.connection.all_pages(first)
        return {Location(one["resourceType"], str(one.get("id"))): one for one in resources}

    def _read(self, place: Location) -> EntryResult:
        if self.included and place in self.included:
            return EntryResult(200, place, self.included[place])
        try:
            return EntryResult(200, place, self.connection.perform(instances.read(place.type, place.id)).resource)
        except Rejected as error:
            return EntryResult(error.status or 0, place, error=error)

    def _search(self, type_: str, target: Location) -> list[JsonObject]:
        there = [one for place, one in (self.included or {}).items() if place.type == type_ == _AUTHORSHIP]
        if there:
            return there
        try:
            first = self.connection.perform(searches.search(type_, criteria(type_, target)))
        except Rejected as error:
            return _none_of(type_, error)
        return self.connection.all_pages(first)

    def _taken(self, place: Location, result: EntryResult) -> JsonObject | None:
        """The resource that was asked for, None if it is not there. Raises any other error, and for another one."""
        error, resource = result.error, result.resource or {}
        if isinstance(error, Rejected) and error.status in _GONE:
            self.gone.append(place)
            return None
        if error is not None:
            raise error
        if (resource.get("resourceType"), resource.get("id")) != (place.type, place.id):
            raise Rejected(f"{self.connection.host}: an answer is another {place.type} than was asked for")
        self.found[place] = resource
        return resource

    def _referring(self, type_: str, target: Location, resources: list[JsonObject]) -> list[JsonObject]:
        """The new resources of a search that do refer to its target: a server may have ignored the criterion."""
        new = []
        for resource in resources:
            named = (referred(one, self.connection.base) for one in references_in(resource))
            place = Location(type_, str(resource.get("id")))
            if resource["resourceType"] == type_ and target in named and place not in self.found:
                self.found[place] = resource
                new.append(resource)
        return new


def criteria(type_: str, target: Location) -> Sequence[tuple[str, str]]:
    """Returns the criterion by which resources of a type that refer to a place are found."""
    name = "target" if type_ == _AUTHORSHIP else "patient"
    return [(name, f"{target.type}/{target.id}"), ("_count", "200")]


def _none_of(type_: str, error: PeerError) -> list[JsonObject]:
    """Nothing, where it is never read; raises the error for all else: a consent that is not found could be a no."""
    if type_ == _AUTHORSHIP and isinstance(error, Rejected):
        return []
    raise error


def _subject(plan: JsonObject, base: str) -> Location | None:
    node = plan.get("subject")
    reference = node.get("reference") if isinstance(node, dict) else None
    found = referred(reference, base) if isinstance(reference, str) else None
    return found if found is not None and found.type == _PERSON else None
