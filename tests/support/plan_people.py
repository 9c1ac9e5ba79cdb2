"""The staff of four sides around plans in the crash tests: they work on their side's store, and may be killed too.

Who starts again looks at what is stored and goes on from there. The coordinator makes the plans, shares each with all
others, changes it a few times, decides what they ask for, and shares again what is out of step; each other asks for
changes of each plan, one after the other.
"""

from __future__ import annotations

import time
from contextlib import suppress
from uuid import uuid4

from ip_fhir.bootstrap import open_exchange
from ip_fhir.domain.effects import Reason
from ip_fhir.domain.plan import IndividualPlan, Measure
from ip_fhir.domain.sharing.case import PlanSide, SharedPlan
from ip_fhir.domain.sharing.change import ChangeStatus, Outcome, PartDecision
from ip_fhir.errors import Conflict, ConsentRefused, InvalidInput, LoopError, StoreError
from ip_fhir.exchange import Exchange
from ip_fhir.settings import read_settings
from tests.support.ring import NINA, OLE, make_plan

PARTICIPANTS = ("hospital", "school", "practice")
VERSIONS = 4
"""The coordinator changes each plan until this version is there, or a later one."""

OPEN = (ChangeStatus.PROPOSED, ChangeStatus.CONFLICT, ChangeStatus.SENT)
"""The statuses of a change that is not decided yet, at either side."""

FIRST = tuple(measure.what for measure in make_plan().measures)
"""The measures that a plan begins with."""

_ALL = 100_000


def numbered_plan(number: int) -> IndividualPlan:
    """A plan of its own, about nobody with a number."""
    plan = make_plan()
    owner = plan.owner.evolve(identifier=None)
    return plan.evolve(id=f"plan-{number}", owner=owner)


def work(config: str, party: str, pause: float, until: int, versions: int = VERSIONS, asks: int = 1) -> None:
    """Do what a side's people do, until killed.

    `until` is how many plans the coordinator makes, `versions` how far each is changed, `asks` how many changes of each
    plan a participant asks for.
    """
    exchange = open_exchange(read_settings(config))
    while True:
        with suppress(Conflict, StoreError, LoopError, InvalidInput, ConsentRefused):  # somebody was first: look again
            _coordinate(exchange, until, versions) if party == "municipality" else take_part(exchange, party, asks)
        time.sleep(pause)


def plans_of(exchange: Exchange, side: PlanSide | None) -> list[SharedPlan]:
    """All plans in which this side has this part; None: any."""
    return exchange.store.plans(side, _ALL)  # type: ignore[attr-defined, no-any-return]


def _coordinate(exchange: Exchange, until: int, versions: int) -> None:
    """Make the next plan, and do the next thing in each that is there."""
    plans = plans_of(exchange, PlanSide.HOLDER)
    if len(plans) < until:
        exchange.save_plan(numbered_plan(len(plans)), by=NINA)
    told = out_of_step(exchange)
    for plan in plans:
        do_next(exchange, plan, told, versions)


def out_of_step(exchange: Exchange) -> set[str | None]:
    """The shares of which people are told that the two sides hold different views."""
    return {item.about for item in exchange.worklist(limit=_ALL) if item.reason is Reason.OUT_OF_STEP}


def do_next(
    exchange: Exchange,
    case: SharedPlan,
    told: set[str | None],
    versions: int,
    participants: tuple[str, ...] = PARTICIPANTS,
) -> None:
    """Do the next thing that a plan needs: share it, share it again, decide a change, make another version."""
    shared = {share.party for share in case.shares}
    for party in participants:
        if party not in shared:
            exchange.share(case.id, party, by=NINA)
            return
    for share in case.shares:
        if share.id in told and not share.in_step:  # who looked at both sides' views shares again
            exchange.share(case.id, share.party, by=NINA)
            return
    for kept in case.changes:
        if kept.status in (ChangeStatus.PROPOSED, ChangeStatus.CONFLICT):
            waiting = [one for one in kept.decisions if one.outcome in (Outcome.PROPOSED, Outcome.CONFLICT)]
            said = [PartDecision(field=one.field, id=one.id, outcome=Outcome.ACCEPTED) for one in waiting]
            exchange.answer_change(kept.change.id, said, by=NINA)
            return
    plan = case.plan
    if plan is not None and plan.version < versions:
        measures = (plan.measures[0].evolve(how=f"versjon {plan.version} {uuid4()}"), *plan.measures[1:])
        exchange.save_plan(plan.evolve(measures=measures), by=NINA)


def take_part(exchange: Exchange, party: str, asks: int) -> None:
    """Ask for the next change of each plan, once the one before is answered."""
    for case in plans_of(exchange, PlanSide.PARTICIPANT):
        views = [copy.view for copy in case.copies if copy.view is not None]
        if views and len(case.changes) < asks and not any(kept.status in OPEN for kept in case.changes):
            wanted = _wanted(views[0].plan, party, add=len(case.changes) % 2 == 1)
            exchange.change_plan(views[0].evolve(plan=wanted), by=OLE)


def _wanted(plan: IndividualPlan, party: str, *, add: bool) -> IndividualPlan:
    """The plan with another extent of the last measure of those it began with, or with a measure that is new.

    In words that nobody uses twice.
    """
    words = f"{party} vil {uuid4()}"
    if add:
        new = Measure(id=str(uuid4()), what=words, goals=(plan.goals[0].id,))
        return plan.evolve(measures=(*plan.measures, new))
    first = [one for one in plan.measures if one.what in FIRST]
    changed = {one.id: one for one in plan.measures} | {first[-1].id: first[-1].evolve(extent=words)}
    return plan.evolve(measures=tuple(changed.values()))
