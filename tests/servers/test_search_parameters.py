"""The search parameters that ship: each is valid, looks into an extension of ours, and is asked by."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import orjson
import pytest

from ip_fhir.fhir.strict import check_models
from ip_fhir.mapping import default
from ip_fhir.servers.closure import INCLUDED

MAPPINGS = Path(__file__).parents[2] / "mappings"
FILES = sorted((MAPPINGS / "search_parameters").glob("*.json"))


def parameter(file: Path) -> dict[str, Any]:
    """The resource in a file."""
    found: dict[str, Any] = orjson.loads(file.read_bytes())
    return found


def test_what_the_client_asks_by_ships() -> None:
    """Each parameter of ours by which it includes is there, for the same type, and no other."""
    asked = {(type_, name) for type_, names in INCLUDED.items() for name in names if name.startswith("ip-")}
    assert {(type_, found["code"]) for found in map(parameter, FILES) for type_ in found["base"]} == asked


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_each_looks_into_an_extension_that_ships(file: Path) -> None:
    """Valid by FHIR's own model, under our base, named as its file; the extension allows the targets and the place."""
    found, base = parameter(file), default().compiled.systems.base
    check_models({"resourceType": "Bundle", "type": "collection", "entry": [{"resource": found}]}, "R4")
    assert found["url"] == f"{base}/SearchParameter/{found['code']}"
    assert file.name == f"SearchParameter-{found['code']}.json"
    match = re.search(r"^([\w.]+)\.extension\.where\(url='(.+?)'\)", found["expression"])
    assert match is not None
    name = match[2].removeprefix(f"{base}/StructureDefinition/")
    extension = orjson.loads((MAPPINGS / "profiles" / "built" / f"StructureDefinition-{name}.json").read_bytes())
    assert match[1] in {context["expression"] for context in extension["context"]}
    types = [one for element in extension["differential"]["element"] for one in element.get("type", ())]
    allowed = {target.rpartition("/")[2] for one in types for target in one.get("targetProfile", ())}
    assert set(found["target"]) == allowed
