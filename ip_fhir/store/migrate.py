"""Migration of a database to the present tables. Alembic is loaded only if there is something to do."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, inspect, select

from ip_fhir.errors import StoreError
from ip_fhir.store import statements
from ip_fhir.store.integrity import baseline
from ip_fhir.store.schema import VERSION, alembic_version

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from ip_fhir.store.engine import Database

MIGRATIONS: Final = Path(__file__).parent / "migrations"


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
            run(connection)
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
    if not inspect(connection).has_table(alembic_version.name):
        return None
    return connection.scalar(statements.SCHEMA_VERSION)


def run(connection: Connection, to: str = "head") -> None:
    """Runs the migrations up to and with `to`, in the transaction of the connection."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, to)
