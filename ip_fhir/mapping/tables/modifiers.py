"""The law of meaning: each element that changes what the rest means is read as a table says, or loading fails.

The elements are in mappings/modifiers.csv. A table says how it reads one by a row, by a `check`, or by a condition on
it in the path of a row. A fixed part (`const`) is held to the same law.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from functools import cache
from typing import TYPE_CHECKING

from ip_fhir.fhir.data import root

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ip_fhir.mapping.tables.model import Row, Table
    from ip_fhir.mapping.tables.paths import Segment


@cache
def _listed() -> dict[str, tuple[dict[str, list[str]], dict[str, str]]]:
    """For each FHIR version: the modifiers by the element that they stand in, and the data type of each place."""
    lines = (root() / "modifiers.csv").read_text(encoding="utf-8").splitlines()
    found: dict[str, tuple[dict[str, list[str]], dict[str, str]]] = {}
    for row in csv.DictReader(line for line in lines if not line.startswith("#")):
        modifiers, places = found.setdefault(row["fhir"], (defaultdict(list), {}))
        if row["what"] == "place":
            places |= dict(_choices(row["element"], row["types"].split()))
        else:
            for element, _ in _choices(row["element"], row["types"].split()):
                above, _, name = element.rpartition(".")
                modifiers[above].append(name)
    return found


def _choices(element: str, types: list[str]) -> Iterator[tuple[str, str]]:
    """The element by the names that it has in JSON, each with its type: one for each type of a choice."""
    name = element.removesuffix("[x]")
    for type_ in types:
        yield (name if name == element else f"{name}{type_[0].upper()}{type_[1:]}"), type_


def modifiers_in(fhir: str, element: str) -> tuple[str, ...]:
    """The names of the modifiers that stand in an element (`Patient`, `HumanName`) of a FHIR version."""
    return tuple(_listed()[fhir][0].get(element, ()))


def unsaid(tables: Mapping[str, Table], fhir: str) -> Iterator[str]:
    """Yields each table and element of which nothing says how it is read, and each fixed part that is not checked."""
    for table in tables.values():
        if table.dialect == "fhir":
            yield from _unchecked_consts(table)
            if table.resource is not None:
                yield from _Walk(tables, fhir).problems(table, table.resource)


def _unchecked_consts(table: Table) -> Iterator[str]:
    checked = [check.names for check in table.checks]
    for const in table.consts:
        names = tuple(segment.name for segment in const.path)
        said = const.owner or const.match or const.free or any(names[: len(c)] == c or c == names for c in checked)
        if not said:
            yield (
                f"table {table.name}, const {const.place}: is written, and nothing says how it is read:"
                " a check, match, or free with the reason"
            )


class _Walk:
    """The walk through one resource by the paths of its table's rows, and of the tables in them."""

    def __init__(self, tables: Mapping[str, Table], fhir: str) -> None:
        self.tables, self.fhir = tables, fhir
        self.places = _listed()[fhir][1]

    def problems(self, table: Table, element: str) -> Iterator[str]:
        """The modifiers in an element that a table reads, and in the elements below it, of which nothing is said."""
        elements: dict[tuple[str, ...], str] = {(): element}
        for row in _with_seconds(table):
            elements |= self._on_the_way(row.path, element)
        inner = [(row, self.tables[row.of]) for row in _with_seconds(table) if row.is_table and row.of in self.tables]
        for above, type_ in elements.items():
            for name in modifiers_in(self.fhir, type_):
                if not self._says(table, (*above, name), inner):
                    yield (
                        f"table {table.name}: {type_}.{name} changes what the rest of it means, and nothing says how"
                        f" {'.'.join((*above, name))} is read: a row, a check, or a condition such as {name}!=…"
                    )
        for row, other in inner:
            names = tuple(segment.name for segment in row.path)
            yield from self.problems(other, elements[names])

    def _on_the_way(self, path: tuple[Segment, ...], element: str) -> dict[tuple[str, ...], str]:
        """The elements from the root to the end of a path, by their names."""
        found: dict[tuple[str, ...], str] = {}
        names: tuple[str, ...] = ()
        for segment in path:
            names = (*names, segment.name)
            element = self._below(element, segment.name)
            found[names] = element
        return found

    def _below(self, element: str, name: str) -> str:
        """The data type of a member if it is one with modifiers, else its path; an `identifier` is an Identifier."""
        place = f"{element}.{name}"
        if place in self.places:
            return self.places[place]
        if element.endswith("extension") and name.startswith("value"):
            return name.removeprefix("value")
        return "Identifier" if name == "identifier" else place

    def _says(self, table: Table, names: tuple[str, ...], inner: list[tuple[Row, Table]]) -> bool:
        """True if a table, or the table in a row of it, says how an element is read."""
        if any(check.names[: len(names)] == names for check in table.checks):
            return True
        *above, name = names
        rows = _with_seconds(table)
        here = [row for row in rows if tuple(s.name for s in row.path[: len(above)]) == tuple(above)]
        if any(tuple(s.name for s in row.path[: len(names)]) == names for row in rows):
            return True
        if any(row.is_table and row.of not in self.tables for row in here):
            return True  # a table that is not there is told where lenses are built
        if not above or not here:
            return False
        return all(self._minds(row, len(above), name, inner) for row in here)

    def _minds(self, row: Row, depth: int, name: str, inner: list[tuple[Row, Table]]) -> bool:
        """True if a row has a condition on a member of the element at a depth of its path, or a table there a check."""
        if any(condition.member == name for condition in row.path[depth - 1].conditions):
            return True
        if len(row.path) > depth:
            return False
        return any(check.names[:1] == (name,) for found, other in inner if found is row for check in other.checks)


def _with_seconds(table: Table) -> list[Row]:
    """The rows of a table, and the second places of their converters."""
    return [*table.rows, *(second for row in table.rows if (second := row.converter.second) is not None)]
