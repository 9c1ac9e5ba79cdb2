"""Clients that are slow, silent or many: each wait has an end, and others are answered meanwhile."""

from __future__ import annotations

import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from ip_fhir.demo.place import free_ports
from ip_fhir.domain.referral import Role
from ip_fhir.web.connections import Bounds
from tests.support.served import Served, eventually, is_open, read_to_end, served
from tests.support.two_sides import TOKENS, Loop, side_settings

_SERVE = """
import logging, sys
from pathlib import Path
from ip_fhir.domain.referral import Role
from ip_fhir.web.serving import serve
from tests.support.two_sides import TOKENS, side_settings
logging.basicConfig(level=logging.INFO)
settings = side_settings(Path(sys.argv[1]), Role.MUNICIPALITY, accepts=[TOKENS["hospital"]], adapter="fhir-rest",
                         url="https://hospital.invalid")
http = settings.http.evolve(port=int(sys.argv[2]), header_seconds=1.0)
serve(settings.evolve(http=http))
"""
_HALF = b"POST /$process-message HTTP/1.1\r\nHost: a\r\nX: "
_TOKEN = b"Authorization: Bearer " + TOKENS["hospital"].encode() + b"\r\n"
_POST = b"POST /$process-message HTTP/1.1\r\nHost: a\r\nContent-Type: application/fhir+json\r\n"
_GET = b"GET /metadata HTTP/1.1\r\nHost: a\r\n\r\n"


@contextmanager
def process(directory: Path, files: int = 1024) -> Iterator[tuple[subprocess.Popen[bytes], int, Path]]:
    """The municipality's endpoint as `serve` runs it, in a process that may open so many files: its port and log."""
    (port,) = free_ports(1)
    log = directory / "log"
    command = [sys.executable, "-c", _SERVE, str(directory), str(port)]
    with log.open("wb") as out:
        limit = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))  # noqa: E731
        made = subprocess.Popen(command, cwd=Path.cwd(), stdout=out, stderr=out, preexec_fn=limit)  # noqa: PLW1509
    try:
        eventually(lambda: _answers(port) or made.poll() is not None, 60)
        yield made, port, log
    finally:
        made.kill()
        made.wait()


def _answers(port: int) -> bool:
    with suppress(requests.RequestException):
        return requests.get(f"http://127.0.0.1:{port}/health/live", timeout=5).status_code == 200
    return False


def _connected(port: int, number: int, content: bytes) -> list[socket.socket]:
    made = [socket.create_connection(("127.0.0.1", port), 20) for _ in range(number)]
    for one in made:
        one.sendall(content)
    return made


def test_half_sent_headers_stop_nobody(tmp_path: Path) -> None:
    """300 of them at a process that may open 256 files: others are answered, all 300 end in time, the log is short."""
    with process(tmp_path, files=256) as (made, port, log):
        began = time.monotonic()
        half = _connected(port, 300, _HALF)
        for _ in range(5):
            answer = requests.get(f"http://127.0.0.1:{port}/metadata", timeout=10)
            assert answer.status_code == 200
            time.sleep(0.1)
        while any(is_open(one) for one in half):
            assert time.monotonic() - began < 150, "they are still open"
            time.sleep(0.05)
        assert _answers(port)
        assert made.poll() is None
        for one in half:
            one.close()
    text = log.read_text()
    assert len(text) < 5_000, text[:2_000]
    assert "gave way" in text
    assert "at most 128 connections, not the 512 of http.connections: this process may open 256 files" in text


def test_the_memory_of_many_large_requests_is_bounded(tmp_path: Path) -> None:
    """16 at once of 4.9 MB, each of very many parts: all are answered, and the process does not take it all at once."""
    content = b'{"resourceType":"Bundle","a":[' + b"[]," * 1_630_000 + b"[]]}"
    head = _POST + _TOKEN + b"Content-Length: %d\r\nConnection: close\r\n\r\n" % len(content)
    with process(tmp_path) as (made, port, _):
        seen = psutil.Process(made.pid)
        before = seen.memory_info().rss
        connections = _connected(port, 16, head)
        peak = _send_to_all(connections, content, lambda: seen.memory_info().rss)
        answers = [_status(one) for one in connections]
        assert set(answers) <= {b"HTTP/1.1 413", b"HTTP/1.1 503"}
        assert b"HTTP/1.1 413" in answers
        assert peak - before < 500_000_000
        assert seen.memory_info().rss - before < 300_000_000


def _send_to_all(connections: list[socket.socket], content: bytes, measure: Callable[[], int]) -> int:
    """Send as much to each as it takes, until all have sent all or were answered; the most that was measured."""
    most = 0
    unsent = {one: memoryview(content) for one in connections}
    for one in connections:
        one.setblocking(False)
    while unsent:
        for one, left in list(unsent.items()):
            with suppress(BlockingIOError, ConnectionError):
                unsent[one] = left[one.send(left[:100_000]) :]
            if not unsent[one] or _said(one):
                del unsent[one]
        most = max(most, measure())
    return most


def _status(connection: socket.socket) -> bytes:
    """The first line of the answer, as far as its status."""
    with connection:
        connection.settimeout(20)
        return read_to_end(connection)[:12]


def _said(connection: socket.socket) -> bool:
    with suppress(BlockingIOError, ConnectionError):
        return bool(connection.recv(1, socket.MSG_PEEK))
    return False


@pytest.fixture
def quick() -> dict[str, Any]:
    """Settings by which every wait is short."""
    return {"header_seconds": 0.4, "body_seconds": 0.4, "idle_seconds": 0.4}


def test_a_half_sent_header_is_told(loop: Loop, quick: dict[str, Any]) -> None:
    """One who drips: HTTP 408 and the end, however often a byte comes."""
    with served(loop.municipality.exchange, **quick) as endpoint, endpoint.connect() as one:
        one.sendall(_HALF)
        began = time.monotonic()
        with suppress(ConnectionError):
            while time.monotonic() - began < 15 and endpoint.protection.refused.counts().get("slow-head", 0) == 0:
                one.sendall(b"a")
                time.sleep(0.02)
        assert read_to_end(one).startswith(b"HTTP/1.1 408 ")
        assert time.monotonic() - began < 15


@pytest.mark.parametrize("before", [b"", _GET])
def test_a_silent_connection_ends(loop: Loop, quick: dict[str, Any], before: bytes) -> None:
    """Before its first request, and between two."""
    with served(loop.municipality.exchange, **quick) as endpoint, endpoint.connect() as one:
        one.sendall(before)
        began = time.monotonic()
        answer = read_to_end(one)
        assert answer.startswith(b"HTTP/1.1 200 ") == bool(before)
        assert time.monotonic() - began < 15


def test_a_slow_body_is_refused(loop: Loop, quick: dict[str, Any]) -> None:
    """HTTP 408, counted, and its room is given back."""
    with served(loop.municipality.exchange, **quick) as endpoint, endpoint.connect() as one:
        one.sendall(_POST + _TOKEN + b"Content-Length: 1000\r\n\r\n{")
        eventually(lambda: endpoint.protection.admission.bytes_in_flight == 1000)
        answer = read_to_end(one)
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"OperationOutcome" in answer
        assert endpoint.protection.admission.bytes_in_flight == 0
        assert endpoint.protection.refused.counts()["slow-body"] >= 1


def test_a_body_that_was_refused_has_an_end_too(loop: Loop, quick: dict[str, Any]) -> None:
    """Without a token: the 401 comes at once, and whoever goes on sending is cut off."""
    with served(loop.municipality.exchange, **quick) as endpoint, endpoint.connect() as one:
        one.sendall(_POST + b"Content-Length: 4000000\r\n\r\n")
        assert one.recv(12) == b"HTTP/1.1 401"
        began = time.monotonic()
        with suppress(ConnectionError):
            while time.monotonic() - began < 15:
                one.sendall(b"a" * 100)
                time.sleep(0.02)
        assert time.monotonic() - began < 15


def test_a_client_that_reads_no_answer_is_cut_off(loop: Loop, quick: dict[str, Any]) -> None:
    """What we would still have to say to it does not stay in memory."""
    with served(loop.municipality.exchange, **quick) as endpoint, endpoint.connect(narrow=True) as one:
        one.sendall(_GET * 300)
        eventually(lambda: endpoint.protection.refused.counts().get("slow-reader") == 1)
        eventually(lambda: len(endpoint.protection.connections) == 0)


def test_an_answer_may_be_read_slowly(loop: Loop) -> None:
    """A connection that is idle, or is to be closed, stays until all is read, as long as an answer may take."""
    quick: dict[str, Any] = {"header_seconds": 0.2, "body_seconds": 20, "idle_seconds": 0.2}
    with served(loop.municipality.exchange, **quick) as endpoint, endpoint.connect(narrow=True) as one:
        one.sendall(_GET * 20)
        time.sleep(4)
        assert read_to_end(one).count(b"HTTP/1.1 200 ") == 20


def test_the_one_that_waited_longest_gives_way(loop: Loop) -> None:
    """One address opens more than it may: its own oldest is closed, not the new one."""
    with served(loop.municipality.exchange, connections_per_client=3) as endpoint:
        made = [endpoint.connect() for _ in range(3)]
        for number, one in enumerate(made):
            one.sendall(_HALF if number else _GET)
            eventually(lambda n=number: len(endpoint.protection.connections) >= n + 1)  # type: ignore[misc]
            time.sleep(0.05)
        assert made[0].recv(12) == b"HTTP/1.1 200"  # it is idle now, and has been for a shorter time than the next
        assert endpoint.answer(_GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")).startswith(b"HTTP/1.1 200")
        assert sum(is_open(one) for one in made) == 2
        assert endpoint.protection.refused.counts() == {"connections": 1}
        for one in made:
            one.close()


def test_a_request_under_way_never_gives_way(loop: Loop) -> None:
    """Where all have one, the new connection is refused with HTTP 503, and theirs are answered."""
    body = b"{}"
    with served(loop.municipality.exchange, connections=2) as endpoint:
        made = [endpoint.connect() for _ in range(2)]
        for one in made:
            one.sendall(_POST + _TOKEN + b"Content-Length: 2\r\nConnection: close\r\n\r\n{")
        eventually(lambda: endpoint.protection.admission.bytes_in_flight == 4)
        assert endpoint.answer(b"").startswith(b"HTTP/1.1 503 ")
        for one in made:
            one.sendall(body[1:])
            assert read_to_end(one).startswith(b"HTTP/1.1 400 ")
            one.close()


def test_a_known_proxy_brings_many(loop: Loop) -> None:
    """The bound of one client is none for a proxy that the settings name: it brings the connections of all."""
    with served(loop.municipality.exchange, connections_per_client=1, proxies=["127.0.0.0/8"]) as endpoint:
        made = [endpoint.connect() for _ in range(5)]
        for one in made:
            one.sendall(_GET)
            assert one.recv(12) == b"HTTP/1.1 200"
        assert len(endpoint.protection.connections) == 5
        for one in made:
            one.close()


@pytest.mark.parametrize(("files", "connections"), [(256, 128), (1024, 512), (400, 200)])
def test_connections_are_fewer_than_files(loop: Loop, files: int, connections: int) -> None:
    """Whatever the settings say, the store and the sending keep files of their own."""
    code = (
        "import resource; from ip_fhir.logs import CountedLog; import logging\n"
        "from ip_fhir.web.connections import *\nfrom ip_fhir.web.clients import Proxies\n"
        f"resource.setrlimit(resource.RLIMIT_NOFILE, ({files}, {files}))\n"
        "made = Connections(Bounds(), Proxies(), CountedLog(logging.getLogger()))\nmade.bound_by_files()\n"
        "print(made.bounds.connections)"
    )
    assert int(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout) == connections


def test_every_wait_for_the_client_has_an_end() -> None:
    """Each phase but our own work."""
    bounds = Bounds()
    phases = ("head", "body", "answer", "drain", "idle", "closing")
    assert all(bounds.seconds(phase) for phase in phases)  # type: ignore[arg-type]
    assert bounds.seconds("work") is None


def test_settings_are_kept(tmp_path: Path) -> None:
    """What a test's process is given is what `serve` reads."""
    settings = side_settings(tmp_path, Role.MUNICIPALITY)
    assert settings.http.connections == Bounds().connections
    assert settings.http.header_seconds == Bounds().header_seconds
    assert settings.http.body_seconds == Bounds().body_seconds
    assert settings.http.idle_seconds == Bounds().idle_seconds
    assert settings.http.connections_per_client == Bounds().connections_per_client


def test_a_settled_endpoint_holds_nothing(loop: Loop) -> None:
    """Connections that have ended are forgotten."""
    with served(loop.municipality.exchange) as endpoint:
        for _ in range(20):
            assert _closed(endpoint)
        eventually(lambda: len(endpoint.protection.connections) == 0)


def _closed(endpoint: Served) -> bool:
    return endpoint.answer(_GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")).startswith(b"HTTP/1.1 200")
