"""Receipts as response messages, both ways."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ip_fhir.errors import InvalidInput, Problem
from ip_fhir.fhir.receipt import message_header, receipt_from_fhir, receipt_to_fhir
from ip_fhir.ports import Receipt

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
URL = "https://ke.example/fhir"


def request() -> dict[str, Any]:
    """A message as another system sends it."""
    header = {
        "resourceType": "MessageHeader",
        "id": "m-1",
        "eventCoding": {"system": "urn:test", "code": "notice"},
        "source": {"endpoint": "https://hospital.example"},
    }
    return {"resourceType": "Bundle", "type": "message", "entry": [{"fullUrl": "urn:uuid:1", "resource": header}]}


@pytest.mark.parametrize(
    "receipt",
    [
        Receipt("m-1", "ok"),
        Receipt("m-1", "transient-error", (Problem("", "the other side reports: business-rule", "business-rule"),)),
        Receipt("m-1", "fatal-error", (Problem("Task.status", "the other side reports: conflict", "conflict"),)),
    ],
    ids=lambda receipt: receipt.code,
)
def test_round_trip(receipt: Receipt) -> None:
    """A receipt comes back as it was; only the words of problems are replaced."""
    assert receipt_from_fhir(receipt_to_fhir(receipt, request(), NOW, URL)) == receipt


def test_the_response_answers_the_request() -> None:
    """It repeats the event, goes back to the source, and its details point into the Bundle."""
    bundle = receipt_to_fhir(Receipt("m-1", "ok"), request(), NOW, URL)
    header = message_header(bundle)
    assert header["eventCoding"] == {"system": "urn:test", "code": "notice"}
    assert header["destination"] == [{"endpoint": "https://hospital.example"}]
    assert header["response"]["details"]["reference"] == bundle["entry"][1]["fullUrl"]
    assert bundle["entry"][0]["fullUrl"] == f"urn:uuid:{header['id']}"


def test_built_again_it_is_the_same() -> None:
    """Ids are derived, not drawn."""
    receipt = Receipt("m-1", "ok")
    assert receipt_to_fhir(receipt, request(), NOW, URL) == receipt_to_fhir(receipt, request(), NOW, URL)


@pytest.mark.parametrize(
    ("response", "path"),
    [
        (None, "response"),
        ({"code": "ok"}, "response.identifier"),
        ({"identifier": 7, "code": "ok"}, "response.identifier"),
        ({"identifier": "m-1", "code": "fine"}, "response.code"),
        ({"identifier": "m-1", "code": []}, "response.code"),
    ],
)
def test_what_is_no_receipt_is_refused(response: object, path: str) -> None:
    """A response that lacks what it must have is refused with its FHIRPath."""
    bundle = request()
    bundle["entry"][0]["resource"]["response"] = response
    with pytest.raises(InvalidInput) as caught:
        receipt_from_fhir(bundle)
    assert caught.value.problems[0].path.endswith(path)


@pytest.mark.parametrize(
    "bundle",
    [
        {"resourceType": "Bundle", "type": "message"},
        {"resourceType": "Bundle", "type": "message", "entry": [7]},
        {"resourceType": "Bundle", "type": "message", "entry": {"resource": {}}},
        {"resourceType": "Bundle", "type": "message", "entry": [{"resource": {"resourceType": "Task"}}]},
        {"resourceType": "Bundle", "type": "batch", "entry": [{"resource": {"resourceType": "MessageHeader"}}]},
        {"resourceType": "Task"},
    ],
    ids=str,
)
def test_a_message_starts_with_its_header(bundle: dict[str, Any]) -> None:
    """What is no message Bundle is refused, never a KeyError."""
    with pytest.raises(InvalidInput):
        message_header(bundle)


def test_acknowledgements_of_another_country_are_read(shared_data: Path) -> None:
    """Every acknowledgement message of MedCom's test scripts is a receipt to us."""
    read = 0
    for file in sorted((shared_data / "closed-loop" / "medcom").rglob("*.json")):
        bundle = json.loads(file.read_text(encoding="utf-8"))
        if bundle.get("resourceType") != "Bundle" or "response" not in bundle["entry"][0]["resource"]:
            continue
        assert receipt_from_fhir(bundle).code in ("ok", "transient-error", "fatal-error")
        read += 1
    assert read > 2
