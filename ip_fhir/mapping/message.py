"""Messages between two parties as FHIR message Bundles, and back; also a notice from a transaction Bundle.

Messages are R4 on the wire; with the R5 tables they are read and written in R5.
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
from ip_fhir.fhir.bundle import BundleContent, Entry, content_of, content_of_transaction, refuse_aside
from ip_fhir.fhir.json_text import dumps
from ip_fhir.mapping.bundle.reads import LensesNeeded
from ip_fhir.mapping.correlation import is_correlated
from ip_fhir.mapping.dialects.fhir.fhirpath import at
from ip_fhir.mapping.fhir_version import version_of
from ip_fhir.mapping.header import (
    header_from_fhir,
    header_to_fhir,
    message_bundle,
    message_entries,
    place_in_header,
    sent_at,
    url_of,
)
from ip_fhir.mapping.lenses.references import NO_LINKS
from ip_fhir.mapping.lenses.table import data_of

if TYPE_CHECKING:
    from collections.abc import Collection

    from ip_fhir.domain.consent.protection import LocatingPart
    from ip_fhir.mapping.compiled import Compiled
    from ip_fhir.mapping.tables.model import Systems

_HEADER = "MessageHeader"


def message_to_fhir(message: Message, compiled: Compiled, released: Collection[LocatingPart] = ()) -> dict[str, Any]:
    """The message as a Bundle: MessageHeader first, then the resources of its content.

    What leads to a person with a protected address is left out, but for the parts in `released`.
    """
    if message.notice is not None and (notice := withheld(message.notice, released)) is not message.notice:
        message = message.evolve(notice=notice)
    data = data_of(message)
    carried = _carried(message, data, compiled)
    focus = [carried[-1], *(resource for resource in carried[:-1] if resource["resourceType"] == "Communication")]
    header = header_to_fhir(_HEADER, message, data, compiled)
    header["focus"] = [{"reference": url_of(resource)} for resource in focus]
    return message_bundle(header, data["sent"], carried, compiled)


def message_from_fhir(bundle: dict[str, Any] | BundleContent, compiled: Compiled) -> Message:
    """Read the message in a Bundle, or in its content. Raises `InvalidInput` with every problem, by FHIRPath."""
    content = content_of(bundle)
    version_of(content.bundle, compiled.version)
    entries = message_entries(content)
    data = {**header_from_fhir(_HEADER, entries[0], compiled), "sent": sent_at(content.bundle)}
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
    content = content_of_transaction(bundle)
    version_of(content.bundle, compiled.version)
    refuse_aside(content)
    entries = content.entries
    if content.bundle.get("type") not in ("transaction", "batch"):
        raise InvalidInput.at("Bundle.type", "is not transaction", "value")
    requests = [entry for entry in entries if compiled.lens("Notice").owns(entry.resource)]
    if len(requests) == 1 and not is_correlated(requests[0].resource, compiled.systems):
        content = BundleContent(_with_correlation(content.bundle, requests[0], compiled.systems))
    _check_tasks(entries, compiled)
    notice = _read_notice(content, compiled)
    return Message.of_notice(notice, f"transaction-{notice.id}"[:64])


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
    field = problem.path.partition(".")[0]
    if field in ("number", "missing", "text") and communication is not None:
        place = compiled.lens("Communication").where(problem.path, communication.resource)
        return replace(problem, path=at(communication.at, place))
    return place_in_header(_HEADER, problem, header, compiled)


def _with_correlation(bundle: dict[str, Any], request: Entry, systems: Systems) -> dict[str, Any]:
    own = {"system": systems.uri("id-referral"), "value": request.id}
    identifiers = request.resource.get("identifier", [])
    resource = {**request.resource, "identifier": [*(identifiers if isinstance(identifiers, list) else []), own]}
    entries = [{**e, "resource": resource} if n == request.number else e for n, e in enumerate(bundle["entry"])]
    return {**bundle, "entry": entries}
