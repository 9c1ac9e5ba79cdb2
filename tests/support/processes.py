"""Both sides as real processes that may be killed at any moment, and what must hold when they have come to rest.

`Town` is a folder with settings, clock and logs; `Zygote` starts processes by forking one that has everything imported.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from ip_fhir.demo.place import free_ports
from ip_fhir.domain.people import Organization
from ip_fhir.domain.referral import State
from ip_fhir.store import open_store
from tests.support.two_sides import START, notice, organizations

ROLES = ("hospital", "municipality")
_OPEN = [state for state in State if state is not State.CONFIRMED]
_CHECKOUT = Path(__file__).parents[2]
TOKENS = {"hospital": "what-the-hospital-shows", "municipality": "what-the-municipality-shows"}


class Zygote:
    """Starts processes; they end with it."""

    def __init__(self) -> None:
        environ = {**os.environ, "PYTHONPATH": os.pathsep.join([str(_CHECKOUT), str(_CHECKOUT / "adapters")])}
        self._process = subprocess.Popen(
            [sys.executable, "-W", "error", str(Path(__file__).with_name("zygote.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environ,
        )
        self._turn = threading.Lock()
        assert self._answer() == "ready"

    def start(self, what: str, config: Path, log: Path, more: dict[str, Any] | None = None) -> int:
        """Start a process; its number."""
        pid: int = self._ask(do="start", what=what, config=str(config), log=str(log), more=more)["pid"]
        return pid

    def code(self, pid: int, *, hang: bool) -> int | None:
        """How the process ended; None while it runs. After that the number is free for others."""
        ended = self._ask(do="wait", pid=pid, hang=hang)
        return None if ended is None else int(ended["code"])

    def _ask(self, **command: Any) -> Any:
        with self._turn:
            assert self._process.stdin is not None
            self._process.stdin.write(json.dumps(command) + "\n")
            self._process.stdin.flush()
            return self._answer()

    def _answer(self) -> Any:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def close(self) -> None:
        """End it, and with it all it started."""
        self._process.communicate()


@contextmanager
def again_and_again(work: Callable[[], object], every: float) -> Iterator[None]:
    """Do it every so many seconds, in a thread of its own, until the block ends."""
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(every):
            work()

    running = threading.Thread(target=run)
    running.start()
    try:
        yield
    finally:
        stop.set()
        running.join()


@dataclass
class Running:
    """One process of a side, started again as often as it is killed."""

    zygote: Zygote
    what: str
    config: Path
    log: Path
    more: dict[str, Any] = field(default_factory=dict)
    pid: int | None = None

    def start(self) -> None:
        """Start it."""
        self.pid = self.zygote.start(self.what, self.config, self.log, self.more)

    def kill(self) -> int:
        """SIGKILL: no clean-up, no good-bye. Returns how it ended: -9, or what it ended with by itself before."""
        return self.end(signal.SIGKILL)

    def kill_if_running(self) -> None:
        """At the end of a test, whatever happened in it."""
        if self.pid is not None:
            self.kill()

    def end(self, by: signal.Signals) -> int:
        """End it by a signal and wait; returns its exit code."""
        assert self.pid is not None
        os.kill(self.pid, by)  # it is not waited for yet, so the number is still its own
        code = self.zygote.code(self.pid, hang=True)
        assert code is not None
        self.pid = None
        return code


class Timekeeper(ABC):
    """A folder with a clock that all processes in it go by, and the ports of their endpoints."""

    def __init__(self, place: Path, ports: dict[str, int]) -> None:
        self.place, self.ports = place, ports
        self.now = START
        self._moving = threading.Lock()
        self.forward(0)

    @property
    @abstractmethod
    def everybody(self) -> list[Running]:
        """All processes."""

    def forward(self, seconds: float) -> None:
        """Let time pass, or, with less than nothing, turn the clock back."""
        with self._moving:
            self.now += timedelta(seconds=seconds)
            self.set(self.now)

    def set(self, now: datetime) -> None:
        """It is this time for everybody; the file is replaced whole."""
        fresh = self.place / "clock.new"
        fresh.write_text(now.isoformat(), encoding="ascii")
        fresh.replace(self.place / "clock")

    @contextmanager
    def time_passing(self, speed: float = 50.0, every: float = 0.02) -> Iterator[None]:
        """Time goes on by itself, `speed` times as fast as outside."""
        with again_and_again(lambda: self.forward(speed * every), every):
            yield

    def health(self, role: str) -> dict[str, Any] | None:
        """How a side says it stands; None when it does not answer."""
        try:
            answer = requests.get(f"http://127.0.0.1:{self.ports[role]}/health", timeout=5)
            found: dict[str, Any] = answer.json()
        except (requests.RequestException, ValueError):
            return None
        return found if answer.status_code == 200 else None

    def until_they_answer(self, seconds: float = 30) -> None:
        """Wait until all endpoints are there."""
        deadline = time.monotonic() + seconds
        while not all(self.health(role) for role in self.ports):
            assert time.monotonic() < deadline, "an endpoint does not answer; see the logs"
            time.sleep(0.005)


class Town(Timekeeper):
    """A hospital and a municipality in a folder, each with an endpoint, a worker and people at work.

    The messages of the sides in `mllp` are HL7 v2 over MLLP; the others' are FHIR over HTTP. People rest for `pause`
    seconds after each thing they do.
    """

    def __init__(
        self,
        place: Path,
        databases: dict[str, str],
        zygote: Zygote,
        loops: int,
        *,
        mllp: Sequence[str] = (),
        pause: float = 0.01,
        **settings: Any,
    ) -> None:
        ports = free_ports(4)
        super().__init__(place, dict(zip(ROLES, ports[:2], strict=True)))
        self.mllp, self.mllp_ports = mllp, dict(zip(ROLES, ports[2:], strict=True))
        self.databases = databases
        self.accepted = place / "accepted"
        self.configs = {role: self._write(role, **settings) for role in ROLES}
        self.servers = {role: self._running(zygote, "serve", role) for role in ROLES}
        self.people = {role: self._running(zygote, "people", role) for role in ROLES}
        self.worker = self._running(zygote, "work", "hospital")  # beside the one that the endpoint has
        self.worker.more |= {"listeners": False}  # only one process can listen at a port
        for people in self.people.values():
            people.more |= {"accepted": str(self.accepted), "pause": pause, "until": loops}

    @property
    def notices(self) -> list[str]:
        """The numbers of the notices that the hospital's people were told are stored."""
        return self.accepted.read_text(encoding="ascii").split() if self.accepted.exists() else []

    def until_there_are(self, notices: int, seconds: float = 60) -> None:
        """Wait until so many notices are stored."""
        deadline = time.monotonic() + seconds
        while len(self.notices) < notices:
            assert time.monotonic() < deadline, "the hospital's people do not get on; see the logs"
            time.sleep(0.01)

    def _running(self, zygote: Zygote, what: str, role: str) -> Running:
        return Running(zygote, what, self.configs[role], self.place / f"{what}-{role}.log")

    def _write(self, role: str, *, worker: dict[str, Any] | None = None) -> Path:
        hospital, unit = organizations(notice("03"))
        ours, theirs, other = (hospital, unit, ROLES[1]) if role == ROLES[0] else (unit, hospital, ROLES[0])
        retry = {"first": 1.0, "cap": 30.0, "attempts": 1000}
        data: dict[str, Any] = {
            "role": role,
            "database": self.databases[role],
            "organization": _alone(ours),
            "http": {"port": self.ports[role], "inner_hooks": ["127.0.0.1"]},
            "clock": {"file": "clock"},
            "worker": {"rest": 0.02, "lease": 60.0, "batch": 4, "retry": retry, **(worker or {})},
            "peers": [
                {
                    "name": other,
                    "url": f"http://127.0.0.1:{self.ports[other]}",
                    "timeout": 10.0,
                    "token": TOKENS[role],
                    "accepts": [TOKENS[other]],
                    "organization": _alone(theirs),
                }
            ],
        }
        if role in self.mllp:
            data["peers"][0] |= {"adapter": "mllp", "url": f"mllp://127.0.0.1:{self.mllp_ports[other]}"}
        if other in self.mllp:
            data["listeners"] = [{"use": "mllp", "peer": other, "port": self.mllp_ports[role]}]
        file = self.place / f"{role}.toml"
        file.write_text("".join(f"{key} = {toml(value)}\n" for key, value in data.items()), encoding="utf-8")
        return file

    @property
    def everybody(self) -> list[Running]:
        """All processes."""
        return [*self.servers.values(), self.worker, *self.people.values()]

    def finish(self, seconds: float = 120) -> None:
        """No more notices; time goes on until every loop has ended on both sides and nothing waits. Then all end.

        Time waits for those who are at work: else what they hold would be taken from them, and more come than they do.
        """
        self.people["hospital"].end(signal.SIGTERM)
        deadline = time.monotonic() + seconds
        stores, before = [open_store(self.databases[role]) for role in ROLES], None
        try:
            while any(store.referrals(_OPEN, limit=1) or store.outbox("waiting", 1) for store in stores):
                assert time.monotonic() < deadline, "the two sides do not come to rest; see the logs"
                now = [(store.head().number, store.figures().outbox) for store in stores]
                if now == before:
                    self.forward(86_400)
                before = now
                time.sleep(0.4)  # long enough for who is at work on a busy machine to get a step on
        finally:
            for store in stores:
                store.close()
        for one in self.everybody:
            if one.pid is not None:
                one.end(signal.SIGTERM)


@contextmanager
def running_town(
    place: Path,
    databases: dict[str, str],
    zygote: Zygote,
    loops: int,
    *,
    first: Callable[[Town], object] = lambda _: None,
    **settings: Any,
) -> Iterator[Town]:
    """Everybody at work, on so many loops at most; killed in the end.

    `first` is called when the endpoints answer, before there is a notice: people come to work after it.
    """
    town = Town(place, databases, zygote, loops, **settings)
    with ExitStack() as clean:

        def start(*some: Running) -> None:
            for one in some:
                one.start()
                clean.callback(one.kill_if_running)

        start(*town.servers.values(), town.worker)
        town.until_they_answer()
        first(town)
        start(*town.people.values())
        yield town


def kill_at_random(town: Timekeeper, times: int, chance: random.Random) -> None:
    """Kill somebody at a moment that chance chooses, and start them again; now and then two at once, or hours pass.

    Mostly while all are at work; now and then while somebody is still starting.
    """
    killed = 0
    while killed < times:
        if chance.random() < 0.8:
            town.until_they_answer()
        time.sleep(chance.uniform(0.0, 0.1))
        victims = chance.sample(town.everybody, chance.choice([1, 1, 1, 2]))
        for victim in victims:
            assert victim.kill() == -signal.SIGKILL, f"a {victim.what} had ended by itself; see {victim.log}"
        if chance.random() < 0.1:
            town.forward(chance.choice([60, 20 * 60, 3 * 3600, 86_400]))
        for victim in victims:
            victim.start()
        killed += len(victims)


def _alone(organization: Organization) -> dict[str, Any]:
    known = ("id", "name", "kind", "organization_number", "her_id")
    return {k: v for k, v in organization.to_data().items() if k in known}


def toml(value: Any) -> str:
    """The value as TOML writes it."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(inner)}" for key, inner in value.items()) + " }"
    if isinstance(value, list):
        return f"[{', '.join(toml(inner) for inner in value)}]"
    return json.dumps(value, ensure_ascii=False)
