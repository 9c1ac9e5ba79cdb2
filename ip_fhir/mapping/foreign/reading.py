"""Plans as others write them: what says something sure is read, what was left unread is told, and all of it is kept.

An unprofiled CarePlan with Condition, Goal and ServiceRequest, as the national plan API and KommuneFHIR have it. What
would be a guess is refused, with its FHIRPath. Tables: mappings/variants/neighbour.toml and requests.toml.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.errors import Problem
from ip_fhir.fhir.bundle import entries_of
from ip_fhir.mapping.compiled import default
from ip_fhir.mapping.dialects.fhir.unread import unread
from ip_fhir.mapping.fhir_version import version_of
from ip_fhir.mapping.foreign.adapting import MARK, Dressed, dress

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from ip_fhir.domain.people import PlanOwner
    from ip_fhir.mapping.bundle.assembly import Found
    from ip_fhir.mapping.bundle.parts import Slot
    from ip_fhir.mapping.compiled import Mapping
    from ip_fhir.mapping.lenses.table import Lens
    from ip_fhir.mapping.tables.variants import FhirVersion


@dataclass(frozen=True, slots=True)
class Reading:
    """A plan, and what the bundle says besides: a warning for each place, with its FHIRPath."""

    plan: IndividualPlan
    warnings: tuple[Problem, ...]


def read_fhir(
    bundle: dict[str, Any],
    *,
    owner: PlanOwner | None = None,
    created: datetime | None = None,
    version: FhirVersion | None = None,
    mapping: Mapping | None = None,
) -> Reading:
    """The plan in another system's bundle, and what was left unread. Our own bundles read as `from_fhir` reads them.

    `mapping` is a site's, with its own rows and codes; its FHIR version is the one that is read.

    Where the bundle has no Patient, `owner` is the person who was asked for: the CarePlan's subject must be them.
    Where the CarePlan does not say when it was made, `created` does. Raises `InvalidInput` for what would be a guess.
    """
    mapping = mapping_for(bundle, version, mapping)
    if owner is None and created is None and is_ours(bundle):
        dressed = Dressed(bundle)
    else:
        dressed = dress(bundle, mapping, owner, None if created is None else created.isoformat())
    plan = mapping.assembly("plan").value(IndividualPlan, dressed.bundle)
    found = mapping.assembly("plan").find(entries_of(dressed.bundle))
    return Reading(plan, tuple(_warnings(found, dressed, mapping, len(bundle["entry"]))))


def put_read(
    plan: IndividualPlan, bundle: dict[str, Any], *, version: FhirVersion | None = None, mapping: Mapping | None = None
) -> dict[str, Any]:
    """Another system's bundle with what the plan says, and nothing else in it changed; `bundle` itself is not changed.

    Raises `InvalidInput` where their way of writing a plan has no place or no code for what the plan says.
    """
    mapping = mapping_for(bundle, version, mapping)
    dressed = dress(bundle, mapping, plan.owner, plan.created.isoformat())
    return dressed.undress(mapping.put_plan(plan, dressed.bundle))


def is_ours(bundle: Any) -> bool:
    """Whether a CarePlan in the bundle says that it is an individual plan, and holds its measures as ours do."""
    lens = default().lens("CarePlan").inner
    category = next(node for const, node in lens.consts if "plan-category" in const.place)
    plans = [entry.resource for entry in entries_of(bundle) if entry.type == "CarePlan"]
    return any(category.owns(plan) and not _refers(plan) for plan in plans)


def mapping_for(bundle: Any, version: FhirVersion | None = None, site: Mapping | None = None) -> Mapping:
    """The tables by which a bundle is read: by its FHIR version, whose it is, and where its measures stand.

    Of a site's tables if there is a site. Raises `InvalidInput` where the bundle is of another FHIR version than said.
    """
    known = version_of(bundle, version if site is None else site.version)
    site = site or default(known)
    if known == "R5" or is_ours(bundle):
        return site
    plans = [entry.resource for entry in entries_of(bundle) if entry.type == "CarePlan"]
    return site.varied("neighbour", "requests") if any(map(_refers, plans)) else site.varied("neighbour")


def _refers(plan: dict[str, Any]) -> bool:
    """Whether the CarePlan refers to its measures, and holds none itself."""
    activities = plan.get("activity")
    kinds = [a.keys() for a in activities if type(a) is dict] if type(activities) is list else []
    return any("reference" in kind for kind in kinds) and not any("detail" in kind for kind in kinds)


def _warnings(found: Found, dressed: Dressed, mapping: Mapping, count: int) -> Iterator[Problem]:
    """For each entry in its order, what of it was not read."""
    people = {slot.person.number: slot for slot in found.slots if slot.person is not None}
    slots = {slot.entry.number: slot for slot in found.slots}
    derived = mapping.assembly("plan").derived
    for entry in found.entries[:count]:
        number = entry.number
        if any(made.lens.owns(entry.resource) for made in derived):
            continue  # says again what the plan says
        if number == found.root.number:
            lens: Lens | None = mapping.assembly("plan").root
        elif number in people:
            lens = people[number].part.person
        else:
            lens = slots[number].part.lens if number in slots else None
        if lens is None:
            reason = dressed.hidden.get(number, "is no part of the plan as it is read here")
            yield _warning(entry.at, f"{reason}: not read")
            continue
        yield from _assumed(lens, slots.get(number), found)
        for path in unread(entry.resource, [lens.inner], found.links):
            yield _warning(f"{entry.at}.{path}".replace(MARK, ""), "is not read")


def _assumed(lens: Lens, slot: Slot | None, found: Found) -> Iterator[Problem]:
    """Fields that our own resources must have, and that were taken to be the default here."""
    ours = {row.field: row for row in default().tables.fields[lens.name].rows}
    for field in lens.inner.fields if slot is not None else ():
        row = field.row
        if row.default is None or row.field not in ours or not ours[row.field].required or slot is None:
            continue
        if field.is_silent(slot.entry.resource, found.links):
            yield _warning(
                f"{slot.entry.at}.{row.path[0].name}", f"says nothing that is known here: taken as {row.default!r}"
            )


def _warning(at: str, reason: str) -> Problem:
    return Problem(at, reason, "informational", "warning")
