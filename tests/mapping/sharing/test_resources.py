"""Resources that are written fast and marked afterwards: the same JSON as if they had been data."""

import orjson
import pytest
from hypothesis import given, settings

from ip_fhir.domain.consent.protection import EVERY_PART
from ip_fhir.domain.sharing.view import PlanView
from ip_fhir.mapping.compiled import shipped
from ip_fhir.mapping.sharing.resources import WrittenResource
from ip_fhir.mapping.sharing.view import view_resources, written_view
from ip_fhir.mapping.tables.variants import FhirVersion
from tests.support.sharing_strategies import plan_views


@settings(max_examples=15)
@given(plan_views())
@pytest.mark.parametrize("version", ["R4", "R5"])
def test_a_version_stands_in_the_same_place(version: FhirVersion, shown: PlanView) -> None:
    """A struct that gets a version gives the same bytes as its JSON data do, whether or not it had a `meta`."""
    for fast in written_view(shown, shipped(version), EVERY_PART):
        slow = WrittenResource.of(fast.data())
        for one in (fast, slow):
            one.number(7)
        assert orjson.dumps(fast.data()) == orjson.dumps(slow.data())
        assert (fast.version, fast.data()["meta"]["versionId"]) == (7, "7")


@settings(max_examples=15)
@given(plan_views())
def test_types_and_ids_are_those_of_the_data(shown: PlanView) -> None:
    """Each resource of a view is known by the type and the id that stand in its JSON; the CarePlan is the last."""
    written = written_view(shown, shipped(), EVERY_PART)
    data = view_resources(shown, shipped(), EVERY_PART)
    assert [(one.type, one.id) for one in written] == [(one["resourceType"], one["id"]) for one in data]
    assert (written[-1].type, written[-1].id) == ("CarePlan", shown.plan.id)


@settings(max_examples=15)
@given(plan_views())
def test_the_terms_are_those_that_the_lens_writes(shown: PlanView) -> None:
    """Code made of the table writes the terms of a view as the lens does; an opening without area says so."""
    terms = shown.model_dump(mode="json", exclude={"plan"}, exclude_none=True)
    said = [one if "area" in one else {**one, "general": True} for one in terms["openings"]]
    made = shipped().lens("PlanView").new({**terms, "openings": said})
    root = view_resources(shown, shipped(), EVERY_PART)[-1]
    assert (root["meta"], root["extension"][0]) == (made["meta"], made["extension"][0])


def test_a_mark_of_data_leaves_the_data_as_they_are() -> None:
    """What a participant wrote is marked in a copy: it may be kept, and given back once more."""
    kept = {"resourceType": "Goal", "id": "g", "meta": {"profile": ["theirs"]}}
    resource = WrittenResource.of(kept)
    resource.number(2)
    assert resource.data()["meta"] == {"profile": ["theirs"], "versionId": "2"}
    assert kept["meta"] == {"profile": ["theirs"]}
