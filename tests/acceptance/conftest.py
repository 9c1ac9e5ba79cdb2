"""Processes that are started in milliseconds, and two sides with a store each on either database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ip_fhir.store import upgrade_store
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
    if request.param == "sqlite":
        return {role: f"sqlite:///{tmp_path / role}.sqlite" for role in ROLES}
    server: Server = request.getfixturevalue("server")
    found = {role: server.new_database() for role in ROLES}
    for url in found.values():
        upgrade_store(url)
    return found
