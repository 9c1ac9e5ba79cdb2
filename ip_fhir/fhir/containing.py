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
    """Returns `resource` with those of a bundle contained in it that it refers to, directly or through others.

    Types in `addressed` have an address of their own and are left out. So are resources that have contained ones
    themselves, which cannot be nested. What changes is copied; a resource without such references is used as it is.
    """
    itself = next((one for one in links.entries if one.resource is resource), Entry(-1, None, resource))
    there = resource.get("contained", [])
    ids = {inner.get("id") for inner in there if isinstance(inner, dict)}
    inside: dict[Place, str] = {}
    meant: dict[Place, dict[str, Place]] = {}
    taken: list[Entry] = []
    waiting = [itself]
    while waiting:
        holder = waiting.pop()
        named = meant[holder.place] = {}
        for reference in references_in(holder.resource):
            entry = links.one(reference, holder)
            if entry is None or entry is itself or not _may_be_inside(entry, addressed):
                continue
            named[reference] = entry.place
            if entry.place in inside:
                continue
            ident = entry.id if entry.id not in ids else f"{entry.type}.{entry.id}"
            ids.add(ident)
            inside[entry.place] = f"#{ident}"
            taken.append(entry)
            waiting.append(entry)

    def pointing_inside(entry: Entry) -> JsonObject:
        moved = {reference: inside[place] for reference, place in meant[entry.place].items()}
        return _moved(entry.resource, moved) if moved else entry.resource

    alone = pointing_inside(itself)
    contained = [{**pointing_inside(entry), "id": inside[entry.place][1:]} for entry in taken]
    return {**alone, "contained": [*there, *contained]} if contained else alone


def _may_be_inside(entry: Entry, addressed: Collection[str]) -> bool:
    return entry.container is None and entry.type not in addressed and "contained" not in entry.resource


def _moved(node: Any, moved: Mapping[str, str]) -> Any:
    """Returns a copy with other references, by the present ones. Recursive: the reader has bounded the depth."""
    if type(node) is list:
        return [_moved(value, moved) if type(value) is dict or type(value) is list else value for value in node]
    copy = {k: _moved(v, moved) if type(v) is dict or type(v) is list else v for k, v in node.items()}
    reference = copy.get("reference")
    if type(reference) is str and reference in moved:
        copy["reference"] = moved[reference]
    return copy
