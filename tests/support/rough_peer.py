"""A peer on loopback that takes connections and behaves badly: silent, dripping, slow to read; or well."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Literal, TypeAlias

from tests.adapters.peer_double import response

Manner: TypeAlias = Literal["silent", "drips headers", "drips body", "drips to the end", "reads slowly", "well", "busy"]

_DRIP = 0.02


class RoughPeer:
    """What it is sent, by message id, and how it behaves from now on."""

    def __init__(self, manner: Manner, port: int) -> None:
        self.manner: Manner = manner
        self.url = f"http://127.0.0.1:{port}"
        self.asked = 0
        self.taken: list[str] = []
        self.over = threading.Event()

    def serve(self, connection: socket.socket) -> None:
        """Answer what comes over one connection until it is closed."""
        with suppress(OSError), connection:
            while not self.over.is_set() and self._one(connection):
                pass

    def _one(self, connection: socket.socket) -> bool:
        if self.manner == "reads slowly":
            connection.recv(1)
            self.asked += 1
            while not self.over.wait(_DRIP) and connection.recv(1):
                pass
            return False
        content = _request(connection)
        if content is None:
            return False
        self.asked += 1
        if self.manner == "well":
            ident = json.loads(content)["id"]
            self.taken.append(ident)
            body = response(ident)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            return True
        if self.manner == "busy":
            connection.sendall(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n")
            return True
        self._badly(connection)
        return False

    def _badly(self, connection: socket.socket) -> None:
        begun = {
            "silent": b"",
            "drips headers": b"HTTP/1.1 200 OK\r\nX: ",
            "drips body": b"HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n",
            "drips to the end": b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n",
        }[self.manner]
        connection.sendall(begun)
        while not self.over.wait(_DRIP):
            if begun:
                connection.sendall(b" ")


def _request(connection: socket.socket) -> bytes | None:
    """The body of the next request; None when there is none."""
    head = b""
    while b"\r\n\r\n" not in head:
        piece = connection.recv(65_536)
        if not piece:
            return None
        head += piece
    headers, _, body = head.partition(b"\r\n\r\n")
    (length,) = [int(line[15:]) for line in headers.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    while len(body) < length:
        body += connection.recv(65_536)
    return body


@contextmanager
def rough_peer(manner: Manner) -> Iterator[RoughPeer]:
    """It listens until the block ends."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as listening:
        listening.settimeout(0.05)
        peer = RoughPeer(manner, listening.getsockname()[1])

        def accept() -> None:
            while not peer.over.is_set():
                try:
                    connection, _ = listening.accept()
                except TimeoutError:
                    continue
                connection.settimeout(5)
                threading.Thread(target=peer.serve, args=(connection,), daemon=True).start()

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield peer
        finally:
            peer.over.set()
            thread.join()
