"""A loop as `referrals show` and `worklist show` say it: who, what, who coordinates, how to reach them, until when.

Without names nothing is left that tells who somebody is: no person, no coordinator, no way to reach them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date, datetime

    from ip_fhir.domain.green_form import GreenForm
    from ip_fhir.domain.parties import Unit
    from ip_fhir.domain.people import PlanOwner
    from ip_fhir.domain.referral import Event, Referral
    from ip_fhir.domain.team import Coordinator
    from ip_fhir.ports import EvidenceRecord
    from ip_fhir.report.words.codes import Language


def case_lines(referral: Referral, today: date, language: Language, *, names: bool) -> Iterator[tuple[str, str]]:
    """Yields a label and a text for each thing that is known of a loop; `today` is a day in Norway."""
    from ip_fhir.domain.loop.units import other_side
    from ip_fhir.report.words.codes import word

    label = _LABELS[language]
    if names:
        yield label["person"], _person(referral.notice.owner, language)
    yield label["kind"], word(referral.notice.kind, language)
    yield label["state"], word(referral.state, language)
    for form, place in current(referral, today):
        yield word(place.kind, language).capitalize(), _coordinator(form, place, language, names=names)
    yield from _decision(referral, language)
    yield label["other"], said_of(other_side(referral), language)
    if due := next_due(referral):
        yield label["due"], local(due)


def case_data(referral: Referral, today: date, *, names: bool) -> dict[str, Any]:
    """Returns the same for machines."""
    due = next_due(referral)
    form = referral.form
    return {
        "correlation_id": referral.correlation_id,
        "party": referral.party,
        "role": str(referral.role),
        "state": str(referral.state),
        "kind": str(referral.notice.kind),
        **({"person": referral.notice.owner.to_data()} if names else {}),
        "coordinators": [_coordinator_data(form, place, names=names) for form, place in current(referral, today)],
        "plan_state": str(form.plan_state) if form and form.plan_state else None,
        "plan_starts": form.plan_starts.isoformat() if form and form.plan_starts else None,
        "opened": referral.opened.isoformat(),
        "changed": referral.changed.isoformat(),
        "reminders": referral.reminders,
        "escalations": referral.escalations,
        "next_due": due.isoformat() if due else None,
    }


def current(referral: Referral, today: date) -> list[tuple[GreenForm, Coordinator]]:
    """Returns the coordinators who have a place now or will have one, each with the form that names them."""
    from ip_fhir.domain.loop.forms import coordinators

    return [
        (form, place) for form, place in coordinators(referral) if place.period.end is None or place.period.end >= today
    ]


def next_due(referral: Referral) -> datetime | None:
    """Returns the time of the next deadline; None without one."""
    from ip_fhir.domain.effects import earliest

    return earliest(referral.timers)


def step_rows(evidence: Sequence[EvidenceRecord], language: Language, *, names: bool) -> list[tuple[str, ...]]:
    """Returns a row for each step: number, time, event, who raised it, state after it, reason."""
    from ip_fhir.report.words.codes import word
    from ip_fhir.report.words.steps import step_note

    return [
        (
            str(link.number),
            local(link.record.event.at),
            word(link.record.event.kind, language),
            _by(link.record.event, language, names=names),
            word(link.record.after, language),
            step_note(link.record.note or "", language),
        )
        for link in evidence
    ]


def said_of(unit: Unit, language: Language) -> str:
    """The party by its name in the settings, and beside it what was said: a name and numbers, which prove nothing."""
    from ip_fhir.domain.parties import numbers_of

    said = unit.organization
    words = (
        []
        if said is None
        else [
            said.name,
            *(f"{_REGISTERS[language].get(register, register)} {number}" for register, number in numbers_of(said)),
        ]
    )
    return f"{unit.party or '?'}: {', '.join(words)}"


def local(at: datetime) -> str:
    """Returns a time as people in Norway read it."""
    from ip_fhir.domain.values.calendar import OSLO

    return at.astimezone(OSLO).strftime("%Y-%m-%d %H:%M")


def _by(event: Event, language: Language, *, names: bool) -> str:
    """The side that raised it, the party that brought it, and the person who pressed the key, where that is known."""
    from ip_fhir.report.words.codes import word

    side = word(event.raised_by, language)
    who = f"{side} ({event.party})" if event.party else side
    return f"{who}: {event.by.name}" if event.by and names else who


def _person(owner: PlanOwner, language: Language) -> str:
    label = _LABELS[language]
    said = [owner.name.full]
    if owner.birth_date is not None:
        said.append(f"{label['born']} {owner.birth_date.isoformat()}")
    elif owner.identifier is not None:
        said.append(str(owner.identifier))
    if owner.deceased is not None:
        said.append(f"{label['died']} {owner.deceased.isoformat()}")
    return ", ".join(said)


def _coordinator(form: GreenForm, place: Coordinator, language: Language, *, names: bool) -> str:
    from ip_fhir.report.words.codes import word

    label, person = _LABELS[language], form.professional(place.holder)
    said = [label["appointed"]]
    if names and person is not None:
        unit = next((o.name for o in form.organizations if o.id == person.organization), None)
        ways = [f"{word(contact.system, language)} {contact.value}" for contact in person.contacts]
        said = [part for part in (person.name.full, person.title, unit, *ways) if part]
    if place.period.start is not None:
        said.append(f"{label['from']} {place.period.start.isoformat()}")
    if place.period.end is not None:
        said.append(f"{label['until']} {place.period.end.isoformat()}")
    return ", ".join(said)


def _coordinator_data(form: GreenForm, place: Coordinator, *, names: bool) -> dict[str, Any]:
    person = form.professional(place.holder)
    start, end = place.period.start, place.period.end
    said = {
        "kind": str(place.kind),
        "from": start.isoformat() if start else None,
        "until": end.isoformat() if end else None,
    }
    return {**said, "holder": person.to_data()} if names and person is not None else said


def _decision(referral: Referral, language: Language) -> Iterator[tuple[str, str]]:
    """Yields the state of the plan, and a decision that names nobody."""
    from ip_fhir.domain.green_form import FormDecision
    from ip_fhir.report.words.codes import word

    label, form = _LABELS[language], referral.form
    if form is None:
        return
    if form.plan_state is not None:
        starts = f", {label['from']} {form.plan_starts.isoformat()}" if form.plan_starts else ""
        yield label["plan"], f"{word(form.plan_state, language)}{starts}"
    if form.decision is None or form.decision is FormDecision.APPOINTED:
        return
    more = [word(form.declined, language)] if form.declined else []
    more += [form.declined_on.isoformat()] if form.declined_on else []
    more += [word(form.rejection.reason, language)] if form.rejection else []
    more += [o.name for o in form.organizations if o.id == form.forwarded_to]
    yield label["answer"], ": ".join(filter(None, (word(form.decision, language), ", ".join(more))))


_REGISTERS: dict[Language, dict[str, str]] = {
    "nb": {"her_id": "HER-id", "organization_number": "organisasjonsnummer", "resh_id": "RESH-id"},
    "en": {"her_id": "HER-id", "organization_number": "organisation number", "resh_id": "RESH-id"},
}
_LABELS: dict[Language, dict[str, str]] = {
    "nb": {
        "person": "Person",
        "born": "født",
        "died": "død",
        "kind": "Gjelder",
        "state": "Tilstand",
        "appointed": "oppnevnt",
        "from": "fra",
        "until": "til",
        "plan": "Plan",
        "answer": "Svar",
        "other": "Den andre siden",
        "due": "Neste frist",
    },
    "en": {
        "person": "Person",
        "born": "born",
        "died": "died",
        "kind": "Asks for",
        "state": "State",
        "appointed": "appointed",
        "from": "from",
        "until": "until",
        "plan": "Plan",
        "answer": "Answer",
        "other": "The other side",
        "due": "Next deadline",
    },
}
