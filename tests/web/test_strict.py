"""What other servers and proxies may read otherwise is no request here: checked on raw sockets, whole and in pieces."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.served import Served, served
from tests.support.two_sides import TOKENS, make_loop

_HEAD = b"POST /$process-message HTTP/1.1\r\nHost: a\r\n"
_TOKEN = b"Authorization: Bearer " + TOKENS["hospital"].encode() + b"\r\n"
_JSON = b"Content-Type: application/fhir+json\r\n"
_CHUNKED = b"Transfer-Encoding: chunked\r\n"
_END = b"Connection: close\r\n\r\n"

_LOOSE = {
    "Content-Length beside chunked": _HEAD + b"Content-Length: 5\r\n" + _CHUNKED + _END + b"0\r\n\r\n",
    "chunks in HTTP/1.0": _HEAD.replace(b"1.1", b"1.0") + _CHUNKED + _END + b"0\r\n\r\n",
    "a folded header": _HEAD + b"X: a\r\n b\r\n" + _END,
    "a blank before the first header": _HEAD.replace(b"Host", b" Host") + _END,
    "a bare LF after the request line": _HEAD.replace(b"1.1\r\n", b"1.1\n") + _END,
    "a bare LF after a header": _HEAD + b"X: a\n" + _END,
    "a bare LF for the blank line": _HEAD + b"Connection: close\r\n\n",
    "a bare CR in a header": _HEAD + b"X: a\rb\r\n" + _END,
    "a bare LF for the end of chunks": _HEAD + _TOKEN + _JSON + _CHUNKED + _END + b"2\r\n{}\r\n0\r\n\n",
    "a bare LF in a trailer": _HEAD + _TOKEN + _JSON + _CHUNKED + _END + b"2\r\n{}\r\n0\r\nX: a\n\r\n",
    "a bare LF in a chunk's extension": _HEAD + _TOKEN + _JSON + _CHUNKED + _END + b"2;a\n\r\n{}\r\n0\r\n\r\n",
    "50,000 chunks of a byte": _HEAD + _TOKEN + _JSON + _CHUNKED + _END + b"1\r\n \r\n" * 50_000,
    "two Host": _HEAD + b"Host: b\r\n" + _END,
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\r\n\r\n",
}


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The municipality's endpoint."""
    loop = make_loop(tmp_path_factory.mktemp("strict"))
    with served(loop.municipality.exchange) as made:
        yield made
    loop.municipality.exchange.close()
    loop.hospital.exchange.close()


def refused(endpoint: Served) -> int:
    """How many requests were refused as no HTTP."""
    return endpoint.protection.refused.counts().get("no-http", 0)


@pytest.mark.parametrize("step", [1_000_000, 7, 1])
@pytest.mark.parametrize("what", _LOOSE)
def test_what_others_may_read_otherwise_is_refused(endpoint: Served, what: str, step: int) -> None:
    """HTTP 400 and the end of the connection, however the bytes are cut; counted by its reason."""
    before = refused(endpoint)
    answer = endpoint.answer(_LOOSE[what], step=step if len(_LOOSE[what]) < 1000 else 1_000_000)
    assert answer.startswith(b"HTTP/1.1 400 "), answer
    assert b"OperationOutcome" in answer
    assert answer.count(b"HTTP/1.1 4") == 1
    assert refused(endpoint) == before + 1


@pytest.mark.parametrize("step", [1_000_000, 3])
@pytest.mark.parametrize("length", [b"Content-Length: 8\r\n", _CHUNKED])
def test_a_body_may_hold_anything(endpoint: Served, length: bytes, step: int) -> None:
    """Line ends and blanks in a body are content, of a whole body and of chunks with a trailer."""
    content = b"\n\n {}\r\n\n"
    body = content if length != _CHUNKED else b"8\r\n" + content + b"\r\n0\r\nX: a\r\n\r\n"
    before = refused(endpoint)
    answer = endpoint.answer(_HEAD + _TOKEN + _JSON + length + _END + body, step=step)
    assert answer.startswith(b"HTTP/1.1 400 ")  # it is JSON, and was read as such, but no resource
    assert b"resourceType" in answer.partition(b"expression")[2]
    assert refused(endpoint) == before


def test_the_next_request_is_read_as_strictly(endpoint: Served) -> None:
    """Two requests at once on one connection: the first is answered, the second, which is folded, refused."""
    answer = endpoint.answer(b"GET /metadata HTTP/1.1\r\nHost: a\r\n\r\n" + _LOOSE["a folded header"])
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert answer.count(b"HTTP/1.1 400 ") == 1


def test_two_who_say_who_they_are(endpoint: Served) -> None:
    """Neither the first `Authorization` counts nor the last."""
    for two in (_TOKEN + _TOKEN, _TOKEN + b"Authorization: Bearer another-token-of-16\r\n"):
        answer = endpoint.answer(b"GET /Task HTTP/1.1\r\nHost: a\r\n" + two + _END)
        assert answer.startswith(b"HTTP/1.1 400 ")
    assert endpoint.answer(b"GET /Task HTTP/1.1\r\nHost: a\r\n" + _TOKEN + _END).startswith(b"HTTP/1.1 200 ")


def test_headers_have_an_end(endpoint: Served) -> None:
    """A request whose headers are longer than 16 KB is refused, not read to its end."""
    assert endpoint.answer(_HEAD + b"X: " + b"a" * 40_000).startswith(b"HTTP/1.1 400 ")


def test_nothing_is_said_of_the_server(endpoint: Served) -> None:
    """The date, and no name or version."""
    answer = endpoint.answer(b"GET /metadata HTTP/1.1\r\nHost: a\r\n" + _END).lower()
    assert b"\r\ndate: " in answer
    assert b"\r\nserver:" not in answer


def test_no_other_protocol_is_spoken(endpoint: Served) -> None:
    """An upgrade to websockets is not made: the request is answered as HTTP."""
    upgrade = b"GET /metadata HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\r\n"
    assert endpoint.answer(upgrade).startswith(b"HTTP/1.1 200 ")
