"""The servers, each started once, and plans of persons whom no other test knows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import pytest

from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.values.ids import PersonId
from tests.conformance import tools
from tests.conformance.fhirservers import sites
from tests.conformance.fhirservers.sites import Site
from tests.conformance.package.build import package
from tests.conformance.package.contents import NAME
from tests.conformance.sources import Sources
from tests.mapping.examples import example
from tests.support.gate import require

_PERSONS = count(1)


@pytest.fixture(scope="session")
def hapi() -> Iterator[Site]:
    """HAPI's JPA server with our search parameters."""
    with sites.hapi() as site:
        yield site


@pytest.fixture(scope="session")
def sekmet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """sekmet-fhir as it comes."""
    with sites.sekmet(tmp_path_factory.mktemp("sekmet")) as site:
        yield site


@pytest.fixture(scope="session")
def package_file(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our FHIR package, built anew; skipped where what builds it is missing."""
    missing = tools.missing("java", "mvn", "node", "npm")
    require(not missing, f"{missing}: install a JDK (17 or newer), Maven and Node")
    file = tmp_path_factory.mktemp("package") / f"{NAME}-{Sources(checkout).version}.tgz"
    file.write_bytes(package(checkout))
    return file


@pytest.fixture(scope="session")
def judging(package_file: Path) -> Iterator[Site]:
    """HAPI's JPA server with our package, which refuses what is invalid."""
    with sites.validating_hapi(package_file) as site:
        yield site


@pytest.fixture
def site(request: pytest.FixtureRequest) -> Site:
    """The server that the test is run on."""
    found: Site = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def since() -> str:
    """The moment before the test, as a server is asked for what was written from then on."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@pytest.fixture
def plan() -> IndividualPlan:
    """The first example plan, of another person for each test (a DUF number, which says nothing of whose it is)."""
    return of_another(example(1))


def of_another(plan: IndividualPlan) -> IndividualPlan:
    """The plan as that of a person whom the servers do not know."""
    number = next(_PERSONS)
    owner = plan.owner.evolve(identifier=PersonId(f"2026{number:08}"))
    return plan.evolve(owner=owner, created=plan.created.replace(year=1990 + number))
