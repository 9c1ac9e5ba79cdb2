"""A question for the plan: a view is the answer, a no is never sent, and the clock of who asks stops or is told."""

from __future__ import annotations

import pytest

from ip_fhir.domain.effects import Reason
from ip_fhir.domain.sharing.case import PlanRequest, SharedPlan
from tests.support.ring import NINA, OLE, Ring, make_plan
from tests.support.ring_plan import PLAN, shared


def asked(ring: Ring) -> SharedPlan:
    """The hospital asks the municipality, which holds the plan."""
    ring.holder.save_plan(make_plan(), by=NINA)
    case = ring["hospital"].ask_for_plan(make_plan().owner, "municipality", by=OLE)
    ring.settle()
    return case


def question(ring: Ring, case: SharedPlan) -> PlanRequest:
    """The hospital's question, as it has it."""
    (found,) = ring["hospital"].plan(case.id).requests
    return found


def reasons(ring: Ring) -> set[Reason]:
    """The reasons of the hospital's open items."""
    return {item.reason for item in ring["hospital"].worklist()}


def granted(ring: Ring) -> None:
    """The municipality grants what it was asked."""
    (request,) = ring.holder.plan(PLAN).requests
    ring.holder.answer_request(request.id, True, by=NINA)
    ring.settle()


@pytest.mark.sharing_promise(11)
def test_a_view_answers_the_question(ring: Ring) -> None:
    """The clock of who asked stops by it: nobody is told later that no plan has come."""
    case = asked(ring)
    assert question(ring, case).answered is None
    granted(ring)
    assert (question(ring, case).granted, question(ring, case).answered is not None) == (True, True)
    assert ring["hospital"].plan(case.id).timers == ()
    ring.clock.forward(days=30)
    ring.settle()
    assert Reason.REQUEST_UNANSWERED not in reasons(ring)
    assert ring["hospital"].store.verify() == ()


@pytest.mark.sharing_promise(11)
def test_a_view_that_comes_late_closes_the_item(ring: Ring) -> None:
    """The hospital was told that no plan has come; then it comes, and nobody need look any more."""
    case = asked(ring)
    ring.clock.forward(days=30)
    ring.settle()
    assert Reason.REQUEST_UNANSWERED in reasons(ring)
    granted(ring)
    assert question(ring, case).granted
    assert Reason.REQUEST_UNANSWERED not in reasons(ring)


def test_a_view_that_is_here_already_answers_it_too(ring: Ring) -> None:
    """Who has a share and asks gets the newest view again, unchanged: that is the answer."""
    shared(ring, "hospital")
    case = ring["hospital"].ask_for_plan(make_plan().owner, "municipality", by=OLE)
    ring.settle()
    assert question(ring, case).granted


def test_a_view_of_another_party_or_person_answers_nothing(ring: Ring) -> None:
    """The clock goes on while the party that was asked has sent nothing about that person."""
    ring.holder.save_plan(make_plan(), by=NINA)
    elsewhere = ring["hospital"].ask_for_plan(make_plan().owner, "elsewhere", by=OLE)
    stranger = make_plan().owner.evolve(identifier="13097248022", birth_date=None)
    another = ring["hospital"].ask_for_plan(stranger, "municipality", by=OLE)
    ring.holder.share(PLAN, "hospital", by=NINA)
    ring.settle()
    assert [question(ring, case).answered for case in (elsewhere, another)] == [None, None]
