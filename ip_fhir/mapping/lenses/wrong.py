"""The exception by which a lens says that a node cannot be read, and the checks that raise it."""

from __future__ import annotations

from typing import Any

from ip_fhir.errors import IssueCode


class Wrong(Exception):
    """A node cannot be read or written.

    `path` is the place below the lens that raised it: member names and `[n]`. It grows on the way out, and becomes an
    `InvalidInput` at the top, where the dialect joins it.
    """

    def __init__(self, reason: str, code: IssueCode = "value", *at: str) -> None:
        self.reason, self.code = reason, code
        self.path = [*at]
        super().__init__(reason)


def expect(node: Any, kind: type, what: str) -> Any:
    """The node, if it has the type that the format gives it here. Raises `Wrong` otherwise."""
    if type(node) is not kind:
        raise Wrong(f"is not {what}", "structure")
    return node


def text_or_none(value: Any) -> str | None:
    """The value, if it is text."""
    return value if type(value) is str else None
