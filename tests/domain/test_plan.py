"""The plan's invariants: each broken alone, told by exactly its place and reason."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from ip_fhir.domain.plan import IndividualPlan, PlanStatus, Review
from ip_fhir.domain.values.terms import LifeArea
from ip_fhir.domain.values.value import read
from ip_fhir.errors import InvalidInput
from tests.support.data import changed, example
from tests.support.strategies import plans

# 01: the owner, four related persons, nine professionals and their organisations; a team with one coordinator.
PLAN = example("plans", "01")
OWNER, MOTHER, PROFESSIONAL, ORGANIZATION = "person-01", "person-01-mother", "pro-gp", "org-nordvik"


def problems(data: Any) -> list[tuple[str, str, str]]:
    """Path, reason and code of each problem, none for a sound plan."""
    try:
        read(IndividualPlan, data)
    except InvalidInput as error:
        return [(p.path, p.reason, p.code) for p in error.problems]
    return []


def test_the_example_is_sound() -> None:
    """What the tests below break is whole before."""
    assert problems(PLAN) == []


def test_the_smallest_plan() -> None:
    """A plan may begin with a person and a time, and nothing else."""
    plan = read(
        IndividualPlan, {"id": "p", "owner": {"id": "o", "name": {"family": "Sæbø"}}, "created": "2026-01-12T08:00:00Z"}
    )
    assert (plan.status, plan.version, plan.main_goals, plan.team) == (PlanStatus.DRAFT, 1, (), None)


# --- references --------------------------------------------------------------------------------------

ANYBODY = "anybody"
REFERENCES = [
    ("author", ANYBODY),
    ("coordinating_unit", "an organisation"),
    ("organizations.1.part_of", "an organisation"),
    ("professionals.0.organization", "an organisation"),
    ("goals.0.expressed_by", "a person"),
    ("measures.0.responsible", ANYBODY),
    ("measures.0.takes_part.1", ANYBODY),
    ("contributions.0.actor", ANYBODY),
    ("cooperation.0.organization", "an organisation"),
    ("reviews.0.responsible", "a person"),
    ("reviews.0.participants.2", "a person"),
    ("follow_up.responsible", ANYBODY),
    ("evaluation.responsible", ANYBODY),
    ("consents.0.given_by", "a related person"),
    ("consents.2.provisions.0.recipients.0", ANYBODY),
    ("team.memberships.0.member", ANYBODY),
    ("team.memberships.3.on_behalf_of", "an organisation"),
    ("team.coordinators.0.holder", "a professional"),
    ("team.coordinators.0.appointed_by", "an organisation"),
    ("team.coordinators.0.mentor", "a professional"),
]


@pytest.mark.parametrize("path", [path for path, _ in REFERENCES])
def test_a_reference_to_nobody(path: str) -> None:
    """Every place that names somebody says so when nobody in the plan has that id; nothing else is wrong then."""
    assert problems(changed(PLAN, path, "nobody")) == [(path, "refers to nobody in the plan", "invariant")]


@pytest.mark.parametrize("path", [path for path, _ in REFERENCES])
def test_a_goal_is_nobody(path: str) -> None:
    """The id of something that is no actor is as good as none."""
    assert problems(changed(PLAN, path, "person-01-goal-1")) == [(path, "refers to nobody in the plan", "invariant")]


@pytest.mark.parametrize(("path", "what"), REFERENCES)
def test_a_reference_to_the_wrong_kind(path: str, what: str) -> None:
    """A place that is for an organisation takes no person, a coordinator is a professional, and so on."""
    actors = {OWNER: {"a person"}, MOTHER: {"a person", "a related person"}}
    actors |= {PROFESSIONAL: {"a person", "a professional"}, ORGANIZATION: {"an organisation"}}
    for actor, kinds in actors.items():
        wrong = [(path, f"refers to something that is not {what}", "invariant")]
        assert problems(changed(PLAN, path, actor)) == ([] if what in {ANYBODY, *kinds} else wrong)


# --- ids ---------------------------------------------------------------------------------------------

LISTS = ["related_persons", "organizations", "professionals", "resources", "needs", "goals", "measures"]
LISTS += ["contributions", "cooperation", "reviews", "consents"]


@pytest.mark.parametrize("name", LISTS)
def test_an_id_is_used_once(name: str) -> None:
    """The last of each list with the id of a resource, a need or the owner is told, at its place."""
    place = f"{name}.{len(PLAN[name])}"
    taken = PLAN["consents"][-1]["id"] if name != "consents" else OWNER
    twice = changed(PLAN, place, {**PLAN[name][-1], "id": taken})
    index = len(PLAN["consents"]) - 1
    later = f"{place}.id" if name == "consents" else f"consents.{index}.id"
    assert (later, "the id is used twice in the plan", "invariant") in problems(twice)


@pytest.mark.parametrize(
    ("path", "ident", "whole"),
    [
        ("goals.0.id", OWNER, "plan"),
        ("team.id", OWNER, "plan"),
        ("team.id", "person-01-goal-1", "plan"),
        ("team.memberships.1.id", "person-01-member-1", "team"),
        ("team.coordinators.0.id", "person-01-member-1", "team"),
    ],
)
def test_an_id_used_twice(path: str, ident: str, whole: str) -> None:
    """Each clash is told once, at the later place."""
    found = [p for p in problems(changed(PLAN, path, ident)) if p[0] == path]
    assert found == [(path, f"the id is used twice in the {whole}", "invariant")]


def test_the_team_has_ids_of_its_own() -> None:
    """A membership may have the id of something outside the team."""
    assert problems(changed(PLAN, "team.memberships.0.id", "person-01-goal-1")) == []


# --- goals and measures ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "ident", "reason"),
    [
        ("goals.4.part_of", "goal-99", "refers to a goal that is not in the plan"),
        ("goals.4.part_of", OWNER, "refers to a goal that is not in the plan"),
        ("goals.4.part_of", "person-01-sub-goal-1", "a sub-goal has no sub-goals"),
        ("goals.4.part_of", "person-01-sub-goal-2", "a sub-goal has no sub-goals"),
        ("measures.0.goals.0", "goal-99", "refers to a goal that is not in the plan"),
        ("measures.0.goals.1", "person-01-measure-2", "refers to a goal that is not in the plan"),
    ],
)
def test_goals_make_two_levels(path: str, ident: str, reason: str) -> None:
    """A sub-goal belongs to a main goal of the plan, never to a sub-goal or to itself; a measure to goals."""
    assert problems(changed(PLAN, path, ident)) == [(path, reason, "invariant")]


def test_goals_and_sub_goals() -> None:
    """Main goals are those that belong to no other; each knows its sub-goals, in their order."""
    plan = read(IndividualPlan, PLAN)
    assert [goal.id[-6:] for goal in plan.main_goals] == ["goal-1", "goal-2", "goal-3"]
    assert [sub.id[-10:] for sub in plan.sub_goals(plan.main_goals[0])] == ["sub-goal-1", "sub-goal-2"]


@given(plans())
def test_every_goal_is_found_once(plan: IndividualPlan) -> None:
    """The main goals and their sub-goals are all the goals there are."""
    found = [goal for main in plan.main_goals for goal in (main, *plan.sub_goals(main))]
    assert sorted(goal.id for goal in found) == sorted(goal.id for goal in plan.goals)


# --- organisations, reviews, more than one thing -----------------------------------------------------


@pytest.mark.parametrize(
    ("part_of", "paths"),
    [
        ({"a": "a"}, ["organizations.0.part_of"]),
        ({"a": "b", "b": "a"}, ["organizations.0.part_of", "organizations.1.part_of"]),
        ({"a": "b", "b": "c", "c": "b"}, ["organizations.1.part_of", "organizations.2.part_of"]),
        ({"a": "b", "b": "c"}, []),
    ],
)
def test_no_organisation_is_part_of_itself(part_of: dict[str, str], paths: list[str]) -> None:
    """Not directly and not by way of others; who is only below such a ring is not to blame."""
    units = [{"id": i, "name": i, "kind": "other", **({"part_of": part_of[i]} if i in part_of else {})} for i in "abc"]
    data = {"id": "p", "owner": PLAN["owner"], "created": PLAN["created"], "organizations": units}
    assert problems(data) == [(path, "the organisation is part of itself", "invariant") for path in paths]


@pytest.mark.parametrize(
    ("status", "held", "right"),
    [
        ("planned", None, True),
        ("held", "2026-03-01", True),
        ("cancelled", None, True),
        ("held", None, False),
        ("planned", "2026-03-01", False),
        ("cancelled", "2026-03-01", False),
    ],
)
def test_a_review_that_was_held_says_when(status: str, held: str | None, right: bool) -> None:
    """The day it was held stands there if, and only if, it was."""
    data = {"id": "r", "kind": "evaluation", "planned": "2026-02-01", "status": status, "held": held}
    if right:
        assert read(Review, data).status == status
        return
    with pytest.raises(InvalidInput, match="the date it was held if, and only if"):
        read(Review, data)


def test_all_problems_at_once() -> None:
    """A plan with several things wrong is told all of them."""
    broken = changed(changed(PLAN, "author", "nobody"), "measures.0.goals.0", "nothing")
    assert {path for path, _, _ in problems(broken)} == {"author", "measures.0.goals.0"}


def test_eleven_life_areas() -> None:
    """The areas are the eleven of the municipalities' application forms."""
    assert len(LifeArea) == 11


# --- a plan and the person's no (users.md D, SKUR 46; E) ---------------------------------------------


def _consent(ident: str, given: str, **fields: Any) -> dict[str, Any]:
    return {"id": ident, "kind": "plan", "given_on": given, **fields}


YES, NO = _consent("yes", "2026-03-01"), _consent("no", "2026-04-01", status="refused")
GONE = _consent("gone", "2026-03-01", status="withdrawn", withdrawn_on="2026-05-01")
REFUSALS: list[tuple[str, list[dict[str, Any]], bool]] = [
    ("a yes", [YES], False),
    ("nobody has said anything", [], False),
    ("a no", [NO], True),
    ("a no after a yes", [YES, NO], True),
    ("a yes after a no", [NO, {**YES, "given_on": "2026-04-02"}], False),
    ("withdrawn", [GONE], True),
    ("withdrawn from a day that has not come", [{**GONE, "withdrawn_on": "2099-01-01"}], False),
    ("a no after the last change", [{**NO, "given_on": "2099-01-01"}], True),
    ("a no to sharing", [YES, {**NO, "kind": "sharing"}], False),
    ("a draft", [{**NO, "status": "draft"}], False),
]


@pytest.mark.parametrize(("words", "consents", "refused"), REFUSALS, ids=[case[0] for case in REFUSALS])
def test_no_plan_is_active_against_the_persons_no(words: str, consents: list[dict[str, Any]], refused: bool) -> None:
    """An active plan is refused with a reason, also when it is read; revoked, the same plan is kept."""
    plan = {**PLAN, "consents": consents, "status": "active"}
    if not refused:
        assert read(IndividualPlan, plan).status is PlanStatus.ACTIVE
        return
    with pytest.raises(InvalidInput, match=r"^status: the plan is active, and the last word about it is a no"):
        read(IndividualPlan, plan)
    assert read(IndividualPlan, {**plan, "status": "revoked"}).status is PlanStatus.REVOKED
