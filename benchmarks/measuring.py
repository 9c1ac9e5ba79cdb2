"""What every benchmark measures with: figures, and runs that take turns so that a busy moment hits all alike."""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True)
class Figure:
    """One measured figure. `floor` is the least that the same could cost; the goal is for the ratio to it, if any.

    `at_most` and `at_least` are goals; where there is no floor they are for the figure itself.
    """

    what: str
    value: float
    unit: str
    floor: float | None = None
    at_most: float | None = None
    at_least: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """The figure by its floor."""
        return None if self.floor is None else self.value / self.floor

    @property
    def met(self) -> bool:
        """Whether the goals are met."""
        value = self.value if self.ratio is None else self.ratio
        return (self.at_most is None or value <= self.at_most) and (self.at_least is None or value >= self.at_least)

    def cells(self) -> tuple[str, ...]:
        """A row of the table."""
        goal = f"<= {self.at_most:g}" if self.at_most is not None else ""
        goal = f">= {self.at_least:g}" if self.at_least is not None else goal
        return (
            self.what,
            f"{self.value:,.4g} {self.unit}",
            "" if self.floor is None else f"{self.floor:,.4g} {self.unit}",
            "" if self.ratio is None else f"{self.ratio:.2f}",
            goal,
            f"{'' if self.met else 'MISSED '}{self.note}",
        )


def interleaved(
    runs: int, clock: Callable[[], float] = time.process_time, /, **works: Callable[[], object]
) -> Mapping[str, list[float]]:
    """Seconds of each piece of work, in each of `runs` rounds; the pieces take turns, without garbage collection.

    Of the processor, for this process with all its threads, so that a busy machine adds little; `time.perf_counter` as
    the clock counts what is waited for, too: a disk, or another process.
    """
    taken: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(runs):
        for name, work in works.items():
            gc.collect()
            gc.disable()
            try:
                begun = clock()
                work()
                taken[name].append(clock() - begun)
            finally:
                gc.enable()
    return taken


def medians(taken: Mapping[str, list[float]], parts: int = 1) -> dict[str, float]:
    """The median of each, in milliseconds for one of `parts`."""
    return {name: median(seconds) / parts * 1000 for name, seconds in taken.items()}
