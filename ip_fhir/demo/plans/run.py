"""Lets the story of the plan happen: time jumps from one act to the next, each time until all parties are at rest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ip_fhir.demo.checks import check_stores
from ip_fhir.demo.plans.checks import check_copies, check_holders, check_moment, check_withheld, is_equal
from ip_fhir.demo.plans.parties import JOINING, MUNICIPALITY, PARTICIPANTS, plan_people_at_work
from ip_fhir.demo.plans.story import acts, first_version, withheld_from_school
from ip_fhir.demo.sides import rest
from ip_fhir.domain.values.calendar import OSLO, local_day
from ip_fhir.errors import IpFhirError
from ip_fhir.report.pages.sharing import HeldCopy, sharing_section
from ip_fhir.report.pages.steps import StepRow
from ip_fhir.report.words.codes import day_words

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from ip_fhir.demo.checks import Check
    from ip_fhir.demo.place import SimulatedClock
    from ip_fhir.demo.plans.parties import PlanPeople
    from ip_fhir.demo.plans.story import Act
    from ip_fhir.demo.screen import Screen
    from ip_fhir.demo.sides import Sides
    from ip_fhir.demo.stories import Story
    from ip_fhir.exchange import Exchange
    from ip_fhir.report.pages.sharing import SharingSection
    from ip_fhir.report.words.codes import Language


@dataclass
class PlanPart:
    """The second part, as it happens: `steps` are told, `checks` made, `now` is the simulated time in UTC."""

    story: Story
    people: PlanPeople
    sides: Sides
    clock: SimulatedClock
    screen: Screen
    now: datetime
    steps: list[StepRow] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    _had: dict[str, tuple[int, bool]] = field(default_factory=dict)

    def pass_by(self, run: Path) -> None:
        """Lets everything happen, and checks it; `run` is the folder with all that the parties store."""
        language, plan = self.screen.language, first_version(self.story.plan)
        self.screen.part(_TEXTS[language]["title"].format(name=self.story.name))
        self.sides.start(JOINING)
        for act in acts(self.people, plan, self.story.notice.correlation_id):
            try:
                self._happen(act)
            except IpFhirError as error:  # the story cannot go on; what it was is among the checks
                self.checks.append(check_moment(act.said[0][1][language], language, wrong=str(error)))
                break
        self.checks.append(check_holders(self.people, language))
        self.checks.append(check_withheld(run, withheld_from_school(plan), language))

    def section(self) -> SharingSection | None:
        """Returns the section of the summary page: what each participant has in its own store, and when it got it.

        None if nobody holds the plan, which the checks tell.
        """
        if not self.people.holders:
            return None
        language, on = self.screen.language, local_day(self.now)
        words = _TEXTS[language]
        caption = (self.story.name, self.story.script.who[language], words["shows"])
        copies = [self._copy(party) for party in PARTICIPANTS]
        return sharing_section(caption, self.people.current(), copies, self.steps, language, on)

    def _happen(self, act: Act) -> None:
        self.now = act.at
        self.clock.set(act.at)
        self.now = rest(self.sides, self.clock, self.now)
        act.do()
        self.now = rest(self.sides, self.clock, self.now)
        language, on = self.screen.language, local_day(self.now)
        for party, words in act.said:
            self._tell(party, words[language])
        self._tell_of_copies()
        wrong = "" if act.holds() else _TEXTS[language]["otherwise"]
        self.checks.append(check_moment(act.said[0][1][language], language, wrong=wrong))
        self.checks += check_copies(self.people, on, language)

    def _tell_of_copies(self) -> None:
        """Tells which participants have got something new, or have given their copy up."""
        words = _TEXTS[self.screen.language]
        for party in PARTICIPANTS:
            copy = self.people.copy(party)
            if copy is None or self._had.get(party) == (copy.number, copy.view is None):
                continue
            self._had[party] = (copy.number, copy.view is None)
            key = "gone" if copy.view is None else "got"
            self._tell(party, words[key].format(number=copy.number), quiet=True)

    def _tell(self, party: str, text: str, *, quiet: bool = False) -> None:
        self.screen.step(self.now, party, self.story.name, text, "quiet" if quiet else "plain")
        local = self.now.astimezone(OSLO)
        day = day_words(local, self.screen.language, weekday=True)
        side = self.screen.side(party)
        self.steps.append(StepRow("", day, f"{local:%H:%M}", side, text, "quiet" if quiet else "plain"))

    def _copy(self, party: str) -> HeldCopy:
        """Returns what a participant has, as the summary page takes it."""
        copy, equal = self.people.copy(party), is_equal(self.people, party, local_day(self.now))
        name = self.people.exchanges[MUNICIPALITY].parties()[party].name
        if copy is None:
            return HeldCopy(name, None, equal=equal)
        return HeldCopy(name, copy.view, copy.number, copy.received, copy.withdrawn, equal)


@dataclass(frozen=True, slots=True)
class PlanResult:
    """The result of the second part: its section of the summary page, and its checks."""

    section: SharingSection | None
    checks: tuple[Check, ...]


def share_a_plan(
    story: Story, run: Path, exchanges: Mapping[str, Exchange], sides: Sides, clock: SimulatedClock, screen: Screen
) -> PlanResult:
    """Lets the plan of a story be made, shared, changed and handed over, and returns what became of it."""
    with plan_people_at_work(run, exchanges, story.plan.id) as people:
        part = PlanPart(story, people, sides, clock, screen, people.exchanges[MUNICIPALITY].now())
        part.pass_by(run)
        return PlanResult(part.section(), (*part.checks, *check_stores(people.exchanges, screen.language)))


_TEXTS: dict[Language, dict[str, str]] = {
    "nb": {
        "title": "Planen til {name} deles med dem den skal deles med",
        "shows": "Fem parter om én plan: delt, endret av to samtidig, trukket fra én, åpnet ved midnatt, og overtatt",
        "got": "har fått utsnitt nr. {number} av planen",
        "gone": "har ikke lenger noe av planen",
        "otherwise": "det gikk ikke slik",
    },
    "en": {
        "title": "{name}'s plan is shared with those who are to have it",
        "shows": "Five parties around one plan: shared, changed by two at once, withdrawn, opened, handed over",
        "got": "has got view number {number} of the plan",
        "gone": "has nothing of the plan any more",
        "otherwise": "it did not happen so",
    },
}
