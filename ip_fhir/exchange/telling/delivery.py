"""The way to our own people: an item's row becomes a row for each recipient, and each of these is told in order.

A row to a recipient is one of the outbox like any other: in the lane of that recipient, tried again after a failure,
parked after the last attempt. It is closed in one commit after the recipient has it; after a crash before that it is
told again, under the same id and number.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, Literal, TypeAlias
from uuid import NAMESPACE_URL, uuid5

from ip_fhir.domain.effects import Reason
from ip_fhir.domain.values.aggregate import RECIPIENT
from ip_fhir.errors import PeerError
from ip_fhir.exchange.commit import again_on_conflict
from ip_fhir.exchange.sending.retry import next_try
from ip_fhir.exchange.telling.entry import JSON, Entry, event_of
from ip_fhir.exchange.telling.failures import close_item, has_parked, tell_of_failure
from ip_fhir.ports import OutboxRow
from ip_fhir.ports.capabilities import writes_worklist
from ip_fhir.ports.telling import keeps_tellings

if TYPE_CHECKING:
    from datetime import datetime

    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.telling.recipients import Recipient
    from ip_fhir.ports import Transaction
    from ip_fhir.ports.telling import TellingTransaction

log = logging.getLogger("ip_fhir.exchange")

Told: TypeAlias = Literal["told", "again", "parked"]
"""The outcome of one attempt to tell a recipient."""

_IN_ONE_DIGEST: Final = 500


def pass_on(context: Context, row: OutboxRow, now: datetime) -> None:
    """Make a row for each recipient that is told of an item's reason; those that are there already are left.

    Raises `StoreError`.
    """
    wanting, store = context.recipients.of(row.effect.reason), context.store
    if row.effect.reason is Reason.NOT_TOLD:
        wanting = [one for one in wanting if one.key != row.correlation_id]  # whom it is about is not told of it
    if not wanting or not keeps_tellings(store):
        return

    def once() -> None:
        with store.begin() as tx:
            opened = _opened(tx, row.id, now)
            for recipient in wanting:
                _enqueue(tx, recipient, row, opened)

    again_on_conflict(once)


def _opened(tx: Transaction, item_id: str, now: datetime) -> datetime:
    item = tx.item(item_id) if writes_worklist(tx) else None
    return now if item is None else item.opened


def _enqueue(tx: TellingTransaction, recipient: Recipient, row: OutboxRow, opened: datetime) -> None:
    ident = str(uuid5(NAMESPACE_URL, f"{row.id}#told#{recipient.key}"))
    if tx.row(ident) is not None:
        return
    number = tx.next_telling(recipient.key, ident)
    effect = row.effect.evolve(id=ident, text=None, to=None)  # others' words stay with the item
    tx.enqueue(
        [
            OutboxRow(
                ident,
                recipient.key,
                effect,
                due=recipient.hours.due(opened),
                content=event_of(row, number, opened),
                content_type=JSON,
                aggregate_kind=RECIPIENT,
                peer=recipient.name,
            )
        ]
    )


def deliver(context: Context, row: OutboxRow, now: datetime) -> Told:
    """Tell a recipient of a claimed row, and close it. Raises `StoreError` only: other errors are kept in the row."""
    recipient, store = context.recipients.with_key(row.correlation_id), context.store
    if recipient is None:
        return _park(context, [row], "settings have no such recipient any longer", now)
    opens = recipient.hours.open_from(now)
    if opens > now:
        store.failed(row.id, row.last_error or "quiet hours", opens, row.claim)
        return "again"
    rows = [row]
    try:
        rows = _together(context, recipient, row, now)
        _tell(context, recipient, rows, now)
    except PeerError as error:
        return _failed(context, recipient, rows, error, now)
    had_failed = any(one.last_error is not None for one in rows)
    all_told = had_failed and not has_parked(store, recipient.key)
    with store.begin() as tx:
        for one in rows:
            tx.finish(one.id, now)
        if all_told:
            close_item(tx, recipient.key, now)
    return "told"


def _together(context: Context, recipient: Recipient, row: OutboxRow, now: datetime) -> list[OutboxRow]:
    """The row, and in a digest all after it that are due, too: none of them is claimed while this one is."""
    if recipient.hours.digest_at is None or not keeps_tellings(context.store):
        return [row]
    later = context.store.tellings(recipient.key, Entry.of(row).number + 1, _IN_ONE_DIGEST - 1)
    return [row, *(one for one in later if one.status == "waiting" and one.due <= now)]


def _tell(context: Context, recipient: Recipient, rows: list[OutboxRow], now: datetime) -> None:
    """Tell, and note whether the recipient's server answered. Raises `PeerError`."""
    name = recipient.name
    with context.circuits.asking(name, now, context.settings.retry, context.jitter):
        recipient.tell([Entry.of(one) for one in rows], now)
    for one in rows:
        log.info("told %s: row %s, item reason %s", name, one.id, one.effect.reason)


def _failed(context: Context, recipient: Recipient, rows: list[OutboxRow], error: PeerError, now: datetime) -> Told:
    """Note the failure in the claimed row, which is the first; where it is parked, so are all that went with it."""
    row = rows[0]
    again = next_try(error, row.attempts, now, context.settings.retry, context.jitter)
    if again is not None:
        context.store.failed(row.id, str(error), recipient.hours.open_from(again), row.claim)
        return "again"
    return _park(context, rows, str(error), now)


def _park(context: Context, rows: list[OutboxRow], reason: str, now: datetime) -> Told:
    """Park rows to one recipient, and open the item by which a person learns of it, in one commit.

    Not where it was such an item that could not be told: two recipients that cannot be told would go on for ever.
    """
    row = rows[0]
    with context.store.begin() as tx:
        for one in rows:
            tx.failed(one.id, reason, None, one.claim)
        if row.effect.reason is not Reason.NOT_TOLD:
            tell_of_failure(tx, row, reason, now)
    log.error("told %s: row %s is parked: %s", row.peer, row.id, reason)
    return "parked"
