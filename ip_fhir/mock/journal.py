"""The journal of a mock: what it was told of, did and sent, as lines for people or for machines."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable


class Journal:
    """Hands each entry to `write`, one at a time. An entry holds ids and codes, and nothing of a person."""

    def __init__(self, write: Callable[[dict[str, Any]], None]) -> None:
        self._write = write
        self._turn = threading.Lock()

    def note(self, kind: str, what: str, loop: str, about: str | None = None, **more: Any) -> None:
        """Note something of a kind (`received`, `did`, `failed`, `sent`), the loop or plan, and what it was about."""
        entry = {kind: str(what), "of": loop, **({"about": about} if about is not None else {}), **more}
        with self._turn:
            self._write(entry)


def as_line(entry: dict[str, Any]) -> str:
    """Returns an entry as a line for people.

    >>> as_line({"received": "new-notice", "of": "referral-03"})
    'received new-notice of referral-03'
    """
    return " ".join(f"{name} {value}" for name, value in entry.items())
