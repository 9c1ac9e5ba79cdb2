"""The guard of a table's resources and elements: checks their type, and elements that change the meaning of others.

A consent "for research" is no consent to anything else, but a lens that skips the purpose would read it as one. So a
resource with such a limit is refused if no row reads the limit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ip_fhir.errors import MappingError
from ip_fhir.fhir.bundle import UNKNOWN_RULES
from ip_fhir.fhir.elements import standing
from ip_fhir.fhir.summaries import IS_SUMMARY, summary_tags
from ip_fhir.mapping.lenses.wrong import Wrong, expect, text_or_none

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.mapping.tables.model import Systems, Table

UNKNOWN_MODIFIER = "is unknown here and changes the meaning of what is mapped"


class FhirGuard:
    """The guard of one table."""

    def __init__(self, table: Table, systems: Systems) -> None:
        self.resource = table.resource
        self.limits = limits_of(table, systems) if table.unread or table.within else None
        own = (row.path[0] for row in table.rows if row.path[0].name == "modifierExtension")
        self.modifiers = frozenset(uri for step in own for c in step.conditions for uri in systems.accepted(c.value))

    def check(self, node: dict[str, Any]) -> None:
        """Refuse another type of resource, a limit that no row reads, and a modifierExtension that no row reads."""
        if "modifierExtension" in node:
            self._check_modifiers(node["modifierExtension"])
        if self.resource is not None and node.get("resourceType") != self.resource:
            raise Wrong(f"is not a {self.resource}", "structure", "resourceType")
        self.check_put(node)

    def check_put(self, node: dict[str, Any]) -> None:
        """Refuse a limit that no row reads, and a summary. FHIR: a resource by unknown rules may not be processed."""
        if self.resource is not None and "implicitRules" in node:
            raise Wrong(UNKNOWN_RULES, "not-supported", "implicitRules")
        if self.resource is not None and "meta" in node:
            for path in summary_tags(node):
                raise Wrong(IS_SUMMARY, "not-supported", path)
        if self.limits is not None:
            self.limits.check(node)

    def owns(self, node: dict[str, Any]) -> bool:
        """True if the node is of the table's type, or says none."""
        return bool(node.get("resourceType", self.resource) == self.resource)

    def skeleton(self) -> dict[str, Any]:
        """The type of a new resource."""
        return {} if self.resource is None else {"resourceType": self.resource}

    def _check_modifiers(self, extensions: Any) -> None:
        for number, extension in enumerate(expect(extensions, list, "a list")):
            if type(extension) is not dict or text_or_none(extension.get("url")) not in self.modifiers:
                at = f"modifierExtension[{number}]" if self.modifiers else "modifierExtension"
                raise Wrong(UNKNOWN_MODIFIER, "not-supported", at)


@dataclass(frozen=True, slots=True)
class ElementLimits:
    """Paths that must be absent, and elements that, if present, must have one of these codings."""

    unread: tuple[tuple[str, ...], ...]
    within: tuple[tuple[tuple[str, ...], frozenset[tuple[str, str]]], ...]

    def check(self, node: dict[str, Any]) -> None:
        """Raises `Wrong` at the first limit that no row reads."""
        for path in self.unread:
            for at, _ in standing(node, path):
                raise Wrong("is a limit that cannot be kept here", "not-supported", at)
        for path, known in self.within:
            found = list(standing(node, path))
            if found and not any(_coding(value) in known for _, value in found):
                raise Wrong("is for something else than what is mapped here", "not-supported", found[0][0])


def limits_of(table: Table, systems: Systems) -> ElementLimits:
    """The limits of a table. Raises `MappingError` for a coding that is not written `system#code`."""
    within = [
        (tuple(path.split(".")), frozenset(pair for coding in codings for pair in _accepted(table, coding, systems)))
        for path, codings in table.within.items()
    ]
    return ElementLimits(tuple(tuple(path.split(".")) for path in table.unread), tuple(within))


def _accepted(table: Table, coding: str, systems: Systems) -> Iterator[tuple[str, str]]:
    name, hash_, code = coding.partition("#")
    if not hash_:
        raise MappingError(f"table {table.name}: {coding!r} is no system#code")
    for uri in systems.accepted(name):
        yield uri, code


def _coding(node: Any) -> tuple[Any, Any]:
    """System and code, if the node is a Coding."""
    if type(node) is not dict:
        return None, None
    system, code = node.get("system"), node.get("code")
    return (system, code) if type(system) is str and type(code) is str else (None, None)
