"""Both directions between node-hl7-server and us, in a network of our own: run by `unshare -rn`.

node-hl7-server listens at every address, whatever it is told: here there is none but loopback. Prints what was observed
as JSON: `we_send` by mode, `took` (the MSH-10 that the server handled), `they_send` by mode, `came` (what we took in).
"""

from __future__ import annotations

import fcntl
import json
import socket
import struct
import subprocess
import sys
from base64 import b64encode
from pathlib import Path
from typing import Any

from ip_fhir_mllp import adapter
from tests.conformance.engines import MODES, Running, message
from tests.conformance.test_v2_peers import listener, patient
from tests.support.served import eventually

PEER = ["node", str(Path(__file__).with_name("peer.mjs"))]
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


if __name__ == "__main__":
    raise_loopback()
    json.dump(we_send() | they_send(), sys.stdout)
