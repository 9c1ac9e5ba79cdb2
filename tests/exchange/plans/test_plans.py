"""Plans between parties: saved, shared, changed, withdrawn, handed over; each party has a store of its own."""

from __future__ import annotations

from datetime import date

import pytest

from ip_fhir.domain.consent.consent import ConsentStatus
from ip_fhir.domain.effects import Reason
from ip_fhir.domain.plan import MeasureStatus
from ip_fhir.domain.sharing.case import PlanSide
from ip_fhir.domain.sharing.change import ChangeStatus, Outcome, PartDecision
from ip_fhir.domain.sharing.see import see
from ip_fhir.domain.sharing.view import PlanView
from ip_fhir.domain.team import Membership, MembershipStatus, TeamRole
from ip_fhir.domain.values.calendar import local_day
from ip_fhir.errors import Conflict, InvalidInput, LoopError
from tests.support.ring import NINA, OLE, PERSON, Ring, make_plan, organization
from tests.support.ring_plan import PLAN, copy, current, shared, shares


def wanted(view: PlanView, what: str, **changes: object) -> PlanView:
    """The view with other values in the measure of this text."""
    measures = tuple(one.evolve(**changes) if one.what == what else one for one in view.plan.measures)
    return view.evolve(plan=view.plan.evolve(measures=measures))


def test_each_participant_has_what_the_person_lets_it_see(ring: Ring) -> None:
    """Promise 1: each participant's copy equals the view of that day."""
    all_of_them = shared(ring, "hospital", "school", "practice")
    on = local_day(ring.clock.now())
    for party, share in all_of_them.items():
        assert copy(ring, party) == see(current(ring), share, on)
    assert "bolig" not in copy(ring, "school").to_json()
    assert "Søke om bolig" in copy(ring, "hospital").to_json()


def test_a_change_of_ones_own_measure_takes_effect_at_once(ring: Ring) -> None:
    """A participant may change the status of what its own people are responsible for; others see it next."""
    shared(ring, "hospital", "practice")
    ask = wanted(copy(ring, "hospital"), "Svømmetrening", status=MeasureStatus.IN_PROGRESS)
    ring["hospital"].change_plan(ask, by=OLE)
    ring.settle()
    assert current(ring).measures[0].status is MeasureStatus.IN_PROGRESS
    kept = ring.plan("hospital")
    assert kept is not None
    assert kept.changes[0].status is ChangeStatus.ACCEPTED
    for party in ("hospital", "practice"):
        assert copy(ring, party).plan.measures[0].status is MeasureStatus.IN_PROGRESS


def test_two_change_different_fields_at_once(ring: Ring) -> None:
    """Promise 4: the coordinator changes how a measure is done while the hospital changes its status: both stand."""
    shared(ring, "hospital")
    ask = wanted(copy(ring, "hospital"), "Svømmetrening", status=MeasureStatus.IN_PROGRESS)
    ring["hospital"].change_plan(ask, by=OLE)
    plan = current(ring)
    measures = (plan.measures[0].evolve(how="I varmtvannsbasseng"), *plan.measures[1:])
    ring.holder.save_plan(plan.evolve(measures=measures), by=NINA)
    ring.settle()
    after = current(ring).measures[0]
    assert (after.status, after.how) == (MeasureStatus.IN_PROGRESS, "I varmtvannsbasseng")
    seen = copy(ring, "hospital").plan.measures[0]
    assert (seen.status, seen.how) == (MeasureStatus.IN_PROGRESS, "I varmtvannsbasseng")


def test_what_is_proposed_waits_for_a_person(ring: Ring) -> None:
    """The text of a goal is for the coordinator to decide: it is told, decided, answered, and seen by all."""
    shared(ring, "hospital", "practice")
    view = copy(ring, "hospital")
    goals = (view.plan.goals[0].evolve(text="Å svømme to ganger i uka"), *view.plan.goals[1:])
    ring["hospital"].change_plan(view.evolve(plan=view.plan.evolve(goals=goals)), by=OLE)
    ring.settle()
    kept = ring.plan("municipality")
    assert kept is not None
    (change,) = kept.changes
    assert change.status is ChangeStatus.PROPOSED
    assert any(row.effect.reason is Reason.CHANGE_TO_DECIDE for row in ring.told["municipality"])
    waiting = [part for part in change.decisions if part.outcome is Outcome.PROPOSED]
    answers = [PartDecision(field=part.field, id=part.id, outcome=Outcome.ACCEPTED) for part in waiting]
    assert [item.reason for item in ring.holder.worklist()] == [Reason.CHANGE_TO_DECIDE]
    ring.holder.answer_change(change.change.id, answers, by=NINA)
    ring.settle()
    assert ring.holder.worklist() == [], "what is decided waits for nobody"
    assert current(ring).goals[0].text == "Å svømme to ganger i uka"
    assert copy(ring, "practice").plan.goals[0].text == "Å svømme to ganger i uka"
    theirs = ring.plan("hospital")
    assert theirs is not None
    assert theirs.changes[0].status is ChangeStatus.ACCEPTED


def test_a_withdrawn_consent_ends_every_share(ring: Ring) -> None:
    """Promise 5: a consent to sharing is withdrawn: the withdrawal is sent, and the copies are gone."""
    of = shared(ring, "hospital", "school")
    plan = current(ring)
    gone = plan.consents[1].evolve(status=ConsentStatus.WITHDRAWN, withdrawn_on=date(2026, 1, 12))
    ring.holder.save_plan(plan.evolve(consents=(plan.consents[0], gone)), by=NINA)
    ring.settle()
    assert all(not share.goes_on for share in shares(ring).values())
    for party, share in of.items():
        assert ring.copy(party, share.id) is None


def test_what_was_closed_before_it_was_sent_is_never_sent(ring: Ring) -> None:
    """Promise 5: while the hospital is down, the consent is withdrawn: no view leaves, the withdrawal does."""
    ring.holder.save_plan(make_plan(), by=NINA)
    ring.network.down.add("hospital")
    ring.holder.share(PLAN, "hospital", by=NINA)
    ring.holder.run_due()
    plan = current(ring)
    gone = plan.consents[1].evolve(status=ConsentStatus.WITHDRAWN, withdrawn_on=date(2026, 1, 12))
    ring.holder.save_plan(plan.evolve(consents=(plan.consents[0], gone)), by=NINA)
    ring.network.down.clear()
    ring.network.sent.clear()
    ring.settle()
    assert all("Svømmetrening".encode() not in content for _sender, _to, content in ring.network.sent)
    assert ring.plan("hospital") is None or ring.copy("hospital", shares(ring)["hospital"].id) is None


def test_an_area_opens_when_the_day_comes(ring: Ring) -> None:
    """The day turns: what a consent's period closes on a day is seen no longer, and nobody has to save anything."""
    plan = make_plan()
    deny, permit = plan.consents[1].provisions
    until = deny.evolve(period=deny.period.evolve(end=date(2026, 1, 20)))
    consent = plan.consents[1].evolve(provisions=(until, permit))
    ring.holder.save_plan(plan.evolve(consents=(plan.consents[0], consent)), by=NINA)
    ring.holder.share(PLAN, "school", by=NINA)
    ring.settle()
    assert "bolig" not in copy(ring, "school").to_json()
    ring.clock.forward(days=9)
    ring.settle()
    assert "Søke om bolig" in copy(ring, "school").to_json()


def test_an_invitation_makes_nobody_a_member_until_they_accept(ring: Ring) -> None:
    """Promise 8: the party is asked; it declines, and the membership says so."""
    plan = make_plan()
    team = plan.team
    assert team is not None
    asked = Membership(
        id="member-asked", member="per", role=TeamRole.GENERAL_PRACTITIONER, status=MembershipStatus.PROPOSED
    )
    kept = tuple(one for one in team.memberships if one.member != "per")
    ring.holder.save_plan(plan.evolve(team=team.evolve(memberships=(*kept, asked))), by=NINA)
    ring.holder.invite(PLAN, "member-asked", by=NINA)
    ring.settle()
    theirs = ring.plan("practice")
    assert theirs is not None
    (invitation,) = theirs.invitations
    ring["practice"].answer_invitation(invitation.id, accepts=False, by=OLE, reason="Har ikke kapasitet")
    ring.settle()
    after = current(ring).team
    assert after is not None
    assert after.memberships[-1].status is MembershipStatus.DECLINED
    assert any(row.effect.reason is Reason.INVITATION_ANSWERED for row in ring.told["municipality"])


def test_the_person_moves_and_the_plan_is_handed_over(ring: Ring) -> None:
    """Promise 9: there is one holder at a time; participants go on with the new one, by the same ids and numbers."""
    before = shared(ring, "hospital")["hospital"]
    plan = current(ring)
    organizations = (*plan.organizations, organization("elsewhere"))
    ring.holder.save_plan(plan.evolve(organizations=organizations), by=NINA)
    ring.holder.hand_over(PLAN, "elsewhere", by=NINA)
    ring.settle()
    offered = ring.plan("elsewhere")
    assert offered is not None
    assert offered.handover is not None
    ring["elsewhere"].answer_handover(offered.handover.id, accepts=True, by=OLE)
    ring.settle()
    there, here, hospital = (ring.plan(name) for name in ("elsewhere", "municipality", "hospital"))
    assert there is not None
    assert here is not None
    assert hospital is not None
    assert (there.side, here.side) == (PlanSide.HOLDER, PlanSide.PARTICIPANT)
    assert hospital.holder == "elsewhere"
    (share,) = (one for one in there.shares if one.party == "hospital")
    assert (share.id, share.key) == (before.id, before.key)
    assert there.plan is not None
    measures = (there.plan.measures[0].evolve(how="I nytt basseng"), *there.plan.measures[1:])
    ring["elsewhere"].save_plan(there.plan.evolve(measures=measures), by=OLE)
    ring.settle()
    view = ring.copy("hospital", share.id)
    assert view is not None
    assert view.plan.measures[0].how == "I nytt basseng"


def test_an_offer_is_taken_back_and_an_invitation_too(ring: Ring) -> None:
    """The holder takes back what it has asked for: the other party is told, and its yes comes to nothing."""
    plan = make_plan()
    assert plan.team is not None
    asked = Membership(
        id="member-asked", member="per", role=TeamRole.GENERAL_PRACTITIONER, status=MembershipStatus.PROPOSED
    )
    kept = tuple(one for one in plan.team.memberships if one.member != "per")
    organizations = (*plan.organizations, organization("elsewhere"))
    team = plan.team.evolve(memberships=(*kept, asked))
    ring.holder.save_plan(plan.evolve(team=team, organizations=organizations), by=NINA)
    invitation = ring.holder.invite(PLAN, "member-asked", by=NINA).invitations[0]
    offer = ring.holder.hand_over(PLAN, "elsewhere", by=NINA).handover
    assert offer is not None
    ring.settle()
    ring.holder.answer_invitation(invitation.id, accepts=False, by=NINA)
    ring.holder.answer_handover(offer.id, accepts=False, by=NINA)
    ring["elsewhere"].answer_handover(offer.id, accepts=True, by=OLE)
    ring.settle()
    told = {row.effect.reason for name in ("practice", "elsewhere") for row in ring.told[name]}
    assert {Reason.INVITATION_TAKEN_BACK, Reason.HANDOVER_TAKEN_BACK} <= told
    here, there = ring.plan("municipality"), ring.plan("elsewhere")
    assert here is not None
    assert there is not None
    assert (here.side, there.side) == (PlanSide.HOLDER, PlanSide.PARTICIPANT)


def test_a_save_on_an_outdated_version_is_a_conflict(ring: Ring) -> None:
    """Two people change the same version: the second is told, and nothing is lost."""
    shared(ring)
    plan = current(ring)
    ring.holder.save_plan(plan.evolve(title="En"), by=NINA)
    with pytest.raises(Conflict):
        ring.holder.save_plan(plan.evolve(title="To"), by=NINA)
    assert current(ring).title == "En"


def test_a_view_is_no_plan_to_save(ring: Ring) -> None:
    """What a participant was sent is refused as a plan, on both sides."""
    shared(ring, "hospital")
    view = copy(ring, "hospital")
    with pytest.raises(InvalidInput):
        ring.holder.save_plan(view, by=NINA)  # type: ignore[arg-type]
    with pytest.raises(LoopError):
        ring["hospital"].save_plan(view.plan, by=OLE)


def test_who_has_a_plan_is_one_question(ring: Ring) -> None:
    """`plan_of` finds the plan about a person at the holder and the copy at a participant."""
    shared(ring, "hospital")
    assert [plan.side for plan in ring.holder.plan_of(PERSON)] == [PlanSide.HOLDER]
    assert [plan.side for plan in ring["hospital"].plan_of(PERSON)] == [PlanSide.PARTICIPANT]
    assert ring["school"].plan_of(PERSON) == ()
