"""Writes the code at the ends of paths in a generated reader: it converts and checks a row's value."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from ip_fhir.mapping.dialects.fhir.conditions import accepted
from ip_fhir.mapping.dialects.fhir.dialect import KINDS
from ip_fhir.mapping.generated.decoding import FLAG, NUMBER, PROSE, RAW, TEXT, WORDS, Shape, Unsupported, attribute
from ip_fhir.mapping.generated.drafts import StringKind, after, string_kind
from ip_fhir.mapping.tables.domain_fields import domain_types
from ip_fhir.mapping.tables.model import Const

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

    from ip_fhir.mapping.generated.by_lens import Fragments
    from ip_fhir.mapping.generated.tree import TreeEntry
    from ip_fhir.mapping.lenses.leaf_kind import Decoded
    from ip_fhir.mapping.tables.model import Row, Tables
    from ip_fhir.mapping.tables.paths import Condition


class ReaderSet(Protocol):
    """The part of `Readers` that the code of one reader needs."""

    tables: Tables
    fragments: Fragments
    space: dict[str, Any]
    drafts: set[str]

    def compile(self, name: str, shape: Shape, *, many: bool = False, closes: bool = False) -> None:
        """Make the reader of a table whose object, or the objects in a list, has this shape."""
        ...

    def named(self, name: str, value: Any) -> str:
        """Make a value available to the code under a name, and return the name."""
        ...


class LeafCode:
    """Code under construction, line by line. Variables: `r_` is the value of a row, `f_` of a whole field.

    With `many` it is the code of a loop. There `t_` is the text of the previous entry, and `k_` the value read from it:
    the same codings and periods recur, and comparing two texts costs less than looking one up.
    """

    def __init__(self, name: str, readers: ReaderSet, *, many: bool) -> None:
        self.table, self.readers, self.many = readers.tables.fields[name], readers, many
        self.tables = readers.tables
        self.model = domain_types()[self.table.domain]
        self.fields: set[str] = set()  # fields that are read as a whole, into `f_` variables
        self.lines: list[str] = []
        self.conditions_met: dict[tuple[str, Condition], str] = {}  # the variable with the result of each test
        self.count = self.texts = 0

    def info(self, name: str) -> FieldInfo:
        """The domain type's field of this name."""
        return self.model.model_fields[name]

    def memo_lookup(self, known: str, var: str, pad: str) -> str:
        """The expression for a `Memo`'s value of the text in `var`; adds the lines that it needs."""
        looked_up = f'{known}[b"" + {var}]'  # half the cost of `bytes(...)`
        if not self.many:
            return looked_up
        self.texts += 1
        last, says = f"t_{self.texts}", f"k_{self.texts}"
        self.lines += [f"{pad}if {var} != {last}:", f"{pad}    {last}, {says} = {var}, {looked_up}"]
        return says

    def test(self, entry: TreeEntry, var: str, shape: Shape, pad: str) -> str:
        """The expression that is true if an entry meets all conditions; adds the lines that it needs."""
        return " and ".join(self.condition(condition, var, shape, pad) for condition in entry.segment.conditions)

    def condition(self, condition: Condition, var: str, shape: Shape, pad: str) -> str:
        """The expression for one condition; adds the lines that it needs."""
        name = {"flag": "extension", "no-flag": "extension", "named": "url"}.get(condition.kind, condition.member)
        member = f"{var}.{attribute(name)}"
        if condition.kind == "member" and condition.value == "true":
            shape.member(name, FLAG)
            return f"{member} is True"
        if condition.kind == "not-member":
            shape.member(name, TEXT)
            return f"{member} != {condition.value!r}"
        if condition.kind in ("member", "named"):
            shape.member(name, TEXT)
            texts = accepted(condition, self.tables.systems)
            if len(texts) == 1:
                return f"{member} == {next(iter(texts))!r}"
            known = f"accepted_{condition.value.removeprefix('@')}".replace("-", "_")
            return f"{member} in {self.readers.named(known, texts)}"
        if not name:
            raise Unsupported(f"{self.table.name}: entries by what they are themselves")
        shape.member(name, RAW)
        asked = replace(condition, kind="flag") if condition.kind == "no-flag" else condition
        if (var, asked) not in self.conditions_met:
            known = self.readers.named(*self.readers.fragments.condition(asked, name))
            text, met = self.local(), self.local()
            self.lines += [f"{pad}{text} = {member}", f"{pad}{met} = False", f"{pad}if {text} is not None:"]
            self.lines.append(f"{pad}    {met} = {self.memo_lookup(known, text, pad + '    ')}")
            self.conditions_met[var, asked] = met
        return (
            f"not {self.conditions_met[var, asked]}" if condition.kind == "no-flag" else self.conditions_met[var, asked]
        )

    def read_leaf(self, leaf: Row | Const, var: str, shape: Shape, name: str, pad: str, *, many: bool = False) -> None:
        """Add the lines that read a row's value into its variable, or check that a constant refers to the owner."""
        decoded = decoded_of(leaf)
        if isinstance(leaf, Const) or decoded == "reference":
            shape.inner(name, many=many).member("reference", TEXT)
            if isinstance(leaf, Const):
                self.lines += [f"{pad}if ids[{var}.reference] != owner:", f"{pad}    raise Doubt"]
            else:
                self.assign(leaf, f"ids[{var}.reference]", pad)
        elif leaf.is_table:
            self.inner_table(leaf, var, shape.inner(name, many=many), pad)
        elif decoded == "person-number":
            below = shape.inner(name, many=True)
            for member in ("system", "value", "use"):
                below.member(member, TEXT)
            known = self.readers.named("person_number", self.readers.fragments.person_number())
            self.assign(leaf, f"{known}({var})", pad)
        elif many:
            raise Unsupported(f"{self.table.name}: a list of {leaf.kind}")
        elif decoded == "words":
            shape.member(name, WORDS)
            self.lines += [f"{pad}{var} = {var}[0] if len({var}) == 1 else ' '.join({var})"]
            self.string(leaf, var, pad)
        elif decoded == "text":
            prose = self.string_kind(leaf) == "text"
            shape.member(name, PROSE if prose else TEXT)
            self.string(leaf, var, pad, decoded=prose)
        else:
            self.scalar(leaf, var, shape, name, pad)

    def scalar(self, row: Row, var: str, shape: Shape, name: str, pad: str) -> None:
        """Add the lines that read a flag, a number, a code, a day or a moment."""
        kind = KINDS[row.kind]
        shape.member(name, {"flag": FLAG, "number": NUMBER}.get(kind.decoded, TEXT))
        if kind.decoded == "flag" or len(row.domain) > 1:
            self.assign(row, var, pad)
            return
        known = f"{row.kind}_{self.table.name}_{var_of(row)}".replace("-", "_")
        self.readers.named(known, self.readers.fragments.scalar(self.table, row, memo=kind.scalar))
        self.assign(row, f"{known}[{var}]" if kind.scalar else f"{known}({var})", pad)

    def string_kind(self, row: Row) -> StringKind:
        """The kind of check for the row's text; see `drafts.string_kind`."""
        return string_kind(self.info(row.domain[0])) if len(row.domain) == 1 else None

    def string(self, row: Row, var: str, pad: str, *, decoded: bool = False) -> None:
        """Add the lines that check a text as its domain field does; with `decoded`, its length is checked already."""
        kind = self.string_kind(row)
        if kind == "id":
            self.lines.append(f"{pad}names({var})")
        elif kind == "text" and decoded:
            self.lines += [f"{pad}if {var}.isspace():", f"{pad}    raise Doubt"]
        elif kind == "text":
            self.lines += [f"{pad}if not {var} or len({var}) > 50000 or {var}.isspace():", f"{pad}    raise Doubt"]
        elif kind is not None:
            known = self.readers.named(f"known_{kind.__name__}", self.readers.fragments.identifier(kind))
            var = f"{known}[{var}]"
        else:
            known = f"string_{self.table.name}_{var_of(row)}"
            var = f"{self.readers.named(known, self.readers.fragments.string(self.table, row))}({var})"
        self.assign(row, var, pad)

    def inner_table(self, row: Row, var: str, shape: Shape, pad: str) -> None:
        """Add the lines that read a value by the reader of another table."""
        self.whole_table(row, shape)
        made = f"read_{row.of}({var}, ids, owner, names)"
        if not row.is_list:
            for number, last in enumerate(after(self.info(row.domain[0]))):
                made = f"{self.readers.named(f'after_{self.table.name}_{var_of(row)}_{number}', last)}({made})"
            self.assign(row, made, pad)
            return
        item = self.local()
        self.lines += [f"{pad}{item} = {made}", f"{pad}if {item} is not None:"]
        self.assign(row, item, pad + "    ")

    def whole_table(self, row: Row, shape: Shape, *, many: bool = False) -> None:
        """Compile the reader of the table that a row names. Raises `Unsupported` if that one only makes drafts."""
        self.readers.compile(row.of, shape, many=many)
        if row.of in self.readers.drafts:
            raise Unsupported(f"{row.of} does not make a whole value")

    def assign(self, row: Row, value: str, pad: str) -> None:
        """Add the line that sets the row's variable, or appends to it if the field is a list."""
        if value == var_of(row):
            return  # it is set already
        self.lines.append(f"{pad}{var_of(row)}.append({value})" if row.is_list else f"{pad}{var_of(row)} = {value}")

    def local(self) -> str:
        """A new local name."""
        self.count += 1
        return f"v{self.count}"


def var_of(row: Row) -> str:
    """The variable of a row."""
    return "check_only" if row.check_only else f"r_{'_'.join(row.domain)}"


def decoded_of(leaf: Row | Const) -> Decoded | None:
    """The way in which a row's leaf is decoded; None for a constant, or if another table reads it."""
    return None if isinstance(leaf, Const) or leaf.is_table else KINDS[leaf.kind].decoded
