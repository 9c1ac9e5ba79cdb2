"""Engines for HL7 v2 that others wrote: what we send is taken and acknowledged, and what they send is answered.

HAPI HL7v2 and Apache Camel (Maven), python-hl7 and hl7apy (pip), each as a process of its own on this machine.
"""

from __future__ import annotations

import subprocess
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ip_fhir.errors import Unavailable
from ip_fhir.ports import Outgoing, Receipt
from ip_fhir.testing.listener_contract import ReceiverDouble
from ip_fhir.wire.acknowledgement import read_header
from ip_fhir.wire.listener import MllpListener
from ip_fhir_mllp import Mllp, adapter
from tests.conformance import tools
from tests.conformance.engines import ENGINES, HAPI, MODES, Engine, Running, message, named, peers_jar, running, sending
from tests.conformance.interop import Row, observe
from tests.support.served import eventually
from tests.wire.clients import Client

pytestmark = [pytest.mark.timeout(600), pytest.mark.slow]

# --- we send


def patient(sender: Mllp, outgoing: Outgoing) -> Receipt | None:
    """Send as the outbox does: again, with the same bytes, where a connection broke off."""
    for _ in range(4):
        try:
            return sender.send(outgoing)
        except Unavailable as error:
            failed = error
    raise failed


@pytest.mark.parametrize("engine", ENGINES)
def test_they_take_what_we_send(engine: Engine) -> None:
    """In both modes, many on one connection and side by side: each acknowledgement is the receipt of its message."""
    sender, (name, version) = adapter(), named(engine)
    with running(engine) as peer:
        for number, (mode, asked) in enumerate(MODES.items(), start=1):
            assert patient(sender, peer.outgoing(message(f"M{number}", *asked))) == Receipt(f"M{number}", "ok")
            with Client(peer.port) as client:
                answer = read_header(client.ask(message(f"C{number}", *asked)) or b"")
            assert answer is not None
            observe(Row(name, "we send", mode, f"{answer.code}: receipt ok", version))
        idents = [f"M{n}" for n in range(10, 30)]
        receipts = dict[str, object]()

        def send(some: list[str]) -> None:
            for ident in some:
                receipts[ident] = patient(sender, peer.outgoing(message(ident)))

        threads = [threading.Thread(target=send, args=(idents[n::4],)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert receipts == {ident: Receipt(ident, "ok") for ident in idents}
        eventually(lambda: set(peer.took) == {"M1", "M2", "M3", "C1", "C2", "C3", *idents})
    sender.close()


def test_a_no_of_hapi() -> None:
    """AR, with its code: refused for good."""
    sender = adapter()
    with running("hapi", "reject") as peer:
        receipt = sender.send(peer.outgoing(message("M1")))
    sender.close()
    assert receipt is not None
    assert (receipt.message_id, receipt.code) == ("M1", "fatal-error")
    assert receipt.problems[0].code == "not-supported"
    observe(Row("HAPI HL7v2", "we send", "refused by AR", "refused for good", HAPI))


# --- they send


class Sending(Running):
    """An engine that sends: `answers` has MSA-1 and MSA-2 of what it read."""

    def __init__(self, command: list[str]) -> None:
        self.answers: list[str] = []
        super().__init__(command)

    def heard(self, word: str, rest: str) -> None:
        """A line that it wrote."""
        if word == "ANSWER":
            self.answers.append(rest)


class Exchange(ReceiverDouble):
    """Acknowledges every message as stored."""

    def receive(self, content: bytes, peer: str, format_name: str) -> bytes:
        """Take it in."""
        super().receive(content, peer, format_name)
        header = read_header(content)
        assert header is not None
        return f"MSH|^~\\&|KE|90000202|EPJ|90000101|20260112||ACK^I12^ACK|K1|P|2.5.1\rMSA|AA|{header.id}\r".encode()


@contextmanager
def listener() -> Iterator[tuple[int, Exchange]]:
    """Our listener's port, and what it hands over."""
    made, exchange = MllpListener({"peer": "hospital", "port": 0}), Exchange()
    made.start(exchange)
    try:
        yield made.port, exchange
    finally:
        made.stop()


@pytest.mark.parametrize("mode", MODES)
def test_hapi_sends(mode: str) -> None:
    """HAPI reads our acknowledgements, in both modes, on one connection."""
    sent = [message(f"M{number}", *MODES[mode]) for number in range(3)]
    with listener() as (port, exchange):
        ran = subprocess.run(
            tools.java(peers_jar(), "org.ipfhir.conformance.HapiPeer", "send", str(port)),
            input="".join(b64encode(one).decode() + "\n" for one in sent),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    answers = [read_header(b64decode(line)) for line in ran.stdout.split()]
    assert [one.acknowledges for one in answers if one] == ["M0", "M1", "M2"]
    assert [content for content, *_ in exchange.came] == sent
    (code,) = {one.code for one in answers if one}
    observe(Row("HAPI HL7v2", "they send", mode, f"{code} read, each message once", HAPI))


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("engine", ["camel", "hl7"])
def test_camel_and_python_hl7_send(engine: Engine, mode: str, tmp_path: Path) -> None:
    """Each file of a folder is sent, and its acknowledgement is read."""
    name, version = named(engine)
    sent = {f"M{number}": message(f"M{number}", *MODES[mode]) for number in range(3)}
    for ident, content in sent.items():
        (tmp_path / f"{ident}.er7").write_bytes(content)
    with listener() as (port, exchange):
        client = Sending(sending(engine, port, tmp_path))
        try:
            eventually(lambda: len(client.answers) == len(sent), seconds=60)
        finally:
            client.end()
    assert [content for content, *_ in exchange.came] == list(sent.values())
    (code,) = {answer.split()[0] for answer in client.answers}
    assert [answer.split()[1] for answer in client.answers] == list(sent)
    observe(Row(name, "they send", mode, f"{code} read, each message once", version))
