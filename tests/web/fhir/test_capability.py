"""The CapabilityStatement tells the truth: whatever it names is answered, and nothing else is."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from ip_fhir.settings import HttpSettings
from ip_fhir.web.app import create_app
from ip_fhir.web.protection import Protection
from tests.support.certificates import Authority
from tests.support.rest_caller import FHIR, Caller
from tests.support.ring import make_ring
from tests.support.two_sides import Loop

PLACES = {
    "read": ("GET", "{type}/none"),
    "vread": ("GET", "{type}/none/_history/1"),
    "history-instance": ("GET", "{type}/none/_history"),
    "history-type": ("GET", "{type}/_history"),
    "update": ("PUT", "{type}/none"),
    "patch": ("PATCH", "{type}/none"),
    "delete": ("DELETE", "{type}/none"),
    "create": ("POST", "{type}"),
    "search-type": ("GET", "{type}"),
}
"""By FHIR's code of an interaction: where it is."""

WANTED = {
    "status": "requested",
    "reason": "x",
    "criteria": "Task?status=completed",
    "channel": {"type": "rest-hook", "endpoint": "https://x.example/"},
}
"""A Subscription."""

TYPES = (
    *("ServiceRequest", "Task", "CarePlan", "Goal", "CareTeam", "Condition", "Appointment", "Patient"),
    *("RelatedPerson", "Practitioner", "PractitionerRole", "Organization", "Subscription"),
    *("Communication", "Consent", "Observation"),
)


@pytest.fixture(scope="module")
def party(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    """The hospital, which asks a holder of plans."""
    ring = make_ring(tmp_path_factory.mktemp("ring"))
    with TestClient(create_app(ring.holder), raise_server_exceptions=False) as client:
        yield Caller(client, "token-of-hospital", ring.holder.url)
    ring.close()


@pytest.fixture(scope="module")
def stated(party: Caller) -> dict[str, Any]:
    """What the statement says, by type."""
    (rest,) = party.get("metadata").json()["rest"]
    return {one["type"]: one for one in rest["resource"]}


def answers(party: Caller, method: str, path: str) -> bool:
    """True if something is done there: what is not is 405, or 404 because nothing is at this address."""
    kind = {"PATCH": "application/json-patch+json"}.get(method, "application/fhir+json")
    response = party.ask(method, path, kind=kind if method != "GET" else None, content={} if method != "GET" else None)
    assert response.json()["resourceType"] in ("OperationOutcome", "Bundle"), path
    words = response.json().get("issue", [{}])[0].get("diagnostics", "")
    return bool(response.status_code != 405 and words != "nothing is at this address")


@pytest.mark.parametrize("type_", TYPES)
def test_each_interaction(party: Caller, stated: dict[str, Any], type_: str) -> None:
    """An interaction is named if it is answered; conditional ones, and the ways in which versions are kept, too."""
    said = stated.get(type_, {})
    named = {one["code"] for one in said.get("interaction", [])}
    for code, (method, path) in PLACES.items():
        assert answers(party, method, path.format(type=type_)) == (code in named), (type_, code)
    assert said.get("conditionalUpdate", False) == answers(party, "PUT", f"{type_}?_id=none")
    sent = {"resourceType": type_, **(WANTED if type_ == "Subscription" else {})}
    condition = party.ask("POST", type_, kind=FHIR, content=sent, If_None_Exist="")
    assert said.get("conditionalCreate", False) == ("needs a criterion" in condition.text)
    assert said.get("readHistory", False) == ("vread" in named)
    assert (said.get("versioning") == "versioned-update") == ("update" in named)


@pytest.mark.parametrize("type_", TYPES[:-3])
def test_each_search_parameter(party: Caller, stated: dict[str, Any], type_: str) -> None:
    """Each that is named is answered, in the way its words say; any other parameter of FHIR's is refused."""
    said = stated[type_]
    values = {"date": "ge2026", "token": "x", "reference": "Task/x", "string": "Task?", "uri": "https://x.example/"}
    for one in said["searchParam"]:
        name, words = one["name"], one.get("documentation", said["documentation"])
        if "POST" in words and (name in ("patient", "subject") or (type_, name) == ("Patient", "identifier")):
            field = "identifier" if type_ == "Patient" else f"{name}.identifier"
            form = party.ask("POST", f"{type_}/_search", kind="application/x-www-form-urlencoded",
                             content={field: "13116900135"})  # fmt: skip
            assert (form.status_code, form.json()["type"]) == (200, "searchset"), (type_, name)
            assert party.get(f"{type_}?{field}=13116900135").status_code == 400
        else:
            asked = f"{name}:identifier=x" if "identifier=" in words and ":identifier" in words else None
            query = asked or f"{name}={values[one['type']]}"
            found = party.get(f"{type_}?{query}")
            assert (found.status_code, found.json()["type"]) == (200, "searchset"), (type_, name)
    known = {one["name"] for one in said["searchParam"]}
    for name in {"name", "category", "encounter", "authored-on", "_tag", "_has", "_text", "_filter"} - known:
        assert party.get(f"{type_}?{name}=x&_id=y").status_code == 400, (type_, name)


def test_what_goes_along(party: Caller, stated: dict[str, Any]) -> None:
    """Each value of `_include` and `_revinclude` that is named is answered, and no other."""
    values = ("Task:based-on", "Task:focus", "Task:owner", "ServiceRequest:requester", "Goal:subject", "*")
    for type_, (name, key) in product(stated, (("_include", "searchInclude"), ("_revinclude", "searchRevInclude"))):
        for value in values:
            answer = party.get(f"{type_}?_id=x&{name}={value}")
            assert (answer.status_code == 200) == (value in stated[type_].get(key, [])), (type_, name, value)


@pytest.mark.parametrize("issuer", [False, True])
@pytest.mark.parametrize("trusted", [False, True])
def test_ways_to_say_who_one_is(loop: Loop, tmp_path: Path, *, issuer: bool, trusted: bool) -> None:
    """A service is named where settings have it, and no other."""
    files = Authority(tmp_path).certificate("ours")
    tls = files if trusted else {name: files[name] for name in ("certificate", "key")}
    auth = {"issuer": "https://auth.example", "audience": "https://us.example"} if issuer else None
    exchange = loop.municipality.exchange
    protection = Protection.of(HttpSettings.model_validate({"tls": tls, "issuer": auth}), exchange.limits)
    (rest,) = TestClient(create_app(exchange, protection=protection)).get("/metadata").json()["rest"]
    codes = [one["coding"][0]["code"] for one in rest["security"].get("service", [])]
    assert codes == [*(["SMART-on-FHIR"] if issuer else []), *(["Certificates"] if trusted else [])]
    said = rest["security"]["description"]
    assert ("authorisation server" in said, "certificate" in said) == (issuer, trusted)


def test_operations_and_whole_system(party: Caller, stated: dict[str, Any]) -> None:
    """Each operation is defined where it says, and answered; batch and transaction are taken at the root."""
    (rest,) = party.get("metadata").json()["rest"]
    assert [one["code"] for one in rest["interaction"]] == ["transaction", "batch"]
    for type_ in ("batch", "transaction", "history"):
        answer = party.post("", {"resourceType": "Bundle", "type": type_})
        assert (answer.status_code == 200) == (type_ == "batch")
        assert answer.status_code != 405
    assert [one["name"] for one in stated["CarePlan"]["operation"]] == ["view", "change"]
    for operation in stated["CarePlan"]["operation"]:
        definition = party.get(operation["definition"]).json()
        assert (definition["resourceType"], definition["code"]) == ("OperationDefinition", operation["name"])
        assert definition["url"] == operation["definition"]
        assert answers(party, "GET", f"CarePlan/none/${operation['name']}")
    assert answers(party, "POST", "$process-message")
    assert not answers(party, "POST", "$validate")
