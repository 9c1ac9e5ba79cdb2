"""Finds the places in a resource that no row of its table read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ip_fhir.mapping.lenses.nodes import Path
    from ip_fhir.mapping.lenses.references import Links
    from ip_fhir.mapping.lenses.table import TableLens

# A server's own, and a narrative that says what the elements say.
_SILENT = ("resourceType", "id", "meta", "language", "text")


def unread(resource: dict[str, Any], lenses: Iterable[TableLens], links: Links) -> Iterator[str]:
    """FHIRPaths of the places in the resource that these lenses do not read; a wholly unread element is one place."""
    read = {path for lens in lenses for path in lens.reads(resource, links, ())}
    above = {path[:n] for path in read for n in range(len(path))}
    for name, child in resource.items():
        if name not in _SILENT or (name == "text" and _says_more(child)):
            yield from map(_fhirpath, _rest(child, (name,), read, above))


def _says_more(narrative: Any) -> bool:
    return type(narrative) is not dict or narrative.get("status") not in ("generated", "empty")


def _rest(node: Any, path: Path, read: set[Path], above: set[Path]) -> Iterator[Path]:
    if path in read:
        return
    if path not in above:
        yield path
        return
    children: Iterable[tuple[str | int, Any]] = node.items() if type(node) is dict else enumerate(node)
    for name, child in children:
        yield from _rest(child, (*path, name), read, above)


def _fhirpath(path: Path) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")
