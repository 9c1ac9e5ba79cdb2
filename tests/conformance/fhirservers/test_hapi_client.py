"""HAPI's generic client against our endpoint, over a socket: it does what it can do with any FHIR server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conformance import tools
from tests.conformance.fhirservers import sites
from tests.conformance.interop import ClientRow, observe
from tests.support.gate import require
from tests.support.served import served
from tests.support.two_sides import TOKENS, Loop, make_loop, notice, unsent

pytestmark = [pytest.mark.timeout(900), pytest.mark.slow]

ALL, ONE = "3", "1"
EXPECTED = {
    "capabilities": "4.0.1",
    "read": "received",
    "vread": "received",
    "history of a resource": ONE,
    "search by code": ALL,
    "search by system and code": ALL,
    "search by one of several codes": ALL,
    "search by id": ONE,
    "search by a relative reference": ONE,
    "search by an absolute reference": ONE,
    "search by the owner's number": ALL,
    "search by POST": ALL,
    "search in pages of one": "3 in 3 pages",
    "search with _include": "Task, ServiceRequest",
    "search with _revinclude": "ServiceRequest, Task",
    "search with _sort": "referral-03-1",
    "search with _lastUpdated": "2",
    "search with _summary": "SUBSETTED",
    "search with _elements": "SUBSETTED",
    "update, If-Match sent by itself": "version 2",
    "update of an old version": "HTTP 412 with an OperationOutcome",
    "PATCH": "version 3",
    "conditional update": "version 2",
    "create on a condition": "201 referral-04",
    "create on a condition, again": "200 referral-04",
    "create": "referral-04",
    "transaction with ifNoneExist": "200",
    "batch": "200, 404, 200",
    "$process-message": "ok",
    "$process-message, again": "ok",
    "error: not there": "HTTP 404 with an OperationOutcome",
    "error: an unknown parameter": "HTTP 400 with an OperationOutcome",
    "error: delete": "HTTP 405 with an OperationOutcome",
    "error: another token": "HTTP 401 with an OperationOutcome",
}
"""Each thing that the client does, and what comes of it: a number of resources found, or as it says."""


@pytest.fixture
def loop(tmp_path: Path) -> Loop:
    """Three loops, each an hour later than the one before."""
    made = make_loop(tmp_path)
    for name in ("01", "02", "03"):
        made.hospital.exchange.send_notice(notice(name))
        made.settle()
        made.clock.forward(hours=1)
    return made


def files(loop: Loop, place: Path) -> None:
    """A notice as a ServiceRequest that stands alone, and another one as a message, which the municipality has not."""
    loop.hospital.exchange.send_notice(notice("04"))
    criteria = {"_id": notice("04").correlation_id}
    (found,) = loop.hospital.store.search_resources("ServiceRequest", criteria)
    body = {name: value for name, value in found.body.items() if name not in ("id", "meta")}
    first = [one for one in body["identifier"] if one["value"] == notice("04").correlation_id]
    body["identifier"] = first + [one for one in body["identifier"] if one not in first]
    (place / "request.json").write_text(json.dumps(body), encoding="utf-8")
    (place / "message.json").write_bytes(unsent(loop, "05"))


def test_all_that_it_can_do(loop: Loop, tmp_path: Path) -> None:
    """Reads, searches, writes, bundles and messages take effect once; errors say why, with the right status."""
    missing = tools.missing("java", "mvn")
    require(not missing, f"{missing}: install a JDK (17 or newer) and Maven")
    exchange = loop.municipality.exchange
    files(loop, tmp_path)
    with served(exchange) as running:
        url = f"http://127.0.0.1:{running.port}"
        object.__setattr__(exchange._context, "url", url)
        command = tools.java(tools.hapi_jar(), "org.ipfhir.conformance.HapiClient", url, TOKENS["hospital"])
        said = tools.run([*command, str(tmp_path)], tmp_path)
    found = dict(line.split("\t") for line in said.splitlines() if "\t" in line)
    assert found == EXPECTED
    for name in ("04", "05"):
        assert loop.state(loop.municipality, notice(name).correlation_id) == "delivered"
    assert len(loop.municipality.store.referrals()) == 5
    version = sites.version(sites.HERE / "hapi" / "pom.xml", r"<hapi.version>(.+?)<")
    for feature, result in found.items():
        observe(ClientRow("HAPI generic client", feature, result, version))
