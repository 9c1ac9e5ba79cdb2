"""What a webhook was told, from a number on: to be read again, or sent again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import orjson

from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.telling.entry import Entry
from ip_fhir.ports.telling import keeps_tellings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.telling.recipients import Recipient
    from ip_fhir.ports import JsonObject, OutboxRow
    from ip_fhir.ports.telling import TellingStore

_AT_ONCE: Final = 200
_MOST: Final = 1000
_TOLD: Final = ("sent", "parked")


class Tellings:
    """The events of the webhooks of one side. `active` is called when there is something to send."""

    def __init__(self, context: Context, active: Callable[[], object]) -> None:
        self._context, self._active = context, active

    def recipients(self) -> list[Recipient]:
        """All recipients, in the order of the settings."""
        return list(self._context.recipients)

    def last(self, recipient: Recipient) -> int:
        """The last number of a recipient; 0 if it was told nothing. Raises `StoreError`."""
        return self._store().last_telling(recipient.key)

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
