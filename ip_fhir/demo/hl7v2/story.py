"""The story of the loop over HL7 v2: the municipality, the person, the notice, the green form and the plan."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Final

from ip_fhir.demo.place import DemoParty
from ip_fhir.demo.stories import Ending, Script, Story
from ip_fhir.domain.green_form import FormDecision, GreenForm, PlanState
from ip_fhir.domain.notice import NoticeKind
from ip_fhir.domain.people import (
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
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.referral import Role
from ip_fhir.domain.team import CareTeam, Coordinator
from ip_fhir.domain.values.calendar import OSLO
from ip_fhir.domain.values.ids import HerId, HprNumber, OrganizationNumber, PersonId
from ip_fhir.domain.values.terms import LegalBasis
from ip_fhir.domain.values.value import Period

if TYPE_CHECKING:
    from ip_fhir.domain.notice import Notice

V2_TOWN: Final = "lyngvik"
"""The municipality's name in all settings and files."""

LYNGVIK: Final = Organization(
    id="org-lyngvik-ke",
    name="Koordinerende enhet Lyngvik",
    kind=OrganizationKind.COORDINATING_UNIT,
    her_id=HerId("90000902"),
    organization_number=OrganizationNumber("312040026"),
)

_OWNER: Final = PlanOwner(
    id="person-06",
    name=PersonName(family="Tveitåsen", given="Jørgen"),
    identifier=PersonId("03817121577"),
    birth_date=date(1971, 1, 3),
    gender=Gender.MALE,
)
_COORDINATOR: Final = Professional(
    id="pro-lyngvik-coordinator",
    name=PersonName(family="Øyehaug", given="Sølvi"),
    organization=LYNGVIK.id,
    profession=Profession.NURSE,
    hpr_number=HprNumber("990000300"),
    contacts=(ContactPoint(system=ContactSystem.PHONE, value="+47 00 00 09 02"),),
)
_PLACE: Final = Coordinator(
    id="person-06-coordinator-1",
    holder=_COORDINATOR.id,
    period=Period(start=date(2026, 2, 23)),
    appointed_by=LYNGVIK.id,
)
_SENT: Final = datetime(2026, 2, 16, 9, 15, tzinfo=OSLO)
_ANSWERED: Final = datetime(2026, 2, 18, 11, 40, tzinfo=OSLO)
_SCRIPT: Final = Script(
    "06",
    {"nb": "mann med hodeskade etter ulykke", "en": "a man with a head injury after an accident"},
    {"nb": "Kommunen kan bare HL7 v2", "en": "The municipality speaks HL7 v2 only"},
    Ending(),
)


def v2_party() -> DemoParty:
    """Returns the municipality as a party of the demonstration."""
    return DemoParty(V2_TOWN, LYNGVIK, Role.MUNICIPALITY, hl7v2=True)


def v2_story(like: Notice) -> Story:
    """Returns the story: the hospital and the author are those of another notice."""
    hospital = like.organization(like.sender)
    author = next(one for one in like.professionals if one.id == like.author)
    notice = like.evolve(
        id="notice-06",
        correlation_id="referral-06",
        kind=NoticeKind.COORDINATOR,
        authored=_SENT,
        owner=_OWNER,
        recipient=LYNGVIK.id,
        author=author.id,
        legal_basis=(LegalBasis.PBRL_2_5B, LegalBasis.HOL_7_2, LegalBasis.SPHLSL_2_5A),
        related_persons=(),
        organizations=(hospital, LYNGVIK),
        professionals=(author.evolve(organization=hospital.id),),
        consents=(),
        needs=(),
        reason="Hodeskade etter ulykke: behov for tjenester fra flere over lang tid.",
        wished_coordinator=None,
        discharge=date(2026, 2, 27),
        attachments=(),
    )
    form = GreenForm(
        id="green-form-06",
        answers=notice.correlation_id,
        authored=_ANSWERED,
        sender=LYNGVIK.id,
        decision=FormDecision.APPOINTED,
        signed_by=_COORDINATOR.id,
        organizations=(LYNGVIK,),
        professionals=(_COORDINATOR,),
        coordinators=(_PLACE,),
        plan_state=PlanState.NOT_ASKED_FOR,
    )
    plan = IndividualPlan(
        id="plan-06",
        owner=_OWNER,
        created=_ANSWERED,
        organizations=(LYNGVIK,),
        professionals=(_COORDINATOR,),
        team=CareTeam(id="person-06-team", coordinators=(_PLACE,)),
    )
    return Story(_SCRIPT, plan, notice, (form,))
