"""A server with one plan on it, and a client of it that does not wait."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ip_fhir.servers import FetchedPlan, FhirServer
from ip_fhir.servers.connection import Connection, Patience
from tests.mapping.examples import example
from tests.support.fhir_server import FhirServerDouble, fhir_server


@pytest.fixture
def double() -> Iterator[FhirServerDouble]:
    """The server."""
    with fhir_server() as server:
        yield server


@pytest.fixture
def waited() -> list[float]:
    """The seconds that were waited for, had there been time."""
    return []


@pytest.fixture
def client(double: FhirServerDouble, waited: list[float]) -> Iterator[FhirServer]:
    """Our client, with a deadline of a second for each exchange."""
    patience = Patience(attempts=3, first=0.5, cap=10.0)
    connection = Connection(double.base, "a-token", 1.0, patience=patience, sleep=waited.append, jitter=lambda: 1.0)
    client = FhirServer(connection)
    yield client
    client.close()


@pytest.fixture
def stored(client: FhirServer) -> FetchedPlan:
    """The first example plan, as it is on the server."""
    return client.store_plan(example(1))


@pytest.fixture
def requests(client: FhirServer) -> Callable[[], int]:
    """The number of requests since the last call."""
    last = 0

    def since() -> int:
        nonlocal last
        count, last = client.connection.requests - last, client.connection.requests
        return count

    return since
