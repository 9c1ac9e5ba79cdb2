"""The parts of a bundle about another person than the plan: a search may answer with several persons' plans."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ip_fhir.domain.values.ids import PersonIdKind
from ip_fhir.fhir.references import References

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ip_fhir.fhir.bundle import Entry
    from ip_fhir.mapping.compiled import Compiled

_NOT_BY_PLAN = ("Consent", "RelatedPerson")  # parts that no reference of the plan names: only their patient says whose
_OTHER = "is about another person than the plan"


def of_others(entries: Iterable[Entry], plan: Entry, site: Compiled) -> Iterator[tuple[int, str]]:
    """Yields the numbers of entries that are surely about another person than the plan, each with the reason.

    Their Patient and the plan's are both in the bundle, each with a number of the same register, and these differ. In
    any other case they are left to be read, or refused: a no of the plan's own person must never be lost.
    """
    several = list(entries)
    if sum(entry.type == "Patient" for entry in several) == 1:
        return
    links = References(several)
    owner = _patient(plan, "subject", links)
    if owner is None:
        return
    for entry in several:
        if entry.type in _NOT_BY_PLAN:
            person = _patient(entry, "patient", links)
            if person is not None and _differ(_numbers(person, site), _numbers(owner, site)):
                yield entry.number, _OTHER


def _patient(entry: Entry, element: str, links: References) -> Entry | None:
    """The one Patient that an element refers to; None if there is none, or several."""
    node = entry.resource.get(element)
    reference = node.get("reference") if type(node) is dict else None
    found = links.one(reference, entry) if type(reference) is str else None
    return found if found is not None and found.type == "Patient" else None


def _numbers(patient: Entry, site: Compiled) -> dict[str, set[Any]]:
    """A person's numbers by register, old ones too."""
    identifiers = patient.resource.get("identifier")
    found: dict[str, set[Any]] = {}
    for one in identifiers if type(identifiers) is list else ():
        for kind in PersonIdKind:
            if type(one) is dict and type(one.get("value")) is str and one.get("system") in site.systems.accepted(kind):
                found.setdefault(kind, set()).add(one["value"])
    return found


def _differ(some: dict[str, set[Any]], others: dict[str, set[Any]]) -> bool:
    """True if both have a number of one register, and they have no number in common."""
    common = some.keys() & others.keys()
    return bool(common) and all(some[kind].isdisjoint(others[kind]) for kind in common)
