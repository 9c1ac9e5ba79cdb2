"""Lets the loop over HL7 v2 happen between the hospital, whose other loops go over FHIR, and one more municipality."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ip_fhir.bootstrap import open_exchange
from ip_fhir.demo.checks import Check
from ip_fhir.demo.hl7v2.story import V2_TOWN
from ip_fhir.demo.people import People
from ip_fhir.demo.place import SIDES, settings_file
from ip_fhir.demo.sides import rest
from ip_fhir.demo.timeline import Timeline
from ip_fhir.domain.agreement import find_agreement
from ip_fhir.domain.referral import Role
from ip_fhir.errors import InvalidInput
from ip_fhir.fhir.reading import DEFAULT_LIMITS
from ip_fhir.hl7v2.message import read
from ip_fhir.settings import read_settings

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from ip_fhir.demo.place import SimulatedClock
    from ip_fhir.demo.screen import Screen
    from ip_fhir.demo.sides import Sides
    from ip_fhir.demo.stories import Story
    from ip_fhir.ports import OutboxRow
    from ip_fhir.report.words.codes import Language

_ALL: Final = 10_000
_EVENTS: Final = {Role.HOSPITAL: "REF^I12", Role.MUNICIPALITY: "RRI^I12"}


@contextmanager
def v2_people_at_work(run: Path, people: People) -> Iterator[People]:
    """Yields the hospital's people with those of the municipality, whose exchange is opened and closed."""
    settings = read_settings(settings_file(run, V2_TOWN), environ={})
    (hospital,) = settings.peers
    agreement = find_agreement(settings.agreements, hospital.organization, settings.organization)
    exchange = open_exchange(settings)
    try:
        yield People({Role.HOSPITAL: people.exchanges[Role.HOSPITAL], Role.MUNICIPALITY: exchange}, agreement)
    finally:
        exchange.close()


@dataclass
class V2Part:
    """The loop as it happens; `people` are those of the two sides."""

    story: Story
    people: People
    sides: Sides
    clock: SimulatedClock
    screen: Screen

    def pass_by(self, seen: int) -> None:
        """Lets the notice be sent and answered; `seen` is the number of the hospital's last record that was shown."""
        language = self.screen.language
        self.screen.part(_TEXTS[language]["title"])
        self.sides.start([V2_TOWN])
        timeline = Timeline([self.story], self.people, self.screen, {Role.HOSPITAL: seen, Role.MUNICIPALITY: 0})
        told: set[str] = set()
        for action in self.people.agenda([self.story]):
            self.clock.set(action.at)
            rest(self.sides, self.clock, action.at)
            action.do()
            now = rest(self.sides, self.clock, action.at)
            timeline.tell()
            self._tell_of_the_wire(now, told)

    def check(self) -> Check:
        """Checks that every message of the loop went as HL7 v2, and as the event that it should."""
        sent = [(role, event_of(row)) for role in SIDES for row in self._sent(role)]
        wrong = [f"the {role} sent {event}" for role, event in sent if event != _EVENTS[role]]
        wrong += [f"the {role} sent nothing" for role in SIDES if role not in {sender for sender, _ in sent}]
        return Check(_TEXTS[self.screen.language]["check"], self.story.name, ok=not wrong, detail="; ".join(wrong))

    def _sent(self, role: Role) -> list[OutboxRow]:
        """Returns the messages of the loop that a side has sent, and that were acknowledged."""
        rows = self.people.exchanges[role].store.outbox("sent", limit=_ALL)
        return [row for row in rows if row.correlation_id == self.story.notice.correlation_id and row.content]

    def _tell_of_the_wire(self, now: datetime, told: set[str]) -> None:
        """Tells as what each message went that was not told of yet."""
        words = _TEXTS[self.screen.language]
        for role in SIDES:
            for row in self._sent(role):
                if row.id not in told:
                    told.add(row.id)
                    text = words[f"from-{role}"].format(event=event_of(row))
                    self.screen.step(now, str(role), self.story.name, text, "quiet")


def event_of(row: OutboxRow) -> str:
    """Returns MSH-9 of a message that was sent, without the structure; what is no HL7 v2 is named by its type."""
    try:
        code, trigger, _ = read(row.content or b"", DEFAULT_LIMITS).event
    except InvalidInput:
        return str(row.content_type)
    return f"{code}^{trigger}"


_TEXTS: dict[Language, dict[str, str]] = {
    "nb": {
        "title": "En kommune som bare kan HL7 v2: sykehuset skriver FHIR til de andre, og v2 til den",
        "from-hospital": "den gikk som {event} over MLLP, og er kvittert",
        "from-municipality": "det gikk som {event} over MLLP, og er kvittert",
        "check": "Hver melding dit og derfra gikk som HL7 v2",
    },
    "en": {
        "title": "A municipality that speaks HL7 v2 only: the hospital writes FHIR to the others, v2 to it",
        "from-hospital": "it went as {event} over MLLP, and was acknowledged",
        "from-municipality": "it went as {event} over MLLP, and was acknowledged",
        "check": "Each message there and back went as HL7 v2",
    },
}
