"""The CapabilityStatement of an endpoint, made from the tables that the endpoint itself works by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ip_fhir.fhir.reading import FHIR_JSON

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from ip_fhir.ports import JsonObject

FHIR_VERSION = "4.0.1"


@dataclass(frozen=True, slots=True)
class ResourceCapability:
    """The interactions with one resource type; `search` maps each search parameter to its FHIR type.

    `profiles`: canonicals of the profiles that resources of this type follow.
    """

    type: str
    interactions: tuple[str, ...]
    search: dict[str, str]
    profiles: tuple[str, ...] = ()


def capability_statement(url: str, version: str, now: datetime, resources: Iterable[ResourceCapability]) -> JsonObject:
    """Returns the CapabilityStatement of the endpoint at `url` (http://hl7.org/fhir/R4/capabilitystatement.html)."""
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": now.isoformat(timespec="seconds"),
        "kind": "instance",
        "software": {"name": "ip-fhir", "version": version},
        "implementation": {"description": "Individual plans and the green form loop", "url": url},
        "fhirVersion": FHIR_VERSION,
        "format": [FHIR_JSON],
        "rest": [_rest(resources)],
        "messaging": [
            {
                "endpoint": [{"protocol": _HTTP, "address": f"{url}/$process-message"}],
                "documentation": "The messages of the green form loop; receipts are synchronous.",
            }
        ],
    }


_HTTP = {"system": "http://terminology.hl7.org/CodeSystem/message-transport", "code": "http"}
_PROCESS_MESSAGE = "http://hl7.org/fhir/OperationDefinition/MessageHeader-process-message"


def _rest(resources: Iterable[ResourceCapability]) -> JsonObject:
    return {
        "mode": "server",
        "security": {"description": "A bearer token for each party on every request but this one and /health."},
        "resource": [_resource(resource) for resource in resources],
        "interaction": [{"code": "transaction"}],
        "operation": [{"name": "process-message", "definition": _PROCESS_MESSAGE}],
    }


def _resource(resource: ResourceCapability) -> JsonObject:
    described: JsonObject = {
        "type": resource.type,
        "interaction": [{"code": code} for code in resource.interactions],
        "versioning": "versioned-update",  # an update needs If-Match
        "readHistory": False,
        "conditionalRead": "not-match",
        "updateCreate": False,
        "searchParam": [{"name": name, "type": type_} for name, type_ in resource.search.items()],
    }
    return described | ({"supportedProfile": list(resource.profiles)} if resource.profiles else {})
