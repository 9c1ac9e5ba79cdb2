"""A hospital and a municipality as `ip-fhir serve` runs them, each with an interface for its own record system."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from ip_fhir.demo.place import SimulatedClock, free_ports
from ip_fhir.store import open_store, upgrade_store
from tests.support.processes import again_and_again, toml
from tests.support.served import eventually
from tests.support.two_sides import EXAMPLES

ROLES = ("hospital", "municipality")
START = datetime.fromisoformat("2026-06-01T08:00:00+02:00")
TOKEN = "token-of-the-record-system"
OF_A_PEER = {role: f"example-token-of-the-{role}" for role in ROLES}


@dataclass(frozen=True)
class Town:
    """Two sides that run: the folder of their settings, and the ports of their interfaces for programs of their own."""

    place: Path
    ports: dict[str, int]

    @contextmanager
    def stores(self) -> Iterator[dict[str, Any]]:
        """The stores of both sides, when nothing waits to be sent any more."""
        with ExitStack() as clean:
            found = {role: clean.enter_context(closing(open_store(_database(self.place, role)))) for role in ROLES}
            eventually(lambda: not any(_waits(store) for store in found.values()), 600)
            yield found

    def standing(self) -> dict[str, Any]:
        """The end of each side's chain of evidence, and the number of messages by status: what a change would move."""
        with self.stores() as stores:
            return {role: (store.head(), store.figures().outbox) for role, store in stores.items()}


@contextmanager
def running_town(place: Path) -> Iterator[Town]:
    """The two sides of the examples' settings, with empty stores; they share whole plans, with whom a person names."""
    numbers = free_ports(4)
    peers, own = dict(zip(ROLES, numbers[:2], strict=True)), dict(zip(ROLES, numbers[2:], strict=True))
    clock = SimulatedClock(place / "clock")
    with ExitStack() as clean:
        clean.enter_context(_time_going_on(clock))
        for role in ROLES:
            upgrade_store(_database(place, role))
            config = _settings(place, role, peers, own[role])
            clean.enter_context(_serving(config, place / f"{role}.log"))
        eventually(lambda: all(_answers(f"http://127.0.0.1:{port}/own/parties") for port in own.values()), 900)
        yield Town(place, own)


def _waits(store: Any) -> bool:
    return bool(store.outbox("waiting", 1) or store.outbox("awaiting", 1))


def _database(place: Path, role: str) -> str:
    return f"sqlite:///{place / role}.sqlite"


def _settings(place: Path, role: str, peers: dict[str, int], own: int) -> Path:
    (other,) = (name for name in ROLES if name != role)
    data = tomllib.loads((EXAMPLES / "settings" / f"{role}.toml").read_text(encoding="utf-8"))
    data |= {"database": _database(place, role), "clock": {"file": "clock"}, "agreements": [_agreement(data)]}
    data["http"]["port"] = peers[role]
    data["own"] = {"port": own, "programs": [{"name": "record-system", "token": TOKEN}]}
    data["peers"][0] |= {"url": f"http://127.0.0.1:{peers[other]}", "timeout": 250.0}  # the machine may be busy
    data["worker"] |= {"rest": 0.05, "lease": 600.0, "retry": {"first": 1.0, "cap": 30.0}}
    file = place / f"{role}.toml"
    file.write_text("".join(f"{key} = {toml(value)}\n" for key, value in data.items()), encoding="utf-8")
    return file


def _agreement(data: dict[str, Any]) -> dict[str, Any]:
    """The two share whole plans."""
    known = [data["organization"], data["peers"][0]["organization"]]
    parties = {one["kind"]: {"her_id": one["her_id"]} for one in known}
    return {
        "hospital": parties["hospital"],
        "municipality": parties["coordinating-unit"],
        "content_level": "plan",
    }


@contextmanager
def _serving(config: Path, log: Path) -> Iterator[None]:
    with log.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "ip_fhir.cli", "serve", "--config", str(config)],
            env={**os.environ, "IP_FHIR_CONFIG": ""},
            stdout=said,
            stderr=said,
        )
        try:
            yield
        finally:
            process.terminate()
            ended = process.wait(100)
    text = log.read_text(encoding="utf-8")
    assert ended == 0, text
    assert "Traceback" not in text, text


@contextmanager
def _time_going_on(clock: SimulatedClock) -> Iterator[None]:
    began = time.monotonic()
    clock.set(START)
    with again_and_again(lambda: clock.set(START + timedelta(seconds=time.monotonic() - began)), 0.2):
        yield


def _answers(url: str) -> bool:
    try:
        return requests.get(url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30).status_code == 200
    except requests.ConnectionError:
        return False
