"""The basis of what is open: who takes part in a plan, and what its consents to sharing say to each of them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ip_fhir.domain.consent.answers import Answers
from ip_fhir.domain.consent.consent import ConsentKind
from ip_fhir.domain.consent.matrix import organizations_above
from ip_fhir.domain.consent.permission import Allowed
from ip_fhir.domain.sharing.participants import places_of

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterator, Mapping
    from datetime import date

    from ip_fhir.domain.consent.ages import ConsentAges
    from ip_fhir.domain.consent.answers import Answer
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.sharing.participants import Person, Place
    from ip_fhir.domain.values.terms import LifeArea

T = TypeVar("T")

_PARTS: Final = ("owner", "consents", "team", "professionals", "organizations", "related_persons")
"""The fields of a plan that decide what is open, and to whom."""


class Basis:
    """The basis of one plan, worked out as far as it is asked for."""

    def __init__(self, plan: IndividualPlan) -> None:
        self.plan = plan
        self._known: dict[Hashable, Any] = {}
        self._answers: dict[tuple[date, ConsentAges], Answers] = {}
        self._open: dict[tuple[Person, date, ConsentAges], Mapping[LifeArea | None, Answer]] = {}

    def is_of(self, plan: IndividualPlan) -> bool:
        """True if this is the basis of that plan, too: it has the same people, team and consents."""
        ours, theirs = self.plan.__dict__, plan.__dict__
        return all(ours[name] == theirs[name] for name in _PARTS)

    def once(self, key: Hashable, make: Callable[[], T]) -> T:
        """Returns what `make` makes of this basis and the key alone; it is made when it is first asked for."""
        if key not in self._known:
            self._known[key] = make()
        found: T = self._known[key]
        return found

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

    @cached_property
    def with_organizations(self) -> Mapping[str, tuple[str, ...]]:
        """Each professional and organisation, itself first, with the organisations that it belongs to."""
        people = {ident: (ident, *self.above[unit]) for ident, unit in self.works_for.items()}
        return people | {ident: above for ident, above in self.above.items() if ident is not None}

    def answers(self, person: Person, on: date, ages: ConsentAges) -> Mapping[LifeArea | None, Answer]:
        """Returns the answer to the person on this day for each life area; None: content of none."""
        key = person, on, ages
        if key not in self._open:
            plan = self.plan
            sharing = self._answers.get((on, ages))
            if sharing is None:
                sharing = Answers(plan.consents, ConsentKind.SHARING, on, plan.related_persons, plan.owner, ages)
                self._answers[on, ages] = sharing
            self._open[key] = dict(sharing.to(*person))
        return self._open[key]

    def allowed(self, person: Person, on: date, ages: ConsentAges) -> Iterator[LifeArea | None]:
        """Yields the life areas that the person may see on this day; None is content of no area."""
        for area, answer in self.answers(person, on, ages).items():
            if isinstance(answer.given, Allowed):
                yield area
