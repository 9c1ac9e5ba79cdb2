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
from ip_fhir.mapping.bundle.open_plan import put_onto
from ip_fhir.mapping.dialects.fhir.unread import unread
from ip_fhir.mapping.foreign.adapting import MARK, Dressed, dress

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from ip_fhir.domain.people import PlanOwner
    from ip_fhir.mapping.bundle.assembly import Found
    from ip_fhir.mapping.bundle.parts import Slot
    from ip_fhir.mapping.compiled import Compiled
    from ip_fhir.mapping.lenses.table import Lens
    from ip_fhir.mapping.tables.model import Table


@dataclass(frozen=True, slots=True)
class Reading:
    """A plan, and what the bundle says besides: a warning for each place, with its FHIRPath."""

    plan: IndividualPlan
    warnings: tuple[Problem, ...]


def read_fhir(
    bundle: dict[str, Any],
    site: Compiled,
    *,
    owner: PlanOwner | None = None,
    created: datetime | None = None,
) -> Reading:
    """The plan in a bundle of the FHIR version that `site` has, and what was left unread; ours as `from_fhir` does.

    Where the bundle has no Patient, `owner` is the person who was asked for: the CarePlan's subject must be them.
    Where the CarePlan does not say when it was made, `created` does. Raises `InvalidInput` for what would be a guess.
    """
    compiled, dressed = _dressed(bundle, site, owner, None if created is None else created.isoformat())
    assembly = compiled.assembly("plan")
    found = assembly.find(entries_of(dressed.bundle))
    plan = assembly.checked(IndividualPlan, found)
    ours = site.tables.fields
    return Reading(plan, tuple(_warnings(found, dressed, compiled, ours, len(bundle["entry"]))))


def read_plan(bundle: dict[str, Any], site: Compiled) -> IndividualPlan:
    """The plan that `read_fhir` reads, without looking for what was left unread."""
    compiled, dressed = _dressed(bundle, site)
    return compiled.assembly("plan").value(IndividualPlan, dressed.bundle)


def _dressed(
    bundle: dict[str, Any], site: Compiled, owner: PlanOwner | None = None, created: str | None = None
) -> tuple[Compiled, Dressed]:
    """The tables by which a bundle is read, and the bundle as they read it; ours stays as it is."""
    compiled = variant_for(bundle, site)
    if owner is None and created is None and is_ours(bundle, site):
        return compiled, Dressed(bundle)
    return compiled, dress(bundle, compiled, owner, created)


def put_read(plan: IndividualPlan, bundle: dict[str, Any], site: Compiled) -> dict[str, Any]:
    """Another system's bundle with what the plan says, and nothing else in it changed; `bundle` itself is not changed.

    Raises `InvalidInput` where their way of writing a plan has no place or no code for what the plan says.
    """
    compiled = variant_for(bundle, site)
    dressed = dress(bundle, compiled, plan.owner, plan.created.isoformat())
    return dressed.undress(put_onto(compiled.assembly("plan"), plan, dressed.bundle, compiled.systems.base))


class OpenForeignPlan:
    """A plan in another system's bundle: `plan` is what it says, `put` gives the bundle that says another plan.

    The bundle itself is never changed; each put looks at all of it. Raises `InvalidInput` for what `read_fhir` refuses.
    """

    def __init__(self, bundle: dict[str, Any], site: Compiled) -> None:
        self.bundle = bundle
        self._site = site
        self.plan = read_plan(bundle, site)

    def put(self, plan: IndividualPlan) -> dict[str, Any]:
        """The bundle with what `plan` says, and nothing else in it changed.

        Raises `InvalidInput` with the FHIRPath where the bundle has no place for it, or is about another person.
        """
        return put_read(plan, self.bundle, self._site)


def is_ours(bundle: Any, site: Compiled) -> bool:
    """True if a CarePlan in the bundle says that it is an individual plan, and holds its measures as ours do.

    Raises `InvalidInput` for what is no Bundle.
    """
    lens = site.lens("CarePlan").inner
    category = next(node for const, node in lens.consts if "plan-category" in const.place)
    plans = [entry.resource for entry in entries_of(bundle) if entry.type == "CarePlan"]
    return any(category.owns(plan) and not _refers(plan) for plan in plans)


def variant_for(bundle: Any, site: Compiled) -> Compiled:
    """The variant of a site's tables by which a bundle is read: by whose it is, and where its measures stand."""
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
    found: Found, dressed: Dressed, compiled: Compiled, ours: Mapping[str, Table], count: int
) -> Iterator[Problem]:
    """A warning for each place that was not read, entry by entry; `ours` are the tables of our own bundles."""
    people = {slot.person.number: slot for slot in found.slots if slot.person is not None}
    slots = {slot.entry.number: slot for slot in found.slots}
    derived = compiled.assembly("plan").derived
    for entry in found.entries[:count]:
        number = entry.number
        if any(made.lens.owns(entry.resource) for made in derived):
            continue  # says again what the plan says
        if number == found.root.number:
            lens: Lens | None = compiled.assembly("plan").root
        elif number in people:
            lens = people[number].part.person
        else:
            lens = slots[number].part.lens if number in slots else None
        if lens is None:
            reason = dressed.hidden.get(number, "is no part of the plan as it is read here")
            yield _warning(entry.at, f"{reason}: not read")
            continue
        yield from _assumed(lens, slots.get(number), found, ours)
        for path in unread(entry.resource, [lens.inner], found.links):
            yield _warning(f"{entry.at}.{path}".replace(MARK, ""), "is not read")


def _assumed(lens: Lens, slot: Slot | None, found: Found, ours: Mapping[str, Table]) -> Iterator[Problem]:
    """Fields that our own resources must have, and that were taken to be the default here."""
    required = {row.field for row in ours[lens.name].rows if row.required}
    for field in lens.inner.fields if slot is not None else ():
        row = field.row
        if row.default is None or row.field not in required or slot is None:
            continue
        if field.is_silent(slot.entry.resource, found.links):
            yield _warning(
                f"{slot.entry.at}.{row.path[0].name}", f"says nothing that is known here: taken as {row.default!r}"
            )


def _warning(at: str, reason: str) -> Problem:
    return Problem(at, reason, "informational", "warning")
