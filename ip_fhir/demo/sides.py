"""The processes, one of each party: started with `ip-fhir serve`, watched, started again when they die, and stopped."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import requests

from ip_fhir.demo.place import SIDES, settings_file
from ip_fhir.domain.referral import Role
from ip_fhir.errors import IpFhirError
from ip_fhir.settings import ENV_PREFIX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from ip_fhir.demo.place import SimulatedClock

_A_MINUTE = timedelta(minutes=1)
_MOST_MINUTES = 60
_SECONDS_TO_START = 120.0
_SECONDS_TO_STOP = 10.0
_POLL = 0.005
_MOST_STARTS = 10


class DemoFailed(IpFhirError):
    """The demonstration could not go on; the text names the log to look into."""


class SideProcess:
    """One process, with its log and its health address."""

    def __init__(self, name: str, run: Path, port: int) -> None:
        self.name = name
        self.url = f"http://127.0.0.1:{port}"
        self.log = run / f"{name}.log"
        self.starts = 0
        self.exit_code: int | None = None
        self._settings = settings_file(run, name)
        self._process: subprocess.Popen[bytes] | None = None
        self._session = requests.Session()
        self._session.trust_env = False  # a proxy has nothing to do with loopback

    @property
    def pid(self) -> int | None:
        """The process id; None before the start."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Starts the process. It ends by itself when we die, since it waits for the other end of a pipe of ours."""
        command = [sys.executable, "-m", "ip_fhir.cli", "serve", "--while-stdin-open", "--config", str(self._settings)]
        environ = {name: value for name, value in os.environ.items() if not name.startswith(ENV_PREFIX)}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                command, stdin=subprocess.PIPE, stdout=log, stderr=subprocess.STDOUT, env=environ
            )
        self.starts += 1

    def died(self) -> int | None:
        """Returns the exit code of a process that ended without having been asked to; None while it runs."""
        return self._process.poll() if self._process else None

    def health(self) -> dict[str, Any] | None:
        """Returns the answer of /health; None if there is none."""
        try:
            answer = self._session.get(f"{self.url}/health", timeout=5)
            found: dict[str, Any] = answer.json()
        except (requests.RequestException, ValueError):
            return None
        wrong = self.name in set(Role) and found.get("role") != self.name  # another run has the port
        return found if answer.status_code == 200 and not wrong else None

    def stop(self) -> None:
        """Asks the process to end, waits, and ends it by force if it does not."""
        self._session.close()
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.terminate()
        try:
            self._process.wait(_SECONDS_TO_STOP)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()
        self.exit_code = self._process.returncode


class Sides:
    """All processes that were started. `on_death` is called with the name of one that died, before it starts again."""

    def __init__(self, run: Path, ports: Mapping[str, int], on_death: Callable[[str, int], None]) -> None:
        self.processes: list[SideProcess] = []
        self._run, self._ports, self._on_death = run, ports, on_death

    def start(self, names: Iterable[str]) -> None:
        """Starts the processes of these parties, and waits until they answer. Raises `DemoFailed`."""
        fresh = [SideProcess(name, self._run, self._ports[name]) for name in names]
        self.processes += fresh
        for side in fresh:
            side.start()
        for side in fresh:
            self.await_start(side)

    def settle(self, seconds: float = 30.0) -> dict[str, int]:
        """Waits until no side has anything to do now. Returns the number of rows that wait for later, by party.

        A process that died meanwhile is started again. All are asked twice: if nothing was due on any and nothing has
        changed in between, no message can be on its way. Raises `DemoFailed` after `seconds` without rest.
        """
        deadline = time.monotonic() + seconds
        before: list[tuple[Any, ...]] | None = None
        while time.monotonic() < deadline:
            if self._revive():
                deadline = time.monotonic() + seconds
            found = [side.health() for side in self.processes]
            quiet = [
                (h["changes"], h["now"], side.starts)
                for h, side in zip(found, self.processes, strict=True)
                if h and not h["due"]
            ]
            if len(quiet) == len(self.processes) and quiet == before:
                return {side.name: h["waiting"] for side, h in zip(self.processes, found, strict=True) if h}
            before = quiet
            time.sleep(_POLL)
        raise DemoFailed(f"the sides did not come to rest within {seconds:.0f} seconds; see {self._logs()}")

    def _revive(self) -> bool:
        """Starts each process that has died again. Returns True if there was one."""
        dead = [(side, code) for side in self.processes if (code := side.died()) is not None]
        for side, code in dead:
            self._start_again(side, code)
        for side, _ in dead:
            self.await_start(side)
        return bool(dead)

    def _start_again(self, side: SideProcess, code: int) -> None:
        if side.starts > _MOST_STARTS:
            raise DemoFailed(f"the {side.name}'s process died {side.starts} times; see {side.log}")
        self._on_death(side.name, code)
        side.start()

    def await_start(self, side: SideProcess) -> None:
        """Waits until a process answers. One that is killed meanwhile is started again.

        Raises `DemoFailed` if it ends by itself instead, or takes too long.
        """
        deadline = time.monotonic() + _SECONDS_TO_START
        while side.health() is None:
            code = side.died()
            if code is not None and code >= 0:
                raise DemoFailed(f"the {side.name}'s process ended with {code} when it was started; see {side.log}")
            if code is not None:
                self._start_again(side, code)
            elif time.monotonic() > deadline:
                raise DemoFailed(f"the {side.name}'s process does not answer; see {side.log}")
            time.sleep(0.02)

    def _logs(self) -> str:
        return " and ".join(str(side.log) for side in self.processes)


def rest(sides: Sides, clock: SimulatedClock, now: datetime) -> datetime:
    """Waits until all sides are at rest, and returns the time, by then later if something had to be sent again.

    A message that could not be sent, because another process had died, is tried again later: the clock goes on by
    minutes until then. Raises `DemoFailed`.
    """
    for _ in range(_MOST_MINUTES):
        if not any(sides.settle().values()):
            return now
        now += _A_MINUTE
        clock.set(now)
    raise DemoFailed(f"messages still wait after {_MOST_MINUTES} simulated minutes")


@contextmanager
def running(run: Path, ports: Mapping[str, int], on_death: Callable[[str, int], None]) -> Iterator[Sides]:
    """Yields the processes of the loops' two sides, started and answering, and stops all in the end."""
    sides = Sides(run, ports, on_death)
    try:
        sides.start(SIDES)
        yield sides
    finally:
        for side in sides.processes:
            side.stop()
