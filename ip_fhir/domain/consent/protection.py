"""Protected addresses (fortrolig, strengt fortrolig): withholds what would lead somebody to the person.

All that leaves is made of the value that `withheld` returns: messages, resources, documents, what is printed. Address,
municipality, contacts of the person and of their relatives, and the places of measures are left out, unless a person
of ours has ticked them for the one recipient (`domain.referral.Release`). Organisations stay whole, and so do those who
work with the person, by whom the loop is closed; only the contacts of a professional whose own address is graded, and
who does not coordinate, are left out.

Not seen through: free texts and attachments, which may name anything. Source: Normen (the health sector's norm for
information security), faktaark 55, on persons under threat whose address is graded in the population register.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar, cast

from ip_fhir.domain.people import Address, AddressProtection, Relationship

if TYPE_CHECKING:
    from collections.abc import Collection

    from ip_fhir.domain.notice import Notice
    from ip_fhir.domain.people import ContactPoint, PlanOwner, Professional, RelatedPerson
    from ip_fhir.domain.plan import IndividualPlan, Measure

    Person: TypeAlias = PlanOwner | RelatedPerson | Professional
    Reached = TypeVar("Reached", RelatedPerson, Professional)
    Protected = TypeVar("Protected", bound=IndividualPlan | Notice)


class LocatingPart(StrEnum):
    """A kind of information that leads to a person; each is released by itself."""

    ADDRESS = "address"  # street or box, postal code and postal place
    MUNICIPALITY = "municipality"  # of residence; the recipient unit's own number is not the person's
    CONTACTS = "contacts"  # phone, e-mail and other ways to reach the person
    PLACES = "places"  # where measures are carried out


EVERY_PART: Final = tuple(LocatingPart)
"""All of it: for a value that has been through `withheld` already."""

_NO_FAMILY = (Relationship.FRIEND, Relationship.GUARDIAN)
"""Relationships that tell nothing of where the owner lives: a protected guardian protects only themselves."""

_STRICTNESS: Final = tuple(AddressProtection)


def protection_of(value: IndividualPlan | Notice) -> AddressProtection | None:
    """Returns the strictest grading of the owner and all related persons; None if none of their addresses is graded."""
    gradings = (value.owner.protection, *(person.protection for person in value.related_persons))
    return max((one for one in gradings if one is not None), key=_STRICTNESS.index, default=None)


def is_strictly_confidential(value: IndividualPlan | Notice) -> bool:
    """True if the address of the owner or of a related person is strictly confidential."""
    return protection_of(value) is AddressProtection.STRICTLY_CONFIDENTIAL


def protected_persons(value: IndividualPlan | Notice) -> frozenset[str]:
    """Returns the ids of the persons whose whereabouts are withheld: those who are graded, and their relatives.

    The relatives of a graded owner are all related persons; those of a graded relative are the owner and all related
    persons, as a family may live together. A friend or guardian who is graded is alone, and so is a professional; one
    who coordinates can be reached all the same.
    """
    team = getattr(value, "team", None)
    coordinators = {place.holder for place in team.coordinators} if team is not None else set[str | None]()
    at_work = {p.id for p in value.professionals if p.protection is not None} - coordinators
    graded = [person for person in value.related_persons if person.protection is not None]
    if value.owner.protection is not None or any(person.relationship not in _NO_FAMILY for person in graded):
        return frozenset({value.owner.id, *(person.id for person in value.related_persons), *at_work})
    return frozenset({*(person.id for person in graded), *at_work})


def withheld(
    value: Protected,
    released: Collection[LocatingPart] = (),
    there: IndividualPlan | Notice | None = None,
    persons: Collection[str] | None = None,
) -> Protected:
    """Returns the plan or notice without the parts that lead to protected persons, but for those in `released`.

    `there` is the same plan or notice as the recipient has it: a part that is withheld stays as it is there, neither
    disclosed nor taken away. `persons` are the ids of those who are protected; None: as `protected_persons` returns
    them. Returns `value` itself if nothing is withheld.
    """
    parts = frozenset(EVERY_PART) - frozenset(released)
    if not parts:
        return value
    persons = protected_persons(value) if persons is None else persons
    if not persons:
        return value
    known = {} if there is None else _persons(there)
    owner = value.owner
    changes: dict[str, Any] = {
        "related_persons": tuple(
            _unreachable(person, parts, known.get(person.id)) if person.id in persons else person
            for person in value.related_persons
        ),
        "professionals": tuple(
            _unreachable(person, parts, known.get(person.id)) if person.id in persons else person
            for person in value.professionals
        ),
    }
    if owner.id in persons:
        changes["owner"] = _owner(owner, parts, known.get(owner.id))
        if LocatingPart.PLACES in parts and (measures := getattr(value, "measures", ())):
            changes["measures"] = _without_places(measures, getattr(there, "measures", ()))
    return cast("Protected", value.evolve(**changes))


def _persons(whole: IndividualPlan | Notice) -> dict[str, Person]:
    everybody: list[Person] = [whole.owner, *whole.related_persons, *whole.professionals]
    return {person.id: person for person in everybody}


def _owner(owner: PlanOwner, parts: frozenset[LocatingPart], known: Person | None) -> PlanOwner:
    address = _address(owner.address, parts, getattr(known, "address", None))
    return owner.evolve(contacts=_contacts(owner, parts, known), address=address)


def _unreachable(person: Reached, parts: frozenset[LocatingPart], known: Person | None) -> Reached:
    return person.evolve(contacts=_contacts(person, parts, known))


def _contacts(person: Person, parts: frozenset[LocatingPart], known: Person | None) -> tuple[ContactPoint, ...]:
    if LocatingPart.CONTACTS not in parts:
        return person.contacts
    return () if known is None else known.contacts


def _address(address: Address | None, parts: frozenset[LocatingPart], known: Address | None) -> Address | None:
    """Returns the address with each part from `address` if it is released, else from `known`; None if it is empty."""
    ours, theirs = address or Address(), known or Address()
    lines, within = (theirs if part in parts else ours for part in (LocatingPart.ADDRESS, LocatingPart.MUNICIPALITY))
    made = Address(lines=lines.lines, postal_code=lines.postal_code, city=lines.city, municipality=within.municipality)
    return made if made != Address() else None


def _without_places(measures: tuple[Measure, ...], there: tuple[Measure, ...]) -> tuple[Measure, ...]:
    known = {measure.id: measure.where for measure in there}
    return tuple(
        measure if measure.where == known.get(measure.id) else measure.evolve(where=known.get(measure.id))
        for measure in measures
    )
