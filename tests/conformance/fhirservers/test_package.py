"""Our FHIR package in a server that others wrote: all of it is installed, and plans are judged by it and stored."""

from __future__ import annotations

import io
import json
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from ip_fhir.errors import Rejected
from ip_fhir.fhir.rest import instances
from ip_fhir.fhir.rest.searches import search
from tests.conformance.fhirservers.conftest import of_another
from tests.conformance.fhirservers.sites import Site
from tests.conformance.fhirservers.test_plans import contents, seen
from tests.mapping.examples import PLANS, example
from tests.servers.plans import same, with_aunt

pytestmark = [pytest.mark.timeout(900), pytest.mark.slow, pytest.mark.xdist_group("judging hapi")]


def resources(package: Path) -> list[dict[str, Any]]:
    """The definitions in the package."""
    with tarfile.open(fileobj=io.BytesIO(package.read_bytes())) as tar:
        names = [name for name in tar.getnames() if name.count("/") == 1 and not name.startswith("package/.")]
        found = [json.loads(file.read()) for name in names if (file := tar.extractfile(name)) is not None]
    return [one for one in found if "resourceType" in one]


def test_all_of_it_is_installed(judging: Site, package_file: Path) -> None:
    """HAPI's installer takes every definition without an error, and each is found there by its canonical."""
    definitions = resources(package_file)
    assert judging.installed == Counter(one["resourceType"] for one in definitions)
    connection = judging.client().connection
    named = [one for one in definitions if "url" in one]
    missing = [
        one["url"]
        for one in named
        if not connection.perform(search(one["resourceType"], [("url", one["url"])])).resources
    ]
    assert missing == []
    seen(judging, "the package installed", f"{len(definitions)} definitions, 0 errors")


def test_every_example_is_valid_there(judging: Site) -> None:
    """The server validates what it stores, by our profiles: all plans are stored, and read back equal."""
    client, equal = judging.client(), 0
    for number in range(1, len(PLANS) + 1):
        plan = of_another(example(number))
        stored = client.store_plan(plan)
        assert same(client.fetch_plan(stored.plan.id), stored)
        equal += contents(stored.plan) == contents(plan)
    assert equal == len(PLANS)
    updated = client.update_plan(stored, with_aunt(stored))
    assert "Gå på ski" in {goal.text for goal in updated.now.plan.goals}
    seen(judging, "all example plans stored and read back", f"{equal} of {len(PLANS)} equal")


def test_search_parameters_come_with_it(judging: Site) -> None:
    """A client that may not send batches needs few requests: one search includes what ours reach."""
    stored = judging.client().store_plan(of_another(example(1)))
    client = judging.client(batches=False)
    assert same(client.fetch_plan(stored.plan.id), stored)
    assert client.connection.requests <= 6
    seen(judging, "a plan fetched without batches", f"{client.connection.requests} requests")


def test_what_is_wrong_is_refused(judging: Site) -> None:
    """A plan without what our profile demands is not stored: the server does judge by it."""
    client = judging.client()
    stored = client.store_plan(of_another(example(1)))
    now = client.connection.perform(instances.read("CarePlan", stored.plan.id)).resource
    wrong = {name: value for name, value in now.items() if name != "category"}
    with pytest.raises(Rejected, match="422"):
        client.connection.perform(instances.update(wrong, if_match=now["meta"]["versionId"]))
    seen(judging, "a plan that our profile refuses", "refused, HTTP 422")
