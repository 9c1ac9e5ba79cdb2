"""Elements of a resource by a path of names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def standing(node: Any, names: tuple[str, ...], at: str = "") -> Iterator[tuple[str, Any]]:
    """Yields each element at a path, after its FHIRPath below the node; lists on the way are gone through."""
    if type(node) is list:
        for index, item in enumerate(node):
            yield from standing(item, names, f"{at}[{index}]")
    elif not names:
        yield at, node
    elif type(node) is dict and names[0] in node:
        yield from standing(node[names[0]], names[1:], f"{at}.{names[0]}" if at else names[0])
