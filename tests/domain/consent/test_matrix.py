"""The consent matrix: what `permits` says of everybody and everything, with the last day on which it says so."""

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ip_fhir.domain.consent.consent import ConsentKind
from ip_fhir.domain.consent.matrix import AREAS, Cell, ConsentMatrix, Group, consent_matrix
from ip_fhir.domain.consent.permission import AccessRequest, Allowed, Refused, Rule, permits
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.values.terms import LifeArea
from ip_fhir.domain.values.value import Period, read
from tests.support.two_sides import EXAMPLES

PLANS = [read(IndividualPlan, file.read_bytes()) for file in sorted((EXAMPLES / "plans").glob("*.json"))]
CHILD, ADULT, STROKE = PLANS[:3]
DAYS = st.dates(date(2026, 1, 1), date(2029, 1, 1))


def cell(found: ConsentMatrix, who: str, area: LifeArea | None) -> Cell:
    """One answer."""
    (seer,) = (seer for seer in found.seers if seer.id == who)
    return seer.cells[AREAS.index(area)]


def told(found: ConsentMatrix, who: str, area: LifeArea | None) -> Any:
    """The last day, or the rule."""
    one = cell(found, who, area)
    return one.rule if one.rule is not None else one.until


def test_by_hand() -> None:
    """A child's plan: the school sees nothing of the family, child welfare nothing at all, until the consent ends."""
    found = consent_matrix(CHILD, date(2026, 5, 1))
    end = date(2028, 6, 30)
    assert told(found, "pro-school-teacher", LifeArea.EDUCATION) == end
    assert told(found, "pro-school-teacher", LifeArea.FAMILY) is Rule.RECIPIENT
    assert told(found, "pro-child-welfare", LifeArea.EDUCATION) is Rule.RECIPIENT
    assert told(found, "org-nordvik-child-welfare", None) is Rule.RECIPIENT
    assert told(found, "person-01-mother", LifeArea.FAMILY) == end
    assert cell(found, "pro-gp", None).consents == ("person-01-consent-3",)


def test_day_by_day() -> None:
    """Withdrawn, given anew with exceptions, and one of these for a time: each day has its own answer."""
    nav, housing = "pro-nav-caseworker", "pro-housing"
    on = {day: consent_matrix(ADULT, day) for day in (date(2026, 3, 20), date(2026, 3, 26), date(2026, 5, 1))}
    assert told(on[date(2026, 3, 20)], nav, LifeArea.TREATMENT) == date(2026, 3, 24)  # withdrawn on the 25th
    assert told(on[date(2026, 3, 26)], nav, LifeArea.TREATMENT) is Rule.WITHDRAWN
    assert told(on[date(2026, 5, 1)], nav, LifeArea.TREATMENT) is Rule.RECIPIENT
    assert told(on[date(2026, 5, 1)], nav, LifeArea.WORK) == date(2027, 12, 31)
    assert told(on[date(2026, 5, 1)], housing, LifeArea.ECONOMY) is Rule.RECIPIENT
    later = consent_matrix(ADULT, date(2027, 1, 1))
    assert told(later, housing, LifeArea.ECONOMY) == date(2027, 12, 31)
    assert told(consent_matrix(ADULT, date(2028, 1, 1)), nav, LifeArea.WORK) is Rule.PERIOD


@pytest.mark.parametrize("plan", PLANS, ids=lambda plan: plan.id)
def test_everybody_but_the_person(plan: IndividualPlan) -> None:
    """Whoever the plan names has a row, with a cell for each area; the person needs nobody's consent."""
    found = consent_matrix(plan, date(2026, 5, 1))
    named = {organization.id for organization in plan.organizations}
    named |= {professional.id for professional in plan.professionals} | {person.id for person in plan.related_persons}
    assert [seer.id for seer in found.seers if seer.id not in named] == []
    assert len(found.seers) == len(named)
    assert all(tuple(cell.area for cell in seer.cells) == AREAS for seer in found.seers)
    groups = [seer.group for seer in found.seers]
    assert groups == sorted(groups, key=list(Group).index)
    assert {s.id for s in found.seers if s.group is Group.ORGANIZATION} == {o.id for o in plan.organizations}


def test_who_takes_part() -> None:
    """Members and coordinators of the day take part; who has ended, declined or is not there yet is named."""
    groups = {seer.id: seer.group for seer in consent_matrix(CHILD, date(2026, 5, 1)).seers}
    assert groups["pro-child-coordinator"] is Group.TEAM
    assert groups["pro-habilitation-physician"] is Group.TEAM  # proposed: the invitation is open
    assert groups["pro-kindergarten-teacher"] is Group.NAMED  # ended
    assert groups["pro-child-welfare"] is Group.NAMED  # declined
    alone = CHILD.evolve(team=None)
    assert Group.TEAM not in {seer.group for seer in consent_matrix(alone, date(2026, 5, 1)).seers}


@given(st.sampled_from(PLANS), DAYS)
def test_it_says_what_permits_says(plan: IndividualPlan, on: date) -> None:
    """Every cell is the answer of `permits`, and it holds on each day until the last one, and not on the next."""
    above = {o.id: o.part_of for o in plan.organizations}
    starts = {p.id: p.organization for p in plan.professionals} | above
    for seer in consent_matrix(plan, on).seers:
        within: list[str] = []
        while (unit := above.get(within[-1]) if within else starts.get(seer.id)) is not None:
            within.append(unit)
        for one in seer.cells:
            areas = () if one.area is None else (one.area,)

            def asked(day: date, seer_id: str = seer.id, areas: Any = areas, within: Any = tuple(within)) -> Any:
                request = AccessRequest(ConsentKind.SHARING, seer_id, day, within, areas)
                return permits(plan.consents, request, plan.related_persons, plan.owner)

            answer = asked(on)
            assert one.allowed is isinstance(answer, Allowed)
            assert one.consents == answer.consents
            assert one.rule is (answer.rule if isinstance(answer, Refused) else None)
            if one.until is not None:
                assert isinstance(asked(one.until), Allowed)
                assert isinstance(asked(one.until + timedelta(days=1)), Refused)
            elif one.allowed:
                assert isinstance(asked(date(2100, 1, 1)), Allowed)


def test_as_data() -> None:
    """As data every cell says area, answer, last day or rule, and on which consents."""
    data = consent_matrix(CHILD, date(2026, 5, 1)).to_data()
    assert (data["plan"], data["on"]) == ("plan-01", "2026-05-01")
    (school,) = (row for row in data["participants"] if row["id"] == "pro-school-teacher")
    family = school["cells"][AREAS.index(LifeArea.FAMILY)]
    assert family == {
        "area": "family",
        "allowed": False,
        "until": None,
        "rule": "recipient-or-area",
        "consents": ["person-01-consent-3"],
    }
    assert school["cells"][0]["until"] == "2028-06-30"
    assert school["group"] == "team"


def test_no_consent_at_all() -> None:
    """Without consents nobody sees anything, and it is said so."""
    found = consent_matrix(STROKE.evolve(consents=()), date(2026, 5, 1))
    assert {one.rule for seer in found.seers for one in seer.cells} == {Rule.NO_CONSENT}


def test_the_end_of_time() -> None:
    """A period that ends with the calendar has no day after it."""
    endless = ADULT.consents[2].period.evolve(end=date.max)
    consents = (ADULT.consents[2].evolve(period=endless),)
    assert told(consent_matrix(ADULT.evolve(consents=consents), date(2026, 5, 1)), "pro-gp", None) is None


def test_a_mothers_yes_ends_on_the_sixteenth_birthday() -> None:
    """The matrix shows the last day of a parent's word (users.md 0.8)."""
    endless = CHILD.consents[2].evolve(period=Period())
    found = consent_matrix(CHILD.evolve(consents=(endless,)), date(2026, 5, 1))
    born = CHILD.owner.birth_date
    assert born is not None
    assert told(found, "pro-gp", None) == born.replace(year=born.year + 16) - timedelta(days=1)
