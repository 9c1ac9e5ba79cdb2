"""The whole demonstration: prepares the folder, lets the weeks pass, checks the result and writes it down."""

from __future__ import annotations

import signal
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ip_fhir.demo import checks, files
from ip_fhir.demo.hl7v2.run import V2Part, v2_people_at_work
from ip_fhir.demo.hl7v2.story import V2_TOWN, v2_party, v2_story
from ip_fhir.demo.people import at_work, first_morning, next_morning
from ip_fhir.demo.place import SIDES, SimulatedClock, held, write_settings
from ip_fhir.demo.plans.parties import parties_of
from ip_fhir.demo.plans.run import share_a_plan
from ip_fhir.demo.screen import Screen
from ip_fhir.demo.sides import rest, running
from ip_fhir.demo.stories import find_examples, load_stories
from ip_fhir.demo.summary import write_summary
from ip_fhir.demo.timeline import Timeline
from ip_fhir.domain.referral import Role
from ip_fhir.domain.values.calendar import working_days_between

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path
    from types import FrameType

    from ip_fhir.demo.people import Action
    from ip_fhir.demo.sides import Sides
    from ip_fhir.demo.stories import Story
    from ip_fhir.report.history import Loop
    from ip_fhir.report.words.codes import Language

_DAYS_AFTER = 1  # to see that nothing more happens


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """The demonstration's options: output folder, language, seconds to rest after each day, folder of the examples."""

    out: Path
    language: Language = "nb"
    pace: float = 0.0
    examples: Path | None = None


def run(options: DemoOptions) -> int:
    """Runs the demonstration. Returns 0 if every check passed, else 1.

    Raises `InvalidInput` (no examples, a folder with somebody's files) and `DemoFailed`; the processes are stopped.
    """
    began = time.monotonic()
    stories = load_stories(find_examples(options.examples))
    over_v2 = v2_story(stories[0].notice)
    screen = Screen(options.language, [story.name for story in (*stories, over_v2)])
    with held(options.out), _ending_on_sigterm():
        place = options.out / "run"
        ports = write_settings(place, (*parties_of(stories[0]), v2_party()), options.language)
        clock = SimulatedClock(place / "clock")
        clock.set(first_morning(stories[0].notice.authored))
        with at_work(place) as people, v2_people_at_work(place, people) as v2_people:
            _open(screen, stories[0], ports)
            with screen, running(place, ports, screen.died) as sides:
                timeline = Timeline(stories, people, screen)
                _Weeks(options, timeline, sides, clock).pass_by()
                part = V2Part(over_v2, v2_people, sides, clock, screen)
                part.pass_by(timeline.seen[Role.HOSPITAL])
                told, found = _judged(options, timeline, part)
                _write(options, timeline, part)
                exchanges = {str(role): exchange for role, exchange in people.exchanges.items()}
                shared = share_a_plan(stories[0], place, exchanges, sides, clock, screen)
                found += checks.check_stores({V2_TOWN: v2_people.exchanges[Role.MUNICIPALITY]}, options.language)
        found += [*shared.checks, *checks.check_quiet(sides.processes, [*stories, over_v2], options.language)]
        write_summary(options.out, told, found, options.language, shared.section)
        screen.closing(told)
        screen.checks(found)
        failed = sum(not check.ok for check in found)
        screen.farewell(str(options.out), time.monotonic() - began, failed)
    return 1 if failed else 0


def _open(screen: Screen, story: Story, ports: Mapping[str, int]) -> None:
    names = [story.notice.organization(ident).name for ident in (story.notice.sender, story.notice.recipient)]
    screen.opening(names, [f"http://127.0.0.1:{ports[role]}" for role in SIDES])


def _judged(
    options: DemoOptions, timeline: Timeline, part: V2Part
) -> tuple[list[tuple[Story, Loop | None]], list[checks.Check]]:
    """Returns all stories with their loops, and the checks of loops and maps."""
    language = options.language
    told = [(story, timeline.people.loop(story.notice.correlation_id)) for story in timeline.stories]
    over_v2 = [(part.story, part.people.loop(part.story.notice.correlation_id))]
    return [*told, *over_v2], [
        *checks.check_loops(told, timeline.people.agreement, language),
        *checks.check_loops(over_v2, part.people.agreement, language),
        part.check(),
        *checks.check_maps([*timeline.stories, part.story], language),
    ]


def _write(options: DemoOptions, timeline: Timeline, part: V2Part) -> None:
    files.write_bundles(options.out, timeline.stories, timeline.people)
    files.write_bundles(options.out, [part.story], part.people)
    exchanges = {str(role): exchange for role, exchange in timeline.people.exchanges.items()}
    files.write_events(options.out, exchanges | {V2_TOWN: part.people.exchanges[Role.MUNICIPALITY]})


@dataclass
class _Weeks:
    """The simulated weeks: time jumps from one event to the next, each time until both sides are at rest."""

    options: DemoOptions
    timeline: Timeline
    sides: Sides
    clock: SimulatedClock

    def pass_by(self) -> None:
        """Runs from the first morning until the day after the last act."""
        agenda = self.timeline.people.agenda(self.timeline.stories)
        now = start = first_morning(agenda[0].at)
        last = agenda[-1].at
        days = working_days_between(start, last) + _DAYS_AFTER
        self.timeline.screen.period(days)
        while working_days_between(start, now) <= days:
            self._at(now, working_days_between(start, now))
            while agenda and agenda[0].at <= now:
                agenda.pop(0).do()
                now = self._rest(now)
            now = self._next(now, agenda)

    def _at(self, now: datetime, day: int) -> None:
        self.clock.set(now)
        self.timeline.screen.time(now, day)
        if self.options.pace and now == first_morning(now):
            time.sleep(self.options.pace)
        self._rest(now)

    def _next(self, now: datetime, agenda: Sequence[Action]) -> datetime:
        """Returns the time of the next event: somebody acts, a deadline falls, or a working day begins."""
        deadline = self.timeline.people.next_deadline()
        times = [next_morning(now), *(action.at for action in agenda[:1]), *([deadline] if deadline else [])]
        return min(at for at in times if at > now)

    def _rest(self, now: datetime) -> datetime:
        """Waits until both sides are at rest, shows the new steps, and returns the time."""
        now = rest(self.sides, self.clock, now)
        self.timeline.tell()
        return now


@contextmanager
def _ending_on_sigterm() -> Iterator[None]:
    """Makes SIGTERM end the run as Ctrl-C does, so that the processes are stopped."""

    def end(_signal: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
