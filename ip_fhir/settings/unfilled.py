"""Places of a settings file that are still to be filled in, told all at once before anything else is said of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ip_fhir.errors import InvalidInput, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

FILL_IN: Final = "FILL IN"
"""The beginning of a text that stands where somebody has to write their own; a colon and words may follow."""


def check_filled(data: Any) -> None:
    """Raises `InvalidInput` with each place where a text begins with `FILL_IN`, and the words that follow it."""
    problems = [Problem(path, f"is to be filled in{words}", "required") for path, words in _unfilled(data, "")]
    if problems:
        raise InvalidInput(problems)


def _unfilled(node: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, str) and node.startswith(FILL_IN):
        yield path, node.removeprefix(FILL_IN)
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in inner:
        yield from _unfilled(value, f"{path}.{key}" if path else str(key))
