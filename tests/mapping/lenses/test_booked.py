"""A review that another system has booked: its start is the day that it is planned for, and only they move it."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from ip_fhir.domain.plan import IndividualPlan, ReviewStatus
from ip_fhir.domain.values.value import read
from ip_fhir.errors import InvalidInput
from ip_fhir.mapping import from_fhir, from_fhir_json, put_plan, to_fhir
from ip_fhir.mapping.tables.variants import VERSIONS, FhirVersion
from tests.mapping.examples import JSON, PLANS, number_of
from tests.mapping.json_diff import differences

PLANNED, HELD = "review-planned", "review-held"
DATA: dict[str, Any] = {
    **read(IndividualPlan, PLANS[0].read_bytes()).to_data(),
    "reviews": [
        {"id": PLANNED, "kind": "follow-up", "planned": "2026-05-04", "status": "planned"},
        {"id": HELD, "kind": "evaluation", "planned": "2026-02-02", "status": "held", "held": "2026-02-03"},
    ],
}
PLAN = read(IndividualPlan, DATA)
TIMES = {"start": "2026-05-06T09:00:00+02:00", "end": "2026-05-06T10:00:00+02:00"}  # a Wednesday, not the Monday

versions = pytest.mark.parametrize("version", VERSIONS)


def booked(version: FhirVersion, *, asked: bool = True, status: str = "booked") -> JSON:
    """The plan's bundle after another system has set a time; without `asked` it keeps no requestedPeriod."""
    there = to_fhir(PLAN, version=version)
    appointment = there["entry"][number_of(there, "Appointment", PLANNED)]["resource"]
    appointment |= {**TIMES, "status": status}
    if not asked:
        del appointment["requestedPeriod"]
    return there


def with_review(ident: str, **fields: Any) -> IndividualPlan:
    """The plan as read from the booked bundle, with a review changed."""
    reviews = [{**r, **({"planned": "2026-05-06"} if r["id"] == PLANNED else {})} for r in DATA["reviews"]]
    changed = [{**r, **fields} if r["id"] == ident else r for r in reviews]
    cleared = [{name: value for name, value in r.items() if value is not None} for r in changed]
    return read(IndividualPlan, {**DATA, "reviews": cleared})


@versions
@pytest.mark.parametrize("asked", [True, False])
@pytest.mark.parametrize("status", ["booked", "pending", "cancelled", "noshow"])
def test_the_booked_day_is_the_planned_one(version: FhirVersion, status: str, *, asked: bool) -> None:
    """It was not held, and it is planned for the day that was booked; writing that changes nothing."""
    there = booked(version, asked=asked, status=status)
    plan = from_fhir(there, version=version)
    review = next(r for r in plan.reviews if r.id == PLANNED)
    assert (str(review.planned), review.held) == ("2026-05-06", None)
    assert review.status is (ReviewStatus.CANCELLED if status in ("cancelled", "noshow") else ReviewStatus.PLANNED)
    assert from_fhir_json(orjson.dumps(there), version=version) == plan
    assert put_plan(plan, there, version=version) == there


@versions
@pytest.mark.parametrize("asked", [True, False])
def test_it_is_held_on_the_booked_day(version: FhirVersion, *, asked: bool) -> None:
    """Held as booked: the status alone changes, and the hours stay as they were booked."""
    there = booked(version, asked=asked)
    held = with_review(PLANNED, status="held", held="2026-05-06", planned="2026-05-04" if asked else "2026-05-06")
    changed = put_plan(held, there, version=version)
    number = number_of(there, "Appointment", PLANNED)
    assert differences(there, changed) == [f"entry[{number}].resource.status"]
    assert from_fhir(changed, version=version) == held


@versions
def test_it_is_held_on_another_day(version: FhirVersion) -> None:
    """The day it was held takes the booking's place; the day it was booked for is kept as asked for."""
    there = booked(version, asked=False)
    held = with_review(PLANNED, status="held", held="2026-05-07")
    changed = put_plan(held, there, version=version)
    appointment = changed["entry"][number_of(changed, "Appointment", PLANNED)]["resource"]
    assert appointment["start"] == "2026-05-07T00:00:00+02:00"
    assert appointment["requestedPeriod"] == [{"start": "2026-05-06"}]
    assert from_fhir(changed, version=version) == held


@versions
def test_a_booking_is_not_moved(version: FhirVersion) -> None:
    """Another day in the plan: refused at the booking, which is another system's."""
    there = booked(version)
    with pytest.raises(InvalidInput) as refused:
        put_plan(with_review(PLANNED, planned="2026-06-01"), there, version=version)
    (problem,) = refused.value.problems
    number = number_of(there, "Appointment", PLANNED)
    assert (problem.path, problem.code) == (f"Bundle.entry[{number}].resource.start", "business-rule")
    assert "was set by another system, who must change it" in str(problem)


@versions
def test_a_booking_may_be_cancelled(version: FhirVersion) -> None:
    """Cancelled on the day it was booked for: the status alone."""
    there = booked(version)
    changed = put_plan(with_review(PLANNED, status="cancelled"), there, version=version)
    number = number_of(there, "Appointment", PLANNED)
    assert differences(there, changed) == [f"entry[{number}].resource.status"]


@versions
def test_what_was_not_held_after_all(version: FhirVersion) -> None:
    """Taken back, the day it was held goes, and it is planned for the day it was planned for."""
    there = to_fhir(PLAN, version=version)
    back = PLAN.evolve(
        reviews=tuple(r.evolve(status=ReviewStatus.PLANNED, held=None) if r.id == HELD else r for r in PLAN.reviews)
    )
    changed = put_plan(back, there, version=version)
    appointment = changed["entry"][number_of(changed, "Appointment", HELD)]["resource"]
    assert not {"start", "end"} & set(appointment)
    assert from_fhir(changed, version=version) == back
    assert put_plan(PLAN, changed, version=version) == there
