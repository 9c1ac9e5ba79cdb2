"""The places of a message about goals and problems that no row reads: each is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ip_fhir.errors import Problem
from ip_fhir.mapping.dialects.hl7v2.conditions import is_field, says_something
from ip_fhir.mapping.dialects.hl7v2.places import joined
from ip_fhir.mapping.hl7v2.parties import ROLE_TABLES
from ip_fhir.mapping.hl7v2.pathway import CHANGED, TABLES, has_words, worded
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


def unread(
    value: dict[str, Any], compiled: Compiled, context: Context, known: frozenset[str] | None = None
) -> Iterator[Problem]:
    """Yields a warning for each field, or row, that says something and is not read. The header is left out.

    With the ids of the measures that are `known`, the message changes a plan: what an item does not say is known, too.
    """
    read = {_field_of(path) for path in _read(value, _Reading(compiled, context, known), ())}
    for path, name in _said({part: inner for part, inner in value.items() if part != "MSH"}, (), ""):
        if path not in read and not any(path[: len(one)] == one for one in read if name in _WHOLE):
            steps = [f"[{step}]" if isinstance(step, int) else step for step in path]
            yield Problem(joined(steps), _NOT_READ, "informational", "warning")


@dataclass(frozen=True, slots=True)
class _Reading:
    """The tables that read, and the ids of the measures that are known where a plan is changed."""

    compiled: Compiled
    context: Context
    known: frozenset[str] | None

    def group(self, name: str, group: dict[str, Any]) -> dict[str, Any] | None:
        """The group by itself as its table reads it; None for an order that is no measure."""
        if name == "ORDER" and not has_words(group) and _id_of(group) not in (self.known or ()):
            return None
        own = worded({part: inner for part, inner in group.items() if part not in TABLES}, name)
        return own if self.known is None else _filled(own, name)


_REQUIRED: Final = {
    "PATHWAY": ("PTH", {"f5": [{"c1": "active"}]}),
    "GOAL": ("GOL", {"f3": [{"c2": "?"}]}),
    "PROBLEM": ("PRB", {"f3": [{"c2": "?"}]}),
}
"""The fields that a table requires and a message that changes a plan may leave out."""


def _filled(group: dict[str, Any], name: str) -> dict[str, Any]:
    """The group with what its table requires, so that it can be seen which of its places are read."""
    if name == "ORDER":
        detail = group.get("ORDER_DETAIL") or {}
        obr = {"f4": [{"c2": "?"}], **(detail.get("OBR") or {})}
        return {**group, "ORDER_DETAIL": {**detail, "OBR": obr}}
    if name not in _REQUIRED:
        return group
    segment, fields = _REQUIRED[name]
    return {**group, segment: {**fields, **(group.get(segment) or {})}}


def _id_of(order: dict[str, Any]) -> str:
    return str(((order.get("ORC") or {}).get("f2") or [{}])[0].get("c1", ""))


def _read(node: Any, by: _Reading, path: Path) -> Iterator[Path]:
    """Yields the places that the tables read."""
    for name, child in node.items() if type(node) is dict else ():
        for number, item in enumerate(child if type(child) is list else [child]):
            at = (*path, name, *((number,) if type(child) is list else ()))
            if type(item) is not dict:
                continue
            if name == "PATHWAY_ROLE" and by.known is None:
                for table, _, _ in ROLE_TABLES:
                    yield from _by_table(item, table, by, at)
            if (name in TABLES or name == "PID") and (own := by.group(name, item)) is not None:
                yield from _by_table(own, "V2Owner" if name == "PID" else TABLES[name], by, at)
            if name != "PID":
                yield from _read(item, by, at)


def _by_table(node: Any, table: str, by: _Reading, path: Path) -> Iterator[Path]:
    lens = by.compiled.lens(table).inner
    try:
        if table == TABLES["PATHWAY"] and by.known is not None:
            for row in lens.fields:
                if row.row.domain[0] in (*CHANGED, "established"):
                    yield from row.reads(node, by.context, path)
        else:
            yield from lens.reads(node, by.context, path)
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
