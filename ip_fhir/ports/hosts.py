"""Hosts of addresses: those that nobody can listen in on between here and there."""

from __future__ import annotations

from ipaddress import ip_address


def is_loopback(host: str) -> bool:
    """True if the host is this machine itself.

    >>> is_loopback("127.0.0.1"), is_loopback("::1"), is_loopback("ke.example")
    (True, True, False)
    """
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
