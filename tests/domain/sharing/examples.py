"""A plan of a municipality with a school, a hospital and a relative, for examples of what a participant sees."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from ip_fhir.domain.agreement import ContentLevel
from ip_fhir.domain.consent.consent import Access, Consent, ConsentKind, Provision
from ip_fhir.domain.people import (
    Address,
    ContactPoint,
    ContactSystem,
    Mandate,
    MandateKind,
    Organization,
    OrganizationKind,
    PersonName,
    PlanOwner,
    Professional,
    RelatedPerson,
    Relationship,
)
from ip_fhir.domain.plan import (
    Arrangement,
    Contribution,
    Contributor,
    Cooperation,
    Goal,
    IndividualPlan,
    Measure,
    Need,
    Resource,
    Review,
    ReviewKind,
    ReviewStatus,
)
from ip_fhir.domain.sharing.share import Share
from ip_fhir.domain.sharing.view import PlanView
from ip_fhir.domain.team import CareTeam, Coordinator, CoordinatorKind, Membership, TeamRole
from ip_fhir.domain.values.ids import HprNumber
from ip_fhir.domain.values.terms import LegalBasis, LifeArea
from ip_fhir.domain.values.value import Period

ON = date(2026, 6, 1)
PHONE = (ContactPoint(system=ContactSystem.PHONE, value="55 55 55 55"),)
YES = Consent(id="yes", kind=ConsentKind.SHARING, given_on=date(2026, 1, 12))


def _unit(ident: str, kind: OrganizationKind, **more: Any) -> Organization:
    return Organization(id=ident, name=ident.title(), kind=kind, **more)


def worker(ident: str, unit: str | None, **more: Any) -> Professional:
    """A professional."""
    return Professional(id=ident, name=PersonName(family=ident.title()), organization=unit, **more)


def place(ident: str, member: str, **more: Any) -> Membership:
    """A membership in force."""
    return Membership(id=ident, member=member, role=TeamRole.SERVICE_PROVIDER, **more)


def plan_with(*consents: Consent, **changes: Any) -> IndividualPlan:
    """A plan of a municipality with a school, a hospital and a relative, and these consents to sharing."""
    plan = IndividualPlan(
        id="plan-1",
        owner=PlanOwner(
            id="person",
            name=PersonName(family="Testesen"),
            birth_date=date(2001, 5, 17),
            address=Address(lines=("Storgata 1",)),
            contacts=PHONE,
            language="se",
        ),
        created=datetime.fromisoformat("2026-01-12T08:00:00+00:00"),
        updated=datetime.fromisoformat("2026-05-12T08:00:00+00:00"),
        version=12,
        author="nurse",
        title="Planen min",
        legal_basis=(LegalBasis.HOL_7_1,),
        replaces="plan-0",
        note="Et notat",
        related_persons=(
            RelatedPerson(
                id="mother",
                name=PersonName(family="Mor"),
                relationship=Relationship.MOTHER,
                mandate=Mandate(kind=MandateKind.PARENT, scope="alt"),
                contacts=PHONE,
            ),
            RelatedPerson(id="aunt", name=PersonName(family="Tante"), relationship=Relationship.OTHER),
        ),
        organizations=(
            _unit("municipality", OrganizationKind.MUNICIPALITY),
            _unit("school", OrganizationKind.SCHOOL),
            _unit("hospital", OrganizationKind.HOSPITAL),
            _unit("ward", OrganizationKind.HOSPITAL, part_of="hospital"),
        ),
        professionals=(
            worker("nurse", "municipality", hpr_number=HprNumber("9000001"), contacts=PHONE),
            worker("teacher", "school"),
            worker("doctor", "ward"),
            worker("stranger", "ward"),
        ),
        resources=(Resource(id="r", text="Tegner", area=LifeArea.LEISURE),),
        needs=(
            Need(id="n-transport", text="Skyss", area=LifeArea.TRANSPORT),
            Need(id="n-economy", text="Penger", area=LifeArea.ECONOMY),
            Need(id="n-none", text="Ro"),
        ),
        goals=(
            Goal(id="g-economy", text="Spare", areas=(LifeArea.ECONOMY,), expressed_by="mother"),
            Goal(id="g-sub", text="Spare litt", part_of="g-economy"),
            Goal(id="g-sub-leisure", text="Kino", part_of="g-economy", areas=(LifeArea.LEISURE,), note="Ofte"),
            Goal(id="g-two", text="Reise", areas=(LifeArea.LEISURE, LifeArea.ECONOMY)),
        ),
        measures=(
            Measure(id="m-economy", what="Budsjett", goals=("g-sub",), responsible="doctor", where="Kontoret"),
            Measure(id="m-leisure", what="Kino", goals=("g-economy", "g-sub-leisure"), areas=(LifeArea.LEISURE,)),
            Measure(id="m-both", what="Tur", goals=("g-economy", "g-sub-leisure")),
        ),
        contributions=(Contribution(id="c", by=Contributor.RELATIVES, text="Kjører", actor="aunt"),),
        cooperation=(Cooperation(id="co", with_whom="NAV"),),
        follow_up=Arrangement(every_months=3, responsible="nurse"),
        reviews=(
            Review(id="rev-1", kind=ReviewKind.FOLLOW_UP, planned=date(2026, 9, 1), how="Møte", responsible="nurse"),
            Review(
                id="rev-0",
                kind=ReviewKind.EVALUATION,
                planned=date(2026, 3, 1),
                status=ReviewStatus.HELD,
                held=date(2026, 3, 2),
                outcome="Godt",
            ),
        ),
        team=CareTeam(
            id="team",
            name="Gruppa",
            memberships=(place("p-teacher", "teacher", task="Skole"), place("p-doctor", "doctor", task="Lege")),
            coordinators=(
                Coordinator(id="k", holder="nurse", mentor="stranger", wish_honoured=False, wish_reason="Ferie"),
                Coordinator(
                    id="k-past", kind=CoordinatorKind.CHILD, holder="stranger", period=Period(end=date(2026, 5, 31))
                ),
            ),
        ),
    )
    return plan.evolve(**changes, consents=consents)


def deny(*areas: LifeArea, recipients: tuple[str, ...] = ()) -> Consent:
    """A yes with a no for these areas."""
    return YES.evolve(provisions=(Provision(access=Access.DENY, areas=areas, recipients=recipients),))


def share_of(*units: str, **more: Any) -> Share:
    """The share of these organisations."""
    fields = {"key": "0f" * 32, "began": date(2026, 1, 12), "organizations": units, **more}
    return Share(id="share-1", plan="plan-1", party="nordvik", **fields)


SCHOOL = share_of("school")


def texts(view: PlanView) -> set[str]:
    """The words of the items in a view."""
    plan = view.plan
    items: tuple[Any, ...] = (*plan.needs, *plan.goals, *plan.resources)
    return {item.text for item in items} | {measure.what for measure in plan.measures}


# --- the words that a school sees of a plan with these consents, by content level: fields, and items (None: all)

_AT_HEADER = {"PersonName.family", "PersonName.given", "Organization.name", "Professional.title", "ContactPoint.value"}
_AT_HEADER |= {"Membership.task", "Membership.role_text"}
_AT_NEEDS = _AT_HEADER | {"Need.text", "Goal.text", "Goal.status_reason"}
_AT_PLAN = _AT_NEEDS | {
    *("Goal.note", "Goal.target", "Resource.text", "Measure.what", "Measure.extent", "Measure.how", "Measure.where"),
    *("Measure.status_reason", "Address.city", "Address.postal_code"),
}
_GENERAL = {  # only where what belongs to no area is open
    *("IndividualPlan.title", "IndividualPlan.note", "Contribution.text", "Cooperation.text", "Cooperation.with_whom"),
    *("Arrangement.how", "Review.how", "Review.outcome", "CareTeam.name"),
}
_OF_ALL = {"person", "owner", "school", "teacher", "nurse", "municipality", "team", "p-teacher", "plan-1"}
_WITHOUT_ECONOMY = {"n-transport", "n-none", "r", "g-sub-leisure", "m-leisure", "c", "co", "rev-0", "rev-1", "aunt"}
_ONLY_TRANSPORT = YES.evolve(
    access=Access.DENY, provisions=(Provision(access=Access.PERMIT, areas=(LifeArea.TRANSPORT,)),)
)

SEEN_WORDS: list[tuple[Consent, ContentLevel, set[str], set[str] | None]] = [
    (_ONLY_TRANSPORT, ContentLevel.HEADER, _AT_HEADER, _OF_ALL),
    (_ONLY_TRANSPORT, ContentLevel.NEEDS, _AT_NEEDS, {*_OF_ALL, "n-transport"}),
    (_ONLY_TRANSPORT, ContentLevel.PLAN, _AT_PLAN, {*_OF_ALL, "n-transport"}),
    (YES, ContentLevel.HEADER, _AT_HEADER, _OF_ALL),
    (YES, ContentLevel.PLAN, _AT_PLAN | _GENERAL, None),
    (deny(LifeArea.ECONOMY), ContentLevel.PLAN, _AT_PLAN | _GENERAL, _OF_ALL | _WITHOUT_ECONOMY),
]
"""Consents to sharing, content level, fields and items of which the school may see words."""
