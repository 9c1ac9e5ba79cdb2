"""Parts of resources: `_summary` and `_elements`, which say that they are parts, and are not taken for the whole."""

from __future__ import annotations

import csv
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from ip_fhir.exchange.plans.rest import SERVED
from ip_fhir.exchange.rest import SEARCH_PARAMETERS
from ip_fhir.fhir.references import references_in
from ip_fhir.web.fhir.subsets import IN_SUMMARY, KEPT
from tests.support.rest_caller import Caller, refused

pytestmark = pytest.mark.usefixtures("three")

TYPES = sorted({*SEARCH_PARAMETERS, *SERVED})
TAG = "SUBSETTED"


def is_tagged(resource: dict[str, Any]) -> bool:
    """True if a resource says that it is a part."""
    return [one["code"] for one in resource["meta"].get("tag", [])] == [TAG]


@pytest.mark.parametrize("type_", TYPES)
def test_the_elements_are_those_of_the_standard(type_: str) -> None:
    """Always kept are what must be there and what changes the meaning; a summary has the elements that FHIR marks."""
    model = getattr(import_module(f"fhir.resources.R4B.{type_.lower()}"), type_)
    fields = {one.alias or name: one.json_schema_extra or {} for name, one in model.model_fields.items()}
    named = {name: extra for name, extra in fields.items() if not name.startswith("_")}
    required = {name for name, extra in named.items() if extra.get("element_required")}
    with (Path(__file__).parents[3] / "mappings" / "modifiers.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(line for line in file if line[0] != "#") if row["fhir"] == "R4"]
    places = [row["element"].split(".") for row in rows if row["what"] == "modifier"]
    modifiers = {one[1] for one in places if one[0] == type_ and len(one) == 2}
    modifiers = {
        name for name in named if any(name == one or (name.startswith(one[:-3]) and "[x]" in one) for one in modifiers)
    }
    kept = set(KEPT.get(type_, "").split())
    assert (required | modifiers) - {"meta"} <= kept, type_
    summary = {name for name, extra in named.items() if extra.get("summary_element_property")}
    assert summary - kept - {"id", "meta", "implicitRules"} == set(IN_SUMMARY[type_].split()) - kept, type_


def test_a_summary(caller: Caller) -> None:
    """It has the elements of a summary and the tag; what it refers to inside is inside; the ETag is the version's."""
    whole = caller.get("ServiceRequest/referral-01")
    short = caller.get("ServiceRequest/referral-01?_summary=true")
    part = short.json()
    assert is_tagged(part)
    assert short.headers["etag"] == whole.headers["etag"]
    assert {"status", "intent", "subject", "code", "requester", "performer"} <= part.keys()
    assert part.keys() <= whole.json().keys()
    inside = {f"#{one['id']}" for one in part["contained"]}
    assert {one for one in references_in(part) if one.startswith("#")} == inside
    assert len(inside) < len(whole.json()["contained"])


def test_elements(caller: Caller) -> None:
    """The named ones, with what must be there and what changes the meaning; in searches and for what goes along too."""
    part = caller.get("Task/referral-01-1?_elements=owner,note").json()
    assert set(part) == {"resourceType", "id", "meta", "status", "intent", "owner"}
    assert is_tagged(part)
    assert set(caller.get("Task/referral-01-1?_elements=Task.owner").json()) == set(part)
    bundle = caller.found("Task?_elements=owner&_include=Task:focus&_count=1")
    assert [is_tagged(one["resource"]) for one in bundle["entry"]] == [True, True]
    following = next(one["url"] for one in bundle["link"] if one["relation"] == "next")
    assert all(is_tagged(one["resource"]) for one in caller.found(following)["entry"])


def test_text_and_data(caller: Caller) -> None:
    """`text` leaves the narrative with what must be there, `data` all but the narrative, `false` everything."""
    whole = caller.get("Task/referral-01-1").json()
    assert set(caller.get("Task/referral-01-1?_summary=text").json()) == {
        "resourceType", "id", "meta", "status", "intent",
    }  # fmt: skip
    data = caller.get("Task/referral-01-1?_summary=data").json()
    assert is_tagged(data)
    assert data.keys() == whole.keys() - {"text"}
    assert caller.get("Task/referral-01-1?_summary=false").json() == whole


@pytest.mark.parametrize(
    "query", ["_summary=yes", "_summary=count", "_elements=a.b", "_elements=", "_summary=true&_elements=owner"]
)
def test_a_part_that_there_is_not(caller: Caller, query: str) -> None:
    """Is refused, before anything is read."""
    assert caller.get(f"Task/referral-01-1?{query}").status_code == 400


def test_a_part_is_not_put_back(caller: Caller) -> None:
    """It is refused: what was left out of it would be deleted."""
    part = caller.get("Task/referral-01-1?_summary=true").json()
    refused(caller.put("Task/referral-01-1", part, If_Match='W/"1"'), 422, "business-rule")
    assert "for" in caller.get("Task/referral-01-1").json()
