"""The CapabilityStatement of an endpoint, made from the tables that the endpoint itself works by."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

from ip_fhir.fhir.reading import FHIR_JSON

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from ip_fhir.ports import JsonObject

FHIR_VERSION = "4.0.1"

SecurityService: TypeAlias = Literal["SMART-on-FHIR", "Certificates"]
"""Ways to say who one is, of http://hl7.org/fhir/R4/valueset-restful-security-service.html."""


@dataclass(frozen=True, slots=True)
class ResourceCapability:
    """The interactions with one resource type; `search` maps each search parameter to its FHIR type.

    `profiles`: canonicals of the profiles that resources of this type follow. `operations` gives the canonical of each
    operation on one resource, by its name. `notes` says in words how a search parameter is asked for. `conditional` are
    the interactions that are also done by a condition; `include` and `revinclude` what may go along with a search.
    With `conditional_read` a caller that has the version is not sent it again.
    """

    type: str
    interactions: tuple[str, ...]
    search: dict[str, str]
    profiles: tuple[str, ...] = ()
    operations: dict[str, str] = field(default_factory=dict)
    documentation: str | None = None
    notes: Mapping[str, str] = field(default_factory=dict)
    conditional: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    revinclude: tuple[str, ...] = ()
    conditional_read: bool = True


def capability_statement(
    url: str,
    version: str,
    now: datetime,
    resources: Iterable[ResourceCapability],
    messages: str,
    services: Iterable[SecurityService] = (),
) -> JsonObject:
    """Returns the CapabilityStatement of the endpoint at `url` (http://hl7.org/fhir/R4/capabilitystatement.html).

    `messages` says in words which messages it takes in; `services` are the ways to say who one is, beside a token that
    the two sides have agreed on.
    """
    return {
        "resourceType": "CapabilityStatement",
        "status": "active",
        "date": now.isoformat(timespec="seconds"),
        "kind": "instance",
        "software": {"name": "ip-fhir", "version": version},
        "implementation": {"description": "Individual plans and the green form loop", "url": url},
        "fhirVersion": FHIR_VERSION,
        "format": [FHIR_JSON],
        "rest": [_rest(resources, tuple(services))],
        "messaging": [
            {
                "endpoint": [{"protocol": _HTTP, "address": f"{url}/$process-message"}],
                "documentation": messages,
            }
        ],
    }


_HTTP = {"system": "http://terminology.hl7.org/CodeSystem/message-transport", "code": "http"}
_PROCESS_MESSAGE = "http://hl7.org/fhir/OperationDefinition/MessageHeader-process-message"


_SERVICES = "http://terminology.hl7.org/CodeSystem/restful-security-service"
_WORDS: dict[SecurityService, str] = {
    "SMART-on-FHIR": ", a token of the authorisation server (SMART Backend Services, DPoP)",
    "Certificates": ", or a certificate of its own (TLS)",
}


def _security(services: tuple[SecurityService, ...]) -> JsonObject:
    more = "".join(_WORDS[one] for one in services)
    said = f"Every request but this one and /health shows whose it is: a bearer token of each party{more}."
    codings = [{"coding": [{"system": _SERVICES, "code": one}]} for one in services]
    return {"description": said} | ({"service": codings} if codings else {})


def _rest(resources: Iterable[ResourceCapability], services: tuple[SecurityService, ...]) -> JsonObject:
    return {
        "mode": "server",
        "security": _security(services),
        "resource": [_resource(resource) for resource in resources],
        "interaction": [{"code": "transaction"}, {"code": "batch"}],
        "operation": [{"name": "process-message", "definition": _PROCESS_MESSAGE}],
    }


def _resource(resource: ResourceCapability) -> JsonObject:
    updates: JsonObject = {"versioning": "versioned-update", "updateCreate": False}  # an update needs If-Match
    described: JsonObject = {
        "type": resource.type,
        "documentation": resource.documentation,
        "interaction": [{"code": code} for code in resource.interactions],
        "versioning": "versioned",
        "readHistory": "vread" in resource.interactions,
        "conditionalCreate": "create" in resource.conditional or None,
        "conditionalRead": "not-match" if resource.conditional_read else None,
        "conditionalUpdate": "update" in resource.conditional or None,
        "searchInclude": list(resource.include),
        "searchRevInclude": list(resource.revinclude),
        "searchParam": [_parameter(resource, name, type_) for name, type_ in resource.search.items()],
        "supportedProfile": list(resource.profiles),
        "operation": [{"name": name, "definition": url} for name, url in resource.operations.items()],
    }
    described |= updates if "update" in resource.interactions else {}
    return {name: value for name, value in described.items() if value not in (None, [])}


def _parameter(resource: ResourceCapability, name: str, type_: str) -> JsonObject:
    note = resource.notes.get(name)
    return {"name": name, "type": type_} | ({} if note is None else {"documentation": note})
