"""The plan as representatives see it: all but what the person has denied them by name."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from ip_fhir.domain.consent.consent import Access, Consent, ConsentStatus, Provision
from ip_fhir.domain.people import Mandate, MandateKind
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.sharing.lens.representatives import representative_view
from ip_fhir.domain.values.terms import LifeArea
from ip_fhir.domain.values.value import Period
from ip_fhir.errors import InvalidInput
from tests.domain.sharing.examples import ON, YES, plan_with

BORN = date(2012, 9, 1)  # twelve in 2024, sixteen in 2028


def _denial(*areas: LifeArea, **more: Any) -> Consent:
    """The person's no to the mother for these areas."""
    return YES.evolve(
        provisions=(Provision(access=Access.DENY, recipients=("mother",), areas=areas),), **{"id": "no", **more}
    )


def _plan(*consents: Consent, born: date = BORN, kind: MandateKind = MandateKind.PARENT) -> IndividualPlan:
    mother, *others = plan_with().related_persons
    mother = mother.evolve(mandate=Mandate(kind=kind, period=Period(end=date(2040, 1, 1))))
    owner = plan_with().owner.evolve(birth_date=born)
    return plan_with(*consents, owner=owner, related_persons=(mother, *others))


def _needs(plan: IndividualPlan, on: date = ON) -> set[str]:
    return {need.text for need in representative_view(plan, "mother", on).needs}


ALL = {"Skyss", "Penger", "Ro"}


def test_who_has_a_mandate_sees_all() -> None:
    """Also where consent to sharing says no to others, or to all; the plan is as it is."""
    plan = _plan(YES.evolve(access=Access.DENY))
    assert representative_view(plan, "mother", ON) is plan


def test_an_area_that_is_denied_by_name_is_kept() -> None:
    """With what serves it, others' memberships, the author, and people whom nothing else names."""
    plan = _plan(_denial(LifeArea.ECONOMY))
    view = representative_view(plan, "mother", ON)
    assert {need.text for need in view.needs} == {"Skyss", "Ro"}
    assert {goal.text for goal in view.goals} == {"Kino"}
    assert (view.consents, view.author, view.note) == ((), None, "Et notat")
    assert view.team is not None
    assert view.team.memberships == ()
    assert {person.id for person in view.professionals} == {"nurse", "stranger"}


def test_a_denial_of_all_leaves_days_and_coordinators() -> None:
    """What has no area is denied with a no to all."""
    view = representative_view(_plan(_denial()), "mother", ON)
    assert (view.needs, view.note, view.contributions) == ((), None, ())
    assert [(review.planned, review.outcome) for review in view.reviews] == [
        *((date(2026, 9, 1), None), (date(2026, 3, 1), None))
    ]


def test_a_denial_ends() -> None:
    """With its period; a withdrawal, with a later yes by name. A no to somebody else says nothing."""
    ended = _denial(LifeArea.ECONOMY).provisions[0].evolve(period=Period(end=date(2026, 5, 31)))
    assert _needs(_plan(YES.evolve(provisions=(ended,)))) == ALL
    named = Provision(access=Access.PERMIT, recipients=("mother",), areas=(LifeArea.ECONOMY,))
    withdrawn = YES.evolve(id="no", provisions=(named,), status=ConsentStatus.WITHDRAWN, withdrawn_on=date(2026, 3, 1))
    assert _needs(_plan(withdrawn)) == {"Skyss", "Ro"}
    assert _needs(_plan(withdrawn, YES.evolve(provisions=(named,), given_on=date(2026, 4, 1)))) == ALL
    other = Provision(access=Access.DENY, recipients=("aunt", "hospital"), areas=(LifeArea.ECONOMY,))
    assert _needs(_plan(YES.evolve(provisions=(other,)))) == ALL


@pytest.mark.parametrize(
    ("given_on", "kind", "kept"),
    [
        (date(2024, 8, 31), MandateKind.PARENT, False),  # eleven
        (date(2024, 9, 1), MandateKind.PARENT, True),  # twelve
    ],
)
def test_a_child_keeps_things_from_its_parents_from_twelve(given_on: date, kind: MandateKind, *, kept: bool) -> None:
    """The word counts by the age at which it was said."""
    assert (_needs(_plan(_denial(LifeArea.ECONOMY, given_on=given_on), kind=kind)) != ALL) is kept


def test_a_parents_denial_of_the_other_parent_does_not_count() -> None:
    """Only the person's own word keeps things from a representative."""
    assert _needs(_plan(_denial(LifeArea.ECONOMY, given_by="mother"))) == ALL


def test_a_parents_mandate_is_over_at_sixteen() -> None:
    """On that day; a guardian's goes on, and a parent's does not hold where the birth date is not known."""
    plan = _plan()
    assert _needs(plan, date(2028, 8, 31)) == ALL
    with pytest.raises(InvalidInput, match="has no mandate on this day"):
        representative_view(plan, "mother", date(2028, 9, 1))
    assert _needs(_plan(kind=MandateKind.GUARDIAN), date(2028, 9, 1)) == ALL
    with pytest.raises(InvalidInput, match="has no mandate"):
        representative_view(plan.evolve(owner=plan.owner.evolve(birth_date=None)), "mother", ON)


def test_who_has_no_mandate_that_day_sees_nothing() -> None:
    """Nobody of that id, a relative without one, and one whose mandate has ended."""
    for ident in ("nobody", "aunt"):
        with pytest.raises(InvalidInput, match="related_persons"):
            representative_view(_plan(), ident, ON)
    with pytest.raises(InvalidInput, match="has no mandate"):
        representative_view(_plan(kind=MandateKind.WRITTEN), "mother", date(2040, 1, 2))
