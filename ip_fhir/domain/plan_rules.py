"""What must hold across the parts of a plan: ids are unique, references resolve, goals make a tree of two levels."""

from __future__ import annotations

from itertools import chain
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from ip_fhir.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ip_fhir.domain.consent import Consent
    from ip_fhir.domain.people import Organization
    from ip_fhir.domain.plan import IndividualPlan

_LISTS = (
    *("related_persons", "organizations", "professionals", "resources", "needs", "goals", "measures"),
    *("contributions", "cooperation", "reviews", "consents"),
)

# What a reference may point at, and the words for it.
_ANYBODY, _PERSON, _PROFESSIONAL = "anybody", "a person", "a professional"
_RELATED, _ORGANIZATION = "a related person", "an organisation"

_ONE = (
    ("organizations", "part_of", _ORGANIZATION),
    ("professionals", "organization", _ORGANIZATION),
    ("goals", "expressed_by", _PERSON),
    ("measures", "responsible", _ANYBODY),
    ("contributions", "actor", _ANYBODY),
    ("cooperation", "organization", _ORGANIZATION),
    ("reviews", "responsible", _PERSON),  # a meeting is held by people, and FHIR's Appointment has place for no other
    ("consents", "given_by", _RELATED),
)
_SEVERAL = (("measures", "takes_part", _ANYBODY), ("reviews", "participants", _PERSON))
_OF_MEMBERSHIPS = (("member", _ANYBODY), ("on_behalf_of", _ORGANIZATION))
_OF_COORDINATORS = (("holder", _PROFESSIONAL), ("appointed_by", _ORGANIZATION), ("mentor", _PROFESSIONAL))


_IDS, _GOALS = attrgetter("id"), attrgetter("goals")
_GET = {field: attrgetter(field) for _, field, *_ in (*_ONE, *_SEVERAL)}
_GET |= {field: attrgetter(field) for field, _ in (*_OF_MEMBERSHIPS, *_OF_COORDINATORS)}


def plan_problems(plan: IndividualPlan) -> tuple[Problem, ...]:
    """Every broken invariant of the plan, with its path. Empty for a sound plan.

    Every plan that is read or made comes by here, and nearly all are sound: sets tell so, and only where they do not
    are the places looked for.
    """
    lists = [getattr(plan, name) for name in _LISTS]
    ids = [plan.owner.id, *map(_IDS, chain.from_iterable(lists))]
    found: list[Problem] = []
    if len(set(ids)) < len(ids):
        found += repeated_ids(zip(_LISTS, lists, strict=True), "the plan", {plan.owner.id})
    found += _team_ids(plan, ids)
    found += _goal_problems(plan)
    found += organization_problems(plan.organizations)
    found += _reference_problems(plan)
    return tuple(found)


def repeated_ids(
    groups: Iterable[tuple[str, Iterable[Any]]], whole: str, taken: Iterable[str] = ()
) -> Iterator[Problem]:
    """Ids that are used twice in `whole` (in words), by the name of the list and the place in it."""
    seen = set(taken)
    for name, items in groups:
        for index, item in enumerate(items):
            if item.id in seen:
                yield Problem(f"{name}.{index}.id", f"the id is used twice in {whole}", "invariant")
            seen.add(item.id)


def _team_ids(plan: IndividualPlan, ids: list[str]) -> Iterator[Problem]:
    team = plan.team
    if team is None:
        return
    if team.id in ids:
        yield Problem("team.id", "the id is used twice in the plan", "invariant")
    inner = [*map(_IDS, team.memberships), *map(_IDS, team.coordinators)]
    if len(set(inner)) < len(inner):
        places = (("team.memberships", team.memberships), ("team.coordinators", team.coordinators))
        yield from repeated_ids(places, "the team")


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
    if goals.keys() >= set(chain.from_iterable(map(_GOALS, plan.measures))):
        return
    for index, measure in enumerate(plan.measures):
        for position, ref in enumerate(measure.goals):
            if ref not in goals:
                path = f"measures.{index}.goals.{position}"
                yield Problem(path, "refers to a goal that is not in the plan", "invariant")


def _reference_problems(plan: IndividualPlan) -> Iterator[Problem]:
    related, organizations, professionals = (
        set(map(_IDS, actors)) for actors in (plan.related_persons, plan.organizations, plan.professionals)
    )
    people = {plan.owner.id, *related, *professionals}
    known = {
        _ANYBODY: people | organizations,
        _PERSON: people,
        _PROFESSIONAL: professionals,
        _RELATED: related,
        _ORGANIZATION: organizations,
    }
    if all(refs <= known[what] or refs - {None} <= known[what] for refs, what in _named(plan)):
        return
    for path, ref, what in (*_references(plan), *_team_references(plan)):
        if ref is None or ref in known[what]:
            continue
        if ref in known[_ANYBODY]:
            yield Problem(path, f"refers to something that is not {what}", "invariant")
        else:
            yield Problem(path, "refers to nobody in the plan", "invariant")


def _named(plan: IndividualPlan) -> Iterator[tuple[set[str | None], str]]:
    """The ids (and None) that stand where an actor is named, and what they may be: all of `_references`, as sets."""
    team = plan.team
    arrangements = [found for found in (plan.follow_up, plan.evaluation) if found is not None]
    yield {plan.author, *(found.responsible for found in arrangements)}, _ANYBODY
    yield {plan.coordinating_unit}, _ORGANIZATION
    for name, field, what in _ONE:
        if items := getattr(plan, name):
            yield set(map(_GET[field], items)), what
    for name, field, what in _SEVERAL:
        if items := getattr(plan, name):
            yield set(chain.from_iterable(map(_GET[field], items))), what
    for items, fields in ((team.memberships, _OF_MEMBERSHIPS), (team.coordinators, _OF_COORDINATORS)) if team else ():
        yield from ((set(map(_GET[field], items)), what) for field, what in fields)
    provisions = chain.from_iterable(consent.provisions for consent in plan.consents)
    yield set(chain.from_iterable(provision.recipients for provision in provisions)), _ANYBODY


def _references(plan: IndividualPlan) -> Iterator[tuple[str, str | None, str]]:
    """Every place outside the team that names an actor: path, id, and what it may be."""
    yield "author", plan.author, _ANYBODY
    yield "coordinating_unit", plan.coordinating_unit, _ORGANIZATION
    for name, field, what in _ONE:
        for index, item in enumerate(getattr(plan, name)):
            yield f"{name}.{index}.{field}", getattr(item, field), what
    for name, field, what in _SEVERAL:
        for index, item in enumerate(getattr(plan, name)):
            yield from ((f"{name}.{index}.{field}.{n}", ref, what) for n, ref in enumerate(getattr(item, field)))
    for name in ("follow_up", "evaluation"):
        if arrangement := getattr(plan, name):
            yield f"{name}.responsible", arrangement.responsible, _ANYBODY
    yield from ((path, ref, _ANYBODY) for path, ref in recipients(plan.consents))


def recipients(consents: tuple[Consent, ...]) -> Iterator[tuple[str, str]]:
    """Every recipient that a provision names, with its path."""
    for index, consent in enumerate(consents):
        for number, provision in enumerate(consent.provisions):
            path = f"consents.{index}.provisions.{number}.recipients"
            yield from ((f"{path}.{n}", ref) for n, ref in enumerate(provision.recipients))


def _team_references(plan: IndividualPlan) -> Iterator[tuple[str, str | None, str]]:
    if plan.team is None:
        return
    for name, fields in (("memberships", _OF_MEMBERSHIPS), ("coordinators", _OF_COORDINATORS)):
        for index, item in enumerate(getattr(plan.team, name)):
            yield from ((f"team.{name}.{index}.{field}", getattr(item, field), what) for field, what in fields)
