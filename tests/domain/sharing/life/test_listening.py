"""Who holds a plan that was handed over, as the others hear it, and to whom they listen."""

from __future__ import annotations

import pytest

from ip_fhir.domain.effects import Effect
from ip_fhir.domain.sharing.case import PlanSide
from ip_fhir.domain.sharing.events import PlanEvent, PlanEventKind, PlanSource
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.errors import NotTaken, NotYet
from tests.support.plan_handovers import MOVED, NAMES, answered, offered, part, taken_over, town
from tests.support.plan_life import NOW, PLAN, Side, event_of, exchanged, saved, sent, share_of, view_of


def test_who_hears_of_a_new_holder_says_to_it_what_is_held() -> None:
    """Once, by number and digest, behind no question: the new holder has given nothing yet that it might answer."""
    unit, south, _, school = town()
    answered(south, offered(unit, south), accepts=True)
    taken_over(unit, south)
    (told,) = exchanged(unit, school, names=NAMES)
    assert sent(told) == [("plan-state", "south", 1)]
    (row,) = school.waiting
    assert row.answers is None
    (compared,) = exchanged(school, south)
    assert compared.records[0].note == "same: in step"


@pytest.mark.sharing_promise(1)
def test_the_word_of_a_second_handover_that_was_too_early_is_asked_for() -> None:
    """It came before the plan itself, was refused as unknown and is not sent again: what is said to its sender asks."""
    unit, south, north, school = town()
    school.cases.clear()
    view = unit.message(unit_view(unit), NOW)
    answered(south, offered(unit, south), accepts=True)
    taken_over(unit, south)
    answered(north, offered(south, north), accepts=True)
    exchanged(north, south)
    exchanged(south, north, names=NAMES)
    early = next(row for row in south.waiting if row.party == "school")
    with pytest.raises(NotTaken):
        school.apply(event_of(south.message(early, NOW), "south", NOW, NAMES))
    south.waiting.remove(early)
    school.apply(event_of(view, "unit", NOW, NAMES))
    exchanged(unit, school, names=NAMES)
    assert school.cases[PLAN.id].holder == "south"
    exchanged(school, south)
    exchanged(south, school, names=NAMES)
    exchanged(school, north)
    assert (school.cases[PLAN.id].holder, school.cases[PLAN.id].epoch) == ("north", 3)
    saved(north, MOVED.evolve(title="Nytt", version=north.cases[PLAN.id].plan.version))  # type: ignore[union-attr]
    exchanged(north, school)
    assert view_of(school).plan.title == "Nytt"


def unit_view(unit: Side) -> Effect:
    """The row of the view that the school has, as if it had not left yet."""
    share = share_of(unit, "school")
    begun = unit.do("share", to_party="school")
    unit.waiting.clear()
    return next(one for one in begun.effects if one.about == share.id and one.plan_message is PlanMessageKind.PLAN)


@pytest.mark.parametrize("accepts", [False, None], ids=["declined", "taken back"])
def test_an_offer_that_came_to_nothing_ties_nobody_to_the_old_holder(accepts: bool | None) -> None:
    """The side takes an offer, and a view, of whoever holds the plan by then."""
    unit, south, north, _ = town()
    ident = offered(unit, north)
    if accepts is None:
        unit.do("answer-handover", about=ident, accepts=False)
    else:
        answered(north, ident, accepts=accepts)
    exchanged(north, unit)
    exchanged(unit, north)
    answered(south, offered(unit, south), accepts=True)
    taken_over(unit, south)
    answered(north, offered(south, north), accepts=True)
    exchanged(north, south)
    exchanged(south, north, names=NAMES)
    assert part(north) is PlanSide.HOLDER


def test_a_side_that_handed_the_plan_over_listens_to_its_new_holder_alone() -> None:
    """However high the epoch that another claims: it has no copy yet, but it knows who holds the plan."""
    unit, south, _, school = town()
    answered(south, offered(unit, south), accepts=True)
    taken_over(unit, south)
    view = view_of(school).evolve(share="unit-share")
    claimed = PlanEvent(
        id="claimed", kind=PlanEventKind.VIEW, at=NOW, raised_by=PlanSource.HOLDER, party="north", message_id="m",
        view=view, share=view.share, number=view.number, digest=view.digest(), epoch=7,
    )  # fmt: skip
    with pytest.raises(NotYet, match="a new holder"):
        unit.apply(claimed)
    with pytest.raises(NotYet, match="a new holder"):
        school.apply(claimed)
