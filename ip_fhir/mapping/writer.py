"""New resources, fast: a table becomes a function of dict displays; `ip-fhir mappings show --code` shows it.

`TableLens.new` says what is right; the functions here give the same JSON (a property test compares them), from the
domain value itself. A table is first drawn as a tree of members and entries (`tree.py`), in the order in which the lens
would write them, and then as code. What is fixed is a ready piece of JSON, and days, moments and escapes are left to
`orjson`, so the result is for `orjson.dumps` only.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any, TypeAlias, cast
from zlib import crc32

import orjson

from ip_fhir.domain.ids import PersonId, PersonIdKind
from ip_fhir.mapping.building import based
from ip_fhir.mapping.domains import is_always_there
from ip_fhir.mapping.links import NO_LINKS
from ip_fhir.mapping.tables import Const, Row
from ip_fhir.mapping.times import DayBound
from ip_fhir.mapping.tree import tree_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from ip_fhir.mapping.tables import Table, Tables
    from ip_fhir.mapping.tree import Entry, Tree


@dataclass(frozen=True, slots=True)
class _Made:
    """Code for a node: its expression, and the condition on which it is there (empty: always)."""

    expression: str
    condition: str = ""


class _Code:
    """The code of one function under construction."""

    def __init__(self, table: Table, tables: Tables, ids: frozenset[str]) -> None:
        self.table, self.tables, self.ids = table, tables, ids
        self.lines = [f"def write_{table.name}(d, refs, owner):", f'    """A new {table.resource or table.name}."""']
        self.lines.append("    g = d.__dict__")  # pydantic's own attribute look-up costs twice a dict's
        self.names: dict[str, Any] = {}

    def text(self) -> str:
        """The whole function."""
        tree = tree_of(self.table, self.tables.systems)
        fixed = {"resourceType": self.table.resource} if self.table.resource else {}
        self.lines.append(f"    return {self.members(tree, fixed, keep=True).expression}")
        return "\n".join(self.lines) + "\n"

    def node(self, tree: Tree) -> _Made:
        """Any node of the tree."""
        if tree.leaf is not None:
            return self.leaf(tree.leaf, {})
        if tree.boxed is not None:
            return self.boxed(tree.boxed)
        return self.list(tree.entries) if tree.entries else self.members(tree, {})

    def members(self, tree: Tree, fixed: dict[str, Any], *, keep: bool = False) -> _Made:
        """An object: what is always there in the display, the rest added when it is. `keep`: also when empty."""
        made = [(name, self.node(child)) for name, child in tree.members.items()]
        always = [f'"{name}": {m.expression}' for name, m in made if not m.condition]
        maybe = [(name, m) for name, m in made if m.condition]
        parts = [*(f'"{name}": {self.constant(value)}' for name, value in fixed.items()), *always]
        if not maybe:
            return _Made(f"{{{', '.join(parts)}}}")
        if len(maybe) == 1 and not always and not keep:
            ((name, m),) = maybe
            return _Made(f"{{{', '.join([*parts, f'{chr(34)}{name}{chr(34)}: {m.expression}'])}}}", m.condition)
        target = self.local(f"{{{', '.join(parts if always or keep else [])}}}")
        for name, m in maybe:
            self.lines += [f"    if {m.condition}:", f'        {target}["{name}"] = {m.expression}']
        if always or keep:
            return _Made(target)
        return _Made(f"{{{', '.join([*parts, f'**{target}'])}}}" if parts else target, target)

    def list(self, entries: list[Entry]) -> _Made:
        """A list of entries, in the order of the table."""
        made = [(entry, self.each(entry) if entry.each else self.entry(entry)) for entry in entries]
        if len(made) == 1:
            ((entry, m),) = made
            return m if entry.each else _Made(f"[{m.expression}]", m.condition)
        leading = [m.expression for _, m in takewhile(lambda pair: not pair[1].condition, made)]
        target = self.local(f"[{', '.join(leading)}]")
        for entry, m in made[len(leading) :]:
            add = f"{target}.{'extend' if entry.each else 'append'}({m.expression})"
            self.lines += [f"    if {m.condition}:", f"        {add}"] if m.condition else [f"    {add}"]
        return _Made(target, "" if any(not m.condition for _, m in made) else target)

    def entry(self, entry: Entry) -> _Made:
        """An entry that there is at most once."""
        return self.boxed(entry) if entry.fixed else self.node(entry.tree)

    def boxed(self, entry: Entry) -> _Made:
        """An object with fixed members: there when what varies in it is."""
        leaf = entry.tree.leaf
        if leaf is None:
            return self.members(entry.tree, entry.fixed)
        if isinstance(leaf, Const) and not leaf.owner:
            return _Made(self.constant(entry.fixed))
        if isinstance(leaf, Row) and leaf.kind == "present":
            return _Made(self.constant(entry.fixed), _value(leaf))
        return self.leaf(leaf, entry.fixed)

    def each(self, entry: Entry) -> _Made:
        """A list of the domain, each item an entry."""
        tree, names = entry.tree, []
        while tree.leaf is None:
            ((name, tree),) = tree.members.items()
            names.append(name)
        row = cast("Row", tree.leaf)
        item = self.converted(row, "x", {} if names else entry.fixed)
        for name in reversed(names[1:]):
            item = f'{{"{name}": {item}}}'
        if names:
            fixed = "".join(f'"{name}": {self.constant(value)}, ' for name, value in entry.fixed.items())
            item = f'{{{fixed}"{names[0]}": {item}}}'
        return _Made(f"[{item} for x in {_value(row)}]", _value(row))

    def leaf(self, leaf: Row | Const, fixed: dict[str, Any]) -> _Made:
        """A row's value or a constant; as an object joined to the `fixed` members."""
        if isinstance(leaf, Const):
            return _Made("owner" if leaf.owner else self.constant(based(leaf.value, self.tables.systems)))
        if leaf.always or (leaf.default is None and is_always_there(self.table.domain, leaf.domain)):
            return _Made(self.converted(leaf, _value(leaf), fixed))
        value = self.local(_value(leaf))
        default = "" if leaf.default is None else f" and {value} != {leaf.default!r}"
        return _Made(self.converted(leaf, value, fixed), f"{value} is not None{default}")

    def converted(self, row: Row, value: str, fixed: dict[str, Any]) -> str:
        """The expression for a value's JSON."""
        if row.kind == "table":
            function = f"write_{row.of}"
            if row.unless is not None:
                field, word, other = row.unless
                function = f'(write_{other} if g["{field}"] == {word!r} else {function})'
            made = f"{function}({value}, refs, owner)"
        elif row.kind in ("code", "coding", "concept"):
            name = f"{row.kind}_{row.of}".replace("-", "_")
            self.names[name] = _fragments(row, self.tables)
            return f"{name}[{value}]"
        elif row.kind in ("reference", "representative"):
            whole = row.domain[0] in self.ids and len(row.domain) == 1
            made = f"refs[{value}.id]" if whole else f"refs[{value}]"
        else:
            return _SIMPLE.get(row.kind, "{}").format(value)
        if not fixed:
            return made
        return (
            f"{{{', '.join(f'{chr(34)}{name}{chr(34)}: {self.constant(v)}' for name, v in fixed.items())}, **{made}}}"
        )

    def constant(self, value: Any) -> str:
        """A fixed value: text as it is, anything else as a ready piece of JSON with a name."""
        if isinstance(value, str):
            return repr(value)
        text = orjson.dumps(value)
        name = f"fixed_{crc32(text):08x}"
        self.names[name] = orjson.Fragment(text)
        return name

    def local(self, expression: str) -> str:
        """A new local name for an expression."""
        name = f"v{len(self.lines)}"
        self.lines.append(f"    {name} = {expression}")
        return name


_SIMPLE = {
    "day-start": "day_start({})",
    "day-end": "day_end({})",
    "words": "[{}]",
    "concept-text": '{{"text": {}}}',
    "person-id": "person_id({})",
    "practitioner": 'refs["~" + {}]',
    "whole": 'refs["=" + {}]',
}
"""How a value becomes JSON where it is not its own JSON form."""


def _value(row: Row) -> str:
    """The expression for a row's domain value."""
    first, *rest = row.domain
    return ".".join((f'g["{first}"]', *rest))


def _fragments(row: Row, tables: Tables) -> dict[str, orjson.Fragment]:
    """The JSON for each word of a code table."""
    table = tables.codes[row.of]

    def shaped(word: str, coding: dict[str, str]) -> Any:
        if row.kind == "code":
            return coding["code"]
        return coding if row.kind == "coding" else {"coding": [coding, *table.beside.get(word, ())]}

    return {word: orjson.Fragment(orjson.dumps(shaped(word, coding))) for word, coding in table.codings.items()}


def _bound(*, end: bool) -> Callable[[date], Any]:
    lens = DayBound(end=end)
    return lambda day: lens.put(day.isoformat(), None, NO_LINKS)


def _person_id(systems: dict[PersonIdKind, str]) -> Callable[[PersonId], list[dict[str, str]]]:
    return lambda number: [{"system": systems[number.kind], "value": number}]


Writer: TypeAlias = "Callable[[Any, dict[str, dict[str, str]], dict[str, str]], dict[str, Any]]"
"""Domain value, References by domain id, the owner's Reference; gives what `orjson.dumps` writes."""


@dataclass(frozen=True, slots=True)
class Writers:
    """The writer of every table by name, and its code to read."""

    code: dict[str, str]
    functions: dict[str, Writer]


def compile_writers(tables: Tables) -> Writers:
    """A writer for every table."""
    ids = {b["root"]: frozenset(p["field"] for p in b["part"] if p.get("by_root")) for b in tables.bundles}
    kinds = {kind: tables.systems.uri(kind.value) for kind in PersonIdKind}
    space: dict[str, Any] = {"person_id": _person_id(kinds)}
    space |= {"day_start": _bound(end=False), "day_end": _bound(end=True)}
    codes: dict[str, str] = {}
    for name, table in tables.fields.items():
        code = _Code(table, tables, ids.get(name, frozenset()))
        codes[name] = code.text()
        space |= code.names
        exec(compile(codes[name], f"<table {name}>", "exec"), space)  # noqa: S102 - made here, from checked tables
    return Writers(codes, {name: space[f"write_{name}"] for name in codes})
