"""A way to a server on which the first answer to each request with an idempotency key is lost."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase

KEY = "Idempotency-Key"
_OF_THE_CONNECTION = {"connection", "transfer-encoding", "upgrade", "http2-settings", "host", "content-length"}


@dataclass
class Lossy:
    """The way: its port, and the keys whose first answer was lost. Each request arrives, and is answered."""

    port: int
    lost: list[str] = field(default_factory=list)


@contextmanager
def lossy(port: int) -> Iterator[Lossy]:
    """The way to a port on this machine."""

    class Relay(BaseHTTPRequestHandler):
        """Hands a request on, and its answer back, unless that is to be lost."""

        protocol_version = "HTTP/1.1"

        def _relay(self) -> None:
            if "chunked" in self.headers.get("Transfer-Encoding", ""):
                content = b"".join(_chunks(self.rfile))
            else:
                content = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name: text for name, text in self.headers.items() if name.lower() not in _OF_THE_CONNECTION}
            server = http.client.HTTPConnection("127.0.0.1", port, timeout=240)
            server.request(self.command, self.path, content or None, headers)
            answer = server.getresponse()
            said = answer.read()
            server.close()
            key = self.headers.get(KEY)
            if key is not None and key not in way.lost:
                way.lost.append(key)
                self.close_connection = True
                return
            self.send_response(answer.status)
            for name, text in answer.getheaders():
                if name.lower() not in _OF_THE_CONNECTION:
                    self.send_header(name, text)
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST = do_PUT = _relay  # noqa: N815 - the names that http.server calls

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Relay)
    way = Lossy(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield way
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _chunks(body: BufferedIOBase) -> Iterator[bytes]:
    """Yields the parts of a body that comes in chunks, and reads to its end."""
    while size := int(body.readline(), 16):
        yield body.read(size)
        body.readline()
    body.readline()
