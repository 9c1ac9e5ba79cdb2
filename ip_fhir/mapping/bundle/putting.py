"""Writes a whole onto an existing bundle: changed parts are written, missing parts removed, everything else is kept.

The caller gives the whole that the bundle is known to hold, and only fields that differ from it are looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ip_fhir.errors import InvalidInput
from ip_fhir.mapping.bundle.assembly import new_resources
from ip_fhir.mapping.bundle.parts import reference_to
from ip_fhir.mapping.lenses.references import Links
from ip_fhir.mapping.lenses.table import data_of

if TYPE_CHECKING:
    from ip_fhir.domain.values.value import Value
    from ip_fhir.fhir.bundle import Entry
    from ip_fhir.mapping.bundle.assembly import Assembly, Located
    from ip_fhir.mapping.bundle.derived import Derived
    from ip_fhir.mapping.bundle.parts import Part, Slot
    from ip_fhir.mapping.lenses.table import Lens


@dataclass(frozen=True, slots=True)
class WholeFields:
    """The fields of a whole: of a domain value, or of data in JSON form if a bundle holds no valid domain value."""

    whole: Value | dict[str, Any]

    def field(self, name: str) -> Any:
        """The field; None or an empty list where there is none."""
        return self.whole.get(name) if isinstance(self.whole, dict) else getattr(self.whole, name)

    def items(self, part: Part) -> dict[str, Any]:
        """The values of a part by id, in their order."""
        found = self.field(part.field)
        several = () if not found else (found,) if part.one else found
        return {item["id"] if isinstance(item, dict) else item.id: item for item in several}

    def changed(self, other: WholeFields) -> set[str]:
        """The names of fields in which another whole differs."""
        before, after = (w if isinstance(w, dict) else vars(w) for w in (self.whole, other.whole))
        removed = before.keys() - after.keys()  # of data only: a value has all its fields
        return {n for n, v in after.items() if v is not (old := before.get(n)) and v != old} | removed

    def data(self, names: set[str]) -> dict[str, Any]:
        """These fields in JSON form."""
        if isinstance(self.whole, dict):
            return {name: value for name, value in self.whole.items() if name in names}
        return self.whole.model_dump(mode="json", exclude_none=True, include=names)


@dataclass(frozen=True)
class KnownBundle:
    """A bundle, the whole that it is known to hold, and the entries that hold it."""

    assembly: Assembly
    bundle: dict[str, Any]
    entries: list[Entry]
    located: Located
    known: WholeFields

    @cached_property
    def parts(self) -> dict[str, Part]:
        """The parts of the whole by field."""
        return {part.field: part for part in self.assembly.parts}

    @cached_property
    def slots(self) -> dict[tuple[str, str], Slot]:
        """The slots of the known whole by field and id; other slots of the bundle are left out."""
        mine = {(part.field, ident) for part in self.assembly.parts for ident in self.known.items(part)}
        found = {(slot.part.field, slot.ident): slot for slot in self.located.slots}
        return {key: slot for key, slot in found.items() if key in mine}

    @cached_property
    def links(self) -> Links:
        """The bundle's own references, for a put that neither adds nor removes entries."""
        found, whole = self.located, self.known.field("id")
        references = {**found.links.references, f"={whole}": reference_to(found.root)}
        ids = {**found.links.ids, **dict.fromkeys(found.root.references, whole)}
        return Links(references, ids, found.links.owner)

    def put(self, whole: Value, base: str) -> dict[str, Any]:
        """Return the bundle with `whole` in place of the known one; new entries get a fullUrl under `base`.

        Raises `InvalidInput` with the FHIRPath if the bundle has no place for a part of it, or is about another person.
        """
        owner = getattr(whole, "owner", None)
        if self.located.links.owner != (None if owner is None else owner.id):
            raise InvalidInput.at("Bundle", "is about another person", "invariant")
        wanted = WholeFields(data_of(whole)) if isinstance(self.known.whole, dict) else WholeFields(whole)
        return _BundleUpdate(self, whole, wanted, base).result()


class _BundleUpdate:
    """One put under way: `places` has the new entry by number (None: it is removed), `added` the additional entries."""

    def __init__(self, onto: KnownBundle, whole: Value, wanted: WholeFields, base: str) -> None:
        self.onto, self.whole, self.wanted, self.base = onto, whole, wanted, base
        self.known, self.bundle, self.root = onto.known, onto.bundle, onto.located.root
        self.places: dict[int, dict[str, Any] | None] = {}
        self.added: list[dict[str, Any]] = []
        self.changed = self.known.changed(wanted)
        self.parts = onto.parts
        self.moving = {name for name in self.changed if name in self.parts and self._moves(self.parts[name])}
        in_place = not self.moving and "id" not in self.changed
        self.links = onto.links if in_place else _links_onto(onto, wanted)
        # If an id now means another kind of value, or the whole has another id, every reference is written anew.
        self.anew = not in_place and self._means_another()

    def result(self) -> dict[str, Any]:
        """The updated bundle."""
        for name, part in self.parts.items():
            if name in self.changed or self.anew:
                self._part(part)
        self._root()
        for derived in self.onto.assembly.derived:
            if self.anew or self.changed & {"id", *derived.fields}:
                self._derived(derived, {item.id: item for item in derived.make(self.whole)})
        entries = [*self.bundle["entry"], *self.added]
        for number, entry in self.places.items():
            entries[number] = entry
        if None in self.places.values():
            entries = [entry for entry in entries if entry is not None]
        return {**self.bundle, "entry": entries}

    def _moves(self, part: Part) -> bool:
        """True if values of the part are added, removed or reordered."""
        return [*self.known.items(part)] != [*self.wanted.items(part)]

    def _means_another(self) -> bool:
        if "id" in self.changed:
            return True
        before = {ident: part.field for part in self.parts.values() for ident in self.known.items(part)}
        after = {ident: part.field for part in self.parts.values() for ident in self.wanted.items(part)}
        return any(after.get(ident, field) != field for ident, field in before.items())

    def _part(self, part: Part) -> None:
        """Bring the entries of one part up to date."""
        known = self.known.items(part)
        slots = {ident: slot for ident in known if (slot := self.onto.slots.get((part.field, ident)))}
        people: dict[int, dict[str, Any]] = {}
        before = len(self.added)
        self._expect_removable(part, known, slots)
        entries = {
            ident: self._item(part, item, known.get(ident), slots.get(ident), people)
            for ident, item in self.wanted.items(part).items()
        }
        new_people, self.added = self.added[before:], self.added[:before]
        self.added += [*new_people, *self._placed(part, slots, entries)]
        self.places |= people

    def _expect_new(self, part: Part, ident: str) -> None:
        """Raise `InvalidInput` if a resource of this id is in the bundle, out of sight: it would be there twice."""
        there = next((e for e in self.onto.entries if e.type == part.lens.resource and e.id == ident), None)
        if there is not None:
            raise InvalidInput.at(
                there.at, "is no part of the whole, and has the id of what is to be added", "duplicate"
            )

    def _expect_removable(self, part: Part, known: dict[str, Any], slots: dict[str, Slot]) -> None:
        """Raise `InvalidInput` if a value is missing now that stands in for what cannot be kept whole."""
        if part.in_doubt is not None:
            left = self.wanted.items(part)
            for ident in (ident for ident in slots if ident not in left):
                part.in_doubt.expect_whole(ident, slots[ident].entry, known[ident], self.onto.located.links)

    def _placed(self, part: Part, slots: dict[str, Slot], entries: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
        """Put each kept entry in its place and remove the others. Returns the new entries, to be added at the end.

        If the entries' order is the order of the whole's list (not `by_root`), they change places among themselves.
        """
        numbers = sorted(slot.entry.number for slot in slots.values())
        persons = [slot.person.number for slot in slots.values() if slot.person is not None]
        self.places |= dict.fromkeys([*numbers, *persons])
        if part.by_root:
            self.places |= {slots[i].entry.number: entry for i, entry in entries.items() if i in slots}
            return [entry for i, entry in entries.items() if i not in slots]
        in_order = list(entries.values())
        self.places |= dict(zip(numbers, in_order, strict=False))
        return in_order[len(numbers) :]

    def _item(
        self, part: Part, item: Any, known: Any, slot: Slot | None, people: dict[int, dict[str, Any]]
    ) -> dict[str, Any]:
        """The entry of one item; for a professional the role's, while the person's is put in `people`."""
        if slot is None:
            self._expect_new(part, item.id if not isinstance(item, dict) else item["id"])
            *persons, resource = new_resources(part, data_of(item), self.links)
            self.added += map(self._entry, persons)
            return self._entry(resource)
        equal = item is known or item == known
        if part.in_doubt is not None and not equal:
            part.in_doubt.expect_whole(slot.ident, slot.entry, known, self.onto.located.links)
        if (
            self.anew
            and part.in_doubt is not None
            and part.in_doubt.stands_in(slot.ident, slot.entry, known, self.onto.located.links)
        ):
            return self._old(slot.entry)
        same = not self.anew and equal
        if slot.person is not None and part.person is not None:
            person = self._put(part.person, slot.person, item, known, same=same)
            if people.setdefault(slot.person.number, person) != person:
                reason = "is one person in two roles, who cannot get two names or numbers"
                raise InvalidInput.at(slot.person.at, reason, "invariant")
        return self._put(part.lens, slot.entry, item, known, same=same)

    def _put(self, lens: Lens, entry: Entry, item: Any, known: Any, *, same: bool) -> dict[str, Any]:
        if same:
            return self._old(entry)
        ident = entry.resource.get("id")
        says = {} if ident is None else {"id": ident}  # the resource keeps its own id, also if the whole uses another
        there = None if self.anew else {**data_of(known), **says}
        new = lens.put({**data_of(item), **says}, entry.resource, self.links, entry.at, there)
        return self._replaced(entry, new if ident is not None else {k: v for k, v in new.items() if k != "id"})

    def _root(self) -> None:
        """Bring the root resource up to date."""
        own = {name for name in self.changed if name not in self.parts}
        listed = {name for name in self.moving if self.parts[name].by_root}
        if not (self.anew or own or listed):
            return
        lens, entry = self.onto.assembly.root, self.root
        whole = self.anew or lens.inner.has_dependent_rows
        known = None if self.anew else self._root_data(self.known, None if whole else own | listed)
        data = self._root_data(self.wanted, None if whole else own | listed)
        new = lens.put(data, entry.resource, self.links, entry.at, known)
        if entry.resource.get("id") is None and new.get("id") == entry.id:  # the id is in its fullUrl only
            new = {name: value for name, value in new.items() if name != "id"}
        self.places[entry.number] = self._replaced(entry, new)

    def _root_data(self, said: WholeFields, names: set[str] | None) -> dict[str, Any]:
        """These fields of the root (None: all), with the values of parts replaced by their ids."""
        whole = said.whole
        every = {*(whole if isinstance(whole, dict) else type(whole).model_fields)} if names is None else names
        data = said.data({name for name in every if name not in self.parts})
        for name, part in self.parts.items():
            if name in every and part.by_root and (idents := [*said.items(part)]):
                data[name] = idents[0] if part.one else idents
        return data

    def _derived(self, derived: Derived, items: dict[str, Any]) -> None:
        """Bring derived resources of one kind up to date, if their source has changed."""
        fields = {"id", *derived.fields}
        known, wanted = self.known.data(fields), self.wanted.data(fields)
        ids = {self.root.id, *(slot.ident for slot in self.onto.slots.values()), *items}
        for entry in (entry for entry in self.onto.entries if derived.owns(entry, ids)):
            item, before = items.pop(entry.id, None), derived.source(known, entry.id)
            if before is not None and item is None:
                self.places[entry.number] = None
            elif before is not None and before != derived.source(wanted, entry.id):
                new = derived.lens.put(data_of(item), entry.resource, self.links, entry.at)
                self.places[entry.number] = self._replaced(entry, new)
        new_items = (item for ident, item in items.items() if derived.source(known, ident) is None)
        self.added += [self._entry(derived.lens.new(item, self.links)) for item in new_items]

    def _old(self, entry: Entry) -> dict[str, Any]:
        old: dict[str, Any] = self.bundle["entry"][entry.number]
        return old

    def _replaced(self, entry: Entry, new: dict[str, Any]) -> dict[str, Any]:
        old = self._old(entry)
        return old if new == entry.resource else {**old, "resource": new}

    def _entry(self, resource: dict[str, Any]) -> dict[str, Any]:
        url = f"{resource['resourceType']}/{resource['id']}"
        with_request = self.bundle.get("type") in ("transaction", "batch")
        request = {"request": {"method": "PUT", "url": url}} if with_request else {}
        return {"fullUrl": f"{self.base}/{url}", "resource": resource, **request}


def _links_onto(onto: KnownBundle, wanted: WholeFields) -> Links:
    """The bundle's own references for values that stay, new ones for values that are added.

    A reference to anything else reads as an id with `!` in front, which equals no id, so that it is written anew.
    """
    found, assembly = onto.located, onto.assembly
    items = {part.field: wanted.items(part) for part in assembly.parts}
    own = assembly.own_links(items, wanted.field("id"))
    kind = {ident: part for part in assembly.parts for ident in items[part.field]}
    stays = {slot.ident for slot in onto.slots.values() if kind.get(slot.ident) is slot.part}
    kept = {i: ref for i, ref in found.links.references.items() if i.removeprefix("~") in stays}
    ids = {ref: i if i in stays else f"!{i}" for ref, i in found.links.ids.items()}
    whole = {f"={wanted.field('id')}": reference_to(found.root)}
    ids |= dict.fromkeys(found.root.references, wanted.field("id"))
    return Links({**own.references, **kept, **whole}, ids, own.owner)
