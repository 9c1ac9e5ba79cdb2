"""The keys of rows, as the documentation shows them."""

import tomllib

import pytest

from ip_fhir.errors import MappingError
from ip_fhir.mapping.tables.loading import read_source, row_of
from ip_fhir.mapping.tables.row_keys import ROW_KEYS, RowKey
from ip_fhir.mapping.tables.variants import read_variant


@pytest.mark.parametrize("key", ROW_KEYS, ids=lambda key: key.name)
def test_an_example_is_a_row(key: RowKey) -> None:
    """Each example, with a domain field and a place, is a row that loads."""
    row = {"domain": "name", "fhir": "name", **tomllib.loads(key.example)}
    assert key.name in row
    row_of(row)


def test_every_key_is_used_by_a_row_that_ships() -> None:
    """No key is there for its own sake."""
    tables = [table for table in read_source().tables.values() if "dialect" not in table]
    shipped = [row for table in tables for row in table["row"]]
    varied = [row for name in ("r5", "neighbour") for table in read_variant(name)["table"] for row in table["row"]]
    assert {name for row in (*shipped, *varied) for name in row} == {key.name for key in ROW_KEYS}


def test_another_key_is_refused() -> None:
    """A key that is not listed is an error, not left aside."""
    with pytest.raises(MappingError, match="unknown key strickt"):
        row_of({"domain": "name", "fhir": "name", "strickt": True})
