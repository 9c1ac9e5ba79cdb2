"""A person who is dead: no notice and no reminder, loops close, reviews stop (promise 15; users.md 0.9)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from ip_fhir.domain.consent.permission import Allowed, Refused, Rule
from ip_fhir.domain.effects import EffectKind, Reason, Timer, TimerKind
from ip_fhir.domain.loop import decide, due_event, may_send, open_referral
from ip_fhir.domain.message import MessageKind
from ip_fhir.domain.notice import NoticeKind
from ip_fhir.domain.people import PersonName, PlanOwner
from ip_fhir.domain.referral import EventKind, Referral, Role, State
from ip_fhir.domain.values.terms import LegalBasis
from ip_fhir.errors import ConsentRefused, InvalidInput, NotTaken
from tests.support.loop import AGREEMENT, NOW, event, notice, received, sent, standing

OWNER = PlanOwner(id="owner", name=PersonName(family="Testesen", given="Kari"))
DEAD = [OWNER.evolve(deceased=date(2026, 3, 1)), OWNER.evolve(dead=True)]
KNOWN_DAY_OR_NOT = pytest.mark.parametrize("owner", DEAD, ids=["day known", "day not known"])
ENDED = {State.REJECTED, State.CANCELLED, State.WITHDRAWN, State.CLOSED}


@KNOWN_DAY_OR_NOT
@pytest.mark.promise(15)
def test_no_notice_is_sent(owner: PlanOwner) -> None:
    """Refused with a reason, also where a duty of the law would stand in for consent."""
    for about in (
        notice(owner=owner),
        notice(owner=owner, kind=NoticeKind.COORDINATOR, consents=(), legal_basis=(LegalBasis.HOL_7_2,)),
    ):
        with pytest.raises(ConsentRefused, match="the person is dead") as caught:
            sent(of=about)
        assert caught.value.rule == "deceased"


@KNOWN_DAY_OR_NOT
@pytest.mark.promise(15)
def test_no_loop_is_opened_by_a_notice_that_comes(owner: PlanOwner) -> None:
    """Another system's notice about somebody dead is understood and not taken in; its sender is told why."""
    with pytest.raises(NotTaken, match=r"notice\.owner: the person is dead"):
        open_referral(notice(owner=owner), Role.MUNICIPALITY, event(EventKind.RECEIVE, Role.MUNICIPALITY), AGREEMENT)


def _with_timer(state: State, role: Role, kind: TimerKind, owner: PlanOwner) -> Referral:
    found = standing(state, role, timers=(Timer(kind=kind, due=NOW, step=1),))
    return found.evolve(notice=found.notice.evolve(owner=owner))


@KNOWN_DAY_OR_NOT
@pytest.mark.promise(15)
@pytest.mark.parametrize("role", [Role.HOSPITAL, Role.MUNICIPALITY])
@pytest.mark.parametrize("kind", TimerKind)
@pytest.mark.parametrize("state", sorted(set(State) - ENDED - {State.DRAFT}))
def test_at_each_clock_the_loop_closes(owner: PlanOwner, role: Role, kind: TimerKind, state: State) -> None:
    """Whatever clock is due in whatever state: no reminder, no review; closed, the other side and our people told."""
    before = _with_timer(state, role, kind, owner)
    due = due_event(before, NOW)
    assert due is not None
    decision = decide(before, due, AGREEMENT)
    after = decision.referral
    assert (after.state, after.reason, after.timers, after.paused) == (State.CLOSED, "the person is dead", (), ())
    assert decision.drops_waiting == "deceased"
    messages = [(e.message, e.text) for e in decision.effects if e.kind is EffectKind.SEND]
    assert messages == [(MessageKind.CLOSURE, "the person is dead")]
    assert [e.reason for e in decision.effects if e.kind is EffectKind.TELL] == [Reason.DECEASED]
    assert due_event(after, NOW + timedelta(days=400)) is None


@KNOWN_DAY_OR_NOT
@pytest.mark.promise(15)
def test_before_each_attempt(owner: PlanOwner) -> None:
    """A row that waits since before the death is not sent; the closure itself is."""
    opened = sent()
    about_the_dead = opened.referral.evolve(notice=opened.referral.notice.evolve(owner=owner))
    answer = may_send(about_the_dead, opened.effects[0], AGREEMENT, NOW)
    assert isinstance(answer, Refused)
    assert answer.rule is Rule.DECEASED
    closure = opened.effects[0].evolve(message=MessageKind.CLOSURE)
    assert isinstance(may_send(about_the_dead, closure, AGREEMENT, NOW), Allowed)


@KNOWN_DAY_OR_NOT
@pytest.mark.promise(15)
@pytest.mark.parametrize("state", sorted(set(State) - {State.DRAFT, State.SENT, State.UNDELIVERED}))
def test_the_same_notice_with_the_death(owner: PlanOwner, state: State) -> None:
    """The municipality learns of it by the notice, sent again with the death: the loop closes, unless it is over."""
    before = standing(state, Role.MUNICIPALITY)
    again = event(
        EventKind.RECEIVE, Role.MUNICIPALITY, message_id="m2", sent=NOW, notice=before.notice.evolve(owner=owner)
    )
    decision = decide(before, again, AGREEMENT)
    if state in ENDED:
        assert (decision.referral.state, decision.effects) == (state, ())
        return
    assert decision.referral.state is State.CLOSED
    assert decision.referral.notice.owner == owner
    assert [e.message or e.reason for e in decision.effects] == [MessageKind.CLOSURE, Reason.DECEASED]


def test_the_other_side_is_told_by_a_closure() -> None:
    """Its loop closes by the message, with the words; its people are told."""
    closing = event(EventKind.CLOSE, Role.HOSPITAL, message_id="m2", sent=NOW, text="the person is dead")
    decision = decide(received(), closing, AGREEMENT)
    assert (decision.referral.state, decision.referral.reason) == (State.CLOSED, "the person is dead")
    assert [(e.reason, e.text) for e in decision.effects] == [(Reason.CLOSED, "the person is dead")]


@pytest.mark.parametrize(("fields", "dead"), [({}, False), ({"dead": False}, False), ({"dead": True}, True)])
def test_dead_or_not(fields: dict[str, Any], dead: bool) -> None:
    """Without a word about it, and by a no, the person lives."""
    assert OWNER.evolve(**fields).has_died is dead
    with pytest.raises(InvalidInput, match="the day of death is given: dead is left out"):
        PlanOwner.from_data({"id": "o", "name": {"family": "T"}, "deceased": "2026-03-01", "dead": True})
