"""The steps of a loop in words, Norwegian and English, for timelines and the demonstration."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, TypeAlias

from ip_fhir.domain.green_form import FormDecision
from ip_fhir.domain.message import MessageKind
from ip_fhir.domain.referral import EventKind, FormStatus, Role, State
from ip_fhir.report.words.codes import day_words, listed, word

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from ip_fhir.domain.effects import Effect
    from ip_fhir.domain.green_form import GreenForm
    from ip_fhir.domain.referral import KeptForm, Record
    from ip_fhir.report.history import Loop, SideOfLoop
    from ip_fhir.report.words.codes import Language

Tone: TypeAlias = Literal["plain", "good", "warn", "bad", "quiet"]


@dataclass(frozen=True, slots=True)
class Line:
    """One step of a loop in words, with its time (UTC) and side; `tone` says whether it is good news.

    A `reaction` follows from what the other side did at that moment; `effects` are the ids of what the step asked for.
    """

    at: datetime
    role: Role
    text: str
    tone: Tone = "plain"
    reaction: bool = False
    effects: tuple[str, ...] = ()

    @property
    def order(self) -> tuple[datetime, bool]:
        """The sort key: by time, and at one moment the cause before its reaction."""
        return self.at, self.reaction


def lines(loop: Loop, language: Language) -> list[Line]:
    """Returns the steps that matter to a person, by time. A message is a line of its sender, a form of both."""
    found = [(link.record, side) for side in loop.sides for link in side.evidence]
    told = [line for record, side in found for line in lines_of(record, side, loop, language)]
    return sorted(told, key=lambda line: line.order)


def lines_of(record: Record, side: SideOfLoop, loop: Loop, language: Language) -> Iterator[Line]:
    """Yields one step of one side in words; nothing for a step that adds nothing to another."""
    reaction = record.event.raised_by not in (side.role, Role.CLOCK)
    for line in _lines_of_step(record, side, loop, language):
        yield replace(line, reaction=reaction, effects=record.effects)


def _lines_of_step(record: Record, side: SideOfLoop, loop: Loop, language: Language) -> Iterator[Line]:
    event, words = record.event, _TEXTS[language]
    at, role, ours = event.at, side.role, event.raised_by is side.role
    if event.kind is EventKind.SEND and record.before is None:
        kind = word(side.referral.notice.kind, language)
        ground = words["with-consent"] if side.referral.notice.consents else words["by-duty"]
        yield Line(at, role, words["notice"].format(kind=kind, ground=ground))
    elif event.kind is EventKind.RECEIPT_OK and record.after is State.DELIVERED and record.before is not record.after:
        due = day_words(loop.deadline, language) if loop.deadline else ""
        yield Line(at, role, words["receipt"].format(due=due), "quiet")
    elif ours and event.kind in _OWN_WORDS:
        yield Line(at, role, words[_OWN_WORDS[event.kind]])
    elif event.kind is EventKind.ANSWER and event.form is not None:
        yield _answer(record, event.form, side, language)
    elif (ours and event.kind is not EventKind.RECEIVE) or event.raised_by in (Role.CLOCK, Role.TRANSPORT):
        yield from (_effect(effect, record, side, language) for effect in side.effects_of(record))


_OWN_WORDS = {
    EventKind.ACCEPT: "accepted",
    EventKind.ASSESS: "assessing",
    EventKind.COORDINATOR_LEFT: "vacant",
}


def _effect(effect: Effect, record: Record, side: SideOfLoop, language: Language) -> Line:
    """Returns the line of an effect: a message to the other side, or a word to our own people."""
    at, words = record.event.at, _TEXTS[language]
    if effect.message is MessageKind.REMINDER:
        return Line(at, side.role, words["reminder"].format(number=effect.number), "warn")
    if effect.message is MessageKind.ESCALATION:
        return Line(at, side.role, words["escalation"].format(to=effect.to), "warn")
    if effect.message is not None:
        return Line(at, side.role, words["sent"].format(what=word(effect.message, language)))
    reason = word(effect.reason, language) if effect.reason else ""
    to = f" ({effect.to})" if effect.to else ""
    return Line(at, side.role, words["own-people"].format(reason=reason, to=to), "quiet")


def _answer(record: Record, form: GreenForm, side: SideOfLoop, language: Language) -> Line:
    at, words = record.event.at, _TEXTS[language]
    if side.role is Role.MUNICIPALITY:
        return Line(at, side.role, words["form-sent"].format(what=decision_words(form, language)))
    kept = next((k for k in side.referral.forms if k.form.id == form.id), None)
    if kept is None or kept.status is FormStatus.COMPLETE:
        if form.decision is FormDecision.REJECTED:
            return Line(at, side.role, words["rejected"].format(to=complaint_words(form)), "bad")
        return Line(at, side.role, words["complete"], "good")
    return Line(at, side.role, _words_of_kept_form(kept, language), "warn")


def _words_of_kept_form(kept: KeptForm, language: Language) -> str:
    words = _TEXTS[language]
    if kept.status is FormStatus.INCOMPLETE:
        return words["incomplete"].format(missing=listed((word(m, language) for m in kept.missing), language))
    return words["form-kept"].format(status=word(kept.status, language))


def decision_words(form: GreenForm, language: Language) -> str:
    """Returns a green form's content in words: the coordinators by name, or the decision and its reason."""
    names = coordinator_names(form)
    if form.decision is FormDecision.APPOINTED and names:
        return f"{_TEXTS[language]['coordinators' if len(names) > 1 else 'coordinator']} {listed(names, language)}"
    if form.rejection is not None:
        return f"{word(FormDecision.REJECTED, language)}: {word(form.rejection.reason, language)}"
    return word(form.decision, language) if form.decision else _TEXTS[language]["undecided"]


def coordinator_names(form: GreenForm) -> list[str]:
    """Returns the names of a form's coordinators."""
    named = [form.professional(coordinator.holder) for coordinator in form.coordinators]
    return [professional.name.full for professional in named if professional is not None]


def complaint_words(form: GreenForm) -> str:
    """Returns the body that hears complaints about a rejection, in the form's own words."""
    return (form.rejection.complaint_to if form.rejection else None) or ""


_TEXTS: dict[Language, dict[str, str]] = {
    "nb": {
        "notice": "melder: trenger {kind} ({ground})",
        "with-consent": "samtykke",
        "by-duty": "etter loven, uten samtykke",
        "receipt": "kvittering: lagret hos kommunen, svarfrist {due}",
        "accepted": "har saken, ingen koordinator ennå: fristen løper videre",
        "assessing": "har bestilt kartlegging: fristen løper videre",
        "reminder": "purring {number}: grønt skjema er ikke kommet",
        "escalation": "varsler {to}: grønt skjema er ikke kommet",
        "vacant": "koordinatoren har sluttet, ingen ny er oppnevnt: en ny svarfrist løper",
        "sent": "sender: {what}",
        "own-people": "sier fra til egne folk{to}: {reason}",
        "form-sent": "sender grønt skjema: {what}",
        "complete": "skjemaet er fullstendig, sløyfen er lukket",
        "incomplete": "skjemaet går i retur, sløyfen står åpen. Det mangler {missing}",
        "rejected": "avslaget er begrunnet, sløyfen er lukket. Kan påklages: {to}",
        "form-kept": "skjemaet er tatt vare på: {status}",
        "coordinator": "koordinator er",
        "coordinators": "koordinatorer er",
        "undecided": "ingenting er bestemt",
    },
    "en": {
        "notice": "notice: needs {kind} ({ground})",
        "with-consent": "consent",
        "by-duty": "by law, without consent",
        "receipt": "receipt: stored by the municipality, answer due {due}",
        "accepted": "has the case, no coordinator yet: the clock runs on",
        "assessing": "has ordered an assessment: the clock runs on",
        "reminder": "reminder {number}: the green form has not come",
        "escalation": "tells {to}: the green form has not come",
        "vacant": "the coordinator has left and nobody is appointed: a new answer clock runs",
        "sent": "sends: {what}",
        "own-people": "tells its own people{to}: {reason}",
        "form-sent": "sends the green form: {what}",
        "complete": "the form is complete, the loop is closed",
        "incomplete": "the form goes back, the loop stays open. It lacks {missing}",
        "rejected": "the rejection has its reason, the loop is closed. Complaints to: {to}",
        "form-kept": "the form is kept: {status}",
        "coordinator": "the coordinator is",
        "coordinators": "the coordinators are",
        "undecided": "nothing is decided",
    },
}
