"""Stores with many loops in them, made in minutes: rows that the database copies, indexes that are built afterwards."""

from __future__ import annotations

import sqlite3
from contextlib import closing, contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from loops import DUE, Answering, SetClock, notice, side
from sqlalchemy.schema import CreateIndex

from ip_fhir.domain.referral import Role
from ip_fhir.domain.values.aggregate import Aggregate
from ip_fhir.store import chain, open_store, statements
from ip_fhir.store.engine import Database
from ip_fhir.store.schema import metadata

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ip_fhir.store import SqlStore

PLACEHOLDER = "xxxxxxx"
"""In the ids of the loop that the others are copied from."""

_FAST_FILE = ("journal_mode=OFF", "synchronous=OFF", "locking_mode=EXCLUSIVE", "cache_size=-500000")
_FAST_SERVER = (
    "SET synchronous_commit = off",
    "SET default_toast_compression = lz4",
    "SET maintenance_work_mem = '512MB'",
)


def fill(url: str, loops: int, due: int) -> None:
    """Put open loops into an empty store, `due` of which have a deadline that is over, evenly spread.

    The first one is made by the exchange; the others are copies of all its rows with other ids, made by the database
    itself. Their evidence is chained as it should be; the bytes that were sent are left out, and so are the digests of
    what each commit wrote: `verify` would name the copies.
    """
    with closing(open_store(url)) as store:
        exchange = side(Role.HOSPITAL, store, Answering(), SetClock())
        exchange.send_notice(notice(PLACEHOLDER))
        exchange.run_due()
        words, head = _words(store), chain.Head(store.head().number, store.head().hash)
    database = Database(url)
    with _loading(database) as cursor, _without_indexes(database, cursor):
        for table, exceptions in _TABLES.items():
            changes = {name: change(loops // due) for name, change in exceptions.items()}
            cursor.execute(_copies(database, table, loops, changes))
        _add_evidence(cursor, chain.follow(head, _copied(words, loops)))
    _settle(database)
    database.engine.dispose()


def _words(store: SqlStore) -> list[str]:
    with store._database.reading() as connection:  # noqa: SLF001 - a benchmark looks inside
        return [row.body for row in connection.execute(statements.WORDS)]


def _not_due(every: int) -> str:
    later = int((DUE + timedelta(days=30)).timestamp() * 1_000_000)
    return f"CASE WHEN n % {every} = 0 THEN next_due ELSE {later} + n END"


_TABLES: dict[str, dict[str, Callable[[int], str]]] = {
    "referral": {"next_due": _not_due, "changed": lambda _: "changed + n"},
    "outbox": {"sequence": lambda _: "n + 1", "id": lambda _: "'row-' || n", "content": lambda _: "NULL"},
    "resource": {"updated": lambda _: "updated + n"},
    "token": {},
}


@contextmanager
def _loading(database: Database) -> Iterator[Any]:
    """A driver's cursor that need not wait for the disk: if it is cut off, the benchmark begins again."""
    if not database.embedded:
        with closing(database.engine.raw_connection()) as pooled, closing(pooled.cursor()) as cursor:
            for setting in _FAST_SERVER:
                cursor.execute(setting)
            yield cursor
            pooled.commit()
        return
    with closing(sqlite3.connect(str(database.engine.url.database))) as connection:
        for setting in _FAST_FILE:
            connection.execute(f"PRAGMA {setting}")
        yield connection.cursor()
        connection.commit()


@contextmanager
def _without_indexes(database: Database, cursor: Any) -> Iterator[None]:
    indexes = [index for table in metadata.tables.values() for index in table.indexes]
    for index in indexes:
        cursor.execute(f"DROP INDEX {index.name}")
    yield
    for index in indexes:
        cursor.execute(str(CreateIndex(index).compile(dialect=database.engine.dialect)))


def _copies(database: Database, table: str, loops: int, changes: dict[str, str]) -> str:
    """Copy the first loop's rows `loops - 1` times, with the number in the place of the placeholder."""
    digits = "printf('%07d', n)" if database.embedded else "lpad(n::text, 7, '0')"
    columns = metadata.tables[table].columns
    values = [
        changes.get(c.name)
        or (f"replace({c.name}, '{PLACEHOLDER}', {digits})" if c.type.python_type is str else c.name)
        for c in columns
    ]
    series = "series" if database.embedded else f"generate_series(1, {loops - 1}) AS n"
    counted = f"SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < {loops - 1}"  # noqa: S608 - a number of ours
    with_ = f"WITH RECURSIVE series(n) AS ({counted})" if database.embedded else ""
    source = f"SELECT {', '.join(values)} FROM {series}, (SELECT * FROM {table}) AS first"  # noqa: S608 - our own names
    return f"INSERT INTO {table} ({', '.join(c.name for c in columns)}) {with_} {source}"


def _copied(words: list[str], loops: int) -> Iterator[tuple[Aggregate, str]]:
    for number in range(1, loops):
        for body in words:
            yield Aggregate.of_referral(f"referral-{number:07}"), body.replace(PLACEHOLDER, f"{number:07}")


def _add_evidence(cursor: Any, links: Iterable[dict[str, str | int | None]]) -> None:
    names = ("number", "aggregate_id", "body", "previous", "hash")
    last: list[dict[str, str | int | None]] = []

    def rows() -> Iterator[tuple[str | int | None, ...]]:
        for link in links:
            last[:] = [link]
            yield tuple(link[name] for name in names)

    if isinstance(cursor, sqlite3.Cursor):
        cursor.executemany(f"INSERT INTO evidence ({', '.join(names)}) VALUES (?, ?, ?, ?, ?)", rows())  # noqa: S608
    else:
        with cursor.copy(f"COPY evidence ({', '.join(names)}) FROM STDIN") as copy:
            for row in rows():
                copy.write_row(row)
    (end,) = last
    head = f"{end['number']} {end['hash']}"
    cursor.execute(f"UPDATE meta SET value = '{head}' WHERE key = 'chain-head'")  # noqa: S608 - our own hash


def _settle(database: Database) -> None:
    """As after a while: PostgreSQL has counted what is in its tables, and has written it."""
    if database.embedded:
        return
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        following = "setval(pg_get_serial_sequence('outbox', 'sequence'), max(sequence))"
        connection.exec_driver_sql(f"SELECT {following} FROM outbox")  # noqa: S608 - no value in it
        connection.exec_driver_sql("VACUUM (ANALYZE)")
        connection.exec_driver_sql("CHECKPOINT")
