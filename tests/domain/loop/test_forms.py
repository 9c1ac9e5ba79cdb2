"""Green forms: the second, the late, the contradictory - and who coordinates, and has coordinated."""

from datetime import date, timedelta
from typing import Any

import pytest

from ip_fhir.domain.agreement import Agreement
from ip_fhir.domain.effects import EffectKind, Reason
from ip_fhir.domain.green_form import Declined, GreenForm, Missing, missing_items
from ip_fhir.domain.loop import Decision, decide
from ip_fhir.domain.loop.forms import coordinators
from ip_fhir.domain.message import MessageKind
from ip_fhir.domain.notice import NoticeKind
from ip_fhir.domain.referral import EventKind, FormStatus, Referral, Role, State
from ip_fhir.domain.team import CoordinatorKind
from ip_fhir.domain.values.ids import HprNumber
from ip_fhir.errors import InvalidInput
from tests.support.loop import (
    AGREEMENT,
    HOLDERS,
    NOW,
    declined,
    delivered,
    event,
    form,
    forwarded,
    happens,
    incomplete,
    notice,
    place,
    received,
    rejected,
)


def _arrives(referral: Referral, made: GreenForm, day: int = 1, agreement: Agreement = AGREEMENT) -> Decision:
    at = NOW + timedelta(days=day)
    came = event(
        EventKind.ANSWER, Role.MUNICIPALITY, at, f"answer-{made.id}-{day}", form=made, message_id=f"m-{day}", sent=at
    )
    return decide(referral, came, agreement)


def _confirmed(agreement: Agreement = AGREEMENT) -> Referral:
    return _arrives(delivered(agreement), form(), 1, agreement).referral


def _statuses(referral: Referral) -> list[FormStatus]:
    return [kept.status for kept in referral.forms]


def test_incomplete_is_reported_with_what_it_lacks() -> None:
    """The hospital's answer to a half-filled form lists the missing items, and answers the message that brought it."""
    decision = _arrives(delivered(), incomplete())
    report, told = decision.effects
    assert (told.kind, told.reason, told.missing) == (EffectKind.TELL, Reason.FORM_INCOMPLETE, report.missing)
    assert (report.kind, report.message, report.answers) == (EffectKind.SEND, MessageKind.FORM_INCOMPLETE, "m-1")
    assert report.missing == missing_items(incomplete(), notice()) == (Missing.COORDINATOR,)
    assert decision.referral.forms[0].missing == report.missing


def test_the_municipality_sees_the_same_lacks() -> None:
    """The side that sends a half-filled form comes to the same state and the same list, without being told."""
    decision = decide(received(), event(EventKind.ANSWER, Role.MUNICIPALITY, form=incomplete()), AGREEMENT)
    assert decision.referral.state is State.INCOMPLETE
    assert decision.referral.forms[0].missing == (Missing.COORDINATOR,)
    assert [effect.message for effect in decision.effects] == [MessageKind.GREEN_FORM]
    assert decision.effects[0].id == decision.referral.forms[0].message


def test_a_form_completed_later() -> None:
    """A complete form after an incomplete one closes the loop; both are kept."""
    after = _arrives(_arrives(delivered(), incomplete()).referral, form("form-2"), 2).referral
    assert after.state is State.CONFIRMED
    assert _statuses(after) == [FormStatus.INCOMPLETE, FormStatus.COMPLETE]
    assert after.form == form("form-2")


@pytest.mark.promise(8)
def test_promise_8_the_same_again_is_nothing() -> None:
    """Promise 8: a second form that says the same - the same form, or one written anew - does nothing and is kept."""
    for again in (form(), form("form-2"), form("form-2", authored=NOW + timedelta(days=2))):
        decision = _arrives(_confirmed(), again, 2)
        assert decision.effects == ()
        assert _statuses(decision.referral) == [FormStatus.COMPLETE, FormStatus.REPEATED]
        assert decision.referral.form == form()


@pytest.mark.promise(8)
def test_promise_8_new_details_of_the_same_coordinator() -> None:
    """Promise 8: the same coordinator with another phone number is no other coordinator, but the newer form holds."""
    moved = HOLDERS["anna"].evolve(title="kontaktperson")
    newer = form("form-2", professionals=(moved, HOLDERS["bo"]))
    decision = _arrives(_confirmed(), newer, 2)
    assert (decision.referral.state, decision.referral.form) == (State.CONFIRMED, newer)
    assert [(e.reason, e.form_id) for e in decision.effects] == [(Reason.DETAILS, "form-2")]


@pytest.mark.promise(8)
def test_promise_8_a_later_coordinator_replaces() -> None:
    """Promise 8: another coordinator from a later day takes over; the first one's period ends the day before."""
    decision = _arrives(_confirmed(), form("form-2", "bo", date(2026, 6, 1)), 2)
    assert decision.referral.form == form("form-2", "bo", date(2026, 6, 1))
    assert [(e.reason, e.form_id) for e in decision.effects] == [(Reason.REPLACED, "form-2")]
    assert _history(decision.referral) == [
        ("anna", date(2026, 3, 9), date(2026, 5, 31)),
        ("bo", date(2026, 6, 1), None),
    ]


@pytest.mark.promise(8)
@pytest.mark.parametrize("start", [date(2026, 3, 9), date(2026, 3, 1)])
def test_promise_8_contradictory_forms(start: date) -> None:
    """Promise 8: another person from the same day, or an earlier one: a person must decide, both forms are kept."""
    decision = _arrives(_confirmed(), form("form-2", "bo", start, authored=NOW + timedelta(days=2)), 2)
    assert [(e.kind, e.reason, e.form_id) for e in decision.effects] == [
        (EffectKind.TELL, Reason.CONTRADICTORY, "form-2")
    ]
    assert _statuses(decision.referral) == [FormStatus.COMPLETE, FormStatus.CONTRADICTORY]
    assert (decision.referral.state, decision.referral.form) == (State.CONFIRMED, form())


@pytest.mark.promise(8)
@pytest.mark.parametrize("made", [rejected("form-2"), forwarded("form-2")])
def test_promise_8_a_no_after_a_yes(made: GreenForm) -> None:
    """Promise 8: rejected or passed on after a coordinator was named contradicts: a person must decide."""
    decision = _arrives(_confirmed(), made, 2)
    assert [e.reason for e in decision.effects] == [Reason.CONTRADICTORY]
    assert (decision.referral.state, decision.referral.form) == (State.CONFIRMED, form())


def test_a_person_who_no_longer_wants_it() -> None:
    """Declined after it was confirmed: the loop closes, saying what was declined."""
    decision = _arrives(_confirmed(), declined("form-2"), 2)
    assert (decision.referral.state, decision.referral.reason) == (State.CLOSED, "declined-both")


@pytest.mark.promise(3)
def test_an_older_form_that_comes_late() -> None:
    """Promise 3: a form sent before one that was applied is kept and marked late."""
    referral = _arrives(delivered(), form("form-2", "bo"), 5).referral
    decision = _arrives(referral, form(), 2)
    assert _statuses(decision.referral) == [FormStatus.COMPLETE, FormStatus.LATE]
    assert (decision.referral.form, decision.effects, decision.problems) == (form("form-2", "bo"), (), ())


@pytest.mark.promise(3)
def test_an_older_form_without_a_time_of_sending() -> None:
    """Promise 3: where the wire does not say when it was sent, the day it was written decides."""
    referral = _arrives(delivered(), form("form-2", "bo", authored=NOW + timedelta(days=4)), 5).referral
    old = event(EventKind.ANSWER, Role.MUNICIPALITY, NOW + timedelta(days=6), form=form(), message_id="m-6")
    assert _statuses(decide(referral, old, AGREEMENT).referral)[-1] is FormStatus.LATE


@pytest.mark.promise(7)
@pytest.mark.parametrize(
    ("kind", "text"),
    [(EventKind.CANCEL, None), (EventKind.WITHDRAW_CONSENT, None), (EventKind.CLOSE, "moved")],
)
def test_promise_7_a_form_after_the_end(kind: EventKind, text: str | None) -> None:
    """Promise 7: kept, marked late, not acted on, and the sender is told so by a receipt that is polite and final."""
    over = happens(delivered(), kind, Role.HOSPITAL, NOW, text=text)
    decision = _arrives(over, form())
    assert decision.referral.state is over.state
    assert _statuses(decision.referral) == [FormStatus.LATE]
    assert decision.referral.form is None
    assert [(e.reason, e.form_id) for e in decision.effects] == [(Reason.LATE_FORM, "form-1")]
    assert [problem.code for problem in decision.problems] == ["business-rule"]
    assert "Anvik" not in str(decision.problems)


def test_a_repeated_form_after_the_end_is_answered_as_before() -> None:
    """The same form once more after it was closed is no late answer: there is nothing to tell its sender."""
    closed = happens(_confirmed(), EventKind.CLOSE, Role.HOSPITAL, NOW + timedelta(days=2), text="died")
    assert _arrives(closed, form(), 3).problems == ()


def test_a_no_can_be_overturned() -> None:
    """A complaint was heard: the municipality names a coordinator after all, on a new Task: the old one is terminal."""
    no = _arrives(delivered(), rejected()).referral
    assert (no.state, no.reason, no.task_number) == (State.REJECTED, "not-resident", 1)
    yes = _arrives(no, form("form-2"), 30).referral
    assert (yes.state, yes.reason, yes.task_number) == (State.CONFIRMED, None, 2)


@pytest.mark.promise(9)
def test_promise_9_coordinator_left() -> None:
    """Promise 9: vacant, a new Task, the answer clock anew, and everything counted anew."""
    left = happens(_confirmed(), EventKind.COORDINATOR_LEFT, Role.MUNICIPALITY, NOW + timedelta(days=90))
    assert (left.state, left.task_number, left.reminders, left.told) == (State.VACANT, 2, 0, ())
    assert len(left.timers) == 1
    assert _history(left) == [("anna", date(2026, 3, 9), date(2026, 5, 31))]


@pytest.mark.promise(9)
def test_promise_9_they_come_back() -> None:
    """Promise 9: who left and returns has a new period; the old one stays, ended."""
    left = happens(_confirmed(), EventKind.COORDINATOR_LEFT, Role.MUNICIPALITY, NOW + timedelta(days=90))
    back = _arrives(left, form("form-2", start=date(2026, 9, 1), authored=NOW + timedelta(days=170)), 170).referral
    assert back.state is State.CONFIRMED
    assert _history(back) == [("anna", date(2026, 3, 9), date(2026, 5, 31)), ("anna", date(2026, 9, 1), None)]


@pytest.mark.promise(9)
def test_promise_9_an_older_form_does_not_fill_the_vacancy() -> None:
    """Promise 9: a form sent before the coordinator left, and come after, names nobody who is there."""
    at = NOW + timedelta(days=9)
    left = happens(delivered(), EventKind.COORDINATOR_LEFT, Role.MUNICIPALITY, at, message_id="m9", sent=at)
    assert left.state is State.VACANT
    assert _arrives(left, form(), 5).referral.state is State.VACANT


BOTH = (place("anna", date(2026, 3, 9)), place("bo", date(2026, 3, 9), "place-2"))


@pytest.mark.promise(10)
def test_promise_10_two_at_once_where_agreed() -> None:
    """Promise 10: two coordinators in one form are right where the agreement says so."""
    agreement = Agreement(two_coordinators_allowed=True)
    after = _arrives(delivered(agreement), form(coordinators=BOTH), 1, agreement).referral
    assert after.state is State.CONFIRMED
    assert [who for who, _, end in _history(after) if end is None] == ["anna", "bo"]


@pytest.mark.promise(10)
def test_promise_10_two_at_once_where_not_agreed() -> None:
    """Promise 10: elsewhere such a form is refused with the place and the rule, on both sides, and nothing is kept."""
    for referral in (delivered(), received()):
        with pytest.raises(InvalidInput) as caught:
            _arrives(referral, form(coordinators=BOTH))
        assert [(p.path, p.code) for p in caught.value.problems] == [("form.coordinators", "business-rule")]


@pytest.mark.promise(10)
def test_promise_10_one_after_the_other_in_one_form() -> None:
    """Promise 10: two in one form whose periods do not meet are never two at once."""
    until = place("anna", date(2026, 3, 9))
    until = until.evolve(period=until.period.evolve(end=date(2026, 5, 31)))
    after = _arrives(delivered(), form(coordinators=(until, place("bo", date(2026, 6, 1), "place-2")))).referral
    assert after.state is State.CONFIRMED


@pytest.mark.promise(10)
def test_promise_10_the_newer_ends_the_older() -> None:
    """Promise 10: in separate forms, the newer ends the older; with two agreed, a form that names both adds one."""
    agreement = Agreement(two_coordinators_allowed=True)
    added = form("form-2", coordinators=(place("anna", date(2026, 3, 9)), place("bo", date(2026, 6, 1), "place-2")))
    after = _arrives(_confirmed(agreement), added, 2, agreement).referral
    assert _history(after) == [("anna", date(2026, 3, 9), None), ("bo", date(2026, 6, 1), None)]


def test_a_child_coordinator_beside_the_municipal_one_is_not_two_at_once() -> None:
    """A place of another kind is another duty."""
    child = place("bo", date(2026, 3, 9), "place-2").evolve(kind=CoordinatorKind.CHILD)
    after = _arrives(delivered(), form(coordinators=(BOTH[0], child))).referral
    assert after.state is State.CONFIRMED


def test_people_are_told_apart_by_number_before_name() -> None:
    """Two people of one name with two HPR numbers are two; one with another spelling and the same number is one."""
    anna = HOLDERS["anna"].evolve(hpr_number=HprNumber("9144900"))
    namesake = anna.evolve(hpr_number=HprNumber("9144897"))
    married = anna.evolve(name=anna.name.evolve(family="Anvik-Lie"))
    known = _arrives(delivered(), form(professionals=(anna, HOLDERS["bo"]))).referral
    other = _arrives(known, form("form-2", professionals=(namesake, HOLDERS["bo"])), 2)
    assert _statuses(other.referral)[-1] is FormStatus.CONTRADICTORY
    same = _arrives(known, form("form-2", professionals=(married, HOLDERS["bo"])), 2)
    assert _statuses(same.referral)[-1] is FormStatus.REPLACES
    assert len(_history(same.referral)) == 1


def test_another_persons_form_is_refused() -> None:
    """A form of another referral changes nothing here."""
    with pytest.raises(InvalidInput, match="another referral"):
        _arrives(delivered(), form(answers="loop-2"))


def test_one_id_two_contents() -> None:
    """A form's id used a second time with another content is an error, as with any key."""
    with pytest.raises(InvalidInput) as caught:
        _arrives(_confirmed(), form(holder="bo"), 2)
    assert [problem.code for problem in caught.value.problems] == ["duplicate"]


@pytest.mark.parametrize(
    ("kind", "named", "state"),
    [
        (NoticeKind.PLAN, False, State.CLOSED),
        (NoticeKind.PLAN_AND_COORDINATOR, False, State.INCOMPLETE),
        (NoticeKind.PLAN_AND_COORDINATOR, True, State.CONFIRMED),
    ],
)
def test_who_declines_only_the_plan(kind: NoticeKind, named: bool, state: State) -> None:
    """The right to a coordinator stays (pbrl § 2-5b): where one was asked for, one must be named still."""
    fields: dict[str, Any] = {"coordinators": form().coordinators} if named else {}
    made = declined(declined=Declined.PLAN, **fields)
    assert _arrives(delivered(of=notice(kind=kind)), made).referral.state is state


@pytest.mark.promise(15)
def test_passed_on_twice() -> None:
    """Promise 15: a unit that got it may pass it on again; the loop stays open, the notice goes along."""
    mine = decide(received(), event(EventKind.ANSWER, Role.MUNICIPALITY, form=forwarded()), AGREEMENT)
    assert [(e.message, e.recipient and e.recipient.id) for e in mine.effects] == [
        (MessageKind.GREEN_FORM, None),
        (MessageKind.NOTICE, "other-unit"),
    ]
    once = _arrives(delivered(), forwarded()).referral
    twice = _arrives(once, forwarded("form-2"), 20).referral
    assert (twice.state, len(twice.timers)) == (State.FORWARDED, 1)
    assert twice.timers[0].due > once.timers[0].due


def test_no_decision_is_incomplete() -> None:
    """A form without a decision lacks the decision."""
    after = _arrives(delivered(), form(decision=None, coordinators=())).referral
    assert (after.state, after.forms[0].missing) == (State.INCOMPLETE, (Missing.DECISION,))


def test_a_place_that_stands_empty() -> None:
    """A form may show a vacant place beside the one it fills; nobody holds it."""
    vacant = place("bo", date(2026, 3, 9), "place-2").evolve(holder=None)
    once = _arrives(delivered(), form(coordinators=(*form().coordinators, vacant))).referral
    assert (once.state, _history(once)) == (State.CONFIRMED, [("anna", date(2026, 3, 9), None)])
    assert _statuses(_arrives(once, form("form-2"), 2).referral)[-1] is FormStatus.REPLACES


def test_a_coordinator_replaced_before_they_began() -> None:
    """A period never ends before it starts."""
    agreed = form(coordinators=(place("anna", date(2026, 6, 1)),))
    earlier = form("form-2", coordinators=(place("bo", date(2026, 6, 2)),))
    after = _arrives(_arrives(delivered(), agreed).referral, earlier, 2).referral
    left = happens(after, EventKind.COORDINATOR_LEFT, Role.MUNICIPALITY, NOW + timedelta(days=3))
    assert _history(left) == [
        ("anna", date(2026, 6, 1), date(2026, 6, 1)),
        ("bo", date(2026, 6, 2), date(2026, 6, 2)),
    ]


def _history(referral: Referral) -> list[tuple[str | None, date | None, date | None]]:
    return [(c.holder, c.period.start, c.period.end) for _, c in coordinators(referral)]
