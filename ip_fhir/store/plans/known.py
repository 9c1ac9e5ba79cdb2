"""The plans that a process read or wrote last: what the database still says in the same words is not parsed again.

A change begins with the plan as the last one left it, and after it each message about the plan asks for it, and so does
each receipt. Nothing is believed: the texts are read from the database each time, and compared.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ip_fhir.ports.plans import StoredPlan
from ip_fhir.store.plans import codec

if TYPE_CHECKING:
    from collections.abc import Callable

    from ip_fhir.domain.sharing.case import SharedPlan

T = TypeVar("T")

_MOST: Final = 4_000_000
"""Characters of all texts that are remembered: those of some 150 plans with ten shares, and 60 MB with the values."""


class KnownPlans:
    """The values of the last texts that were read or written. Threads may share it."""

    def __init__(self) -> None:
        self._read: OrderedDict[tuple[str, str], tuple[str, Any]] = OrderedDict()
        self._size = 0
        self._turn = threading.Lock()

    def stored_plan(self, row: Any) -> StoredPlan:
        """Returns a plan's row with its newest version as a value. Raises `StoreError` if either cannot be read."""
        return StoredPlan(self.shared_plan(row), row.revision)

    def shared_plan(self, row: Any) -> SharedPlan:
        """Returns a plan's row with its newest version as a shared plan. Raises as `stored_plan`."""
        found = self._known("body", row.id, row.body, lambda: codec.shared_plan(row))
        if row.version is None:
            return found
        newest = self._known("newest", row.id, row.newest, lambda: codec.newest(row))
        return found.model_copy(update={"plan": newest})  # both have been checked

    def _known(self, part: str, ident: str, text: str, make: Callable[[], T]) -> T:
        """Returns the value of a text: that of the last time if it is the same, else as `make` makes it."""
        with self._turn:
            known = self._read.get((part, ident))
        if known is not None and known[0] == text:
            value: T = known[1]
            return value
        value = make()
        self._keep((part, ident), text, value)
        return value

    def wrote(self, plan: SharedPlan, body: str, newest: str | None) -> None:
        """Remembers a plan with the text of its row, and that of its newest version where that was written too."""
        self._keep(("body", plan.id), body, plan.model_copy(update={"plan": None}))
        if newest is not None:
            self._keep(("newest", plan.id), newest, plan.plan)

    def _keep(self, place: tuple[str, str], text: str, value: Any) -> None:
        with self._turn:
            self._size += len(text) - len(self._read.pop(place, ("", None))[0])
            self._read[place] = text, value
            while self._size > _MOST:
                self._size -= len(self._read.popitem(last=False)[1][0])
