"""A resource of a Bundle made to stand alone: the resources that it refers to are contained in it.

A message or transaction brings people and organisations that have no address of their own here; without them the stored
ServiceRequest would refer to nothing. http://hl7.org/fhir/R4/references.html#contained
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from ip_fhir.fhir.bundle import Entry
    from ip_fhir.ports import JsonObject


def standing_alone(resource: JsonObject, entries: Iterable[Entry], addressed: Collection[str] = ()) -> JsonObject:
    """Returns a copy of `resource` that contains those of `entries` that it refers to, directly or through others.

    Types in `addressed` have an address of their own and are left out. So are resources that have contained ones
    themselves, which cannot be nested.
    """
    known = {
        reference: entry
        for entry in entries
        if entry.resource is not resource and entry.type not in addressed and "contained" not in entry.resource
        for reference in entry.references
    }
    there = resource.get("contained", [])
    taken: dict[str, JsonObject] = {}
    waiting: list[Any] = [resource]
    while waiting:
        for reference in _references(waiting.pop()):
            entry = known.get(reference)
            if entry is not None and entry.id not in taken:
                taken[entry.id] = entry.resource
                waiting.append(entry.resource)
    inside = {reference: f"#{entry.id}" for reference, entry in known.items() if entry.id in taken}
    contained = [_pointing_inside({**r, "id": id_}, inside) for id_, r in taken.items()]
    alone: JsonObject = _pointing_inside(resource, inside)
    return {**alone, "contained": [*there, *contained]} if contained else alone


def _references(node: Any) -> list[str]:
    """Returns every reference below a node."""
    found: list[str] = []
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict) and isinstance(node.get("reference"), str):
            found.append(node["reference"])
        children = node.values() if isinstance(node, dict) else node
        waiting += [child for child in children if isinstance(child, dict | list)]
    return found


def _pointing_inside(node: Any, inside: dict[str, str]) -> Any:
    """Returns a copy in which references point to contained resources. Recursive: the reader has bounded the depth."""
    if isinstance(node, list):
        return [_pointing_inside(item, inside) if isinstance(item, dict | list) else item for item in node]
    copy = {k: _pointing_inside(v, inside) if isinstance(v, dict | list) else v for k, v in node.items()}
    if isinstance(copy.get("reference"), str):
        copy["reference"] = inside.get(copy["reference"], copy["reference"])
    return copy
