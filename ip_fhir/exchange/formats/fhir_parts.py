"""A message that somebody's own tools have written to a FHIR server as resources, without a message Bundle.

A Task for the receiver says what it is: its id (`identifier`), its kind (`code`), the loop (`groupIdentifier`), when
(`authoredOn`), from whom (`requester`) and to whom (`owner`). Its `focus` and what that refers to are the content. They
come as a collection, as they are on the server; from the Task the header of a message is made, and it is read as any.
"""

from __future__ import annotations

from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

import orjson

from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.formats.fhir_bundles import IncomingMessage
from ip_fhir.fhir.bundle import BundleContent
from ip_fhir.fhir.json_text import dumps
from ip_fhir.fhir.reading import write_json
from ip_fhir.fhir.receipt import receipt_to_fhir
from ip_fhir.fhir.rest.carrier import TASK, content_digest, kind_of, message_id
from ip_fhir.mapping import is_plan_message, message_from_fhir

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ip_fhir.domain.message import Message
    from ip_fhir.exchange.formats.protocol import Answer, MessageField
    from ip_fhir.mapping import Mapper
    from ip_fhir.mapping.tables.model import Systems
    from ip_fhir.ports import JsonObject

_PLACES: Final[dict[MessageField, str]] = {
    "message.id": "Task.identifier",
    "kind": "Task.code",
    "correlation_id": "Task.groupIdentifier",
    "sent": "Task.authoredOn",
    "sender": "Task.requester",
    "recipient": "Task.owner",
    "owner": "Patient.identifier",
}
_PARTIES: Final = {"sender": "requester", "recipient": "owner"}


class IncomingParts(IncomingMessage):
    """A message as the resources of a collection, one of which is the Task that says what it is."""

    def __init__(self, collection: JsonObject) -> None:
        super().__init__(collection)
        tasks = [entry.resource for entry in self._content.entries if entry.type == TASK]
        if len(tasks) != 1 or kind_of(tasks[0]) is None:
            raise InvalidInput.at(
                "Bundle.entry", "does not hold one Task that names a message and its kind", "required"
            )
        self._task = tasks[0]

    def message(self, mapper: Mapper) -> Message:
        """Return the message, read by the site's tables. Raises `InvalidInput`; a message about a plan is refused."""
        header = self._header(mapper.compiled.systems)
        entries = [entry for entry in self._bundle["entry"] if entry["resource"]["resourceType"] != TASK]
        made = {**self._envelope(header), "entry": [{"resource": header}, *entries]}
        if is_plan_message(made, mapper):
            reason = "is about a plan, which is read only from the message inside a Task"
            raise InvalidInput.at("Task.code", reason, "not-supported")
        return message_from_fhir(BundleContent(made), mapper)

    def resources(self) -> Sequence[JsonObject]:
        """Return the ServiceRequest as the other side wrote it: its Task is about this message, and not the loop's."""
        return [resource for resource in super().resources() if resource["resourceType"] != TASK]

    def digest(self) -> str:
        """Return the SHA-256 of what Task and resources say, in any order, without ids and versions of the server."""
        others = [entry.resource for entry in self._content.entries if entry.type != TASK]
        said = [*sorted(map(content_digest, others)), message_id(self._task), write_json(self._kind).decode()]
        return sha256(dumps(said, orjson.OPT_SORT_KEYS)).hexdigest()

    def reply(self, answer: Answer) -> bytes:
        """Return a response message."""
        header = {"resourceType": "MessageHeader", "id": message_id(self._task), "eventCoding": self._kind}
        request = {**self._envelope(header), "entry": [{"resource": header}]}
        return write_json(receipt_to_fhir(answer.receipt, request, answer.at, answer.url))

    def place(self, field: MessageField) -> str:
        """Return the FHIRPath of a field in the Task."""
        return _PLACES[field]

    @cached_property
    def _kind(self) -> JsonObject:
        return kind_of(self._task) or {}

    def _envelope(self, header: JsonObject) -> JsonObject:
        sent = self._task.get("authoredOn")
        named = {"timestamp": sent} if isinstance(sent, str) else {}
        return {"resourceType": "Bundle", "id": header["id"], "type": "message", **named}

    def _header(self, systems: Systems) -> JsonObject:
        """The MessageHeader that the Task stands for. Raises `InvalidInput` where the Task does not say enough."""
        parties = {name: self._party(element, name) for name, element in _PARTIES.items()}
        header: dict[str, Any] = {"resourceType": "MessageHeader", "id": message_id(self._task)}
        header["eventCoding"] = self._kind
        loop = self._task.get("groupIdentifier")
        if not isinstance(loop, dict) or loop.get("system") not in systems.accepted("id-referral"):
            reason = f"does not name the loop by {systems.uri('id-referral')}"
            raise InvalidInput.at("Task.groupIdentifier", reason, "required")
        header["extension"] = [{"url": systems.uri("ip-correlation"), "valueIdentifier": loop}]
        header["contained"] = [*parties.values()]
        header["sender"] = {"reference": "#sender"}
        header["destination"] = [{"receiver": {"reference": "#recipient"}}]
        return header

    def _party(self, element: str, name: str) -> JsonObject:
        """The organisation that an element of the Task refers to, as it is contained in a header."""
        node = self._task.get(element)
        reference = node.get("reference") if isinstance(node, dict) else None
        for entry in self._content.entries:
            if isinstance(reference, str) and entry.type == "Organization" and _names(reference, entry.full_url):
                return {**entry.resource, "id": name}
        raise InvalidInput.at(f"Task.{element}", "refers to no Organization of the server", "required")


def _names(reference: str, full_url: str | None) -> bool:
    """True if a reference, relative or absolute, names the resource with this address."""
    return full_url is not None and (full_url == reference or full_url.endswith(f"/{reference}"))
