"""The numbers of what each recipient of our own people is told: a row of the outbox for each, in order.

`TellingStore` is a capability of a store, as those in `ip_fhir.ports.capabilities` are: without it `[[told]]` of the
settings cannot be used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeGuard

from ip_fhir.ports import Store, Transaction
from ip_fhir.ports.capabilities import has

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from ip_fhir.ports import OutboxRow


class TellingTransaction(Transaction, Protocol):
    """A transaction that can number the rows to a recipient."""

    def next_telling(self, recipient: str, row_id: str) -> int:
        """Give a new row to the recipient the next number, from 1, and return it; the row is enqueued after that.

        Numbers rise in the order in which the rows are sent, without a gap, and none comes twice, also when the rows
        before it have been purged. Raises `Conflict` when another transaction gives the same number at this moment.
        """
        ...


class TellingStore(Store, Protocol):
    """Numbers what each recipient is told, and finds it by its number."""

    def begin(self) -> AbstractContextManager[TellingTransaction]:
        """As `Store.begin`."""
        ...

    def tellings(self, recipient: str, first: int = 1, limit: int = 100) -> list[OutboxRow]:
        """The rows to a recipient in order of their numbers, in any status: those from the number `first` on."""
        ...

    def last_telling(self, recipient: str) -> int:
        """The last number that was given for a recipient; 0 if it was told nothing."""
        ...


def keeps_tellings(store: Store) -> TypeGuard[TellingStore]:
    """True if the store numbers what our people are told."""
    return has(store, "TellingStore")
