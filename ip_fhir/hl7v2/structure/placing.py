"""The segments of a value, in the order of its structure, each beside the segment that it was read from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ip_fhir.errors import InvalidInput
from ip_fhir.hl7v2.structure.matching import SegmentNames

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.hl7v2.structure.grammar import Node
    from ip_fhir.hl7v2.text.contents import Contents, Repetition


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
    places = SegmentNames(name for name, *_ in found).places
    return [Slot(name, contents, at, old) for (name, contents, old), at in zip(found, places, strict=True)]


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


def said(value: dict[str, Any], group: Node) -> dict[str, Any]:
    """Returns a copy of a value without what says nothing: empty texts, repetitions and fields, and empty groups.

    A segment that says nothing stays, and so does an empty repetition before one that says something.
    """
    known = {member.name: member for member in group.members}
    members = {}
    for name, held in value.items():
        item = _said(held, known[name]) if name in known else held
        if item or name not in known or (item == {} and not known[name].members):
            members[name] = item
    return members


def _said(held: Any, member: Node) -> Any:
    if isinstance(held, list):
        items = [_said(item, member) for item in held]
        return [item for item in items if item] if member.members else items
    if not isinstance(held, dict):
        return held
    return said(held, member) if member.members else fields_said(held, member.name)


def fields_said(contents: dict[str, Any], segment: str) -> Contents:
    """Returns the fields of a segment that say something, without empty texts and empty last repetitions.

    Raises `InvalidInput` (`value`, at the segment) for a field that is no list of repetitions with texts.
    """
    fields: Contents = {}
    for field, repetitions in contents.items():
        if not isinstance(repetitions, list):
            raise _no_field(segment)
        kept = [_repetition_said(one, segment) for one in repetitions]
        while kept and not kept[-1]:
            kept.pop()
        if kept:
            fields[field] = kept
    return fields


def _repetition_said(one: Any, segment: str) -> Repetition:
    if not isinstance(one, dict):
        raise _no_field(segment)
    empty = False
    for text in one.values():
        if not isinstance(text, str):
            raise _no_field(segment)
        empty = empty or not text
    return {part: text for part, text in one.items() if text} if empty else one


def _no_field(segment: str) -> InvalidInput:
    return InvalidInput.at(segment, "has a field that is no list of repetitions with texts", "value")


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
