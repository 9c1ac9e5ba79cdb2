"""Finds the places in a resource that no row of its table read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ip_fhir.fhir.data import is_element

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ip_fhir.mapping.lenses.nodes import Path
    from ip_fhir.mapping.lenses.references import Links
    from ip_fhir.mapping.lenses.table import TableLens

MARK: Final = "~"
"""The mark on the name of a member that is set aside, so that no row reads it; no element's name has it."""

# A server's own, and a narrative that says what the elements say.
_SILENT = ("resourceType", "id", "meta", "language", "text")


def unread(resource: dict[str, Any], lenses: Iterable[TableLens], links: Links) -> Iterator[str]:
    """FHIRPaths of the places in the resource that these lenses do not read; a wholly unread element is one place."""
    read = {path for lens in lenses for path in lens.reads(resource, links, ())}
    above = {path[:n] for path in read for n in range(len(path))}
    for name, child in resource.items():
        if name not in _SILENT or (name == "text" and _says_more(child)):
            yield from (_fhirpath(resource, path) for path in _rest(child, (name,), read, above))


def told(resource: dict[str, Any], lens: TableLens, links: Links) -> dict[str, str]:
    """The reasons for which places of the resource are read otherwise than they stand there, by FHIRPath."""
    found: dict[str, str] = {}
    for path, reason in lens.tells(resource, links, ()):
        found.setdefault(_fhirpath(resource, path), reason)
    return found


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


def _fhirpath(resource: dict[str, Any], path: Path) -> str:
    """The path with the names that FHIR has. Another may be anything, also a person's: only its position is told."""
    text = ""
    node: Any = resource
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif is_element(step.replace(MARK, "")):
            text += f".{step}"
        else:
            return f"{text}.(key {list(node).index(step) + 1})".removeprefix(".")
        node = node.get(step) if type(node) is dict else node[step]
    return text.removeprefix(".")
