"""Variants of the tables: another FHIR version, or another system's way to write a plan. A file has only differences.

A file under mappings/variants has the rows and tables to put in place of those under mappings/fields:

    fhir = "R5"                               # the FHIR version that the tables are for then
    without = ["Notice"]                      # tables that there are not
    drop = ["meta.profile"]                   # constants that there are not, by the beginning of their path
    [signs]                                   # elements by which a bundle shows its FHIR version
    [[bundle]]                                # a kind of whole that is put together in another way
    [[table]]                                 # a table with `domain` is a whole one; else its rows and constants
"""

from __future__ import annotations

import tomllib
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from ip_fhir.errors import MappingError
from ip_fhir.fhir.data import root
from ip_fhir.mapping.tables.loading import read_source

if TYPE_CHECKING:
    from ip_fhir.mapping.tables.model import Source

FhirVersion: TypeAlias = Literal["R4", "R5"]
"""R4 (4.0.1; R4B is the same in what is mapped) is on the wire; R5 (5.0.0) is for who stores or reads it."""

VERSIONS: tuple[FhirVersion, ...] = ("R4", "R5")


@cache
def read_variant(name: str) -> dict[str, Any]:
    """A variant's file, "r5" or "neighbour", as parsed TOML; shared, so nobody may change it."""
    return tomllib.loads((root() / "variants" / f"{name}.toml").read_text(encoding="utf-8"))


SETS: dict[str, tuple[str, ...]] = {
    "R4": (),
    "R5": ("r5",),
    "another system's plan": ("neighbour",),
    "another system's plan with requests": ("neighbour", "requests"),
}
"""Every set of tables that is used, and the variants that it is made with."""


@cache
def varied(*names: str) -> Source:
    """The files under mappings/ with a variant, or several on top of each other. Shared: callers must not change it."""
    source = read_source()
    for name in names:
        source = vary(source, read_variant(name))
    return source


def vary(shipped: Source, variant: dict[str, Any]) -> Source:
    """The source with a variant: the tables of FHIR alone. Raises `MappingError` for a table that cannot be found."""
    without, drop = set(variant.get("without", ())), tuple(variant.get("drop", ()))
    tables = {
        name: _without(data, drop)
        for name, data in shipped.tables.items()
        if name not in without and data.get("dialect", "fhir") == "fhir"
    }
    laws = {(d["domain"], *_key(row)): row["law"] for d in shipped.tables.values() for row in d["row"] if "law" in row}
    for changed in variant.get("table", ()):
        name = changed["name"]
        if "domain" not in changed and name not in tables:
            raise MappingError(f"variant: there is no table {name!r}")
        tables[name] = _whole(changed, laws) if "domain" in changed else _changed(tables[name], changed)
    own = {bundle["name"]: bundle for bundle in variant.get("bundle", ())}
    bundles = (own.get(bundle["name"], bundle) for bundle in shipped.bundles)
    kept = tuple(bundle for bundle in bundles if bundle["root"] not in without)
    return replace(shipped, tables=tables, bundles=kept, fhir=variant.get("fhir", shipped.fhir))


def _without(data: dict[str, Any], drop: tuple[str, ...]) -> dict[str, Any]:
    if not drop or "const" not in data:
        return data
    return {**data, "const": [const for const in data["const"] if not const["fhir"].startswith(drop)]}


def _changed(data: dict[str, Any], changed: dict[str, Any]) -> dict[str, Any]:
    """The rows of a table with a variant's: each replaces the row of the same field, new ones follow."""
    new = {_key(row): row for row in changed.get("row", ())}
    rows = [_lawful(new.pop(_key(row)), row) if _key(row) in new else row for row in data["row"]]
    own = {check["fhir"] for check in changed.get("check", ())}
    kept = [check for check in data.get("check", ()) if check["fhir"] not in own]
    return {**data, **changed, "row": [*rows, *new.values()], "check": [*kept, *changed.get("check", ())]}


def _whole(data: dict[str, Any], laws: dict[tuple[str, str, bool], str]) -> dict[str, Any]:
    """A whole table of a variant, whose rows without a law take the law of the same field in the shipped tables."""
    found = [(row, laws.get((data["domain"], *_key(row)))) for row in data["row"]]
    return {**data, "row": [row if law is None else {"law": law, **row} for row, law in found]}


def _key(row: dict[str, Any]) -> tuple[str, bool]:
    return row["domain"], bool(row.get("check_only"))


def _lawful(new: dict[str, Any], old: dict[str, Any]) -> dict[str, Any]:
    """The new row, with the old row's law if it names none."""
    return {"law": old["law"], **new} if "law" in old else new
