"""The msgspec structs into which generated readers decode: only the members that they ask for.

Vocabulary (codings, periods) is not decoded: its JSON text is kept as it is (`RAW`), and a `Memo` remembers the value
that the lens read from the same text before. Most of the speed comes from this: an object that is not made costs
nothing.
"""

from __future__ import annotations

import keyword
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT: Any = str | None
PROSE: Any = Annotated[str, msgspec.Meta(min_length=1, max_length=50_000)] | None
"""Text with the bounds of the domain's `Text`, except that it may be blank."""

FLAG: Any = bool | None
NUMBER: Any = int | None
WORDS: Any = list[str] | None
RAW: Any = msgspec.Raw
"""JSON text, not decoded."""

NEVER: Any = Annotated[int, msgspec.Meta(ge=1, le=0)]
"""A type that no JSON value has: if the member is present, decoding fails, and the lenses read."""

_MOST, _LONGEST = 4096, 1024


class Doubt(Exception):
    """Raised by generated readers for input that they are not certain about: the lenses must read it."""


class Memo(dict[Any, Any]):
    """A bounded cache of `make`, called once for each text or list of words; results for long keys are not kept."""

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

    A modifierExtension may change the meaning of its neighbours, so an object with one is left to the lenses.
    """

    members: dict[str, Any] = field(default_factory=lambda: {"modifierExtension": NEVER})
    many: bool = False

    def member(self, name: str, kind: Any) -> None:
        """Decode a member as one of the types above.

        Raises `Unsupported` for a second type of the same member, other than `TEXT` beside `PROSE`.
        """
        found = self.members.setdefault(name, kind)
        if found == kind or (found, kind) == (PROSE, TEXT):
            return
        if (found, kind) != (TEXT, PROSE):
            raise Unsupported(f"{name} is read in two ways")
        self.members[name] = PROSE

    def inner(self, name: str, *, many: bool = False) -> Shape:
        """The shape of the object, or of the objects in a list, at a member. Raises `Unsupported` if it is decoded."""
        found: Any = self.members.setdefault(name, Shape(many=many))
        if not isinstance(found, Shape) or found.many != many:
            raise Unsupported(f"{name} is read in two ways")
        return found

    def literal(self, path: tuple[str, ...], words: tuple[str, ...]) -> None:
        """Make decoding fail for another text at this path. Raises `Unsupported` if the member is read otherwise."""
        name, *rest = path
        if rest:
            self.inner(name).literal(tuple(rest), words)
        else:
            self.member(name, Literal[words] | None)

    def refuse(self, path: tuple[str, ...]) -> None:
        """Make decoding fail if there is anything at this path. Raises `Unsupported` below a member kept as text."""
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
    """Raised for a table of which no fast reader can be made: only the lenses read it."""


def attribute(name: str) -> str:
    """The name of a struct's attribute for a JSON member."""
    return f"{name}_" if keyword.iskeyword(name) else name


def _field(kind: Any, name: str) -> tuple[Any, Any]:
    if isinstance(kind, Shape):
        inner: Any = kind.struct(name)
        return (list[inner] | None if kind.many else inner | None), None
    return kind, None
