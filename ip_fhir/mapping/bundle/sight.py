"""Parts of a whole that are out of sight: a check of their table says that they are none (a refuted need)."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ip_fhir.fhir.bundle import Entry, Place
    from ip_fhir.mapping.bundle.assembly import Assembly
    from ip_fhir.mapping.lenses.table import TableLens


def out_of_sight(entries: Iterable[Entry], assembly: Assembly) -> Iterator[tuple[Place, str]]:
    """Yields the place of each resource that a check of its table leaves, with the element and the reason to tell."""
    tables = _tables(assembly)
    for entry in entries:
        for inner in tables.get(entry.type, ()):
            found = inner.guard.left(entry.resource)
            if found is not None:
                yield entry.place, f"{found[0]}: {found[1]}"
                break


def _tables(assembly: Assembly) -> dict[str, list[TableLens]]:
    """The lenses of the parts' tables by type of resource."""
    found: dict[str, list[TableLens]] = {}
    for part in assembly.parts:
        for lens in filter(None, (part.lens, part.person)):
            found.setdefault(str(lens.resource), []).append(lens.inner)
    return found
