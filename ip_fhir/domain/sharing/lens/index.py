"""The index of a plan: all that the shares of one plan need alike, worked out once for each plan that is looked at."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from ip_fhir.domain.consent.answers import Answers
from ip_fhir.domain.consent.consent import ConsentKind
from ip_fhir.domain.consent.matrix import organizations_above
from ip_fhir.domain.consent.permission import Allowed
from ip_fhir.domain.consent.protection import protected_persons, withheld
from ip_fhir.domain.sharing.lens.visible import REFERENCES, TO_GOALS, closed_fields
from ip_fhir.domain.sharing.participants import places_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from datetime import date

    from ip_fhir.domain.agreement import ContentLevel
    from ip_fhir.domain.consent.ages import ConsentAges
    from ip_fhir.domain.consent.answers import Answer
    from ip_fhir.domain.consent.protection import LocatingPart
    from ip_fhir.domain.plan import Goal, IndividualPlan, Measure
    from ip_fhir.domain.sharing.participants import Person, Place
    from ip_fhir.domain.values.terms import LifeArea
    from ip_fhir.domain.values.value import Value

NO_AREA: frozenset[LifeArea] = frozenset()


class Items(NamedTuple):
    """Items of one list with the fields that a view shows, and for each, by its id, the actors that it names."""

    shown: tuple[Any, ...]
    names: Mapping[str, tuple[str, ...]]


class PlanIndex:
    """The index of one plan. It is worked out as far as it is asked for, and never changes."""

    def __init__(self, plan: IndividualPlan) -> None:
        self.plan = plan
        self._answers: dict[tuple[date, ConsentAges], Answers] = {}
        self._open: dict[tuple[Person, date, ConsentAges], Mapping[LifeArea | None, Answer]] = {}
        self._items: dict[tuple[Any, ...], Items] = {}
        self._without: dict[tuple[date, frozenset[LocatingPart]], PlanIndex] = {}

    @cached_property
    def areas(self) -> Mapping[str, frozenset[LifeArea]]:
        """The life areas that each resource, need, goal and measure counts as, by its id."""
        return areas_of(self.plan)

    @cached_property
    def above(self) -> Mapping[str | None, tuple[str, ...]]:
        """The organisations above each one, itself first."""
        return organizations_above(self.plan, {one.id for one in self.plan.organizations})

    @cached_property
    def places(self) -> tuple[Place, ...]:
        """The places in the team by which parties may take part."""
        return tuple(places_of(self.plan))

    @cached_property
    def works_for(self) -> Mapping[str, str | None]:
        """The organisation of each professional."""
        return {person.id: person.organization for person in self.plan.professionals}

    def answers(self, person: Person, on: date, ages: ConsentAges) -> Mapping[LifeArea | None, Answer]:
        """Returns the answer to the person on this day for each life area; None: content of none."""
        key = person, on, ages
        if key not in self._open:
            plan = self.plan
            known = self._answers.get((on, ages))
            if known is None:
                sharing = Answers(plan.consents, ConsentKind.SHARING, on, plan.related_persons, plan.owner, ages)
                known = self._answers[on, ages] = sharing
            self._open[key] = dict(known.to(*person))
        return self._open[key]

    def allowed(self, person: Person, on: date, ages: ConsentAges) -> Iterator[LifeArea | None]:
        """Yields the life areas that the person may see on this day; None is content of no area."""
        for area, answer in self.answers(person, on, ages).items():
            if isinstance(answer.given, Allowed):
                yield area

    def without_places(self, on: date, released: frozenset[LocatingPart]) -> PlanIndex:
        """Returns the index of the plan without the parts that lead to persons with a protected address.

        `released` are the parts that were ticked for the recipient.
        """
        if all(one.protection is None for one in self._people()):
            return self
        key = on, released
        if key not in self._without:
            rest = withheld(self.plan, released, persons=protected_on(self.plan, on))
            self._without[key] = self if rest is self.plan else PlanIndex(rest)
        return self._without[key]

    def _people(self) -> Iterable[Any]:
        return self.plan.owner, *self.plan.related_persons, *self.plan.professionals

    def items(self, name: str, level: ContentLevel, *, general: bool) -> Items:
        """Returns the items of the plan's list of that name with the fields that a view of this level shows."""
        key = name, level, general
        if key not in self._items:
            shown = tuple(projected(item, level, general=general) for item in getattr(self.plan, name))
            self._items[key] = Items(shown, {item.id: tuple(names_in(item)) for item in shown})
        return self._items[key]


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


def projected(value: Any, level: ContentLevel, *, general: bool) -> Any:
    """Returns a value with the fields that a view shows; `value` itself if it has no other."""
    fields = value.__dict__
    model: type[Value] = type(value)
    closed = closed_fields(model, level, general=general)
    changes = {name: default for name, default in closed.items() if fields[name] != default}
    return copied(value, changes) if changes else value


def copied(value: Any, changes: Mapping[str, Any]) -> Any:
    """Returns a copy with these changes, which are not checked: each must be what the field's type allows."""
    model: type[Value] = type(value)
    made = model.__new__(model)
    _set(made, "__dict__", {**value.__dict__, **changes})
    _set(made, "__pydantic_fields_set__", value.__pydantic_fields_set__)
    _set(made, "__pydantic_extra__", None)
    _set(made, "__pydantic_private__", None)
    return made


_set = object.__setattr__


def names_in(value: Value) -> Iterator[str]:
    """Yields the ids of the actors that a value refers to."""
    for name in REFERENCES.get(type(value), ()):
        found = getattr(value, name)
        if found and name not in TO_GOALS:
            yield from (found,) if isinstance(found, str) else found
