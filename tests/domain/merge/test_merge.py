"""The three-way merge: its laws on generated copies, and what each kind of conflict looks like."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from time import perf_counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ip_fhir.domain.consent.consent import Consent, ConsentKind, ConsentStatus
from ip_fhir.domain.merge import BOUND, MergeConflict, MergeConflictKind, Merged, difference, merge
from ip_fhir.domain.people import Organization, OrganizationKind, PersonName, PlanOwner, Professional
from ip_fhir.domain.plan import Goal, GoalStatus, IndividualPlan, Measure, Need, PlanStatus, Review, ReviewStatus
from ip_fhir.domain.plan_rules import plan_problems
from ip_fhir.domain.team import CareTeam, Coordinator, Membership
from ip_fhir.domain.values.value import Period, Value, read
from ip_fhir.errors import InvalidInput
from tests.domain.merge.edits import LISTS, TEAM_LISTS, three_of_one

Three = tuple[IndividualPlan, IndividualPlan, IndividualPlan]
COPIES = three_of_one() | three_of_one(near=False)
WRITING = ("version", "updated", "author")

# Said once more: what validators check together, what `permits` reads, what a date or a reason belongs to.
ONE = {
    "Goal": [{"status", "achievement", "status_date", "status_reason"}],
    "Measure": [{"status", "status_reason"}],
    "PlanOwner": [{"deceased", "dead"}],
    "Review": [{"status", "held"}],
    "Contribution": [{"by", "actor"}],
    "Cooperation": [{"with_whom", "organization"}],
    "Membership": [{"member", "role", "on_behalf_of"}, {"status", "period"}],
    "Coordinator": [{"kind", "holder", "period"}, {"wish_honoured", "wish_reason"}],
    "Consent": [{"kind", "status", "given_on", "given_by", "withdrawn_on", "period", "access", "provisions"}],
}
# Values without id are merged as one; the plan and the team are checked when all their parts are merged.
CHECKED_WHOLE = {"Period", "Attachment", "IndividualPlan", "CareTeam"}


def at(plan: IndividualPlan, field: str, ident: str | None) -> Any:
    """What stands at a place that a change or a conflict names; None where the item is not there."""
    here: Any = plan
    for step in field.split("."):
        whole, here = here, getattr(here, step, None)
        if isinstance(whole, IndividualPlan | CareTeam) and step in (*LISTS, *TEAM_LISTS) and ident is not None:
            here = next((item for item in here or () if item.id == ident), None)
    return here


def content(plan: IndividualPlan) -> Any:
    """All of a plan but the order of its items and who wrote it when."""
    data = plan.to_data()
    for whole, names in ((data, LISTS), (data.get("team", {}), TEAM_LISTS)):
        for name in set(names) & set(whole):
            whole[name] = sorted(whole[name], key=lambda item: item["id"])
    return {name: value for name, value in data.items() if name not in WRITING}


def places(merged: Merged) -> list[tuple[str, str | None]]:
    """Where the conflicts are."""
    return [(conflict.field, conflict.id) for conflict in merged.conflicts]


# --- laws --------------------------------------------------------------------------------------------


@given(COPIES)
def test_who_alone_has_changed_it_has_it(three: Three) -> None:
    """With one side unchanged the merged plan is the other's, to order and version; of two equals it is either."""
    base, mine, theirs = three
    assert merge(base, mine, base) == Merged(mine)
    assert merge(base, base, theirs) == Merged(theirs)
    assert merge(base, mine, mine) == Merged(mine)


@given(COPIES)
def test_the_merged_plan_is_sound(three: Three) -> None:
    """Whatever two sides did, the merged plan keeps every rule, and can be read again."""
    merged = merge(*three).plan
    assert plan_problems(merged) == ()
    assert read(IndividualPlan, merged.to_json()) == merged


@given(COPIES)
def test_every_change_stands_or_is_told(three: Three) -> None:
    """All that theirs changed is in the merged plan; all that mine changed is, but where a conflict says so."""
    base, mine, theirs = three
    merged = merge(base, mine, theirs)
    told = set(places(merged))
    for side in (theirs, mine):
        for change in difference(base, side):
            if change.kind == "reordered" or change.field in WRITING or (side is mine and _is_told(change, told)):
                continue
            assert at(merged.plan, change.field, change.id) == change.after


def _is_told(change: Any, told: set[tuple[str, str | None]]) -> bool:
    """Whether a conflict names the item, the field, the field it is one with, or the part it is in."""
    above, _, name = change.field.rpartition(".")
    units = [unit for known in ONE.values() for unit in known if name in unit] or [{name}]
    fields = {f"{above}.{one}" for unit in units for one in unit}
    in_part = {(change.field.split(".")[0], None)}
    return bool(told & {(change.field, change.id), (above, change.id), *((f, change.id) for f in fields), *in_part})


@given(COPIES)
def test_nothing_is_in_it_that_neither_side_says(three: Three) -> None:
    """Each field of each item, with those it is one with, is as one of the sides has it."""
    _, mine, theirs = three
    merged = merge(*three).plan
    for path, item in items(merged):
        sides = [found for side in (mine, theirs) if (found := at(side, path, item.id)) is not None]
        bound = ONE.get(type(item).__name__, [])
        for unit in (*bound, *({name} for name in type(item).model_fields if not any(name in one for one in bound))):
            said = [{name: getattr(side, name) for name in unit} for side in sides]
            assert {name: getattr(item, name) for name in unit} in said


def items(plan: IndividualPlan) -> Iterator[tuple[str, Any]]:
    """Every item that has an id, with the place of its list."""
    for name in LISTS:
        yield from ((name, item) for item in getattr(plan, name))
    if plan.team is not None:
        for name in TEAM_LISTS:
            yield from ((f"team.{name}", item) for item in getattr(plan.team, name))


@given(COPIES)
def test_sides_can_be_exchanged(three: Three) -> None:
    """Who is mine and who theirs decides only what stands at a conflict, the order of items and who wrote it."""
    base, mine, theirs = three
    one, other = merge(base, mine, theirs), merge(base, theirs, mine)
    assert bool(one.conflicts) == bool(other.conflicts)
    if not one.conflicts:
        assert content(one.plan) == content(other.plan)
    if MergeConflictKind.UNSOUND not in {conflict.kind for conflict in (*one.conflicts, *other.conflicts)}:
        assert set(places(one)) == set(places(other))


@given(COPIES)
def test_a_conflict_says_what_the_three_say(three: Three) -> None:
    """It shows what stands in each plan, theirs stays, and its `repr` shows nothing of what stands there."""
    for conflict in merge(*three).conflicts:
        for plan, said in zip(three, (conflict.base, conflict.mine, conflict.theirs), strict=True):
            above = conflict.field.rpartition(".")[0]
            if isinstance(said, dict) and conflict.field != "author":
                assert said == {name: at(plan, f"{above}.{name}", conflict.id) for name in said}
            elif conflict.field != "author":
                assert said == at(plan, conflict.field, conflict.id)
        known = f"field={conflict.field!r}, id={conflict.id!r}, kind={conflict.kind!r}, against={conflict.against!r}"
        assert repr(conflict) == f"MergeConflict({known})"


# --- the table of what is one -------------------------------------------------------------------------


def test_fields_that_are_one() -> None:
    """The table says what is said here."""
    assert {model.__name__: [set(unit) for unit in units] for model, units in BOUND.items()} == ONE


def test_every_rule_of_a_value_is_kept_by_the_table() -> None:
    """A value in a plan whose fields are checked together is in the table, or merged as one: new rules are noticed."""
    checked = {model.__name__ for model in _in(IndividualPlan) if model.__pydantic_decorators__.model_validators}
    assert checked == {"PlanOwner", "Review", "Membership", "Coordinator", "Consent"} | CHECKED_WHOLE


def _in(model: type[Value], seen: set[type[Value]] | None = None) -> set[type[Value]]:
    seen = set() if seen is None else seen
    seen.add(model)
    for field in model.model_fields.values():
        for inner in _models(field.annotation):
            if inner not in seen:
                _in(inner, seen)
    return seen


def _models(annotation: Any) -> Iterator[type[Value]]:
    if isinstance(annotation, type) and issubclass(annotation, Value):
        yield annotation
    for part in getattr(annotation, "__args__", ()):
        yield from _models(part)


# --- by example ---------------------------------------------------------------------------------------

G1, G2, G3 = (Goal(id=f"goal-{n}", text=f"Mål {n}") for n in (1, 2, 3))
M1 = Measure(id="measure-1", what="Trening", goals=("goal-1",))
HANDS = tuple(Professional(id=f"pro-{n}", name=PersonName(family="Testesen")) for n in (1, 2))
TEAM = CareTeam(id="team-1")
BASE = IndividualPlan(
    id="plan-1",
    created=datetime(2026, 1, 12, 8, 40, tzinfo=UTC),
    owner=PlanOwner(id="owner", name=PersonName(family="Testesen")),
    goals=(G1, G2),
    measures=(M1,),
    professionals=HANDS,
    team=TEAM,
)
YES = Consent(id="consent-1", kind=ConsentKind.SHARING, given_on=date(2026, 1, 5))
KIND = MergeConflictKind


def only(base: IndividualPlan, mine: IndividualPlan, theirs: IndividualPlan) -> MergeConflict:
    """The one conflict there is."""
    merged = merge(base, mine, theirs)
    assert content(merged.plan) == content(theirs), "theirs stays"
    (conflict,) = merged.conflicts
    return conflict


def goals(*changed: Goal, of: IndividualPlan = BASE) -> IndividualPlan:
    """With these goals."""
    return of.evolve(goals=changed)


def test_different_fields_of_one_item_both_stand() -> None:
    """Two people work on one goal: the text of the one and the note of the other."""
    merged = merge(BASE, goals(G1.evolve(text="A"), G2), goals(G1.evolve(note="B"), G2, G3))
    assert merged == Merged(goals(G1.evolve(text="A", note="B"), G2, G3))


def test_one_field_two_values() -> None:
    """Theirs stays, and what each says is told."""
    found = only(BASE, BASE.evolve(title="A"), BASE.evolve(title="B"))
    assert found == MergeConflict("title", None, KIND.BOTH_CHANGED, None, "A", "B")


def test_status_date_and_reason_come_from_one_side() -> None:
    """A status with another status's date says what nobody said."""
    done = G1.evolve(status=GoalStatus.COMPLETED, status_date=date(2026, 3, 1))
    found = only(BASE, goals(done, G2), goals(G1.evolve(status_reason="Syk"), G2))
    assert (found.field, found.id, found.mine["status_date"]) == ("goals.status", "goal-1", date(2026, 3, 1))
    assert found.theirs == {"status": "active", "achievement": None, "status_date": None, "status_reason": "Syk"}


def test_a_consent_is_withdrawn_while_somebody_widens_it() -> None:
    """Half of one consent and half of another is none: the withdrawal that is stored stays."""
    base = BASE.evolve(consents=(YES,))
    gone = YES.evolve(status=ConsentStatus.WITHDRAWN, withdrawn_on=date(2026, 2, 1))
    wider = base.evolve(consents=(YES.evolve(period=Period(start=date(2026, 1, 1))),))
    found = only(base, wider, base.evolve(consents=(gone,)))
    assert (found.field, found.id) == ("consents.kind", "consent-1")
    filed = merge(
        base, base.evolve(consents=(YES.evolve(verified_on=date(2026, 1, 6)),)), base.evolve(consents=(gone,))
    )
    assert filed == Merged(base.evolve(consents=(gone.evolve(verified_on=date(2026, 1, 6)),)))


def test_removed_here_and_changed_there() -> None:
    """Both ways: a goal that the other side worked on is not lost, and one that they took out does not come back."""
    changed, gone = goals(G1, G2.evolve(text="A")), goals(G1)
    found = only(BASE, gone, changed)
    assert found == MergeConflict("goals", "goal-2", KIND.REMOVED_AND_CHANGED, G2, None, changed.goals[1])
    back = only(BASE, changed, gone)
    assert back == MergeConflict("goals", "goal-2", KIND.REMOVED_AND_CHANGED, G2, changed.goals[1], None)


def test_one_id_added_twice() -> None:
    """The same addition is one; with other content it is a conflict."""
    assert merge(BASE, goals(G1, G2, G3), goals(G1, G2, G3)) == Merged(goals(G1, G2, G3))
    other = G3.evolve(text="A")
    found = only(BASE, goals(G1, G2, other), goals(G1, G2, G3))
    assert found == MergeConflict("goals", "goal-3", KIND.BOTH_ADDED, None, other, G3)


def test_a_measure_towards_a_goal_that_is_gone() -> None:
    """Whichever side took the goal out: theirs stays, with both places named."""
    new = Measure(id="measure-2", what="Svømming", goals=("goal-2",))
    removes, adds = goals(G1), BASE.evolve(measures=(M1, new))
    found = only(BASE, removes, adds)
    assert (found.field, found.id, found.kind) == ("goals", "goal-2", KIND.UNSOUND)
    assert found.against == ("measures.goals", "measure-2")
    found = only(BASE, adds, removes)
    assert (found.field, found.id, found.kind) == ("measures", "measure-2", KIND.UNSOUND)
    assert found.against == ("goals", "goal-2")


def test_only_what_cannot_stand_is_left_out() -> None:
    """Beside a change that cannot stand the others do."""
    new = Measure(id="measure-2", what="Svømming", goals=("goal-2",))
    mine = BASE.evolve(goals=(G1.evolve(text="A"),), title="B")
    merged = merge(BASE, mine, BASE.evolve(measures=(M1, new)))
    assert places(merged) == [("goals", "goal-2")]
    assert merged.plan == BASE.evolve(goals=(G1.evolve(text="A"), G2), measures=(M1, new), title="B")


def test_a_goal_that_becomes_a_sub_goal_and_gets_one() -> None:
    """Goals make a tree of two levels, also when each side adds one."""
    under, gets = goals(G1, G2.evolve(part_of="goal-1")), goals(G1, G2, G3.evolve(part_of="goal-2"))
    found = only(BASE, under, gets)
    assert (found.field, found.id, found.against) == ("goals.part_of", "goal-2", ("goals.part_of", "goal-3"))
    assert (only(BASE, gets, under).field, only(BASE, gets, under).against) == ("goals", ("goals", "goal-2"))


def test_organisations_that_would_be_part_of_each_other() -> None:
    """Each side makes one part of the other."""
    one, two = (Organization(id=ident, name="Lia", kind=OrganizationKind.OTHER) for ident in ("a", "b"))
    base = BASE.evolve(organizations=(one, two))
    mine, theirs = (
        base.evolve(organizations=(one.evolve(part_of="b"), two)),
        base.evolve(organizations=(one, two.evolve(part_of="a"))),
    )
    assert (only(base, mine, theirs).field, only(base, mine, theirs).id) == ("organizations.part_of", "a")


def test_one_id_in_two_lists() -> None:
    """An id is used once in a plan: mine gave it to a need, they to a goal."""
    mine, theirs = BASE.evolve(needs=(Need(id="new", text="A"),)), goals(G1, G2, G3.evolve(id="new"))
    found = only(BASE, mine, theirs)
    assert (found.field, found.id, found.kind) == ("needs", "new", KIND.UNSOUND)
    assert (only(BASE, theirs, mine).field, only(BASE, theirs, mine).id) == ("goals", "new")


def test_two_coordinators_at_once() -> None:
    """Each side appoints one: the one who is stored stays, and the conflict names both places."""
    ours, other = (Coordinator(id=f"place-{n}", holder=f"pro-{n}") for n in (1, 2))
    mine, theirs = (
        BASE.evolve(team=TEAM.evolve(coordinators=(one,), name=name)) for one, name in ((ours, "A"), (other, None))
    )
    merged = merge(BASE, mine, theirs)
    (found,) = merged.conflicts
    assert (found.field, found.id, found.kind) == ("team.coordinators", "place-1", KIND.UNSOUND)
    assert found.against == ("team.coordinators", "place-2")
    assert merged.plan == theirs.evolve(team=TEAM.evolve(coordinators=(other,), name="A"))


def test_the_reason_for_two_coordinators() -> None:
    """Mine takes the reason away while they appoint the second."""
    ours, other = (Coordinator(id=f"place-{n}", holder=f"pro-{n}") for n in (1, 2))
    base = BASE.evolve(team=TEAM.evolve(coordinators=(ours,), two_coordinators_reason="De er to"))
    mine = BASE.evolve(team=TEAM.evolve(coordinators=(ours,)))
    theirs = BASE.evolve(team=TEAM.evolve(coordinators=(ours, other), two_coordinators_reason="De er to"))
    assert only(base, mine, theirs).field == "team.two_coordinators_reason"


def test_one_id_twice_in_the_team() -> None:
    """A membership and a coordinator's place are told apart by their ids."""
    mine = BASE.evolve(team=TEAM.evolve(memberships=(Membership(id="x", member="owner", role="owner"),)))  # type: ignore[arg-type]
    theirs = BASE.evolve(team=TEAM.evolve(coordinators=(Coordinator(id="x"),)))
    assert (only(BASE, mine, theirs).field, only(BASE, mine, theirs).id) == ("team.memberships", "x")
    assert (only(BASE, theirs, mine).field, only(BASE, theirs, mine).id) == ("team.coordinators", "x")


def test_a_team_that_each_side_made() -> None:
    """Two teams are not mixed; nor is a person with another."""
    base = BASE.evolve(team=None)
    found = only(base, BASE, base.evolve(team=CareTeam(id="team-2")))
    assert (found.field, found.mine, found.base) == ("team", TEAM, None)
    mine, theirs = (BASE.evolve(owner=PlanOwner(id=i, name=PersonName(family="Prøve"))) for i in ("a", "b"))
    assert only(BASE, mine, theirs).field == "owner"


def test_another_owner_under_a_membership_of_theirs() -> None:
    """The owner gets another id here while they make the owner a member: theirs stays."""
    mine = BASE.evolve(owner=BASE.owner.evolve(id="person"))
    theirs = BASE.evolve(team=TEAM.evolve(memberships=(Membership(id="x", member="owner", role="owner"),)))  # type: ignore[arg-type]
    assert (only(BASE, mine, theirs).field, only(BASE, mine, theirs).kind) == ("owner", KIND.UNSOUND)


def test_somebody_who_is_gone_wrote_it() -> None:
    """Who wrote mine is taken out by them: the plan keeps their author."""
    mine = BASE.evolve(author="pro-1", updated=datetime(2026, 3, 1, tzinfo=UTC), title="A")
    merged = merge(BASE, mine, BASE.evolve(professionals=HANDS[1:]))
    assert places(merged) == [("author", None)]
    assert (merged.plan.author, merged.plan.title) == (None, "A")


def test_order() -> None:
    """Theirs, with what is mine after what it follows there; mine where I alone have put them in another order."""
    a, b = (G3.evolve(id=ident) for ident in "ab")
    assert [g.id for g in merge(BASE, goals(a, G1, b, G2), goals(G2, G1, G3)).plan.goals] == [
        *("a", "goal-2", "goal-1", "b", "goal-3")
    ]
    assert [g.id for g in merge(BASE, goals(G2, G1), goals(G1, a, G2)).plan.goals] == ["goal-2", "goal-1", "a"]
    three = goals(G1, G2, G3)
    assert merge(three, goals(G3, G1, G2), goals(G2, G1, G3)) == Merged(goals(G2, G1, G3))


def test_who_wrote_it_when_and_which_version() -> None:
    """A version that is neither's is one higher than both, and bears the name of the last writer."""
    early, late = (datetime(2026, 3, day, tzinfo=UTC) for day in (1, 2))
    mine = BASE.evolve(version=2, updated=late, author="pro-1", title="A")
    theirs = BASE.evolve(version=2, updated=early, author="pro-2", note="B")
    for one, other in ((mine, theirs), (theirs, mine)):
        plan = merge(BASE, one, other).plan
        assert (plan.version, plan.updated, plan.author) == (3, late, "pro-1")
    assert merge(BASE, mine.evolve(title=None), theirs).plan == theirs, "nothing of mine is in it"
    uncounted = merge(BASE, BASE.evolve(title="A"), theirs).plan
    assert (uncounted.version, uncounted.updated, uncounted.author) == (3, early, "pro-2")


def test_a_held_review() -> None:
    """The status of a review and the day it was held are one."""
    review = Review(id="review-1", kind="follow-up", planned=date(2026, 2, 1))  # type: ignore[arg-type]
    base = BASE.evolve(reviews=(review,))
    held, off = (
        base.evolve(reviews=(review.evolve(status=ReviewStatus.HELD, held=date(2026, 2, 2)),)),
        base.evolve(reviews=(review.evolve(status=ReviewStatus.CANCELLED),)),
    )
    assert only(base, held, off).field == only(base, off, held).field == "reviews.status"


@pytest.mark.parametrize("number", range(3))
def test_copies_of_one_plan(number: int) -> None:
    """Another plan, and what is no plan, are refused by the argument's name."""
    name = ("base", "mine", "theirs")[number]
    with pytest.raises(InvalidInput, match=f"^{name}: is no IndividualPlan, but str$"):
        merge(*("x" if n == number else BASE for n in range(3)))  # type: ignore[arg-type]
    if number:
        with pytest.raises(InvalidInput, match=rf"^{name}\.id: is another plan than the base$"):
            merge(*(BASE.evolve(id="plan-2") if n == number else BASE for n in range(3)))


@given(st.sampled_from(PlanStatus), st.sampled_from(PlanStatus), st.sampled_from(PlanStatus))
def test_one_field_in_all_its_ways(base: PlanStatus, mine: PlanStatus, theirs: PlanStatus) -> None:
    """For one field the rule is four lines."""
    merged = merge(*(BASE.evolve(status=status) for status in (base, mine, theirs)))
    conflict = base not in (mine, theirs) and mine != theirs
    assert bool(merged.conflicts) is conflict
    assert merged.plan.status == (mine if theirs == base else theirs)


def test_a_thousand_items_are_merged_at_once() -> None:
    """The work grows with the plan, not with its square: also where a thousand references are broken."""
    many = tuple(Goal(id=f"g{n}", text="Mål") for n in range(1000))
    base = BASE.evolve(goals=many, measures=())
    measures = tuple(Measure(id=f"m{n}", what="Trening", goals=(f"g{n}",)) for n in range(1000))
    start = perf_counter()
    merged = merge(base, base.evolve(goals=()), base.evolve(measures=measures))
    assert perf_counter() - start < 5
    assert len(merged.conflicts) == len(merged.plan.goals) == 1000
    assert merge(base, base.evolve(goals=many[:500]), base.evolve(goals=many[500:])).plan.goals == ()


def test_one_side_makes_it_active_while_the_other_brings_the_no() -> None:
    """The merged plan is not active against the person's no: the no is a conflict, and told."""
    no = Consent(id="consent-2", kind=ConsentKind.PLAN, status=ConsentStatus.REFUSED, given_on=date(2026, 1, 6))
    active, refused = BASE.evolve(status=PlanStatus.ACTIVE), BASE.evolve(consents=(no,))
    assert only(BASE, refused, active).field == "consents"
    assert only(BASE, active, refused).field == "status"
