"""Messages for the examples of a specification: between the parties of the settings, about an invented person."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from ip_fhir.domain.agreement import ContentLevel
from ip_fhir.domain.green_form import GreenForm
from ip_fhir.domain.message import Message, MessageKind
from ip_fhir.domain.notice import Notice
from ip_fhir.domain.people import PlanOwner
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.messages import PlanMessage
from ip_fhir.domain.sharing.view import Opening, PlanView

if TYPE_CHECKING:
    from ip_fhir.domain.people import Organization

_SENT: Final = datetime(2026, 1, 12, 9, 5, tzinfo=UTC)
_LOOP: Final = "referral-example"
_OWNER: Final[dict[str, Any]] = {
    "id": "owner",
    "name": {"family": "Eksempel", "given": "Test"},
    "identifier": "14826121549",
    "birth_date": "1961-02-14",
}


def example_messages(hospital: Organization, unit: Organization) -> tuple[Message, ...]:
    """Returns a notice, a reminder, an acceptance and a green form, as the two exchange them."""
    return (
        _message(MessageKind.NOTICE, 1, hospital, unit, notice=_notice(hospital, unit)),
        _message(MessageKind.ACCEPTED, 2, unit, hospital),
        _message(MessageKind.REMINDER, 3, hospital, unit, number=1, text="Vi venter på svar på meldingen."),
        _message(MessageKind.GREEN_FORM, 4, unit, hospital, form=_form(unit)),
    )


def example_view(holder: Organization, participant: Organization) -> PlanMessage:
    """Returns the first view of a shared plan, from the side that keeps the plan to one that takes part."""
    plan = IndividualPlan.from_data(
        {
            "id": "plan-example",
            "created": _SENT.isoformat(),
            "owner": _OWNER,
            "status": "active",
            "goals": [{"id": "goal-example", "text": "Å gå til butikken selv"}],
            "measures": [{"id": "measure-example", "what": "Gangtrening", "goals": ["goal-example"]}],
        }
    )
    view = PlanView(share="share-example", number=1, level=ContentLevel.PLAN, openings=(Opening(),), plan=plan)
    return PlanMessage(
        id="example-5",
        kind=PlanMessageKind.PLAN,
        sent=_SENT,
        sender=holder,
        recipient=participant,
        epoch=1,
        view=view,
    )


def example_owner() -> PlanOwner:
    """Returns the invented person."""
    return PlanOwner.from_data(_OWNER)


def _message(kind: MessageKind, place: int, sender: Organization, recipient: Organization, **more: Any) -> Message:
    return Message(
        id=f"example-{place}",
        kind=kind,
        correlation_id=_LOOP,
        sent=_SENT,
        sender=sender,
        recipient=recipient,
        **more,
    )


def _notice(hospital: Organization, unit: Organization) -> Notice:
    data = {
        "id": "notice-example",
        "correlation_id": _LOOP,
        "kind": "coordinator",
        "authored": _SENT.isoformat(),
        "owner": _OWNER,
        "sender": hospital.id,
        "recipient": unit.id,
        "organizations": [hospital.to_data(), unit.to_data()],
        "consents": [
            {
                "id": "consent-example",
                "kind": "notice",
                "status": "active",
                "given_on": "2026-01-10",
                "access": "permit",
            }
        ],
        "reason": "Trenger samordnede tjenester etter utskriving.",
        "discharge": "2026-01-20",
    }
    return Notice.from_data(data)


def _form(unit: Organization) -> GreenForm:
    data = {
        "id": "form-example",
        "answers": _LOOP,
        "authored": _SENT.isoformat(),
        "sender": unit.id,
        "decision": "appointed",
        "organizations": [unit.to_data()],
        "professionals": [
            {
                "id": "coordinator-person",
                "name": {"family": "Eksempel", "given": "Kari"},
                "organization": unit.id,
                "contacts": [{"system": "phone", "value": "+47 00 00 00 01"}],
            }
        ],
        "coordinators": [{"id": "coordinator-1", "holder": "coordinator-person", "period": {"start": "2026-01-15"}}],
        "plan_state": "started",
    }
    return GreenForm.from_data(data)
