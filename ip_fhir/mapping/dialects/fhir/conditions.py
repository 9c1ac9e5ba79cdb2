"""The conditions of paths in FHIR: the test that an entry must pass, and the members that make a new one pass it.

[system=@hpr]          a member with that value; `@hpr` is a name in systems.toml, aliases match too
[verified=true]        a member that is the boolean true
[concept=*]            a member that says anything
[use!=old]             a member that is not that word, or is not there
extension(ip-need)     an entry with that url; `extension(=https://…)` names it in full
[~plan-category#ip]    a CodeableConcept with that coding; `[type*~part#SBJ]`: in a member that is a list
[*+ip-responsible]     a flag extension; `-` without it
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ip_fhir.errors import MappingError
from ip_fhir.mapping.lenses.wrong import text_or_none

if TYPE_CHECKING:
    from collections.abc import Callable

    from ip_fhir.mapping.tables.model import Systems
    from ip_fhir.mapping.tables.paths import Condition


def uri_of(condition: Condition, systems: Systems) -> str:
    """The url that a named entry is written with."""
    return condition.value[1:] if condition.value.startswith("=") else systems.uri(condition.value)


def accepted(condition: Condition, systems: Systems) -> frozenset[str]:
    """The texts that a member's condition, or a named entry's, is met by."""
    value = condition.value
    if condition.kind == "named":
        return frozenset({value[1:]}) if value.startswith("=") else systems.accepted(value)
    return systems.accepted(value[1:]) if value.startswith("@") else frozenset({value})


def test(condition: Condition, systems: Systems) -> Callable[[dict[str, Any]], bool]:
    """The test of one condition on an entry."""
    member, value = condition.member, condition.value
    if condition.kind == "member" and value == "true":
        return lambda node: node.get(member) is True
    if condition.kind == "member" and value == "*":
        return lambda node: member in node
    if condition.kind == "not-member":
        return lambda node: node.get(member) != value
    if condition.kind in ("member", "named"):
        known, name = accepted(condition, systems), "url" if condition.kind == "named" else member
        return lambda node: text_or_none(node.get(name)) in known
    if condition.kind == "coding":
        name, code = _coding(value)
        uris = systems.accepted(name)
        return lambda node: _has_coding(node.get(member) if member else node, uris, code)
    url = systems.uri(member)
    present = condition.kind == "flag"
    return lambda node: _has_flag(node, url) is present


def fixed(condition: Condition, systems: Systems) -> dict[str, Any]:
    """The members of a new entry that meets the condition."""
    member, value = condition.member, condition.value
    if condition.kind == "named":
        return {"url": uri_of(condition, systems)}
    if condition.kind == "member":
        named = {member: systems.uri(value[1:]) if value.startswith("@") else value == "true" or value}
        return {} if value == "*" else named
    if condition.kind == "coding":
        name, code = _coding(value)
        concept = {"coding": [{"system": systems.uri(name), "code": code}]}
        return {member: [concept] if condition.many else concept} if member else concept
    return {"extension": [{"url": systems.uri(member), "valueBoolean": True}]} if condition.kind == "flag" else {}


def _coding(value: str) -> tuple[str, str]:
    name, hash_, code = value.partition("#")
    if not hash_:
        raise MappingError(f"condition ~{value} is no ~system#code")
    return name, code


def _has_coding(concept: Any, systems: frozenset[str], code: str) -> bool:
    concepts = concept if type(concept) is list else [concept]
    return any(
        type(coding) is dict and coding.get("code") == code and text_or_none(coding.get("system")) in systems
        for one in concepts
        if type(one) is dict and type(one.get("coding")) is list
        for coding in one["coding"]
    )


def _has_flag(node: dict[str, Any], url: str) -> bool:
    extensions = node.get("extension")
    return type(extensions) is list and any(
        type(e) is dict and e.get("url") == url and e.get("valueBoolean") is True for e in extensions
    )
