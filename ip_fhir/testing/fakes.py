"""Stand-ins: an adapter that only hands over, and a store without capabilities."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, cast

from ip_fhir.ports import Receipt, Store, Transaction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.errors import Problem
    from ip_fhir.ports import Outgoing, ReceiptCode, WireFormat

_OF_STORE: Final = frozenset(name for name in dir(Store) if not name.startswith("_"))
_OF_TRANSACTION: Final = frozenset(name for name in dir(Transaction) if not name.startswith("_"))


class HandingOver:
    """An `Adapter` that hands over and gives no receipt, as a queue or the KITH message service does.

    `handed` has every message that it was given, in order. The test delivers the receipt later:

        exchange.receive_receipt(adapter.receipt(), peer)
    """

    name: str = "handing-over"
    format: WireFormat = "fhir-message"

    def __init__(self) -> None:
        self.handed: list[Outgoing] = []

    def send(self, outgoing: Outgoing) -> Receipt | None:
        """Keep the message and return None: the receipt comes later."""
        self.handed.append(outgoing)
        return None

    def receipt(
        self, code: ReceiptCode = "ok", problems: tuple[Problem, ...] = (), message_id: str | None = None
    ) -> Receipt:
        """The peer's receipt for the last message, or for the message with this id."""
        return Receipt(message_id or self.handed[-1].message_id, code, problems)


def only_loops(store: Store) -> Store:
    """The store without the capabilities of `ip_fhir.ports.capabilities`: as one that only keeps loops."""
    return cast("Store", _OnlyLoops(store))


class _OnlyLoops:
    def __init__(self, store: Store) -> None:
        self._store = store

    def __repr__(self) -> str:
        return "only_loops()"

    def __getattr__(self, name: str) -> Any:
        return _of(self._store, name, _OF_STORE)

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        with self._store.begin() as transaction:
            yield cast("Transaction", _OnlyLoopsTransaction(transaction))


class _OnlyLoopsTransaction:
    def __init__(self, transaction: Transaction) -> None:
        self._transaction = transaction

    def __getattr__(self, name: str) -> Any:
        return _of(self._transaction, name, _OF_TRANSACTION)


def _of(whole: object, name: str, names: frozenset[str]) -> Any:
    if name not in names:
        raise AttributeError(name)
    return getattr(whole, name)
