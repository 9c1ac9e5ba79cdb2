"""The performer of HTTP requests: bounded, never redirected, and sure only of what cannot have arrived."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
import responses

from ip_fhir.errors import Unavailable
from ip_fhir.ports.http import HttpAnswer, HttpRequest
from ip_fhir.wire.http import Http
from ip_fhir.wire.tls import TlsFiles, server_context
from tests.support.certificates import Authority
from tests.support.rough_peer import Manner, rough_peer

URL = "https://server.example/fhir/Patient/_search"


@responses.activate
def test_an_answer_comes_back_as_it_is() -> None:
    """Status, headers by their small names, and body; the request went out as it stood, with the token."""
    responses.post(URL, status=404, body=b"nothing", headers={"ETag": 'W/"3"'})
    answer = Http().perform(HttpRequest("POST", URL, {"X-Asked": "yes"}, b"name=Kari"), token="secret-token")
    (call,) = responses.calls
    assert (answer.status, answer.headers["etag"], answer.content) == (404, 'W/"3"', b"nothing")
    assert (call.request.body, call.request.headers["X-Asked"]) == (b"name=Kari", "yes")
    assert call.request.headers["Authorization"] == "Bearer secret-token"


@responses.activate
def test_a_redirect_is_an_answer() -> None:
    """Nobody else is asked: the status and the place are given back."""
    responses.get(URL, status=307, headers={"Location": "https://elsewhere.example/"})
    assert Http().perform(HttpRequest("GET", URL)).status == 307
    assert len(responses.calls) == 1


@responses.activate
def test_a_long_body_is_cut_off() -> None:
    """Of a body without end, at most one piece more than the limit is read."""
    responses.get(URL, body=b" " * 5_000_000)
    assert 1_000 < len(Http().perform(HttpRequest("GET", URL), max_bytes=1_000).content) < 200_000


def test_a_connection_that_was_never_made_leaves_no_doubt() -> None:
    """Nobody listens: nothing was sent, so that it may be sent again without looking."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with pytest.raises(Unavailable) as caught:
        Http().perform(HttpRequest("POST", f"http://127.0.0.1:{port}/Goal", {}, b"{}"), timeout=5)
    assert not caught.value.in_doubt


@pytest.mark.parametrize("manner", ["silent", "drips body"])
def test_an_answer_that_does_not_come_leaves_doubt(manner: Manner) -> None:
    """The request has arrived, or may have: it is not known if it took effect."""
    with rough_peer(manner) as peer, pytest.raises(Unavailable, match="no answer in time") as caught:
        Http().perform(HttpRequest("POST", peer.url, {"Content-Length": "2"}, b"{}"), timeout=0.3)
    assert caught.value.in_doubt


@responses.activate
def test_no_error_shows_the_address() -> None:
    """Neither text nor repr: an address may hold a person's number."""
    request = HttpRequest("GET", f"{URL}?identifier=17851950222")
    responses.get(URL, body=requests.exceptions.ReadTimeout("17851950222"))
    with pytest.raises(Unavailable) as caught:
        Http().perform(request)
    assert "17851950222" not in f"{caught.value!r} {request!r}"
    assert "server.example" in str(caught.value)


@pytest.mark.parametrize(
    ("headers", "seconds"), [({"retry-after": "7"}, 7.0), ({}, None), ({"retry-after": "x"}, None)]
)
def test_a_wait_that_was_asked_for(headers: dict[str, str], seconds: float | None) -> None:
    """Seconds, or nothing usable; dates are tried with the adapter."""
    assert HttpAnswer(503, headers).retry_after == seconds


def test_both_sides_show_certificates(tmp_path: Path) -> None:
    """With our certificate we get in; without it, or with one that the server does not trust, nothing is sent."""
    authority, stranger = Authority(tmp_path), Authority(tmp_path, "stranger")
    ours, theirs = authority.certificate("us"), authority.certificate("server")
    with _https(server_context(TlsFiles(theirs["certificate"], theirs["key"], trusted=authority.trusted))) as url:
        files = TlsFiles(ours["certificate"], ours["key"], trusted=authority.trusted)
        assert Http().perform(HttpRequest("GET", url), tls=files).status == 200
        other = stranger.certificate("other")
        for wrong in (
            TlsFiles(trusted=authority.trusted),
            TlsFiles(other["certificate"], other["key"], trusted=authority.trusted),
        ):
            with pytest.raises(Unavailable):
                Http().perform(HttpRequest("GET", url), tls=wrong, timeout=5)


def test_whom_we_do_not_trust_gets_nothing(tmp_path: Path) -> None:
    """A server with another authority's certificate: TLS fails, whatever else the machine trusts."""
    authority, stranger = Authority(tmp_path), Authority(tmp_path, "stranger")
    theirs = stranger.certificate("server")
    with _https(server_context(TlsFiles(theirs["certificate"], theirs["key"], trusted=authority.trusted))) as url:
        ours = authority.certificate("us")
        files = TlsFiles(ours["certificate"], ours["key"], trusted=authority.trusted)
        with pytest.raises(Unavailable, match="TLS failed"):
            Http().perform(HttpRequest("GET", url), tls=files, timeout=5)


@contextmanager
def _https(context: ssl.SSLContext) -> Iterator[str]:
    """A server on this machine that answers everything with 200, to whoever has a certificate."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's own name
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
