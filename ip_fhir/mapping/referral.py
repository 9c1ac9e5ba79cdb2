"""A referral as FHIR resources for REST: its ServiceRequest and its current Task; and a changed Task as an event."""

from __future__ import annotations

from collections import deque
from hashlib import sha256
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from uuid import NAMESPACE_URL, uuid5

from ip_fhir.domain.consent.protection import protected_persons, withheld
from ip_fhir.domain.effects import TimerKind
from ip_fhir.domain.green_form import GreenForm
from ip_fhir.domain.loop.table import TASK_STATUS
from ip_fhir.domain.referral import Event, EventKind, Referral, Role
from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.json_text import loads
from ip_fhir.fhir.references import references_in
from ip_fhir.mapping.correlation import is_correlated
from ip_fhir.mapping.fhir_version import expect_version
from ip_fhir.mapping.generated.structs import WrittenReference, write_json
from ip_fhir.mapping.lenses.references import Links
from ip_fhir.mapping.lenses.table import data_of

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from ip_fhir.domain.notice import Notice
    from ip_fhir.mapping.compiled import Compiled
    from ip_fhir.mapping.tables.model import Systems


def referral_to_fhir(
    referral: Referral, existing: list[dict[str, Any]], compiled: Compiled, *, just_read: bool = False
) -> list[dict[str, Any]]:
    """The ServiceRequest and the Task of a referral, in this order, put onto `existing` versions of them.

    A terminal Task is never reopened: a referral that goes on has a new one, with the next number in its id. With
    `just_read`, the existing ServiceRequest is the one that the notice was read from, so that it says all of it.
    """
    if protected_persons(referral.notice):  # several parties may read the resources: nothing is released to all
        just_read = False
        notice = withheld(referral.notice)
        referral, existing = referral.evolve(notice=notice), [_without_whereabouts(one) for one in existing]
    there = {resource["resourceType"]: resource for resource in existing}
    request, task = there.get("ServiceRequest"), there.get("Task")
    if task is not None and task.get("id") != _task_id(referral):
        task = None
    known = {} if request is None else Links.within(request).references
    if just_read and request is not None and is_correlated(request, compiled.systems):
        return [request, _task(referral, task, known, compiled)]
    return [_request(referral, request, known, compiled), _task(referral, task, known, compiled)]


def _without_whereabouts(resource: dict[str, Any]) -> dict[str, Any]:
    """The resource whose contained persons have no address and no telecom, however the other side wrote them."""
    contained = resource.get("contained")
    if type(contained) is not list:
        return resource
    return {**resource, "contained": [_located_nowhere(one) for one in contained]}


def _located_nowhere(contained: Any) -> Any:
    if type(contained) is not dict or contained.get("resourceType") not in ("Patient", "RelatedPerson"):
        return contained
    return {name: value for name, value in contained.items() if name not in _WHEREABOUTS}


_WHEREABOUTS = ("address", "_address", "telecom", "_telecom", "contact")


def referral_resources(referral: Referral) -> tuple[tuple[str, str], tuple[str, str]]:
    """Type and id of the resources that `referral_to_fhir` makes, in its order."""
    return ("ServiceRequest", referral.correlation_id), ("Task", _task_id(referral))


def event_from_task(before: Referral, task: dict[str, Any], now: datetime, compiled: Compiled) -> Event | None:
    """The event that a Task stands for after the other party has changed it; dated `now` (UTC).

    None if it says what ours says, whatever else has been added to it. A contained green form (QuestionnaireResponse)
    is an answer; otherwise status and businessStatus give the event. Raises `InvalidInput` if they stand for no event,
    or for one that needs a green form.
    """
    if type(task) is dict:
        expect_version(task, compiled.version)
    said = compiled.lens("Task").get(task, Links.within(task))
    role = Role.MUNICIPALITY if before.role is Role.HOSPITAL else Role.HOSPITAL
    meta = task.get("meta")
    version = meta.get("versionId") if isinstance(meta, dict) else None
    ident = str(uuid5(NAMESPACE_URL, f"{said['id']}/{version}/{said['status']}/{said.get('business_status')}"))
    form = _contained_form(task, compiled)
    if form is not None:
        return Event(id=ident, kind=EventKind.ANSWER, at=now, raised_by=role, form=form)
    if said["id"] == _task_id(before) and _task(before, task, {}, compiled) == task:
        return None
    kind = _MEANING.get((role, said["status"], said.get("business_status"))) or _MEANING.get(
        (role, said["status"], None)
    )
    if kind is None:
        reason = "with this businessStatus means nothing here; an answer is told with a contained green form"
        raise InvalidInput.at("Task.status", reason, "business-rule")
    return Event(id=ident, kind=kind, at=now, raised_by=role, text=said.get("reason"))


_MEANING: dict[tuple[Role, str, str | None], EventKind] = {
    (Role.MUNICIPALITY, "received", None): EventKind.RECEIVE,
    (Role.MUNICIPALITY, "accepted", None): EventKind.ACCEPT,
    (Role.MUNICIPALITY, "in-progress", "assessment"): EventKind.ASSESS,
    (Role.MUNICIPALITY, "in-progress", "coordinator-vacant"): EventKind.COORDINATOR_LEFT,
    (Role.MUNICIPALITY, "on-hold", None): EventKind.ASK_INFORMATION,
    (Role.MUNICIPALITY, "cancelled", None): EventKind.AGREE_ABORT,
    (Role.HOSPITAL, "requested", None): EventKind.GIVE_INFORMATION,
    (Role.HOSPITAL, "in-progress", "cancellation-requested"): EventKind.ASK_ABORT,
    (Role.HOSPITAL, "cancelled", "consent-withdrawn"): EventKind.WITHDRAW_CONSENT,
    (Role.HOSPITAL, "cancelled", None): EventKind.CANCEL,
    (Role.HOSPITAL, "completed", "closed"): EventKind.CLOSE,
}


def _request(
    referral: Referral, existing: dict[str, Any] | None, known: dict[str, str], compiled: Compiled
) -> dict[str, Any]:
    """The ServiceRequest; `known` are the references in the existing one, by domain id."""
    notice = data_of(referral.notice)
    if existing is not None:
        links = Links({**_inside(referral), **known}, owner=None, closed=False)
        return compiled.lens("Notice").put(_with_ids(referral, notice), existing, links)
    made = compiled.assembly("notice").resources(referral.notice, derived=False)[:-1]
    parts = {_contained(f"{resource['resourceType']}/{resource['id']}"): resource for resource in made}
    links = Links(_inside(referral), owner=referral.notice.owner.id)
    request = compiled.lens("Notice").new(_with_ids(referral, notice), links)
    inside = {key: {**_pointing_inside(resource), "id": key[1:]} for key, resource in parts.items()}
    contained = _reachable(request, inside)
    return {**request, "contained": contained}


def _with_ids(referral: Referral, notice: dict[str, Any]) -> dict[str, Any]:
    """The notice's data under the loop's key, since two hospitals may give their notices the same id."""
    return {**notice, "id": referral.correlation_id, "needs": [need["id"] for need in notice["needs"]]}


def _inside(referral: Referral) -> dict[str, str]:
    """References to the resources contained in the ServiceRequest, by domain id: they have no address of their own."""
    notice = referral.notice
    ids = [notice.owner.id, *(o.id for o in notice.organizations), *(p.id for p in notice.professionals)]
    return {ident: f"#{ident}" for ident in [*ids, *(need.id for need in notice.needs)]}


def _contained(reference: str) -> str:
    """The reference to a resource once it is contained. A role and its person share an id, so a person's is derived."""
    type_, _, ident = reference.rpartition("/")
    return f"#{uuid5(NAMESPACE_URL, reference)}" if type_ == "Practitioner" else f"#{ident}"


def _pointing_inside(resource: Any) -> Any:
    """A copy whose references point to contained resources."""
    if type(resource) is dict:
        copy = {key: _pointing_inside(value) for key, value in resource.items()}
        if type(copy.get("reference")) is str:
            copy["reference"] = _contained(copy["reference"])
        return copy
    return [_pointing_inside(item) for item in resource] if type(resource) is list else resource


def _reachable(request: dict[str, Any], parts: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """The parts that the request refers to, directly or through others (FHIR dom-3: only these may be contained)."""
    found: dict[str, dict[str, Any]] = {}
    waiting = deque(references_in(request))
    while waiting:
        reference = waiting.popleft()
        if reference in parts and reference not in found:
            found[reference] = parts[reference]
            waiting += references_in(parts[reference])
    return list(found.values())


_LONGEST_ID = 64
_REQUEST = "#request"
"""The key for the referral's own ServiceRequest among the links; no id has this form."""


def _task_id(referral: Referral) -> str:
    """The loop's key and the number of the Task; of a key that is too long for that, the key's digest."""
    key, suffix = referral.correlation_id, f"-{referral.task_number}"
    if len(key) + len(suffix) > _LONGEST_ID:
        key = f"own-key.{sha256(key.encode()).hexdigest()[:40]}"  # cut off, two keys might be one
    return f"{key}{suffix}"


def _task(
    referral: Referral, existing: dict[str, Any] | None, known: dict[str, str], compiled: Compiled
) -> dict[str, Any]:
    """The Task; `known` are the references in the ServiceRequest, by domain id."""
    if existing is None:
        return _new_task(referral, known, compiled)
    lens = compiled.lens("Task")
    links = Links({**_known_to_task(referral, known), **Links.within(existing).references}, closed=False)
    data = {
        **referral.model_dump(mode="json", exclude_none=True, include=lens.inner.names),
        **_of_task(referral, links.references, compiled.systems),
    }
    number = data["person_number"]
    return lens.put({**data, "person_number": None if number is None else str(number)}, existing, links)


def _new_task(referral: Referral, known: dict[str, str], compiled: Compiled) -> dict[str, Any]:
    """A Task that is not there yet, by the table's fast writer."""
    references = _known_to_task(referral, known)
    said = SimpleNamespace(**{**referral.__dict__, **_of_task(referral, references, compiled.systems)})
    links: dict[str | None, Any] = {ident: WrittenReference(reference) for ident, reference in references.items()}
    made: dict[str, Any] = loads(write_json(compiled.writer("Task")(said, {None: None, **links}, links[_REQUEST])))
    return made


def _known_to_task(referral: Referral, known: dict[str, str]) -> dict[str, str]:
    """The references that a Task may have, by domain id: the ServiceRequest's, and that to the ServiceRequest itself.

    Without those to contained resources, which are valid inside the ServiceRequest only.
    """
    valid = {ident: reference for ident, reference in known.items() if not reference.startswith("#")}
    return {**valid, _REQUEST: f"ServiceRequest/{referral.correlation_id}"}


def _of_task(referral: Referral, references: Mapping[str, str], systems: Systems) -> dict[str, Any]:
    """The fields of the Task's table that no field of the referral is, by name."""
    notice, standing = referral.notice, TASK_STATUS[referral.state]
    parties = (("person", notice.owner.id), ("sender", notice.sender), ("recipient", notice.recipient))
    return {
        "id": _task_id(referral),
        "correlation_id": notice.correlation_id,
        "status": standing.status,
        "business_status": standing.business_status,
        "focus": _REQUEST,
        "answer_due": _answer_due(referral),
        "form": referral.form.id if referral.form else None,
        **{field: ident if ident in references else None for field, ident in parties},
        **_numbers(notice, systems),
    }


def _numbers(notice: Notice, systems: Systems) -> dict[str, str | None]:
    """The numbers by which the Task names person, sender and recipient, whom only the ServiceRequest contains.

    Those of the parties stand after their system: `system|number`.
    """
    person = notice.owner.identifier
    numbers: dict[str, str | None] = {"person_number": person}
    for field, ident in (("sender", notice.sender), ("recipient", notice.recipient)):
        party = notice.organization(ident)
        known = (("her-id", party.her_id), ("org-number", party.organization_number))
        number = next((f"{systems.uri(name)}|{number}" for name, number in known if number is not None), None)
        numbers[f"{field}_number"] = number
    return numbers


def _answer_due(referral: Referral) -> str | None:
    due = next((t.due for t in (*referral.timers, *referral.paused) if t.kind is TimerKind.ANSWER), None)
    return due.isoformat() if due else None


def _contained_form(task: dict[str, Any], compiled: Compiled) -> GreenForm | None:
    contained = task.get("contained", [])
    if not isinstance(contained, list) or not all(
        isinstance(c, dict) and isinstance(c.get("id"), str) for c in contained
    ):
        raise InvalidInput.at("Task.contained", "must be resources with ids", "structure")
    entries = [{"fullUrl": f"#{resource['id']}", "resource": resource} for resource in contained]
    if not any(compiled.lens("GreenForm").owns(resource) for resource in contained):
        return None
    return compiled.assembly("green-form").value(GreenForm, {"resourceType": "Bundle", "entry": entries})
