"""Consent is asked twice, through the store: between the decision and the sending it may have gone."""

from collections.abc import Callable
from functools import partial
from typing import Any, cast

import pytest

from ip_fhir.domain.effects import EffectKind
from ip_fhir.domain.referral import EventKind
from ip_fhir.exchange import Exchange
from ip_fhir.exchange.peers import Peer
from tests.support.two_sides import Loop, form, notice


@pytest.mark.promise(11, 12)
def test_withdrawn_before_the_notice_went(loop: Loop) -> None:
    """Promise 11 and 12: decided with consent, withdrawn before the worker came: the notice never leaves the house."""
    hospital = loop.hospital.exchange
    hospital.send_notice(notice("02"))
    (before,) = hospital.store.outbox()
    assert before.status == "waiting"
    hospital.act("referral-02", EventKind.WITHDRAW_CONSENT)
    loop.settle()
    (row,) = (row for row in hospital.store.outbox() if row.id == before.id)
    assert (row.status, row.content) == ("refused", None)
    assert row.last_error
    assert loop.municipality.exchange.store.referral("referral-02") is None


@pytest.mark.promise(11, 12)
def test_withdrawn_while_the_answer_waits(loop: Loop) -> None:
    """The municipality's form waits to be sent; word of the withdrawal comes first: no name goes to the hospital."""
    loop.hospital.exchange.send_notice(notice("02"))
    loop.settle()
    loop.municipality.exchange.answer(form("02"))
    outbox = loop.municipality.exchange.store.outbox()
    (waiting,) = (row for row in outbox if row.status == "waiting" and row.effect.kind is EffectKind.SEND)
    loop.hospital.exchange.act("referral-02", EventKind.WITHDRAW_CONSENT)
    loop.hospital.exchange.run_due()
    loop.settle()
    (row,) = (row for row in loop.municipality.exchange.store.outbox() if row.id == waiting.id)
    assert (row.status, row.content) == ("refused", None)
    assert row.last_error
    assert loop.hospital.exchange.store.referral("referral-02") is not None
    assert all(form("02").id.encode() not in content for content in loop.municipality.wire.sent)


class Meanwhile:
    """The other side; while it takes in the first message, something else happens on ours."""

    def __init__(self, exchange: Exchange, happens: Callable[[], object]) -> None:
        self._exchange = exchange
        self._happens: Callable[[], object] | None = happens

    def __getattr__(self, name: str) -> Any:
        return getattr(self._exchange, name)

    def receive(self, content: bytes, peer: Peer) -> bytes:
        """Take it in; then the other thing happens, once; then the receipt is given."""
        reply = self._exchange.receive(content, peer)
        if self._happens is not None:
            happens, self._happens = self._happens, None
            happens()
        return reply


def evidence_of(loop: Loop, message: str) -> list[EventKind]:
    """What the hospital's evidence says about a message."""
    records = loop.hospital.exchange.store.evidence("referral-02")
    return [one.record.event.kind for one in records if one.record.event.message_id == message]


@pytest.mark.promise(11)
def test_withdrawn_while_it_is_on_the_wire(loop: Loop) -> None:
    """What was delivered says so: the row is sent, its receipt is in the evidence; and the withdrawal goes out too."""
    hospital = loop.hospital.exchange
    withdraw = partial(hospital.act, "referral-02", EventKind.WITHDRAW_CONSENT)
    loop.hospital.wire.to = cast("Exchange", Meanwhile(loop.municipality.exchange, withdraw))
    hospital.send_notice(notice("02"))
    (before,) = hospital.store.outbox()
    loop.settle()
    (row,) = (row for row in hospital.store.outbox() if row.id == before.id)
    assert (row.status, row.last_error) == ("sent", None)
    assert evidence_of(loop, row.id) == [EventKind.RECEIPT_OK]
    assert loop.states("referral-02") == ("withdrawn", "withdrawn")
    assert hospital.store.verify() == ()


def test_parked_while_it_is_on_the_wire(loop: Loop) -> None:
    """A message that a person stopped too late has arrived: the row is sent, and the loop is told so."""
    hospital = loop.hospital.exchange
    hospital.send_notice(notice("02"))
    (before,) = hospital.store.outbox()
    stop = partial(hospital.park, before.id, "stopped")
    loop.hospital.wire.to = cast("Exchange", Meanwhile(loop.municipality.exchange, stop))
    loop.settle()
    (row,) = (row for row in hospital.store.outbox() if row.id == before.id)
    assert row.status == "sent"
    assert evidence_of(loop, row.id) == [EventKind.RECEIPT_ERROR, EventKind.RECEIPT_OK]
    assert loop.state(loop.hospital, "referral-02") == "delivered"
