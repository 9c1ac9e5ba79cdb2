"""The store in the database of a program that embeds us, by that program's own engine."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Engine, create_engine, text

from ip_fhir.errors import InvalidInput, StoreError
from ip_fhir.store import open_store, open_store_of, upgrade_store_of
from ip_fhir.testing.store_samples import everything
from tests.store.places import Place
from tests.support.postgres import Server


@pytest.fixture
def on_server(server: Server) -> Iterator[Engine]:
    """The host's engine to a new database on a server; what is committed there need not be on the disk."""
    engine = create_engine(server.new_database().replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE plan (number integer)"))
        connection.execute(text("CREATE TABLE alembic_version (version_num text)"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('theirs')"))
    yield engine
    engine.dispose()


def test_a_schema_beside_the_hosts_tables(on_server: Engine) -> None:
    """Tables of the same names and the host's own migrations stay untouched; the engine is the host's afterwards."""
    with pytest.raises(StoreError, match="db upgrade"):
        open_store_of(on_server, "Our plans")
    upgrade_store_of(on_server, "Our plans")
    with closing(open_store_of(on_server, "Our plans")) as store:
        with store.begin() as transaction:
            everything(transaction)
        assert store.referral("r") is not None
        assert store.verify() == ()
        assert list(store.walk()) != []
    with on_server.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM plan")) == 0
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "theirs"
        assert connection.scalar(text('SELECT count(*) FROM "Our plans".referral')) == 1
        assert connection.scalar(text("SHOW search_path")) == '"$user", public'


def test_tables_of_others_by_our_names(on_server: Engine) -> None:
    """Without a schema of its own the store is refused there, and nothing is made."""
    with pytest.raises(StoreError, match=r"names of ours \(plan\)"):
        upgrade_store_of(on_server)
    with on_server.connect() as connection:
        assert connection.scalar(text("SELECT to_regclass('evidence')")) is None


def test_the_hosts_settings_come_back(on_server: Engine) -> None:
    """Within its transaction the host finds its own tables and its own patience again; its commit goes to the disk."""
    upgrade_store_of(on_server, "ours")
    with closing(open_store_of(on_server, "ours")) as store, on_server.begin() as connection:
        connection.execute(text("SET LOCAL lock_timeout = '7s'"))
        connection.execute(text("SET LOCAL synchronous_commit = off"))
        inside = store.within(connection, lambda: None)
        with inside.begin() as transaction:
            everything(transaction)
        assert inside.referral("r") is not None
        shown = [connection.scalar(text(f"SHOW {name}")) for name in ("lock_timeout", "synchronous_commit")]
        assert shown == ["7s", "on"]
        connection.execute(text("INSERT INTO plan VALUES (1)"))
        assert connection.scalar(text("SELECT count(*) FROM plan")) == 1


def test_a_file_with_the_hosts_own_migrations(tmp_path: Path) -> None:
    """Beside an `alembic_version` of the host's ours has a name of its own; a command opens the same store by URL."""
    url = f"sqlite:///{tmp_path}/host.sqlite"
    Place(url).sql("CREATE TABLE alembic_version (version_num text)")
    Place(url).sql("INSERT INTO alembic_version VALUES ('theirs')")
    engine = create_engine(url)
    with closing(open_store_of(engine)) as store, store.begin() as transaction:
        everything(transaction)
    with closing(open_store(url)) as store:
        assert store.referral("r") is not None
    assert Place(url).sql("SELECT version_num FROM alembic_version") == [("theirs",)]
    engine.dispose()


def test_a_connection_that_does_not_wait_for_the_disk(file: Path) -> None:
    """Its commit could be lost after we said that it was kept: refused."""
    engine = create_engine(f"sqlite:///{file}")
    with closing(open_store_of(engine)) as store, engine.connect() as connection:
        connection.execute(text("PRAGMA synchronous = NORMAL"))
        with pytest.raises(InvalidInput, match="synchronous"):
            store.within(connection, lambda: None)
    engine.dispose()


def test_engines_that_cannot_be_used(tmp_path: Path) -> None:
    """No engine, one in memory, a schema in SQLite: each is refused with a reason."""
    file = create_engine(f"sqlite:///{tmp_path}/a.sqlite")
    wrong: tuple[tuple[object, str | None], ...] = (
        (object(), None),
        (create_engine("sqlite://"), None),
        (file, "schema"),
    )
    for engine, schema in wrong:
        with pytest.raises(InvalidInput):
            open_store_of(engine, schema)
