"""The loop through a FHIR server that others wrote and that notifies by itself: Subscriptions by rest-hook.

Both listeners look by the clock once in an hour, so that whatever moves was told of by the server.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from ip_fhir.demo.place import free_ports
from ip_fhir.fhir.rest import instances, searches
from ip_fhir.ports import Store
from ip_fhir.wire.fhirserver import FhirServerListener
from tests.conformance.fhirservers.sites import Site
from tests.conformance.fhirservers.test_loops import counted, written
from tests.conformance.fhirservers.test_plans import seen
from tests.support.fhir_server import JSON
from tests.support.served import eventually
from tests.support.through_fhir import HOSPITAL, MUNICIPALITY, Through, through_server, whole_loop
from tests.support.two_sides import form, notice

pytestmark = [pytest.mark.timeout(900), pytest.mark.slow]

SELDOM = 3_600.0
TOKEN = "a-token-of-our-own"
PATIENCE = 120.0  # seconds in which the server must have told us; it is slow in its first minute
BOTH = (HOSPITAL, MUNICIPALITY)


@dataclass
class Told:
    """Both sides, whose listeners are at work with doors of their own."""

    through: Through
    site: Site
    stack: ExitStack
    mark: str
    ports: dict[str, int] = field(default_factory=lambda: dict(zip(BOTH, free_ports(2), strict=True)))

    @property
    def stores(self) -> list[Store]:
        """The stores of both."""
        return [self.through.side(name).exchange.store for name in BOTH]

    def start(self, name: str, **options: Any) -> FhirServerListener:
        """A listener with its door open, once it has looked and its Subscriptions are at work on the server."""
        hook, port = f"http://127.0.0.1:{self.ports[name]}/hook", self.ports[name]
        door = {"hook": hook, "hook_port": port, "hook_token": TOKEN, "seconds": SELDOM, "hook_seconds": SELDOM}
        self.through.options = {**door, **options}
        self.through.restart(name)
        listener = self.through.listeners[name]
        listener.start(self.through.side(name).exchange)
        self.stack.callback(listener.stop)
        eventually(lambda: [one["status"] for one in self.subscriptions(name)] == ["active", "active"], PATIENCE)
        return listener

    def subscriptions(self, name: str) -> tuple[JSON, ...]:
        """Those on the server that have the address of this side's door."""
        criteria = [("url", f"http://127.0.0.1:{self.ports[name]}/hook")]
        return self.site.client().connection.perform(searches.search("Subscription", criteria)).resources

    def sent(self, number: int) -> str:
        """The id of a loop that the hospital opens now."""
        example, mark = notice("01"), f"-{self.mark}-{number}"
        loop = f"{example.correlation_id}{mark}"
        self.through.loop.hospital.exchange.send_notice(example.evolve(id=f"{example.id}{mark}", correlation_id=loop))
        return loop

    def answered(self, loop: str) -> None:
        """The green form, filled in by the municipality."""
        answer = form("01-child-with-cerebral-palsy")
        ident = f"{answer.id}-{self.mark}-answer"
        self.through.loop.municipality.exchange.answer(answer.evolve(id=ident, answers=loop))

    def settle(self, loop: str, *states: str) -> None:
        """Let both sides send, and wait until the server has told each of what it is to know."""

        def there() -> bool:
            self.through.loop.settle()
            return self.through.loop.states(loop) == states

        eventually(there, PATIENCE)


@contextmanager
def told(site: Site, tmp_path: Path, since: str) -> Iterator[Told]:
    """Both sides after a loop that was looked for, so that the organisations of both are known on the server.

    The ids of their loops have the moment of the test: the server has those of others.
    """
    mark = re.sub(r"\W", "", since)
    with through_server(tmp_path, site.base) as through, ExitStack() as stack:
        whole_loop(through, f"-{mark}")
        yield Told(through, site, stack, mark)


def tasks_of(site: Site, since: str, loop: str) -> list[JSON]:
    """The Tasks of one loop."""
    there = written(site.client(), since)
    return [one for one in there if one["resourceType"] == "Task" and one["groupIdentifier"]["value"] == loop]


def test_the_whole_loop_by_notifications(hapi: Site, tmp_path: Path, since: str) -> None:
    """Notice, receipts and green form arrive because the server tells of them; each has one effect, and one Task."""
    with told(hapi, tmp_path, since) as both:
        listeners = [both.start(name) for name in BOTH]
        began = time.monotonic()
        loop = both.sent(1)
        both.settle(loop, "delivered", "delivered")
        both.answered(loop)
        both.settle(loop, "confirmed", "confirmed")
        assert time.monotonic() - began < SELDOM / 10
        assert all(listener.is_told for listener in listeners)
        assert [len(store.referrals()) for store in both.stores] == [2, 2]
        assert [store.outbox("parked") for store in both.stores] == [[], []]
        tasks = tasks_of(hapi, since, loop)
        assert {one["status"] for one in tasks} == {"completed"}
        assert len({one["identifier"][0]["value"] for one in tasks}) == len(tasks) == 2
        assert counted(hapi.client(), list(written(hapi.client(), since))) == 2
        assert [len(both.subscriptions(name)) for name in BOTH] == [2, 2]
    seen(hapi, "the whole loop, told of by rest-hook", f"confirmed on both sides, {len(tasks)} Tasks")


def test_what_was_not_told(hapi: Site, tmp_path: Path, since: str) -> None:
    """A Subscription that is gone, or a door that was closed: the next look finds what was missed, once.

    A Subscription that somebody took out is made again, and tells again; after a restart there are no more of them.
    """
    with told(hapi, tmp_path, since) as both:
        both.start(HOSPITAL)
        listener = both.start(MUNICIPALITY, hook_seconds=2.0)
        loops = [both.sent(1)]
        both.settle(loops[-1], "delivered", "delivered")
        client = hapi.client().connection
        for one in both.subscriptions(MUNICIPALITY):
            client.perform(instances.delete("Subscription", one["id"]))
        loops.append(both.sent(2))
        both.settle(loops[-1], "delivered", "delivered")
        eventually(lambda: len(both.subscriptions(MUNICIPALITY)) == 2, PATIENCE)
        listener.stop()
        loops.append(both.sent(3))
        both.through.loop.settle()
        eventually(lambda: len(tasks_of(hapi, since, loops[-1])) == 1)
        listener = both.start(MUNICIPALITY)
        both.settle(loops[-1], "delivered", "delivered")
        loops.append(both.sent(4))
        both.settle(loops[-1], "delivered", "delivered")
        assert listener.is_told
        assert [len(store.referrals()) for store in both.stores] == [1 + len(loops)] * 2
        assert [store.outbox("parked") for store in both.stores] == [[], []]
        assert [len(tasks_of(hapi, since, loop)) for loop in loops] == [1, 1, 1, 1]
        assert [len(both.subscriptions(name)) for name in BOTH] == [2, 2]
    seen(hapi, "a Subscription taken out, a door closed meanwhile", "found by the next look, taken in once, told again")
