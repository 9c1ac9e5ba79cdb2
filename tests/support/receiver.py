"""A municipality that only counts: it answers every message with a receipt, after a while."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ip_fhir.fhir.reading import FHIR_JSON, write_json
from ip_fhir.fhir.receipt import receipt_to_fhir
from ip_fhir.ports import Receipt
from tests.support.two_sides import START


class Receiver:
    """What came, and how often; `at_once` is the most that were being answered at one time."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.came: Counter[str] = Counter()
        self.at_once = 0
        self._here = 0
        self._counting = threading.Lock()

    def take(self, content: bytes) -> bytes:
        """Count it, wait, and give a receipt."""
        bundle: dict[str, Any] = json.loads(content)
        with self._counting:
            self.came[bundle["id"]] += 1
            self._here += 1
            self.at_once = max(self.at_once, self._here)
        time.sleep(self.seconds)
        with self._counting:
            self._here -= 1
        return write_json(receipt_to_fhir(Receipt(bundle["id"], "ok"), bundle, START, "http://receiver.example"))


@contextmanager
def receiving(port: int, seconds: float = 0.0) -> Iterator[Receiver]:
    """It listens on that loopback port."""
    receiver = Receiver(seconds)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            reply = receiver.take(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Type", FHIR_JSON)
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_args: Any) -> None:
            """Whoever sent was killed: nothing to be said."""

    server = Server(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
