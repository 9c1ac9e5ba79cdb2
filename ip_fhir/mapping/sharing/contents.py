"""The contents of messages about a plan, besides the header, as FHIR, and back.

A view is its resources. What the other kinds say stands in one Parameters resource; a person or an organisation that it
is about stands beside it, and in a change the resources of the cut plan. A handover carries the whole of it as JSON in
a Binary: nobody but this library reads it.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ip_fhir.domain.consent.protection import withheld
from ip_fhir.domain.people import Organization, PlanOwner
from ip_fhir.domain.sharing.case import HandedOver
from ip_fhir.domain.sharing.change import Change, ChangeAnswer
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.messages import (
    Gone,
    HandoverContent,
    HeldView,
    InvitationContent,
    PlanQuestion,
    Reply,
    Withdrawal,
)
from ip_fhir.domain.values.value import Value, read
from ip_fhir.errors import InvalidInput
from ip_fhir.mapping.dialects.fhir.fhirpath import at
from ip_fhir.mapping.header import party_from_fhir, party_to_fhir
from ip_fhir.mapping.lenses.references import NO_LINKS
from ip_fhir.mapping.lenses.table import data_of
from ip_fhir.mapping.sharing.kept import kept_in
from ip_fhir.mapping.sharing.view import cut_resources, find_cut, read_cut, read_view, view_resources

if TYPE_CHECKING:
    from collections.abc import Collection

    from ip_fhir.domain.consent.protection import LocatingPart
    from ip_fhir.domain.sharing.messages import PlanMessage
    from ip_fhir.fhir.bundle import BundleContent, Entry
    from ip_fhir.mapping.compiled import Compiled

V = TypeVar("V", bound=Value)
JsonObject = dict[str, Any]

JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class ParametersContent:
    """The kind of content that stands in Parameters: its table, its type, and the part of it that stands beside."""

    table: str
    type: type[Value]
    beside: str = ""


IN_PARAMETERS: Final = {
    PlanMessageKind.PLAN_WITHDRAWN: ParametersContent("PlanWithdrawn", Withdrawal),
    PlanMessageKind.PLAN_CHANGE: ParametersContent("PlanChange", Change, "wanted"),
    PlanMessageKind.PLAN_CHANGE_ANSWER: ParametersContent("PlanChangeAnswer", ChangeAnswer),
    PlanMessageKind.INVITATION: ParametersContent("PlanInvitation", InvitationContent, "owner"),
    PlanMessageKind.INVITATION_ANSWER: ParametersContent("PlanReply", Reply),
    PlanMessageKind.HANDOVER: ParametersContent("PlanHandover", HandoverContent, "content"),
    PlanMessageKind.HANDOVER_ANSWER: ParametersContent("PlanReply", Reply),
    PlanMessageKind.PLAN_REQUEST: ParametersContent("PlanRequest", PlanQuestion, "owner"),
    PlanMessageKind.PLAN_GONE: ParametersContent("PlanGone", Gone, "holder"),
    PlanMessageKind.PLAN_STATE_REQUEST: ParametersContent("PlanState", HeldView),
    PlanMessageKind.PLAN_STATE: ParametersContent("PlanState", HeldView),
}
"""The content of each kind that has Parameters; a view has none."""


@dataclass(frozen=True, slots=True)
class CarriedResources:
    """The resources that a message carries; those in `focus` are what its header says it is about."""

    resources: list[JsonObject]
    focus: list[JsonObject]


def content_to_fhir(
    message: PlanMessage,
    content: Value,
    compiled: Compiled,
    released: Collection[LocatingPart],
) -> CarriedResources:
    """The resources of a message's content. Raises `InvalidInput` for words without a code."""
    if message.view is not None:
        numbers = {one.id: one.number for one in message.numbers}
        resources = view_resources(message.view, compiled, released, numbers, message.kept)
        return CarriedResources(resources, resources[-1:])
    said = IN_PARAMETERS[message.kind]
    data = {name: value for name, value in data_of(content).items() if name != said.beside}
    parameters = {"resourceType": "Parameters", "id": message.id, **compiled.lens(said.table).new(data)}
    beside = _beside(content, message.id, compiled, released)
    focus = beside[-1:] if isinstance(content, Change) else beside  # a CarePlan names the rest of its plan
    return CarriedResources([*beside, parameters], [parameters, *focus])


def _beside(
    content: Value, message_id: str, compiled: Compiled, released: Collection[LocatingPart]
) -> list[JsonObject]:
    """The resources that stand beside the Parameters of a content, what it is about last."""
    if isinstance(content, Change):
        return cut_resources(content.wanted, compiled, released, content.kept)
    if isinstance(content, InvitationContent | PlanQuestion):
        return [compiled.lens("Patient").new(content.owner)]
    if isinstance(content, Gone):
        return [{**party_to_fhir(content.holder, compiled), "id": content.holder.id}]
    if isinstance(content, HandoverContent):
        whole = content.content.evolve(plan=withheld(content.content.plan, released))
        data = b64encode(whole.to_json().encode()).decode()
        binary = {"resourceType": "Binary", "id": message_id, "contentType": JSON, "data": data}
        return [compiled.lens("Patient").new(whole.plan.owner), binary]
    return []


def view_content(content: BundleContent, compiled: Compiled) -> JsonObject:
    """The view in a message, and what is kept beside it, as fields of the message. Raises `InvalidInput`."""
    cut = find_cut(content, compiled)
    view = read_view(cut, compiled)
    return {"view": view, "kept": kept_in(view.plan, cut.content, (0,), compiled)}


def content_from_fhir(kind: PlanMessageKind, content: BundleContent, compiled: Compiled) -> Value:
    """Read the content of a message that is no view. Raises `InvalidInput` with every problem, by FHIRPath."""
    said = IN_PARAMETERS[kind]
    parameters = _one(content, "Parameters")
    lens = compiled.lens(said.table)
    data = lens.get(parameters.resource, NO_LINKS, parameters.at)
    if said.beside:
        data |= _READ_BESIDE[said.beside](content, parameters, compiled)
    try:
        return read(said.type, data)
    except InvalidInput as error:
        raise InvalidInput(
            replace(problem, path=at(parameters.at, lens.where(problem.path, parameters.resource)))
            for problem in error.problems
        ) from None


def _wanted(content: BundleContent, parameters: Entry, compiled: Compiled) -> JsonObject:
    cut = find_cut(content, compiled)
    wanted = read_cut(cut, compiled)
    return {"wanted": wanted, "kept": kept_in(wanted, cut.content, (0, parameters.number), compiled)}


def _owner(content: BundleContent, _parameters: Entry, compiled: Compiled) -> JsonObject:
    return {"owner": _read_at(PlanOwner, "Patient", _one(content, "Patient"), compiled)}


def _holder(content: BundleContent, _parameters: Entry, compiled: Compiled) -> JsonObject:
    entry = _one(content, "Organization")
    data = party_from_fhir(entry.resource, entry.at, compiled)
    return {"holder": _checked(Organization, "Organization", data, entry, compiled)}


def _handed_over(content: BundleContent, parameters: Entry, compiled: Compiled) -> JsonObject:
    binary = _one(content, "Binary")
    place = f"{binary.at}.data"
    if binary.resource.get("contentType") != JSON or not isinstance(binary.resource.get("data"), str):
        raise InvalidInput.at(binary.at, f"is not {JSON} in base64", "not-supported")
    try:
        handed_over = read(HandedOver, b64decode(binary.resource["data"], validate=True))
    except Base64Error:
        raise InvalidInput.at(place, "is not base64", "structure") from None
    except InvalidInput as error:
        raise InvalidInput(
            replace(problem, path=place, reason=f"{problem.path or 'content'}: {problem.reason}")
            for problem in error.problems
        ) from None
    if _owner(content, parameters, compiled)["owner"] != handed_over.plan.owner:
        raise InvalidInput.at(place, "holds the plan of another person than the Patient beside it", "invariant")
    return {"content": handed_over}


_READ_BESIDE: Final = {"wanted": _wanted, "owner": _owner, "holder": _holder, "content": _handed_over}


def _one(content: BundleContent, type_: str) -> Entry:
    """The one entry of a type. Raises `InvalidInput` if there is none, or several."""
    found = [entry for entry in content.entries if entry.type == type_]
    if len(found) != 1:
        reason = f"must hold one {type_}, and holds {len(found)}"
        raise InvalidInput.at("Bundle", reason, "multiple-matches" if found else "required")
    return found[0]


def _read_at(model: type[V], table: str, entry: Entry, compiled: Compiled) -> V:
    """The value in one resource. Raises `InvalidInput` by FHIRPath."""
    return _checked(model, table, compiled.lens(table).get(entry.resource, NO_LINKS, entry.at), entry, compiled)


def _checked(model: type[V], table: str, data: JsonObject, entry: Entry, compiled: Compiled) -> V:
    try:
        return read(model, data)
    except InvalidInput as error:
        lens = compiled.lens(table)
        raise InvalidInput(
            replace(problem, path=at(entry.at, lens.where(problem.path, entry.resource))) for problem in error.problems
        ) from None
