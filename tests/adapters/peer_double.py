"""A peer on loopback that answers `$process-message` in any way a test wants."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import orjson

from ip_fhir.errors import Problem
from ip_fhir.fhir.outcome import outcome
from ip_fhir.testing.store_samples import PERSON

if TYPE_CHECKING:
    from ip_fhir.testing.adapter_contract import Behaviour


def response(ident: str, code: str = "ok", words: str = "fine") -> bytes:
    """A FHIR response message."""
    header = {"resourceType": "MessageHeader", "response": {"identifier": ident, "code": code}}
    problems = [] if code == "ok" else [Problem("", words, "business-rule")]
    entries = [{"resource": header}, {"resource": outcome(problems)}]
    return orjson.dumps({"resourceType": "Bundle", "type": "message", "entry": entries})


_ECHO = orjson.dumps({"resourceType": "Bundle", "type": "message", "entry": [{"resource": {"resourceType": "Basic"}}]})


class HttpPeer:
    """A FHIR endpoint; the message's id is the first word of what it is sent.

    With `echoes` it answers a message that it takes by a Bundle without a response, as a server that stores Bundles.
    """

    echoes = False

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self._server = server
        self._behaviour: Behaviour = "ok"
        self.received: list[bytes] = []

    @property
    def url(self) -> str:
        """Where it listens; where nobody does while it is down."""
        port = 9 if self._behaviour == "down" else self._server.server_port
        return f"http://127.0.0.1:{port}/fhir"

    def behave(self, behaviour: Behaviour) -> None:
        """From now on."""
        self._behaviour = behaviour

    def answer(self, content: bytes) -> tuple[int, bytes]:
        """Status and body."""
        self.received.append(content)
        ident = content.split()[0].decode()
        if self._behaviour == "silent":
            time.sleep(1.5)
        answers: dict[Behaviour, tuple[int, bytes]] = {
            "later": (200, response(ident, "transient-error", PERSON)),
            "no": (200, response(ident, "fatal-error", PERSON)),
            "nonsense": (200, f"<html>{PERSON}</html>".encode()),
            "other": (200, response("another")),
        }
        return answers.get(self._behaviour, (201, _ECHO) if self.echoes else (200, response(ident)))


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    peer: HttpPeer

    def do_POST(self) -> None:
        status, body = self.peer.answer(self.rfile.read(int(self.headers["Content-Length"])))
        try:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True  # whoever asked has had enough

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's own name
        """Quiet."""


@contextmanager
def http_peer() -> Iterator[HttpPeer]:
    """A peer that listens until the block ends."""
    handler = type("Handler", (_Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    handler.peer = HttpPeer(server)  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield handler.peer  # type: ignore[attr-defined]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
