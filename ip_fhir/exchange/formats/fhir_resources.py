"""Messages as resources of a FHIR server that has no messaging: one transaction, with a Task that carries the message.

Each resource has a condition by which a repeat finds it: patients, practitioners and organisations their number, all
else an identifier that is made for it. `ip_fhir.fhir.rest.carrier` describes the Task. What only says something inside
a message (its header, parameters, a handover's document) stands in the message alone; so does a plan that is proposed
and not in force.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import NAMESPACE_URL, uuid5

from ip_fhir.domain.sharing.messages import PlanMessage
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.formats.fhir_bundles import FhirMessage, IncomingMessage
from ip_fhir.exchange.formats.fhir_parts import IncomingParts
from ip_fhir.fhir.reading import DEFAULT_LIMITS, FHIR_JSON, read_json, write_json
from ip_fhir.fhir.receipt import message_header
from ip_fhir.fhir.references import references_in
from ip_fhir.fhir.rest.carrier import carrier, carrier_in, content_digest, identifiers, message_id, message_in
from ip_fhir.fhir.rest.instances import condition_text
from ip_fhir.fhir.rest.linking import linked
from ip_fhir.fhir.rest.placement import ACTORS, ONLY_STATUS, URI_SYSTEM

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ip_fhir.domain.message import Message
    from ip_fhir.fhir.reading import Limits
    from ip_fhir.mapping import Mapper
    from ip_fhir.mapping.tables.model import Systems
    from ip_fhir.ports import JsonObject, WireFormat

_MESSAGE_ALONE: Final = frozenset({"MessageHeader", "Parameters", "Binary", "Provenance", "Bundle"})
_NUMBERS: Final = (
    *("her-id", "resh-id", "hpr", "fnr", "dnr", "fhn", "duf", "org-number", "municipality"),
    "id-organization",
)
_PLAN: Final = "CarePlan"
_ONE_IDENTIFIER: Final = frozenset({"QuestionnaireResponse"})  # others have a list


class FhirResources:
    """A message as resources: a transaction Bundle when it is sent, the Task that carries it when it is read.

    A collection is read as a message that somebody has written without a Bundle in its Task (`IncomingParts`).
    """

    name: WireFormat = "fhir-resources"
    content_type: str = FHIR_JSON
    receipts: bool = True

    def open(self, content: bytes, limits: Limits) -> IncomingMessage:
        """Parse the message in a carrier, or in the one carrier of a Bundle."""
        found = read_json(content, limits)
        if found.get("type") == "collection":
            return IncomingParts(found)
        task = carrier_in(found)
        bundle = read_json(message_in(task), limits)
        if message_header(bundle).get("id") != message_id(task):
            raise InvalidInput.at("Task.identifier", "names another message than the one inside", "invariant")
        return IncomingMessage(bundle)

    def write(self, message: Message | PlanMessage, mapper: Mapper) -> bytes:
        """Return a transaction Bundle: the Task that carries the message, and the resources of its content."""
        systems = mapper.compiled.systems
        carried = FhirMessage().write(message, mapper)
        proposed = isinstance(message, PlanMessage) and message.view is None
        made = _Transaction(read_json(carried), _about(message), systems)
        bundle = made.bundle(carried, ("Patient",) if proposed else None)
        if isinstance(message, PlanMessage) and message.withdrawal is not None:
            bundle["entry"].append(made.end_of_view())
        content = write_json(bundle)
        if len(content) > DEFAULT_LIMITS.max_bytes:
            reason = "is too long with its resources beside it: send its documents in another way"
            raise InvalidInput.at("message", reason, "too-long")
        return content


def _about(message: Message | PlanMessage) -> str:
    """The text that tells the resources of this message from those of others: the loop's id, a share's, or its own."""
    if not isinstance(message, PlanMessage):
        return message.correlation_id
    shown = message.view or message.withdrawal
    return shown.share if shown is not None else message.id


class _Transaction:
    """The transaction for one message Bundle. A resource has its urn as its name, which the server replaces."""

    def __init__(self, bundle: JsonObject, about: str, systems: Systems) -> None:
        self._bundle = bundle
        self._header = bundle["entry"][0]["resource"]
        self._systems = systems
        ends = [self._header["source"]["endpoint"], self._header["destination"][0]["endpoint"]]
        self._seed = "|".join([*ends, about])
        self._numbers = [systems.accepted(name) for name in _NUMBERS]
        self._names: dict[str, str | None] = {}
        self._made: dict[str, tuple[JsonObject, str]] = {}  # resource and condition by urn

    def bundle(self, carried: bytes, only: Sequence[str] | None) -> JsonObject:
        """Return it; of the resources beside the message those of the types `only`, if that is given."""
        for contained in self._header["contained"]:
            self._add(f"#{contained['id']}", contained)
        for entry in self._bundle["entry"]:
            type_ = entry["resource"]["resourceType"]
            if type_ not in _MESSAGE_ALONE and (only is None or type_ in only):
                self._add(entry["fullUrl"], entry["resource"])
        task = self._task(carried)
        named = next(iter(identifiers(task)))
        entries = [_entry(uuid5(NAMESPACE_URL, f"{self._seed}|{named}").urn, task, named)]
        entries += [_entry(urn, self._tagged(made), condition) for urn, (made, condition) in self._made.items()]
        return {"resourceType": "Bundle", "type": "transaction", "entry": entries}

    def _add(self, url: str, resource: JsonObject) -> None:
        type_, content = resource["resourceType"], {name: value for name, value in resource.items() if name != "id"}
        number = self._number(content) if type_ in ACTORS else None
        urn = uuid5(NAMESPACE_URL, f"{type_}|{number}").urn if number else self._urn(type_, resource["id"])
        self._names[url] = urn
        if not url.startswith("#"):
            self._names[f"{type_}/{resource['id']}"] = urn
        if number is None:
            own = {"system": URI_SYSTEM, "value": urn}
            content["identifier"] = own if type_ in _ONE_IDENTIFIER else [*content.get("identifier", []), own]
        self._made.setdefault(urn, (content, number or f"{URI_SYSTEM}|{urn}"))

    def _urn(self, type_: str, id_: str) -> str:
        """The urn of what is this message's own; a view's CarePlan has one that its withdrawal knows without its id."""
        focus = [one["reference"] for one in self._header.get("focus", ())]
        own = type_ if type_ == _PLAN and f"{type_}/{id_}" in focus else f"{type_}/{id_}"
        return uuid5(NAMESPACE_URL, f"{self._seed}|{own}").urn

    def end_of_view(self) -> JsonObject:
        """Return the entry by which the CarePlan of the share, where it is there, is revoked."""
        urn = uuid5(NAMESPACE_URL, f"{self._seed}|{_PLAN}").urn
        ended = {"resourceType": _PLAN, "identifier": [{"system": URI_SYSTEM, "value": urn}], "status": "revoked"}
        made = _entry(urn, ended, f"{URI_SYSTEM}|{urn}")
        return {**made, "request": {**made["request"], "method": ONLY_STATUS}}

    def _number(self, resource: JsonObject) -> str | None:
        """The best number of an actor, under each system that it may have there."""
        used = [one for one in resource.get("identifier", ()) if one.get("use") != "old" and one.get("value")]
        for systems in self._numbers:
            for one in used:
                if one.get("system") in systems:
                    return ",".join(f"{system}|{one['value']}" for system in sorted(systems))
        return None

    def _tagged(self, resource: JsonObject) -> JsonObject:
        """The resource with references by urn, and a digest by which it is seen if somebody else changes it."""
        unknown = {name: None for name in references_in(resource) if not name.startswith("#")}
        own = {name: urn for name, urn in self._names.items() if not name.startswith("#")}
        made: JsonObject = linked(resource, {**unknown, **own})
        tag = {"system": self._systems.uri("cs-content-digest"), "code": content_digest(made)}
        meta = made.get("meta", {})
        return {**made, "meta": {**meta, "tag": [*meta.get("tag", []), tag]}}

    def _task(self, carried: bytes) -> JsonObject:
        header = self._header
        identifier = {"system": self._systems.uri("id-message"), "value": header["id"]}
        patients = [urn for urn, (made, _) in self._made.items() if made["resourceType"] == "Patient"]
        focus = next((self._names.get(one["reference"]) for one in header.get("focus", ())), None)
        more: dict[str, Any] = {"code": {"coding": [header["eventCoding"]]}, "authoredOn": self._bundle["timestamp"]}
        loop = [one["valueIdentifier"] for one in header.get("extension", ()) if "valueIdentifier" in one]
        more |= {"groupIdentifier": loop[0]} if loop else {}
        more |= {} if focus is None else {"focus": {"reference": focus}}
        more |= {"for": {"reference": patients[0]}} if len(patients) == 1 else {}
        more["requester"] = {"reference": self._names[header["sender"]["reference"]]}
        more["owner"] = {"reference": self._names[header["destination"][0]["receiver"]["reference"]]}
        return carrier(carried, identifier, more)


def _entry(urn: str, resource: JsonObject, condition: str) -> JsonObject:
    type_ = resource["resourceType"]
    request = {"method": "POST", "url": type_, "ifNoneExist": condition_text((("identifier", condition),))}
    return {"fullUrl": urn, "resource": resource, "request": request}
