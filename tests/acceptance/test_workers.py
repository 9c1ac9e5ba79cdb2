"""Several workers on one store: none sends what another has, a dead one's rows are taken over, a stop is clean."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from ip_fhir.bootstrap import open_exchange
from ip_fhir.domain.effects import EffectKind
from ip_fhir.exchange import Exchange
from ip_fhir.settings import read_settings
from tests.support.people import numbered_notice
from tests.support.processes import Running, Town, Zygote
from tests.support.receiver import Receiver, receiving

pytestmark = [pytest.mark.acceptance, pytest.mark.slow]

NOTICES = 60
WORKERS = 3


class Office:
    """A hospital with notices to send, as many workers as wanted, and a municipality that counts."""

    def __init__(self, town: Town, zygote: Zygote, exchange: Exchange, receiver: Receiver) -> None:
        self.town = town
        self.exchange = exchange
        self.receiver = receiver
        self._zygote = zygote

    def worker(self, number: int) -> Running:
        """One more process that works on the store, started."""
        made = Running(self._zygote, "work", self.town.configs["hospital"], self.town.place / f"worker-{number}.log")
        made.start()
        return made

    def waiting(self) -> int:
        """How many rows are not done."""
        return len(self.exchange.store.outbox("waiting", 10_000))

    def until_done(self, seconds: float = 90) -> None:
        """Wait until all is sent."""
        deadline = time.monotonic() + seconds
        while self.waiting():
            assert time.monotonic() < deadline, "the workers do not come to an end; see the logs"
            time.sleep(0.02)

    def until_more_has_come(self) -> None:
        """Wait until somebody has sent something, or all is sent."""
        before = self.receiver.came.total()
        deadline = time.monotonic() + 30
        while self.receiver.came.total() == before and self.waiting():
            assert time.monotonic() < deadline, "nothing is sent; see the logs"
            time.sleep(0.005)

    def until_quiet(self, seconds: float = 1.0) -> None:
        """Wait until nothing has come, and nothing been settled, for so long."""
        since, before = time.monotonic(), (0, 0)
        while time.monotonic() - since < seconds:
            now = (self.receiver.came.total(), self.waiting())
            if now != before:
                since, before = time.monotonic(), now
            time.sleep(0.02)

    def until_under_way(self) -> None:
        """Wait until a tenth has arrived."""
        while len(self.receiver.came) < NOTICES // 10:
            time.sleep(0.005)


@pytest.fixture
def office(databases: dict[str, str], zygote: Zygote, tmp_path: Path) -> Iterator[Office]:
    """Notices stored, nobody at work yet. Time stands still: no lease runs out unless a test moves the clock."""
    town = Town(tmp_path, databases, zygote, loops=0)
    with ExitStack() as clean:
        receiver = clean.enter_context(receiving(town.ports["municipality"], 0.02))
        exchange = open_exchange(read_settings(town.configs["hospital"]))
        clean.callback(exchange.close)
        for number in range(NOTICES):
            exchange.send_notice(numbered_notice(number))
        yield Office(town, zygote, exchange, receiver)


def sent(office: Office) -> set[str]:
    """The ids of the messages that the store says are sent."""
    rows = office.exchange.store.outbox("sent", 10_000)
    return {row.id for row in rows if row.effect.kind is EffectKind.SEND}


@pytest.mark.promise(4)
def test_workers_race(office: Office) -> None:
    """Each message is sent once, several at a time, and every worker has had some."""
    workers = [office.worker(number) for number in range(WORKERS)]
    office.until_done()
    assert [worker.end(signal.SIGTERM) for worker in workers] == [0] * WORKERS
    assert set(office.receiver.came) == sent(office)
    assert len(sent(office)) == NOTICES
    assert set(office.receiver.came.values()) == {1}
    assert office.receiver.at_once > 1
    assert office.exchange.store.verify() == ()


def test_workers_that_are_stopped_leave_nothing_half_done(office: Office) -> None:
    """SIGTERM over and over: what is being sent is finished, the rest given back, nothing sent twice or left held."""
    office.receiver.seconds = 0.1
    stopped = 0
    while office.waiting():
        workers = [office.worker(number) for number in range(WORKERS)]
        office.until_more_has_come()
        ended = [worker.end(signal.SIGTERM) for worker in workers]
        assert set(ended) <= {0, -signal.SIGTERM}, "it ends in order, or before it had begun"
        stopped += ended.count(0)
    assert stopped > WORKERS, "nobody was stopped at work"
    assert set(office.receiver.came.values()) == {1}
    assert len(sent(office)) == NOTICES


@pytest.mark.promise(1, 4)
def test_a_dead_workers_rows_are_taken_over(office: Office) -> None:
    """Killed in the middle: what it held waits for its lease to run out, and is then sent by the others, unchanged."""
    workers = [office.worker(number) for number in range(WORKERS)]
    office.until_under_way()
    assert workers[0].kill() == -signal.SIGKILL
    office.until_quiet()  # the others have nothing in hand: what still waits is the dead one's
    office.town.forward(120)
    office.until_done()
    assert [worker.end(signal.SIGTERM) for worker in workers[1:]] == [0] * (WORKERS - 1)
    assert set(office.receiver.came) == sent(office)
    assert len(sent(office)) == NOTICES
    twice = [ident for ident, times in office.receiver.came.items() if times > 1]
    assert len(twice) <= 4, "only what the dead one had in hand may come again: it sends four at a time"
