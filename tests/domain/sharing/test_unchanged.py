"""What a change says is unchanged is as in the view, whatever else the change says of it."""

from __future__ import annotations

from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.sharing.lens.wanted import as_said
from ip_fhir.domain.team import CareTeam, Coordinator, CoordinatorKind
from tests.support.plan_life import PLAN


def other(plan: IndividualPlan, text: str) -> IndividualPlan:
    """The plan with another title, and other words of a measure, a need and the first member's task."""
    assert plan.team is not None
    first, *members = plan.team.memberships
    team = plan.team.evolve(memberships=(first.evolve(task=text), *members))
    measures = (plan.measures[0].evolve(what=text), *plan.measures[1:])
    return plan.evolve(title=text, measures=measures, team=team)


def test_items_and_fields_of_the_plan() -> None:
    """Each by its id, members too; the plan's own id stands for its own fields alone."""
    base = PLAN
    assert base.team is not None
    wish = other(base, "annet")
    ids = (base.id, base.measures[0].id, base.team.memberships[0].id)
    assert as_said(wish, base, ids) == base
    assert as_said(wish, base, ()) is wish
    only = as_said(wish, base, ids[:1])
    assert (only.title, only.measures[0].what) == (base.title, "annet")


def test_one_that_is_missing_and_one_that_is_not_in_the_view() -> None:
    """The first is there, in a team that is missing too; the second says nothing, and is left out."""
    base = PLAN
    assert base.team is not None
    member, measure = base.team.memberships[0], base.measures[-1]
    bare = base.evolve(team=None, measures=base.measures[:-1])
    made = as_said(bare, base, (member.id, measure.id, "nobody"))
    assert made.measures == base.measures
    assert made.team is not None
    assert made.team.memberships == (member,)
    assert as_said(bare, base, ("nobody",)).team is None
    more = base.evolve(measures=(*base.measures, measure.evolve(id="new")))
    assert as_said(more, base, ("new",)).measures == base.measures


def test_another_team_is_not_touched() -> None:
    """What is said of the view's members says nothing of a team with another id, nor of a view that has none."""
    base = PLAN
    assert base.team is not None
    member = base.team.memberships[0]
    wish = base.evolve(team=base.team.evolve(id="another", memberships=(member.evolve(task="annet"),)))
    assert as_said(wish, base, (member.id,)).team == wish.team
    assert as_said(wish, base.evolve(team=None), (member.id,)).team == wish.team


def test_roles_of_the_team_that_no_id_names() -> None:
    """They are those of the view's team, with its vacant places and all else of it; of a view without one, a team."""
    base = PLAN
    assert base.team is not None
    vacant = Coordinator(id="vacant", kind=CoordinatorKind.CHILD)
    held = base.evolve(team=base.team.evolve(name="Ansvarsgruppa", coordinators=(*base.team.coordinators, vacant)))
    assert held.team is not None
    member = held.team.memberships[0]
    wish = base.evolve(team=CareTeam(id="unnamed", memberships=(member.evolve(task="annet"),)))
    made = as_said(wish, held, (), team_unnamed=True).team
    assert made is not None
    assert (made.id, made.name, made.coordinators) == (held.team.id, "Ansvarsgruppa", (vacant,))
    assert [one.task for one in made.memberships] == ["annet"]
    same = as_said(wish, held, (member.id,), team_unnamed=True).team
    assert same is not None
    assert same.memberships == (member,)
    assert as_said(wish, held.evolve(team=None), (), team_unnamed=True) is wish
    assert as_said(wish.evolve(team=None), held, (), team_unnamed=True).team is None
