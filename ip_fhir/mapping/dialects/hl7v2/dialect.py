"""HL7 v2 as a dialect of the mapping tables."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from ip_fhir.errors import MappingError
from ip_fhir.mapping.dialects.hl7v2 import codes, conditions, numbers, people, places, plain, rows, times
from ip_fhir.mapping.dialects.hl7v2.groups import CodedRow, Groups, code_of_row, rows_in
from ip_fhir.mapping.dialects.hl7v2.guard import V2Guard
from ip_fhir.mapping.lenses.nodes import Matching, Member

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ip_fhir.mapping.lenses.leaf_kind import LeafKind
    from ip_fhir.mapping.lenses.nodes import Node
    from ip_fhir.mapping.tables.model import Row, Systems, Table
    from ip_fhir.mapping.tables.paths import Condition, Segment

_MODULES = (plain, times, codes, rows, people, numbers)
KINDS: Final[dict[str, LeafKind]] = {kind.name: kind for module in _MODULES for kind in module.KINDS}
"""The leaf kinds of HL7 v2 by name."""


class V2Dialect:
    """The dialect of tables whose rows say `hl7v2`."""

    name = "hl7v2"
    kinds = KINDS
    owner_kind = "string"
    shared = frozenset[str]()

    def path(self, path: tuple[Segment, ...]) -> tuple[Segment, ...]:
        """The path in the tree of groups, of a path that begins with a segment."""
        return places.expanded(path)

    def entries(self, segment: Segment, inner: Node, row: Row | None) -> Groups | CodedRow | None:
        """The lens on groups of rows, or on the row of a code. Raises `MappingError` for a group without a table."""
        group = next((condition for condition in segment.conditions if condition.kind == "group"), None)
        if group is None:
            return self._coded_row(segment, inner)
        if row is None or not row.is_table or segment.entries != "each":
            raise MappingError("a group of rows is a list, and is read by a table")
        prefix = row.domain[-1].rstrip("s").replace("_", "-")
        return Groups(group.value, inner, row.key, prefix, rows_in(segment.name))

    def _coded_row(self, segment: Segment, inner: Node) -> CodedRow | None:
        found = code_of_row(segment)
        if found is None or segment.entries != "one":
            return None
        (condition,) = segment.conditions
        entry = Matching(conditions.test(condition), partial(conditions.fixed, condition), inner, self.shared)
        return CodedRow(entry, f"[{found[0]}]", *found)

    def test(self, condition: Condition, _systems: Systems) -> Callable[[dict[str, Any]], bool]:
        """The test of one condition on a segment or repetition."""
        return conditions.test(condition)

    def fixed(self, condition: Condition, _systems: Systems) -> dict[str, Any]:
        """The members of a new segment or repetition that meets the condition."""
        return conditions.fixed(condition)

    def which(self, segment: Segment, _systems: Systems) -> str:
        """The step to an entry that is not there yet: its code or text in brackets."""
        if segment.entries == "first":
            return "[0]"
        said = next((c.value.partition("@")[0] for c in segment.conditions if c.kind in ("coding", "member")), "")
        return f"[{said}]" if said not in ("", "*") else ""

    def place(self, steps: Iterable[str]) -> str:
        """The steps as one place: `PRD[2]-7.1`."""
        return places.joined(steps)

    def member(self, name: str, inner: Node, *, guarded: bool) -> Member:  # noqa: ARG002 - nothing beside changes it
        """The lens on a member."""
        return Member(name, inner)

    def guard(self, table: Table, _systems: Systems) -> V2Guard:
        """The guard of a table's segments or repetitions."""
        return V2Guard(table)


V2: Final = V2Dialect()
