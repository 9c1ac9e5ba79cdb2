"""The municipality's endpoint, asked by the hospital, with the loops of three notices or none."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from starlette.testclient import TestClient

from ip_fhir.web.app import create_app
from tests.support.rest_caller import Caller
from tests.support.two_sides import TOKENS, Loop, notice


@pytest.fixture
def caller(loop: Loop) -> Iterator[Caller]:
    """The hospital, which asks the municipality."""
    with TestClient(create_app(loop.municipality.exchange), raise_server_exceptions=False) as client:
        yield Caller(client, TOKENS["hospital"], loop.municipality.exchange.url)


@pytest.fixture
def three(loop: Loop) -> Loop:
    """Three loops, each an hour later than the one before."""
    for name in ("01", "02", "03"):
        loop.hospital.exchange.send_notice(notice(name))
        loop.settle()
        loop.clock.forward(hours=1)
    return loop
