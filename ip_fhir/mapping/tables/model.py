"""The tables as values: systems, code tables, field tables and their rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ip_fhir.errors import MappingError
from ip_fhir.mapping.tables.paths import Segment

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Systems:
    """Names for the URIs of identifier systems, code systems and extensions, with the aliases accepted on read."""

    base: str
    uris: Mapping[str, str]
    aliases: Mapping[str, tuple[str, ...]]
    v2: Mapping[str, str] = field(default_factory=dict)  # the mnemonic of a coding system in HL7 v2, by its URI

    def uri(self, name: str) -> str:
        """The URI that is written. Own names: `ip-` an extension, `cs-` a code system, `id-` an identifier system.

        Four digits that begin with 0 are a table of HL7 v2: `0286`.
        """
        if name in self.uris:
            return self.uris[name]
        if len(name) == 4 and name[0] == "0" and name.isdigit():
            return f"{HL7_TABLES}{name}"
        prefix, _, rest = name.partition("-")
        if not rest or prefix not in _OWN:
            message = f"systems.toml has no name {name!r}"
            raise MappingError(message)
        return f"{self.base}/{_OWN[prefix]}/{name if prefix == 'ip' else rest}"

    def accepted(self, name: str) -> frozenset[str]:
        """Every URI that is read as this name."""
        return frozenset((self.uri(name), *self.aliases.get(name, ())))

    def mnemonic(self, uri: str) -> str:
        """The name of a coding system in HL7 v2 (CWE-3): as systems.toml says, else made from its URI.

        A table is HL70286, an OID is itself, and a system of our own is 99IP and its name.
        """
        own = f"{self.base}/CodeSystem/"
        if uri in self.v2:
            return self.v2[uri]
        if uri.startswith(own):
            return f"99IP{uri.removeprefix(own).replace('-', '').upper()}"
        return uri.replace(HL7_TABLES, "HL7").removeprefix("urn:oid:")


HL7_TABLES = "http://terminology.hl7.org/CodeSystem/v2-"
"""The beginning of the URI of a table of HL7 v2."""

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
    mnemonics: Mapping[str, str] = field(default_factory=dict)  # of each coding system in HL7 v2, by its URI


@dataclass(frozen=True, slots=True)
class Converter:
    """The named code by which a row's place depends on more than its path (`lenses/converters.py`); "" is none.

    `second` is another place, or the same place with another table; `field` another field of the table, and `word` the
    word that it must have.
    """

    name: str = ""
    second: Row | None = None
    field: str = ""
    word: str = ""

    @property
    def place(self) -> str:
        """The second place as the table writes it; empty without one."""
        return "" if self.second is None else self.second.place


@dataclass(frozen=True, slots=True)
class Row:
    """One domain field joined to one place in the resource.

    `place` is the path as the table writes it, `path` the same, parsed. `kind` is a leaf kind of the table's dialect;
    with `of` a code table where it is `coded`, or a field table where the row `is_table`.
    """

    domain: tuple[str, ...]
    place: str
    path: tuple[Segment, ...]
    kind: str
    of: str = ""
    coded: bool = False
    key: str | None = None
    default: Any = None
    required: bool = False
    match: bool = False
    check_only: bool = False
    write_default: bool = False
    strict: bool = False
    assumed: bool = False
    converter: Converter = Converter()
    law: str = ""

    @property
    def is_list(self) -> bool:
        """True if the field is a list: the path has a `[*]`."""
        return any(segment.entries == "each" for segment in self.path)

    @property
    def is_table(self) -> bool:
        """True if another field table reads the object in the row's place."""
        return self.kind == "table"

    @property
    def field(self) -> str:
        """The domain field in dots."""
        return ".".join(self.domain)


@dataclass(frozen=True, slots=True)
class Const:
    """A fixed part: a value, a matching entry, or a reference to the plan owner. Written when the resource is new.

    With `match`, a resource without it is not this table's. `free` is the reason for which anything else may stand in
    its place when reading.
    """

    place: str
    path: tuple[Segment, ...]
    value: Any = None
    owner: bool = False
    match: bool = False
    free: str = ""


CheckKind: TypeAlias = Literal["refuse", "only", "some", "never", "order", "last", "ranked", "read"]


@dataclass(frozen=True, slots=True)
class Check:
    """A statement of how an element that changes what the rest means is read.

    By `kind`: `refuse`: nothing may stand there; `only`, `some`, `never`: each, at least one, or none of what stands
    there is one of `values`; `order`: of several entries the one whose value comes first counts, and others are no
    entries of ours; `last`: an entry with the element counts after those without; `ranked`:
    entries are read in the order of this number; `read`: something else reads it.

    `left`: where the check fails, the resource or entry is not ours and stays as it is; else the whole is refused.
    """

    place: str
    names: tuple[str, ...]
    kind: CheckKind
    values: tuple[Any, ...] = ()
    left: bool = False
    required: bool = False
    told: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """One field table: a domain type, and the type of resource (or its like in the dialect) that it is mapped to.

    `elsewhere` gives, for domain fields without a row, the reason; `derived` gives the source of rows' fields that the
    domain type does not have.
    """

    name: str
    domain: str
    resource: str | None
    rows: tuple[Row, ...]
    dialect: str = "fhir"
    consts: tuple[Const, ...] = ()
    checks: tuple[Check, ...] = ()
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    derived: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Tables:
    """All tables of one set."""

    systems: Systems
    codes: Mapping[str, CodeTable]
    fields: Mapping[str, Table] = field(default_factory=dict)
    bundles: tuple[Mapping[str, Any], ...] = ()  # for each whole, the tables of its parts


@dataclass(frozen=True, slots=True)
class Source:
    """The files' content as parsed TOML and CSV. An overlay changes a copy of it."""

    systems: dict[str, Any]
    codes: dict[str, list[dict[str, str]]]
    tables: dict[str, dict[str, Any]]
    bundles: tuple[dict[str, Any], ...]
    fhir: str = "R4"  # the FHIR version that the tables are for


USES = ("both", "read", "beside", "none")
"""The ways in which a code row is used."""
