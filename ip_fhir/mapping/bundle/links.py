"""The links of a whole in a bundle: for each resource, what its references mean, and how it refers to others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ip_fhir.mapping.lenses.references import Links
from ip_fhir.mapping.lenses.wrong import Wrong

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ip_fhir.fhir.bundle import Entry, Place
    from ip_fhir.fhir.references import References
    from ip_fhir.mapping.bundle.parts import Slot


@dataclass(frozen=True)
class BundleLinks:
    """The links of a whole in a bundle.

    `idents` gives the place of a resource its domain id, `targets` a domain id its resource (`~id` is the person behind
    a role, `=id` the whole).
    """

    references: References
    idents: Mapping[Place, str]
    targets: Mapping[str, Entry]
    owner: str | None

    def of(self, holder: Entry) -> Links:
        """The links as the references of one resource mean them."""
        return _HeldLinks(self, holder)


class _HeldLinks(Links):
    """The links of one resource of a bundle: a reference is looked up from where it stands."""

    __slots__ = ("_bundle", "_holder")

    def __init__(self, bundle: BundleLinks, holder: Entry) -> None:
        super().__init__({}, {}, bundle.owner)
        self._bundle, self._holder = bundle, holder

    def reference(self, ident: str) -> str:
        """The reference that stands for a domain id in this resource."""
        target = self._bundle.targets.get(ident)
        if target is None:
            return super().reference(ident)
        found = self._bundle.references.between(self._holder, target)
        if found is None:
            reason = "would refer to a resource that FHIR lets nothing refer to from here"
            raise Wrong(reason, "business-rule")
        return found

    def ident(self, reference: str) -> str:
        """The domain id that a reference in this resource means."""
        target = self._bundle.references.one(reference, self._holder)
        found = None if target is None else self._bundle.idents.get(target.place)
        return super().ident(reference) if found is None else found


def links_between(slots: Iterable[Slot], references: References) -> BundleLinks:
    """The links of the slots, both ways. A professional's id stands for the role and for the person."""
    idents: dict[Place, str] = {}
    targets: dict[str, Entry] = {}
    people: dict[Place, str] = {}
    owner = None
    for slot in sorted(slots, key=lambda slot: slot.ident):  # whose person two roles share is the first, in any order
        if slot.part.field == "owner":
            owner = slot.ident
        targets[slot.ident] = slot.entry
        idents[slot.entry.place] = slot.ident
        if slot.person is not None:
            targets[f"~{slot.ident}"] = slot.person
            people.setdefault(slot.person.place, slot.ident)
    return BundleLinks(references, {**people, **idents}, targets, owner)
