"""Reads the tables under mappings/: systems, code tables, field tables. Errors name the row."""

from __future__ import annotations

import csv
import tomllib
from functools import cache
from typing import TYPE_CHECKING, Any

from ip_fhir.errors import MappingError
from ip_fhir.fhir.data import root
from ip_fhir.mapping.tables.checks import checks_of
from ip_fhir.mapping.tables.model import USES, CodeTable, Const, Converter, Row, Source, Systems, Table, Tables
from ip_fhir.mapping.tables.modifiers import unsaid
from ip_fhir.mapping.tables.paths import parse_path
from ip_fhir.mapping.tables.row_keys import ROW_KEYS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable


@cache
def read_source() -> Source:
    """The parsed files under mappings/, read once. Shared: callers must not change it."""
    directory = root()
    codes = {e.name.removesuffix(".csv"): _code_rows(e) for e in _files(directory / "codes", ".csv")}
    tables: dict[str, dict[str, Any]] = {}
    for entry in _files(directory / "fields", ".toml"):
        tables |= {data["name"]: data for data in tomllib.loads(entry.read_text(encoding="utf-8"))["table"]}
    return Source(
        systems=tomllib.loads((directory / "systems.toml").read_text(encoding="utf-8")),
        codes=codes,
        tables=tables,
        bundles=tuple(tomllib.loads((directory / "bundles.toml").read_text(encoding="utf-8"))["bundle"]),
    )


def _files(directory: Traversable, suffix: str) -> list[Traversable]:
    return sorted((e for e in directory.iterdir() if e.name.endswith(suffix)), key=lambda entry: entry.name)


def _code_rows(entry: Traversable) -> list[dict[str, str]]:
    """Lines that start with # are the head."""
    lines = [line for line in entry.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    return list(csv.DictReader(lines))


def build_tables(source: Source) -> Tables:
    """Build the tables from parsed files. Raises `MappingError` naming table, row and reason."""
    systems = systems_of(source.systems)
    codes = {name: code_table(name, rows, systems) for name, rows in source.codes.items()}
    fields = {name: _table(data) for name, data in source.tables.items()}
    for number, bundle in enumerate(source.bundles, start=1):
        _check_bundle(bundle, fields, f"bundles row {number}")
    if problems := tuple(dict.fromkeys(unsaid(fields, source.fhir))):
        raise MappingError(*problems)
    return Tables(systems, codes, fields, source.bundles)


def _known_keys(data: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    if unknown := set(data) - known:
        raise MappingError(f"{where}: unknown key {', '.join(sorted(unknown))}")


def _check_bundle(data: Mapping[str, Any], fields: Mapping[str, Table], where: str) -> None:
    _known_keys(data, frozenset({"name", "root", "part", "derived"}), where)
    parts, derived = data.get("part", ()), data.get("derived", ())
    for part in parts:
        _known_keys(part, frozenset({"field", "table", "by_root", "one", "in_doubt"}), where)
        if part.get("in_doubt", "refusal") != "refusal":
            raise MappingError(
                f"{where}: there is no rule {part['in_doubt']!r} for what is in doubt; there is 'refusal'"
            )
    for one in derived:
        _known_keys(one, frozenset({"table", "rule"}), where)
    for name in (data.get("root"), *(row.get("table") for row in (*parts, *derived))):
        if name not in fields or fields[name].resource is None:
            raise MappingError(f"{where}: there is no table {name!r} of a resource")


@cache
def load_tables() -> Tables:
    """The tables as they ship. Raises `MappingError` naming table, row and reason."""
    return build_tables(read_source())


def systems_of(data: dict[str, Any]) -> Systems:
    """The names for URIs, as they stand in systems.toml."""
    named: dict[str, dict[str, Any]] = data.get("system", {})
    for name, entry in named.items():
        _known_keys(entry, frozenset({"uri", "aliases"}), f"systems {name}")
        if not isinstance(entry.get("uri"), str):
            raise MappingError(f"systems {name}: has no uri")
    if not isinstance(data.get("base"), str):
        raise MappingError("systems: has no base")
    uris = {name: entry["uri"] for name, entry in named.items()}
    bare = Systems(data["base"], uris, {})
    v2 = {bare.uri(name): mnemonic for name, mnemonic in data.get("v2", {}).items()}
    aliases = {name: tuple(entry.get("aliases", ())) for name, entry in named.items()}
    owners: dict[str, str] = {}
    for name, uri in [*uris.items(), *((name, alias) for name, several in aliases.items() for alias in several)]:
        if owners.setdefault(uri, name) != name:
            raise MappingError(f"systems {name}: {uri} is also {owners[uri]}")
    return Systems(data["base"], uris, aliases, v2)


def code_table(name: str, rows: list[dict[str, str]], systems: Systems) -> CodeTable:
    """Columns: domain, system, code, display, use (both | read | beside | none), note.

    `beside` is a further coding of a CodeableConcept, written beside ours and not read (a site's own list).
    A row `*,system,,,none` says that the system has other codes, which have no counterpart and are left alone.
    """
    codings: dict[str, dict[str, str]] = {}
    words: dict[tuple[str, str], str] = {}
    known: set[str] = set()
    uncoded: set[str] = set()
    beside: dict[str, tuple[dict[str, str], ...]] = {}
    open_: set[str] = set()
    for number, row in enumerate(rows, start=1):
        _check_columns(row, f"codes {name}, row {number}")
        where = f"codes {name}, row {number} ({row['domain']})"
        word, use = row["domain"], row["use"]
        if use not in USES:
            message = f"{where}: use is {use!r}, not {', '.join(USES)}"
            raise MappingError(message)
        if use == "beside":
            beside[word] = (*beside.get(word, ()), _coding(row, systems))
            continue
        if use == "none":
            uncoded.add(word)
            if word == "*":
                open_ |= systems.accepted(row["system"])
            continue
        accepted = systems.accepted(row["system"]) if row["system"] else frozenset({""})
        known |= accepted - {""}
        for uri in accepted:
            if (other := words.setdefault((uri, row["code"]), word)) != word:
                message = f"{where}: code {row['code']!r} stands for {other!r} too"
                raise MappingError(message)
        if use == "both":
            if word in codings:
                message = f"{where}: {word!r} has two codes to write"
                raise MappingError(message)
            codings[word] = _coding(row, systems)
    mnemonics = {uri: systems.mnemonic(uri) for uri in sorted(known)}
    closed, left = frozenset(known - open_), frozenset(uncoded)
    return CodeTable(name, codings, words, closed, left, beside, tuple(rows), mnemonics)


_COLUMNS = frozenset(("domain", "system", "code", "display", "use", "note"))


def _check_columns(row: Mapping[str, Any], where: str) -> None:
    if set(row) != _COLUMNS or not all(isinstance(value, str) for value in row.values()):
        raise MappingError(f"{where}: does not have the columns {', '.join(sorted(_COLUMNS))}")


def _coding(row: dict[str, str], systems: Systems) -> dict[str, str]:
    if not row["system"]:
        return {"code": row["code"]}
    coding = {"system": systems.uri(row["system"]), "code": row["code"]}
    return {**coding, "display": row["display"]} if row["display"] else coding


_PLAIN = ("key", "default", "required", "match", "check_only", "write_default", "law", "strict", "assumed")
_KIND_KEYS = ("type", "codes", "as", "table")
_KEYS = frozenset(key.name for key in ROW_KEYS) - {"fhir"}  # the key of a path is its dialect's name
_TABLE_KEYS = frozenset(
    ("name", "domain", "dialect", "resource", "row", "const", "elsewhere", "derived", "unread", "within", "check")
)
_CONST_KEYS = frozenset(("value", "owner", "match", "free"))
_CONVERTERS = {
    "second-place": ("place",),
    "only-where": ("field", "is"),
    "set-by-another": ("place", "field", "is"),
    "table-by-word": ("field", "is", "table"),
}
"""The options that each converter must have; `place` is a path with the keys of its leaf kind."""


def _table(data: dict[str, Any]) -> Table:
    where = f"table {data.get('name', '(unnamed)')}"
    _known_keys(data, _TABLE_KEYS, where)
    dialect = data.get("dialect", "fhir")
    try:
        return Table(
            name=data["name"],
            domain=data["domain"],
            dialect=dialect,
            resource=data.get("resource"),
            rows=tuple(_row(row, dialect, f"{where} row {n}") for n, row in enumerate(data["row"], start=1)),
            consts=tuple(
                _const(const, dialect, f"{where} const {n}") for n, const in enumerate(data.get("const", ()), start=1)
            ),
            checks=tuple(checks_of(data, dialect, where)),
            elsewhere=data.get("elsewhere", {}),
            derived=data.get("derived", {}),
        )
    except KeyError as missing:
        raise MappingError(f"{where}: {missing} is missing") from None


def _const(data: dict[str, Any], dialect: str, where: str) -> Const:
    _known_keys(data, _CONST_KEYS | {dialect}, where)
    try:
        path = parse_path(data[dialect])
    except MappingError as error:
        raise MappingError(f"{where}: {error}") from None
    flags = {key: data[key] for key in ("owner", "match", "free") if key in data}
    return Const(data[dialect], path, data.get("value"), **flags)


def row_of(data: dict[str, Any], dialect: str = "fhir") -> Row:
    """Build a row from a file; its path is under the dialect's name. Raises `MappingError` with the reason."""
    if unknown := set(data) - _KEYS - {dialect}:
        raise MappingError(f"unknown key {', '.join(sorted(unknown))}")
    for name in ("domain", dialect):
        if not isinstance(data.get(name), str):
            raise MappingError(f"{name!r} is missing, or no text")
    if not isinstance(data.get("law", ""), str):
        raise MappingError("'law' is no text")
    kinds = [(data.get("as", "concept"), "codes"), ("table", "table"), (data.get("type", "string"), "")]
    kind, source = next(pair for pair in kinds if not pair[1] or pair[1] in data)
    return Row(
        domain=tuple(data["domain"].split(".")),
        place=data[dialect],
        path=parse_path(data[dialect]),
        kind=kind,
        of=data[source] if source else "",
        coded=source == "codes",
        converter=_converter(data, dialect) if "converter" in data else Converter(),
        **{key: data[key] for key in _PLAIN if key in data},
    )


def _converter(data: dict[str, Any], dialect: str) -> Converter:
    """The converter that a row names, with its options."""
    given = data["converter"]
    name = given.get("name") if isinstance(given, dict) else None
    if name not in _CONVERTERS:
        raise MappingError(f"a converter is {{ name = … }} with one of the names {', '.join(_CONVERTERS)}")
    needed = {dialect if option == "place" else option for option in _CONVERTERS[name]}
    kind_keys = {"type", "codes", "as"} if dialect in needed else set()
    if unknown := set(given) - needed - kind_keys - {"name"}:
        raise MappingError(f"converter {name}: unknown key {', '.join(sorted(unknown))}")
    if lacking := needed - set(given):
        raise MappingError(f"converter {name}: {', '.join(sorted(lacking))} is missing")
    second = {key: value for key, value in given.items() if key in (dialect, *_KIND_KEYS)}
    if "table" in second:  # it is for the row's own place
        second |= {key: data[key] for key in (dialect, "key", "strict") if key in data}
    place = row_of({"domain": data["domain"], **second}, dialect) if second else None
    return Converter(name, place, given.get("field", ""), given.get("is", ""))


def _row(data: dict[str, Any], dialect: str, where: str) -> Row:
    try:
        return row_of(data, dialect)
    except MappingError as error:
        raise MappingError(f"{where}: {error}") from None
