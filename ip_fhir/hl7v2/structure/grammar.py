"""The grammar: which segments and groups stand where and how often, from the message data of the package hl7apy.

Messages of all versions are read by the newest grammar of their structure: it has all that the earlier ones have, and
the names stay the same. Groups are named without the message's prefix. Alternatives (OBR or RXO) stand in their group
as members of which one is there.
"""

from __future__ import annotations

from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ip_fhir.errors import InvalidInput

if TYPE_CHECKING:
    from types import ModuleType

_NEWEST: Final = "2.8.2"
_NEWEST_WITH: Final = {"PTR_PCF": "2.7"}
_RENAMED: Final = {"AUTHORIZATION_CONTACT2": "AUTHORIZATION_CONTACT", "ROLE_OBSERVATION": "PROBLEM_OBSERVATION"}
_NO_SEGMENT: Final = "ANYHL7SEGMENT"


class Move(NamedTuple):
    """A step of the matcher: how many open groups stay open, the nodes to enter, and whether it goes back."""

    stay: int
    chain: tuple[Node, ...]
    back: bool


class Node:
    """A segment or group of a structure. `position` orders its siblings: alternatives have the same one.

    `first` are the segments with which it may begin, `segments` all that it may have.
    """

    __slots__ = ("depth", "first", "members", "moves", "name", "parent", "position", "repeats", "required", "segments")

    def __init__(self, name: str, parent: Node | None, position: int, *, required: bool, repeats: bool) -> None:
        self.name = name
        self.parent = parent
        self.position = position
        self.required = required
        self.repeats = repeats
        self.depth: int = parent.depth + 1 if parent else 0
        self.members: tuple[Node, ...] = ()
        self.first: frozenset[str] = frozenset((name,))
        self.segments: frozenset[str] = self.first
        self.moves: dict[str, Move | None] = {}

    def move(self, name: str) -> Move | None:
        """Returns the step from this segment to the next one, `name`, and keeps it; None if it can stand nowhere."""
        found = self.moves[name] = self._forward(name) or self._back(name)
        return found

    def _forward(self, name: str) -> Move | None:
        node = self
        if node.name == name and node.repeats:
            return Move(self.depth, (self,), back=False)
        while node.parent:
            for sibling in node.parent.members:
                if sibling.position > node.position and name in sibling.first:
                    return Move(node.depth, sibling.entry(name), back=False)
            node = node.parent
            if node.repeats and name in node.first:
                return Move(node.depth, node.entry(name), back=False)
        return None

    def _back(self, name: str) -> Move | None:
        node = self
        while node.parent:
            for sibling in node.parent.members:
                if sibling.position <= node.position and name in sibling.first:
                    return Move(node.depth, sibling.entry(name), back=True)
            node = node.parent
        return None

    def entry(self, name: str) -> tuple[Node, ...]:
        """Returns the nodes from this one down to the segment `name`, which may stand first in it."""
        if not self.members:
            return (self,)
        inside = next(member for member in self.members if name in member.first)
        return (self, *inside.entry(name))


@lru_cache(maxsize=64)
def grammar_of(structure: str, version: str = "") -> Node:
    """Returns the root of a structure's grammar: the newest one, or the one of `version`.

    Raises `InvalidInput` (`not-supported`, at MSH-9) if that version has no such structure.
    """
    messages = messages_of(version or _NEWEST_WITH.get(structure, _NEWEST))
    if structure not in messages:
        raise InvalidInput.at("MSH-9", "is not in this version of HL7 v2", "not-supported")
    root = Node(structure, None, 0, required=True, repeats=False)
    _fill(root, messages[structure][1], f"{structure}_")
    return root


@lru_cache(maxsize=16)
def messages_of(version: str) -> dict[str, Any]:
    """Returns the message data of a version, by structure. It is loaded when first asked for (10 to 70 ms)."""
    messages: dict[str, Any] = data_of(version).MESSAGES
    return messages


def data_of(version: str) -> ModuleType:
    """Returns the message data of a version. Raises `InvalidInput` (`not-supported`) where hl7apy is not installed."""
    try:
        return import_module(f"hl7apy.v{version.replace('.', '_')}.messages")
    except ImportError:
        raise InvalidInput.at("", "messages of HL7 v2 need ip-fhir[hl7v2]", "not-supported") from None


def _fill(group: Node, children: Any, prefix: str) -> None:
    members: list[Node] = []
    for position, (name, content, (fewest, most), kind) in enumerate(children):
        if kind == "GRP" and content[0] == "choice":
            members += _alternatives(group, content[1], position)
        else:
            short = name.removeprefix(prefix) if kind == "GRP" else name
            node = Node(_RENAMED.get(short, short), group, position, required=fewest > 0, repeats=most != 1)
            if kind == "GRP":
                _fill(node, content[1], prefix)
            members.append(node)
    group.members = tuple(members)
    group.first = _first(group)
    group.segments = frozenset[str]().union(*(member.segments for member in members))


def _alternatives(group: Node, children: Any, position: int) -> list[Node]:
    names = [name for name, *_ in children if name != _NO_SEGMENT]
    return [Node(name, group, position, required=len(names) == 1, repeats=False) for name in names]


def _first(group: Node) -> frozenset[str]:
    """Returns the segments with which a group may begin: those of its first position."""
    start = group.members[0].position
    return frozenset[str]().union(*(member.first for member in group.members if member.position == start))
