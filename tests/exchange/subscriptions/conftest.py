"""A hospital that has subscribed at the municipality, and a server of its that is notified."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from ip_fhir.settings import RetrySettings, WorkerSettings
from ip_fhir.web.app import create_app
from tests.support.hook import LOOPBACK, Hook, hook
from tests.support.rest_caller import Caller
from tests.support.two_sides import TOKENS, Loop, make_loop

ATTEMPTS = 3


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    """Both sides; three attempts, and then no more."""
    retry = RetrySettings(first=60, cap=600, attempts=ATTEMPTS)
    made = make_loop(tmp_path, endpoints=LOOPBACK, settings=WorkerSettings(parallel=1, retry=retry))
    yield made
    made.hospital.exchange.close()
    made.municipality.exchange.close()


@pytest.fixture
def caller(loop: Loop) -> Iterator[Caller]:
    """The hospital, which asks the municipality."""
    with TestClient(create_app(loop.municipality.exchange), raise_server_exceptions=False) as client:
        yield Caller(client, TOKENS["hospital"], loop.municipality.exchange.url)


@pytest.fixture
def receiver() -> Iterator[Hook]:
    """The hospital's server."""
    with hook() as found:
        yield found
