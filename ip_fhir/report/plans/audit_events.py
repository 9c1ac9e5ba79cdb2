"""The access log of a plan as FHIR R4 AuditEvent resources, by the patterns of IHE BALP (Basic Audit Log Patterns).

What was sent is a privacy disclosure as its source records it, what was read a read of a patient's resource. The person
is named by the id of the Patient alone. BALP wants the network address of both sides, which the caller may know; the
log of reads has none. No profile is declared: a validator that does not have BALP would refuse the resource.

https://profiles.ihe.net/ITI/BALP/content.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import NAMESPACE_URL, uuid5

from ip_fhir.mapping import default
from ip_fhir.report.plans.access import AccessKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.mapping import Mapper
    from ip_fhir.ports.readings import ReadingWay
    from ip_fhir.report.plans.access import AccessEntry

_DCM: Final = "http://dicom.nema.org/resources/ontology/DCM"
_EXPORT, _SOURCE, _DESTINATION = "110106", "110153", "110152"
_LIFECYCLE: Final = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle"
_EVENT_TYPE: Final = "http://terminology.hl7.org/CodeSystem/audit-event-type"
_INTERACTION: Final = "http://hl7.org/fhir/restful-interaction"
_ENTITY_TYPE: Final = "http://terminology.hl7.org/CodeSystem/audit-entity-type"
_ROLE: Final = "http://terminology.hl7.org/CodeSystem/object-role"
_RESOURCES: Final = "http://hl7.org/fhir/resource-types"
_SUCCESS, _MINOR_FAILURE = "0", "4"
_URI: Final = "5"  # http://hl7.org/fhir/network-type

_INTERACTIONS: Final[dict[ReadingWay, tuple[str, str]]] = {
    "read": ("read", "R"),
    "vread": ("vread", "R"),
    "history": ("history-instance", "R"),
    "view": ("operation", "E"),
    "search": ("search-type", "E"),
    "update": ("update", "U"),
}
"""By the way of a reading: the interaction, and the action of the AuditEvent."""


def access_events(
    entries: Iterable[AccessEntry],
    plan: IndividualPlan,
    holder: str,
    addresses: Mapping[str, str] | None = None,
    mapper: Mapper | None = None,
) -> Iterator[dict[str, Any]]:
    """Yields an AuditEvent for each entry of a plan's access log, in the same order.

    `holder` is the name of our own side; `addresses` gives the URL of a party by its name, and our own. Ids derive from
    the plan and the entry, so that a second export has the same ids.
    """
    base = (mapper or default()).compiled.systems.base
    known = addresses or {}
    for entry in entries:
        yield {
            "resourceType": "AuditEvent",
            "id": str(uuid5(NAMESPACE_URL, f"{base}/{plan.id}/{entry.key}")),
            **_kind(entry),
            "recorded": entry.at.isoformat(),
            **_outcome(entry),
            "agent": [*_agents(entry, holder, known)],
            "source": {"observer": {"display": holder}},
            "entity": [*_entities(entry, plan)],
        }


def _kind(entry: AccessEntry) -> dict[str, Any]:
    """Returns type, subtype and action: a disclosure, a transmission of the withdrawal, or an interaction over REST."""
    if entry.resource is not None:
        interaction, action = _INTERACTIONS[entry.way]
        subtype = _coding(_INTERACTION, interaction)
        return {"type": _coding(_EVENT_TYPE, "rest"), "subtype": [subtype], "action": action}
    lifecycle = "transmit" if entry.kind is AccessKind.WITHDRAWAL else "disclose"
    return {"type": _coding(_DCM, _EXPORT), "subtype": [_coding(_LIFECYCLE, lifecycle)], "action": "R"}


def _outcome(entry: AccessEntry) -> dict[str, Any]:
    if entry.kind is AccessKind.REFUSED:
        return {"outcome": _MINOR_FAILURE, "outcomeDesc": "refused: it is another party's"}
    if entry.kind in (AccessKind.VIEW, AccessKind.WITHDRAWAL) and entry.received is None:
        return {"outcome": _SUCCESS, "outcomeDesc": "sent; not confirmed as received"}
    return {"outcome": _SUCCESS}


def _agents(entry: AccessEntry, holder: str, addresses: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yields our side as the source, the party as the destination, and the person by the id that the EHR uses."""
    asked = entry.resource is not None
    by = None if entry.by is None else entry.by.id
    yield _agent(_SOURCE, holder, addresses, requestor=not asked and by is None)
    asking = _agent(_DESTINATION, entry.to, addresses, requestor=asked)
    yield asking | ({"altId": entry.client} if entry.client else {})
    if by is not None:
        yield {"altId": by, "requestor": True}


def _agent(role: str, name: str, addresses: Mapping[str, str], *, requestor: bool) -> dict[str, Any]:
    agent = {"type": {"coding": [_coding(_DCM, role)]}, "who": {"display": name}, "requestor": requestor}
    return {**agent, "network": {"address": addresses[name], "type": _URI}} if name in addresses else agent


def _entities(entry: AccessEntry, plan: IndividualPlan) -> Iterator[dict[str, Any]]:
    """Yields the person, what was sent or read, and the consents that it rests on."""
    patient = {"what": {"reference": f"Patient/{plan.owner.id}"}}
    yield {**patient, "type": _coding(_ENTITY_TYPE, "1"), "role": _coding(_ROLE, "1")}
    what = {"reference": entry.resource or f"CarePlan/{plan.id}"}
    details = [("view", entry.number), ("plan-version", entry.version), ("criteria", ", ".join(entry.criteria))]
    told = [{"type": name, "valueString": str(value)} for name, value in details if value]
    data = {"what": what, "type": _coding(_ENTITY_TYPE, "2"), "role": _coding(_ROLE, "4")}
    yield {**data, "detail": told} if told else data
    for consent in entry.consents:
        yield {"what": {"reference": f"Consent/{consent}"}, "type": _coding(_RESOURCES, "Consent")}


def _coding(system: str, code: str) -> dict[str, str]:
    return {"system": system, "code": code}
