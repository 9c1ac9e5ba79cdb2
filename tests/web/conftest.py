"""Two sides with empty stores, for whoever talks to the municipality's endpoint as the hospital."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from ip_fhir.web.app import create_app
from tests.support.rest_caller import Caller
from tests.support.two_sides import TOKENS, Loop, make_loop


@pytest.fixture
def loop(tmp_path: Path) -> Iterator[Loop]:
    """Both sides; the tests talk to the municipality, as the hospital."""
    made = make_loop(tmp_path)
    yield made
    made.hospital.exchange.close()
    made.municipality.exchange.close()


@pytest.fixture
def caller(loop: Loop) -> Iterator[Caller]:
    """The hospital, which asks the municipality."""
    with TestClient(create_app(loop.municipality.exchange), raise_server_exceptions=False) as client:
        yield Caller(client, TOKENS["hospital"], loop.municipality.exchange.url)
