"""The exception by which a lens says that a node cannot be read, and the checks that raise it."""

from __future__ import annotations

from typing import Any

from ip_fhir.errors import InvalidInput, IssueCode, Problem


class Wrong(Exception):
    """A node cannot be read; the path grows on the way out and becomes an `InvalidInput` at the top."""

    def __init__(self, reason: str, code: IssueCode = "value", at: str = "") -> None:
        self.reason, self.code = reason, code
        self.path: list[str] = [at] if at else []
        super().__init__(reason)

    def to_problem(self, prefix: str) -> Problem:
        """The problem with its FHIRPath."""
        path = prefix
        for step in self.path:
            path += step if step.startswith("[") or not path else f".{step}"
        return Problem(path, self.reason, self.code)

    def to_error(self, prefix: str) -> InvalidInput:
        """The error with its FHIRPath."""
        return InvalidInput([self.to_problem(prefix)])


def expect(node: Any, kind: type, what: str) -> Any:
    """The node, if it has the JSON type that FHIR gives it here."""
    if type(node) is not kind:
        raise Wrong(f"is not {what}", "structure")
    return node


def text_or_none(value: Any) -> str | None:
    """The value, if it is text."""
    return value if type(value) is str else None
