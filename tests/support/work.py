"""The work that a function does, as a number that no other process changes: the calls that it makes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any


def calls_of(work: Callable[[], object]) -> int:
    """How many functions, of Python and of C, are called while `work` runs."""
    count = 0

    def note(_frame: Any, event: str, _argument: Any) -> None:
        nonlocal count
        if event in ("call", "c_call"):
            count += 1

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(before)
    return count


def growth(work_of: Callable[[int], Callable[[], object]], small: int, times: int = 4) -> float:
    """The calls for a size `times` as large, by those for the small one, each without those for a size of 1.

    In proportion this is about `times`; in the square of the size, the square of it.
    """
    base, few, many = (calls_of(work_of(size)) for size in (1, small, small * times))
    return (many - base) / max(few - base, 1)
