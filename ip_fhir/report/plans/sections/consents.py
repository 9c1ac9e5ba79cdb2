"""The consents of a plan in words: who said yes or no to what, and who may see which life areas until when."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from ip_fhir.domain.consent.consent import Access, ConsentStatus
from ip_fhir.domain.consent.matrix import AREAS, consent_matrix
from ip_fhir.errors import InvalidInput
from ip_fhir.report.plans.layout import STEP, heading, labelled, paragraph, sentence
from ip_fhir.report.plans.sections.people import takes_part
from ip_fhir.report.words.codes import listed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from ip_fhir.domain.consent.consent import Consent, Provision
    from ip_fhir.domain.consent.matrix import Cell, Seer
    from ip_fhir.domain.values.terms import LifeArea
    from ip_fhir.report.plans.wording import Wording

Area: TypeAlias = "LifeArea | None"


def consent_lines(wording: Wording) -> Iterator[str]:
    """Yields the section of consents: each with its exceptions, then who may see what on the day."""
    yield from heading(wording.label("consents"))
    for consent in wording.plan.consents:
        yield from paragraph(sentence(consent_words(wording, consent), *_standing(wording, consent)), mark="- ")
        for provision in consent.provisions:
            yield from paragraph(_provision(wording, provision), STEP, "- ")
        yield from paragraph(_otherwise(wording, consent), STEP, "- " if consent.provisions else "")
    if not wording.plan.consents:
        yield from paragraph(wording.label("no-consents"))
        return
    yield ""
    yield from paragraph(wording.label("who-sees").format(wording.day(wording.on)))
    yield from _who_sees(wording)


def consent_words(wording: Wording, consent: Consent) -> str:
    """Returns a consent in a few words: "samtykke til deling 23. jan. 2026, Åse Marie Solbakk (mor)"."""
    who = wording.actor(consent.given_by) if consent.given_by else wording.label("person")
    return f"{wording.word(consent.kind)} {wording.day(consent.given_on)}, {who}"


def _standing(wording: Wording, consent: Consent) -> Iterator[str]:
    """Yields the form of a consent, its period, and what makes it count no longer."""
    if consent.form is not None:
        yield wording.word(consent.form)
    if consent.status is ConsentStatus.DRAFT:
        yield wording.label("draft")
    if consent.status is ConsentStatus.REFUSED:
        yield wording.label("refused")
    if consent.withdrawn_on is not None:
        yield f"{wording.label('withdrawn')} {wording.day(consent.withdrawn_on)}"
    yield wording.period(consent.period)


def _provision(wording: Wording, provision: Provision) -> str:
    permits = provision.access is Access.PERMIT
    who = [wording.actor(one) for one in provision.recipients] or [wording.label("all")]
    areas = f" {wording.label('about')} {wording.areas(provision.areas)}" if provision.areas else ""
    said = f"{wording.label('yes-to' if permits else 'no-to')} {listed(who, wording.language)}{areas}"
    return sentence(said, wording.period(provision.period))


def _otherwise(wording: Wording, consent: Consent) -> str:
    if consent.status is ConsentStatus.REFUSED:
        return ""
    permits = consent.access is Access.PERMIT
    if consent.provisions:
        return sentence(wording.label("otherwise-yes" if permits else "otherwise-no"))
    return "" if permits else sentence(wording.label("to-none"))


def _who_sees(wording: Wording) -> Iterator[str]:
    """Yields a line for those who take part in the plan and may see the same."""
    try:
        matrix = consent_matrix(wording.plan, wording.on)
    except InvalidInput:  # too-costly: hundreds of recipients, each named in another way
        yield from paragraph(wording.label("too-many"), STEP)
        return
    present = _present(wording)
    alike: dict[tuple[Cell, ...], list[Seer]] = {}
    for seer in matrix.seers:
        if seer.id in present:
            alike.setdefault(seer.cells, []).append(seer)
    for cells, seers in alike.items():
        names = ", ".join(seer.name for seer in seers)
        said = sees_words(wording, {cell.area: cell.until for cell in cells if cell.allowed})
        yield from labelled(f"{said[:1].upper()}{said[1:]}", names, mark="- ")


def _present(wording: Wording) -> set[str]:
    """Returns the ids of those who take part or coordinate on the day, without the owner, who sees all."""
    team = wording.plan.team
    if team is None:
        return set()
    members = {member.member for member in team.memberships if takes_part(member, wording.on)}
    coordinators = {place.holder for place in team.coordinators_on(wording.on) if place.holder is not None}
    return (members | coordinators) - {wording.plan.owner.id}


def sees_words(wording: Wording, open_until: dict[Area, date | None]) -> str:
    """Returns which life areas are open, with the last day where they have one: "alt unntatt økonomi og ytelser"."""
    if not open_until:
        return wording.label("sees-nothing")
    closed = [area for area in AREAS if area not in open_until]
    ends = set(open_until.values())
    if len(ends) > 1:
        return "; ".join(_until(wording, wording.areas([area]), end) for area, end in open_until.items())
    if not closed:
        said = wording.label("sees-all")
    elif len(closed) * 2 <= len(AREAS):
        said = f"{wording.label('sees-all-but')} {wording.areas(closed)}"
    else:
        said = f"{wording.label('sees-only')} {wording.areas(open_until)}"
    return _until(wording, said, *ends)


def _until(wording: Wording, said: str, end: date | None) -> str:
    return said if end is None else f"{said} ({wording.label('until-incl')} {wording.day(end)})"
