"""The listener for HL7 v2 over MLLP: the plug-in `mllp` of the group `ip_fhir.listeners`."""

from __future__ import annotations

import ssl
import time
from typing import TYPE_CHECKING, Any, ClassVar

from ip_fhir.wire.bounds import Bounds
from ip_fhir.wire.dialog import DialogOptions, Hl7Dialog
from ip_fhir.wire.later import LaterAcknowledgements
from ip_fhir.wire.options import ListenerOptions
from ip_fhir.wire.server import Server
from ip_fhir.wire.tls import client_context, names_in, server_context

if TYPE_CHECKING:
    import socket
    from collections.abc import Mapping

    from ip_fhir.ports import Receiver


class MllpListener:
    """Listens for MLLP, with TLS where the options name a certificate, and answers as `Hl7Dialog` says.

    Raises `InvalidInput` at an option that cannot be used; nothing is opened before `start` but the files of TLS.
    """

    name: str = "mllp"
    longest_stop: ClassVar[float] = 10.0

    def __init__(self, options: Mapping[str, Any]) -> None:
        self._options = ListenerOptions.model_validate(dict(options))
        self._options.check()
        self._known = self._options.names()
        secure = self._options.certificate is not None
        self._context = server_context(self._options.tls) if secure else None
        encrypted = any(address.tls for address in self._options.addresses().values())
        self._to_others = client_context(self._options.tls) if encrypted else None
        self._server: Server | None = None
        self._later: LaterAcknowledgements | None = None

    @property
    def port(self) -> int:
        """The port where it listens; 0 while it does not."""
        return 0 if self._server is None else self._server.port

    def start(self, exchange: Receiver) -> None:
        """Begin to listen. Raises `OSError` when the address cannot be listened at."""
        options = self._options
        bounds = Bounds(
            options.max_bytes,
            options.bytes_in_flight,
            options.frame_seconds,
            options.idle_seconds,
            options.connections,
            options.connections_per_peer,
        )
        server = Server(bounds, self._who, self._context)
        later = LaterAcknowledgements(options.addresses(), self._to_others, server.told)
        dialog = DialogOptions(options.format, options.max_bytes, options.application_error)
        server.start(options.host, options.port, Hl7Dialog(exchange, dialog, later, server.told))
        later.start()
        self._server, self._later = server, later

    def stop(self) -> None:
        """Take in no more, answer what is taken in, and close. Does nothing if it is not running."""
        end = time.monotonic() + self.longest_stop
        server, self._server = self._server, None
        if server is not None and self._later is not None:
            server.stop(self.longest_stop)
            self._later.stop(end - time.monotonic())

    def _who(self, connection: socket.socket) -> str | None:
        """Return the peer or carrier at the other end; None if its certificate is nobody's, or is several's."""
        if self._options.peer is not None:
            return self._options.peer
        names = names_in(connection) if isinstance(connection, ssl.SSLSocket) else frozenset[str]()
        found = {self._known[name] for name in names if name in self._known}
        return found.pop() if len(found) == 1 else None
