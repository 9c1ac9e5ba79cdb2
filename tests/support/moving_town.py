"""Two municipalities that hand plans to each other, and participants who stay: real processes that may be killed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from ip_fhir.domain.plan import IndividualPlan
from ip_fhir.domain.sharing.case import PlanSide, SharedPlan
from ip_fhir.domain.sharing.change import ChangeStatus
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.see import see
from ip_fhir.domain.values.calendar import local_day
from ip_fhir.ports import OutboxRow, Store
from tests.support.plan_movers import EVERYBODY, MUNICIPALITIES, STAYING, VERSIONS_HERE
from tests.support.plan_people import OPEN
from tests.support.plan_town import PlanTown, open_stores, plans_in, statuses, under_way, words_of
from tests.support.processes import Zygote


class MovingTown(PlanTown):
    """Each of so many plans is handed over `moves` times."""

    staff = "plan_movers"

    def __init__(self, place: Path, databases: dict[str, str], zygote: Zygote, plans: int, moves: int) -> None:
        super().__init__(place, databases, zygote, plans)
        self.moves, self.saved = moves, place / "saved"
        given = {"pause": 0.02, "plans": plans, "moves": moves, "saved": str(self.saved)}
        for side, people in self.people.items():
            people.more = {"party": side, **given}

    def restless(self, stores: Mapping[str, Store]) -> Iterator[str]:
        """Each plan that has not moved as often as it is to, all that waits, and every change that is not decided."""
        yield from under_way(stores)
        for side in STAYING:
            for plan in plans_in(stores[side], PlanSide.PARTICIPANT):
                if len(plan.changes) < 2 * self.moves or any(kept.status in OPEN for kept in plan.changes):
                    yield f"{plan.id}: {statuses(plan)}, by {side}"
        held = [plan for side in MUNICIPALITIES for plan in plans_in(stores[side], PlanSide.HOLDER)]
        if len(held) < self.plans:
            yield f"{len(held)} plans are held"
        yield from (f"{plan.id} is not done: epoch {plan.epoch}" for plan in held if not self._has_moved(plan))

    def _has_moved(self, case: SharedPlan) -> bool:
        enough = case.plan is not None and case.plan.version >= VERSIONS_HERE * case.epoch
        return case.epoch > self.moves and enough and all(share.in_step for share in case.shares)


def wrong_after_moving(town: MovingTown) -> list[str]:
    """Everything that is not as it must be when all have come to rest: read from the stores alone."""
    with open_stores(town.databases) as stores:
        problems = [f"{side} chain: {found}" for side, store in stores.items() for found in store.verify()]
        for side, store in stores.items():
            left = (row for row in store.outbox(None, 1_000_000) if row.status in ("waiting", "awaiting", "parked"))
            problems += [f"{side}: {words_of(row)}" for row in left if not _is_answered(row)]
        cases = {side: {plan.id: plan for plan in plans_in(stores[side], None)} for side in EVERYBODY}
        for number in range(town.plans):
            ident = f"plan-{number}"
            there = {side: plans[ident] for side, plans in cases.items() if ident in plans}
            problems += [f"{ident}: {problem}" for problem in _wrong(there)]
            problems += [f"{ident}: {problem}" for problem in _lost(there, town.saved, ident)]
    return problems


def _is_answered(row: OutboxRow) -> bool:
    """True if a refusal is the answer, of which a person is told.

    The plan is not known there yet; a change was made on a view of the old holder.
    """
    words = row.last_error or ""
    unknown = row.effect.plan_message is PlanMessageKind.PLAN_GONE and words.endswith("not-found")
    outdated = row.effect.plan_message is PlanMessageKind.PLAN_CHANGE and "change.base" in words
    return row.status == "parked" and (unknown or outdated)


def _wrong(there: dict[str, SharedPlan]) -> Iterator[str]:
    """There is one holder, all know it, and each participant's copy and changes are as that one has them."""
    holders = [side for side, case in there.items() if case.side is PlanSide.HOLDER]
    if len(holders) != 1:
        yield f"it is held by {holders}"
        return
    case = there[holders[0]]
    assert case.plan is not None
    for side in STAYING:
        other = there.get(side)
        (share,) = (one for one in case.shares if one.party == side)
        copy = other.copy_of(share.id) if other is not None else None
        if other is None or copy is None:
            yield f"{side} has no copy"
            continue
        if (other.holder, other.epoch) != (holders[0], case.epoch):
            yield f"{side} goes by {other.holder}, epoch {other.epoch}"
        if copy.view != see(case.plan, share, share.made_on or local_day(case.changed)):
            yield f"the copy of {side} is not its view"
        if not (copy.number == share.number == share.acknowledged):
            yield f"{side} holds number {copy.number} of {share.number}"
        yield from _untrue(case.plan, other)
    words = [said for measure in case.plan.measures for said in (measure.what, measure.extent) if said is not None]
    if len(set(words)) != len(words):
        yield "a change took effect twice"


def _untrue(plan: IndividualPlan, other: SharedPlan) -> Iterator[str]:
    """Says which measures are there that a participant was told were declined, or not there that were accepted."""
    there = {measure.what for measure in plan.measures}
    for kept in other.changes[1::2]:  # every other change asks for a measure, which stands last
        if (kept.change.wanted.measures[-1].what in there) != (kept.status is ChangeStatus.ACCEPTED):
            yield f"change {kept.change.id} is {kept.status}, and that is not so"


def _lost(there: dict[str, SharedPlan], saved: Path, ident: str) -> Iterator[str]:
    """Nothing that was saved is lost on the way: no later version than the newest, and no other words in it."""
    lines = (line.split(" ", 2) for line in saved.read_text(encoding="utf-8").splitlines())
    told = {int(version): how for plan, version, how in lines if plan == ident}
    newest = [case.plan for case in there.values() if case.plan is not None]
    if not newest or max(told) > newest[0].version:
        yield f"version {max(told)} is lost"
    elif newest[0].version == max(told) and str(newest[0].measures[0].how) != told[max(told)]:
        yield f"version {max(told)} says {newest[0].measures[0].how!r}, and was saved with {told[max(told)]!r}"
