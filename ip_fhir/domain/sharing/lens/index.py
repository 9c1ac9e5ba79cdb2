"""The index of a plan: all that the shares of one plan need alike, worked out once for each plan that is looked at."""

from __future__ import annotations

import weakref
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ip_fhir.domain.consent.protection import protected_persons, withheld
from ip_fhir.domain.plan_rules import LISTS
from ip_fhir.domain.sharing.lens.basis import Basis
from ip_fhir.domain.sharing.lens.copies import projected
from ip_fhir.domain.sharing.lens.visible import MADE, REFERENCES, TO_GOALS, VISIBLE, closed_fields
from ip_fhir.domain.team import two_at_once
from ip_fhir.domain.values.value import Value

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Mapping
    from datetime import date

    from ip_fhir.domain.agreement import ContentLevel
    from ip_fhir.domain.consent.protection import LocatingPart
    from ip_fhir.domain.plan import Goal, IndividualPlan, Measure
    from ip_fhir.domain.team import CareTeam, Coordinator, Membership
    from ip_fhir.domain.values.terms import LifeArea

WITH_AREAS: Final = ("resources", "needs", "goals", "measures")
"""The lists whose items are shown or not by their life areas."""

ACTORS: Final = ("related_persons", "organizations", "professionals")
"""The lists of those who are shown only where something in the view names them."""

NO_AREA: Final[frozenset[LifeArea]] = frozenset()

_UNSEEN: Final = ("version", "created", "updated", "author", "replaces")
"""Fields of a plan that decide nothing, and that no view shows."""


class Items(NamedTuple):
    """Items of one list with the fields that a view shows, and for each, in order, the actors that it names."""

    shown: tuple[Any, ...]
    names: tuple[tuple[str, ...], ...]
    all_names: frozenset[str]


class Layer(NamedTuple):
    """All that a view of one level may show: fields that it shows as they are, the actors that these name, the rest.

    Of `lists`, items are shown by their areas, reviews by their status, and actors where something names them.
    """

    fields: Mapping[str, Any]
    names: frozenset[str]
    team: CareTeam | None
    lists: Mapping[str, Items]


class Held(NamedTuple):
    """The coordinators of a day with the fields that a view shows, and if they need a reason for being two."""

    places: tuple[Coordinator, ...]
    names: frozenset[str]
    rivals: bool


class Changes(NamedTuple):
    """The difference of two plans: each changed item's list and its life areas before and now, by the item's id.

    `elsewhere` is True if there is any other difference; then the items are not told.
    """

    items: Mapping[str, tuple[str, frozenset[LifeArea], frozenset[LifeArea]]]
    elsewhere: bool


class PlanIndex:
    """The index of one plan. It is worked out as far as it is asked for; what it answers never changes.

    `opened` keeps what `cut` makes of it for each policy.
    """

    def __init__(self, plan: IndividualPlan, basis: Basis | None = None) -> None:
        self.plan = plan
        self.basis = basis or Basis(plan)
        self.opened: dict[Hashable, tuple[Mapping[str, Any], frozenset[str]]] = {}
        self._known: dict[Any, Any] = {}
        self._without: dict[tuple[date, frozenset[LocatingPart]], PlanIndex] = {}
        self._since: tuple[weakref.ref[PlanIndex], Changes] | None = None

    @cached_property
    def areas(self) -> Mapping[str, frozenset[LifeArea]]:
        """The life areas that each resource, need, goal and measure counts as, by its id."""
        return areas_of(self.plan)

    @cached_property
    def all_areas(self) -> frozenset[frozenset[LifeArea]]:
        """Every set of life areas that an item counts as."""
        return frozenset(self.areas.values())

    @cached_property
    def members(self) -> tuple[tuple[Membership, str | None, tuple[str, ...]], ...]:
        """Each membership, the organisation in whose name it is, and the actors that it names.

        The organisation is None for the owner and relatives, who see the plan otherwise.
        """
        works_for, units = self.basis.works_for, self.basis.above
        found = []
        for one in self.plan.team.memberships if self.plan.team is not None else ():
            name = None
            if one.member in works_for or one.member in units:
                name = one.on_behalf_of or (one.member if one.member in units else works_for[one.member])
            found.append((one, name, tuple(names_in(one))))
        return tuple(found)

    def at(self, level: ContentLevel, *, general: bool) -> Layer:
        """Returns what a view of this level may show; `general`: content of no life area is open."""
        key = level, general
        if key not in self._known:
            self._known[key] = self._layer(level, general=general)
        found: Layer = self._known[key]
        return found

    def _layer(self, level: ContentLevel, *, general: bool) -> Layer:
        closed = closed_fields(type(self.plan), level, general=general)
        lists = {
            name: self._items(getattr(self.plan, name), level, general=general) for name in LISTS if name not in closed
        }
        rest = [name for name in VISIBLE[type(self.plan)] if name not in (*closed, *lists, *MADE)]
        values = {name: getattr(self.plan, name) for name in rest}
        shown = {
            name: projected(value, level, general=general) if isinstance(value, Value) else value
            for name, value in values.items()
        }
        team = shown.pop("team")
        plan = projected(self.plan, level, general=general)
        names = {
            *names_in(plan),
            *(ident for one in shown.values() if isinstance(one, Value) for ident in names_in(one)),
        }
        for name in set(lists) - {*WITH_AREAS, *ACTORS, "reviews"}:
            shown[name] = lists[name].shown
            names |= lists[name].all_names
        return Layer(shown, frozenset(names), team, lists)

    def _items(self, items: Iterable[Any], level: ContentLevel, *, general: bool) -> Items:
        shown = tuple(projected(item, level, general=general) for item in items)
        names = tuple(tuple(names_in(item)) for item in shown)
        return Items(shown, names, frozenset().union(*names))

    def areas_in(self, name: str) -> tuple[frozenset[LifeArea], ...]:
        """Returns the life areas of each item of this list, in order."""
        if name not in self._known:
            self._known[name] = tuple(self.areas[item.id] for item in getattr(self.plan, name))
        found: tuple[frozenset[LifeArea], ...] = self._known[name]
        return found

    def held_on(self, on: date, level: ContentLevel, *, general: bool) -> Held:
        """Returns the coordinators of a day."""
        key = on, level, general
        if key not in self._known:
            held = self.plan.team.coordinators_on(on) if self.plan.team is not None else ()
            shown = tuple(projected(place, level, general=general) for place in held)
            names = frozenset(ident for place in shown for ident in names_in(place))
            self._known[key] = Held(shown, names, two_at_once(shown))
        found: Held = self._known[key]
        return found

    def without_places(self, on: date, released: frozenset[LocatingPart]) -> PlanIndex:
        """Returns the index of the plan without the parts that lead to persons with a protected address.

        `released` are the parts that were ticked for the recipient.
        """
        if not self._has_protection:
            return self
        key = on, released
        if key not in self._without:
            rest = withheld(self.plan, released, persons=protected_on(self.plan, on))
            self._without[key] = self if rest is self.plan else PlanIndex(rest)
        return self._without[key]

    @cached_property
    def _has_protection(self) -> bool:
        people: Iterable[Any] = (self.plan.owner, *self.plan.related_persons, *self.plan.professionals)
        return any(one.protection is not None for one in people)

    def since(self, before: PlanIndex) -> Changes:
        """Returns the difference to the plan of another index, and shares its basis if both have the same.

        The last answer is remembered, for the many shares of one plan.
        """
        if self._since is None or self._since[0]() is not before:
            if self.basis is not before.basis and before.basis.is_of(self.plan):
                self.basis = before.basis
            self._since = weakref.ref(before), _changes(before, self)
        return self._since[1]


def _changes(before: PlanIndex, now: PlanIndex) -> Changes:
    old, new = before.plan.__dict__, now.plan.__dict__
    rest = (name for name in new if name not in _UNSEEN and name not in WITH_AREAS)
    if any(old[name] != new[name] for name in rest):
        return Changes({}, elsewhere=True)
    found: dict[str, tuple[str, frozenset[LifeArea], frozenset[LifeArea]]] = {}
    for name in WITH_AREAS:
        was, there = ({item.id: item for item in fields[name]} for fields in (old, new))
        if list(was) != list(there):  # one more or less, or in another order
            return Changes({}, elsewhere=True)
        for ident, item in there.items():
            areas = before.areas[ident], now.areas[ident]
            if item != was[ident] or areas[0] != areas[1]:
                found[ident] = (name, *areas)
    return Changes(found, elsewhere=False)


def protected_on(plan: IndividualPlan, on: date) -> frozenset[str]:
    """Returns the ids of the persons whose whereabouts are withheld on a day.

    A professional who coordinates can be reached; who coordinated once, or will, is a secret of the plan.
    """
    if plan.team is None:
        return protected_persons(plan)
    team = plan.team.model_copy(update={"coordinators": plan.team.coordinators_on(on)})
    return protected_persons(plan.model_copy(update={"team": team}))


class _Same:
    """A key that is the same only for the same plan: a hash of what the plan says would cost more than its index."""

    __slots__ = ("plan",)

    def __init__(self, plan: IndividualPlan) -> None:
        self.plan = plan

    def __hash__(self) -> int:
        return id(self.plan)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.plan is other.plan


def index_of(plan: IndividualPlan) -> PlanIndex:
    """Returns the index of a plan. Those of the last few plans are remembered."""
    return _index(_Same(plan))


@lru_cache(maxsize=8)
def _index(same: _Same) -> PlanIndex:
    return PlanIndex(same.plan)


def areas_of(plan: IndividualPlan) -> dict[str, frozenset[LifeArea]]:
    """Returns the life areas that each resource, need, goal and measure counts as, by its id.

    Without an area of its own, a sub-goal has those of its main goal, and a measure those of all its goals. An empty
    set: it belongs to no area, and is seen by whom the consent as a whole permits.

    >>> from ip_fhir.domain.plan import IndividualPlan
    >>> from ip_fhir.domain.values.value import read
    >>> plan = read(IndividualPlan, '''{"id": "p", "created": "2026-01-12T08:40:00Z", "owner": {"id": "owner",
    ...     "name": {"family": "Testesen"}}, "goals": [{"id": "g", "text": "Svømme", "areas": ["leisure"]}],
    ...     "measures": [{"id": "m", "what": "Svømmehall", "goals": ["g"]}]}''')
    >>> areas_of(plan)["m"]
    frozenset({<LifeArea.LEISURE: 'leisure'>})
    """
    found = {item.id: NO_AREA if item.area is None else frozenset((item.area,)) for item in plan.resources}
    found |= {item.id: NO_AREA if item.area is None else frozenset((item.area,)) for item in plan.needs}
    own = {goal.id: frozenset(goal.areas) for goal in plan.goals}
    goals = {goal.id: _areas_of_goal(goal, own) for goal in plan.goals}
    return found | goals | {measure.id: _areas_of_measure(measure, goals) for measure in plan.measures}


def _areas_of_goal(goal: Goal, own: Mapping[str, frozenset[LifeArea]]) -> frozenset[LifeArea]:
    return own[goal.id] or (own[goal.part_of] if goal.part_of is not None else NO_AREA)


def _areas_of_measure(measure: Measure, goals: Mapping[str, frozenset[LifeArea]]) -> frozenset[LifeArea]:
    return frozenset(measure.areas) or NO_AREA.union(*(goals[ident] for ident in measure.goals))


def names_in(value: Value) -> Iterator[str]:
    """Yields the ids of the actors that a value refers to."""
    for name in REFERENCES.get(type(value), ()):
        found = getattr(value, name)
        if found and name not in TO_GOALS:
            yield from (found,) if isinstance(found, str) else found
