"""Writes the code of a generated reader by walking the tree of its table; `readers.py` compiles and explains it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.mapping.dialects.fhir.dialect import KINDS
from ip_fhir.mapping.generated.decoding import RAW, WORDS, Shape, Unsupported, attribute
from ip_fhir.mapping.generated.drafts import default_of, filling, finishing, most_items
from ip_fhir.mapping.generated.reader_leaves import LeafCode, decoded_of, var_of
from ip_fhir.mapping.generated.tree import Tree, leaves_in, reads_nothing, tree_of
from ip_fhir.mapping.tables.model import Const, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ip_fhir.mapping.generated.reader_leaves import ReaderSet
    from ip_fhir.mapping.generated.tree import TreeEntry
    from ip_fhir.mapping.tables.model import Check, Converter


class Chain:
    """Joins tests of a list entry's url into one `if ... elif` chain, so that each url is compared once."""

    def __init__(self, item: str, local: Callable[[], str]) -> None:
        self.url, self.local, self.name, self.seen = f"{item}.url ", local, "", set[str]()

    def lines(self, test: str, pad: str) -> Iterator[str]:
        """Yield the lines that open the block for entries that meet `test`."""
        if not test.startswith(self.url) or test in self.seen:
            self.name = ""
            yield f"{pad}if {test}:"
            return
        self.seen.add(test)
        word = "elif" if self.name else "if"
        if not self.name:
            self.name = self.local()
            yield f"{pad}{self.name} = {self.url}"
        yield f"{pad}{word} {self.name} {test.removeprefix(self.url)}:"


class ReaderCode(LeafCode):
    """The code of one function under construction, built by a walk through the table's tree.

    A table without all required fields of its domain type makes a draft (`opens`), which the reader of another table
    fills in and finishes (`closes`).
    """

    def __init__(self, name: str, readers: ReaderSet, shape: Shape, *, many: bool, closes: bool) -> None:
        super().__init__(name, readers, many=many)
        self.shape, self.closes = shape, closes
        self.rows = [row for row in self.table.rows if not row.check_only]
        self.set_once: set[str] = set()  # variables that are assigned unconditionally
        self.leave = "continue" if many else "return None"  # for a resource that is not this table's
        required = {name for name, info in self.model.model_fields.items() if info.is_required()}
        self.opens = not closes and (bool(self.table.elsewhere) or not required <= {row.domain[0] for row in self.rows})

    def text(self) -> str:
        """The code of the whole function."""
        self.note_refused()
        self.node(tree_of(self.table, self.tables.systems), "s", self.shape, "    ", 0)
        body = [
            *(f"    {self.start(row)}" for row in self.rows if not self.is_set(row)),
            *(f"    f_{name} = {self.default(name)}" for name in sorted(self.fields)),
            *self.lines,
            *self.checks(),
            *self.result(),
        ]
        name, domain = self.table.name, self.table.domain
        what = f"{domain} that is still a draft" if self.opens else domain
        if not self.many:
            head = [f"def read_{name}(s, ids, owner, names):", f'    """Reads a {what}."""']
            return "\n".join([*head, *body, "    return v\n"])
        more, each = (", drafts", "s, v in zip(structs, drafts, strict=True)") if self.closes else ("", "s in structs")
        head = [
            f"def read_each_{name}(structs, ids, owner, names{more}):",
            f'    """Reads each {what}."""',
        ]
        texts = "".join(f"t_{number + 1} = " for number in range(self.texts))
        head += ["    values = []", *([f"    {texts}None"] if texts else []), f"    for {each}:"]
        return "\n".join([*head, *(f"    {line}" for line in body), "        values.append(v)", "    return values\n"])

    def note_refused(self) -> None:
        """Note the paths that are not read but may change the meaning: if anything is there, decoding fails.

        Raises `Unsupported` for a table whose rows depend on such a path.
        """
        converters = [row.converter for row in self.rows]
        if any(const.match for const in self.table.consts) or any(c.name == "table-by-word" for c in converters):
            raise Unsupported(f"{self.table.name}: whose it is depends on what is not read")
        guarded = {
            (row.path, *_deciding_word(row.converter)) for row in self.rows if row.converter.name == "only-where"
        }
        seconds = [(c, c.second) for c in converters if c.second is not None]
        if any(
            c.name == "set-by-another" and (second.path, *_deciding_word(c)) not in guarded for c, second in seconds
        ):
            raise Unsupported(f"{self.table.name}: a place that counts before ours")
        self.later = [check.names for check in self.table.checks if check.kind in ("refuse", "last", "ranked")]
        self.later += [tuple(s.name for s in second.path) for c, second in seconds if c.name == "second-place"]

    def is_set(self, row: Row) -> bool:
        """True if the row's variable is set in every case, whatever the resource holds."""
        return row.domain[0] in self.fields or var_of(row) in self.set_once

    def start(self, row: Row) -> str:
        """The line that sets a row's variable before anything is read."""
        return f"{var_of(row)} = {'[]' if row.is_list else 'None'}"

    def default(self, name: str) -> str:
        """The expression for a field's value if the resource has none; `None` if the field is required."""
        row = next((row for row in self.rows if row.domain == (name,)), None)
        info = self.info(name)
        if row is not None and row.default is not None:
            value = self.readers.fragments.value(self.table, name, row.default)
        elif info.is_required() or (row is not None and (row.required or row.match)):
            return "None"
        else:
            value = default_of(info)
        if value is None or value is False or value is True or value == ():
            return repr(value)
        return self.readers.named(f"default_{self.table.name}_{name}", value)

    def checks(self) -> Iterator[str]:
        """Yield the lines that check required fields, limits, and that the resource is this table's."""
        for check in self.table.checks:
            yield from self.check(check)
        for path in self.later:
            self.shape.refuse(path)
        matches = [self.variable(row.domain[0]) for row in self.rows if row.match]
        if matches:
            yield f"    if {' or '.join(f'{name} is None' for name in matches)}:"
            yield f"        {self.leave}"
        for row in self.rows:
            if row.converter.name == "only-where":  # if the row does not hold, its place means something else
                field, word = _deciding_word(row.converter)
                yield f"    if {var_of(row)} is not None and {self.variable(field)} != {word!r}:"
                yield "        raise Doubt"
        for row in self.rows:
            name = row.domain[0]
            if not row.match and not row.is_list and (row.required or self.info(name).is_required()):
                yield f"    if {self.variable(name)} is None:"
                yield "        raise Doubt"
        yield from self.bounds()

    def check(self, check: Check) -> Iterator[str]:
        """Yield the lines of a check of values; texts are checked when they are decoded.

        What the lenses would take, and is neither text nor a coding (a flag), is refused: it is rarely said.
        """
        words = tuple(value for value in check.values if type(value) is str and value)
        if check.kind == "never":
            self.refused_by_row(check)
        elif any("#" in word for word in words):
            yield from self.within(check.names)
        elif check.kind in ("only", "order") and words:
            self.shape.literal(check.names, words)
        elif check.kind == "only":
            self.later.append(check.names)
        if check.required or (check.kind == "order" and "" not in check.values):
            yield f"    if s.{attribute(check.names[0])} is None:"
            yield "        raise Doubt"

    def refused_by_row(self, check: Check) -> None:
        """Raise `Unsupported` unless a closed table refuses the values, or they are codings that no row reads."""
        rows = [row for row in self.rows if tuple(segment.name for segment in row.path) == check.names]
        closed = [self.tables.codes[row.of].words for row in rows if row.coded and KINDS[row.kind].scalar]
        if any(all(("", value) not in words for value in check.values) for words in closed):
            return
        if rows or not all("#" in str(value) for value in check.values):
            raise Unsupported(f"{self.table.name}: {check.place} has values that only lenses refuse")
        above, *rest = check.names
        (self.shape.inner(above) if rest else self.shape).refuse(tuple(rest or [above]))

    def bounds(self) -> Iterator[str]:
        """Yield the lines that check how many items the lists have; a field read as a whole is checked by pydantic."""
        for name in dict.fromkeys(row.domain[0] for row in self.rows if row.is_list):
            most = most_items(self.info(name))
            if most is not None and name not in self.fields:
                yield f"    if len(r_{name}) > {most}:"
                yield "        raise Doubt"

    def within(self, path: tuple[str, ...]) -> Iterator[str]:
        """Yield the check of codings of which one must be there, by their text; none if a row reads the same member.

        In that case the path is refused: the lenses check it.
        """
        name = path[0]
        if name in self.shape.members:
            self.shape.refuse(path)
            return
        self.shape.member(name, RAW)
        test = self.readers.fragments.within(self.table, path)
        known = self.readers.named(f"within_{self.table.name}_{name}", test)
        yield f'    if s.{attribute(name)} is not None and not {known}[b"" + s.{attribute(name)}]:'
        yield "        raise Doubt"

    def variable(self, name: str) -> str:
        """The variable of a domain field."""
        return f"f_{name}" if name in self.fields else f"r_{name}"

    def result(self) -> Iterator[str]:
        """Yield the lines that make the value, or a draft if this table lacks required fields."""
        own = {row.domain[0] for row in self.rows}
        values = {n: self.field(n) if n in own else self.default(n) for n in self.model.model_fields}
        if self.closes:
            yield from (f"    v.{name} = {value}" for name, value in values.items() if name in own)
        else:
            yield from (f"    {line}" for line in filling(self.model, values, self.readers.space))
        if not self.opens:
            yield from (f"    {line}" for line in finishing(self.model, self.readers.space))

    def field(self, name: str) -> str:
        """The expression for a domain field."""
        if name in self.fields:
            return f"f_{name}"
        rows = [row for row in self.rows if row.domain[0] == name]
        default = self.default(name)
        if rows[0].is_list:
            return f"tuple(r_{name}) if r_{name} else {default}"
        if rows[0].domain == (name,):
            return f"r_{name}" if default == "None" else f"{default} if r_{name} is None else r_{name}"
        parts = ", ".join(map(var_of, rows))
        nothing = " and ".join(f"{var_of(row)} is None" for row in rows)
        known = self.readers.named(f"{name}_{self.table.name}", self.readers.fragments.parts(self.table, rows))
        return f"{default} if {nothing} else {known}[{parts}]"

    # --- walking the tree

    def node(self, tree: Tree, var: str, shape: Shape, pad: str, depth: int) -> None:
        """Add the lines that read the members of an object in the variable `var`, which is not None."""
        for name, child in sorted(tree.members.items(), key=_matching_first):
            if reads_nothing(child):
                continue
            by = self.way_of_whole(child)
            inner = self.local() if by is not None else self.target(child.leaf, pad)
            self.lines.append(f"{pad}{inner} = {var}.{attribute(name)}")
            if by is not None:
                shape.member(name, RAW)
                self.fragment(by, child, name, inner, pad, depth)
                continue
            self.lines.append(f"{pad}if {inner} is not None:")
            before = len(self.lines)
            self.child(child, name, inner, shape, pad + "    ", depth)
            if len(self.lines) == before:
                self.lines.pop()  # the member itself is the value: nothing to do

    def target(self, leaf: Row | Const | None, pad: str) -> str:
        """The variable into which a member is read: the row's own, if the member itself is the row's value."""
        if leaf is None or isinstance(leaf, Const) or leaf.is_list or leaf.check_only or _is_looked_into(leaf):
            return self.local()
        name = var_of(leaf)
        if [var_of(row) for row in self.rows].count(name) > 1:
            return self.local()
        if pad == "    ":
            self.set_once.add(name)
        return name

    def child(self, child: Tree, name: str, inner: str, shape: Shape, pad: str, depth: int) -> None:
        """Add the lines that read the value of a member, in the variable `inner`."""
        if child.leaf is not None:
            self.read_leaf(child.leaf, inner, shape, name, pad)
        elif child.boxed is not None:
            below = shape.inner(name)
            test = self.test(child.boxed, inner, below, pad)
            self.lines.append(f"{pad}if {test}:")
            self.node(child.boxed.tree, inner, below, pad + "    ", depth + 1)
        elif child.entries:
            self.list(child.entries, name, inner, shape, pad, depth)
        else:
            self.node(child, inner, shape.inner(name), pad, depth + 1)

    def way_of_whole(self, child: Tree) -> str | None:
        """The way to read a member as a whole: "memo" (by its text) or "lens"; None if its members are read singly."""
        leaves = list(leaves_in(child))
        rows = [leaf for leaf in leaves if not isinstance(leaf, Const)]
        if any(isinstance(leaf, Const) and leaf.owner for leaf in leaves) or any(row.is_table for row in rows):
            return None
        names = {row.domain[0] for row in rows}
        if any(row.domain[0] in names and row not in rows for row in self.rows):
            return None  # a part of the field is in another place
        if all(decoded_of(row) == "vocabulary" for row in rows):
            return None if child.leaf is not None and KINDS[rows[0].kind].scalar else "memo"
        if any(decoded_of(row) == "lens" or (row.strict and decoded_of(row) != "reference") for row in rows):
            return "lens"
        return None

    def fragment(self, by: str, child: Tree, name: str, var: str, pad: str, depth: int) -> None:
        """Add the lines that read a member as a whole, by a `Memo` or a lens (`by`)."""
        rows = [leaf for leaf in leaves_in(child) if not isinstance(leaf, Const) and not leaf.check_only]
        known = f"{by}_{self.table.name}_{'_'.join(row.field for row in rows).replace('.', '_')}_{name}"
        self.readers.named(known, self.readers.fragments.fragment(by, self.table, rows, name, depth))
        self.lines.append(f"{pad}if {var} is not None:")
        read = self.memo_lookup(known, var, pad + "    ") if by == "memo" else f"{known}(bytes({var}), ids, owner)"
        if rows[0].is_list and not any(segment.entries == "each" for segment in rows[0].path[depth:]):
            item = self.local()
            self.lines += [f"{pad}    {item} = {read}", f"{pad}    if {item} is not None:"]
            self.lines.append(f"{pad}        {var_of(rows[0])}.append({item})")
            return
        names = list(dict.fromkeys(row.domain[0] for row in rows))
        self.fields |= set(names)
        self.lines.append(f"{pad}    {', '.join(f'f_{n}' for n in names)}{',' if len(names) > 1 else ''} = {read}")
        for row in rows:
            if row.match:
                self.lines += [f"{pad}    if f_{row.field} is None:", f"{pad}        {self.leave}"]

    def list(self, entries: list[TreeEntry], name: str, var: str, shape: Shape, pad: str, depth: int) -> None:
        """Add the lines that read a list: each entry is read by every table entry whose conditions it meets."""
        item = self.local()
        if len(entries) == 1 and entries[0].segment.entries == "first":
            self.lines += [f"{pad}if {var}:", f"{pad}    {item} = {var}[0]"]
            self.item(entries[0], name, item, shape, pad + "    ", depth)
            return
        if len(entries) == 1 and entries[0].segment.entries == "current":
            self.lines += [f"{pad}if {var}:", f"{pad}    if len({var}) > 1:", f"{pad}        raise Doubt"]
            self.lines += [f"{pad}    {item} = {var}[0]"]
            self.item(entries[0], name, item, shape, pad + "    ", depth)
            return
        if len(entries) == 1 and _is_first_reference(entries[0]):
            self.lines += [f"{pad}if len({var}) > 1:", f"{pad}    raise Doubt"]
            self.lines += [f"{pad}if {var}:", f"{pad}    {item} = {var}[0]"]
            self.item(entries[0], name, item, shape, pad + "    ", depth)
            return
        read = [entry for entry in entries if not reads_nothing(entry.tree)]
        if any(entry.segment.entries in ("own", "first", "current") for entry in read):
            raise Unsupported(f"{self.table.name}: entries of {name}")
        if all(_is_plain(entry) for entry in read):
            self.tables_in(read, name, var, shape, pad)
            return
        flags = {id(entry): self.local() for entry in read if entry.segment.entries == "one"}
        self.lines += [f"{pad}{flag} = False" for flag in flags.values()]
        self.lines.append(f"{pad}for {item} in {var}:")
        by_url = Chain(item, self.local)
        for entry in read:
            inside = pad + "    "
            if entry.segment.conditions:
                before = len(self.lines)
                test = self.test(entry, item, shape.inner(name, many=True), inside)
                if len(self.lines) > before:
                    by_url.name = ""  # no `elif` after these lines
                self.lines += by_url.lines(test, inside)
                inside += "    "
            if flag := flags.get(id(entry)):
                self.lines += [f"{inside}if {flag}:", f"{inside}    raise Doubt", f"{inside}{flag} = True"]
            self.item(entry, name, item, shape, inside, depth)
        self.strict(read, var, pad)

    def tables_in(self, read: Sequence[TreeEntry], name: str, var: str, shape: Shape, pad: str) -> None:
        """Add the lines that read a list whose entries all belong to other tables: each table reads its own."""
        for entry in read:
            row = entry.tree.leaf
            if isinstance(row, Row):
                self.whole_table(row, shape.inner(name, many=True), many=True)
                self.lines.append(f"{pad}{var_of(row)} += read_each_{row.of}({var}, ids, owner, names)")
        self.strict(read, var, pad)

    def strict(self, read: Sequence[TreeEntry], var: str, pad: str) -> None:
        """Add the check that every entry of a strict list was read."""
        for row in leaves_in(Tree(entries=[*read])):
            if not isinstance(row, Const) and row.strict:
                self.lines += [f"{pad}if len({var_of(row)}) != len({var}):", f"{pad}    raise Doubt"]

    def item(self, entry: TreeEntry, name: str, item: str, shape: Shape, pad: str, depth: int) -> None:
        """Add the lines that read one entry of a list."""
        leaf = entry.tree.leaf
        if leaf is None:
            self.node(entry.tree, item, shape.inner(name, many=True), pad, depth + 1)
        elif not isinstance(leaf, Const) and decoded_of(leaf) == "text":
            shape.member(name, WORDS)
            self.string(leaf, item, pad)
        else:
            self.read_leaf(leaf, item, shape, name, pad, many=True)


def _deciding_word(converter: Converter) -> tuple[str, str]:
    """The field that decides if the converter's row holds, and the word that it must have."""
    return converter.field, converter.word


def _is_looked_into(row: Row) -> bool:
    """True if the row's value is made from members of the object in its place."""
    return row.is_table or decoded_of(row) in ("reference", "person-number")


def _is_plain(entry: TreeEntry) -> bool:
    """True if every entry of the list is read by another table, without a condition."""
    leaf = entry.tree.leaf
    return entry.each and not entry.segment.conditions and isinstance(leaf, Row) and leaf.is_table


def _is_first_reference(entry: TreeEntry) -> bool:
    """True for the first literal reference of a list, whatever else is in it."""
    leaf = entry.tree.leaf
    plain = isinstance(leaf, Row) and not leaf.strict and decoded_of(leaf) == "reference"
    return entry.segment.entries == "own" and not entry.segment.conditions and plain


def _matching_first(member: tuple[str, Tree]) -> bool:
    """Sort key that puts members with `match` rows first, so that other tables' resources are left early."""
    return not any(not isinstance(leaf, Const) and leaf.match for leaf in leaves_in(member[1]))
