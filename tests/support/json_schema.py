"""As much of JSON Schema as our own schemas use. A keyword that is not known here is an error, not ignored."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

Schema = dict[str, Any]
_SILENT = {"title", "description", "default", "$defs", "properties", "additionalProperties", "items", "format"}
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}


def fits(value: Any, schema: Schema, whole: Schema) -> bool:
    """Whether the value is valid by the schema; `whole` is where `$ref` points into."""
    rules = (_RULES[name](value, argument, whole) for name, argument in schema.items() if name not in _SILENT)
    return all(rules) and _members_fit(value, schema, whole)


def _members_fit(value: Any, schema: Schema, whole: Schema) -> bool:
    if isinstance(value, list) and "items" in schema:
        return all(fits(item, schema["items"], whole) for item in value)
    if isinstance(value, dict) and schema.get("type") == "object":
        known = schema.get("properties", {})
        closed = schema.get("additionalProperties") is not False or not set(value) - set(known)
        return closed and all(fits(value[name], known[name], whole) for name in set(value) & set(known))
    return True


def _is_type(value: Any, name: str, _: Schema) -> bool:
    return isinstance(value, _TYPES[name]) and (name != "integer" or not isinstance(value, bool))


def _ref(value: Any, pointer: str, whole: Schema) -> bool:
    return fits(value, whole["$defs"][pointer.removeprefix("#/$defs/")], whole)


_RULES: dict[str, Callable[[Any, Any, Schema], bool]] = {
    "type": _is_type,
    "$ref": _ref,
    "anyOf": lambda value, options, whole: any(fits(value, option, whole) for option in options),
    "enum": lambda value, members, _: value in members,
    "required": lambda value, names, _: not isinstance(value, dict) or set(names) <= set(value),
    "pattern": lambda value, pattern, _: not isinstance(value, str) or re.search(pattern, value) is not None,
    "minLength": lambda value, least, _: not isinstance(value, str) or len(value) >= least,
    "maxLength": lambda value, most, _: not isinstance(value, str) or len(value) <= most,
    "maxItems": lambda value, most, _: not isinstance(value, list) or len(value) <= most,
    "minimum": lambda value, least, _: not isinstance(value, int) or value >= least,
    "maximum": lambda value, most, _: not isinstance(value, int) or value <= most,
    "exclusiveMinimum": lambda value, least, _: not isinstance(value, int) or value > least,
}
