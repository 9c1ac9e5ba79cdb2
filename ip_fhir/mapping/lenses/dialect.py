"""A dialect: what one format adds to tables and lenses. The rest of the engine works on any tree of dicts and lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ip_fhir.mapping.lenses.leaf_kind import LeafKind
    from ip_fhir.mapping.lenses.nodes import Member, Node
    from ip_fhir.mapping.tables.model import Row, Systems, Table
    from ip_fhir.mapping.tables.paths import Condition, Segment


class Guard(Protocol):
    """The checks of a format on a node, beside the table's rows. All but `owns` raise `Wrong`."""

    def check(self, node: dict[str, Any]) -> None:
        """Refuse a node that is not the table's, or has an element that changes the meaning of rows."""
        ...

    def check_put(self, node: dict[str, Any]) -> None:
        """Refuse to write onto a node with an element that changes the meaning of rows."""
        ...

    def owns(self, node: dict[str, Any]) -> bool:
        """True if the node is of the table's type."""
        ...

    def denied(self, node: dict[str, Any]) -> tuple[str, str] | None:
        """The place and the reason of the first element that changes what the rest means; None if none does."""
        ...

    def left(self, node: dict[str, Any]) -> tuple[str, str] | None:
        """The place and the reason for which the node is left where it is, out of sight; None if it is read."""
        ...

    def rank(self, node: dict[str, Any]) -> Any:
        """The rank of the node among entries of one list: the lowest counts."""
        ...

    def skeleton(self) -> dict[str, Any]:
        """The members by which a new node shows its type."""
        ...


class Dialect(Protocol):
    """One format. Instances have no state."""

    @property
    def name(self) -> str:
        """The dialect's name in tables; also the row key of its paths."""
        ...

    @property
    def kinds(self) -> Mapping[str, LeafKind]:
        """The leaf kinds by name."""
        ...

    @property
    def owner_kind(self) -> str:
        """The kind of a reference to the person whom a whole is about."""
        ...

    @property
    def shared(self) -> frozenset[str]:
        """Members that are lists to which anybody may add entries."""
        ...

    def path(self, path: tuple[Segment, ...]) -> tuple[Segment, ...]:
        """The path in the tree, of a path as tables write it."""
        ...

    def entries(self, segment: Segment, inner: Node, row: Row | None) -> Node | None:
        """The lens on entries that only this format has; None where the engine's own lens serves."""
        ...

    def test(self, condition: Condition, systems: Systems) -> Callable[[dict[str, Any]], bool]:
        """The test that an entry must pass to meet a condition. Raises `MappingError` for an unknown condition."""
        ...

    def fixed(self, condition: Condition, systems: Systems) -> dict[str, Any]:
        """The members that make a new entry meet a condition."""
        ...

    def which(self, segment: Segment, systems: Systems) -> str:
        """The entry that a segment means, in words of the format, for a place where there is none yet."""
        ...

    def place(self, steps: Iterable[str]) -> str:
        """The place below a node: member names and `[n]` joined as the format's users write it."""
        ...

    def member(self, name: str, inner: Node, *, guarded: bool) -> Member:
        """The lens on a member; `guarded`: what changes the meaning of its neighbours is refused."""
        ...

    def guard(self, table: Table, systems: Systems) -> Guard:
        """The guard of a table's nodes."""
        ...
