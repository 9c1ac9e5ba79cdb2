"""The list of elements that change the meaning is the one that FHIR's definitions give."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tests.conformance.modifiers import elements, listed, package
from tests.support.gate import require

_AN_ID = "MessageHeader.response.identifier"  # of R4: the id of a message, with nothing below it


@pytest.mark.parametrize("version", ["R4", "R5"])
def test_the_list_is_the_official_one(checkout: Path, version: str) -> None:
    """Every modifier of a mapped type, and every place of a type with one, is in mappings/modifiers.csv; no other."""
    require(package(version) is not None, f"no definitions of {version}: Maven brings them with the validator")
    lines = (checkout / "mappings" / "modifiers.csv").read_text(encoding="utf-8").splitlines()
    rows = csv.DictReader(line for line in lines if not line.startswith("#"))
    theirs = [tuple(row.values()) for row in rows if row["fhir"] == version and row["what"] != "ours"]
    assert theirs == listed(version)


@pytest.mark.parametrize("version", ["R4", "R5"])
def test_an_element_called_identifier_is_an_identifier(version: str) -> None:
    """The law takes any `identifier` below an element for one: in the mapped types there is no other."""
    require(package(version) is not None, f"no definitions of {version}: Maven brings them with the validator")
    mapped = {element.partition(".")[0] for _, element, _, _ in listed(version)}
    types = {
        tuple(kinds)
        for path, kinds, _ in elements(version)
        if path.endswith(".identifier") and path.partition(".")[0] in mapped and path != _AN_ID
    }
    assert types == {("Identifier",)}
