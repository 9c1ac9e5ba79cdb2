"""Makes domain values from fields that are checked already, faster than pydantic does.

A value is first a draft, whose fields can be set, and then gets its model's class. The result equals pydantic's: the
same class, the same `__dict__` in the same order. Rules across fields (`after` validators of the model) are run; the
caller must have checked the fields themselves.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, get_args, get_origin

from pydantic import AfterValidator, TypeAdapter

from ip_fhir.domain.values.ids import Identifier
from ip_fhir.domain.values.value import Id, Text, Value
from ip_fhir.mapping.generated.decoding import Unsupported

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic.fields import FieldInfo

StringKind: TypeAlias = Literal["id", "text"] | type[Identifier] | None
_TEXT, _ID = ([*getattr(annotated, "__metadata__")] for annotated in (Text, Id))  # noqa: B009 - no name that mypy knows


def rules_of(model: type[Value]) -> list[Callable[[Any], Any]]:
    """The model's `after` validators. Raises `Unsupported` for a model with validators of other kinds."""
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
    """A function that makes the field's value (with `item`, one of its items) from JSON data, checked by pydantic."""
    if item:
        return TypeAdapter(get_args(info.annotation)[0]).validate_python
    annotated: Any = Annotated[info.annotation, info]
    return TypeAdapter(annotated).validate_python


def after(info: FieldInfo) -> list[Callable[[Any], Any]]:
    """The field's `after` validators. Raises `Unsupported` for a field that is checked in another way."""
    if not all(isinstance(one, AfterValidator) for one in info.metadata):
        raise Unsupported("a field is checked in a way that is not known here")
    return [one.func for one in info.metadata]


def most_items(info: FieldInfo) -> int | None:
    """The largest number of items that a list field may have; None for a field that is no list."""
    bounds = [one.max_length for one in info.metadata if hasattr(one, "max_length")] if _is_list(info) else []
    return min(bounds, default=None)


def _is_list(info: FieldInfo) -> bool:
    return get_origin(info.annotation) is tuple


def string_kind(info: FieldInfo) -> StringKind:
    """The cheap check that equals pydantic's for a text: "id", "text" or an identifier type; None without one.

    For a list it is the check of each of its items; `most_items` is the list's own.
    """
    types = list(_types(info.annotation))
    rules = [
        *(() if _is_list(info) else info.metadata),
        *(rule for one in types for rule in getattr(one, "__metadata__", ())),
    ]
    if rules in (_ID, _TEXT):
        return "id" if rules == _ID else "text"
    return next((one for one in types if isinstance(one, type) and issubclass(one, Identifier)), None)


def _types(annotation: Any) -> list[Any]:
    """The annotation and all types inside it, but not below an `Annotated` type."""
    inner = () if hasattr(annotation, "__metadata__") else get_args(annotation)
    return [annotation, *(found for one in inner for found in _types(one))]


@cache
def draft_of(model: type[Value]) -> type[Value]:
    """A class whose instances are filled in field by field before they get the model's class.

    This costs half of `model_construct`: while attributes are set one by one, Python shares their names among all
    instances of a class and makes no dict. Each model has different names, so each has its own draft class.
    """

    class Draft(Value, defer_build=True):
        __init__ = object.__init__
        __setattr__ = object.__setattr__
        __delattr__ = object.__delattr__

    Draft.__name__ = f"{model.__name__}Draft"
    made: type[Value] = Draft
    return made


def filling(model: type[Value], values: dict[str, str], space: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of code that make a draft `v`, with these expressions for its fields."""
    draft = draft_of(model)
    space[draft.__name__] = draft
    yield f"v = {draft.__name__}()"
    yield from (f"v.{name} = {value}" for name, value in values.items())


def finishing(model: type[Value], space: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of code that turn a filled-in draft `v` into a value of the model. Names go into `space`."""
    name = model.__name__
    space |= {name: model, f"fields_{name}": set(model.model_fields)}
    yield f"v.__pydantic_fields_set__ = fields_{name}"
    yield "v.__pydantic_extra__ = None"
    yield "v.__pydantic_private__ = None"
    yield f"v.__class__ = {name}"
    for number, rule in enumerate(rules_of(model)):
        space[f"rule_{name}_{number}"] = rule
        yield f"rule_{name}_{number}(v)"
