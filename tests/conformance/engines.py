"""Engines for HL7 v2 that others wrote, each a process of its own on this machine: HAPI, Camel, python-hl7, hl7apy."""

from __future__ import annotations

import importlib.util
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Literal, TypeAlias

import pytest

from ip_fhir.demo.place import free_ports
from ip_fhir.ports import Endpoint, Outgoing
from ip_fhir.wire.acknowledgement import read_header
from tests.conformance import tools
from tests.support.gate import require

SERVERS = Path(__file__).with_name("v2peers") / "servers.py"
POM = SERVERS.with_name("pom.xml")

Engine: TypeAlias = Literal["hapi", "camel", "hl7", "hl7apy"]

VERSIONS = dict(re.findall(r"<artifactId>([\w-]+)</artifactId>\s*<version>([\d.]+)</version>", POM.read_text("utf-8")))
HAPI, CAMEL = VERSIONS["hapi-base"], VERSIONS["camel-mllp"]

MODES = {"original": ("", ""), "enhanced": ("AL", "NE"), "both": ("AL", "AL")}
ENGINES: tuple[Engine, ...] = ("hapi", "camel", "hl7", "hl7apy")


def peers_jar() -> Path:
    """The engines in Java; skipped where Java or Maven is missing."""
    missing = tools.missing("java", "mvn")
    require(not missing, f"{missing}: install a JDK (17 or newer) and Maven")
    return tools.peers_jar()


def command(engine: Engine, *arguments: str) -> list[str]:
    """The command that runs an engine as a server; skipped where it is not installed."""
    if engine in ("hl7", "hl7apy"):
        require(importlib.util.find_spec(engine), f"{engine} is not installed: pip install {engine}")
        return [sys.executable, str(SERVERS), engine, *arguments]
    if engine == "camel":
        return tools.java(peers_jar(), "org.ipfhir.conformance.CamelPeer", "serve", *arguments)
    mode = () if len(arguments) > 1 else ("ok",)
    return tools.java(peers_jar(), "org.ipfhir.conformance.HapiPeer", "serve", *arguments, *mode)


def sending(engine: Engine, port: int, folder: Path) -> list[str]:
    """The command that runs Camel or python-hl7 as a client: each file of the folder is sent until it is taken."""
    if engine == "camel":
        return tools.java(peers_jar(), "org.ipfhir.conformance.CamelPeer", "send", str(port), str(folder))
    require(importlib.util.find_spec("hl7"), "hl7 is not installed: pip install hl7")
    return [sys.executable, str(SERVERS), "send", str(port), str(folder)]


def named(engine: Engine) -> tuple[str, str]:
    """The name and the version of an engine."""
    if engine in ("hapi", "camel"):
        return ("HAPI HL7v2", HAPI) if engine == "hapi" else ("Apache Camel", CAMEL)
    return {"hl7": "python-hl7"}.get(engine, engine), metadata.version(engine)


class Running:
    """An engine that runs: its port, and the ids of the messages that it took."""

    def __init__(self, command: list[str], port: int = 0) -> None:
        self.port = port
        self.took: list[str] = []
        self._command = command
        self._begin()

    def _begin(self) -> None:
        self._process = subprocess.Popen(self._command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self._reader = threading.Thread(target=self._read, args=(self._process,), daemon=True)
        self._reader.start()

    def heard(self, word: str, rest: str) -> None:
        """A line that the engine wrote: `GOT` and the MSH-10 of a message that it took."""
        if word == "GOT":
            self.took.append(rest)

    def kill(self) -> None:
        """`kill -9`, and start it again."""
        self.end()
        self._begin()

    def end(self) -> None:
        """`kill -9`."""
        self._process.kill()
        self._process.wait()
        self._reader.join()

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        with process.stdout as lines:
            for line in lines:
                word, _, rest = line.strip().partition(" ")
                self.heard(word, rest)

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
    found = Running(command(engine, str(port), *more), port)
    try:
        found.wait()
        yield found
    finally:
        found.end()


def message(ident: str, accept: str = "AL", application: str = "NE") -> bytes:
    """A referral with a name in UTF-8."""
    return (
        f"MSH|^~\\&|EPJ|90000101|KE|90000202|20260112100500+0100||REF^I12^REF_I12|{ident}|P|2.5.1|||{accept}|"
        f"{application}||UNICODE UTF-8\rRF1||R\rPRD|RP|Lege^Åse\rPID|||1^^^X^NNNOR||Nordmann^Kåre\r"
    ).encode()
