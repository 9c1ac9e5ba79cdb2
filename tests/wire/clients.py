"""A raw client of an MLLP server: sends bytes as they are, and reads what comes back."""

from __future__ import annotations

import socket
import ssl
import time
from types import TracebackType
from typing import Self

from ip_fhir.wire.mllp import Frame, Framer

PATIENCE = 10.0


class Client:
    """A connection to a port of this machine."""

    def __init__(self, port: int, context: ssl.SSLContext | None = None) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), PATIENCE)
        if context is not None:
            self._socket = context.wrap_socket(self._socket, server_hostname="127.0.0.1")
        self._framer = Framer(10_000_000)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _t: type[BaseException] | None, _e: BaseException | None, _b: TracebackType | None) -> None:
        self._socket.close()

    def send(self, content: bytes) -> None:
        """Send bytes as they are."""
        self._socket.sendall(content)

    def next(self) -> bytes | None:
        """The content of the next frame; None: the connection was ended without one."""
        while (event := self._framer.next()) is None:
            try:
                data = self._socket.recv(65_536)
            except ConnectionError:
                return None
            if not data:
                return None
            self._framer.feed(data)
        assert isinstance(event, Frame)
        return event.content

    def ask(self, content: bytes) -> bytes | None:
        """Send a frame, and return the content of the next one."""
        self.send(b"\x0b" + content + b"\x1c\r")
        return self.next()

    def hears(self, seconds: float) -> bytes:
        """All that comes within so many seconds, or until the end."""
        end, found = time.monotonic() + seconds, b""
        while (left := end - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                data = self._socket.recv(65_536)
            except TimeoutError:
                break
            if not data:
                break
            found += data
        self._socket.settimeout(PATIENCE)
        return found

    def ends(self, seconds: float = PATIENCE) -> float:
        """The seconds until the other side ends the connection, which it must; what it says before is thrown away."""
        began = time.monotonic()
        self._socket.settimeout(seconds)
        try:
            while self._socket.recv(65_536):
                pass
        except ConnectionError:
            pass
        return time.monotonic() - began

    def finish(self) -> None:
        """Say that nothing more comes."""
        self._socket.shutdown(socket.SHUT_WR)
