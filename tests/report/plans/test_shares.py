"""The sharing of a plan in words: with whom, what each has, what waits for an answer or a decision."""

from __future__ import annotations

from datetime import UTC, date, datetime

from ip_fhir.domain.sharing.case import (
    Copy,
    Handover,
    HandoverStatus,
    Invitation,
    InvitationStatus,
    PlanRequest,
    PlanSide,
    SharedPlan,
)
from ip_fhir.domain.sharing.change import Change, ChangeStatus, KeptChange, Outcome, PartDecision
from ip_fhir.domain.sharing.share import EndReason
from ip_fhir.report.plans.shares import sharing_lines
from tests.report.plans.texts import GP, SCHOOL, example, school_view, share_of

AT = datetime(2026, 8, 21, 7, 15, tzinfo=UTC)
PARTIES = {"school": "Nordvik barneskole", "gp": "Nordvik legesenter", "solvik": "Solvik kommune"}
CHANGE = Change(id="c-1", share=SCHOOL.id, base=2, wanted=school_view().plan, text="Timen er flyttet.", made=AT)
DECISIONS = (
    PartDecision(field="measures.period", id="x", outcome=Outcome.DONE),
    PartDecision(field="measures.areas", id="x", outcome=Outcome.PROPOSED),
    PartDecision(field="goals.text", id="y", outcome=Outcome.PROPOSED),
)


def held(**given: object) -> SharedPlan:
    """Example 1 at its holder."""
    said = {"id": "plan-01", "side": PlanSide.HOLDER, "plan": example(1), "opened": AT, "changed": AT}
    return SharedPlan(**{**said, **given})  # type: ignore[arg-type]


def test_shares() -> None:
    """With whom, since when, which view was received; ended and why; one person's; our own people's."""
    shares = (
        SCHOOL.evolve(acknowledged=2),
        GP.evolve(number=5, acknowledged=3, in_step=False),
        share_of("welfare", "org-nordvik-child-welfare").evolve(
            number=4, ended=date(2026, 8, 22), end_reason=EndReason.CONSENT
        ),
        share_of("nordvik", "org-nordvik-ppt").evolve(on_wire=False, person="pro-ppt"),
        share_of("solvik").evolve(number=0),
    )
    assert list(sharing_lines(held(shares=shares), PARTIES, "nb")) == [
        "",
        "Deles med",
        "─────────",
        "- Nordvik barneskole: deles, siden 1. mai 2026. Utsnitt nr. 2, mottatt.",
        "- Nordvik legesenter: ute av takt: noen må se på det, siden 1. mai 2026. Utsnitt",
        "  nr. 5, ikke bekreftet mottatt (sist mottatt: nr. 3).",
        "- welfare: avsluttet, siden 22. aug. 2026. Det er ikke lenger samtykke til å",
        "  dele noe. Tilbaketrekking nr. 4, ikke bekreftet mottatt.",
        "- nordvik (Kjersti Vågå): deles, siden 1. mai 2026. Egne folk, som ser den i",
        "  vårt eget system.",
        "- Solvik kommune: deles, siden 1. mai 2026.",
    ]


def test_what_waits() -> None:
    """Changes with their parts by outcome, the latest first; invitations, questions, a handover, answers."""
    earlier = CHANGE.evolve(id="c-0", share="another", text=None)
    case = held(
        shares=(SCHOOL,),
        changes=(
            KeptChange(change=earlier, status=ChangeStatus.SENT, received=AT),
            KeptChange(change=CHANGE, status=ChangeStatus.PROPOSED, received=AT, decisions=DECISIONS),
        ),
        invitations=(
            Invitation(id="i-1", party="gp", membership="m", sent=AT, asked=2),
            Invitation(
                id="i-2",
                party="school",
                membership="m",
                sent=AT,
                status=InvitationStatus.DECLINED,
                answered=AT,
                reason="Ikke tid",
            ),
        ),
        requests=(
            PlanRequest(id="r-1", party="gp", asked=AT),
            PlanRequest(id="r-2", party="gp", asked=AT, answered=AT, granted=False),
            PlanRequest(id="r-3", party="gp", asked=AT, answered=AT, granted=True),
        ),
        handover=Handover(id="h-1", party="solvik", epoch=2, sent=AT, status=HandoverStatus.OFFERED),
    )
    lines = list(sharing_lines(case, PARTIES, "en"))
    at = "21 Aug 2026 09:15"
    assert lines[lines.index("Changes") + 2 :] == [
        f"- Nordvik barneskole, {at}: waits for a decision. Parts: 1 done; 2",
        "  proposed, waits for a decision. Timen er flyttet. Id c-1.",
        f"- our change, {at}: sent, not answered. Id c-0.",
        "",
        "Invitations",
        "───────────",
        f"- Nordvik legesenter, {at}: not answered. Times asked: 2. Id i-1.",
        f"- Nordvik barneskole, {at}: declined {at}: Ikke tid.",
        "  Id i-2.",
        "",
        "Questions for the plan",
        "──────────────────────",
        f"- Nordvik legesenter, {at}: not answered. Id r-1.",
        f"- Nordvik legesenter, {at}: refused {at}. Id r-2.",
        f"- Nordvik legesenter, {at}: granted {at}. Id r-3.",
        "",
        "Handover of the plan",
        "────────────────────",
        f"- Solvik kommune, {at}: offered, not answered. Id h-1.",
    ]


def test_a_participants_side() -> None:
    """Who holds the plan; its copies, with what was withdrawn or is out of step; nothing more."""
    digest = "a" * 64
    copies = (
        Copy(share=SCHOOL.id, number=2, digest=digest, view=school_view(), received=AT),
        Copy(share="other", number=3, digest=digest, received=AT, withdrawn=AT, in_step=False),
    )
    case = held(side=PlanSide.PARTICIPANT, plan=None, holder="solvik", copies=copies)
    assert list(sharing_lines(case, PARTIES, "nb")) == [
        "Planen holdes av Solvik kommune.",
        "",
        "Det vi har fått",
        "───────────────",
        "- Utsnitt nr. 2, mottatt 21. aug. 2026 09:15.",
        "- Utsnitt nr. 3, mottatt 21. aug. 2026 09:15. Trukket tilbake",
        "  21. aug. 2026 09:15. Ute av takt: noen må se på det.",
    ]
    assert list(sharing_lines(held(), PARTIES, "nb")) == []
