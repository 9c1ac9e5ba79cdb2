"""Messages between two parties as FHIR message Bundles, and back; also a notice from a transaction Bundle.

Messages are R4 on the wire; with the R5 tables they are read and written in R5.

The header carries the parties as contained resources, so that it does not depend on what the notice or form names.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson

from ip_fhir.domain.consent.protection import withheld
from ip_fhir.domain.green_form import GreenForm
from ip_fhir.domain.message import Message, MessageKind
from ip_fhir.domain.notice import Notice
from ip_fhir.domain.values.value import read
from ip_fhir.errors import InvalidInput, NotTaken, Problem
from ip_fhir.fhir.bundle import BundleContent, Entry, content_of, refuse_aside
from ip_fhir.fhir.json_text import dumps
from ip_fhir.mapping.bundle.reads import LensesNeeded
from ip_fhir.mapping.dialects.fhir.fhirpath import at
from ip_fhir.mapping.fhir_version import version_of
from ip_fhir.mapping.lenses.references import NO_LINKS, Links
from ip_fhir.mapping.lenses.table import data_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from ip_fhir.domain.consent.protection import LocatingPart
    from ip_fhir.domain.people import Organization
    from ip_fhir.mapping.compiled import Compiled
    from ip_fhir.mapping.tables.model import Systems


def message_to_fhir(message: Message, compiled: Compiled, released: Collection[LocatingPart] = ()) -> dict[str, Any]:
    """The message as a Bundle: MessageHeader first, then the resources of its content.

    What leads to a person with a protected address is left out, but for the parts in `released`.
    """
    if message.notice is not None and (notice := withheld(message.notice, released)) is not message.notice:
        message = message.evolve(notice=notice)
    data = data_of(message)
    carried = _carried(message, data, compiled)
    base = compiled.systems.base
    focus = [carried[-1], *(resource for resource in carried[:-1] if resource["resourceType"] == "Communication")]
    header = {**_header(message, data, compiled), "focus": [{"reference": _url(resource)} for resource in focus]}
    return {
        "resourceType": "Bundle",
        "id": message.id,
        "type": "message",
        "timestamp": data["sent"],
        "entry": [{"fullUrl": f"{base}/{_url(resource)}", "resource": resource} for resource in [header, *carried]],
    }


def message_from_fhir(bundle: dict[str, Any] | BundleContent, compiled: Compiled) -> Message:
    """Read the message in a Bundle, or in its content. Raises `InvalidInput` with every problem, by FHIRPath."""
    content = content_of(bundle)
    version_of(content.bundle, compiled.version)
    refuse_aside(content)
    entries = content.entries
    if content.bundle.get("type") != "message" or not entries or entries[0].type != "MessageHeader":
        raise InvalidInput.at("Bundle", "is not a message that begins with its MessageHeader", "structure")
    data = _read_header(entries[0], compiled)
    data["sent"] = content.bundle.get("timestamp")
    if not isinstance(data["sent"], str):
        raise InvalidInput.at("Bundle.timestamp", "is required", "required")
    try:
        if data["kind"] == MessageKind.NOTICE:
            data["notice"] = _read_notice(content, compiled)
        elif data["kind"] == MessageKind.GREEN_FORM:
            data["form"] = compiled.assembly("green-form").value(GreenForm, content)
        said = _one_communication(entries, required=not ({"notice", "form"} & set(data)))
        if said is not None:
            data |= _read_communication(said, compiled)
    except InvalidInput as error:
        raise _not_taken(entries, data["id"], compiled) or error from None
    try:
        return read(Message, data)
    except InvalidInput as error:
        raise InvalidInput(_where(problem, entries[0], said, compiled) for problem in error.problems) from None


def _not_taken(entries: list[Entry], message_id: str, compiled: Compiled) -> NotTaken | None:
    """The error for a message of which a resource says itself that it does not hold; None where none does."""
    lenses = [compiled.lens(name) for name in ("Notice", "GreenForm", "Communication")]
    failed = (
        (entry, lens.inner.guard.denied(entry.resource))
        for entry in entries
        for lens in lenses
        if lens.owns(entry.resource)
    )
    problems = [Problem(f"{entry.at}.{found[0]}", found[1], "not-supported") for entry, found in failed if found]
    if not problems:
        return None
    error = NotTaken(problems)
    error.message_id = message_id
    return error


def message_from_transaction(bundle: dict[str, Any] | BundleContent, compiled: Compiled) -> Message:
    """The notice in a transaction Bundle (ServiceRequest with what it refers to) as a message.

    If the ServiceRequest has no correlation id, its own id serves as one. The message id derives from the same id, so
    that the same transaction sent again is the same message. Raises `InvalidInput` as `message_from_fhir`.
    """
    content = content_of(bundle)
    version_of(content.bundle, compiled.version)
    refuse_aside(content)
    entries = content.entries
    if content.bundle.get("type") not in ("transaction", "batch"):
        raise InvalidInput.at("Bundle.type", "is not transaction", "value")
    requests = [entry for entry in entries if compiled.lens("Notice").owns(entry.resource)]
    if len(requests) == 1 and not _correlated(requests[0].resource, compiled.systems):
        content = BundleContent(_with_correlation(content.bundle, requests[0], compiled.systems))
    _check_tasks(entries, compiled)
    notice = _read_notice(content, compiled)
    return Message(
        id=f"transaction-{notice.id}"[:64],
        kind=MessageKind.NOTICE,
        correlation_id=notice.correlation_id,
        sent=notice.authored,
        sender=notice.organization(notice.sender),
        recipient=notice.organization(notice.recipient),
        notice=notice,
    )


def _check_tasks(entries: list[Entry], compiled: Compiled) -> None:
    """Raise `InvalidInput` for a Task beside the notice that asks for nothing; one of another kind is not looked at."""
    guard = compiled.lens("Task").inner.guard
    failed = ((entry, guard.denied(entry.resource)) for entry in entries if entry.type == "Task")
    problems = [Problem(f"{e.at}.{found[0]}", found[1], "not-supported") for e, found in failed if found]
    if told := [problem for problem in problems if not problem.path.endswith(".code")]:
        raise InvalidInput(told)


def _read_notice(content: BundleContent, compiled: Compiled) -> Notice:
    """The notice in a bundle whose FHIR version is known, by the fast reader where it is certain, else by the lenses.

    Raises `InvalidInput` with every problem, by FHIRPath.
    """
    if compiled.fast_notices is not None:
        with suppress(LensesNeeded, orjson.JSONEncodeError):  # what no JSON text has
            notice: Notice = compiled.fast_notices.read(dumps(content.bundle))
            return notice
    return compiled.assembly("notice").value(Notice, content)


def _carried(message: Message, data: dict[str, Any], compiled: Compiled) -> list[dict[str, Any]]:
    """The resources that the message carries; the last one is the header's focus."""
    carried: list[dict[str, Any]] = []
    if message.notice is not None:
        carried = compiled.assembly("notice").resources(message.notice)
    elif message.form is not None:
        carried = compiled.assembly("green-form").resources(message.form)
    if not carried or message.text or message.missing or message.number:
        carried.insert(0, compiled.lens("Communication").new(data))
    return carried


def _header(message: Message, data: dict[str, Any], compiled: Compiled) -> dict[str, Any]:
    parties = {"sender": message.sender, "recipient": message.recipient}
    links = Links({name: f"#{name}" for name in parties})
    endpoints = {f"{name}_endpoint": endpoint_of(party, compiled.systems) for name, party in parties.items()}
    said = {**data, **endpoints, "sender": "sender", "recipient": "recipient"}
    contained = [{**_party(party, compiled), "id": name} for name, party in parties.items()]
    return {**compiled.lens("MessageHeader").new(said, links), "contained": contained}


def _party(party: Organization, compiled: Compiled) -> dict[str, Any]:
    """An organisation as a contained resource of the header.

    Its own id is kept as an identifier, since the contained resource has another id. Its parent is no resource of the
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


def _read_header(entry: Entry, compiled: Compiled) -> dict[str, Any]:
    parties = _contained(entry)
    links = Links({}, {reference: reference for reference in parties})
    data = compiled.lens("MessageHeader").get(entry.resource, links, entry.at)
    data = {name: value for name, value in data.items() if not name.endswith("_endpoint")}  # derived from the parties
    for field in ("sender", "recipient"):
        above, resource = parties[data[field]]
        own = _own_id(resource, compiled.systems)
        data[field] = {**_read_organization(resource, above, compiled), "id": own or resource["id"]}
    return data


def _read_organization(resource: dict[str, Any], above: str, compiled: Compiled) -> dict[str, Any]:
    """The data of an organisation in the header; `above` is its place. Raises `InvalidInput`."""
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


def _one_communication(entries: list[Entry], *, required: bool) -> Entry | None:
    found = [entry for entry in entries if entry.type == "Communication"]
    if len(found) > 1 or (required and not found):
        raise InvalidInput.at("Bundle", "must hold one Communication with what the message says", "required")
    return found[0] if found else None


def _read_communication(entry: Entry, compiled: Compiled) -> dict[str, Any]:
    said = compiled.lens("Communication").get(entry.resource, NO_LINKS, entry.at)
    return {name: said[name] for name in ("number", "missing", "text") if name in said}


def _where(problem: Problem, header: Entry, communication: Entry | None, compiled: Compiled) -> Problem:
    """Translate the path of a domain problem to its FHIRPath in the message."""
    field, _, inner = problem.path.partition(".")
    if field == "sent":
        return replace(problem, path="Bundle.timestamp")
    if field in ("number", "missing", "text") and communication is not None:
        place = compiled.lens("Communication").where(problem.path, communication.resource)
        return replace(problem, path=at(communication.at, place))
    if field in ("sender", "recipient"):
        party = compiled.lens("MessageHeader").get(header.resource, NO_LINKS, header.at)[field]
        above, resource = _contained(header)[f"#{party}"]
        return replace(problem, path=at(above, compiled.lens("Organization").where(inner, resource)))
    return replace(problem, path=at(header.at, compiled.lens("MessageHeader").where(problem.path, header.resource)))


def _url(resource: dict[str, Any]) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


def _correlated(request: dict[str, Any], systems: Systems) -> bool:
    system = systems.uri("id-referral")
    identifiers = request.get("identifier")
    return isinstance(identifiers, list) and any(isinstance(i, dict) and i.get("system") == system for i in identifiers)


def _with_correlation(bundle: dict[str, Any], request: Entry, systems: Systems) -> dict[str, Any]:
    own = {"system": systems.uri("id-referral"), "value": request.id}
    identifiers = request.resource.get("identifier", [])
    resource = {**request.resource, "identifier": [*(identifiers if isinstance(identifiers, list) else []), own]}
    entries = [{**e, "resource": resource} if n == request.number else e for n, e in enumerate(bundle["entry"])]
    return {**bundle, "entry": entries}
