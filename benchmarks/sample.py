"""The plan that the mapping is measured on: 3 main goals, 8 sub-goals, 12 measures, 8 members, 1 consent."""

from __future__ import annotations

from datetime import UTC, date, datetime

from ip_fhir.domain.consent.consent import Access, Consent, ConsentForm, ConsentKind, Provision
from ip_fhir.domain.people import (
    Address,
    ContactPoint,
    ContactSystem,
    Gender,
    Organization,
    OrganizationKind,
    PersonName,
    PlanOwner,
    Profession,
    Professional,
)
from ip_fhir.domain.plan import Achievement, Goal, IndividualPlan, Measure, MeasureStatus, PlanStatus
from ip_fhir.domain.team import CareTeam, Coordinator, Membership, TeamRole
from ip_fhir.domain.values.ids import HerId, HprNumber, MunicipalityNumber, PersonId
from ip_fhir.domain.values.terms import LegalBasis, LifeArea
from ip_fhir.domain.values.value import Period

_AREAS, _PROFESSIONS, _KINDS = tuple(LifeArea), tuple(Profession), tuple(OrganizationKind)
_FROM = Period(start=date(2026, 1, 12))


def sample_plan() -> IndividualPlan:
    """The plan, made anew."""
    return IndividualPlan(
        id="plan-1",
        owner=PlanOwner(
            id="person-1",
            name=PersonName(given="Áile", family="Sæbø"),
            identifier=PersonId("01819000200"),
            birth_date=date(1990, 1, 1),
            gender=Gender.FEMALE,
            address=Address(
                lines=("Storgata 1",), postal_code="2200", city="Nordvik", municipality=MunicipalityNumber("3401")
            ),
        ),
        status=PlanStatus.ACTIVE,
        created=datetime(2026, 1, 12, 8, tzinfo=UTC),
        legal_basis=(LegalBasis.HOL_7_1,),
        period=Period(start=date(2026, 1, 12), end=date(2027, 12, 31)),
        author="pro-0",
        coordinating_unit="org-1",
        organizations=tuple(map(_organization, range(4))),
        professionals=tuple(map(_professional, range(7))),
        goals=tuple(map(_goal, range(11))),
        measures=tuple(map(_measure, range(12))),
        team=_team(),
        consents=(_consent(),),
    )


def _organization(n: int) -> Organization:
    return Organization(
        id=f"org-{n}", name=f"Enhet nummer {n} i kommunen", kind=_KINDS[n + 1], her_id=HerId(str(80000 + n))
    )


def _professional(n: int) -> Professional:
    return Professional(
        id=f"pro-{n}",
        name=PersonName(given=f"Fornavn{n}", family=f"Etternavn{n}"),
        organization=f"org-{n % 4}",
        profession=_PROFESSIONS[n],
        title="Koordinator i kommunen",
        hpr_number=HprNumber(str(9_000_000 + n)),
        contacts=(ContactPoint(system=ContactSystem.PHONE, value=f"+47 00 00 88 0{n}"),),
    )


def _goal(n: int) -> Goal:
    return Goal(
        id=f"goal-{n}",
        text="Jeg vil kunne gå på skole sammen med de andre i klassen og ha det bra der",
        part_of=None if n < 3 else f"goal-{n % 3}",
        areas=(_AREAS[n],),
        period=Period(start=date(2026, 1, 12), end=date(2027, 1, 1)),
        achievement=Achievement.IN_PROGRESS,
        expressed_by="person-1",
    )


def _measure(n: int) -> Measure:
    return Measure(
        id=f"measure-{n}",
        what="Følge til og fra aktiviteter to ganger i uken",
        goals=(f"goal-{n % 11}",),
        areas=(_AREAS[n % 11],),
        responsible=f"pro-{n % 7}",
        takes_part=("person-1",),
        extent="to timer hver tirsdag",
        how="Sammen med støttekontakt",
        period=_FROM,
        status=MeasureStatus.IN_PROGRESS,
    )


def _team() -> CareTeam:
    members = [
        Membership(id=f"m-{n}", member=f"pro-{n}", role=TeamRole.SERVICE_PROVIDER, period=_FROM) for n in range(7)
    ]
    owner = Membership(id="m-owner", member="person-1", role=TeamRole.OWNER)
    coordinator = Coordinator(id="c-1", holder="pro-0", period=_FROM, appointed_by="org-1")
    return CareTeam(id="team-1", memberships=(owner, *members), coordinators=(coordinator,))


def _consent() -> Consent:
    return Consent(
        id="consent-1",
        kind=ConsentKind.SHARING,
        given_on=date(2026, 1, 10),
        form=ConsentForm.WRITTEN,
        provisions=(Provision(access=Access.DENY, recipients=("org-3",), areas=(LifeArea.TREATMENT,)),),
    )
