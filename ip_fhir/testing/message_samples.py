"""A made-up message of every kind, about a referral and about a plan, for the contract of wire formats.

The number in them is synthetic.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ip_fhir.domain.agreement import ContentLevel
from ip_fhir.domain.green_form import FormDecision, GreenForm, Missing
from ip_fhir.domain.loop.messages import BY_MUNICIPALITY
from ip_fhir.domain.message import Message, MessageKind
from ip_fhir.domain.notice import Notice, NoticeKind
from ip_fhir.domain.people import Organization, OrganizationKind, PersonName, PlanOwner
from ip_fhir.domain.plan import Goal, IndividualPlan, Measure, PlanStatus
from ip_fhir.domain.sharing.case import HandedOver, PartyShare
from ip_fhir.domain.sharing.change import Change, ChangeAnswer, ChangeStatus, Outcome, PartDecision
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.messages import (
    CONTENT,
    Gone,
    HandoverContent,
    HeldView,
    InvitationContent,
    PlanMessage,
    PlanQuestion,
    Reply,
    Withdrawal,
)
from ip_fhir.domain.sharing.share import Share
from ip_fhir.domain.sharing.view import Opening, PlanView
from ip_fhir.domain.team import TeamRole
from ip_fhir.domain.values.ids import HerId, OrganizationNumber, PersonId
from ip_fhir.domain.values.terms import LifeArea
from ip_fhir.testing.store_samples import NOON, PERSON

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
        owner=_owner(),
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


def plan_message(kind: PlanMessageKind, ident: str = "message-1") -> PlanMessage:
    """A message about a plan of this kind, with the content of the kind, and Norwegian letters in its text."""
    content = CONTENT[kind]
    return PlanMessage(
        id=ident,
        kind=kind,
        sent=NOON,
        sender=UNIT,
        recipient=HOSPITAL,
        epoch=2,
        text="Å høre, så å svare",
        **{content: _CONTENTS[content]()},
    )


def _owner() -> PlanOwner:
    return PlanOwner(id="owner", name=PersonName(family=PERSON, given="Åse"), identifier=NUMBER)


def _plan() -> IndividualPlan:
    return IndividualPlan(
        id="plan-1",
        owner=_owner(),
        status=PlanStatus.ACTIVE,
        version=3,
        created=NOON,
        goals=(Goal(id="goal-1", text="Ære være: å gå på skøyter"),),
        measures=(Measure(id="measure-1", what="Skøyter hver tirsdag", goals=("goal-1",)),),
    )


def _view() -> PlanView:
    openings = (Opening(), Opening(area=LifeArea.HOUSING, until=NOON.date()))
    return PlanView(share="share-1", number=3, level=ContentLevel.PLAN, openings=openings, plan=_plan())


def _change() -> Change:
    return Change(id="change-1", share="share-1", base=3, digest="0" * 64, wanted=_plan(), whole=True, made=NOON)


def _handover() -> HandoverContent:
    share = Share(id="share-1", plan="plan-1", party="hospital", key="0" * 64, began=NOON.date(), number=3)
    handed_over = HandedOver(plan=_plan(), shares=(PartyShare(share=share, organization=HOSPITAL),), epoch=2)
    return HandoverContent(handover="handover-1", content=handed_over)


_DECISION: Final = PartDecision(field="measures.status", id="measure-1", outcome=Outcome.DECLINED, reason="Ikke nå")
_CONTENTS: Final[dict[str, Callable[[], Any]]] = {
    "view": _view,
    "withdrawal": lambda: Withdrawal(share="share-1", number=4),
    "change": _change,
    "answer": lambda: ChangeAnswer(
        change="change-1", share="share-1", status=ChangeStatus.DECLINED, decisions=(_DECISION,), number=4
    ),
    "invitation": lambda: InvitationContent(
        invitation="invitation-1", plan="plan-1", owner=_owner(), role=TeamRole.OTHER, task="Øving"
    ),
    "reply": lambda: Reply(about="invitation-1", accepts=False, reason="Vi har ingen ledig"),
    "handover": _handover,
    "question": lambda: PlanQuestion(request="request-1", owner=_owner(), reason="Ny innleggelse"),
    "gone": lambda: Gone(plan="plan-1", epoch=2, holder=HOSPITAL),
    "held": lambda: HeldView(share="share-1", number=3, digest="0" * 64),
}
