"""Domain values made of fields that are known to be right: what a generated reader needs of pydantic's models.

A value made here is what pydantic would have made: the same class, the same `__dict__` in the same order. The rules
across the fields (validators that run after) are run; the fields themselves are checked by who calls.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BaseModel, TypeAdapter

from ip_fhir.domain.ids import Identifier
from ip_fhir.domain.value import Id, Text
from ip_fhir.mapping.shapes import Unsupported

if TYPE_CHECKING:
    from collections.abc import Callable

    from pydantic.fields import FieldInfo

    from ip_fhir.domain.value import Value

_SLOTS = vars(BaseModel)
NEW: dict[str, Any] = {
    "new": object.__new__,
    "set_dict": _SLOTS["__dict__"].__set__,
    "set_fields": _SLOTS["__pydantic_fields_set__"].__set__,
    "set_extra": _SLOTS["__pydantic_extra__"].__set__,
    "set_private": _SLOTS["__pydantic_private__"].__set__,
}
"""The slots of a model, as functions: what `model_construct` sets, at a fifth of its cost."""

_TEXT, _ID = (getattr(annotated, "__metadata__")[0] for annotated in (Text, Id))  # noqa: B009 - no name that mypy knows


def rules_of(model: type[Value]) -> list[Callable[[Any], Any]]:
    """What is asked of a value when its fields are there. Raises `Unsupported` for a model with other rules."""
    decorators = model.__pydantic_decorators__
    if decorators.field_validators or decorators.validators or decorators.root_validators:
        raise Unsupported(f"{model.__name__} has validators of fields")
    if any(found.info.mode != "after" for found in decorators.model_validators.values()):
        raise Unsupported(f"{model.__name__} has validators that run before")
    return [found.func for found in decorators.model_validators.values()]


def default_of(info: FieldInfo) -> Any:
    """The default of a field that has one."""
    return info.get_default(call_default_factory=True)


def adapter(info: FieldInfo, *, item: bool = False) -> Callable[[Any], Any]:
    """A function that makes the field's value (with `item`, one of its items) of JSON data, checked by pydantic."""
    if item:
        return TypeAdapter(get_args(info.annotation)[0]).validate_python
    annotated: Any = Annotated[info.annotation, info]
    return TypeAdapter(annotated).validate_python


def after(info: FieldInfo) -> list[Callable[[Any], Any]]:
    """What a field does with its value in the end. Raises `Unsupported` where it does something else."""
    if not all(isinstance(one, AfterValidator) for one in info.metadata):
        raise Unsupported("a field is checked in a way that is not known here")
    return [one.func for one in info.metadata]


def string_kind(info: FieldInfo) -> Literal["id", "text"] | type[Identifier] | None:
    """How a field of text is checked, where there is a cheaper way than pydantic's."""
    types = list(_types(info.annotation))
    rules = [*info.metadata, *(rule for one in types for rule in getattr(one, "__metadata__", ()))]
    if rules in ([_ID], [_TEXT]):
        return "id" if rules == [_ID] else "text"
    return next((one for one in types if isinstance(one, type) and issubclass(one, Identifier)), None)


def _types(annotation: Any) -> list[Any]:
    """The annotation and what is in it; of an annotated type not its rules."""
    inner = () if hasattr(annotation, "__metadata__") else get_args(annotation)
    return [annotation, *(found for one in inner for found in _types(one))]


def maker(model: type[Value]) -> Callable[[dict[str, Any]], Any]:
    """A function that makes a value of fields that are known to be right; the others get their default."""
    template = {name: None if i.is_required() else default_of(i) for name, i in model.model_fields.items()}
    every, rules = set(template), rules_of(model)
    new, set_dict, set_fields, set_extra, set_private = NEW.values()

    def make(fields: dict[str, Any]) -> Any:
        value = new(model)
        set_dict(value, {**template, **fields})
        set_fields(value, every)
        set_extra(value, None)
        set_private(value, None)
        for rule in rules:
            rule(value)
        return value

    return make
