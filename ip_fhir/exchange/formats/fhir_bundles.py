"""FHIR bundles on the wire: messages, and transactions whose ServiceRequest and Task are a notice."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

import orjson

from ip_fhir.domain.consent.protection import EVERY_PART
from ip_fhir.domain.sharing.messages import PlanMessage
from ip_fhir.fhir.bundle import BundleContent, content_of_transaction
from ip_fhir.fhir.containing import standing_alone
from ip_fhir.fhir.json_text import dumps
from ip_fhir.fhir.reading import FHIR_JSON, read_json, write_json
from ip_fhir.fhir.receipt import receipt_to_fhir
from ip_fhir.fhir.references import References
from ip_fhir.fhir.subjects import persons_in
from ip_fhir.mapping import (
    is_plan_message,
    message_from_fhir,
    message_from_transaction,
    message_to_fhir,
    plan_message_from_fhir,
    plan_message_to_fhir,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ip_fhir.domain.message import Message
    from ip_fhir.domain.values.ids import PersonId
    from ip_fhir.exchange.formats.protocol import Answer, MessageField
    from ip_fhir.fhir.reading import Limits
    from ip_fhir.mapping import Mapper
    from ip_fhir.ports import JsonObject, WireFormat

_ENVELOPE = frozenset({"id", "timestamp", "meta"})  # a sender may renew these when it sends again
_SERVED = ("ServiceRequest", "Task")

_PLACES_IN_MESSAGE: dict[MessageField, str] = {
    "message.id": "MessageHeader.id",
    "kind": "MessageHeader.event",
    "correlation_id": "MessageHeader",
    "sent": "Bundle.timestamp",
    "sender": "MessageHeader.sender",
    "recipient": "MessageHeader.destination",
    "owner": "Patient.identifier",
}
_PLACES_IN_TRANSACTION: dict[MessageField, str] = {
    "message.id": "ServiceRequest.id",
    "kind": "Bundle.type",
    "correlation_id": "ServiceRequest.identifier",
    "sent": "ServiceRequest.authoredOn",
    "sender": "ServiceRequest.requester",
    "recipient": "ServiceRequest.performer",
    "owner": "Patient.identifier",
}


class FhirMessage:
    """FHIR messaging: message Bundles, answered by response messages."""

    name: WireFormat = "fhir-message"
    content_type: str = FHIR_JSON
    receipts: bool = True

    def open(self, content: bytes, limits: Limits) -> IncomingMessage:
        """Parse the Bundle."""
        return IncomingMessage(read_json(content, limits))

    def write(self, message: Message | PlanMessage, mapper: Mapper) -> bytes:
        """Return a message Bundle.

        What is not for the recipient was taken out of the message (`loop.message_of`, `sharing.see`).
        """
        mapper = mapper.releasing(EVERY_PART)
        if isinstance(message, PlanMessage):
            return write_json(plan_message_to_fhir(message, mapper))
        return write_json(message_to_fhir(message, mapper))


class FhirTransaction:
    """FHIR REST: a transaction Bundle whose ServiceRequest and Task are a notice.

    Only taken in, never sent: it has neither a receipt nor a key by which a resend is known.
    """

    name: WireFormat = "fhir-transaction"
    content_type: str = FHIR_JSON
    receipts: bool = False

    def open(self, content: bytes, limits: Limits) -> IncomingTransaction:
        """Parse the Bundle."""
        return IncomingTransaction(read_json(content, limits))


class _IncomingBundle:
    """A Bundle that came in. Its content is read once, for the message, the persons and the resources."""

    def __init__(self, bundle: JsonObject) -> None:
        self._bundle = bundle
        self._content = BundleContent(bundle)

    def resources(self) -> Sequence[JsonObject]:
        """Return its ServiceRequest and Task, each with the resources it refers to contained in it."""
        entries = self._content.entries
        links = References(entries)
        return [standing_alone(entry.resource, links, _SERVED) for entry in entries if entry.type in _SERVED]

    def persons(self) -> frozenset[PersonId]:
        """Return the numbers of every Patient in the Bundle, and of every subject that is named by a number."""
        return persons_in(self._content)

    def digest(self) -> str:
        """Return the SHA-256 of the Bundle without its envelope, keys sorted."""
        content = {key: value for key, value in self._bundle.items() if key not in _ENVELOPE}
        return sha256(dumps(content, orjson.OPT_SORT_KEYS)).hexdigest()


class IncomingMessage(_IncomingBundle):
    """A message Bundle that came in."""

    def message(self, mapper: Mapper) -> Message | PlanMessage:
        """Return the message, read by the site's tables. The event in its header says whether it is about a plan."""
        read = plan_message_from_fhir if is_plan_message(self._bundle, mapper) else message_from_fhir
        return read(self._content, mapper)

    def reply(self, answer: Answer) -> bytes:
        """Return a response message."""
        return write_json(receipt_to_fhir(answer.receipt, self._bundle, answer.at, answer.url))

    def place(self, field: MessageField) -> str:
        """Return the FHIRPath of a field."""
        return _PLACES_IN_MESSAGE[field]


class IncomingTransaction(_IncomingBundle):
    """A transaction Bundle that came in."""

    def __init__(self, bundle: JsonObject) -> None:
        content = content_of_transaction(bundle)
        super().__init__(content.bundle)
        self._content = content

    def message(self, mapper: Mapper) -> Message:
        """Return the notice as a message, read by the site's tables."""
        return message_from_transaction(self._content, mapper)

    def reply(self, answer: Answer) -> bytes:
        """Return a transaction-response with an entry for each entry, in order."""
        entries = [_answered(entry, answer.stored, answer.at) for entry in self._bundle.get("entry", [])]
        return write_json({"resourceType": "Bundle", "type": "transaction-response", "entry": entries})

    def place(self, field: MessageField) -> str:
        """Return the FHIRPath of a field of the notice."""
        return _PLACES_IN_TRANSACTION[field]


def _answered(entry: JsonObject, stored: Sequence[JsonObject], now: datetime) -> JsonObject:
    """The response for an entry: the address of its resource; none for a resource that is kept inside the notice."""
    response: JsonObject = {"status": "201 Created", "lastModified": now.isoformat(timespec="milliseconds")}
    type_ = entry.get("resource", {}).get("resourceType")
    found = next((r for r in stored if r.get("resourceType") == type_), None)
    if found is not None:
        version = found["meta"]["versionId"]
        response |= {"location": f"{type_}/{found['id']}/_history/{version}", "etag": f'W/"{version}"'}
    return {"response": response}
