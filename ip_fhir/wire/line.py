"""One MLLP connection of our own to an address: opened, used for one exchange at a time, and closed after any doubt.

The end of everything is a time of the monotonic clock, so that a peer that sends a byte now and then ends, too. Only
the look-up of a host's name may take longer.
"""

from __future__ import annotations

import socket
import ssl
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final
from weakref import finalize

from ip_fhir.errors import Unavailable
from ip_fhir.wire.mllp import Fault, Framer, framed

if TYPE_CHECKING:
    from ip_fhir.wire.address import Address

_CONNECT_SECONDS: Final = 10.0
_CHUNK: Final = 65_536
_TOO_LATE: Final = "no answer in time"


class Line:
    """An open connection. Its errors are `Unavailable`, and name the address; after one it is to be closed.

    `context` is the TLS context, needed where the address asks for TLS; `server_name` is the name that the certificate
    of the other side must have, by default the host.
    """

    def __init__(
        self,
        address: Address,
        end: float,
        *,
        context: ssl.SSLContext | None = None,
        server_name: str | None = None,
        max_bytes: int,
    ) -> None:
        self._address = address
        self._framer = Framer(max_bytes)
        try:
            self._socket = _connected(address, end)
        except OSError as error:
            late = isinstance(error, TimeoutError)
            raise self._failed("no connection in time" if late else "no connection") from None
        if address.tls and context is not None:
            self._encrypt(context, server_name or address.host, end)
        finalize(self, self._socket.close)  # whoever lets go of an adapter has no way to close it

    def _encrypt(self, context: ssl.SSLContext, server_name: str, end: float) -> None:
        plain = self._socket
        try:
            plain.settimeout(_left(end))
            self._socket = context.wrap_socket(plain, server_hostname=server_name)
        except (OSError, ValueError) as error:  # ValueError: a name that no certificate can have
            plain.close()
            raise self._failed(_what_failed(error)) from None

    @property
    def fit(self) -> bool:
        """True if nothing has come since the last exchange: no byte, and no end of the connection."""
        if self._framer.inside or self._framer.held:
            return False
        try:
            self._socket.settimeout(0)
            self._socket.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            return False
        return False

    def send(self, content: bytes, end: float) -> None:
        """Write the content as one frame. Raises `Unavailable`: part of it may have been read, and acted on."""
        rest = memoryview(framed(content))
        try:
            while rest:
                self._socket.settimeout(_left(end))
                rest = rest[self._socket.send(rest) :]
        except OSError as error:
            raise self._failed(_what_failed(error)) from None

    def next(self, end: float) -> bytes:
        """Return the content of the next frame that comes.

        Raises `Unavailable` if there is none in time, the connection ends, or what comes is not framed.
        """
        while (event := self._framer.next()) is None:
            try:
                self._socket.settimeout(_left(end))
                data = self._socket.recv(_CHUNK)
            except OSError as error:
                raise self._failed(_what_failed(error)) from None
            if not data:
                raise self._failed("the answer broke off" if self._framer.inside else "closed without an answer")
            self._framer.feed(data)
        if isinstance(event, Fault):
            raise self._failed(
                "the answer is not framed" if event.problem.code == "structure" else "the answer is too long"
            )
        return event.content

    def finish(self, end: float) -> None:
        """Say that nothing more comes, and wait until the other side has closed, too; what it sends is thrown away."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)
            self._socket.settimeout(_left(end))
            while self._socket.recv(_CHUNK):
                self._socket.settimeout(_left(end))

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _failed(self, reason: str) -> Unavailable:
        return Unavailable(f"{self._address}: {reason}")


def _left(end: float) -> float:
    """Seconds until then. Raises `TimeoutError` when there are none."""
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _connected(address: Address, end: float) -> socket.socket:
    """Return a connection to the first address of the host that answers, all within the time that is left."""
    end = min(end, time.monotonic() + _CONNECT_SECONDS)
    failure: OSError = TimeoutError()
    for family, kind, protocol, _name, where in socket.getaddrinfo(address.host, address.port, type=socket.SOCK_STREAM):
        made = socket.socket(family, kind, protocol)
        try:
            made.settimeout(_left(end))
            made.connect(where)
            keep(made)
        except OSError as error:
            made.close()
            failure = error
        else:
            return made
    raise failure


def keep(connection: socket.socket) -> None:
    """Have the system find out when the other side is gone, and send each frame at once."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _what_failed(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return _TOO_LATE
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {error.verify_message}"
    if isinstance(error, (ssl.SSLError, ValueError)):
        return "TLS failed"
    return "the connection broke off"
