"""What a value makes use of: fields that are not left at their default, and members of enumerations."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import Any, get_args

from pydantic import BaseModel


def used_fields(value: Any) -> Iterator[str]:
    """`Goal.note` for each field that holds something else than its default, in all parts."""
    if isinstance(value, BaseModel):
        for name, field in type(value).model_fields.items():
            part = getattr(value, name)
            if field.is_required() or part != field.get_default():
                yield f"{type(value).__name__}.{name}"
            yield from used_fields(part)
    elif isinstance(value, tuple):
        for part in value:
            yield from used_fields(part)


def used_members(value: Any) -> Iterator[Enum]:
    """Each member of an enumeration that stands in the value or one of its parts."""
    if isinstance(value, Enum):
        yield value
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from used_members(getattr(value, name))
    elif isinstance(value, tuple):
        for part in value:
            yield from used_members(part)


def types_in(annotation: Any) -> set[type]:
    """The value types and enumerations that a value of this type is made of, itself among them."""
    found: set[type] = set()
    todo: list[Any] = [annotation]
    while todo:
        one = todo.pop()
        todo += get_args(one)
        if not isinstance(one, type) or one in found:
            continue
        if issubclass(one, Enum):
            found.add(one)
        elif issubclass(one, BaseModel):
            found.add(one)
            todo += [field.annotation for field in one.model_fields.values()]
    return found


def all_fields(model: type[BaseModel]) -> set[str]:
    """Every field of the type and of what it is made of, as `used_fields` names them."""
    models = (one for one in types_in(model) if issubclass(one, BaseModel))
    return {f"{one.__name__}.{name}" for one in models for name in one.model_fields}


def all_members(model: type[BaseModel]) -> set[Enum]:
    """Every member of every enumeration in the type and in what it is made of."""
    return {member for one in types_in(model) if issubclass(one, Enum) for member in one}


def members_of(annotation: Any) -> set[Enum]:
    """Every member of the enumerations that a field holds itself, not those of values in it."""
    parts = [annotation, *get_args(annotation)]  # Status, Status | None, tuple[Status, ...]
    return {member for one in parts if isinstance(one, type) and issubclass(one, Enum) for member in one}
