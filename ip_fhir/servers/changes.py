"""The requests that turn one bundle on a server into another: changed entries by version, new ones by condition.

A changed resource is written only onto the version that was read. A new one is created only where none is there: a
patient, a practitioner or an organisation by its number, what is the plan's own by an identifier that is made for it,
so that the same request sent twice makes one. Actors that are there are referred to, never written.

Some servers cannot search all types by identifier, and so refuse the condition. There what is the plan's own is created
by name: with an id of its own, after it was seen that nothing has that id.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from uuid import NAMESPACE_URL, uuid5

from ip_fhir.errors import Problem, Rejected
from ip_fhir.fhir.reading import write_json
from ip_fhir.fhir.rest.addresses import Location
from ip_fhir.fhir.rest.bundles import EntryRequest
from ip_fhir.fhir.rest.carrier import identifiers
from ip_fhir.fhir.rest.etags import version_in
from ip_fhir.fhir.rest.linking import linked
from ip_fhir.fhir.rest.placement import ACTORS, URI_SYSTEM

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ip_fhir.fhir.rest.bundles import EntryResult
    from ip_fhir.ports import JsonObject

_NOT_OURS: Final = "was changed, and is not the plan's: it stays on the server as it is"
_NO_VERSION: Final = "has no version there, so that nobody would notice if another's change were lost"
_IDENTIFIER: Final = re.compile(r"Bundle\.entry\[(\d+)\]\.resource\.identifier(?:\[(\d+)\])?")
_WITHOUT_IDENTIFIER: Final = frozenset({"Provenance"})
_MADE_ANEW: Final = frozenset({"versionId", "lastUpdated", "source"})  # of meta, by a server at each writing


@dataclass(frozen=True)
class Changes:
    """The requests, in the order of the bundle; what was left out; and each new entry's urn by its fullUrl."""

    requests: tuple[EntryRequest, ...]
    not_written: tuple[Problem, ...] = ()
    urns: Mapping[str, str] = field(default_factory=dict, repr=False)


def changes(
    before: JsonObject | None,
    after: JsonObject,
    numbers: Sequence[tuple[str, ...]],
    seed: str,
    host: str,
    *,
    by_name: bool = False,
) -> Changes:
    """Finds the requests that write what differs between two bundles of one server.

    `numbers` are the systems of identifiers by which actors are known, the best first, each with its aliases; `seed`
    tells this plan from all others; `by_name` creates what is the plan's own with ids of our choice. Raises `Rejected`
    if the server keeps no versions.
    """
    there = {entry["fullUrl"]: entry["resource"] for entry in (before or {}).get("entry", ())}
    new = {entry["fullUrl"]: entry["resource"] for entry in after["entry"] if entry["fullUrl"] not in there}
    urns = {url: _urn(seed, url, resource) for url, resource in new.items()}
    names = {**urns, **{"/".join(url.rsplit("/", 2)[-2:]): urn for url, urn in urns.items()}}
    conditions = _Conditions(tuple(numbers), by_name)
    requests, left = [], []
    for number, entry in enumerate(after["entry"]):
        url, resource = entry["fullUrl"], entry["resource"]
        if url in urns:
            requests.append(conditions.creation(linked(resource, names), urns[url]))
        elif resource is there[url] or resource == there[url]:
            continue
        elif resource["resourceType"] in ACTORS:
            left.append(Problem(f"Bundle.entry[{number}].resource", _NOT_OURS, "informational", "warning"))
        else:
            requests.append(_update(linked(resource, names), url, there[url], host))
    return Changes(tuple(requests), tuple(left), urns)


def written(after: JsonObject, made: Changes, results: Iterable[EntryResult]) -> dict[Location, JsonObject]:
    """Returns the resources as they are on the server after a transaction: with the ids and versions that it gave."""
    sent = {request.full_url: (request, result) for request, result in zip(made.requests, results, strict=True)}
    names = {urn: _reference(place_of(sent[urn][1])) for urn in made.urns.values()}
    found: dict[Location, JsonObject] = {}
    for entry in after["entry"]:
        url, resource = entry["fullUrl"], entry["resource"]
        request, result = sent.get(made.urns.get(url, url), (None, None))
        if request is None or result is None:
            found[Location(resource["resourceType"], resource["id"])] = resource
            continue
        place = place_of(result)
        own = {**linked(request.resource, names), "id": place.id}
        found[Location(place.type, place.id)] = result.resource or _as_written(own, place.version)
    return found


def creates_by_name(request: EntryRequest) -> bool:
    """True if the request creates a resource with an id of our choice."""
    return request.method == "PUT" and request.if_match is None


def creates_own(request: EntryRequest) -> bool:
    """True if the request creates, on a condition, what is the plan's own: another such resource cannot be there."""
    return bool(request.if_none_exist) and request.url not in ACTORS


def heeds(request: EntryRequest, resource: JsonObject) -> bool:
    """True if a resource is what the condition of a request asks for: a server may have ignored the criterion."""
    asked = {value for name, value in request.if_none_exist if name == "identifier"}
    wanted = {one for value in asked for one in value.split(",")}
    return not wanted.isdisjoint(identifiers(resource))


def without_our_identifiers(warnings: Iterable[Problem], bundle: JsonObject) -> tuple[Problem, ...]:
    """Returns the warnings but for those of the identifiers that `changes` gives to what it creates."""
    return tuple(warning for warning in warnings if not _is_ours(warning.path, bundle))


def _is_ours(path: str, bundle: JsonObject) -> bool:
    found = _IDENTIFIER.fullmatch(path)
    if found is None:
        return False
    listed = bundle["entry"][int(found[1])]["resource"]["identifier"]
    named = listed if found[2] is None else [listed[int(found[2])]]
    return all(one.get("system") == URI_SYSTEM for one in named)


def _urn(seed: str, url: str, resource: JsonObject) -> str:
    """The name of a new resource until it has an id: the same for the same content, another for any other."""
    return uuid5(NAMESPACE_URL, f"{seed}|{url}|{write_json(resource).decode()}").urn


@dataclass
class _Conditions:
    """Gives each new resource the condition on which it is created."""

    numbers: tuple[tuple[str, ...], ...]
    by_name: bool = False
    taken: set[tuple[str, str]] = field(default_factory=set)

    def creation(self, resource: JsonObject, urn: str) -> EntryRequest:
        type_ = resource["resourceType"]
        content = {name: value for name, value in resource.items() if name != "id"}
        value = self._number(content) if type_ in ACTORS else None
        own = value is None
        if own and type_ not in _WITHOUT_IDENTIFIER:
            value = f"{URI_SYSTEM}|{urn}"
            content["identifier"] = [*content.get("identifier", []), {"system": URI_SYSTEM, "value": urn}]
        if own and self.by_name:
            ident = urn.removeprefix("urn:uuid:")
            return EntryRequest("PUT", f"{type_}/{ident}", {**content, "id": ident}, urn)
        return EntryRequest("POST", type_, content, urn, if_none_exist=(("identifier", value),) if value else ())

    def _number(self, resource: JsonObject) -> str | None:
        """The best number of an actor that no other new one in the bundle has; a server would take both for one."""
        used = [one for one in resource.get("identifier", ()) if one.get("use") != "old" and one.get("value")]
        for systems in self.numbers:
            for one in used:
                value = ",".join(f"{system}|{one['value']}" for system in systems)
                if one.get("system") in systems and (resource["resourceType"], value) not in self.taken:
                    self.taken.add((resource["resourceType"], value))
                    return value
        return None


def _update(resource: JsonObject, url: str, there: JsonObject, host: str) -> EntryRequest:
    version = version_in(there)
    if version is None:
        raise Rejected(f"{host}: a {resource['resourceType']} {_NO_VERSION}")
    return EntryRequest("PUT", f"{resource['resourceType']}/{resource['id']}", resource, url, if_match=version)


def place_of(result: EntryResult) -> Location:
    """Returns where a result was written."""
    if result.location is None:
        raise Rejected("a result without a place")  # `transaction` lets none through
    return result.location


def _reference(place: Location) -> str:
    return f"{place.type}/{place.id}"


def _as_written(resource: JsonObject, version: str | None) -> JsonObject:
    """The resource with its new version, without what the server has made anew and not told."""
    kept = {name: value for name, value in resource.get("meta", {}).items() if name not in _MADE_ANEW}
    return {**resource, "meta": {**kept, **({"versionId": version} if version else {})}}
