"""Loop and plan know each other: the plan to be made, the coordinator who leaves, the plan that is no longer wanted."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from ip_fhir.domain.consent.consent import Consent, ConsentKind, ConsentStatus
from ip_fhir.domain.effects import Reason
from ip_fhir.domain.notice import NoticeKind
from ip_fhir.domain.people import Organization, OrganizationKind, PersonName, Professional
from ip_fhir.domain.plan import IndividualPlan, PlanStatus
from ip_fhir.domain.referral import EventKind
from ip_fhir.domain.sharing.events import PlanEventKind
from ip_fhir.domain.team import CareTeam, Coordinator
from ip_fhir.domain.values.value import Period
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange import Exchange
from tests.support.ring import NINA
from tests.support.two_sides import START, Loop, form, make_loop, notice

LOOP = "referral-02"


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    """A loop about a plan with its coordinator that the municipality has answered."""
    made = make_loop(tmp_path)
    made.hospital.exchange.send_notice(notice("02"))
    made.settle()
    made.municipality.exchange.answer(form("02"))
    made.settle()
    yield made
    made.hospital.exchange.close()
    made.municipality.exchange.close()


def plan_of(loop: Loop, number: str | None = "02748412371") -> IndividualPlan:
    """The plan as the coordinator makes it, about the same person, by this number."""
    plan = IndividualPlan(
        id="plan-of-loop",
        owner=notice("02").owner.evolve(identifier=number),
        status=PlanStatus.ACTIVE,
        created=START,
        organizations=(Organization(id="ke", name="KE", kind=OrganizationKind.COORDINATING_UNIT),),
        professionals=(Professional(id="nina", name=PersonName(family="Koordinatortest"), organization="ke"),),
        team=CareTeam(
            id="team", coordinators=(Coordinator(id="c", holder="nina", period=Period(start=date(2026, 1, 1))),)
        ),
        consents=(Consent(id="yes", kind=ConsentKind.PLAN, given_on=date(2026, 1, 1)),),
    )
    loop.municipality.exchange.save_plan(plan, by=NINA, referral=LOOP)
    return plan


def newest(exchange: Exchange) -> IndividualPlan:
    """The newest version here."""
    plan = exchange.plan("plan-of-loop").plan
    assert plan is not None
    return plan


def reasons(exchange: Exchange) -> set[Reason]:
    """The reasons of the open items."""
    return {item.reason for item in exchange.worklist()}


@pytest.mark.parametrize(
    ("number", "is_taken"),
    [
        ("02748412371", True),  # the same
        ("42748490013", True),  # the D-number that came before it
        ("63918531191", False),  # a D-number of somebody with another birth date
        ("05827500285", False),
        (None, True),
    ],
)
def test_a_plan_of_a_loop_is_about_the_same_person(tmp_path: Path, number: str | None, is_taken: bool) -> None:
    """Numbers of one register, and birth dates, tell two persons apart; numbers of two registers do not."""
    loop = make_loop(tmp_path)
    asked = notice("02")
    owner = asked.owner.evolve(identifier="02748412371", birth_date=None)
    loop.hospital.exchange.send_notice(asked.evolve(owner=owner))
    loop.settle()
    about = owner.evolve(id="owner-in-the-plan", identifier=number)
    plan = IndividualPlan(id="plan-of-loop", owner=about, created=START)
    with nullcontext() if is_taken else pytest.raises(InvalidInput, match="about another person"):
        loop.municipality.exchange.save_plan(plan, by=NINA, referral=LOOP)
    loop.hospital.exchange.close()
    loop.municipality.exchange.close()


def test_the_plan_is_to_be_made_until_it_is_made(loop: Loop) -> None:
    """A complete form for a plan opens an item at the unit; saving the plan of this loop closes it."""
    assert Reason.MAKE_PLAN in reasons(loop.municipality.exchange)
    assert Reason.MAKE_PLAN not in reasons(loop.hospital.exchange)
    plan_of(loop)
    assert Reason.MAKE_PLAN not in reasons(loop.municipality.exchange)


def test_who_leaves_in_the_loop_leaves_in_the_plan(loop: Loop) -> None:
    """The place is held until the day before, and vacant from then on."""
    plan_of(loop)
    loop.municipality.exchange.act(LOOP, EventKind.COORDINATOR_LEFT, by=NINA)
    team = newest(loop.municipality.exchange).team
    assert team is not None
    assert team.coordinators_on(date(2026, 1, 12)) == ()
    assert team.coordinators[0].period.end == date(2026, 1, 11)
    assert team.coordinators[-1].vacant
    loop.settle()
    assert loop.states(LOOP) == ("vacant", "vacant")


@pytest.mark.parametrize("number", [None, "42748490013"])
def test_they_follow_each_other_without_a_common_number(loop: Loop, number: str | None) -> None:
    """The plan is found by its loop: also where it has no number, or had a D-number when it was made."""
    plan = plan_of(loop, number)
    assert plan.owner.identifier != notice("02").owner.identifier
    loop.municipality.exchange.act(LOOP, EventKind.COORDINATOR_LEFT, by=NINA)
    team = newest(loop.municipality.exchange).team
    assert team is not None
    assert team.coordinators[-1].vacant


def test_a_loop_has_one_plan(loop: Loop) -> None:
    """A second plan of the same loop is refused, and nothing of it is kept."""
    plan = plan_of(loop)
    with pytest.raises(InvalidInput, match="another plan has one with this id"):
        loop.municipality.exchange.save_plan(plan.evolve(id="second"), by=NINA, referral=LOOP)
    with pytest.raises(InvalidInput):
        loop.municipality.exchange.plan("second")


def test_the_hook_hears_of_a_plan_that_followed_its_loop(loop: Loop) -> None:
    """The plan was saved by it: the EHR is told as of any save."""
    plan_of(loop)
    told: list[tuple[PlanEventKind, str]] = []
    side = loop.municipality.exchange
    side = Exchange(replace(side._context, plan_moved=lambda kind, moved: told.append((kind, moved.plan_id))))
    side.act(LOOP, EventKind.COORDINATOR_LEFT, by=NINA)
    assert told == [(PlanEventKind.SAVE, "plan-of-loop")]


def test_who_leaves_in_the_plan_leaves_in_the_loop(loop: Loop) -> None:
    """A version without a coordinator makes the loop vacant, on both sides; another change of the plan does not."""
    plan_of(loop)
    exchange = loop.municipality.exchange
    exchange.save_plan(newest(exchange).evolve(title="Min plan"), by=NINA)
    loop.settle()
    assert loop.states(LOOP) == ("confirmed", "confirmed")
    team = newest(exchange).team
    assert team is not None
    ended = team.coordinators[0].evolve(period=Period(start=date(2026, 1, 1), end=date(2026, 1, 11)))
    exchange.save_plan(newest(exchange).evolve(team=team.evolve(coordinators=(ended,))), by=NINA)
    loop.settle()
    assert loop.states(LOOP) == ("vacant", "vacant")


@pytest.mark.parametrize(
    ("kind", "after"), [(NoticeKind.PLAN, "closed"), (NoticeKind.PLAN_AND_COORDINATOR, "confirmed")]
)
def test_a_plan_that_is_no_longer_wanted(tmp_path: Path, kind: NoticeKind, after: str) -> None:
    """A notice for a plan alone ends with the consent to it; one that asks for a coordinator, too, goes on."""
    loop = make_loop(tmp_path)
    loop.hospital.exchange.send_notice(notice("02").evolve(kind=kind))
    loop.settle()
    loop.municipality.exchange.answer(form("02"))
    loop.settle()
    plan_of(loop)
    exchange = loop.municipality.exchange
    gone = newest(exchange).consents[0].evolve(status=ConsentStatus.WITHDRAWN, withdrawn_on=date(2026, 1, 12))
    exchange.save_plan(newest(exchange).evolve(consents=(gone,), status=PlanStatus.REVOKED), by=NINA)
    loop.settle()
    assert loop.states(LOOP) == (after, after)
    loop.hospital.exchange.close()
    exchange.close()
