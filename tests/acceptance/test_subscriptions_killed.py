"""A subscriber's server that is down during changes, and both processes killed: what was missed is told."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
import requests

from ip_fhir.demo.place import free_ports
from ip_fhir.store import SqlStore, open_store
from tests.support import hook_process
from tests.support.hook import wanted
from tests.support.processes import TOKENS, Town, Zygote, running_town

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]

LOOPS = 12


@dataclass
class Receiver:
    """The subscriber's server: its port, the file where it notes what came, and its process, if it runs."""

    port: int
    file: Path
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it."""
        self.process = subprocess.Popen([sys.executable, hook_process.__file__, str(self.port), str(self.file)])

    def kill(self) -> None:
        """SIGKILL, if it runs."""
        if self.process is not None:
            self.process.kill()
            self.process.wait()
        self.process = None

    def came(self) -> list[list[str]]:
        """What came, in order: method, path, version."""
        text = self.file.read_text(encoding="ascii") if self.file.exists() else ""
        return [line.split() for line in text.splitlines()]

    def told(self) -> set[tuple[str, str]]:
        """Id and version of the Tasks that were put."""
        return {(path.rpartition("/")[2], version) for method, path, version in self.came() if method == "PUT"}


@contextmanager
def receiver(place: Path) -> Iterator[Receiver]:
    """A receiver that is killed in the end."""
    made = Receiver(free_ports(1)[0], place / "notified")
    try:
        yield made
    finally:
        made.kill()


def subscribe(town: Town, url: str, **channel: str) -> None:
    """The hospital subscribes at the municipality."""
    answer = requests.post(
        f"http://127.0.0.1:{town.ports['municipality']}/Subscription",
        json=wanted(url, **channel),
        headers={"Authorization": f"Bearer {TOKENS['hospital']}", "Content-Type": "application/fhir+json"},
        timeout=20,
    )
    assert answer.status_code == 201, answer.text


def subscribe_twice(town: Town, port: int) -> None:
    """The hospital subscribes to be told that there is something, and to be given what there is."""
    subscribe(town, f"http://127.0.0.1:{port}/empty")
    subscribe(town, f"http://127.0.0.1:{port}/full", payload="application/fhir+json")


def tasks(store: SqlStore) -> set[tuple[str, str]]:
    """Id and present version of all Tasks."""
    return {(one.id, str(one.version)) for one in store.search_resources("Task", {}, 1000)}


@pytest.mark.timeout(240)
def test_missed_while_both_were_killed(databases: dict[str, str], zygote: Zygote, tmp_path: Path) -> None:
    """Every Task in its last version is told, and with it one look is asked for after the last change.

    The receiver is not there during half of the changes, and it and the endpoint are killed in the middle of others.
    """
    chance = random.Random(20260112)
    with (
        receiver(tmp_path) as there,
        running_town(tmp_path, databases, zygote, LOOPS, first=partial(subscribe_twice, port=there.port)) as town,
    ):
        server = town.servers["municipality"]
        with town.time_passing():
            town.until_there_are(LOOPS // 2)
            there.start()
            for _ in range(3):
                time.sleep(chance.uniform(0.1, 0.5))
                there.kill()
                assert server.kill() == -signal.SIGKILL
                server.start()
                there.start()
            town.until_there_are(LOOPS)
            store = open_store(databases["municipality"])
            try:
                _wait_until_told(store, there)
            finally:
                store.close()
        methods = [(method, path) for method, path, _ in there.came()]
        assert ("POST", "/empty") in methods


def _wait_until_told(store: SqlStore, there: Receiver, seconds: float = 90) -> None:
    """Wait until every Task was told as it is, and nobody has anything more to tell."""
    deadline = time.monotonic() + seconds
    while True:
        missing = tasks(store) - there.told()
        kept = store.subscriptions("hospital")
        behind = [one for one in kept if store.changes_since(one.place, 1000).found]
        if not missing and not behind and tasks(store):
            return
        assert time.monotonic() < deadline, f"not told: {missing}, still to tell: {behind}; see the logs"
        time.sleep(0.2)
