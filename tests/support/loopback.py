"""A real HTTP server on a loopback port, with the handler that a test gives it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_args: Any) -> None:
        """Whoever sent has gone."""


@contextmanager
def listening(handler: type[BaseHTTPRequestHandler], released: threading.Event, port: int = 0) -> Iterator[int]:
    """A server until the block ends, then `released` is set for handlers that wait. Yields its port."""
    server = _Server(("127.0.0.1", port), handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        released.set()
        server.shutdown()
        server.server_close()
        thread.join()
