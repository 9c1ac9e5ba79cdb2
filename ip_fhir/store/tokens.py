"""Search tokens of a FHIR resource: identifier, status, based-on, focus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ip_fhir.errors import InvalidInput
from ip_fhir.store.schema import TOKEN_LENGTH

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.ports import JsonObject

NAMES: Final = ("identifier", "status", "based-on", "focus")
"""The search parameters that are kept; `_id` and `correlation` are columns."""


def tokens(resource: JsonObject) -> set[tuple[str, str]]:
    """Returns pairs of search parameter and value, in each form in which a search may name the value.

    An identifier: `system|value`, `value`, and `|value` where it has no system; a reference: as it stands,
    `Type/id`, and `id` (FHIR R4 search, token and reference). Raises `InvalidInput` for a value over 512 characters.

    >>> sorted(tokens({"identifier": [{"system": "urn:a", "value": "1"}], "focus": {"reference": "Task/2"}}))
    [('focus', '2'), ('focus', 'Task/2'), ('identifier', '1'), ('identifier', 'urn:a|1')]
    """
    found = {(name, value) for name, value in _all(resource) if value}
    if long := sorted({name for name, value in found if len(value) > TOKEN_LENGTH}):
        raise InvalidInput.at(long[0], f"longer than {TOKEN_LENGTH} characters", "too-long")
    return found


def _all(resource: JsonObject) -> Iterator[tuple[str, str]]:
    for identifier in _objects(resource.get("identifier")):
        value, system = identifier.get("value"), identifier.get("system")
        if isinstance(value, str):
            yield "identifier", value
            yield "identifier", f"{system if isinstance(system, str) else ''}|{value}"
    status = resource.get("status")
    if isinstance(status, str):
        yield "status", status
    for name, element in (("based-on", "basedOn"), ("focus", "focus")):
        for reference in _objects(resource.get(element)):
            for form in _forms(reference.get("reference")):
                yield name, form


def _objects(value: Any) -> list[dict[str, Any]]:
    """Returns an element as a list: it is one object in some resources and a list in others."""
    several = value if isinstance(value, list) else [value]
    return [one for one in several if isinstance(one, dict)]


def _forms(reference: Any) -> Iterator[str]:
    if not isinstance(reference, str):
        return
    yield reference
    steps = reference.partition("/_history/")[0].split("/")
    if len(steps) > 1 and not reference.startswith("urn:"):
        yield "/".join(steps[-2:])
        yield steps[-1]
