"""The elements that FHIR marks as modifier, from its own definitions, as mappings/modifiers.csv lists them.

Makes the rows of that file again: `python -m tests.conformance.modifiers`. The definitions are those that the official
validator brings: Maven's hapi-fhir-validation-resources for R4 (4.0.1) and R5 (5.0.0).
"""

from __future__ import annotations

import io
import json
import tarfile
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

from ip_fhir.mapping.tables.loading import build_tables
from ip_fhir.mapping.tables.variants import SETS, varied

REPOSITORY = Path.home() / ".m2" / "repository" / "ca" / "uhn" / "hapi" / "fhir"
Listed: TypeAlias = "tuple[str, str, str, str]"
"""FHIR version, path of the element, its types, and what it is listed as."""

DATA_TYPES = ("Address", "ContactPoint", "ExtendedContactDetail", "HumanName", "Identifier", "Quantity")
"""The data types with a modifier element, or with an element of such a type."""

_EVERYWHERE = ("modifierExtension", "implicitRules")
_NS = "{http://hl7.org/fhir}"
Element: TypeAlias = "tuple[str, list[str], bool]"
"""An element of the definitions: its path, its types, and if it is a modifier."""


def package(version: str) -> Path | None:
    """The file with the definitions of one FHIR version; None where it is not on this machine."""
    name = f"hapi-fhir-validation-resources-{version.lower()}"
    return next(iter(sorted((REPOSITORY / name).glob(f"*/{name}-*.jar"))), None)


def elements(version: str) -> Iterator[Element]:
    """Every element of every type of resource and of data."""
    found = package(version)
    assert found is not None
    with zipfile.ZipFile(found) as jar:
        yield from _r4(jar) if version == "R4" else _r5(jar)


def mapped_types(version: str) -> set[str]:
    """The types of resource that the tables of a FHIR version map, and the data types in them."""
    sets = [names for names in SETS.values() if ("r5" in names) == (version == "R5")]
    tables = [table for names in sets for table in build_tables(varied(*names)).fields.values()]
    return {table.resource for table in tables if table.resource is not None} | set(DATA_TYPES)


def listed(version: str) -> list[Listed]:
    """The modifier elements of the mapped types, and the elements whose data type has one."""
    types, rows = mapped_types(version), []
    for path, kinds, modifier in elements(version):
        if path.partition(".")[0] not in types or path.endswith(_EVERYWHERE):
            continue
        if modifier:
            rows.append((version, path, " ".join(kinds), "modifier"))
        elif "." in path and (held := [kind for kind in kinds if kind in DATA_TYPES]):
            rows.append((version, path, " ".join(held), "place"))
    return sorted(set(rows))


def _r4(jar: zipfile.ZipFile) -> Iterator[Element]:
    for name in jar.namelist():
        if name.endswith(("profiles-resources.xml", "profiles-types.xml")):
            for definition in ET.fromstring(jar.read(name)).iter(f"{_NS}StructureDefinition"):  # noqa: S314
                if _said(definition, "derivation") != "constraint":
                    yield from map(_element, definition.iterfind(f"{_NS}snapshot/{_NS}element"))


def _element(node: ET.Element) -> Element:
    types = [_said(type_, "code") for type_ in node.iterfind(f"{_NS}type")]
    return _said(node, "path"), types, _said(node, "isModifier") == "true"


def _said(node: ET.Element, name: str) -> str:
    found = node.find(f"{_NS}{name}")
    return "" if found is None else found.get("value", "")


def _r5(jar: zipfile.ZipFile) -> Iterator[Element]:
    core = next(name for name in jar.namelist() if "r5.core" in name)
    with tarfile.open(fileobj=io.BytesIO(jar.read(core))) as package_:
        for member in package_:
            content = package_.extractfile(member) if "StructureDefinition-" in member.name else None
            definition: dict[str, Any] = json.load(content) if content is not None else {}
            if definition.get("derivation") != "constraint" and "snapshot" in definition:
                for node in definition["snapshot"]["element"]:
                    types = [str(type_["code"]) for type_ in node.get("type", ())]
                    yield node["path"], types, bool(node.get("isModifier"))


if __name__ == "__main__":
    for version_ in ("R4", "R5"):
        for row in listed(version_):
            print(",".join(row))  # noqa: T201 - it is a program here
