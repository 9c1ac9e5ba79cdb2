"""Builders for tests of the loop: a notice, green forms, events, and a referral in any state. Invented people only."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from ip_fhir.domain.agreement import Agreement
from ip_fhir.domain.consent.consent import Consent, ConsentKind
from ip_fhir.domain.green_form import Declined, FormDecision, GreenForm, PlanState, Rejection, RejectionReason
from ip_fhir.domain.loop import Decision, decide, due_event, open_referral
from ip_fhir.domain.message import Message, MessageKind
from ip_fhir.domain.notice import Notice, NoticeKind
from ip_fhir.domain.people import (
    ContactPoint,
    ContactSystem,
    Organization,
    OrganizationKind,
    PersonName,
    PlanOwner,
    Professional,
)
from ip_fhir.domain.referral import Event, EventKind, FormStatus, KeptForm, Referral, Role, State
from ip_fhir.domain.team import Coordinator
from ip_fhir.domain.values.ids import HerId, OrganizationNumber
from ip_fhir.domain.values.terms import LegalBasis
from ip_fhir.domain.values.value import Period

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
"""A Monday, four weeks before Easter."""

AGREEMENT = Agreement()

HOSPITAL = Organization(
    id="hospital",
    name="Solvang sykehus",
    kind=OrganizationKind.HOSPITAL,
    organization_number=OrganizationNumber("983971636"),
)
UNIT = Organization(
    id="unit", name="Koordinerende enhet, Lia", kind=OrganizationKind.COORDINATING_UNIT, her_id=HerId("80001")
)
OTHER_UNIT = Organization(
    id="other-unit", name="Koordinerende enhet, Dal", kind=OrganizationKind.COORDINATING_UNIT, her_id=HerId("80002")
)
HOLDERS = {
    name: Professional(
        id=name,
        name=PersonName(family=family, given="Test"),
        title="vernepleier",
        organization="unit",
        contacts=(ContactPoint(system=ContactSystem.PHONE, value="55 50 00 01"),),
    )
    for name, family in (("anna", "Anvik"), ("bo", "Bakli"))
}
CONSENT = Consent(id="consent-1", kind=ConsentKind.NOTICE, given_on=date(2026, 2, 27))


def by_hospital(about: Notice, kind: MessageKind = MessageKind.NOTICE, ident: str = "m", **content: Any) -> Message:
    """A message from a notice's sender to its recipient, sent when the notice was written."""
    return Message(
        id=ident,
        kind=kind,
        correlation_id=about.correlation_id,
        sent=about.authored,
        sender=about.organization(about.sender),
        recipient=about.organization(about.recipient),
        **content,
    )


def notice(**changes: Any) -> Notice:
    """A notice that asks for a plan and a coordinator, with consent."""
    made = Notice(
        id="notice-1",
        correlation_id="loop-1",
        kind=NoticeKind.PLAN_AND_COORDINATOR,
        authored=NOW,
        owner=PlanOwner(id="owner", name=PersonName(family="Testesen", given="Kari")),
        sender="hospital",
        recipient="unit",
        organizations=(HOSPITAL, UNIT),
        consents=(CONSENT,),
    )
    return made.evolve(**changes)


def form(ident: str = "form-1", holder: str = "anna", start: date = date(2026, 3, 9), **changes: Any) -> GreenForm:
    """A complete form that names one coordinator; `changes` may take away or add."""
    made = GreenForm(
        id=ident,
        answers="loop-1",
        authored=NOW + timedelta(days=1),
        sender="unit",
        decision=FormDecision.APPOINTED,
        organizations=(UNIT, OTHER_UNIT),
        professionals=tuple(HOLDERS.values()),
        coordinators=(place(holder, start),),
        plan_state=PlanState.STARTED,
    )
    return made.evolve(**changes)


def place(holder: str, start: date, ident: str = "place-1") -> Coordinator:
    """A coordinator's place from a day on."""
    return Coordinator(id=ident, holder=holder, period=Period(start=start))


def declined(ident: str = "form-1", **changes: Any) -> GreenForm:
    """The person wants neither plan nor coordinator."""
    fields = {
        "decision": FormDecision.DECLINED,
        "coordinators": (),
        "declined": Declined.BOTH,
        "declined_on": date(2026, 3, 3),
    }
    return form(ident, **{**fields, **changes})


def rejected(ident: str = "form-1") -> GreenForm:
    """The municipality says no, by the book."""
    no = Rejection(
        reason=RejectionReason.NOT_RESIDENT,
        legal_basis=LegalBasis.HOL_7_1,
        told_of_right_to_complain=True,
        complaint_to="Statsforvalteren",
    )
    return form(ident, decision=FormDecision.REJECTED, coordinators=(), rejection=no)


def forwarded(ident: str = "form-1") -> GreenForm:
    """Another unit has it now."""
    return form(ident, decision=FormDecision.FORWARDED, coordinators=(), forwarded_to="other-unit")


def incomplete(ident: str = "form-1") -> GreenForm:
    """It says yes and names nobody."""
    return form(ident, coordinators=())


def event(kind: EventKind, by: Role, at: datetime = NOW, ident: str = "", **fields: Any) -> Event:
    """Something that happened."""
    return Event(id=ident or f"{kind}-{by}-{at:%m%d%H%M}", kind=kind, at=at, raised_by=by, **fields)


def sent(agreement: Agreement = AGREEMENT, at: datetime = NOW, of: Notice | None = None) -> Decision:
    """The hospital has sent its notice."""
    return open_referral(of or notice(), Role.HOSPITAL, event(EventKind.SEND, Role.HOSPITAL, at), agreement)


def delivered(agreement: Agreement = AGREEMENT, at: datetime = NOW, of: Notice | None = None) -> Referral:
    """The hospital has its receipt."""
    referral = sent(agreement, at, of).referral
    return happens(referral, EventKind.RECEIPT_OK, Role.TRANSPORT, at, agreement, message_id=referral.notice_message)


def received(agreement: Agreement = AGREEMENT, at: datetime = NOW, of: Notice | None = None) -> Referral:
    """The municipality has stored the notice."""
    came = event(EventKind.RECEIVE, Role.MUNICIPALITY, at, message_id="message-of-notice")
    return open_referral(of or notice(), Role.MUNICIPALITY, came, agreement).referral


def happens(
    referral: Referral,
    kind: EventKind,
    by: Role,
    at: datetime,
    agreement: Agreement = AGREEMENT,
    **fields: Any,
) -> Referral:
    """The referral after one event."""
    return decide(referral, event(kind, by, at, **fields), agreement).referral


def run(referral: Referral, until: datetime, agreement: Agreement = AGREEMENT) -> list[Decision]:
    """Every timer up to `until`, each done when it is due; the last decision has the referral."""
    done: list[Decision] = []
    while due := min((timer.due for timer in referral.timers if timer.due <= until), default=None):
        tick = due_event(referral, due)
        assert tick is not None
        done.append(decide(referral, tick, agreement))
        referral = done[-1].referral
    return done


def standing(state: State, role: Role, **fields: Any) -> Referral:
    """A referral in that state, as if it had come there by itself."""
    kept: tuple[KeptForm, ...] = ()
    if state in (State.CONFIRMED, State.VACANT):
        kept = (KeptForm(form=form(), received=NOW, status=FormStatus.COMPLETE, message="message-of-form"),)
    holds = {"resumes": State.ACCEPTED, "paused_at": NOW}
    return Referral(
        **{
            "correlation_id": "loop-1",
            "role": role,
            "state": state,
            "notice": notice(),
            "opened": NOW,
            "changed": NOW,
            "notice_message": "message-of-notice",
            "delivered": None if state in (State.DRAFT, State.SENT, State.UNDELIVERED) else NOW,
            "forms": kept,
            **(holds if state in (State.AWAITING_INFORMATION, State.CANCELLING) else {}),
            **fields,
        }
    )
