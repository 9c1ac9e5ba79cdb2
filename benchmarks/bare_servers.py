"""Servers for HL7 v2 over MLLP of others, which the load is told beside: both answer AA, and keep nothing.

simple-hl7 (npm) parses a message and answers. hl7v2-fhir-bridge (PyPI) makes a Bundle of it, and checks it; it reads no
REF, so it is given reports (ORU^R01) of about the same size. Neither is fetched here.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from bench_load import Server

from ip_fhir.demo.place import free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator

SIMPLE = "simple-hl7"
BRIDGE = "hl7v2-fhir-bridge"
_NODE = Path(__file__).parent / "simple_hl7"
_SECONDS_TO_START = 30
_REPORT = (
    r"MSH|^~\&|RIS|SYKEHUS|EPJ|KOMMUNE|20260112100500+0100||ORU^R01^ORU_R01|{ident}|P|2.5.1||||||UNICODE UTF-8",
    "PID|1||SYN100234^^^SYKEHUS^MR||Bjørnstad^Håvard^^^^^L||19610214|M|||Åsvegen 41^^Nordvik^^9899^NOR^H",
    "PV1|1|O|RAD^CT1^01^SYKEHUS||||1001^Prøve^Berit^^^^^^SYKEHUS||||||||||||V900001^^^SYKEHUS^VN",
    "ORC|RE|O{ident}^EPJ|F{ident}^RIS||CM",
    "OBR|1|O{ident}^EPJ|F{ident}^RIS|71250^CT^C4|||20260112095500+0100|||||||||1001^Prøve^Berit^^^^^^SYKEHUS||A{ident}||||||CT|F",
)
_FINDING = "OBX|{number}|TX|&GDT^Findings|1|Ingen fortetninger eller væske. Hjertet har normal størrelse.||||||F"


class BareServer(Server):
    """A server that has nothing left to do when it has answered."""

    def rest(self) -> None:
        """Wait for nothing."""


def missing() -> dict[str, str]:
    """How to install each of the two that is not here, by its name."""
    found = {}
    if shutil.which("node") is None or not (_NODE / "node_modules").is_dir():
        found[SIMPLE] = f"npm ci --prefix {os.path.relpath(_NODE)}  (and Node)"
    if find_spec("v2fhir") is None:
        found[BRIDGE] = "pip install hl7v2-fhir-bridge"
    return found


@contextmanager
def bare_servers(place: Path) -> Iterator[dict[str, BareServer]]:
    """Those that are here, each a process of its own, by name; a line says how to install each other one."""
    absent = missing()
    for name, how in absent.items():
        print(f"{name} is not here, so nothing is told beside it: {how}", file=sys.stderr)
    ports = dict(zip((SIMPLE, BRIDGE), free_ports(2), strict=True))
    commands = {
        SIMPLE: ["node", str(_NODE / "server.cjs"), str(ports[SIMPLE])],
        BRIDGE: [sys.executable, "-m", "v2fhir", "serve", "--port", str(ports[BRIDGE]), "--out", ""],
    }
    started: dict[str, BareServer] = {}
    processes: list[subprocess.Popen[bytes]] = []
    try:
        for name in commands.keys() - absent.keys():
            log = (place / f"{name}.log").open("wb")
            processes.append(subprocess.Popen(commands[name], stdout=log, stderr=log, cwd=place))
            started[name] = BareServer(processes[-1].pid, ports[name])
            _wait_until_it_listens(processes[-1], ports[name])
        yield started
    finally:
        for process in processes:
            process.terminate()
            process.wait()


def _wait_until_it_listens(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + _SECONDS_TO_START
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            return


def write_reports(file: Path, number: int, size: int) -> None:
    """Reports, each its own, of at least so many bytes, one a line."""
    file.write_bytes(b"\n".join(_report(f"R{count:07}", size) for count in range(number)))


def _report(ident: str, size: int) -> bytes:
    segments = [segment.format(ident=ident) for segment in _REPORT]
    while len("\r".join(segments).encode()) < size:
        segments.append(_FINDING.format(number=len(segments) - len(_REPORT) + 1))
    return ("\r".join(segments) + "\r").encode()
