"""The staff of four sides around plans in the crash tests: they work on their side's store, and may be killed too.

Who starts again looks at what is stored and goes on from there. The coordinator makes the plans, shares each with all
others, changes it a few times and decides what they ask for; each other asks for one change of each plan.
"""

from __future__ import annotations

import time
from contextlib import suppress

from ip_fhir.bootstrap import open_exchange
from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.sharing.case import PlanSide, SharedPlan
from ip_fhir.domain.sharing.change import ChangeStatus, Outcome, PartDecision
from ip_fhir.errors import ConsentRefused, InvalidInput, LoopError, StoreError
from ip_fhir.exchange import Exchange
from ip_fhir.settings import read_settings
from tests.support.ring import NINA, OLE, make_plan

PARTICIPANTS = ("hospital", "school", "practice")
VERSIONS = 4
"""The coordinator changes each plan until this version is there, or a later one."""

_ALL = 100_000


def numbered_plan(number: int) -> IndividualPlan:
    """A plan of its own, about nobody with a number."""
    plan = make_plan()
    owner = plan.owner.evolve(identifier=None)
    return plan.evolve(id=f"plan-{number}", owner=owner)


def work(config: str, party: str, pause: float, until: int) -> None:
    """Do what a side's people do, until killed; `until` is how many plans the coordinator makes."""
    exchange = open_exchange(read_settings(config))
    while True:
        with suppress(StoreError, LoopError, InvalidInput, ConsentRefused):  # somebody was first: look again
            _coordinate(exchange, until) if party == "municipality" else _take_part(exchange, party)
        time.sleep(pause)


def plans_of(exchange: Exchange, side: PlanSide) -> list[SharedPlan]:
    """All plans in which this side has this part."""
    return exchange.store.plans(side, _ALL)  # type: ignore[attr-defined, no-any-return]


def _coordinate(exchange: Exchange, until: int) -> None:
    """Make the next plan, and do the next thing in each that is there."""
    plans = plans_of(exchange, PlanSide.HOLDER)
    if len(plans) < until:
        exchange.save_plan(numbered_plan(len(plans)), by=NINA)
    for plan in plans:
        _next(exchange, plan)


def _next(exchange: Exchange, case: SharedPlan) -> None:
    shared = {share.party for share in case.shares}
    for party in PARTICIPANTS:
        if party not in shared:
            exchange.share(case.id, party, by=NINA)
            return
    for kept in case.changes:
        if kept.status in (ChangeStatus.PROPOSED, ChangeStatus.CONFLICT):
            waiting = [one for one in kept.decisions if one.outcome in (Outcome.PROPOSED, Outcome.CONFLICT)]
            said = [PartDecision(field=one.field, id=one.id, outcome=Outcome.ACCEPTED) for one in waiting]
            exchange.answer_change(kept.change.id, said, by=NINA)
            return
    plan = case.plan
    if plan is not None and plan.version < VERSIONS:
        measures = (plan.measures[0].evolve(how=f"versjon {plan.version}"), *plan.measures[1:])
        exchange.save_plan(plan.evolve(measures=measures), by=NINA)


def _take_part(exchange: Exchange, party: str) -> None:
    """Ask for one change of each plan: the extent of the last measure, in words that nobody else uses."""
    for case in plans_of(exchange, PlanSide.PARTICIPANT):
        views = [copy.view for copy in case.copies if copy.view is not None]
        if not views or case.changes:
            continue
        measures = views[0].plan.measures
        wanted = (*measures[:-1], measures[-1].evolve(extent=f"{party} vil"))
        exchange.change_plan(views[0].evolve(plan=views[0].plan.evolve(measures=wanted)), by=OLE)
