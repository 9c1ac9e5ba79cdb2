"""Reads plans as other systems write them, lists the places that were not read, and keeps those when it writes.

The plan is an unprofiled CarePlan with Condition, Goal and ServiceRequest, as the national plan API and KommuneFHIR
have it. Content that could only be guessed at is refused, with its FHIRPath. Tables: mappings/variants/neighbour.toml
and requests.toml.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ip_fhir.domain.consent.protection import withheld
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.errors import InvalidInput, Problem, as_errors
from ip_fhir.fhir.bundle import aside_of, content_of, entries_of
from ip_fhir.fhir.contents import is_outcome, notes
from ip_fhir.mapping.bundle.open_plan import put_onto
from ip_fhir.mapping.bundle.sight import out_of_sight
from ip_fhir.mapping.foreign.adapted import Adapted
from ip_fhir.mapping.foreign.adapting import adapt
from ip_fhir.mapping.foreign.choice import choose, is_individual, name_of
from ip_fhir.mapping.foreign.not_read import places_not_read
from ip_fhir.mapping.foreign.persons import of_others

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from datetime import datetime

    from ip_fhir.domain.consent.protection import LocatingPart
    from ip_fhir.domain.people import PlanOwner
    from ip_fhir.mapping.compiled import Compiled


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
    plan: str | None = None,
    told_is_error: bool = False,
) -> Reading:
    """Read the plan in a bundle of the FHIR version of `site`, with warnings for places not read; ours as `from_fhir`.

    `owner` is used if the bundle has no Patient: the CarePlan's subject must be this person. `created` (with time zone)
    is used if the CarePlan has no creation time. `plan` is the CarePlan's id. Raises `InvalidInput` wherever reading
    would need a guess; with `told_is_error` also for each place that was not read.
    """
    chosen = choose(bundle, site, plan)
    with chosen.hints():
        compiled, adapted = _adapted(chosen.bundle, site, owner, _moment(created))
        assembly = compiled.assembly("plan")
        found = assembly.find(entries_of(adapted.bundle))
        read = assembly.checked(IndividualPlan, found)
    adapted.hidden |= {(number, None): reason for number, reason in chosen.others.items()}
    count = len(bundle.get("entry", ()))
    warnings = (*places_not_read(found, compiled.assembly("plan"), adapted, count), *_left_out(bundle), *notes(bundle))
    if told_is_error and warnings:
        raise InvalidInput(as_errors(warnings))
    return Reading(read, warnings)


def _left_out(bundle: dict[str, Any]) -> Iterator[Problem]:
    """The warnings about entries without content; not those about an OperationOutcome, which `notes` tells."""
    entries = bundle.get("entry", ())
    return (told for n, told in aside_of(bundle).items() if not is_outcome(entries[n].get("resource")))


def _moment(created: datetime | None) -> str | None:
    """The time as FHIR writes it. Raises `InvalidInput` if it has no time zone."""
    if created is not None and created.tzinfo is None:
        raise InvalidInput.at("created", "has no time zone")
    return None if created is None else created.isoformat()


def read_plan(bundle: dict[str, Any], site: Compiled) -> IndividualPlan:
    """Read the same plan as `read_fhir`, without looking for places not read."""
    chosen = choose(bundle, site)
    with chosen.hints():
        compiled, adapted = _adapted(chosen.bundle, site)
        return compiled.assembly("plan").value(IndividualPlan, adapted.bundle)


def _adapted(
    bundle: dict[str, Any], site: Compiled, owner: PlanOwner | None = None, created: str | None = None
) -> tuple[Compiled, Adapted]:
    """The tables that read a bundle, and the bundle adapted to them; one of ours is not adapted."""
    compiled = variant_for(bundle, site)
    if owner is None and created is None and is_plainly_ours(bundle, site):
        return compiled, Adapted(bundle)
    return compiled, adapt(bundle, compiled, owner, created)


def put_read(
    plan: IndividualPlan,
    bundle: dict[str, Any],
    site: Compiled,
    onto: str | None = None,
    released: Collection[LocatingPart] = (),
) -> dict[str, Any]:
    """Return a copy of another system's bundle, changed so that it says what `plan` says, and nowhere else.

    `onto` is the id of the CarePlan that is written, if not the plan's own. What leads to a person with a protected
    address stays as it is there, but for the parts in `released`. Raises `InvalidInput` if that system's way of writing
    a plan has no place or no code for a part of the plan.
    """
    chosen = choose(bundle, site, onto or name_of(plan.id, bundle))
    compiled = variant_for(chosen.bundle, site)
    adapted = adapt(chosen.bundle, compiled, plan.owner, plan.created.isoformat())
    if withheld(plan, released) is not plan:
        plan = withheld(plan, released, compiled.assembly("plan").value(IndividualPlan, adapted.bundle))
    written = put_onto(compiled.assembly("plan"), plan, adapted.bundle)
    return chosen.restore(adapted.restore(written))


class OpenForeignPlan:
    """A plan in another system's bundle: `plan` is the plan in it, `put` returns a bundle with a changed plan.

    The bundle itself is never changed; each put looks at all of it. `owner`, `created` and `plan` are those of
    `read_fhir`. Raises `InvalidInput` as `read_fhir`.
    """

    def __init__(
        self,
        bundle: dict[str, Any],
        site: Compiled,
        *,
        owner: PlanOwner | None = None,
        created: datetime | None = None,
        plan: str | None = None,
        released: Collection[LocatingPart] = (),
    ) -> None:
        self.bundle = bundle
        self._site, self._released = site, released
        self.plan = read_fhir(bundle, site, owner=owner, created=created, plan=plan).plan
        self._onto = plan or name_of(self.plan.id, bundle)

    def put(self, plan: IndividualPlan) -> dict[str, Any]:
        """Return the bundle, changed so that it says what `plan` says, and nowhere else.

        Raises `InvalidInput` with the FHIRPath if the bundle has no place for a part of it, or is about another person.
        """
        return put_read(plan, self.bundle, self._site, self._onto, self._released)


def is_plain(bundle: Any, site: Compiled) -> bool:
    """True if a bundle is ours, holds one plan and nothing of another person, and lacks nothing a caller could give.

    `bundle` is a Bundle or its content. Raises `InvalidInput` if it is no Bundle.
    """
    content = content_of(bundle)
    entries = content.entries
    plans = [entry for entry in entries if entry.type == "CarePlan"]
    if len(plans) != 1 or "created" not in plans[0].resource or not is_plainly_ours(content, site):
        return False
    return any(entry.type == "Patient" for entry in entries) and not any(of_others(entries, plans[0], site))


def is_ours(bundle: Any, site: Compiled) -> bool:
    """True if a CarePlan in the bundle has the category of an individual plan, and holds its measures as ours do.

    Raises `InvalidInput` if `bundle` is no Bundle.
    """
    plans = [entry.resource for entry in entries_of(bundle) if entry.type == "CarePlan"]
    return any(is_individual(plan, site) and not _refers(plan) for plan in plans)


def is_plainly_ours(bundle: Any, site: Compiled) -> bool:
    """True for a bundle of ours of which no part is out of sight. Raises `InvalidInput` if `bundle` is no Bundle."""
    content = content_of(bundle)
    return is_ours(content, site) and not any(out_of_sight(content.entries, site.assembly("plan")))


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
