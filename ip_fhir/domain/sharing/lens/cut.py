"""The cut of a plan: what a share may see of it on a day, still with the plan's own ids.

Two cuts are equal if, and only if, the two views would say the same. So a change of the plan is looked at in its cuts
before any id or view is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ip_fhir.domain.agreement import ContentLevel
from ip_fhir.domain.plan import IndividualPlan, ReviewStatus
from ip_fhir.domain.sharing.lens.index import copied, names_in, projected
from ip_fhir.domain.sharing.lens.visible import VISIBLE, Shown, closed_fields
from ip_fhir.domain.sharing.participants import is_of
from ip_fhir.domain.team import two_at_once

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from ip_fhir.domain.plan import Goal, Measure
    from ip_fhir.domain.sharing.lens.index import PlanIndex
    from ip_fhir.domain.sharing.policy import Policy, Terms
    from ip_fhir.domain.sharing.share import Share
    from ip_fhir.domain.team import CareTeam, Membership

WITH_AREAS: Final = ("resources", "needs", "goals", "measures")
"""The lists whose items are shown or not by their life areas."""

ACTORS: Final = ("related_persons", "organizations", "professionals")
"""The lists of those who are shown only where something in the view names them."""

_GENERAL: Final = tuple(name for name, shown in VISIBLE[IndividualPlan].items() if shown is Shown.GENERAL)


@dataclass(frozen=True, slots=True)
class Cut:
    """What a share may see: the terms, and the plan's fields by name, without those that are made for the view."""

    terms: Terms
    fields: Mapping[str, Any]


def cut(index: PlanIndex, share: Share, terms: Terms, on: date) -> Cut:
    """Returns what the share may see of the plan on the day `on`, by these terms."""
    policy = terms.policy
    index = index.without_places(on, policy.released)
    plan, level, general = index.plan, policy.level, policy.general
    fields: dict[str, Any] = {
        "id": plan.id,
        "owner": projected(plan.owner, level, general=general),
        "status": plan.status,
        "period": plan.period,
    }
    named: set[str] = set()
    _add_items(fields, named, index, policy)
    if level is ContentLevel.PLAN and general:
        _add_general(fields, named, index)
    if level is not ContentLevel.HEADER:
        _add_reviews(fields, named, index, policy)
    team = _team(index, share, policy, on)
    if team is not None:
        fields["team"] = team
        for place in (*team.memberships, *team.coordinators):
            named.update(names_in(place))
    _add_actors(fields, named, index, policy)
    return Cut(terms, fields)


def _add_items(fields: dict[str, Any], named: set[str], index: PlanIndex, policy: Policy) -> None:
    """Adds the items of which all areas are open, without references to goals that are not shown."""
    closed = closed_fields(IndividualPlan, policy.level, general=policy.general)
    areas = index.areas
    for name in WITH_AREAS:
        if name in closed:
            continue
        items, names = index.items(name, policy.level, general=policy.general)
        if not policy.opens_all:
            items = tuple([item for item in items if policy.lets(areas[item.id])])
        fields[name] = items
        named.update(*[names[item.id] for item in items])
    if len(fields.get("goals", ())) < len(index.plan.goals):
        shown = {goal.id for goal in fields.get("goals", ())}
        fields.update(without_hidden_goals(fields, shown))


def without_hidden_goals(fields: dict[str, Any], shown: set[str]) -> dict[str, Any]:
    """Returns goals and measures without references to goals that are not shown."""
    return {
        name: tuple([without(item, shown) for item in fields[name]])
        for name, without in (("goals", _as_main_goal), ("measures", _with_goals))
        if name in fields
    }


def _as_main_goal(goal: Goal, shown: set[str]) -> Goal:
    """Returns the goal as a main goal, if its own main goal is not shown."""
    made: Goal = goal if goal.part_of is None or goal.part_of in shown else copied(goal, {"part_of": None})
    return made


def _with_goals(measure: Measure, shown: set[str]) -> Measure:
    goals = tuple([ident for ident in measure.goals if ident in shown])
    made: Measure = measure if len(goals) == len(measure.goals) else copied(measure, {"goals": goals})
    return made


def _add_general(fields: dict[str, Any], named: set[str], index: PlanIndex) -> None:
    """Adds what has neither goal nor area, and follows the consent as a whole."""
    plan = index.plan
    for name in _GENERAL:
        fields[name] = value = getattr(plan, name)
        if name in ("contributions", "cooperation"):
            named.update(ident for item in value for ident in names_in(item))
    arrangements = (one for one in (plan.follow_up, plan.evaluation) if one is not None)
    named.update(ident for one in (plan, *arrangements) for ident in names_in(one))


def _add_reviews(fields: dict[str, Any], named: set[str], index: PlanIndex, policy: Policy) -> None:
    """Adds the reviews: of all their day and kind; at the level `needs`, only of those that are still planned."""
    items, names = index.items("reviews", policy.level, general=policy.general)
    if policy.level is not ContentLevel.PLAN:
        items = tuple([review for review in items if review.status is ReviewStatus.PLANNED])
    fields["reviews"] = items
    named.update(*[names[review.id] for review in items])


def _team(index: PlanIndex, share: Share, policy: Policy, on: date) -> CareTeam | None:
    """Returns the team with the share's own memberships, the coordinators of the day, and perhaps the others.

    Others' memberships are shown only where no area is closed. None if nobody is left.
    """
    team = index.plan.team
    if team is None:
        return None
    all_of = policy.opens_all and policy.level is ContentLevel.PLAN
    members = tuple([one for one in team.memberships if all_of or _is_own(one, index, share)])
    coordinators = team.coordinators_on(on)
    if not members and not coordinators:
        return None
    shown = tuple([projected(place, policy.level, general=policy.general) for place in coordinators])
    changes: dict[str, Any] = {"memberships": members, "coordinators": shown}
    if team.two_coordinators_reason is not None and not two_at_once(shown):
        changes["two_coordinators_reason"] = None  # it is about coordinators of another time
    made: CareTeam = copied(projected(team, policy.level, general=policy.general), changes)
    return made


def _is_own(membership: Membership, index: PlanIndex, share: Share) -> bool:
    """True for a membership, past ones too, in the name of the share's organisations, or of the person it is for."""
    member = membership.member
    if member not in index.works_for and member not in index.above:
        return False  # the owner and relatives see the plan otherwise
    name = membership.on_behalf_of or (member if member in index.above else index.works_for[member])
    return is_of(share, member, name)


def _add_actors(fields: dict[str, Any], named: set[str], index: PlanIndex, policy: Policy) -> None:
    """Adds those whom something shown names, with the organisations that they work for and those above."""
    there = named_by(named, index)
    for name in ACTORS:
        items = index.items(name, policy.level, general=policy.general).shown
        fields[name] = tuple([item for item in items if item.id in there])


def named_by(idents: Iterable[str], index: PlanIndex) -> set[str]:
    """Returns these actors, with the organisations that they work for and those above."""
    named = set(idents)
    units = {index.works_for[ident] for ident in named if ident in index.works_for} | (named & index.above.keys())
    return named.union(*[index.above[unit] for unit in units])
