"""What our own people must do is opened with what caused it, and open until it is done, or the loop has moved on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ip_fhir.domain.effects import Reason
from ip_fhir.domain.loop.worklist import IN_ITS_PLACE
from ip_fhir.domain.people import PersonName
from ip_fhir.domain.referral import Author, EventKind
from ip_fhir.domain.values.value import Period
from ip_fhir.errors import InvalidInput, StoreError
from ip_fhir.testing import only_loops
from tests.support.two_sides import Breakable, Loop, Side, form, make_loop, notice

if TYPE_CHECKING:
    from ip_fhir.domain.loop.worklist import WorklistItem

NINA = Author(id="nina01", name="Nina Testesen")
ODD = Author(id="odd02", name="Odd Testesen")


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    """A hospital and a municipality that has had a notice for a while."""
    made = make_loop(tmp_path)
    made.hospital.exchange.send_notice(notice("01"), by=NINA)
    made.settle()
    yield made
    made.hospital.exchange.close()
    made.municipality.exchange.close()


def reasons(side: Side, *, open_only: bool = True) -> list[Reason]:
    """Why there is something to do."""
    return [item.reason for item in side.exchange.worklist(open_only=open_only)]


def the_item(side: Side) -> WorklistItem:
    """The one that is open."""
    (item,) = side.exchange.worklist()
    return item


def test_a_new_notice_is_something_to_do(loop: Loop) -> None:
    """Once told, it is still to be done; the hospital has nothing to do."""
    item = the_item(loop.municipality)
    assert (item.reason, item.aggregate.id, item.opened) == (Reason.NEW_NOTICE, "referral-01", loop.clock.at)
    assert [row.id for row in loop.municipality.told] == [item.id]
    assert reasons(loop.hospital) == []
    assert loop.municipality.exchange.store.figures().open_items == 1


def test_a_person_has_done_it(loop: Loop) -> None:
    """Who, when, and a note; whoever comes second changes nothing; the loop stands where it stood."""
    item = the_item(loop.municipality)
    loop.clock.forward(hours=2)
    done = loop.municipality.exchange.done(item.id, by=ODD, note="ringt sykehuset")
    assert (done.done, done.by, done.note) == (loop.clock.at, ODD, "ringt sykehuset")
    loop.clock.forward(hours=1)
    assert loop.municipality.exchange.done(item.id, by=NINA) == done
    assert reasons(loop.municipality) == []
    assert loop.municipality.exchange.worklist(open_only=False) == [done]
    assert loop.states("referral-01") == ("delivered", "delivered")


def test_an_item_that_is_not_there(loop: Loop) -> None:
    """An id that nobody gave out is the caller's mistake."""
    with pytest.raises(InvalidInput) as caught:
        loop.municipality.exchange.done("nobody", by=ODD)
    assert [problem.code for problem in caught.value.problems] == ["not-found"]


def test_the_loop_moves_on(loop: Loop) -> None:
    """Who accepts the case has looked at the notice: it is done by that person, and the reason says what happened."""
    loop.clock.forward(days=1)
    loop.municipality.exchange.act("referral-01", EventKind.ACCEPT, by=ODD)
    assert reasons(loop.municipality) == []
    (item,) = loop.municipality.exchange.worklist(open_only=False)
    assert (item.done, item.by, item.note) == (loop.clock.at, ODD, "the loop is accepted")


def test_the_answer_came(loop: Loop) -> None:
    """Nobody has accepted, the deadline is over: both sides have something to do, and the green form ends it."""
    loop.clock.forward(days=45)
    loop.settle()
    assert Reason.NOT_ACCEPTED in reasons(loop.hospital)
    assert {Reason.NEW_NOTICE, Reason.ANSWER_DUE, Reason.REMINDED} <= set(reasons(loop.municipality))
    loop.municipality.exchange.answer(form("01"), by=ODD)
    loop.settle()
    assert (reasons(loop.hospital), reasons(loop.municipality)) == ([Reason.CONFIRMED], [])
    (news,) = loop.hospital.exchange.worklist()
    assert (news.form_id, news.text) == (form("01").id, None)
    assert {item.by for item in loop.hospital.exchange.worklist(open_only=False)} == {None}
    assert {item.by for item in loop.municipality.exchange.worklist(open_only=False)} == {ODD}


def test_three_reminders_are_one_item(loop: Loop) -> None:
    """The last one's number; the two before gave way, in the commits that brought the later ones."""
    loop.municipality.exchange.act("referral-01", EventKind.ACCEPT)
    for _ in range(12):
        loop.clock.forward(days=4)
        loop.settle()
    reminded = [one for one in loop.municipality.exchange.worklist(open_only=False) if one.reason is Reason.REMINDED]
    assert [(one.number, one.note) for one in reminded] == [(3, None), (1, IN_ITS_PLACE), (2, IN_ITS_PLACE)]
    assert len([row for row in loop.municipality.told if row.effect.reason is Reason.REMINDED]) == 3
    assert loop.municipality.exchange.store.verify() == ()


def test_good_news_reaches_the_team(loop: Loop) -> None:
    """Accepted, assessing, confirmed, replaced, vacant: each is on the hospital's list, and leaves it when it is over.

    Source: users.md 0 (1), `told=0`.
    """
    unit = loop.municipality.exchange
    first, second = form("01"), form("01").evolve(id="second", authored=form("01").authored + timedelta(days=20))
    later = [one.evolve(period=Period(start=date(2026, 6, 1))) for one in second.coordinators]
    other = [one.evolve(hpr_number=None, name=PersonName(family="Nyhagen")) for one in second.professionals]
    said: list[str] = []

    def team() -> list[str]:
        loop.clock.forward(days=1)
        loop.settle()
        said.extend(str(row.effect.reason) for row in loop.hospital.told)
        loop.hospital.told.clear()
        return [str(reason) for reason in reasons(loop.hospital)]

    unit.act("referral-01", EventKind.ACCEPT)
    assert team() == ["accepted"]
    unit.act("referral-01", EventKind.ASSESS)
    assert team() == ["assessing"]
    unit.answer(first)
    assert team() == ["confirmed"]
    unit.answer(second.evolve(coordinators=tuple(later), professionals=tuple(other)))
    assert team() == ["confirmed", "replaced"]
    unit.act("referral-01", EventKind.COORDINATOR_LEFT)
    assert team() == ["vacant"]
    assert said == ["accepted", "assessing", "confirmed", "replaced", "vacant"]
    assert not any("Nyhagen" in str(row.effect) for row in loop.hospital.told)


def test_news_outlives_a_loop_that_is_closed(loop: Loop) -> None:
    """A confirmed loop that is closed keeps its news on the list until somebody has seen them."""
    loop.municipality.exchange.answer(form("01"))
    loop.settle()
    loop.municipality.exchange.act("referral-01", EventKind.CLOSE, "done")
    loop.settle()
    assert set(reasons(loop.hospital)) == {Reason.CONFIRMED, Reason.CLOSED}  # of one moment, in no order


def test_of_one_loop(loop: Loop) -> None:
    """A case's own items."""
    loop.hospital.exchange.send_notice(notice("03"))
    loop.settle()
    assert len(reasons(loop.municipality)) == 2
    (item,) = loop.municipality.exchange.worklist(correlation_id="referral-03")
    assert item.aggregate.id == "referral-03"
    assert len(loop.municipality.exchange.worklist(limit=1)) == 1


def test_an_end_that_somebody_must_see(loop: Loop) -> None:
    """The hospital cancels: the notice needs nobody any more, but that it was cancelled has to be seen."""
    loop.hospital.exchange.act("referral-01", EventKind.CANCEL, by=NINA)
    loop.settle()
    assert loop.states("referral-01") == ("cancelled", "cancelled")
    assert reasons(loop.municipality) == [Reason.CANCELLED]


@pytest.mark.promise(2)
@pytest.mark.parametrize("at", ["open_items", "enqueue", "commit"])
def test_cut_off(loop: Loop, at: str) -> None:
    """Neither told without an item nor an item without being told: taken in again, there is one of each."""
    loop.hospital.exchange.send_notice(notice("03"))
    loop.municipality.store.cut_at = at
    loop.hospital.exchange.run_due()
    assert len(reasons(loop.municipality)) == 1
    loop.municipality.store.cut_at = None
    loop.clock.forward(minutes=5)
    loop.settle()
    assert len(reasons(loop.municipality)) == len(loop.municipality.told) == 2
    with pytest.raises(StoreError):
        _cut(loop.municipality.store)


def _cut(store: Breakable) -> None:
    """The cut works."""
    store.cut_at = "commit"
    with store.begin():
        pass


def test_a_store_that_keeps_no_worklist(tmp_path: Path) -> None:
    """People are told as before, the loop runs as before; asking for the list says what is missing."""
    loop = make_loop(tmp_path)
    for side in (loop.hospital, loop.municipality):
        context = side.exchange._context
        object.__setattr__(context, "store", only_loops(context.store))
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    assert [row.effect.reason for row in loop.municipality.told] == [Reason.NEW_NOTICE]
    loop.municipality.exchange.answer(form("01"))
    loop.settle()
    assert loop.states("referral-01") == ("confirmed", "confirmed")
    with pytest.raises(InvalidInput, match="keeps no worklist") as caught:
        loop.municipality.exchange.worklist()
    assert [problem.code for problem in caught.value.problems] == ["not-supported"]
    with pytest.raises(InvalidInput, match="keeps no worklist"):
        loop.municipality.exchange.done("x", by=ODD)
    for side in (loop.hospital, loop.municipality):
        side.exchange.close()


# --- who pressed the key


@pytest.mark.promise(16)
def test_evidence_says_who(loop: Loop, caplog: pytest.LogCaptureFixture) -> None:
    """The person of our own side stands in our evidence; the other side learns nothing of them, and no log does."""
    loop.municipality.exchange.answer(form("01"), by=ODD)
    loop.settle()
    said = {
        link.record.event.kind: link.record.event.by
        for side in (loop.hospital, loop.municipality)
        for link in side.exchange.store.evidence()
        if link.record.event.by
    }
    assert said == {EventKind.SEND: NINA, EventKind.ANSWER: ODD}
    for side, theirs in ((loop.hospital, NINA), (loop.municipality, ODD)):
        assert not any(part.encode() in sent for sent in side.wire.sent for part in (theirs.name, theirs.id))
        assert side.exchange.store.verify() == ()
    assert "Testesen" not in caplog.text


def test_who_parked_it(loop: Loop) -> None:
    """A person who parks a message stands in the evidence of its not arriving."""
    loop.hospital.exchange.send_notice(notice("03"))
    (row,) = loop.hospital.exchange.store.outbox("waiting")
    loop.hospital.exchange.park(row.id, "wrong unit", by=NINA)
    last = loop.hospital.exchange.store.evidence("referral-03")[-1].record.event
    assert (last.kind, last.by) == (EventKind.RECEIPT_ERROR, NINA)
