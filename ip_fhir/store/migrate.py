"""Migration of a database to the present tables. Alembic is loaded only if there is something to do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import column, func, inspect, select, table

from ip_fhir.errors import StoreError
from ip_fhir.store.integrity import baseline
from ip_fhir.store.schema import VERSION, metadata

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from ip_fhir.store.engine import Database

MIGRATIONS: Final = Path(__file__).parent / "migrations"


_OWN: Final = "ip_fhir_version"
"""The table of our version in the database of a host, which may have an `alembic_version` of its own."""

_LOCK: Final = select(func.pg_advisory_xact_lock(0x1F41_2001))  # any number that nobody else takes


def upgrade(database: Database) -> None:
    """Runs the missing migrations, all in one transaction. Raises `StoreError`; then nothing was changed.

    The rows of a store from before the chain had digests are put into the chain as they stand, and what a migration
    changed in those of a later one (`integrity.baseline`).
    Several processes may do so at once: the first does it, the others find it done.
    """
    if database.embedded:
        database.use_wal()
    with database.reading() as connection:
        if is_current(connection):
            return
    with database.writing() as connection:
        if not database.embedded:  # SQLite has one writer anyway
            connection.execute(_LOCK)
        if not is_current(connection):
            before = version(connection)
            _require_room(connection, before)
            run(connection, table=_OWN if database.is_hosts else None)
            if before is not None and before < baseline.SINCE:
                baseline.write_baseline(connection)
            elif before is not None and before < baseline.JOINED:
                baseline.write_joined(connection)


def is_current(connection: Connection) -> bool:
    """True if the tables are the present ones. Raises `StoreError` if they are of a version not known here."""
    found = version(connection)
    if found is not None and found > VERSION:
        raise StoreError(f"the store is of version {found}, this program of {VERSION}: update the program")
    return found == VERSION


def version(connection: Connection) -> str | None:
    """Returns the database's last migration; None if it has no tables of ours."""
    name = _version_table(connection)
    return None if name is None else connection.scalar(select(column("version_num")).select_from(table(name)))


def _version_table(connection: Connection) -> str | None:
    """The table that has our version, or None. An `alembic_version` without tables of ours beside it is another's."""
    there = inspect(connection)
    if there.has_table(_OWN):
        return _OWN
    return "alembic_version" if there.has_table("alembic_version") and there.has_table("evidence") else None


def _require_room(connection: Connection, before: str | None) -> None:
    """Raises `StoreError` if a database without a store has tables of ours by name, which are somebody else's then."""
    there = inspect(connection)
    theirs = [name for name in metadata.tables if before is None and there.has_table(name)]
    if theirs:
        said = f"the database has tables of another program by the names of ours ({', '.join(sorted(theirs))})"
        raise StoreError(f"{said}: give the store a schema or a database of its own")


def run(connection: Connection, to: str = "head", table: str | None = None) -> None:
    """Runs the migrations up to and with `to`, in the transaction of the connection.

    `table` has the version of a new store; without it, as of one that is there, it is where it is, or Alembic's usual.
    """
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    config.attributes["version_table"] = _version_table(connection) or table or "alembic_version"
    command.upgrade(config, to)
