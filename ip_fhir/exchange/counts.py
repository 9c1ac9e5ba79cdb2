"""Counts of messages received and sent, by kind and outcome, since this process began."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Literal, TypeAlias

Direction: TypeAlias = Literal["in", "out"]
Key: TypeAlias = tuple[Direction, str, str]

UNREADABLE = "unreadable"
"""The kind of a message that could not be read."""


class Counts:
    """Counters by direction, kind and outcome. Threads may share them.

    Kinds and outcomes come from closed lists, so that nothing a peer wrote can become a key.
    """

    def __init__(self) -> None:
        self._counted: Counter[Key] = Counter()
        self._turn = threading.Lock()

    def add(self, direction: Direction, kind: str, outcome: str) -> None:
        """Count one message."""
        with self._turn:
            self._counted[direction, kind, outcome] += 1

    def all(self) -> dict[Key, int]:
        """A copy of all counts since this process began."""
        with self._turn:
            return dict(self._counted)
