"""Stores on both databases, made quickly: the tables are made once, then copied (a file) or emptied (PostgreSQL)."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ip_fhir.store import SqlStore, open_store, upgrade_store
from tests.store.places import Place
from tests.support.postgres import Server, running_server

Opened = Callable[[], SqlStore]


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty store's file."""
    file = tmp_path_factory.mktemp("store") / "template.sqlite"
    open_store(f"sqlite:///{file}").close()
    return file


@pytest.fixture
def file(template: Path, tmp_path: Path) -> Path:
    """A file with an empty store."""
    return Path(shutil.copy(template, tmp_path / "store.sqlite"))


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL server for the whole run."""
    with running_server() as server:
        yield server


@pytest.fixture(scope="session")
def shared_database(server: Server) -> Place:
    """A database with the tables, for one test after another."""
    place = Place(server.new_database())
    upgrade_store(place.url)
    return place


@pytest.fixture
def postgresql(shared_database: Place) -> Place:
    """A PostgreSQL database with an empty store. Rows are taken out one by one: to truncate takes longer."""
    shared_database.empty()
    return shared_database


@pytest.fixture
def sqlite(file: Path) -> Place:
    """A file with an empty store, with some patience."""
    return Place(f"sqlite:///{file}?timeout=20")


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest) -> Place:
    """An empty store on one database, then on the other."""
    found: Place = request.getfixturevalue(request.param)
    return found


@pytest.fixture(params=["sqlite", "postgresql"])
def bare(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """A database without tables, on one database, then on the other."""
    if request.param == "sqlite":
        return Place(f"sqlite:///{tmp_path}/bare.sqlite")
    server: Server = request.getfixturevalue("server")
    return Place(server.new_database())


@pytest.fixture
def opened(place: Place) -> Iterator[Opened]:
    """Open the same store, as often as one likes; as another process would."""
    stores: list[SqlStore] = []

    def open_it() -> SqlStore:
        stores.append(open_store(place.url))
        return stores[-1]

    yield open_it
    for store in stores:
        store.close()


@pytest.fixture
def store(opened: Opened) -> SqlStore:
    """An empty store."""
    return opened()
