"""Domain values made of fields that are known to be right: what a generated reader needs of pydantic's models.

A value is made as a draft, which lets its fields be set, and then gets its model's class. It is what pydantic would
have made: the same class, the same `__dict__` in the same order. The rules across the fields (validators that run
after) are run; the fields themselves are checked by who calls.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, Literal, TypeAlias, get_args

from pydantic import AfterValidator, TypeAdapter

from ip_fhir.domain.values.ids import Identifier
from ip_fhir.domain.values.value import Id, Text, Value
from ip_fhir.mapping.generated.decoding import Unsupported

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pydantic.fields import FieldInfo

StringKind: TypeAlias = Literal["id", "text"] | type[Identifier] | None
_TEXT, _ID = (getattr(annotated, "__metadata__")[0] for annotated in (Text, Id))  # noqa: B009 - no name that mypy knows


def rules_of(model: type[Value]) -> list[Callable[[Any], Any]]:
    """The rules that run when a value's fields are set. Raises `Unsupported` for a model with rules of other kinds."""
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
    """The functions that a field runs on its value last. Raises `Unsupported` for a field checked in another way."""
    if not all(isinstance(one, AfterValidator) for one in info.metadata):
        raise Unsupported("a field is checked in a way that is not known here")
    return [one.func for one in info.metadata]


def string_kind(info: FieldInfo) -> StringKind:
    """The cheaper check of a text field: by id rules, by text rules, or by an identifier type; None: pydantic's own."""
    types = list(_types(info.annotation))
    rules = [*info.metadata, *(rule for one in types for rule in getattr(one, "__metadata__", ()))]
    if rules in ([_ID], [_TEXT]):
        return "id" if rules == [_ID] else "text"
    return next((one for one in types if isinstance(one, type) and issubclass(one, Identifier)), None)


def _types(annotation: Any) -> list[Any]:
    """The annotation and what is in it; of an annotated type not its rules."""
    inner = () if hasattr(annotation, "__metadata__") else get_args(annotation)
    return [annotation, *(found for one in inner for found in _types(one))]


@cache
def draft_of(model: type[Value]) -> type[Value]:
    """A class of values that can be filled in, until they get the model's class: half the cost of `model_construct`.

    Python keeps the fields of a class's values in one place and their names in another, as long as they are set one by
    one; so no dict is made. Each model has a draft of its own, for it has names of its own.
    """

    class Draft(Value, defer_build=True):
        __init__ = object.__init__
        __setattr__ = object.__setattr__
        __delattr__ = object.__delattr__

    Draft.__name__ = f"{model.__name__}Draft"
    made: type[Value] = Draft
    return made


def filling(model: type[Value], values: dict[str, str], space: dict[str, Any]) -> Iterator[str]:
    """The code that makes a draft `v`, with these expressions for its fields."""
    draft = draft_of(model)
    space[draft.__name__] = draft
    yield f"v = {draft.__name__}()"
    yield from (f"v.{name} = {value}" for name, value in values.items())


def finishing(model: type[Value], space: dict[str, Any]) -> Iterator[str]:
    """The code that makes a filled-in draft `v` a value of the model; what it names is put in `space`."""
    name = model.__name__
    space |= {name: model, f"fields_{name}": set(model.model_fields)}
    yield f"v.__pydantic_fields_set__ = fields_{name}"
    yield "v.__pydantic_extra__ = None"
    yield "v.__pydantic_private__ = None"
    yield f"v.__class__ = {name}"
    for number, rule in enumerate(rules_of(model)):
        space[f"rule_{name}_{number}"] = rule
        yield f"rule_{name}_{number}(v)"
