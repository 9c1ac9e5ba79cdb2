"""The adapter fhir-rest ends each exchange in time, whatever the peer does: over real sockets."""

import threading
import time

import pytest

from ip_fhir.errors import Unavailable
from ip_fhir.ports import Endpoint, Outgoing
from ip_fhir_fhir_rest import adapter
from tests.support.rough_peer import Manner, rough_peer

_TIMEOUT = 0.3
_LATE = 0.5
_PERSON = "Kari Nordmann"


def outgoing(url: str, content: bytes = b'{"id": "m-1"}') -> Outgoing:
    """A message to the peer, with little time."""
    return Outgoing("m-1", "c-1", content, "application/fhir+json", Endpoint(url, "a-token-of-ours", _TIMEOUT))


@pytest.mark.parametrize("manner", ["silent", "drips headers", "drips body", "drips to the end", "reads slowly"])
def test_it_ends_in_time(manner: Manner) -> None:
    """Silence, a byte now and then (headers or body), an upload read byte by byte: over when the time is over."""
    content = b'{"id": "m-1", "name": "' + _PERSON.encode() + b" " * 20_000_000 + b'"}'
    with rough_peer(manner) as peer:
        message = outgoing(peer.url, content if manner == "reads slowly" else b'{"id": "m-1"}')
        began = time.monotonic()
        with pytest.raises(Unavailable, match="no answer in time") as caught:
            adapter().send(message)
        assert time.monotonic() - began < _TIMEOUT + _LATE
        assert _PERSON not in str(caught.value)


def test_a_connection_that_is_kept_has_a_deadline_too() -> None:
    """The second exchange over the same connection is bounded as the first, and the third has a new connection."""
    sender = adapter()
    with rough_peer("well") as peer:
        assert sender.send(outgoing(peer.url)).code == "ok"
        peer.manner = "drips body"
        began = time.monotonic()
        with pytest.raises(Unavailable, match="no answer in time"):
            sender.send(outgoing(peer.url))
        assert time.monotonic() - began < _TIMEOUT + _LATE
        peer.manner = "well"
        assert sender.send(outgoing(peer.url)).code == "ok"
    sender.close()


def test_a_handshake_that_never_ends() -> None:
    """TLS: a peer that takes the connection and never shakes hands."""
    with rough_peer("silent") as peer:
        began = time.monotonic()
        with pytest.raises(Unavailable):
            adapter().send(outgoing(peer.url.replace("http:", "https:")))
        assert time.monotonic() - began < _TIMEOUT + _LATE


def test_the_end_of_one_exchange_ends_no_other() -> None:
    """Two threads, one peer that is silent and one that is not: each has its own time."""
    sender, codes = adapter(), list[str]()
    with rough_peer("silent") as silent, rough_peer("well") as well:

        def wait() -> None:
            with pytest.raises(Unavailable):
                sender.send(outgoing(silent.url))

        waiting = threading.Thread(target=wait)
        waiting.start()
        while waiting.is_alive():
            codes.append(sender.send(outgoing(well.url)).code)
            time.sleep(0.02)
        waiting.join()
        codes.append(sender.send(outgoing(well.url)).code)
    assert set(codes) == {"ok"}
    sender.close()
