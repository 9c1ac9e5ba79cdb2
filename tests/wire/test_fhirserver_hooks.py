"""A listener that is notified: at once when the server tells, in time when it does not, and nothing has two effects."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest

from ip_fhir.demo.place import free_ports
from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.reading import read_json
from ip_fhir.testing.listener_contract import ReceiverDouble
from ip_fhir.wire.fhirserver import FhirServerListener
from ip_fhir.wire.fhirserver.door import Door
from tests.support.fhir_server import FhirServerDouble, fhir_server
from tests.support.served import eventually
from tests.wire.test_fhirserver import NUMBER, OURS, Clock, Hurried, task

TOKEN = "a-token-of-our-own"
SELDOM = 3_600.0


@pytest.fixture
def server() -> Iterator[FhirServerDouble]:
    """A server that notifies, on which we and they are known."""
    with fhir_server() as double:
        double.hooks = True
        double.clock = Clock()
        double.put({"resourceType": "Organization", "id": "us", "identifier": [OURS]})
        double.put({"resourceType": "Organization", "id": "them", "identifier": []})
        yield double


def made(server: FhirServerDouble, **options: Any) -> Hurried:
    """A listener with a door on a free port."""
    port = free_ports(1)[0]
    door = {"hook": f"http://127.0.0.1:{port}/hook", "hook_port": port, "hook_token": TOKEN, "hook_seconds": SELDOM}
    named = {"url": server.base, "peer": "them", "organizations": [NUMBER], "seconds": 0.05}
    return Hurried({**named, **door, **options})


@pytest.fixture
def exchange() -> ReceiverDouble:
    """Takes everything in."""
    return ReceiverDouble()


def names(exchange: ReceiverDouble) -> list[str]:
    """The ids of the Tasks that were handed in."""
    return [read_json(content)["id"] for content, _, _ in exchange.came]


def subscriptions(server: FhirServerDouble) -> list[str]:
    """The criteria of the Subscriptions there."""
    return sorted(one["criteria"] for one in server.of_type("Subscription"))


class Running:
    """A listener at work during a block."""

    def __init__(self, listener: FhirServerListener, exchange: ReceiverDouble) -> None:
        self.listener, self.exchange = listener, exchange

    def __enter__(self) -> FhirServerListener:
        self.listener.start(self.exchange)
        return self.listener

    def __exit__(self, *_: object) -> None:
        self.listener.stop()


def trusted(server: FhirServerDouble, exchange: ReceiverDouble, listener: FhirServerListener) -> None:
    """Wait until its Subscriptions are there and have worked once."""
    eventually(lambda: len(subscriptions(server)) == 2)
    server.put(task("first"))
    eventually(lambda: listener.is_told)
    eventually(lambda: "first" in names(exchange))


def looks(server: FhirServerDouble) -> int:
    """How often Tasks were searched for."""
    return sum("Task?" in one or one == "POST /fhir/Task/_search" for one in server.asked)


def test_told_at_once(server: FhirServerDouble, exchange: ReceiverDouble) -> None:
    """Two Subscriptions are made, with the token, for messages to us and receipts of ours; what is told is taken in."""
    with Running(made(server), exchange) as listener:
        trusted(server, exchange, listener)
        owner, requester = subscriptions(server)
        assert owner == "Task?owner=Organization/us&status=requested"
        assert requester == "Task?requester=Organization/us&status=completed,rejected"
        channels = [one["channel"] for one in server.of_type("Subscription")]
        assert {one["header"][0] for one in channels} == {f"Authorization: Bearer {TOKEN}"}
        assert all("payload" not in one for one in channels)
        server.put(task("second"))
        eventually(lambda: "second" in names(exchange))
        assert names(exchange) == ["first", "second"]
        assert set(server.notified) == {200}


def test_hook_and_look_at_once(server: FhirServerDouble, exchange: ReceiverDouble) -> None:
    """Found by the clock and told of at the same time, a message is taken in once."""
    with Running(made(server, hook_seconds=0.05), exchange) as listener:
        trusted(server, exchange, listener)
        for number in range(10):
            server.put(task(f"t{number}"))
        eventually(lambda: len(exchange.came) >= 11)
        eventually(lambda: len(server.notified) >= 11)
    assert sorted(names(exchange)) == sorted({"first", *(f"t{number}" for number in range(10))})


def test_a_flood_makes_few_looks(server: FhirServerDouble, exchange: ReceiverDouble) -> None:
    """However many come, there are no more looks than five a second."""
    with Running(made(server), exchange) as listener:
        trusted(server, exchange, listener)
        (one, *_) = server.of_type("Subscription")
        before, began = looks(server), time.monotonic()

        def ring_often() -> None:
            for _ in range(10):
                server.ring(one)

        floods = [threading.Thread(target=ring_often) for _ in range(12)]
        for flood in floods:
            flood.start()
        for flood in floods:
            flood.join()
        server.put(task("last"))
        eventually(lambda: "last" in names(exchange))
        searches, seconds = looks(server) - before, time.monotonic() - began
        assert searches / 2 <= seconds / 0.2 + 2, "each look is two searches"
        assert names(exchange) == ["first", "last"]


def test_a_forged_body_is_not_read(server: FhirServerDouble, exchange: ReceiverDouble) -> None:
    """Whatever comes with a notification, only what is on the server is taken in."""
    with Running(made(server), exchange) as listener:
        trusted(server, exchange, listener)
        (one, *_) = server.of_type("Subscription")
        forged = task("forged")
        server.ring(one, str(forged).encode())
        server.ring(one, b"\x00" * 100_000)
        server.put(task("true"))
        eventually(lambda: "true" in names(exchange))
    assert names(exchange) == ["first", "true"]


def ask(port: int, method: str = "POST", **headers: str) -> int:
    """The status of a request at the door."""
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request(method, "/hook", headers=headers)
    status = connection.getresponse().status
    connection.close()
    return status


def test_the_door() -> None:
    """The token of our own is let in, by POST and by PUT; no other, none, and no other method."""
    rung: list[int] = []
    door = Door("127.0.0.1", 0, TOKEN, lambda: rung.append(1))
    door.open()
    try:
        assert ask(door.port, Authorization=f"Bearer {TOKEN}") == 200
        assert ask(door.port, "PUT", Authorization=f"Bearer {TOKEN}") == 200
        assert len(rung) == 2
        for shown in (f"Bearer {TOKEN}x", TOKEN, "Bearer", "Basic eDp5", "Bearer \xe6"):
            assert ask(door.port, Authorization=shown) == 401
        assert ask(door.port) == 401
        assert ask(door.port, "GET", Authorization=f"Bearer {TOKEN}") == 501
        assert ask(door.port, Authorization=f"Bearer {TOKEN}", Content_Length="-1") == 200
        assert len(rung) == 3
    finally:
        door.close()
    with pytest.raises(OSError, match=r".*"):
        ask(0)


def test_many_who_say_nothing() -> None:
    """Connections without a request take no more than their number, and the door opens again when they go."""
    rung = threading.Event()
    door = Door("127.0.0.1", 0, TOKEN, rung.set)
    door.open()
    try:
        silent = [socket.create_connection(("127.0.0.1", door.port)) for _ in range(40)]
        for one in silent:
            one.close()
        eventually(lambda: _lets_in(door.port))
        assert rung.is_set()
    finally:
        door.close()


def _lets_in(port: int) -> bool:
    try:
        return ask(port, Authorization=f"Bearer {TOKEN}") == 200
    except OSError:
        return False


def test_a_server_that_never_notifies(server: FhirServerDouble, exchange: ReceiverDouble) -> None:
    """It takes the Subscriptions and does nothing: we go on looking, as without them."""
    server.faults.add("never notifies")
    with Running(made(server), exchange) as listener:
        eventually(lambda: len(subscriptions(server)) == 2)
        server.put(task("one"))
        eventually(lambda: names(exchange) == ["one"])
        assert not listener.is_told


def test_a_server_that_stops_to_notify(server: FhirServerDouble, exchange: ReceiverDouble) -> None:
    """What it does not tell is found by the slow looks, and from then on it is looked at as before."""
    with Running(made(server, hook_seconds=0.3), exchange) as listener:
        trusted(server, exchange, listener)
        server.faults.add("never notifies")
        server.put(task("missed"))
        eventually(lambda: "missed" in names(exchange))
        eventually(lambda: not listener.is_told)
        server.put(task("next"))
        eventually(lambda: "next" in names(exchange))
    assert names(exchange) == ["first", "missed", "next"]


def test_deleted_there(server: FhirServerDouble, exchange: ReceiverDouble) -> None:
    """A Subscription that somebody takes out on the server is made again, and nothing is missed."""
    with Running(made(server, hook_seconds=0.3), exchange) as listener:
        trusted(server, exchange, listener)
        for name in [name for name in server.versions if name.startswith("Subscription/")]:
            del server.versions[name]
        server.put(task("meanwhile"))
        eventually(lambda: "meanwhile" in names(exchange))
        eventually(lambda: len(subscriptions(server)) == 2)
        server.put(task("after"))
        eventually(lambda: listener.is_told)
        eventually(lambda: "after" in names(exchange))
    assert names(exchange) == ["first", "meanwhile", "after"]


def test_after_a_restart_there_are_no_more(server: FhirServerDouble, exchange: ReceiverDouble) -> None:
    """Ours are found by their address, and get the token of today; one that is in error is at work again."""
    port = free_ports(1)[0]
    hook = {"hook": f"http://127.0.0.1:{port}/hook", "hook_port": port}
    with Running(made(server, **hook), exchange) as listener:
        trusted(server, exchange, listener)
    for one in server.of_type("Subscription"):
        server.put({**one, "status": "error"})
    with Running(made(server, **hook, hook_token="another-token-of-ours"), exchange) as listener:
        eventually(lambda: {one["status"] for one in server.of_type("Subscription")} == {"active"})
        server.put(task("second"))
        eventually(lambda: "second" in names(exchange))
        eventually(lambda: listener.is_told)
    assert len(subscriptions(server)) == 2
    assert {one["channel"]["header"][0] for one in server.of_type("Subscription")} == {
        "Authorization: Bearer another-token-of-ours"
    }


def test_a_server_without_subscriptions(server: FhirServerDouble, exchange: ReceiverDouble) -> None:
    """None are made, and we look as without a door."""
    server.hooks = False
    with Running(made(server), exchange) as listener:
        server.put(task("one"))
        eventually(lambda: names(exchange) == ["one"])
        assert not listener.is_told
    assert not [one for one in server.asked if "Subscription" in one]


def test_a_wrong_token_wakes_nobody(server: FhirServerDouble, exchange: ReceiverDouble) -> None:
    """With a token that is not ours nothing is looked at."""
    with Running(made(server), exchange) as listener:
        trusted(server, exchange, listener)
        port = listener._bell.port
        eventually(lambda: not listener._bell._rung.is_set())
        before = looks(server)
        assert ask(port, Authorization="Bearer somebody-elses-token") == 401
        assert not listener._bell._rung.is_set()
        assert looks(server) == before


def test_a_door_that_is_taken(server: FhirServerDouble, exchange: ReceiverDouble) -> None:
    """The listener does not start, and says so."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        listener = made(server, hook=f"http://127.0.0.1:{port}/", hook_port=port)
        with pytest.raises(OSError, match="in use"):
            listener.start(exchange)
        listener.stop()


@pytest.mark.parametrize(
    ("options", "place"),
    [
        ({"hook": "http://us.example/hook"}, "hook"),
        ({"hook": "nonsense"}, "hook"),
        ({"hook_token": None}, "hook_token"),
        ({"hook_token": "short"}, "hook_token"),
        ({"hook_token": "æ" * 20}, "hook_token"),
        ({"hook_port": 70_000}, "hook_port"),
        ({"hook_seconds": 0}, "hook_seconds"),
    ],
)
def test_options_that_cannot_be_used(server: FhirServerDouble, options: dict[str, Any], place: str) -> None:
    """Refused before anything is opened, at the option."""
    with pytest.raises(InvalidInput) as caught:
        made(server, **options)
    assert caught.value.problems[0].path == place
