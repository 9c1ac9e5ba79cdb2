"""The server's side of one connection: uvicorn's, with strict framing and an end to every wait for the client."""

from __future__ import annotations

import asyncio
import logging
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from ip_fhir.errors import Problem
from ip_fhir.fhir.outcome import outcome
from ip_fhir.fhir.reading import FHIR_JSON, write_json
from ip_fhir.web.entry.certificates import NAMES
from ip_fhir.web.strict import StrictConnection
from ip_fhir.wire.tls import names_in

if TYPE_CHECKING:
    from uvicorn.config import Config
    from uvicorn.protocols.http.h11_impl import RequestResponseCycle
    from uvicorn.server import ServerState

    from ip_fhir.errors import IssueCode
    from ip_fhir.logs import CountedLog
    from ip_fhir.web.connections import Connections, Phase

_FULL = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 5\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
PROTOCOL_LOG = "ip_fhir.web.protocol"
_QUIET = logging.getLogger(PROTOCOL_LOG)
_QUIET.setLevel(logging.ERROR)  # uvicorn's warnings repeat with each request: they are told here, counted


class Guarded(H11Protocol):
    """A connection that `Connections` holds."""

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
        *,
        connections: Connections,
        refused: CountedLog,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.conn = StrictConnection()
        self.logger = _QUIET
        self.host: str | None = None
        self.phase: Phase = "head"
        self.since = self.loop.time()
        self._ended = False
        self._held = connections
        self._refused = refused

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection, or refuse it where there is no room."""
        super().connection_made(transport)
        self.host = self.client[0] if self.client else None
        encrypted = transport.get_extra_info("ssl_object")
        if encrypted is not None and (names := names_in(encrypted)):
            self.app_state = {**self.app_state, NAMES: names}
        if not self._held.add(self, self.loop):
            transport.write(_FULL)
            transport.close()  # at once: there is no room to wait in

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._held.discard(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read what came; after the end, only to throw it away."""
        if not self._ended:
            super().data_received(data)
            self.look(self.loop.time())

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        super().on_response_complete()
        self.look(self.loop.time())

    def look(self, now: float) -> None:
        """Bring `phase` and `since` up to date."""
        phase = self._phase()
        if phase != self.phase:
            self.phase, self.since = phase, now

    @property
    def _exchange(self) -> RequestResponseCycle | None:
        """The request that came last and its answer; None before the first."""
        return cast("RequestResponseCycle | None", self.cycle)

    def _phase(self) -> Phase:
        if self.transport.get_write_buffer_size():
            return "answer"
        if self._ended or self.transport.is_closing():
            return "closing" if self.scheme == "http" else "parting"
        exchange = self._exchange
        if self.conn.their_state is h11.IDLE:
            return "idle" if exchange is not None and not self.conn.trailing_data[0] else "head"
        if exchange is None or exchange.response_complete:
            return "drain"
        return "body" if self.conn.their_state is h11.SEND_BODY else "work"

    def end(self, *, at_once: bool) -> None:
        """Close the connection; one whose request never came whole is told so (HTTP 408) unless `at_once`."""
        if at_once:
            self.transport.abort()
        elif self.phase == "head" and self.conn.trailing_data[0]:
            self._refuse(408, "the headers took too long", "too-costly")
        else:
            self.transport.close()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - uvicorn's words name nothing
        """Refuse what is no HTTP, or is HTTP that others may read otherwise."""
        self._refused.note("no-http", "a request was refused: it is not HTTP/1.1 as RFC 9112 has it")
        self._refuse(400, "this is not HTTP/1.1 as RFC 9112 has it", "structure")

    def _refuse(self, status: int, reason: str, code: IssueCode) -> None:
        """Answer without the application, if nothing has been answered yet, and close."""
        exchange = self._exchange
        if exchange is not None and not exchange.response_complete:
            exchange.disconnected = True  # the application has nobody to answer any more
            exchange.message_event.set()
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            content = write_json(outcome([Problem("", reason, code)]))
            headers = [
                ("content-type", FHIR_JSON), ("content-length", str(len(content))), ("connection", "close"),
            ]  # fmt: skip
            response = h11.Response(status_code=status, headers=headers, reason=HTTPStatus(status).phrase)
            for event in (response, h11.Data(content), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event))
        self._close_after_reading()

    def _close_after_reading(self) -> None:
        """Say that nothing more comes, and read on for a while: closed at once, the client might not get the answer."""
        self._ended = True
        if self.transport.can_write_eof() and not self.transport.is_closing():
            self.transport.write_eof()
            self.flow.resume_reading()
        else:
            self.transport.close()
        self.look(self.loop.time())
