"""The work of the domain's rules and verbs grows in proportion to every list, and to pairs of lists."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from ip_fhir.domain.completeness import completeness
from ip_fhir.domain.consent.answers import Answers
from ip_fhir.domain.consent.consent import Access, Consent, ConsentKind, Provision
from ip_fhir.domain.consent.matrix import consent_matrix
from ip_fhir.domain.green_form import missing_items
from ip_fhir.domain.merge import difference, merge
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.plan_rules import organization_problems, plan_problems
from ip_fhir.domain.team import rivals_of
from ip_fhir.domain.values.terms import LifeArea
from ip_fhir.errors import InvalidInput
from tests.support import growing
from tests.support.growing import FORM_CASES, NOTICE_CASES, PLAN_CASES, Case
from tests.support.work import growth

ON = date(2020, 3, 1)
SMALL = 12  # four times this is within every bound
MOST = 7.0  # in proportion it is 4, by the square 16


def merged_with_all_new(plan: IndividualPlan) -> object:
    """A merge in which one side has added all of it."""
    return merge(growing.plan(), plan, growing.plan(note="Deres"))


VERBS: dict[str, Callable[[IndividualPlan], object]] = {
    "rules": plan_problems,
    "read": lambda plan: IndividualPlan.from_json(plan.to_json()),
    "completeness": completeness,
    "consent matrix": lambda plan: consent_matrix(plan, ON),
    "difference": lambda plan: difference(growing.plan(), plan),
    "merge": merged_with_all_new,
}


@pytest.mark.parametrize("verb", VERBS.values(), ids=VERBS)
@pytest.mark.parametrize("case", PLAN_CASES, ids=lambda case: case.name)
def test_a_plan_grows(case: Case, verb: Callable[[IndividualPlan], object]) -> None:
    """No verb on a plan takes more than in proportion to a list."""

    def work(size: int) -> Callable[[], object]:
        plan = growing.plan(**case.make(size))
        return lambda: verb(plan)

    assert growth(work, SMALL) < MOST


@pytest.mark.parametrize("case", [*NOTICE_CASES, *FORM_CASES], ids=lambda case: case.name)
def test_a_notice_and_a_form_grow(case: Case) -> None:
    """Making one, with its rules, takes in proportion to its lists; so does finding what a form lacks."""
    make: Callable[..., Any] = growing.notice if case in NOTICE_CASES else growing.form

    def work(size: int) -> Callable[[], object]:
        fields = case.make(size)
        return lambda: make(**fields) if case in NOTICE_CASES else missing_items(growing.form(**fields))

    assert growth(work, SMALL) < MOST


@pytest.mark.parametrize("ring", [False, True], ids=["to the top", "in a ring"])
def test_units_of_units_of_units(*, ring: bool) -> None:
    """A chain of organisations is walked over once, not once for each of its links; a ring is found as ever."""

    def work(size: int) -> Callable[[], object]:
        first, *others = growing.organizations(size, chain=True)
        chain = (first.evolve(part_of=f"org-{size - 1}") if ring else first, *others)
        return lambda: list(organization_problems(chain))

    assert growth(work, 100) < MOST


def test_a_tail_that_leads_into_a_ring_is_not_in_it() -> None:
    """Only the organisations of the ring are part of themselves, wherever the walk begins."""
    a, b, c, d = growing.organizations(4)
    found = organization_problems((d.evolve(part_of="org-0"), a, b.evolve(part_of="org-2"), c.evolve(part_of="org-1")))
    assert [problem.path for problem in found] == ["organizations.2.part_of", "organizations.3.part_of"]


@pytest.mark.parametrize("one", [False, True], ids=["of two in turn", "of one, all at once"])
def test_places_of_coordinators(*, one: bool) -> None:
    """Places are not compared pair by pair."""

    def work(size: int) -> Callable[[], object]:
        places = growing.coordinators(size, one=one)
        return lambda: rivals_of(places)

    assert growth(work, 100) < MOST


def test_consents_speak_to_all_whom_they_do_not_name_alike() -> None:
    """A hundred times as many recipients whom no provision names cost no more voices of consents than one."""
    asked = []
    for count in (1, 100):
        answers = Answers(growing.consents(20), ConsentKind.SHARING, ON, ())
        for number in range(count):
            assert len([*answers.to(f"pro-{number}", ())]) == 1 + len(LifeArea)
        asked.append(answers.calls)
    assert asked[0] == asked[1] < 100


def test_people_who_are_each_named_in_another_way_are_few() -> None:
    """A hundred who are named by sixty consents, each by others, are told; hundreds more are refused within bounds."""
    plan = growing.plan(professionals=growing.professionals(2000), consents=named_by_chance(60, 100))
    assert len(consent_matrix(plan, ON).seers) == 2000
    asked = Answers(named_by_chance(500, 1000), ConsentKind.SHARING, ON, ())
    with pytest.raises(InvalidInput, match="so many different ways") as caught:
        [list(asked.to(f"pro-{number}", ())) for number in range(1000)]
    assert caught.value.problems[0].code == "too-costly"
    assert asked.calls < 5_000


def named_by_chance(count: int, people: int) -> tuple[Consent, ...]:
    """Consents to one half of the people each, drawn anew."""
    chance, ids = random.Random(1), [f"pro-{n}" for n in range(people)]
    return tuple(
        consent.evolve(provisions=(Provision(access=Access.DENY, recipients=tuple(chance.sample(ids, people // 2))),))
        for consent in growing.consents(count)
    )


def test_what_follows_from_a_change_is_found_at_once() -> None:
    """One side adds units below a unit that the other removes: none can be added, and each conflict says why."""

    def work(size: int) -> Callable[[], object]:
        base, mine = (growing.plan(organizations=growing.organizations(n, chain=True)) for n in (1, size + 1))
        return lambda: merge(base, mine, growing.plan())

    base, mine = (growing.plan(organizations=growing.organizations(n, chain=True)) for n in (1, 4))
    found = merge(base, mine, growing.plan())
    assert found.plan.organizations == ()
    assert [(c.id, c.against and c.against.id) for c in found.conflicts] == [
        ("org-1", "org-0"),
        ("org-2", "org-1"),
        ("org-3", "org-2"),
    ]
    assert growth(work, 25) < MOST
