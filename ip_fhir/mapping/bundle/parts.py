"""Finds the entries of a bundle that are parts of a whole, and the references between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ip_fhir.errors import InvalidInput, Problem
from ip_fhir.mapping.lenses.references import Links, references_in

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.fhir.bundle import Entry
    from ip_fhir.mapping.bundle.refusal import Refusal
    from ip_fhir.mapping.lenses.table import Lens

PRACTITIONER = "Practitioner"


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
    """A part found in a bundle: its domain id and its entry (for a professional the role's, and the person's)."""

    part: Part
    ident: str
    entry: Entry
    person: Entry | None = None


def people_of(entries: list[Entry]) -> dict[str, list[Entry]]:
    """The Practitioner entries by every reference that means them."""
    people: dict[str, list[Entry]] = {}
    for entry in entries:
        if entry.type == PRACTITIONER:
            for reference in set(entry.references):
                people.setdefault(reference, []).append(entry)
    return people


def slots_of(
    part: Part, entries: list[Entry], named: set[str] | None, people: dict[str, list[Entry]]
) -> Iterator[Slot]:
    """Yield the entries that are this part: owned by it and, unless `named` is None, named by the root.

    Raises `InvalidInput` if a role refers to two persons of the bundle.
    """
    for entry in entries:
        if not part.owns(entry.resource) or (named is not None and named.isdisjoint(entry.references)):
            continue
        person = next(iter(references_in(entry.resource.get("practitioner"))), "") if part.person is not None else ""
        found = people.get(person) or people.get(unversioned(person), [])
        if len(found) > 1:
            reason = "refers to two entries of the bundle"
            raise InvalidInput.at(f"{entry.at}.practitioner", reason, "multiple-matches")
        yield Slot(part, entry.id, entry, found[0] if found else None)


def refuse_doubles(slots: list[Slot]) -> None:
    """Raise `InvalidInput` if one reference means two entries: it cannot be told which one is meant."""
    owner: dict[str, int] = {}
    problems = [
        Problem(slot.entry.at, "has the id or fullUrl of another entry", "multiple-matches")
        for slot in slots
        if any(owner.setdefault(ref, slot.entry.number) != slot.entry.number for ref in slot.entry.references)
    ]
    if problems:
        raise InvalidInput(problems)


def links_between(slots: list[Slot]) -> Links:
    """The links of the slots, both ways. The second slot with an id gets a new one with its type in front.

    Raises `InvalidInput` for a third. Renamed slots are replaced in `slots`.
    """
    references: dict[str, str] = {}
    ids: dict[str, str] = {}
    owner = None
    for number, slot in enumerate(slots):
        ident = slot.ident if slot.ident not in references else f"{slot.entry.type}.{slot.ident}"[:64]
        if ident in references:
            raise InvalidInput.at(slot.entry.at, "has an id that two other entries have", "multiple-matches")
        if ident != slot.ident:
            slots[number] = slot = Slot(slot.part, ident, slot.entry, slot.person)  # noqa: PLW2901 - the renamed one
        if slot.part.field == "owner":
            owner = ident
        references[ident] = reference_to(slot.entry)
        ids.update(dict.fromkeys(slot.entry.references, ident))
        if slot.person is not None:
            references[f"~{ident}"] = reference_to(slot.person)
            for reference in slot.person.references:
                ids.setdefault(reference, ident)
    return Links(references, ids, owner)


def unversioned(reference: str) -> str:
    """The reference without `/_history/<version>` (http://hl7.org/fhir/R4/references.html)."""
    return reference.partition("/_history/")[0]


def reference_to(entry: Entry) -> str:
    """The reference by which other entries of the bundle refer to this one."""
    if entry.full_url is not None and entry.full_url.startswith("urn:"):
        return entry.full_url
    return f"{entry.type}/{entry.id}"
