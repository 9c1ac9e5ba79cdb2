"""The endpoint for peers that speak FHIR messages in the manner of MedCom, and the adapter over real sockets."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
from starlette.testclient import TestClient

from ip_fhir.bootstrap import open_exchange
from ip_fhir.domain.referral import Role
from ip_fhir.testing.adapter_contract import Behaviour
from ip_fhir.web.app import create_app
from tests.adapters.peer_double import http_peer
from tests.support.by_adapter import LOOP, loop_by
from tests.support.medcom import chain, header, medcom_loop, wire_of, with_link
from tests.support.two_sides import TOKENS, Loop, Side, notice, side_settings

NEAR = ("127.0.0.1", 50_000)


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    """Two sides that speak in this manner."""
    made = medcom_loop(tmp_path)
    yield made
    made.hospital.exchange.close()
    made.municipality.exchange.close()


def post(side: Side, content: bytes, sender: str) -> tuple[int, bytes]:
    """Status and body of the answer of a side's endpoint to what a peer posts there."""
    headers = {"Authorization": f"Bearer {TOKENS[sender]}", "Content-Type": "application/fhir+json"}
    with TestClient(create_app(side.exchange), client=NEAR, raise_server_exceptions=False) as client:
        answer = client.post("/$process-message", content=content, headers=headers)
        assert answer.headers["content-type"].startswith("application/fhir+json")
        return answer.status_code, answer.content


def _unsent(loop: Loop) -> bytes:
    wire = wire_of(loop.hospital.wire)
    wire.break_with = TimeoutError()
    loop.hospital.exchange.send_notice(notice("01"))
    loop.hospital.exchange.run_due()
    wire.break_with = None
    return wire.sent[-1]


def test_every_message_is_acknowledged(loop: Loop) -> None:
    """Taken in, come again, or with a broken chain: 200, and the acknowledgement says what became of it."""
    content = _unsent(loop)
    broken = with_link(content, lambda link: link.pop("target"))
    answers = [post(loop.municipality, one, "hospital") for one in (broken, content, content)]
    assert [status for status, _ in answers] == [200, 200, 200]
    assert [header(body)["response"]["code"] for _, body in answers] == ["fatal-error", "ok", "ok"]
    assert len(loop.municipality.exchange.store.referrals()) == 1
    assert [len(chain(body)) for _, body in answers] == [1, 2, 2]


def test_what_is_no_message_is_an_error(loop: Loop) -> None:
    """Without an id there is nothing to acknowledge: an OperationOutcome, as for everybody."""
    bundle = orjson.loads(_unsent(loop))
    del bundle["entry"][0]["resource"]["id"]
    for content in (b"{}", b"Kari", orjson.dumps(bundle)):
        status, body = post(loop.municipality, content, "hospital")
        assert status in (400, 422)
        assert orjson.loads(body)["resourceType"] == "OperationOutcome"
    assert loop.municipality.exchange.store.referrals() == []


def test_an_acknowledgement_is_posted(loop: Loop) -> None:
    """It settles its message and is answered by an OperationOutcome; one of another message is an error."""
    wire = wire_of(loop.hospital.wire)
    wire.later = True
    loop.hospital.exchange.send_notice(notice("01"))
    loop.hospital.exchange.run_due()
    content = wire.acknowledged[0]
    other = orjson.loads(content)
    other["entry"][0]["resource"]["response"]["identifier"] = header(content)["id"]
    status, body = post(loop.hospital, orjson.dumps(other), "municipality")
    assert (status, orjson.loads(body)["resourceType"]) == (404, "OperationOutcome")
    assert len(loop.hospital.exchange.store.outbox("awaiting")) == 1
    status, body = post(loop.hospital, content, "municipality")
    assert (status, orjson.loads(body)["resourceType"]) == (200, "OperationOutcome")
    assert loop.state(loop.hospital, notice("01").correlation_id) == "delivered"


def test_a_loop_by_the_adapter(tmp_path: Path) -> None:
    """Two endpoints on real sockets whose settings name the adapter: a whole loop, each message with its chain."""
    with loop_by("fhirmessage", tmp_path) as sides:
        rows = [row for exchange in sides.values() for row in exchange.store.outbox("sent") if row.content]
        assert sorted(len(chain(row.content or b"")) for row in rows) == [*range(1, len(rows) + 1)]
        assert len(rows) >= 4
        for exchange in sides.values():
            stored = exchange.store.referral(LOOP)
            assert stored is not None
            assert stored.referral.state == "confirmed"
            assert exchange.store.refusals() == []


@pytest.mark.parametrize("behaviour", ["ok", "down"])
def test_an_acknowledgement_of_ours_is_posted(tmp_path: Path, behaviour: Behaviour) -> None:
    """To a peer that wants them so, each time its message comes; to one that was down by the process after this one."""
    sending = medcom_loop(tmp_path)
    sending.clock.at = datetime.now(UTC)
    content = _unsent(sending)
    with ExitStack() as stack:
        peer = stack.enter_context(http_peer())
        peer.behave(behaviour)
        directory = tmp_path / "receiver"
        directory.mkdir()

        def started() -> Side:
            said = {"adapter": "fhirmessage", "url": peer.url, "accepts": [TOKENS[Role.HOSPITAL]]}
            settings = side_settings(directory, Role.MUNICIPALITY, **said, options={"receipt": "later"})
            exchange = open_exchange(settings)
            stack.callback(exchange.close)
            return Side(exchange, sending.municipality.wire, sending.municipality.store)

        receiver = started()
        answers = []
        for _ in range(2):
            answers.append(post(receiver, content, "hospital"))
            receiver.exchange.run_due()
        assert [header(body)["response"]["code"] for _, body in answers] == ["ok", "ok"]
        assert peer.received == ([body for _, body in answers] if behaviour == "ok" else [])
        receiver.exchange.close()
        peer.behave("ok")
        receiver = started()
        receiver.exchange.run_due(datetime.now(UTC) + timedelta(hours=1))
        assert peer.received == [body for _, body in answers[: 2 if behaviour == "ok" else 1]]
        post(receiver, answers[0][1], "hospital")  # an acknowledgement is not acknowledged
        receiver.exchange.run_due(datetime.now(UTC) + timedelta(hours=2))
        assert len(peer.received) == (2 if behaviour == "ok" else 1)
    sending.hospital.exchange.close()
    sending.municipality.exchange.close()
