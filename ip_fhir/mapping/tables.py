"""Reading the tables under mappings/: systems, code tables, field tables. What is wrong is found here, with the row."""

from __future__ import annotations

import csv
import tomllib
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ip_fhir.errors import MappingError
from ip_fhir.mapping.paths import Segment, parse_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from importlib.resources.abc import Traversable


@dataclass(frozen=True, slots=True)
class Systems:
    """Names for the URIs of identifier systems, code systems and extensions, with the aliases accepted on read."""

    base: str
    uris: Mapping[str, str]
    aliases: Mapping[str, tuple[str, ...]]

    def uri(self, name: str) -> str:
        """The URI that is written. Own names: `ip-` an extension, `cs-` a code system, `id-` an identifier system."""
        if name in self.uris:
            return self.uris[name]
        prefix, _, rest = name.partition("-")
        if not rest or prefix not in _OWN:
            message = f"systems.toml has no name {name!r}"
            raise MappingError(message)
        return f"{self.base}/{_OWN[prefix]}/{name if prefix == 'ip' else rest}"

    def accepted(self, name: str) -> frozenset[str]:
        """Every URI that is read as this name."""
        return frozenset((self.uri(name), *self.aliases.get(name, ())))


_OWN = {"ip": "StructureDefinition", "cs": "CodeSystem", "id": "identifier"}


@dataclass(frozen=True, slots=True)
class CodeTable:
    """One code table, both ways. `codings` gives the domain's word its Coding, `words` a (system, code) its word."""

    name: str
    codings: Mapping[str, dict[str, str]]
    words: Mapping[tuple[str, str], str]
    closed: frozenset[str]  # systems whose other codes are refused
    uncoded: frozenset[str]  # words that are known to have no counterpart
    beside: Mapping[str, tuple[dict[str, str], ...]] = field(default_factory=dict)  # a word's further codings
    rows: tuple[Mapping[str, str], ...] = ()  # as they stand, for who reviews them


@dataclass(frozen=True, slots=True)
class Row:
    """One domain field joined to one place in the resource.

    `kind` is a leaf type; or `code`, `coding`, `concept` with `of` a code table; or `table` with `of` a field table.
    """

    domain: tuple[str, ...]
    fhir: str
    path: tuple[Segment, ...]
    kind: str
    of: str = ""
    key: str | None = None
    default: Any = None
    required: bool = False
    match: bool = False
    echo: bool = False  # written with its field, read only to compare
    always: bool = False  # written in a new resource even if it says the default
    closed: bool = False  # what stands there and cannot be read is refused: left out, it would say something else
    also: Row | None = None  # a second place: read if the first says nothing, written only where it stands
    unless: tuple[str, str, str] | None = None  # where that field has that word, another table holds
    when: tuple[str, str] | None = None  # where that field has that word, the row holds; else its place is not ours
    lead: Row | None = None  # a place of another system's that counts before this one; with `when` after it
    law: str = ""  # the clause of law or standard that it serves, by a name of mappings/sources.toml

    @property
    def is_list(self) -> bool:
        """Whether the field is a list: the path has a `[*]`."""
        return any(segment.entries == "each" for segment in self.path)

    @property
    def field(self) -> str:
        """The domain field in dots."""
        return ".".join(self.domain)


@dataclass(frozen=True, slots=True)
class Const:
    """A fixed part: a value, a matching entry, or a reference to the plan owner. Written when the resource is new.

    With `match`, a resource without it is not this table's.
    """

    fhir: str
    path: tuple[Segment, ...]
    value: Any = None
    owner: bool = False
    match: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """One field table: a domain type and the FHIR type it stands for.

    `elsewhere` says of domain fields without a row where they are, `derived` of rows' fields that the domain type does
    not have what they come from.
    """

    name: str
    domain: str
    resource: str | None
    rows: tuple[Row, ...]
    consts: tuple[Const, ...] = ()
    unread: tuple[str, ...] = ()  # paths that no row reads and that limit what the rows read: there, reading refuses
    within: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # by path, codings of which one must be there
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    derived: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tables:
    """All tables of one set."""

    systems: Systems
    codes: Mapping[str, CodeTable]
    fields: Mapping[str, Table] = field(default_factory=dict)
    bundles: tuple[Mapping[str, Any], ...] = ()  # which parts of a whole become which resources


@dataclass(frozen=True, slots=True)
class Source:
    """What stands in the files, not yet understood: what an overlay changes a copy of."""

    systems: dict[str, Any]
    codes: dict[str, list[dict[str, str]]]
    tables: dict[str, dict[str, Any]]
    bundles: tuple[dict[str, Any], ...]


def root() -> Traversable:
    """The directory of tables: inside the package when installed, else beside it in a checkout."""
    packaged = resources.files("ip_fhir") / "_mappings"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "mappings"


@cache
def read_source() -> Source:
    """The files under mappings/, read once; nobody changes what this gives."""
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
    """Understand what was read. Raises `MappingError` naming table, row and reason."""
    systems = systems_of(source.systems)
    codes = {name: code_table(name, rows, systems) for name, rows in source.codes.items()}
    fields = {name: _table(data) for name, data in source.tables.items()}
    for number, bundle in enumerate(source.bundles, start=1):
        _check_bundle(bundle, fields, f"bundles row {number}")
    return Tables(systems, codes, fields, source.bundles)


def _known_keys(data: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    if unknown := set(data) - known:
        raise MappingError(f"{where}: unknown key {', '.join(sorted(unknown))}")


def _check_bundle(data: Mapping[str, Any], fields: Mapping[str, Table], where: str) -> None:
    _known_keys(data, frozenset({"name", "root", "part", "derived"}), where)
    parts, derived = data.get("part", ()), data.get("derived", ())
    for part in parts:
        _known_keys(part, frozenset({"field", "table", "by_root", "one"}), where)
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
    aliases = {name: tuple(entry.get("aliases", ())) for name, entry in named.items()}
    owners: dict[str, str] = {}
    for name, uri in [*uris.items(), *((name, alias) for name, several in aliases.items() for alias in several)]:
        if owners.setdefault(uri, name) != name:
            raise MappingError(f"systems {name}: {uri} is also {owners[uri]}")
    return Systems(data["base"], uris, aliases)


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
    return CodeTable(name, codings, words, frozenset(known - open_), frozenset(uncoded), beside, tuple(rows))


USES = ("both", "read", "beside", "none")
_COLUMNS = frozenset(("domain", "system", "code", "display", "use", "note"))


def _check_columns(row: Mapping[str, Any], where: str) -> None:
    if set(row) != _COLUMNS or not all(isinstance(value, str) for value in row.values()):
        raise MappingError(f"{where}: does not have the columns {', '.join(sorted(_COLUMNS))}")


def _coding(row: dict[str, str], systems: Systems) -> dict[str, str]:
    if not row["system"]:
        return {"code": row["code"]}
    coding = {"system": systems.uri(row["system"]), "code": row["code"]}
    return {**coding, "display": row["display"]} if row["display"] else coding


_ROW_KEYS = {
    *("domain", "fhir", "type", "codes", "as", "table", "key", "default", "required", "match", "echo", "always", "law"),
    *("closed", "also", "unless", "when", "lead"),
}
_PLAIN = ("key", "default", "required", "match", "echo", "always", "law", "closed")
_TABLE_KEYS = frozenset(("name", "domain", "resource", "row", "const", "elsewhere", "derived", "unread", "within"))
_CONST_KEYS = frozenset(("fhir", "value", "owner", "match"))


def _table(data: dict[str, Any]) -> Table:
    where = f"table {data.get('name', '(unnamed)')}"
    _known_keys(data, _TABLE_KEYS, where)
    try:
        return Table(
            name=data["name"],
            domain=data["domain"],
            resource=data.get("resource"),
            rows=tuple(_row(row, f"{where} row {number}") for number, row in enumerate(data["row"], start=1)),
            consts=tuple(_const(const, f"{where} const {n}") for n, const in enumerate(data.get("const", ()), start=1)),
            unread=tuple(data.get("unread", ())),
            within={path: tuple(codings) for path, codings in data.get("within", {}).items()},
            elsewhere=data.get("elsewhere", {}),
            derived=data.get("derived", {}),
        )
    except KeyError as missing:
        raise MappingError(f"{where}: {missing} is missing") from None


def _const(data: dict[str, Any], where: str) -> Const:
    _known_keys(data, _CONST_KEYS, where)
    try:
        path = parse_path(data["fhir"])
    except MappingError as error:
        raise MappingError(f"{where}: {error}") from None
    return Const(data["fhir"], path, data.get("value"), data.get("owner", False), data.get("match", False))


def row_of(data: dict[str, Any]) -> Row:
    """A row as it stands in a file. Raises `MappingError` with the reason."""
    if unknown := set(data) - _ROW_KEYS:
        raise MappingError(f"unknown key {', '.join(sorted(unknown))}")
    for name in ("domain", "fhir"):
        if not isinstance(data.get(name), str):
            raise MappingError(f"{name!r} is missing, or no text")
    if not isinstance(data.get("law", ""), str):
        raise MappingError("'law' is no text")
    kinds = [(data.get("as", "concept"), "codes"), ("table", "table"), (data.get("type", "string"), "")]
    kind, source = next(pair for pair in kinds if not pair[1] or pair[1] in data)
    return Row(
        domain=tuple(data["domain"].split(".")),
        fhir=data["fhir"],
        path=parse_path(data["fhir"]),
        kind=kind,
        of=data[source] if source else "",
        also=row_of({"domain": data["domain"], **data["also"]}) if "also" in data else None,
        lead=row_of({"domain": data["domain"], **data["lead"]}) if "lead" in data else None,
        when=(data["when"]["field"], data["when"]["is"]) if "when" in data else None,
        unless=tuple(data["unless"][key] for key in ("field", "is", "table")) if "unless" in data else None,
        **{key: data[key] for key in _PLAIN if key in data},
    )


def _row(data: dict[str, Any], where: str) -> Row:
    try:
        return row_of(data)
    except MappingError as error:
        raise MappingError(f"{where}: {error}") from None
