"""A small HTTP door through which a FHIR server says that something may have changed, and nothing else.

What comes with it is not read: a notification only makes the listener look, by its own searches. Whoever calls must
show the token that the Subscription has; the way in from outside, and TLS, is a proxy's.
"""

from __future__ import annotations

import logging
import threading
from contextlib import suppress
from hashlib import sha256
from hmac import compare_digest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("ip_fhir.fhirserver")

_MOST_AT_ONCE: Final = 32
_SECONDS: Final = 10.0  # for each read of a request
_MOST_BYTES: Final = 1_000_000  # of a body, which is read away so that the caller hears the answer
_CHUNK: Final = 65_536


class Door:
    """Listens on a host and port between `open` and `close`; `rung` is called for each notification that is right."""

    def __init__(self, host: str, port: int, token: str, rung: Callable[[], None]) -> None:
        self._address = (host, port)
        self._token, self._rung = token, rung
        self._server: _Server | None = None

    @property
    def port(self) -> int:
        """The port that it listens on; 0 while it is closed."""
        return self._server.server_port if self._server is not None else 0

    def open(self) -> None:
        """Begin to listen. Raises `OSError`."""
        handler = type("_Handler", (_Handler,), {"digest": _digest(f"Bearer {self._token}"), "rung": self._rung})
        self._server = _Server(self._address, handler)
        threading.Thread(target=self._server.serve_forever, args=(0.1,), daemon=True, name="fhirserver-door").start()

    def close(self) -> None:
        """Stop listening. Does nothing if it is closed."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()


class _Server(ThreadingHTTPServer):
    """Serves so many connections at a time; one more is closed at once."""

    daemon_threads = True
    request_queue_size = _MOST_AT_ONCE

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._room = threading.Semaphore(_MOST_AT_ONCE)
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._room.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Says nothing of a caller that went away; nothing that it sent belongs in a log."""


class _Handler(BaseHTTPRequestHandler):
    """Answers 200 to whoever shows the token, 401 to others. One request for each connection."""

    protocol_version = "HTTP/1.1"
    timeout = _SECONDS
    digest: bytes
    rung: Callable[[], None]

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def _answer(self) -> None:
        self.close_connection = True
        shown = self.headers.get_all("Authorization") or [""]
        is_right = len(shown) == 1 and compare_digest(_digest(shown[0].strip()), self.digest)
        if is_right:
            type(self).rung()
        else:
            log.warning("a notification without the token of our Subscription: nothing is done")
        with suppress(OSError):
            self._read_away()
            self.send_response(200 if is_right else 401)
            self.send_header("Content-Length", "0")
            self.send_header("Connection", "close")
            self.end_headers()

    def _read_away(self) -> None:
        length = self.headers.get("Content-Length", "0")
        left = min(int(length), _MOST_BYTES) if length.isascii() and length.isdecimal() and len(length) < 12 else 0
        while left > 0 and (piece := self.rfile.read(min(left, _CHUNK))):
            left -= len(piece)

    def version_string(self) -> str:
        """Names no software."""
        return "ip-fhir"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's own name
        """Writes no line: an address may hold anything."""


def _digest(text: str) -> bytes:
    return sha256(text.encode(errors="replace")).digest()
