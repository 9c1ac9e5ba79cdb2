"""Evidence as FHIR: a Provenance (who, what, when, why, which message and consent) and an AuditEvent for each record.

Both name the referral by its identifier. The only person named is the one of our own staff who acted, if the evidence
has it: the Provenance by id and name, the AuditEvent by id. The AuditEvent carries the record's place in the hash
chain, and no free text that people wrote; the Provenance carries the reason, as it was written.

https://hl7.org/fhir/R4/provenance.html, https://hl7.org/fhir/R4/auditevent.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ip_fhir.domain.referral import Role

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ip_fhir.domain.people import Organization
    from ip_fhir.domain.referral import Event
    from ip_fhir.mapping.compiled import Compiled
    from ip_fhir.mapping.tables.model import Systems
    from ip_fhir.ports import EvidenceRecord

_LIFECYCLE: Final = "http://terminology.hl7.org/CodeSystem/iso-21089-lifecycle"
_PARTICIPANT: Final = "http://terminology.hl7.org/CodeSystem/provenance-participant-type"
_ENTITY_TYPE: Final = "http://hl7.org/fhir/resource-types"
_SUCCESS, _MINOR_FAILURE = "0", "4"  # http://hl7.org/fhir/audit-event-outcome
_REFUSED: Final = "refused:"
"""The beginning of the note in a record that was kept and not acted on (`ip_fhir.exchange.inbound`)."""

_MACHINES: Final = (Role.TRANSPORT, Role.CLOCK)


def evidence_to_fhir(records: Iterable[EvidenceRecord], compiled: Compiled) -> Iterator[dict[str, Any]]:
    """Yield two resources for each record, in the order of the chain: a Provenance, then an AuditEvent.

    Ids derive from the number in the chain, so that a second export has the same ids.
    """
    systems = compiled.systems
    for link in records:
        yield _provenance(link, systems)
        yield _audit_event(link, systems)


def _provenance(link: EvidenceRecord, systems: Systems) -> dict[str, Any]:
    event = link.record.event
    why = [text for text in (event.text, link.record.note) if text]
    resource: dict[str, Any] = {
        "resourceType": "Provenance",
        "id": f"evidence-{link.number}",
        "target": [_referral(link, systems)],
        "occurredDateTime": event.at.isoformat(),
        "recorded": event.at.isoformat(),
        "activity": _what(event, systems),
        "agent": [{"type": _coded(_PARTICIPANT, _participation(event)), **_agent(link, systems)}],
    }
    if why:
        resource["reason"] = [{"text": text} for text in why]
    if entities := [*_sources(event, systems)]:
        resource["entity"] = entities
    return resource


def _audit_event(link: EvidenceRecord, systems: Systems) -> dict[str, Any]:
    record, event = link.record, link.record.event
    refused = (record.note or "").startswith(_REFUSED)
    resource: dict[str, Any] = {
        "resourceType": "AuditEvent",
        "id": f"evidence-{link.number}-audit",
        "type": {"system": _LIFECYCLE, "code": _lifecycle(link)},
        "subtype": _what(event, systems)["coding"],
        "action": "C" if record.before is None else "U",
        "recorded": event.at.isoformat(),
        "outcome": _MINOR_FAILURE if refused else _SUCCESS,
        "agent": [_requestor(event, systems)],
        "source": {"observer": {"display": str(record.role)}},
        "entity": [
            {
                "what": _referral(link, systems),
                "type": {"system": _ENTITY_TYPE, "code": "ServiceRequest"},
                "detail": [{"type": name, "valueString": value} for name, value in _details(link)],
            }
        ],
    }
    if record.note:
        resource["outcomeDesc"] = record.note
    return resource


def _referral(link: EvidenceRecord, systems: Systems) -> dict[str, Any]:
    identifier = {"system": systems.uri("id-referral"), "value": link.correlation_id}
    return {"type": "ServiceRequest", "identifier": identifier}


def _what(event: Event, systems: Systems) -> dict[str, Any]:
    return _coded(systems.uri("cs-loop-event"), str(event.kind))


def _coded(system: str, code: str) -> dict[str, Any]:
    return {"coding": [{"system": system, "code": code}]}


def _who(event: Event, systems: Systems) -> dict[str, Any]:
    """The organisation whose message caused the event, else the side, the transport or the clock that raised it.

    What the message says stands before the name that settings give the party that brought it.
    """
    sender: Organization | None = event.sender
    party = f" ({event.party})" if event.party else ""
    if sender is None:
        return {"display": f"{event.raised_by}{party}"}
    who: dict[str, Any] = {"type": "Organization", "display": f"{sender.name}{party}"}
    if sender.organization_number is not None:
        who["identifier"] = {"system": systems.uri("org-number"), "value": str(sender.organization_number)}
    return who


def _agent(link: EvidenceRecord, systems: Systems) -> dict[str, Any]:
    """The person who acted, on behalf of our side; if none is known, as `_who`."""
    by = link.record.event.by
    if by is None:
        return {"who": _who(link.record.event, systems)}
    person = {"identifier": {"value": by.id}, "display": by.name}
    return {"who": person, "onBehalfOf": {"display": str(link.record.role)}}


def _requestor(event: Event, systems: Systems) -> dict[str, Any]:
    """The agent of the AuditEvent, with the person only by the id that the EHR uses for them."""
    by_person = event.by is not None or event.raised_by not in _MACHINES
    agent: dict[str, Any] = {"who": _who(event, systems), "requestor": by_person}
    return agent if event.by is None else {**agent, "altId": event.by.id}


def _participation(event: Event) -> str:
    if event.by is not None:
        return "author"
    if event.raised_by is Role.TRANSPORT:
        return "transmitter"
    return "assembler" if event.raised_by is Role.CLOCK else "author"


def _lifecycle(link: EvidenceRecord) -> str:
    """The lifecycle event of the referral's record (ISO 21089): originate, receive or amend."""
    if link.record.before is None:
        return "originate" if link.record.role is Role.HOSPITAL else "receive"
    return "amend"


def _sources(event: Event, systems: Systems) -> Iterator[dict[str, Any]]:
    """The sources of an event: its message, the message it answers, its green form, the consents of its notice."""
    for ident in (event.message_id, event.answers):
        if ident is not None:
            identifier = {"system": systems.uri("id-message"), "value": ident}
            yield {"role": "source", "what": {"type": "MessageHeader", "identifier": identifier}}
    if event.form is not None:
        yield {"role": "source", "what": {"reference": f"QuestionnaireResponse/{event.form.id}"}}
    for consent in event.notice.consents if event.notice is not None else ():
        yield {"role": "source", "what": {"reference": f"Consent/{consent.id}"}}


def _details(link: EvidenceRecord) -> Iterator[tuple[str, str]]:
    """The record's place in the chain, its event, the states before and after, and its effects."""
    record = link.record
    yield "number", str(link.number)
    yield "previous", link.previous
    yield "hash", link.hash
    yield "event", record.event.id
    if record.before is not None:
        yield "before", str(record.before)
    yield "after", str(record.after)
    for effect in record.effects:
        yield "effect", effect
