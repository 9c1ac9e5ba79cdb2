"""The plan of the ring: shared, and as its parties have it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.ring import NINA, PARTIES, Ring, make_plan

if TYPE_CHECKING:
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.sharing.share import Share
    from ip_fhir.domain.sharing.view import PlanView

PLAN = "plan-of-the-ring"


def shared(ring: Ring, *parties: str) -> dict[str, Share]:
    """Save the plan and share it with these parties; return the shares by party."""
    ring.holder.save_plan(make_plan(), by=NINA)
    for party in parties:
        ring.holder.share(PLAN, party, by=NINA)
    ring.settle()
    return shares(ring)


def shares(ring: Ring) -> dict[str, Share]:
    """The shares of the side that held the plan at first, by party."""
    plan = ring.plan(PARTIES[0])
    assert plan is not None
    return {share.party: share for share in plan.shares}


def share_of(ring: Ring, party: str) -> Share:
    """The share of a party."""
    return shares(ring)[party]


def current(ring: Ring) -> IndividualPlan:
    """The newest version at the holder."""
    plan = ring.plan(PARTIES[0])
    assert plan is not None
    assert plan.plan is not None
    return plan.plan


def copy(ring: Ring, party: str) -> PlanView:
    """The view that a party has."""
    view = ring.copy(party, share_of(ring, party).id)
    assert view is not None
    return view
