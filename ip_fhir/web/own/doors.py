"""The doors of the interface, as values: from them both the routes and the OpenAPI document are made."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from ip_fhir.domain.values.value import Value, read
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.access.deeds import Deed
from ip_fhir.fhir.json_text import dumps
from ip_fhir.fhir.reading import DEFAULT_LIMITS, FHIR_JSON, Limits, has_too_many_parts, read_json
from ip_fhir.web.requests import BadRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ip_fhir.domain.referral import Author

Method: TypeAlias = Literal["GET", "POST", "PUT"]

JSON: Final = "application/json"
ER7: Final = "x-application/hl7-v2+er7"
"""The media type of HL7 v2 in its own syntax, as HL7 over HTTP has it."""

_TYPES: Final = {
    JSON: frozenset({JSON}),
    FHIR_JSON: frozenset({FHIR_JSON, JSON}),
    ER7: frozenset({ER7, "application/octet-stream"}),
}
_WHOLE_NUMBER: Final = re.compile("0|[1-9][0-9]{0,8}")


@dataclass(frozen=True, slots=True)
class Content:
    """The content of a request or an answer: JSON of a domain value, a FHIR resource, or HL7 v2."""

    kind: str
    model: type[Value] | None = None

    @property
    def types(self) -> frozenset[str]:
        """The media types by which it may come."""
        return _TYPES[self.kind]

    def read(self, content: bytes, limits: Limits = DEFAULT_LIMITS) -> Any:
        """Returns what a body says. Raises `InvalidInput` with every problem."""
        if self.kind == ER7:
            return content
        if self.kind == FHIR_JSON:
            return read_json(content, limits)
        if has_too_many_parts(content, limits):
            raise InvalidInput.at("", f"more than {limits.max_parts} parts", "too-costly")
        return read(self.model or Value, content)


def values(model: type[Value]) -> Content:
    """Content that is the JSON of one value."""
    return Content(JSON, model)


RESOURCE: Final = Content(FHIR_JSON)
"""Any FHIR resource."""

HL7V2: Final = Content(ER7)
"""One message of HL7 v2."""


@dataclass(frozen=True, slots=True)
class Query:
    """A parameter of a query: its name, its JSON Schema, and its meaning. The schema is what it is read by, too."""

    name: str
    schema: Mapping[str, Any]
    about: str

    @property
    def default(self) -> Any:
        """The value of a query that does not have it."""
        return () if self.schema["type"] == "array" else self.schema.get("default")

    def read(self, given: list[str]) -> Any:
        """Returns the value. Raises `BadRequest` 400."""
        if self.schema["type"] == "array":
            return tuple(self._read(text, self.schema["items"]) for text in given)
        if len(given) > 1:
            raise BadRequest(400, "is given twice", "structure", self.name)
        return self._read(given[0], self.schema)

    def _read(self, text: str, schema: Mapping[str, Any]) -> Any:
        if schema["type"] == "integer":
            number = int(text) if _WHOLE_NUMBER.fullmatch(text) else -1
            if not schema["minimum"] <= number <= schema["maximum"]:
                reason = f"is a number from {schema['minimum']} to {schema['maximum']}"
                raise BadRequest(400, reason, "value", self.name)
            return number
        if schema["type"] == "boolean":
            if text not in {"true", "false"}:
                raise BadRequest(400, "is true or false", "value", self.name)
            return text == "true"
        if "enum" in schema and text not in schema["enum"]:
            raise BadRequest(400, f"is one of {', '.join(schema['enum'])}", "code-invalid", self.name)
        if "pattern" in schema and re.fullmatch(schema["pattern"], text) is None:
            raise BadRequest(400, "has not the form that it must have", "value", self.name)
        return text


ID: Final = {"type": "string", "pattern": "[A-Za-z0-9.-]{1,64}"}
CURSOR: Final = Query("cursor", {"type": "string", "pattern": "[A-Za-z0-9_-]{1,2048}"}, "`next` of the page before.")


def limit(most: int = 1000) -> Query:
    """The parameter that says how many there may be on a page."""
    schema = {"type": "integer", "minimum": 1, "maximum": most, "default": 100}
    return Query("limit", schema, "At most so many on a page.")


@dataclass(frozen=True, slots=True)
class Asked:
    """A request that was read and checked: whose, which, and what goes with it."""

    program: str
    path: Mapping[str, str]
    query: Mapping[str, Any]
    body: Any
    by: Author | None
    deed: Deed
    door: str
    limits: Limits = DEFAULT_LIMITS

    @property
    def who(self) -> Author:
        """The author. Only for doors that demand one."""
        assert self.by is not None  # noqa: S101 - `Door.needs_author`
        return self.by


@dataclass(frozen=True, slots=True)
class Shown:
    """The content of an answer: a value, JSON data or bytes, and the revision of the loop or plan that it shows."""

    content: Value | dict[str, Any] | bytes
    revision: int | None = None

    def to_bytes(self) -> bytes:
        """Returns it as it is sent."""
        if isinstance(self.content, bytes):
            return self.content
        return dumps(self.content.to_data() if isinstance(self.content, Value) else self.content)


@dataclass(frozen=True, slots=True)
class Door:
    """One operation. `does` is what it changes, once for each idempotency key; `shows` reads what there is then.

    With `once` it takes an `Idempotency-Key`. With `versioned` its answer has an ETag, and it heeds `If-Match` if it
    changes something. `also` are statuses of refusals that not every door has.
    """

    method: Method
    path: str
    name: str
    about: str
    group: str
    gives: Content
    shows: Callable[[Asked], Shown]
    does: Callable[[Asked], None] | None = None
    takes: Content | None = None
    query: tuple[Query, ...] = ()
    status: int = 200
    needs_author: bool = True
    once: bool = False
    versioned: bool = False
    also: tuple[int, ...] = ()
    ids: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", tuple(re.findall(r"\{(\w+)\}", self.path)))
