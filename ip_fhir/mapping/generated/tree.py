"""A table as the tree of its JSON: members, entries of lists, and rows and constants as leaves.

The order is the one in which the lens writes. Readers and writers of every dialect are generated from this tree.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ip_fhir.mapping.dialects.fhir.dialect import FHIR, KINDS
from ip_fhir.mapping.lenses.building import fixed_parts
from ip_fhir.mapping.tables.model import Const

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.mapping.lenses.dialect import Dialect
    from ip_fhir.mapping.tables.model import Row, Systems, Table
    from ip_fhir.mapping.tables.paths import Segment


@dataclass(slots=True)
class TreeEntry:
    """An entry of a list, or an object with fixed members: its fixed members, and the tree of those that vary."""

    segment: Segment
    fixed: dict[str, Any]
    tree: Tree

    @property
    def each(self) -> bool:
        """True if the list has one entry for each item of a domain list."""
        return self.segment.entries == "each"


@dataclass(slots=True)
class Tree:
    """A node: a row or constant (at the end of its path), members, or entries of a list."""

    leaf: Row | Const | None = None
    members: dict[str, Tree] = field(default_factory=dict)
    entries: list[TreeEntry] = field(default_factory=list)
    boxed: TreeEntry | None = None  # an object with fixed members

    def add(self, path: tuple[Segment, ...], leaf: Row | Const, systems: Systems, dialect: Dialect) -> None:
        """Add the path of a row or constant, in the dialect's tree, below this node."""
        if not path:
            self.leaf = leaf
            return
        segment, rest = path[0], path[1:]
        member = self.members.setdefault(segment.name, Tree())
        if segment.entries == "none":
            member.add(rest, leaf, systems, dialect)
            return
        if segment.entries == "object":
            member.boxed = member.boxed or TreeEntry(segment, fixed_parts(segment, dialect, systems), Tree())
            member.boxed.tree.add(rest, leaf, systems, dialect)
            return
        shared = (e for e in member.entries if e.segment == segment and segment.entries in ("first", "current", "one"))
        entry = next(shared, None)
        if entry is None:
            entry = TreeEntry(segment, fixed_parts(segment, dialect, systems), Tree())
            member.entries.append(entry)
        entry.tree.add(rest, leaf, systems, dialect)


def leaves_in(tree: Tree) -> Iterator[Row | Const]:
    """Every row and constant at or below a node."""
    if tree.leaf is not None:
        yield tree.leaf
    boxed = [tree.boxed] if tree.boxed else []
    for child in (*tree.members.values(), *(entry.tree for entry in (*tree.entries, *boxed))):
        yield from leaves_in(child)


def reads_nothing(tree: Tree) -> bool:
    """True if no table's reader needs the node: it has only constants (but not the owner) and a role's person.

    The bundle's reader finds a role's person itself.
    """
    return all(
        not leaf.owner if isinstance(leaf, Const) else leaf.check_only and KINDS[leaf.kind].of_role
        for leaf in leaves_in(tree)
    )


def tree_of(table: Table, systems: Systems, dialect: Dialect = FHIR) -> Tree:
    """The table's tree in its dialect: constants first, then rows."""
    tree = Tree()
    parts: tuple[Row | Const, ...] = (*table.consts, *table.rows)
    for part in parts:
        tree.add(dialect.path(part.path), part, systems, dialect)
    return tree
