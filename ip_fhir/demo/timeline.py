"""The timeline on the terminal: what each side's store has recorded since it was last looked at, in words."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ip_fhir.demo.place import SIDES
from ip_fhir.report.words.loop import lines_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ip_fhir.demo.people import People
    from ip_fhir.demo.screen import Screen
    from ip_fhir.demo.stories import Story
    from ip_fhir.domain.referral import Role
    from ip_fhir.report.history import Loop


@dataclass
class Timeline:
    """The steps of the stories' loops; `seen` are the numbers of the last records that were shown, by side."""

    stories: Sequence[Story]
    people: People
    screen: Screen
    seen: dict[Role, int] = field(default_factory=lambda: dict.fromkeys(SIDES, 0))

    def tell(self) -> None:
        """Shows the steps in the stores that were not shown yet."""
        stories = {story.notice.correlation_id: story for story in self.stories}
        fresh = [(link, role) for role in SIDES for link in self.people.evidence(role, self.seen[role])]
        loops: dict[str, Loop | None] = {}
        told = []
        for link, role in fresh:
            self.seen[role] = max(self.seen[role], link.number)
            ident = link.correlation_id
            loop = loops[ident] if ident in loops else loops.setdefault(ident, self.people.loop(ident))
            if loop is not None:
                side = loop.sides[SIDES.index(role)]
                name = stories[ident].name
                told += [(line, name) for line in lines_of(link.record, side, loop, self.screen.language)]
        for line, name in sorted(told, key=lambda pair: pair[0].order):
            self.screen.line(line, name)
