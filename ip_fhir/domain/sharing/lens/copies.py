"""Copies of values with other fields, made without a check: for what is sound because of what it is a copy of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ip_fhir.domain.plan_rules import LISTS
from ip_fhir.domain.sharing.lens.visible import REFERENCES, closed_fields
from ip_fhir.domain.values.value import Value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ip_fhir.domain.agreement import ContentLevel


class _Draft(Value, defer_build=True):
    """A value before it gets its class. Setting its fields at once costs half of pydantic's own copy."""

    __init__ = object.__init__
    __setattr__ = object.__setattr__
    __delattr__ = object.__delattr__


def copied(value: Any, changes: Mapping[str, Any]) -> Any:
    """Returns a copy with these changes, which are not checked: each must be what the field's type allows."""
    return _made(value, {**value.__dict__, **changes})


def _made(value: Any, fields: dict[str, Any]) -> Any:
    """Returns a value of the type of `value` with exactly these fields."""
    made: Any = _Draft()
    made.__dict__ = fields
    made.__pydantic_fields_set__ = value.__pydantic_fields_set__
    made.__pydantic_extra__ = None
    made.__pydantic_private__ = None
    made.__class__ = type(value)
    return made


def projected(value: Any, level: ContentLevel, *, general: bool) -> Any:
    """Returns a value with the fields that a view shows; `value` itself if it has no other."""
    fields = value.__dict__
    model: type[Value] = type(value)
    closed = closed_fields(model, level, general=general)
    changes = {name: default for name, default in closed.items() if fields[name] != default}
    return copied(value, changes) if changes else value


def with_ids(items: Sequence[Any], ids: Mapping[str, str]) -> tuple[Any, ...]:
    """Returns items of one type with the ids that `ids` has for their own and for those that they refer to.

    All these ids must be in `ids`.
    """
    if not items:
        return ()
    model: type[Value] = type(items[0])
    references = REFERENCES.get(model, ())
    found = []
    for item in items:
        fields = item.__dict__.copy()
        fields["id"] = ids[fields["id"]]
        for name in references:
            if to := fields[name]:
                fields[name] = ids[to] if to.__class__ is str else tuple([ids[one] for one in to])
        found.append(_made(item, fields))
    return tuple(found)


_WITH_IDS: Final = frozenset((*LISTS, "owner", "team", "coordinating_unit", "follow_up", "evaluation")) - {"consents"}


def renamed(name: str, value: Any, ids: Mapping[str, str]) -> Any:
    """Returns the value of a plan's field of that name with the ids that `ids` has for those in it.

    What refers to nothing is returned as it is. A view has no consents.
    """
    if not value or name not in _WITH_IDS:
        return value
    if isinstance(value, tuple):
        return with_ids(value, ids)
    if isinstance(value, str):
        return ids[value]
    if name == "team":
        places = {inside: with_ids(getattr(value, inside), ids) for inside in ("memberships", "coordinators")}
        return copied(value, {"id": ids[value.id], **places})
    if name == "owner":
        return copied(value, {"id": ids[value.id]})
    responsible = getattr(value, "responsible", None)  # of an arrangement
    return copied(value, {"responsible": ids[responsible]}) if responsible else value
