"""The domain types that tables name, and the types of their fields."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, get_args, get_origin

from ip_fhir.domain.values.value import Value

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

_MODULES = (
    *("people", "team", "consent.consent", "plan", "notice", "green_form"),
    *("message", "referral", "authorship", "document"),
    *("sharing.view", "sharing.change", "sharing.messages"),
)


@cache
def domain_types() -> dict[str, type[Value]]:
    """Every domain value by name."""
    modules = (import_module(f"ip_fhir.domain.{name}") for name in _MODULES)
    found = (value for module in modules for value in vars(module).values())
    return {t.__name__: t for t in found if isinstance(t, type) and issubclass(t, Value)}


def field_at(name: str, path: tuple[str, ...]) -> FieldInfo | None:
    """The field at a path of a domain type; None where the type has none such."""
    model: type[Value] | None = domain_types().get(name)
    found: FieldInfo | None = None
    for step in path:
        found = None if model is None else model.model_fields.get(step)
        model = None if found is None else value_type(found.annotation)
    return found


def value_type(annotation: Any) -> type[Value] | None:
    """The domain value inside an annotation (`X`, `X | None`, `tuple[X, ...]`)."""
    for part in (annotation, *get_args(annotation)):
        if isinstance(part, type) and issubclass(part, Value):
            return part
    return None


def is_always_there(name: str, path: tuple[str, ...]) -> bool:
    """True if the field at a path never is None: it is required, or has another default."""
    steps = [field_at(name, path[: n + 1]) for n in range(len(path))]
    return all(f is not None and (f.is_required() or f.default is not None) for f in steps)


def plain_types(annotation: Any) -> tuple[type, ...]:
    """The types inside an annotation: of `tuple[LifeArea, ...]`, `X | None` and `Annotated[X, …]` the X."""
    if isinstance(annotation, type) and get_origin(annotation) is None:
        return () if annotation is type(None) else (annotation,)
    return tuple(found for part in get_args(annotation) for found in plain_types(part))


def is_tuple(annotation: Any) -> bool:
    """True if the field holds several values."""
    return any(get_origin(part) is tuple for part in (annotation, *get_args(annotation)))
