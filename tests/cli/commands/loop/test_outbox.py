"""`ip-fhir outbox`: what is parked is listed, sent again when a person says so, and what was not taken in is shown."""

import json
from pathlib import Path

import pytest

from ip_fhir.bootstrap import open_exchange
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange import Exchange
from ip_fhir.ports import Outgoing, Receipt
from ip_fhir.settings import read_settings
from tests.cli.conftest import Run, Sides
from tests.support.two_sides import notice

SUBCOMMANDS = (["list"], ["refusals"], ["retry", "x"], ["park", "x"])


@pytest.fixture
def row(sides: Sides) -> str:
    """The id of a notice that waits."""
    exchange = open_exchange(read_settings(sides.hospital))
    exchange.send_notice(notice("01"))
    (waiting,) = exchange.store.outbox("waiting")
    exchange.close()
    return waiting.id


def statuses(config: Path) -> dict[str, str]:
    """Every row and its status."""
    exchange = open_exchange(read_settings(config))
    found = {one.id: str(one.status) for one in exchange.store.outbox()}
    exchange.close()
    return found


def test_nothing_is_parked(run: Run, sides: Sides, row: str) -> None:
    """What waits is not what is parked."""
    assert run("outbox", "list", "--config", sides.hospital).text == "nothing parked\n"
    assert run("outbox", "list", "--config", sides.hospital, "--json").data == []


def test_park_list_retry(run: Run, sides: Sides, row: str) -> None:
    """A person parks a notice: it is listed with the reason, the loop is undelivered; retry makes it wait again."""
    parked = run("outbox", "park", row, "--config", sides.hospital, "--reason", "wrong unit", "--json")
    assert (parked.code, parked.data) == (0, {"id": row, "status": "parked"})
    (listed,) = run("outbox", "list", "--config", sides.hospital, "--json").data
    assert (listed["id"], listed["what"], listed["last_error"]) == (row, "notice", "parked: wrong unit")
    table = run("outbox", "list", "--config", sides.hospital).text
    assert row in table
    assert notice("01").owner.name.family not in table
    (loop,) = run("referrals", "list", "--config", sides.hospital, "--json").data
    assert loop["state"] == "undelivered"
    assert run("outbox", "retry", row, "--config", sides.hospital).code == 0
    assert statuses(sides.hospital)[row] == "waiting"


def test_a_silent_peer_is_shown(run: Run, sides: Sides, row: str) -> None:
    """To whom a message goes; and below, for a peer that was silent, how many wait, when it is asked again, and why."""
    before = run("outbox", "list", "--status", "waiting", "--config", sides.hospital)
    assert "municipality" in before.text
    assert "next attempt" not in before.text
    run("work", "--once", "--config", sides.hospital)  # nobody listens
    after = run("outbox", "list", "--status", "waiting", "--config", sides.hospital).text
    (line,) = [line for line in after.splitlines() if line.startswith("municipality: ")]
    assert line.startswith("municipality: 1 wait; next attempt 2026-01-12 09:0")
    assert line.endswith("no connection")
    (listed,) = run("outbox", "list", "--status", "waiting", "--config", sides.hospital, "--json").data
    assert listed["peer"] == "municipality"


def test_a_parked_row_is_not_sent_until_retried(run: Run, sides: Sides, row: str) -> None:
    """The worker leaves it alone."""
    run("outbox", "park", row, "--config", sides.hospital)
    ran = run("work", "--once", "--json", "--config", sides.hospital).data
    assert (ran["sent"], ran["again"]) == (0, 0)
    run("outbox", "retry", row, "--config", sides.hospital)
    ran = run("work", "--once", "--json", "--config", sides.hospital).data
    assert (ran["sent"], ran["again"]) == (0, 1)  # tried; nobody listens over there


@pytest.mark.parametrize("command", ["retry", "park"])
def test_a_row_that_is_not_there(run: Run, sides: Sides, command: str) -> None:
    """Exit code 2 and one line."""
    run("db", "upgrade", "--config", sides.hospital)
    ran = run("outbox", command, "nobody", "--config", sides.hospital)
    assert ran.code == 2
    assert "there is no such outbox row" in ran.err


def test_what_is_parked_cannot_be_parked(run: Run, sides: Sides, row: str) -> None:
    """Twice is once too often."""
    run("outbox", "park", row, "--config", sides.hospital)
    ran = run("outbox", "park", row, "--config", sides.hospital)
    assert ran.code == 2
    assert "it is parked, and does not wait" in ran.err


def test_list_by_status(run: Run, sides: Sides, row: str) -> None:
    """One status, all of them, or a word that is none."""
    (listed,) = run("outbox", "list", "--status", "waiting", "--config", sides.hospital, "--json").data
    assert listed["id"] == row
    assert len(run("outbox", "list", "--status", "all", "--config", sides.hospital, "--json").data) == 1
    assert run("outbox", "list", "--status", "lost", "--config", sides.hospital).code == 2


def test_refusals(run: Run, sides: Sides) -> None:
    """From whom, why, how often; none of the content."""
    run("db", "upgrade", "--config", sides.municipality)
    assert run("outbox", "refusals", "--config", sides.municipality).text == "every message was taken in\n"
    exchange = open_exchange(read_settings(sides.municipality))
    refuse_twice(exchange)
    exchange.close()
    (found,) = run("outbox", "refusals", "--config", sides.municipality, "--json").data
    assert (found["peer"], found["code"], found["times"], found["message_id"]) == ("hospital", "structure", 2, None)
    table = run("outbox", "refusals", "--config", sides.municipality).text
    assert "hospital" in table
    assert "Hemmelig" not in table + json.dumps(found)


def refuse_twice(exchange: Exchange) -> None:
    """A message that is none comes twice."""
    (peer,) = exchange._context.peers._peers
    for _ in range(2):
        with pytest.raises(InvalidInput):
            exchange.receive(b"Kari Hemmelig", peer)


def test_a_word_to_our_own_people_can_be_parked_too(sides: Sides) -> None:
    """It has no receipt, so the loop has nothing to learn: the row is parked, and retried like any other."""
    exchange = open_exchange(read_settings(sides.hospital))
    exchange.send_notice(notice("01"))
    (row,) = exchange.store.outbox("waiting")
    exchange.park(row.id, "wrong unit")
    (told,) = exchange.store.outbox("waiting")
    assert told.effect.kind == "tell"
    exchange.park(told.id, "later")
    assert exchange.store.outbox("waiting") == []
    exchange.retry(told.id)
    assert exchange.run_due().told == 1
    exchange.close()


def test_the_adapter_is_asked_after_a_retry(sides: Sides, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was parked goes out with the bytes of its first attempt."""
    exchange = open_exchange(read_settings(sides.hospital))
    exchange.send_notice(notice("01"))
    exchange.run_due()  # nobody listens: the bytes are kept
    (row,) = exchange.store.outbox("waiting")
    exchange.park(row.id, "first try")
    came: list[bytes] = []

    def send(outgoing: Outgoing) -> Receipt:
        came.append(outgoing.content)
        return Receipt(outgoing.message_id, "ok")

    (peer,) = exchange._context.peers._peers
    monkeypatch.setattr(peer.adapter, "send", send)
    exchange.retry(row.id)
    exchange.run_due()
    assert came == [row.content]
    stored = exchange.store.referral("referral-01")
    assert stored is not None
    assert stored.referral.state == "delivered"
    exchange.close()
