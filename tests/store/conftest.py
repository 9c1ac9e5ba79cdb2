"""Stores on files, made quickly: the tables are made once, and copied."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ip_fhir.store import SqlStore, open_store

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


@pytest.fixture
def opened(file: Path) -> Iterator[Opened]:
    """Open the same file, as often as one likes; as another process would."""
    stores: list[SqlStore] = []

    def open_it() -> SqlStore:
        stores.append(open_store(f"sqlite:///{file}?timeout=20"))
        return stores[-1]

    yield open_it
    for store in stores:
        store.close()


@pytest.fixture
def store(opened: Opened) -> SqlStore:
    """An empty store on a file."""
    return opened()
