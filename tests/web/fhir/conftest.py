"""The endpoints of a municipality: with the loops of three notices or none, and with a plan that two parties share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from ip_fhir.web.app import create_app
from tests.support.rest_caller import Caller
from tests.support.ring import Ring, make_ring
from tests.support.ring_plan import shared
from tests.support.two_sides import Loop, notice


@pytest.fixture
def three(loop: Loop) -> Loop:
    """Three loops, each an hour later than the one before."""
    for name in ("01", "02", "03"):
        loop.hospital.exchange.send_notice(notice(name))
        loop.settle()
        loop.clock.forward(hours=1)
    return loop


@pytest.fixture
def ring(tmp_path: Path) -> Iterator[Ring]:
    """The plan is shared with the hospital and, without housing, the school."""
    made = make_ring(tmp_path)
    shared(made, "hospital", "school")
    yield made
    made.close()


@pytest.fixture
def hospital(ring: Ring) -> Caller:
    """The hospital, which is responsible for the swimming."""
    return Caller(TestClient(create_app(ring.holder)), "token-of-hospital", ring.holder.url)


@pytest.fixture
def school(hospital: Caller) -> Caller:
    """The school, which does not see all."""
    return Caller(hospital.client, "token-of-school", hospital.base)
