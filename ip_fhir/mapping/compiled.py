"""One set of tables, compiled: lenses, assemblies, writers and the fast reader.

The tables are those that ship, or those with a site's overlay. The verbs on them are the mapper's (`mapper.py`).
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import orjson

from ip_fhir.errors import MappingError
from ip_fhir.mapping.bundle.assembly import assemblies
from ip_fhir.mapping.dialects import DIALECTS
from ip_fhir.mapping.fhir_version import signs_of_others
from ip_fhir.mapping.generated.decoding import Memo, Unsupported
from ip_fhir.mapping.generated.node_reader import NOT_SURE, NodeReaders
from ip_fhir.mapping.generated.writer import compile_writers
from ip_fhir.mapping.lenses.building import based, build_lenses
from ip_fhir.mapping.lenses.references import NO_LINKS
from ip_fhir.mapping.lenses.table import Lens
from ip_fhir.mapping.tables.loading import build_tables, load_tables, read_source
from ip_fhir.mapping.tables.variants import VERSIONS, varied

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ip_fhir.mapping.bundle.assembly import Assembly
    from ip_fhir.mapping.bundle.fast_reader import FastReader
    from ip_fhir.mapping.generated.writer import Writer, Writers
    from ip_fhir.mapping.lenses.references import Links
    from ip_fhir.mapping.overlays.overlay import Overlay
    from ip_fhir.mapping.tables.model import Source, Systems, Tables
    from ip_fhir.mapping.tables.variants import FhirVersion


class Compiled:
    """One set of tables and all that is compiled from it, each part once. Threads may share it."""

    def __init__(self, tables: Tables, version: FhirVersion = "R4", overlay: Overlay | None = None) -> None:
        self.tables = tables
        self.version = version
        self._overlay = overlay
        self._varied: dict[tuple[str, ...], Compiled] = {}
        self.lenses: Mapping[str, Lens] = {name: Lens(inner) for name, inner in build_lenses(tables, DIALECTS).items()}

    @classmethod
    def load(cls, overlay: Overlay, version: FhirVersion = "R4") -> Compiled:
        """The tables with a site's overlay: the path of a TOML file, or its parsed content.

        Raises `MappingError` with every problem of the overlay: table, row, reason.
        """
        from ip_fhir.mapping.overlays.overlay import overlaid  # most processes load none

        return cls(overlaid(overlay, _source(version)), version, overlay)

    def varied(self, *names: str) -> Compiled:
        """The R4 variants of these tables (another system's way to write a plan) under the same overlay; made once."""
        if names not in self._varied:
            source = varied(*names)
            if self._overlay is None:
                tables = build_tables(source)
            else:
                from ip_fhir.mapping.overlays.overlay import overlaid

                tables = overlaid(self._overlay, source)
            self._varied[names] = Compiled(tables, overlay=self._overlay)
        return self._varied[names]

    @property
    def systems(self) -> Systems:
        """The names for URIs (systems.toml)."""
        return self.tables.systems

    def lens(self, name: str) -> Lens:
        """The lens of one table, for instance `lens("CarePlan")`. Raises `MappingError` for an unknown name."""
        found = self.lenses.get(name)
        if found is None:
            raise MappingError(f"there is no table {name!r}; there are {', '.join(sorted(self.lenses))}")
        return found

    def assembly(self, name: str) -> Assembly:
        """The assembly of one kind of whole: "plan", "notice" or "green-form".

        Raises `MappingError` for another name.
        """
        found = self._assemblies.get(name)
        if found is None:
            raise MappingError(f"the tables for {self.version} have no {name}; they have {', '.join(self._assemblies)}")
        return found

    def profiles(self, type_: str) -> tuple[str, ...]:
        """Canonical URLs of the profiles that `meta.profile` names in new resources of a FHIR type."""
        consts = (const for table in self.tables.fields.values() if table.resource == type_ for const in table.consts)
        written = (based(const.value, self.systems) for const in consts if const.place.startswith("meta.profile"))
        return tuple(dict.fromkeys(written))

    def get(self, name: str, node: Any, links: Links, at: str) -> dict[str, Any]:
        """The data that a table reads in a node, by the table's generated reader where that is certain, else its lens.

        `at` is the node's place in errors. Raises `InvalidInput` as the lens does.
        """
        reader = self.node_readers.functions.get(name)
        if reader is not None:
            with suppress(*NOT_SURE):
                return reader(node, links) or {}
        return self.lens(name).get(node, links, at)

    def writer(self, name: str) -> Writer:
        """The fast writer of one table."""
        return self._writers.functions[name]

    def writer_code(self, name: str) -> str:
        """The Python code of a table's fast writer, for people. Raises `MappingError` for an unknown name."""
        return self._writers.code[self.lens(name).name]

    def reader_code(self, name: str) -> str | None:
        """The Python code of a table's fast reader, for people; None if only the lens reads the table."""
        name = self.lens(name).name
        codes = [self.node_readers.code, *(one.code for one in (self.fast, self.fast_notices) if one is not None)]
        return next((code[name] for code in codes if name in code), None)

    @cached_property
    def fast(self) -> FastReader | None:
        """The fast reader of plans; None if the tables have rows that only lenses can read."""
        return self._reader("plan", signs_of_others(self.version))

    @cached_property
    def fast_notices(self) -> FastReader | None:
        """The fast reader of notices, for bundles that show no other FHIR version; None as for plans."""
        return self._reader("notice", ())

    @cached_property
    def node_readers(self) -> NodeReaders:
        """The readers of the tables of HL7 v2."""
        return NodeReaders(self.tables, {name: lens.inner for name, lens in self.lenses.items()})

    @cached_property
    def organizations(self) -> Memo:
        """Remembers what the lens reads in an organisation's JSON text: the same few parties come in every message.

        What it gives is shared and must not be changed. Raises `InvalidInput` as the lens does.
        """
        lens = self.lens("Organization")
        return Memo(lambda text: lens.get(orjson.loads(text), NO_LINKS))

    def _reader(self, whole: str, foreign: Sequence[str]) -> FastReader | None:
        from ip_fhir.mapping.bundle.fast_reader import FastReader  # a process that reads none does without

        inner = {name: lens.inner for name, lens in self.lenses.items()}
        try:
            return FastReader(self.assembly(whole), self.tables, inner, foreign)
        except Unsupported:
            return None

    @cached_property
    def _assemblies(self) -> dict[str, Assembly]:
        return assemblies(self.tables.bundles, self.lenses, self.writer)

    @cached_property
    def _writers(self) -> Writers:
        return compile_writers(self.tables)


@cache
def shipped(version: FhirVersion = "R4") -> Compiled:
    """The tables as they ship, for one FHIR version. Raises `MappingError` for a version that has none."""
    return Compiled(load_tables() if version == "R4" else build_tables(_source(version)), version)


def _source(version: FhirVersion) -> Source:
    if version not in VERSIONS:
        raise MappingError(f"there is no FHIR version {version!r} here; there are {', '.join(VERSIONS)}")
    return read_source() if version == "R4" else varied(version.lower())
