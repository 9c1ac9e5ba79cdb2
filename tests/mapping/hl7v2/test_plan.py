"""A plan as PPG: what PPG holds comes back, the rest is told; PPP, PTR and CCM are read; nothing is guessed."""

from typing import Any

import pytest
from hypothesis import given, settings

from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.reading import DEFAULT_LIMITS
from ip_fhir.hl7v2.message import new, read
from ip_fhir.mapping import default, plan_from_hl7v2, plan_to_hl7v2
from tests.mapping.hl7v2.samples import MSH, NOTICE, PID, value_of
from tests.support import strategies as make

HEAD = MSH.replace("REF^I12^REF_I12", "PPG^PCG^PPG_PCG")
PTH = "PTH|AD|A02-2^Individuell plan^2.16.578.1.12.4.1.1.9602|plan-03^NORDVIK|20260301|active^Active^99IPST"
GOAL = "GOL|AD|20260301|goal^Gå til butikken^99IP|goal-1^NORDVIK||1|20260301|20260601"
NEED = "PRB|AD|20260301|need^Hjelp til trening^99IP|need-1^NORDVIK"
ORDER = ("ORC|NW|measure-1^NORDVIK|||IP", "OBR|1|measure-1^NORDVIK||measure^Gangtrening^99IP")
WHOLE = (HEAD, PID, PTH, GOAL, NEED, *ORDER)

PARTS = {"goals": "V2Goal", "needs": "V2Problem", "measures": "V2Order"}


def carried(plan: IndividualPlan) -> dict[str, Any]:
    """What PPG holds of a plan: measures and the goals of each in no order, since they stand under goals."""
    data = plan.to_data()
    found: dict[str, Any] = {name: data.get(name) for name in ("id", "status", "period", "title", "note")}
    for name, table in PARTS.items():
        left = set(default().tables.fields[table].elsewhere) - {"goals"}
        items = [{k: v for k, v in item.items() if k not in left} for item in data.get(name, ())]
        found[name] = sorted(({**i, "goals": sorted(i.get("goals", ()))} for i in items), key=lambda i: str(i["id"]))
    return found


@settings(max_examples=40)
@given(make.plans())
def test_what_ppg_holds_comes_back(plan: IndividualPlan) -> None:
    """Plan, goals, needs and measures; every field that is left out is told."""
    try:
        made = plan_to_hl7v2(plan)
    except InvalidInput as error:
        paths = {problem.path.partition(".")[0] for problem in error.problems}
        assert paths <= {"measures", "needs"}
        assert not plan.goals or any(not measure.goals for measure in plan.measures)
        return
    told = plan_from_hl7v2(read(new(made.value).to_bytes(), DEFAULT_LIMITS).value).plan
    assert carried(told) == carried(plan)
    assert told.owner.name == plan.owner.name
    left = {problem.path for problem in made.warnings}
    for name in ("resources", "contributions", "cooperation", "reviews", "team", "consents", "related_persons"):
        assert (name in left) == bool(getattr(plan, name)), name


def test_every_place_of_the_plan_is_read() -> None:
    """Our own PPG by hand."""
    told = plan_from_hl7v2(value_of(*WHOLE))
    assert [goal.text for goal in told.plan.goals] == ["Gå til butikken"]
    assert [need.text for need in told.plan.needs] == ["Hjelp til trening"]
    assert [(one.what, one.goals) for one in told.plan.measures] == [("Gangtrening", ("goal-1",))]
    assert [warning.path for warning in told.warnings] == ["MSH-7"]


@pytest.mark.parametrize(
    ("event", "segments"),
    [
        ("PPP^PCB^PPP_PCB", (PTH, NEED, GOAL)),
        ("CCM^I21^CCM_I21", ("PV1|1|O", NEED, GOAL, PTH)),
    ],
)
def test_other_messages_about_pathways(event: str, segments: tuple[str, ...]) -> None:
    """Goals and needs are read wherever they stand."""
    version = "2.8" if event.startswith("CCM") else "2.5.1"
    head = MSH.replace("REF^I12^REF_I12", event).replace("|2.5.1|", f"|{version}|")
    told = plan_from_hl7v2(value_of(head, PID, *segments)).plan
    assert ([g.id for g in told.goals], [n.id for n in told.needs]) == (["goal-1"], ["need-1"])


def test_a_measure_under_two_goals() -> None:
    """It is one, with both goals; with other words under the second it is refused."""
    second = GOAL.replace("goal-1", "goal-2")
    told = plan_from_hl7v2(value_of(*WHOLE, second, *ORDER)).plan
    assert [one.goals for one in told.measures] == [("goal-1", "goal-2")]
    with pytest.raises(InvalidInput) as caught:
        plan_from_hl7v2(value_of(*WHOLE, second, ORDER[0], ORDER[1].replace("Gangtrening", "Svømming")))
    assert [problem.path for problem in caught.value.problems] == ["ORC-2"]


@pytest.mark.parametrize(
    ("segments", "place"),
    [
        (NOTICE, "MSH-9"),
        ((HEAD, PID, PTH, PTH.replace("plan-03", "plan-04")), "PTH"),
        ((HEAD, PID, PTH, GOAL.replace("goal-1^NORDVIK", "")), "GOL-4.1"),
        ((HEAD, PID, PTH.replace("active^Active^99IPST", ""), GOAL), "PTH-5"),
    ],
)
def test_what_is_no_plan(segments: tuple[str, ...], place: str) -> None:
    """Another message, two pathways, a goal without an id, a plan without a status."""
    with pytest.raises(InvalidInput) as caught:
        plan_from_hl7v2(value_of(*segments))
    assert [problem.path for problem in caught.value.problems] == [place]
