"""The store in a database that a program which embeds us has an engine for: its pool and its credentials."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Engine
from sqlalchemy.schema import CreateSchema

from ip_fhir.errors import InvalidInput
from ip_fhir.store.engine import BUSY_SECONDS, Database
from ip_fhir.store.hosts.session import HostSession

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

_WRITES: Final = {"isolation_level": "READ COMMITTED"}
_READS: Final = {"isolation_level": "REPEATABLE READ"}


class HostDatabase(Database):
    """PostgreSQL by the engine of the host, which stays its own: it is not disposed of, and not changed."""

    def __init__(self, engine: Engine, schema: str | None, patience: float = BUSY_SECONDS) -> None:
        self.engine = engine
        self.embedded = False
        self.file = None
        self.session = HostSession(schema, patience)
        self.is_hosts = True
        self._patience = patience
        self._writer = engine.execution_options(**_WRITES)
        self._reader = engine.execution_options(**_READS)
        self._shared = None
        self._here = threading.local()

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        with super()._begin() as connection:
            self.session.enter(connection)
            yield connection

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yields a connection that sees the store as it stood at one moment."""
        with super().reading() as connection:
            self.session.enter(connection)
            yield connection

    def close(self) -> None:
        """Leaves the engine as it is: the host closes it."""


def host_database(engine: object, schema: str | None = None) -> Database:
    """Returns the database of a host's SQLAlchemy engine. `schema` holds our tables; for PostgreSQL only.

    To SQLite, connections of our own are made beside the host's, to the same file. Raises `InvalidInput`: no engine, an
    asynchronous one, another database, one in memory, a schema where there are none.
    """
    if not isinstance(engine, Engine):
        raise InvalidInput.at("engine", "give a synchronous SQLAlchemy Engine", "not-supported")
    if engine.dialect.name == "sqlite":
        if schema is not None:
            raise InvalidInput.at("schema", "SQLite has no schemas", "not-supported")
        return _same_file(engine)
    if engine.dialect.name != "postgresql" or engine.dialect.is_async:
        raise InvalidInput.at("engine", "the store is SQLite or PostgreSQL, by a synchronous driver", "not-supported")
    return HostDatabase(engine, schema)


def make_schema(database: Database, schema: str | None) -> None:
    """Makes the schema for our tables in a host's PostgreSQL, if it is not there. Raises `StoreError`."""
    if schema is not None:
        with database.writing() as connection:
            connection.execute(CreateSchema(schema, if_not_exists=True))


def _same_file(engine: Engine) -> Database:
    url: Any = engine.url
    database = Database(url.set(drivername="sqlite").render_as_string(hide_password=False))
    database.is_hosts = True
    return database
