"""The validator, started once for all tests of this room."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import zygote  # noqa: F401 - a fixture, which is used by its name
from tests.conformance import tools
from tests.conformance.judge import Validator, Verdict
from tests.conformance.sources import Sources
from tests.support.gate import require


@pytest.fixture(scope="session")
def sources(checkout: Path) -> Sources:
    """What the profiles are built from."""
    return Sources(checkout)


@pytest.fixture(scope="session")
def definitions(checkout: Path, sources: Sources, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """What the validator knows besides FHIR R4: our definitions, and of national code lists the codes that we use.

    National lists are not part of the project. As fragments they let the validator check that display and code agree;
    a code that is not in our tables is a warning.
    """
    fragments = tmp_path_factory.mktemp("fragments")
    for system, codes in sources.national_codes().items():
        concepts = [{"code": code, "display": display} for code, display in codes.items()]
        resource = {"resourceType": "CodeSystem", "url": system, "status": "active", "content": "fragment"}
        file = fragments / f"{system.rpartition('.')[2]}.json"
        file.write_text(json.dumps({**resource, "concept": concepts}), encoding="utf-8")
    return [checkout / "mappings" / "profiles" / "built", checkout / "mappings" / "questionnaires", fragments]


@pytest.fixture(scope="session")
def validator(definitions: list[Path]) -> Iterator[Validator]:
    """The official validator; skipped where Java or Maven is missing."""
    missing = tools.missing("java", "mvn")
    require(not missing, f"{missing}: install a JDK (17 or newer) and Maven")
    with Validator(definitions) as running:
        yield running


@pytest.fixture(scope="session")
def plain(request: pytest.FixtureRequest) -> Iterator[Validator]:
    """The same for who knows FHIR alone and none of our definitions: R4, or R5 by parameter."""
    missing = tools.missing("java", "mvn")
    require(not missing, f"{missing}: install a JDK (17 or newer) and Maven")
    with Validator(r5=request.param == "R5") as running:
        yield running


@pytest.fixture(scope="session")
def verdict() -> Verdict:
    """What was found in the whole run."""
    return Verdict()
