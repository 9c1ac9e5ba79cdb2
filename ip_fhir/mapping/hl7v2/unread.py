"""The places of a message about goals and problems that no row reads: each is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ip_fhir.errors import Problem
from ip_fhir.mapping.dialects.hl7v2.conditions import is_field, says_something
from ip_fhir.mapping.dialects.hl7v2.places import joined
from ip_fhir.mapping.hl7v2.parties import ROLE_TABLES
from ip_fhir.mapping.hl7v2.pathway import TABLES, has_words, worded
from ip_fhir.mapping.lenses.wrong import Wrong

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.mapping.compiled import Compiled
    from ip_fhir.mapping.dialects.hl7v2.context import Context
    from ip_fhir.mapping.lenses.nodes import Path

_NOT_READ: Final = "is not read: a plan has no place for it, or its code is another system's"
_ACTING: Final = {
    "GOL": ("f1", "f2"),
    "PRB": ("f1", "f2"),
    "PTH": ("f1", "f2"),
    "ORC": ("f1",),
    "OBR": ("f1", "f2"),
    "ROL": ("f2",),
}
"""The fields that say what is done with an item, or number it."""

_WHOLE: Final = ("OBX", "NTE")
"""The segments of which the fields belong to one value."""


def unread(value: dict[str, Any], compiled: Compiled, context: Context) -> Iterator[Problem]:
    """Yields a warning for each field, or row, that says something and is not read. The header is left out."""
    read = {_field_of(path) for path in _read(value, compiled, context, ())}
    for path, name in _said({part: inner for part, inner in value.items() if part != "MSH"}, (), ""):
        if path not in read and not any(path[: len(one)] == one for one in read if name in _WHOLE):
            steps = [f"[{step}]" if isinstance(step, int) else step for step in path]
            yield Problem(joined(steps), _NOT_READ, "informational", "warning")


def _read(node: Any, compiled: Compiled, context: Context, path: Path) -> Iterator[Path]:
    """Yields the places that the tables read."""
    for name, child in node.items() if type(node) is dict else ():
        for number, item in enumerate(child if type(child) is list else [child]):
            at = (*path, name, *((number,) if type(child) is list else ()))
            if type(item) is not dict:
                continue
            if name == "PATHWAY_ROLE":
                for table, _, _ in ROLE_TABLES:
                    yield from _by_table(item, table, compiled, context, at)
            if (name in TABLES or name == "PID") and (name != "ORDER" or has_words(item)):
                own = worded({k: v for k, v in item.items() if k not in TABLES}, name)
                yield from _by_table(own, "V2Owner" if name == "PID" else TABLES[name], compiled, context, at)
            if name != "PID":
                yield from _read(item, compiled, context, at)


def _by_table(node: Any, table: str, compiled: Compiled, context: Context, path: Path) -> Iterator[Path]:
    try:
        yield from compiled.lens(table).inner.reads(node, context, path)
    except Wrong:
        return


def _field_of(path: Path) -> Path:
    """The place of the field that a place is in; of a row, of its segment."""
    for number, step in enumerate(path):
        if step in _WHOLE:
            end = number + 1
            return path[: end + 1] if end < len(path) and isinstance(path[end], int) else path[:end]
        if isinstance(step, str) and is_field(step):
            return path[: number + 1]
    return path


def _said(node: Any, path: Path, segment: str) -> Iterator[tuple[Path, str]]:
    """Yields the place of each field that says something, and of each row as a whole, with its segment's name."""
    for name, child in node.items() if type(node) is dict else ():
        if is_field(name):
            if says_something(child) and name not in _ACTING.get(segment, ("f1",)):
                yield (*path, name), segment
            continue
        for number, item in enumerate(child if type(child) is list else [child]):
            at: Path = (*path, name, *((number,) if type(child) is list else ()))
            if name in _WHOLE:
                yield at, name
            else:
                yield from _said(item, at, name)
