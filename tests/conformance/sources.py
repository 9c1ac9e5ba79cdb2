"""What the profiles are built from: FSH in mappings/profiles/fsh, and FSH made from the tables.

Nothing is written twice: code systems and value sets come from mappings/codes, every URI from mappings/systems.toml.

In FSH `@base` stands for the base of our canonicals, `@id-referral` or `@9034` for a name of systems.toml, `@version`
and `@date` for those of the definitions.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PUBLISHED = "2025-01-01"  # of the definitions; a clock would make each build another
SUSHI = "tests/conformance/sushi/package-lock.json"  # another compiler is another source
# Packages that SUSHI loads by itself: named, and had as empty ones, so that it asks no registry.
EMPTY_PACKAGES = ("hl7.fhir.uv.tools.r4", "hl7.terminology.r4", "hl7.fhir.uv.extensions.r4")
_OWN = {"ip": "StructureDefinition", "cs": "CodeSystem", "id": "identifier"}


@dataclass(frozen=True)
class Code:
    """One row of a code table: the URI or FSH name of its system, the code, its display."""

    system: str
    code: str
    display: str


@dataclass(frozen=True)
class CodeTable:
    """A code table as far as definitions need it."""

    name: str
    title: str
    codes: tuple[Code, ...]


class Sources:
    """The sources of the profiles in a checkout."""

    def __init__(self, checkout: Path) -> None:
        self.checkout = checkout
        self.mappings = checkout / "mappings"
        self.systems: dict[str, Any] = tomllib.loads((self.mappings / "systems.toml").read_text(encoding="utf-8"))
        project = tomllib.loads((checkout / "pyproject.toml").read_text(encoding="utf-8"))
        self.version = str(project["project"]["version"])

    @property
    def base(self) -> str:
        """The base of our canonicals."""
        return str(self.systems["base"])

    def uri(self, name: str) -> str:
        """The URI that a name stands for. Raises `KeyError` for a name that nobody gave."""
        if name in self.systems["system"]:
            return str(self.systems["system"][name]["uri"])
        prefix, _, rest = name.partition("-")
        if not rest:
            raise KeyError(name)
        return f"{self.base}/{_OWN[prefix]}/{name if prefix == 'ip' else rest}"

    def project(self) -> dict[str, str]:
        """The whole SUSHI project: file names and texts."""
        files = {"sushi-config.yaml": self._config(), "input/fsh/tables.fsh": self._tables()}
        for file in sorted((self.mappings / "profiles" / "fsh").glob("*.fsh")):
            files[f"input/fsh/{file.name}"] = self._filled_in(file.read_text(encoding="utf-8"))
        return files

    def fingerprint(self) -> str:
        """One line that changes when the sources or the compiler do; what only people read in a table is no source."""
        lock = json.loads((self.checkout / SUSHI).read_text(encoding="utf-8"))
        compiler = lock["packages"]["node_modules/fsh-sushi"]["integrity"]
        text = json.dumps([compiler, self.project()], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    def code_tables(self) -> list[CodeTable]:
        """Every code table that a field table for R4 names."""
        files = (self.mappings / "codes" / f"{name}.csv" for name in sorted(self._code_rows()))
        return [self._code_table(file) for file in files]

    def _code_rows(self) -> dict[str, set[str]]:
        """The code tables that mappings/fields names, each with its places; of a code without a system only."""
        found: dict[str, set[str]] = {}
        for file in sorted((self.mappings / "fields").glob("*.toml")):
            for table in tomllib.loads(file.read_text(encoding="utf-8"))["table"]:
                for row in table["row"] if table.get("dialect", "fhir") == "fhir" else ():
                    for place in (row, row.get("also", {})):
                        if "codes" in place:
                            bare = {place["fhir"]} if place.get("as") == "code" else set()
                            found.setdefault(place["codes"], set()).update(bare)
        return found

    def national_codes(self) -> dict[str, dict[str, str]]:
        """Of each national code list (an OID) the codes that our tables use, with their display."""
        found: dict[str, dict[str, str]] = {self.uri("9602"): {"A02-2": "Individuell plan"}}  # a fixed part of CarePlan
        for code in (code for table in self.code_tables() for code in table.codes):
            uri = self.uri(code.system[1:]) if code.system.startswith("$") else ""
            if uri.startswith("urn:oid:"):
                found.setdefault(uri, {})[code.code] = code.display
        return found

    def _filled_in(self, fsh: str) -> str:
        fixed = {"base": self.base, "version": self.version, "date": PUBLISHED}
        return re.sub(r"@([a-z0-9][a-z0-9-]*[a-z0-9])", lambda m: fixed.get(m[1]) or self.uri(m[1]), fsh)

    def _config(self) -> str:
        config = {
            "canonical": self.base,
            "status": "active",
            "version": self.version,
            "fhirVersion": "4.0.1",
            "FSHOnly": True,
            "dependencies": dict.fromkeys(EMPTY_PACKAGES, "0.0.0"),
        }
        return json.dumps(config, indent=2) + "\n"  # JSON is YAML

    def _tables(self) -> str:
        tables = self.code_tables()
        own: dict[str, dict[str, Code]] = {}
        for table in tables:
            for code in table.codes:
                if code.system.endswith("Codes"):
                    own.setdefault(code.system, {}).setdefault(code.code, code)
        parts = [f"Alias: ${name} = {entry['uri']}" for name, entry in self.systems["system"].items()]
        parts += [_code_system(name, codes) for name, codes in own.items()]
        parts += [_value_set(table) for table in tables]
        return "\n".join(parts)

    def _code_table(self, file: Path) -> CodeTable:
        lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line]
        head = " ".join(line.removeprefix("#").strip() for line in lines if line.startswith("#"))
        rows = csv.DictReader(line for line in lines if not line.startswith("#"))
        codes = tuple(
            Code(self._system(file.stem, row["system"], head), row["code"], row["display"] or row["code"])
            for row in rows
            if row["use"] != "none"
        )
        return CodeTable(file.stem, head, codes)

    def _system(self, table: str, name: str, head: str) -> str:
        """How FSH names the system of a code.

        A bare code is ours where it stands in an extension of ours; else the head of the table says which of FHIR's
        it is, and a head that does not raises `LookupError`.
        """
        if name.startswith("cs-") and name not in self.systems["system"]:
            return fsh_name(name.removeprefix("cs-")) + "Codes"
        if name:
            return f"${name}"
        if all("extension(" in place for place in self._code_rows()[table]):
            return fsh_name(table) + "Codes"
        found = re.search(r"FHIR R4 ([a-z-]+)", head)
        if found is None:
            message = f"mappings/codes/{table}.csv: the head names no code system of FHIR R4"
            raise LookupError(message)
        return f"http://hl7.org/fhir/{found[1]}"


def fsh_name(slug: str) -> str:
    """`life-area` as FSH and FHIR name it: LifeArea."""
    return "".join(word.capitalize() for word in slug.split("-"))


def _slug(name: str) -> str:
    return re.sub(r"(?<!^)(?=[A-Z])", "-", name.removesuffix("Codes")).lower()


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _code_system(name: str, codes: dict[str, Code]) -> str:
    slug = _slug(name)
    words = slug.replace("-", " ").capitalize()
    lines = [f"\nCodeSystem: {name}", f"Id: {slug}", f'Title: "{words}"', f'Description: "{words}: codes of our own."']
    return "\n".join([*lines, *(f"* #{code.code} {_quoted(code.display)}" for code in codes.values())])


def _value_set(table: CodeTable) -> str:
    words = table.name.replace("-", " ").capitalize()
    head = [f"\nValueSet: {fsh_name(table.name)}", f"Id: {table.name}", f'Title: "{words}"']
    lines = [*head, f"Description: {_quoted(f'The codes of the table {table.name}. {table.title}')}"]
    return "\n".join([*lines, *(f"* {code.system}#{code.code}" for code in table.codes)]) + "\n"
