"""A store's file that is taken away, replaced or cut short under it: nothing is acknowledged any more."""

import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from ip_fhir.errors import StoreError
from ip_fhir.store import SqlStore, open_store
from ip_fhir.testing.store_samples import MINUTE, NOON, append, at_once
from tests.store.places import Place

NOT_THAT_FILE = "not the one of that name any more"


@pytest.fixture
def place(sqlite: Place) -> Place:
    """On a file only."""
    return sqlite


@pytest.fixture
def filled(store: SqlStore) -> SqlStore:
    """A store with a record, and with its side files."""
    append(store, "r", "1")
    return store


def _removed(file: Path) -> None:
    for one in file.parent.glob(f"{file.name}*"):
        one.unlink()


def _without_log(file: Path) -> None:
    Path(f"{file}-wal").unlink()


def _without_index(file: Path) -> None:
    Path(f"{file}-shm").unlink()


def _replaced(file: Path) -> None:
    copy = file.with_name("copy")
    shutil.copy(file, copy)
    copy.replace(file)


def _log_replaced(file: Path) -> None:
    copy = file.with_name("copy")
    shutil.copy(f"{file}-wal", copy)
    copy.replace(f"{file}-wal")


def _moved(file: Path) -> None:
    file.rename(file.with_name("elsewhere"))


def _emptied(file: Path) -> None:
    os.truncate(file, 0)


def _cut_short(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


WAYS = [_removed, _without_log, _without_index, _replaced, _log_replaced, _moved, _emptied, _cut_short]


@pytest.mark.parametrize("way", WAYS)
def test_taken_away_while_open(filled: SqlStore, file: Path, way: Callable[[Path], None]) -> None:
    """Neither a message is acknowledged nor a row claimed nor a trial passed, by any connection, then or later."""
    way(file)
    for _ in range(3):
        with pytest.raises(StoreError):
            append(filled, "r", "2")
        with pytest.raises(StoreError):
            filled.claim("w", NOON, MINUTE, 5)
        with pytest.raises(StoreError):
            filled.try_write(NOON)


def test_it_says_what_is_wrong(filled: SqlStore, file: Path) -> None:
    """In words that an operator can act on."""
    _replaced(file)
    with pytest.raises(StoreError, match=NOT_THAT_FILE):
        append(filled, "r", "2")


def test_every_connection_knows(filled: SqlStore, file: Path) -> None:
    """Those that were in the pool, and new ones, which would open the new file."""
    at_once(4, lambda _number: filled.outbox())
    _replaced(file)

    def fails(number: int) -> bool:
        with pytest.raises(StoreError, match=NOT_THAT_FILE):
            append(filled, "r", f"{number}")
        return True

    assert at_once(4, fails) == [True] * 4
    filled.close()
    with pytest.raises(StoreError, match=NOT_THAT_FILE):
        append(filled, "r", "new")
    with closing(open_store(f"sqlite:///{file}")) as fresh:
        append(fresh, "r", "3")


def test_no_connection_makes_a_file(filled: SqlStore, file: Path) -> None:
    """One that was removed does not come back empty."""
    filled.close()
    _removed(file)
    for use in (filled.outbox, filled.verify, lambda: append(filled, "r", "2")):
        with pytest.raises(StoreError):
            use()
    assert not file.exists()


def test_a_link(file: Path, tmp_path: Path) -> None:
    """A symbolic link is followed, and turned to another store it is noticed."""
    link, other = tmp_path / "link.sqlite", tmp_path / "other.sqlite"
    shutil.copy(file, other)
    link.symlink_to(file)
    with closing(open_store(f"sqlite:///{link}")) as store:
        append(store, "r", "1")
        link.unlink()
        link.symlink_to(other)
        with pytest.raises(StoreError, match=NOT_THAT_FILE):
            append(store, "r", "2")


def test_a_change_of_directory(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative path stays the file that it was."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(file.parent)
    with closing(open_store(f"sqlite:///{file.name}")) as store:
        append(store, "r", "1")
        monkeypatch.chdir(elsewhere)
        store.close()
        append(store, "r", "2")
        assert store.head().number == 2
        store.backup(elsewhere / "copy")
    assert [one.name for one in elsewhere.iterdir()] == ["copy"]


def test_names_that_are_no_plain_words(tmp_path: Path) -> None:
    """A name with signs that mean something in an address is the file of that name."""
    file = tmp_path / "a%20b ?#&åé.sqlite"
    name = str(file).replace("%", "%25").replace("?", "%3F")
    with closing(open_store(f"sqlite:///{name}")) as store:
        append(store, "r", "1")
        made = {one.name for one in tmp_path.iterdir()}
    assert len(made) == 3


def test_what_may_happen_to_a_file(filled: SqlStore, place: Place, file: Path) -> None:
    """Another process that opens and closes it, a checkpoint, VACUUM, another mode or time: the side goes on."""
    for number in range(50):
        append(filled, "r", f"x{number}")
    place.sql("PRAGMA wal_checkpoint(TRUNCATE)")
    append(filled, "r", "2")
    place.sql("DELETE FROM evidence WHERE number < 40")
    _vacuum(file)
    append(filled, "r", "3")
    _vacuum(file)
    append(filled, "r", "4")
    file.chmod(0o640)
    os.utime(file)
    with closing(open_store(place.url)) as other:
        append(other, "r", "5")
    append(filled, "r", "6")
    filled.close()
    append(filled, "r", "7")


def _vacuum(file: Path) -> None:
    import sqlite3

    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


SERVER = textwrap.dedent("""
    import sys
    from ip_fhir.errors import StoreError
    from ip_fhir.store import open_store
    from ip_fhir.testing.store_samples import append
    store = open_store(sys.argv[1])
    for line in sys.stdin:
        try:
            append(store, "r", line.strip())
            print("ok", flush=True)
        except StoreError as error:
            print(error, flush=True)
""")


@pytest.fixture
def child(place: Place) -> Iterator[Callable[[str], str]]:
    """Another process with the store open: it keeps what it is told to, and answers."""
    command = [sys.executable, "-c", SERVER, place.url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def say(word: str) -> str:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(f"{word}\n")
            process.stdin.flush()
            return process.stdout.readline().strip()

        yield say
        process.stdin.close()


@pytest.mark.parametrize("way", [_removed, _replaced, _moved])
def test_what_was_acknowledged_is_there(
    child: Callable[[str], str], place: Place, file: Path, tmp_path: Path, way: Callable[[Path], None]
) -> None:
    """An operator restores without stopping: of what the running process said ok to afterwards, nothing is lost."""
    assert child("before") == "ok"
    copy = tmp_path / "backup"
    with closing(open_store(place.url)) as store:
        store.backup(copy)
    way(file)
    answers = [child(f"after-{number}") for number in range(3)]
    assert [NOT_THAT_FILE in answer for answer in answers] == [True] * 3
    if not file.exists():
        copy.rename(file)
    with closing(open_store(place.url)) as store:
        assert store.head().number == 1
        assert store.verify() == ()
