"""Load: notices that come over HTTP, 16 connections at a time, into `ip-fhir serve` with its worker running.

The side that serves, the floor (`serving_floor.py`) and the one that posts (`posting.py`) are processes of their own:
only the processor's time of the one that serves counts. They take turns, a round of notices each; a round ends when
the worker has nothing left to do. The files lie in the directory for temporary files, which must be on a real disk.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any
from urllib.request import urlopen

from bench_store import databases
from loops import HOSPITAL, UNIT, Answering, SetClock, notice, side
from measuring import Figure

from ip_fhir.demo.place import free_ports
from ip_fhir.domain.referral import Role
from ip_fhir.store import open_store

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ip_fhir.ports import WireFormat

HERE = Path(__file__).parent
CONNECTIONS = 16
TOKEN = "what-the-hospital-shows"
_SECONDS_TO_START = 300


@dataclass
class Server:
    """A process that serves at a port, and what was measured of it, a value for each round.

    `request` is the method and the path of each request, to which a GET adds its line of the file.
    """

    pid: int
    port: int
    request: str = "POST /$process-message"
    connections: int = CONNECTIONS
    milliseconds: list[float] = field(default_factory=list)
    per_second: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    def processor(self) -> float:
        """Seconds of a processor that the process has taken, its own and the system's on its behalf."""
        spent = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(spent[11]) + int(spent[12])) / os.sysconf("SC_CLK_TCK")

    def take(self, messages: Path, first: int, number: int, mllp: int | None = None) -> None:
        """Post so many messages, over HTTP or to the port for MLLP, and wait until nothing is left to be done."""
        before = self.processor()
        port, token = (self.port, TOKEN) if mllp is None else (mllp, "")
        call = [sys.executable, str(HERE / "posting.py"), str(port), str(messages), str(first), str(number)]
        call += [str(self.connections), token, self.request]
        posted = json.loads(subprocess.run(call, check=True, stdout=subprocess.PIPE).stdout)
        begun = time.perf_counter()
        self.rest()
        self.milliseconds.append((self.processor() - before) / number * 1000)
        self.per_second.append(number / (posted["seconds"] + time.perf_counter() - begun))
        self.waits += posted["waits"]

    def forget(self) -> None:
        """Begin again: what was measured so far was to warm up."""
        self.milliseconds, self.per_second, self.waits = [], [], []

    def rest(self) -> None:
        """Wait until the worker has told its own people of everything; the floor has no worker."""
        while self.health().get("waiting"):
            time.sleep(0.2)

    def health(self) -> dict[str, Any]:
        """The server's state."""
        with urlopen(f"http://127.0.0.1:{self.port}/health", timeout=30) as answer:
            found: dict[str, Any] = json.load(answer)
        return found

    def wait(self, share: float) -> float:
        """The wait that this share of the messages did not exceed, in milliseconds."""
        return sorted(self.waits)[int(share * (len(self.waits) - 1))] * 1000


def measure(quick: bool) -> Iterator[Figure]:
    """SQLite beside the floor, then PostgreSQL where it is; `quick`: fewer rounds."""
    rounds, number = (2, 200) if quick else (8, 400)
    with tempfile.TemporaryDirectory(prefix="ip-fhir-load-") as place, databases(Path(place)) as urls:
        messages = Path(place, "messages")
        write_messages(messages, (rounds + 1) * number)
        for database, new in urls.items():
            yield from load(database, new, Path(place), messages, rounds, number)


def load(
    database: str, new: Callable[[], str], place: Path, messages: Path, rounds: int, number: int
) -> Iterator[Figure]:
    """The same messages to both, in turns; the first round is not counted."""
    with ExitStack() as stack:
        ours = stack.enter_context(serving(place / database, new()))
        floor = stack.enter_context(serving_floor(place / f"{database}-floor"))
        for server in (ours, floor):
            server.take(messages, 0, number)
            server.forget()
        for turn in range(1, rounds + 1):
            for server in (ours, floor):
                server.take(messages, turn * number, number)
    yield from figures(database, ours, floor)


def figures(database: str, ours: Server, floor: Server) -> Iterator[Figure]:
    """The rows of the table for one database."""
    what = f"{database}: {CONNECTIONS} connections"
    cost, least = median(ours.milliseconds), median(floor.milliseconds)
    note = f"floor: {least:.2g} ms, the same HTTP and one durable insert"
    goal = 3.5 if database == "sqlite" else None  # beside PostgreSQL the server takes its part in another process
    yield Figure(f"{what}, processor a notice", cost, "ms", at_most=goal, note=note)
    yield Figure(f"{what}, notices", median(ours.per_second), "/s", median(floor.per_second))
    middle, late = ours.wait(0.5), ours.wait(0.99)
    yield Figure(f"{what}, p50", middle, "ms", floor.wait(0.5))
    yield Figure(f"{what}, p99", late, "ms", floor.wait(0.99))
    yield Figure(f"{what}, p99 by p50", late / middle, "", at_most=10, note=f"of {len(ours.waits):,}")


# --- messages


def write_messages(file: Path, number: int, first: int = 0, wire_format: WireFormat = "fhir-message") -> None:
    """Notices as they come over the wire, each its own, one a line, dated now; their numbers begin with `first`."""
    now, adapter = datetime.now(UTC), Answering()
    adapter.format = wire_format
    with tempfile.TemporaryDirectory() as place:
        store = open_store(f"sqlite:///{place}/store.sqlite")
        hospital = side(Role.HOSPITAL, store, adapter, SetClock(now))
        for count in range(first, first + number):
            hospital.send_notice(notice(f"{count:07}").evolve(authored=now))
        hospital.run_due(limit=number)
        hospital.close()
    file.write_bytes(b"\n".join(adapter.contents))


# --- servers


@contextmanager
def serving(place: Path, database: str, mllp: int | None = None) -> Iterator[Server]:
    """`ip-fhir serve` of a municipality with the hospital as its one peer; with a port it listens for MLLP too."""
    place.mkdir()
    (port,) = free_ports(1)
    organization = _table(UNIT.to_data())
    hospital = _table(HOSPITAL.to_data())
    settings = f"""
        role = "municipality"
        database = "{database}"
        organization = {organization}
        http = {{ port = {port} }}
        [[peers]]
        name = "hospital"
        organization = {hospital}
        url = "https://hospital.example/fhir"
        accepts = ["{TOKEN}"]
    """
    if mllp is not None:
        settings += f"""
        [[listeners]]
        use = "mllp"
        port = {mllp}
        peer = "hospital"
    """
    (place / "settings.toml").write_text(settings, encoding="utf-8")
    command = [sys.executable, "-m", "ip_fhir.cli", "serve", "--config", str(place / "settings.toml")]
    with _running(command, port, place) as server:
        yield server


@contextmanager
def serving_floor(place: Path) -> Iterator[Server]:
    """The least that serves: see `serving_floor.py`."""
    place.mkdir()
    (port,) = free_ports(1)
    command = [sys.executable, str(HERE / "serving_floor.py"), str(port), str(place / "floor.sqlite")]
    with _running(command, port, place) as server:
        yield server


@contextmanager
def _running(command: list[str], port: int, place: Path) -> Iterator[Server]:
    with (place / "log").open("wb") as log, subprocess.Popen(command, stdout=log, stderr=log) as process:
        try:
            server = Server(process.pid, port)
            _wait_until_it_answers(process, server, place / "log")
            yield server
        finally:
            process.terminate()


def _wait_until_it_answers(process: subprocess.Popen[bytes], server: Server, log: Path) -> None:
    deadline = time.monotonic() + _SECONDS_TO_START
    while True:
        try:
            server.health()
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(log.read_text(encoding="utf-8")) from None
            time.sleep(0.1)
        else:
            return


def _table(data: dict[str, Any]) -> str:
    """An inline table of TOML, of the fields that are text."""
    return f"{{ {', '.join(f'{k} = {json.dumps(v)}' for k, v in data.items() if isinstance(v, str))} }}"


if __name__ == "__main__":
    for figure in measure("--quick" in sys.argv):
        print("  ".join(figure.cells()))
