"""Processes that are started in milliseconds, and two sides with a store each on either database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ip_fhir.store import upgrade_store
from tests.support.plan_movers import EVERYBODY
from tests.support.plan_town import SIDES
from tests.support.postgres import Server, running_server
from tests.support.processes import ROLES, Zygote


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    """What starts the processes."""
    made = Zygote()
    yield made
    made.close()


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """A PostgreSQL server for the whole run."""
    with running_server() as made:
        yield made


@pytest.fixture(params=["sqlite", "postgresql"])
def databases(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """An empty store for each side: on files, then on a server."""
    return _empty(request, tmp_path, ROLES)


@pytest.fixture(params=["sqlite", "postgresql"])
def plan_databases(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """An empty store for each side around plans: on files, then on a server."""
    return _empty(request, tmp_path, SIDES)


@pytest.fixture(params=["sqlite", "postgresql"])
def moving_databases(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, str]:
    """An empty store for each side where persons move: on files, then on a server."""
    return _empty(request, tmp_path, EVERYBODY)


def _empty(request: pytest.FixtureRequest, place: Path, sides: tuple[str, ...]) -> dict[str, str]:
    if request.param == "sqlite":
        return {side: f"sqlite:///{place / side}.sqlite" for side in sides}
    server: Server = request.getfixturevalue("server")
    found = {side: server.new_database() for side in sides}
    for url in found.values():
        upgrade_store(url)
    return found
