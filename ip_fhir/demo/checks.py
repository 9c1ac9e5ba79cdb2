"""The checks at the end: every loop ended as its story says, both sides agree, and no message was lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ip_fhir.domain.green_form import FormDecision, missing_items
from ip_fhir.domain.loop.content import cut_to
from ip_fhir.domain.referral import FormStatus
from ip_fhir.domain.values.calendar import local_day
from ip_fhir.errors import IpFhirError
from ip_fhir.mapping import from_fhir, put_plan, to_fhir, to_models
from ip_fhir.report.history import crossings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from ip_fhir.demo.sides import SideProcess
    from ip_fhir.demo.stories import Story
    from ip_fhir.domain.agreement import Agreement, ContentLevel
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.exchange import Exchange
    from ip_fhir.report.history import Loop
    from ip_fhir.report.words.codes import Language

_ALL = 10_000


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check: its name in words, its subject, and the failure in words."""

    name: str
    subject: str
    ok: bool
    detail: str = ""


def check_loops(told: Sequence[tuple[Story, Loop | None]], agreement: Agreement, language: Language) -> list[Check]:
    """Checks each loop against its story, and the two sides against each other."""
    names = _NAMES[language]
    found: list[Check] = []
    for story, loop in told:
        if loop is None:
            found.append(Check(names["ending"], story.name, ok=False, detail="one of the sides does not know the loop"))
            continue
        found += [
            _check(names["ending"], story, list(_ending_errors(story, loop))),
            _check(names["agree"], story, list(_disagreements(story, loop, agreement.content_level))),
            _check(names["messages"], story, list(_message_errors(loop))),
        ]
    return found


@dataclass(frozen=True, slots=True)
class MappingFunctions:
    """The public mapping functions to check; a test passes broken ones."""

    to_fhir: Callable[[IndividualPlan], dict[str, Any]] = to_fhir
    from_fhir: Callable[[dict[str, Any]], IndividualPlan] = from_fhir
    put_plan: Callable[[IndividualPlan, dict[str, Any]], dict[str, Any]] = put_plan
    to_models: Callable[[IndividualPlan], Sequence[object]] = to_models


def check_maps(
    stories: Sequence[Story], language: Language, maps: MappingFunctions = MappingFunctions()
) -> list[Check]:
    """Checks each plan: to FHIR and back, written onto its own bundle, and read by FHIR's own models."""
    names = _NAMES[language]
    return [
        _check(names[key], story, _errors_of(wrong, story, maps))
        for key, wrong in {"round": _round_trip_errors, "put": _put_errors, "models": _model_errors}.items()
        for story in stories
    ]


def check_stores(exchanges: Mapping[str, Exchange], language: Language) -> list[Check]:
    """Checks on each side, by its name, that the chain of evidence is whole and the outbox empty."""
    names = _NAMES[language]
    found: list[Check] = []
    for name, exchange in exchanges.items():
        problems = [str(problem) for problem in exchange.store.verify()]
        unsent = ("waiting", "awaiting", "held", "parked")
        left = [row for row in exchange.store.outbox(limit=_ALL) if row.status in unsent]
        found.append(Check(names["evidence"], name, ok=not problems, detail="; ".join(problems)))
        found.append(Check(names["outbox"], name, ok=not left, detail=f"{len(left)} messages were not sent"))
    return found


def check_quiet(sides: Sequence[SideProcess], stories: Sequence[Story], language: Language) -> list[Check]:
    """Checks that the processes ended in order, and that none of their logs names a person."""
    names = _NAMES[language]
    found: list[Check] = []
    for side in sides:
        found.append(Check(names["stopped"], side.name, ok=side.exit_code == 0, detail=f"ended with {side.exit_code}"))
        log = side.log.read_text(encoding="utf-8", errors="replace")
        named = [story.name for story in stories if any(word in log for word in _identifying_words(story))]
        found.append(Check(names["silent"], side.name, ok=not named, detail=f"{side.log} names {', '.join(named)}"))
    return found


def _identifying_words(story: Story) -> list[str]:
    """Returns the words that identify the person of a story: the family name and the number."""
    owner = story.notice.owner
    return [owner.name.family, *([str(owner.identifier)] if owner.identifier else [])]


def _check(name: str, story: Story, wrong: Sequence[str]) -> Check:
    return Check(name, story.name, ok=not wrong, detail="; ".join(wrong))


def _errors_of(
    wrong: Callable[[Story, MappingFunctions], Iterator[str]], story: Story, maps: MappingFunctions
) -> list[str]:
    try:
        return list(wrong(story, maps))
    except IpFhirError as error:
        return [str(error)]


def _ending_errors(story: Story, loop: Loop) -> Iterator[str]:
    """Yields each difference from the story's ending: state, reminders, the status of each form."""
    wanted, referral = story.script.ending, loop.hospital.referral
    if referral.state is not wanted.state:
        yield f"ended as {referral.state}, not {wanted.state}"
    if referral.reminders != wanted.reminders or referral.escalations:
        yield f"{referral.reminders} reminders and {referral.escalations} escalations, not {wanted.reminders} and 0"
    statuses = tuple(kept.status for kept in referral.forms)
    if statuses != wanted.forms:
        yield f"forms: {', '.join(statuses)}, not {', '.join(wanted.forms)}"
    for kept in referral.forms:
        if kept.status is FormStatus.INCOMPLETE and set(kept.missing) != set(missing_items(kept.form, story.notice)):
            yield "what the form lacks was not said in full"
    form = referral.form
    if form is not None and form.decision is FormDecision.REJECTED:
        no = form.rejection
        if no is None or not (no.reason and no.legal_basis and no.told_of_right_to_complain and no.complaint_to):
            yield "the rejection lacks its reason, its legal basis or the right to complain"
    elif form is not None:
        yield from _coordinator_errors(story, loop)


def _coordinator_errors(story: Story, loop: Loop) -> Iterator[str]:
    """Yields each error in the coordinators: too many or few at once, or not those of the person's plan."""
    form = loop.hospital.referral.form
    if form is None:
        return
    starts = max(
        (c.period.start for c in form.coordinators if c.period.start is not None), default=local_day(form.authored)
    )
    holding = {c.holder for c in form.coordinators if c.holder is not None and c.period.covers(starts)}
    if len(holding) != story.script.ending.coordinators:
        yield f"{len(holding)} coordinators at once, not {story.script.ending.coordinators}"
    planned = {c.holder for c in story.plan.team.coordinators} if story.plan.team else set()
    if not holding <= planned:
        yield "the plan does not have the coordinator that the form names"


def _disagreements(story: Story, loop: Loop, level: ContentLevel) -> Iterator[str]:
    """Yields each difference between the sides: state, forms, reminders, and the notice as the agreement cuts it."""
    hospital, municipality = loop.hospital.referral, loop.municipality.referral
    if hospital.state is not municipality.state:
        yield f"the hospital has {hospital.state}, the municipality {municipality.state}"
    if [(k.form, k.status) for k in hospital.forms] != [(k.form, k.status) for k in municipality.forms]:
        yield "the two sides do not have the same green forms"
    if hospital.notice != story.notice:
        yield "the hospital's notice is not the one that was sent"
    if municipality.notice != cut_to(story.notice, level):
        yield "the municipality's notice is not what the agreement lets out"
    if municipality.reminders != hospital.reminders:
        yield f"{hospital.reminders} reminders were sent, {municipality.reminders} were taken in"


def _message_errors(loop: Loop) -> Iterator[str]:
    """Yields each message that was sent and not taken in, or taken in twice."""
    for crossing in crossings(loop):
        if crossing.arrived is None:
            yield f"a message was sent and not taken in: {crossing.kind}"
    for side in loop.sides:
        ids = [
            k.record.event.message_id for k in side.evidence if k.record.event.raised_by not in (side.role, "transport")
        ]
        taken = [ident for ident in ids if ident is not None]
        if len(set(taken)) != len(taken):
            yield f"the {side.role} took a message in twice"


def _round_trip_errors(story: Story, maps: MappingFunctions) -> Iterator[str]:
    if maps.from_fhir(maps.to_fhir(story.plan)) != story.plan:
        yield "the plan that came back is another"


def _put_errors(story: Story, maps: MappingFunctions) -> Iterator[str]:
    bundle = maps.to_fhir(story.plan)
    if maps.put_plan(story.plan, bundle) != bundle:
        yield "writing what was read changed the bundle"


def _model_errors(story: Story, maps: MappingFunctions) -> Iterator[str]:
    if len(maps.to_models(story.plan)) != len(maps.to_fhir(story.plan)["entry"]):
        yield "not every resource was read"


_NAMES: dict[Language, dict[str, str]] = {
    "nb": {
        "ending": "Sløyfen endte som historien sier",
        "agree": "Begge sider er enige",
        "messages": "Hver melding kom fram, og én gang",
        "round": "Plan til FHIR og tilbake gir samme plan",
        "put": "Å skrive det man har lest, endrer ingenting",
        "models": "FHIRs egne modeller godtar hver ressurs",
        "evidence": "Beviskjeden er hel",
        "outbox": "Ingenting ligger usendt",
        "stopped": "Prosessen ble avsluttet i orden",
        "silent": "Ingen logg nevner en person",
    },
    "en": {
        "ending": "The loop ended as its story says",
        "agree": "Both sides agree",
        "messages": "Each message arrived, and once",
        "round": "Plan to FHIR and back is the same plan",
        "put": "Writing what was read changes nothing",
        "models": "FHIR's own models accept each resource",
        "evidence": "The chain of evidence is whole",
        "outbox": "Nothing is left unsent",
        "stopped": "The process ended in order",
        "silent": "No log names a person",
    },
}
