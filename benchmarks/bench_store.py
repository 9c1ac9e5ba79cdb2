"""The store: what is due among a million, what a notice costs to take in, claims, workers that share a server.

The files lie in the directory for temporary files, which must be on a real disk: a commit waits for it.
"""

from __future__ import annotations

import multiprocessing
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from filling import fill
from loops import DUE, SENT, Answering, SetClock, bare, notice, side
from measuring import Figure, interleaved, medians

from ip_fhir.domain.effects import Effect, EffectKind
from ip_fhir.domain.referral import Role
from ip_fhir.ports import OutboxRow
from ip_fhir.store import SqlStore, open_store, upgrade_store
from ip_fhir.store.integrity.baseline import write_baseline
from tests.support.postgres import programs, running_server

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.support.postgres import Server

BATCH = 20
IN_A_ROW = 50


def measure(quick: bool) -> Iterator[Figure]:
    """All of it; `quick`: fewer loops, fewer rounds."""
    with tempfile.TemporaryDirectory(prefix="ip-fhir-bench-") as place:
        directory = Path(place)
        yield from intake(directory, 6 if quick else 30)
        yield from verification(directory, 2_000 if quick else 100_000)
        with databases(directory) as urls:
            for database, new in urls.items():
                yield from claims(database, new(), 20 if quick else 100)
                yield from due(database, new, 20_000 if quick else 1_000_000)
            if "postgresql" in urls:
                yield from workers(urls["postgresql"], 3 if quick else 10)


@contextmanager
def databases(directory: Path) -> Iterator[dict[str, Callable[[], str]]]:
    """How to make an empty store on each database that is here."""
    made = iter(range(1000))

    def new_file() -> str:
        return f"sqlite:///{directory}/store-{next(made)}.sqlite"

    if programs() is None:
        yield {"sqlite": new_file}
        return
    with running_server() as server:
        yield {"sqlite": new_file, "postgresql": lambda: new_database(server)}


def new_database(server: Server) -> str:
    """An empty store on the server."""
    url = server.new_database()
    upgrade_store(url)
    return url


# --- taking in a notice


def intake(directory: Path, rounds: int) -> Iterator[Figure]:
    """Parse, map, decide, commit; beside a bare insert of as many bytes as that commits, and of the message.

    In rows of so many as come between two times that SQLite brings its log into the file: that is part of the price.
    """
    with closing(open_store(f"sqlite:///{directory}/intake.sqlite")) as store:
        exchange = side(Role.MUNICIPALITY, store, Answering(), SetClock())
        (peer,) = [exchange.peer_by_token("token")]
        assert peer is not None
        messages = iter(notices((rounds + 1) * IN_A_ROW + 1))
        first = next(messages)
        exchange.receive(first, peer)
        committed = bytes_of(directory / "intake.sqlite")
        others = {name: bare(f"{directory}/{name}.sqlite") for name in ("same_bytes", "message")}
        for connection in others.values():
            connection.execute("CREATE TABLE kept (number INTEGER PRIMARY KEY, content BLOB)")

        def insert(name: str, content: bytes) -> None:
            others[name].execute("BEGIN IMMEDIATE")
            others[name].execute("INSERT INTO kept (content) VALUES (?)", (content,))
            others[name].execute("COMMIT")

        def receive() -> None:
            exchange.receive(next(messages), peer)

        works = {
            "intake": receive,
            "same_bytes": lambda: insert("same_bytes", bytes(committed)),
            "message": lambda: insert("message", first),
        }
        in_rows = {name: lambda work=work: [work() for _ in range(IN_A_ROW)] for name, work in works.items()}
        in_rows["intake"]()
        taken = medians(interleaved(rounds, time.perf_counter, **in_rows), parts=IN_A_ROW)
        for connection in others.values():
            connection.close()
    note = f"floor: {committed:,} bytes, which is what it commits"
    yield Figure("sqlite: take in a notice", taken["intake"], "ms", taken["same_bytes"], at_most=3, note=note)
    note = f"floor: the message's {len(first):,} bytes alone"
    yield Figure("sqlite: the same", taken["intake"], "ms", taken["message"], note=note)


def verification(directory: Path, loops: int) -> Iterator[Figure]:
    """Check everything in a store of so many loops; beside reading every byte of it."""
    file = directory / "verified.sqlite"
    fill(f"sqlite:///{file}", loops, 10)
    with closing(open_store(f"sqlite:///{file}")) as store:
        with store._database.writing() as connection:  # noqa: SLF001 - as an upgrade does it
            write_baseline(connection)
        store.backup(directory / "one-file.sqlite")  # what it reads is in one file, and not in a log
        begun = time.process_time()
        checked = store.examine()
        taken = time.process_time() - begun
    assert not checked.problems, checked.problems[:3]
    begun = time.process_time()
    size = len((directory / "one-file.sqlite").read_bytes())
    floor = time.process_time() - begun
    note = f"floor: to read its {size:,} bytes; {checked.things:,} rows and parts of rows"
    yield Figure(f"sqlite: verify {loops:,} loops, of a processor", taken * 1000, "ms", floor * 1000, note=note)


def notices(number: int) -> list[bytes]:
    """Notices as they come over the wire, each its own."""
    adapter = Answering()
    with tempfile.TemporaryDirectory() as place, closing(open_store(f"sqlite:///{place}/store.sqlite")) as store:
        hospital = side(Role.HOSPITAL, store, adapter, SetClock())
        for count in range(number):
            hospital.send_notice(notice(f"{count:07}"))
        hospital.run_due(limit=number)
    return adapter.contents


def bytes_of(file: Path) -> int:
    """How many bytes of text and blobs are in a store's rows."""
    from ip_fhir.store.schema import metadata

    with closing(sqlite3.connect(file)) as connection:
        return sum(
            connection.execute(f"SELECT coalesce(sum(length(CAST({c.name} AS BLOB))), 0) FROM {t.name}").fetchone()[0]  # noqa: S608 - our own names
            for t in metadata.tables.values()
            for c in t.columns
        )


# --- claiming


def claims(database: str, url: str, rounds: int) -> Iterator[Figure]:
    """Claim twenty rows and acknowledge them in one transaction; beside the same statements without the store."""
    with closing(open_store(url)) as store:
        raw = Raw(store)
        enqueue(store, "bare", (rounds + 2) * BATCH)
        raw.take_over()
        enqueue(store, "ours", (rounds + 2) * BATCH)
        lease = timedelta(minutes=2)

        def ours() -> None:
            rows = store.claim("worker", SENT, lease, BATCH)
            assert len(rows) == BATCH
            with store.begin() as transaction:
                for row in rows:
                    transaction.finish(row.id, SENT)

        ours()
        raw.claim_and_finish()
        taken = medians(interleaved(rounds, time.perf_counter, ours=ours, bare=raw.claim_and_finish))
        raw.close()
    per_second = BATCH / taken["ours"] * 1000
    what = f"{database}: claim {BATCH} and acknowledge"
    yield Figure(what, taken["ours"], "ms", taken["bare"], at_most=2, note=f"{per_second:,.0f} rows a second")


def enqueue(store: SqlStore, ident: str, number: int) -> None:
    """So many rows that are due, each of another loop."""
    effects = [Effect(id=f"{ident}-{count}", kind=EffectKind.TELL) for count in range(number)]
    with store.begin() as transaction:
        transaction.enqueue([OutboxRow(one.id, f"loop-{one.id}", one, SENT) for one in effects])


class Raw:
    """The least that claiming takes: a table with an index, a driver's connection, two transactions."""

    def __init__(self, store: SqlStore) -> None:
        engine = store._database.engine  # noqa: SLF001 - a benchmark looks inside
        self._embedded = store._database.embedded  # noqa: SLF001
        self._pooled = engine.raw_connection()
        self._mark = "?" if self._embedded else "%s"
        self._begin = "BEGIN IMMEDIATE" if self._embedded else None
        self._skip = "" if self._embedded else "FOR UPDATE SKIP LOCKED"

    def _run(self, statement: str, *values: Any) -> list[Any]:
        cursor = self._pooled.cursor()
        cursor.execute(statement.replace("?", self._mark), values)
        return cursor.fetchall() if cursor.description else []

    def _transaction(self) -> None:
        if self._begin:
            self._run(self._begin)

    def take_over(self) -> None:
        """Take all the rows into a table of our own."""
        self._transaction()
        self._run("CREATE TABLE bare AS SELECT id, aggregate_id, effect, status, due, lease_until FROM outbox")
        self._run("CREATE INDEX bare_by_due ON bare (status, due)")
        self._run("CREATE UNIQUE INDEX bare_by_id ON bare (id)")
        self._run("DELETE FROM outbox")
        self._pooled.commit()

    def claim_and_finish(self) -> None:
        """Twenty rows."""
        self._transaction()
        due = "SELECT id, effect FROM bare WHERE status = 'waiting' AND due <= ? AND lease_until IS NULL"
        found = self._run(f"{due} ORDER BY due LIMIT ? {self._skip}", 2**60, BATCH)
        assert len(found) == BATCH
        ids = [row[0] for row in found]
        marks = ", ".join(["?"] * BATCH)
        self._run(f"UPDATE bare SET lease_until = 1 WHERE id IN ({marks})", *ids)  # noqa: S608 - question marks
        self._pooled.commit()
        self._transaction()
        self._run(f"UPDATE bare SET status = 'sent' WHERE id IN ({marks})", *ids)  # noqa: S608 - question marks
        self._pooled.commit()

    def close(self) -> None:
        """Give the connection back."""
        self._pooled.close()


# --- what is due among many


def due(database: str, new: Callable[[], str], loops: int) -> Iterator[Figure]:
    """A thousand due loops among many and among ten thousand: finding them, and handling them (reminders are sent)."""
    stores = {"few": new(), "many": new()}
    begun = time.perf_counter()
    fill(stores["few"], 10_000, 1_000)
    fill(stores["many"], loops, 1_000)
    filled = time.perf_counter() - begun
    opened = {name: open_store(url) for name, url in stores.items()}
    clock = SetClock(DUE)
    sides = {name: side(Role.HOSPITAL, store, Answering(), clock) for name, store in opened.items()}
    found = medians(
        interleaved(20, time.perf_counter, **{n: lambda s=s: s.due_timers(DUE, 1000) for n, s in opened.items()})
    )
    handled = medians(
        interleaved(9, time.perf_counter, **{n: lambda s=s: handle(s, 100) for n, s in sides.items()}), parts=100
    )
    for store in opened.values():
        store.close()
    what = f"{database}: 1,000 due of {loops:,} open"
    yield Figure(f"{what}, find them", found["many"], "ms", found["few"], note="floor: of 10,000")
    note = f"floor: of 10,000; {filled:.0f} s to fill"
    yield Figure(f"{what}, handle one", handled["many"], "ms", handled["few"], at_most=1.3, note=note)
    peak = float(
        subprocess.run(
            [sys.executable, __file__, "handle", stores["many"]], check=True, capture_output=True, text=True
        ).stdout
    )
    yield Figure(f"{what}, memory of a worker", peak, "MB", at_most=200)
    if database == "sqlite":
        for url in stores.values():
            Path(url.removeprefix("sqlite:///")).unlink()


def handle(exchange: Any, number: int) -> None:
    """Handle so many that are due, and send what comes of it."""
    ran = exchange.run_due(limit=number)
    assert ran.timers == number, ran
    assert ran.sent + ran.told >= number, ran


def handle_in_a_process(url: str) -> None:
    """Handle what is left, and say how much memory it took at most."""
    with closing(open_store(url)) as store:
        handle(side(Role.HOSPITAL, store, Answering(), SetClock(DUE)), 100)
    (peak,) = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")]
    print(int(peak.split()[1]) / 1024)


# --- workers that share a server


def workers(new: Callable[[], str], seconds: float) -> Iterator[Figure]:
    """One worker, then four, against a peer that answers after 50 ms: rows a second, and each row once."""
    url = new()
    enough = int(seconds * 4 * 20 * 4)
    with closing(open_store(url)) as store:
        hospital = side(Role.HOSPITAL, store, Answering(), SetClock())
        for number in range(enough):
            hospital.send_notice(notice(f"{number:07}"))
    speeds: dict[int, list[float]] = {1: [], 4: []}
    sent: list[str] = []
    for _ in range(3):
        for number, found in speeds.items():
            ids = run_workers(url, number, seconds)
            found.append(len(ids) / seconds)
            sent += ids
    one, four = median(speeds[1]), median(speeds[4])
    twice = sum(count - 1 for count in Counter(sent).values())
    yield Figure(
        "postgresql: 4 workers, peers answer after 50 ms", four, "rows/s", one, at_least=3.5, note="floor: 1 worker"
    )
    yield Figure("postgresql: rows sent twice", twice, "", at_most=0, note=f"of {len(sent):,}")


def run_workers(url: str, number: int, seconds: float) -> list[str]:
    """What so many workers, each a process, send in so many seconds once all are there."""
    context = multiprocessing.get_context("spawn")
    start, results = context.Barrier(number), context.Queue()
    started = [context.Process(target=work, args=(url, seconds, start, results)) for _ in range(number)]
    for process in started:
        process.start()
    sent = [ident for _ in started for ident in results.get()]
    for process in started:
        process.join()
    return sent


def work(url: str, seconds: float, start: Any, results: Any) -> None:
    """Send one at a time until the time is over; what is claimed and not sent is given back."""
    adapter = Answering(0.05)
    with closing(open_store(url)) as store:
        exchange = side(Role.HOSPITAL, store, adapter, SetClock(), parallel=1)
        store.outbox(limit=1)
        start.wait()
        end = time.monotonic() + seconds
        while time.monotonic() < end and exchange.run_due(keep_going=lambda: time.monotonic() < end).anything:
            pass
    results.put(adapter.sent)


if __name__ == "__main__":
    if sys.argv[1:2] == ["handle"]:
        handle_in_a_process(sys.argv[2])
    else:
        for figure in measure("--quick" in sys.argv):
            print("  ".join(figure.cells()))
