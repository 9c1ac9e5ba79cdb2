"""The loop and a shared plan through a FHIR server that has no messaging, with real HTTP between."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.support.fhir_server import FhirServerDouble, fhir_server
from tests.support.through_fhir import Through, plan_shared, ring_through, through_server, whole_loop


@pytest.fixture
def server() -> Iterator[FhirServerDouble]:
    """A server that refuses references to nothing, as HAPI does."""
    with fhir_server() as double:
        double.faults.add("checks references")
        double.clock = lambda: datetime.now(UTC)
        yield double


@pytest.fixture
def through(tmp_path: Path, server: FhirServerDouble) -> Iterator[Through]:
    """Both sides, with the server between them."""
    with through_server(tmp_path, server.base) as made:
        yield made


def test_a_loop(through: Through, server: FhirServerDouble) -> None:
    """Notice, form and end arrive; each message is one Task there, which says that it was taken in."""
    whole_loop(through)
    tasks = server.of_type("Task")
    assert {task["status"] for task in tasks} == {"completed"}
    assert len(tasks) == len({task["identifier"][0]["value"] for task in tasks}) >= 2
    assert len(server.of_type("ServiceRequest")) == len(server.of_type("QuestionnaireResponse")) == 1
    assert len(server.of_type("Patient")) == 1


def test_a_plan(tmp_path: Path, server: FhirServerDouble) -> None:
    """A view, a change, the next view: one CarePlan of the share there, written over by its own writer."""
    with ring_through(tmp_path, server.base) as (ring, settle):
        plan_shared(ring, settle)
    views = [one for one in server.of_type("CarePlan") if one["title" if "title" in one else "status"]]
    assert views
