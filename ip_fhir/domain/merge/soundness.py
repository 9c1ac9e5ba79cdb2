"""The reasons for which a merged plan is unsound: changes of one side that cannot stand beside the other side's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ip_fhir.domain.merge.places import Place
from ip_fhir.domain.plan_rules import LISTS, references
from ip_fhir.domain.team import rivals_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ip_fhir.domain.merge.places import Applied, Clashes
    from ip_fhir.domain.plan import IndividualPlan


_PLACES_IN_TEAM = ("team.memberships", "team.coordinators")
_IDS_IN_TEAM = tuple(f"{name}.id" for name in _PLACES_IN_TEAM)


def rivals(team: dict[str, Any], applied: Applied) -> Clashes:
    """Finds changes by mine that leave two coordinators at once without a reason, with the places they clash with."""
    reason, places = Place("team.two_coordinators_reason"), "team.coordinators"
    beside = rivals_of(team["coordinators"])
    if reason in applied:
        return {reason: Place(places, next(iter(beside.values())))}
    found = [(place, beside.get(place.id or "")) for place in applied if place.field.startswith(places)]
    return {place: Place(places, other) for place, other in found if other is not None}


def homes(*plans: IndividualPlan) -> dict[str, str]:
    """Returns the name of the list that each id is in, over all the plans."""
    return {item.id: name for plan in plans for name in LISTS for item in getattr(plan, name)}


def unsound(
    paths: Iterable[str], merged: IndividualPlan, applied: Applied, homes: dict[str, str], theirs: IndividualPlan
) -> Clashes:
    """Finds changes by mine that make the merged plan unsound, each with the place that it clashes with.

    `paths` are the paths of the merged plan's problems. If an item of mine cannot be added, what refers to it cannot
    stand either, and is found at the same time. At least one change is found, since theirs alone is sound.
    """
    by_id: dict[str | None, list[Place]] = {}
    for place in applied:
        by_id.setdefault(place.id, []).append(place)
    there = {item.id for name in LISTS for item in getattr(theirs, name)}
    referring: dict[str, list[str]] = {}
    for path, ref in references(merged):
        referring.setdefault(ref, []).append(path)
    found: Clashes = {}
    while paths:
        new = {p: other for p, other in _clashes(paths, merged, applied, by_id, homes).items() if p not in found}
        found |= new
        gone = {place.id for place in new if place.field in LISTS and place.id is not None} - there
        paths = [path for ident in gone for path in referring.get(ident, ())]
    parts = [place for place in (Place("owner"), Place("team")) if place in applied]
    return found or dict.fromkeys(parts or applied, None)


def _clashes(
    paths: Iterable[str],
    merged: IndividualPlan,
    applied: Applied,
    by_id: dict[str | None, list[Place]],
    homes: dict[str, str],
) -> Clashes:
    """Finds the changes by mine behind the problems at these paths; `by_id` are the places in `applied` by id."""
    found: Clashes = {}
    for path in paths:
        name, ident, named = _walk(path, merged)
        direct = [p for p in {*by_id.get(ident, ()), *by_id.get(None, ())} if _covers(applied[p], name)]
        if direct:
            found |= dict.fromkeys(direct, Place(homes[named], named) if named in homes else None)
        elif name == "status":  # the status is theirs: mine has brought the person's no
            found |= dict.fromkeys((p for p in applied if p.field.startswith("consents")), Place(name))
        else:  # the reference is theirs: mine has removed or changed the item that it refers to
            about = [p for p in by_id.get(named, ()) if p.field in _lists_of(name) or p.field.endswith(".part_of")]
            found |= dict.fromkeys(about, Place(name, ident))
    return found


def _walk(path: str, merged: IndividualPlan) -> tuple[str, str | None, Any]:
    """Returns for a problem's path: the field without list indices, the id of the item, and the value at the path."""
    names: list[str] = []
    ident: str | None = None
    here: Any = merged
    for step in filter(None, path.split(".")):
        if step.isdigit():
            here = here[int(step)]
            ident = getattr(here, "id", ident)
        else:
            here = getattr(here, step)
            names.append(step)
    return ".".join(names), ident, here


def _lists_of(name: str) -> tuple[str, ...]:
    """Returns the lists that the id at a place may refer to; for an id in the team, the team's own lists."""
    return _PLACES_IN_TEAM if name in _IDS_IN_TEAM else LISTS


def _covers(fields: tuple[str, ...], name: str) -> bool:
    return any(name == one or name.startswith(f"{one}.") for one in fields)
