"""Counts of messages that came and went, by kind and by what became of them, since this process began."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Literal, TypeAlias

Direction: TypeAlias = Literal["in", "out"]
Key: TypeAlias = tuple[Direction, str, str]

UNREADABLE = "unreadable"
"""The kind of a message that could not be read."""


class Counts:
    """Threads may share it. Kinds and outcomes come from closed lists: nothing a peer wrote is counted by its name."""

    def __init__(self) -> None:
        self._counted: Counter[Key] = Counter()
        self._turn = threading.Lock()

    def add(self, direction: Direction, kind: str, outcome: str) -> None:
        """One more."""
        with self._turn:
            self._counted[direction, kind, outcome] += 1

    def all(self) -> dict[Key, int]:
        """So far."""
        with self._turn:
            return dict(self._counted)
