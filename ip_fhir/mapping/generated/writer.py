"""Fast writers of new resources: each table becomes a function; `ip-fhir mappings show --code` shows it.

A writer gives the same JSON as the lens (docs/mapping.md), straight from the domain value. A table first becomes a tree
of members and entries (`tree.py`), in the lens's order, and then code that makes structs (`structs.py`): absent members
are None and left out. Constants and the words of code tables are JSON encoded in advance. Days, moments and escapes are
left to `msgspec`: the result is only fit for `write_json`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import orjson

from ip_fhir.mapping.dialects.fhir.dialect import FHIR, KINDS
from ip_fhir.mapping.generated.structs import FEW, Structs, known_lists, ready
from ip_fhir.mapping.generated.tree import tree_of
from ip_fhir.mapping.lenses.building import based
from ip_fhir.mapping.tables.domain_fields import is_always_there
from ip_fhir.mapping.tables.model import Const, Row

if TYPE_CHECKING:
    from collections.abc import Callable

    from ip_fhir.mapping.generated.structs import WrittenReference
    from ip_fhir.mapping.generated.tree import Tree, TreeEntry
    from ip_fhir.mapping.tables.model import Table, Tables


@dataclass(frozen=True, slots=True)
class _Made:
    """Code for a node: its expression, and the condition under which the node is present (empty: always).

    With `none` the expression itself is None if the node is absent. `fixed` is the JSON of a constant node.
    """

    expression: str
    condition: str = ""
    none: bool = False
    fixed: Any = None

    def or_none(self) -> str:
        """The expression for the node, which is None if the node is absent."""
        return (
            f"{self.expression} if {self.condition} else None" if self.condition and not self.none else self.expression
        )


class _Code:
    """The code of one function under construction. `fixed` members come first, where the table is part of an entry."""

    def __init__(self, table: Table, tables: Tables, compiler: _Compiler, fixed: dict[str, Any]) -> None:
        self.table, self.tables, self.compiler, self.fixed = table, tables, compiler, fixed
        self.lines: list[str] = []

    def text(self, name: str) -> str:
        """The code of the whole function."""
        made = self.members(tree_of(self.table, self.tables.systems), self.fixed, self.table.resource or "")
        head = [f"def {name}(d, refs, owner):", f'    """A new {self.table.resource or self.table.name}."""']
        head.append("    g = d.__dict__")  # pydantic's own attribute look-up costs twice a dict's
        return "\n".join([*head, *self.lines, f"    return {made.expression}"]) + "\n"

    def node(self, tree: Tree) -> _Made:
        """The code for any node of the tree."""
        if tree.leaf is not None:
            return self.beside(tree.leaf, tree.members) if tree.members else self.leaf(tree.leaf, {})
        if tree.boxed is not None:
            return self.boxed(tree.boxed)
        return self.entries(tree.entries) if tree.entries else self.members(tree, {})

    def members(self, tree: Tree, fixed: dict[str, Any], tag: str = "") -> _Made:
        """The code for an object: present if a varying member is. A resource (`tag` is its type) is always present."""
        made = {name: self.node(child) for name, child in tree.members.items()}
        if not tag and made and all(m.fixed is not None for m in made.values()):
            return self.constant({**fixed, **{name: m.fixed for name, m in made.items()}})
        values = self.constants(fixed)
        values |= {name: m.or_none() for name, m in made.items()}
        conditions = [m.condition for m in made.values()]
        condition = " or ".join(conditions) if conditions and all(conditions) and not tag else ""
        return _Made(self.object(values, tag), condition)

    def beside(self, leaf: Row | Const, members: dict[str, Tree]) -> _Made:
        """The code for a reference with other members beside it, such as the identifier of what it means."""
        value = self.local(self.value(cast("Row", leaf)))
        made = {name: self.node(child) for name, child in members.items()}
        conditions = [f"{value} is not None", *(m.condition for m in made.values())]
        values = {"reference": f"refs[{value}].reference if {value} is not None else None"}
        values |= {name: m.or_none() for name, m in made.items()}
        return _Made(self.object(values), " or ".join(conditions) if all(conditions) else "")

    def object(self, values: dict[str, str], tag: str = "") -> str:
        """The expression for an object with these members."""
        struct = self.compiler.structs.name(values, tag)
        if len(values) <= FEW and not tag:
            return f"{struct}({', '.join(values.values())})"
        lines = "".join(f"        {value},  # {name}\n" for name, value in values.items())
        return f"{struct}(\n{lines}    )"

    def entries(self, entries: list[TreeEntry]) -> _Made:
        """The code for a list of entries, in the order of the table."""
        made = [(entry, self.each(entry) if entry.each else self.entry(entry)) for entry in entries]
        if len(made) == 1:
            ((entry, m),) = made
            if m.fixed is not None:
                return self.constant([m.fixed])
            return m if entry.each else _Made(f"[{m.expression}]", m.condition)
        leading = [m.expression for _, m in takewhile(lambda pair: not pair[1].condition, made)]
        target = self.local(f"[{', '.join(leading)}]")
        for entry, m in made[len(leading) :]:
            add = f"{target}.{'extend' if entry.each else 'append'}({m.expression})"
            self.lines += [f"    if {m.condition}:", f"        {add}"] if m.condition else [f"    {add}"]
        return _Made(target, "" if any(not m.condition for _, m in made) else target)

    def entry(self, entry: TreeEntry) -> _Made:
        """The code for an entry that occurs at most once."""
        return self.boxed(entry) if entry.fixed else self.node(entry.tree)

    def boxed(self, entry: TreeEntry) -> _Made:
        """The code for an object with fixed members: present if a varying member is."""
        leaf = entry.tree.leaf
        if leaf is None:
            return self.members(entry.tree, entry.fixed)
        if isinstance(leaf, Const) and not leaf.owner:
            return self.constant(entry.fixed)
        if isinstance(leaf, Row) and not leaf.is_table and KINDS[leaf.kind].presence:
            return _Made(self.constant(entry.fixed).expression, self.value(leaf))
        return self.leaf(leaf, entry.fixed)

    def each(self, entry: TreeEntry) -> _Made:
        """The code for a domain list, each item an entry."""
        tree = entry.tree
        names: list[str] = []
        while tree.leaf is None:
            ((name, tree),) = tree.members.items()
            names.append(name)
        row = cast("Row", tree.leaf)
        if row.coded:
            value = self.local(f"{self.words_of(row, names, entry.fixed)}[{self.value(row)}]")
            return _Made(value, value, none=True)
        item = self.converted(row, "x", {} if names else entry.fixed)
        for name in reversed(names[1:]):
            item = self.object({name: item})
        if names:
            item = self.object({**self.constants(entry.fixed), names[0]: item})
        return _Made(f"[{item} for x in {self.value(row)}]", self.value(row))

    def words_of(self, row: Row, names: list[str], fixed: dict[str, Any]) -> str:
        """The name of the `Memo` with the entries for lists of words (`known_lists`)."""

        def boxed(shaped: Any) -> Any:
            for name in reversed(names):
                shaped = {name: shaped}
            return {**fixed, **shaped} if names else shaped

        entries = {word: ready(boxed(shaped)) for word, shaped in _shaped(row, self.tables).items()}
        return self.compiler.named(f"entries_{row.of}", known_lists(entries), f"{self.table.name} {row.place}")

    def leaf(self, leaf: Row | Const, fixed: dict[str, Any]) -> _Made:
        """The code for a row's value or a constant; if it is an object, with the `fixed` members in it."""
        if isinstance(leaf, Const):
            return _Made("owner") if leaf.owner else self.constant(based(leaf.value, self.tables.systems))
        if leaf.write_default or (leaf.default is None and is_always_there(self.table.domain, leaf.domain)):
            return _Made(self.converted(leaf, self.value(leaf), fixed))
        value = self.local(self.value(leaf))
        default = "" if leaf.default is None else f" and {value} != {leaf.default!r}"
        none = not fixed and not default and self.none_passes_through(leaf)
        return _Made(self.converted(leaf, value, fixed), f"{value} is not None{default}", none=none)

    def none_passes_through(self, row: Row) -> bool:
        """True if the expression gives None for a value that is None, so that no condition is needed."""
        if row.is_table:
            return False
        kind = KINDS[row.kind]
        return row.coded or (not self.is_whole(row) if kind.refers else kind.written == "{}")

    def is_whole(self, row: Row) -> bool:
        """True if the domain field holds the value itself, and not its id."""
        return len(row.domain) == 1 and row.domain[0] in self.compiler.ids.get(self.table.name, ())

    def converted(self, row: Row, value: str, fixed: dict[str, Any]) -> str:
        """The expression for the JSON of the domain value in the expression `value`."""
        if row.is_table:
            return f"{self.function(row, fixed)}({value}, refs, owner)"
        if row.coded:
            words: dict[str | None, Any] = {None: None}
            words |= {word: ready(shaped) for word, shaped in _shaped(row, self.tables).items()}
            return f"{self.compiler.named(f'{row.kind}_{row.of}', words, row.kind)}[{value}]"
        kind = KINDS[row.kind]
        if kind.refers:
            made = f"refs[{value}.id]" if self.is_whole(row) else f"refs[{value}]"
            return self.object({**self.constants(fixed), "reference": f"{made}.reference"}) if fixed else made
        return kind.written.format(value)

    def function(self, row: Row, fixed: dict[str, Any]) -> str:
        """The expression for the function that writes a row's table."""
        name = self.compiler.function(str(row.of), fixed)
        converter = row.converter
        if converter.second is None:
            return name
        other = self.compiler.function(converter.second.of, fixed)
        return f'({other} if g["{converter.field}"] == {converter.word!r} else {name})'

    def constants(self, fixed: dict[str, Any]) -> dict[str, str]:
        """The expressions for fixed members."""
        return {name: self.constant(value).expression for name, value in fixed.items()}

    def constant(self, value: Any) -> _Made:
        """The code for a constant: the name of its encoded JSON. A URL in it gives the name its last part."""
        piece = ready(value)
        url = re.search(r"[/:]([\w.-]+)\"", bytes(piece).decode())
        name = re.sub(r"\W", "_", url[1] if url else str(value))[:40]
        return _Made(self.compiler.named(f"fixed_{name}", piece, bytes(piece).decode()), fixed=value)

    def value(self, row: Row) -> str:
        """The expression for a row's domain value."""
        *outer, last = row.domain
        within = "g"
        for depth, name in enumerate(outer, start=1):
            local = "_".join(("g", *outer[:depth]))
            line = f'    {local} = {within}["{name}"].__dict__'
            if line not in self.lines:
                self.lines.append(line)
            within = local
        return f'{within}["{last}"]'

    def local(self, expression: str) -> str:
        """Assign an expression to a new local variable, and return its name."""
        name = f"v{len(self.lines)}"
        self.lines.append(f"    {name} = {expression}")
        return name


def _shaped(row: Row, tables: Tables) -> dict[str, Any]:
    """The JSON for each word of a code table."""
    table = tables.codes[row.of]

    def shaped(word: str, coding: dict[str, str]) -> Any:
        if KINDS[row.kind].scalar:
            return coding["code"]
        if row.kind == "strictest-label":
            return [coding]
        return coding if row.kind == "coding" else {"coding": [coding, *table.beside.get(word, ())]}

    return {word: shaped(word, coding) for word, coding in table.codings.items()}


Writer: TypeAlias = "Callable[[Any, dict[str | None, WrittenReference | None], WrittenReference], Any]"
"""Takes a domain value, references by domain id (None for None) and the owner's; gives `write_json` its input."""


@dataclass(frozen=True, slots=True)
class Writers:
    """The writer of every table by name, and its code for people."""

    code: dict[str, str]
    functions: dict[str, Writer]


class _Compiler:
    """All functions under construction, and the values that their code names."""

    def __init__(self, tables: Tables) -> None:
        self.tables = tables
        self.ids = {b["root"]: frozenset(p["field"] for p in b["part"] if p.get("by_root")) for b in tables.bundles}
        self.structs = Structs()
        self.code: dict[str, str] = {}
        self.space: dict[str, Any] = {}
        for kind in KINDS.values():
            self.space |= kind.names(tables.systems)
            for member in kind.structs:
                self.structs.name([member])
        self._names: dict[str, str] = {}

    def function(self, table: str, fixed: dict[str, Any]) -> str:
        """The name of the function for a table, made if needed; there is one for each set of `fixed` members."""
        key = f"write_{table} {orjson.dumps(fixed).decode()}"
        if key not in self._names:
            name = self._new_name(f"write_{table}", key)
            code = _Code(self.tables.fields[table], self.tables, self, fixed).text(name)
            self.code[table] = "\n\n".join((*filter(None, [self.code.get(table)]), code))
        return self._names[key]

    def named(self, name: str, value: Any, key: str = "") -> str:
        """The name of a value in the code; values that would share a name must have different keys."""
        key = f"{name} {key}"
        if key not in self._names:
            self.space[self._new_name(name.replace("-", "_"), key)] = value
        return self._names[key]

    def _new_name(self, name: str, key: str) -> str:
        taken = set(self._names.values())
        numbered = (f"{name}_{n}" for n in range(2, len(taken) + 3))
        self._names[key] = name if name not in taken else next(n for n in numbered if n not in taken)
        return self._names[key]


def compile_writers(tables: Tables) -> Writers:
    """A writer for every table of FHIR."""
    compiler = _Compiler(tables)
    names = {name: compiler.function(name, {}) for name, table in tables.fields.items() if table.dialect == FHIR.name}
    space = {**compiler.space, **compiler.structs.types}
    for name, code in compiler.code.items():
        exec(compile(code, f"<table {name}>", "exec"), space)  # noqa: S102 - made here, from checked tables
    return Writers(compiler.code, {table: space[name] for table, name in names.items()})
