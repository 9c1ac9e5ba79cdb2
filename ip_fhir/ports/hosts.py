"""Hosts of addresses: those that nobody can listen in on between here and there."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit


def is_loopback(host: str) -> bool:
    """True if the host is this machine itself.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("ke.example")
    (True, True, False)
    """
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_unheard(url: str) -> bool:
    """True if nobody can listen in on the way to an address: it is https, or http of this machine, and names a host.

    >>> is_unheard("https://ke.example/token"), is_unheard("http://[::1]:9/"), is_unheard("http://ke.example/")
    (True, True, False)
    """
    try:
        address = urlsplit(url)
    except ValueError:
        return False
    local = address.scheme == "http" and is_loopback(address.hostname or "")
    return (address.scheme == "https" or local) and bool(address.hostname)
