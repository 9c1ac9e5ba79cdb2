"""The tables as values: systems, code tables, field tables and their rows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

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


USES = ("both", "read", "beside", "none")
"""The ways in which a code row is used."""

CODED = ("code", "coding", "concept")
"""The kinds of row that go by a code table."""
