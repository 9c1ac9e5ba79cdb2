"""The bounds of a server for MLLP: bytes, seconds and connections."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Bounds:
    """Bytes of a frame and of all frames at a time, seconds for a frame and between two, connections in all and of one.

    Of bytes at a time, only frames of more than 64 KB count, and each as the longest frame that there may be: how long
    a frame is cannot be known before its end.
    """

    max_bytes: int
    bytes_in_flight: int
    frame_seconds: float = 30.0
    idle_seconds: float = 600.0
    connections: int = 128
    connections_per_peer: int = 16


class Room:
    """The bytes that large frames may take at a time."""

    def __init__(self, most: int) -> None:
        self._free = most
        self._moved = threading.Condition()

    def take(self, size: int, end: float) -> bool:
        """Take so many bytes as soon as they are free; False if they are not by that time of the monotonic clock."""
        with self._moved:
            if not self._moved.wait_for(lambda: self._free >= size, max(0.0, end - time.monotonic())):
                return False
            self._free -= size
            return True

    def give_back(self, size: int) -> None:
        """Give back what was taken."""
        with self._moved:
            self._free += size
            self._moved.notify_all()
