"""The address of a client, also behind proxies that the settings name."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from ipaddress import IPv4Network, IPv6Network

    from starlette.requests import Request

_LOCAL = "local"
_REMEMBERED = 1024  # clients whose keys are not worked out again
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
"""The headers by which a proxy shows."""


class Proxies:
    """The proxies in front: the only senders whose `X-Forwarded-For` is believed."""

    def __init__(self, networks: Iterable[IPv4Network | IPv6Network] = ()) -> None:
        self._networks = tuple(networks)

    def __contains__(self, host: str) -> bool:
        if not self._networks:
            return False
        try:
            address = ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self._networks)

    def client(self, request: Request) -> str:
        """The client of a request: who is connected, or whom the last proxy that is not ours named (RFC 7239, 5.2).

        Addresses are read from the right, since whatever stands left of our proxies' own entries is the client's claim.
        """
        host = request.client.host if request.client is not None else ""
        named = ",".join(request.headers.getlist("x-forwarded-for")).split(",")
        while host in self and named and named[-1].strip():
            host = named.pop().strip()
        return client_key(host)


def is_near(request: Request) -> bool:
    """True if a program on this machine asks directly, not through a proxy."""
    if request.client is None or any(name in request.headers for name in FORWARDED):
        return False
    try:
        return ip_address(request.client.host).is_loopback
    except ValueError:
        return False


@lru_cache(_REMEMBERED)
def client_key(host: str | None) -> str:
    """The key under which a client is counted: its address, of IPv6 the first 64 bits, which one subscriber has."""
    try:
        address = ip_address(host or "")
    except ValueError:
        return _LOCAL
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ip_network((address, 64), strict=False))
