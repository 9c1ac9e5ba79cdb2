"""Reading of rows, each on its own: one that cannot be read is remembered, and takes no other's place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from ip_fhir.errors import InvalidInput
from ip_fhir.store.damage.unreadable import Damage
from ip_fhir.store.prepared import execute

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Executable, Row

    from ip_fhir.store.engine import Database

T = TypeVar("T")


class SqlReader:
    """Reads values from a database, each time at one moment."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._damage = Damage()

    def _one(self, kind: str, statement: Executable, values: Mapping[str, Any], make: Callable[[Any], T]) -> T | None:
        """Returns the value of the first row, or None. Raises `Unreadable` for one that cannot be read."""
        rows = self._read(statement, values)
        return self._damage.one(kind, rows[0], make) if rows else None

    def _list(self, kind: str, statement: Executable, values: Mapping[str, Any], make: Callable[[Any], T]) -> list[T]:
        """Returns the values of rows that can be read, up to `at_most`: others take no place, and are remembered."""
        at_most, more = max(values["at_most"], 0), 0
        while True:
            rows = self._read(statement, {**values, "at_most": at_most + more})
            found, bad = self._damage.sort(kind, rows, make)
            if bad <= more or len(rows) < at_most + more:
                return found[:at_most]
            more = bad

    def _place(self, what: str, statement: Executable, values: Mapping[str, Any]) -> Row[Any]:
        """Returns the row that a page begins behind. Raises `InvalidInput` (not-found)."""
        rows = self._read(statement, values)
        if not rows:
            raise InvalidInput.at("after", f"there is no such {what}", "not-found")
        return rows[0]

    def _read(self, statement: Executable, values: Mapping[str, Any]) -> Sequence[Row[Any]]:
        with self._database.reading() as connection:
            return execute(connection, statement, values).rows
