"""A Task with all that it refers to on its server, for a message that somebody has written as resources alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ip_fhir.errors import Rejected
from ip_fhir.fhir.references import references_in
from ip_fhir.fhir.rest.addresses import referred
from ip_fhir.fhir.rest.instances import read

if TYPE_CHECKING:
    from ip_fhir.fhir.rest.addresses import Location
    from ip_fhir.ports import JsonObject
    from ip_fhir.wire.fhirserver.server import Server

MOST_RESOURCES: Final = 200
_ENDS: Final = frozenset({"Patient", "Practitioner", "Task"})  # what these refer to is no part of a message


def gathered(server: Server, task: JsonObject) -> JsonObject:
    """Returns a collection of the Task and what it refers to, however far; nothing on another host is asked for.

    What is not there is left out, which whoever reads it tells. Raises `Rejected` for more than `MOST_RESOURCES`, and
    the errors of a peer.
    """
    base = server.base.rstrip("/")
    found: dict[Location, JsonObject | None] = {}
    waiting = _own(task, base)
    while waiting:
        place = waiting.pop(0)
        if place in found or place.type == "Task":
            continue
        if len(found) == MOST_RESOURCES:
            raise Rejected(f"{server.host}: a Task refers to more than {MOST_RESOURCES} resources")
        resource = found[place] = _there(server, place)
        if resource is not None and place.type not in _ENDS:
            waiting += _own(resource, base)
    entries = [{"fullUrl": f"{base}/Task/{task['id']}", "resource": task}]
    entries += [{"fullUrl": f"{base}/{p.type}/{p.id}", "resource": r} for p, r in found.items() if r is not None]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def _own(resource: JsonObject, base: str) -> list[Location]:
    named = (referred(one, base) for one in references_in(resource))
    return [place for place in named if place is not None]


def _there(server: Server, place: Location) -> JsonObject | None:
    try:
        return server.perform(read(place.type, place.id)).resource
    except Rejected as error:
        if error.status not in {404, 410}:
            raise
        return None
