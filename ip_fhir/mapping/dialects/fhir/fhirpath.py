"""FHIRPath for places: in errors that a person or another system can follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.mapping.dialects.fhir.conditions import uri_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ip_fhir.mapping.tables.model import Systems
    from ip_fhir.mapping.tables.paths import Segment


def which(segment: Segment, systems: Systems) -> str:
    """The entry that a segment of a path means, as a step to where there is none yet.

    FHIRPath: `[0]`, `('url')` of an extension, `.where(…)`.
    """
    if segment.entries == "first":
        return "[0]"
    conditions = []
    for condition in segment.conditions:
        if condition.kind == "named":
            return f"('{uri_of(condition, systems)}')"
        value = systems.uri(condition.value[1:]) if condition.value.startswith("@") else condition.value
        if condition.kind == "member" and value == "*":
            conditions.append(f"{condition.member}.exists()")
        elif condition.kind == "member":
            conditions.append(f"{condition.member}={value}" if value == "true" else f"{condition.member}='{value}'")
        elif condition.kind == "not-member":
            continue
        elif condition.kind == "coding":
            code = f"coding.where(code='{value.partition('#')[2]}').exists()"
            conditions.append(f"{condition.member}.{code}" if condition.member else code)
    return f".where({' and '.join(conditions)})" if conditions else ""


def joined(steps: Iterable[str]) -> str:
    """The steps as one FHIRPath: `Goal.target[0].detailString`."""
    path = ""
    for step in steps:
        path += step if not path or step.startswith(("[", "(", ".")) else f".{step}"
    return path


def at(above: str, below: str) -> str:
    """Join two FHIRPaths; the second, below the first, may be empty."""
    return f"{above}.{below}" if below else above
