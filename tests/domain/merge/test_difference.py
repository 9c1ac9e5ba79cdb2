"""The difference of two plans: all of it, nothing else, and no person's data where it is shown."""

from __future__ import annotations

import pytest
from hypothesis import given

from ip_fhir.domain.merge import Change, ChangeKind, difference
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.errors import InvalidInput
from tests.domain.merge.edits import three_of_one
from tests.domain.merge.test_merge import BASE, G1, G2, G3, TEAM, at, goals


@given(three_of_one())
def test_it_is_empty_for_equal_plans_alone(three: tuple[IndividualPlan, IndividualPlan, IndividualPlan]) -> None:
    """Nothing differs if, and only if, the plans are equal; each change says what stands in both."""
    one, other, _ = three
    changes = difference(one, other)
    assert bool(changes) is (one != other)
    assert difference(one, one) == ()
    for change in changes:
        assert repr(change) == f"Change(field={change.field!r}, id={change.id!r}, kind={change.kind!r})"
        if change.kind is not ChangeKind.REORDERED:
            assert (at(one, change.field, change.id), at(other, change.field, change.id)) == (
                change.before,
                change.after,
            )


@given(three_of_one())
def test_backwards_it_is_the_same(three: tuple[IndividualPlan, IndividualPlan, IndividualPlan]) -> None:
    """From the other end the same places differ; what was added is removed."""
    _, one, other = three
    there, back = (
        {(c.field, c.id): c for c in changes} for changes in (difference(one, other), difference(other, one))
    )
    assert there.keys() == back.keys()
    turned = {ChangeKind.ADDED: ChangeKind.REMOVED, ChangeKind.REMOVED: ChangeKind.ADDED}
    assert all(turned.get(change.kind, change.kind) is back[place].kind for place, change in there.items())


def test_each_kind() -> None:
    """A field, an item more, one less, one with another text, a part of the team, another order."""
    after = goals(G3, G1.evolve(text="A"), of=BASE.evolve(title="B", team=TEAM.evolve(name="C")))
    assert difference(BASE, after) == (
        Change("title", None, ChangeKind.CHANGED, None, "B"),
        Change("goals.text", "goal-1", ChangeKind.CHANGED, "Mål 1", "A"),
        Change("goals", "goal-2", ChangeKind.REMOVED, G2, None),
        Change("goals", "goal-3", ChangeKind.ADDED, None, G3),
        Change("team.name", None, ChangeKind.CHANGED, None, "C"),
    )
    (order,) = difference(BASE, goals(G2, G1))
    assert order == Change("goals", None, ChangeKind.REORDERED, ("goal-1", "goal-2"), ("goal-2", "goal-1"))


def test_plans_alone_are_compared() -> None:
    """What is no plan is refused by the argument's name."""
    with pytest.raises(InvalidInput, match=r"^after: is no IndividualPlan, but dict$"):
        difference(BASE, {})  # type: ignore[arg-type]
