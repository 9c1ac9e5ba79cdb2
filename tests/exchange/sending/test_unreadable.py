"""One row that cannot be read, in a side at work: the rest goes on, people are told once, it is mended."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from ip_fhir.domain.effects import EffectKind, Reason
from ip_fhir.domain.referral import Author, EventKind
from ip_fhir.errors import StoreError
from ip_fhir.ports import Store
from ip_fhir.ports.capabilities import UnreadableStore, sets_aside
from ip_fhir.testing import only_loops
from tests.store.places import Place
from tests.support.two_sides import TOKENS, Loop, form, make_loop, notice

BAD = "referral-01"
OTHERS = ("03", "04")


@pytest.fixture
def place(loop: Loop, tmp_path: Path) -> Place:
    """The hospital's database."""
    (file,) = tmp_path.glob("*hospital*.sqlite")
    return Place(f"sqlite:///{file}?timeout=20")


def stored(loop: Loop) -> UnreadableStore:
    """The hospital's store."""
    store: Store = loop.hospital.exchange.store
    assert sets_aside(store)
    return store


def told(loop: Loop) -> list[tuple[str, str | None]]:
    """What the hospital's people were told of unreadable rows: loop, words."""
    return [
        (row.correlation_id, row.effect.text)
        for row in loop.hospital.told
        if row.effect.reason is Reason.UNREADABLE and row.effect.kind is EffectKind.TELL
    ]


def send_all(loop: Loop) -> None:
    """Three notices are to be sent; that of the loop in question comes first."""
    for name in ("01", *OTHERS):
        loop.hospital.exchange.send_notice(notice(name))


@pytest.mark.parametrize("effect", ["{}", "{", "[]", '{"id": "x", "kind": "never-heard-of"}'])
def test_a_message_that_cannot_be_read(loop: Loop, place: Place, effect: str) -> None:
    """The others go out, now and later; health says so; mended and taken up, it goes out, and nobody is told twice."""
    send_all(loop)
    ((kept,),) = place.sql("SELECT effect FROM outbox WHERE aggregate_id = :of", of=BAD)
    place.sql("UPDATE outbox SET effect = :effect WHERE aggregate_id = :of", effect=effect, of=BAD)
    for _ in range(3):
        loop.settle()
    assert [loop.state(loop.hospital, f"referral-{name}") for name in OTHERS] == ["delivered"] * 2
    ((of, words),) = told(loop)
    assert of == BAD
    assert words is not None
    assert words.startswith("outbox 1: a stored Effect cannot be read")
    health = loop.hospital.exchange.health()
    assert (health["status"], health["unreadable"], health["idle"]) == ("ok", 1, True)
    (item,) = [item for item in loop.hospital.exchange.worklist() if item.reason is Reason.UNREADABLE]
    assert item.aggregate.id == BAD
    place.sql(
        "UPDATE outbox SET effect = :effect WHERE aggregate_id = :of AND id != :told", effect=kept, of=BAD, told=item.id
    )
    stored(loop).take_up("outbox", "1")
    loop.settle()
    assert loop.state(loop.hospital, BAD) == "delivered"
    loop.hospital.exchange.done(item.id, by=Author(id="n-1", name="Nina"))
    assert len(told(loop)) == 1


def test_a_referral_that_cannot_be_read(loop: Loop, place: Place) -> None:
    """Its timer is set aside and does not come again and again; its messages wait; the others' timers are applied."""
    send_all(loop)
    loop.settle()
    ((kept,),) = place.sql("SELECT body FROM referral WHERE correlation_id = :of", of=BAD)
    place.sql("UPDATE referral SET body = '{}', next_due = 1 WHERE correlation_id = :of", of=BAD)
    loop.clock.forward(days=30)
    ran = loop.hospital.exchange.run_due()
    assert (ran.timers >= 2, ran.failed) == (True, 1)
    assert loop.hospital.exchange.run_due().failed == 0
    assert [of for of, _ in told(loop)] == [BAD]
    assert stored(loop).due_timers(loop.clock.at, 10) == []
    place.sql("UPDATE referral SET body = :body WHERE correlation_id = :of", body=kept, of=BAD)
    stored(loop).take_up("referral", BAD)
    assert loop.hospital.exchange.run_due().timers > 0
    assert stored(loop).unreadable() == []


def test_whoever_needs_that_referral_is_told_so(loop: Loop, place: Place, caplog: pytest.LogCaptureFixture) -> None:
    """Our own people: an error that names it. A peer: try again. A search: its resource. All others: as ever."""
    send_all(loop)
    loop.settle()
    loop.municipality.exchange.act(BAD, EventKind.ACCEPT)
    loop.municipality.exchange.answer(form("03-stroke-patient-1"))
    place.sql("UPDATE referral SET body = '{}' WHERE correlation_id = :of", of=BAD)
    with pytest.raises(StoreError, match=f"referral {BAD} cannot be read"):
        loop.hospital.exchange.act(BAD, EventKind.REMIND)
    with pytest.raises(StoreError, match=f"referral {BAD} cannot be read"):
        loop.hospital.exchange.send_notice(notice("01"))
    with caplog.at_level(logging.ERROR):
        loop.settle()
    assert loop.states("referral-03") == ("incomplete", "incomplete")
    (waiting,) = loop.municipality.exchange.store.outbox("waiting")
    assert (waiting.correlation_id, waiting.last_error) == (BAD, "HTTP 503")
    peer = loop.hospital.exchange.peer_by_token(TOKENS["municipality"])
    assert peer is not None
    found = loop.hospital.exchange.search_resources(peer, "Task", {}).found
    assert {resource.correlation_id for resource in found} == {BAD, "referral-03", "referral-04"}


def test_a_message_of_an_unreadable_referral_waits(loop: Loop, place: Place) -> None:
    """It is tried again later, the others go out at once, and nothing is lost once the referral is mended."""
    send_all(loop)
    ((kept,),) = place.sql("SELECT body FROM referral WHERE correlation_id = :of", of=BAD)
    place.sql("UPDATE referral SET body = '{}' WHERE correlation_id = :of", of=BAD)
    loop.settle()
    assert [loop.state(loop.hospital, f"referral-{name}") for name in OTHERS] == ["delivered"] * 2
    (waiting,) = loop.hospital.exchange.store.outbox("waiting")
    assert waiting.last_error is not None
    assert waiting.last_error.startswith(f"referral {BAD} cannot be read")
    place.sql("UPDATE referral SET body = :body WHERE correlation_id = :of", body=kept, of=BAD)
    stored(loop).take_up("referral", BAD)
    loop.clock.forward(hours=2)
    loop.settle()
    assert loop.state(loop.hospital, BAD) == "delivered"


def test_a_fault_of_ours_in_one_timer(loop: Loop, caplog: pytest.LogCaptureFixture) -> None:
    """An error that nobody foresaw stays with its referral: the others' timers are applied, and the log has it."""
    send_all(loop)
    loop.settle()
    loop.clock.forward(days=30)
    load = loop.hospital.store.begin

    class Faulty:
        def __init__(self, transaction: object) -> None:
            self._transaction = transaction

        def __getattr__(self, name: str) -> object:
            return getattr(self._transaction, name)

        def load(self, correlation_id: str) -> object:
            if correlation_id == BAD:
                raise KeyError(correlation_id)
            return self._transaction.load(correlation_id)  # type: ignore[attr-defined]

    @contextmanager
    def begin() -> Iterator[Faulty]:
        with load() as transaction:
            yield Faulty(transaction)

    loop.hospital.store.begin = begin  # type: ignore[method-assign]
    ran = loop.hospital.exchange.run_due()
    assert ran.timers >= 2
    assert ran.failed == 1
    assert f"timer of referral {BAD}: unforeseen KeyError" in caplog.text


def test_a_store_that_sets_nothing_aside(tmp_path: Path) -> None:
    """Another's store without that capability: the bad referral is logged, the others' timers are applied."""
    loop = make_loop(tmp_path)
    try:
        send_all(loop)
        loop.settle()
        (file,) = tmp_path.glob("*hospital*.sqlite")
        Place(f"sqlite:///{file}").sql("UPDATE referral SET body = '{}' WHERE correlation_id = :of", of=BAD)
        loop.clock.forward(days=30)
        exchange = loop.hospital.exchange
        object.__setattr__(exchange._context, "store", only_loops(exchange.store))
        ran = exchange.run_due()
        assert (ran.timers >= 2, ran.failed) == (True, 1)
        assert exchange.health()["unreadable"] == 0
        exchange.check()
    finally:
        loop.hospital.exchange.close()
        loop.municipality.exchange.close()
