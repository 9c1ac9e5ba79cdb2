"""The adapter fhir-rest: a receipt, or one of three errors; never a person's data in their text."""

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import orjson
import pytest
import requests
import responses

from ip_fhir.errors import Conflict, PeerError, Problem, Rejected, Unavailable
from ip_fhir.fhir.outcome import outcome
from ip_fhir.plugins import adapter_names, adapters
from ip_fhir.ports import Adapter, Endpoint, Outgoing
from ip_fhir_fhir_rest import adapter

URL = "https://ke.example/fhir/$process-message"
SENT = b'{"resourceType":"Bundle","name":"Kari Nordmann"}'


def outgoing(url: str = "https://ke.example/fhir", timeout: float = 5.0) -> Outgoing:
    """A message to a peer."""
    endpoint = Endpoint(url, "secret-token-of-ours", timeout)
    return Outgoing("m-1", "c-1", SENT, "application/fhir+json", endpoint)


def receipt(code: str = "ok", identifier: str = "m-1", problems: tuple[Problem, ...] = ()) -> bytes:
    """The peer's response message."""
    header = {"resourceType": "MessageHeader", "response": {"identifier": identifier, "code": code}}
    entries = [{"resource": header}, {"resource": outcome(problems)}]
    return orjson.dumps({"resourceType": "Bundle", "type": "message", "entry": entries})


def test_is_found_as_a_plug_in() -> None:
    """The entry point gives an adapter that says how it is called and what it speaks."""
    assert "fhir-rest" in adapter_names()
    found = adapters(["fhir-rest"])["fhir-rest"]
    assert isinstance(found, Adapter)
    assert (found.name, found.format) == ("fhir-rest", "fhir-message")


@responses.activate
def test_sends_unchanged_bytes_with_the_token() -> None:
    """What was rendered goes out to the byte, as FHIR JSON, with our bearer token; the receipt comes back."""
    responses.post(URL, body=receipt())
    assert adapter().send(outgoing()).code == "ok"
    (call,) = responses.calls
    assert call.request.body == SENT
    assert call.request.headers["Authorization"] == "Bearer secret-token-of-ours"
    assert call.request.headers["Content-Type"] == "application/fhir+json"


@responses.activate
@pytest.mark.parametrize("code", ["ok", "transient-error", "fatal-error"])
def test_the_receipt_says_what_the_peer_said(code: str) -> None:
    """All three codes come through, with the problems."""
    responses.post(URL, body=receipt(code, problems=(Problem("Task.status", "x", "invariant"),)))
    got = adapter().send(outgoing())
    assert (got.message_id, got.code) == ("m-1", code)
    assert got.problems[0].path == "Task.status"


@responses.activate
@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, b"", Rejected),
        (401, b"", Rejected),
        (403, b"<html>Kari Nordmann</html>", Rejected),
        (404, b"", Rejected),
        (409, b"", Conflict),
        (409, orjson.dumps(outcome([Problem("", "other content", "duplicate")])), Rejected),
        (412, b"", Conflict),
        (413, b"", Rejected),
        (422, orjson.dumps(outcome([Problem("Task.code", "Kari Nordmann", "required")])), Rejected),
        (301, b"", Rejected),
        (408, b"", Unavailable),
        (429, b"", Unavailable),
        (500, b"", Unavailable),
        (502, b"", Unavailable),
        (503, b"", Unavailable),
        (200, b"", Unavailable),
        (200, b"Kari Nordmann", Unavailable),
        (200, orjson.dumps(outcome([])), Unavailable),
        (200, receipt(identifier="another"), Unavailable),
        (200, b" " * 2_000_000, Unavailable),
        (204, b"", Unavailable),
    ],
)
def test_every_answer_is_a_receipt_or_an_error(status: int, body: bytes, error: type[PeerError]) -> None:
    """Permanent, transient and changed-under-us are told apart; nothing of the body's words is repeated."""
    responses.post(URL, body=body, status=status)
    with pytest.raises(PeerError) as caught:
        adapter().send(outgoing())
    assert type(caught.value) is error
    assert "ke.example" in str(caught.value)
    assert "Nordmann" not in str(caught.value)
    assert "secret" not in str(caught.value)


@responses.activate
def test_a_rejection_names_the_place() -> None:
    """The peer's OperationOutcome says where; that much is passed on."""
    responses.post(URL, json=outcome([Problem("Bundle.entry[1].resource.code", "x", "required")]), status=422)
    with pytest.raises(Rejected, match=r"Bundle\.entry\[1\]\.resource\.code"):
        adapter().send(outgoing())


@responses.activate
@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "120"}, 120.0),
        ({"Retry-After": "Mon, 02 Mar 2026 10:01:00 GMT", "Date": "Mon, 02 Mar 2026 10:00:00 GMT"}, 60.0),
        ({"Retry-After": "Mon, 02 Mar 2026 09:00:00 GMT", "Date": "Mon, 02 Mar 2026 10:00:00 GMT"}, 0.0),
        ({"Retry-After": "Mon, 02 Mar 2026 10:01:00 GMT"}, None),
        ({"Retry-After": "soon", "Date": "Mon, 02 Mar 2026 10:00:00 GMT"}, None),
        ({"Retry-After": "9" * 400}, None),
        ({"Retry-After": "-5"}, None),
        ({}, None),
    ],
)
def test_retry_after_in_all_its_forms(headers: dict[str, str], seconds: float | None) -> None:
    """Seconds, a date relative to the answer's own Date, or nothing usable."""
    responses.post(URL, status=429, headers=headers)
    with pytest.raises(Unavailable) as caught:
        adapter().send(outgoing())
    assert caught.value.retry_after == seconds


@responses.activate
@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (requests.exceptions.ConnectTimeout("to Kari"), "no connection in time"),
        (requests.exceptions.ReadTimeout("to Kari"), "no answer in time"),
        (requests.exceptions.SSLError("to Kari"), "TLS failed"),
        (requests.exceptions.ConnectionError("to Kari"), "no connection"),
        (requests.exceptions.ChunkedEncodingError("to Kari"), "broke off"),
        (requests.exceptions.InvalidURL("to Kari"), "InvalidURL"),
    ],
)
def test_network_failures_are_unavailable(failure: Exception, words: str) -> None:
    """Whatever the network does, it may be tried again; the text says what failed in our words."""
    responses.post(URL, body=failure)
    with pytest.raises(Unavailable, match=words) as caught:
        adapter().send(outgoing())
    assert "Kari" not in str(caught.value)


class _Server(HTTPServer):
    """A peer on loopback that keeps what it was asked."""

    seen: list[dict[str, str]]
    connections: int = 0

    def get_request(self) -> tuple[Any, Any]:
        self.connections += 1
        return super().get_request()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.server.seen.append(dict(self.headers))
        body = receipt()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's own name
        """Quiet."""


def test_one_connection_for_many_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over a real socket: the connection is reused, a proxy of the environment is not asked for our own machine."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    server = _Server(("127.0.0.1", 0), _Handler)
    server.seen = []
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        sender = adapter()
        for _ in range(3):
            assert sender.send(outgoing(f"http://127.0.0.1:{server.server_port}")).code == "ok"
        sender.close()
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
    assert len(server.seen) == 3
    assert server.connections == 1


def test_nobody_listens() -> None:
    """A port where nobody listens is unavailable, not an exception of the network library."""
    with pytest.raises(Unavailable, match="no connection"):
        adapter().send(outgoing("http://127.0.0.1:9", timeout=1.0))
