"""The matcher: each segment to its place in the structure, greedily, with one look ahead (first sets).

A segment goes to the next place that can take it: the innermost open group first. One that can only stand earlier is
put there, where there is room, and is told as a warning (RF1 after PID, PV1 before OBR). A second one where one may
stand, one that can stand nowhere, and a required one that is missing are errors. Segments that the structure does not
know, Z segments among them, stay out of it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ip_fhir.errors import Problem

if TYPE_CHECKING:
    from ip_fhir.hl7v2.structure.grammar import Node

Tree: TypeAlias = dict[str, Any]
"""Groups as objects, lists of what repeats, and at the leaves the number of the segment in the message, from 0."""


_SHORT: Final = 100


class SegmentNames(tuple[str, ...]):  # noqa: SLOT001 - its places are kept
    """The names of a message's segments, in order."""

    @cached_property
    def places(self) -> tuple[str, ...]:
        """The place of each segment as people write it: `PID`, or `PRD[2]` where there are several of its name."""
        several, seen = Counter(self), Counter[str]()
        found = []
        for name in self:
            seen[name] += 1
            found.append(f"{name}[{seen[name]}]" if several[name] > 1 else name)
        return tuple(found)


@dataclass(slots=True)
class Matched:
    """The segments at their places: `tree`; the numbers of those outside it: `unknown`; and what is wrong."""

    tree: Tree
    unknown: list[int] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)


def match(names: SegmentNames, root: Node) -> Matched:
    """Returns the places of the segments `names`, of which the first is MSH, in the structure of `root`.

    Not to be changed: short sequences of segments are the same in many messages, and are matched once.
    """
    return _kept(names, root) if len(names) <= _SHORT else _match(names, root)


def _match(names: SegmentNames, root: Node) -> Matched:
    tree: Tree = {}
    found = Matched(tree)
    leaf = root.members[0]
    opened = [tree]
    tree[leaf.name] = 0
    known = root.segments
    for number in range(1, len(names)):
        name = names[number]
        moves = leaf.moves
        move = moves[name] if name in moves else leaf.move(name) if name in known else None
        if move is None:
            _outside(found, names, number, root)
            continue
        stay, chain, back = move
        holder = opened[stay - 1]
        if not chain[0].repeats and chain[0].name in holder:
            found.problems.append(Problem(names.places[number], "stands twice, where one may stand", "structure"))
            continue
        if back:
            reason = "stands later than its place in the structure"
            found.problems.append(Problem(names.places[number], reason, "structure", "warning"))
        del opened[stay:]
        for group in chain[:-1]:
            holder = _put(holder, group, {})
            opened.append(holder)
        leaf = chain[-1]
        _put(holder, leaf, number)
    _add_missing(found.problems, tree, root, "")
    return found


_kept = lru_cache(maxsize=512)(_match)


def _put(holder: Tree, node: Node, item: Any) -> Any:
    if not node.repeats:
        holder[node.name] = item
    elif node.name in holder:
        holder[node.name].append(item)
    else:
        holder[node.name] = [item]
    return item


def _outside(found: Matched, names: SegmentNames, number: int, root: Node) -> None:
    if names[number] in root.segments:
        reason = f"stands where {root.name} has no place for it"
        found.problems.append(Problem(names.places[number], reason, "structure"))
        return
    found.unknown.append(number)
    if not names[number].startswith("Z"):
        reason = f"is no segment of {root.name}: kept, not read"
        found.problems.append(Problem(names.places[number], reason, "structure", "warning"))


def _add_missing(problems: list[Problem], tree: Tree, group: Node, inside: str) -> None:
    for member in group.members:
        held = tree.get(member.name)
        if held is None:
            if member.required:
                name = member.name if not member.members else min(member.first)
                problems.append(Problem(name, f"is missing{inside}", "required"))
        elif member.members:
            for item in held if type(held) is list else (held,):
                _add_missing(problems, item, member, f" in {member.name}")
