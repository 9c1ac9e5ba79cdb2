"""An endpoint on a real socket: in a thread of the test's own process, with the server that `serve` runs."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from ip_fhir.exchange import Exchange
from ip_fhir.settings import HttpSettings
from ip_fhir.web.app import create_app
from ip_fhir.web.clients import Proxies
from ip_fhir.web.logins import Logins
from ip_fhir.web.protection import Protection
from ip_fhir.web.serving import Server, server_config


@dataclass
class Served:
    """A running endpoint: its port, its protection and the socket it listens on."""

    port: int
    protection: Protection

    listener: Any

    def connect(self, *, narrow: bool = False) -> socket.socket:
        """A connection to it; a narrow one takes few bytes that nobody reads."""
        made = socket.socket()
        if narrow:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # its connections have what it has
        made.settimeout(20)
        made.connect(("127.0.0.1", self.port))
        return made

    def answer(self, request: bytes, *, step: int = 1_000_000) -> bytes:
        """All that it says until it closes the connection, after `request` was sent in pieces of `step` bytes."""
        with self.connect() as made:
            for start in range(0, len(request), step):
                made.sendall(request[start : start + step])
            return read_to_end(made)


@contextmanager
def served(exchange: Exchange, *, clock: Callable[[], float] = time.monotonic, **http: Any) -> Iterator[Served]:
    """The endpoint of an exchange, with these settings of `[http]`; `clock` is that of the waits after log-ins."""
    settings = HttpSettings.model_validate({"port": 0, **http})
    protection = Protection.of(settings, exchange.limits)
    protection = replace(protection, logins=Logins(Proxies(settings.proxies), protection.told, clock))
    app = create_app(exchange, protection=protection)
    server = Server(server_config(app, settings, protection))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        eventually(lambda: server.started)
        listener = server.servers[0].sockets[0]
        yield Served(listener.getsockname()[1], protection, listener)
    finally:
        server.should_exit = True
        thread.join(20)


def read_to_end(connection: socket.socket) -> bytes:
    """All that comes until the other end closes."""
    found = bytearray()
    try:
        while part := connection.recv(65_536):
            found += part
    except ConnectionResetError:
        pass
    return bytes(found)


def is_open(connection: socket.socket) -> bool:
    """True unless the other end has closed a connection on which nothing is to be read."""
    connection.setblocking(False)
    try:
        while connection.recv(65_536):
            pass
        return False
    except BlockingIOError:
        return True
    except ConnectionError:
        return False


def eventually(holds: Callable[[], bool], seconds: float = 20.0) -> None:
    """Wait until it holds."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            message = "it did not happen"
            raise AssertionError(message)
        time.sleep(0.01)
