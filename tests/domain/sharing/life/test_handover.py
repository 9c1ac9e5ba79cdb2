"""The way of a plan to another holder: two holders for one plan cannot be."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ip_fhir.domain.sharing.case import HandoverStatus, PlanSide
from ip_fhir.domain.sharing.events import PlanEvent, PlanEventKind, PlanSource
from ip_fhir.domain.sharing.life.numbers import is_to_leave
from ip_fhir.domain.sharing.share import EndReason
from ip_fhir.errors import ConsentRefused, InvalidInput, LoopError, NotTaken, NotYet
from tests.support.plan_handovers import (
    MOVED,
    NAMES,
    answered,
    offered,
    part,
    reading_done,
    taken_over,
    town,
)
from tests.support.plan_life import (
    AGREED,
    NOW,
    PLAN,
    Side,
    days,
    event_of,
    exchanged,
    reasons,
    saved,
    sent,
    share_of,
    view_of,
    wanted,
    with_item,
)


def _waiting_for(side: Side, *parties: str) -> list[tuple[str, str | None]]:
    """The messages of a side that wait for these parties."""
    return [(str(row.plan_message), row.party) for row in side.waiting if row.party in parties]


def test_accepted() -> None:
    """The new side holds the plan from the receipt of its yes on; the old one is a participant, one epoch later."""
    unit, south, _, school = town()
    key = share_of(unit, "school").key
    ident = offered(unit, south)
    assert [str(effect.reason) for effect in south.told] == ["handover-to-answer"]
    answered(south, ident, accepts=True)
    assert part(south) is PlanSide.PARTICIPANT, "nobody holds it before the old side has taken the yes"
    taken_over(unit, south)
    assert (part(unit), part(south)) == (PlanSide.PARTICIPANT, PlanSide.HOLDER)
    assert unit.case is not None
    assert south.case is not None
    assert (unit.case.holder, unit.case.epoch, south.case.epoch) == ("south", 2, 2)
    assert (share_of(south, "school").key, share_of(south, "school").number) == (key, 1)
    assert {share.end_reason for share in unit.case.shares} == {EndReason.HANDED_OVER}
    with pytest.raises(LoopError, match="another side holds the plan"):
        unit.do("save", plan=MOVED)
    exchanged(unit, school, names=NAMES)
    assert school.case is not None
    assert (school.case.holder, school.case.epoch) == ("south", 2)


def test_views_go_on_from_the_new_holder() -> None:
    """Its views go on in number; a participant listens to it when the old holder has said who holds the plan."""
    unit, south, _, school = town()
    ident = offered(unit, south)
    answered(south, ident, accepts=True)
    taken_over(unit, south)
    saved(south, with_item(MOVED, "measures", "read", how="ny"))
    early = next(row for row in south.waiting if row.party == "school" and row.number == 2)
    event = event_of(south.message(early, NOW), "south", NOW)
    with pytest.raises(NotYet):
        school.apply(event)
    exchanged(unit, school, names=NAMES)
    assert reasons(school.apply(event)) == ["view-changed"]
    assert view_of(school).number == 2
    old = PlanEvent(
        id="old",
        kind=PlanEventKind.VIEW,
        at=NOW,
        raised_by=PlanSource.HOLDER,
        party="unit",
        view=view_of(school),
        epoch=1,
    )
    with pytest.raises(NotTaken):
        school.apply(old)


@pytest.mark.sharing_promise(9)
def test_of_two_handovers_one_wins() -> None:
    """Taken back and offered to another: the first one's yes is refused, its people are told, and it holds nothing."""
    unit, south, north, _ = town()
    first = offered(unit, south)
    answered(south, first, accepts=True)
    with pytest.raises(InvalidInput, match="an offer waits"):
        unit.do("hand-over", to_party="north")
    unit.do("answer-handover", about=first, accepts=False)
    second = offered(unit, north)
    answered(north, second, accepts=True)
    taken_over(unit, north)
    (late,) = exchanged(south, unit)
    assert late.problems[0].code == "conflict"
    assert [part(side) for side in (unit, south, north)] == [
        PlanSide.PARTICIPANT,
        PlanSide.PARTICIPANT,
        PlanSide.HOLDER,
    ]
    assert "handover-taken-back" in [str(effect.reason) for effect in south.told]


@pytest.mark.sharing_promise(9)
def test_the_old_side_is_the_first_to_let_go() -> None:
    """At no time do both hold it; the receipt of the yes alone makes no holder, and the same again makes no second."""
    unit, south, _, _ = town()
    ident = offered(unit, south)
    answered(south, ident, accepts=True)
    (row,) = south.waiting
    event = event_of(south.message(row, NOW), "south", NOW)
    unit.apply(event)
    south.receipt(row, NOW)
    assert [part(side) for side in (unit, south)] == [PlanSide.PARTICIPANT] * 2
    last = next(one for one in unit.waiting if one.party == "south")
    given = event_of(unit.message(last, NOW), "unit", NOW)
    south.apply(given)
    assert [part(side) for side in (unit, south)] == [PlanSide.PARTICIPANT, PlanSide.HOLDER]
    assert south.apply(given.evolve(id="again")).effects == ()
    assert unit.apply(event.evolve(id="again")).effects == ()
    assert unit.case is not None
    assert unit.case.handover is not None
    assert unit.case.handover.offered is not None
    unit.receipt(last, NOW)
    assert unit.case.handover is not None
    assert unit.case.handover.offered is None, "what the new holder has is not kept here"


def test_what_was_saved_after_the_offer_is_not_lost() -> None:
    """The new side holds the plan as it was when its yes was taken, not as it was offered."""
    unit, south, _, _ = town()
    ident = offered(unit, south)
    saved(unit, MOVED.evolve(title="Etter tilbudet"))
    answered(south, ident, accepts=True)
    taken_over(unit, south)
    assert south.case is not None
    assert south.case.plan is not None
    assert (south.case.plan.title, share_of(south, "school").number) == ("Etter tilbudet", 2)


@pytest.mark.sharing_promise(5)
def test_consent_is_withdrawn_while_an_offer_waits() -> None:
    """The offer is taken back: it does not leave any more, and a yes to it is refused."""
    unit, _, _, _ = town()
    unit.do("hand-over", to_party="south")
    (row,) = [one for one in unit.waiting if one.party == "south"]
    assert unit.case is not None
    assert is_to_leave(unit.case, row)
    saved(unit, MOVED.evolve(consents=()))
    assert not is_to_leave(unit.case, row)
    assert unit.case.handover is not None
    assert unit.case.handover.status is HandoverStatus.TAKEN_BACK


def test_declined() -> None:
    """With a no the old side goes on holding the plan, and may offer it to another."""
    unit, south, north, _ = town()
    answered(south, offered(unit, south), accepts=False)
    (decision,) = exchanged(south, unit)
    assert (reasons(decision), part(unit)) == (["handover-answered"], PlanSide.HOLDER)
    assert south.case is not None
    assert south.case.handover is not None
    assert south.case.handover.offered is None, "what came with the offer is given up"
    offered(unit, north)


def test_taken_back_in_time() -> None:
    """Taken back before the answer: our people there are told, and cannot answer any more."""
    unit, south, _, _ = town()
    ident = offered(unit, south)
    unit.do("answer-handover", about=ident, accepts=False)
    (decision,) = exchanged(unit, south)
    assert reasons(decision) == ["handover-taken-back"]
    with pytest.raises(InvalidInput):
        answered(south, ident, accepts=True)


@pytest.mark.sharing_promise(11)
def test_unanswered() -> None:
    """After ten working days it is offered once more, after ten more a person is told."""
    unit, south, _, _ = town()
    offered(unit, south)
    due = NOW + days(14)
    assert ("handover", "south", None) in sent(unit.turn(due))
    (again,) = exchanged(unit, south, due)
    assert reasons(again) == ["handover-to-answer"]
    later = [reason for number in range(1, 60) for reason in reasons(unit.turn(due + days(number)))]
    assert later.count("handover-unanswered") == 1


def test_it_needs_consent_to_everything() -> None:
    """A life area that is closed to the new holder forbids it, and so does what belongs to none."""
    unit, _, _, _ = town()
    denied = [{"access": "deny", "recipients": ["south"], "areas": ["treatment"]}, {"access": "permit"}]
    saved(unit, MOVED.evolve(consents=(PLAN.consents[0].evolve(provisions=denied),)))
    with pytest.raises(ConsentRefused):
        unit.do("hand-over", to_party="south")
    saved(unit, MOVED.evolve(consents=()))
    with pytest.raises(ConsentRefused):
        unit.do("hand-over", to_party="north")


def test_only_to_a_party_of_the_plan_with_an_agreement() -> None:
    """A party that no agreement names, that has no wire, or that the plan does not name, is refused."""
    unit, _, _, _ = town()
    unit.terms["stranger"] = AGREED
    for party, words in (
        ("nobody", "no party with which"),
        ("us", "no party with which"),
        ("stranger", "name it first"),
    ):
        with pytest.raises(InvalidInput, match=words):
            unit.do("hand-over", to_party=party)


@pytest.mark.sharing_promise(3)
def test_changes_that_wait_go_along() -> None:
    """An undecided change is the new holder's to decide; one that the old one never got is sent to the new one."""
    unit, south, _, school = town()
    view = view_of(school).plan
    visit = next(one for one in view.measures if one.what == "Hjemmebesøk")
    wanted(school, "first", with_item(view, "measures", visit.id, how="x"))
    exchanged(school, unit)
    ident = offered(unit, south)
    wanted(school, "second", with_item(view, "measures", visit.id, where="hjemme"))
    answered(south, ident, accepts=True)
    taken_over(unit, south)
    exchanged(unit, south, names=NAMES)
    assert south.case is not None
    assert [kept.change.id for kept in south.case.changes] == ["first"]
    (told,) = exchanged(unit, school, names=NAMES)
    assert ("plan-change", "south", None) in sent(told)
    school.waiting = [row for row in school.waiting if row.party == "south"]
    exchanged(school, south)
    assert [kept.change.id for kept in south.cases[PLAN.id].changes] == ["first", "second"]


@pytest.mark.sharing_promise(3)
def test_a_change_whose_answer_was_dropped_is_answered_by_the_new_holder() -> None:
    """Decided by the old holder, whose answer never left: sent again to the new one, it is answered, not decided."""
    unit, south, _, school = town()
    reading_done(school)
    exchanged(school, unit)
    unit.waiting.clear()
    answered(south, offered(unit, south), accepts=True)
    taken_over(unit, south)
    exchanged(unit, school, names=NAMES)
    _, decision = exchanged(school, south)
    assert decision.records[0].note == "repeated: the same answer again"
    exchanged(south, school)
    assert school.case is not None
    assert [kept.status for kept in school.case.changes] == ["accepted"]


def test_the_word_that_it_is_gone_does_not_leave_once_the_plan_is_back() -> None:
    """A participant that was down meanwhile never hears of it: its holder is the one that it knows."""
    unit, south, _, school = town()
    answered(south, offered(unit, south), accepts=True)
    taken_over(unit, south)
    (gone,) = (row for row in unit.waiting if row.party == "school")
    assert unit.case is not None
    assert is_to_leave(unit.case, gone)
    answered(unit, offered(south, unit), accepts=True)
    taken_over(south, unit)
    assert not is_to_leave(unit.case, gone)
    unit.waiting = [row for row in unit.waiting if row is not gone]
    exchanged(unit, school)
    assert school.case is not None
    assert (school.case.holder, school.case.epoch) == ("unit", 3)


@pytest.mark.sharing_promise(3)
def test_a_change_that_came_while_the_plan_was_away_is_sent_again() -> None:
    """The old holder took it, to say who holds the plan; before it had said so it held the plan again."""
    unit, south, _, school = town()
    reading_done(school)
    answered(south, offered(unit, south), accepts=True)
    taken_over(unit, south)
    exchanged(school, unit)
    answered(unit, offered(south, unit), accepts=True)
    taken_over(south, unit)
    assert unit.case is not None
    unit.waiting = [row for row in unit.waiting if is_to_leave(unit.case, row)]
    exchanged(unit, school)
    exchanged(school, unit)
    exchanged(unit, school)
    assert school.case is not None
    assert [kept.status for kept in school.case.changes] == ["accepted"]


def test_a_change_that_reached_the_old_holder_late_is_sent_to_the_new_one() -> None:
    """Its author knew already who holds the plan: the old holder's word says that the change went astray."""
    unit, south, _, school = town()
    reading_done(school)
    astray = event_of(school.message(school.waiting.pop(), NOW), "school", NOW)
    answered(south, offered(unit, south), accepts=True)
    taken_over(unit, south)
    exchanged(unit, school, names=NAMES)
    school.waiting.clear()
    unit.apply(astray)
    exchanged(unit, school, names=NAMES)
    exchanged(school, south)
    exchanged(south, school)
    assert school.case is not None
    assert [kept.status for kept in school.case.changes] == ["accepted"]


def test_a_change_that_comes_before_the_plan_waits_for_it() -> None:
    """While the plan is under way back to a side that has held it, that side says: later, please."""
    unit, south, _, school = town()
    reading_done(school)
    early = event_of(school.message(school.waiting[0], NOW), "school", NOW)
    answered(south, offered(unit, south), accepts=True)
    taken_over(unit, south)
    answered(unit, offered(south, unit), accepts=True)
    with pytest.raises(NotYet, match="on its way"):
        unit.apply(early)
    taken_over(south, unit)
    unit.apply(early)
    assert [kept.status for kept in unit.cases[PLAN.id].changes] == ["accepted"]


@pytest.mark.sharing_promise(3)
def test_nobody_is_sent_to_a_holder_that_has_no_plan_yet() -> None:
    """The others hear who holds the plan when it has arrived there; who asks before is to come again."""
    unit, south, _, school = town()
    reading_done(school)
    early = event_of(school.message(school.waiting[0], NOW), "school", NOW)
    answered(south, offered(unit, south), accepts=True)
    exchanged(south, unit)
    assert _waiting_for(unit, "south", "school") == [("handover", "south")]
    with pytest.raises(NotYet, match="on its way"):
        unit.apply(early)
    exchanged(unit, south, names=NAMES)
    assert _waiting_for(unit, "south", "school") == [("plan-gone", "school")]
    exchanged(unit, school, names=NAMES)
    exchanged(school, south)
    assert [kept.status for kept in south.cases[PLAN.id].changes] == ["accepted"]


def test_a_late_receipt_of_the_offer_is_none_of_the_plan() -> None:
    """A yes may come before the receipt of the offer: what is on its way by then is sent all the same."""
    unit, south, _, school = town()
    unit.do("hand-over", to_party="south")
    (offer,) = (row for row in unit.waiting if row.party == "south")
    south.apply(event_of(unit.message(offer, NOW), "unit", NOW))
    answered(south, unit.cases[PLAN.id].handover.id, accepts=True)  # type: ignore[union-attr]
    exchanged(south, unit)
    unit.receipt(offer, NOW)
    assert _waiting_for(unit, "south", "school") == [("handover", "south")]
    exchanged(unit, south, names=NAMES)
    assert part(south) is PlanSide.HOLDER
    exchanged(unit, school, names=NAMES)
    assert school.case is not None
    assert school.case.holder == "south"


def test_who_never_had_a_view_need_not_know_that_the_plan_is_gone() -> None:
    """It refuses the word of a plan that it does not know, and nobody is told: the new holder sends it the first view.

    Of a party that had a view, somebody is told.
    """
    unit, south, _, _ = town()
    share = share_of(unit, "school")
    answered(south, offered(unit, south), accepts=True)
    taken_over(unit, south)
    (gone,) = (row for row in unit.waiting if row.party == "school")
    assert reasons(unit.receipt(gone, NOW, ok=False)) == ["not-taken"]
    assert unit.case is not None
    never = share_of(unit, "school").evolve(acknowledged=0)
    shares = tuple(never if one.id == share.id else one for one in unit.case.shares)
    unit.cases[PLAN.id] = unit.case.evolve(shares=shares)
    assert reasons(unit.receipt(gone, NOW, ok=False)) == []


def test_the_old_side_says_where_to() -> None:
    """To whoever had a share it answers who holds the plan; to others, that it is unknown here."""
    unit, south, _, school = town()
    view = view_of(school).plan
    wanted(school, "change-1", view)
    event = event_of(school.message(school.waiting[0], NOW), "school", NOW)
    answered(south, offered(unit, south), accepts=True)
    taken_over(unit, south)
    decision = unit.apply(event)
    assert sent(decision) == [("plan-gone", "school", None)]
    assert decision.problems == (), "its author sends it to the new holder, as soon as that is known"
    asked = event.evolve(kind=PlanEventKind.REQUEST, about="request-1", change=None)
    assert unit.apply(asked).problems[0].reason == "another side holds the plan"
    with pytest.raises(NotTaken, match="unknown here"):
        unit.apply(event.evolve(party="stranger"))


@pytest.mark.sharing_promise(3)
def test_a_change_that_crossed_the_handover() -> None:
    """Sent to the old holder and taken in there after it had handed the plan over, it is decided by the new one."""
    unit, south, _, school = town()
    reading_done(school)
    answered(south, offered(unit, south), accepts=True)
    taken_over(unit, south)
    exchanged(school, unit)
    exchanged(unit, school, names=NAMES)
    _, decision = exchanged(school, south)
    assert ("plan-change-answer", "school", 2) in sent(decision)
    exchanged(south, school)
    assert school.case is not None
    assert [kept.status for kept in school.case.changes] == ["accepted"]


def test_a_new_offer_before_the_old_one_is_known_to_be_gone() -> None:
    """While our yes to an earlier offer is under way, a new one is to come again later."""
    unit, south, _, _ = town()
    first = offered(unit, south)
    answered(south, first, accepts=True)
    unit.do("answer-handover", about=first, accepts=False)
    back = unit.waiting.pop()
    unit.do("hand-over", to_party="south")
    row = unit.waiting[-1]
    event = event_of(unit.message(row, NOW), "unit", NOW)
    with pytest.raises(NotYet):
        south.apply(event)
    unit.waiting.append(back)
    taken_over(unit, south)
    assert reasons(south.apply(event)) == ["handover-to-answer"]


def test_a_person_says_who_holds_the_plan() -> None:
    """Where the old holder says nothing, a person of ours may; a lower epoch counts no more after that."""
    _, _, _, school = town()
    assert reasons(school.do("gone", by_participant=True, to_party="south")) == ["holder-changed"]
    assert school.case is not None
    assert (school.case.holder, school.case.epoch) == ("south", 2)
    event = PlanEvent(
        id="x", kind=PlanEventKind.GONE, at=NOW, raised_by=PlanSource.HOLDER, party="unit", epoch=2, to_party="north"
    )
    assert school.apply(event).effects == ()
    with pytest.raises(NotYet):
        school.apply(event.evolve(epoch=3))


def test_parties_have_other_names_at_the_new_holder() -> None:
    """A share is its organisation's, by the name there; without one it is not taken over, and a person is told."""
    unit, south, _, _ = town()
    south.found = {"unit": "unit", "south": "us", "school": "skolen", "hospital": "hospital"}
    south.terms = {**south.terms, "skolen": AGREED, "school": replace(AGREED, agreed=False)}
    answered(south, offered(unit, south), accepts=True)
    taken_over(unit, south)
    assert south.case is not None
    assert sorted(share.party for share in south.case.shares) == ["hospital", "skolen", "unit"]
    assert "on-paper" in [str(effect.reason) for effect in south.told]


def test_back_again() -> None:
    """The plan may come back: the first holder holds it with the highest epoch."""
    unit, south, _, _ = town()
    answered(south, offered(unit, south), accepts=True)
    taken_over(unit, south)
    south.waiting.clear()
    unit.waiting.clear()
    ident = offered(south, unit)
    answered(unit, ident, accepts=True)
    taken_over(south, unit)
    assert unit.case is not None
    assert unit.case.handover is not None
    assert (part(unit), unit.case.epoch, unit.case.handover.status) == (PlanSide.HOLDER, 3, HandoverStatus.ACCEPTED)
    assert share_of(unit, "school").goes_on
