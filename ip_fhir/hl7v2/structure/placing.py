"""The segments of a value, in the order of its structure, each beside the segment that it was read from."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ip_fhir.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.hl7v2.structure.grammar import Node
    from ip_fhir.hl7v2.text.contents import Contents


_NOTHING: Final[tuple[Any, ...]] = ("", {}, [], None)


class Slot(NamedTuple):
    """A segment of a value: its name, its fields, its place, and the number of the segment it was read from."""

    name: str
    contents: Contents
    place: str
    old: int | None


class Read(NamedTuple):
    """A group or segment as it was read: its place (numbers of segments) and its value."""

    tree: Any
    value: Any


NOTHING: Final = Read({}, {})
"""A message of which nothing was read: all of the value is new."""


def slots_of(value: dict[str, Any], root: Node, read: Read) -> list[Slot]:
    """Returns the segments of `value`, each beside the one in `read` that it comes from.

    Raises `InvalidInput` (`structure`) for a member that the structure does not have, or that is a list where one may
    stand.
    """
    found = list(_walk(value, root, read))
    several = {name for name, count in Counter(name for name, *_ in found).items() if count > 1}
    seen: Counter[str] = Counter()
    slots = []
    for name, contents, old in found:
        seen[name] += 1
        slots.append(Slot(name, contents, f"{name}[{seen[name]}]" if name in several else name, old))
    return slots


def _walk(value: dict[str, Any], group: Node, read: Read) -> Iterator[tuple[str, Contents, int | None]]:
    if value.keys() - {member.name for member in group.members}:
        raise InvalidInput.at(group.name, "has a member that the structure does not have", "structure")
    for member in group.members:
        if member.name in value:
            before = Read(read.tree.get(member.name), read.value.get(member.name))
            for item, old in _beside(value[member.name], before, member):
                if member.members:
                    yield from _walk(item, member, old or NOTHING)
                else:
                    yield member.name, item, old.tree if old else None


def _beside(held: Any, before: Read, member: Node) -> Iterator[tuple[dict[str, Any], Read | None]]:
    """Yields each item with what it was read from."""
    if isinstance(held, list) is not member.repeats:
        reason = "is no list, where it may repeat" if member.repeats else "is a list, where one may stand"
        raise InvalidInput.at(member.name, reason, "structure")
    items = held if member.repeats else [held]
    if not all(isinstance(item, dict) for item in items):
        raise InvalidInput.at(member.name, "is no object", "structure")
    if before.tree is None:
        yield from ((item, None) for item in items)
    elif member.repeats:
        olds = [Read(tree, value) for tree, value in zip(before.tree, before.value, strict=True)]
        yield from zip(items, _aligned(items, olds), strict=True)
    else:
        yield held, before


def _aligned(items: list[Any], olds: list[Read]) -> list[Read | None]:
    """Returns for each item the old one it comes from: equal ones from both ends, those between by their order."""
    most = min(len(items), len(olds))
    front = next((at for at in range(most) if items[at] != olds[at].value), most)
    most -= front
    back = next((at for at in range(most) if items[-1 - at] != olds[-1 - at].value), most)
    between: list[Read | None] = list(olds[front : len(olds) - back])
    wanted = len(items) - front - back
    between = (between + [None] * wanted)[:wanted]
    return [*olds[:front], *between, *olds[len(olds) - back :]]


def said(value: Any) -> Any:
    """Returns a copy of a value without what says nothing: empty texts, objects and lists, but for places in lists.

    An empty repetition before one that says something keeps its place.
    """
    if type(value) is dict:
        members = {}
        for name, held in value.items():
            item = held if type(held) is str else said(held)
            if item not in _NOTHING:
                members[name] = item
        return members
    if type(value) is list:
        items = [said(item) for item in value]
        while items and not items[-1]:
            items.pop()
        return items
    return value


def difference(one: Any, other: Any) -> str:
    """Returns the dotted path of the first place where two values differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        name = next(name for name in {**one, **other} if one.get(name) != other.get(name))
        below = difference(one.get(name), other.get(name))
        return f"{name}.{below}" if below else name
    if isinstance(one, list) and isinstance(other, list):
        most = min(len(one), len(other))
        number = next((at for at in range(most) if one[at] != other[at]), most)
        below = difference(one[number], other[number]) if number < most else ""
        return f"{number}.{below}" if below else f"{number}"
    return ""
