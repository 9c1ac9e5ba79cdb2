"""Data that a participant wrote and no table names: found in its resources, and given back to it with its view.

A resource with such content is kept as it stands, but for its narrative and `meta`, with the ids of the view in its
references. Given back, the tables' fields are put onto it: what is not in the view leaves it. A kept resource of a part
that the view does not have is not given back; one that is no part of a plan always is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ip_fhir.domain.sharing.share import Kept
from ip_fhir.domain.values.value import read
from ip_fhir.errors import InvalidInput, Problem
from ip_fhir.fhir.json_text import dumps
from ip_fhir.fhir.reading import read_json
from ip_fhir.mapping.bundle.assembly import items_of
from ip_fhir.mapping.bundle.parts import PRACTITIONER
from ip_fhir.mapping.dialects.fhir.unread import unread
from ip_fhir.mapping.lenses.table import data_of
from ip_fhir.mapping.sharing.resources import plan_resources

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.fhir.bundle import BundleContent, Entry
    from ip_fhir.mapping.bundle.assembly import Assembly, Located
    from ip_fhir.mapping.compiled import Compiled
    from ip_fhir.mapping.lenses.references import Links
    from ip_fhir.mapping.lenses.table import Lens

_NOT_KEPT: Final = ("meta", "text")
"""A server's own, and the narrative: it may tell of what is closed to the participant meanwhile."""


def kept_in(
    plan: IndividualPlan, content: BundleContent, aside: Collection[int], compiled: Compiled
) -> tuple[Kept, ...]:
    """The resources with content that no row reads, by type and id; entries whose number is in `aside` are none.

    `plan` is the plan in the bundle: a resource that is as this library writes it has no such content. Raises
    `InvalidInput` for a kept resource whose id is none that the domain allows.
    """
    assembly = compiled.assembly("plan")
    own = {_name_of(resource): _content(resource) for resource in plan_resources(plan, compiled)}
    others = [
        entry
        for entry in content.entries
        if entry.number not in aside
        and own.get((entry.type, entry.id)) != _content(entry.resource)
        and not any(one.lens.owns(entry.resource) for one in assembly.derived)
    ]
    if not others:
        return ()
    located = assembly.locate(content.entries)
    readers = _readers(located, assembly)
    found = []
    for entry in others:
        ident, lens = readers.get(entry.place, (entry.id, None))
        resource = _own_part(entry, located)
        if lens is None or any(place != "text" for place in unread(resource, [lens.inner], located.links.of(entry))):
            found.append(_kept(ident, entry, _pointing(resource, entry, located)))
    return tuple(sorted(found, key=lambda one: (one.type, one.resource)))


def given_back(
    plan: IndividualPlan, resources: list[dict[str, Any]], kept: Sequence[Kept], compiled: Compiled
) -> list[dict[str, Any]]:
    """The plan's resources, the root last, with what was kept: the plan's fields are put onto the kept resources.

    Raises `InvalidInput` for kept data that is not the JSON of its resource.
    """
    assembly = compiled.assembly("plan")
    known = {(one.type, one.resource): _resource(number, one) for number, one in enumerate(kept)}
    data = data_of(plan)
    links = assembly.own_links(assembly.idents(data), data["id"])
    links.closed = False  # what was kept may refer to what is no part of the plan
    written = dict(_written(data, assembly))
    made = [
        _put(resource, known[name], *written[name], links) if (name := _name_of(resource)) in known else resource
        for resource in resources
    ]
    types = {type_ for type_, _ in written} | {str(part.lens.resource) for part in assembly.parts} | {PRACTITIONER}
    beside = [resource for (type_, _), resource in known.items() if type_ not in types]
    return [*made[:-1], *beside, made[-1]]


def _readers(located: Located, assembly: Assembly) -> dict[tuple[int, int | None], tuple[str, Lens]]:
    """The domain id and the lens by the place of each resource that is read."""
    found = {located.root.place: (located.root.id, assembly.root)}
    for slot in located.slots:
        found[slot.entry.place] = slot.ident, slot.part.lens
        if slot.person is not None and slot.part.person is not None:
            found[slot.person.place] = slot.ident, slot.part.person
    return found


def _own_part(entry: Entry, located: Located) -> dict[str, Any]:
    """The resource without those that it contains and that are read by themselves."""
    inside = {slot.entry.index for slot in located.slots if slot.entry.number == entry.number}
    there = entry.resource.get("contained")
    if entry.index is not None or not isinstance(there, list):
        return entry.resource
    left = [inner for index, inner in enumerate(there) if index not in inside]
    return {k: left if k == "contained" else v for k, v in entry.resource.items() if k != "contained" or left}


def _content(resource: dict[str, Any]) -> dict[str, Any]:
    """The resource without what is not kept of it."""
    return {name: value for name, value in resource.items() if name not in _NOT_KEPT}


def _kept(ident: str, entry: Entry, resource: dict[str, Any]) -> Kept:
    content = _content({**resource, "id": ident})
    try:
        return read(Kept, {"resource": ident, "type": entry.type, "data": dumps(content).decode()})
    except InvalidInput as error:
        raise InvalidInput(Problem(f"{entry.at}.id", p.reason, p.code) for p in error.problems) from None


def _pointing(node: Any, holder: Entry, located: Located) -> Any:
    """The node with references to the plan's resources as `Type/id`, by their ids in the plan."""
    if type(node) is list:
        return [_pointing(item, holder, located) for item in node]
    if type(node) is not dict:
        return node
    copy = {name: _pointing(value, holder, located) for name, value in node.items()}
    if type(reference := copy.get("reference")) is str:
        target = located.links.references.one(reference, holder)
        ident = None if target is None else located.links.idents.get(target.place)
        if target is not None and ident is not None:
            copy["reference"] = f"{target.type}/{ident}"
    return copy


def _resource(number: int, kept: Kept) -> dict[str, Any]:
    """The kept resource. Raises `InvalidInput` if it is not the JSON of one of its type and id."""
    try:
        resource = read_json(kept.data.encode())
    except InvalidInput as error:
        raise InvalidInput.at(f"kept.{number}.data", "is no JSON of a resource", "structure") from error
    if _name_of(resource) != (kept.type, kept.resource):
        raise InvalidInput.at(f"kept.{number}.data", "is a resource of another type or id", "structure")
    return resource


def _written(data: dict[str, Any], assembly: Assembly) -> Iterator[tuple[tuple[str, str], tuple[Any, Lens]]]:
    """Yield type and id of each resource of the plan, with the data and the lens by which it is written."""
    for part in assembly.parts:
        for item in items_of(data, part):
            yield (str(part.lens.resource), item["id"]), (item, part.lens)
            if part.person is not None:
                yield (PRACTITIONER, item["id"]), (item, part.person)
    yield (str(assembly.root.resource), data["id"]), (assembly.root_data(data), assembly.root)


def _put(
    resource: dict[str, Any], kept: dict[str, Any], item: dict[str, Any], lens: Lens, links: Links
) -> dict[str, Any]:
    made = lens.put(item, kept, links)
    meta = resource.get("meta")
    return made if meta is None else {**made, "meta": meta}


def _name_of(resource: dict[str, Any]) -> tuple[Any, Any]:
    return resource.get("resourceType"), resource.get("id")
