"""Interactions with one resource: read, vread, create, update, patch, delete, each also by condition.

An update is only ever made of a version that was read (If-Match), or of what a condition finds.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ip_fhir.errors import InvalidInput, Rejected
from ip_fhir.fhir.reading import FHIR_JSON
from ip_fhir.fhir.rest.addresses import Location, location_of
from ip_fhir.fhir.rest.etags import etag_of, version_in, version_of
from ip_fhir.fhir.rest.interaction import Interaction, Repeat, json_body, path_of
from ip_fhir.fhir.rest.searches import identifies

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ip_fhir.fhir.rest.answers import Answered
    from ip_fhir.ports import JsonObject

JSON_PATCH = "application/json-patch+json"


@dataclass(frozen=True, slots=True)
class Versioned:
    """A resource as read, and its version; None where the server keeps none."""

    resource: JsonObject = field(repr=False)
    version: str | None


@dataclass(frozen=True, slots=True)
class Stored:
    """The place of what was written. `created` is False if it was there; `resource` is what came back, if any did."""

    location: Location
    created: bool
    resource: JsonObject | None = field(default=None, repr=False)


def read(type_: str, id_: str) -> Interaction[Versioned]:
    """Returns the reading of a resource's present version. `Rejected` with the status 404 or 410: it is not there."""
    return Interaction("read", "GET", path_of(type_, id_), lambda answered: _versioned(answered, type_, id_))


def vread(type_: str, id_: str, version: str) -> Interaction[Versioned]:
    """Returns the reading of one version of a resource."""
    path = path_of(type_, id_, "_history", version)
    return Interaction("vread", "GET", path, lambda answered: _versioned(answered, type_, id_))


def create(resource: JsonObject, *, if_none_exist: Sequence[tuple[str, str]] = ()) -> Interaction[Stored]:
    """Returns the creation of a resource; with `if_none_exist` only where no such resource is there.

    Its condition is a header, which is in no address. Repeated after doubt, also this could make two on a server that
    does not heed it: look first.
    """
    type_ = _type(resource)
    condition = (("If-None-Exist", condition_text(if_none_exist)),) if if_none_exist else ()
    made = Interaction("create", "POST", path_of(type_), lambda answered: _stored(answered, type_), **_body(resource))
    return _writing(made, condition)


def update(resource: JsonObject, *, if_match: str) -> Interaction[Stored]:
    """Returns the update of a resource whose version `if_match` was read. `Conflict`: it has changed since."""
    type_, id_ = _type(resource), str(resource.get("id", ""))
    made = Interaction("update", "PUT", path_of(type_, id_), lambda a: _stored(a, type_, id_), **_body(resource))
    return _writing(made, (("If-Match", etag_of(if_match)),))


def conditional_update(resource: JsonObject, criteria: Sequence[tuple[str, str]]) -> Interaction[Stored]:
    """Returns the update of the one resource that criteria find, which is created if none is found.

    Raises `InvalidInput` if a criterion may identify a person: it would stand in the address. In a bundle it may.
    """
    _refuse_personal(criteria)
    type_ = _type(resource)
    made = Interaction(
        "conditional update",
        "PUT",
        path_of(type_),
        lambda answered: _stored(answered, type_),
        query=tuple(criteria),
        **_body(resource),
    )
    return _writing(made, ())


def patch(
    type_: str, id_: str, operations: Sequence[dict[str, Any]], *, if_match: str | None = None
) -> Interaction[Stored]:
    """Returns the change of parts of a resource by a JSON Patch (RFC 6902)."""
    made = Interaction(
        "patch",
        "PATCH",
        path_of(type_, id_),
        lambda answered: _stored(answered, type_, id_),
        **json_body([*operations], JSON_PATCH),
    )
    return _writing(made, (("If-Match", etag_of(if_match)),) if if_match is not None else ())


def delete(type_: str, id_: str, *, if_match: str | None = None) -> Interaction[None]:
    """Returns the deletion of a resource. Repeating it is safe: what is gone is gone."""
    headers = (("If-Match", etag_of(if_match)),) if if_match is not None else ()
    return Interaction("delete", "DELETE", path_of(type_, id_), _gone, headers=headers, writes=True)


def conditional_delete(type_: str, criteria: Sequence[tuple[str, str]]) -> Interaction[None]:
    """Returns the deletion of the one resource that criteria find. Raises `InvalidInput` as `conditional_update`.

    Without criteria it would delete everything: `InvalidInput`.
    """
    _refuse_personal(criteria)
    if not criteria:
        raise InvalidInput.at("criteria", "a deletion without criteria would delete every resource", "required")
    return Interaction("conditional delete", "DELETE", path_of(type_), _gone, query=tuple(criteria), writes=True)


def condition_text(criteria: Sequence[tuple[str, str]]) -> str:
    """Returns criteria as they stand in If-None-Exist and in a bundle's `ifNoneExist`: without a question mark."""
    from urllib.parse import urlencode

    return urlencode(criteria)


def _body(resource: JsonObject) -> dict[str, Any]:
    return json_body(resource, FHIR_JSON)


def _writing(made: Interaction[Stored], headers: tuple[tuple[str, str], ...]) -> Interaction[Stored]:
    return replace(made, headers=(*made.headers, *headers), repeat=Repeat.LOOK_UP, writes=True)


def _type(resource: JsonObject) -> str:
    found = resource.get("resourceType")
    if not isinstance(found, str):
        raise InvalidInput.at("resourceType", "missing, so this is no FHIR resource", "structure")
    return found


def _refuse_personal(criteria: Sequence[tuple[str, str]]) -> None:
    if identifies(criteria):
        reason = "may identify a person, and would stand in an address: send it in a bundle"
        raise InvalidInput.at("criteria", reason, "not-supported")


def _versioned(answered: Answered, type_: str, id_: str) -> Versioned:
    resource = answered.resource(type_)
    if resource.get("id") != id_:
        raise Rejected(f"{answered.host}: the answer is another {type_} than the one that was asked for")
    return Versioned(resource, version_in(resource) or version_of(answered.answer.headers.get("etag")))


def _stored(answered: Answered, type_: str, id_: str | None = None) -> Stored:
    """Reads where something was written. `Unavailable`, in doubt: the server does not say where."""
    resource = answered.optional_resource()
    own = resource if resource is not None and resource["resourceType"] == type_ else None
    headers = answered.answer.headers
    place = location_of(headers.get("location") or headers.get("content-location"))
    ident = id_ or (place.id if place is not None else None) or (own or {}).get("id")
    if not isinstance(ident, str) or (place is not None and place.type != type_):
        raise answered.unclear(f"HTTP {answered.status} without the place of what was written")
    if id_ is not None and place is not None and place.id != id_:
        raise answered.unclear("it has written another resource than the one that was sent")
    version = version_of(headers.get("etag")) or (place and place.version) or version_in(own or {})
    return Stored(Location(type_, ident, version), answered.status == 201, own)


def _gone(answered: Answered) -> None:
    if answered.status not in {404, 410}:
        answered.optional_resource()
