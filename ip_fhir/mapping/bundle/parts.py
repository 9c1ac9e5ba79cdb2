"""Finds the resources of a bundle that are parts of a whole, and gives each an id of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ip_fhir.errors import InvalidInput, Problem
from ip_fhir.fhir.references import references_in

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ip_fhir.fhir.bundle import Entry, Place
    from ip_fhir.fhir.references import References
    from ip_fhir.mapping.bundle.refusal import Refusal
    from ip_fhir.mapping.lenses.table import Lens

PRACTITIONER = "Practitioner"
_LONGEST_ID = 64


@dataclass(frozen=True, slots=True)
class Part:
    """One field of the whole and the lens of its resources; for professionals also the lens of the person.

    `by_root`: the root resource refers to its entries. `one`: the field has a single value, not a list. `in_doubt`: the
    rule for an entry that cannot be kept whole; without one, such an entry is an error.
    """

    field: str
    lens: Lens
    person: Lens | None = None
    by_root: bool = False
    one: bool = False
    in_doubt: Refusal | None = None

    @property
    def table(self) -> str:
        """The name of the table."""
        return self.lens.name

    def owns(self, resource: dict[str, Any]) -> bool:
        """True for a resource that is read as this part."""
        return self.lens.owns(resource) or (self.in_doubt is not None and self.in_doubt.counts(resource))


@dataclass(frozen=True, slots=True)
class Slot:
    """A part found in a bundle: its domain id and its resource (for a professional the role's, and the person's)."""

    part: Part
    ident: str
    entry: Entry
    person: Entry | None = None


def places_of(slot: Slot) -> Iterator[Place]:
    """Yield the places of a slot's resources: one, or for a professional the role's and the person's."""
    yield slot.entry.place
    if slot.person is not None:
        yield slot.person.place


def slots_of(part: Part, entries: Iterable[Entry], named: set[Place] | None, links: References) -> Iterator[Slot]:
    """Yield the resources that are this part: owned by it and, unless `named` is None, named by the root.

    Raises `InvalidInput` if a role refers to two persons of the bundle.
    """
    for entry in entries:
        if not part.owns(entry.resource) or (named is not None and entry.place not in named):
            continue
        found = _people(entry, links) if part.person is not None else []
        if len(found) > 1:
            reason = "refers to two entries of the bundle"
            raise InvalidInput.at(f"{entry.at}.practitioner", reason, "multiple-matches")
        yield Slot(part, entry.id, entry, found[0] if found else None)


def _people(role: Entry, links: References) -> list[Entry]:
    """The Practitioners that a role's first reference to one means."""
    reference = next(iter(references_in(role.resource.get("practitioner"))), "")
    return [entry for entry in links.meant_by(reference, role) if entry.type == PRACTITIONER]


def refuse_doubles(slots: list[Slot], links: References) -> None:
    """Raise `InvalidInput` if one reference means two entries: it cannot be told which one is meant."""
    owner: dict[str, Place] = {}
    problems = [
        Problem(slot.entry.at, "has the id or fullUrl of another entry", "multiple-matches")
        for slot in slots
        if any(owner.setdefault(name, slot.entry.place) != slot.entry.place for name in links.names(slot.entry))
    ]
    if problems:
        raise InvalidInput(problems)


def with_own_ids(slots: list[Slot], links: References) -> list[Slot]:
    """The slots, each with a domain id of its own: its resource's, or one with the type or the container in front.

    The ids do not depend on the order of the entries. Raises `InvalidInput` for a slot for which there is no id left.
    """
    parts: dict[str, int] = {}
    for slot in slots:
        parts.setdefault(slot.part.field, len(parts))
    in_order = sorted(slots, key=lambda slot: (parts[slot.part.field], links.names(slot.entry)[0]))
    taken: set[str] = set()
    idents: dict[Place, str] = {}
    for slot in in_order:
        ident = next((one for one in _ids(slot.entry) if one not in taken), None)
        if ident is None:
            raise InvalidInput.at(slot.entry.at, "has an id that two other entries have", "multiple-matches")
        taken.add(ident)
        idents[slot.entry.place] = ident
    wanted = [(slot, idents[slot.entry.place]) for slot in slots]
    return [slot if slot.ident == ident else replace(slot, ident=ident) for slot, ident in wanted]


def _ids(entry: Entry) -> Iterator[str]:
    """The ids that a resource may get in the domain, the best one first."""
    yield entry.id
    yield f"{entry.type}.{entry.id}"[:_LONGEST_ID]
    if entry.container is not None:
        yield f"{entry.container.id}.{entry.id}"[:_LONGEST_ID]
        yield f"{entry.container.type}.{entry.container.id}.{entry.id}"[:_LONGEST_ID]
