"""A transaction of the host's that our writes are in: they are committed with its own, or not at all.

Each of our blocks is a savepoint in it, so that one which fails takes nothing of the host's with it.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from sqlalchemy import Connection, event, text

from ip_fhir.errors import InvalidInput, StoreError
from ip_fhir.store.engine import BUSY_SECONDS, Database, storage_errors
from ip_fhir.store.hosts.session import HostSession, require_durable, require_transaction, take_lock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_COMMITS: Final = ("commit", "commit_twophase")
_FILE: Final = text("SELECT file FROM pragma_database_list WHERE name = 'main'")
_SERVER: Final = text("SELECT current_database() AS name, pg_postmaster_start_time() AS since")


class HostTransaction(Database):
    """The database as one transaction of the host's sees it. Only the thread that has the transaction may use it."""

    def __init__(self, database: Database, given: object, committing: Callable[[], None]) -> None:
        """`given` is a connection, or a session of the ORM; `committing` is called when the host begins to commit.

        Raises `InvalidInput` for anything else, and for a connection to another database.
        """
        connection = _connection(given)
        self.embedded = database.embedded
        self.engine = connection.engine
        self.file = None
        self.is_hosts = True
        self._connection = connection
        self._session = getattr(database, "session", HostSession(None, BUSY_SECONDS))
        self._open = False
        with storage_errors():
            _require_same(connection, database)
            if self.embedded:
                require_durable(connection)
            self._transaction = connection.get_transaction()
            if self._transaction is None:
                raise InvalidInput.at("connection", "there is no transaction on it")
        for name in _COMMITS:
            event.listen(connection, name, lambda *_: committing())

    @property
    def over(self) -> bool:
        """True once the host has ended its transaction, in whichever way."""
        transaction = self._transaction
        return transaction is None or not transaction.is_active

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Yields the host's connection, in a savepoint: an error undoes the block's work, and nothing of the host's."""
        if self._open:
            raise StoreError("a transaction is open in this thread already")
        self._open = True
        try:
            with storage_errors():
                self._require_open()
                if self.embedded:
                    take_lock(self._connection)
                with self._connection.begin_nested(), self._session.within(self._connection):
                    yield self._connection
        finally:
            self._open = False

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yields the host's connection: it sees what the transaction has written so far."""
        with storage_errors():
            self._require_open()
            with self._session.within(self._connection):
                yield self._connection

    def close(self) -> None:
        """Leaves the transaction as it is: the host ends it."""

    def _require_open(self) -> None:
        if self.over:
            raise StoreError("the host's transaction has ended")
        if not self.embedded:
            require_transaction(self._connection)


def _connection(given: object) -> Connection:
    """The connection that was given, or that a session has."""
    if isinstance(given, Connection):
        if not given.in_transaction():
            given.begin()
        return given
    of_session = getattr(given, "connection", None)
    found = of_session() if callable(of_session) else None
    if not isinstance(found, Connection):
        raise InvalidInput.at("connection", "give a SQLAlchemy Connection or Session", "not-supported")
    return found


def _require_same(connection: Connection, database: Database) -> None:
    """Raises `InvalidInput` if a connection is not to the database that the store is in."""
    if connection.dialect.name != database.engine.dialect.name:
        same = False
    elif connection.engine.pool is database.engine.pool:
        same = True
    elif database.embedded:
        theirs = cast("str", connection.execute(_FILE).scalar()) or os.devnull
        same = database.file is not None and _is_same_file(theirs, database.file.path)
    else:
        with database.reading() as ours:
            same = _server(ours) == _server(connection)
    if not same:
        raise InvalidInput.at("connection", "it is to another database than the store is in", "business-rule")


def _server(connection: Connection) -> tuple[Any, ...]:
    return tuple(connection.execute(_SERVER).one())


def _is_same_file(one: str, other: str | os.PathLike[str]) -> bool:
    try:
        return Path(one).samefile(other)
    except OSError:
        return False
