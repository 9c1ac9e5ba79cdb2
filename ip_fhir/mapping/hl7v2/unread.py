"""The places of a message about goals and problems that no row reads: each is told."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from ip_fhir.errors import Problem
from ip_fhir.mapping.dialects.hl7v2.conditions import is_field, says_something
from ip_fhir.mapping.dialects.hl7v2.places import is_segment, joined
from ip_fhir.mapping.hl7v2.parties import ROLE_TABLES
from ip_fhir.mapping.hl7v2.pathway import CHANGED, TABLES, has_words, with_required, worded
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

_ORDER: Final = "place"
"""The row that says the order of goals or measures, which a message does not change in a known plan."""

_WHOLE: Final = ("OBX", "NTE")
"""The segments of which the fields belong to one value."""


def unread(
    value: dict[str, Any], compiled: Compiled, context: Context, known: frozenset[str] | None = None
) -> Iterator[Problem]:
    """Yields a warning for each field, or row, that says something and is not read. The header is left out.

    With the ids of the measures that are `known`, the message changes a plan: what an item does not say is known, too.
    """
    read = {_field_of(path) for path in _read(value, _Reading(compiled, context, known), ())}
    place = Places(value)
    for path, name in _said({part: inner for part, inner in value.items() if part != "MSH"}, (), ""):
        if path not in read and not any(path[: len(one)] == one for one in read if name in _WHOLE):
            yield Problem(place.of(path), _NOT_READ, "informational", "warning")


class Places:
    """The places of a message by their paths in its value, as its users write them: each segment has its number.

    >>> Places({"PATHWAY": [{"NTE": [{"f3": []}, {"f3": []}]}]}).of(("PATHWAY", 0, "NTE", 1, "f3", 0, "c1"))
    'NTE[2]-3.1'
    """

    def __init__(self, value: dict[str, Any]) -> None:
        found = list(_segments(value, ()))
        several, seen = Counter(name for _, name in found), Counter[str]()
        self._of: dict[Path, str] = {}
        for path, name in found:
            seen[name] += 1
            self._of[path] = f"{name}[{seen[name]}]" if several[name] > 1 else name

    def of(self, path: Path) -> str:
        """The place of a path that leads into a segment."""
        end = next(end for end in range(len(path), 0, -1) if path[:end] in self._of)
        segment = self._of[path[:end]]
        name = segment.partition("[")[0]
        within = joined([name, *(f"[{step}]" if isinstance(step, int) else step for step in path[end:])])
        return segment + within.removeprefix(name)


def _segments(node: Any, path: Path) -> Iterator[tuple[Path, str]]:
    """Yields the path of each segment below a node with its name, in their order."""
    for name, child in node.items():
        for number, item in enumerate(child if type(child) is list else [child]):
            at: Path = (*path, name, *((number,) if type(child) is list else ()))
            if type(item) is dict:
                yield from [(at, name)] if is_segment(name) else _segments(item, at)


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
        return own if self.known is None else with_required(own, name)


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
        if by.known is None:
            yield from lens.reads(node, by.context, path)
            return
        for row in lens.fields:
            name = row.row.domain[0]
            if name in (*CHANGED, "established") if table == TABLES["PATHWAY"] else name != _ORDER:
                yield from row.reads(node, by.context, path)
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
