"""Every message about a shared plan as a FHIR Bundle: a municipality and a school share the plan of person 01.

The school does not see what the person keeps from it. `plan_messages/` has the Bundles; with `--write` they are written
again.
"""

import json
import sys
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from ip_fhir import IndividualPlan, Mapper, read
from ip_fhir.domain.people import Organization, OrganizationKind
from ip_fhir.domain.plan import MeasureStatus
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
from ip_fhir.domain.sharing.see import see
from ip_fhir.domain.sharing.share import Share
from ip_fhir.domain.team import TeamRole
from ip_fhir.domain.values.ids import HerId

HERE = Path(__file__).parent
FOLDER = HERE / "plan_messages"
TODAY = date(2026, 9, 1)
NOW = datetime(2026, 9, 1, 10, 30, tzinfo=UTC)

plan = read(IndividualPlan, (HERE / "plans" / "01-child-with-cerebral-palsy.json").read_bytes())
organizations = {organization.id: organization for organization in plan.organizations}
holder, school = organizations["org-nordvik"], organizations["org-nordvik-school"].evolve(part_of=None)
elsewhere = Organization(
    id="org-soervik", name="Sørvik kommune", kind=OrganizationKind.MUNICIPALITY, her_id=HerId("90000401")
)
share = Share(
    id="share-of-the-school",
    plan=plan.id,
    party="school",
    organizations=(school.id,),
    key="5c" * 32,  # in a plan that is somebody's: 32 bytes of chance
    began=date(2026, 8, 24),
    number=4,
    updated_on=date(2026, 8, 31),
)
view = see(plan, share, TODAY)
first, *others = view.plan.measures
wanted = view.plan.evolve(measures=(first.evolve(status=MeasureStatus.ON_HOLD, status_reason="Høstferie"), *others))
change = Change(
    id="change-1", share=share.id, base=view.number, digest=view.digest(), wanted=wanted, whole=True, made=NOW
)
declined = PartDecision(
    field="measures.status", id=first.id, outcome=Outcome.DECLINED, reason="Treningen går som før i høstferien."
)
yes = Reply(about="invitation-1", accepts=True)

CONTENTS: dict[PlanMessageKind, Any] = {
    PlanMessageKind.PLAN: view,
    PlanMessageKind.PLAN_WITHDRAWN: Withdrawal(share=share.id, number=5),
    PlanMessageKind.PLAN_CHANGE: change,
    PlanMessageKind.PLAN_CHANGE_ANSWER: ChangeAnswer(
        change=change.id, share=share.id, status=ChangeStatus.DECLINED, decisions=(declined,), number=4
    ),
    PlanMessageKind.INVITATION: InvitationContent(
        invitation="invitation-1",
        plan=plan.id,
        owner=view.plan.owner,
        role=TeamRole.SERVICE_PROVIDER,
        task="Tilrettelegging i klassen",
        member=school.name,
    ),
    PlanMessageKind.INVITATION_ANSWER: yes,
    PlanMessageKind.HANDOVER: HandoverContent(
        handover="handover-1",
        content=HandedOver(plan=plan, shares=(PartyShare(share=share, organization=school),), epoch=2),
    ),
    PlanMessageKind.HANDOVER_ANSWER: yes.evolve(about="handover-1"),
    PlanMessageKind.PLAN_REQUEST: PlanQuestion(request="request-1", owner=view.plan.owner, reason="Ny kontaktlærer"),
    PlanMessageKind.PLAN_GONE: Gone(plan=plan.id, epoch=2, holder=elsewhere),
    PlanMessageKind.PLAN_STATE_REQUEST: HeldView(share=share.id, number=4, digest=view.digest()),
    PlanMessageKind.PLAN_STATE: HeldView(share=share.id, number=4, digest=view.digest()),
}
BY_PARTICIPANT = ("plan-change", "invitation-answer", "handover-answer", "plan-request", "plan-state")

mapper = Mapper.load()
for kind, content in CONTENTS.items():
    other = elsewhere if kind in ("handover", "handover-answer") else school
    sender, recipient = (other, holder) if kind in BY_PARTICIPANT else (holder, other)
    epoch = None if kind in BY_PARTICIPANT else 1
    message = PlanMessage(
        id=f"message-{kind}",
        kind=kind,
        sent=NOW,
        sender=sender,
        recipient=recipient,
        epoch=epoch,
        **{CONTENT[kind]: content},
    )
    bundle = mapper.plan_message_to_fhir(message)
    assert mapper.plan_message_from_fhir(bundle) == message, "what was written is read back"
    file, text = FOLDER / f"{kind}.json", json.dumps(bundle, indent=2, ensure_ascii=False) + "\n"
    if "--write" in sys.argv:
        FOLDER.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == text, f"{file.name} is not what is written today: run this with --write"
    types = [entry["resource"]["resourceType"] for entry in bundle["entry"]]
    print(f"{kind}: {len(types)} resources, {', '.join(dict.fromkeys(types))}")

kept = [measure.what for measure in plan.measures if measure.what not in {seen.what for seen in view.plan.measures}]
print(f"the school sees {len(view.plan.measures)} of {len(plan.measures)} measures; not: {'; '.join(kept)}")
assert not any(what in (FOLDER / "plan.json").read_text(encoding="utf-8") for what in kept)
