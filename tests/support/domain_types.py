"""Every value and enumeration that the domain defines, found by looking into its modules."""

from __future__ import annotations

from enum import StrEnum
from functools import cache
from importlib import import_module
from pkgutil import walk_packages

import ip_fhir.domain
from ip_fhir.domain.values.value import Value


@cache
def domain_types() -> tuple[type[Value | StrEnum], ...]:
    """The public ones, by name."""
    modules = [import_module(found.name) for found in walk_packages(ip_fhir.domain.__path__, "ip_fhir.domain.")]
    found = {
        one
        for module in modules
        for name, one in vars(module).items()
        if isinstance(one, type) and issubclass(one, Value | StrEnum) and one not in (Value, StrEnum)
        if one.__module__ == module.__name__ and not name.startswith("_")
    }
    return tuple(sorted(found, key=lambda one: one.__name__))


def domain_values() -> tuple[type[Value], ...]:
    """The values alone."""
    return tuple(one for one in domain_types() if issubclass(one, Value))
