"""A side that is tested against a mock, on real sockets, as an integrator's own tests would run it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ip_fhir.bootstrap import open_exchange, open_listeners
from ip_fhir.demo.place import DemoParty, SimulatedClock, loop_parties, write_settings
from ip_fhir.domain.referral import Referral, State
from ip_fhir.exchange import Exchange, Worker
from ip_fhir.exchange.listeners import listening
from ip_fhir.mock import MockOptions, Policy, played
from ip_fhir.ports import OutboxRow
from ip_fhir.settings import Settings, read_settings
from tests.support.served import eventually, served
from tests.support.two_sides import START, notice

LOOP = notice("03").correlation_id


@dataclass
class SideUnderTest:
    """The side that is tested, what its people were told, and the journal of the mock."""

    exchange: Exchange
    told: list[OutboxRow]
    clock: SimulatedClock
    now: datetime = START
    journal: list[dict[str, Any]] = field(default_factory=list)

    def loop(self, ident: str = LOOP) -> Referral:
        """A loop as this side has it."""
        stored = self.exchange.store.referral(ident)
        assert stored is not None
        return stored.referral

    def comes_to(self, state: State, ident: str = LOOP) -> None:
        """Wait until a loop is in a state."""
        self.eventually(lambda: self.loop(ident).state is state)

    def eventually(self, holds: Callable[[], bool]) -> None:
        """Wait until it holds, while time goes on; if it does not, the journal says what happened instead."""

        def holds_by_now() -> bool:
            self.now += timedelta(seconds=0.1)
            self.clock.set(self.now)
            return holds()

        try:
            eventually(holds_by_now, 300.0)
        except AssertionError:
            raise AssertionError(self.journal) from None

    def note(self, entry: dict[str, Any]) -> None:
        """Keep an entry of the mock's journal, with the seconds at which it came."""
        self.journal.append({**entry, "at": time.monotonic()})

    def said(self, kind: str) -> list[str]:
        """The entries of a kind in the mock's journal."""
        return [entry[kind] for entry in self.journal if kind in entry]


Side = Callable[..., Any]


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """The folder for settings and stores."""
    return tmp_path / "run"


@pytest.fixture
def clock(place: Path) -> SimulatedClock:
    """The time for all."""
    return SimulatedClock(place / "clock")


@pytest.fixture
def settings(place: Path, clock: SimulatedClock) -> Callable[..., Settings]:
    """Settings of a side of the loop, `hospital` unless another is named; also over HL7 v2."""

    def made(name: str = "hospital", *, hl7v2: bool = False) -> Settings:
        hospital, municipality = loop_parties(notice("03"))
        town = DemoParty(municipality.name, municipality.organization, municipality.role, hl7v2=hl7v2)
        write_settings(place, (hospital, town), "en")
        clock.set(START)
        return read_settings(place / f"{name}.toml", environ={})

    return made


@contextmanager
def under_test(settings: Settings, clock: SimulatedClock) -> Iterator[SideUnderTest]:
    """The side that is tested, which runs as `serve` runs it."""
    told: list[OutboxRow] = []
    with ExitStack() as stack:
        exchange = open_exchange(settings, tell=told.append)
        stack.callback(exchange.close)
        stack.enter_context(served(exchange, port=settings.http.port))
        stack.enter_context(listening(exchange, open_listeners(settings)))
        worker = Worker(exchange, 0.05)
        worker.start()
        stack.callback(worker.stop)
        yield SideUnderTest(exchange, told, clock)


@pytest.fixture
def against(settings: Callable[..., Settings], clock: SimulatedClock) -> Iterator[Callable[..., SideUnderTest]]:
    """The hospital, tested against a municipality that plays by a script."""
    with ExitStack() as stack:

        def begin(policy: Policy | None = None, *, hl7v2: bool = False, after: float = 0.0) -> SideUnderTest:
            ours = settings(hl7v2=hl7v2)
            options = MockOptions("municipality", policy or Policy(), after)
            side = stack.enter_context(under_test(ours, clock))
            stack.enter_context(played(ours, options, side.note))
            return side

        yield begin
