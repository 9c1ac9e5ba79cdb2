"""The addresses that may be notified: public ones, and those of the inner network that settings name."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from ip_fhir.exchange.subscriptions.endpoints import Endpoints
from ip_fhir.ports.hosts import is_inner
from ip_fhir.settings import HttpSettings

INNER = [
    *("127.0.0.1", "127.8.8.8", "::1", "0.0.0.0", "::", "10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1"),  # noqa: S104
    *("169.254.169.254", "fe80::1", "fe80::1%eth0", "fd00::1", "224.0.0.1", "ff02::1", "255.255.255.255"),
    *("::ffff:127.0.0.1", "::ffff:10.1.2.3", "64:ff9b::10.0.0.1", "2002:7f00:1::", "192.0.2.1", "2001:db8::1"),
    "2001:0:4136:e378:8000:63bf:f5ff:fffe",  # Teredo to 10.0.0.1
]
PUBLIC = ["193.213.112.4", "8.8.8.8", "2a01:79c::1", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8"]


@pytest.mark.parametrize("address", INNER)
def test_inner_addresses(address: str) -> None:
    """Also where they hide in an address of IPv6; none is called unless settings name it."""
    assert is_inner(address)
    assert not Endpoints().admits(address)


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses(address: str) -> None:
    """They are called, whatever settings name besides."""
    assert not is_inner(address)
    assert Endpoints().admits(address)
    assert Endpoints((ip_network("10.0.0.0/8"),)).admits(address)


def test_what_settings_name() -> None:
    """An address or a network, and no other."""
    settings = HttpSettings.model_validate({"inner_hooks": ["10.1.0.0/16", "127.0.0.1", "fd00::/8"]})
    endpoints = Endpoints(settings.inner_hooks)
    assert [endpoints.admits(one) for one in ("10.1.2.3", "127.0.0.1", "fd00::7")] == [True] * 3
    assert [endpoints.admits(one) for one in ("10.2.2.3", "127.0.0.2", "::1", "169.254.169.254")] == [False] * 4
