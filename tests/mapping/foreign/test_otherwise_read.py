"""Places that are read otherwise than they stand there: each is told with its FHIRPath, and stays as it is on put.

The field cases and their right values are in the shared data (field/README.md: rows 12, 12b, 13, 16 to 18b).
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ip_fhir.domain.consent.consent import Access
from ip_fhir.domain.plan import IndividualPlan, MeasureStatus
from ip_fhir.domain.team import TeamRole
from ip_fhir.domain.values.value import read
from ip_fhir.mapping import from_fhir, from_fhir_json, put_plan, read_fhir, to_fhir
from ip_fhir.mapping.compiled import shipped
from tests.support import strategies as make
from tests.support.growing import plan as a_plan

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

JSON = dict[str, Any]
SERIES = "urn:oid:2.16.578.1.12.4.1.4."


def _kept(plan: IndividualPlan, bundle: JSON) -> None:
    """Writing the plan that was read changes nothing; a new title changes nothing but that."""
    before = copy.deepcopy(bundle)
    assert put_plan(plan, bundle) == before
    assert "Ny" not in orjson.dumps(before).decode()
    titled = put_plan(plan.evolve(title="Ny"), bundle)
    for old, new in zip(before["entry"], titled["entry"], strict=True):
        assert {k: v for k, v in new["resource"].items() if k != "title"} == old["resource"]


def _no(plan: IndividualPlan) -> bool:
    return [(c.access, c.provisions) for c in plan.consents] == [(Access.DENY, ())]


def _roles(plan: IndividualPlan) -> list[tuple[TeamRole, str | None]]:
    return [] if plan.team is None else [(m.role, m.role_text) for m in plan.team.memberships]


FIELD: dict[str, tuple[str, Callable[[IndividualPlan], Any]]] = {
    "12-consent-inactive": ("entry[2].resource", lambda p: p.consents == ()),
    "12b-consent-attachment-no-title": ("entry[2].resource.sourceAttachment.title", _no),
    "13-team-snomed-role": (
        "entry[2].resource.participant[0].role",
        lambda p: _roles(p) == [(TeamRole.OTHER, "Sykepleier")],
    ),
    "16-goal-start-month-only": ("entry[2].resource.startDate", lambda p: str(p.goals[0].period.start) == "2026-05-01"),
    "17-measure-coded-without-words": (
        "entry[2].resource.code.coding[0].code",
        lambda p: [m.what for m in p.measures] == ["229070002"],
    ),
    "17b-activity-status-unknown": (
        "entry[1].resource.activity[0].detail.status",
        lambda p: [m.status for m in p.measures] == [MeasureStatus.NOT_STARTED],
    ),
    "18-fnr-under-dnumber-oid": (
        "entry[0].resource.identifier[0].system",
        lambda p: p.owner.identifier == "17851950222",
    ),
    "18b-fnr-and-dnumber-no-warning": (
        "entry[0].resource.identifier[0]",
        lambda p: p.owner.identifier == "17912099997",
    ),
}


@pytest.mark.parametrize("name", FIELD)
def test_field_cases(shared_data: Path, name: str) -> None:
    """Each is read with its right value, told at its place, and kept."""
    bundle = orjson.loads((shared_data / "field" / f"{name}.json").read_bytes())
    place, holds = FIELD[name]
    found = read_fhir(bundle)
    assert holds(found.plan)
    told = [warning for warning in found.warnings if warning.path == f"Bundle.{place}"]
    assert len(told) == 1
    assert told[0].reason != "is not read"
    assert {warning.severity for warning in found.warnings} == {"warning"}
    assert "17851950222" not in str(found.warnings)
    _kept(found.plan, bundle)


def _foreign(*resources: JSON, plan: JSON | None = None, patient: JSON | None = None) -> JSON:
    """A plan of another system; the CarePlan is entry 1, what is given follows."""
    person = {"resourceType": "Patient", "id": "p", "name": [{"family": "Ås"}], **(patient or {})}
    root = {"resourceType": "CarePlan", "id": "c", "status": "active", "intent": "plan", "created": "2026-01-02"}
    root |= {"subject": {"reference": "Patient/p"}, **(plan or {})}  # type: ignore[dict-item]
    entries = [{"resource": resource} for resource in (person, root, *copy.deepcopy(resources))]
    return {"resourceType": "Bundle", "type": "collection", "entry": entries}


def _goal(**changes: Any) -> JSON:
    goal = {"resourceType": "Goal", "id": "g", "lifecycleStatus": "active", "description": {"text": "Gå tur"}}
    return _foreign(
        {**goal, "subject": {"reference": "Patient/p"}, **changes}, plan={"goal": [{"reference": "Goal/g"}]}
    )


def _activity(**detail: Any) -> JSON:
    made = {"code": {"text": "Trening"}, "status": "scheduled", **detail}
    kept = {name: value for name, value in made.items() if value is not None}
    return _foreign(plan={"activity": [{"detail": kept}]})


# --- dates of a month or a year -----------------------------------------------------------------------

DATES: list[tuple[JSON, str, Callable[[IndividualPlan], Any], str | None]] = [
    (_foreign(patient={"birthDate": "1950"}), "0:birthDate", lambda p: p.owner.birth_date, None),
    (_foreign(patient={"deceasedDateTime": "2025-03"}), "0:deceasedDateTime", lambda p: p.owner.deceased, "2025-03-01"),
    (_foreign(plan={"period": {"start": "2026"}}), "1:period.start", lambda p: p.period.start, "2026-01-01"),
    (_foreign(plan={"period": {"end": "2024-02"}}), "1:period.end", lambda p: p.period.end, "2024-02-29"),
    (_foreign(plan={"created": "2026-02"}), "1:created", lambda p: p.created.date(), "2026-02-01"),
    (_goal(startDate="2026"), "2:startDate", lambda p: p.goals[0].period.start, "2026-01-01"),
    (_goal(target=[{"dueDate": "2026-05"}]), "2:target[0].dueDate", lambda p: p.goals[0].period.end, "2026-05-31"),
    (_goal(statusDate="2026-05"), "2:statusDate", lambda p: p.goals[0].status_date, None),
    (
        _activity(scheduledPeriod={"start": "2026-05"}),
        "1:activity[0].detail.scheduledPeriod.start",
        lambda p: p.measures[0].period.start,
        "2026-05-01",
    ),
    (
        _activity(scheduledPeriod={"end": "2026"}),
        "1:activity[0].detail.scheduledPeriod.end",
        lambda p: p.measures[0].period.end,
        "2026-12-31",
    ),
]


@pytest.mark.parametrize(("bundle", "place", "value", "expected"), DATES, ids=[place for _, place, *_ in DATES])
def test_a_month_or_a_year_is_a_bound_or_no_day(
    bundle: JSON, place: str, value: Callable[[IndividualPlan], Any], expected: str | None
) -> None:
    """A period's start is its first day, its end its last, as FHIR says; any other day is left unread. All is kept."""
    found = read_fhir(bundle)
    said = value(found.plan)
    assert (None if said is None else str(said)) == expected
    number, _, path = place.partition(":")
    told = {w.path: w.reason for w in found.warnings}
    assert told[f"Bundle.entry[{number}].resource.{path}"].startswith("is a year or a month alone")
    _kept(found.plan, bundle)


def test_of_our_own_it_is_the_same() -> None:
    """A server that keeps a month of a date in a plan of ours does not refuse the plan, by text or by tree."""
    bundle = to_fhir(a_plan(goals=[{"id": "g", "text": "Gå tur"}]))
    goal = next(e for e in bundle["entry"] if e["resource"]["resourceType"] == "Goal")
    goal["resource"]["startDate"] = "2026-05"
    found = read_fhir(bundle)
    assert str(found.plan.goals[0].period.start) == "2026-05-01"
    assert [warning.reason for warning in found.warnings] == ["is a year or a month alone: read as its first day"]
    assert from_fhir_json(orjson.dumps(bundle)) == from_fhir(bundle) == found.plan
    assert put_plan(found.plan, bundle) == bundle


def test_another_day_takes_the_place_of_a_month() -> None:
    """Only a day that differs from what was read is written."""
    bundle = _goal(startDate="2026-05")
    data = from_fhir(bundle).to_data()
    data["goals"][0]["period"]["start"] = "2026-05-02"
    written = put_plan(read(IndividualPlan, data), bundle)
    assert written["entry"][2]["resource"]["startDate"] == "2026-05-02"


@settings(max_examples=30)
@given(
    start=st.dates().map(str),
    end=st.dates().map(str),
    cut=st.sampled_from([(10, 7), (7, 10), (4, 7), (7, 4), (4, 4)]),
)
def test_periods_of_any_precision_are_kept(start: str, end: str, cut: tuple[int, int]) -> None:
    """Whatever parts of two days in order are left: the plan is read, the bounds enclose the days, all is kept."""
    start, end = sorted((start, end))
    bundle = _foreign(plan={"period": {"start": start[: cut[0]], "end": end[: cut[1]]}})
    plan = from_fhir(bundle)
    assert str(plan.period.start) <= start
    assert end <= str(plan.period.end)
    assert put_plan(plan, bundle) == bundle


# --- words and codes ----------------------------------------------------------------------------------

SNOMED = {"system": "http://snomed.info/sct", "code": "229070002"}
WORDS: list[tuple[JSON, str, str]] = [
    ({"coding": [SNOMED]}, "229070002", "coding[0].code"),
    ({"coding": [SNOMED, {"display": "Gangtrening"}]}, "Gangtrening", "coding[1].display"),
    ({"coding": [SNOMED], "text": "Gåing"}, "Gåing", "coding"),
]


@pytest.mark.parametrize(("concept", "words", "place"), WORDS, ids=[words for _, words, _ in WORDS])
def test_words_are_text_or_display_or_code(concept: JSON, words: str, place: str) -> None:
    """Of a measure, a goal and a need; the places are told, and so is a coding that is not read."""
    need = {"resourceType": "Condition", "id": "k", "code": concept, "subject": {"reference": "Patient/p"}}
    cases: list[tuple[JSON, str, Callable[[IndividualPlan], str]]] = [
        (_activity(code=concept), "1:activity[0].detail.code", lambda p: p.measures[0].what),
        (_goal(description=concept), "2:description", lambda p: p.goals[0].text),
        (_foreign(need, plan={"addresses": [{"reference": "Condition/k"}]}), "2:code", lambda p: p.needs[0].text),
    ]
    for bundle, path, said in cases:
        found = read_fhir(bundle)
        assert said(found.plan) == words
        number, _, above = path.partition(":")
        assert f"Bundle.entry[{number}].resource.{above}.{place}" in [w.path for w in found.warnings]
        _kept(found.plan, bundle)


@pytest.mark.parametrize("status", ["unknown", None])
def test_an_activity_of_unknown_status_has_not_begun(status: str | None) -> None:
    """As the domain takes a measure of which nothing is said: told, kept, and written when it is known."""
    bundle = _activity(status=status)
    found = read_fhir(bundle)
    assert found.plan.measures[0].status is MeasureStatus.NOT_STARTED
    at = "Bundle.entry[1].resource.activity[0].detail.status"
    assert [w.reason for w in found.warnings if w.path == at] == [
        "says nothing that is known here: taken as 'not-started'"
    ]
    _kept(found.plan, bundle)
    data = found.plan.to_data()
    data["measures"][0]["status"] = "completed"
    done = put_plan(read(IndividualPlan, data), bundle)
    assert done["entry"][1]["resource"]["activity"][0]["detail"]["status"] == "completed"
    again = put_plan(found.plan, done)
    assert again["entry"][1]["resource"]["activity"][0]["detail"]["status"] == "not-started"


OUT_OF_SIGHT: list[tuple[JSON, str, str]] = [
    (_goal(lifecycleStatus="done"), "entry[2].resource", "has an unknown code in lifecycleStatus: not read"),
    (_goal(description={}), "entry[2].resource", "has no description, which a plan needs: not read"),
    (_activity(status="done"), "entry[1].resource.activity", "is not read"),
]


@pytest.mark.parametrize(("bundle", "place", "reason"), OUT_OF_SIGHT, ids=[reason for *_, reason in OUT_OF_SIGHT])
def test_a_part_that_cannot_be_read_leaves_the_plan_readable(bundle: JSON, place: str, reason: str) -> None:
    """It lacks what the domain must have, or has a code that means nothing: out of sight, told, kept."""
    found = read_fhir(bundle)
    assert (found.plan.goals, found.plan.measures) == ((), ())
    assert reason in [w.reason for w in found.warnings if w.path.startswith(f"Bundle.{place}")]
    _kept(found.plan, bundle)


# --- numbers ------------------------------------------------------------------------------------------


def test_an_invalid_number_is_refused_and_an_old_one_is_no_second() -> None:
    """Only numbers in use are told of."""
    numbers = [
        {"system": f"{SERIES}1", "value": "17851950222"},
        {"system": f"{SERIES}2", "value": "57912075186", "use": "old"},
    ]
    found = read_fhir(_foreign(patient={"identifier": numbers}))
    assert [w.reason for w in found.warnings] == ["is not read"] or found.warnings == ()
    assert found.plan.owner.identifier == "17851950222"


# --- the channel --------------------------------------------------------------------------------------


def test_only_what_may_tell_is_asked() -> None:
    """A table without such rows tells nothing, whatever it reads: asking costs one look."""
    lenses = shipped().lenses
    assert not lenses["Attachment"].inner.telling
    assert lenses["CarePlan"].inner.telling
    assert list(lenses["Attachment"].inner.tells({"title": "x"}, None, ())) == []  # type: ignore[arg-type]  # not looked at


@settings(max_examples=15)
@given(plan=make.plans())
def test_of_a_plan_of_ours_nothing_is_told(plan: IndividualPlan) -> None:
    """Whatever a plan says: what we write is read as it stands there."""
    assert read_fhir(to_fhir(plan)).warnings == ()
