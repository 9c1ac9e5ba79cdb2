"""Green forms that the mock answers with: made of the notice that came, with a coordinator who does not exist."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import NAMESPACE_URL, uuid5

from ip_fhir.domain.green_form import FormDecision, GreenForm, PlanState, Rejection, RejectionReason
from ip_fhir.domain.notice import NoticeKind
from ip_fhir.domain.people import ContactPoint, ContactSystem, PersonName, Professional
from ip_fhir.domain.team import Coordinator, CoordinatorKind
from ip_fhir.domain.values.calendar import local_day
from ip_fhir.domain.values.terms import LegalBasis
from ip_fhir.domain.values.value import Period

if TYPE_CHECKING:
    from datetime import datetime

    from ip_fhir.domain.notice import Notice

NOTE: Final = "MOCK: et svar fra ip-fhir mock. Koordinatoren finnes ikke."
"""The note by which a reader tells a form of the mock from a real one."""


def complete_form(notice: Notice, now: datetime) -> GreenForm:
    """Returns a form that appoints a coordinator and lacks nothing. The same notice gives the same ids."""
    return _form(notice, now, "complete", _appointment(notice, now, reachable=True))


def incomplete_form(notice: Notice, now: datetime) -> GreenForm:
    """Returns a form that names a coordinator, but not from when, nor how to reach them."""
    return _form(notice, now, "incomplete", _appointment(notice, now, reachable=False))


def rejection(notice: Notice, now: datetime) -> GreenForm:
    """Returns a form that says no, with reason, section of law and the right to complain."""
    no = Rejection(
        reason=RejectionReason.NO_COORDINATED_NEED,
        text="MOCK: ikke behov for koordinerte tjenester.",
        legal_basis=LegalBasis.PBRL_2_5,
        told_of_right_to_complain=True,
        complaint_to="Statsforvalteren (MOCK)",
    )
    return _form(notice, now, "rejection", {"decision": FormDecision.REJECTED, "rejection": no})


def _form(notice: Notice, now: datetime, kind: str, content: dict[str, Any]) -> GreenForm:
    return GreenForm(
        id=_id(notice, kind),
        answers=notice.correlation_id,
        authored=now,
        sender=notice.recipient,
        organizations=tuple(notice.with_those_above(notice.recipient)),
        note=NOTE,
        **content,
    )


def _appointment(notice: Notice, now: datetime, *, reachable: bool) -> dict[str, Any]:
    phone = ContactPoint(system=ContactSystem.PHONE, value="+47 00 00 00 00")
    person = Professional(
        id=_id(notice, "coordinator"),
        name=PersonName(family="Testesen", given="Mock"),
        title="Koordinator (MOCK)",
        organization=notice.recipient,
        contacts=(phone,) if reachable else (),
    )
    child = notice.kind is NoticeKind.CHILD_COORDINATOR
    place = Coordinator(
        id=_id(notice, "place"),
        kind=CoordinatorKind.CHILD if child else CoordinatorKind.MUNICIPAL,
        holder=person.id,
        period=Period(start=local_day(now)) if reachable else Period(),
        appointed_by=notice.recipient,
        wish_honoured=True if notice.wished_coordinator is not None else None,
    )
    return {
        "decision": FormDecision.APPOINTED,
        "professionals": (person,),
        "coordinators": (place,),
        "plan_state": PlanState.STARTED if notice.kind.asks_for_plan else PlanState.NOT_ASKED_FOR,
    }


def _id(notice: Notice, kind: str) -> str:
    return str(uuid5(NAMESPACE_URL, f"{notice.correlation_id}#mock#{kind}"))
