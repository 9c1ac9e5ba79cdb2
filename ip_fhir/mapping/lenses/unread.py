"""What a reading left unread: the places in a resource that no row of its table looked at, or could make sense of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from ip_fhir.mapping.dialects.fhir.leaves import Constant
from ip_fhir.mapping.dialects.fhir.person_number import PersonIdentifier
from ip_fhir.mapping.lenses.lists import Each, One
from ip_fhir.mapping.lenses.nodes import Known, Matching, Member
from ip_fhir.mapping.lenses.table import TableLens
from ip_fhir.mapping.lenses.wrong import Wrong

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ip_fhir.mapping.lenses.nodes import Node
    from ip_fhir.mapping.lenses.references import Links

Path: TypeAlias = "tuple[str | int, ...]"

# A server's own, and a narrative that says what the elements say.
_SILENT = ("resourceType", "id", "meta", "language", "text")


def unread(resource: dict[str, Any], lenses: Iterable[TableLens], links: Links) -> Iterator[str]:
    """FHIRPaths below the resource of what these lenses do not read, the longest stretch as one."""
    read = {path for lens in lenses for path in _read(lens, resource, links, ())}
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


def _read(lens: Node, node: Any, links: Links, path: Path) -> Iterator[Path]:
    """The places that a lens reads in a node that it has read without complaint."""
    if isinstance(lens, TableLens):
        places = [place for field in lens.fields for place in field.places(node, links)]
        for place in (*places, *(const for _, const in lens.consts)):
            yield from _read(place, node, links, path)
    elif isinstance(lens, Member):
        child = node.get(lens.name) if type(node) is dict else None
        if child is not None:
            yield from _read(lens.inner, child, links, (*path, lens.name))
    elif isinstance(lens, One | Each):
        yield from _entries(lens, node, links, path)
    elif isinstance(lens, Matching | Known):
        yield from _matched(lens, node, links, path)
    elif isinstance(lens, PersonIdentifier):
        yield from ((*path, n) for n, item in enumerate(node) if lens.owns([item]))
    elif _says(lens, node, links):
        yield path


def _matched(lens: Matching | Known, node: Any, links: Links, path: Path) -> Iterator[Path]:
    if isinstance(lens, Matching):
        if not lens.matches(node):
            return
        yield from ((*path, name) for name in lens.skeleton() or () if name not in ("extension", "modifierExtension"))
    yield from _read(lens.inner, node, links, path)


def _entries(lens: One | Each, node: Any, links: Links, path: Path) -> Iterator[Path]:
    test = lens.test if isinstance(lens, One) else lens.entry.owns
    for index, item in enumerate(node if type(node) is list else ()):
        if test(item):
            yield from _read(lens.entry, item, links, (*path, index))
            if isinstance(lens, One):
                return


def _says(lens: Node, node: Any, links: Links) -> bool:
    """Whether a leaf makes something of the node."""
    if isinstance(lens, Constant):
        return bool(lens.get(node, links))
    try:
        return lens.get(node, links) is not None
    except Wrong:
        return False
