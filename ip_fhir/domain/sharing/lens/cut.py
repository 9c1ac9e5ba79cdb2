"""The cut of a plan: the part that a share may see on a day, still with the plan's own ids.

Two cuts are equal if, and only if, the two views would say the same. So a change of the plan is looked at in its cuts
before any id or view is made.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING, Any

from ip_fhir.domain.agreement import ContentLevel
from ip_fhir.domain.plan import ReviewStatus
from ip_fhir.domain.sharing.lens.copies import copied
from ip_fhir.domain.sharing.lens.index import ACTORS, WITH_AREAS
from ip_fhir.domain.sharing.participants import is_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import date

    from ip_fhir.domain.sharing.lens.index import Items, Layer, PlanIndex
    from ip_fhir.domain.sharing.policy import Policy, Terms
    from ip_fhir.domain.sharing.share import Share
    from ip_fhir.domain.team import CareTeam


@dataclass(frozen=True, slots=True)
class Cut:
    """The part that a share may see: its terms, and the plan's fields by name, but for those that a view makes."""

    terms: Terms
    fields: Mapping[str, Any]


def cut(index: PlanIndex, share: Share, terms: Terms, on: date) -> Cut:
    """Returns what the share may see of the plan on the day `on`, by these terms."""
    policy = terms.policy
    index = index.without_places(on, policy.released)
    layer = index.at(policy.level, general=policy.general)
    opened, names = _opened(index, layer, policy)
    fields, named = dict(opened), set(names)
    if layer.team is not None:
        _add_team(fields, named, layer.team, index, share, policy, on)
    there = named_by(named, index)
    for name in ACTORS:
        fields[name] = tuple([item for item in layer.lists[name].shown if item.id in there])
    return Cut(terms, fields)


def _opened(index: PlanIndex, layer: Layer, policy: Policy) -> tuple[Mapping[str, Any], frozenset[str]]:
    """Returns the fields that all shares with this policy show alike, and the actors that they name.

    The answer is kept with the index, for the other shares.
    """
    key = policy.areas, policy.general, policy.level
    if key not in index.opened:
        fields, named = dict(layer.fields), set(layer.names)
        _add_items(fields, named, layer.lists, index, policy)
        if "reviews" in layer.lists:
            _add_reviews(fields, named, layer.lists["reviews"], policy.level)
        index.opened[key] = fields, frozenset(named)
    return index.opened[key]


def _add_items(
    fields: dict[str, Any], named: set[str], lists: Mapping[str, Items], index: PlanIndex, policy: Policy
) -> None:
    """Adds the items of which all areas are open, without references to goals that are not shown."""
    if policy.opens_all:
        for name in WITH_AREAS:
            if name in lists:
                fields[name], _, names = lists[name]
                named |= names
        return
    lets = {areas for areas in index.all_areas if policy.lets(areas)}
    for name in WITH_AREAS:
        if name in lists:
            shown, names_of, _ = lists[name]
            if shown:
                seen = [areas in lets for areas in index.areas_in(name)]
                shown = tuple(compress(shown, seen))
                named.update(*compress(names_of, seen))
            fields[name] = shown
    goals = fields.get("goals", ())
    if len(goals) < len(index.plan.goals):
        fields.update(without_hidden_goals(fields, {goal.id for goal in goals}))


def without_hidden_goals(fields: dict[str, Any], shown: set[str]) -> dict[str, Any]:
    """Returns goals and measures without references to goals that are not shown; a sub-goal may then be a main goal."""
    known = {None, *shown}
    found = {
        "goals": [one if one.part_of in known else copied(one, {"part_of": None}) for one in fields.get("goals", ())],
        "measures": [
            one
            if shown.issuperset(one.goals)
            else copied(one, {"goals": tuple([ident for ident in one.goals if ident in shown])})
            for one in fields.get("measures", ())
        ],
    }
    return {name: tuple(items) for name, items in found.items() if name in fields}


def _add_reviews(fields: dict[str, Any], named: set[str], items: Items, level: ContentLevel) -> None:
    """Adds the reviews: of all their day and kind; at the level `needs`, only of those that are still planned."""
    fields["reviews"] = items.shown
    if level is not ContentLevel.PLAN:
        fields["reviews"] = tuple([review for review in items.shown if review.status is ReviewStatus.PLANNED])
    named |= items.all_names  # none, where only some of them are shown: who holds a review is not


def _add_team(
    fields: dict[str, Any],
    named: set[str],
    team: CareTeam,
    index: PlanIndex,
    share: Share,
    policy: Policy,
    on: date,
) -> None:
    """Adds the team with the share's own memberships, the coordinators of the day, and perhaps the others.

    Others' memberships are shown only where no area is closed: to each side of the share, its own are others' for the
    rest. A team of which nobody is left is not shown.
    """
    members = index.members
    if not policy.opens_all or policy.level is not ContentLevel.PLAN:
        sides = share.sides
        members = tuple([one for one in members if all(is_of(side, one[0].member, one[1]) for side in sides)])
    held = index.held_on(on, policy.level, general=policy.general)
    if not members and not held.places:
        return
    changes: dict[str, Any] = {"memberships": tuple([one for one, _, _ in members]), "coordinators": held.places}
    if not held.rivals:
        changes["two_coordinators_reason"] = None  # it is about coordinators of another time
    fields["team"] = copied(team, changes)
    named |= held.names
    named.update(*[names for _, _, names in members])


def named_by(idents: Iterable[str], index: PlanIndex) -> set[str]:
    """Returns these actors, with the organisations that they work for and those above."""
    belongs = index.basis.with_organizations
    named = set(idents)
    return named.union(*[belongs[ident] for ident in named if ident in belongs])
