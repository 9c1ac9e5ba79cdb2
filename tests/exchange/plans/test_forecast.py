"""The forecast of a plan's shares: it is what then comes to pass, and nothing of it is written."""

from __future__ import annotations

from ip_fhir.domain.consent.consent import Access, Provision
from ip_fhir.domain.plan import Measure
from ip_fhir.domain.sharing.view import PlanView
from ip_fhir.errors import ConsentRefused
from tests.support.ring import NINA, Ring, make_plan

PLAN = "plan-of-the-ring"
NEW = Measure(id="measure-4", what="Leksehjelp", goals=("goal-1",))


def text_of(view: PlanView | None) -> list[str]:
    """The measures of a view in words; its ids are those of a secret that is not the same again."""
    return [one.what for one in view.plan.measures] if view is not None else []


def test_before_anything_is_saved(ring: Ring) -> None:
    """Each participant as if its share were begun by name; the plan is still not there."""
    found = ring.holder.forecast(PLAN, make_plan())
    seen = {one.party: text_of(one.view) for one in found.shares}
    assert seen["school"] == ["Svømmetrening", "Kroppsøving tilpasset"]
    assert len(seen["hospital"]) == 3
    assert not any(one.is_shared or one.before for one in found.shares)
    assert ring.plan("municipality") is None


def test_what_is_forecast_comes_to_pass(ring: Ring) -> None:
    """A share that is begun shows what was forecast of it; one that goes on, what a save was forecast to open."""
    ring.holder.save_plan(make_plan(), by=NINA)
    (before,) = ring.holder.forecast(PLAN, begin=["school"]).shares
    ring.holder.share(PLAN, "school", by=NINA)
    ring.settle()
    share = next(one for one in ring.holder.plan(PLAN).shares if one.party == "school")
    assert text_of(ring.copy("school", share.id)) == text_of(before.view)
    plan = make_plan().evolve(measures=(*make_plan().measures, NEW))
    (opened,) = (one for one in ring.holder.forecast(PLAN, plan).shares if one.is_shared)
    assert opened.before == ring.copy("school", share.id)
    ring.holder.save_plan(plan, by=NINA)
    ring.settle()
    now = ring.copy("school", share.id)
    assert now is not None
    assert (opened.view, text_of(now)[-1]) == (now, "Leksehjelp")


def test_whom_nothing_can_be_shared_with(ring: Ring) -> None:
    """Where no consent opens anything, there is no view, and the refusal says so."""
    plan = make_plan()
    no = Provision(access=Access.DENY, recipients=("school",))
    sharing = plan.consents[1].evolve(provisions=(no, *plan.consents[1].provisions[1:]))
    found = ring.holder.forecast(PLAN, plan.evolve(consents=(plan.consents[0], sharing)))
    school = next(one for one in found.shares if one.party == "school")
    assert school.view is None
    assert isinstance(school.refusal, ConsentRefused)
