"""Who takes part in a plan on a day: parties, their people, and places on paper."""

from __future__ import annotations

from datetime import date, timedelta

from hypothesis import given

from ip_fhir.domain.people import Organization, OrganizationKind
from ip_fhir.domain.sharing.participants import nearest_parties, participants
from ip_fhir.domain.sharing.policy import people_of, policy_of
from ip_fhir.domain.team import CareTeam, MembershipStatus
from ip_fhir.domain.values.value import Period
from tests.domain.sharing.alike import Case, Rules, cases
from tests.domain.sharing.examples import ON, YES, place, plan_with, share_of

PARTY_OF = {"school": "nordvik-skole", "hospital": "sykehuset", "ward": "sykehuset", "municipality": "us"}


def test_the_nearest_party_above_counts() -> None:
    """A unit's own party comes before that of its enterprise; a chain without a party has none."""
    units = [
        Organization(id=ident, name=ident, kind=OrganizationKind.HOSPITAL, part_of=above)
        for ident, above in (("trust", None), ("clinic", "trust"), ("ward", "clinic"), ("alone", None))
    ]
    plan = plan_with(organizations=(*plan_with().organizations[:3], *units))
    own = {"trust": "sykehuset", "clinic": "klinikken"}
    assert nearest_parties(plan, lambda unit: own.get(unit.id)) == {**own, "ward": "klinikken"}


def test_who_takes_part() -> None:
    """Members and coordinators, each with the organisations above them, and since when; not relatives."""
    plan = plan_with(
        team=plan_with().team.evolve(  # type: ignore[union-attr]
            memberships=(
                place("p-doctor", "doctor", period=Period(start=date(2026, 2, 1))),
                place("p-ward", "ward", period=Period(start=date(2026, 3, 1))),
                place("p-teacher", "teacher", status=MembershipStatus.PROPOSED),
                place("p-aunt", "aunt", on_behalf_of="school"),
                place("p-owner", "person"),
            )
        )
    )
    taking = participants(plan, PARTY_OF, ON)
    found = {one.party: one for one in taking.parts}
    assert found.keys() == {"sykehuset", "us"}
    hospital = found["sykehuset"]
    assert set(hospital.persons) == {("doctor", ("ward", "hospital")), ("ward", ("hospital",))}
    assert (set(hospital.organizations), hospital.first_day) == ({"ward", "hospital"}, date(2026, 2, 1))
    assert (found["us"].persons, found["us"].first_day) == ((("nurse", ("municipality",)),), None)
    assert taking.on_paper == ()


def test_places_that_no_party_stands_for_are_on_paper() -> None:
    """Of an organisation that is no party, or of nobody's; those of relatives are not."""
    team = CareTeam(
        id="team",
        memberships=(
            *(place("p-doctor", "doctor"), place("p-aunt", "aunt"), place("p-alone", "alone")),
            *(
                place("p-for", "doctor", on_behalf_of="school"),
                place("p-past", "doctor", period=Period(end=date(2026, 5, 1))),
            ),
        ),
    )
    professionals = (*plan_with().professionals, plan_with().professionals[0].evolve(id="alone", organization=None))
    plan = plan_with(team=team, professionals=professionals)
    taking = participants(plan, {"school": "nordvik-skole"}, ON)
    assert set(taking.on_paper) == {"p-doctor", "p-alone"}
    assert [one.party for one in taking.parts] == ["nordvik-skole"]


@given(cases())
def test_consent_is_asked_about_all_who_take_part(case: Case) -> None:
    """By each person of the party in force that day; what is open is what `permits` allows all of them."""
    rules = Rules(case.plan, case.share, case.on)
    assert set(people_of(case.plan, case.share, case.on)) == rules.people
    policy = policy_of(case.plan, case.share, case.on)
    assert policy.areas | ({None} if policy.general else set()) == rules.open


def test_nobody_in_force_opens_nothing() -> None:
    """The day before the first membership, and for a person who is not in the team."""
    plan = plan_with(YES, team=CareTeam(id="team", memberships=(place("p", "teacher", period=Period(start=ON)),)))
    assert policy_of(plan, share_of("school"), ON - timedelta(days=1)).opens_nothing
    assert policy_of(plan, share_of("school", person="nurse"), ON).opens_nothing
    assert policy_of(plan, share_of("school"), ON).opens_all
