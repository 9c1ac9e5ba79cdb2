"""Converters: the closed set of rows whose place depends on more than a path, each by itself on the shipped tables."""

from dataclasses import replace
from typing import Any

import pytest

from ip_fhir.errors import InvalidInput, MappingError
from ip_fhir.mapping import Lens, Mapper, default, lens
from ip_fhir.mapping.compiled import shipped
from ip_fhir.mapping.dialects import DIALECTS
from ip_fhir.mapping.lenses.building import build_lenses
from ip_fhir.mapping.lenses.converters import ROW_LENSES
from ip_fhir.mapping.tables.loading import build_tables, read_source
from ip_fhir.mapping.tables.model import Row

CONVERTERS = {"second-place", "only-where", "set-by-another", "table-by-word"}
"""Every converter that there is; one more needs its test here."""

SHIPPED = [default(), default("R5"), Mapper(shipped().varied("neighbour"))]


def rows_with(name: str) -> list[Row]:
    """The shipped rows that name a converter."""
    tables = [table for mapping in SHIPPED for table in mapping.tables.fields.values()]
    return [row for table in tables for row in table.rows if row.converter.name == name]


def consent(**row: Any) -> Lens:
    """The lens of a made-up table of one text and one flag, the text with a converter."""
    rows = [
        {"domain": "name", "fhir": "name", **row},
        {"domain": "kind", "fhir": "kind", "codes": "organization-kind"},
    ]
    table = {"name": "Made", "domain": "Organization", "resource": "Basic", "row": rows}
    tables = build_tables(replace(read_source(), tables={"Made": table}, bundles=()))
    return Lens(build_lenses(tables, DIALECTS)["Made"])


def test_the_set_is_closed() -> None:
    """The converters are these four, and each is used by a row that ships: none is there for its own sake."""
    assert set(ROW_LENSES) - {""} == CONVERTERS
    assert all(rows_with(name) for name in CONVERTERS)


def test_second_place() -> None:
    """Read where the first place says nothing, written where it stands, refused where the two disagree."""
    made = consent(converter={"name": "second-place", "fhir": "alias"})
    assert made.get({"resourceType": "Basic", "alias": "B"})["name"] == "B"
    assert made.new({"name": "A"}) == {"resourceType": "Basic", "name": "A"}
    assert made.put({"name": "C"}, {"resourceType": "Basic", "alias": "B"}) == {
        "resourceType": "Basic",
        "alias": "C",
        "name": "C",
    }
    with pytest.raises(InvalidInput, match=r"Made\.name: says something else than alias"):
        made.get({"resourceType": "Basic", "name": "A", "alias": "B"})


def test_only_where() -> None:
    """The place is read only where the other field has the word; elsewhere it is somebody else's and stays."""
    review = lens("Appointment")
    held = review.get(
        review.new({"id": "r", "kind": "follow-up", "status": "held", "planned": "2026-02-01", "held": "2026-02-03"})
    )
    assert held["held"] == "2026-02-03"
    planned = review.new({"id": "r", "kind": "follow-up", "status": "planned", "planned": "2026-02-03"})
    booked = {**planned, "start": "2026-02-03T09:00:00Z"}
    assert "held" not in review.get(booked)
    assert review.put(review.get(booked), booked) == booked


def test_set_by_another() -> None:
    """Another system's place counts before ours, and a value that differs from it is refused there."""
    review = lens("Appointment")
    made = review.new({"id": "r", "kind": "follow-up", "status": "planned", "planned": "2026-02-01"})
    booked = {**made, "start": "2026-02-09T09:00:00Z"}
    assert review.get(booked)["planned"] == "2026-02-09"
    with pytest.raises(InvalidInput, match=r"Appointment\.start: was set by another system"):
        review.put({**review.get(booked), "planned": "2026-02-10"}, booked)


def test_table_by_word() -> None:
    """The other field's word tells which of two tables a part is read and written by."""
    by_word = default("R5").lens("Consent")
    ((row, found),) = [(f.row, f) for f in by_word.inner.fields if f.row.converter.name == "table-by-word"]
    assert row.converter.second is not None
    assert {row.of, row.converter.second.of} == {"ExceptionToPermit", "ExceptionToDeny"}
    assert found.depends


@pytest.mark.parametrize(
    ("converter", "told"),
    [
        ("second-place", "a converter is { name = … } with one of the names"),
        ({"name": "third-place"}, "a converter is { name = … } with one of the names"),
        ({"name": "second-place"}, "converter second-place: fhir is missing"),
        ({"name": "only-where", "field": "kind"}, "converter only-where: is is missing"),
        ({"name": "only-where", "field": "kind", "is": "x", "fhir": "y"}, "converter only-where: unknown key fhir"),
        ({"name": "only-where", "field": "size", "is": "x"}, "the converter's field 'size' has no row in the table"),
    ],
)
def test_a_wrong_converter_is_refused(converter: Any, told: str) -> None:
    """A name that there is not, an option too many or too few, and a field without a row are told when loading."""
    with pytest.raises(MappingError) as caught:
        consent(converter=converter)
    assert told in str(caught.value)
