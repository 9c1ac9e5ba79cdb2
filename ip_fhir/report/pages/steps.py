"""A step of a loop or of a shared plan, as a row of a table on the summary page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ip_fhir.report.words.loop import Tone


@dataclass(frozen=True, slots=True)
class StepRow:
    """A row of a table of steps; `number` is that of its message in the loop's picture, empty where there is none."""

    number: str
    day: str
    time: str
    side: str
    text: str
    tone: Tone
