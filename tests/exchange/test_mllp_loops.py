"""Loops over HL7 v2 and MLLP, on real sockets: adapter, listener and exchange together."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from ip_fhir.demo.place import free_ports
from ip_fhir.exchange.formats import Formats
from ip_fhir.exchange.peers import Peer
from ip_fhir.hl7v2.line import Hl7v2Line
from ip_fhir.ports import Endpoint, Outgoing, Receipt
from ip_fhir.wire.acknowledgement import read_header
from ip_fhir.wire.listener import MllpListener
from ip_fhir_mllp import Mllp
from ip_fhir_mllp import adapter as mllp
from tests.adapters.mllp_peer import frame, message, mllp_peer
from tests.support.served import eventually
from tests.support.two_sides import TOKENS, Loop, Side, Wire, form, make_loop, notice
from tests.wire.clients import Client

CHILD = "01-child-with-cerebral-palsy"
REJECTED = ("05", "05-woman-of-ninety", "R", "rejected")


class Line(Wire):
    """The wire of a side that sends HL7 v2 over MLLP. `asks` changes what it asks for in MSH-15 and MSH-16."""

    format = "hl7v2"
    adapter: Mllp
    port: int
    asks: tuple[bytes, bytes] | None = None

    def send(self, outgoing: Outgoing) -> Receipt | None:  # type: ignore[override]
        """Deliver to the other side's listener."""
        content = outgoing.content if self.asks is None else asking(outgoing.content, *self.asks)
        self.sent.append(content)
        endpoint = Endpoint(f"mllp://127.0.0.1:{self.port}", None, 5.0)
        return self.adapter.send(replace(outgoing, content=content, endpoint=endpoint))


def asking(content: bytes, accept: bytes, application: bytes) -> bytes:
    """The message with other wishes for its acknowledgement."""
    msh, end, rest = content.partition(b"\r")
    fields = msh.split(b"|")
    fields += [b""] * (16 - len(fields))
    fields[14:16] = [accept, application]
    return b"|".join(fields) + end + rest


@contextmanager
def connected(loop: Loop, *, later: bool = False) -> Iterator[Loop]:
    """Both sides with a line to one another, until the block ends; `later`: also for acknowledgements."""
    with ExitStack() as stack:
        listeners = {}
        ports = dict(zip(("hospital", "municipality"), free_ports(2), strict=True))
        for name, other in (("hospital", "municipality"), ("municipality", "hospital")):
            side: Side = getattr(loop, name)
            side.wire.__class__ = Line
            assert isinstance(side.wire, Line)
            side.wire.adapter = mllp()
            stack.callback(side.wire.adapter.close)
            answer_to = {"answer_to": {other: f"mllp://127.0.0.1:{ports[other]}"}} if later else {}
            listeners[name] = MllpListener({"peer": other, "port": ports[name], **answer_to})
            listeners[name].longest_stop = 2.0  # type: ignore[misc]
            listeners[name].start(side.exchange)
            stack.callback(listeners[name].stop)
        for side, other in ((loop.hospital, "municipality"), (loop.municipality, "hospital")):
            assert isinstance(side.wire, Line)
            side.wire.port = listeners[other].port
        yield loop


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    """Two sides that speak HL7 v2 to one another."""
    with connected(make_loop(tmp_path)) as made:
        yield made


def line(side: Side) -> Line:
    """The side's wire."""
    assert isinstance(side.wire, Line)
    return side.wire


@pytest.mark.parametrize("asks", [None, (b"", b""), (b"AL", b"AL")])
def test_a_loop(loop: Loop, asks: tuple[bytes, bytes] | None) -> None:
    """Notice, form, receipts, in both modes of acknowledgement: both sides agree in the end."""
    line(loop.hospital).asks = line(loop.municipality).asks = asks
    sent = notice("01")
    loop.hospital.exchange.send_notice(sent)
    loop.settle()
    loop.municipality.exchange.answer(form(CHILD))
    loop.settle()
    loop.clock.forward(days=1)
    loop.settle()
    assert loop.states(sent.correlation_id) == ("confirmed", "confirmed")
    for side in (loop.hospital, loop.municipality):
        assert side.exchange.store.outbox("waiting") == side.exchange.store.outbox("parked") == []


def test_a_loop_whose_receipts_are_rri(loop: Loop) -> None:
    """A hospital that waits for an RRI gets one on its connection, and goes on as after an acknowledgement."""
    hospital = loop.municipality.exchange.peer_by_token(TOKENS["hospital"])
    assert isinstance(hospital, Peer)
    hospital.endpoint.lines["hl7v2"] = Hl7v2Line(receipt="RRI", ack_mode="original")  # type: ignore[index]
    line(loop.hospital).asks = (b"", b"")
    sent = notice("01")
    loop.hospital.exchange.send_notice(sent)
    loop.settle()
    content = line(loop.hospital).sent[0]
    with Client(line(loop.hospital).port) as client:
        reply = client.ask(content)
    assert reply is not None
    assert b"|RRI^I12^RRI_I12|" in reply
    assert b"\rMSA|AA|" in reply
    assert loop.states(sent.correlation_id)[0] == "delivered"
    loop.municipality.exchange.answer(form(CHILD))
    loop.settle()
    assert loop.states(sent.correlation_id) == ("confirmed", "confirmed")
    assert len(loop.municipality.exchange.store.referrals()) == 1


def test_the_same_message_again(loop: Loop) -> None:
    """Sent again, with another time in MSH-7, it has the same answer and no other effect; with other content, 205."""
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    content = line(loop.hospital).sent[0]
    fields = content.split(b"|")
    with Client(line(loop.hospital).port) as client:
        first = client.ask(content)
        again = client.ask(b"|".join([*fields[:6], b"20260112120000+0100", *fields[7:]]))
        other = client.ask(content.replace(b"RF1||", b"RF1||S", 1) if b"RF1||" in content else content + b"NTE|1||x\r")
    assert first == again
    assert first is not None
    assert other is not None
    assert b"MSA|CA|" in first
    assert b"|205^" in other
    assert len(loop.municipality.exchange.store.referrals()) == 1


def test_the_store_fails(loop: Loop) -> None:
    """Nothing is acknowledged that was not committed; sent again later, it is taken in, once."""
    loop.municipality.store.cut_at = "commit"
    loop.hospital.exchange.send_notice(notice("01"))
    loop.hospital.exchange.run_due()
    (row,) = loop.hospital.exchange.store.outbox("waiting")
    assert row.attempts == 1
    assert loop.municipality.exchange.store.referrals() == []
    loop.municipality.store.cut_at = None
    loop.clock.forward(hours=1)
    loop.settle()
    assert len(loop.municipality.exchange.store.referrals()) == 1
    assert loop.hospital.exchange.store.outbox("waiting") == []


def test_a_message_before_its_notice(loop: Loop, tmp_path: Path) -> None:
    """A form that comes before its notice is there: closed without an answer, CE if enhanced; later taken in."""
    loop.hospital.exchange.send_notice(notice("01"))
    loop.settle()
    loop.municipality.exchange.answer(form(CHILD))
    loop.municipality.exchange.run_due()
    early = next(content for content in line(loop.municipality).sent if b"RRI^I12" in content)
    (tmp_path / "later").mkdir()
    with connected(make_loop(tmp_path / "later")) as later, Client(line(later.municipality).port) as client:
        answer = client.ask(asking(early, b"AL", b"NE"))
        assert answer is not None
        assert b"MSA|CE|" in answer
        assert client.ask(asking(early, b"", b"")) is None
        later.hospital.exchange.send_notice(notice("01"))
        later.settle()
        with Client(line(later.municipality).port) as again:
            taken = again.ask(asking(early, b"", b""))
        assert taken is not None
        assert b"MSA|AA|" in taken


def test_acknowledged_later(tmp_path: Path) -> None:
    """NE, AL: the message is handed over, and its acknowledgement comes on a connection of the other side's own."""
    with connected(make_loop(tmp_path), later=True) as loop:
        line(loop.hospital).asks = (b"NE", b"AL")
        sent = notice("01")
        loop.hospital.exchange.send_notice(sent)
        loop.hospital.exchange.run_due()
        store = loop.hospital.exchange.store
        eventually(lambda: store.outbox("awaiting") == [] and store.outbox("waiting") == [])
        assert len(store.outbox("sent")) == 1
        assert store.refusals() == []
        assert loop.hospital.exchange.counts()["in", "receipt", "settled"] == 1
        loop.municipality.exchange.answer(form(CHILD))
        loop.settle()
        assert loop.states(sent.correlation_id)[0] != "sent"


@pytest.mark.parametrize(("example", "answered", "status", "state"), [("01", CHILD, "A", "confirmed"), REJECTED])
def test_an_answer_as_the_reply(tmp_path: Path, example: str, answered: str, status: str, state: str) -> None:
    """A form that comes as the reply to the notice, in an RRI with MSA, is taken in before the receipt counts.

    MSA|AA with RF1-1 = R is a receipt, and a rejection.
    """
    loop = make_loop(tmp_path)
    sent = notice(example)
    with connected(loop):
        loop.hospital.exchange.send_notice(sent)
        loop.settle()
        loop.municipality.exchange.answer(form(answered))
        loop.municipality.exchange.run_due()
        reply = next(content for content in line(loop.municipality).sent if b"RRI^I12" in content)
    (tmp_path / "again").mkdir()
    again = make_loop(tmp_path / "again")
    with connected(again), mllp_peer() as peer:
        line(again.hospital).port = peer.port

        def answer(content: bytes) -> list[bytes]:
            header = read_header(content)
            assert header is not None
            msh, _, rest = reply.partition(b"\r")
            return [frame(msh + f"\rMSA|AA|{header.id}\r".encode() + rest)]

        peer.answer = answer
        again.hospital.exchange.send_notice(sent)
        again.hospital.exchange.run_due()
        stored = again.hospital.exchange.store.referral(sent.correlation_id)
        assert stored is not None
        assert stored.referral.form is not None
        assert str(stored.referral.state) == state
        assert f"\rRF1|{status}^".encode() in reply
        assert [row.status for row in again.hospital.exchange.store.outbox() if row.content] == ["sent"]
        assert again.hospital.exchange.store.refusals() == []
        assert len(peer.received) == 1


def test_nothing_of_a_person_in_an_acknowledgement(loop: Loop) -> None:
    """Neither of what is taken in nor of what is refused, whatever is wrong with it."""
    sent = notice("01")
    loop.hospital.exchange.send_notice(sent)
    loop.settle()
    content = line(loop.hospital).sent[0]
    canary = sent.owner.name.family.encode()
    assert canary in content
    heard = []
    for damage in (b"", b"\rPID|2", b"\x07", b"\xff"):
        for place in range(0, len(content), 97):
            with Client(line(loop.hospital).port) as client:
                heard.append(client.ask(content[:place] + damage + content[place:]) or b"")
    refusals = "".join(refusal.reason for refusal in loop.municipality.exchange.store.refusals())
    assert canary not in b"".join(heard)
    assert canary.decode() not in refusals
    assert len([one for one in heard if one]) > len(heard) // 2


def test_it_is_written_in_a_known_format() -> None:
    """The adapter speaks a format that is installed and can be sent."""
    assert Formats().writer(mllp().format).content_type == "application/hl7-v2+er7"
    assert read_header(message("M1")) is not None
