"""The TLS handshake of a connection, before HTTP. It is held among the connections, and ended where it takes too long.

uvicorn would count a connection only after its handshake, so that whoever opens many and says nothing would take up all
files of the process.
"""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Any, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from ip_fhir.logs import CountedLog
    from ip_fhir.web.connections import Connections, Phase
    from ip_fhir.web.entry.certificates import Certificates


class Handshake(asyncio.Protocol):
    """A connection that is being encrypted; `then` makes the protocol that has it afterwards."""

    def __init__(
        self,
        *,
        then: Callable[[], asyncio.Protocol],
        certificates: Certificates,
        connections: Connections,
        refused: CountedLog,
    ) -> None:
        self._then, self._certificates = then, certificates
        self._held, self._refused = connections, refused
        self._loop = asyncio.get_running_loop()
        self._task: asyncio.Task[None] | None = None
        self._transport: asyncio.Transport | None = None
        self.host: str | None = None
        self.phase: Phase = "head"
        self.since = self._loop.time()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Hold the connection, and begin; drop it where there is no room."""
        transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        self.host = str(peer[0]) if isinstance(peer, tuple) else None
        self._transport = transport
        if self._held.add(self, self._loop):
            transport.pause_reading()  # the handshake reads; nothing may be read before it
            self._task = self._loop.create_task(self._encrypt(transport))
        else:
            transport.abort()

    def connection_lost(self, _error: Exception | None) -> None:
        """Forget the connection."""
        self._held.discard(self)

    def look(self, now: float) -> None:
        """Stay in the one phase that there is."""

    def end(self, *, at_once: bool) -> None:  # noqa: ARG002 - nothing can be said before the handshake
        """Drop the connection."""
        if self._transport is not None:
            self._transport.abort()

    async def _encrypt(self, transport: asyncio.Transport) -> None:
        early, context = _Early(), self._certificates.context()
        seconds = self._held.bounds.header_seconds
        try:
            encrypted = await self._loop.start_tls(
                transport, early, context, server_side=True, ssl_handshake_timeout=seconds
            )
        except (OSError, asyncio.CancelledError) as error:
            self._refused.note("no-tls", f"a handshake failed: {_reason(error)}")
            transport.abort()
            return
        finally:
            self._held.discard(self)
        if encrypted is not None and not early.lost:
            early.hand_over(encrypted, self._then())


class _Early(asyncio.Protocol):
    """Keeps what comes right behind the handshake, until the connection has its protocol."""

    def __init__(self) -> None:
        self._came = bytearray()
        self._ended = self.lost = False

    def data_received(self, data: bytes) -> None:
        self._came += data

    def eof_received(self) -> bool:
        self._ended = True
        return False

    def connection_lost(self, _error: Exception | None) -> None:
        self.lost = True

    def hand_over(self, transport: Any, protocol: asyncio.Protocol) -> None:
        """Give the connection to its protocol, with what has come."""
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        if self._came:
            protocol.data_received(bytes(self._came))
        if self._ended:
            protocol.eof_received()


def _reason(error: BaseException) -> str:
    """The reason of OpenSSL in its fixed words, which hold nothing of the client's; else the kind of error."""
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.lower().replace("_", " ")
    return "it took too long" if isinstance(error, TimeoutError) else "the connection was lost"
