"""Sockets of the endpoint: bound before anything else, or refused with the address and the reason."""

import errno
import socket

import pytest

from ip_fhir.web.sockets import address_of, bound_sockets, close_all


def test_an_address_in_use_is_named() -> None:
    """Somebody listens there: the error names host and port, and leaves no socket open."""
    with socket.create_server(("127.0.0.1", 0)) as theirs:
        port = theirs.getsockname()[1]
        with pytest.raises(OSError, match="in use") as caught:
            bound_sockets("127.0.0.1", port)
    assert (caught.value.errno, caught.value.filename) == (errno.EADDRINUSE, f"127.0.0.1:{port}")


@pytest.mark.parametrize("host", ["198.51.100.7", "no-such-host.invalid"])
def test_an_address_that_is_not_ours(host: str) -> None:
    """Neither another machine's address nor an unknown name can be listened at."""
    with pytest.raises(OSError) as caught:  # noqa: PT011 - the reason is the machine's
        bound_sockets(host, 0)
    assert caught.value.filename == f"{host}:0"
    assert caught.value.strerror


def test_a_name_is_each_of_its_addresses() -> None:
    """`localhost` is bound once for each of its addresses that this machine has."""
    found = bound_sockets("localhost", 0)
    try:
        assert found
        assert len({one.family for one in found}) == len(found)
        assert all(address_of(one).startswith("http://") for one in found)
    finally:
        close_all(found)
