"""The server's side of one MLLP connection: a frame is read, answered, and only then is the next one read."""

from __future__ import annotations

import logging
import socket
import ssl
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from ip_fhir.errors import InvalidInput
from ip_fhir.wire.line import keep
from ip_fhir.wire.mllp import Fault, Framer, framed

if TYPE_CHECKING:
    from collections.abc import Callable

    from ip_fhir.logs import CountedLog
    from ip_fhir.wire.bounds import Bounds, Room

log = logging.getLogger("ip_fhir.wire")

_CHUNK: Final = 65_536
_DRAIN_SECONDS: Final = 2.0


class Answer(NamedTuple):
    """The answer to a frame: the content to send back, or None; with `closes`, the connection ends after it."""

    content: bytes | None
    closes: bool = False


class Dialog(Protocol):
    """The rules by which frames are answered."""

    def answer(self, peer: str, content: bytes) -> Answer:
        """Return the answer to the content of a frame that came from this peer."""
        ...

    def fault(self, peer: str, fault: Fault) -> bytes | None:
        """Return the content to send before the connection is closed because of a fault; None: nothing."""
        ...


class Host(Protocol):
    """The server as its connections see it."""

    bounds: Bounds
    context: ssl.SSLContext | None
    room: Room
    told: CountedLog
    who: Callable[[socket.socket], str | None]

    def is_stopping(self) -> bool:
        """True once nothing more is to be taken in."""
        ...

    def admit(self, peer: str) -> bool:
        """Count a connection as the peer's; False if the peer has as many as it may have."""
        ...

    def forget(self, connection: Connection) -> None:
        """Count a connection no longer."""
        ...


class _Ended(Exception):
    """The end of a connection, and the reason under which it is counted; quiet without one."""

    def __init__(self, reason: str = "", words: str = "") -> None:
        self.reason = reason
        self.words = words
        super().__init__(reason)


class Connection:
    """A connection from its beginning to its end. `peer` is who it is, None until that is known."""

    def __init__(self, server: Host, made: socket.socket, dialog: Dialog) -> None:
        self._server = server
        self._bounds = server.bounds
        self._socket = made
        self._dialog = dialog
        self._framer = Framer(server.bounds.max_bytes)
        self._room = 0
        self.peer: str | None = None

    def run(self) -> None:
        """Serve the connection until it ends; whatever goes wrong ends this connection only."""
        try:
            self._serve(self._known())
        except _Ended as end:
            if end.reason:
                self._server.told.note(end.reason, end.words)
        except OSError:
            self._server.told.note("broke-off", "a connection broke off", logging.INFO)
        except Exception as error:  # noqa: BLE001 - the last door of this thread
            # Its text is left out: it may quote a message.
            self._server.told.note(
                "unforeseen", f"a connection ended: unforeseen {type(error).__name__}", logging.ERROR
            )
        finally:
            self._socket.close()
            self._give_room_back()
            self._server.forget(self)

    def read_no_more(self) -> None:
        """End the wait for bytes, from any thread; what is being answered is answered."""
        with suppress(OSError):  # not the method of `SSLSocket`, which would end the writing, too
            socket.socket.shutdown(self._socket, socket.SHUT_RD)

    def _known(self) -> str:
        """Return the peer, by its certificate where there is TLS."""
        keep(self._socket)
        context = self._server.context
        if context is not None:
            self._socket.settimeout(self._bounds.frame_seconds)
            try:
                self._socket = context.wrap_socket(self._socket, server_side=True)
            except (OSError, ValueError) as error:
                raise _Ended("tls", f"a connection was refused: {_tls_words(error)}") from None
        peer = self._server.who(self._socket)
        if peer is None:
            raise _Ended("certificate", "a connection was refused: its certificate is no peer's")
        if not self._server.admit(peer):
            raise _Ended("connections-of-peer", "a connection was refused: its peer has too many")
        self.peer = peer
        return peer

    def _serve(self, peer: str) -> None:
        while not self._server.is_stopping():
            event = self._next()
            if self._server.is_stopping():
                break
            if isinstance(event, Fault):
                self._tell(peer, event)
                raise _Ended(f"frame-{event.problem.code}", f"a connection was closed: {event.problem.reason}")
            answer = self._dialog.answer(peer, event)
            self._give_room_back()
            if answer.content is not None:
                self._send(answer.content)
            if answer.closes:
                break
        self._finish()

    def _next(self) -> bytes | Fault:
        """Return the content of the next frame, or the fault. Raises `_Ended` where there will be none."""
        began = time.monotonic()
        was_inside = False
        while (event := self._framer.next()) is None:
            inside = self._framer.inside
            if inside and not was_inside:
                began, was_inside = time.monotonic(), True
            end = began + (self._bounds.frame_seconds if inside else self._bounds.idle_seconds)
            self._take_room(end)
            self._framer.feed(self._read(end))
        return event if isinstance(event, Fault) else event.content

    def _read(self, end: float) -> bytes:
        inside = self._framer.inside
        try:
            self._socket.settimeout(max(0.001, end - time.monotonic()))
            data = self._socket.recv(_CHUNK)
        except TimeoutError:
            raise (
                _Ended("slow-frame", "a connection was closed: a frame took too long") if inside else _Ended()
            ) from None
        except ssl.SSLEOFError:
            data = b""
        if not data:
            raise _Ended("half-frame", "a connection ended within a frame") if inside else _Ended()
        if time.monotonic() >= end:
            raise _Ended("slow-frame", "a connection was closed: a frame took too long") if inside else _Ended()
        return data

    def _take_room(self, end: float) -> None:
        """Take room for the longest frame, once the frame is no short one."""
        if self._room == 0 and self._framer.held > _CHUNK:
            if not self._server.room.take(self._bounds.max_bytes, end):
                raise _Ended("busy", "a connection was closed: too many large frames at a time")
            self._room = self._bounds.max_bytes

    def _give_room_back(self) -> None:
        if self._room:
            self._server.room.give_back(self._room)
            self._room = 0

    def _send(self, content: bytes) -> None:
        end = time.monotonic() + self._bounds.frame_seconds
        rest = memoryview(framed(content))
        while rest:
            self._socket.settimeout(max(0.001, end - time.monotonic()))
            rest = rest[self._socket.send(rest) :]

    def _tell(self, peer: str, fault: Fault) -> None:
        """Answer a fault if it can be answered, and let the other side read that before the connection is closed."""
        content = self._dialog.fault(peer, fault)
        if content is not None:
            with suppress(OSError, InvalidInput):
                self._send(content)
        self._finish()

    def _finish(self) -> None:
        """Say that nothing more comes; throw away what the other side still sends, for a moment.

        A connection that is closed with unread bytes is reset, and the answer may be lost on the way.
        """
        end = time.monotonic() + _DRAIN_SECONDS
        with suppress(OSError):
            socket.socket.shutdown(self._socket, socket.SHUT_WR)
            while (left := end - time.monotonic()) > 0:
                self._socket.settimeout(left)
                if not self._socket.recv(_CHUNK):
                    break


def _tls_words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "TLS did not begin in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not accepted: {error.verify_message}"
    return "no TLS, or no certificate"
