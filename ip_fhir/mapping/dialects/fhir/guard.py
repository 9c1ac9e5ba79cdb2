"""The guard of a table's resources and elements: checks their type, and elements that change the meaning of others.

A consent "for research" is no consent to anything else, but a lens that skips the purpose would read it as one. So each
table says how it reads such elements (`check`), and what it does not read is refused or left out of sight.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ip_fhir.fhir.bundle import UNKNOWN_RULES
from ip_fhir.fhir.summaries import IS_SUMMARY, summary_tags
from ip_fhir.mapping.dialects.fhir.element_checks import checks_of
from ip_fhir.mapping.lenses.wrong import Wrong, expect, text_or_none

if TYPE_CHECKING:
    from ip_fhir.mapping.dialects.fhir.element_checks import Rank
    from ip_fhir.mapping.tables.model import Systems, Table

UNKNOWN_MODIFIER = "is unknown here and changes the meaning of what is mapped"


class FhirGuard:
    """The guard of one table."""

    def __init__(self, table: Table, systems: Systems) -> None:
        self.resource = table.resource
        self.checks = checks_of(table, systems)
        own = (row.path[0] for row in table.rows if row.path[0].name == "modifierExtension")
        self.modifiers = frozenset(uri for step in own for c in step.conditions for uri in systems.accepted(c.value))

    def check(self, node: dict[str, Any]) -> None:
        """Refuse another type of resource, an element that fails a check, and a modifierExtension that no row reads."""
        if "modifierExtension" in node:
            self._check_modifiers(node["modifierExtension"])
        if self.resource is not None and node.get("resourceType") != self.resource:
            raise Wrong(f"is not a {self.resource}", "structure", "resourceType")
        self.check_put(node)

    def check_put(self, node: dict[str, Any]) -> None:
        """Refuse an element that fails a check, and a summary.

        FHIR: a resource by unknown rules may not be processed.
        """
        if self.resource is not None and "implicitRules" in node:
            raise Wrong(UNKNOWN_RULES, "not-supported", "implicitRules")
        if self.resource is not None and "meta" in node:
            for path in summary_tags(node):
                raise Wrong(IS_SUMMARY, "not-supported", path)
        if self.checks is not None:
            self.checks.check(node)

    def owns(self, node: dict[str, Any]) -> bool:
        """True if the node is of the table's type, or says none; an element also if no check leaves it."""
        if self.resource is None:
            return self.left(node) is None
        return bool(node.get("resourceType", self.resource) == self.resource)

    def denied(self, node: dict[str, Any]) -> tuple[str, str] | None:
        """The place and the reason of the first check that fails; None if all hold."""
        return None if self.checks is None else self.checks.denied(node)

    def left(self, node: dict[str, Any]) -> tuple[str, str] | None:
        """The place and the reason for which a check leaves the node out of sight; None if none does."""
        return None if self.checks is None else self.checks.left(node)

    def rank(self, node: dict[str, Any]) -> Rank:
        """The rank of an element among entries of one list: the lowest counts."""
        return (False, 0, ()) if self.checks is None else self.checks.rank(node)

    def skeleton(self) -> dict[str, Any]:
        """The type of a new resource."""
        return {} if self.resource is None else {"resourceType": self.resource}

    def _check_modifiers(self, extensions: Any) -> None:
        for number, extension in enumerate(expect(extensions, list, "a list")):
            if type(extension) is not dict or text_or_none(extension.get("url")) not in self.modifiers:
                at = f"modifierExtension[{number}]" if self.modifiers else "modifierExtension"
                raise Wrong(UNKNOWN_MODIFIER, "not-supported", at)
