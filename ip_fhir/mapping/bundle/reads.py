"""Counts of plan reads: by the fast reader, or by the lenses and for which reason."""

from __future__ import annotations

import threading
from enum import StrEnum


class StandDown(StrEnum):
    """The reason for which the fast reader left a bundle to the lenses."""

    TABLES = "tables"  # a site's tables have rows that only lenses can read
    SIZE = "size"  # the text is longer than `DEFAULT_LIMITS` allows
    TEXT = "text"  # it has a character that the domain's texts may not have, or is not UTF-8
    DOUBT = "doubt"  # another system's plan, another FHIR version, an error, or a case that only lenses decide


class LensesNeeded(Exception):
    """The fast reader is not certain: the lenses must read the bundle, or report its errors."""

    def __init__(self, reason: StandDown) -> None:
        super().__init__(str(reason))
        self.reason = reason


class Reads:
    """Counts since the process began. Threads may share it. Nothing about a plan is kept."""

    def __init__(self) -> None:
        self._counted: dict[StandDown | None, int] = dict.fromkeys((None, *StandDown), 0)
        self._turn = threading.Lock()

    def add(self, reason: StandDown | None) -> None:
        """Count one read: by the fast reader (None), or by the lenses for this reason."""
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
        """The number of bundles left to the lenses, by reason; reasons that never occurred are left out."""
        with self._turn:
            return {reason: number for reason, number in self._counted.items() if reason is not None and number}
