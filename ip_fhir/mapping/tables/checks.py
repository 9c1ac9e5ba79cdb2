"""The checks of a table: how each element that changes what the rest means is read.

[[table.check]]
fhir = "verificationStatus"
only = ["condition-verification#confirmed"]   # what is none of these is not read
otherwise = "left"                            # the resource is out of sight; without it, the whole is refused
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

from ip_fhir.errors import MappingError
from ip_fhir.mapping.tables.model import Check, CheckKind
from ip_fhir.mapping.tables.row_keys import CHECK_KEYS

if TYPE_CHECKING:
    from collections.abc import Iterator

_KINDS = get_args(CheckKind)
_WITH_VALUES = ("only", "some", "never", "order")
_KEYS = frozenset(key.name for key in CHECK_KEYS) - {"fhir"}


def checks_of(data: dict[str, Any], dialect: str, where: str) -> Iterator[Check]:
    """Yields the checks that a table of a file says. Raises `MappingError` with the reason.

    Short forms: `unread` lists places where nothing may stand, `within` gives places where one must be one of these.
    """
    for place in data.get("unread", ()):
        yield Check(place, tuple(place.split(".")), "refuse", told="is a limit that cannot be kept here")
    for place, values in data.get("within", {}).items():
        told = "is for something else than what is mapped here"
        yield Check(place, tuple(place.split(".")), "some", tuple(values), told=told)
    for number, given in enumerate(data.get("check", ()), start=1):
        yield _check(given, dialect, f"{where} check {number}")


def _check(given: dict[str, Any], dialect: str, where: str) -> Check:
    place = given.get(dialect)
    if not isinstance(place, str) or not all(name.isidentifier() for name in place.split(".")):
        raise MappingError(f"{where}: has no place, which is names with dots between")
    if unknown := set(given) - _KEYS - {dialect}:
        raise MappingError(f"{where}: unknown key {', '.join(sorted(unknown))}")
    kinds = [kind for kind in _KINDS if kind in given]
    if len(kinds) != 1:
        raise MappingError(f"{where}, {place}: says one of {', '.join(_KINDS)}")
    kind: CheckKind = kinds[0]
    values = given[kind] if kind in _WITH_VALUES else []
    if not isinstance(values, list) or (kind in _WITH_VALUES and not values):
        raise MappingError(f"{where}, {place}: {kind} is a list of values")
    if kind not in _WITH_VALUES and given[kind] is not True and not (kind == "read" and _is_reason(given[kind])):
        raise MappingError(f"{where}, {place}: {kind} is {'the reason' if kind == 'read' else 'true'}, or not there")
    if given.get("otherwise", "left") != "left":
        raise MappingError(f"{where}, {place}: otherwise is 'left', or not there")
    names, left = tuple(place.split(".")), "otherwise" in given
    told = given["read"] if kind == "read" else given.get("told", "")
    return Check(place, names, kind, tuple(values), left, given.get("required", False), told)


def _is_reason(text: Any) -> bool:
    return isinstance(text, str) and bool(text.strip())
