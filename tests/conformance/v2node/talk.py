"""Both directions between node-hl7-server and us, in a network of our own: run by `unshare -rn`.

node-hl7-server listens at every address, whatever it is told: here there is none but loopback. Prints what was observed
as JSON: `we_send` by mode, `took` (the MSH-10 that the server handled), `they_send` by mode, `came` (what we took in),
and `killed`: what was there after either of their programs was killed in the middle, as often as `kills`.
"""

from __future__ import annotations

import fcntl
import json
import random
import socket
import struct
import subprocess
import sys
import threading
import time
from base64 import b64encode
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from ip_fhir.domain.message import Message, MessageKind
from ip_fhir.errors import Unavailable
from ip_fhir.exchange.formats import Formats
from ip_fhir.mapping import default
from ip_fhir.wire.listener import MllpListener
from ip_fhir_mllp import adapter
from tests.conformance.engines import MODES, Running, message
from tests.conformance.test_v2_peers import listener, patient
from tests.support.people import numbered_notice
from tests.support.served import eventually
from tests.support.two_sides import make_loop

PEER = ["node", str(Path(__file__).with_name("peer.mjs"))]
_MESSAGES = 6
_SIOCSIFFLAGS, _UP_AND_RUNNING = 0x8914, 0x1 | 0x40


def raise_loopback() -> None:
    """Make 127.0.0.1 an address here: a new network has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, _SIOCSIFFLAGS, struct.pack("16sH14s", b"lo", _UP_AND_RUNNING, b""))


def we_send() -> dict[str, Any]:
    """Each mode, and ten messages more, on connections that our adapter keeps as long as they are good for it."""
    server, sender = Running([*PEER, "serve", "2575"], 2575), adapter()
    try:
        server.wait()
        found: dict[str, Any] = {}
        for mode, asked in MODES.items():
            receipt = patient(sender, server.outgoing(message(f"M-{mode}", *asked)))
            found[mode] = receipt and receipt.code
        idents = [f"M{number}" for number in range(10)]
        codes = [patient(sender, server.outgoing(message(ident))) for ident in idents]
        eventually(lambda: set(idents) <= set(server.took))
        return {"we_send": found, "more": [receipt and receipt.code for receipt in codes], "took": server.took}
    finally:
        sender.close()
        server.end()


def they_send() -> dict[str, Any]:
    """Three messages of each mode on one connection of node-hl7-client's."""
    found = {}
    for mode, asked in MODES.items():
        lines = "".join(b64encode(message(f"N{number}", *asked)).decode() + "\n" for number in range(3))
        with listener() as (port, exchange):
            ran = subprocess.run(
                [*PEER, "send", str(port)], input=lines, capture_output=True, text=True, check=False, timeout=60
            )
        answers = [line.split()[1:] for line in ran.stdout.splitlines() if line.startswith("ANSWER ")]
        found[mode] = {"answers": answers, "came": [content.decode() for content, *_ in exchange.came]}
    return {"they_send": found}


def they_are_killed_while_they_take() -> dict[str, Any]:
    """Their server is killed again and again while messages of ours wait for its acknowledgement."""
    server, sender, chance = Running([*PEER, "serve", "2576"], 2576), adapter(), random.Random(20260112)
    receipts, kills = dict[str, str](), 0
    try:
        for number in range(_MESSAGES):
            server.wait()
            ident = f"K{number}"
            killer = threading.Timer(chance.uniform(0.0, 0.05), server.kill)
            killer.start()
            while ident not in receipts:
                try:
                    receipt = sender.send(server.outgoing(message(ident)))
                except Unavailable:  # sent again, with the same bytes, as the outbox does
                    time.sleep(0.05)
                else:
                    receipts[ident] = receipt.code if receipt else "none"
            killer.join()
            kills += 1
        eventually(lambda: set(receipts) <= set(server.took))
        return {"receipts": receipts, "kills": kills}
    finally:
        sender.close()
        server.end()


def they_are_killed_while_they_send(place: Path) -> dict[str, Any]:
    """Their client is killed again and again while it waits for our acknowledgement, and sends what has none again."""
    loop = make_loop(place)
    sent = {f"K{number}": _notice(number, loop.clock.now()) for number in range(_MESSAGES)}
    listening, chance, kills = MllpListener({"peer": "hospital", "port": 0}), random.Random(20260112), 0
    listening.start(loop.municipality.exchange)
    answered = set[str]()
    try:
        while len(answered) < len(sent):
            left = [content for ident, content in sent.items() if ident not in answered]
            client = subprocess.Popen(
                [*PEER, "send", str(listening.port)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
            )
            assert client.stdin is not None
            assert client.stdout is not None
            client.stdin.writelines(b64encode(content).decode() + "\n" for content in left)
            client.stdin.flush()
            answered |= _answered(client.stdout.readline())
            time.sleep(chance.uniform(0.0, 0.05))
            client.kill()
            answered |= {ident for line in client.stdout for ident in _answered(line)}
            client.wait()
            kills += 1
    finally:
        listening.stop()
    store = loop.municipality.exchange.store
    taken = sorted(referral.notice.correlation_id for referral in store.referrals())
    problems = [*map(str, store.verify()), *(refusal.reason for refusal in store.refusals())]
    return {"taken": taken, "problems": problems, "kills": kills}


def _notice(number: int, now: datetime) -> bytes:
    said = numbered_notice(number)
    made = Message(
        id=f"K{number}",
        kind=MessageKind.NOTICE,
        correlation_id=said.correlation_id,
        sent=now,
        sender=said.organization(said.sender),
        recipient=said.organization(said.recipient),
        notice=said,
    )
    return Formats().writer("hl7v2").write(made, default())


def _answered(line: str) -> set[str]:
    """The MSH-10 that a line of their client says was taken."""
    word, _, rest = line.strip().partition(" ")
    code, _, ident = rest.partition(" ")
    return {ident} if word == "ANSWER" and code in ("AA", "CA") else set()


if __name__ == "__main__":
    raise_loopback()
    with TemporaryDirectory() as folder:
        killed = they_are_killed_while_they_take(), they_are_killed_while_they_send(Path(folder))
    json.dump(we_send() | they_send() | {"killed": killed}, sys.stdout)
