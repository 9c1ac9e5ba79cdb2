"""Engines for HL7 v2 that others wrote: what we send is taken and acknowledged, and what they send is answered.

HAPI HL7v2 and Apache Camel (Maven), python-hl7 and hl7apy (pip), each as a process of its own on this machine.
"""

from __future__ import annotations

import importlib.util
import os
import socket
import subprocess
import sys
import threading
import time
from base64 import b64decode, b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeAlias

import pytest

from ip_fhir.demo.place import free_ports
from ip_fhir.errors import Unavailable
from ip_fhir.ports import Endpoint, Outgoing, Receipt
from ip_fhir.testing.listener_contract import ReceiverDouble
from ip_fhir.wire.acknowledgement import read_header
from ip_fhir.wire.listener import MllpListener
from ip_fhir_mllp import Mllp, adapter
from tests.conformance import tools
from tests.support.gate import require
from tests.support.served import eventually

pytestmark = [pytest.mark.timeout(600), pytest.mark.slow]

Engine: TypeAlias = Literal["hapi", "camel", "hl7", "hl7apy"]

ENGINES: tuple[Engine, ...] = ("hapi", "camel", "hl7", "hl7apy")
SERVERS = Path(__file__).with_name("v2peers") / "servers.py"


def command(engine: Engine, *arguments: str) -> list[str]:
    """The command that runs an engine as a server; skipped where it is not installed."""
    if engine in ("hl7", "hl7apy"):
        require(importlib.util.find_spec(engine), f"{engine} is not installed: pip install {engine}")
        return [sys.executable, str(SERVERS), engine, *arguments]
    missing = tools.missing("java", "mvn")
    require(not missing, f"{missing}: install a JDK (17 or newer) and Maven")
    if engine == "camel":
        return tools.java(tools.peers_jar(), "org.ipfhir.conformance.CamelPeer", *arguments)
    mode = () if len(arguments) > 1 else ("ok",)
    return tools.java(tools.peers_jar(), "org.ipfhir.conformance.HapiPeer", "serve", *arguments, *mode)


class Running:
    """An engine that runs: its port, and the ids of the messages that it took."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self._process = process
        self.port = port
        self.took: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith("GOT "):
                self.took.append(line.split()[1])

    def wait(self, seconds: float = 60) -> None:
        """Until it listens."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            assert self._process.poll() is None, "it has ended"
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.1)
            else:
                return
        pytest.fail("it does not listen")

    def outgoing(self, content: bytes) -> Outgoing:
        """A message to it."""
        header = read_header(content)
        assert header is not None
        endpoint = Endpoint(f"mllp://127.0.0.1:{self.port}", None, 20.0)
        return Outgoing(header.id, "loop-1", content, "x-application/hl7-v2+er7", endpoint)


@contextmanager
def running(engine: Engine, *more: str) -> Iterator[Running]:
    """The engine, until the block ends."""
    (port,) = free_ports(1)
    with subprocess.Popen(
        command(engine, str(port), *more), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=os.environ
    ) as process:
        try:
            found = Running(process, port)
            found.wait()
            yield found
        finally:
            process.kill()


def message(ident: str, accept: str = "AL", application: str = "NE") -> bytes:
    """A referral with a name in UTF-8."""
    return (
        f"MSH|^~\\&|EPJ|90000101|KE|90000202|20260112100500+0100||REF^I12^REF_I12|{ident}|P|2.5.1|||{accept}|"
        f"{application}||UNICODE UTF-8\rRF1||R\rPRD|RP|Lege^Åse\rPID|||1^^^X^NNNOR||Nordmann^Kåre\r"
    ).encode()


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
    sender = adapter()
    with running(engine) as peer:
        for ident, (accept, application) in {"M1": ("AL", "NE"), "M2": ("", ""), "M3": ("AL", "AL")}.items():
            assert patient(sender, peer.outgoing(message(ident, accept, application))) == Receipt(ident, "ok")
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
        eventually(lambda: set(peer.took) == {"M1", "M2", "M3", *idents})
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


# --- they send


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


def test_hapi_sends() -> None:
    """HAPI reads our acknowledgements, in both modes, on one connection."""
    missing = tools.missing("java", "mvn")
    require(not missing, f"{missing}: install a JDK (17 or newer) and Maven")
    sent = [message("M1", "AL", "NE"), message("M2", "", ""), message("M3", "AL", "AL")]
    with listener() as (port, exchange):
        ran = subprocess.run(
            tools.java(tools.peers_jar(), "org.ipfhir.conformance.HapiPeer", "send", str(port)),
            input="".join(b64encode(one).decode() + "\n" for one in sent),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
    answers = [read_header(b64decode(line)) for line in ran.stdout.split()]
    assert [(one.code, one.acknowledges) for one in answers if one] == [("CA", "M1"), ("AA", "M2"), ("CA", "M3")]
    assert [content for content, *_ in exchange.came] == [one for one in sent if one in [c for c, *_ in exchange.came]]
    assert len(exchange.came) == 3


def test_python_hl7_sends() -> None:
    """python-hl7's client reads our acknowledgements."""
    require(importlib.util.find_spec("hl7"), "hl7 is not installed: pip install hl7")
    from hl7.client import MLLPClient  # type: ignore[import-untyped]

    with listener() as (port, exchange), MLLPClient("127.0.0.1", port, encoding="utf-8") as client:
        for ident, code in (("M1", "AA"), ("M2", "AA")):
            answer = client.send_message(message(ident, "", "").decode())
            header = read_header(answer.strip(b"\x0b\x1c\r"))
            assert header is not None
            assert (header.code, header.acknowledges) == (code, ident)
    assert [content for content, *_ in exchange.came] == [message("M1", "", ""), message("M2", "", "")]
