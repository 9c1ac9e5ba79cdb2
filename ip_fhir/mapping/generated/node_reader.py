"""Fast readers of tables whose format is no JSON text (HL7 v2): from a tree of dicts to a domain value's JSON form.

They are what the lens's `get` is, as code generated once from the table's tree. The parts that several tables read of
a message become domain values only when they are joined (`mapping/hl7v2`), so these readers make data, not values. A
reader raises an error for a node that it is not certain about, whatever is wrong with it: then the lens reads.

`ip-fhir mappings show V2Notice --code` shows the code.
"""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ip_fhir.errors import InvalidInput
from ip_fhir.mapping.dialects.hl7v2.codes import Coded
from ip_fhir.mapping.dialects.hl7v2.conditions import by_text, test
from ip_fhir.mapping.dialects.hl7v2.dialect import V2
from ip_fhir.mapping.dialects.hl7v2.groups import code_of_row, grouped, rows_in
from ip_fhir.mapping.dialects.hl7v2.people import Telecom
from ip_fhir.mapping.dialects.hl7v2.rows import Concept, RowValue, standing
from ip_fhir.mapping.generated.decoding import Doubt, Memo
from ip_fhir.mapping.generated.tree import Tree, leaves_in, tree_of
from ip_fhir.mapping.lenses.building import Builder
from ip_fhir.mapping.lenses.references import NO_LINKS
from ip_fhir.mapping.lenses.wrong import Wrong
from ip_fhir.mapping.tables.model import Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ip_fhir.mapping.generated.tree import TreeEntry
    from ip_fhir.mapping.lenses.references import Links
    from ip_fhir.mapping.lenses.table import TableLens
    from ip_fhir.mapping.tables.model import Table, Tables
    from ip_fhir.mapping.tables.paths import Condition

NodeReader: TypeAlias = "Callable[[Any, Links], dict[str, Any] | None]"
"""Takes a node and its context; gives the data that the table's lens reads in it."""

NOT_SURE: Final = (Doubt, Wrong, InvalidInput, AttributeError, IndexError, KeyError, TypeError, ValueError)
"""The errors by which a reader or writer leaves a node to the lens."""


_LONGEST: Final = 200


class NodeReaders:
    """The readers of all tables of a dialect, by name, and the code of each for people."""

    def __init__(self, tables: Tables, lenses: Mapping[str, TableLens]) -> None:
        self.tables = tables
        self.lenses = lenses
        self.builder = Builder(tables, V2, lenses)
        self.space: dict[str, Any] = {"Doubt": Doubt, "grouped": grouped, "by_text": by_text}
        self._shared: dict[tuple[str, Any], str] = {}
        named = [name for name, table in tables.fields.items() if table.dialect == V2.name]
        self.code = {name: NodeReaderCode(name, self).text() for name in named}
        for name, text in self.code.items():
            exec(compile(text, f"<table {name}>", "exec"), self.space)  # noqa: S102 - made here, from checked tables
        self.functions: dict[str, NodeReader] = {name: self.space[f"read_{name}"] for name in named}

    def named(self, name: str, value: Any) -> str:
        """Make a value available to the code under a name, and return the name."""
        self.space[name] = value
        return name

    def shared(self, name: str, key: Any, value: Any = None) -> str:
        """Make a value, by default the key itself, available under one name for all that use the same key."""
        known = self._shared.setdefault((name, key), f"{name}_{len(self._shared)}")
        return self.named(known, key if value is None else value)


class NodeReaderCode:
    """The code of one function under construction; `v0`, `v1`, … are the values of the table's rows."""

    def __init__(self, name: str, readers: NodeReaders) -> None:
        self.readers = readers
        self.table: Table = readers.tables.fields[name]
        self.lens = readers.lenses[name]
        self.number = {id(row): n for n, row in enumerate(self.table.rows)}
        self.lines: list[str] = []
        self.found: set[int] = set()  # the rows that the code reads itself; the lens of a row reads each other one
        self.indexes: dict[tuple[str, str], str] = {}
        self.locals = count()

    def text(self) -> str:
        """The code of the whole function."""
        self.node(tree_of(self.table, self.readers.tables.systems, V2), "node", "    ")
        name = self.table.name
        head = [f"def read_{name}(node, links):", f'    """Reads the data of {self.table.resource or name}."""']
        values = " = ".join(f"v{n}" for n in sorted(self.found))
        return "\n".join(
            [*head, *self.guard(), *([f"    {values} = None"] if values else []), *self.lines, *self.result()]
        )

    def guard(self) -> Iterator[str]:
        """Yield the lines that check the node as the table's guard does."""
        yield "    if type(node) is not dict or links.owner is not None:"
        yield "        raise Doubt"
        if self.table.checks:
            name = self.table.name
            if self.table.resource is None:
                yield f"    if {self.readers.named(f'left_{name}', self.lens.guard.left)}(node) is not None:"
                yield "        return None"
            yield f"    {self.readers.named(f'check_{name}', self.lens.guard.check)}(node)"

    def result(self) -> Iterator[str]:
        """Yield the lines that put the data together, in the order of the rows."""
        yield "    data = {}"
        for n, row in enumerate(self.table.rows):
            if n not in self.found:
                known = self.readers.named(f"lens_{self.table.name}_{n}", self.lens.fields[n].read)
                yield f"    v{n} = {known}(node, links)"
            elif row.default is not None:
                yield f"    if v{n} is None:"
                yield f"        v{n} = {self.readers.named(f'default_{self.table.name}_{n}', row.default)}"
            if row.required:
                yield f"    if v{n} is None:"
                yield "        raise Doubt"
            if not row.check_only:
                *above, last = row.domain
                target = "data" + "".join(f'.setdefault("{name}", {{}})' for name in above)
                yield f"    if v{n} is not None:"
                yield f'        {target}["{last}"] = v{n}  # {row.place}'
        yield "    return data" if self.table.resource is not None else "    return data or None"
        yield ""

    def local(self) -> str:
        """The name of a new variable."""
        return f"x{next(self.locals)}"

    # --- walking the tree

    def node(self, tree: Tree, var: str, pad: str) -> None:
        """Add the lines that read the members of the object in the variable `var`."""
        for name, child in tree.members.items():
            if _has_rows(child):
                inner = self.local()
                self.lines += [f'{pad}{inner} = {var}.get("{name}")', f"{pad}if {inner} is not None:"]
                before = len(self.lines)
                self.value(child, inner, pad + "    ")
                if len(self.lines) == before:
                    del self.lines[-2:]  # only the lenses of rows look at it

    def value(self, tree: Tree, var: str, pad: str) -> None:
        """Add the lines that read a node that is there."""
        if isinstance(tree.leaf, Row) and _is_plain(tree.leaf):
            self.leaf(tree.leaf, var, pad)
        if any(map(_has_rows, tree.members.values())):
            self.lines += [f"{pad}if type({var}) is not dict:", f"{pad}    raise Doubt"]
            self.node(tree, var, pad)
        entries = [entry for entry in tree.entries if _has_rows(entry.tree)]
        if entries:
            self.lines += [f"{pad}if type({var}) is not list:", f"{pad}    raise Doubt"]
            for entry in entries:
                self.entry(entry, var, pad)

    def leaf(self, row: Row, var: str, pad: str) -> None:
        """Add the lines that read a row's value at the end of its path."""
        n = self.number[id(row)]
        self.found.add(n)
        if row.kind == "string":
            self.lines += [f"{pad}if type({var}) is not str:", f"{pad}    raise Doubt"]
            self.lines += [f"{pad}if {var} and {var} != '\"\"':", f"{pad}    v{n} = {var}"]
        else:
            self.lines.append(f"{pad}v{n} = {self.read(row, var)}")

    def read(self, row: Row, var: str) -> str:
        """The expression for the value that a row reads: by another table's reader, a `Memo`, or the leaf's lens."""
        if row.is_table:
            group = row.path[-1].conditions and row.path[-1].conditions[0].kind == "group"
            return f"read_{row.of}({var}, links)" if group else f"links.once(read_{row.of}, {var})"
        leaf, name = self.readers.builder.leaf(row), f"leaf_{self.table.name}_{self.number[id(row)]}"
        if isinstance(leaf, Coded):
            return f"{self.readers.named(name, Memo(lambda key: leaf.get(_coded(key), NO_LINKS)))}[{_key(var)}]"
        read = _read_row(leaf) if isinstance(leaf, RowValue) else leaf.get
        return f"{self.readers.named(name, read)}({var}, links)"

    # --- entries of lists

    def entry(self, entry: TreeEntry, var: str, pad: str) -> None:
        """Add the lines that read the entries of a list that a segment means."""
        kind, conditions = entry.segment.entries, entry.segment.conditions
        if any(condition.kind == "group" for condition in conditions):
            self.groups(entry, conditions[0].value, var, pad)
        elif kind == "first":
            inner = self.local()
            self.lines += [f"{pad}if {var}:", f"{pad}    {inner} = {var}[0]"]
            self.value(entry.tree, inner, pad + "    ")
        elif kind == "one":
            self.one(entry, var, pad)
        elif kind == "each" and _chain(entry.tree) is not None:
            self.each(entry, var, pad)
        elif kind == "own" and not conditions and isinstance(entry.tree.leaf, Row) and not entry.tree.leaf.is_table:
            inner, row = self.local(), entry.tree.leaf
            self.lines += [f"{pad}for {inner} in {var}:", f"{pad}    if {self.owns(row, inner)}:"]
            self.leaf(row, inner, pad + "        ")
            self.lines.append(f"{pad}        break")

    def one(self, entry: TreeEntry, var: str, pad: str) -> None:
        """Add the lines that read the only entry that meets the conditions; of two the lens says which counts."""
        found, inner = self.local(), self.local()
        matching = self.matching(entry, var, pad)
        self.lines.append(f"{pad}{found} = {matching}")
        self.lines += [f"{pad}if {found}:", f"{pad}    if len({found}) > 1:", f"{pad}        raise Doubt"]
        self.lines.append(f"{pad}    {inner} = {found}[0]")
        self.value(entry.tree, inner, pad + "    ")

    def matching(self, entry: TreeEntry, var: str, pad: str) -> str:
        """The expression for the entries of a list that meet the conditions; rows (OBX) are looked up by their code."""
        tests = " and ".join(f"{self.test(condition)}(i)" for condition in entry.segment.conditions)
        (first, *more) = entry.segment.conditions
        if (row := code_of_row(entry.segment)) is not None:
            systems = self.readers.shared("systems", row[1])
            rows = self.index(f"links.rows_by_code({var}, {systems})", pad)
            return f"[{var}[n] for n in {rows}[{row[0]!r}]] if {row[0]!r} in {rows} else ()"
        if first.kind == "member" and first.value != "*" and not more and "." not in first.member:
            return f"{self.index(f'by_text({var}, {first.member!r})', pad)}.get({first.value!r}, ())"
        return f"[i for i in {var} if type(i) is dict and {tests}]"

    def index(self, made: str, pad: str) -> str:
        """The name of a variable with the entries of a list by what tells them apart, made once for a list."""
        if (made, pad) not in self.indexes:
            self.indexes[made, pad] = self.local()
            self.lines.append(f"{pad}{self.indexes[made, pad]} = {made}")
        return self.indexes[made, pad]

    def test(self, condition: Condition) -> str:
        """The name of a condition's test."""
        return self.readers.shared("test", condition, test(condition))

    def each(self, entry: TreeEntry, var: str, pad: str) -> None:
        """Add the lines that read every entry that the row's lens would read."""
        names, row = _chain(entry.tree) or ((), None)
        if row is None:
            return
        n, item = self.number[id(row)], "i"
        self.found.add(n)
        plain = not entry.segment.conditions
        matching = var if plain else self.matching(entry, var, pad)
        self.lines += [f"{pad}v{n} = []", f"{pad}for i in {matching}:"]
        if names:
            item = self.local()
            reached = "i" + "".join(f'.get("{name}")' for name in names)
            inside = f"{reached} if type(i) is dict else None" if plain else reached
            self.lines.append(f"{pad}    {item} = {inside}")
        if isinstance(self.readers.builder.leaf(row), Telecom):  # an entry of ours is one that says something
            self.lines += [f"{pad}    j = {self.read(row, item)}", f"{pad}    if j is not None:"]
            self.lines.append(f"{pad}        v{n}.append(j)")
        else:
            self.lines.append(f"{pad}    if {self.owns(row, item)}:")
            self.item(row, item, pad + "        ")
        self.lines += [*self.keyed(row, pad), f"{pad}v{n} = v{n} or None"]

    def groups(self, entry: TreeEntry, name: str, var: str, pad: str) -> None:
        """Add the lines that read groups of rows, each by its table."""
        row = entry.tree.leaf
        if isinstance(row, Row):
            n = self.number[id(row)]
            self.found.add(n)
            kind = self.readers.shared("rows", entry.segment.name, rows_in(entry.segment.name))
            groups = self.index(f"grouped({var}, {kind})", pad)
            self.lines += [f"{pad}v{n} = []", f"{pad}for i in {groups}.get({name!r}, ()):"]
            self.item(row, "i", pad + "    ")
            self.lines += [*self.keyed(row, pad), f"{pad}v{n} = v{n} or None"]

    def item(self, row: Row, var: str, pad: str) -> None:
        """Add the lines that read one entry into the row's list; without a key its position is its key."""
        n = self.number[id(row)]
        if row.key is None:
            self.lines.append(f"{pad}v{n}.append({self.read(row, var)})")
            return
        made = self.local()
        prefix = row.domain[-1].rstrip("s").replace("_", "-")
        self.lines += [
            f"{pad}{made} = {self.read(row, var)}",
            f'{pad}if "{row.key}" not in {made}:',
            f'{pad}    {made}["{row.key}"] = f"{prefix}-{{len(v{n}) + 1}}"',
            f"{pad}v{n}.append({made})",
        ]

    def keyed(self, row: Row, pad: str) -> Iterator[str]:
        """Yield the lines that leave a list with a key that stands twice to the lens."""
        if row.key is not None:
            n = self.number[id(row)]
            yield f'{pad}if len({{item["{row.key}"] for item in v{n}}}) != len(v{n}):'
            yield f"{pad}    raise Doubt"

    def owns(self, row: Row, var: str) -> str:
        """The expression that tells an entry that a row reads from those of others."""
        name = f"owns_{self.table.name}_{self.number[id(row)]}"
        if row.is_table:
            lens = self.readers.lenses[row.of]
            matched = any(row.match for row in lens.table.rows) or any(const.match for const in lens.table.consts)
            simple = not lens.table.checks and not matched
            return f"type({var}) is dict" if simple else f"{self.readers.named(name, lens.owns)}({var})"
        leaf = self.readers.builder.leaf(row)
        if isinstance(leaf, Coded):
            return f"{self.readers.named(name, Memo(lambda key: leaf.owns(_coded(key))))}[{_key(var)}]"
        return f"{self.readers.named(name, leaf.owns)}({var})"


_CODED: Final = ("c1", "c3", "c4", "c6")
"""The components of a coded element that say what it means: two codes, and the coding system of each."""


def _key(var: str) -> str:
    """The expression for the key of the coded element in a variable: by it a `Memo` remembers what the element says."""
    return "(" + ", ".join(f'{var}.get("{name}")' for name in _CODED) + ")"


def _coded(key: tuple[str | None, ...]) -> dict[str, str]:
    """The coded element of a key. Raises `Doubt` for a long one, which a `Memo` is not to keep."""
    found = {name: text for name, text in zip(_CODED, key, strict=True) if text is not None}
    if sum(map(len, found.values())) > _LONGEST:
        raise Doubt
    return found


def _read_concept(leaf: Concept) -> Callable[[Any, Links], Any]:
    """A function that reads a row (OBX) with a coded element, as the lens does, and remembers what each code says."""
    known = Memo(lambda key: leaf.get({"f5": [_coded(key)]}, NO_LINKS))

    def read(node: Any, _links: Links) -> Any:
        values = standing(node)
        if values is None:
            return None
        (value,) = values
        return known[tuple(map(value.get, _CODED))]

    return read


def _read_row(leaf: RowValue) -> Callable[[Any, Links], Any]:
    """A function that reads a row (OBX) as its lens does: faster where one value stands in one component."""
    if isinstance(leaf, Concept) and not leaf.bare:
        return _read_concept(leaf)
    if type(leaf).read is not RowValue.read:
        return leaf.get
    read_component = leaf.inner.get

    def read(node: Any, links: Links) -> Any:
        values = standing(node)
        if values is None:
            return None
        (value,) = values
        return read_component(value.get("c1", ""), links)

    return read


def _has_rows(tree: Tree) -> bool:
    """True if there is a row below a node that the code can read itself."""
    return any(isinstance(leaf, Row) and _is_plain(leaf) for leaf in leaves_in(tree))


def _is_plain(row: Row) -> bool:
    return not row.strict and not row.converter.name


def _chain(tree: Tree) -> tuple[tuple[str, ...], Row | None] | None:
    """The members down to the only row below a node, and the row; None for a node with more than that."""
    if isinstance(tree.leaf, Row) and not tree.members and not tree.entries:
        return (), tree.leaf
    if tree.leaf is None and len(tree.members) == 1 and not tree.entries:
        ((name, child),) = tree.members.items()
        below = _chain(child)
        return None if below is None else ((name, *below[0]), below[1])
    return None
