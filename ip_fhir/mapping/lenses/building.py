"""From the tables to lenses, once when they are loaded: a path becomes lenses in each other, a row a field's lens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ip_fhir.errors import MappingError
from ip_fhir.mapping.dialects.fhir.codes import Code, Coding, Concept
from ip_fhir.mapping.dialects.fhir.fhirpath import which
from ip_fhir.mapping.dialects.fhir.leaves import Constant, leaves
from ip_fhir.mapping.dialects.fhir.limits import limits_of
from ip_fhir.mapping.lenses.lists import Each, One
from ip_fhir.mapping.lenses.nodes import Known, Matching, Member, Node
from ip_fhir.mapping.lenses.row import lens_of
from ip_fhir.mapping.lenses.table import TableLens
from ip_fhir.mapping.lenses.wrong import text_or_none

if TYPE_CHECKING:
    from collections.abc import Callable

    from ip_fhir.mapping.tables.model import CodeTable, Row, Systems, Table, Tables
    from ip_fhir.mapping.tables.paths import Condition, Segment


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
        inner = Known(inner)
    for segment in reversed(path):
        if segment.entries != "none":
            match, skeleton = _matcher(segment, systems)
            entry = Matching(match, skeleton, inner)
            if segment.entries == "each":
                key = row.key if row is not None else None
                prefix = row.domain[-1].rstrip("s") if row is not None else ""
                rewrite = row is not None and row.kind == "table"
                inner = Each(entry, key, prefix, rewrite=rewrite, closed=closed)
            elif segment.entries == "object":
                inner = entry
            else:
                kind = segment.entries
                inner = One(entry, which(segment, systems), kind, closed=closed and kind == "own")
        inner = Member(segment.name, inner, guarded=segment is not path[0])
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
        return lambda node: text_or_none(node.get(member)) in accepted
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


def _has_coding(concept: Any, systems: frozenset[str], code: str) -> bool:
    concepts = concept if type(concept) is list else [concept]
    return any(
        type(coding) is dict and coding.get("code") == code and text_or_none(coding.get("system")) in systems
        for one in concepts
        if type(one) is dict and type(one.get("coding")) is list
        for coding in one["coding"]
    )


def _has_flag(node: dict[str, Any], url: str) -> bool:
    extensions = node.get("extension")
    return type(extensions) is list and any(
        type(e) is dict and e.get("url") == url and e.get("valueBoolean") is True for e in extensions
    )
