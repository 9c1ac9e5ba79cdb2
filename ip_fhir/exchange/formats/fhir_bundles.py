"""FHIR bundles on the wire: messages, and transactions whose ServiceRequest and Task are a notice."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, ClassVar

import orjson

from ip_fhir.exchange.formats.protocol import Answer
from ip_fhir.fhir.bundle import entries_of
from ip_fhir.fhir.containing import standing_alone
from ip_fhir.fhir.reading import FHIR_JSON, Limits, read_json, write_json
from ip_fhir.fhir.receipt import receipt_to_fhir
from ip_fhir.fhir.subjects import persons_in
from ip_fhir.mapping import message_from_fhir, message_from_transaction, message_to_fhir

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ip_fhir.domain.message import Message
    from ip_fhir.domain.values.ids import PersonId
    from ip_fhir.mapping import Mapper
    from ip_fhir.ports import JsonObject, WireFormat

_ENVELOPE = frozenset({"id", "timestamp", "meta"})  # a sender may renew these when it sends again


class FhirMessage:
    """FHIR messaging: message Bundles, answered by response messages."""

    name: ClassVar[WireFormat] = "fhir-message"
    content_type: ClassVar[str] = FHIR_JSON
    receipts: ClassVar[bool] = True

    def read(self, content: bytes, limits: Limits) -> JsonObject:
        """Parse the Bundle."""
        return read_json(content, limits)

    def message(self, parsed: JsonObject, mapper: Mapper) -> Message:
        """Map it."""
        return message_from_fhir(parsed, mapper)

    def resources(self, parsed: JsonObject) -> Sequence[JsonObject]:
        """Those entries."""
        return _served(parsed)

    def persons(self, parsed: JsonObject) -> frozenset[PersonId]:
        """Of every Patient in the Bundle, and of every subject that is named by a number."""
        return persons_in(parsed)

    def digest(self, parsed: JsonObject) -> str:
        """Over the Bundle without its envelope, keys sorted."""
        return _digest(parsed)

    def write(self, message: Message, mapper: Mapper) -> bytes:
        """A message Bundle."""
        return write_json(message_to_fhir(message, mapper))

    def reply(self, parsed: JsonObject, answer: Answer) -> bytes:
        """A response message."""
        return write_json(receipt_to_fhir(answer.receipt, parsed, answer.at, answer.url))


class FhirTransaction:
    """FHIR REST: a transaction Bundle whose ServiceRequest and Task are a notice. Only taken in, never sent."""

    name: ClassVar[WireFormat] = "fhir-transaction"
    content_type: ClassVar[str] = FHIR_JSON
    receipts: ClassVar[bool] = False

    def read(self, content: bytes, limits: Limits) -> JsonObject:
        """Parse the Bundle."""
        return read_json(content, limits)

    def message(self, parsed: JsonObject, mapper: Mapper) -> Message:
        """Map it."""
        return message_from_transaction(parsed, mapper)

    def resources(self, parsed: JsonObject) -> Sequence[JsonObject]:
        """Those entries."""
        return _served(parsed)

    def persons(self, parsed: JsonObject) -> frozenset[PersonId]:
        """Of every Patient in the Bundle, and of every subject that is named by a number."""
        return persons_in(parsed)

    def digest(self, parsed: JsonObject) -> str:
        """Over the Bundle without its envelope, keys sorted."""
        return _digest(parsed)

    def reply(self, parsed: JsonObject, answer: Answer) -> bytes:
        """A transaction-response with an entry for each entry, in order."""
        entries = [_answered(entry, answer.stored, answer.at) for entry in parsed.get("entry", [])]
        return write_json({"resourceType": "Bundle", "type": "transaction-response", "entry": entries})


def _answered(entry: JsonObject, stored: Sequence[JsonObject], now: datetime) -> JsonObject:
    """Where an entry's resource is to be found now; the others live inside the notice, and have no address here."""
    response: JsonObject = {"status": "201 Created", "lastModified": now.isoformat(timespec="milliseconds")}
    type_ = entry.get("resource", {}).get("resourceType")
    found = next((r for r in stored if r.get("resourceType") == type_), None)
    if found is not None:
        version = found["meta"]["versionId"]
        response |= {"location": f"{type_}/{found['id']}/_history/{version}", "etag": f'W/"{version}"'}
    return {"response": response}


_SERVED = ("ServiceRequest", "Task")


def _served(bundle: JsonObject) -> list[JsonObject]:
    entries = entries_of(bundle)
    return [standing_alone(entry.resource, entries, _SERVED) for entry in entries if entry.type in _SERVED]


def _digest(parsed: JsonObject) -> str:
    content = {key: value for key, value in parsed.items() if key not in _ENVELOPE}
    return sha256(orjson.dumps(content, option=orjson.OPT_SORT_KEYS)).hexdigest()
