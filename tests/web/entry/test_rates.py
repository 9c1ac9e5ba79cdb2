"""The rate of a client's requests: bounded for each, before a body is read, and never for our own tools."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request
from starlette.testclient import TestClient

from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.peers import Carrier
from ip_fhir.settings import HttpSettings
from ip_fhir.settings.sections import RateSettings
from ip_fhir.web.app import create_app
from ip_fhir.web.entry.rates import Rates
from ip_fhir.web.metrics import Metrics
from ip_fhir.web.protection import Protection
from ip_fhir.web.requests import BadRequest
from tests.support.rest_caller import Caller, refused
from tests.support.two_sides import TOKENS, Loop

ONE, TWO = Carrier("one", ("a",)), Carrier("two", ("b",))


@dataclass
class Clock:
    """A time that the test sets."""

    at: float = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.at


def asked(host: str = "192.0.2.7", **headers: str) -> Request:
    """A request from there."""
    given = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": given, "client": (host, 50_000)})


def wait(rates: Rates, peer: Carrier = ONE, request: Request | None = None) -> int | None:
    """The seconds that a client has to wait; 0 if it is let in."""
    try:
        rates.admit(request or asked(), peer)
    except BadRequest as error:
        return error.retry_after if (error.status, error.counted) == (429, "rate") else None
    return 0


def test_a_burst_and_then_so_many_a_second() -> None:
    """After a pause all of the burst is let in; then as many a second as settings say, and the wait is told."""
    clock = Clock()
    rates = Rates(RateSettings(per_second=2, burst=5), clock)
    assert [wait(rates) for _ in range(7)] == [0] * 5 + [1, 1]
    clock.at += 1
    assert [wait(rates) for _ in range(3)] == [0, 0, 1]
    clock.at += 3600
    assert [wait(rates) for _ in range(6)] == [0] * 5 + [1]


def test_less_than_one_a_second() -> None:
    """The wait is as long as it takes, and whoever waits so long is let in."""
    clock = Clock()
    rates = Rates(RateSettings(per_second=0.1, burst=1), clock)
    assert [wait(rates), wait(rates)] == [0, 10]
    clock.at += 10
    assert wait(rates) == 0


def test_each_client_for_itself() -> None:
    """One that asks too often holds up no other party, and no other client of the same party."""
    rates = Rates(RateSettings(per_second=1, burst=1), Clock())
    assert [wait(rates), wait(rates)] == [0, 1]
    assert wait(rates, TWO) == 0
    assert wait(rates, Carrier("one", ("a",), client="its-other-system")) == 0
    assert len(rates._buckets) == 3


def test_a_batch_counts_for_its_entries() -> None:
    """It is answered, and what follows has to wait; but never longer than a minute."""
    clock = Clock()
    rates = Rates(RateSettings(per_second=10, burst=10), clock)
    assert wait(rates) == 0
    rates.charge(asked(), ONE, 100)
    assert wait(rates) == 10
    for _ in range(100):
        rates.charge(asked(), ONE, 100)
    assert wait(rates) == 61
    rates.charge(asked(), TWO, 1)
    assert [wait(rates, TWO) for _ in range(11)] == [0] * 10 + [1]


def test_our_own_tools_are_not_limited() -> None:
    """A program on this machine is not, unless it came through a proxy; nor is anybody where there is no limit."""
    rates = Rates(RateSettings(per_second=1, burst=1), Clock())
    for host in ("127.0.0.1", "::1"):
        assert {wait(rates, request=asked(host)) for _ in range(5)} == {0}
    through = asked("127.0.0.1", x_forwarded_for="192.0.2.9")
    assert [wait(rates, request=through) for _ in range(2)] == [0, 1]
    none = Rates(RateSettings(per_second=0, burst=1), Clock())
    assert {wait(none) for _ in range(5)} == {0}
    assert none._buckets == {}


@given(st.lists(st.floats(0, 5), min_size=1, max_size=50), st.floats(0.5, 20), st.integers(1, 20))
def test_never_more_than_burst_and_rate(pauses: list[float], per_second: float, burst: int) -> None:
    """Whatever the pauses, no more are let in than the burst and what the time gives."""
    clock = Clock()
    rates = Rates(RateSettings(per_second=per_second, burst=burst), clock)
    admitted = 0
    for pause in pauses:
        clock.at += pause
        admitted += wait(rates) == 0
    assert admitted <= burst + clock.at * per_second + 1e-6


@pytest.mark.parametrize("wrong", [{"per_second": -1}, {"burst": 0}, {"per_second": "many"}])
def test_settings_that_are_none(wrong: dict[str, object]) -> None:
    """They are refused with their place."""
    with pytest.raises(InvalidInput) as caught:
        RateSettings.model_validate(wrong)
    assert caught.value.problems[0].path == next(iter(wrong))


def test_at_the_endpoint(loop: Loop) -> None:
    """429 with Retry-After and an OperationOutcome, before the body is read; counted in the metrics."""
    exchange = loop.municipality.exchange
    http = HttpSettings(rate=RateSettings(per_second=0.01, burst=3))
    protection = Protection.of(http, exchange.limits)
    with TestClient(create_app(exchange, protection=protection)) as client:
        caller = Caller(client, TOKENS["hospital"], exchange.url)
        batch = {"resourceType": "Bundle", "type": "batch", "entry": []}
        assert caller.get("Task").status_code == 200
        assert caller.post("", batch).status_code == 200
        assert caller.get("Task").status_code == 200
        answer = caller.post("", {"resourceType": "Nonsense"})
        refused(answer, 429, "throttled")
        assert answer.headers["retry-after"] == "100"
        assert client.get("/metadata").status_code == 200
        figures = Metrics(exchange, protection=protection).text().decode()
        assert 'ip_fhir_refused_requests_total{reason="rate"} 1.0' in figures
