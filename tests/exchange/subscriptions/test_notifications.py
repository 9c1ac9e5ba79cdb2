"""Clients are told of what they may read: after the commit, in order, and of what was missed when they are back."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from ip_fhir.domain.effects import Reason
from ip_fhir.domain.loop.worklist import NOTIFIED_AGAIN, SUBSCRIPTION_ENDED, WorklistItem
from ip_fhir.errors import Unavailable
from ip_fhir.exchange import Exchange, Worker
from ip_fhir.exchange.subscriptions.endpoints import Endpoints
from ip_fhir.exchange.subscriptions.notifier import Notifier
from ip_fhir.ports.http import HttpRequest
from ip_fhir.settings import WorkerSettings
from ip_fhir.store.subscriptions.store import SqlSubscriptions
from ip_fhir.wire.http import Http
from tests.exchange.subscriptions.conftest import ATTEMPTS
from tests.support.hook import LOOPBACK, Hook, database_of, hook, subscribed, wanted
from tests.support.rest_caller import Caller
from tests.support.served import eventually
from tests.support.town import Post, hand_in, opening, organization, peer, side
from tests.support.two_sides import Loop, form, make_loop, notice

HOSPITALS = {"one": "90000101", "two": "90000102"}
FHIR = "application/fhir+json"


def subscribe(caller: Caller, url: str, criteria: str = "Task?", **channel: Any) -> str:
    """The id of a new subscription."""
    answer = caller.post("Subscription", wanted(url, criteria, **channel))
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def send(loop: Loop, *names: str) -> None:
    """Notices of the hospital, taken in by the municipality."""
    for name in names:
        loop.hospital.exchange.send_notice(notice(name))
    loop.settle()


def send_only(loop: Loop, *names: str) -> None:
    """The same, but the municipality does nothing that is due."""
    for name in names:
        loop.hospital.exchange.send_notice(notice(name))
    loop.hospital.exchange.run_due()


def items(loop: Loop) -> list[WorklistItem]:
    """The open items of the municipality about subscriptions."""
    return [one for one in loop.municipality.exchange.worklist() if one.reason is Reason.NOT_NOTIFIED]


def stored(loop: Loop, id_: str) -> Any:
    """A subscription in the municipality's store."""
    return loop.municipality.exchange.store.subscription(id_)  # type: ignore[attr-defined]


def test_one_empty_notification_for_all_that_changed(loop: Loop, caller: Caller, receiver: Hook) -> None:
    """A POST without words for what came together; and nothing more until something changes again."""
    subscribe(caller, receiver.url, header=["Authorization: Bearer theirs"])
    send(loop, "01", "02", "03")
    first = len(receiver.came)
    assert 1 <= first <= 3
    assert set(receiver.came) == {("POST", "/hook", "Bearer theirs", None)}
    loop.settle()
    assert len(receiver.came) == first
    loop.municipality.exchange.answer(form("03-stroke-patient-1"))
    loop.settle()
    assert len(receiver.came) == first + 1


def test_nothing_from_before(loop: Loop, caller: Caller, receiver: Hook) -> None:
    """What was there when it was made is not told."""
    send(loop, "01")
    subscribe(caller, receiver.url)
    loop.settle()
    assert receiver.came == []


def test_the_resource_goes_along(loop: Loop, caller: Caller, receiver: Hook) -> None:
    """With a payload each Task is put to its own address, as the client reads it, and the reading is recorded."""
    subscribe(caller, receiver.url, payload=FHIR)
    send(loop, "01", "03")
    tasks = {one["resource"]["id"]: one["resource"] for one in caller.found("Task")["entry"]}
    assert {(one.method, one.path) for one in receiver.came} == {("PUT", f"/hook/Task/{id_}") for id_ in tasks}
    latest = {one.resource["id"]: one.resource for one in receiver.came if one.resource is not None}
    assert latest == tasks
    readings = loop.municipality.exchange.store.readings()  # type: ignore[attr-defined]
    assert {(one.party, one.type, one.id) for one in readings} >= {("hospital", "Task", id_) for id_ in tasks}


def test_only_what_matches(loop: Loop, caller: Caller, receiver: Hook) -> None:
    """Of several changes, those that its criteria find: by status, by id, by an organisation."""
    with hook() as other, hook() as third:
        subscribe(caller, receiver.url, "Task?status=completed,rejected", payload=FHIR)
        send(loop, "01", "03")
        assert receiver.came == []
        id_ = next(one["resource"]["id"] for one in caller.found("Task")["entry"] if "03" in one["resource"]["id"])
        subscribe(caller, other.url, f"Task?_id={id_}", payload=FHIR)
        subscribe(caller, third.url, "Task?owner:identifier=none", payload=FHIR)
        loop.municipality.exchange.answer(form("03-stroke-patient-1"))
        loop.municipality.exchange.answer(form("01-child"))
        loop.settle()
        assert {one for one, _ in other.resources()} == {id_}
        assert third.came == []


def test_a_party_is_told_of_its_own_only(tmp_path: Path, receiver: Hook) -> None:
    """What concerns another party is not told, not even that something happened."""
    post = Post()
    parties = [peer(name, post, organization(name, her_id=number)) for name, number in HOSPITALS.items()]
    closed = side(tmp_path, parties)
    exchange = Exchange(replace(closed._context, endpoints=LOOPBACK))
    with hook() as other:
        subscribed(exchange, receiver.url, "one")
        subscribed(exchange, other.url, "two", "t")
        sender = organization("two", her_id=HOSPITALS["two"])
        assert hand_in(exchange, opening(sender), "token-of-two").code == "ok"
        exchange.run_due()
        assert (receiver.methods, other.methods) == ([], ["POST"])
    store: Any = exchange.store
    assert store.due_subscriptions(exchange.now(), 5) == []
    exchange.close()


def test_down_for_a_while(loop: Loop, caller: Caller, receiver: Hook) -> None:
    """While the receiver does not answer nothing is lost: when it does, one notification tells all that was missed."""
    id_ = subscribe(caller, receiver.url)
    receiver.status = 503
    send(loop, "01")
    assert len(receiver.came) == 1
    kept = stored(loop, id_)
    assert (kept.failures, kept.subscription.status) == (1, "active")
    assert "HTTP 503" in caller.get(f"Subscription/{id_}").json()["error"]
    send(loop, "02", "03")
    assert len(receiver.came) == 1, "it is tried again later, and not for each change"
    receiver.status = 200
    receiver.came.clear()
    loop.clock.forward(minutes=5)
    loop.municipality.exchange.run_due()
    assert receiver.methods == ["POST"]
    read_back = caller.get(f"Subscription/{id_}").json()
    assert "error" not in read_back
    assert stored(loop, id_).failures == 0


def test_given_up_and_begun_again(loop: Loop, caller: Caller, receiver: Hook) -> None:
    """After the last attempt its status is error, with the reason; set to active, what was missed is told once."""
    id_ = subscribe(caller, receiver.url, payload=FHIR)
    receiver.status = 500
    send(loop, "01")
    for _ in range(ATTEMPTS + 2):
        loop.clock.forward(hours=1)
        loop.municipality.exchange.run_due()
    found = caller.get(f"Subscription/{id_}").json()
    assert found["status"] == "error"
    assert found["error"] == f"127.0.0.1:{receiver.port}: HTTP 500"
    assert len(receiver.came) == ATTEMPTS
    (item,) = items(loop)
    assert (item.text, item.aggregate.id) == (f"hospital: {found['error']}", id_)
    assert Reason.NOT_NOTIFIED in {row.effect.reason for row in loop.municipality.told}
    receiver.status, receiver.came[:] = 200, []
    send(loop, "03")
    assert receiver.came == []
    assert items(loop) == [item]
    assert caller.put(f"Subscription/{id_}", {**found, "status": "active"}).status_code == 200
    assert items(loop) == []
    assert loop.municipality.exchange.work_item(item.id).note == NOTIFIED_AGAIN
    loop.settle()
    tasks = {one["resource"]["id"] for one in caller.found("Task")["entry"]}
    assert sorted(one for one, _ in receiver.resources()) == sorted(tasks)


def test_gone_is_gone(loop: Loop, caller: Caller, receiver: Hook) -> None:
    """410 ends it at once, and a redirect is not followed."""
    id_ = subscribe(caller, receiver.url)
    receiver.status = 410
    send(loop, "01")
    assert caller.get(f"Subscription/{id_}").json()["status"] == "error"
    (item,) = items(loop)
    caller.ask("DELETE", f"Subscription/{id_}")
    assert loop.municipality.exchange.work_item(item.id).note == SUBSCRIPTION_ENDED
    with hook() as elsewhere:
        other = subscribe(caller, receiver.url)
        receiver.status, receiver.also = 307, {"Location": elsewhere.url}
        send(loop, "02")
        assert elsewhere.came == []
        assert stored(loop, other).failures == 1


def test_told_and_cut_off_before_it_was_given_up(
    loop: Loop, caller: Caller, receiver: Hook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Our people are told first: after a crash in between it is tried again, and the item closes when it goes well."""
    subscribe(caller, receiver.url)
    receiver.status = 500
    send(loop, "01")
    with database_of(loop.municipality).writing() as connection:
        connection.exec_driver_sql("UPDATE subscription SET failures = ?", (ATTEMPTS - 1,))
    with monkeypatch.context() as crash:
        crash.setattr(SqlSubscriptions, "fail_subscription", lambda *_: 1 / 0)
        loop.clock.forward(hours=1)
        loop.municipality.exchange.run_due()
    assert len(items(loop)) == 1
    receiver.status = 200
    loop.clock.forward(hours=1)
    loop.municipality.exchange.run_due()
    assert items(loop) == []


def test_switched_off(loop: Loop, caller: Caller, receiver: Hook) -> None:
    """Off, nothing is told; on again, what was missed is; taken out or ended, nothing is told any more."""
    id_ = subscribe(caller, receiver.url)
    found = caller.get(f"Subscription/{id_}").json()
    off = caller.put(f"Subscription/{id_}", {**found, "status": "off"}).json()
    send(loop, "01")
    assert receiver.came == []
    on = {**off, "status": "active", "end": (loop.clock.at + timedelta(days=1)).isoformat()}
    assert caller.put(f"Subscription/{id_}", on).status_code == 200
    loop.settle()
    assert receiver.methods == ["POST"]
    loop.clock.forward(days=2)
    send(loop, "02")
    assert receiver.methods == ["POST"]
    assert stored(loop, id_).subscription.status == "off"
    caller.ask("DELETE", f"Subscription/{id_}")
    send(loop, "03")
    assert receiver.methods == ["POST"]


def test_a_client_that_settings_forget(loop: Loop, caller: Caller, receiver: Hook) -> None:
    """Of a party that is no longer in the settings nothing is told, and its subscription is off."""
    id_ = subscribe(caller, receiver.url)
    with database_of(loop.municipality).writing() as connection:
        connection.exec_driver_sql("UPDATE subscription SET client = 'forgotten'")
    send(loop, "01")
    assert receiver.came == []
    assert stored(loop, id_).subscription.status == "off"


def test_one_that_hangs_holds_up_nobody(tmp_path: Path, receiver: Hook) -> None:
    """While one server does not answer, the worker tells the others, sends and handles timers."""
    loop = make_loop(tmp_path, endpoints=LOOPBACK, settings=WorkerSettings(rest=0.05))
    exchange = loop.municipality.exchange
    worker = Worker(exchange, 0.05)
    with hook() as hanging:
        hanging.held.set()
        subscribed(exchange, hanging.url, "hospital", "s1")
        subscribed(exchange, receiver.url, "hospital", "s2")
        worker.start()
        try:
            loop.hospital.exchange.send_notice(notice("01"))
            loop.hospital.exchange.run_due()
            eventually(lambda: bool(receiver.came and hanging.came))
            told = len(receiver.came)
            exchange.answer(form("01-child"))
            eventually(lambda: len(receiver.came) > told)
            assert len(hanging.came) == 1
            assert not worker.stuck
        finally:
            hanging.released.set()
            worker.stop(5)
    exchange.close()
    loop.hospital.exchange.close()


def test_several_workers_tell_once(loop: Loop, caller: Caller, receiver: Hook) -> None:
    """However many look at the same time, one tells."""
    subscribe(caller, receiver.url)
    wire = loop.municipality.exchange
    loop.hospital.exchange.send_notice(notice("01"))
    loop.hospital.exchange.run_due()
    notifiers = [Notifier(wire._context, lambda: None) for _ in range(4)]
    threads = [threading.Thread(target=one.run, args=(loop.clock.at, lambda: True)) for one in notifiers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert receiver.methods == ["POST"]


def test_a_flood_of_changes(loop: Loop, caller: Caller, receiver: Hook) -> None:
    """While the receiver takes its time, what changes meanwhile is told by one more notification."""
    subscribe(caller, receiver.url)
    exchange = loop.municipality.exchange
    receiver.held.set()
    loop.hospital.exchange.send_notice(notice("01"))
    loop.hospital.exchange.run_due()
    assert exchange.run_subscriptions(lambda: True).notified == 0
    eventually(lambda: len(receiver.came) == 1)
    send_only(loop, "02", "03", "04")
    assert exchange.run_subscriptions(lambda: True).notified == 0
    assert len(receiver.came) == 1
    receiver.held.clear()
    receiver.released.set()
    eventually(lambda: exchange.run_subscriptions(lambda: True).anything or len(receiver.came) == 2)
    eventually(lambda: len(receiver.came) == 2)
    exchange.run_subscriptions(lambda: True)
    assert receiver.methods == ["POST", "POST"]


def test_after_a_restart(loop: Loop, caller: Caller, receiver: Hook, tmp_path: Path) -> None:
    """A worker that died in the middle: when its lease is over, another one tells what was missed."""
    id_ = subscribe(caller, receiver.url)
    exchange = loop.municipality.exchange
    loop.hospital.exchange.send_notice(notice("01"))
    loop.hospital.exchange.run_due()
    store: Any = exchange.store
    (kept,) = store.due_subscriptions(loop.clock.at, 5)
    assert store.claim_subscription(kept, loop.clock.at, loop.clock.at + timedelta(minutes=2)) is not None
    exchange.run_due()
    assert receiver.came == []
    loop.clock.forward(minutes=3)
    exchange.run_due()
    assert receiver.methods == ["POST"]
    assert stored(loop, id_).place > kept.place


def test_an_inner_address_behind_a_name() -> None:
    """A name that leads to an address which settings do not allow is not connected to; where they do, it is."""
    with hook() as receiver:
        url = f"http://localhost:{receiver.port}/hook"
        with pytest.raises(Unavailable, match="no connection"):
            Http(Endpoints().admits).perform(HttpRequest("POST", url), timeout=5)
        assert receiver.came == []
        assert Http(LOOPBACK.admits).perform(HttpRequest("POST", url), timeout=5).status == 200


def test_no_statement_more_without_subscriptions(loop: Loop) -> None:
    """Where nobody has subscribed, what takes a notice in runs no statement that names the table."""
    run: list[str] = []
    engine = database_of(loop.municipality).engine
    engine.dispose()
    event.listen(engine, "connect", lambda connection, _record: connection.set_trace_callback(run.append))
    loop.hospital.exchange.send_notice(notice("01"))
    loop.hospital.exchange.run_due()
    assert len(run) > 10
    assert not [one for one in run if "subscription" in one]


def test_without_subscribers_no_http_client_is_loaded() -> None:
    """A side to which nobody subscribes, and whose wires need none, does not pay for it at the start."""
    code = "import sys, ip_fhir.bootstrap, ip_fhir.exchange.exchange; print('requests' in sys.modules)"
    found = subprocess.run([sys.executable, "-Ic", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "False"
