"""A whole written onto a bundle that is there: what it says changes, what it no longer has leaves, the rest stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.bundle import entries_of
from ip_fhir.mapping.bundle.assembly import items_of, new_resources
from ip_fhir.mapping.bundle.parts import reference_to
from ip_fhir.mapping.lenses.references import Links
from ip_fhir.mapping.lenses.table import data_of

if TYPE_CHECKING:
    from ip_fhir.fhir.bundle import Entry
    from ip_fhir.mapping.bundle.assembly import Assembly, Found
    from ip_fhir.mapping.bundle.derived import Derived
    from ip_fhir.mapping.bundle.parts import Part, Slot
    from ip_fhir.mapping.lenses.table import Lens


def put_onto(assembly: Assembly, whole: Any, bundle: dict[str, Any], base: str) -> dict[str, Any]:
    """The bundle with what `whole` says, and nothing else changed; new entries get a fullUrl under `base`.

    Raises `InvalidInput` where the bundle is about another person.
    """
    found = assembly.find(entries_of(bundle))
    data = data_of(whole)
    if found.links.owner != (data.get("owner") or {}).get("id"):
        raise InvalidInput.at("Bundle", "is about another person", "invariant")
    putting = _Putting(assembly, found, data, bundle, base)
    for part in assembly.parts:
        putting.part(part)
    putting.root()
    for derived in assembly.derived:
        putting.derived(derived, {item.id: item for item in derived.make(whole)})
    return putting.result()


class _Putting:
    """The bundle under change: by its number what becomes of an entry (None: it leaves), and what is added."""

    def __init__(
        self, assembly: Assembly, found: Found, data: dict[str, Any], bundle: dict[str, Any], base: str
    ) -> None:
        self.assembly, self.found, self.data, self.bundle, self.base = assembly, found, data, bundle, base
        self.links = _links_onto(assembly, data, found)
        self.places: dict[int, dict[str, Any] | None] = {}
        self.added: list[dict[str, Any]] = []

    def part(self, part: Part) -> None:
        """Bring the entries of one part up to date."""
        slots = {slot.ident: slot for slot in self.found.slots if slot.part is part}
        people: dict[int, dict[str, Any]] = {}
        before = len(self.added)
        entries = {item["id"]: self._item(part, item, slots, people) for item in items_of(self.data, part)}
        new_people, self.added = self.added[before:], self.added[:before]
        self.added += [*new_people, *self._placed(part, slots, entries)]
        self.places |= people

    def _placed(self, part: Part, slots: dict[str, Slot], entries: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
        """Give what stays its place and take out what leaves; what comes is given back, to be added at the end.

        Where the order of the entries is the order of the whole's list, the entries change places among themselves.
        """
        numbers = [slot.entry.number for slot in slots.values()]
        persons = [slot.person.number for slot in slots.values() if slot.person is not None]
        self.places |= dict.fromkeys([*numbers, *persons])
        if part.by_root:
            self.places |= {slots[i].entry.number: entry for i, entry in entries.items() if i in slots}
            return [entry for i, entry in entries.items() if i not in slots]
        in_order = list(entries.values())
        self.places |= dict(zip(numbers, in_order, strict=False))
        return in_order[len(numbers) :]

    def root(self) -> None:
        """Bring the resource that holds the whole together up to date."""
        entry = self.found.root
        new = self.assembly.root.put(self.assembly.root_data(self.data), entry.resource, self.links, entry.at)
        if entry.resource.get("id") is None and new["id"] == entry.id:  # its fullUrl says it
            new = {name: value for name, value in new.items() if name != "id"}
        self.places[entry.number] = self._replaced(entry, new)

    def derived(self, derived: Derived, items: dict[str, Any]) -> None:
        """Bring what is derived up to date, where what it is made from has changed."""
        found = self.found
        ids = {found.root.id, *(slot.ident for slot in found.slots), *items}
        for entry in (entry for entry in found.entries if derived.owns(entry, ids)):
            item, before = items.pop(entry.id, None), derived.source(found.data, entry.id)
            if before is not None and item is None:
                self.places[entry.number] = None
            elif before is not None and before != derived.source(self.data, entry.id):
                self.places[entry.number] = self._changed(derived.lens, entry, data_of(item))
        new = (item for ident, item in items.items() if derived.source(found.data, ident) is None)
        self.added += [self._entry(derived.lens.new(item, self.links)) for item in new]

    def result(self) -> dict[str, Any]:
        """The bundle as it is to be."""
        kept = (self.places.get(number, entry) for number, entry in enumerate(self.bundle["entry"]))
        return {**self.bundle, "entry": [*(entry for entry in kept if entry is not None), *self.added]}

    def _item(
        self, part: Part, item: dict[str, Any], slots: dict[str, Slot], people: dict[int, dict[str, Any]]
    ) -> dict[str, Any]:
        """The entry of one item; of a professional the role's, with the person's among `people`."""
        slot = slots.get(item["id"])
        if slot is None:
            *persons, resource = new_resources(part, item, self.links)
            self.added += map(self._entry, persons)
            return self._entry(resource)
        if slot.person is not None and part.person is not None:
            person = self._changed(part.person, slot.person, item)
            if people.setdefault(slot.person.number, person) != person:
                reason = "is one person in two roles, who cannot get two names or numbers"
                raise InvalidInput.at(slot.person.at, reason, "invariant")
        return self._changed(part.lens, slot.entry, item)

    def _changed(self, table: Lens, entry: Entry, item: dict[str, Any]) -> dict[str, Any]:
        ident = entry.resource.get("id")
        new = table.put(item if ident is None else {**item, "id": ident}, entry.resource, self.links, entry.at)
        return self._replaced(entry, new if ident is not None else {k: v for k, v in new.items() if k != "id"})

    def _replaced(self, entry: Entry, new: dict[str, Any]) -> dict[str, Any]:
        old: dict[str, Any] = self.bundle["entry"][entry.number]
        return old if new == entry.resource else {**old, "resource": new}

    def _entry(self, resource: dict[str, Any]) -> dict[str, Any]:
        url = f"{resource['resourceType']}/{resource['id']}"
        with_request = self.bundle.get("type") in ("transaction", "batch")
        request = {"request": {"method": "PUT", "url": url}} if with_request else {}
        return {"fullUrl": f"{self.base}/{url}", "resource": resource, **request}


def _links_onto(assembly: Assembly, data: dict[str, Any], found: Found) -> Links:
    """The bundle's own references for what stays, new ones for what comes.

    An id that has come to mean another kind of thing reads as unlike every id, so that it is written anew.
    """
    own = assembly.own_links(data)
    kind = {item["id"]: part for part in assembly.parts for item in items_of(data, part)}
    stays = {slot.ident for slot in found.slots if kind.get(slot.ident) is slot.part}
    kept = {i: ref for i, ref in found.links.references.items() if i.removeprefix("~") in stays}
    ids = {ref: i if i in stays else f"!{i}" for ref, i in found.links.ids.items()}
    whole = {f"={data['id']}": reference_to(found.root)}
    ids |= dict.fromkeys(found.root.references, data["id"])
    return Links({**own.references, **kept, **whole}, ids, own.owner)
