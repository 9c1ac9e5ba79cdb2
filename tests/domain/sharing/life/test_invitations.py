"""Invitations and questions for a plan: what one side asks is answered, asked again or told."""

from __future__ import annotations

from datetime import date

import pytest

from ip_fhir.domain.plan import IndividualPlan, PlanStatus
from ip_fhir.domain.sharing.case import InvitationStatus
from ip_fhir.domain.sharing.events import PlanEvent, PlanEventKind, PlanSource
from ip_fhir.domain.sharing.life.surroundings import PartyTerms
from ip_fhir.domain.sharing.terms import RequestRule, ShareStart, SharingTerms
from ip_fhir.domain.team import Membership, MembershipStatus
from ip_fhir.errors import ConsentRefused, InvalidInput, NotTaken
from tests.support.plan_life import (
    BY_NAME,
    NOW,
    PLAN,
    Side,
    days,
    event_of,
    exchanged,
    holder,
    participant,
    reasons,
    saved,
    sent,
)


def with_status(status: MembershipStatus, ident: str = "of-geir") -> IndividualPlan:
    """The plan with a membership of this status."""
    team = PLAN.team
    assert team is not None
    places = tuple(one.evolve(status=status) if one.id == ident else one for one in team.memberships)
    return PLAN.evolve(team=team.evolve(memberships=places))


PROPOSED = with_status(MembershipStatus.PROPOSED)


def invited() -> tuple[Side, Side]:
    """The holder, and a general practitioner who is asked to take part."""
    unit, gp = holder(), participant("gp")
    saved(unit, PROPOSED)
    unit.do("invite", membership="of-geir", about="invitation-1")
    exchanged(unit, gp)
    return unit, gp


def place_at(unit: Side) -> Membership:
    """The membership at the holder."""
    assert unit.case is not None
    assert unit.case.plan is not None
    assert unit.case.plan.team is not None
    return next(one for one in unit.case.plan.team.memberships if one.id == "of-geir")


@pytest.mark.sharing_promise(8)
def test_an_invitation_makes_nobody_a_member() -> None:
    """Proposed, invited, asked again, silent: there is no member and no share; the party's people are told it waits."""
    unit, gp = invited()
    assert [str(effect.reason) for effect in gp.told] == ["invitation-to-answer"]
    for number in range(1, 60):
        unit.turn(NOW + days(number))
    assert place_at(unit).status is MembershipStatus.PROPOSED
    assert unit.case is not None
    assert "gp" not in [share.party for share in unit.case.shares]


@pytest.mark.sharing_promise(8, 11)
def test_accepted() -> None:
    """The party's yes makes the membership accepted from that day, in a new version; its share begins by rule."""
    unit, gp = invited()
    assert sent(gp.do("answer-invitation", by_participant=True, about="invitation-1", accepts=True)) == [
        ("invitation-answer", "unit", None)
    ]
    (decision,) = exchanged(gp, unit)
    assert reasons(decision) == ["invitation-answered"]
    place = place_at(unit)
    assert (place.status, place.period.start) == (MembershipStatus.ACCEPTED, date(2026, 3, 2))
    assert ("plan", "gp", 1) in sent(decision)


@pytest.mark.sharing_promise(8)
def test_declined() -> None:
    """The party's no makes it declined, with the reason for the coordinator; there is no share."""
    unit, gp = invited()
    gp.do("answer-invitation", by_participant=True, about="invitation-1", accepts=False, text="fullt")
    (decision,) = exchanged(gp, unit)
    assert place_at(unit).status is MembershipStatus.DECLINED
    assert [effect.text for effect in decision.effects if effect.reason is not None] == ["fullt"]
    with pytest.raises(InvalidInput, match="no such invitation that waits"):
        gp.do("answer-invitation", by_participant=True, about="invitation-1", accepts=True)


def test_entered_as_accepted() -> None:
    """A membership that a person enters as accepted counts; the invitation to it is taken back, and a yes is late."""
    unit, gp = invited()
    decision = saved(unit, with_status(MembershipStatus.ACCEPTED))
    assert ("invitation-answer", "gp", None) in sent(decision)
    gp.do("answer-invitation", by_participant=True, about="invitation-1", accepts=False)
    (late,) = exchanged(gp, unit)
    assert late.problems[0].code == "conflict"
    assert place_at(unit).status is MembershipStatus.ACCEPTED
    exchanged(unit, gp)
    assert [str(effect.reason) for effect in gp.told][-1] != "invitation-to-answer"


def test_the_same_answer_again() -> None:
    """Nothing happens twice."""
    unit, gp = invited()
    gp.do("answer-invitation", by_participant=True, about="invitation-1", accepts=True)
    (row,) = gp.waiting
    event = event_of(gp.message(row, NOW), "gp", NOW)
    unit.apply(event)
    assert unit.apply(event.evolve(id="again")).effects == ()
    with pytest.raises(NotTaken, match="unknown here"):
        unit.apply(event.evolve(id="other", party="school"))


def test_taken_back() -> None:
    """The coordinator takes an invitation back: the party's people are told, and an answer is late."""
    unit, gp = invited()
    unit.do("answer-invitation", about="invitation-1", accepts=False)
    (decision,) = exchanged(unit, gp)
    assert reasons(decision) == ["invitation-taken-back"]
    with pytest.raises(InvalidInput):
        unit.do("answer-invitation", about="invitation-1", accepts=False)
    with pytest.raises(InvalidInput, match="only the party that is asked"):
        unit.do("answer-invitation", about="invitation-1", accepts=True)


@pytest.mark.sharing_promise(11)
def test_unanswered() -> None:
    """After ten working days it is asked once more, after ten more a person is told, and then nothing."""
    unit, gp = invited()
    due = NOW + days(14)  # ten working days
    assert sent(unit.turn(due - days(0.5))) == []
    assert ("invitation", "gp", None) in sent(unit.turn(due))
    (again,) = exchanged(unit, gp, due)
    assert reasons(again) == ["invitation-to-answer"]
    later = [reason for number in range(1, 60) for reason in reasons(unit.turn(due + days(number)))]
    assert later.count("invitation-unanswered") == 1
    assert unit.case is not None
    assert unit.case.invitations[0].asked == 2


def test_who_cannot_be_invited() -> None:
    """Nobody is invited for the dead, to a plan that is over, without an agreement or consent, or twice at once."""
    unit = holder()
    saved(unit, PROPOSED)
    with pytest.raises(InvalidInput, match="none that is proposed"):
        unit.do("invite", membership="of-sissel")
    unit.do("invite", membership="of-geir")
    with pytest.raises(InvalidInput, match="waits for an answer"):
        unit.do("invite", membership="of-geir")
    unit.terms["gp"] = PartyTerms()
    unit.do("answer-invitation", about=unit.cases[PLAN.id].invitations[0].id, accepts=False)
    with pytest.raises(InvalidInput, match="no party with an agreement"):
        unit.do("invite", membership="of-geir")
    unit.terms["gp"] = BY_NAME
    saved(unit, PROPOSED.evolve(consents=()))
    with pytest.raises(ConsentRefused):
        unit.do("invite", membership="of-geir")
    saved(unit, PROPOSED.evolve(owner=PLAN.owner.evolve(deceased=date(2026, 3, 1))))
    with pytest.raises(InvalidInput, match="the person is dead"):
        unit.do("invite", membership="of-geir")
    saved(unit, PROPOSED.evolve(status=PlanStatus.ENDED))
    with pytest.raises(InvalidInput, match="the plan is over"):
        unit.do("invite", membership="of-geir")


def test_the_plan_is_over() -> None:
    """Invitations that wait are taken back when the plan ends."""
    unit, _ = invited()
    decision = saved(unit, PROPOSED.evolve(status=PlanStatus.ENDED))
    assert ("invitation-answer", "gp", None) in sent(decision)
    assert decision.plan.invitations[0].status is InvitationStatus.TAKEN_BACK


def question(party: str, ident: str = "request-1") -> PlanEvent:
    """A party's question for the plan."""
    return PlanEvent(
        id=f"of-{ident}", kind=PlanEventKind.REQUEST, at=NOW, raised_by=PlanSource.PARTICIPANT, party=party, about=ident
    )


def asking(rule: RequestRule = RequestRule.PERSON_DECIDES) -> Side:
    """A holder whose shares begin by name, with this rule for questions."""
    terms = PartyTerms(agreed=True, sharing=SharingTerms(shares_begin=ShareStart.BY_NAME, requests=rule))
    unit = holder(hospital=terms, school=terms, gp=terms)
    saved(unit)
    return unit


@pytest.mark.sharing_promise(11)
def test_a_question_that_a_person_decides() -> None:
    """It waits, is told, and told again after five working days; granted, the view is the answer."""
    unit = asking()
    assert reasons(unit.apply(question("school"))) == ["request-to-answer"]
    assert reasons(unit.turn(NOW + days(7))) == ["request-to-answer"]
    assert ("plan", "school", 1) in sent(unit.do("answer-request", about="request-1", accepts=True))
    with pytest.raises(InvalidInput, match="no such question that waits"):
        unit.do("answer-request", about="request-1", accepts=True)


def test_a_question_that_is_not_granted() -> None:
    """A no is not sent, and the question waits no longer."""
    unit = asking()
    unit.apply(question("school"))
    assert unit.do("answer-request", about="request-1", accepts=False).effects == ()
    assert reasons(unit.turn(NOW + days(7))) == []


def test_a_question_by_rule() -> None:
    """By the agreement's rule the share begins at once; whoever has one gets its newest view."""
    unit = asking(RequestRule.BY_RULE)
    assert sent(unit.apply(question("school"))) == [("plan", "school", 1)]
    assert sent(unit.apply(question("school", "request-2"))) == [("plan", "school", 1)]
    assert unit.apply(question("school", "request-2").evolve(id="again")).effects == ()


def test_who_may_not_ask() -> None:
    """Without share, place in the team or open loop, there is one answer: unknown here."""
    unit = asking()
    with pytest.raises(NotTaken, match="unknown here"):
        unit.apply(question("stranger"))
    assert reasons(unit.apply(question("stranger"), loop_parties=("stranger",))) == ["request-to-answer"]


@pytest.mark.sharing_promise(11)
def test_asking() -> None:
    """Our own question has a clock: when no plan has come, our people are told; a view that answers it stops it."""
    school = participant("school")
    event = PlanEvent(
        id="ask",
        kind=PlanEventKind.REQUEST,
        at=NOW,
        raised_by=PlanSource.PARTICIPANT,
        to_party="unit",
        plan_id="request-1",
        about="request-1",
        owner=PLAN.owner,
    )
    decision = school.apply(event)
    assert sent(decision) == [("plan-request", "unit", None)]
    asked = school.cases["request-1"]
    assert (asked.holder, asked.requests[0].owner) == ("unit", PLAN.owner)
    school.cases = {PLAN.id: asked}
    assert reasons(school.turn(NOW + days(7))) == ["request-unanswered"]
    school.cases = {PLAN.id: asked}
    answer = PlanEvent(
        id="answered",
        kind=PlanEventKind.ANSWER_REQUEST,
        at=NOW,
        raised_by=PlanSource.HOLDER,
        party="unit",
        about="request-1",
    )
    assert school.apply(answer).plan.timers == ()
