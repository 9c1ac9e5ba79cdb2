"""Criteria of a search that no index has: nearly all resources of a party have the same value there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ip_fhir.ports.resources import alternatives

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ip_fhir.ports import JsonObject

INDEXED: Final = frozenset({"_id", "identifier", "status", "based-on", "focus"})
"""The criteria that a store looks for."""

PARTIES: Final = {"ServiceRequest": ("requester", "performer"), "Task": ("owner", "requester")}
"""By type the search parameters for organisations, which are searched for by identifier."""

PERSONS: Final = ("patient", "subject")
"""The search parameters for the person whom a referral is about, who is searched for by number."""


def matches(body: JsonObject, criteria: Mapping[str, str]) -> bool:
    """True if a resource has one of the values of each criterion."""
    return all(_has(body, name, wanted) for name, wanted in criteria.items())


def _has(body: JsonObject, name: str, wanted: str) -> bool:
    """Token search: `value`, `system|value` or `|value`, several joined by commas."""
    if name == "code":
        found = [(c.get("system", ""), c.get("code")) for c in body.get("code", {}).get("coding", [])]
    else:
        found = [(one.get("system", ""), one.get("value")) for one in _identifiers(body, body.get(name))]
    return has_token(found, wanted)


def has_token(found: Iterable[tuple[Any, Any]], wanted: str) -> bool:
    """True if a pair of system (empty for none) and value matches a token: `value`, `system|value` or `|value`.

    >>> has_token([("urn:x", "1")], "urn:y|1,urn:x|1"), has_token([("urn:x", "1")], "|1")
    (True, False)
    """
    pairs = list(found)
    for one in alternatives(wanted):
        system, bar, value = one.rpartition("|")
        if any(known == value and (not bar or of == system) for of, known in pairs):
            return True
    return False


def _identifiers(body: JsonObject, references: Any) -> Iterator[JsonObject]:
    """The identifiers in references, and those of the contained resources that they lead to."""
    for reference in references if isinstance(references, list) else [references or {}]:
        if "identifier" in reference:
            yield reference["identifier"]
        for inner in body.get("contained", []):
            if reference.get("reference") == f"#{inner.get('id')}":
                yield from inner.get("identifier", [])
