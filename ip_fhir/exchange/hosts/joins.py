"""Transactions of the host's that something was written in, and who is told of it once they are committed."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ip_fhir.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ip_fhir.ports import ChainHead
    from ip_fhir.ports.capabilities import JoinableStore, JoinedStore

_SECONDS: Final = 0.5
"""The time that a commit may take from when it begins, before the next pass looks again."""


@dataclass(eq=False, slots=True)
class Join:
    """One transaction of the host's: its store, and what is to be called, each with the head of the chain after it."""

    store: JoinedStore
    told: list[tuple[ChainHead, Callable[[], object]]] = field(default_factory=list)
    committing: bool = False


class Joins:
    """The transactions that were joined and have not been looked at since they ended. Threads may share it.

    Nothing is believed of a commit: a savepoint of the host's may have been undone, or the commit itself have failed.
    What was written is looked for in the chain of evidence.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._open: list[Join] = []

    def add(self, join: Join) -> None:
        """Remember a transaction until it has ended."""
        with self._turn:
            self._open.append(join)

    def look(self, store: JoinableStore) -> bool:
        """Tell of what has been committed; True if a transaction has ended. Raises `StoreError`.

        Waits for a commit that is under way, for half a second at most.
        """
        end = time.monotonic() + _SECONDS
        while self._any_committing() and time.monotonic() < end:
            time.sleep(0.005)
        ended = self._take_ended()
        for number, join in enumerate(ended):
            try:
                kept = [call for head, call in join.told if store.has_record(head.number, head.hash)]
            except StoreError:
                with self._turn:
                    self._open += ended[number:]
                raise
            for call in kept:
                call()
        return bool(ended)

    def _any_committing(self) -> bool:
        with self._turn:
            return any(join.committing and not join.store.over for join in self._open)

    def _take_ended(self) -> list[Join]:
        with self._turn:
            ended = [join for join in self._open if join.store.over]
            self._open = [join for join in self._open if join not in ended]
            return ended
