"""The decoding of generated readers: msgspec structs of the members that they ask for; the rest is left alone.

Vocabulary (codings, periods) is not decoded at all: its JSON text is kept as it stands (`RAW`), and a `Memo` knows what
the lens made of the same text before. That is where the speed comes from: objects not made cost nothing.
"""

from __future__ import annotations

import keyword
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT: Any = str | None
PROSE: Any = Annotated[str, msgspec.Meta(min_length=1, max_length=50_000)] | None
"""Text as the domain's `Text` is, but that it may be blank."""

FLAG: Any = bool | None
NUMBER: Any = int | None
WORDS: Any = list[str] | None
RAW: Any = msgspec.Raw
"""JSON text, not decoded."""

NEVER: Any = Annotated[int, msgspec.Meta(ge=1, le=0)]
"""What no value is: where it stands, decoding fails, and the lens is asked."""

_MOST, _LONGEST = 4096, 1024


class Doubt(Exception):
    """Something that the fast way does not decide; the lens does, and says what is wrong if anything is."""


class Memo(dict[Any, Any]):
    """A bounded memory of `make`, asked once for each text or list of words; long ones are not kept."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[[Any], Any]) -> None:
        super().__init__()
        self._make = make

    def __missing__(self, key: Any) -> Any:
        value = self._make(key)
        if len(self) >= _MOST:
            self.clear()
        if len(key) <= _LONGEST:
            self[key] = value
        return value


@dataclass(slots=True)
class Shape:
    """The members of an object that are decoded; with `many`, of the objects in a list.

    A modifierExtension changes the meaning of all around it: the lens looks at where it stands.
    """

    members: dict[str, Any] = field(default_factory=lambda: {"modifierExtension": NEVER})
    many: bool = False

    def member(self, name: str, kind: Any) -> None:
        """Decode a member as one of the kinds above. Two kinds for one member cannot be, but that `PROSE` is text."""
        found = self.members.setdefault(name, kind)
        if found == kind or (found, kind) == (PROSE, TEXT):
            return
        if (found, kind) != (TEXT, PROSE):
            raise Unsupported(f"{name} is read in two ways")
        self.members[name] = PROSE

    def inner(self, name: str, *, many: bool = False) -> Shape:
        """The shape of the object, or of the objects, at a member."""
        found: Any = self.members.setdefault(name, Shape(many=many))
        if not isinstance(found, Shape) or found.many != many:
            raise Unsupported(f"{name} is read in two ways")
        return found

    def refuse(self, path: tuple[str, ...]) -> None:
        """Make decoding fail where something stands at this path."""
        name, *rest = path
        if not rest:
            self.members.setdefault(name, NEVER)
            return
        found = self.members.get(name, NEVER)
        if found is RAW and rest[-1] != "modifierExtension":  # the lens refuses that one
            raise Unsupported(f"{name} is not looked into")
        if isinstance(found, Shape):
            found.refuse(tuple(rest))
        elif found is NEVER:
            self.members[name] = NEVER  # else it is text or the like: an object in its place does not decode

    def struct(self, name: str, tag: str | None = None) -> Any:
        """The struct type; `tag` is the resourceType."""
        fields = {member: _field(kind, f"{name}_{member}") for member, kind in self.members.items()}
        return struct_type(name, fields, tag)


def struct_type(name: str, fields: dict[str, tuple[Any, Any]], tag: str | None = None, **options: Any) -> Any:
    """A struct with these JSON members, each with its type and default; `tag` is the resourceType."""
    named = [(attribute(member), *field) for member, field in fields.items()]
    renamed = {attribute(member): member for member in fields}
    tagged: dict[str, Any] = {"tag_field": "resourceType", "tag": tag} if tag else {}
    return msgspec.defstruct(name, named, rename=renamed, gc=False, **tagged, **options)


class Unsupported(Exception):
    """A table that has no fast reader: the lens reads it."""


def attribute(name: str) -> str:
    """The attribute that stands for a JSON member."""
    return f"{name}_" if keyword.iskeyword(name) else name


def _field(kind: Any, name: str) -> tuple[Any, Any]:
    if isinstance(kind, Shape):
        inner: Any = kind.struct(name)
        return (list[inner] | None if kind.many else inner | None), None
    return kind, None
