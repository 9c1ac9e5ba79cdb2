"""Loops that happened, between two stores, to be told and drawn."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from ip_fhir.domain.agreement import Agreement
from ip_fhir.domain.referral import EventKind
from ip_fhir.report.history import Loop, side_in
from tests.support import two_sides


class World:
    """Two sides, and what a report reads of them."""

    def __init__(self, directory: Path) -> None:
        self.two = two_sides.make_loop(directory, (Agreement(two_coordinators_allowed=True),))

    def loop(self, correlation_id: str) -> Loop:
        """The loop as both stores have it."""
        sides = [side_in(s.exchange.store, correlation_id) for s in (self.two.hospital, self.two.municipality)]
        assert sides[0] is not None
        assert sides[1] is not None
        return Loop(sides[0], sides[1], Agreement().answer_days)

    def until(self, at: datetime) -> None:
        """Let days pass, and whatever is due happen."""
        while self.two.clock.at < at:
            self.two.clock.at = min(at, self.two.clock.at + timedelta(days=1))
            self.two.settle()

    def story(self, number: str) -> Loop:
        """A loop with an example notice and its green forms, at the times that stand in them."""
        notice = two_sides.notice(number)
        self.two.clock.at = notice.authored
        self.two.hospital.exchange.send_notice(notice)
        self.two.settle()
        for file in sorted((two_sides.EXAMPLES / "green_forms").glob(f"{number}-*.json")):
            form = two_sides.form(file.stem)
            self.until(form.authored)
            self.two.municipality.exchange.answer(form)
            self.two.settle()
        return self.loop(notice.correlation_id)

    def act(self, kind: EventKind, correlation_id: str, text: str | None = None) -> None:
        """Something the municipality's people decide."""
        self.two.municipality.exchange.act(correlation_id, kind, text)
        self.two.settle()


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    """Two sides with empty stores."""
    made = World(tmp_path)
    yield made
    made.two.hospital.exchange.close()
    made.two.municipality.exchange.close()
