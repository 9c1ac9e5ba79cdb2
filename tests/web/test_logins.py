"""Guessing of tokens: seen, counted and slowed down, and nobody else is shut out by it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_network

import pytest
from starlette.requests import Request
from starlette.testclient import TestClient

from ip_fhir.logs import CountedLog
from ip_fhir.settings import HttpSettings
from ip_fhir.web.app import create_app
from ip_fhir.web.clients import Proxies, client_key
from ip_fhir.web.logins import Logins
from ip_fhir.web.protection import Protection
from ip_fhir.web.requests import BadRequest
from tests.support.two_sides import TOKENS, Loop

RIGHT = TOKENS["hospital"]
WRONG = "a-token-that-nobody-has"


def asked(token: str | None, host: str = "192.0.2.7", **headers: str) -> Request:
    """A request with that token from there."""
    given = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    if token is not None:
        given.append((b"authorization", f"Bearer {token}".encode()))
    return Request({"type": "http", "headers": given, "client": (host, 50_000)})


class Guesses:
    """Log-ins in a time that the test sets; `RIGHT` is the one token."""

    def __init__(self, *proxies: str) -> None:
        self.at = 0.0
        self.again: int | None = None
        self.logins = Logins(
            Proxies(ip_network(proxy) for proxy in proxies), CountedLog(logging.getLogger("tests")), lambda: self.at
        )

    def status(self, request: Request) -> int:
        """200 for one that is let in, else the status of the refusal."""
        try:
            return 200 if self.logins.check(request, lambda token: True if token == RIGHT else None) else 500
        except BadRequest as error:
            self.again = error.retry_after
            return error.status


def test_guessing_is_slowed_down() -> None:
    """Ten wrong tokens are only refused; after that one has to wait, twice as long after each, at most a minute."""
    guesses = Guesses()
    assert [guesses.status(asked(WRONG)) for _ in range(10)] == [401] * 10
    waits = []
    for _ in range(9):
        assert guesses.status(asked(WRONG)) == 429
        assert guesses.again is not None
        waits.append(guesses.again)
        guesses.at += guesses.again
        assert guesses.status(asked(WRONG)) == 401
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert guesses.logins.failed == 19


def test_while_one_waits_no_token_is_looked_at() -> None:
    """Else the answer would tell a right guess from a wrong one, as fast as one can ask."""
    guesses = Guesses()
    for _ in range(10):
        guesses.status(asked(WRONG))
    assert guesses.status(asked(RIGHT)) == 429
    guesses.at += 1
    assert guesses.status(asked(RIGHT)) == 200


def test_a_right_token_is_not_shut_out_by_another() -> None:
    """From another address never; from the same one not, if it was right from there before."""
    guesses = Guesses()
    assert guesses.status(asked(RIGHT)) == 200
    for _ in range(100):
        guesses.status(asked(WRONG))
    assert guesses.status(asked(WRONG)) == 429
    assert guesses.status(asked(RIGHT)) == 200
    assert guesses.status(asked(RIGHT, "192.0.2.8")) == 200


def test_behind_a_known_proxy_each_client_is_its_own() -> None:
    """Who guesses is slowed down by the address that our proxy saw, whatever they say themselves."""
    guesses = Guesses("127.0.0.1", "10.0.0.0/8")
    for number in range(11):
        seen = asked(WRONG, "127.0.0.1", x_forwarded_for=f"198.51.100.{number}, 192.0.2.7, 10.1.2.3")
        last = guesses.status(seen)
    assert last == 429
    assert guesses.status(asked(RIGHT, "127.0.0.1", x_forwarded_for="192.0.2.7")) == 429
    assert guesses.status(asked(RIGHT, "127.0.0.1", x_forwarded_for="192.0.2.8")) == 200


def test_nobody_else_is_believed_about_an_address() -> None:
    """Without the setting a header about the address changes nothing; that a proxy is not named is told."""
    guesses = Guesses()
    statuses = [guesses.status(asked(WRONG, x_forwarded_for=f"198.51.100.{number}")) for number in range(11)]
    assert statuses[-1] == 429
    assert guesses.logins._counted.counts()["unnamed-proxy"] == 11


def test_what_is_kept_of_addresses_has_an_end() -> None:
    """Whoever has very many addresses does not fill the memory; after a quarter of an hour one begins anew."""
    guesses = Guesses()
    for number in range(12_000):
        guesses.status(asked(WRONG, f"10.0.{number // 250}.{number % 250}"))
    assert len(guesses.logins._addresses) == 10_000
    for _ in range(15):
        guesses.status(asked(WRONG))
    guesses.at += 1_000
    assert [guesses.status(asked(WRONG)) for _ in range(10)] == [401] * 10


@pytest.mark.parametrize(
    ("host", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("testclient", "local"),
        (None, "local"),
    ],
)
def test_one_subscriber_is_one_client(host: str | None, key: str) -> None:
    """Of IPv6 the first half: who has one address has them all."""
    assert client_key(host) == key


def timeless(loop: Loop) -> Protection:
    """The protection of the default settings, where no wait ever ends."""
    protection = Protection.of(HttpSettings(), loop.municipality.exchange.limits)
    return replace(protection, logins=Logins(Proxies(), protection.told, lambda: 0.0))


@pytest.fixture
def client(loop: Loop) -> Callable[[str], TestClient]:
    """The municipality's endpoint as it is seen from an address."""
    exchange = loop.municipality.exchange
    app = create_app(exchange, protection=timeless(loop))
    return lambda host: TestClient(app, client=(host, 50_000), raise_server_exceptions=False)


def test_over_http(client: Callable[[str], TestClient], caplog: pytest.LogCaptureFixture) -> None:
    """429 with Retry-After and an OperationOutcome; in the figures; one line in the log, without the token."""
    far = client("192.0.2.7")
    wrong = {"Authorization": f"Bearer {WRONG}"}
    answers = [far.get("/Task", headers=wrong) for _ in range(30)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 20
    assert answers[-1].headers["retry-after"] == "1"
    assert answers[-1].json()["issue"][0]["code"] == "throttled"
    assert far.get("/Task").status_code == 401  # no token is no guess, and need not wait
    near = client("127.0.0.1")
    assert near.get("/Task", headers={"Authorization": f"Bearer {RIGHT}"}).status_code == 200
    text = near.get("/metrics").text
    assert "ip_fhir_failed_logins_total 10.0" in text
    assert 'ip_fhir_refused_requests_total{reason="unauthorized"} 11.0' in text
    assert 'ip_fhir_refused_requests_total{reason="too-many-log-ins"} 20.0' in text
    assert "log-ins with an unknown token, the last from 192.0.2.7" in caplog.text
    lines = [record for record in caplog.records if record.name == "ip_fhir.web"]
    assert len(lines) == 3
    assert WRONG not in caplog.text


def test_the_figures_own_token_is_guarded_as_well(loop: Loop) -> None:
    """Guessing it is counted and slowed down too."""
    app = create_app(loop.municipality.exchange, None, "a-token-for-the-metrics", timeless(loop))
    made = TestClient(app, client=("192.0.2.7", 1))
    wrong = {"Authorization": f"Bearer {WRONG}"}
    assert [made.get(path, headers=wrong).status_code for path in ("/metrics", "/health") * 6] == [401] * 10 + [429] * 2
