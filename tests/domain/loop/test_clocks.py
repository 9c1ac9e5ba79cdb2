"""The clocks: what they start, when they stand still, and that a worker that was off catches up once."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ip_fhir.domain.agreement import Agreement
from ip_fhir.domain.effects import EffectKind, Reason, Timer, TimerKind
from ip_fhir.domain.loop import decide, due_event
from ip_fhir.domain.message import MessageKind
from ip_fhir.domain.referral import EventKind, Referral, Role, State
from ip_fhir.domain.values.calendar import add_working_days, working_days_between
from tests.support.loop import (
    AGREEMENT,
    NOW,
    delivered,
    event,
    form,
    happens,
    incomplete,
    received,
    rejected,
    run,
    sent,
    standing,
)

OSLO = ZoneInfo("Europe/Oslo")
MINUTES = timedelta(minutes=1)


def _timers(referral: Referral) -> dict[TimerKind, datetime]:
    return {timer.kind: timer.due for timer in referral.timers}


def test_receipt_clock() -> None:
    """No receipt: resent unchanged after 15 and 30 minutes, then undelivered after 45, and a person is told."""
    opened = sent()
    (notice_effect,) = opened.effects
    decisions = run(opened.referral, NOW + timedelta(days=1))
    assert [d.records[0].event.at - NOW for d in decisions] == [15 * MINUTES, 30 * MINUTES, 45 * MINUTES]
    first, second, last = (d.effects[0] for d in decisions)
    assert {first.kind, second.kind} == {EffectKind.RESEND}
    assert first.answers == second.answers == notice_effect.id == opened.referral.notice_message
    assert (last.kind, last.reason) == (EffectKind.TELL, Reason.UNDELIVERED)
    assert decisions[-1].referral.state is State.UNDELIVERED
    assert decisions[-1].referral.timers == ()


def test_undelivered_can_be_tried_again() -> None:
    """A person has looked: the same row is due again, the receipt clock starts anew, with all its resends."""
    undelivered = run(sent().referral, NOW + timedelta(days=1))[-1].referral
    later = NOW + timedelta(days=2)
    again = decide(undelivered, event(EventKind.SEND, Role.HOSPITAL, later), AGREEMENT)
    assert [(e.kind, e.answers) for e in again.effects] == [(EffectKind.RESEND, undelivered.notice_message)]
    assert again.referral.notice_message == undelivered.notice_message
    assert again.referral.resends == 0
    assert _timers(again.referral) == {TimerKind.RECEIPT: later + 15 * MINUTES}


def test_a_receipt_stops_the_first_clock_only() -> None:
    """With the receipt the answer clock starts: 5 working days to be accepted, 15 to be answered."""
    referral = delivered()
    assert _timers(referral) == {
        TimerKind.ACCEPTANCE: NOW + timedelta(days=7),
        TimerKind.ANSWER: NOW + timedelta(days=21),
    }


def test_the_municipality_has_clocks_too() -> None:
    """Its own people are told: nobody has accepted, the green form is due, a month has passed; nothing is sent."""
    decisions = run(received(), NOW + timedelta(days=90))
    assert [d.effects[0].reason for d in decisions] == [
        Reason.NOT_ACCEPTED,
        Reason.ANSWER_DUE,
        Reason.PRELIMINARY_REPLY_DUE,
    ]
    assert {effect.kind for d in decisions for effect in d.effects} == {EffectKind.TELL}
    assert decisions[-1].records[0].event.at == datetime(2026, 4, 1, 8, tzinfo=UTC)  # 30 days, summer time since
    assert decisions[-1].referral.timers == ()


@pytest.mark.promise(5)
@pytest.mark.parametrize("kind", [EventKind.ACCEPT, EventKind.ASSESS])
def test_word_from_the_municipality_leaves_the_answer_clock(kind: EventKind) -> None:
    """Promise 5: accepted without a coordinator stops the acceptance clock, and not the answer clock."""
    for before in (delivered(), received()):
        after = happens(before, kind, Role.MUNICIPALITY, NOW + timedelta(days=1))
        assert _timers(after) == {TimerKind.ANSWER: NOW + timedelta(days=21)}


def test_an_incomplete_form_leaves_the_answer_clock() -> None:
    """A form that lacks something counts as not returned."""
    after = happens(delivered(), EventKind.ANSWER, Role.MUNICIPALITY, NOW + timedelta(days=1), form=incomplete())
    assert _timers(after) == {TimerKind.ANSWER: NOW + timedelta(days=21)}


def test_an_early_word_proves_delivery() -> None:
    """The municipality was quicker than the receipt: the clocks start now, the receipt changes nothing."""
    early = happens(sent().referral, EventKind.ACCEPT, Role.MUNICIPALITY, NOW + MINUTES, message_id="m2", sent=NOW)
    assert early.delivered == NOW + MINUTES
    assert _timers(early) == {TimerKind.ANSWER: NOW + timedelta(days=21) + MINUTES}
    later = happens(early, EventKind.RECEIPT_OK, Role.TRANSPORT, NOW + 2 * MINUTES, message_id=early.notice_message)
    assert (later.timers, later.delivered) == (early.timers, early.delivered)


@given(st.integers(0, 400))
def test_a_worker_that_was_off_catches_up_once(days: int) -> None:
    """Off for as long as you like: one run sends one reminder at most, and the next is counted from now."""
    referral, now = delivered(), NOW + timedelta(days=days)
    chased = []
    while tick := due_event(referral, now):
        decision = decide(referral, tick, AGREEMENT)
        chased += [e for e in decision.effects if e.message or e.reason is Reason.ESCALATED]
        referral = decision.referral
    assert len(chased) == (days >= 21)
    if chased:
        assert [e.number for e in chased] == [1]
        assert _timers(referral) == {TimerKind.REMINDER: add_working_days(now, 5)}


def test_each_rung_once_however_late() -> None:
    """A worker that runs once a month climbs the ladder in order, one rung a run, and leaves none out."""
    referral, climbed = delivered(), []
    for month in range(1, 12):
        now = NOW + timedelta(days=30 * month)
        while tick := due_event(referral, now):
            decision = decide(referral, tick, AGREEMENT)
            climbed += [(e.message or e.reason, e.number) for e in decision.effects]
            referral = decision.referral
    assert climbed == [
        (Reason.NOT_ACCEPTED, None),
        (MessageKind.REMINDER, 1),
        (MessageKind.REMINDER, 2),
        (MessageKind.REMINDER, 3),
        (MessageKind.ESCALATION, 1),
        (MessageKind.ESCALATION, 2),
        (Reason.ESCALATED, 3),
        (Reason.ANSWER_DUE, None),
    ]
    assert (referral.reminders, referral.escalations, referral.timers) == (3, 3, ())


def test_two_workers_and_one_timer() -> None:
    """The second to come finds nothing due: no evidence, no effect, no change."""
    referral, now = delivered(), NOW + timedelta(days=21)
    tick = due_event(referral, now)
    assert tick is not None
    assert tick == due_event(referral, now)
    after = referral
    while again := due_event(after, now):
        after = decide(after, again, AGREEMENT).referral
    repeated = decide(after, tick, AGREEMENT)
    assert (repeated.referral, repeated.records, repeated.effects) == (after, (), ())


def test_a_reminder_by_hand_takes_the_place_of_the_next() -> None:
    """Somebody reminds between the first and second: it is the second, and the third comes five working days after."""
    reminded = run(delivered(), NOW + timedelta(days=21))[-1].referral
    by_hand = decide(reminded, event(EventKind.REMIND, Role.HOSPITAL, NOW + timedelta(days=22)), AGREEMENT)
    assert [(e.message, e.number) for e in by_hand.effects] == [(MessageKind.REMINDER, 2)]
    assert by_hand.referral.timers == (
        Timer(kind=TimerKind.REMINDER, due=add_working_days(NOW + timedelta(days=22), 5), step=3),
    )


def test_a_reminder_by_hand_before_the_deadline_moves_no_deadline() -> None:
    """Asking early is no reason to give more time."""
    early = happens(delivered(), EventKind.REMIND, Role.HOSPITAL, NOW + timedelta(days=2))
    assert early.timers == delivered().timers
    assert early.reminders == 1


def _asked(at: datetime) -> Referral:
    return happens(delivered(), EventKind.ASK_INFORMATION, Role.MUNICIPALITY, at, message_id="m2", sent=at, text="?")


def test_on_hold_nothing_is_due() -> None:
    """While information is asked for, no clock runs, for however long."""
    held = _asked(NOW + timedelta(days=2))
    assert held.timers == ()
    assert due_event(held, NOW + timedelta(days=400)) is None


def test_what_was_left_runs_on() -> None:
    """Asked two working days in, answered ten days later: thirteen working days are left, at the same hour."""
    held = _asked(NOW + timedelta(days=2))
    back = NOW + timedelta(days=14, hours=3)
    resumed = happens(held, EventKind.GIVE_INFORMATION, Role.HOSPITAL, back)
    assert resumed.state is State.DELIVERED
    (timer,) = resumed.timers
    assert timer.kind is TimerKind.ANSWER
    assert timer.due.astimezone(OSLO).time() == NOW.astimezone(OSLO).time()
    assert working_days_between(back, timer.due) == 13
    assert (resumed.paused, resumed.paused_at, resumed.resumes) == ((), None, None)


@given(st.integers(0, 20 * 24), st.integers(0, 90 * 24))
def test_a_hold_takes_no_working_day(asked: int, held: int) -> None:
    """Whenever it is asked and however long it takes: as many working days are left afterwards as before."""
    start = NOW + timedelta(hours=asked)
    back = start + timedelta(hours=held)
    (before,) = _asked(start).paused
    (after,) = happens(_asked(start), EventKind.GIVE_INFORMATION, Role.HOSPITAL, back).timers
    left = working_days_between(start, before.due)
    assert after.due >= back
    if left:
        assert working_days_between(back, after.due) == left


def test_a_deadline_that_was_past_is_due_at_once_after_the_hold() -> None:
    """Who asks for information after the deadline is reminded when it has come, on the next working day."""
    held = _asked(NOW + timedelta(days=22))  # nobody has run the timers meanwhile
    saturday = datetime(2026, 4, 11, 8, tzinfo=UTC)
    (timer,) = happens(held, EventKind.GIVE_INFORMATION, Role.HOSPITAL, saturday).timers
    assert timer.due == saturday + timedelta(days=2)


def test_a_request_to_stop_is_not_waited_for_in_vain() -> None:
    """While the municipality considers stopping, the answer clock stands still; no word in 5 days: a person looks."""
    accepted = happens(delivered(), EventKind.ACCEPT, Role.MUNICIPALITY, NOW)
    stopping = happens(accepted, EventKind.ASK_ABORT, Role.HOSPITAL, NOW + timedelta(days=1))
    (overdue,) = run(stopping, NOW + timedelta(days=300))
    assert [e.reason for e in overdue.effects] == [Reason.ABORT_UNANSWERED]
    refused = happens(overdue.referral, EventKind.REFUSE_ABORT, Role.MUNICIPALITY, NOW + timedelta(days=10))
    (timer,) = refused.timers
    assert (refused.state, timer.kind) == (State.ACCEPTED, TimerKind.ANSWER)
    assert working_days_between(NOW + timedelta(days=10), timer.due) == 14


@pytest.mark.parametrize("state", [State.CONFIRMED, State.REJECTED, State.CANCELLED, State.WITHDRAWN, State.CLOSED])
def test_no_clock_runs_when_it_is_done(state: State) -> None:
    """Whatever leads there, no timer is left."""
    endings = {
        State.CONFIRMED: event(EventKind.ANSWER, Role.MUNICIPALITY, form=form()),
        State.REJECTED: event(EventKind.ANSWER, Role.MUNICIPALITY, form=rejected()),
        State.CANCELLED: event(EventKind.CANCEL, Role.HOSPITAL),
        State.WITHDRAWN: event(EventKind.WITHDRAW_CONSENT, Role.HOSPITAL),
        State.CLOSED: event(EventKind.CLOSE, Role.HOSPITAL, text="died"),
    }
    after = decide(delivered(), endings[state], AGREEMENT).referral
    assert (after.state, after.timers, after.paused) == (state, (), ())


def test_forwarding_gives_the_new_unit_the_whole_time() -> None:
    """The hospital's answer clock starts anew; the unit that passed it on waits for nothing."""
    later = NOW + timedelta(days=18)
    for before, clocks in ((delivered(), {TimerKind.ANSWER: add_working_days(later, 15)}), (received(), {})):
        after = happens(before, EventKind.FORWARD, Role.MUNICIPALITY, later, text="Dal")
        assert _timers(after) == clocks


def test_without_reminders_the_ladder_is_climbed_at_the_deadline() -> None:
    """An agreement may do without reminders."""
    agreement = Agreement(reminders=0)
    decisions = run(delivered(agreement), NOW + timedelta(days=22), agreement)
    assert [(e.message or e.reason, e.number) for d in decisions for e in d.effects] == [
        (Reason.NOT_ACCEPTED, None),
        (MessageKind.ESCALATION, 1),
    ]


def test_a_resend_is_not_counted_as_an_event_of_the_referral_twice() -> None:
    """A receipt that comes between two resends ends the receipt clock."""
    resent = run(sent().referral, NOW + 16 * MINUTES)[-1].referral
    done = happens(resent, EventKind.RECEIPT_OK, Role.TRANSPORT, NOW + 20 * MINUTES, message_id=resent.notice_message)
    assert (resent.resends, done.state) == (1, State.DELIVERED)
    assert TimerKind.RECEIPT not in _timers(done)


def test_nothing_is_due_without_a_timer() -> None:
    """A referral with no clock asks for nothing."""
    assert due_event(standing(State.ACCEPTED, Role.HOSPITAL), NOW) is None


FOLLOWED_UP = Agreement(evaluation_every_months=6, mentor_talk_every_months=2)


def _confirmed(role: Role, agreement: Agreement = FOLLOWED_UP, **changes: Any) -> Referral:
    before = delivered(agreement) if role is Role.HOSPITAL else received(agreement)
    mentored = form(coordinators=(form().coordinators[0].evolve(mentor="bo"),), **changes)
    return happens(before, EventKind.ANSWER, Role.MUNICIPALITY, NOW, agreement, form=mentored)


def test_evaluations_and_talks_with_the_mentor() -> None:
    """The municipality's people are reminded as often as agreed; the hospital's never, and nothing is sent."""
    decisions = run(_confirmed(Role.MUNICIPALITY), datetime(2026, 9, 30, tzinfo=UTC), FOLLOWED_UP)
    talks, evaluations = Reason.MENTOR_TALK_DUE, Reason.EVALUATION_DUE
    done = [(d.effects[0].reason, d.records[0].event.at.date().isoformat()) for d in decisions]
    assert done == [
        (talks, "2026-05-04"),  # the second is a Saturday
        (talks, "2026-07-06"),
        (evaluations, "2026-09-02"),
        (talks, "2026-09-07"),
    ]
    assert {effect.kind for d in decisions for effect in d.effects} == {EffectKind.TELL}
    assert {d.referral.state for d in decisions} == {State.CONFIRMED}
    assert _confirmed(Role.HOSPITAL).timers == ()


def test_a_worker_that_was_off_reminds_of_an_evaluation_once() -> None:
    """Off for two years: one word, and the next is counted from now."""
    referral, now, told = _confirmed(Role.MUNICIPALITY), NOW + timedelta(days=730), []
    while tick := due_event(referral, now):
        decision = decide(referral, tick, FOLLOWED_UP)
        referral = decision.referral
        told += [effect.reason for effect in decision.effects]
    assert sorted(map(str, told)) == ["evaluation-due", "mentor-talk-due"]
    assert {timer.step for timer in referral.timers} == {2}


@pytest.mark.parametrize(
    ("changes", "kinds"),
    [
        ({}, {TimerKind.EVALUATION, TimerKind.MENTOR_TALK}),
        ({"plan_state": "declined"}, {TimerKind.MENTOR_TALK}),
        ({"plan_state": "starts-later", "plan_starts": "2026-05-01"}, {TimerKind.EVALUATION, TimerKind.MENTOR_TALK}),
    ],
)
def test_only_what_there_is_is_followed_up(changes: dict[str, Any], kinds: set[TimerKind]) -> None:
    """No plan, no evaluation; and neither where the agreement says nothing of it."""
    assert set(_timers(_confirmed(Role.MUNICIPALITY, **changes))) == kinds
    assert _timers(_confirmed(Role.MUNICIPALITY, AGREEMENT, **changes)) == {}


def test_what_is_followed_up_follows_the_coordinator() -> None:
    """A new coordinator without a mentor has no such talks, the plan's evaluation stays; vacant, nothing is due."""
    before = _confirmed(Role.MUNICIPALITY)
    later = form("form-2", "bo", NOW.date() + timedelta(days=60))
    replaced = happens(before, EventKind.ANSWER, Role.MUNICIPALITY, NOW + timedelta(days=30), FOLLOWED_UP, form=later)
    assert _timers(replaced) == {TimerKind.EVALUATION: _timers(before)[TimerKind.EVALUATION]}
    vacant = happens(before, EventKind.COORDINATOR_LEFT, Role.MUNICIPALITY, NOW + timedelta(days=30), FOLLOWED_UP)
    assert set(_timers(vacant)) == {TimerKind.ANSWER}
    closed = happens(before, EventKind.CLOSE, Role.MUNICIPALITY, NOW, FOLLOWED_UP, text="died")
    assert closed.timers == ()


CLOSING = Agreement(close_after_days=365)


@pytest.mark.parametrize("role", [Role.HOSPITAL, Role.MUNICIPALITY])
def test_a_confirmed_loop_closes_by_the_clock(role: Role) -> None:
    """On each side by its own clock, a year after the form; nothing is sent and nobody is told (users.md B)."""
    (decision,) = run(_confirmed(role, CLOSING), datetime(2028, 1, 1, tzinfo=UTC), CLOSING)
    (record,) = decision.records
    assert (decision.referral.state, decision.referral.timers, decision.effects) == (State.CLOSED, (), ())
    assert (record.before, record.event.raised_by) == (State.CONFIRMED, Role.CLOCK)
    assert record.event.at.date().isoformat() == "2027-03-02"
    assert record.note is not None
    assert record.note.startswith("confirmed for as long as the agreement says")


def test_without_the_rule_nothing_closes() -> None:
    """The default: whoever is confirmed hears that the coordinator left, however late."""
    assert _confirmed(Role.HOSPITAL, AGREEMENT).timers == ()


def test_a_loop_with_something_to_follow_up_does_not_close() -> None:
    """Evaluations go on, so nothing is done yet."""
    agreement = CLOSING.evolve(evaluation_every_months=6)
    before = _confirmed(Role.MUNICIPALITY, agreement)
    decisions = run(before, datetime(2028, 1, 1, tzinfo=UTC), agreement)
    assert {decision.referral.state for decision in decisions} == {State.CONFIRMED}
    assert {timer.kind for timer in decisions[-1].referral.timers} == {TimerKind.EVALUATION}


def test_a_new_coordinator_starts_the_wait_anew() -> None:
    """A replacement is news; that the same form comes again is none."""
    before = _confirmed(Role.HOSPITAL, CLOSING)
    at = NOW + timedelta(days=100)
    again = happens(before, EventKind.ANSWER, Role.MUNICIPALITY, at, CLOSING, form=before.forms[-1].form)
    assert again.timers == before.timers
    later = form("form-2", "bo", NOW.date() + timedelta(days=100))
    replaced = happens(before, EventKind.ANSWER, Role.MUNICIPALITY, at, CLOSING, form=later)
    assert [timer.due - before.timers[0].due for timer in replaced.timers] == [timedelta(days=100)]
    vacant = happens(before, EventKind.COORDINATOR_LEFT, Role.MUNICIPALITY, at, CLOSING)
    assert TimerKind.CLOSING not in {timer.kind for timer in vacant.timers}
CLOSES = Agreement.from_data({
    "closed_every_year": ["03-09"], "closed_days": ["2026-03-10"],
    "evaluation_every_months": 6, "mentor_talk_every_months": 2, "preliminary_reply_days": 7,
})  # fmt: skip


def test_every_clock_passes_over_the_closed_days_of_the_agreement() -> None:
    """Acceptance, answer and preliminary reply from 2 March, and what was left after a hold (users.md E, calendar)."""
    usual, closed = (_timers(received(agreement)) for agreement in (Agreement(preliminary_reply_days=7), CLOSES))
    for kind in (TimerKind.ACCEPTANCE, TimerKind.PRELIMINARY_REPLY):
        assert (usual[kind].day, closed[kind].day) == (9, 11)
    assert (usual[TimerKind.ANSWER].day, closed[TimerKind.ANSWER].day) == (23, 25)
    held = decide(received(CLOSES), event(EventKind.ASK_INFORMATION, Role.MUNICIPALITY, NOW, text="?"), CLOSES).referral
    later = NOW + timedelta(days=4)
    resumed = decide(held, event(EventKind.GIVE_INFORMATION, Role.HOSPITAL, later, message_id="m"), CLOSES).referral
    assert working_days_between(later, resumed.timers[0].due, CLOSES.closed) == 15
    assert working_days_between(later, resumed.timers[0].due) == 17
