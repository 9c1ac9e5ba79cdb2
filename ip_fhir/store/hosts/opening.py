"""Opens and migrates the store in the database of a program that we are embedded in."""

from __future__ import annotations

from contextlib import closing

from ip_fhir.store.hosts.engine import host_database, make_schema
from ip_fhir.store.migrate import upgrade
from ip_fhir.store.sql import SqlStore, prepared


def open_store_of(engine: object, schema: str | None = None) -> SqlStore:
    """Opens the store in the database of a host's SQLAlchemy engine; on PostgreSQL in a schema, if one is given.

    Its tables are made or migrated as by `open_store`. Raises as it, and `InvalidInput` as `hosts.engine` says.
    """
    return prepared(SqlStore(host_database(engine, schema)))


def upgrade_store_of(engine: object, schema: str | None = None) -> None:
    """Migrates the store in the database of a host's engine, and makes the schema if it is not there yet."""
    with closing(host_database(engine, schema)) as database:
        make_schema(database, schema)
        upgrade(database)
