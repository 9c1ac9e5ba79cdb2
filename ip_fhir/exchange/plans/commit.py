"""Writes a decision about a plan in one transaction: evidence, plan, views, outbox, worklist."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from ip_fhir.domain.effects import EffectKind
from ip_fhir.domain.loop.worklist import items_of
from ip_fhir.domain.parties import OURS
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.life.decision import decide_plan
from ip_fhir.domain.sharing.life.worklist import no_longer_needed
from ip_fhir.domain.values.aggregate import PLAN, Aggregate
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.plans.around import surroundings
from ip_fhir.exchange.plans.following import follow_in_loop
from ip_fhir.exchange.sending.run_counts import PlanChange
from ip_fhir.ports import OutboxRow
from ip_fhir.ports.plans import ViewMade

OVERTAKEN: Final = "no longer needed: the plan has gone on"
"""The note of a worklist item that was closed because of what happened since."""

log = logging.getLogger("ip_fhir.exchange")

OF_A_SHARE: Final = (PlanMessageKind.PLAN, PlanMessageKind.PLAN_WITHDRAWN)
"""The messages of which only the newest of a share counts."""

_GIVE_WAY: Final = (*OF_A_SHARE, PlanMessageKind.PLAN_CHANGE)

IN_ITS_PLACE: Final = "a newer one is in its place"
"""The reason that a superseded row shows."""

if TYPE_CHECKING:
    from datetime import datetime

    from ip_fhir.domain.effects import Effect
    from ip_fhir.domain.sharing.case import SharedPlan
    from ip_fhir.domain.sharing.events import PlanEvent, PlanEventKind
    from ip_fhir.domain.sharing.life.step import PlanDecision
    from ip_fhir.exchange.context import Context
    from ip_fhir.ports.plans import PlanTransaction, StoredPlan


def apply(
    context: Context, tx: PlanTransaction, before: StoredPlan | None, event: PlanEvent, now: datetime
) -> PlanDecision:
    """Decide on an event and write what follows; `now` is a time in UTC. Raises what `decide_plan` does, `Conflict`."""
    stored = _case(before)
    happened = event if stored is None else event.evolve(at=max(event.at, stored.changed))
    decision = decide_plan(stored, happened, surroundings(context, tx, stored, happened))
    write_plan(context, tx, before, decision, now)
    return decision


def write_plan(
    context: Context, tx: PlanTransaction, before: StoredPlan | None, decision: PlanDecision, now: datetime
) -> None:
    """Write a decision and all that follows from it. `now` is a time in UTC.

    Raises `Conflict` when the plan has changed since it was loaded.
    """
    if not decision.records:  # the same event was applied before
        return
    was, plan = _case(before), decision.plan
    aggregate = Aggregate.of_plan(plan.id)
    tx.append_records(aggregate, [record.to_data() for record in decision.records])
    tx.save_plan(plan, before.revision if before is not None else None, decision.records[0].by)
    tx.add_views(plan.id, [ViewMade(*view) for view in decision.views])
    for about in decision.superseded:
        tx.supersede_rows(aggregate, about, _GIVE_WAY, IN_ITS_PLACE)
    if decision.drops is not None:
        tx.drop_rows(aggregate, decision.drops, [effect.id for effect in decision.effects])
    for reason, about in no_longer_needed(was, plan):
        tx.finish_items(aggregate, (reason,), now, decision.records[0].by, OVERTAKEN, about)
    tx.open_items(items_of(decision.effects, aggregate, now))
    tx.enqueue([_row(context, plan, effect, now) for effect in decision.effects])
    follow_in_loop(context, tx, was, decision, now)


def plan_change(before: StoredPlan | None, decision: PlanDecision) -> PlanChange:
    """Return which shares and changes of a plan a decision moved."""
    was, after = _case(before), decision.plan
    shares = {share.id: share for share in was.shares} if was is not None else {}
    changes = {kept.change.id: kept for kept in was.changes} if was is not None else {}
    copies = {copy.share: copy for copy in was.copies} if was is not None else {}
    return PlanChange(
        after.id,
        tuple(
            [share.id for share in after.shares if shares.get(share.id) != share]
            + [copy.share for copy in after.copies if copies.get(copy.share) != copy]
        ),
        tuple(kept.change.id for kept in after.changes if changes.get(kept.change.id) != kept),
    )


def _case(stored: StoredPlan | None) -> SharedPlan | None:
    return stored.plan if stored is not None else None


def announce(context: Context, event: PlanEventKind, moved: PlanChange) -> PlanChange:
    """Call the EHR's hook about an event that was committed, and return what moved. A hook that fails is logged."""
    try:
        context.plan_moved(event, moved)
    except Exception as error:  # noqa: BLE001 - somebody else's code; what it is told of is done
        log.error("the hook for plans failed: %s", type(error).__name__)  # noqa: TRY400 - a trace may hold a person's data
    return moved


def _row(context: Context, plan: SharedPlan, effect: Effect, now: datetime) -> OutboxRow:
    """A new outbox row; without a peer if it stays here or the settings name none."""
    peer = None
    if effect.kind is EffectKind.SEND and effect.party not in (None, OURS):
        with suppress(InvalidInput):
            peer = context.peers.party(effect.party).name
    return OutboxRow(effect.id, plan.id, effect, due=now, aggregate_kind=PLAN, peer=peer)
