"""The OpenAPI 3.1 document, made of the doors themselves and of the domain's JSON Schemas."""

from __future__ import annotations

import json
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from pydantic.json_schema import models_json_schema

from ip_fhir.fhir.json_text import dumps
from ip_fhir.fhir.reading import FHIR_JSON
from ip_fhir.web.own.doors import ER7, ID, JSON
from ip_fhir.web.own.headers import AUTHOR_ID, AUTHOR_NAME, ENCODED, KEY, KEY_FORM
from ip_fhir.web.own.loops import LoopDoors
from ip_fhir.web.own.maps import MapDoors
from ip_fhir.web.own.plans import PlanDoors
from ip_fhir.web.own.problems import PROBLEM_JSON, ProblemDetails
from ip_fhir.web.own.told import ToldDoors
from ip_fhir.web.own.work import WorkDoors

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ip_fhir.domain.values.value import Value
    from ip_fhir.exchange import Exchange
    from ip_fhir.web.own.doors import Content, Door

_REFS: Final = "#/components/schemas/{model}"
_EVERYWHERE: Final = (400, 401, 429, 500, 503)
_OF_BODIES: Final = (408, 413, 415, 422)
_REASONS: Final = {
    400: "A header, a parameter or the body has not the form that it must have.",
    401: "No token of one of our own programs.",
    403: "The person has not consented, or something is protected: nothing was sent.",
    404: "There is nothing of this id.",
    408: "The body took too long.",
    409: "The loop does not allow this now, or an id is taken.",
    412: "Somebody has changed it since: read it again and decide.",
    413: "The body is too large, too deep, or has too many parts.",
    415: "The body has another media type than this takes, or is compressed.",
    422: "The body can be read, and cannot be used as it is.",
    429: "Too many wrong tokens: wait.",
    500: "Something is wrong on our side; it has been logged.",
    503: "Not now: the store, or too much at a time. The same may be asked again.",
}
_RESOURCE: Final = {
    "type": "object",
    "description": "Any FHIR resource.",
    "required": ["resourceType"],
    "properties": {"resourceType": {"type": "string"}},
    "additionalProperties": True,  # unless it is said, some generated clients drop all but `resourceType`
}
_FREE: Final = {
    FHIR_JSON: {"$ref": _REFS.format(model="FhirResource")},
    # Bytes, since MSH-18 says which characters they are; a client that reads a string of JSON would fail at them, too.
    ER7: {"type": "string", "format": "binary", "description": "Segments, each with a carriage return at its end."},
    JSON: {"type": "object"},
}
_HEADER: Final = {
    "author-id": (AUTHOR_ID, ENCODED, "Who asks: the id by which the EHR knows them, percent-encoded UTF-8."),
    "author-name": (AUTHOR_NAME, ENCODED, "Their name, percent-encoded UTF-8: kept as evidence, never sent."),
    "key": (KEY, KEY_FORM, "A key of the program's own: the same request with it is done once."),
    "if-match": (
        "If-Match",
        r'(?:W/)?"[0-9]{1,9}"',
        "ETag of what was read: if it has changed since, nothing is done.",
    ),
}


def all_doors(exchange: Exchange | None = None) -> list[Door]:
    """Every door of a side; without one, to describe them only."""
    side: Any = exchange
    rooms = (LoopDoors(side), WorkDoors(side), PlanDoors(side), MapDoors(side), ToldDoors(side))
    return [door for room in rooms for door in room.doors()]


def document(doors: Iterable[Door] | None = None) -> bytes:
    """The document as UTF-8 JSON."""
    doors = list(all_doors() if doors is None else doors)
    models = {content.model: None for door in doors for content in (door.takes, door.gives) if content is not None}
    schemas = _schemas([model for model in (*models, ProblemDetails) if model is not None])
    paths: dict[str, dict[str, Any]] = {}
    for door in doors:
        paths.setdefault(door.path, {})[door.method.lower()] = _operation(door)
    return dumps(
        {
            "openapi": "3.1.0",
            "info": {
                "title": "ip-fhir for our own programs",
                "version": version("ip-fhir"),
                "description": "For an EHR in any language on the machine of this side. Every refusal is a problem "
                "detail (RFC 9457), and after it nothing has changed.",
            },
            "security": [{"token": []}],
            "paths": paths,
            "components": {
                "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
                "schemas": schemas,
                "responses": {str(status): _problem(reason) for status, reason in _REASONS.items()},
            },
        }
    )


def _schemas(models: list[type[Value]]) -> dict[str, Any]:
    """The JSON Schemas of these values and of all in them, by name.

    With defaults that are one word or number: of a null or an empty list, which says no more than that a field may be
    absent, generators make the promise that it is there, and of an object code that cannot be compiled.
    """
    _, found = models_json_schema([(model, "validation") for model in models], ref_template=_REFS)
    schemas: dict[str, Any] = json.loads(json.dumps(found["$defs"]))
    for schema in schemas.values():
        for field in schema.get("properties", {}).values():
            if not isinstance(field.get("default"), bool | int | str):
                field.pop("default", None)
    return {**schemas, "FhirResource": _RESOURCE}


def _operation(door: Door) -> dict[str, Any]:
    said: dict[str, Any] = {
        "operationId": door.name,
        "summary": door.about,
        "tags": [door.group],
        "parameters": [*_parameters(door)],
        "responses": _responses(door),
    }
    if door.takes is not None:
        said["requestBody"] = {"required": True, "content": {door.takes.kind: _media(door.takes)}}
    return said


def _parameters(door: Door) -> Iterable[dict[str, Any]]:
    for name in door.ids:
        yield {"name": name, "in": "path", "required": True, "schema": ID}
    for query in door.query:
        more = {"explode": True} if query.schema["type"] == "array" else {}
        yield {"name": query.name, "in": "query", "description": query.about, "schema": dict(query.schema), **more}
    headers = ["author-id", "author-name"] if door.needs_author else []
    headers += ["key"] if door.once else []
    headers += ["if-match"] if door.versioned and door.does is not None else []
    for header in headers:
        name, form, about = _HEADER[header]
        schema = {"type": "string", "pattern": f"^(?:{form})$"}
        required = header.startswith("author")
        yield {"name": name, "in": "header", "required": required, "description": about, "schema": schema}


def _responses(door: Door) -> dict[str, Any]:
    given: dict[str, Any] = {"description": "Done." if door.does is not None else "What there is."}
    given["content"] = {door.gives.kind: _media(door.gives)}
    if door.versioned:
        given["headers"] = {"ETag": {"description": "Revision, for `If-Match`.", "schema": {"type": "string"}}}
    refusals = {*_EVERYWHERE, *door.also, *(_OF_BODIES if door.takes is not None else (422,))}
    refused = {str(status): {"$ref": f"#/components/responses/{status}"} for status in sorted(refusals)}
    return {str(door.status): given, **refused}


def _media(content: Content) -> dict[str, Any]:
    """The schema of a content."""
    if content.model is None:
        return {"schema": _FREE[content.kind]}
    return {"schema": {"$ref": _REFS.format(model=content.model.__name__)}}


def _problem(reason: str) -> dict[str, Any]:
    schema = {"$ref": _REFS.format(model=ProblemDetails.__name__)}
    return {"description": reason, "content": {PROBLEM_JSON: {"schema": schema}}}
