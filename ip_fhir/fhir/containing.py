"""A resource of a Bundle made to stand alone: the resources that it refers to are contained in it.

A message or transaction brings people and organisations that have no address of their own here; without them the stored
ServiceRequest would refer to nothing. http://hl7.org/fhir/R4/references.html#contained
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ip_fhir.fhir.bundle import Entry
from ip_fhir.fhir.references import references_in

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ip_fhir.fhir.bundle import Place
    from ip_fhir.fhir.references import References
    from ip_fhir.ports import JsonObject


def standing_alone(resource: JsonObject, links: References, addressed: Collection[str] = ()) -> JsonObject:
    """Returns a copy of `resource` that contains those of a bundle that it refers to, directly or through others.

    Types in `addressed` have an address of their own and are left out. So are resources that have contained ones
    themselves, which cannot be nested.
    """
    itself = next((one for one in links.entries if one.resource is resource), Entry(-1, None, resource))
    there = resource.get("contained", [])
    ids = {inner.get("id") for inner in there if isinstance(inner, dict)}
    inside: dict[Place, str] = {}
    taken: list[Entry] = []
    waiting = [itself]
    while waiting:
        holder = waiting.pop()
        for reference in references_in(holder.resource):
            entry = links.one(reference, holder)
            if entry is None or entry is itself or entry.place in inside or not _may_be_inside(entry, addressed):
                continue
            ident = entry.id if entry.id not in ids else f"{entry.type}.{entry.id}"
            ids.add(ident)
            inside[entry.place] = f"#{ident}"
            taken.append(entry)
            waiting.append(entry)
    contained = [{**_pointing_inside(e.resource, e, links, inside), "id": inside[e.place][1:]} for e in taken]
    alone: JsonObject = _pointing_inside(resource, itself, links, inside)
    return {**alone, "contained": [*there, *contained]} if contained else alone


def _may_be_inside(entry: Entry, addressed: Collection[str]) -> bool:
    return entry.container is None and entry.type not in addressed and "contained" not in entry.resource


def _pointing_inside(node: Any, holder: Entry, links: References, inside: Mapping[Place, str]) -> Any:
    """Returns a copy in which references point to contained resources. Recursive: the reader has bounded the depth."""
    if isinstance(node, list):
        return [_pointing_inside(v, holder, links, inside) if isinstance(v, dict | list) else v for v in node]
    copy = {k: _pointing_inside(v, holder, links, inside) if isinstance(v, dict | list) else v for k, v in node.items()}
    if isinstance(copy.get("reference"), str):
        entry = links.one(copy["reference"], holder)
        copy["reference"] = copy["reference"] if entry is None else inside.get(entry.place, copy["reference"])
    return copy
