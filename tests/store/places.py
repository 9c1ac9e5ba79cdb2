"""Where a store lies, on either database, and what somebody sees there who goes past the store."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, NullPool, create_engine, make_url, text

from ip_fhir.store.chain import START
from ip_fhir.store.schema import metadata


@dataclass(frozen=True)
class Place:
    """A database with the tables in it."""

    url: str

    @property
    def embedded(self) -> bool:
        """Whether it is a file."""
        return self.url.startswith("sqlite")

    def empty(self) -> None:
        """Take everything out."""
        with self._connected() as connection:
            for table in metadata.tables.values():
                connection.execute(table.delete())
            for key, value in (("chain-head", str(START)), ("readings", "0 0")):
                connection.execute(metadata.tables["meta"].insert().values(key=key, value=value))

    def sql(self, statement: str, **values: Any) -> list[Sequence[Any]]:
        """Run one statement on the database, past the store; `:name` is a value."""
        with self._connected() as connection:
            result = connection.execute(text(statement), values)
            return [tuple(row) for row in result] if result.returns_rows else []

    def _connected(self) -> AbstractContextManager[Connection]:
        url = make_url(self.url)
        url = url if self.embedded else url.set(drivername="postgresql+psycopg")
        return create_engine(url, poolclass=NullPool).begin()
