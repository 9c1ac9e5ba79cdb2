"""Tests the laws of the lenses (docs/mapping.md) on made-up values, quickly enough for each load of an overlay.

The values fill every field, and each word of each code table is used at least once. The fast writer must give the same
resources as the lens. And nothing empty may be written, however few fields have a value: FHIR forbids it (ele-1).
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import orjson

from ip_fhir.errors import Problem
from ip_fhir.mapping.dialects import DIALECTS
from ip_fhir.mapping.dialects.fhir.dialect import KINDS
from ip_fhir.mapping.dialects.fhir.members import choice_of
from ip_fhir.mapping.generated.structs import WrittenReference, write_json
from ip_fhir.mapping.generated.writer import compile_writers
from ip_fhir.mapping.lenses.building import build_lenses
from ip_fhir.mapping.lenses.references import Links
from ip_fhir.mapping.lenses.wrong import Wrong
from ip_fhir.mapping.overlays.others import with_foreign
from ip_fhir.mapping.tables.domain_fields import is_always_there

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator
    from collections.abc import Mapping as Dict

    from ip_fhir.mapping.generated.writer import Writers
    from ip_fhir.mapping.lenses.table import TableLens
    from ip_fhir.mapping.tables.model import Row, Table, Tables

_TARGETS = 64
_REFERENCES = {f"{kind}r{n}": f"Basic/r{n}" for n in range(_TARGETS) for kind in ("", "=")}
_OWNER = "owner"


def broken_laws(tables: Tables, rows: Dict[str, Collection[str]], codes: Collection[str]) -> Iterator[str]:
    """The laws that tables with these rows, or with these code tables, break: table, row, reason."""
    lenses = build_lenses(tables, DIALECTS)
    writers = compile_writers(tables)
    for name in _touched(tables, rows, codes):
        changed = list(dict.fromkeys(rows.get(name, ())))
        changed += [r.field for r in tables.fields[name].rows if r.of in codes and r.field not in changed]
        trial = _Trial(tables, lenses[name], writers)
        for reason in trial.problems():
            yield f"table {name}, row {', '.join(changed) or '(of a table in it)'}: {reason}"


def _touched(tables: Tables, rows: Collection[str], codes: Collection[str]) -> list[str]:
    """Tables with changed rows or codes, and the tables that these are part of."""
    found = {n for n, t in tables.fields.items() if n in rows or any(r.coded and r.of in codes for r in t.rows)}
    while True:
        above = {n for n, t in tables.fields.items() if any(r.is_table and r.of in found for r in t.rows)}
        if above <= found:
            return [name for name in tables.fields if name in found]
        found |= above


@dataclass(frozen=True, slots=True)
class _Trial:
    """The test of one table."""

    tables: Tables
    lens: TableLens
    writers: Writers

    def problems(self) -> Iterator[str]:
        """The first way in which each law is broken."""
        full = [sample(self.lens.table, self.tables, n) for n in range(self._count())]
        bare = self._bare(full[0])
        tests = (self._read_back, self._written_back, self._foreign, self._written_fast)
        for test in tests:
            yield from self._first(test(data) for data in (*full, bare))
        spare = (least(self.lens.table, self.tables, n) for n in range(self._count()))
        yield from self._first(map(self._nothing_empty, spare))
        twice = zip(full, [*full[1:], bare], strict=True)
        yield from self._first(self._written_twice(full[0], a, b) for a, b in twice)

    def _first(self, results: Iterator[str | None]) -> Iterator[str]:
        """Yield the first problem, if there is one; an error in writing or reading a value is a problem too."""
        try:
            found = next((r for r in results if r is not None), None)
        except Wrong as wrong:
            place = self.lens.dialect.place(wrong.path)
            found = f"what was written cannot be read: {Problem(place, wrong.reason)}"
        if found is not None:
            yield found

    def _bare(self, full: dict[str, Any]) -> dict[str, Any]:
        """The data with only those fields that always have a value."""
        table, data = self.lens.table, {}
        for row in table.rows:
            name = row.domain[0]
            if row.default is not None:
                data[name] = row.default
            elif row.required or _is_there(table, row):
                data[name] = full[name]
        return data

    @property
    def _format(self) -> str:
        return {"fhir": "FHIR", "hl7v2": "HL7 v2"}[self.lens.dialect.name]

    def _count(self) -> int:
        return max([3, *(len(self.tables.codes[r.of].codings) for r in self._rows() if r.coded)])

    def _rows(self) -> list[Row]:
        names: list[str] = [self.lens.table.name]
        rows: list[Row] = []
        while names:
            rows += (found := self.tables.fields[names.pop()].rows)
            names += [r.of for r in found if r.is_table]
        return rows

    def _put(self, data: dict[str, Any], node: Any = None) -> dict[str, Any]:
        result: dict[str, Any] = self.lens.put(data, node, _links())
        return result

    def _read_back(self, data: dict[str, Any]) -> str | None:
        changed = _differing(self.lens.get(self._put(data), _links()) or {}, data)
        if not changed:
            return None
        return f"get(put(d, r)) == d is broken: {changed} is not read as it was written{self._shared(changed)}"

    def _shared(self, changed: str) -> str:
        """The likeliest reason of a broken law: another row with the same place."""
        rows = [row for row in self.lens.table.rows if not row.check_only]
        ours = {row.place: row.field for row in rows if row.domain[0] in changed.split(", ")}
        others = [
            f"{row.field} stands at {row.place} too" for row in rows if ours.get(row.place, row.field) != row.field
        ]
        return f"; {', '.join(others)}" if others else ""

    def _written_back(self, data: dict[str, Any]) -> str | None:
        return self._unchanged(self._put(data))

    def _foreign(self, data: dict[str, Any]) -> str | None:
        lists = ("each", "own")
        strict = {step.name for row in self._rows() if row.strict for step in row.path if step.entries in lists}
        return self._unchanged(with_foreign(self._put(data), self.lens.dialect.name, strict))

    def _unchanged(self, resource: dict[str, Any]) -> str | None:
        changed = _differing(self._put(self.lens.get(resource, _links()) or {}, resource), resource)
        return f"put(get(r), r) == r is broken: {changed} changes" if changed else None

    def _nothing_empty(self, data: dict[str, Any]) -> str | None:
        at = next(_empty(self._put(data)), None) if data else None
        return (
            None
            if at is None
            else f"something empty is written{at and f' at {at}'}, which {self._format} does not allow"
        )

    def _written_twice(self, first: dict[str, Any], d1: dict[str, Any], d2: dict[str, Any]) -> str | None:
        resource = self._put(first)
        changed = _differing(_ordered(self._put(d2, self._put(d1, resource))), _ordered(self._put(d2, resource)))
        return f"put(d2, put(d1, r)) == put(d2, r) is broken: {changed} differs" if changed else None

    def _written_fast(self, data: dict[str, Any]) -> str | None:
        table = self.lens.table
        if table.name not in _written(self.tables):
            return None
        refs: dict[str | None, Any] = {i: WrittenReference(r) for i, r in _links().references.items()}
        refs |= {None: None, f"~{data.get('id')}": WrittenReference(f"Practitioner/{data.get('id')}")}
        made = self.writers.functions[table.name](_domain_value(table, data, self.tables), refs, refs[_OWNER])
        changed = _differing(orjson.loads(write_json(made)), self._put(data))
        return f"the fast writer does not write what the lens writes: {changed} differs" if changed else None


def _empty(node: Any, at: str = "") -> Iterator[str]:
    """The places of objects without members and of lists without entries."""
    if node in ({}, []):
        yield at
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in inner:
        yield from _empty(value, f"{at}[{key}]" if isinstance(node, list) else f"{at}.{key}".lstrip("."))


def _ordered(node: Any) -> Any:
    """Extensions by URL, rows of OBX and NTE by what they are: one that comes back is last, which means nothing."""
    if isinstance(node, list):
        return [_ordered(item) for item in node]
    if not isinstance(node, dict):
        return node
    made = {key: _ordered(value) for key, value in node.items()}
    lists = {key: sorted(made[key], key=named) for key, named in _UNORDERED.items() if key in made}
    return {**made, **lists}


def _note_name(note: dict[str, Any]) -> tuple[str, str]:
    kind = note.get("f4", [{}])[0]
    return kind.get("c4", ""), kind.get("c1", "")


def _row_name(row: dict[str, Any]) -> tuple[str, str]:
    found = [row["OBX"].get(field, [{}])[0].get("c1", "") for field in ("f4", "f3")]
    return found[0], found[1]


_UNORDERED: dict[str, Callable[[Any], Any]] = {
    "extension": itemgetter("url"),
    "modifierExtension": itemgetter("url"),
    "NTE": _note_name,
    **dict.fromkeys(("RESULTS_NOTES", "GOAL_OBSERVATION", "PROBLEM_OBSERVATION", "ORDER_OBSERVATION"), _row_name),
}


def _links() -> Links:
    return Links({**_REFERENCES, _OWNER: "Patient/owner"}, owner=_OWNER, closed=False)


def _differing(a: Any, b: Any) -> str:
    """The members in which two objects differ; empty if they are the same."""
    if a == b:
        return ""
    return ", ".join(sorted(key for key in {*a, *b} if a.get(key) != b.get(key)))


def _written(tables: Tables) -> set[str]:
    """The tables that the fast writer is used for."""
    names = [n for b in tables.bundles for n in (b["root"], *(p["table"] for p in b["part"]))]
    names += ["Practitioner", "Task"]
    for name in names:
        names += [r.of for r in tables.fields[name].rows if r.is_table and r.of not in names]
    return set(names)


def sample(table: Table, tables: Tables, number: int) -> dict[str, Any]:
    """Domain data with every field of a table filled; another number gives other values."""
    data: dict[str, Any] = {}
    for row in table.rows:
        if row.check_only:
            continue
        values = [_sample(table, row, tables, number + shift) for shift in range(2 if row.is_list else 1)]
        target = data
        for name in row.domain[:-1]:
            target = target.setdefault(name, {})
        target[row.domain[-1]] = values if row.is_list else values[0]
    for row in table.rows:
        if row.converter.name == "only-where" and data.get(row.converter.field) != row.converter.word:
            data.pop(row.field, None)
    for fields in _alternatives(table):
        for field in set(fields) - {fields[number % len(fields)]}:
            data.pop(field, None)
    return data


def _alternatives(table: Table) -> Iterator[list[str]]:
    """Yield the fields that are types of one choice, such as `deceased[x]`: a resource has one of them."""
    found: dict[str, list[str]] = {}
    for row in table.rows:
        choice = choice_of(row.path[0].name) if len(row.path) == 1 and not row.check_only else None
        if choice is not None and row.converter.name != "only-where":
            found.setdefault(choice, []).append(row.field)
    yield from (fields for fields in found.values() if len(set(fields)) > 1)


def least(table: Table, tables: Tables, number: int) -> dict[str, Any]:
    """Domain data with as few fields as possible: required ones and those with a default, also in inner tables."""
    full = sample(table, tables, number)
    data: dict[str, Any] = {}
    for row in table.rows:
        name = row.domain[0]
        if row.check_only:
            continue
        if row.is_table:
            inner = least(tables.fields[row.of], tables, number)
            if inner:
                data[name] = [inner] if row.is_list else inner
        elif row.default is not None:
            data[name] = row.default
        elif _is_there(table, row):
            data[name] = full[name]
    return data


def _is_there(table: Table, row: Row) -> bool:
    """True if the row's field has a value in every domain value."""
    return len(row.domain) == 1 and not row.is_list and is_always_there(table.domain, row.domain)


def _sample(table: Table, row: Row, tables: Tables, number: int) -> Any:
    if row.coded:
        words = sorted(tables.codes[row.of].codings, key=lambda word: word == row.default)
        return words[number % len(words)]
    if row.is_table:
        return sample(tables.fields[row.of], tables, number)
    return DIALECTS[table.dialect].kinds[row.kind].sample(row, number)


def _domain_value(table: Table, data: dict[str, Any], tables: Tables) -> Any:
    """An object with the fields of a domain value and without its rules, for the generated writer."""
    parts = {p["field"] for b in tables.bundles if b["root"] == table.name for p in b["part"] if p.get("by_root")}
    value = SimpleNamespace()
    for row in table.rows:
        if row.check_only:
            continue
        target = value
        found: Any = data
        for name in row.domain[:-1]:
            target.__dict__.setdefault(name, SimpleNamespace())
            target, found = getattr(target, name), (found or {}).get(name)
        item = (found or {}).get(row.domain[-1])
        made = [_domain_item(row, i, tables, whole=row.field in parts) for i in (item if row.is_list else [item]) or ()]
        setattr(target, row.domain[-1], tuple(made) if row.is_list else made[0])
    return value


def _domain_item(row: Row, item: Any, tables: Tables, *, whole: bool) -> Any:
    if item is None:
        return row.default
    if whole:
        return SimpleNamespace(id=item)
    if row.is_table:
        return _domain_value(tables.fields[row.of], item, tables)
    value = KINDS[row.kind].value
    return item if value is None else value(item)
