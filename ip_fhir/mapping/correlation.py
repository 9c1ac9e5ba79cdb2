"""The correlation id of a ServiceRequest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ip_fhir.mapping.tables.model import Systems


def is_correlated(request: dict[str, Any], systems: Systems) -> bool:
    """True if a ServiceRequest has a correlation id."""
    system = systems.uri("id-referral")
    identifiers = request.get("identifier")
    return isinstance(identifiers, list) and any(isinstance(i, dict) and i.get("system") == system for i in identifiers)
