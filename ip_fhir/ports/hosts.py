"""Hosts of addresses: those that nobody can listen in on between here and there, and those of an inner network."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final
from urllib.parse import urlsplit

_TRANSLATED: Final = ip_network("64:ff9b::/96")  # RFC 6052: the last 32 bits are an IPv4 address


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


def is_inner(address: str) -> bool:
    """True if an IP address is not one of the public internet: this machine, a private network, a group, none at all.

    >>> is_inner("10.1.2.3"), is_inner("::ffff:127.0.0.1"), is_inner("169.254.169.254"), is_inner("193.213.112.4")
    (True, True, True, False)
    """
    found = _meant(ip_address(address.partition("%")[0]))
    return not found.is_global or found.is_multicast


def _meant(found: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The IPv4 address that an IPv6 address stands for, where it does."""
    if isinstance(found, IPv4Address):
        return found
    if found in _TRANSLATED:
        return IPv4Address(int(found) & 0xFFFF_FFFF)
    return found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo is not None else found)
