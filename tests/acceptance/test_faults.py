"""The disk full, the database gone, the clock wrong - while both sides are at work: it all comes right by itself."""

from __future__ import annotations

import resource
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from ip_fhir.store import open_store
from tests.support.outcome import read_both, wrong
from tests.support.postgres import Server
from tests.support.processes import Town, Zygote, running_town

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]

SQLITE = pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
POSTGRESQL = pytest.mark.parametrize("databases", ["postgresql"], indirect=True)
LOOPS = 24  # as many at least
NO_END = 10_000  # the hospital's people never run out of notices: that none is accepted says that none can be
A_WEEK, AN_HOUR = 7 * 86_400, 3600


@pytest.fixture
def town(databases: dict[str, str], zygote: Zygote, tmp_path: Path) -> Iterator[Town]:
    """Both sides at work, a few loops begun, more to come; a store that is busy says so soon."""
    for url in databases.values():
        open_store(url).close()  # who is told so while the tables are made would not even start
    soon = {role: f"{url}?timeout=2" if url.startswith("sqlite") else url for role, url in databases.items()}
    with running_town(tmp_path, soon, zygote, NO_END, pause=0.1) as made, made.time_passing():
        made.until_there_are(5)
        yield made


def all_is_well(town: Town) -> None:
    """Every loop ends, and everything that must hold does."""
    town.until_there_are(max(LOOPS, len(town.notices) + 5))
    town.finish()
    assert wrong(*read_both(town.databases), town.notices) == []


def gets_on(town: Town, seconds: float) -> bool:
    """Whether a notice is accepted within so many seconds."""
    before, deadline = len(town.notices), time.monotonic() + seconds
    while time.monotonic() < deadline:
        if len(town.notices) > before:
            return True
        time.sleep(0.02)
    return False


# --- the disk


@contextmanager
def full_disk(town: Town) -> Iterator[None]:
    """No process may make a file larger than a few kilobytes: what a store writes fails as on a full disk."""
    pids = [one.pid for one in town.everybody if one.pid is not None]
    before = {pid: resource.prlimit(pid, resource.RLIMIT_FSIZE) for pid in pids}
    for pid in pids:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (4096, before[pid][1]))
    yield
    for pid in pids:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before[pid])


@SQLITE
@pytest.mark.promise(2)
def test_the_disk_is_full(town: Town) -> None:
    """Nothing is accepted that cannot be stored; when there is room again, all goes on, without a restart."""
    pids = [one.pid for one in town.everybody]
    with full_disk(town):
        time.sleep(0.3)  # what was under way
        assert not gets_on(town, 1.0)
    assert gets_on(town, 20.0)
    assert [one.pid for one in town.everybody] == pids
    all_is_well(town)


# --- the database


@SQLITE
@pytest.mark.parametrize("side", ["hospital", "municipality"])
def test_the_file_is_locked(town: Town, side: str, tmp_path: Path) -> None:
    """Somebody holds the store's file for longer than anybody waits; then lets it go."""
    with closing(sqlite3.connect(tmp_path / f"{side}.sqlite", isolation_level=None)) as holding:
        while not _locked(holding):
            pass
        time.sleep(2.5)
        assert side == "municipality" or not gets_on(town, 1.0)
        holding.execute("ROLLBACK")
    assert side == "municipality" or gets_on(town, 20.0)  # the hospital takes notices in all the while
    all_is_well(town)


def _locked(connection: sqlite3.Connection) -> bool:
    try:
        connection.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError:
        return False
    return True


@POSTGRESQL
@pytest.mark.promise(1, 2)
@pytest.mark.parametrize(("how", "seconds"), [("fast", 1.5), ("immediate", 60)], ids=["stopped", "crashed, a minute"])
def test_the_database_is_gone_and_comes_back(town: Town, server: Server, how: str, seconds: float) -> None:
    """Told to stop, or crashed: nothing is accepted meanwhile, and when it is back all goes on, without a restart."""
    pids = [one.pid for one in town.everybody]
    server.stop(how)
    try:
        assert not gets_on(town, seconds)
    finally:
        server.start()
    assert gets_on(town, 30.0)
    assert [one.pid for one in town.everybody] == pids
    all_is_well(town)


# --- the clock


@pytest.mark.parametrize(
    "jumps",
    [(A_WEEK, -AN_HOUR), (-AN_HOUR, A_WEEK), (-AN_HOUR, -AN_HOUR)],
    ids=["a week on, an hour back", "an hour back, a week on", "two hours back"],
)
@SQLITE
@pytest.mark.promise(3)
def test_the_clock_jumps(town: Town, jumps: tuple[int, ...]) -> None:
    """Nobody is reminded twice, no message is taken for older than it is, time never runs back within a loop."""
    for seconds in jumps:
        town.forward(seconds)
        town.until_there_are(len(town.notices) + 5)
    all_is_well(town)
