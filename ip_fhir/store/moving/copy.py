"""Copies a whole store into an empty one, from SQLite to PostgreSQL or back, row by row, in one transaction.

Nobody else has the source meanwhile, so nothing can be written to it that the copy lacks. What is interrupted leaves
the source as it was, and the target as empty as before: it is begun again.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Connection, StaticPool, create_engine, func, insert, select, text

from ip_fhir.errors import InvalidInput, StoreError
from ip_fhir.store import migrate
from ip_fhir.store.chain import START, Head
from ip_fhir.store.engine import Database, driver_error, parse_url, storage_errors
from ip_fhir.store.schema import VERSION, meta, metadata, outbox
from ip_fhir.store.statements import READ_HEAD

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Table

_BATCH: Final = 500
_OTHERS: Final = text("""
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND usename = current_user AND pid <> pg_backend_pid()
          AND backend_type = 'client backend'
""")
_LOOK_ANEW: Final = text("SELECT pg_stat_clear_snapshot()")
_TRIES: Final = 20
_IN_USE: Final = "is in use: stop every process that has it open (serve, work, a listener), and begin again"


@dataclass(frozen=True, slots=True)
class Copied:
    """A copy that is there: the rows of each table, and the end of the chain of evidence, the same in both."""

    rows: dict[str, int]
    head: Head


def copy_store(source: str, target: str, told: Callable[[str, int], None] = lambda _table, _rows: None) -> Copied:
    """Copies the store at one database URL into an empty database at another; `told` hears of each table and its rows.

    Raises `InvalidInput`: a URL that is none, the same kind of database twice (a backup does that), a target that is
    not empty; `StoreError`: there is no source, it is of another version or in use, or the copy failed. Then nothing
    was copied.
    """
    of, to = (parse_url(url).get_backend_name() for url in (source, target))
    if of == to:
        raise InvalidInput.at("to", f"both are {of}: db backup, or pg_dump, copies within one kind", "not-supported")
    with _source(source) as read:
        with closing(Database(target)) as database:
            migrate.upgrade(database)
            database.engine.dispose()  # or our own connection would pass for somebody else's
            with database.writing() as write:
                _require_empty(write)
                rows = {table.name: _copy(table, read, write, told) for table in metadata.sorted_tables}
                _number_on(read, write)
        head = Head.parse(str(read.scalar(READ_HEAD)))
    return Copied(rows, head or START)


@contextmanager
def _source(url: str) -> Iterator[Connection]:
    """Yields a connection to the source that nobody else writes to until the end."""
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        with _only_user(Path(str(parsed.database))) as connection:
            yield connection
        return
    with closing(Database(url)) as database, storage_errors():
        with database.reading() as before:
            _require_version(before)
        database.engine.dispose()
        engine = database.engine.execution_options(isolation_level="REPEATABLE READ")
        with engine.connect() as connection, connection.begin():
            _lock(connection, "source")
            yield connection


@contextmanager
def _only_user(file: Path) -> Iterator[Connection]:
    """Yields the only connection to a SQLite file: with a write-ahead log nobody else may have it open, even idly."""
    if not file.is_file():
        raise StoreError("the source is not there")
    try:
        raw = sqlite3.connect(f"file:{file.absolute()}?mode=rw", uri=True, timeout=1.0, isolation_level=None)
    except sqlite3.Error as error:
        raise driver_error(error) from None
    with closing(raw):
        try:
            raw.execute("PRAGMA locking_mode=EXCLUSIVE")  # before the log is looked at: else it would be shared
            raw.execute("BEGIN IMMEDIATE")
        except sqlite3.Error as error:
            busy = isinstance(error, sqlite3.OperationalError) and "locked" in str(error)
            raise StoreError(f"the source {_IN_USE}") if busy else driver_error(error) from None
        engine = create_engine("sqlite://", creator=lambda: raw, poolclass=StaticPool, hide_parameters=True)
        with storage_errors(), engine.connect() as connection:
            _require_version(connection)
            yield connection


def _require_version(read: Connection) -> None:
    if migrate.version(read) != VERSION:
        raise StoreError("the source has no store of this version: ip-fhir db upgrade, or look at the address")


def _lock(connection: Connection, which: str) -> None:
    """Keeps writers out of PostgreSQL's tables until the end. Raises `StoreError` if anybody else is connected."""
    names = ", ".join(connection.dialect.identifier_preparer.format_table(table) for table in metadata.sorted_tables)
    connection.execute(text(f"LOCK TABLE {names} IN EXCLUSIVE MODE"))  # first: what is read is as of after it
    for _ in range(_TRIES):
        connection.execute(_LOOK_ANEW)
        if not connection.scalar(_OTHERS):
            return
        time.sleep(0.1)  # one that was closed just now is still there for a moment
    raise StoreError(f"the {which} {_IN_USE}")


def _require_empty(write: Connection) -> None:
    """Raises `InvalidInput` if a target has rows of its own. What a new store begins with is taken out."""
    if write.dialect.name == "postgresql":
        _lock(write, "target")
    head = Head.parse(str(write.scalar(READ_HEAD)))
    others = [table for table in metadata.sorted_tables if table is not meta]
    if head != START or any(write.scalar(select(func.count()).select_from(table)) for table in others):
        raise InvalidInput.at("to", "the target is a store that holds something: give an empty database", "duplicate")
    write.execute(meta.delete())


def _copy(table: Table, read: Connection, write: Connection, told: Callable[[str, int], None]) -> int:
    """Copies the rows of a table in the order of its key; returns how many. Raises `StoreError` if some are missing."""
    rows = 0
    in_order = select(table).order_by(*table.primary_key.columns).execution_options(yield_per=_BATCH)
    found = read.execute(in_order)
    for part in found.mappings().partitions(_BATCH):
        write.execute(insert(table), [dict(row) for row in part])
        rows += len(part)
    counts = [connection.scalar(select(func.count()).select_from(table)) for connection in (read, write)]
    if counts != [rows, rows]:
        raise StoreError(f"{table.name}: {counts[0]} rows in the source, {counts[1]} in the copy")
    told(table.name, rows)
    return rows


def _number_on(read: Connection, write: Connection) -> None:
    """Lets the target number outbox rows on where the source would: no number of a row that is gone is given again."""
    last = max(int(write.scalar(select(func.max(outbox.c.sequence))) or 0), _numbered(read))
    if write.dialect.name == "postgresql":
        if last:
            write.execute(text("SELECT setval(pg_get_serial_sequence('outbox', 'sequence'), :last)"), {"last": last})
        return
    write.execute(text("DELETE FROM sqlite_sequence WHERE name = 'outbox'"))
    write.execute(text("INSERT INTO sqlite_sequence (name, seq) VALUES ('outbox', :last)"), {"last": last})


def _numbered(read: Connection) -> int:
    """The last number that the source gave to an outbox row, whether the row is there or not."""
    found: Any
    if read.dialect.name == "postgresql":
        name = read.scalar(text("SELECT pg_get_serial_sequence('outbox', 'sequence')"))
        found = read.scalar(text(f"SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {name}"))  # noqa: S608
    else:
        found = read.scalar(text("SELECT seq FROM sqlite_sequence WHERE name = 'outbox'"))
    return int(found or 0)
