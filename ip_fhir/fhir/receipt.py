"""Receipts as FHIR messages: "I have stored it", or why not. Never the business answer.

A response message is a Bundle whose MessageHeader.response names the message answered and a code
(http://hl7.org/fhir/R4/messaging.html#3.4.1.3); the details are an OperationOutcome in the same Bundle.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast, get_args
from uuid import NAMESPACE_URL, uuid5

from ip_fhir.errors import InvalidInput, Problem
from ip_fhir.fhir.outcome import outcome, problems_from
from ip_fhir.ports import Receipt, ReceiptCode

if TYPE_CHECKING:
    from datetime import datetime

    from ip_fhir.ports import JsonObject


def receipt_to_fhir(receipt: Receipt, request: JsonObject, sent: datetime, endpoint: str) -> JsonObject:
    """Returns the response to the message Bundle `request`, from the system at the address `endpoint`.

    Ids derive from the message answered, so that the same receipt is built again byte for byte.
    """
    reply_id = str(uuid5(NAMESPACE_URL, f"{endpoint}#receipt-of-{receipt.message_id}"))
    outcome_url = uuid5(NAMESPACE_URL, f"{reply_id}#outcome").urn
    header = _header(receipt, message_header(request), endpoint, outcome_url) | {"id": reply_id}
    return {
        "resourceType": "Bundle",
        "id": reply_id,
        "type": "message",
        "timestamp": sent.isoformat(timespec="milliseconds"),
        "entry": [
            {"fullUrl": f"urn:uuid:{reply_id}", "resource": header},
            {"fullUrl": outcome_url, "resource": outcome(receipt.problems)},
        ],
    }


def receipt_from_fhir(bundle: JsonObject) -> Receipt:
    """Reads a receipt from a response message. Raises `InvalidInput` if the Bundle is none."""
    where = "Bundle.entry[0].resource.response"
    response = message_header(bundle).get("response")
    if not isinstance(response, dict):
        raise InvalidInput.at(where, "missing, so this message is no receipt", "required")
    identifier, code = response.get("identifier"), response.get("code")
    if not isinstance(identifier, str):
        raise InvalidInput.at(f"{where}.identifier", "names no message", "required")
    if code not in get_args(ReceiptCode):
        raise InvalidInput.at(f"{where}.code", "no response-code of FHIR", "code-invalid")
    details = (problem for resource in _resources(bundle) for problem in problems_from(resource))
    problems = tuple(p for p in details if p.severity == "error" or code == "ok")
    return Receipt(identifier, cast("ReceiptCode", code), tuple(p for p in problems if not _says_nothing(p)))


def message_header(bundle: JsonObject) -> JsonObject:
    """Returns the MessageHeader of a message Bundle. Raises `InvalidInput` if it is not the first entry."""
    resource = next(iter(_resources(bundle)), None)
    if bundle.get("resourceType") != "Bundle" or bundle.get("type") != "message":
        raise InvalidInput.at("Bundle.type", "no message Bundle", "structure")
    if not isinstance(resource, dict) or resource.get("resourceType") != "MessageHeader":
        raise InvalidInput.at("Bundle.entry[0].resource", "no MessageHeader", "structure")
    return resource


def _header(receipt: Receipt, asked: JsonObject, endpoint: str, outcome_url: str) -> JsonObject:
    header: JsonObject = {"resourceType": "MessageHeader", "source": {"endpoint": endpoint}}
    header |= {key: asked[key] for key in ("eventCoding", "eventUri") if key in asked}
    header["response"] = {
        "identifier": receipt.message_id,
        "code": receipt.code,
        "details": {"reference": outcome_url},
    }
    source = asked.get("source")
    if isinstance(source, dict) and isinstance(source.get("endpoint"), str):
        header["destination"] = [{"endpoint": source["endpoint"]}]
    return header


def _resources(bundle: JsonObject) -> list[Any]:
    entries = bundle.get("entry")
    return [
        entry.get("resource") for entry in (entries if isinstance(entries, list) else ()) if isinstance(entry, dict)
    ]


def _says_nothing(problem: Problem) -> bool:
    return problem.code == "informational"
