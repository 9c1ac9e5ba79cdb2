"""Sockets bound to the endpoint's address, before anything else is opened: an address in use is told at once."""

from __future__ import annotations

import errno
import os
import socket
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable


def bound_sockets(host: str, port: int) -> list[socket.socket]:
    """Returns a socket for each address of `host`, bound to `port`, not listening yet.

    Raises `OSError` with the address as its file name: in use, not allowed, not of this machine, unknown.
    """
    made: list[socket.socket] = []
    absent: OSError | None = None
    try:
        for family, kind, protocol, _name, address in _addresses(host, port):
            try:
                made.append(_bound(family, kind, protocol, address))
            except OSError as error:
                if error.errno not in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                    raise
                absent = error  # a machine without IPv6 may have a name for it
        if not made and absent is not None:
            raise absent
    except OSError as error:
        close_all(made)
        raise OSError(error.errno, error.strerror, f"{host}:{port}") from None
    return made


def close_all(sockets: Iterable[socket.socket]) -> None:
    """Closes the sockets; one that is closed already stays so."""
    for one in sockets:
        one.close()


def address_of(one: socket.socket) -> str:
    """Returns the address that a socket is bound to, as in a URL."""
    host, port = one.getsockname()[:2]
    return f"http://[{host}]:{port}" if one.family is socket.AF_INET6 else f"http://{host}:{port}"


def _addresses(host: str, port: int) -> list[Any]:
    """Returns what the machine's resolver says, each once: a name may stand twice in the machine's own list."""
    found: list[Any] = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return list(dict.fromkeys(found))


def _bound(family: int, kind: int, protocol: int, address: Any) -> socket.socket:
    one = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":  # or the address stays taken for a minute after the process before
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.setblocking(False)
        one.bind(address)
    except OSError:
        one.close()
        raise
    return one
