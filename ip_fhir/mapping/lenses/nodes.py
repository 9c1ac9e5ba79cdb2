"""Lenses on nodes: each reads a domain value out of a node and writes one back without touching the rest.

A node is any value of a tree of dicts and lists, None when absent. The old node is never changed, and is given back
when nothing had to be. Places are steps: member names, and `[n]` for an entry of a list.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from ip_fhir.mapping.lenses.wrong import Wrong, expect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ip_fhir.mapping.lenses.references import Links

Path: TypeAlias = "tuple[str | int, ...]"
"""A place in a tree: member names and numbers of list entries."""

Told: TypeAlias = "tuple[Path, str]"
"""A place that is read otherwise than it stands there, and the reason, in words for a warning."""


class Node(Protocol):
    """The interface of every lens on a node. All but `owns` and `steps` raise `Wrong`."""

    def get(self, node: Any, links: Links) -> Any:
        """The domain value, or None."""
        ...

    def put(self, value: Any, node: Any, links: Links, known: Any = None) -> Any:
        """The new node, or None when nothing is left.

        `known` is the domain value that the node is known to say, None where it is not known. What is the same in
        `value` and `known` is not looked at.
        """
        ...

    def owns(self, node: Any) -> bool:
        """True if an entry of a list is one that this lens reads; others are left alone."""
        ...

    def steps(self, names: tuple[str, ...], node: Any) -> list[str]:
        """The place of a domain path below the node; the node tells the numbers of the entries that are there."""
        ...

    def reads(self, node: Any, links: Links, path: Path) -> Iterator[Path]:
        """The places that this lens reads in a node at `path`, after `get` has read it without an error."""
        ...

    @property
    def telling(self) -> bool:
        """True if `tells` may tell anything of some node."""
        ...

    def tells(self, node: Any, links: Links, path: Path) -> Iterator[Told]:
        """The places that this lens reads otherwise than they stand there, after `get` has read the node at `path`."""
        ...


class Leaf(ABC):
    """The end of a path: what all leaf lenses have in common."""

    telling = False
    """True for a kind of leaf that may read something otherwise than it stands there."""

    @abstractmethod
    def get(self, node: Any, links: Links) -> Any:
        """The domain value, or None."""

    @abstractmethod
    def put(self, value: Any, node: Any, links: Links, known: Any = None) -> Any:
        """The new node, or None when nothing is left."""

    @abstractmethod
    def owns(self, node: Any) -> bool:
        """True if the lens reads such a node."""

    def steps(self, _names: tuple[str, ...], _node: Any) -> list[str]:
        """No steps: nothing is below a leaf."""
        return []

    def reads(self, node: Any, links: Links, path: Path) -> Iterator[Path]:
        """The leaf's own place, if the leaf gets a value from it."""
        try:
            says_something = self.get(node, links) is not None
        except Wrong:
            return
        if says_something:
            yield path

    def tells(self, _node: Any, _links: Links, _path: Path) -> Iterator[Told]:
        """Nothing: the leaf reads its node as it stands there."""
        return iter(())


class Present(Leaf):
    """An entry that only has to be present; its content does not matter."""

    def get(self, _node: Any, _links: Links) -> bool:
        """True: the entry is there."""
        return True

    def put(self, value: Any, node: Any, _links: Links, _known: Any = None) -> Any:
        """The entry, kept or removed."""
        return node if value else None

    def owns(self, _node: Any) -> bool:
        """True: the entry is there."""
        return True


class Constant(Leaf):
    """A fixed value; None stands for any value at a path that only has to be present."""

    def __init__(self, value: Any = None) -> None:
        self.value = value

    def get(self, node: Any, _links: Links) -> Any:
        """True if it is there, else None."""
        return True if self.value is None or node == self.value else None

    def put(self, value: Any, node: Any, _links: Links, _known: Any = None) -> Any:
        """The fixed value, when it is to be there."""
        return (node if self.value is None else self.value) if value else node

    def owns(self, node: Any) -> bool:
        """True for the fixed value."""
        return self.value is None or node == self.value


class Member:
    """A member of an object; an object that is left empty is removed. A dialect's own looks at its neighbours too."""

    choice: str | None = None
    """The element that the member is one type of, where a node may have only one of them."""

    def __init__(self, name: str, inner: Node) -> None:
        self.name, self.inner = name, inner

    def get(self, node: Any, links: Links) -> Any:
        """Read the member."""
        if node is None:
            return None
        self.check_read(expect(node, dict, "an object"))
        child = node.get(self.name)
        try:
            return None if child is None else self.inner.get(child, links)
        except Wrong as wrong:
            wrong.path.insert(0, self.name)
            raise

    def put(self, value: Any, node: Any, links: Links, known: Any = None) -> Any:
        """Write the member."""
        base = {} if node is None else expect(node, dict, "an object")
        old = base.get(self.name)
        try:
            new = self.inner.put(value, old, links, known)
        except Wrong as wrong:
            wrong.path.insert(0, self.name)
            raise
        if new is old:
            return node
        if old is None:
            self.check_new(base)
        changed = {**base, self.name: new}
        if new is None:
            del changed[self.name]
        return self.written(base, changed, new) or None

    def check_read(self, node: dict[str, Any]) -> None:
        """Refuse an object whose other members change the meaning of this one."""

    def check_new(self, node: dict[str, Any]) -> None:
        """Refuse to write into an object in which another member excludes this one."""

    def written(self, _before: dict[str, Any], after: dict[str, Any], _new: Any) -> dict[str, Any]:
        """The object after the member was written, with companions of the member updated."""
        return after

    def owns(self, node: Any) -> bool:
        """True for an object whose member is ours."""
        return type(node) is dict and self.inner.owns(node.get(self.name))

    def steps(self, names: tuple[str, ...], node: Any) -> list[str]:
        """The member's name, and what is below it."""
        child = node.get(self.name) if type(node) is dict else None
        return [self.name, *self.inner.steps(names, child)]

    def reads(self, node: Any, links: Links, path: Path) -> Iterator[Path]:
        """The places that the inner lens reads in the member."""
        child = node.get(self.name) if type(node) is dict else None
        if child is not None:
            yield from self.inner.reads(child, links, (*path, self.name))

    @property
    def telling(self) -> bool:
        """As the inner lens says."""
        return self.inner.telling

    def tells(self, node: Any, links: Links, path: Path) -> Iterator[Told]:
        """The places that the inner lens tells of in the member."""
        child = node.get(self.name) if type(node) is dict else None
        if child is not None:
            yield from self.inner.tells(child, links, (*path, self.name))


class Matching:
    """An object that must match: an entry of a list, or a member with fixed parts.

    `shared`: members that are lists to which anybody may add entries; of these matching reads its own entry only.
    """

    def __init__(
        self, matches: Callable[[Any], bool], skeleton: Callable[[], Any], inner: Node, shared: frozenset[str]
    ) -> None:
        self.matches, self.skeleton, self.inner, self.shared = matches, skeleton, inner, shared
        # A table's own lens writes onto the skeleton in another way than onto what was there.
        self.put_new: Callable[[Any, Any, Links], Any] = getattr(inner, "put_new", inner.put)

    def get(self, node: Any, links: Links) -> Any:
        """Read it, if it matches."""
        return self.inner.get(node, links) if self.matches(node) else None

    def put(self, value: Any, node: Any, links: Links, known: Any = None) -> Any:
        """Write it; one that holds nothing but its fixed parts is removed."""
        if node is not None and not self.matches(node):
            if value is None:
                return node
            raise Wrong("holds what another system put there", "business-rule")
        empty = self.skeleton()
        new = self.put_new(value, empty, links) if node is None else self.inner.put(value, node, links, known)
        return None if value is None and new == empty else new

    def owns(self, node: Any) -> bool:
        """True if it matches, and the inner lens can read it."""
        return self.matches(node) and self.inner.owns(node)

    def steps(self, names: tuple[str, ...], node: Any) -> list[str]:
        """The steps of the inner lens."""
        return self.inner.steps(names, node)

    def reads(self, node: Any, links: Links, path: Path) -> Iterator[Path]:
        """Its fixed parts, and what the inner lens reads."""
        if self.matches(node):
            yield from ((*path, name) for name in self.skeleton() or () if name not in self.shared)
            yield from self.inner.reads(node, links, path)

    @property
    def telling(self) -> bool:
        """As the inner lens says."""
        return self.inner.telling

    def tells(self, node: Any, links: Links, path: Path) -> Iterator[Told]:
        """The places that the inner lens tells of, if it matches."""
        if self.matches(node):
            yield from self.inner.tells(node, links, path)


class Strict:
    """A place where everything must be something that the inner lens can read."""

    def __init__(self, inner: Node) -> None:
        self.inner = inner

    def get(self, node: Any, links: Links) -> Any:
        """Read it; a value that is there and means nothing here is refused."""
        value = self.inner.get(node, links)
        if value is None:
            raise Wrong(UNREADABLE, "not-supported")
        return value

    def put(self, value: Any, node: Any, links: Links, known: Any = None) -> Any:
        """Write it."""
        return self.inner.put(value, node, links, known)

    def owns(self, node: Any) -> bool:
        """As the inner lens says."""
        return self.inner.owns(node)

    def steps(self, names: tuple[str, ...], node: Any) -> list[str]:
        """The steps of the inner lens."""
        return self.inner.steps(names, node)

    def reads(self, node: Any, links: Links, path: Path) -> Iterator[Path]:
        """The places that the inner lens reads."""
        return self.inner.reads(node, links, path)

    @property
    def telling(self) -> bool:
        """As the inner lens says."""
        return self.inner.telling

    def tells(self, node: Any, links: Links, path: Path) -> Iterator[Told]:
        """The places that the inner lens tells of."""
        return self.inner.tells(node, links, path)


UNREADABLE = "cannot be read here, and to leave it out would change what the rest means"
"""The reason for which something in a strict place is refused."""
