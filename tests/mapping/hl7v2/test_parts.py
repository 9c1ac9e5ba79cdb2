"""PPR, PGL and CCR: the parts of a plan that they hold, and what they change in a known one; the rest is told."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from ip_fhir.domain.plan import Achievement, Goal, GoalStatus, IndividualPlan, Measure, Need
from ip_fhir.domain.values.value import Period
from ip_fhir.errors import InvalidInput
from ip_fhir.mapping import default, parts_from_hl7v2, plan_from_hl7v2, plan_to_hl7v2, plan_with_hl7v2
from tests.mapping.hl7v2.samples import MSH, NOTICE, PID, value_of

PGL = MSH.replace("REF^I12^REF_I12", "PGL^PC7^PGL_PC6")
PPR = MSH.replace("REF^I12^REF_I12", "PPR^PC1^PPR_PC1")
PPG = MSH.replace("REF^I12^REF_I12", "PPG^PCH^PPG_PCG")
CCR = MSH.replace("REF^I12^REF_I12", "CCR^I16^CCR_I16").replace("|2.5.1|", "|2.8|")
GOAL = "GOL|UP|20260401|goal^Gå til butikken^99IP|goal-1|||20260301|20260601||||||||achieved^Achieved^99IPACH"
NEED = "PRB|AD|20260301|need^Hjelp til trening^99IP|need-1"
PTH = "PTH|UP|A02-2^Individuell plan^2.16.578.1.12.4.1.1.9602|plan-1|20260301"


@pytest.fixture
def plan() -> IndividualPlan:
    """Two goals, of which one is a part of the other, with a need and a measure of both."""
    owner = plan_from_hl7v2(value_of(PPG, PID, PTH + "|active^Active^99IPST")).plan.owner
    goal = Goal(id="goal-1", text="Gå ut", note="Notat", target="500 meter", status_reason="Trenger ro")
    return IndividualPlan(
        id="plan-1",
        owner=owner,
        created=datetime(2026, 1, 12, 8, 40, tzinfo=UTC),
        needs=(Need(id="need-1", text="Trening"),),
        goals=(goal, Goal(id="goal-2", text="Gå til porten", part_of="goal-1")),
        period=Period(start=date(2026, 3, 1)),
        measures=(Measure(id="measure-1", what="Gangtrening", goals=("goal-1", "goal-2")),),
        title="Planen",
        note="Om planen",
    )


def test_a_goal_alone() -> None:
    """PGL: the goal; what is another system's is told by its place."""
    found = parts_from_hl7v2(value_of(PGL, PID, "PV1|1|O", GOAL))
    (goal,) = found.goals
    assert (goal.id, goal.text, goal.achievement) == ("goal-1", "Gå til butikken", Achievement.ACHIEVED)
    assert goal.period.end == date(2026, 6, 1)
    assert [warning.path for warning in found.warnings] == ["PV1-2"]


def test_a_problem_of_another_system() -> None:
    """PPR as a public sample has it: words in place of a code are the words; notes, rows and orders are told."""
    problem = "PRB|AD|200603150625|aortic stenosis|53692||2|200603150625"
    rest = ("NTE|1|P|Problem Comments", "OBX|1|ST|100||First Observation||||||X", "ORC|NW|1001^OE|99999990^RX")
    found = parts_from_hl7v2(value_of(PPR, PID, problem, *rest, problem))
    assert [(need.id, need.text) for need in found.needs] == [("53692", "aortic stenosis")]
    assert found.measures == ()
    told = {warning.path for warning in found.warnings}
    assert {"PRB[1]-6", "NTE", "OBX-5", "ORC-2", "ORC-3"} <= told


def test_a_collaborative_referral() -> None:
    """CCR: its problems and goals; the referral itself is told."""
    referral = ("RF1|P^Pending^HL70283|R|||O|referral-03|20260112", NOTICE[2])
    found = parts_from_hl7v2(value_of(CCR, *referral, PID, "PV1|1|O", NEED, GOAL))
    assert ([n.id for n in found.needs], [g.id for g in found.goals]) == (["need-1"], ["goal-1"])
    assert "RF1-6" in {warning.path for warning in found.warnings}


def test_absence_leaves_and_null_empties(plan: IndividualPlan) -> None:
    """A goal is changed by what the message says of it; `""` takes the note, the target and the reason away."""
    gone = ('NTE|1||""', 'OBX|1|TX|target^^99IP||""||||||F', "OBX|2|TX|status-reason^^99IP||x||||||D")
    said = 'GOL|UP|20260401||goal-1||||""||||||||||completed^Completed^99IPGOAL|20260401'
    after = plan_with_hl7v2(plan, value_of(PGL, PID, said, *gone))
    goal = after.goals[0]
    assert (goal.text, goal.status, goal.status_date) == ("Gå ut", GoalStatus.COMPLETED, date(2026, 4, 1))
    assert (goal.note, goal.target, goal.status_reason) == (None, None, None)
    assert after.evolve(goals=plan.goals) == plan


def test_a_snapshot_takes_nothing_away(plan: IndividualPlan) -> None:
    """PCG with one of two goals, and no need: the others stand, and so does all beside the pathway."""
    alone = plan.evolve(goals=(plan.goals[0].evolve(text="Gå langt"),), measures=(), needs=(), title=None)
    after = plan_with_hl7v2(plan, plan_to_hl7v2(alone).value)
    assert [goal.text for goal in after.goals] == ["Gå langt", "Gå til porten"]
    assert after.evolve(goals=plan.goals) == plan


def test_delete_takes_away_and_unchanged_says_nothing(plan: IndividualPlan) -> None:
    """DE, also as D: the goal leaves, and nothing refers to it any more. UC: nothing happens, whatever else it says."""
    pathway = PTH.replace("|UP|", "|UC|")
    for code in ("DE", "D"):
        after = plan_with_hl7v2(plan, value_of(PPG, PID, pathway, GOAL.replace("|UP|", f"|{code}|")))
        assert [goal.id for goal in after.goals] == ["goal-2"]
        assert after.goals[0].part_of is None
        assert after.measures[0].goals == ("goal-2",)
    unchanged = value_of(PPG, PID, pathway + "|ended^Ended^99IPST", GOAL.replace("|UP|", "|UC|"))
    assert plan_with_hl7v2(plan, unchanged) == plan
    assert parts_from_hl7v2(value_of(PGL, PID, GOAL.replace("|UP|", "|DE|"))).removed == ("goal-1",)


def test_the_pathway_itself(plan: IndividualPlan) -> None:
    """Its status changes; title and note stay."""
    after = plan_with_hl7v2(plan, value_of(PPG, PID, PTH + "|active^Active^99IPST", 'NTE|1||""|title^^99IP'))
    assert (after.status, after.title, after.note) == ("active", None, "Om planen")


@pytest.mark.parametrize(
    ("segments", "place", "code"),
    [
        (NOTICE, "MSH-9", "not-supported"),
        ((PGL, PID, GOAL.replace("|UP|", "|ZZ|")), "GOL-1", "code-invalid"),
        ((PGL, PID, GOAL, GOAL.replace("butikken", "skolen")), "GOL-4", "invariant"),
        ((PPG, PID, PTH.replace("plan-1", "plan-2")), "PTH-3", "invariant"),
        ((PPG, PID, PTH.replace("|UP|", "|DE|")), "PTH-1", "business-rule"),
    ],
)
def test_what_is_refused(plan: IndividualPlan, segments: tuple[str, ...], place: str, code: str) -> None:
    """Another message, an unknown action, one id with two meanings, another plan, a plan that is taken away."""
    with pytest.raises(InvalidInput) as caught:
        plan_with_hl7v2(plan, value_of(*segments))
    assert [(problem.path, problem.code) for problem in caught.value.problems] == [(place, code)]


def test_another_person(plan: IndividualPlan) -> None:
    """A message about somebody else changes nothing."""
    other: Any = plan.evolve(owner=plan.owner.evolve(identifier="12057900499"))
    with pytest.raises(InvalidInput) as caught:
        plan_with_hl7v2(other, value_of(PGL, PID, GOAL))
    assert [problem.path for problem in caught.value.problems] == ["PID-3"]


def test_what_a_message_that_changes_a_plan_leaves_unread(plan: IndividualPlan) -> None:
    """An item need not say again what is known; of the pathway only what is changed is read, and no role.

    The order of another system, and what no row reads, is told.
    """
    changes = value_of(
        *(PPG, PID, PTH, "NTE|1||nb|plan-author^^99IP", "NTE|2||Ny|title^^99IP", "ROL|r-1|AD|6^Fastlege|^Solli^Even"),
        *("GOL|UP|20260401||goal-1|7|2", "PRB|UP|20260401||need-1", "OBX|1|ST|area^^99IP||housing||||||F"),
        *("ORC|SC|measure-1", "OBR|1|measure-1", "OBX|1|ST|extent^^99IP||ukentlig||||||F", "ORC|NW|1001|x"),
    )
    found = default().unread_in_hl7v2(plan, changes)
    assert {problem.severity for problem in found} == {"warning"}
    told = {problem.path for problem in found}
    assert told == {"NTE[1]", "ROL-1", "ROL-3", "ROL-4", "GOL-5", "GOL-6", "ORC[2]-2", "ORC[2]-3"}
