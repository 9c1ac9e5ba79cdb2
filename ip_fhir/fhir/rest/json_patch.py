"""JSON Patch (RFC 6902) applied to a resource, within bounds.

Own code, since a package for it copies without bound: of a document copied into itself twenty times a million are made.
A number keeps the text that it was written as, and is equal to another if both mean the same.
"""

from __future__ import annotations

import re
from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final

from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.json_text import loads
from ip_fhir.fhir.reading import is_certain

if TYPE_CHECKING:
    from ip_fhir.ports import JsonObject

MOST_OPERATIONS: Final = 100
"""The most operations of one patch."""

MOST_COPIED: Final = 10_000
"""The most objects, lists and values that the copies of one patch make."""

_INDEX: Final = re.compile("0|[1-9][0-9]{0,8}", re.ASCII)
_NEEDS: Final = {
    "add": "value",
    "replace": "value",
    "test": "value",
    "remove": "path",
    "move": "from",
    "copy": "from",
}


def read_patch(content: bytes) -> list[JsonObject]:
    """Reads the operations of a patch.

    Raises `InvalidInput`: `structure` for what is no JSON, says a key twice or is no list of operations, `too-costly`
    for too many.
    """
    try:
        found = loads(content)
    except (ValueError, RecursionError):
        raise InvalidInput.at("", "is no JSON", "structure") from None
    if not isinstance(found, list):
        raise InvalidInput.at("", "a JSON Patch is a list of operations", "structure")
    if not is_certain(content):
        raise InvalidInput.at("", "a key stands twice in one object", "structure")
    if len(found) > MOST_OPERATIONS:
        raise InvalidInput.at("", f"more than {MOST_OPERATIONS} operations", "too-costly")
    for number, one in enumerate(found):
        _check(one, f"[{number}]")
    return found


def _check(one: Any, at: str) -> None:
    if not isinstance(one, dict) or one.get("op") not in _NEEDS or not isinstance(one.get("path"), str):
        raise InvalidInput.at(at, f"is no operation with a path; op is one of {', '.join(_NEEDS)}", "structure")
    need = _NEEDS[one["op"]]
    if need not in one or (need == "from" and not isinstance(one["from"], str)):
        raise InvalidInput.at(at, f"has no {need}", "structure")


def patched(resource: JsonObject, operations: list[JsonObject]) -> JsonObject:
    """Returns a resource with all operations applied, as `read_patch` gives them; `resource` itself is not changed.

    Raises `InvalidInput` with the number of the operation: `invariant` for a place that is not there and for a `test`
    that fails, `structure` for a path that is none, `too-costly` for too much copied.
    """
    document: dict[str, Any] = {"": deepcopy(resource)}  # so that the whole is at a place too
    room = MOST_COPIED
    try:
        for number, one in enumerate(operations):
            room = _Operation(document, one, f"[{number}]").apply(room)
    except RecursionError:
        raise InvalidInput.at("", "is nested too deep", "too-costly") from None
    whole = document.get("")
    if not isinstance(whole, dict):
        raise InvalidInput.at("", "what is left is no resource", "structure")
    return whole


class _Operation:
    """One operation on a document."""

    def __init__(self, document: dict[str, Any], said: JsonObject, at: str) -> None:
        self._document, self._said, self._at = document, said, at

    def apply(self, room: int) -> int:
        """Apply it. Returns how much may still be copied."""
        op, path = self._said["op"], _steps(self._said["path"], self._at)
        if op == "test":
            if not _same(self._get(path), self._said["value"]):
                raise InvalidInput.at(self._at, "the test fails", "invariant")
        elif op == "remove":
            self._take(path)
        elif op == "replace":
            self._take(path)
            self._put(path, deepcopy(self._said["value"]))
        elif op == "add":
            self._put(path, deepcopy(self._said["value"]))
        else:
            return self._carry(op, path, room)
        return room

    def _carry(self, op: str, path: list[str], room: int) -> int:
        source = _steps(self._said["from"], self._at)
        if op == "move":
            if path[: len(source)] == source and path != source:
                raise InvalidInput.at(self._at, "moves a place into itself", "invariant")
            self._put(path, self._take(source))
            return room
        value = self._get(source)
        left = room - _size(value)
        if left < 0:
            raise InvalidInput.at(self._at, "copies too much", "too-costly")
        self._put(path, deepcopy(value))
        return left

    def _missing(self) -> InvalidInput:
        return InvalidInput.at(self._at, "its place is not there", "invariant")

    def _get(self, steps: list[str]) -> Any:
        node: Any = self._document
        for step in steps:
            node = node[self._key(node, step)]
        return node

    def _key(self, node: Any, step: str) -> Any:
        """The key or index of what is there. Raises `InvalidInput` if nothing is."""
        if isinstance(node, dict) and step in node:
            return step
        if isinstance(node, list) and _INDEX.fullmatch(step) and int(step) < len(node):
            return int(step)
        raise self._missing()

    def _take(self, steps: list[str]) -> Any:
        node = self._get(steps[:-1])
        return node.pop(self._key(node, steps[-1]))

    def _put(self, steps: list[str], value: Any) -> None:
        """Add to an object, or into a list before what is at that index; `-` is the list's end."""
        node, last = self._get(steps[:-1]), steps[-1]
        if isinstance(node, dict):
            node[last] = value
        elif isinstance(node, list) and last == "-":
            node.append(value)
        elif isinstance(node, list) and _INDEX.fullmatch(last) and int(last) <= len(node):
            node.insert(int(last), value)
        else:
            raise self._missing()


def _steps(path: str, at: str) -> list[str]:
    """The steps of a JSON Pointer (RFC 6901), from the document on.

    >>> _steps("/note/0/a~1b", "")
    ['', 'note', '0', 'a/b']
    """
    if (path and not path.startswith("/")) or re.search("~(?![01])", path):
        raise InvalidInput.at(at, "has a path that is no JSON Pointer", "structure")
    return [step.replace("~1", "/").replace("~0", "~") for step in path.split("/")]


def _size(value: Any) -> int:
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(_size, inner))


def _same(one: Any, other: Any) -> bool:
    """Equal as JSON: true is no number, and the order of members does not count."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(value, other[name]) for name, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return bool(one == other)
