"""The header of a message Bundle, for every kind of message.

It carries the two parties as contained resources, so that it does not depend on what the rest of the message names.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.bundle import refuse_aside
from ip_fhir.fhir.json_text import dumps
from ip_fhir.mapping.dialects.fhir.fhirpath import at
from ip_fhir.mapping.lenses.references import NO_LINKS, Links

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ip_fhir.domain.message import Message
    from ip_fhir.domain.people import Organization
    from ip_fhir.domain.sharing.messages import PlanMessage
    from ip_fhir.errors import Problem
    from ip_fhir.fhir.bundle import BundleContent, Entry
    from ip_fhir.mapping.compiled import Compiled
    from ip_fhir.mapping.tables.model import Systems


def message_bundle(
    header: dict[str, Any], sent: str, carried: Iterable[dict[str, Any]], compiled: Compiled
) -> dict[str, Any]:
    """The message Bundle of a header and the resources that it carries; `sent` is its time as FHIR writes it."""
    base = compiled.systems.base
    return {
        "resourceType": "Bundle",
        "id": header["id"],
        "type": "message",
        "timestamp": sent,
        "entry": [{"fullUrl": f"{base}/{url_of(resource)}", "resource": resource} for resource in [header, *carried]],
    }


def message_entries(content: BundleContent) -> list[Entry]:
    """The entries of a message Bundle, the header first. Raises `InvalidInput` for any other bundle."""
    refuse_aside(content)
    entries = content.entries
    if content.bundle.get("type") != "message" or not entries or entries[0].type != "MessageHeader":
        raise InvalidInput.at("Bundle", "is not a message that begins with its MessageHeader", "structure")
    return entries


def sent_at(bundle: dict[str, Any]) -> str:
    """The time at which a message was sent, as it stands there. Raises `InvalidInput` without one."""
    sent = bundle.get("timestamp")
    if not isinstance(sent, str):
        raise InvalidInput.at("Bundle.timestamp", "is required", "required")
    return sent


def header_to_fhir(
    table: str, message: Message | PlanMessage, data: dict[str, Any], compiled: Compiled
) -> dict[str, Any]:
    """The MessageHeader of a message by the table of that name; `data` is the message in JSON form."""
    parties = {"sender": message.sender, "recipient": message.recipient}
    links = Links({name: f"#{name}" for name in parties})
    endpoints = {f"{name}_endpoint": endpoint_of(party, compiled.systems) for name, party in parties.items()}
    said = {**data, **endpoints, "sender": "sender", "recipient": "recipient"}
    contained = [{**party_to_fhir(party, compiled), "id": name} for name, party in parties.items()]
    return {**compiled.lens(table).new(said, links), "contained": contained}


def party_to_fhir(party: Organization, compiled: Compiled) -> dict[str, Any]:
    """An organisation as a resource that stands alone.

    Its own id is an identifier too, since a contained resource has another id. Its parent is no resource of the
    message: it is named by reference.
    """
    outside = {} if party.part_of is None else {party.part_of: f"Organization/{party.part_of}"}
    made = compiled.lens("Organization").new(party, Links(outside))
    own_id = {"system": compiled.systems.uri("id-organization"), "value": party.id}
    return {**made, "identifier": [*made.get("identifier", ()), own_id]}


def endpoint_of(party: Organization, systems: Systems) -> str:
    """A party's address as a URN: HER-id, organisation number, or our own id where it has neither."""
    if party.her_id is not None:
        return f"{systems.uri('her-id')}.{party.her_id}"
    if party.organization_number is not None:
        return f"{systems.uri('org-number')}.{party.organization_number}"
    return f"{systems.uri('id-organization')}/{party.id}"


def header_from_fhir(table: str, entry: Entry, compiled: Compiled) -> dict[str, Any]:
    """The data that a header says, with both parties whole. Raises `InvalidInput`."""
    parties = _contained(entry)
    links = Links({}, {reference: reference for reference in parties})
    data = compiled.lens(table).get(entry.resource, links, entry.at)
    data = {name: value for name, value in data.items() if not name.endswith("_endpoint")}  # derived from the parties
    for field in ("sender", "recipient"):
        above, resource = parties[data[field]]
        data[field] = party_from_fhir(resource, above, compiled)
    return data


def party_from_fhir(resource: dict[str, Any], above: str, compiled: Compiled) -> dict[str, Any]:
    """The data of an organisation that stands alone, with its own id; `above` is its place. Raises `InvalidInput`."""
    return {
        **_read_organization(resource, above, compiled),
        "id": _own_id(resource, compiled.systems) or resource.get("id"),
    }


def place_in_header(table: str, problem: Problem, header: Entry, compiled: Compiled) -> Problem:
    """Translate the path of a domain problem of a message to its FHIRPath in the header, or beside it."""
    field, _, inner = problem.path.partition(".")
    if field == "sent":
        return replace(problem, path="Bundle.timestamp")
    lens = compiled.lens(table)
    if field in ("sender", "recipient"):
        party = lens.get(header.resource, NO_LINKS, header.at)[field]
        above, resource = _contained(header)[f"#{party}"]
        return replace(problem, path=at(above, compiled.lens("Organization").where(inner, resource)))
    return replace(problem, path=at(header.at, lens.where(problem.path, header.resource)))


def url_of(resource: dict[str, Any]) -> str:
    """Type and id of a resource: `Goal/g1`."""
    return f"{resource['resourceType']}/{resource['id']}"


def _read_organization(resource: dict[str, Any], above: str, compiled: Compiled) -> dict[str, Any]:
    """The data of an organisation; `above` is its place. Raises `InvalidInput`."""
    try:
        known: dict[str, Any] = compiled.organizations[dumps(resource)]
    except (InvalidInput, orjson.JSONEncodeError):  # the lens tells what is wrong with it, and where
        return compiled.lens("Organization").get(resource, NO_LINKS, above)
    return known


def _contained(entry: Entry) -> dict[str, tuple[str, dict[str, Any]]]:
    """The header's contained resources by reference, each with its place."""
    contained = entry.resource.get("contained")
    if not isinstance(contained, list) or not all(
        isinstance(c, dict) and isinstance(c.get("id"), str) for c in contained
    ):
        raise InvalidInput.at(f"{entry.at}.contained", "must hold sender and receiver, each with an id", "required")
    if len({c["id"] for c in contained}) != len(contained):
        raise InvalidInput.at(f"{entry.at}.contained", "has two resources of one id", "multiple-matches")
    return {f"#{c['id']}": (f"{entry.at}.contained[{n}]", c) for n, c in enumerate(contained)}


def _own_id(resource: dict[str, Any], systems: Systems) -> str | None:
    system = systems.uri("id-organization")
    numbers = [i for i in resource.get("identifier") or () if isinstance(i, dict) and i.get("use") != "old"]
    found = (number.get("value") for number in numbers if number.get("system") == system)
    return next((value for value in found if isinstance(value, str)), None)
