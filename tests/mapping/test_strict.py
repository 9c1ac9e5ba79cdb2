"""`strict=True`: FHIR's own models judge what is read and written, also where no row looks."""

from collections.abc import Callable
from typing import Any

import pytest

from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.errors import InvalidInput
from ip_fhir.mapping import from_fhir, put_plan, to_fhir
from ip_fhir.mapping.tables.variants import FhirVersion
from tests.mapping.examples import example


@pytest.mark.parametrize("version", ["R4", "R5"])
@pytest.mark.parametrize("plan", [example(number) for number in range(1, 6)], ids=lambda plan: plan.id)
def test_what_we_write_passes(plan: IndividualPlan, version: FhirVersion) -> None:
    """Every example plan, written and read strictly, in both versions, is what it was."""
    bundle = to_fhir(plan, version=version, strict=True)
    assert from_fhir(bundle, version=version, strict=True) == plan
    assert put_plan(plan, bundle, version=version, strict=True) == bundle


def _no_list(bundle: dict[str, Any]) -> None:
    bundle["entry"][0]["resource"]["maritalStatus"] = [{"text": "x"}]


def _unknown_element(bundle: dict[str, Any]) -> None:
    bundle["entry"][0]["resource"]["nickname"] = "x"


def _unknown_type(bundle: dict[str, Any]) -> None:
    bundle["entry"].append({"fullUrl": "urn:uuid:1", "resource": {"resourceType": "Dossier"}})


@pytest.mark.parametrize(
    ("break_", "place"),
    [
        (_no_list, "Bundle.entry[0].resource.maritalStatus"),
        (_unknown_element, "Bundle.entry[0].resource.nickname"),
        (_unknown_type, "resource.resourceType"),
    ],
)
def test_what_no_row_looks_at_is_refused_with_its_place(break_: Callable[[dict[str, Any]], None], place: str) -> None:
    """Wrong cardinality, an unknown element, an unknown type: read without `strict`, refused with it, by FHIRPath."""
    plan = example(1)
    bundle = to_fhir(plan)
    break_(bundle)
    assert from_fhir(bundle) == plan
    for strictly in (lambda: from_fhir(bundle, strict=True), lambda: put_plan(plan, bundle, strict=True)):
        with pytest.raises(InvalidInput) as caught:
            strictly()
        assert any(place in problem.path for problem in caught.value.problems)
