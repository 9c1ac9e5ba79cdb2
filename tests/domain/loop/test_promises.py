"""What must hold, by number, where the loop itself holds it; forms, clocks and consent have files of their own."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ip_fhir.domain.agreement import Agreement
from ip_fhir.domain.effects import EffectKind, Reason
from ip_fhir.domain.loop import TASK_STATUS, TRANSITIONS, decide, due_event, open_referral
from ip_fhir.domain.loop.diagram import diagram
from ip_fhir.domain.loop.table import find
from ip_fhir.domain.message import MessageKind
from ip_fhir.domain.referral import Event, EventKind, Referral, Role, State
from ip_fhir.domain.values.value import read
from ip_fhir.errors import InvalidInput, LoopError
from tests.support.loop import (
    AGREEMENT,
    HOSPITAL,
    NOW,
    OTHER_UNIT,
    UNIT,
    delivered,
    event,
    form,
    forwarded,
    happens,
    incomplete,
    notice,
    received,
    rejected,
    run,
    sent,
    standing,
)

DAY = timedelta(days=1)


def test_opening_on_both_sides() -> None:
    """The hospital opens by sending, the municipality by receiving; each has evidence of its own, from nothing."""
    opened = sent()
    assert (opened.referral.state, opened.records[0].before) == (State.SENT, None)
    assert [effect.message for effect in opened.effects] == [MessageKind.NOTICE]
    assert opened.records[0].effects == (opened.effects[0].id,)
    came = received()
    assert (came.state, came.delivered, came.notice_message) == (State.DELIVERED, NOW, "message-of-notice")


@pytest.mark.parametrize(
    ("role", "kind"),
    [
        (Role.HOSPITAL, EventKind.RECEIVE),
        (Role.MUNICIPALITY, EventKind.SEND),
        (Role.HOSPITAL, EventKind.ACCEPT),
        (Role.CLOCK, EventKind.TIME),
    ],
)
def test_nothing_else_opens(role: Role, kind: EventKind) -> None:
    """No other role and no other event opens a loop."""
    with pytest.raises(LoopError):
        open_referral(notice(), role, event(kind, role), AGREEMENT)


def test_an_opening_by_the_wrong_party() -> None:
    """A hospital's referral is not opened by a SEND that the municipality raised, nor with another notice."""
    with pytest.raises(LoopError):
        open_referral(notice(), Role.HOSPITAL, event(EventKind.SEND, Role.MUNICIPALITY), AGREEMENT)
    other = event(EventKind.SEND, Role.HOSPITAL, notice=notice(id="notice-2"))
    with pytest.raises(InvalidInput, match="another notice"):
        open_referral(notice(), Role.HOSPITAL, other, AGREEMENT)


@pytest.mark.promise(3)
def test_promise_3_a_notice_once_more() -> None:
    """Promise 3: the same notice under another message id changes nothing; another notice is refused."""
    again = event(EventKind.RECEIVE, Role.MUNICIPALITY, NOW + DAY, message_id="m2", notice=notice())
    decision = decide(received(), again, AGREEMENT)
    assert (decision.referral.state, decision.effects, len(decision.records)) == (State.DELIVERED, (), 1)
    changed = again.evolve(notice=notice(reason="something else"))
    with pytest.raises(LoopError):
        decide(received(), changed, AGREEMENT)


@pytest.mark.promise(3)
def test_promise_3_an_older_step_that_comes_late() -> None:
    """Promise 3: 'accepted' that was sent before 'coordinator left', and comes after it, accepts nothing."""
    at = NOW + 9 * DAY
    confirmed = standing(State.CONFIRMED, Role.HOSPITAL)
    vacant = happens(confirmed, EventKind.COORDINATOR_LEFT, Role.MUNICIPALITY, at, message_id="m9", sent=at)
    for kind in (EventKind.ACCEPT, EventKind.ASSESS, EventKind.FORWARD, EventKind.ASK_INFORMATION):
        late = event(kind, Role.MUNICIPALITY, NOW + 10 * DAY, message_id="m1", sent=NOW + DAY, text="words")
        decision = decide(vacant, late, AGREEMENT)
        assert (decision.referral.state, decision.effects) == (State.VACANT, ())
        assert decision.referral.heard == NOW + 9 * DAY
        assert len(decision.records) == 1


@pytest.mark.parametrize("state", list(State))
def test_a_refusal_says_state_event_and_role_and_no_more(state: State) -> None:
    """What is not allowed names the state, the event and the role; nothing about the person."""
    before = standing(state, Role.HOSPITAL)
    with pytest.raises(LoopError) as caught:
        decide(before, event(EventKind.AGREE_ABORT, Role.HOSPITAL), AGREEMENT)
    assert str(caught.value).startswith(f"the loop is {state}: agree-abort is not possible for the hospital now; ")


@pytest.mark.parametrize(
    ("kind", "by", "needs"),
    [
        (EventKind.ANSWER, Role.MUNICIPALITY, "event.form"),
        (EventKind.RECEIPT_OK, Role.TRANSPORT, "event.message_id"),
        (EventKind.RECEIPT_ERROR, Role.TRANSPORT, "event.message_id"),
        (EventKind.CLOSE, Role.HOSPITAL, "event.text"),
    ],
)
def test_what_an_event_must_carry(kind: EventKind, by: Role, needs: str) -> None:
    """An event without what it is about is refused with the place."""
    with pytest.raises(InvalidInput) as caught:
        decide(delivered(), event(kind, by), AGREEMENT)
    assert [(p.path, p.code) for p in caught.value.problems] == [(needs, "required")]


def test_a_message_without_words_is_taken_as_it_is() -> None:
    """Read tolerantly: a closure from the other side that gives no reason closes all the same."""
    after = happens(received(), EventKind.CLOSE, Role.HOSPITAL, NOW, message_id="m2", sent=NOW)
    assert after.state is State.CLOSED


def _escalated(steps: int) -> Referral:
    decisions = run(delivered(), NOW + 400 * DAY)
    return next(d.referral for d in decisions if d.referral.escalations == steps)


@pytest.mark.promise(6)
@pytest.mark.parametrize("steps", [0, 1, 2, 3])
def test_promise_6_everyone_who_was_told(steps: int) -> None:
    """Promise 6: a form after an escalation tells those who had been told, each once, and nobody else."""
    before = _escalated(steps) if steps else delivered()
    told = before.told
    answer = event(EventKind.ANSWER, Role.MUNICIPALITY, NOW + 300 * DAY, form=form(), message_id="m9")
    decision = decide(before, answer, AGREEMENT)
    over = [e for e in decision.effects if e.reason is Reason.ESCALATION_OVER]
    assert [e.reason for e in decision.effects if e not in over] == [Reason.CONFIRMED]
    assert [(e.number, e.to, e.answers) for e in over] == [(t.step, t.to, t.effect) for t in told]
    assert [e.kind for e in over] == [EffectKind.SEND, EffectKind.SEND, EffectKind.TELL][:steps]
    assert (decision.referral.told, decision.drops_waiting) == ((), "answered")


@pytest.mark.promise(6)
def test_promise_6_an_incomplete_form_ends_no_escalation() -> None:
    """Promise 6: a half-filled form counts as not returned."""
    before = _escalated(1)
    decision = decide(before, event(EventKind.ANSWER, Role.MUNICIPALITY, form=incomplete()), AGREEMENT)
    assert [e.message or e.reason for e in decision.effects] == [MessageKind.FORM_INCOMPLETE, Reason.FORM_INCOMPLETE]
    assert (decision.referral.told, decision.drops_waiting) == (before.told, None)


@pytest.mark.promise(6)
def test_promise_6_the_municipalitys_people_are_told() -> None:
    """Promise 6: over there, whoever stands on that rung is told that it is overdue, and that it is over."""
    ladder = [contact.name for contact in AGREEMENT.ladder]
    came = event(EventKind.ESCALATE, Role.HOSPITAL, message_id="m5", number=2, answers="message-of-notice")
    first = decide(received(), came, AGREEMENT)
    assert [(e.reason, e.to) for e in first.effects] == [(Reason.ESCALATED, ladder[1])]
    assert first.referral.escalations == 2
    confirmed = happens(first.referral, EventKind.ANSWER, Role.MUNICIPALITY, NOW, form=form())
    over = decide(confirmed, came.evolve(id="over", message_id="m6", answers="m5"), AGREEMENT)
    assert [(e.reason, e.to) for e in over.effects] == [(Reason.ESCALATION_OVER, ladder[1])]
    crossed = decide(confirmed, came.evolve(id="late", message_id="m7"), AGREEMENT)
    assert crossed.effects == ()


@pytest.mark.promise(15)
@pytest.mark.parametrize("role", [Role.HOSPITAL, Role.MUNICIPALITY])
@pytest.mark.parametrize("state", [s for s in State if s not in {State.DRAFT, State.SENT, State.UNDELIVERED}])
def test_promise_15_nobody_is_reminded_of_the_dead(state: State, role: Role) -> None:
    """Promise 15: closed, with the reason; what waits is dropped, no clock runs, no reminder can be sent by hand."""
    over = {State.REJECTED, State.CANCELLED, State.WITHDRAWN, State.CLOSED}
    died = event(EventKind.CLOSE, role, text="died")
    before = standing(state, role)
    if state in over:
        with pytest.raises(LoopError):
            decide(before, died, AGREEMENT)
        return
    decision = decide(before, died, AGREEMENT)
    assert (decision.referral.state, decision.referral.reason) == (State.CLOSED, "died")
    assert (decision.drops_waiting, decision.referral.timers) == ("close", ())
    assert [e.message for e in decision.effects] == [MessageKind.CLOSURE]
    assert due_event(decision.referral, NOW + 1000 * DAY) is None
    if role is Role.HOSPITAL:
        with pytest.raises(LoopError):
            decide(decision.referral, event(EventKind.REMIND, role, NOW + DAY), AGREEMENT)


@pytest.mark.promise(15)
def test_promise_15_passed_on_and_answered_by_another_unit() -> None:
    """Promise 15: reminders go to the unit that has it now; its form closes the loop, and later word goes to it."""
    passed = happens(delivered(), EventKind.ANSWER, Role.MUNICIPALITY, NOW, form=forwarded(), message_id="m1", sent=NOW)
    (reminder,) = run(passed, NOW + 22 * DAY)[-1].effects
    assert (reminder.message, reminder.recipient) == (MessageKind.REMINDER, OTHER_UNIT)
    closing = decide(passed, event(EventKind.CLOSE, Role.HOSPITAL, text="moved"), AGREEMENT)
    assert [e.recipient for e in closing.effects] == [OTHER_UNIT, UNIT]
    answered = happens(
        passed,
        EventKind.ANSWER,
        Role.MUNICIPALITY,
        NOW + DAY,
        form=form("form-2", sender="other-unit"),
        message_id="m2",
    )
    assert answered.state is State.CONFIRMED
    vacant = happens(answered, EventKind.COORDINATOR_LEFT, Role.MUNICIPALITY, NOW + 2 * DAY, message_id="m3")
    assert run(vacant, NOW + 60 * DAY)[0].effects[0].recipient == OTHER_UNIT


def test_who_asks_gets_the_answer() -> None:
    """After a notice was passed on, either unit may ask: the information goes to the one that asked."""
    passed = happens(delivered(), EventKind.ANSWER, Role.MUNICIPALITY, NOW, form=forwarded(), message_id="m1", sent=NOW)
    for unit in (UNIT, OTHER_UNIT):
        asked = happens(
            passed,
            EventKind.ASK_INFORMATION,
            Role.MUNICIPALITY,
            NOW + DAY,
            message_id="m2",
            sent=NOW + DAY,
            sender=unit,
        )
        given = decide(asked, event(EventKind.GIVE_INFORMATION, Role.HOSPITAL, NOW + 2 * DAY), AGREEMENT)
        assert [(e.message, e.recipient, e.answers) for e in given.effects] == [(MessageKind.INFORMATION, unit, "m2")]


@pytest.mark.promise(16)
def test_promise_16_every_step_leaves_evidence() -> None:
    """Promise 16: who, what, when, why, which message, which effects - and it can be read back."""
    came = event(EventKind.ANSWER, Role.MUNICIPALITY, form=incomplete(), message_id="m1", sent=NOW, sender=UNIT)
    decision = decide(delivered(), came, AGREEMENT)
    (record,) = decision.records
    assert (record.event, record.role) == (came, Role.HOSPITAL)
    assert (record.before, record.after) == (State.DELIVERED, State.INCOMPLETE)
    assert record.note
    assert record.effects == tuple(effect.id for effect in decision.effects)
    assert read(type(record), record.to_json()) == record
    assert read(Referral, decision.referral.to_json()) == decision.referral


def test_rejected_is_somebodys_to_look_at() -> None:
    """A no is told to a person at the hospital, with the reason kept."""
    decision = decide(delivered(), event(EventKind.ANSWER, Role.MUNICIPALITY, form=rejected()), AGREEMENT)
    assert [e.reason for e in decision.effects] == [Reason.REJECTED]
    assert decision.referral.reason == "not-resident"


def test_a_stale_reason_is_cleared() -> None:
    """The reason of a state goes when the state goes."""
    asked = happens(delivered(), EventKind.ASK_INFORMATION, Role.MUNICIPALITY, NOW, text="which school?")
    assert asked.reason == "which school?"
    assert happens(asked, EventKind.GIVE_INFORMATION, Role.HOSPITAL, NOW + DAY).reason is None


@pytest.mark.parametrize("of_notice", [True, False])
def test_a_refused_message_is_somebodys_to_look_at(of_notice: bool) -> None:
    """A machine that says no for good is told to a person, whichever message it was."""
    referral = sent().referral if of_notice else delivered()
    ident = referral.notice_message if of_notice else "m7"
    refused = event(EventKind.RECEIPT_ERROR, Role.TRANSPORT, message_id=ident, text="unknown recipient")
    decision = decide(referral, refused, AGREEMENT)
    assert [e.reason for e in decision.effects] == [Reason.UNDELIVERED if of_notice else Reason.NOT_TAKEN]
    assert decision.referral.state is (State.UNDELIVERED if of_notice else State.DELIVERED)


def test_a_draft_that_is_given_up_tells_nobody() -> None:
    """Of a notice that never went out there is nothing to tell."""
    draft = standing(State.DRAFT, Role.HOSPITAL, notice_message=None)
    assert decide(draft, event(EventKind.CANCEL, Role.HOSPITAL), AGREEMENT).effects == ()


EVENTS = st.builds(
    event,
    st.sampled_from(EventKind),
    st.sampled_from(Role),
    st.sampled_from([NOW - DAY, NOW, NOW + 30 * DAY]),
    ident=st.sampled_from(["e1", "e2"]),
    message_id=st.sampled_from([None, "message-of-notice", "m1"]),
    sent=st.sampled_from([None, NOW - DAY, NOW + DAY]),
    form=st.sampled_from([None, form(), form("form-2", "bo"), incomplete("form-3"), forwarded("form-4")]),
    text=st.sampled_from([None, "words"]),
    number=st.sampled_from([None, 1, 9]),
)


@given(
    st.sampled_from(State),
    st.sampled_from([Role.HOSPITAL, Role.MUNICIPALITY]),
    st.lists(EVENTS, max_size=8),
    st.booleans(),
)
def test_decide_is_pure_and_total(state: State, role: Role, events: list[Event], two: bool) -> None:
    """Any events in any order: deciding again gives the same, refusing changes nothing, nothing else is raised."""
    agreement = Agreement(two_coordinators_allowed=two, reminders=1, ladder=AGREEMENT.ladder[:1])
    referral = standing(state, role)
    for happening in events:
        before = referral.to_json()
        try:
            decision = decide(referral, happening, agreement)
        except (LoopError, InvalidInput):
            assert referral.to_json() == before
            continue
        assert decision == decide(read(Referral, before), read(Event, happening.to_json()), agreement)
        idents = [effect.id for effect in decision.effects]
        assert len(set(idents)) == len(idents)
        referral = decision.referral
        assert referral.timers == () or referral.state is not State.CLOSED


# --- the table as a whole -----------------------------------------------------------------------------------


def test_no_case_has_two_rows() -> None:
    """For each state, event, role and condition there is one way at most."""
    cases = [(state, row.event, row.role, row.outcome) for row in TRANSITIONS for state in row.states]
    assert len(set(cases)) == len(cases)
    assert all(find(*case) is not None for case in cases)
    assert all(row.why for row in TRANSITIONS)


def test_every_state_is_reached_and_left() -> None:
    """No state is an island: each can be come to, and each that is not the end can be left."""
    ways = [(state, row.to) for row in TRANSITIONS if row.to for state in row.states if row.to is not state]
    assert {to for _, to in ways} == set(State) - {State.DRAFT}
    assert {state for state, _ in ways} == set(State) - {State.CANCELLED, State.WITHDRAWN}


# From the words of the loop: state, Task.status, businessStatus.
STATUSES = """
    draft draft -
    sent requested sent
    undelivered requested undelivered
    delivered received delivered
    awaiting-information on-hold awaiting-information
    accepted accepted coordinator-pending
    assessing in-progress assessment
    incomplete in-progress form-incomplete
    confirmed completed coordinator-confirmed
    vacant in-progress coordinator-vacant
    rejected rejected rejected
    forwarded in-progress forwarded
    cancelling in-progress cancellation-requested
    cancelled cancelled cancelled
    withdrawn cancelled consent-withdrawn
    closed completed closed
"""


def test_states_as_tasks() -> None:
    """Each state is a Task.status and a businessStatus, and no two states look the same."""
    told = {state.value: (s.status, s.business_status or "-") for state, s in TASK_STATUS.items()}
    assert told == {name: (status, business) for name, status, business in map(str.split, STATUSES.split("\n")[1:-1])}
    assert len(set(told.values())) == len(State)


def _task_edges() -> dict[tuple[str, str], set[str]]:
    """From Task.status to Task.status, on one Task: who may write it. Without crossings, drafts and new Tasks."""
    edges: dict[tuple[str, str], set[str]] = {}
    for row in TRANSITIONS:
        for state in row.states:
            aside = row.outcome in ("crossed", "passed-on")  # what the writer did not know, or has handed on
            if row.to is None or aside or (state, row.to) in NEW_TASK or state is State.DRAFT:
                continue
            pair = (TASK_STATUS[state].status, TASK_STATUS[row.to].status)
            if pair[0] != pair[1]:
                edges.setdefault(pair, set()).add(row.role.value)
    return edges


NEW_TASK = {
    (State.CONFIRMED, State.VACANT),
    (State.REJECTED, State.CONFIRMED),
    (State.CLOSED, State.DELIVERED),
}
OURS_ALONE = {
    ("requested", "on-hold"): "information is asked for before anything was accepted; others reject instead",
    ("received", "on-hold"): "the same",
    ("on-hold", "received"): "and it comes",
    ("received", "completed"): "a form without an acceptance before it",
    ("received", "in-progress"): "an assessment without an acceptance before it",
    ("on-hold", "rejected"): "asked, and then no",
    ("accepted", "rejected"): "accepted for assessment, and then no: the assessment decides",
    ("in-progress", "rejected"): "the same",
    ("in-progress", "received"): "a stop refused, of what had not been accepted",
}


# Only the receiver decides; the sender may cancel until acceptance, ask to stop after, give what was asked, and close.
HOSPITAL_WRITES = {
    *(("on-hold", status) for status in ("received", "accepted", "in-progress", "cancelled", "completed")),
    ("accepted", "in-progress"),
    *((status, "cancelled") for status in ("requested", "received")),
    *((status, "completed") for status in ("requested", "received", "accepted", "in-progress")),
}


@pytest.mark.promise(9)
def test_edges_of_published_specifications(shared_data: Path) -> None:
    """Each change of Task.status is one that a published specification allows, or stands here with its reason."""
    found = json.loads((shared_data / "closed-loop/derived/task-transitions.json").read_text(encoding="utf-8"))
    published: dict[tuple[str, str], str] = {}
    for specification in found.values():
        edges: list[list[Any]] = specification.get("edges", []) if isinstance(specification, dict) else []
        for start, end, who, *_ in edges:
            published[start, end] = published.get((start, end), "") + who
    ours = _task_edges()
    assert set(ours) - set(published) == set(OURS_ALONE)
    terminal = set(found["fhir_r4_base"]["terminal"])
    assert {start for start, _ in ours} & terminal == set(), "a terminal Task is never changed"
    assert {edge for edge, writers in ours.items() if "hospital" in writers} == HOSPITAL_WRITES


def test_the_diagram_is_drawn_from_the_table() -> None:
    """Every state is in the picture, each way from the table is, and the crossings only when asked for."""
    text = diagram()
    assert text.startswith("stateDiagram-v2\n    [*] --> draft\n")
    names = {name.replace("-", "_") for name in State}
    assert all(f" {name}" in text for name in names)
    assert "    delivered --> confirmed: M answer (appointed)\n" in text
    assert "crossed" not in text
    assert "crossed" in diagram(crossings=True)
    assert "awaiting_information: awaiting-information" in text
    assert HOSPITAL.name not in text
