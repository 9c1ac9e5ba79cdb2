"""A made-up message of every kind, for the contract of wire formats. Its number is synthetic."""

from __future__ import annotations

from typing import Any, Final

from ip_fhir.domain.green_form import FormDecision, GreenForm, Missing
from ip_fhir.domain.loop.messages import BY_MUNICIPALITY
from ip_fhir.domain.message import Message, MessageKind
from ip_fhir.domain.notice import Notice, NoticeKind
from ip_fhir.domain.people import Organization, OrganizationKind, PersonName, PlanOwner
from ip_fhir.domain.values.ids import HerId, OrganizationNumber, PersonId
from ip_fhir.testing.store.samples import NOON, PERSON

NUMBER: Final = PersonId("14826121549")
"""The plan owner's number in every sample: from the test register. It must appear in no error, log or repr."""

HOSPITAL: Final = Organization(
    id="hospital",
    name="Sjukehuset",
    kind=OrganizationKind.HOSPITAL,
    organization_number=OrganizationNumber("983971636"),
)
UNIT: Final = Organization(
    id="unit", name="Koordinerende enhet", kind=OrganizationKind.COORDINATING_UNIT, her_id=HerId("8094866")
)

_BY_UNIT = BY_MUNICIPALITY - {MessageKind.NOTICE}


def message(kind: MessageKind, ident: str = "message-1", correlation_id: str = "loop-1") -> Message:
    """A message of this kind, with the content that the kind requires, and Norwegian letters in its text."""
    sender, recipient = (UNIT, HOSPITAL) if kind in _BY_UNIT else (HOSPITAL, UNIT)
    return Message(
        id=ident,
        kind=kind,
        correlation_id=correlation_id,
        sent=NOON,
        sender=sender,
        recipient=recipient,
        **_carried(kind, correlation_id),
    )


def _carried(kind: MessageKind, correlation_id: str) -> dict[str, Any]:
    if kind is MessageKind.NOTICE:
        return {"notice": _notice(correlation_id)}
    if kind is MessageKind.GREEN_FORM:
        return {"form": _form(correlation_id)}
    if kind is MessageKind.FORM_INCOMPLETE:
        return {"missing": (Missing.DECISION,)}
    if kind in (MessageKind.REMINDER, MessageKind.ESCALATION):
        return {"number": 2, "text": "Ære være, vi venter på svar | ^ & ~ \\ <ø>"}
    return {"text": "Å høre, så å svare"}


def _notice(correlation_id: str) -> Notice:
    return Notice(
        id="notice-1",
        correlation_id=correlation_id,
        kind=NoticeKind.COORDINATOR,
        authored=NOON,
        owner=PlanOwner(id="owner", name=PersonName(family=PERSON, given="Åse"), identifier=NUMBER),
        sender=HOSPITAL.id,
        recipient=UNIT.id,
        organizations=(HOSPITAL, UNIT),
        reason="Trenger hjelp på flere områder\nover tid",
    )


def _form(correlation_id: str) -> GreenForm:
    return GreenForm(
        id="form-1",
        answers=correlation_id,
        authored=NOON,
        sender=UNIT.id,
        decision=FormDecision.FORWARDED,
        organizations=(UNIT, HOSPITAL),
        forwarded_to=HOSPITAL.id,
    )
