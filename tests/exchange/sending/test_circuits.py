"""A peer that is silent again and again is asked at growing intervals, by one message, until it answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ip_fhir.errors import Conflict, Rejected, Unavailable
from ip_fhir.exchange.sending.circuits import Circuits
from ip_fhir.ports import Outgoing, Receipt
from ip_fhir.settings import RetrySettings
from ip_fhir.store import open_store
from ip_fhir.testing import FakeAdapter
from tests.support.many_units import Town, town
from tests.support.two_sides import START, SetClock

POLICY = RetrySettings(first=60, cap=600)


class Peer:
    """A peer that answers as told, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.answer: Exception | Receipt | None = Unavailable("no answer in time")
        self.adapter = FakeAdapter(self._send, "told", "fhir-message")

    def _send(self, outgoing: Outgoing) -> Receipt:
        self.asked.append(outgoing.message_id)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer or Receipt(outgoing.message_id, "ok")

    def times(self) -> int:
        """How often it was asked since the last time this was asked."""
        asked, self.asked = self.asked, []
        return len(asked)


@pytest.fixture
def peer() -> Peer:
    """It is silent at first."""
    return Peer()


@pytest.fixture
def clock() -> SetClock:
    """It stands still."""
    return SetClock()


@pytest.fixture
def made(tmp_path: Path, peer: Peer, clock: SetClock) -> Iterator[Town]:
    """A hospital with six messages to that peer, sent one after another, and one to another peer."""
    store = open_store(f"sqlite:///{tmp_path}/store.sqlite")
    well = FakeAdapter(lambda outgoing: Receipt(outgoing.message_id, "ok"), "well", "fhir-message")
    units = {"silent": (peer.adapter, "x://"), "well": (well, "x://")}
    hospital = town(store, units, clock, lease=120.0, parallel=1, retry=POLICY)
    for number in range(6):
        hospital.send("silent", f"s{number}")
    hospital.send("well", "w")
    yield hospital
    hospital.exchange.close()


def test_after_three_silences_it_rests(made: Town, peer: Peer, clock: SetClock) -> None:
    """The other messages wait, with their attempts as they were; another peer's leave."""
    made.exchange.run_due()
    assert peer.times() == 3
    assert made.state("w") == "delivered"
    attempts = sorted(row.attempts for row in made.exchange.store.outbox("waiting") if row.peer == "silent")
    assert attempts == [0, 0, 0, 1, 1, 1]
    way = made.way("silent")
    assert (way.is_open, way.silences) == (True, 3)
    assert 59 < way.seconds_until_next < 61
    clock.forward(seconds=50)
    made.exchange.run_due()
    assert peer.times() == 0


def test_it_is_asked_at_growing_intervals(made: Town, peer: Peer, clock: SetClock) -> None:
    """By one message each time: after 1, 2, 4, 8 minutes, and then every ten, which is the cap."""
    made.exchange.run_due()
    assert peer.times() == 3
    asked_at = []
    for minute in range(1, 47):
        clock.forward(seconds=61)
        made.exchange.run_due()
        asked = peer.times()
        assert asked <= 1
        asked_at += [minute] * asked
    gaps = [b - a for a, b in zip([0, *asked_at], asked_at, strict=False)]
    assert gaps == [1, 2, 4, 8, 10, 10, 10]


def test_an_answer_ends_the_rest(made: Town, peer: Peer, clock: SetClock) -> None:
    """The first message that gets an answer is followed by all the others, in the same run."""
    made.exchange.run_due()
    peer.answer = None
    clock.forward(minutes=3)
    assert made.exchange.run_due().sent == 6
    assert not made.way("silent").is_open
    assert {made.state(f"s{number}") for number in range(6)} == {"delivered"}


@pytest.mark.parametrize("answer", [Rejected("no"), Conflict("newer"), Receipt("m", "transient-error")])
def test_a_no_is_no_silence(made: Town, peer: Peer, answer: Exception | Receipt) -> None:
    """A peer that refuses, or asks to be tried later with this one message, is there: all are tried."""
    peer.answer = answer
    made.exchange.run_due()
    assert peer.times() == 6
    assert not made.way("silent").is_open


def test_a_plug_in_that_breaks_its_contract_is_silent(made: Town, peer: Peer) -> None:
    """Nobody can tell whether the peer got it."""
    peer.answer = ZeroDivisionError()
    made.exchange.run_due()
    assert peer.times() == 3
    assert made.way("silent").is_open


def test_only_silences_in_a_row_count() -> None:
    """An answer between them begins the count anew; one that was asked before the rest began does not prolong it."""
    circuits = Circuits()

    def silent() -> None:
        circuits.silent("p", Unavailable("x"), START, POLICY, lambda: 1.0)

    silent()
    silent()
    circuits.answered("p")
    silent()
    silent()
    assert not circuits.of("p").is_open
    silent()
    assert circuits.resting(START) == {"p"}
    before = circuits.of("p")
    silent()
    assert circuits.of("p") == before
    assert circuits.of("another").silences == 0
    assert circuits.of(None).silences == 0


def test_the_peers_own_wish_counts() -> None:
    """A peer that asks for more time than the interval is given it."""
    circuits = Circuits()
    for _ in range(3):
        circuits.silent("p", Unavailable("busy", 3600), START, POLICY, lambda: 1.0)
    until = circuits.of("p").until
    assert until is not None
    assert (until - START).total_seconds() == 3600
