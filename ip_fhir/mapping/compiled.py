"""One set of tables, compiled: lenses, assemblies and writers. The tables as they ship, or with a site's overlay.

A process may hold several: an EHR vendor serves many municipalities. What takes no mapping works with `default()`.
"""

from __future__ import annotations

from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import orjson

from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.errors import MappingError
from ip_fhir.fhir.reading import read_json
from ip_fhir.mapping.bundle.assembly import assemblies
from ip_fhir.mapping.bundle.open_plan import OpenPlan
from ip_fhir.mapping.bundle.putting import put_onto
from ip_fhir.mapping.fhir_version import signs_of_others, version_of
from ip_fhir.mapping.generated.decoding import Unsupported
from ip_fhir.mapping.generated.writer import compile_writers
from ip_fhir.mapping.lenses.building import based, build_lenses
from ip_fhir.mapping.lenses.table import Lens
from ip_fhir.mapping.tables.loading import build_tables, load_tables, read_source
from ip_fhir.mapping.tables.variants import VERSIONS, varied

if TYPE_CHECKING:
    from collections.abc import Mapping as Dict

    from ip_fhir.mapping.bundle.assembly import Assembly
    from ip_fhir.mapping.bundle.fast_reader import FastReader
    from ip_fhir.mapping.generated.writer import Writer, Writers
    from ip_fhir.mapping.overlays.overlay import Overlay
    from ip_fhir.mapping.tables.model import Source, Systems, Tables
    from ip_fhir.mapping.tables.variants import FhirVersion


class Mapping:
    """Tables and what is made of them, once. Nothing changes it afterwards, so threads may share it."""

    def __init__(self, tables: Tables, version: FhirVersion = "R4", overlay: Overlay | None = None) -> None:
        self.tables = tables
        self.version = version
        self._overlay = overlay
        self._varied: dict[tuple[str, ...], Mapping] = {}
        self.lenses: Dict[str, Lens] = {name: Lens(inner) for name, inner in build_lenses(tables).items()}

    @classmethod
    def load(cls, overlay: Overlay | None = None, version: FhirVersion = "R4") -> Mapping:
        """With a site's overlay: a TOML file, or what it holds; without one, as it ships.

        Raises `MappingError` with every problem of the overlay: table, row, reason.
        """
        if overlay is None:
            return default(version)
        from ip_fhir.mapping.overlays.overlay import overlaid  # most processes load none

        return cls(overlaid(overlay, _source(version)), version, overlay)

    def varied(self, *names: str) -> Mapping:
        """With R4 variants of the tables (a neighbour's way to write a plan) under the same overlay; made once."""
        if names not in self._varied:
            source = varied(*names)
            if self._overlay is None:
                tables = build_tables(source)
            else:
                from ip_fhir.mapping.overlays.overlay import overlaid

                tables = overlaid(self._overlay, source)
            self._varied[names] = Mapping(tables, overlay=self._overlay)
        return self._varied[names]

    @property
    def systems(self) -> Systems:
        """Names for URIs."""
        return self.tables.systems

    def lens(self, name: str) -> Lens:
        """The lens of one table, for instance `lens("CarePlan")`. Raises `MappingError` for an unknown name."""
        found = self.lenses.get(name)
        if found is None:
            raise MappingError(f"there is no table {name!r}; there are {', '.join(sorted(self.lenses))}")
        return found

    def assembly(self, name: str) -> Assembly:
        """How a kind of whole is put together: "plan", "notice" or "green-form".

        Raises `MappingError` for another name.
        """
        found = self._assemblies.get(name)
        if found is None:
            raise MappingError(f"the tables for {self.version} have no {name}; they have {', '.join(self._assemblies)}")
        return found

    def profiles(self, type_: str) -> tuple[str, ...]:
        """Canonicals of the profiles that resources of a FHIR type say they follow when they are made here."""
        consts = (const for table in self.tables.fields.values() if table.resource == type_ for const in table.consts)
        written = (based(const.value, self.systems) for const in consts if const.fhir.startswith("meta.profile"))
        return tuple(dict.fromkeys(written))

    def writer(self, name: str) -> Writer:
        """The fast writer of one table."""
        return self._writers.functions[name]

    def writer_code(self, name: str) -> str:
        """The code of that writer, to read. Raises `MappingError` for an unknown name."""
        return self._writers.code[self.lens(name).name]

    def reader_code(self, name: str) -> str | None:
        """The code of the fast reader of a table, to read; None where only the lens reads it."""
        name = self.lens(name).name
        return None if self._fast is None else self._fast.code.get(name)

    def to_fhir(self, plan: IndividualPlan) -> dict[str, Any]:
        """The plan as a transaction Bundle of about one resource for each person, goal and consent.

        Sending it twice writes the same resources twice, it makes none twice. `from_fhir` gives the same plan back.
        Raises `InvalidInput` where the tables have no code for a word: a request cannot be `scheduled`.
        """
        bundle: dict[str, Any] = orjson.loads(self.to_fhir_json(plan))
        return bundle

    def to_fhir_json(self, plan: IndividualPlan) -> bytes:
        """The same as JSON text in UTF-8: what is sent and stored needs no dicts in between."""
        return self.assembly("plan").json(plan, self.systems.base)

    def from_fhir(self, bundle: dict[str, Any]) -> IndividualPlan:
        """The plan in a Bundle. Raises `InvalidInput` with every problem and its FHIRPath."""
        version_of(bundle, self.version)
        return self.assembly("plan").value(IndividualPlan, bundle)

    def from_fhir_json(self, content: bytes) -> IndividualPlan:
        """The same from JSON text: what is beyond doubt is read without dicts in between. Raises `InvalidInput`."""
        found: IndividualPlan | None = self.read_fast(content)
        return self.from_fhir(read_json(content)) if found is None else found

    def read_fast(self, content: bytes) -> IndividualPlan | None:
        """The plan in JSON text where there is no doubt about it; None where the lenses are to be asked."""
        from ip_fhir.mapping.bundle.fast_reader import LensesNeeded

        try:
            return None if self._fast is None else self._fast.read(content)
        except LensesNeeded:
            return None

    def put_plan(self, plan: IndividualPlan, bundle: dict[str, Any]) -> dict[str, Any]:
        """The bundle with what the plan says, and nothing else in it changed; `bundle` itself is not changed."""
        version_of(bundle, self.version)
        known = self._sure_of(bundle)
        if known is None:
            return put_onto(self.assembly("plan"), plan, bundle, self.systems.base)
        return OpenPlan(self.assembly("plan"), bundle, known, self.systems.base).put(plan)

    def open(self, bundle: dict[str, Any]) -> OpenPlan:
        """The plan in a Bundle, to be changed: `plan` is what it says, `put` gives the Bundle that says another.

        Read once; a put then costs what has changed. Raises `InvalidInput` like `from_fhir`.
        """
        version_of(bundle, self.version)
        plan = self._sure_of(bundle) or self.assembly("plan").value(IndividualPlan, bundle)
        return OpenPlan(self.assembly("plan"), bundle, plan, self.systems.base)

    def _sure_of(self, bundle: dict[str, Any]) -> IndividualPlan | None:
        """The plan where there is no doubt about it."""
        try:
            return self.read_fast(orjson.dumps(bundle))
        except TypeError:  # what no JSON text gives, such as Decimal: the lenses say what is wrong
            return None

    @cached_property
    def _assemblies(self) -> dict[str, Assembly]:
        return assemblies(self.tables.bundles, self.lenses, self.writer)

    @cached_property
    def _fast(self) -> FastReader | None:
        from ip_fhir.mapping.bundle.fast_reader import FastReader  # a process that reads no plans does without

        inner = {name: lens.inner for name, lens in self.lenses.items()}
        try:
            return FastReader(self.assembly("plan"), self.tables, inner, signs_of_others(self.version))
        except Unsupported:
            return None

    @cached_property
    def _writers(self) -> Writers:
        return compile_writers(self.tables)


def default(version: FhirVersion = "R4") -> Mapping:
    """The mapping by the tables as they ship."""
    return _shipped(version)


@cache
def _shipped(version: FhirVersion) -> Mapping:
    return Mapping(load_tables() if version == "R4" else build_tables(_source(version)), version)


def _source(version: FhirVersion) -> Source:
    if version not in VERSIONS:
        raise MappingError(f"there is no FHIR version {version!r} here; there are {', '.join(VERSIONS)}")
    return read_source() if version == "R4" else varied(version.lower())


def lens(name: str) -> Lens:
    """The lens of one table as it ships, for instance `lens("CarePlan")`. Raises `MappingError` for an unknown name.

    >>> lens("ContactPoint").new({"system": "phone", "value": "62 88 00 00"})
    {'system': 'phone', 'value': '62 88 00 00'}
    """
    return default().lens(name)
