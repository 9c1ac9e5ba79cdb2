"""Where a domain field stands in a resource, as FHIRPath: for errors that a person or another system can follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ip_fhir.mapping.lenses.lists import Each, One
from ip_fhir.mapping.lenses.nodes import Known, Matching, Member

if TYPE_CHECKING:
    from ip_fhir.mapping.tables.model import Systems
    from ip_fhir.mapping.tables.paths import Segment


def which(segment: Segment, systems: Systems) -> str:
    """The entry that a segment of a path means, where there is none yet.

    FHIRPath: `[0]`, `('url')` of an extension, `.where(…)`.
    """
    if segment.entries == "first":
        return "[0]"
    conditions = []
    for condition in segment.conditions:
        value = systems.uri(condition.value[1:]) if condition.value.startswith("@") else condition.value
        if condition.member == "url":
            return f"('{value}')"
        if condition.kind == "member" and value == "*":
            conditions.append(f"{condition.member}.exists()")
        elif condition.kind == "member":
            conditions.append(f"{condition.member}={value}" if value == "true" else f"{condition.member}='{value}'")
        elif condition.kind == "coding":
            code = f"coding.where(code='{value.partition('#')[2]}').exists()"
            conditions.append(f"{condition.member}.{code}" if condition.member else code)
    return f".where({' and '.join(conditions)})" if conditions else ""


def place(lens: Any, names: tuple[str, ...], node: Any) -> str:
    """The FHIRPath of a domain path below a lens; `node` tells the numbers of the entries that are there."""
    found = ""
    while True:
        if isinstance(lens, Member):
            found = f"{found}.{lens.name}" if found else lens.name
            node = node.get(lens.name) if type(node) is dict else None
            lens = lens.inner
        elif isinstance(lens, Matching | Known):
            lens = lens.inner
        elif isinstance(lens, One):
            found, node = _entered(
                found, node, next((n for n, item in _items(node) if lens.test(item)), None), lens.which
            )
            lens = lens.entry
        elif isinstance(lens, Each):
            at = _number(lens, names, node)
            if at is None:
                return found
            names = names[1:]
            found, node = _entered(found, node, at, "")
            lens = lens.entry
        else:
            return _in_table(found, lens, names, node)


def at(above: str, below: str) -> str:
    """One FHIRPath below another; the one below may be empty."""
    return f"{above}.{below}" if below else above


def _in_table(found: str, lens: Any, names: tuple[str, ...], node: Any) -> str:
    """On in the row that the path belongs to; a leaf has no rows."""
    row = lens.row_of(names) if hasattr(lens, "row_of") else None
    inner = "" if row is None else place(row.node, names[len(row.row.domain) :], node)
    return f"{found}.{inner}" if found and inner else found or inner


def _items(node: Any) -> list[tuple[int, Any]]:
    return list(enumerate(node)) if type(node) is list else []


def _entered(found: str, node: Any, at: int | None, otherwise: str) -> tuple[str, Any]:
    return (f"{found}{otherwise}", None) if at is None else (f"{found}[{at}]", node[at])


def _number(lens: Each, names: tuple[str, ...], node: Any) -> int | None:
    """Which entry of the list the n-th of ours is."""
    ours = [n for n, item in _items(node) if lens.entry.owns(item)]
    number = int(names[0]) if names and names[0].isdigit() else len(ours)
    return ours[number] if number < len(ours) else None
