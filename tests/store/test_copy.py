"""A store moved to the other kind of database and back: whole, alone, and not at all where something is in the way."""

import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ip_fhir.errors import InvalidInput, StoreError
from ip_fhir.store import copy_store, open_store, upgrade_store
from ip_fhir.store.schema import metadata
from ip_fhir.testing.store_samples import NOON, enqueue, everything, outbox_row, shared_plan
from tests.store.places import Place
from tests.support.postgres import Server

WAYS = ("sqlite", "postgresql")


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest, server: Server, tmp_path: Path) -> tuple[Place, Place]:
    """A source that holds something of everything, and a target of the other kind that is not there yet."""
    file, served = Place(f"sqlite:///{tmp_path}/copy.sqlite?timeout=0.2"), Place(server.new_database())
    source, target = (file, served) if request.param == "sqlite" else (served, file)
    upgrade_store(source.url)
    with closing(open_store(source.url)) as store:
        with store.begin() as transaction:
            everything(transaction)
            transaction.save_plan(shared_plan("p"), None)
        enqueue(store, outbox_row("gone", "r"))
        store.sent("gone", NOON)
    return source, target


def content(place: Place) -> dict[str, list[str]]:
    """Every row of every table."""
    found = {}
    for table in metadata.sorted_tables:
        columns = ", ".join(f'"{column.name}"' for column in table.columns)
        rows = place.sql(f'SELECT {columns} FROM "{table.name}"')  # noqa: S608 - our own names
        found[table.name] = sorted(repr([_plain(value) for value in row]) for row in rows)
    return found


def _plain(value: object) -> object:
    """A value as both drivers could give it."""
    if isinstance(value, bool):
        return int(value)
    return bytes(value) if isinstance(value, memoryview) else value


def test_a_whole_store(way: tuple[Place, Place]) -> None:
    """Every row of every table is there, the evidence verifies with the same head, and rows are numbered on."""
    source, target = way
    before = content(source)
    done = copy_store(source.url, target.url)
    assert content(target) == before == content(source)
    assert done.rows == {name: len(rows) for name, rows in before.items()}
    with closing(open_store(source.url)) as store, closing(open_store(target.url)) as copy:
        assert copy.verify() == store.verify() == ()
        assert copy.head() == store.head()
        assert (copy.head().number, copy.head().hash) == (done.head.number, done.head.hash)
        for one in (store, copy):
            enqueue(one, outbox_row("next", "r"))
    (numbered,), (as_there,) = (
        place.sql("SELECT sequence FROM outbox WHERE id = 'next'") for place in (source, target)
    )
    assert numbered == as_there


def test_no_number_is_given_again(way: tuple[Place, Place]) -> None:
    """A number of an outbox row that was purged is not given to another in the copy either."""
    source, target = way
    (last,) = source.sql("SELECT max(sequence) FROM outbox")[0]
    source.sql("DELETE FROM outbox WHERE sequence = :last", last=last)
    copy_store(source.url, target.url)
    with closing(open_store(target.url)) as copy:
        enqueue(copy, outbox_row("next", "r"))
    assert target.sql("SELECT sequence FROM outbox WHERE id = 'next'") == [(last + 1,)]


def test_a_target_that_holds_something(way: tuple[Place, Place]) -> None:
    """It is refused, and neither store is changed; also by a second copy into the same."""
    source, target = way
    copy_store(source.url, target.url)
    before = content(target)
    with pytest.raises(InvalidInput, match="holds something"):
        copy_store(source.url, target.url)
    assert content(target) == before == content(source)


def test_a_side_that_runs(way: tuple[Place, Place]) -> None:
    """A source that another has open, even idly, is refused; when it was stopped, it is copied."""
    source, target = way
    with closing(open_store(source.url)) as store:
        store.referrals()
        with pytest.raises(StoreError, match="in use"):
            copy_store(source.url, target.url)
    assert copy_store(source.url, target.url).rows["referral"] == 1


def test_nobody_writes_meanwhile(way: tuple[Place, Place]) -> None:
    """A side that is started while it is copied can write nothing that the copy would lack."""
    source, target = way
    with_little_patience = source.url if source.embedded else f"{source.url}?timeout=0.2"
    refused: list[str] = []

    def starts(table: str, _rows: int) -> None:
        if table == "referral":
            with pytest.raises(StoreError) as caught, closing(open_store(with_little_patience)) as store:
                enqueue(store, outbox_row("late", "r"))
            refused.append(str(caught.value))

    copy_store(source.url, target.url, starts)
    assert len(refused) == 1
    assert content(target) == content(source)


@pytest.mark.parametrize("error", [KeyboardInterrupt, StoreError])
def test_an_interruption(way: tuple[Place, Place], error: type[BaseException]) -> None:
    """The source is as it was, the target empty, and the copy is begun again."""
    source, target = way
    before = content(source)

    def interrupt(table: str, _rows: int) -> None:
        if table == "referral":
            raise error

    with pytest.raises(error):
        copy_store(source.url, target.url, interrupt)
    assert content(source) == before
    assert target.sql("SELECT count(*) FROM evidence") == [(0,)]
    copy_store(source.url, target.url)
    assert content(target) == before


@pytest.fixture
def nowhere(tmp_path: Path) -> Iterator[str]:
    """A URL of a file that is not there; it is not made."""
    yield f"sqlite:///{tmp_path}/nowhere.sqlite"
    assert not (tmp_path / "nowhere.sqlite").exists()


def test_sources_that_are_none(nowhere: str, server: Server, tmp_path: Path) -> None:
    """No file, a file that is no database, a database without a store, the same kind twice: each says so."""
    target = server.new_database()
    with pytest.raises(StoreError, match="not there"):
        copy_store(nowhere, target)
    text = tmp_path / "text.sqlite"
    text.write_text("this is no database at all, but it is long enough to be read as one" * 99)
    with pytest.raises(StoreError):
        copy_store(f"sqlite:///{text}", target)
    empty = tmp_path / "empty.sqlite"
    os.close(os.open(empty, os.O_CREAT))
    with pytest.raises(StoreError, match="db upgrade"):
        copy_store(f"sqlite:///{empty}", target)
    with pytest.raises(StoreError, match="db upgrade"):
        copy_store(server.new_database(), f"sqlite:///{tmp_path}/target.sqlite")
    with pytest.raises(InvalidInput, match="db backup"):
        copy_store(nowhere, f"sqlite:///{tmp_path}/other.sqlite")
