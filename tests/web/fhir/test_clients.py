"""Clients that others wrote, over a socket: fhirpy and fhirclient do what they can do with any FHIR server."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

import pytest
from fhirclient.models.servicerequest import ServiceRequest
from fhirclient.models.task import Task
from fhirclient.server import FHIRServer
from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import MultipleResourcesFound, ResourceNotFound
from requests import HTTPError

from tests.conformance.interop import ClientRow, observe
from tests.support.served import served
from tests.support.two_sides import TOKENS, Loop, notice

TASKS = ["referral-01-1", "referral-02-1", "referral-03-1"]
UNIT = "90000202"


@pytest.fixture
def address(three: Loop) -> Iterator[str]:
    """The municipality's endpoint on a socket, under its own address, with three loops."""
    exchange = three.municipality.exchange
    with served(exchange) as running:
        url = f"http://127.0.0.1:{running.port}"
        object.__setattr__(exchange._context, "url", url)
        yield url


@pytest.fixture
def fhirpy(address: str) -> SyncFHIRClient:
    """A client of fhirpy, with the hospital's token."""
    return SyncFHIRClient(address, authorization=f"Bearer {TOKENS['hospital']}")


class Server(FHIRServer):  # type: ignore[misc]
    """A server as fhirclient sees it, with the hospital's token."""

    def __init__(self, url: str) -> None:
        super().__init__(None, base_uri=url)
        self.session.headers["Authorization"] = f"Bearer {TOKENS['hospital']}"

    def raise_for_status(self, response: Any) -> None:
        """Raise as requests does: fhirclient keeps the answer for itself."""
        response.raise_for_status()


@pytest.fixture
def server(address: str) -> Server:
    """A server of fhirclient."""
    return Server(f"{address}/")


def seen(client: str, feature: str, result: str) -> None:
    """Compare with the table of the documentation."""
    observe(ClientRow(client, feature, result, version(client)))


def notice_of_04(loop: Loop) -> dict[str, Any]:
    """A notice as a ServiceRequest that stands alone, under an identifier of its own."""
    loop.hospital.exchange.send_notice(notice("04"))
    (found,) = loop.hospital.store.search_resources("ServiceRequest", {"_id": notice("04").correlation_id})
    return {name: value for name, value in found.body.items() if name not in ("id", "meta")}


def test_fhirpy_reads(fhirpy: SyncFHIRClient) -> None:
    """Pages, counts, the first one, one by its id, sorted, parts, and what goes along."""
    tasks = fhirpy.resources("Task")
    assert [one.id for one in tasks.limit(2).fetch_all()] == TASKS
    assert tasks.count() == 3
    assert tasks.search(status="received", _lastUpdated__gt="2026-01-12T13:30:00Z").count() == 2
    first = tasks.sort("-_lastUpdated").first()
    assert first is not None
    assert first.id == TASKS[-1]
    assert fhirpy.reference("Task", TASKS[0]).to_resource()["status"] == "received"
    assert tasks.search(status="received,draft", _id=TASKS[1]).get().id == TASKS[1]
    assert "for" not in tasks.elements("status").limit(1).fetch()[0]
    bundle = tasks.include("Task", "focus").limit(1).fetch_raw()
    assert [one["resource"]["resourceType"] for one in bundle["entry"]] == ["Task", "ServiceRequest"]
    found = tasks.search(**{"owner:identifier": UNIT}).fetch_all()
    assert len(found) == 3
    with pytest.raises(ResourceNotFound):
        fhirpy.reference("Task", "none").to_resource()
    seen("fhirpy", "read; search with pages, count, sort, parts, several codes, include", "3 Tasks found")


def test_fhirpy_writes(fhirpy: SyncFHIRClient, three: Loop) -> None:
    """It saves what it read, learns that somebody was first, and creates a notice once."""
    task = fhirpy.reference("Task", TASKS[0]).to_resource()
    stale = fhirpy.reference("Task", TASKS[0]).to_resource()
    task["note"] = [{"text": "ring"}]
    task.save()
    assert fhirpy.reference("Task", TASKS[0]).to_resource()["note"] == [{"text": "ring"}]
    stale["note"] = [{"text": "skriv"}]
    with pytest.raises(MultipleResourcesFound, match="somebody has changed it since"):  # its name for every 412
        stale.save()
    body = notice_of_04(three)
    (identifier,) = [one for one in body["identifier"] if one["value"] == notice("04").correlation_id]
    wanted = fhirpy.resources("ServiceRequest").search(identifier=f"{identifier['system']}|{identifier['value']}")
    made = [wanted.get_or_create(fhirpy.resource("ServiceRequest", **body)) for _ in range(2)]
    assert [one[1] for one in made] == [True, False]
    assert three.state(three.municipality, notice("04").correlation_id) == "delivered"
    assert wanted.count() == 1
    seen("fhirpy", "save, then save of an old version", "saved, then refused: HTTP 412")
    seen("fhirpy", "get_or_create, twice", "created once")


def test_fhirclient_reads(server: Server) -> None:
    """Its own search, read and statement."""
    wanted = Task.where({"status": "received", "_sort": "-_lastUpdated", "_count": "2"})
    assert [one.id for one in wanted.perform_resources_iter(server)] == TASKS[::-1]
    task = Task.read(TASKS[0], server)
    assert (task.status, task.owner.identifier.value) == ("received", UNIT)
    along = Task.where({"_id": TASKS[0], "_include": "Task:focus"}).perform_iter(server)
    assert [one.resource.resource_type for page in along for one in page.entry] == ["Task", "ServiceRequest"]
    seen("fhirclient", "read; search with pages, sort, include", "3 Tasks found")


def test_fhirclient_writes(server: Server, three: Loop) -> None:
    """It sends no `If-Match`: the version is in the resource that it puts back. It creates a notice."""
    task, stale = Task.read(TASKS[0], server), Task.read(TASKS[0], server)
    task.description = stale.description = "ring"
    answer = task.update(server)
    assert answer["meta"]["versionId"] == "2"
    with pytest.raises(HTTPError) as raised:
        stale.update(server)
    assert raised.value.response.status_code == 412
    made = ServiceRequest(notice_of_04(three)).create(server)
    assert made["id"] == notice("04").correlation_id
    assert three.state(three.municipality, notice("04").correlation_id) == "delivered"
    seen("fhirclient", "update without If-Match, then of an old version", "updated, then refused: HTTP 412")
    seen("fhirclient", "create", "created once")
