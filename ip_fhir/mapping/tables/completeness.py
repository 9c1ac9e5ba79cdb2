"""Checks that tables are complete: each domain field has a row, each word of an enumeration a code, or a reason.

Every row names the clause of law or standard that it serves.

Errors that would make a lens wrong are refused when the tables are loaded (`tables.loading`, `lenses`). This module
finds omissions. It is run by the tests, and when an overlay is checked.
"""

from __future__ import annotations

import difflib
import re
from enum import Enum
from itertools import combinations
from typing import TYPE_CHECKING, Any, get_args

from ip_fhir.mapping.tables.domain_fields import domain_types, field_at, value_type

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.domain.values.value import Value
    from ip_fhir.mapping.tables.model import CodeTable, Const, Row, Table, Tables


def check_tables(tables: Tables, *others: Tables, assumes: bool = False) -> tuple[str, ...]:
    """List everything that is missing or does not fit, each as `table, row: reason`. Empty for a complete set.

    `others` are other sets made of the same files: a code table that only they use is used. With `assumes`, as for
    another system's way of writing, a row may have a default for what the domain requires.
    """
    types = domain_types()
    found: list[str] = []
    for table in tables.fields.values():
        if table.domain not in types:
            found.append(f"{table.name}: there is no domain type {table.domain}")
            continue
        found += _check_fields(table, types[table.domain], tables)
        found += _check_rows(table, types[table.domain], tables, assumes=assumes)
    found += _check_use(tables, others)
    found += _check_bundles(tables)
    found += _check_own_names(tables)
    return tuple(found)


def _check_fields(table: Table, kind: type[Value], tables: Tables) -> Iterator[str]:
    """Check that every field has a row, is a part of the whole, or is elsewhere for a reason."""
    parts = {part["field"] for bundle in tables.bundles if bundle["root"] == table.name for part in bundle["part"]}
    mapped = {row.domain for row in table.rows}
    for name in _uncovered(kind, mapped, ()):
        if name[0] not in parts and name[0] not in table.elsewhere:
            yield f"{table.name}, {'.'.join(name)}: has no row, is no part of a bundle and not listed as elsewhere"
    for field, reason in table.elsewhere.items():
        if field not in kind.model_fields:
            yield f"{table.name}, elsewhere {field}: {table.domain} has no such field"
        elif not reason.strip():
            yield f"{table.name}, elsewhere {field}: says no reason"
        elif field in {row.domain[0] for row in table.rows if not row.check_only}:
            yield f"{table.name}, elsewhere {field}: has a row here"


def _uncovered(kind: type[Value], mapped: set[tuple[str, ...]], above: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for name, field in kind.model_fields.items():
        path = (*above, name)
        if path in mapped:
            continue
        inner = value_type(field.annotation)
        if inner is not None and any(row[: len(path)] == path for row in mapped):
            yield from _uncovered(inner, mapped, path)
        else:
            yield path


def _check_rows(table: Table, kind: type[Value], tables: Tables, *, assumes: bool) -> Iterator[str]:
    for row in table.rows:
        where = f"{table.name}, {'.'.join(row.domain)}"
        if not row.law.strip():
            yield f"{where}: names no clause of law or standard that it serves (law)"
        if row.domain[0] in table.derived:
            if row.domain[0] in kind.model_fields:
                yield f"{where}: is listed as derived, and is a field of {table.domain}"
            continue
        field = field_at(table.domain, row.domain)
        if field is None:
            yield f"{where}: {table.domain} has no such field"
            continue
        if not ((assumes or row.assumed) and field.is_required()):
            yield from _check_default(where, row, field.default)
        yield from _check_kind(where, row, field.annotation, tables)


def _check_default(where: str, row: Row, default: Any) -> Iterator[str]:
    """Check that a resource without the field reads as the domain's default; empty lists and values need no row key."""
    word = default.value if isinstance(default, Enum) else default
    if not isinstance(word, str | int):  # None, nothing at all, an empty tuple, a value with nothing in it
        if row.default is not None:
            yield f"{where}: default is {row.default!r}, the domain has none"
    elif row.default is None and not row.required:
        yield f"{where}: the domain's default is {word!r}; the row says neither default nor required"
    elif row.default is not None and row.default != word:
        yield f"{where}: default is {row.default!r}, the domain's is {word!r}"


def _check_kind(where: str, row: Row, annotation: Any, tables: Tables) -> Iterator[str]:
    """A code table for an enumeration, a table of the right type for a value."""
    enumeration = next(_enumerations(annotation), None)
    model = value_type(annotation)
    if row.coded and enumeration is not None:
        yield from _check_codes(where, enumeration, tables.codes[row.of])
    elif row.coded:
        yield f"{where}: has the code table {row.of}, and is no enumeration"
    elif enumeration is not None:
        yield f"{where}: is an enumeration without a code table"
    if row.is_table and (model is None or model.__name__ != tables.fields[row.of].domain):
        yield f"{where}: the table {row.of} is for {tables.fields[row.of].domain}, which this field is not"


def _check_codes(where: str, enumeration: type[Enum], codes: CodeTable) -> Iterator[str]:
    members = {str(member.value) for member in enumeration}
    for word in sorted(members - set(codes.codings) - codes.uncoded):
        yield f"{where}: codes {codes.name} has no code to write for {word!r}, nor a row with use none"
    for word in sorted({*codes.codings, *codes.words.values(), *codes.uncoded} - members - {"*"}):
        yield f"{where}: codes {codes.name} has {word!r}, which {enumeration.__name__} has not"


def _check_use(tables: Tables, others: tuple[Tables, ...]) -> Iterator[str]:
    rows = [row for table in tables.fields.values() for row in table.rows]
    theirs = [row for other in others for table in other.fields.values() for row in table.rows]
    seconds = [second for row in (*rows, *theirs) if (second := row.converter.second) is not None]
    for name in sorted(set(tables.codes) - {row.of for row in (*rows, *theirs, *seconds) if row.coded}):
        yield f"codes {name}: no row uses it"
    used = {row.of for row in (*rows, *seconds) if row.is_table}
    used |= {name for bundle in tables.bundles for name in (bundle["root"], *(p["table"] for p in bundle["part"]))}
    for name, table in sorted(tables.fields.items()):
        if table.resource is None and name not in used:
            yield f"{name}: no row and no bundle uses it"


def _check_bundles(tables: Tables) -> Iterator[str]:
    """Check that a bundle's parts are fields of its root's domain type, each with a table of its own type."""
    for bundle in tables.bundles:
        for part in bundle["part"]:
            field = field_at(tables.fields[bundle["root"]].domain, (part["field"],))
            kind = None if field is None else value_type(field.annotation)
            if kind is None or kind.__name__ != tables.fields[part["table"]].domain:
                reason = f"{part['table']} is for another type than the field"
                yield f"bundles {bundle['name']}, {part['field']}: {reason}"


_OWN_NAME = re.compile(r"(?:ip|cs|id)-[a-z0-9]+(?:-[a-z0-9]+)*")
_IN_PATH = {"extension": "ip-", "flag": "ip-", "coding": "cs-", "system": "id-"}


def _check_own_names(tables: Tables) -> Iterator[str]:
    """Look for our own names that are nearly alike: names come into being by use, so a typing error makes a new one."""
    names: dict[str, str] = {}
    for where, use, name in _names(tables):
        if name in tables.systems.uris:
            continue
        names.setdefault(name, where)
        if not _OWN_NAME.fullmatch(name) or not name.startswith(_IN_PATH[use]):
            yield f"{where}: {name!r} is no name for a {use} of our own ({_IN_PATH[use]}lower-case-words)"
    for one, other in combinations(sorted(names), 2):
        if one[:3] == other[:3] and _alike(one[3:], other[3:]):
            yield f"{names[one]} and {names[other]}: {one!r} and {other!r} look like one name spelled in two ways"


def _alike(one: str, other: str) -> bool:
    bare = [re.sub(r"-|s$", "", name) for name in (one, other)]
    return bare[0] == bare[1] or difflib.SequenceMatcher(None, one, other).ratio() > 0.92


def _names(tables: Tables) -> Iterator[tuple[str, str, str]]:
    """Yield every system name that a path of FHIR or a code table uses: its place, its use, the name."""
    for table in (table for table in tables.fields.values() if table.dialect == "fhir"):
        parts: list[Row | Const] = [*table.rows, *table.consts]
        for part in parts:
            where = f"{table.name}, {part.place}"
            for segment in part.path:
                for condition in segment.conditions:
                    if condition.kind == "coding":
                        yield where, "coding", condition.value.partition("#")[0]
                    elif condition.kind in ("flag", "no-flag"):
                        yield where, "flag", condition.member
                    elif condition.kind == "named" and not condition.value.startswith("="):
                        yield where, "extension", condition.value
                    elif condition.value.startswith("@"):
                        yield where, "coding" if condition.value.startswith("@cs-") else "system", condition.value[1:]
    for name, codes in tables.codes.items():
        own = {uri for uri in codes.closed if uri.startswith(f"{tables.systems.base}/CodeSystem/")}
        yield from ((f"codes {name}", "coding", f"cs-{uri.rpartition('/')[2]}") for uri in sorted(own))


def _enumerations(annotation: Any) -> Iterator[type[Enum]]:
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        yield annotation
    for part in get_args(annotation):
        yield from _enumerations(part)
