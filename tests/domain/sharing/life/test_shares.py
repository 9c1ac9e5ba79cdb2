"""Shares begin, get views and end by membership, agreement, consent and plan; each line of what must happen."""

from __future__ import annotations

from datetime import date

import pytest

from ip_fhir.domain.agreement import ContentLevel
from ip_fhir.domain.people import AddressProtection
from ip_fhir.domain.plan import PlanStatus
from ip_fhir.domain.sharing.case import PlanTimerKind
from ip_fhir.domain.sharing.life.surroundings import PartyTerms
from ip_fhir.domain.sharing.share import EndReason
from ip_fhir.domain.sharing.terms import ShareStart, SharingTerms
from ip_fhir.domain.values.value import Period
from ip_fhir.errors import Conflict, ConsentRefused, InvalidInput
from tests.support.plan_life import (
    AGREED,
    BY_NAME,
    NOW,
    PLAN,
    Side,
    days,
    exchanged,
    holder,
    participant,
    reasons,
    saved,
    sent,
    share_of,
    shared,
    view_of,
    with_item,
)


def consent(side: Side, **changes: object) -> None:
    """Saves the plan with its consent changed."""
    assert side.case is not None
    assert side.case.plan is not None
    plan = side.case.plan
    saved(side, plan.evolve(consents=(plan.consents[0].evolve(**changes),)))


def test_each_participant_gets_its_first_view() -> None:
    """A plan that is saved goes to each party that takes part and has an agreement, by rule: one message for each."""
    unit = holder()
    decision = saved(unit)
    assert sent(decision) == [("plan", "gp", 1), ("plan", "hospital", 1), ("plan", "school", 1)]
    assert sorted(decision.superseded) == sorted(share.id for share in decision.plan.shares)
    assert [(view.number, view.version) for view in decision.views] == [(1, 1)] * 3


def test_the_same_again_changes_nothing() -> None:
    """Saving what is there makes no version and no view."""
    unit = holder()
    saved(unit)
    decision = saved(unit)
    assert (sent(decision), decision.views, decision.plan.plan) == ([], (), PLAN)


def test_only_those_who_see_the_change_get_a_view() -> None:
    """A field of a measure in an area that is closed to the school goes to the two others."""
    unit = holder()
    saved(unit)
    decision = saved(unit, with_item(PLAN, "measures", "train", how="på tirsdager"))
    assert sent(decision) == [("plan", "gp", 2), ("plan", "hospital", 2)]
    assert share_of(unit, "school").number == 1
    assert decision.plan.plan is not None
    assert (decision.plan.plan.version, decision.plan.plan.updated) == (2, NOW)


def test_each_view_says_by_which_consent() -> None:
    """The evidence of each view names the consents that it rests on, and nothing of its content."""
    unit = holder()
    records = [record for record in saved(unit).records if record.share is not None]
    assert [(record.number, record.consents) for record in records] == [(1, ("yes",))] * 3


@pytest.mark.parametrize(
    ("terms", "begun"),
    [
        (AGREED, True),
        (BY_NAME, False),
        (PartyTerms(sharing=SharingTerms(shares_begin=ShareStart.BY_RULE)), False),
    ],
)
def test_who_begins_by_rule(terms: PartyTerms, begun: bool) -> None:
    """By rule begins the share of a party whose agreement says so; nothing begins with one that no agreement names."""
    unit = holder(school=terms)
    assert any(party == "school" for _, party, _ in sent(saved(unit))) is begun


def test_no_agreement() -> None:
    """A party that no agreement names gets nothing by name either, and loses what it had when the agreement ends."""
    unit = holder(school=PartyTerms())
    saved(unit)
    with pytest.raises(InvalidInput, match="no agreement names this party"):
        unit.do("share", to_party="school")
    unit.terms["hospital"] = PartyTerms()
    assert ("plan-withdrawn", "hospital", 2) in sent(saved(unit))
    assert share_of(unit, "hospital").end_reason is EndReason.NO_AGREEMENT


def test_by_name() -> None:
    """By name a share begins for a party that takes part and to which something is open."""
    unit = holder(school=BY_NAME)
    saved(unit)
    assert sent(unit.do("share", to_party="school")) == [("plan", "school", 1)]
    assert sent(unit.do("share", to_party="school")) == [("plan", "school", 1)], "again: the newest, unchanged"
    unit.terms["stranger"] = AGREED
    with pytest.raises(InvalidInput, match="nobody of this party takes part"):
        unit.do("share", to_party="stranger")


def test_nothing_is_open() -> None:
    """Where no consent opens anything, nothing begins, by rule or by name."""
    unit = holder(school=BY_NAME)
    saved(unit, PLAN.evolve(consents=()))
    assert unit.case is not None
    assert unit.case.shares == ()
    with pytest.raises(ConsentRefused):
        unit.do("share", to_party="school")


def test_a_share_that_ended_goes_on_with_its_numbers() -> None:
    """The withdrawal is numbered as a view; begun again it has the same key, and a higher number."""
    unit, school = shared("school")
    key = share_of(unit, "school").key
    unit.do("end-share", share=share_of(unit, "school").id)
    exchanged(unit, school)
    assert school.case is not None
    assert [(copy.number, copy.view) for copy in school.case.copies] == [(2, None)]
    assert sent(saved(unit)) == [], "what a person has ended does not begin by rule"
    assert sent(unit.do("share", to_party="school")) == [("plan", "school", 3)]
    share = share_of(unit, "school")
    assert (share.key, share.ended, share.end_reason) == (key, None, None)


@pytest.mark.sharing_promise(5)
def test_consent_withdrawn_for_all() -> None:
    """A consent that is withdrawn ends every share; the withdrawal alone is sent, earlier views give way."""
    unit = holder()
    saved(unit)
    consent(unit, status="withdrawn", withdrawn_on=date(2026, 3, 1))
    assert sorted((str(row.plan_message), row.party) for row in unit.waiting) == [
        ("plan-withdrawn", "gp"),
        ("plan-withdrawn", "hospital"),
        ("plan-withdrawn", "school"),
    ]
    assert unit.case is not None
    assert {share.end_reason for share in unit.case.shares} == {EndReason.CONSENT}


@pytest.mark.sharing_promise(5)
def test_consent_withdrawn_in_part() -> None:
    """What is closed between deciding and sending is not in the view that is sent."""
    unit, hospital = holder(), participant("hospital")
    saved(unit)
    provision = PLAN.consents[0].provisions[0].evolve(recipients=("hospital",))
    consent(unit, provisions=(provision, PLAN.consents[0].provisions[1]))
    exchanged(unit, hospital)
    assert [measure.what for measure in view_of(hospital).plan.measures] == ["Leseøving", "Hjemmebesøk"]


def test_a_membership_that_ended() -> None:
    """A party of which nobody takes part any more loses its share, and gets it again by rule on coming back."""
    unit = holder()
    saved(unit)
    team = PLAN.team
    assert team is not None
    gone = team.memberships[1].evolve(period=Period(end=date(2026, 3, 1)))
    places = tuple(gone if one.id == gone.id else one for one in team.memberships)
    assert ("plan-withdrawn", "school", 2) in sent(saved(unit, PLAN.evolve(team=team.evolve(memberships=places))))
    assert share_of(unit, "school").end_reason is EndReason.MEMBERSHIP
    assert ("plan", "school", 3) in sent(saved(unit, PLAN))


@pytest.mark.parametrize("status", [PlanStatus.ENDED, PlanStatus.REVOKED, PlanStatus.ENTERED_IN_ERROR])
def test_the_plan_is_over(status: PlanStatus) -> None:
    """When the plan ends or is revoked, all shares end, reviews stop, and no day is waited for."""
    unit = holder()
    saved(unit)
    decision = saved(unit, PLAN.evolve(status=status))
    assert {kind for kind, _, _ in sent(decision)} == {"plan-withdrawn"}
    assert decision.plan.over
    assert {timer.kind for timer in decision.plan.timers} == {PlanTimerKind.ACKNOWLEDGEMENT}
    assert {share.end_reason for share in decision.plan.shares} == {EndReason.PLAN_OVER}


def test_consent_to_the_plan_is_withdrawn_by_a_date() -> None:
    """From the day on which the person no longer wants a plan, nothing of it is shared; before, it goes on."""
    unit = holder()
    plan = {"id": "plan-yes", "kind": "plan", "given_on": date(2026, 1, 12), "access": "permit"}
    saved(unit, PLAN.evolve(consents=(*PLAN.consents, {**plan, "period": {"end": date(2026, 4, 1)}})))
    assert share_of(unit, "gp").goes_on
    assert sent(unit.turn(NOW + days(40))) == [], "a yes that has run out is no no"
    withdrawn = {**plan, "status": "withdrawn", "withdrawn_on": date(2026, 5, 1)}
    saved(unit, PLAN.evolve(consents=(*PLAN.consents, withdrawn), status=PlanStatus.ON_HOLD), NOW + days(40))
    assert share_of(unit, "gp").goes_on
    assert {kind for kind, _, _ in sent(unit.turn(NOW + days(60)))} == {"plan-withdrawn"}
    assert share_of(unit, "gp").end_reason is EndReason.PLAN_OVER


def test_the_person_is_dead() -> None:
    """When the person dies, all shares end, and nobody is reminded of a review."""
    unit = holder()
    saved(unit)
    decision = saved(unit, PLAN.evolve(owner=PLAN.owner.evolve(deceased=date(2026, 3, 1))))
    assert {share.end_reason for share in decision.plan.shares} == {EndReason.DECEASED}
    later = unit.turn(NOW + days(400))
    assert "review-due" not in reasons(later)


def test_a_protected_address() -> None:
    """About somebody with a protected address no share begins by rule; by name it does, with what is ticked for it."""
    unit = holder()
    owner = PLAN.owner.evolve(protection=AddressProtection.CONFIDENTIAL)
    assert sent(saved(unit, PLAN.evolve(owner=owner))) == []
    unit.do("share", to_party="gp", parts=("contacts",))
    assert share_of(unit, "gp").released == ("contacts",)


def test_parts_are_ticked() -> None:
    """What is ticked for one participant changes its view alone; a message that is let go is remembered."""
    unit = holder()
    contacts = ({"system": "phone", "value": "99999999"},)
    owner = PLAN.owner.evolve(protection=AddressProtection.CONFIDENTIAL, contacts=contacts)
    saved(unit, PLAN.evolve(owner=owner))
    unit.do("share", to_party="gp")
    unit.do("share", to_party="school")
    decision = unit.do("release", share=share_of(unit, "gp").id, parts=("contacts",))
    assert sent(decision) == [("plan", "gp", 2)]
    assert unit.do("release", message_id="row-1").plan.released == ("row-1",)


def test_another_level() -> None:
    """An agreement that lets less through makes another view."""
    unit = holder()
    saved(unit)
    unit.terms["school"] = PartyTerms(agreed=True, level=ContentLevel.HEADER, sharing=AGREED.sharing)
    decision = saved(unit)
    assert sent(decision) == [("plan", "school", 2)]
    assert reasons(decision) == ["responsible-unseeing"], "the teacher is responsible for a measure"


def test_a_party_that_keeps_its_people_apart() -> None:
    """Each of its people who takes part has a share of their own."""
    unit = holder(school=PartyTerms(agreed=True, by_person=True, sharing=AGREED.sharing))
    saved(unit)
    assert share_of(unit, "school").person == "sissel"


def test_who_is_on_paper_is_told_once() -> None:
    """A member for whom no party stands is told to the coordinator, and not again."""
    unit = holder()
    del unit.found["gp"]
    assert reasons(saved(unit)) == ["on-paper"]
    assert reasons(saved(unit, PLAN.evolve(title="Ny"))) == []


def test_own_people_have_a_share_without_wire() -> None:
    """The holder's own people have a view by the same rules, and no message is sent for it."""
    unit = holder()
    saved(unit)
    assert sent(unit.do("share", to_party="us")) == []
    share = share_of(unit, "us")
    assert (share.number, share.acknowledged, share.on_wire) == (1, 1, False)


def test_an_outdated_version() -> None:
    """What was changed from another version than the newest is refused, and nothing changes."""
    unit = holder()
    saved(unit)
    saved(unit, PLAN.evolve(title="En"))
    with pytest.raises(Conflict, match="version 2 of the plan is here"):
        unit.do("save", plan=PLAN.evolve(title="To"), based_on=1)


@pytest.mark.parametrize(
    "other",
    [
        {"id": "another"},
        {"birth_date": date(1991, 1, 1)},
    ],
)
def test_a_plan_of_another_person(other: dict[str, object]) -> None:
    """A plan about somebody else is not saved in its place; another name of the same person is."""
    unit = holder()
    saved(unit)
    with pytest.raises(InvalidInput, match="is another person"):
        saved(unit, PLAN.evolve(owner=PLAN.owner.evolve(**other)))
    saved(unit, PLAN.evolve(owner=PLAN.owner.evolve(name={"family": "Prøvesen"})))


def test_another_plan() -> None:
    """A plan is saved under its own id."""
    unit = holder()
    saved(unit)
    with pytest.raises(InvalidInput, match="is another plan"):
        unit.do("save", plan=PLAN.evolve(id="plan-2"), based_on=1)


@pytest.mark.sharing_promise(10)
def test_ten_participants_and_one_measure() -> None:
    """Of ten participants and forty measures, a change of one measure makes views for those alone who see it."""
    names = [f"p{number}" for number in range(10)]
    units = [{"id": name, "name": name, "kind": "school"} for name in names]
    workers = [{"id": f"w-{name}", "name": {"family": name}, "organization": name} for name in names]
    places = [{"id": f"of-{name}", "member": f"w-{name}", "role": "service-provider"} for name in names]
    data = PLAN.to_data()
    data["organizations"] = [data["organizations"][0], *units]
    data["professionals"] = [data["professionals"][0], *workers]
    data["team"]["memberships"] = places
    data["measures"] = [
        {"id": f"m{n}", "what": f"Tiltak {n}", "areas": ["work" if n % 2 else "food"]} for n in range(40)
    ]
    denied = [{"access": "deny", "recipients": names[:7], "areas": ["work"]}, {"access": "permit"}]
    data["consents"][0]["provisions"] = denied
    plan = type(PLAN).from_data(data)
    unit = Side("unit", dict.fromkeys(names, AGREED), {name: name for name in names} | {"unit": "us"})
    assert len(saved(unit, plan).views) == 10
    decision = saved(unit, with_item(plan, "measures", "m1", how="x"))
    assert [party for _, party, _ in sent(decision)] == names[7:]
    assert len(decision.views) == 3
