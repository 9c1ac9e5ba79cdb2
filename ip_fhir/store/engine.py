"""The one place where databases differ: connecting, beginning a write, and translating errors."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from sqlalchemy import create_engine, event
from sqlalchemy.engine import URL, Connection, Engine, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, SQLAlchemyError

from ip_fhir.errors import InvalidInput, StoreError
from ip_fhir.store.damage.file import Opened, StoreFile
from ip_fhir.store.sharing import SharedWriter

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    Values: TypeAlias = Mapping[str, Any] | list[dict[str, Any]]

BUSY_SECONDS: Final = 30.0
"""Seconds to wait for another writer to finish, before `StoreError`. `?timeout=` in the URL changes it."""

_IN_THE_WAY: Final = ("(SQLITE_BUSY)", "(SQLITE_BUSY_RECOVERY)", "(SQLITE_LOCKED)")
_WRITES: Final = "ip_fhir_writes"
_OPENED: Final = "ip_fhir_opened"
_CONNECT_SECONDS: Final = "10"
_LOG_PAGES: Final = 4000
"""Pages of 4 kB in SQLite's log before it is brought into the file. Everybody waits for that, so it is done seldom."""

_CONNECTIONS: Final = {"pool_size": 15, "max_overflow": 0}
"""Connections of a process: all are kept, since making one costs PostgreSQL's client more than a whole transaction."""

_ON_CONNECT: Final = """
    SELECT set_config('lock_timeout', %s, false),
           set_config('synchronous_commit', replace(current_setting('synchronous_commit'), 'off', 'on'), false)
"""
_ONE_MOMENT: Final = {"isolation_level": "REPEATABLE READ"}  # SQLite's readers see one moment anyway


class Database:
    """An engine and the transactions on it. SQLite has one writer at a time, PostgreSQL many."""

    is_hosts: bool = False
    """True for the database of a program that we are embedded in: it may have tables and migrations of its own."""

    def __init__(self, url: str) -> None:
        parsed = parse_url(url)
        self.embedded = parsed.get_backend_name() == "sqlite"
        self._patience = _patience(parsed)
        self.file = StoreFile(Path(parsed.database or "")) if self.embedded else None
        if self.file is None:
            self.engine = _postgresql(parsed, self._patience)
        else:
            create_private(Path(self.file.path))
            self.engine = _sqlite(parsed, self._patience, self.file)
        self._writer = self.engine.execution_options(**{_WRITES: True})
        self._reader = self.engine if self.embedded else self.engine.execution_options(**_ONE_MOMENT)
        # Threads of one process queue here: SQLite's own waiting is by polling, and unfair.
        self._shared = (
            SharedWriter(self._writer.connect, self._patience, storage_errors, self._check_file)
            if self.embedded
            else None
        )
        self._here = threading.local()

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Yields a connection in a write transaction, committed at the end; any error undoes the block's work.

        Raises `StoreError` also if what was committed went into a SQLite file that has no longer this name.
        """
        with self._refuse_nesting(), storage_errors(), self._begin() as connection:
            yield connection

    def _check_file(self, connection: Connection) -> None:
        if self.file is not None:
            self.file.check(connection.info.get(_OPENED, Opened()))

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Yields a connection that sees the store as it stood at one moment. It never waits for a writer."""
        with storage_errors(), self._reader.connect() as connection, connection.begin():
            yield connection

    @property
    def over(self) -> bool:
        """True once a transaction of such a program, which the store was opened in, has ended."""
        return False

    def close(self) -> None:
        """Closes the connections."""
        self.engine.dispose()

    def use_wal(self) -> None:
        """Sets SQLite's write-ahead log, so that readers and the writer do not wait for one another. The file keeps it.

        SQLite does not wait by itself when two processes make this change at once, so this waits.
        """
        deadline = time.monotonic() + self._patience
        while (mode := self._set_wal()) is None and time.monotonic() < deadline:
            time.sleep(0.02)
        self.engine.dispose()  # connections from before would not know their side files
        if mode is None:
            raise StoreError("the store is busy: it could not be opened in time")
        if mode != "wal":
            raise StoreError("the store's file system does not allow write-ahead logging (a network drive?)")

    def checkpoint(self) -> None:
        """Writes the write-ahead log into the file and empties it, since it still holds deleted rows."""
        with storage_errors(), closing(self.engine.raw_connection()) as connection:
            try:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            except sqlite3.Error as error:
                raise driver_error(error) from None

    def _set_wal(self) -> str | None:
        """Tries to set the write-ahead log. Returns the journal mode, None if another process is in the way."""
        try:
            with closing(self.engine.raw_connection()) as connection, closing(connection.cursor()) as cursor:
                mode = ""
                for statement in ("PRAGMA journal_mode", "PRAGMA journal_mode=WAL"):
                    if mode != "wal":
                        cursor.execute(statement)
                        (mode,) = cursor.fetchone() or ("",)
                return str(mode)
        except sqlite3.Error as error:
            if name_of(error).endswith(_IN_THE_WAY):
                return None
            raise StoreError(f"the store cannot be opened: {name_of(error)}") from None
        except UnicodeDecodeError:
            raise _not_text() from None

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        if self._shared is not None:
            with self._shared.writing() as connection:
                yield connection
            return
        with self._writer.connect() as connection, connection.begin():
            yield connection

    @contextmanager
    def _refuse_nesting(self) -> Iterator[None]:
        """Refuses a transaction inside another of the same thread: each would wait for the other."""
        if getattr(self._here, "writes", False):
            raise StoreError("a transaction is open in this thread already")
        self._here.writes = True
        try:
            yield
        finally:
            self._here.writes = False


class Taken(StoreError):
    """A row with this key exists already."""


@contextmanager
def storage_errors() -> Iterator[None]:
    """Turns SQLAlchemy's errors into ours, and that of a driver which cannot read the text of a damaged file."""
    try:
        yield
    except UnicodeDecodeError:  # raised by SQLite's driver for a schema, and so an error's text, that is no UTF-8
        raise _not_text() from None
    except DBAPIError as error:
        raise driver_error(error.orig or error) from None
    except SQLAlchemyError as error:
        raise StoreError(f"the store failed: {type(error).__name__}") from None


def driver_error(error: BaseException) -> StoreError | InvalidInput:
    """Returns a driver's error as ours, by class and code. Its text is left out: it may repeat a person's data."""
    kinds = {kind.__name__ for kind in type(error).__mro__}
    if "DataError" in kinds:  # too long, a zero byte in text, a number out of range
        return InvalidInput.at("", f"the store cannot hold this: {name_of(error)}")
    kind = Taken if "IntegrityError" in kinds else StoreError
    return kind(f"the store failed: {name_of(error)}")


def _not_text() -> StoreError:
    return StoreError("the store is damaged: there is text in it that is not UTF-8")


def name_of(error: BaseException) -> str:
    """Returns the class of a driver's error and its code, if it has one: SQLITE_BUSY, or an SQLSTATE."""
    code = getattr(error, "sqlite_errorname", None) or getattr(error, "sqlstate", None)
    return f"{type(error).__name__} ({code})" if code else type(error).__name__


def parse_url(url: str) -> URL:
    """Parses a database URL. Raises `InvalidInput`, without the URL, if it cannot be a store's."""
    try:
        parsed = make_url(url)
    except ArgumentError:  # the text may hold a password
        raise InvalidInput.at("store", "not a database URL; for instance sqlite:///ip.sqlite") from None
    backend = parsed.get_backend_name()
    if backend not in {"sqlite", "postgresql"}:
        raise InvalidInput.at("store", "the store is SQLite or PostgreSQL", "not-supported")
    if backend == "sqlite" and (parsed.database or ":memory:").startswith((":memory:", "file:")):
        raise InvalidInput.at("store", "name a file: a store in memory would forget", "not-supported")
    return parsed


def _patience(url: URL) -> float:
    try:
        return float(str(url.query.get("timeout", BUSY_SECONDS)))
    except ValueError:
        raise InvalidInput.at("store", "the URL's timeout is a number of seconds") from None


def create_private(file: Path) -> None:
    """Creates a file that only its owner may read, since it will hold people's data. SQLite's side files take after it.

    A file that exists is left as it is. Raises `StoreError`.
    """
    try:
        os.close(os.open(file, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise StoreError(f"the store's file cannot be made: {error.strerror}") from None


_any_text: Final = partial(str, encoding="utf-8", errors="surrogateescape")
"""Reads text that is no UTF-8 too, so that such a row can be told from the others; see `damage.unreadable`."""


def _sqlite(url: URL, patience: float, file: StoreFile) -> Engine:
    engine = create_engine(url, hide_parameters=True, paramstyle="named", connect_args={"timeout": patience})

    @event.listens_for(engine, "do_connect")
    def _connect(dialect: Any, _record: Any, _arguments: Any, options: dict[str, Any]) -> Any:
        """Opens the store's file and makes none: one that was taken away would come back empty."""
        return file.connect(lambda: dialect.connect(file.uri, uri=True, **options))

    @event.listens_for(engine, "connect")
    def _connected(connection: sqlite3.Connection, record: Any) -> None:
        connection.isolation_level = None  # the driver is not to begin transactions; `_begin` does
        connection.text_factory = _any_text
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute(f"PRAGMA wal_autocheckpoint={_LOG_PAGES}")
        connection.execute("PRAGMA temp_store=MEMORY")  # what a savepoint may have to bring back is a person's too
        connection.execute("PRAGMA schema_version").fetchone()  # opens the side files
        record.info[_OPENED] = file.sides()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        """Begins a write by taking the lock: a writer that reads first and locks later fails without waiting."""
        writes = connection.get_execution_options().get(_WRITES, False)
        driver: Any = connection.connection.dbapi_connection  # past SQLAlchemy, which takes longer than the statement
        try:
            driver.execute("BEGIN IMMEDIATE" if writes else "BEGIN")
        except (sqlite3.Error, UnicodeDecodeError) as error:  # the latter: a damaged file's schema, quoted by SQLite
            raise driver_error(error) from None

    return engine


def _postgresql(url: URL, patience: float) -> Engine:
    url = url.set(drivername="postgresql+psycopg").difference_update_query(["timeout"])
    if "connect_timeout" not in url.query:
        url = url.update_query_dict({"connect_timeout": _CONNECT_SECONDS})
    try:
        engine = create_engine(url, hide_parameters=True, pool_pre_ping=True, **_CONNECTIONS)
    except ImportError:
        raise InvalidInput.at("store", "PostgreSQL needs ip-fhir[postgres]", "not-supported") from None

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: Any) -> None:
        """Sets a session's patience, and makes it commit only when the data are on the disk."""
        connection.execute(_ON_CONNECT, [f"{patience * 1000:.0f}"])
        connection.commit()

    return engine
