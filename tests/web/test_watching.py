"""Who watches the process: alive, ready, and figures in Prometheus' format - for those who may, and about nobody."""

from __future__ import annotations

import threading
import time

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from ip_fhir.errors import InvalidInput, StoreError
from ip_fhir.exchange import Worker
from ip_fhir.mapping import from_fhir_json, to_fhir_json
from ip_fhir.settings import WorkerSettings
from ip_fhir.testing import only_loops
from ip_fhir.web.app import create_app
from ip_fhir.web.metrics import Metrics
from tests.mapping.examples import example
from tests.support.people import numbered_notice
from tests.support.two_sides import TOKENS, Loop, form, notice

NEAR = ("127.0.0.1", 50_000)
FAR = ("192.0.2.7", 50_000)
TOKEN = "a-token-for-the-metrics"


@pytest.fixture
def loop(loop: Loop) -> Loop:
    """Both sides; one loop that has ended, one that is overdue, one on its way."""
    loop.hospital.exchange.send_notice(notice("01"))
    loop.hospital.exchange.send_notice(notice("03"))
    loop.settle()
    loop.municipality.exchange.answer(form("01"))
    loop.clock.forward(days=24)
    loop.settle()
    loop.hospital.exchange.send_notice(notice("02"))
    return loop


def client(loop: Loop, client: tuple[str, int] = NEAR, token: str | None = None) -> TestClient:
    """The hospital's endpoint, seen from there."""
    app = create_app(loop.hospital.exchange, metrics_token=token)
    return TestClient(app, client=client, raise_server_exceptions=False)


def figures(text: str) -> dict[str, float]:
    """Every sample by its name and labels, read by Prometheus' own parser."""
    return {
        f"{s.name}{sorted(s.labels.values())}" if s.labels else s.name: s.value
        for family in text_string_to_metric_families(text)
        for s in family.samples
    }


def test_what_is_counted(loop: Loop) -> None:
    """Loops by state, overdue, the longest wait, the outbox by status, attempts, messages by kind and outcome."""
    found = figures(client(loop).get("/metrics").text)
    assert found["ip_fhir_loops['confirmed']"] == 1
    assert found["ip_fhir_loops['delivered']"] == 1
    assert found["ip_fhir_loops['sent']"] == 1
    assert found["ip_fhir_loops['rejected']"] == 0
    assert found["ip_fhir_loops_overdue"] == 1
    assert found["ip_fhir_oldest_unanswered_seconds"] == 24 * 86_400
    assert found["ip_fhir_outbox_rows['waiting']"] == 1
    assert found["ip_fhir_outbox_rows['parked']"] == 0
    assert found["ip_fhir_outbox_rows['awaiting']"] == 0
    assert found["ip_fhir_worklist_open"] == len(loop.hospital.exchange.worklist()) == 2
    assert found["ip_fhir_outbox_most_attempts"] == 0
    assert found["ip_fhir_refused_messages"] == 0
    assert found["ip_fhir_messages_total['notice', 'out', 'sent']"] == 2
    assert {"ip_fhir_reads_total['fast']", "ip_fhir_reads_total['lenses']"} <= found.keys()
    assert found["ip_fhir_messages_total['green-form', 'in', 'ok']"] == 1


def test_without_a_worklist_none_is_counted(loop: Loop) -> None:
    """A figure that would always be 0 would look like nothing to do."""
    context = loop.hospital.exchange._context
    object.__setattr__(context, "store", only_loops(context.store))
    text = client(loop).get("/metrics").text
    assert "ip_fhir_worklist" not in text
    assert "ip_fhir_outbox_rows" in text


def test_how_plans_were_read_is_counted(loop: Loop) -> None:
    """Fast or by the lenses: a plan as we write it, and one that the fast reader leaves to the lenses."""
    before = figures(client(loop).get("/metrics").text)
    content = to_fhir_json(example(1))
    assert from_fhir_json(content) == example(1)
    with pytest.raises(InvalidInput):
        from_fhir_json(content.replace(b"CarePlan", b"CarePlans"))
    after = figures(client(loop).get("/metrics").text)
    assert {way: after[way] - before[way] for way in after if way.startswith("ip_fhir_reads")} == {
        "ip_fhir_reads_total['fast']": 1,
        "ip_fhir_reads_total['lenses']": 1,
    }


def test_attempts_and_refusals_are_counted(loop: Loop) -> None:
    """A row tried in vain, a message that cannot be read, one that came twice."""
    loop.hospital.wire.break_with = TimeoutError()
    loop.hospital.exchange.run_due()
    peer = loop.hospital.exchange.peer_by_token(TOKENS["municipality"])
    assert peer is not None
    again = loop.municipality.wire.sent[-1]
    assert loop.hospital.exchange.receive(again, peer)
    with pytest.raises(ValueError, match="JSON"):
        loop.hospital.exchange.receive(b"Kari", peer)
    found = figures(client(loop).get("/metrics").text)
    assert found["ip_fhir_outbox_most_attempts"] == 1
    assert found["ip_fhir_refused_messages"] == 1
    assert found["ip_fhir_messages_total['again', 'notice', 'out']"] == 1
    assert found["ip_fhir_messages_total['in', 'not-taken', 'unreadable']"] == 1
    assert found["ip_fhir_messages_total['green-form', 'in', 'repeated']"] == 1


def test_nobody_is_named(loop: Loop) -> None:
    """Neither a person nor a referral."""
    text = client(loop).get("/metrics").text
    for secret in ("referral-0", "notice-0", *(notice(n).owner.name.family for n in ("01", "02", "03"))):
        assert secret not in text


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded", "Via", "X-Real-IP"])
def test_behind_a_proxy_nobody_is_near(loop: Loop, header: str) -> None:
    """A proxy on this machine would make everybody near: with any of its headers, nobody is."""
    assert client(loop).get("/metrics").status_code == 200
    assert client(loop).get("/metrics", headers={header: "127.0.0.1"}).status_code == 403


def test_from_elsewhere_only_with_the_token(loop: Loop) -> None:
    """Without a setting nobody from elsewhere; with one, whoever shows it, and nobody else, near or far."""
    assert client(loop, FAR).get("/metrics").status_code == 403
    for place in (NEAR, FAR):
        made = client(loop, place, TOKEN)
        assert made.get("/metrics").status_code == 401
        peers = {"Authorization": f"Bearer {TOKENS['municipality']}"}
        assert made.get("/metrics", headers=peers).status_code == 401
        assert made.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"}).status_code == 200


def test_counting_is_not_done_for_everybody_who_asks(loop: Loop) -> None:
    """The store is counted once in a while; what costs nothing is as it is now."""
    metrics = Metrics(loop.hospital.exchange, every=60)
    before = figures(metrics.text().decode())
    loop.hospital.exchange.run_due()
    after = figures(metrics.text().decode())
    assert before["ip_fhir_outbox_rows['waiting']"] == after["ip_fhir_outbox_rows['waiting']"] == 1
    assert after["ip_fhir_messages_total['notice', 'out', 'sent']"] == 3
    assert figures(Metrics(loop.hospital.exchange).text().decode())["ip_fhir_outbox_rows['waiting']"] == 0


def test_a_silent_peer_is_seen(loop: Loop) -> None:
    """Its circuit, how often it was silent, when it is asked again, and what is under way; nothing of a healthy one."""
    loop.hospital.exchange.run_due()
    before = figures(client(loop).get("/metrics").text)
    assert before["ip_fhir_peer_circuit['municipality']"] == before["ip_fhir_peer_silences['municipality']"] == 0
    loop.hospital.wire.break_with = TimeoutError()
    for number in range(4):
        loop.hospital.exchange.send_notice(numbered_notice(number))
    loop.hospital.exchange.run_due()
    found = figures(client(loop).get("/metrics").text)
    assert found["ip_fhir_peer_circuit['municipality']"] == 1
    assert found["ip_fhir_peer_silences['municipality']"] == 3
    assert 29 < found["ip_fhir_peer_next_try_seconds['municipality']"] < 31
    assert found["ip_fhir_peer_sending['municipality']"] == 0


# --- alive and ready


def test_a_worker_that_died_is_seen(loop: Loop) -> None:
    """Alive while the worker is; the figures say so too."""
    worker = Worker(loop.hospital.exchange, rest=0.01)
    app = create_app(loop.hospital.exchange, worker)
    with TestClient(app, client=NEAR) as made:
        assert made.get("/health/live").status_code == 200
        assert figures(made.get("/metrics").text)["ip_fhir_worker_running"] == 1
        assert figures(made.get("/metrics").text)["ip_fhir_worker_seconds_since_pass"] < 60
        worker.stop()
        assert made.get("/health/live").status_code == 503
        assert figures(made.get("/metrics").text)["ip_fhir_worker_running"] == 0


def test_a_stuck_worker_is_seen(loop: Loop) -> None:
    """A worker that lives and makes no step is neither alive nor ready: a restart would help."""
    going_on = threading.Event()
    really = loop.hospital.store.claim

    def stuck(*what: object) -> object:
        going_on.wait(30)
        return really(*what)

    loop.hospital.store.claim = stuck  # type: ignore[attr-defined]
    object.__setattr__(loop.hospital.exchange._context, "settings", WorkerSettings(lease=0.5))
    worker = Worker(loop.hospital.exchange, rest=0.01)
    with TestClient(create_app(loop.hospital.exchange, worker), client=NEAR) as made:
        assert made.get("/health/live").status_code == 200
        end = time.monotonic() + 10
        while made.get("/health/live").status_code == 200 and time.monotonic() < end:
            time.sleep(0.01)
        for path in ("live", "ready"):
            answer = made.get(f"/health/{path}")
            assert (answer.status_code, answer.json()) == (503, {"status": "the worker is stuck"})
        going_on.set()


def test_alive_but_not_ready(loop: Loop) -> None:
    """Nothing can be written: restarting the process would not help, sending it requests would not either.

    It is tried at most once a second.
    """

    def gone(*_: object) -> None:
        raise StoreError("the store failed: OperationalError")

    made = client(loop)
    assert made.get("/health/ready").status_code == 200
    loop.hospital.exchange.store.try_write = gone  # type: ignore[attr-defined]
    assert made.get("/health/ready").status_code == 200
    time.sleep(1.05)
    assert made.get("/health/live").status_code == 200
    answer = made.get("/health/ready")
    assert (answer.status_code, answer.json()["issue"][0]["code"]) == (503, "transient")
    assert made.get("/health").json()["status"] == "not ready: the store failed: OperationalError"


def test_without_a_clock_it_is_not_ready(loop: Loop) -> None:
    """Nothing can be decided when nobody knows what time it is."""

    def none() -> None:
        raise StoreError("the clock file gives no time")

    loop.hospital.exchange._context.clock.now = none  # type: ignore[method-assign, assignment]
    assert client(loop).get("/health/ready").status_code == 503
