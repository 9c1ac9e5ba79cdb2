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
    law: str = ""


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
    """One field table: a domain type and the FHIR type it stands for."""

    name: str
    domain: str
    resource: str | None
    rows: tuple[Row, ...]
    consts: tuple[Const, ...] = ()


@dataclass(frozen=True, slots=True)
class Tables:
    """All tables of one set."""

    systems: Systems
    codes: Mapping[str, CodeTable]
    fields: Mapping[str, Table] = field(default_factory=dict)


def root() -> Traversable:
    """The directory of tables: inside the package when installed, else beside it in a checkout."""
    packaged = resources.files("ip_fhir") / "_mappings"
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "mappings"


@cache
def load_tables() -> Tables:
    """Read all tables once. Raises `MappingError` naming table, row and reason."""
    directory = root()
    systems = _systems(tomllib.loads((directory / "systems.toml").read_text(encoding="utf-8")))
    codes = {
        entry.name.removesuffix(".csv"): _code_table(entry.name.removesuffix(".csv"), entry, systems)
        for entry in sorted((directory / "codes").iterdir(), key=lambda e: e.name)
        if entry.name.endswith(".csv")
    }
    fields: dict[str, Table] = {}
    for entry in sorted((directory / "fields").iterdir(), key=lambda e: e.name):
        if entry.name.endswith(".toml"):
            for data in tomllib.loads(entry.read_text(encoding="utf-8"))["table"]:
                table = _table(data, entry.name)
                fields[table.name] = table
    return Tables(systems, codes, fields)


def _systems(data: dict[str, Any]) -> Systems:
    named: dict[str, dict[str, Any]] = data["system"]
    return Systems(
        base=data["base"],
        uris={name: entry["uri"] for name, entry in named.items()},
        aliases={name: tuple(entry.get("aliases", ())) for name, entry in named.items()},
    )


def _code_table(name: str, entry: Traversable, systems: Systems) -> CodeTable:
    """Columns: domain, system, code, display, use (both | read | none), note. Lines that start with # are the head.

    A row `*,system,,,none` says that the system has other codes, which have no counterpart and are left alone.
    """
    lines = [line for line in entry.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    codings: dict[str, dict[str, str]] = {}
    words: dict[tuple[str, str], str] = {}
    known: set[str] = set()
    uncoded: set[str] = set()
    open_: set[str] = set()
    for number, row in enumerate(csv.DictReader(lines), start=1):
        where = f"codes/{name}.csv row {number}"
        word, use = row["domain"], row["use"]
        if use not in ("both", "read", "none"):
            message = f"{where}: use is {use!r}, not both, read or none"
            raise MappingError(message)
        if use == "none":
            uncoded.add(word)
            if word == "*":
                open_ |= systems.accepted(row["system"])
            continue
        accepted = systems.accepted(row["system"]) if row["system"] else frozenset({""})
        known |= accepted - {""}
        for uri in accepted:
            if words.setdefault((uri, row["code"]), word) != word:
                message = f"{where}: code {row['code']!r} stands for two words"
                raise MappingError(message)
        if use == "both":
            if word in codings:
                message = f"{where}: {word!r} has two codes to write"
                raise MappingError(message)
            codings[word] = _coding(row, systems)
    return CodeTable(name, codings, words, frozenset(known - open_), frozenset(uncoded))


def _coding(row: dict[str, str], systems: Systems) -> dict[str, str]:
    if not row["system"]:
        return {"code": row["code"]}
    coding = {"system": systems.uri(row["system"]), "code": row["code"]}
    return {**coding, "display": row["display"]} if row["display"] else coding


_ROW_KEYS = {
    *("domain", "fhir", "type", "codes", "as", "table", "key", "default", "required", "match", "echo", "always", "law"),
}


def _table(data: dict[str, Any], file: str) -> Table:
    name = data.get("name", "(unnamed)")
    try:
        return Table(
            name=name,
            domain=data["domain"],
            resource=data.get("resource"),
            rows=tuple(_row(row, f"{file} {name} row {number}") for number, row in enumerate(data["row"], start=1)),
            consts=tuple(
                Const(c["fhir"], parse_path(c["fhir"]), c.get("value"), c.get("owner", False), c.get("match", False))
                for c in data.get("const", ())
            ),
        )
    except KeyError as missing:
        message = f"{file} {name}: {missing} is missing"
        raise MappingError(message) from None


def _row(data: dict[str, Any], where: str) -> Row:
    if unknown := set(data) - _ROW_KEYS:
        message = f"{where}: unknown key {', '.join(sorted(unknown))}"
        raise MappingError(message)
    try:
        path = parse_path(data["fhir"])
    except MappingError as error:
        message = f"{where}: {error}"
        raise MappingError(message) from None
    kinds = [(data.get("as", "concept"), "codes"), ("table", "table"), (data.get("type", "string"), "")]
    kind, source = next(pair for pair in kinds if not pair[1] or pair[1] in data)
    return Row(
        domain=tuple(data["domain"].split(".")),
        fhir=data["fhir"],
        path=path,
        kind=kind,
        of=data[source] if source else "",
        **{key: data[key] for key in ("key", "default", "required", "match", "echo", "always", "law") if key in data},
    )
