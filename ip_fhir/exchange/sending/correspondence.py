"""The messages that went between us and a party before one that is sent, for a wire on which it points to them.

They are not kept by themselves: the evidence of a loop tells them in order, outbox and inbox have their bytes. About a
plan, a message follows the one that it answers.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ip_fhir.domain.effects import EffectKind
from ip_fhir.domain.values.aggregate import REFERRAL
from ip_fhir.exchange.formats import Earlier

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from ip_fhir.exchange.context import Context
    from ip_fhir.ports import OutboxRow, Transaction

_LEFT = ("sent", "awaiting")


def earlier_messages(context: Context, party: str, row: OutboxRow) -> tuple[Earlier, ...]:
    """Return the messages before the row's, the oldest first: those that left, and those of the party's taken in.

    Messages with other parties are left out: nobody learns of what they had no part in. Raises `StoreError`.
    """
    if row.aggregate_kind == REFERRAL:
        named = [*_told_of(context, row.correlation_id, party)]
    else:
        answers = row.effect.answers
        named = [] if answers is None else [(answers, row.due, own) for own in (False, True)]
    found: dict[str, Earlier] = {}
    with context.store.begin() as tx:
        for ident, at, own in named:
            one = (_ours if own else _theirs)(tx, party, ident, at)
            if one is not None and ident != row.id:
                found.setdefault(ident, one)
    return tuple(found.values())


def _told_of(context: Context, loop: str, party: str) -> Iterator[tuple[str, datetime, bool]]:
    """Yield the ids that may be a message's, with the time of each (UTC) and if it would be one of ours."""
    for kept in context.store.evidence(loop):
        event = kept.record.event
        if event.party == party and event.message_id is not None:
            yield event.message_id, event.sent or event.at, False
        for ident in kept.record.effects:
            yield ident, event.at, True


def _theirs(tx: Transaction, party: str, ident: str, at: datetime) -> Earlier | None:
    """A message of the party's, with the answer that it got; None if none was taken in under this id."""
    seen = tx.seen(f"{party}/{ident}")
    return None if seen is None else Earlier(ident, at, own=False, content=seen.reply)


def _ours(tx: Transaction, party: str, ident: str, at: datetime) -> Earlier | None:
    """A message of ours to the party, with its bytes; None if no such message left."""
    row = tx.row(ident)
    if row is None or row.effect.kind is not EffectKind.SEND or row.peer != party or row.status not in _LEFT:
        return None
    return Earlier(ident, row.handed_over or at, own=True, content=row.content or b"")
