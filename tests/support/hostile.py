"""Peers that a municipality must live with: silent, dripping, lying, flooding, forging. Threads of the test's process.

`Deaf`, `Dripping` and `Lying` are where messages to a peer go; `Flood` and `Forger` are clients that show a token.
"""

from __future__ import annotations

import random
import socket
import socketserver
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import requests

from ip_fhir.fhir.reading import FHIR_JSON, write_json

_DRIP_SECONDS = 0.2


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 100

    def handle_error(self, *_args: Any) -> None:
        """Whoever called has gone away: nothing to be said."""


class _Deaf(socketserver.BaseRequestHandler):
    """Takes all that comes and says nothing."""

    def handle(self) -> None:
        while self.request.recv(65_536):
            pass


class _Dripping(socketserver.BaseRequestHandler):
    """Answers at once that an answer comes, and then one blank after another, for ever."""

    def handle(self) -> None:
        self.request.recv(65_536)
        self.request.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 900000\r\n\r\n")
        while True:
            time.sleep(_DRIP_SECONDS)
            self.request.sendall(b" ")


class _Lying(BaseHTTPRequestHandler):
    """Answers with whatever is no receipt for the message: the wrong id, a page, a redirect, an endless line."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        wrong = {"resourceType": "Bundle", "type": "message", "entry": []}
        status, content = random.choice(
            [
                (200, b"<html>Welcome</html>"),
                (200, write_json(wrong)),
                (302, b""),
                (200, b'{"resourceType":"OperationOutcome"}' + b" " * 1_500_000),
                (204, b""),
                (200, b"\xff\xfe\x00"),
            ]
        )
        self.send_response(status)
        self.send_header("Content-Type", FHIR_JSON)
        self.send_header("Location", "http://elsewhere.example/")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_args: Any) -> None:
        """Say nothing."""


class _HttpServer(ThreadingHTTPServer):
    def handle_error(self, *_args: Any) -> None:
        """As above."""


@contextmanager
def hostile_servers(ports: dict[str, int]) -> Iterator[None]:
    """The three that are sent to, each on its loopback port: `silent`, `dripping`, `lying`."""
    servers: list[socketserver.BaseServer] = [
        _Server(("127.0.0.1", ports["silent"]), _Deaf),
        _Server(("127.0.0.1", ports["dripping"]), _Dripping),
        _HttpServer(("127.0.0.1", ports["lying"]), _Lying),
    ]
    threads = [threading.Thread(target=server.serve_forever, daemon=True) for server in servers]
    for server, thread in zip(servers, threads, strict=True):
        server.daemon_threads = True  # type: ignore[attr-defined]
        thread.start()
    try:
        yield
    finally:
        for server in servers:
            server.shutdown()
            server.server_close()


@contextmanager
def at_it(*doing: Callable[[], None], pause: float = 0.01) -> Iterator[Counter[str]]:
    """Each is done over and over in a thread of its own until the block ends; counts what failed on the way."""
    stop, failed = threading.Event(), Counter[str]()

    def again(work: Callable[[], None]) -> None:
        while not stop.wait(pause):
            try:
                work()
            except OSError as error:  # the municipality is killed now and then
                failed[type(error).__name__] += 1

    threads = [threading.Thread(target=again, args=(work,), daemon=True) for work in doing]
    for thread in threads:
        thread.start()
    try:
        yield failed
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)


class Flood:
    """A peer with a token that sends damaged messages as fast as it can, and a stranger who holds connections open."""

    def __init__(self, url: str, token: str, message: bytes, seed: int) -> None:
        self._url, self._message = url, message
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": FHIR_JSON}
        self._random = random.Random(seed)
        self._session = requests.Session()
        self._half: list[socket.socket] = []
        self.statuses: Counter[int] = Counter()

    def damaged(self) -> None:
        """One damaged message."""
        content = damage(self._message, self._random)
        answer = self._session.post(f"{self._url}/$process-message", content, headers=self._headers, timeout=30)
        self.statuses[answer.status_code] += 1

    def half_sent(self) -> None:
        """Another connection that never ends its headers; at most two hundred at a time."""
        host, _, port = self._url.removeprefix("http://").partition(":")
        connection = socket.create_connection((host, int(port)), 5)
        connection.sendall(b"POST /$process-message HTTP/1.1\r\nHost: a\r\nX: ")
        self._half.append(connection)
        if len(self._half) > 200:
            self._half.pop(0).close()

    def wrong_token(self) -> None:
        """A guess at somebody's token."""
        guess = {**self._headers, "Authorization": f"Bearer {self._random.getrandbits(128):032x}"}
        answer = requests.get(f"{self._url}/Task", headers=guess, timeout=30)
        assert answer.status_code in (401, 429, 503), answer.status_code

    def close(self) -> None:
        """Let go of every connection."""
        for connection in self._half:
            with suppress(OSError):
                connection.close()
        self._session.close()


def damage(message: bytes, chance: random.Random) -> bytes:
    """The message with a few bytes changed, a piece cut out, doubled or put elsewhere."""
    content = bytearray(message)
    for _ in range(chance.randint(1, 4)):
        start = chance.randrange(len(content))
        end = min(len(content), start + chance.choice([1, 1, 4, 40, 400]))
        how = chance.choice(["flip", "cut", "double", "move", "swap"])
        piece = bytes(content[start:end])
        if how == "flip":
            content[start] = chance.randrange(256)
        elif how == "cut" and len(content) - len(piece) > 10:
            del content[start:end]
        elif how == "double":
            content[start:start] = piece
        elif how == "move" and len(content) - len(piece) > 10:
            del content[start:end]
            place = chance.randrange(len(content))
            content[place:place] = piece
        else:
            content[start:end] = chance.choice([b"null", b"[]", b"{}", b'""', b"1e999", b"-1", b"true", b'"\\u0000"'])
    return bytes(content)
