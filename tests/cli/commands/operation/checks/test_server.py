"""`doctor --server`: what works for plans on a FHIR server, what not and why, told in a page; nothing is written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ip_fhir.cli.commands.operation.checks.server import readers_of
from ip_fhir.servers.abilities import CARRIED, PARTS, Abilities
from ip_fhir.servers.closure import INCLUDED
from ip_fhir.settings import PeerSettings
from tests.cli.conftest import Run, Sides
from tests.support.fhir_server import FhirServerDouble, fhir_server

KNOWING = ("read", "vread", "update", "create", "patch", "history-instance", "search-type")


@pytest.fixture
def double() -> Iterator[FhirServerDouble]:
    """A server that says that it can do everything."""
    with fhir_server() as server:
        server.capability = capability()
        yield server


def capability() -> dict[str, Any]:
    """All that a plan needs, and messages."""
    return {
        "software": {"name": "Double", "version": "1"},
        "rest": [
            {
                "mode": "server",
                "security": {"service": [{"coding": [{"code": "SMART-on-FHIR"}]}]},
                "interaction": [{"code": "transaction"}],
                "operation": [{"name": "process-message"}, {"name": "$validate"}],
                "resource": [*map(resource, CARRIED), resource("Subscription")],
            }
        ],
    }


def resource(type_: str) -> dict[str, Any]:
    """What it says of a type."""
    names = ("identifier", "_lastUpdated", *INCLUDED.get(type_, ()))
    return {
        "type": type_,
        "interaction": [{"code": code} for code in KNOWING],
        "versioning": "versioned",
        "conditionalCreate": True,
        "searchParam": [{"name": name} for name in names],
    }


def looked_at(run: Run, double: FhirServerDouble) -> dict[str, str]:
    """The status of each thing that the doctor looks at; of several lines about one thing the first."""
    found: dict[str, str] = {}
    for line in run("doctor", "--server", double.base, "--json").data:
        found.setdefault(line["what"], line["status"])
    return found


def detail(run: Run, double: FhirServerDouble, what: str) -> str:
    """What the doctor says of a thing."""
    return " ".join(
        line["detail"] for line in run("doctor", "--server", double.base, "--json").data if line["what"] == what
    )


def test_a_server_that_can_do_all(run: Run, double: FhirServerDouble) -> None:
    """Only what cannot be seen is a warning: profiles, who reads there, and that it asked for no token."""
    assert {what for what, status in looked_at(run, double).items() if status != "ok"} == {
        "profiles",
        "readers",
        "access",
    }
    assert run("doctor", "--server", double.base).code == 0
    assert "ask whose server it is" in detail(run, double, "readers")
    assert "SMART-on-FHIR" in detail(run, double, "access")


@pytest.mark.parametrize(
    ("readers", "status", "words"),
    [
        (None, "warn", "name the other peers that read it in `readers` of this peer"),
        ([], "ok", "nobody but hospital"),
        (["school"], "ok", "hospital, school. A share through it has what all of them may see"),
    ],
)
def test_who_reads_it(readers: list[str] | None, status: str, words: str) -> None:
    """The settings of the peer say it; where they do not, they are asked for."""
    organization = {"id": "trust", "name": "Sykehuset", "kind": "hospital", "her_id": "90001"}
    peer = {"name": "hospital", "url": "https://hospital.example/fhir", "organization": organization}
    found = readers_of(PeerSettings.model_validate({**peer, "readers": readers}))
    assert (found.what, found.status) == ("readers", status)
    assert words in found.detail


def test_nothing_is_written_and_nobody_asked_for(run: Run, double: FhirServerDouble) -> None:
    """It asks for definitions, and for one resource that nobody has."""
    run("doctor", "--server", double.base)
    assert double.count() == 0
    assert [asked.partition("?")[0] for asked in double.asked] == [
        "GET /fhir/metadata",
        "POST /fhir",
        "GET /fhir/StructureDefinition",
        "GET /fhir/StructureDefinition",
    ]


def test_it_says_nothing_of_itself(run: Run, double: FhirServerDouble) -> None:
    """A statement without contents: no transaction, no CarePlan, nothing by condition; exit code 1."""
    double.capability = {}
    found = looked_at(run, double)
    assert {what for what, status in found.items() if status == "fail"} == {"types", "transaction"}
    assert run("doctor", "--server", double.base).code == 1


@pytest.mark.parametrize(
    ("broken", "what", "status", "words"),
    [
        ({"interaction": []}, "transaction", "fail", "not stored and not changed"),
        ({"operation": []}, "messages", "warn", "only plans be kept there"),
        ({"interaction": "transaction"}, "transaction", "fail", "not stored"),
        ({"resource": [resource("CarePlan")]}, "types", "warn", "it does not name Patient, Goal"),
        ({"resource": [resource("CarePlan")]}, "types", "warn", "fhirserver sends nothing there: Organization, Task"),
        (
            {"resource": [resource(one) for one in CARRIED if one not in ("Goal", "QuestionnaireResponse")]},
            "types",
            "warn",
            "fhirserver writes no Goal, QuestionnaireResponse there: they stand in its messages alone",
        ),
        ({"resource": list(map(resource, PARTS))}, "types", "warn", "fhirserver sends nothing there: Task"),
        ({"resource": [resource("CarePlan")]}, "conditional create", "warn", "doubles who is there"),
        (
            {"resource": [{**resource(one), "searchParam": []} for one in PARTS]},
            "changes by others",
            "warn",
            "when the",
        ),
        ({"resource": list(map(resource, PARTS))}, "changes by others", "warn", "_lastUpdated"),
        ({"resource": list(map(resource, (*PARTS, "Subscription")))}, "changes by others", "ok", "rest-hook"),
        (
            {"resource": [*map(resource, PARTS), {"type": "Subscription", "interaction": [{"code": "create"}]}]},
            "changes by others",
            "warn",
            "no Subscription that we could keep",
        ),
        (
            {"resource": [{**resource(one), "versioning": "no-version"} for one in PARTS]},
            "versions",
            "fail",
            "another's",
        ),
        ({"resource": [{**resource(one), "interaction": []} for one in PARTS]}, "history", "warn", "a store of ours"),
    ],
)
def test_each_lack_is_told(
    run: Run, double: FhirServerDouble, broken: dict[str, Any], what: str, status: str, words: str
) -> None:
    """With what it means for plans, and the way round that is taken."""
    (rest,) = double.capability["rest"]
    double.capability["rest"] = [{**rest, **broken}]
    assert looked_at(run, double)[what] == status
    assert words in detail(run, double, what)


def test_what_is_created_by_name(run: Run, double: FhirServerDouble) -> None:
    """Types that cannot be searched by identifier are named, and the way that is taken with them."""
    (rest,) = double.capability["rest"]
    found = [{**resource(one), "conditionalCreate": one != "Goal"} for one in PARTS]
    double.capability["rest"] = [{**rest, "resource": found}]
    assert detail(run, double, "conditional create").startswith("not by identifier for Goal: they get ids of ours")


def test_without_batches(run: Run, double: FhirServerDouble) -> None:
    """With our search parameters still few requests; without them, and without those of FHIR, one for each resource."""
    double.faults.add("no batch")
    assert "4 to 6 requests" in detail(run, double, "batch")
    (rest,) = double.capability["rest"]
    ours = [
        {**resource(one), "searchParam": [{"name": n} for n in INCLUDED.get(one, ()) if "ip-" not in n]}
        for one in PARTS
    ]
    double.capability["rest"] = [{**rest, "resource": ours}]
    assert "load those of mappings/search_parameters" in detail(run, double, "batch")
    double.capability["rest"] = [{**rest, "resource": [{**resource(one), "searchParam": []} for one in PARTS]}]
    assert "one request for each of its resources" in detail(run, double, "batch")


def test_profiles_that_are_there(run: Run, double: FhirServerDouble) -> None:
    """Our definition of a plan is on the server, or it says that it supports it."""
    url = "https://ip-fhir.github.io/fhir/StructureDefinition/ip-CarePlan"
    double.put({"resourceType": "StructureDefinition", "id": "ip-CarePlan", "url": url})
    assert looked_at(run, double)["profiles"] == "ok"
    double.versions.clear()
    (rest,) = double.capability["rest"]
    double.capability["rest"] = [{**rest, "resource": [{**resource("CarePlan"), "supportedProfile": [url]}]}]
    assert looked_at(run, double)["profiles"] == "ok"


def test_another_version_of_fhir(run: Run, double: FhirServerDouble) -> None:
    """R5 is said to be another, and nothing more is asked."""
    double.capability["fhirVersion"] = "5.0.0"
    assert looked_at(run, double) == {"server": "fail", "readers": "warn"}


@pytest.mark.parametrize("fault", ["html", "truncates", "error inside", "redirects"])
def test_no_answer_that_can_be_read(run: Run, double: FhirServerDouble, fault: Any) -> None:
    """One line says why; exit code 1, and no words of the server's."""
    double.faults.add(fault)
    assert looked_at(run, double) == {"server": "fail", "readers": "warn"}
    assert "Kari" not in run("doctor", "--server", double.base).text


def test_an_address_in_the_clear(run: Run) -> None:
    """It is not asked; nor is one that is no address."""
    for address in ("http://server.example/fhir", "server.example"):
        ran = run("doctor", "--server", address, "--json")
        assert (ran.code, [line["status"] for line in ran.data]) == (1, ["fail"])


def test_the_token_of_a_peer(run: Run, bare_sides: Sides, tmp_path: Path) -> None:
    """With settings and the peer's name the token is shown, and no line has it; a wrong name is the caller's fault."""
    config = bare_sides.hospital
    name = "municipality"
    with fhir_server() as double:
        double.capability = capability()
        ran = run("doctor", "--config", config, "--server", double.base, "--peer", name, "--json")
        found = {line["what"]: line["status"] for line in ran.data}
    assert found["access"] == "ok"
    assert run("doctor", "--config", config, "--peer", "nobody").code == 2
    assert run("doctor", "--peer", name).code == 2


@pytest.mark.parametrize(
    "statement",
    [{}, {"rest": None}, {"rest": ["x", 7]}, {"rest": [{"resource": {"type": "CarePlan"}}]}, {"software": [1]}],
)
def test_a_statement_that_is_none(statement: Any) -> None:
    """Whatever is not as FHIR has it was not said."""
    assert Abilities.read(statement).not_named() == PARTS
    assert Abilities.read(statement).software == "unnamed"
