"""The municipality's endpoint, asked by the hospital; addresses of this machine may be notified."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from ip_fhir.web.app import create_app
from tests.support.hook import LOOPBACK
from tests.support.rest_caller import Caller
from tests.support.two_sides import TOKENS, Loop, make_loop


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    """Both sides, without a loop yet."""
    made = make_loop(tmp_path, endpoints=LOOPBACK)
    yield made
    made.hospital.exchange.close()
    made.municipality.exchange.close()


@pytest.fixture
def caller(loop: Loop) -> Iterator[Caller]:
    """The hospital, which asks the municipality."""
    with TestClient(create_app(loop.municipality.exchange), raise_server_exceptions=False) as client:
        yield Caller(client, TOKENS["hospital"], loop.municipality.exchange.url)
