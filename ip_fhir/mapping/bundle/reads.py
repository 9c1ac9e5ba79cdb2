"""Counts of how plans were read: the fast way, or by the lenses and why."""

from __future__ import annotations

import threading
from enum import StrEnum


class StandDown(StrEnum):
    """Why the fast reader left a bundle to the lenses."""

    TABLES = "tables"  # a site's tables say what only lenses can read
    SIZE = "size"  # the text is longer than what is read at all by default
    TEXT = "text"  # a character stands in it that no text of ours may hold, or it is no UTF-8
    DOUBT = "doubt"  # another system's plan, another FHIR version, an error, or what only lenses decide


class LensesNeeded(Exception):
    """The fast reader does not decide: the lenses read the bundle, or say what is wrong with it."""

    def __init__(self, reason: StandDown) -> None:
        super().__init__(str(reason))
        self.reason = reason


class Reads:
    """Counts since the process began. Threads may share it. Nothing about a plan is kept."""

    def __init__(self) -> None:
        self._counted: dict[StandDown | None, int] = dict.fromkeys((None, *StandDown), 0)
        self._turn = threading.Lock()

    def add(self, reason: StandDown | None) -> None:
        """Count one read: fast (None), or by the lenses for this reason."""
        with self._turn:
            self._counted[reason] += 1

    @property
    def fast(self) -> int:
        """Plans that the fast reader read."""
        with self._turn:
            return self._counted[None]

    @property
    def lenses(self) -> int:
        """Bundles that were left to the lenses."""
        return sum(self.stand_downs.values())

    @property
    def stand_downs(self) -> dict[StandDown, int]:
        """The bundles that were left to the lenses, by reason; a reason that never came is not in it."""
        with self._turn:
            return {reason: number for reason, number in self._counted.items() if reason is not None and number}
