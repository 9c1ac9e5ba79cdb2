"""The rules across the parts of a plan: ids are unique, references resolve, goals form a tree of two levels.

And no plan is active that the person refuses.
"""

from __future__ import annotations

from itertools import chain, dropwhile
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from ip_fhir.domain.consent.consent import ConsentKind, ConsentStatus
from ip_fhir.domain.consent.permission import EXPLICIT_NOES, AccessRequest, Refused, permits
from ip_fhir.domain.values.calendar import local_day
from ip_fhir.errors import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ip_fhir.domain.consent.consent import Consent
    from ip_fhir.domain.people import Organization
    from ip_fhir.domain.plan import Goal, IndividualPlan, Measure
    from ip_fhir.domain.team import CareTeam

# A plan's lists of items that have an id.
LISTS = (
    *("related_persons", "organizations", "professionals", "resources", "needs", "goals", "measures"),
    *("contributions", "cooperation", "reviews", "consents"),
)

# The kinds of things that a reference may point at, in words for errors.
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
_ARRANGEMENTS = ("follow_up", "evaluation")
_SEVERAL = (("measures", "takes_part", _ANYBODY), ("reviews", "participants", _PERSON))
_THINGS = LISTS[3:]  # items that are no actors
_OF_MEMBERSHIPS = (("member", _ANYBODY), ("on_behalf_of", _ORGANIZATION))
_OF_COORDINATORS = (("holder", _PROFESSIONAL), ("appointed_by", _ORGANIZATION), ("mentor", _PROFESSIONAL))


_ID, _GOALS, _PART_OF = attrgetter("id"), attrgetter("goals"), attrgetter("part_of")
_GET_ONE = [(name, attrgetter(field), what) for name, field, what in _ONE]
_GET_SEVERAL = [(name, attrgetter(field), what) for name, field, what in _SEVERAL]
_GET_OF_MEMBERSHIPS, _GET_OF_COORDINATORS = (
    [(attrgetter(field), what) for field, what in fields] for fields in (_OF_MEMBERSHIPS, _OF_COORDINATORS)
)
_flat = chain.from_iterable


def plan_problems(plan: IndividualPlan) -> tuple[Problem, ...]:
    """Returns every broken rule of the plan, with its path; an empty tuple for a sound plan.

    This runs for every plan that is made or read, and nearly all are sound. So a fast check with sets comes first, and
    the paths are looked for only if it does not pass.
    """
    if _is_sound(plan):
        return ()
    lists = [getattr(plan, name) for name in LISTS]
    ids = [plan.owner.id, *map(_ID, chain.from_iterable(lists))]
    found = [
        *repeated_ids(zip(LISTS, lists, strict=True), "the plan", {plan.owner.id}),
        *_team_ids(plan, ids),
        *_goal_problems(plan),
        *organization_problems(plan.organizations),
        *_reference_problems(plan),
    ]
    if is_refused(plan):
        reason = "the plan is active, and the last word about it is a no: revoke it, or add a later consent"
        found.append(Problem("status", reason, "business-rule"))
    return tuple(found)


_ACTIVE = "active"
_NOES = (ConsentStatus.REFUSED, ConsentStatus.WITHDRAWN)


def is_refused(plan: IndividualPlan) -> bool:
    """True if the plan is active though the person refuses it: the last word about a plan is a no.

    The day asked about is that of the last change (in Norway), or that of a later refusal. A yes and a no of the same
    day are no refusal here: they only are no consent.
    """
    fields = plan.__dict__
    if fields["status"] != _ACTIVE:
        return False
    consents = [consent for consent in fields["consents"] if consent.kind is ConsentKind.PLAN]
    if not any(consent.status in _NOES for consent in consents):
        return False
    changed = local_day(fields["updated"] or fields["created"])
    day = max(changed, *(c.given_on for c in consents if c.status is not ConsentStatus.DRAFT))
    request = AccessRequest(ConsentKind.PLAN, fields["owner"].id, day)
    answer = permits(consents, request, fields["related_persons"], fields["owner"])
    return isinstance(answer, Refused) and answer.rule in EXPLICIT_NOES


def _is_sound(plan: IndividualPlan) -> bool:
    """True if a fast check with sets shows that the plan is sound. If False, the plan may still be sound."""
    fields = plan.__dict__  # a plan that has just been made: all fields are there
    related, organizations, professionals = fields["related_persons"], fields["organizations"], fields["professionals"]
    relatives, units, workers = (  # and None, for places that name nobody
        {None, *map(_ID, related)},
        {None, *map(_ID, organizations)},
        {None, *map(_ID, professionals)},
    )
    people = {fields["owner"].id, *relatives, *workers}
    anybody = people | units
    things = [*map(_ID, _flat(map(fields.__getitem__, _THINGS)))]
    ids = anybody.union(things)
    if len(ids) < 2 + len(related) + len(organizations) + len(professionals) + len(things):
        return False
    team = fields["team"]
    if team is not None and (team.id in ids or not _places_are_sound(team)):
        return False
    known = {_ANYBODY: anybody, _PERSON: people, _PROFESSIONAL: workers, _RELATED: relatives, _ORGANIZATION: units}
    return (
        _goals_are_sound(fields["goals"], fields["measures"])
        and all(refs <= known[what] for what, refs in _referred_ids(fields, team).items())
        and _has_two_levels(organizations)
        and not is_refused(plan)
    )


def _places_are_sound(team: CareTeam) -> bool:
    """True if all memberships and coordinators' places have different ids."""
    ids = {*map(_ID, team.memberships), *map(_ID, team.coordinators)}
    return len(ids) == len(team.memberships) + len(team.coordinators)


def _goals_are_sound(goals: tuple[Goal, ...], measures: tuple[Measure, ...]) -> bool:
    """True if every sub-goal is part of a main goal, and every measure refers to goals of the plan."""
    above = dict(zip(map(_ID, goals), map(_PART_OF, goals), strict=True))
    mains = {None, *(ident for ident, main in above.items() if main is None)}
    return mains.issuperset(above.values()) and above.keys() >= set(_flat(map(_GOALS, measures)))


def _has_two_levels(organizations: tuple[Organization, ...]) -> bool:
    """True if organisations have at most two levels; then none can be part of itself."""
    above = dict(zip(map(_ID, organizations), map(_PART_OF, organizations), strict=True))
    return not any(map(above.get, filter(None, above.values())))


def _referred_ids(fields: dict[str, Any], team: CareTeam | None) -> dict[str, set[str | None]]:
    """Returns the ids (and None) of all references to actors, by allowed kind of actor: `_references` as sets."""
    provisions = _flat([consent.provisions for consent in fields["consents"]])
    found: dict[str, set[str | None]] = {
        _ANYBODY: {fields["author"], *_flat([provision.recipients for provision in provisions])},
        _ORGANIZATION: {fields["coordinating_unit"]},
        _PERSON: set(),
        _PROFESSIONAL: set(),
        _RELATED: set(),
    }
    for name in _ARRANGEMENTS:
        if fields[name] is not None:
            found[_ANYBODY].add(fields[name].responsible)
    for name, get, what in _GET_ONE:
        if items := fields[name]:
            found[what].update(map(get, items))
    for name, get, what in _GET_SEVERAL:
        if items := fields[name]:
            found[what].update(_flat(map(get, items)))
    if team is not None:
        for get, what in _GET_OF_MEMBERSHIPS:
            found[what].update(map(get, team.memberships))
        for get, what in _GET_OF_COORDINATORS:
            found[what].update(map(get, team.coordinators))
    return found


def repeated_ids(
    groups: Iterable[tuple[str, Iterable[Any]]], whole: str, taken: Iterable[str] = ()
) -> Iterator[Problem]:
    """Yields a problem for each item of `groups` whose id was used before, or is in `taken`.

    `groups` are pairs of a list's name and its items; `whole` names the document in words.
    """
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
    places = (("team.memberships", team.memberships), ("team.coordinators", team.coordinators))
    yield from repeated_ids(places, "the team")


def organization_problems(organizations: tuple[Organization, ...]) -> Iterator[Problem]:
    """Yields a problem for each organisation that is part of itself, directly or through others."""
    inside = _part_of_themselves(dict(zip(map(_ID, organizations), map(_PART_OF, organizations), strict=True)))
    for index, organization in enumerate(organizations):
        if organization.id in inside:
            yield Problem(f"organizations.{index}.part_of", "the organisation is part of itself", "invariant")


def _part_of_themselves(above: dict[str, str | None]) -> set[str]:
    """Returns the ids that come back to themselves by way of `above`.

    No id is walked over twice, so a long chain costs no more than as many short ones.
    """
    found: set[str] = set()
    walked: set[str] = set()
    for start in above:
        trail: dict[str, None] = {}
        here: str | None = start
        while here is not None and here not in walked:
            walked.add(here)
            trail[here] = None
            here = above.get(here)
        if here in trail:  # the walk has come back onto its own trail, and not onto an earlier one
            found.update(dropwhile(here.__ne__, trail))
    return found


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


def _reference_problems(plan: IndividualPlan) -> Iterator[Problem]:
    related, organizations, professionals = (
        set(map(_ID, actors)) for actors in (plan.related_persons, plan.organizations, plan.professionals)
    )
    people = {plan.owner.id, *related, *professionals}
    known = {
        _ANYBODY: people | organizations,
        _PERSON: people,
        _PROFESSIONAL: professionals,
        _RELATED: related,
        _ORGANIZATION: organizations,
    }
    for path, ref, what in (*_references(plan), *_team_references(plan)):
        if ref is None or ref in known[what]:
            continue
        if ref in known[_ANYBODY]:
            yield Problem(path, f"refers to something that is not {what}", "invariant")
        else:
            yield Problem(path, "refers to nobody in the plan", "invariant")


def references(plan: IndividualPlan) -> Iterator[tuple[str, str]]:
    """Yields every reference from one item of the plan to another or to an actor, as path and id."""
    for path, ref, _ in (*_references(plan), *_team_references(plan)):
        if ref is not None:
            yield path, ref
    for index, goal in enumerate(plan.goals):
        if goal.part_of is not None:
            yield f"goals.{index}.part_of", goal.part_of
    for index, measure in enumerate(plan.measures):
        yield from ((f"measures.{index}.goals.{n}", ref) for n, ref in enumerate(measure.goals))


def _references(plan: IndividualPlan) -> Iterator[tuple[str, str | None, str]]:
    """Yields every reference to an actor outside the team: its path, its id, and the allowed kind of actor."""
    yield "author", plan.author, _ANYBODY
    yield "coordinating_unit", plan.coordinating_unit, _ORGANIZATION
    for name, field, what in _ONE:
        for index, item in enumerate(getattr(plan, name)):
            yield f"{name}.{index}.{field}", getattr(item, field), what
    for name, field, what in _SEVERAL:
        for index, item in enumerate(getattr(plan, name)):
            yield from ((f"{name}.{index}.{field}.{n}", ref, what) for n, ref in enumerate(getattr(item, field)))
    for name in _ARRANGEMENTS:
        if arrangement := getattr(plan, name):
            yield f"{name}.responsible", arrangement.responsible, _ANYBODY
    yield from ((path, ref, _ANYBODY) for path, ref in recipients(plan.consents))


def recipients(consents: tuple[Consent, ...]) -> Iterator[tuple[str, str]]:
    """Yields every recipient in the provisions, as path and id."""
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
