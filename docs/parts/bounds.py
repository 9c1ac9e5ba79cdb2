"""The most items that each list of the domain may have, from the JSON Schemas."""

from __future__ import annotations

from importlib import import_module
from pkgutil import walk_packages
from typing import TYPE_CHECKING, Any

import ip_fhir.domain
from ip_fhir.domain.values.value import Value

if TYPE_CHECKING:
    from collections.abc import Iterator


def bounds() -> str:
    """Returns the table: value, lists with their bounds."""
    for module in walk_packages(ip_fhir.domain.__path__, "ip_fhir.domain."):
        import_module(module.name)
    lines = ["| value | at most |", "|---|---|"]
    for model in sorted(_below(Value), key=lambda model: model.__name__):
        told = [f"{most:,} `{name}`" for name, most in _lists(model)]
        if told:
            lines.append(f"| `{model.__name__}` | {', '.join(told)} |")
    return "\n".join([*lines, ""])


def _below(model: type[Value]) -> set[type[Value]]:
    inner = {found for child in model.__subclasses__() for found in {child, *_below(child)}}
    return {found for found in inner if found.__module__.startswith("ip_fhir.domain.")}


def _lists(model: type[Value]) -> Iterator[tuple[str, int]]:
    properties: dict[str, Any] = model.model_json_schema().get("properties", {})
    for name, said in properties.items():
        for array in (said, *said.get("anyOf", ())):
            if array.get("type") == "array":
                yield name, array["maxItems"]
