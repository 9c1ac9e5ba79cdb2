"""The report of a command that changed a loop: what is stored, and what became of each message."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ip_fhir.domain.referral import Referral
    from ip_fhir.exchange import Exchange
    from ip_fhir.ports import OutboxRow

ROW_WORDS = {
    "waiting": "waits to be sent; `ip-fhir serve` or `ip-fhir work` sends it",
    "awaiting": "handed over; its receipt has not come yet",
    "sent": "sent",
    "held": "waits for a person's yes (ip-fhir outbox release)",
    "parked": "not sent, and waits for a person (ip-fhir outbox list)",
    "refused": "will not be sent",
    "superseded": "will not be sent: a newer one goes in its place",
}
"""The words for each status of an outbox row, for whoever raised the event."""


def show_stored(exchange: Exchange, referral: Referral, *, as_json: bool) -> None:
    """Show the referral as it is stored now, and its messages of the last step, without a word about the person."""
    from ip_fhir.cli.output import emit, say

    last = referral.forms[-1] if referral.forms else None
    missing = [str(item) for item in last.missing] if last else []
    rows = _rows(exchange, referral)
    if as_json:
        emit(
            {
                "correlation_id": referral.correlation_id,
                "state": str(referral.state),
                "reminders": referral.reminders,
                "form_status": str(last.status) if last else None,
                "missing": missing,
                "messages": [_data(row) for row in rows],
            }
        )
        return
    say(f"{referral.correlation_id}: stored; the loop is {referral.state}")
    for row in rows:
        say(f"  {row.effect.message} to {row.peer or 'nobody in the settings'}: {ROW_WORDS[row.status]}")
    if not rows:
        say("  nothing is to be sent")
    if missing:
        say(f"  the form lacks {', '.join(missing)}: the loop stays open")


def _rows(exchange: Exchange, referral: Referral) -> list[OutboxRow]:
    """The messages that the last step asked for, as they stand now. A notice that is sent again is one of them."""
    from ip_fhir.domain.effects import EffectKind
    from ip_fhir.domain.referral import EventKind

    (*_, last) = exchange.store.evidence(referral.correlation_id)
    idents: Sequence[str] = last.record.effects
    if last.record.event.kind is EventKind.SEND and referral.notice_message is not None:
        idents = (referral.notice_message,)
    with exchange.store.begin() as transaction:
        found = [transaction.row(ident) for ident in idents]
    return [row for row in found if row is not None and row.effect.kind is EffectKind.SEND]


def _data(row: OutboxRow) -> dict[str, Any]:
    return {"id": row.id, "kind": str(row.effect.message), "peer": row.peer, "status": row.status}
