"""What limits a resource and is read by no row: where it stands, the resource is refused, not read as if it said more.

A consent "for research" is no consent to what it does not name, and a lens that skips the purpose would make it one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ip_fhir.errors import MappingError
from ip_fhir.fhir.elements import standing
from ip_fhir.mapping.lenses.wrong import Wrong

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.mapping.tables.model import Systems, Table


@dataclass(frozen=True, slots=True)
class Limits:
    """Paths that must not stand in the node, and codings of which one must stand where any does."""

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


def limits_of(table: Table, systems: Systems) -> Limits:
    """The limits of a table. Raises `MappingError` for a coding that is not written `system#code`."""
    within = [
        (tuple(path.split(".")), frozenset(pair for coding in codings for pair in _accepted(table, coding, systems)))
        for path, codings in table.within.items()
    ]
    return Limits(tuple(tuple(path.split(".")) for path in table.unread), tuple(within))


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
