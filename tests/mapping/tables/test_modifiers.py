"""The law of meaning: no table is loaded of which an element that changes the meaning, or a fixed part, is unsaid."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ip_fhir.errors import MappingError
from ip_fhir.mapping.overlays.overlay import overlaid
from ip_fhir.mapping.tables.loading import build_tables
from ip_fhir.mapping.tables.model import Source, Table
from ip_fhir.mapping.tables.modifiers import modifiers_in, unsaid
from ip_fhir.mapping.tables.variants import SETS, varied

SOURCES = {name: varied(*names) for name, names in SETS.items()}
TABLES = {name: build_tables(source).fields for name, source in SOURCES.items()}


def told(fields: dict[str, Table], name: str, fhir: str, **changes: Any) -> list[str]:
    """The problems of a set in which one table is changed."""
    return list(unsaid({**fields, name: replace(fields[name], **changes)}, fhir))


@pytest.mark.parametrize("which", SOURCES)
def test_every_set_says_all(which: str) -> None:
    """R4, R5 and other systems' plans: nothing is left unsaid."""
    assert list(unsaid(TABLES[which], SOURCES[which].fhir)) == []


@pytest.mark.parametrize("which", SOURCES)
def test_every_modifier_of_a_resource_is_walked(which: str) -> None:
    """For each modifier of each mapped resource: without the checks and rows on it, the table and the element are told.

    A table without them would be read over what says that it does not hold.
    """
    fields, fhir = TABLES[which], SOURCES[which].fhir
    walked = 0
    for name, table in fields.items():
        for modifier in modifiers_in(fhir, table.resource or ""):
            checks = tuple(check for check in table.checks if check.names[0] != modifier)
            rows = tuple(row for row in table.rows if row.path[0].name != modifier)
            problems = told(dict(fields), name, fhir, checks=checks, rows=rows, consts=())
            expected = f"table {name}: {table.resource}.{modifier} changes what the rest of it means"
            assert any(problem.startswith(expected) for problem in problems), (name, modifier)
            walked += 1
    assert walked > 20


@pytest.mark.parametrize(("name", "element"), [("HumanName", "use"), ("Address", "period"), ("ContactPoint", "use")])
def test_data_types_are_walked_wherever_they_stand(name: str, element: str) -> None:
    """A table of a data type without its check is told for each resource that has it."""
    fields = dict(TABLES["R4"])
    checks = tuple(check for check in fields[name].checks if check.names[0] != element)
    problems = told(fields, name, "R4", checks=checks)
    assert f"table {name}: {name}.{element} changes" in " ".join(problems)
    assert f"table Patient: {name}.{element} changes" in " ".join(problems)


def test_every_fixed_part_is_walked() -> None:
    """For each fixed part of each table: without its check, `match` or `free` the table and the part are told."""
    walked = 0
    for name, table in TABLES["R4"].items():
        for const in (const for const in table.consts if not const.owner and table.dialect == "fhir"):
            bare = replace(const, match=False, free="")
            problems = told(dict(TABLES["R4"]), name, "R4", checks=(), consts=(bare,))
            assert any(p.startswith(f"table {name}, const {const.place}: is written") for p in problems)
            walked += 1
    assert walked > 15


def test_loading_fails() -> None:
    """Files that leave one unsaid are not loaded, with table and element; neither is an overlay that brings a place."""
    source: Source = SOURCES["R4"]
    bare = {key: value for key, value in source.tables["Notice"].items() if key != "check"}
    with pytest.raises(MappingError) as refused:
        build_tables(replace(source, tables={**source.tables, "Notice": bare}))
    assert "table Notice: ServiceRequest.doNotPerform changes" in str(refused.value)
    row = {"domain": "organization_number", "fhir": "identifier[system=@org-number].value"}
    with pytest.raises(MappingError, match=r"table Organization: Identifier.use changes"):
        overlaid({"table": [{"name": "Organization", "row": [row]}]})


@pytest.mark.parametrize(
    ("check", "reason"),
    [
        ({"only": ["active"]}, "has no place"),
        ({"fhir": "a[0]", "only": ["active"]}, "has no place"),
        ({"fhir": "status"}, "says one of refuse, only"),
        ({"fhir": "status", "only": ["a"], "never": ["b"]}, "says one of refuse, only"),
        ({"fhir": "status", "only": []}, "only is a list of values"),
        ({"fhir": "status", "refuse": False}, "refuse is true, or not there"),
        ({"fhir": "status", "read": " "}, "read is the reason, or not there"),
        ({"fhir": "status", "only": ["a"], "otherwise": "skip"}, "otherwise is 'left'"),
        ({"fhir": "status", "only": ["a"], "colour": "red"}, "unknown key colour"),
    ],
)
def test_a_check_that_cannot_be_understood(check: dict[str, Any], reason: str) -> None:
    """It is refused when the tables are loaded, with table, number and reason."""
    source = SOURCES["R4"]
    broken = {**source.tables["Goal"], "check": [check]}
    with pytest.raises(MappingError) as refused:
        build_tables(replace(source, tables={**source.tables, "Goal": broken}))
    assert str(refused.value).startswith("table Goal check 1")
    assert reason in str(refused.value)
