"""Groups of rows: the segments that share a sub-id are one thing, such as a need, and a table reads it.

The sub-id is a name and a number, `need.1`; a group in a group adds its own, `consent.1.provision.2`. Groups that are
written are numbered in their order. A row is an OBX (sub-id: OBX-4) or, beside a pathway, an NTE (NTE-4.4).
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ip_fhir.mapping.dialects.hl7v2.conditions import accepted
from ip_fhir.mapping.dialects.hl7v2.context import Context
from ip_fhir.mapping.dialects.hl7v2.places import NOTES, OURS, ROWS
from ip_fhir.mapping.lenses.lists import Each, One
from ip_fhir.mapping.lenses.nodes import Matching
from ip_fhir.mapping.lenses.wrong import Wrong, expect

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ip_fhir.mapping.lenses.nodes import Node, Path, Told
    from ip_fhir.mapping.lenses.references import Links
    from ip_fhir.mapping.tables.paths import Segment

_LABEL: Final = "#"
_FORM: Final = {"f4": [{"c3": OURS}]}


_FEW: Final = 8
_SHORT: Final = 64  # longer sub-ids are not kept in mind


class ObxRows:
    """The rows of a form: OBX, each in its group, in an OBSERVATION. The sub-id is OBX-4."""

    list_name = ROWS

    def group(self, label: str, rows: list[Any]) -> dict[str, Any]:
        """The group as an object like a message, which holds its rows alone."""
        return {_LABEL: label, "OBSERVATION": [{"OBR": _FORM, ROWS: rows}]}

    def rows(self, group: dict[str, Any]) -> list[Any]:
        """The rows of such an object."""
        found: list[Any] = (group.get("OBSERVATION") or [{}])[0].get(ROWS, [])
        return found

    def sub_id(self, item: Any) -> str:
        """The sub-id of a row; empty without one."""
        row = item.get("OBX") if type(item) is dict else None
        field = row.get("f4") if type(row) is dict else None
        first = field[0] if type(field) is list and field else None
        text = first.get("c1") if type(first) is dict else None
        return text if type(text) is str else ""

    def labelled(self, item: dict[str, Any], sub_id: str) -> dict[str, Any]:
        """The row with another sub-id."""
        return {**item, "OBX": {**item["OBX"], "f4": [{"c1": sub_id}]}}


class NteRows:
    """The rows beside a pathway, which has no OBX: NTE, whose type (NTE-4) is the item. The sub-id is NTE-4.4."""

    list_name = NOTES

    def group(self, label: str, rows: list[Any]) -> dict[str, Any]:
        """The group as an object like a pathway, which holds its rows alone."""
        return {_LABEL: label, NOTES: rows}

    def rows(self, group: dict[str, Any]) -> list[Any]:
        """The rows of such an object."""
        found: list[Any] = group.get(NOTES) or []
        return found

    def sub_id(self, item: Any) -> str:
        """The sub-id of a row; empty without one."""
        return _text(_first(item, "f4"), "c4")

    def labelled(self, item: dict[str, Any], sub_id: str) -> dict[str, Any]:
        """The row with another sub-id."""
        return {**item, "f4": [{**item["f4"][0], "c4": sub_id, "c6": _SUB_IDS}]}


_SUB_IDS: Final = "99IPGROUP"
"""The coding system of the sub-ids in NTE-4."""


def _first(segment: Any, field: str) -> Any:
    said = segment.get(field) if type(segment) is dict else None
    return said[0] if type(said) is list and said else None


def _text(repetition: Any, component: str) -> str:
    text = repetition.get(component) if type(repetition) is dict else None
    return text if type(text) is str else ""


def rows_in(list_name: str) -> ObxRows | NteRows:
    """Returns the kind of row that a list of a message holds."""
    return _NTE if list_name == NOTES else _OBX


_OBX: Final = ObxRows()
_NTE: Final = NteRows()


class CodedRow(One):
    """The row of one code among many: only rows with the code are looked at."""

    def __init__(self, entry: Matching, which: str, code: str, systems: frozenset[str]) -> None:
        super().__init__(entry, which, "one")
        self.code, self.systems = code, systems

    def _candidates(self, items: list[Any], links: Links) -> Iterable[tuple[int, Any]]:
        if len(items) < _FEW or not isinstance(links, Context):
            return enumerate(items)
        return [(n, items[n]) for n in links.rows_by_code(items, self.systems).get(self.code, ())]


class Groups:
    """Every group of one name among the rows, as a list of values; others' rows keep their place and content.

    To the lens of the list each group is an object like a message, which holds the rows of the group alone.
    """

    def __init__(self, name: str, inner: Node, key: str | None, prefix: str, kind: ObxRows | NteRows) -> None:
        self.name, self.kind = name, kind
        made = Matching(lambda _node: True, dict, inner, frozenset())
        self.each = Each(made, key, prefix, rewrite=True)

    def get(self, node: Any, links: Links) -> Any:
        """Read the groups, in the order in which they begin."""
        items = expect(node, list, "a list")
        places = self._places(items)
        try:
            return (
                self.each.get([self._group(label, items, at) for label, at in places.items()], links)
                if places
                else None
            )
        except Wrong as wrong:
            raise self._at_row(wrong, [*places.values()]) from None

    def put(self, value: Any, node: Any, links: Links, _known: Any = None) -> Any:
        """Write the groups; more go to the end, and the rows of fewer leave."""
        items = [] if node is None else expect(node, list, "a list")
        places = self._places(items)
        before = [self._group(label, items, at) for label, at in places.items()]
        try:
            after = self.each.put(value, before or None, links) or []
        except Wrong as wrong:
            raise self._at_row(wrong, [*places.values()]) from None
        if len(after) == len(before) and all(new is old for new, old in zip(after, before, strict=True)):
            return node
        return _spliced(items, places, self._numbered(after, places)) or None

    def owns(self, node: Any) -> bool:
        """True for a list with such a group."""
        return type(node) is list and bool(self._places(node))

    def steps(self, names: tuple[str, ...], node: Any) -> list[str]:
        """The row of the group that the first name counts; no steps where there is none."""
        items = node if type(node) is list else []
        places = self._places(items)
        groups = [self._group(label, items, at) for label, at in places.items()]
        found = Wrong("", "value", *self.each.steps(names, groups))
        return self._at_row(found, [*places.values()]).path

    def reads(self, node: Any, links: Links, path: Path) -> Iterator[Path]:
        """The places of the rows that the table reads."""
        items = node if type(node) is list else []
        for label, at in self._places(items).items():
            for found in self.each.entry.reads(self._group(label, items, at), links, ()):
                name = self.kind.list_name
                rows = found.index(name) if name in found else len(found)
                if len(found) > rows + 1 and isinstance(row := found[rows + 1], int):
                    yield (*path, at[row], *found[rows + 2 :])

    @property
    def telling(self) -> bool:
        """As the table says."""
        return self.each.telling

    def tells(self, _node: Any, _links: Links, _path: Path) -> Iterator[Told]:
        """Nothing: rows of our own are read as they stand."""
        return iter(())

    def _places(self, items: Sequence[Any]) -> dict[str, list[int]]:
        return _places(items, self.name, self.kind)

    def _numbered(self, groups: list[Any], places: dict[str, list[int]]) -> list[_Written]:
        """The written groups, numbered in their order: each by the label that it had, with its rows."""
        above = next((label.rpartition(f"{self.name}.")[0] for label in places), "")
        return [
            (
                group.get(_LABEL),
                [self._in_group(row, group.get(_LABEL), f"{above}{self.name}.{n}") for row in self.kind.rows(group)],
            )
            for n, group in enumerate(groups, start=1)
        ]

    def _group(self, label: str, items: Sequence[Any], at: list[int]) -> dict[str, Any]:
        return self.kind.group(label, [items[n] for n in at])

    def _in_group(self, item: dict[str, Any], before: str | None, label: str) -> dict[str, Any]:
        """The row with the group's label at the beginning of its sub-id, in place of the one `before`, if any."""
        said = self.kind.sub_id(item)
        inner = said.removeprefix(before).lstrip(".") if before is not None and _is_below(said, before) else said
        now = f"{label}.{inner}" if inner else label
        return item if now == said else self.kind.labelled(item, now)

    def _at_row(self, wrong: Wrong, places: list[list[int]]) -> Wrong:
        """The same error at its row: the number of a row in its group becomes the number among all."""
        steps = wrong.path
        if steps and steps[0].startswith("[") and steps[0][1:-1].isdigit():
            group, inner = int(steps[0][1:-1]), steps[1:]
            rows = next((n for n, step in enumerate(inner) if step == self.kind.list_name), None)
            inner = [] if rows is None else inner[rows + 1 :]
            if inner and inner[0][1:-1].isdigit() and group < len(places) and int(inner[0][1:-1]) < len(places[group]):
                inner = [f"[{places[group][int(inner[0][1:-1])]}]", *inner[1:]]
            wrong.path = inner
        return wrong


_Written: TypeAlias = tuple[str | None, list[Any]]
"""The label that a group had, if it had one, and its rows now."""


def code_of_row(segment: Segment) -> tuple[str, frozenset[str]] | None:
    """The code in OBX-3, and the coding systems it may be of, by which a segment of a path means one of many rows.

    None where it means them otherwise.
    """
    if segment.name != ROWS or len(segment.conditions) != 1:
        return None
    (condition,) = segment.conditions
    if condition.kind != "coding" or condition.member != "OBX.f3" or condition.value.startswith("*"):
        return None
    code, _, system = condition.value.partition("@")
    return code, accepted(system)


def grouped(items: Sequence[Any], kind: ObxRows | NteRows) -> dict[str, list[dict[str, Any]]]:
    """The groups among the rows by their name, in the order in which they begin: each like a message with its rows."""
    found: dict[str, dict[str, list[int]]] = {}
    for index, item in enumerate(items):
        if said := kind.sub_id(item):
            for name, label in _labels_in(said):
                found.setdefault(name, {}).setdefault(label, []).append(index)
    return {
        name: [kind.group(label, [items[n] for n in at]) for label, at in places.items()]
        for name, places in found.items()
    }


def _labels_in(sub_id: str) -> tuple[tuple[str, str], ...]:
    return _labels(sub_id) if len(sub_id) <= _SHORT else _labels.__wrapped__(sub_id)


@lru_cache(maxsize=1024)
def _labels(sub_id: str) -> tuple[tuple[str, str], ...]:
    """Each name in a sub-id, once, with the beginning of the sub-id up to the number after the name."""
    parts = sub_id.split(".")
    found: dict[str, str] = {}
    for n in range(0, len(parts) - 1, 2):
        if parts[n + 1].isdigit():
            found.setdefault(parts[n], ".".join(parts[: n + 2]))
    return tuple(found.items())


def _places(items: Sequence[Any], name: str, kind: ObxRows | NteRows) -> dict[str, list[int]]:
    """The numbers of the rows of each group, by its label, in the order in which the groups begin."""
    found: dict[str, list[int]] = {}
    for index, item in enumerate(items):
        if name in (said := kind.sub_id(item)) and (label := dict(_labels_in(said)).get(name)) is not None:
            found.setdefault(label, []).append(index)
    return found


def _is_below(sub_id: str, label: str) -> bool:
    return sub_id == label or sub_id.startswith(f"{label}.")


def _spliced(items: list[Any], places: dict[str, list[int]], groups: list[_Written]) -> list[Any]:
    """The list with the rows of the groups, each group in its place; new ones and what does not fit at its end."""
    kept = [(label, rows) for label, rows in groups if label is not None]
    slots = [(places[label], rows) for label, rows in kept]
    if [label for label, _ in kept] != [label for label in places if label in dict(kept)]:
        # In another order: all of them share their places.
        slots = [(sorted(n for at, _ in slots for n in at), [row for _, rows in slots for row in rows])]
    leaving = {n for at in places.values() for n in at}
    written: dict[int, list[Any]] = {}
    for at, rows in slots:
        written |= {place: [row] for place, row in zip(at, rows, strict=False)}
        if len(rows) > len(at):
            written[at[-1]] = rows[len(at) - 1 :]
    found = [row for n, item in enumerate(items) for row in written.get(n, [] if n in leaving else [item])]
    return [*found, *(row for label, rows in groups if label is None for row in rows)]
