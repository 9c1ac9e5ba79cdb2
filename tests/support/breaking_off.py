"""A server on a loopback port that reads a request, says the beginning of an answer, and closes."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


@contextmanager
def breaking_off(answer: bytes) -> Iterator[int]:
    """The port of such a server until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            with suppress(OSError):  # it was closed
                while True:
                    made, _ = listening.accept()
                    with made:
                        made.recv(65_536)
                        made.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield int(listening.getsockname()[1])
