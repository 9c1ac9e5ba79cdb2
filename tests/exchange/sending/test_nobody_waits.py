"""One peer that is slow, silent or hangs holds up nobody else, no timer, and no stop: over real sockets."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest

from ip_fhir.domain.effects import Timer, TimerKind
from ip_fhir.exchange import Worker
from ip_fhir.exchange.clock import SystemClock
from ip_fhir.ports import Adapter, Outgoing, Receipt, Store
from ip_fhir.store import open_store
from ip_fhir.testing import FakeAdapter
from ip_fhir_fhir_rest import adapter
from tests.exchange.sending.test_worker import eventually
from tests.support.many_units import Town, town
from tests.support.rough_peer import Manner, rough_peer


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store; the exchange closes it."""
    return open_store(f"sqlite:///{tmp_path}/store.sqlite")


@pytest.fixture
def at_the_end() -> Iterator[ExitStack]:
    """What is closed after the test, last first."""
    with ExitStack() as stack:
        yield stack


def working(made: Town, at_the_end: ExitStack, rest: float = 0.05) -> Worker:
    """Its worker, which runs until the end of the test."""
    worker = Worker(made.exchange, rest)
    at_the_end.callback(made.exchange.close)
    at_the_end.callback(worker.stop)
    worker.start()
    return worker


def seconds_until_delivered(made: Town, ident: str) -> float:
    """The seconds that it takes until the loop is delivered."""
    began = time.monotonic()
    eventually(lambda: made.state(ident) == "delivered")
    return time.monotonic() - began


class Hanging:
    """An adapter that never returns, as a plug-in might; until the test is over."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.called = 0
        self.adapter = FakeAdapter(self._send, "hanging", "fhir-message")

    def _send(self, outgoing: Outgoing) -> Receipt:
        self.called += 1
        self.over.wait(60)
        return Receipt(outgoing.message_id, "ok")


@pytest.mark.parametrize("manner", ["silent", "drips body", "drips headers"])
def test_a_silent_peer_holds_up_nobody(store: Store, at_the_end: ExitStack, manner: Manner) -> None:
    """A row that becomes due while another peer's hang leaves at once, also where more of these wait."""
    bad, good = (at_the_end.enter_context(rough_peer(one)) for one in (manner, "well"))
    made = town(store, {"bad": (adapter(), bad.url), "good": (adapter(), good.url)}, timeout=2.0)
    for number in range(9):
        made.send("bad", f"bad-{number}")
    worker = working(made, at_the_end)
    eventually(lambda: made.way("bad").sending == made.exchange.settings.per_peer)
    made.send("good", "good")
    assert seconds_until_delivered(made, "good") < 1
    assert worker.seconds_since_pass < 1
    assert not worker.stuck


def test_many_silent_peers(store: Store, at_the_end: ExitStack) -> None:
    """Fifty of them, more than may be sent at a time in all: the fifty-first peer is not held up by them."""
    bad, good = (at_the_end.enter_context(rough_peer(one)) for one in ("silent", "well"))
    names = [f"bad-{number}" for number in range(50)]
    made = town(store, {**{name: (adapter(), bad.url) for name in names}, "good": (adapter(), good.url)}, timeout=2.4)
    for name in names:
        made.send(name, name)
    working(made, at_the_end)
    eventually(lambda: sum(way.sending for way in made.exchange.ways()) > 20)
    made.send("good", "good")
    assert seconds_until_delivered(made, "good") < 2


def test_a_plug_in_that_never_returns(store: Store, at_the_end: ExitStack) -> None:
    """It occupies its peer's threads and no more, also when its rows' leases are over; everybody else is served."""
    hanging, good = Hanging(), at_the_end.enter_context(rough_peer("well"))
    made = town(store, {"bad": (hanging.adapter, "x://"), "good": (adapter(), good.url)}, lease=0.4, per_peer=2)
    for number in range(4):
        made.send("bad", f"bad-{number}")
    worker = working(made, at_the_end)
    at_the_end.callback(hanging.over.set)
    eventually(lambda: made.way("bad").sending == 2)
    time.sleep(0.6)
    made.send("good", "good")
    assert seconds_until_delivered(made, "good") < 1
    assert (made.way("bad").sending, hanging.called) == (2, 2)
    began = time.monotonic()
    assert worker.stop()
    assert time.monotonic() - began < made.exchange.settings.grace


@pytest.mark.parametrize("parallel", [1, 4])
def test_a_run_ends_though_an_adapter_does_not(store: Store, at_the_end: ExitStack, parallel: int) -> None:
    """`run_due` waits for the lease and no longer, sends what others are to get, and says what it did."""
    hanging, good = Hanging(), at_the_end.enter_context(rough_peer("well"))
    units: dict[str, tuple[Adapter, str]] = {"bad": (hanging.adapter, "x://"), "good": (adapter(), good.url)}
    made = town(store, units, lease=0.5, parallel=parallel, per_peer=1)
    at_the_end.callback(made.exchange.close)
    at_the_end.callback(hanging.over.set)
    made.send("bad", "bad")
    made.send("good", "good")
    began = time.monotonic()
    first, second = made.exchange.run_due(), made.exchange.run_due()
    assert time.monotonic() - began < 2
    assert first.sent + second.sent == 1
    assert made.state("good") == "delivered"


def test_timers_do_not_wait_for_a_peer(store: Store, at_the_end: ExitStack) -> None:
    """A timer that becomes due while every sending hangs is handled."""
    hanging = Hanging()
    made = town(store, {"bad": (hanging.adapter, "x://")}, per_peer=1, lease=30)
    made.send("bad", "hangs")
    working(made, at_the_end)
    at_the_end.callback(hanging.over.set)
    eventually(lambda: made.way("bad").sending == 1)
    made.send("bad", "timed")
    with store.begin() as tx:
        stored = tx.load("loop-timed")
        assert stored is not None
        now = SystemClock().now()
        due = stored.referral.evolve(timers=(Timer(kind=TimerKind.RECEIPT, due=now - timedelta(seconds=1)),))
        tx.save(due, stored.revision)
    eventually(lambda: not store.due_timers(SystemClock().now(), 1))


def test_a_stuck_worker_is_seen(store: Store, at_the_end: ExitStack) -> None:
    """A store that does not answer: the worker lives, makes no step, and says so."""
    made = town(store, {}, lease=0.1)
    go_on = threading.Event()
    really = store.due_timers

    def stuck(*what: object) -> list[str]:
        go_on.wait(30)
        return really(*what)  # type: ignore[arg-type]

    store.due_timers = stuck  # type: ignore[method-assign, assignment]
    worker = working(made, at_the_end, rest=0.01)
    at_the_end.callback(go_on.set)
    assert not worker.stuck
    eventually(lambda: worker.stuck)
    assert worker.running
    go_on.set()
    eventually(lambda: not worker.stuck)


def test_two_workers_one_silent_peer(tmp_path: Path, at_the_end: ExitStack) -> None:
    """Two processes' worth of workers on one store: what is healthy arrives once, and neither is held up."""
    bad, good = (at_the_end.enter_context(rough_peer(one)) for one in ("drips body", "well"))
    both = [
        town(
            open_store(f"sqlite:///{tmp_path}/store.sqlite"),
            {"bad": (adapter(), bad.url), "good": (adapter(), good.url)},
            timeout=1.5,
        )
        for _ in range(2)
    ]
    for number in range(6):
        both[0].send("bad", f"bad-{number}")
        both[0].send("good", f"good-{number}")
    for made in both:
        working(made, at_the_end)
    eventually(lambda: all(both[0].state(f"good-{number}") == "delivered" for number in range(6)))
    assert len(good.taken) == len(set(good.taken)) == 6
