"""What the endpoint itself says is valid FHIR R4 too: CapabilityStatement, receipts, search results, refusals."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, cast, get_args

import pytest
from starlette.responses import Response

from ip_fhir.errors import InvalidInput, Problem
from ip_fhir.exchange.interactions.search import Page
from ip_fhir.exchange.interactions.versions import Versions
from ip_fhir.exchange.plans.rest import PlanCriteria
from ip_fhir.fhir.capability import capability_statement
from ip_fhir.fhir.outcome import outcome_of
from ip_fhir.fhir.receipt import receipt_to_fhir
from ip_fhir.mapping import default
from ip_fhir.ports import Receipt, ReceiptCode, ResourceVersion
from ip_fhir.ports.subscriptions import KeptSubscription
from ip_fhir.testing.store.subscriptions import subscription
from ip_fhir.web.fhir.asked import Asked
from ip_fhir.web.fhir.capabilities import loop_capabilities
from ip_fhir.web.fhir.doors import Door, Doors
from ip_fhir.web.fhir.histories import history_bundle, history_query
from ip_fhir.web.fhir.loops import Loops
from ip_fhir.web.fhir.subsets import Shape
from ip_fhir.web.plans import PlanQuery, Plans, change_operation, plan_capabilities, plan_searchset, view_operation
from ip_fhir.web.searching import Query, searchset
from ip_fhir.web.subscriptions.doors import subscription_capabilities
from ip_fhir.web.subscriptions.resource import shown
from tests.conformance import made
from tests.conformance.judge import Validator, Verdict
from tests.conformance.made import JsonObject
from tests.support.hook import wanted

if TYPE_CHECKING:
    from ip_fhir.exchange import Exchange

pytestmark = [pytest.mark.timeout(900), pytest.mark.slow]

NOW = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
URL = "https://nordvik.example/fhir"
PROBLEMS = (Problem("Bundle.entry[0].resource.status", "is required", "required"), Problem("", "too long", "too-long"))


def said(checkout: Path) -> Iterator[JsonObject]:
    """One of everything that the endpoint may answer with, besides the resources themselves."""
    profiles = default().compiled.profiles
    served = [*loop_capabilities(Doors(Loops(cast("Exchange", None)).doors()), profiles)]
    served += plan_capabilities(URL, Doors(Plans(cast("Exchange", None)).doors()), profiles)
    served += subscription_capabilities(Doors(subscription_doors()))
    yield capability_statement(URL, "1.0.0", NOW, served, "Messages.")
    yield from subscriptions()
    yield view_operation(URL)
    yield change_operation(URL)
    yield outcome_of(InvalidInput(PROBLEMS))
    message = next(bundle for bundle in made.example_bundles(checkout) if bundle["type"] == "message")
    for code in get_args(ReceiptCode):
        problems = () if code == "ok" else PROBLEMS
        yield receipt_to_fhir(Receipt(message["id"], code, problems), message, NOW, URL)
    tasks = {r["id"]: r for r in made.example_referrals(checkout) if r["resourceType"] == "Task"}
    found = [ResourceVersion("Task", str(task["id"]), 1, task, NOW) for task in list(tasks.values())[:3]]
    yield searchset(URL, "Task", Query({"status": "requested"}), Page(found[:1], 2, "next"))
    yield searchset(URL, "Task", Query({}), Page([], 0))
    yield searchset(
        URL, "Task", Query({}, shape=Shape("true"), ignored=("colour",)), Page(found[:1], 1, None, found[1:])
    )
    about = history_query("Task", Asked("GET"))
    yield history_bundle(URL, f"Task/{found[0].id}", about, Versions(found[:1], 2, 2))
    by_person = PlanQuery(PlanCriteria(person="a-number"), 100)
    yield plan_searchset(URL, "CarePlan", by_person, Page([], 0))


def subscription_doors() -> Iterator[Door]:
    """The doors of Subscription, with nobody behind them."""
    for method, path, name in (
        ("POST", "", "create"),
        ("GET", "/{id}", "read"),
        ("PUT", "/{id}", "update"),
        ("DELETE", "/{id}", "delete"),
        ("GET", "", "search-type"),
    ):
        yield Door(method, f"Subscription{path}", name, lambda _peer, _asked: Response())


def subscriptions() -> Iterator[JsonObject]:
    """A Subscription as its client reads it, at work and given up."""
    body = {name: value for name, value in wanted("https://hospital.example/hook").items() if name != "status"}
    for status, error in (("active", None), ("error", "hospital.example: HTTP 500")):
        one = replace(subscription(status=status, error=error), body=body)
        yield shown(KeptSubscription(one, 1, 0), NOW)


def test_what_the_endpoint_says(validator: Validator, verdict: Verdict, checkout: Path) -> None:
    """No error, and no warning that is not let through."""
    kinds = []
    for resource in said(checkout):
        kinds.append(resource["resourceType"])
        assert verdict.objections(validator.judge(resource)) == [], resource["resourceType"]
    assert {"CapabilityStatement", "Subscription", "OperationDefinition", "OperationOutcome", "Bundle"} == set(kinds)
