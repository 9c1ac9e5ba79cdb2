"""The events of a webhook from a number on, to be read or sent again; the progress of each recipient, and trials."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import uuid4

import orjson

from ip_fhir.domain.values.aggregate import RECIPIENT
from ip_fhir.errors import InvalidInput, PeerError
from ip_fhir.exchange.telling.entry import Entry
from ip_fhir.ports.telling import keeps_tellings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from datetime import datetime

    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.telling.recipients import Recipient, TellingWay
    from ip_fhir.ports import JsonObject, OutboxRow, OutboxStatus
    from ip_fhir.ports.telling import TellingStore

_AT_ONCE: Final = 200
_MOST: Final = 1000
_TOLD: Final = ("sent", "parked")
_UNTOLD: Final[tuple[OutboxStatus, ...]] = ("waiting", "parked")


class Progress(NamedTuple):
    """The progress of a recipient: the last number, the rows that wait or are parked, and why one of them failed.

    Rows are counted among the 1000 oldest of the outbox. An address is known by its `key`.
    """

    name: str
    key: str
    way: TellingWay
    last: int
    waiting: int
    parked: int
    error: str | None


class Tried(NamedTuple):
    """The outcome of a trial of one recipient: why it failed (None: it was told), and the milliseconds that it took."""

    key: str
    error: str | None
    milliseconds: int


class Tellings:
    """The events of the webhooks of one side. `active` is called when there is something to send.

    Making it raises `InvalidInput` (not-supported) if there are recipients, and the store cannot number what they are
    told.
    """

    def __init__(self, context: Context, active: Callable[[], object]) -> None:
        self._context, self._active = context, active
        if any(context.recipients):
            self._store()

    def progress(self) -> list[Progress]:
        """The progress of each recipient, in the order of the settings. Raises `StoreError`."""
        recipients = list(self._context.recipients)
        if not recipients:
            return []
        store = self._store()
        rows = [row for status in _UNTOLD for row in store.outbox(status, _MOST) if row.aggregate_kind == RECIPIENT]
        return [_progress(one, store.last_telling(one.key), rows) for one in recipients]

    def trial(self, name: str) -> list[Tried]:
        """Tell the recipients of a name once, now, that this is a trial. Nothing is stored, and none is tried again.

        Raises `InvalidInput` (not-found), `StoreError`.
        """
        return [_tried(one, self._context.clock.now()) for one in self._context.recipients.named(name)]

    def since(self, name: str, first: int, limit: int = 100) -> list[JsonObject]:
        """The events of a webhook from a number on, in order, at most `limit` (1000): as its receiver is sent them.

        Also those that it was not sent yet. Raises `InvalidInput` (not-found; not-supported: it is no webhook),
        `StoreError`.
        """
        recipient = self._context.recipients.replayable(name)
        rows = self._store().tellings(recipient.key, first, min(limit, _MOST))
        return [orjson.loads(row.content) for row in rows if row.content is not None]

    def replay(self, name: str, first: int) -> int:
        """Send the events of a webhook again from a number on, in order and unchanged. Returns how many there are.

        Those that wait are sent in their turn. Raises as `since`.
        """
        key, found = self._context.recipients.replayable(name).key, 0
        for rows in self._pages(key, first):
            with self._store().begin() as tx:
                for row in rows:
                    if row.status in _TOLD:
                        tx.retry(row.id, self._context.clock.now())
                        found += 1
        self._active()
        return found

    def _pages(self, key: str, first: int) -> Iterator[list[OutboxRow]]:
        store = self._store()
        while rows := store.tellings(key, first, _AT_ONCE):
            yield rows
            first = Entry.of(rows[-1]).number + 1

    def _store(self) -> TellingStore:
        store = self._context.store
        if not keeps_tellings(store):
            raise InvalidInput.at("told", "this store numbers nothing that people are told", "not-supported")
        return store


def _tried(recipient: Recipient, now: datetime) -> Tried:
    began, error = time.monotonic(), None
    try:
        recipient.tell([Entry.of_trial(recipient.key, str(uuid4()), now)], now)
    except PeerError as raised:
        error = str(raised)
    return Tried(recipient.key, error, round((time.monotonic() - began) * 1000))


def _progress(recipient: Recipient, last: int, rows: list[OutboxRow]) -> Progress:
    own = [row for row in rows if row.correlation_id == recipient.key]
    waiting = sum(row.status == "waiting" for row in own)
    error = next((row.last_error for row in own if row.last_error), None)
    return Progress(recipient.name, recipient.key, recipient.way, last, waiting, len(own) - waiting, error)
