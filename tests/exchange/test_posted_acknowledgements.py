"""Acknowledgements of ours that go out by themselves: kept with the message, tried again, and never a second effect."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest

from ip_fhir.domain.message import Message
from ip_fhir.domain.referral import EventKind
from ip_fhir.errors import Rejected, StoreError, Unavailable
from ip_fhir.exchange import Exchange
from ip_fhir.exchange.formats.fhir_bundles import FhirMessage
from ip_fhir.mapping import default
from ip_fhir.ports import OutboxRow
from ip_fhir.store import open_store
from tests.support.medcom import MEDCOM, MedComWire, header, medcom_loop, wire_of, with_link
from tests.support.two_sides import Loop, form, notice

LOOP = notice("01").correlation_id
SOON = {"minutes": 20}


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    """Two sides each of which hands over, and waits for an acknowledgement that comes by itself."""
    made = medcom_loop(tmp_path)
    for wire in (wire_of(made.hospital.wire), wire_of(made.municipality.wire)):
        wire.later = wire.posts = True
    yield made
    made.hospital.exchange.close()
    made.municipality.exchange.close()


def owed(loop: Loop, status: Any = None) -> list[OutboxRow]:
    """The acknowledgements of the municipality's in its outbox."""
    rows = loop.municipality.exchange.store.outbox(status)
    return [row for row in rows if row.aggregate_kind == "acknowledged"]


def to_hospital(loop: Loop) -> MedComWire:
    """The wire of the municipality's."""
    return wire_of(loop.municipality.wire)


def sent(loop: Loop) -> bytes:
    """The hospital's notice, which the municipality has taken in; its acknowledgement is not posted yet."""
    loop.hospital.exchange.send_notice(notice("01"))
    loop.hospital.exchange.run_due()
    return wire_of(loop.hospital.wire).sent[-1]


def code(acknowledgement: bytes) -> str:
    """What it says."""
    return str(header(acknowledgement)["response"]["code"])


def test_a_whole_loop(loop: Loop) -> None:
    """Each message is acknowledged by a message of its own, once, and both sides end with nothing to send."""
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    loop.municipality.exchange.answer(form("01-child-with-cerebral-palsy"))
    loop.settle()
    loop.clock.forward(days=1)
    loop.settle()
    assert loop.states(LOOP) == ("confirmed", "confirmed")
    wires = wire_of(loop.hospital.wire), to_hospital(loop)
    told = [header(content)["response"]["identifier"] for wire in wires for content in wire.posted]
    assert sorted(told) == sorted(wires[0].log)
    for side in (loop.hospital, loop.municipality):
        assert [row for row in side.exchange.store.outbox() if row.status not in ("sent", "superseded")] == []
        assert side.exchange.store.refusals() == []


def test_kept_with_the_message(loop: Loop) -> None:
    """The commit that takes a message in keeps its acknowledgement: one that is cut off keeps neither."""
    loop.municipality.store.cut_at = "commit"
    content = sent(loop)
    with pytest.raises(StoreError):
        loop.municipality.exchange.receive(content, "hospital", MEDCOM)
    loop.municipality.store.cut_at = None
    assert loop.municipality.exchange.store.referrals() == []
    assert owed(loop) == []
    reply = loop.municipality.exchange.receive(content, "hospital", MEDCOM)
    (row,) = owed(loop)
    assert (row.status, row.content, row.peer) == ("waiting", reply, "hospital")


@pytest.mark.parametrize("error", [Unavailable("down"), RuntimeError("Kari Nordmann")])
def test_a_peer_that_is_down(loop: Loop, error: Exception) -> None:
    """It is tried again until it arrives, to the byte as it was; what broke tells nobody's name."""
    to_hospital(loop).break_with = error
    sent(loop)
    for _ in range(3):
        loop.municipality.exchange.run_due()
        loop.clock.forward(**SOON)
    (row,) = owed(loop, "waiting")
    assert row.attempts >= 2
    assert "Kari" not in str(row.last_error)
    to_hospital(loop).break_with = None
    loop.municipality.exchange.run_due()
    assert to_hospital(loop).posted == [row.content]
    assert owed(loop, "sent")[0].id == row.id
    assert loop.state(loop.hospital, LOOP) == "delivered"


def test_after_a_crash(loop: Loop, tmp_path: Path) -> None:
    """Another process on the same store posts what was owed when the first one died."""
    sent(loop)
    context = loop.municipality.exchange._context
    url = next(f"sqlite:///{file}" for file in tmp_path.glob("*municipality*"))
    loop.municipality.exchange.close()
    loop.municipality.exchange = Exchange(replace(context, store=open_store(url)))
    loop.municipality.exchange.run_due()
    assert [code(content) for content in to_hospital(loop).posted] == ["ok"]
    loop.municipality.exchange.run_due()
    assert len(to_hospital(loop).posted) == 1


def test_the_message_comes_again(loop: Loop) -> None:
    """While it is not sent there is one acknowledgement, due at once; later it is posted again, with its content."""
    wire = to_hospital(loop)
    wire.break_with = Unavailable("down")
    content = sent(loop)
    loop.municipality.exchange.run_due()
    (before,) = owed(loop)
    assert before.due > loop.clock.at
    loop.municipality.exchange.receive(content, "hospital", MEDCOM)
    (row,) = owed(loop)
    assert (row.id, row.due) == (before.id, loop.clock.at)
    wire.break_with = None
    loop.clock.forward(**SOON)
    loop.municipality.exchange.run_due()
    again = loop.municipality.exchange.receive(content, "hospital", MEDCOM)
    loop.municipality.exchange.run_due()
    first, second = (orjson.loads(one) for one in wire.posted)
    assert orjson.loads(again) == second
    assert (first["entry"], first["id"] == second["id"]) == (second["entry"], False)
    assert len(loop.municipality.exchange.store.referrals()) == 1


def test_given_up(loop: Loop) -> None:
    """One that the peer refuses is parked, and goes out when a person or the peer asks again; the loop is not told."""
    wire = to_hospital(loop)
    wire.break_with = Rejected("HTTP 400")
    content = sent(loop)
    loop.municipality.exchange.run_due()
    (row,) = owed(loop, "parked")
    assert loop.state(loop.municipality, LOOP) == "delivered"
    assert "undelivered" not in [one.effect.reason for one in loop.municipality.told]
    wire.break_with = None
    loop.municipality.exchange.receive(content, "hospital", MEDCOM)
    loop.municipality.exchange.run_due()
    assert wire.posted == [row.content]
    loop.municipality.exchange.retry(row.id)
    loop.municipality.exchange.run_due()
    assert wire.posted == [row.content] * 2


def test_a_person_stops_one(loop: Loop) -> None:
    """`park` stops one that waits, and the loop hears nothing of it."""
    sent(loop)
    (row,) = owed(loop, "waiting")
    loop.municipality.exchange.park(row.id, "the hospital's system is being replaced")
    loop.municipality.exchange.run_due()
    assert to_hospital(loop).posted == []
    assert loop.state(loop.municipality, LOOP) == "delivered"


def test_what_is_refused(loop: Loop) -> None:
    """A message that is not taken in is acknowledged by itself, too: and its sender parks it."""
    wire_of(loop.hospital.wire).tamper = lambda content: with_link(content, lambda link: link.pop("target"))
    sent(loop)
    loop.municipality.exchange.run_due()
    assert [code(content) for content in to_hospital(loop).posted] == ["fatal-error"]
    assert loop.municipality.exchange.store.referrals() == []
    assert [row.status for row in loop.hospital.exchange.store.outbox("parked")] == ["parked"]


def test_first_for_now_and_then_yes(loop: Loop) -> None:
    """Both acknowledgements of one message go out in their order, also after the peer was down."""
    wire = to_hospital(loop)
    wire.break_with = Unavailable("down")
    loop.hospital.exchange.send_notice(notice("01"))
    wire_of(loop.hospital.wire).break_with = TimeoutError()
    loop.hospital.exchange.run_due()
    content = wire_of(loop.hospital.wire).sent[-1]
    loop.clock.forward(minutes=-40)  # it is dated ahead of the clock there
    loop.municipality.exchange.receive(content, "hospital", MEDCOM)
    loop.clock.forward(minutes=40)
    loop.municipality.exchange.receive(content, "hospital", MEDCOM)
    wire.break_with = None
    for _ in range(3):
        loop.clock.forward(minutes=1)
        loop.municipality.exchange.run_due()
    assert [code(one) for one in wire.posted] == ["transient-error", "ok"]


def test_nothing_is_posted(loop: Loop) -> None:
    """To a peer that wants answers alone, and of messages that came in another format."""
    to_hospital(loop).posts = False
    sent(loop)
    assert owed(loop) == []
    to_hospital(loop).posts = True
    other = notice("01").evolve(id="another", correlation_id="another-loop")
    content = FhirMessage().write(Message.of_notice(other, "another-message"), default())
    loop.municipality.exchange.receive(content, "hospital", "fhir-message")
    assert len(loop.municipality.exchange.store.referrals()) == 2
    assert owed(loop) == []


def test_an_old_one_is_purged(loop: Loop) -> None:
    """What was posted long ago goes with a purge, what is owed stays, and the chain verifies before and after."""
    store: Any = loop.municipality.exchange.store
    sent(loop)
    loop.municipality.exchange.run_due()
    to_hospital(loop).break_with = Unavailable("down")
    loop.hospital.exchange.act(LOOP, EventKind.CANCEL)
    loop.hospital.exchange.run_due()
    assert [row.status for row in owed(loop)] == ["sent", "waiting"]
    assert store.verify() == ()
    later = loop.clock.at + timedelta(days=400)
    assert store.purge(loop.clock.at - timedelta(days=1), later).receipts == 0
    assert store.purge(later, later).receipts == 1
    assert [row.status for row in owed(loop)] == ["waiting"]
    assert store.verify() == ()
