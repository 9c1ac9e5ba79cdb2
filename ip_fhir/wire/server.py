"""A server for MLLP: its connections, each of one known peer, and one message at a time on each.

A thread waits for connections, and each connection has a thread of its own: most of the time it waits, and the work on
a message waits for the disk. All bounds are in `Bounds`; each close for one of them is counted in the log.
"""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import time
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from ip_fhir.logs import CountedLog
from ip_fhir.wire.bounds import Room
from ip_fhir.wire.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Callable

    from ip_fhir.wire.bounds import Bounds
    from ip_fhir.wire.connection import Dialog

log = logging.getLogger("ip_fhir.wire")

_LOOK_SECONDS: Final = 1.0
_QUEUE: Final = 64


class Server:
    """Listens at one address from `start` to `stop`. Connections are handed to threads; `told` counts those closed.

    `who` returns the peer of a connection, from its certificate where there is TLS; None: nobody that is known.
    """

    def __init__(
        self,
        bounds: Bounds,
        who: Callable[[socket.socket], str | None],
        context: ssl.SSLContext | None = None,
    ) -> None:
        self.bounds = bounds
        self.who = who
        self.context = context
        self.room = Room(bounds.bytes_in_flight)
        self.told = CountedLog(log)
        self._listening: socket.socket | None = None
        self._stopping = False
        self._connections: set[Connection] = set()
        self._of_peer: Counter[str] = Counter()
        self._moved = threading.Condition()

    @property
    def port(self) -> int:
        """The port where it listens."""
        return 0 if self._listening is None else int(self._listening.getsockname()[1])

    def is_stopping(self) -> bool:
        """True once nothing more is to be taken in."""
        return self._stopping

    def start(self, host: str, port: int, dialog: Dialog) -> None:
        """Listen at the first address of the host, and answer by these rules. Raises `OSError`."""
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        self._listening = socket.create_server(address[:2], family=family, backlog=_QUEUE)
        self._listening.settimeout(_LOOK_SECONDS)
        threading.Thread(target=self._accept, args=(self._listening, dialog), name="mllp", daemon=True).start()
        log.info("listening for MLLP on %s port %d", host, self.port)

    def stop(self, seconds: float) -> None:
        """Take in no more, answer what is taken in, and close; wait at most so long for what is under way."""
        with self._moved:
            self._stopping = True
            listening, self._listening = self._listening, None
            if listening is not None:
                with suppress(OSError):
                    listening.shutdown(socket.SHUT_RDWR)  # ends `accept`, where the system lets it
                listening.close()
            for connection in self._connections:
                connection.read_no_more()
            self._moved.wait_for(lambda: not self._connections, seconds)
        self.told.flush(at_once=True)

    def admit(self, peer: str) -> bool:
        """Count a connection as the peer's; False if the peer has as many as it may have."""
        with self._moved:
            if self._of_peer[peer] >= self.bounds.connections_per_peer:
                return False
            self._of_peer[peer] += 1
            return True

    def forget(self, connection: Connection) -> None:
        """Count a connection no longer."""
        with self._moved:
            self._connections.discard(connection)
            if connection.peer is not None:
                self._of_peer[connection.peer] -= 1
            self._moved.notify_all()

    def _is_full(self) -> bool:
        """True if there is no room for another connection; those of nobody known yet have half of the room at most."""
        unknown = sum(connection.peer is None for connection in self._connections)
        most = self.bounds.connections
        return len(self._connections) >= most or (self.context is not None and unknown >= max(1, most // 2))

    def _accept(self, listening: socket.socket, dialog: Dialog) -> None:
        while not self._stopping:
            try:
                made, _address = listening.accept()
            except TimeoutError:
                self.told.flush()
                continue
            except OSError:
                if not self._stopping:  # too many files, or the other side was quicker: neither may end the listener
                    self.told.note("accept", "a connection could not be accepted")
                    time.sleep(0.1)
                continue
            self._begin(made, dialog)

    def _begin(self, made: socket.socket, dialog: Dialog) -> None:
        connection = Connection(self, made, dialog)
        with self._moved:
            full = self._is_full()
            taken = not full and not self._stopping
            if taken:
                self._connections.add(connection)
        if taken:
            threading.Thread(target=connection.run, name="mllp-connection", daemon=True).start()
            return
        made.close()
        if full:
            self.told.note("connections", "a connection was refused: there are too many")
