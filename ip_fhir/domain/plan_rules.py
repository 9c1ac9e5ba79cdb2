"""What must hold across the parts of a plan: ids are unique, references resolve, goals make a tree of two levels."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ip_fhir.domain.people import Organization
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.value import Value

_LISTS = (
    *("related_persons", "organizations", "professionals", "resources", "needs", "goals", "measures"),
    *("contributions", "cooperation", "reviews", "consents"),
)


def plan_problems(plan: IndividualPlan) -> tuple[Problem, ...]:
    """Every broken invariant of the plan, with its path. Empty for a sound plan."""
    actors = {plan.owner.id}
    for group in (plan.related_persons, plan.organizations, plan.professionals):
        actors.update(actor.id for actor in group)
    found = [*_repeated_ids(plan), *_goal_problems(plan), *organization_problems(plan.organizations)]
    found += [
        Problem(path, "refers to nobody in the plan", "invariant")
        for path, ref in _actor_references(plan)
        if ref is not None and ref not in actors
    ]
    return tuple(found)


def _repeated_ids(plan: IndividualPlan) -> Iterator[Problem]:
    seen = {plan.owner.id}
    for name in _LISTS:
        for index, item in enumerate(getattr(plan, name)):
            if item.id in seen:
                yield Problem(f"{name}.{index}.id", "the id is used twice in the plan", "invariant")
            seen.add(item.id)
    if plan.team is None:
        return
    if plan.team.id in seen:
        yield Problem("team.id", "the id is used twice in the plan", "invariant")
    places: Iterable[tuple[str, tuple[Value, ...]]] = (
        ("team.memberships", plan.team.memberships),
        ("team.coordinators", plan.team.coordinators),
    )
    within: set[str] = set()
    for name, items in places:
        for index, item in enumerate(items):
            ident: str = getattr(item, "id")  # noqa: B009 - both element types have an id, Value has not
            if ident in within:
                yield Problem(f"{name}.{index}.id", "the id is used twice in the team", "invariant")
            within.add(ident)


def organization_problems(organizations: tuple[Organization, ...]) -> Iterator[Problem]:
    """An organisation that is part of itself, directly or by way of others."""
    parents = {organization.id: organization.part_of for organization in organizations}
    for index, organization in enumerate(organizations):
        seen, above = {organization.id}, organization.part_of
        while above is not None and above not in seen:
            seen.add(above)
            above = parents.get(above)
        if above == organization.id:
            yield Problem(f"organizations.{index}.part_of", "the organisation is part of itself", "invariant")


def _goal_problems(plan: IndividualPlan) -> Iterator[Problem]:
    goals = {goal.id: goal for goal in plan.goals}
    for index, goal in enumerate(plan.goals):
        if goal.part_of is None:
            continue
        parent = goals.get(goal.part_of)
        if parent is None:
            yield Problem(f"goals.{index}.part_of", "refers to a goal that is not in the plan", "invariant")
        elif parent.part_of is not None:
            yield Problem(f"goals.{index}.part_of", "a sub-goal has no sub-goals", "invariant")
    for index, measure in enumerate(plan.measures):
        for position, ref in enumerate(measure.goals):
            if ref not in goals:
                path = f"measures.{index}.goals.{position}"
                yield Problem(path, "refers to a goal that is not in the plan", "invariant")


def _actor_references(plan: IndividualPlan) -> Iterator[tuple[str, str | None]]:
    """Every place that names an actor, with its path."""
    yield "author", plan.author
    yield "coordinating_unit", plan.coordinating_unit
    for name, field in (
        *(("organizations", "part_of"), ("professionals", "organization"), ("goals", "expressed_by")),
        *(("measures", "responsible"), ("contributions", "actor"), ("cooperation", "organization")),
        *(("reviews", "responsible"), ("consents", "given_by")),
    ):
        for index, item in enumerate(getattr(plan, name)):
            yield f"{name}.{index}.{field}", getattr(item, field)
    for name, field in (("measures", "takes_part"), ("reviews", "participants")):
        for index, item in enumerate(getattr(plan, name)):
            yield from ((f"{name}.{index}.{field}.{n}", ref) for n, ref in enumerate(getattr(item, field)))
    for name in ("follow_up", "evaluation"):
        if arrangement := getattr(plan, name):
            yield f"{name}.responsible", arrangement.responsible
    for index, consent in enumerate(plan.consents):
        for number, provision in enumerate(consent.provisions):
            path = f"consents.{index}.provisions.{number}.recipients"
            yield from ((f"{path}.{n}", ref) for n, ref in enumerate(provision.recipients))
    if plan.team is None:
        return
    for index, membership in enumerate(plan.team.memberships):
        yield f"team.memberships.{index}.member", membership.member
        yield f"team.memberships.{index}.on_behalf_of", membership.on_behalf_of
    for index, place in enumerate(plan.team.coordinators):
        for field in ("holder", "appointed_by", "mentor"):
            yield f"team.coordinators.{index}.{field}", getattr(place, field)
