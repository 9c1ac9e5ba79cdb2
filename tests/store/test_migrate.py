"""The tables: made by migrations, the same as the schema says, never older or newer than the program."""

from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from ip_fhir.domain.values.aggregate import Aggregate
from ip_fhir.errors import StoreError
from ip_fhir.store import SqlStore, open_store, upgrade_store
from ip_fhir.store.chain import START, follow
from ip_fhir.store.codec import dump
from ip_fhir.store.engine import Database
from ip_fhir.store.migrate import MIGRATIONS, run
from ip_fhir.store.schema import VERSION, metadata
from ip_fhir.testing.store_samples import append, everything, record, referral
from tests.store.places import Place
from tests.support.postgres import Server


def test_migrations_and_schema_agree(store: SqlStore) -> None:
    """The tables that the migrations make are those that the statements are written for, indices included."""
    with store._database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_a_difference_would_be_seen(bare: Place) -> None:
    """The test above can fail."""
    upgrade_store(bare.url)
    bare.sql("DROP INDEX outbox_by_due")
    bare.sql("ALTER TABLE inbox ADD COLUMN more TEXT")
    with closing(open_store(bare.url)) as store, store._database.reading() as connection:
        found = compare_metadata(MigrationContext.configure(connection), metadata)
    assert {change[0] for change in found} == {"add_index", "remove_column"}


def test_the_version_is_the_last_migration() -> None:
    """`VERSION` is the head of one unbranched line, in order by name."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    line = [script.revision for script in scripts.walk_revisions()][::-1]
    assert scripts.get_heads() == [VERSION] == line[-1:]
    assert line == sorted(line)


def test_a_schema_in_somebody_elses_database(server: Server) -> None:
    """As docs/operations.md says: tables of the same names, and another's migrations, are beside ours and untouched."""
    theirs = Place(server.new_database())
    theirs.sql("CREATE TABLE referral (number integer)")
    theirs.sql("CREATE TABLE alembic_version (version_num text)")
    theirs.sql("INSERT INTO alembic_version VALUES ('theirs')")
    theirs.sql("CREATE SCHEMA ip_fhir")
    url = f"{theirs.url}?options=-csearch_path%3Dip_fhir"
    upgrade_store(url)
    with closing(open_store(url)) as store:
        with store.begin() as transaction:
            everything(transaction)
        assert store.referral("r") is not None
        assert store.verify() == ()
    assert theirs.sql("SELECT count(*) FROM ip_fhir.referral") == [(1,)]
    assert theirs.sql("SELECT count(*) FROM public.referral") == [(0,)]
    assert theirs.sql("SELECT version_num FROM public.alembic_version") == [("theirs",)]


def test_a_file_without_tables_gets_them(tmp_path: Path) -> None:
    """An empty file is a store after it has been opened."""
    file = tmp_path / "empty.sqlite"
    file.touch()
    with closing(open_store(f"sqlite:///{file}")) as store:
        append(store, "r", "1")
        assert store.verify() == ()
    assert Place(f"sqlite:///{file}").sql("SELECT version_num FROM alembic_version") == [(VERSION,)]


def test_a_server_without_tables_is_left_alone(server: Server) -> None:
    """Whether to change a server's tables is for a person to say: the error names the command."""
    place = Place(server.new_database())
    with pytest.raises(StoreError, match="ip-fhir db upgrade"):
        open_store(place.url)
    assert tables(place) == set()


def test_upgrading_again_changes_nothing(bare: Place) -> None:
    """A store that is up to date is left as it is, with what is in it."""
    for number in range(3):
        upgrade_store(bare.url)
        with closing(open_store(bare.url)) as store:
            append(store, "r", str(number))
            assert len(store.evidence()) == number + 1


def test_a_newer_store_is_not_touched(bare: Place) -> None:
    """A store that a newer program has written is refused, with both versions named."""
    upgrade_store(bare.url)
    bare.sql("UPDATE alembic_version SET version_num = '9999'")
    for use in (open_store, upgrade_store):
        with pytest.raises(StoreError, match=f"version 9999, this program of {VERSION}"):
            use(bare.url)
    assert bare.sql("SELECT version_num FROM alembic_version") == [("9999",)]


def test_a_migration_that_fails_leaves_nothing(bare: Place) -> None:
    """Half of the tables is worse than none: another's table of the same name stops it, and none is made."""
    bare.sql("CREATE TABLE outbox (letter TEXT)")
    with pytest.raises(StoreError):
        upgrade_store(bare.url)
    assert tables(bare) == {"outbox"}


def test_what_is_there_comes_through(bare: Place) -> None:
    """A store as the first migration made it, with a loop and its evidence in it, has them after the others too."""
    database = Database(bare.url)
    with database.writing() as connection:
        run(connection, "0001")
    body = dump(referral("r").to_data())
    bare.sql(
        "INSERT INTO referral (correlation_id, role, state, changed, revision, body) "
        "VALUES ('r', 'hospital', 'sent', 1, 1, :body)",
        body=body,
    )
    for link in follow(START, [(Aggregate.of_referral("r"), dump(record(event).to_data())) for event in "ab"]):
        bare.sql("INSERT INTO evidence VALUES (:number, :aggregate_id, :body, :previous, :hash)", **link)
        head = f"{link['number']} {link['hash']}"
        bare.sql("UPDATE meta SET value = :head WHERE key = 'chain-head'", head=head)
    database.engine.dispose()
    upgrade_store(bare.url)
    with closing(open_store(bare.url)) as store:
        kept = store.referral("r")
        assert kept is not None
        assert (kept.referral, kept.revision) == (referral("r"), 1)
        assert [link.record.event.id for link in store.evidence()] == ["a", "b"]
        assert store.verify() == ()
        assert store.figures().loops == {"sent": 1}


def test_a_place_with_a_percent_sign(tmp_path: Path) -> None:
    """A path that Alembic would read as a format is only a path."""
    place = tmp_path / "100%s år"
    place.mkdir()
    open_store(f"sqlite:///{place}/store.sqlite").close()
    assert (place / "store.sqlite").exists()


def tables(place: Place) -> set[str]:
    """The names of a database's tables."""
    query = (
        "SELECT name FROM sqlite_master"
        if place.embedded
        else ("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
    )
    return {name for (name,) in place.sql(query)}
