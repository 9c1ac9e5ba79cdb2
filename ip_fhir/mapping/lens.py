"""From a table to a lens: `get`, `put` and `new`, built once when the tables are loaded.

    get(put(d, r)) == d              what was written is read back
    put(get(r), r) == r              writing what was read changes nothing, whatever else is in r
    put(d2, put(d1, r)) == put(d2, r)

Domain data here is the JSON form of a domain value (`Value.model_dump(mode="json")`), not the value itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ip_fhir.domain.value import Value
from ip_fhir.errors import MappingError
from ip_fhir.fhir.bundle import UNKNOWN_RULES
from ip_fhir.mapping import nodes
from ip_fhir.mapping.field_lens import FieldLens, lens_of, value_at
from ip_fhir.mapping.leaves import Code, Coding, Concept, Constant, leaves
from ip_fhir.mapping.limits import limits_of
from ip_fhir.mapping.links import Links
from ip_fhir.mapping.nodes import Node, Wrong, expect
from ip_fhir.mapping.places import place, which

if TYPE_CHECKING:
    from collections.abc import Callable

    from ip_fhir.mapping.limits import Limits
    from ip_fhir.mapping.paths import Condition, Segment
    from ip_fhir.mapping.tables import CodeTable, Const, Row, Systems, Table, Tables


class TableLens:
    """The lens of one table. As a `Node` it serves as the inner lens of a row that names the table."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self.fields: list[FieldLens] = []
        self.consts: list[tuple[Const, Node]] = []
        self.limits: Limits | None = None
        self.modifiers: frozenset[str] = frozenset()  # the modifierExtensions that rows read

    def get(self, node: Any, links: Links) -> dict[str, Any] | None:
        """The domain data that the table finds in the node; None where it finds nothing in a part of a resource."""
        expect(node, dict, "an object")
        if "modifierExtension" in node:
            self._check_modifiers(node["modifierExtension"])
        if self.table.resource is not None and node.get("resourceType") != self.table.resource:
            raise Wrong(f"is not a {self.table.resource}", "structure", "resourceType")
        self._check_limits(node)
        data: dict[str, Any] = {}
        for lens in self.fields:
            value = lens.read(node, links)
            row = lens.row
            if value is None:
                if row.required:
                    raise Wrong("is required", "required", place(lens.node, (), node))
            elif not row.echo:
                target = data
                for name in row.domain[:-1]:
                    target = target.setdefault(name, {})
                target[row.domain[-1]] = value
        self._check_owner(node, links)
        return data if data or self.table.resource is not None else None

    def put(self, value: Any, node: Any, links: Links) -> Any:
        """The node with the table's fields as in `value`.

        None when `value` is None, and nothing else is in the node or what is left is nothing without what was required.
        """
        if value is None and self.table.resource is None and any(lens.row.required for lens in self.fields):
            return None
        return self.put_new(value, None, links) if node is None else self._put(value, node, links)

    def put_new(self, value: Any, node: Any, links: Links) -> Any:
        """A new node; `node` is what the path to it asks for."""
        return self._put(value, {**(node or {}), **self.skeleton(links)}, links, is_new=True)

    def _put(self, value: Any, node: Any, links: Links, *, is_new: bool = False) -> Any:
        result = expect(node, dict, "an object")
        self._check_limits(result)
        for lens in self.fields:
            if is_new or not lens.row.echo or not self._says(node, lens.row.domain, value, links):
                result = lens.write(value, result, links, resource_is_new=is_new) or {}
        if value is None and (not result or result == self.skeleton(links)):
            return None
        return result

    def _says(self, node: Any, domain: tuple[str, ...], value: Any, links: Links) -> bool:
        """Whether the node says a field as `value` does; its echo is left alone then, whatever it says."""
        return any(
            lens.read(node, links) == value_at(value, domain)
            for lens in self.fields
            if lens.row.domain == domain and not lens.row.echo
        )

    def owns(self, node: Any) -> bool:
        """Whether the node has what the table's `match` rows and constants ask for."""
        if type(node) is not dict or node.get("resourceType", self.table.resource) != self.table.resource:
            return False
        rows = (lens.node for lens in self.fields if lens.row.match)
        return all(r.owns(node) for r in rows) and all(n.owns(node) for c, n in self.consts if c.match)

    def skeleton(self, links: Links) -> dict[str, Any]:
        """A new node with the fixed parts."""
        result: dict[str, Any] = {} if self.table.resource is None else {"resourceType": self.table.resource}
        for const, node in self.consts:
            value = links.owner if const.owner else True
            if value is not None:
                result = node.put(value, result, links)
        return result

    def _check_limits(self, node: dict[str, Any]) -> None:
        """What would make the rows mean something else. FHIR: a resource by unknown rules may not be processed."""
        if self.table.resource is not None and "implicitRules" in node:
            raise Wrong(UNKNOWN_RULES, "not-supported", "implicitRules")
        if self.limits is not None:
            self.limits.check(node)

    def _check_modifiers(self, extensions: Any) -> None:
        for number, extension in enumerate(expect(extensions, list, "a list")):
            if type(extension) is not dict or _text(extension.get("url")) not in self.modifiers:
                at = f"modifierExtension[{number}]" if self.modifiers else "modifierExtension"
                raise Wrong("is unknown here and changes the meaning of what is mapped", "not-supported", at)

    def row_of(self, names: tuple[str, ...]) -> FieldLens | None:
        """The row that a domain path belongs to: the longest that it begins with, else the first below it."""
        above = [lens for lens in self.fields if names[: len(lens.row.domain)] == lens.row.domain]
        below = (lens for lens in self.fields if names and lens.row.domain[: len(names)] == names)
        return max(above, key=lambda lens: len(lens.row.domain), default=None) or next(below, None)

    def _check_owner(self, node: Any, links: Links) -> None:
        if links.owner is None:
            return
        for const, lens in self.consts:
            if const.owner and lens.get(node, links) not in (None, links.owner):
                raise Wrong("is about another person", "invariant", place(lens, (), node))


class Lens:
    """What callers get by name: the table's three functions on whole resources, with errors made for people."""

    def __init__(self, inner: TableLens) -> None:
        self.inner = inner
        self.name = inner.table.name
        self.resource = inner.table.resource

    def get(self, resource: Any, links: Links | None = None, at: str | None = None) -> dict[str, Any]:
        """The domain data in the resource; `at` is where that stands. Raises `InvalidInput` with the FHIRPath."""
        try:
            return self.inner.get(resource, Links.within(resource) if links is None else links) or {}
        except Wrong as wrong:
            raise wrong.to_error(at or self.name) from None

    def put(
        self, value: Value | dict[str, Any], resource: Any, links: Links | None = None, at: str | None = None
    ) -> dict[str, Any]:
        """The resource with what `value` says, and nothing else changed. `resource` itself is not changed."""
        try:
            links = Links.within(resource) if links is None else links
            result: dict[str, Any] = self.inner.put(data_of(value), resource, links)
        except Wrong as wrong:
            raise wrong.to_error(at or self.name) from None
        return result

    def new(self, value: Value | dict[str, Any], links: Links | None = None) -> dict[str, Any]:
        """A new resource that says what `value` says."""
        return self.put(value, None, Links({}, closed=False) if links is None else links)

    def owns(self, resource: Any) -> bool:
        """Whether the resource is one that this table is for."""
        return self.inner.owns(resource)

    def where(self, domain: str, resource: Any) -> str:
        """Where a domain path (`measures.0.goals.1`) stands in the resource, as FHIRPath; empty: in the whole of it."""
        return place(self.inner, tuple(domain.split(".")), resource)


def data_of(value: Value | dict[str, Any]) -> dict[str, Any]:
    """The JSON form of a value: what the lenses work on."""
    return value.model_dump(mode="json", exclude_none=True) if isinstance(value, Value) else value


def build_lenses(tables: Tables) -> dict[str, TableLens]:
    """Compile every table; tables may name each other. Raises `MappingError` naming table, row and reason."""
    built = {name: TableLens(table) for name, table in tables.fields.items()}
    simple = leaves(tables.systems)
    for name, table in tables.fields.items():
        if table.unread or table.within:
            built[name].limits = limits_of(table, tables.systems)
        for row in table.rows:
            try:
                places = [place for place in (row, row.also, row.lead) if place is not None]
                compiled = [compile_path(p.path, leaf_of(p, tables, built, simple), p, tables.systems) for p in places]
            except MappingError as error:
                message = f"{name}, row {'.'.join(row.domain)}: {error}"
                raise MappingError(message) from None
            built[name].fields.append(lens_of(row)(row, *compiled))
        built[name].modifiers = _modifiers(table, tables.systems)
        _choose(built, table, tables)
        for const in table.consts:
            inner: Node = simple["reference"] if const.owner else Constant(based(const.value, tables.systems))
            try:
                built[name].consts.append((const, compile_path(const.path, inner, None, tables.systems)))
            except MappingError as error:
                message = f"{name}, const {const.fhir}: {error}"
                raise MappingError(message) from None
    return built


def _modifiers(table: Table, systems: Systems) -> frozenset[str]:
    """The URLs of the modifierExtensions that the table's rows read."""
    own = (row.path[0] for row in table.rows if row.path[0].name == "modifierExtension")
    return frozenset(uri for step in own for c in step.conditions for uri in systems.accepted(c.value[1:]))


def _choose(built: dict[str, TableLens], table: Table, tables: Tables) -> None:
    """Give the rows with `unless` their second lens, those with `when` the lens that says whether."""
    fields = {lens.row.field: lens for lens in built[table.name].fields}
    for lens in built[table.name].fields:
        if lens.row.unless is not None:
            field, word, other = lens.row.unless
            node = compile_path(lens.row.path, built[other], lens.row, tables.systems)
            lens.unless = (fields[field], word, node)
        if lens.row.when is not None:
            lens.when = fields[lens.row.when[0]]


def based(value: Any, systems: Systems) -> Any:
    """`@base` at the start of a fixed value is the base of our own canonicals."""
    return value.replace("@base", systems.base, 1) if isinstance(value, str) and value.startswith("@base") else value


def leaf_of(row: Row, tables: Tables, built: dict[str, TableLens], simple: dict[str, Node]) -> Node:
    """The lens at the end of the row's path. Raises `MappingError` with the reason."""
    if row.key is not None and (row.kind != "table" or all(s.entries != "each" for s in row.path)):
        raise MappingError("has a key, and is no list of a table")
    if row.kind == "table":
        if row.of not in built:
            raise MappingError(f"there is no table {row.of!r}")
        if row.key is not None and (row.key,) not in {inner.domain for inner in built[row.of].table.rows}:
            raise MappingError(f"the table {row.of} has no row for the key {row.key!r}")
        return built[row.of]
    coded: dict[str, Callable[[CodeTable], Node]] = {"code": Code, "coding": Coding, "concept": Concept}
    if row.kind not in coded:
        if row.kind not in simple:
            raise MappingError(f"there is no type {row.kind!r}; there are {', '.join(sorted(simple))}")
        return simple[row.kind]
    if row.of not in tables.codes:
        raise MappingError(f"there is no code table {row.of!r}")
    codes = tables.codes[row.of]
    if row.default is not None and row.default not in codes.codings:
        raise MappingError(f"the default {row.default!r} has no code in the table {row.of}")
    if row.kind == "code" and any(system for system, _ in codes.words):
        raise MappingError(f"is a bare code, and the table {row.of} has systems")
    return coded[row.kind](codes)


def compile_path(path: tuple[Segment, ...], inner: Node, row: Row | None, systems: Systems) -> Node:
    """The lens on a path, with the `inner` one at its end."""
    closed = row is not None and row.closed
    if closed and not any(segment.entries in ("each", "own") for segment in path):
        inner = nodes.Known(inner)
    for segment in reversed(path):
        if segment.entries != "none":
            match, skeleton = _matcher(segment, systems)
            entry = nodes.Matching(match, skeleton, inner)
            if segment.entries == "each":
                key = row.key if row is not None else None
                prefix = row.domain[-1].rstrip("s") if row is not None else ""
                rewrite = row is not None and row.kind == "table"
                inner = nodes.Each(entry, key, prefix, rewrite=rewrite, closed=closed)
            elif segment.entries == "object":
                inner = entry
            else:
                kind = segment.entries
                inner = nodes.One(entry, which(segment, systems), kind, closed=closed and kind == "own")
        inner = nodes.Member(segment.name, inner, guarded=segment is not path[0])
    return inner


def _matcher(segment: Segment, systems: Systems) -> tuple[Callable[[Any], bool], Callable[[], Any]]:
    """The test an entry must pass, and a new entry that passes it."""
    tests = [test_of(condition, systems) for condition in segment.conditions]
    if not tests:
        return (lambda _node: True), (lambda: None)

    return (lambda node: type(node) is dict and all(test(node) for test in tests)), lambda: fixed_parts(
        segment, systems
    )


def fixed_parts(segment: Segment, systems: Systems) -> dict[str, Any]:
    """What a new entry that matches the segment holds from the start."""
    return {k: v for condition in segment.conditions for k, v in _fixed(condition, systems).items()}


def test_of(condition: Condition, systems: Systems) -> Callable[[dict[str, Any]], bool]:
    """The test of one condition on an entry."""
    member, value = condition.member, condition.value
    if condition.kind == "member" and value == "true":
        return lambda node: node.get(member) is True
    if condition.kind == "member" and value == "*":
        return lambda node: member in node
    if condition.kind == "member":
        accepted = systems.accepted(value[1:]) if value.startswith("@") else frozenset({value})
        return lambda node: _text(node.get(member)) in accepted
    if condition.kind == "coding":
        name, _, code = value.partition("#")
        uris = systems.accepted(name)
        return lambda node: _has_coding(node.get(member) if member else node, uris, code)
    url = systems.uri(member)
    present = condition.kind == "flag"
    return lambda node: _has_flag(node, url) is present


def _fixed(condition: Condition, systems: Systems) -> dict[str, Any]:
    member, value = condition.member, condition.value
    if condition.kind == "member":
        fixed = {member: systems.uri(value[1:]) if value.startswith("@") else value == "true" or value}
        return {} if value == "*" else fixed
    if condition.kind == "coding":
        name, _, code = value.partition("#")
        concept = {"coding": [{"system": systems.uri(name), "code": code}]}
        return {member: [concept] if condition.many else concept} if member else concept
    return {"extension": [{"url": systems.uri(member), "valueBoolean": True}]} if condition.kind == "flag" else {}


def _text(value: Any) -> str | None:
    return value if type(value) is str else None


def _has_coding(concept: Any, systems: frozenset[str], code: str) -> bool:
    concepts = concept if type(concept) is list else [concept]
    return any(
        type(coding) is dict and coding.get("code") == code and _text(coding.get("system")) in systems
        for one in concepts
        if type(one) is dict and type(one.get("coding")) is list
        for coding in one["coding"]
    )


def _has_flag(node: dict[str, Any], url: str) -> bool:
    extensions = node.get("extension")
    return type(extensions) is list and any(
        type(e) is dict and e.get("url") == url and e.get("valueBoolean") is True for e in extensions
    )
