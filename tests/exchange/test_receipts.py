"""Receipts that come later: the row awaits them, and whatever comes, or does not, is decided by rule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ip_fhir.domain.agreement import Agreement
from ip_fhir.domain.effects import Effect, EffectKind, Reason
from ip_fhir.domain.message import MessageKind
from ip_fhir.domain.people import Organization, OrganizationKind
from ip_fhir.domain.referral import EventKind
from ip_fhir.domain.values.aggregate import PLAN
from ip_fhir.errors import Problem, StoreError
from ip_fhir.exchange import outbound, receipts
from ip_fhir.exchange.context import Context
from ip_fhir.exchange.peers import Peer, Peers
from ip_fhir.fhir.reading import read_json
from ip_fhir.fhir.receipt import receipt_from_fhir
from ip_fhir.ports import Endpoint, OutboxRow, Outgoing, Receipt
from ip_fhir.ports.capabilities import awaits_receipts
from ip_fhir.testing import HandingOver, only_loops
from tests.support.two_sides import START, TOKENS, Breakable, Loop, form, make_loop, notice, organizations

NO = (Problem("x", "not like this", "business-rule"),)


class Killed(BaseException):
    """The process ends here: nobody catches it."""


@dataclass
class Deferred:
    """A loop whose hospital only hands over; receipts travel when the test says so."""

    loop: Loop
    adapter: HandingOver
    peer: Peer

    @property
    def context(self) -> Context:
        """The hospital's."""
        return self.loop.hospital.exchange._context

    def arrives(self, number: int = -1) -> Receipt:
        """What was handed over arrives over there; its receipt, which is not brought yet."""
        token = self.loop.municipality.exchange.peer_by_token(TOKENS["hospital"])
        assert token is not None
        reply = self.loop.municipality.exchange.receive(self.adapter.handed[number].content, token)
        return receipt_from_fhir(read_json(reply))

    def brings(self, receipt: Receipt, peer: Peer | None = None) -> str:
        """The receipt comes in."""
        return self.loop.hospital.exchange.receive_receipt(receipt, peer or self.peer)

    def row(self, ident: str | None = None) -> OutboxRow:
        """The row of the message that was handed over last, or of another."""
        with self.context.store.begin() as transaction:
            row = transaction.row(ident or self.adapter.handed[-1].message_id)
        assert row is not None
        return row

    def run(self, **passed: float) -> None:
        """Time passes; the hospital does what is due until there is nothing more."""
        self.loop.clock.forward(**passed)
        while self.loop.hospital.exchange.run_due().anything:
            pass

    def state(self) -> str:
        """Where the hospital's loop stands."""
        return self.loop.state(self.loop.hospital, "referral-01")

    def events(self) -> list[EventKind]:
        """What the hospital's evidence says of receipts."""
        kinds = [link.record.event.kind for link in self.context.store.evidence()]
        return [kind for kind in kinds if kind in (EventKind.RECEIPT_OK, EventKind.RECEIPT_ERROR)]

    def told(self) -> list[Reason | None]:
        """Why the hospital's people were told something."""
        return [row.effect.reason for row in self.loop.hospital.told]


@pytest.fixture
def deferred(tmp_path: Path) -> Iterator[Deferred]:
    """The hospital has handed over its notice."""
    loop, adapter = make_loop(tmp_path), HandingOver()
    unit = organizations(notice("03"))[1]
    peer = Peer("municipality", (unit,), adapter, Endpoint("memory://"), (TOKENS["municipality"],))
    object.__setattr__(loop.hospital.exchange._context, "peers", Peers([peer]))
    loop.hospital.exchange.send_notice(notice("01"))
    made = Deferred(loop, adapter, peer)
    made.run()
    yield made
    loop.hospital.exchange.close()
    loop.municipality.exchange.close()


def test_handed_over_is_not_delivered(deferred: Deferred) -> None:
    """The row awaits its receipt, when it was handed over is kept, the loop is `sent`, and nothing is sent twice."""
    row = deferred.row()
    assert (row.status, row.handovers, row.handed_over) == ("awaiting", 1, START)
    assert row.due == START + timedelta(minutes=Agreement().receipt_minutes)
    assert deferred.state() == "sent"
    deferred.run(minutes=10)
    assert len(deferred.adapter.handed) == 1
    assert deferred.loop.hospital.exchange.health()["awaiting"] == 1


@pytest.mark.promise(1)
def test_the_receipt_comes(deferred: Deferred) -> None:
    """Row and loop in one: sent, delivered; the evidence has it once, whoever brings it again."""
    receipt = deferred.arrives()
    deferred.loop.clock.forward(minutes=5)
    assert deferred.brings(receipt) == "settled"
    assert deferred.row().status == "sent"
    assert deferred.loop.states("referral-01") == ("delivered", "delivered")
    assert deferred.brings(receipt) == "repeated"
    assert deferred.events() == [EventKind.RECEIPT_OK]
    assert deferred.loop.hospital.exchange.counts()["in", "receipt", "settled"] == 1
    assert deferred.loop.hospital.exchange.counts()["in", "receipt", "repeated"] == 1
    deferred.run(days=1)
    assert len(deferred.adapter.handed) == 1


@pytest.mark.promise(1)
def test_no_receipt_comes(deferred: Deferred) -> None:
    """Sent again unchanged as often as agreed, then parked; the loop says undelivered, a person is told, once."""
    for _ in range(8):
        deferred.run(minutes=15)
    assert len(deferred.adapter.handed) == 1 + Agreement().receipt_resends
    assert len({outgoing.content for outgoing in deferred.adapter.handed}) == 1
    assert (deferred.row().status, deferred.row().last_error) == ("parked", "handed over, and no receipt has come")
    assert deferred.state() == "undelivered"
    assert deferred.told() == [Reason.UNDELIVERED]
    assert [item.reason for item in deferred.loop.hospital.exchange.worklist()] == [Reason.UNDELIVERED]


def test_a_receipt_after_all(deferred: Deferred) -> None:
    """It was parked, and now it turns out to have arrived: delivered, and nobody needs to look any more."""
    receipt = deferred.arrives()
    for _ in range(8):
        deferred.run(minutes=15)
    assert deferred.brings(receipt) == "settled"
    assert (deferred.row().status, deferred.state()) == ("sent", "delivered")
    assert deferred.loop.hospital.exchange.worklist() == []


def test_a_receipt_between_two_tries(deferred: Deferred) -> None:
    """It timed out and waits to be sent again: the late receipt settles it, and it is not sent again."""
    receipt = deferred.arrives()
    deferred.loop.clock.forward(minutes=15)
    receipts.run_overdue(deferred.context, deferred.loop.clock.at, 10, lambda: True)
    assert deferred.row().status == "waiting"
    assert deferred.brings(receipt) == "settled"
    deferred.run()
    assert len(deferred.adapter.handed) == 1


def test_a_receipt_quicker_than_the_handover(deferred: Deferred) -> None:
    """It comes in before the worker has written that it handed over: settled, and the worker changes nothing."""
    deferred.brings(deferred.arrives())
    deferred.loop.hospital.exchange.send_notice(notice("03"))

    class Quick(HandingOver):
        def send(self, outgoing: Outgoing) -> Receipt | None:
            super().send(outgoing)
            deferred.adapter.handed.append(outgoing)
            assert deferred.brings(deferred.arrives()) == "settled"
            return None

    object.__setattr__(deferred.context, "peers", Peers([replace(deferred.peer, adapter=Quick())]))
    deferred.run()
    assert deferred.row().status == "sent"
    assert deferred.loop.states("referral-03") == ("delivered", "delivered")


def test_the_peer_says_no(deferred: Deferred) -> None:
    """Parked with the peer's words, undelivered, a person is told; said again it is the same."""
    no = deferred.adapter.receipt("fatal-error", NO)
    assert deferred.brings(no) == "settled"
    assert (deferred.row().status, deferred.row().last_error) == ("parked", "receipt fatal-error; x: not like this")
    assert deferred.state() == "undelivered"
    assert deferred.brings(no) == "repeated"
    deferred.run()
    assert deferred.told() == [Reason.UNDELIVERED]
    assert deferred.events() == [EventKind.RECEIPT_ERROR]


def test_the_peer_says_not_now(deferred: Deferred) -> None:
    """Tried again later, the same bytes; once it has arrived, that it could not be taken earlier changes nothing."""
    later = deferred.adapter.receipt("transient-error", NO)
    assert deferred.brings(later) == "again"
    row = deferred.row()
    assert (row.status, row.due) == ("waiting", START + timedelta(seconds=30))
    deferred.run(seconds=30)
    assert deferred.adapter.handed[0].content == deferred.adapter.handed[1].content
    assert deferred.brings(deferred.arrives()) == "settled"
    assert deferred.brings(later) == "late"
    assert deferred.row().status == "sent"


def test_not_now_for_the_last_time(deferred: Deferred) -> None:
    """After the last attempt it is parked, and the loop knows."""
    deferred.context.store.retry(deferred.row().id, START)
    settings = deferred.context.settings
    last = settings.model_copy(update={"retry": settings.retry.model_copy(update={"attempts": 1})})
    object.__setattr__(deferred.context, "settings", last)
    deferred.run()
    assert deferred.brings(deferred.adapter.receipt("transient-error", NO)) == "settled"
    assert (deferred.row().status, deferred.state()) == ("parked", "undelivered")


def test_yes_and_then_no(deferred: Deferred) -> None:
    """The first stands for the row; the second is kept as evidence, once, and the loop's table says what it means."""
    deferred.brings(deferred.arrives())
    no = deferred.adapter.receipt("fatal-error", NO)
    assert deferred.brings(no) == "contradicts"
    assert deferred.brings(no) == "repeated"
    assert (deferred.row().status, deferred.state()) == ("sent", "delivered")
    assert deferred.events() == [EventKind.RECEIPT_OK, EventKind.RECEIPT_ERROR]


def test_no_and_then_yes(deferred: Deferred) -> None:
    """It has been stored after all: that is what counts."""
    deferred.brings(deferred.adapter.receipt("fatal-error", NO))
    assert deferred.brings(deferred.arrives()) == "settled"
    assert (deferred.row().status, deferred.state()) == ("sent", "delivered")


def test_a_no_after_the_time_was_over(deferred: Deferred) -> None:
    """Parked for want of a receipt; the no that comes then is news, once."""
    for _ in range(8):
        deferred.run(minutes=15)
    no = deferred.adapter.receipt("fatal-error", NO)
    assert deferred.brings(no) == "late"
    assert deferred.brings(no) == "repeated"
    assert deferred.row().status == "parked"


def test_another_message_than_the_notice(deferred: Deferred) -> None:
    """A reminder that is not taken: sent again as agreed, then parked, and a person is told that it was not taken."""
    deferred.brings(deferred.arrives())
    deferred.run(days=22)
    reminder = deferred.adapter.handed[-1].message_id
    assert deferred.row().effect.message is MessageKind.REMINDER
    for _ in range(6):
        deferred.run(minutes=15)
    assert [one.message_id for one in deferred.adapter.handed].count(reminder) == 1 + Agreement().receipt_resends
    assert deferred.row(reminder).status == "parked"
    assert deferred.told()[-1] is Reason.NOT_TAKEN


@pytest.mark.parametrize("message_id", ["nobody", "x" * 400, "Åse\x00"])
def test_a_receipt_for_nothing_of_ours(deferred: Deferred, message_id: str) -> None:
    """An id that we never sent, or that cannot be one, is kept as refused and moves nothing."""
    assert deferred.brings(Receipt(message_id, "ok")) == "refused"
    (kept,) = deferred.context.store.refusals()
    assert (kept.peer, kept.code) == ("municipality", "not-found")
    assert kept.message_id == (message_id if message_id == "nobody" else None)
    assert deferred.state() == "sent"


def test_a_receipt_for_what_was_not_sent_yet(deferred: Deferred) -> None:
    """A guessed id, of a message that has no bytes yet or that is a word to our own people."""
    deferred.loop.hospital.exchange.send_notice(notice("03"))
    (waiting,) = deferred.context.store.outbox("waiting")
    assert deferred.brings(Receipt(waiting.id, "ok")) == "refused"
    deferred.brings(deferred.adapter.receipt("fatal-error", NO))
    (tell,) = [row for row in deferred.context.store.outbox() if row.effect.kind is EffectKind.TELL]
    assert deferred.brings(Receipt(tell.id, "ok")) == "refused"
    assert deferred.loop.state(deferred.loop.hospital, "referral-03") == "sent"


def test_another_party_has_no_say(deferred: Deferred) -> None:
    """Only whom the message was sent to can say that it has arrived."""
    other = Organization(id="x", name="Annen kommune", kind=OrganizationKind.COORDINATING_UNIT)
    stranger = Peer("stranger", (other,), deferred.adapter, Endpoint("memory://"))
    object.__setattr__(deferred.context, "peers", Peers([*deferred.context.peers, stranger]))
    assert deferred.brings(deferred.arrives(), stranger) == "refused"
    assert [(kept.peer, kept.code) for kept in deferred.context.store.refusals()] == [("stranger", "forbidden")]
    assert (deferred.row().status, deferred.state()) == ("awaiting", "sent")


@pytest.mark.promise(11)
def test_withdrawn_while_it_is_awaited(deferred: Deferred) -> None:
    """It is not sent again; the yes that comes says that it had got out, a no is kept as refused."""
    receipt, message = deferred.arrives(), deferred.row().id
    deferred.loop.hospital.exchange.act("referral-01", EventKind.WITHDRAW_CONSENT)
    assert deferred.row(message).status == "refused"
    assert deferred.brings(deferred.adapter.receipt("fatal-error", NO, message)) == "refused"
    deferred.run(days=1)
    assert [one.message_id for one in deferred.adapter.handed].count(message) == 1
    assert deferred.brings(replace(receipt, message_id=message)) == "settled"
    assert deferred.row(message).status == "sent"
    assert deferred.state() == "withdrawn"


def test_the_answer_is_quicker_than_the_receipt(deferred: Deferred) -> None:
    """A green form proves that the notice arrived; the receipt that comes after it changes nothing."""
    receipt = deferred.arrives()
    deferred.loop.municipality.exchange.answer(form("01"))
    deferred.loop.municipality.exchange.run_due()
    assert deferred.loop.states("referral-01") == ("confirmed", "confirmed")
    deferred.brings(receipt)
    assert deferred.state() == "confirmed"
    deferred.run(days=1)
    assert len(deferred.adapter.handed) == 1


@pytest.mark.promise(1, 2)
@pytest.mark.parametrize("at", ["row", "finish", "append", "save", "commit"])
def test_cut_off_while_settling(deferred: Deferred, at: str) -> None:
    """Row and loop change together or not at all; the receipt that is brought again settles both."""
    receipt = deferred.arrives()
    deferred.loop.hospital.store.cut_at = at
    with pytest.raises(StoreError):
        deferred.brings(receipt)
    deferred.loop.hospital.store.cut_at = None
    assert (deferred.row().status, deferred.state()) == ("awaiting", "sent")
    assert deferred.brings(receipt) == "settled"
    assert (deferred.row().status, deferred.state()) == ("sent", "delivered")


@pytest.mark.promise(1, 2)
def test_killed_between_handover_and_note(deferred: Deferred) -> None:
    """Handed over, and the process died before it was written down: the lease runs out, the same bytes go again."""
    deferred.brings(deferred.arrives())
    deferred.loop.hospital.exchange.send_notice(notice("03"))
    context = deferred.context

    class Dies(HandingOver):
        def send(self, outgoing: Outgoing) -> Receipt | None:
            deferred.adapter.handed.append(outgoing)
            raise Killed

    (row,) = context.store.claim("one", deferred.loop.clock.at, timedelta(minutes=2), 1)
    object.__setattr__(context, "peers", Peers([replace(deferred.peer, adapter=Dies())]))
    with pytest.raises(Killed):
        outbound.send(context, row, deferred.loop.clock.at)
    assert deferred.row().status == "waiting"
    object.__setattr__(context, "peers", Peers([deferred.peer]))
    deferred.run(minutes=3)
    first, again = deferred.adapter.handed[-2:]
    assert (first.message_id, first.content) == (again.message_id, again.content)
    assert deferred.brings(deferred.arrives()) == "settled"
    records = [link.record.event.kind for link in deferred.loop.municipality.exchange.store.evidence("referral-03")]
    assert records == [EventKind.RECEIVE]


def test_a_person_parks_what_is_awaited(deferred: Deferred) -> None:
    """It is sent no more, and the loop learns that it has not arrived; retried it goes out at once."""
    deferred.loop.hospital.exchange.park(deferred.row().id, "by a person")
    assert (deferred.row().status, deferred.state()) == ("parked", "undelivered")
    deferred.loop.hospital.exchange.retry(deferred.row().id)
    deferred.run()
    assert (deferred.row().status, deferred.row().handovers) == ("awaiting", 1)


def test_limits_and_stopping(deferred: Deferred) -> None:
    """No more than asked for, and nothing more once told to stop."""
    for name in ("03", "04"):
        deferred.loop.hospital.exchange.send_notice(notice(name))
    deferred.run()
    at = deferred.loop.clock.at + timedelta(hours=1)
    assert receipts.run_overdue(deferred.context, at, 10, lambda: False).again == 0
    assert receipts.run_overdue(deferred.context, at, 2, lambda: True).again == 2
    assert receipts.run_overdue(deferred.context, at, 10, lambda: True).again == 1


def test_a_store_that_cannot_await(deferred: Deferred) -> None:
    """It waits as long as the receipt may take, and is tried again; the receipt settles it as it settles any."""
    deferred.brings(deferred.arrives())
    store = only_loops(deferred.context.store)
    object.__setattr__(deferred.context, "store", store)
    deferred.loop.hospital.exchange.send_notice(notice("03"))
    deferred.run()
    row = deferred.row()
    assert (row.status, row.due) == ("waiting", deferred.loop.clock.at + timedelta(minutes=15))
    assert row.last_error == "handed over, and no receipt has come"
    deferred.run(minutes=15)
    assert len({one.content for one in deferred.adapter.handed[1:]}) == 1
    assert len(deferred.adapter.handed) == 3
    assert deferred.brings(deferred.arrives()) == "settled"
    assert deferred.loop.states("referral-03") == ("delivered", "delivered")


def test_a_row_of_another_kind(deferred: Deferred) -> None:
    """A row about a plan that is not here: parked with the reason, also where a referral has its id; it stays out."""
    effect = Effect(id="plan-row", kind=EffectKind.SEND, message=MessageKind.REMINDER)
    due = deferred.loop.clock.at
    with deferred.context.store.begin() as transaction:
        transaction.enqueue([OutboxRow("plan-row", "referral-01", effect, due, aggregate_kind=PLAN)])
    records = len(deferred.context.store.evidence())
    deferred.run()
    row = deferred.row("plan-row")
    assert (row.status, row.last_error) == ("parked", "outbox: the row's plan is not in the store")
    assert len(deferred.context.store.evidence()) == records
    assert deferred.brings(Receipt("plan-row", "ok")) == "refused"


def test_one_row_stops_no_other(deferred: Deferred, caplog: pytest.LogCaptureFixture) -> None:
    """A row that cannot be handled - somebody took it out by hand - is logged by its id; the others go on."""
    store, row = deferred.context.store, deferred.row()

    class Stale(Breakable):
        def overdue_receipts(self, now: datetime, limit: int) -> list[OutboxRow]:
            """A row that is no longer there, then those that are."""
            return [replace(row, id="gone"), *self._store.overdue_receipts(now, limit)]  # type: ignore[attr-defined]

    object.__setattr__(deferred.context, "store", Stale(store))
    ran = receipts.run_overdue(deferred.context, row.due, 10, lambda: True)
    assert (ran.again, ran.failed) == (1, 1)
    assert "receipt of message gone" in caplog.text
    assert deferred.row().status == "waiting"


def test_an_awaited_row_without_a_referral(deferred: Deferred) -> None:
    """Somebody removed it by hand: nobody has agreed on resends, the row is parked."""
    effect = Effect(id="lost-row", kind=EffectKind.SEND, message=MessageKind.REMINDER)
    with deferred.context.store.begin() as transaction:
        transaction.enqueue([OutboxRow("lost-row", "referral-99", effect, START)])
    (row,) = deferred.context.store.claim("one", START, timedelta(minutes=2), 10)
    assert awaits_receipts(deferred.context.store)
    deferred.context.store.hand_over("lost-row", START, START, row.claim)
    assert receipts.run_overdue(deferred.context, START, 10, lambda: True).parked == 1
    assert deferred.row("lost-row").status == "parked"


def test_a_sweep_that_comes_too_late(deferred: Deferred) -> None:
    """Seen as overdue for the last time, and meanwhile handed over anew by a person's word: it is not given up."""
    old = replace(deferred.row(), handovers=9)
    deferred.loop.hospital.exchange.retry(old.id)
    deferred.run()
    assert deferred.row().claim == old.claim + 1
    receipts.conclude(deferred.context, old, EventKind.RECEIPT_ERROR, START, "late", statuses=("awaiting",))
    assert (deferred.row().status, deferred.state(), deferred.events()) == ("awaiting", "sent", [])
