"""Carriers: a message through a server that has no messaging, as a Task of its receiver that has the message in it.

The Task names sender (`requester`) and receiver (`owner`) as organisations on that server, the message by its id, and
has the whole message Bundle as an attachment among its inputs. What the message is about stands beside it as resources
(`focus`, `for`), for those who use that server; the receiver reads the attachment, which nobody's change of a resource
changes. The receiver's system sets the status when it has taken the message in, which is the receipt, and takes the
message out: its hash stays.

| status | meaning |
|---|---|
| `requested` | nobody has taken it in |
| `completed` | taken in |
| `rejected` | refused for good, with codes of http://hl7.org/fhir/R4/valueset-issue-type.html in `statusReason` |
"""

from __future__ import annotations

import binascii
from base64 import b64decode, b64encode
from hashlib import sha1, sha256
from typing import TYPE_CHECKING, Any, Final, cast, get_args

import orjson

from ip_fhir.errors import InvalidInput, IssueCode, Problem
from ip_fhir.fhir.json_text import dumps
from ip_fhir.fhir.reading import FHIR_JSON
from ip_fhir.ports import Receipt

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ip_fhir.ports import JsonObject

TASK: Final = "Task"
WAITING: Final = "requested"
TAKEN: Final = "completed"
REFUSED: Final = "rejected"
SETTLED: Final = (TAKEN, REFUSED)
"""The statuses of a carrier whose message was taken in or refused."""

_TYPES: Final = "http://hl7.org/fhir/resource-types"
_ISSUE_TYPES: Final = "http://hl7.org/fhir/issue-type"
_KINDS: Final = "/CodeSystem/message"
_MOST_REASONS: Final = 10


def carrier(message: bytes, identifier: JsonObject, more: JsonObject) -> JsonObject:
    """Returns the Task that carries the bytes of a message Bundle; `more` are its further elements."""
    attachment = {"contentType": FHIR_JSON, "data": b64encode(message).decode(), "hash": _hash(message)}
    kind = {"coding": [{"system": _TYPES, "code": "Bundle"}]}
    return {
        "resourceType": TASK,
        "identifier": [identifier],
        "status": WAITING,
        "intent": "order",
        **more,
        "input": [{"type": kind, "valueAttachment": attachment}],
    }


def is_carrier(resource: Any) -> bool:
    """True if the resource is a Task that has, or had, a message Bundle in it, and names it by an identifier."""
    return _attached(resource) is not None and bool(_identifiers(resource))


def kind_of(task: Any) -> JsonObject | None:
    """Returns the coding that names the kind of a message in `Task.code`; None if there is none, or no identifier.

    Such a Task without a message in it says what a message is of which the content is its `focus`.
    """
    code = task.get("code") if isinstance(task, dict) and task.get("resourceType") == TASK else None
    codings = code.get("coding") if isinstance(code, dict) else None
    for one in codings if isinstance(codings, list) and _identifiers(task) else ():
        if isinstance(one, dict) and str(one.get("system")).endswith(_KINDS):
            return one
    return None


def message_in(task: Any) -> bytes:
    """Returns the bytes of the message that a carrier has in it. Raises `InvalidInput` if it is none."""
    data = (_attached(task) or {}).get("data")
    if not isinstance(data, str):
        raise InvalidInput.at("Task.input", "holds no message Bundle", "required")
    try:
        return b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput.at("Task.input.valueAttachment.data", "is no base64", "value") from None


def same_message(task: JsonObject, other: JsonObject) -> bool:
    """True if two Tasks carry, or carried, the same bytes."""
    found = [(_attached(one) or {}).get("hash") for one in (task, other)]
    return found[0] is not None and found[0] == found[1]


def carrier_in(content: JsonObject) -> JsonObject:
    """Returns the carrier that a resource is, or that a Bundle holds one of. Raises `InvalidInput`."""
    if content.get("resourceType") != "Bundle":
        return content
    entries = content.get("entry")
    listed = entries if isinstance(entries, list) else []
    found = [entry["resource"] for entry in listed if isinstance(entry, dict) and is_carrier(entry.get("resource"))]
    if len(found) != 1:
        raise InvalidInput.at("Bundle.entry", "does not hold one Task with a message in it", "required")
    return cast("JsonObject", found[0])


def message_id(task: JsonObject) -> str:
    """Returns the id of the message that a carrier names; empty if it names none."""
    return next((str(one["value"]) for one in _identifiers(task)), "")


def settled(task: JsonObject, receipt: Receipt) -> JsonObject:
    """Returns the carrier with the status that a receipt (`ok` or `fatal-error`) gives it, without the message."""
    status = TAKEN if receipt.code == "ok" else REFUSED
    changed = {**task, "status": status}
    if is_carrier(task):
        changed["input"] = [_emptied(one) for one in task["input"]]
    if status == REFUSED:
        codes = dict.fromkeys(problem.code for problem in receipt.problems[:_MOST_REASONS])
        changed["statusReason"] = {"coding": [{"system": _ISSUE_TYPES, "code": code} for code in codes]}
        if not codes:
            changed["statusReason"] = {"coding": [{"system": _ISSUE_TYPES, "code": "business-rule"}]}
    return changed


def receipt_of(task: JsonObject) -> Receipt | None:
    """Returns the receipt that a carrier's status is; None while nobody has taken the message in.

    The words of a refusal are left out, as they may name a person.
    """
    status = task.get("status")
    if status == TAKEN:
        return Receipt(message_id(task), "ok")
    if status not in (REFUSED, "cancelled", "failed", "entered-in-error"):
        return None
    reason = task.get("statusReason")
    codings = reason.get("coding") if isinstance(reason, dict) else None
    given = [one.get("code") for one in codings if isinstance(one, dict)] if isinstance(codings, list) else []
    known = [cast("IssueCode", code) for code in given if code in get_args(IssueCode)]
    words = f"the receiver's Task is {status}"
    return Receipt(message_id(task), "fatal-error", tuple(Problem("", words, code) for code in known or _UNKNOWN))


_UNKNOWN: Final[tuple[IssueCode, ...]] = ("business-rule",)


def content_digest(resource: JsonObject) -> str:
    """Returns a digest of what a resource says: without id, `meta`, narrative and the names that references have.

    It is the same on a server that has given other ids, so that a change by somebody else can be told.
    """
    said = {name: value for name, value in resource.items() if name not in ("id", "meta", "text")}
    return sha256(dumps(_without_references(said), orjson.OPT_SORT_KEYS)).hexdigest()


def _without_references(node: Any) -> Any:
    if type(node) is list:
        return [_without_references(item) for item in node]
    if type(node) is not dict:
        return node
    return {key: _without_references(value) for key, value in node.items() if key != "reference"}


def identifiers(resource: JsonObject) -> Iterable[str]:
    """Yields the identifiers of a resource as a search names them: `system|value`."""
    return [f"{one.get('system', '')}|{one['value']}" for one in _identifiers(resource)]


def _identifiers(resource: Any) -> list[JsonObject]:
    given = resource.get("identifier") if isinstance(resource, dict) else None
    listed = given if isinstance(given, list) else [given]
    return [one for one in listed if isinstance(one, dict) and isinstance(one.get("value"), str)]


def _attached(task: Any) -> JsonObject | None:
    """The attachment that is, or was, the one message Bundle among the inputs of a Task."""
    if not isinstance(task, dict) or task.get("resourceType") != TASK or not isinstance(task.get("input"), list):
        return None
    found = [one.get("valueAttachment") for one in task["input"] if isinstance(one, dict) and _is_bundle(one)]
    if len(found) != 1 or not isinstance(found[0], dict) or found[0].get("contentType") != FHIR_JSON:
        return None
    return found[0]


def _emptied(given: JsonObject) -> JsonObject:
    """An input without the message, if it is the one that has it."""
    if not _is_bundle(given):
        return given
    return {**given, "valueAttachment": {k: v for k, v in given["valueAttachment"].items() if k != "data"}}


def _hash(message: bytes) -> str:
    """The hash that FHIR asks for: SHA-1 in base64 (http://hl7.org/fhir/R4/datatypes.html#attachment)."""
    return b64encode(sha1(message, usedforsecurity=False).digest()).decode()


def _is_bundle(given: JsonObject) -> bool:
    type_ = given.get("type")
    codings = type_.get("coding") if isinstance(type_, dict) else None
    return isinstance(codings, list) and {"system": _TYPES, "code": "Bundle"} in [
        {name: one.get(name) for name in ("system", "code")} for one in codings if isinstance(one, dict)
    ]
