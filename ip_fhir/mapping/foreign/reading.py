"""Reads plans as other systems write them, lists the places that were not read, and keeps those when it writes.

The plan is an unprofiled CarePlan with Condition, Goal and ServiceRequest, as the national plan API and KommuneFHIR
have it. Content that could only be guessed at is refused, with its FHIRPath. Tables: mappings/variants/neighbour.toml
and requests.toml.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.errors import Problem
from ip_fhir.fhir.bundle import Entry, entries_of
from ip_fhir.mapping.bundle.open_plan import put_onto
from ip_fhir.mapping.dialects.fhir.unread import MARK, unread
from ip_fhir.mapping.foreign.adapting import Adapted, adapt

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from ip_fhir.domain.people import PlanOwner
    from ip_fhir.fhir.bundle import Place
    from ip_fhir.mapping.bundle.assembly import Found
    from ip_fhir.mapping.bundle.parts import Slot
    from ip_fhir.mapping.compiled import Compiled
    from ip_fhir.mapping.lenses.table import Lens
    from ip_fhir.mapping.tables.model import Table


@dataclass(frozen=True, slots=True)
class Reading:
    """A plan, and a warning with the FHIRPath of each place in the bundle that was not read."""

    plan: IndividualPlan
    warnings: tuple[Problem, ...]


def read_fhir(
    bundle: dict[str, Any],
    site: Compiled,
    *,
    owner: PlanOwner | None = None,
    created: datetime | None = None,
) -> Reading:
    """Read the plan in a bundle of the FHIR version of `site`, with warnings for places not read; ours as `from_fhir`.

    `owner` is used if the bundle has no Patient: the CarePlan's subject must be this person. `created` (with time zone)
    is used if the CarePlan has no creation time. Raises `InvalidInput` wherever reading would need a guess.
    """
    compiled, adapted = _adapted(bundle, site, owner, None if created is None else created.isoformat())
    assembly = compiled.assembly("plan")
    found = assembly.find(entries_of(adapted.bundle))
    plan = assembly.checked(IndividualPlan, found)
    ours = site.tables.fields
    return Reading(plan, tuple(_warnings(found, adapted, compiled, ours, len(bundle["entry"]))))


def read_plan(bundle: dict[str, Any], site: Compiled) -> IndividualPlan:
    """Read the same plan as `read_fhir`, without looking for places not read."""
    compiled, adapted = _adapted(bundle, site)
    return compiled.assembly("plan").value(IndividualPlan, adapted.bundle)


def _adapted(
    bundle: dict[str, Any], site: Compiled, owner: PlanOwner | None = None, created: str | None = None
) -> tuple[Compiled, Adapted]:
    """The tables that read a bundle, and the bundle adapted to them; one of ours is not adapted."""
    compiled = variant_for(bundle, site)
    if owner is None and created is None and is_ours(bundle, site):
        return compiled, Adapted(bundle)
    return compiled, adapt(bundle, compiled, owner, created)


def put_read(plan: IndividualPlan, bundle: dict[str, Any], site: Compiled) -> dict[str, Any]:
    """Return a copy of another system's bundle, changed so that it says what `plan` says, and nowhere else.

    Raises `InvalidInput` if that system's way of writing a plan has no place or no code for a part of the plan.
    """
    compiled = variant_for(bundle, site)
    adapted = adapt(bundle, compiled, plan.owner, plan.created.isoformat())
    return adapted.restore(put_onto(compiled.assembly("plan"), plan, adapted.bundle))


class OpenForeignPlan:
    """A plan in another system's bundle: `plan` is the plan in it, `put` returns a bundle with a changed plan.

    The bundle itself is never changed; each put looks at all of it. Raises `InvalidInput` as `read_fhir`.
    """

    def __init__(self, bundle: dict[str, Any], site: Compiled) -> None:
        self.bundle = bundle
        self._site = site
        self.plan = read_plan(bundle, site)

    def put(self, plan: IndividualPlan) -> dict[str, Any]:
        """Return the bundle, changed so that it says what `plan` says, and nowhere else.

        Raises `InvalidInput` with the FHIRPath if the bundle has no place for a part of it, or is about another person.
        """
        return put_read(plan, self.bundle, self._site)


def is_ours(bundle: Any, site: Compiled) -> bool:
    """True if a CarePlan in the bundle has the category of an individual plan, and holds its measures as ours do.

    Raises `InvalidInput` if `bundle` is no Bundle.
    """
    lens = site.lens("CarePlan").inner
    category = next(node for const, node in lens.consts if "plan-category" in const.place)
    plans = [entry.resource for entry in entries_of(bundle) if entry.type == "CarePlan"]
    return any(category.owns(plan) and not _refers(plan) for plan in plans)


def variant_for(bundle: Any, site: Compiled) -> Compiled:
    """The variant of a site's tables that reads a bundle: chosen by who wrote it, and by where its measures are."""
    if site.version == "R5" or is_ours(bundle, site):
        return site
    plans = [entry.resource for entry in entries_of(bundle) if entry.type == "CarePlan"]
    return site.varied("neighbour", "requests") if any(map(_refers, plans)) else site.varied("neighbour")


def _refers(plan: dict[str, Any]) -> bool:
    """True if the CarePlan refers to its measures, and holds none itself."""
    activities = plan.get("activity")
    kinds = [a.keys() for a in activities if type(a) is dict] if type(activities) is list else []
    return any("reference" in kind for kind in kinds) and not any("detail" in kind for kind in kinds)


def _warnings(
    found: Found, adapted: Adapted, compiled: Compiled, ours: Mapping[str, Table], count: int
) -> Iterator[Problem]:
    """Yield a warning for each place that was not read, entry by entry; `ours` are the tables for our own bundles."""
    people = {slot.person.place: slot for slot in found.slots if slot.person is not None}
    slots = {slot.entry.place: slot for slot in found.slots}
    derived = compiled.assembly("plan").derived
    for entry in _resources(found.entries[:count], {found.root.place, *people, *slots}):
        place = entry.place
        if any(made.lens.owns(entry.resource) for made in derived):
            continue  # derived from the plan: nothing is lost
        if place == found.root.place:
            lens: Lens | None = compiled.assembly("plan").root
        elif place in people:
            lens = people[place].part.person
        else:
            lens = slots[place].part.lens if place in slots else None
        if lens is None:
            reason = adapted.hidden.get(place, "is no part of the plan as it is read here")
            yield _warning(entry.at, f"{reason}: not read")
            continue
        yield from _assumed(lens, slots.get(place), found, ours)
        for path in unread(entry.resource, [lens.inner], found.links.of(entry)):
            if path != "contained":  # told one by one
                yield _warning(f"{entry.at}.{path}".replace(MARK, ""), "is not read")


def _resources(entries: list[Entry], read: set[Place]) -> Iterator[Entry]:
    """Every entry, and after one that is read each resource that it contains."""
    for entry in entries:
        yield entry
        inside = entry.resource.get("contained") if entry.place in read else None
        for index, inner in enumerate(inside if type(inside) is list else ()):
            yield Entry(entry.number, None, inner if type(inner) is dict else {}, container=entry, index=index)


def _assumed(lens: Lens, slot: Slot | None, found: Found, ours: Mapping[str, Table]) -> Iterator[Problem]:
    """Yield a warning for each field that our own resources must have, and that was missing and read as the default."""
    required = {row.field for row in ours[lens.name].rows if row.required}
    for field in lens.inner.fields if slot is not None else ():
        row = field.row
        if row.default is None or row.field not in required or slot is None:
            continue
        if field.is_silent(slot.entry.resource, found.links.of(slot.entry)):
            yield _warning(
                f"{slot.entry.at}.{row.path[0].name}", f"says nothing that is known here: taken as {row.default!r}"
            )


def _warning(at: str, reason: str) -> Problem:
    return Problem(at, reason, "informational", "warning")
