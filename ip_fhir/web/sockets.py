"""Sockets bound to the endpoint's address, before anything else is opened: an address in use is told at once."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
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


def bound_file(path: Path) -> socket.socket:
    """Returns a socket bound to a file that only our own user can open, not listening yet.

    A file that a process before left behind is replaced. Raises `OSError` with the file's name: in use, not allowed,
    too long a name (some 100 letters), not on this system.
    """
    try:
        if _is_left_behind(path):
            path.unlink()
        one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        before = os.umask(0o177)
        try:
            one.setblocking(False)
            one.bind(str(path))
        except OSError:
            one.close()
            raise
        finally:
            os.umask(before)
    except AttributeError:
        raise OSError(errno.EAFNOSUPPORT, "this system has no socket files", str(path)) from None
    except OSError as error:
        raise OSError(error.errno or errno.EINVAL, error.strerror or str(error), str(path)) from None
    return one


def _is_left_behind(path: Path) -> bool:
    """True for a socket file at which nobody listens."""
    if not path.is_socket():
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asking:
        try:
            asking.connect(str(path))
        except ConnectionRefusedError:
            return True
    return False


def close_all(sockets: Iterable[socket.socket]) -> None:
    """Closes the sockets, and removes the files of those that have one; what is closed already stays so."""
    for one in sockets:
        name = one.getsockname() if one.fileno() >= 0 else None
        one.close()
        if isinstance(name, str) and name:
            Path(name).unlink(missing_ok=True)


def address_of(one: socket.socket) -> str:
    """Returns the address that a socket is bound to, as in a URL; of a socket file its name."""
    if isinstance(name := one.getsockname(), str):
        return f"unix:{name}"
    host, port = name[:2]
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
