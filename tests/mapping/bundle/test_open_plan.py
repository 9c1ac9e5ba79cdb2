"""A plan opened in its bundle and put again: the same bundle as writing it all anew, whatever changed."""

from collections.abc import Callable
from datetime import date
from typing import Any

import orjson
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

from ip_fhir.domain.plan import IndividualPlan, PlanStatus, ReviewStatus
from ip_fhir.domain.values.value import Period
from ip_fhir.errors import InvalidInput, Problem
from ip_fhir.mapping import default, from_fhir, to_fhir_json
from ip_fhir.mapping.bundle.open_plan import put_onto
from tests.mapping.foreign_content import woven
from tests.support.strategies import plans

Change = Callable[[IndividualPlan], IndividualPlan]


def _each(field: str, **changes: Any) -> Change:
    """Every value of a list changed in the same way, the last one or none left out."""

    def change(plan: IndividualPlan) -> IndividualPlan:
        return plan.evolve(**{field: tuple(item.evolve(**changes) for item in getattr(plan, field))})

    return change


def _last(field: str, **changes: Any) -> Change:
    def change(plan: IndividualPlan) -> IndividualPlan:
        *others, last = getattr(plan, field) or (None,)
        return plan if last is None else plan.evolve(**{field: (*others, last.evolve(**changes))})

    return change


def _turned(field: str) -> Change:
    return lambda plan: plan.evolve(**{field: tuple(reversed(getattr(plan, field)))})


def _without_last(field: str) -> Change:
    return lambda plan: plan.evolve(**{field: getattr(plan, field)[:-1]})


def _team(**changes: Any) -> Change:
    def change(plan: IndividualPlan) -> IndividualPlan:
        if plan.team is None:
            return plan
        members = tuple(m.evolve(**changes) for m in plan.team.memberships)
        return plan.evolve(team=plan.team.evolve(memberships=members, name="Ansvarsgruppe"))

    return change


def _reviewed(plan: IndividualPlan) -> IndividualPlan:
    """Every review held."""
    held = (r.evolve(status=ReviewStatus.HELD, held=date(2026, 5, 6)) for r in plan.reviews)
    return plan.evolve(reviews=tuple(held))


def _result(put: Callable[[], dict[str, Any]]) -> dict[str, Any] | tuple[Problem, ...]:
    """The bundle, or why there is none: what another system has booked is not for us to move."""
    try:
        return put()
    except InvalidInput as refused:
        return refused.problems


_PERIOD = Period(start=date(2026, 3, 1), end=date(2026, 9, 1))
CHANGES: tuple[Change, ...] = (
    lambda plan: plan.evolve(title="En annen plan", note=None),
    lambda plan: plan.evolve(status=PlanStatus.ON_HOLD, period=_PERIOD, version=7),
    lambda plan: plan.evolve(legal_basis=(), contributions=(), cooperation=()),
    lambda plan: plan.evolve(author=None, coordinating_unit=None),
    lambda plan: plan.evolve(owner=plan.owner.evolve(birth_date=None, contacts=())),
    lambda plan: plan.evolve(measures=(), reviews=()),
    _each("goals", text="Et annet mål", period=_PERIOD, note=None),
    _each("measures", how="På en annen måte", extent=None, period=_PERIOD),
    _last("measures", what="Noe annet", areas=()),
    _last("reviews", how="På en annen måte", planned=date(2027, 2, 3)),
    _reviewed,
    _last("needs", text="Et annet behov", area=None),
    _last("professionals", title="En annen tittel"),
    _last("organizations", name="Et annet navn"),
    _last("resources", text="Noe annet å bygge på"),
    _turned("measures"),
    _turned("goals"),
    _without_last("measures"),
    _without_last("related_persons"),
    _team(task="En annen oppgave"),
    _team(period=_PERIOD),
)


@settings(max_examples=60)
@given(plans(), st.sampled_from(CHANGES), st.data())
def test_what_is_put_is_what_writing_it_all_gives(plan: IndividualPlan, change: Change, data: st.DataObject) -> None:
    """With others' content everywhere: the same bundle as by `put_onto`, and the plan is read back from it."""
    bundle = orjson.loads(to_fhir_json(plan))
    for entry in bundle["entry"]:
        entry["resource"] = data.draw(woven(entry["resource"]))
    for entry in bundle["entry"]:  # another system may have booked a review, which counts more than what was asked for
        resource = entry["resource"]
        if resource["resourceType"] == "Appointment" and "start" not in resource and data.draw(st.booleans()):
            resource |= {"start": "2026-04-05T10:00:00+02:00", "end": "2026-04-05T11:00:00+02:00"}
    plan = from_fhir(bundle)
    before = orjson.dumps(bundle)
    try:
        changed = change(plan)
    except InvalidInput:
        reject()  # such a plan cannot be
    mapper = default()
    whole = _result(lambda: put_onto(mapper.compiled.assembly("plan"), changed, bundle))
    assert _result(lambda: mapper.open_plan(bundle).put(changed)) == whole
    assert _result(lambda: mapper.put_plan(changed, bundle)) == whole
    assert orjson.dumps(bundle) == before
    if isinstance(whole, dict):
        assert from_fhir(whole) == changed


@settings(max_examples=30)
@given(plans())
def test_putting_what_was_read_changes_nothing(plan: IndividualPlan) -> None:
    """put(get(r), r) == r, for the plan itself and for one that is equal to it."""
    bundle = orjson.loads(to_fhir_json(plan))
    opened = default().open_plan(bundle)
    assert opened.plan == plan
    assert opened.put(opened.plan) == bundle
    assert opened.put(plan) == bundle


@given(plans())
def test_another_persons_plan_is_refused(plan: IndividualPlan) -> None:
    """A plan of somebody else is not written onto this one's bundle."""
    bundle = orjson.loads(to_fhir_json(plan))
    owner = plan.owner.evolve(id="somebody-else")
    other = IndividualPlan(id=plan.id, owner=owner, created=plan.created)
    with pytest.raises(InvalidInput, match="about another person"):
        default().open_plan(bundle).put(other)
