"""Headers: each is read as the standard has it, and what is not sure is refused. And what is refused is counted."""

from __future__ import annotations

import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

from ip_fhir.errors import InvalidInput, StoreError
from ip_fhir.fhir.reading import DEFAULT_LIMITS
from ip_fhir.web import requests as asked
from ip_fhir.web.app import create_app
from tests.support.two_sides import TOKENS, Loop

NEAR = ("127.0.0.1", 50_000)
AUTH = {"Authorization": f"Bearer {TOKENS['hospital']}"}


def request(*headers: tuple[str, str]) -> Request:
    """A request with these headers."""
    return Request({"type": "http", "headers": [(name.lower().encode(), value.encode()) for name, value in headers]})


@pytest.mark.parametrize(
    "parameters",
    [
        "",
        ";charset=utf-8",
        "; version=4.0; charset=UTF-8",
        '; charset="utf-8"',
        "; Charset = utf8",
        "; fhirVersion=4.0",
    ],
)
def test_utf_8_is_spoken(parameters: str) -> None:
    """Named in any place, quoted or not, or not at all."""
    asked.require_json(request(("Content-Type", f"application/fhir+json{parameters}")))


@pytest.mark.parametrize(
    "parameters",
    [
        "; version=4.0; charset=utf-16",
        ';charset="utf-16"',
        "; charset=utf-8; charset=utf-16",
        '; a="; charset=utf-8"; charset=latin1',
        "; charset",
        "; charset=",
        "; charset*=us-ascii''utf-16",
    ],
)
def test_another_charset_is_found_wherever_it_stands(parameters: str) -> None:
    """HTTP 415, not a text that is read as what it is not."""
    with pytest.raises(InvalidInput, match="UTF-8") as refused:
        asked.require_json(request(("Content-Type", f"application/fhir+json{parameters}")))
    assert refused.value.status == 415


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "identity, gzip", "x"])
def test_a_compressed_body_is_refused(coding: str) -> None:
    """HTTP 415, for JSON and for forms; identity is none."""
    for check, type_ in (
        (asked.require_json, "application/fhir+json"),
        (asked.require_form, "application/x-www-form-urlencoded"),
    ):
        check(request(("Content-Type", type_), ("Content-Encoding", "identity")))
        with pytest.raises(InvalidInput, match="not compressed") as refused:
            check(request(("Content-Type", type_), ("Content-Encoding", coding)))
        assert refused.value.status == 415


def test_two_content_types_are_none() -> None:
    """Which of them holds, nobody knows."""
    two = request(("Content-Type", "application/fhir+json"), ("Content-Type", "application/fhir+json"))
    with pytest.raises(InvalidInput, match=r"fhir\+json"):
        asked.require_json(two)


@pytest.mark.parametrize(("tag", "version"), [('W/"1"', 1), ('"3"', 3), (' W/"120" ', 120)])
def test_a_version_is_what_we_have_given(tag: str, version: int) -> None:
    """Weak, as we write it, or strong, as some clients send it back."""
    assert asked.if_match(request(("If-Match", tag))) == version


@pytest.mark.parametrize(
    "tag",
    ["1", 'W/"01"', 'W/"1", W/"2"', '"1",', "*", 'w/"1"', "W/1", 'W/""', '""1""', 'W/"+1"', 'W/"1_0"', 'W/"\u0661"'],
)
def test_no_other_version_is_guessed(tag: str) -> None:
    """HTTP 400 for lists, stars, bare numbers and leading zeros."""
    with pytest.raises(InvalidInput, match="not of the form") as refused:
        asked.if_match(request(("If-Match", tag)))
    assert refused.value.status == 400


def test_two_versions_are_none() -> None:
    """Two headers are a list."""
    with pytest.raises(InvalidInput, match="not of the form"):
        asked.if_match(request(("If-Match", 'W/"1"'), ("If-Match", 'W/"1"')))


def test_a_full_disk_is_seen(loop: Loop, caplog: pytest.LogCaptureFixture) -> None:
    """What is answered with 503 because the store fails is a line with the reason, once a minute, and a figure."""
    exchange = loop.municipality.exchange
    client = TestClient(create_app(exchange), client=NEAR, raise_server_exceptions=False)
    loop.municipality.store.search_resources = _full  # type: ignore[attr-defined]
    answers = [client.get("/Task", headers=AUTH) for _ in range(20)]
    assert {answer.status_code for answer in answers} == {503}
    assert {answer.headers["retry-after"] for answer in answers} == {"5"}
    assert caplog.messages == ["requests answered with 503: the store failed: SQLITE_FULL"]
    assert 'ip_fhir_refused_requests_total{reason="store-failed"} 20.0' in client.get("/metrics").text


def _full(*_: object, **__: object) -> None:
    raise StoreError("the store failed: SQLITE_FULL")


def test_what_belongs_to_a_message_is_no_refused_request(loop: Loop, caplog: pytest.LogCaptureFixture) -> None:
    """A damaged message, an unknown Task and a wrong method are told their sender and counted elsewhere."""
    client = TestClient(create_app(loop.municipality.exchange), client=NEAR)
    json = {**AUTH, "Content-Type": "application/fhir+json"}
    assert client.post("/$process-message", content=b"{}", headers=json).status_code == 400
    assert client.get("/Task/1", headers=AUTH).status_code == 404
    assert client.delete("/Task/1", headers=AUTH).status_code == 405
    longer = b" " * (DEFAULT_LIMITS.max_bytes + 1)
    assert client.post("/$process-message", content=longer, headers=json).status_code == 413
    assert 'ip_fhir_refused_requests_total{reason="too-large"} 1.0' in client.get("/metrics").text
    assert client.get("/metrics").text.count("ip_fhir_refused_requests_total{") == 1
    assert caplog.messages == ["requests refused with 413: too-large"]
