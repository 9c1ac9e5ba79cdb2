"""One HTTP connection to a peer, and the deadline of each exchange over it.

The timeout of `requests` is for each read, so a peer that sends a byte now and then never ends. Here another thread
shuts the connection down when the time is over: whatever waits for it then ends, be it the TLS handshake, our upload,
the peer's headers, or the peer's body.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from weakref import finalize

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, ProxyManager
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.connection import create_connection

from ip_fhir.ports.hosts import is_loopback
from ip_fhir.wire.http.deadlines import DEADLINES
from ip_fhir.wire.tls import client_context

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

    from ip_fhir.wire.tls import TlsFiles

_CONNECT_SECONDS: Final = 10.0


class Handle:
    """A second handle on the present connection, by which any thread may shut it down.

    It outlives the first, which is closed before the body is read where the peer ends the body by closing.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._socket: socket.socket | None = None

    def hold(self, connection: socket.socket) -> None:
        """Take this connection, and let go of the one before."""
        with self._turn:
            if self._socket is not None:
                self._socket.close()
            self._socket = connection.dup()

    def shut_down(self) -> None:
        """End whatever waits for the connection."""
        with self._turn, suppress(OSError):  # the peer may have closed it
            if self._socket is not None:
                self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of the connection."""
        with self._turn:
            if self._socket is not None:
                self._socket.close()
            self._socket = None


class Line:
    """A session with one origin (scheme, host and port). One exchange at a time, always from the same thread.

    With `admits` no other IP addresses are connected to than those for which it is true, whatever name leads to them.
    """

    def __init__(self, origin: str, tls: TlsFiles | None = None, admits: Callable[[str], bool] | None = None) -> None:
        self.session = requests.Session()
        self.admits = admits or (lambda _address: True)
        # A proxy cannot reach our own machine, and would look up the name by itself.
        self.session.trust_env = admits is None and not is_loopback(urlsplit(origin).hostname or "")
        # No retries of its own: whoever sends decides when to try again, and counts.
        self.session.mount(origin, _Adapter(None if tls is None else client_context(tls)))
        if tls is not None and tls.trusted is not None:
            self.session.verify = tls.trusted  # and nobody whom the machine trusts beside it
        self._handle = Handle()
        finalize(self, self._handle.close)
        self._end = 0.0

    @property
    def left(self) -> float:
        """Seconds until the present exchange must be over; 0.001 at least, since 0 means something else to a socket."""
        return max(0.001, self._end - time.monotonic())

    @property
    def over(self) -> bool:
        """True if the time of the last exchange was over before it ended."""
        return time.monotonic() >= self._end

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Shut the connection down unless the block ends within so many seconds."""
        self._end = time.monotonic() + seconds
        token = _line.set(self)
        try:
            with DEADLINES.watched(self._handle, self._end):
                yield
        finally:
            _line.reset(token)

    def opened(self, connection: socket.socket) -> None:
        """Bound a new connection by the time that is left."""
        connection.settimeout(self.left)
        self._handle.hold(connection)
        if self.over:  # then there was nothing yet to shut down
            self._handle.shut_down()

    def close(self) -> None:
        """Close the connection. The next exchange opens a new one."""
        self.session.close()
        self._handle.close()


_line: ContextVar[Line] = ContextVar("line")


def _connect(made: HTTPConnection) -> socket.socket:
    """Open a connection to the first address of the host that answers, all within the time that is left."""
    end = time.monotonic() + min(_CONNECT_SECONDS, _line.get().left)
    try:
        found = socket.getaddrinfo(made._dns_host, made.port, type=socket.SOCK_STREAM)  # noqa: SLF001 - the name to look up
    except OSError as error:
        raise NameResolutionError(made.host, made, error) from error  # type: ignore[arg-type]
    admitted = [str(address[0]) for *_, address in found if _line.get().admits(str(address[0]))]
    failure: OSError = TimeoutError() if admitted else PermissionError()
    for address in admitted:
        left = end - time.monotonic()
        if left <= 0:
            break
        try:
            opened = create_connection((address, made.port), left, None, made.socket_options)
        except OSError as error:
            failure = error
        else:
            _line.get().opened(opened)
            return opened
    if isinstance(failure, TimeoutError):
        raise ConnectTimeoutError(made, "no connection in time") from failure
    raise NewConnectionError(made, "no connection") from failure


class _Http(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _connect(self)


class _Https(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _connect(self)


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https


_POOLS: Final = {"http": _HttpPool, "https": _HttpsPool}


class _Adapter(HTTPAdapter):
    """Makes every connection by `_connect`, also one to a proxy of the environment (but for SOCKS)."""

    def __init__(self, context: ssl.SSLContext | None) -> None:
        self._context = context
        super().__init__(pool_connections=1, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **more: Any) -> None:
        if self._context is not None:
            more["ssl_context"] = self._context
        super().init_poolmanager(*args, **more)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **more: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **more)
        if type(manager) is ProxyManager:
            manager.pool_classes_by_scheme = _POOLS
        return manager
