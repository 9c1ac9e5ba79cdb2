"""The report of a command that changed a plan: what is stored, and what became of each message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ip_fhir.cli.commands.loop.stored import ROW_WORDS
from ip_fhir.cli.commands.plans.lookup import plan_store

if TYPE_CHECKING:
    from ip_fhir.domain.sharing.case import SharedPlan
    from ip_fhir.exchange import Exchange
    from ip_fhir.ports import OutboxRow


def show_stored(exchange: Exchange, plan: SharedPlan, *, as_json: bool) -> None:
    """Shows a plan as it is stored now, and the messages of the last step, without a word about the person."""
    from ip_fhir.cli.output import emit, say

    rows = _rows(exchange, plan)
    version = plan.plan.version if plan.plan is not None else None
    if as_json:
        emit(
            {
                "plan": plan.id,
                "side": str(plan.side),
                "version": version,
                "shares": [share_data(plan, share.id) for share in plan.shares],
                "messages": [_data(row) for row in rows],
            }
        )
        return
    say(f"{plan.id}: stored" + (f"; version {version}" if version is not None else ""))
    for row in rows:
        what = f"{row.effect.plan_message} to {row.peer or row.effect.party or 'nobody in the settings'}"
        number = f" (number {row.effect.number})" if row.effect.number is not None else ""
        say(f"  {what}{number}: {ROW_WORDS[row.status]}")
    if not rows:
        say("  nothing is to be sent")


def share_data(plan: SharedPlan, share_id: str) -> dict[str, Any]:
    """Returns a share for machines, without the secret from which its ids are made."""
    share = plan.share(share_id)
    assert share is not None  # noqa: S101 - the caller took the id from the plan
    return {
        "share": share.id,
        "party": share.party,
        "person": share.person,
        "level": str(share.level),
        "began": share.began.isoformat(),
        "number": share.number,
        "acknowledged": share.acknowledged,
        "in_step": share.in_step,
        "released": [str(part) for part in share.released],
        "readers": [reader.party for reader in share.readers],
        "ended": share.ended.isoformat() if share.ended else None,
        "end_reason": str(share.end_reason) if share.end_reason else None,
    }


def _rows(exchange: Exchange, plan: SharedPlan) -> list[OutboxRow]:
    """Returns the messages that the last step asked for, as they stand now."""
    from ip_fhir.domain.effects import EffectKind
    from ip_fhir.domain.values.aggregate import Aggregate

    records = [link.record for link in plan_store(exchange).records(Aggregate.of_plan(plan.id))]
    last = [record for record in records if record["event"] == records[-1]["event"]]
    idents = dict.fromkeys(ident for record in last for ident in record.get("effects", ()))
    with exchange.store.begin() as transaction:
        found = [transaction.row(ident) for ident in idents]
    return [row for row in found if row is not None and row.effect.kind is EffectKind.SEND]


def _data(row: OutboxRow) -> dict[str, Any]:
    effect = row.effect
    kind = str(effect.plan_message)
    return {"id": row.id, "kind": kind, "peer": row.peer, "number": effect.number, "status": row.status}
