"""FHIR JSON as a dialect of the mapping tables."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ip_fhir.mapping.dialects.fhir import codes, conditions, dates, fhirpath, person_number, plain, references
from ip_fhir.mapping.dialects.fhir.guard import FhirGuard
from ip_fhir.mapping.dialects.fhir.members import FhirMember

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ip_fhir.mapping.lenses.leaf_kind import LeafKind
    from ip_fhir.mapping.lenses.nodes import Node
    from ip_fhir.mapping.tables.model import Row, Systems, Table
    from ip_fhir.mapping.tables.paths import Condition, Segment

_MODULES = (plain, dates, codes, references, person_number)
KINDS: Final[dict[str, LeafKind]] = {kind.name: kind for module in _MODULES for kind in module.KINDS}
"""The leaf kinds of FHIR by name."""


class FhirDialect:
    """The dialect of tables whose rows say `fhir`."""

    name = "fhir"
    kinds = KINDS
    owner_kind = "reference"
    shared = frozenset({"extension", "modifierExtension"})

    def path(self, path: tuple[Segment, ...]) -> tuple[Segment, ...]:
        """The path as it is: tables write FHIR's own."""
        return path

    def entries(self, _segment: Segment, _inner: Node, _row: Row | None) -> None:
        """None: lists of FHIR have no other entries."""

    def test(self, condition: Condition, systems: Systems) -> Callable[[dict[str, Any]], bool]:
        """The test of one condition on an entry."""
        return conditions.test(condition, systems)

    def fixed(self, condition: Condition, systems: Systems) -> dict[str, Any]:
        """The members of a new entry that meets the condition."""
        return conditions.fixed(condition, systems)

    def which(self, segment: Segment, systems: Systems) -> str:
        """The step to an entry that is not there yet."""
        return fhirpath.which(segment, systems)

    def place(self, steps: Iterable[str]) -> str:
        """The steps as one FHIRPath."""
        return fhirpath.joined(steps)

    def member(self, name: str, inner: Node, *, guarded: bool) -> FhirMember:
        """The lens on a member."""
        return FhirMember(name, inner, guarded=guarded)

    def guard(self, table: Table, systems: Systems) -> FhirGuard:
        """The guard of a table's resources or elements."""
        return FhirGuard(table, systems)


FHIR: Final = FhirDialect()
