"""`agreement check` and `agreement explain`: agreements checked, and their deadlines laid out on a calendar."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ip_fhir.cli.options import Json, Lang, spoken

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ip_fhir.domain.agreement import Agreement, Party
    from ip_fhir.domain.sharing.terms import SharingTerms
    from ip_fhir.report.words.codes import Language

app = typer.Typer(help="Agreements of two parties.", no_args_is_help=True)

AgreementFile = Annotated[str, typer.Argument(metavar="FILE", help="A TOML file of [[agreement]] tables.")]
_WIDTH = 28  # of the headings


@app.command("check")
def check(file: AgreementFile, as_json: Json = False, lang: Lang = None) -> None:
    """Check a file of agreements.

    Says what each agreement holds, defaults included. Exit code 2 with a line for each mistake and its place.
    """
    from ip_fhir.cli.output import emit, say

    agreements = _read(file)
    if as_json:
        emit([agreement.model_dump(mode="json") for agreement in agreements])
        return
    language = spoken(lang)
    for number, agreement in enumerate(agreements, 1):
        say(f"{number}. {_title(agreement, language)}")
        for name, words in _contents(agreement, language):
            say(f"   {name:<{_WIDTH}}{words}")


@app.command("explain")
def explain(
    file: AgreementFile,
    sent: Annotated[
        str | None,
        typer.Option("--sent", help="When the notice is delivered: 2026-03-30. By default now.", show_default=False),
    ] = None,
    number: Annotated[
        int | None, typer.Option("--number", help="Only this agreement of the file, from 1.", show_default=False)
    ] = None,
    svg: Annotated[Path | None, typer.Option("--svg", help="Also draw it, into this file.", show_default=False)] = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Say when reminders and escalations fall.

    For a notice that nobody answers: each deadline, reminder and escalation with its day, how the working days were
    counted and which holidays were passed over. A day without a time is noon in Norway.
    """
    from ip_fhir.cli.output import emit

    moment, language = _moment(sent), spoken(lang)
    chosen = _chosen(_read(file), number, one=svg is not None)
    if svg is not None:
        _draw(chosen[0], moment, svg, language)
    if as_json:
        emit([_data(agreement, moment) for agreement in chosen])
    else:
        for agreement in chosen:
            _show(agreement, moment, language)


def _read(file: str) -> tuple[Agreement, ...]:
    from ip_fhir.cli.files import naming, read_file
    from ip_fhir.domain.agreement import load_agreements
    from ip_fhir.errors import InvalidInput

    content = read_file(file)
    with naming(content.name):
        try:
            text = content.data.decode("utf-8-sig")
        except UnicodeDecodeError:
            raise InvalidInput.at("", "is not UTF-8", "structure") from None
        return load_agreements(text)


def _moment(sent: str | None) -> datetime:
    """Returns the day or time in `sent`, with Norway's time zone if it names none. Raises `InvalidInput` otherwise."""
    from ip_fhir.domain.values.calendar import OSLO, moment_of
    from ip_fhir.errors import InvalidInput

    if sent is None:
        return datetime.now(OSLO)
    try:
        return moment_of(sent)
    except ValueError:
        raise InvalidInput.at("--sent", "is no day (2026-03-30) or moment (2026-03-30T09:15)") from None


def _chosen(agreements: tuple[Agreement, ...], number: int | None, *, one: bool) -> tuple[Agreement, ...]:
    from ip_fhir.errors import InvalidInput

    if number is None:
        if one and len(agreements) > 1:
            raise InvalidInput.at("--svg", f"one picture shows one agreement of {len(agreements)}; choose it: --number")
        return agreements
    if not 1 <= number <= len(agreements):
        raise InvalidInput.at("--number", f"there are {len(agreements)} agreements", "not-found")
    return (agreements[number - 1],)


def _draw(agreement: Agreement, sent: datetime, file: Path, language: Language) -> None:
    from ip_fhir.errors import InvalidInput
    from ip_fhir.report.ladder import ladder_svg, rungs

    picture = ladder_svg(rungs(agreement, sent), sent, _title(agreement, language), language)
    try:
        file.write_text(picture, encoding="utf-8")
    except OSError as error:
        raise InvalidInput.at(str(file), f"cannot be written: {error.strerror or type(error).__name__}") from None


def _data(agreement: Agreement, sent: datetime) -> dict[str, Any]:
    from datetime import UTC

    from ip_fhir.report.ladder import rungs

    at = sent.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return {"name": agreement.name, "sent": at, "steps": [rung.to_data() for rung in rungs(agreement, sent)]}


def _show(agreement: Agreement, sent: datetime, language: Language) -> None:
    from ip_fhir.cli.output import console, say, show
    from ip_fhir.report.ladder import heading, headings, line, numbered, rungs

    found = rungs(agreement, sent)
    say(_title(agreement, language))
    say(heading(sent, language))
    say()
    for text in line(found, sent, min(console().width, 100), language):
        say(text)
    say()
    show(headings(language), numbered(found, sent, language))
    say()


def _title(agreement: Agreement, language: Language) -> str:
    parties = [_party(party) for party in agreement.between]
    return agreement.name or " - ".join(parties) or _WORDS[language]["default"]


def _party(party: Party) -> str:
    return party.name or str(party.organization_number or party.her_id or party.resh_id)


def _contents(agreement: Agreement, language: Language) -> Iterator[tuple[str, str]]:
    """Yields the agreement's content as pairs of heading and text."""
    from ip_fhir.report.words.codes import word

    words = _WORDS[language]
    for number, party in enumerate(agreement.between):
        name = "party" if agreement.parties else ("hospital", "municipality")[number]
        numbers = [f"org. {party.organization_number}"] if party.organization_number else []
        numbers += [f"HER-id {party.her_id}"] if party.her_id else []
        numbers += [f"RESH-id {party.resh_id}"] if party.resh_id else []
        yield words[name], ", ".join([*([party.name] if party.name else []), *numbers])
    for name in _SENTENCES:
        yield words[name], words[f"{name}-is"].format(a=agreement)
    for name in ("evaluation", "mentor_talk"):
        if (months := getattr(agreement, f"{name}_every_months")) is not None:
            yield words[name], words["months"].format(months)
    if agreement.close_after_days is not None:
        yield words["close"], words["close-is"].format(a=agreement)
    for number, contact in enumerate(agreement.ladder, 1):
        parts = [part for part in (contact.name, contact.role, words[contact.side], contact.how) if part]
        yield f"{words['rung']} {number}", ", ".join(parts)
    yield words["two"], words["yes" if agreement.two_coordinators_allowed else "no"]
    yield words["content"], words[f"content-{agreement.content_level}"]
    yield words["basis"], "; ".join(word(basis, language) for basis in agreement.legal_basis) or "-"
    if closed := (*(day.isoformat() for day in agreement.closed_days), *agreement.closed_every_year):
        yield words["closed"], ", ".join(closed)
    yield words["ages"], words["ages-are"].format(a=agreement.ages)
    if agreement.between:
        yield from _sharing(agreement.sharing, words)
    else:
        yield words["shares"], words["shares-not"]


def _sharing(terms: SharingTerms, words: dict[str, str]) -> Iterator[tuple[str, str]]:
    """Yields the terms on which the two share plans."""
    yield words["shares"], words[f"shares-{terms.shares_begin}"]
    yield words["requests"], words[f"requests-{terms.requests}"].format(t=terms)
    for name in _OF_SHARING:
        yield words[name], words[f"{name}-is"].format(t=terms)
    for name, places in terms.rights:
        if places:
            yield words[name], ", ".join(places)


_SENTENCES = ("receipt", "acceptance", "answer", "reminders", "escalation", "preliminary")
_OF_SHARING = ("changes", "old", "invitations", "handovers", "views", "warning")
_WORDS: dict[Language, dict[str, str]] = {
    "nb": {
        "default": "For alle uten egen avtale",
        "party": "Part",
        "hospital": "Sykehuset",
        "municipality": "Kommunen",
        "receipt": "Kvittering",
        "receipt-is": "sendes på nytt etter {a.receipt_minutes} minutter, {a.receipt_resends} ganger",
        "acceptance": "Saken bekreftes",
        "acceptance-is": "innen {a.acceptance_days} virkedager",
        "answer": "Grønt skjema",
        "answer-is": "innen {a.answer_days} virkedager",
        "reminders": "Purringer",
        "reminders-is": "{a.reminders}, hver {a.reminder_every_days}. virkedag",
        "escalation": "Varsel til ledelsen",
        "escalation-is": "ett trinn hver {a.escalation_every_days}. virkedag",
        "preliminary": "Foreløpig svar",
        "preliminary-is": "innen {a.preliminary_reply_days} dager",
        "evaluation": "Evaluering av planen",
        "mentor_talk": "Samtale med fadder",
        "close": "Saken avsluttes",
        "close-is": "{a.close_after_days} dager etter bekreftelsen, når ingenting gjenstår",
        "months": "hver {}. måned",
        "rung": "Trinn",
        "two": "To koordinatorer",
        "yes": "ja",
        "no": "nei",
        "content": "Innhold som sendes",
        "content-header": "bare hvem og hva det bes om",
        "content-needs": "også behov og begrunnelse",
        "content-plan": "alt, med vedlegg",
        "basis": "Hjemmel",
        "closed": "Lukkede dager",
        "ages": "Aldersgrenser for samtykke",
        "ages-are": "{a.health_consent} år: samtykker selv; {a.may_withhold} år: kan holde noe fra foreldrene",
        "shares": "Planen deles",
        "shares-not": "ikke: det krever en avtale som nevner begge parter",
        "shares-by-name": "når koordinator sier det, for hver part",
        "shares-by-rule": "når parten er med i ansvarsgruppen og samtykket åpner for det",
        "requests": "Ber om planen",
        "requests-person-decides": "en person avgjør; varsles ubesvart etter {t.request_days} virkedager",
        "requests-by-rule": "får den som er med i ansvarsgruppen og samtykket åpner for; "
        "ellers avgjør en person, varsles ubesvart etter {t.request_days} virkedager",
        "changes": "Endringer i planen",
        "changes-is": "varsles uavgjort etter {t.change_days} virkedager, lederen etter {t.change_leader_days}; "
        "høyst {t.undecided_changes} om gangen",
        "old": "Endringer bygger på",
        "old-is": "det parten så for høyst {t.base_days} dager siden",
        "invitations": "Invitasjoner",
        "invitations-is": "sendes en gang til etter {t.invitation_days} virkedager, varsles etter like mange til",
        "handovers": "Planen overføres",
        "handovers-is": "tilbys en gang til etter {t.handover_days} virkedager, varsles etter like mange til",
        "views": "Planen er mottatt",
        "views-is": "varsles ubekreftet etter {t.acknowledgement_days} virkedager",
        "warning": "Innsyn endres",
        "warning-is": "varsles {t.warning_days} dager før",
        "at_once": "Gjelder straks, sitt eget",
        "at_once_for_all": "Gjelder straks, alt",
        "proposed": "Må avgjøres",
        "never": "Endres aldri",
    },
    "en": {
        "default": "For whoever has no agreement of their own",
        "party": "Party",
        "hospital": "Hospital",
        "municipality": "Municipality",
        "receipt": "Receipt",
        "receipt-is": "sent again after {a.receipt_minutes} minutes, {a.receipt_resends} times",
        "acceptance": "Case confirmed",
        "acceptance-is": "within {a.acceptance_days} working days",
        "answer": "Green form",
        "answer-is": "within {a.answer_days} working days",
        "reminders": "Reminders",
        "reminders-is": "{a.reminders}, every {a.reminder_every_days} working days",
        "escalation": "Escalation",
        "escalation-is": "one step every {a.escalation_every_days} working days",
        "preliminary": "Preliminary reply",
        "preliminary-is": "within {a.preliminary_reply_days} calendar days",
        "evaluation": "Plan evaluated",
        "mentor_talk": "Talk with the mentor",
        "close": "Loop closed",
        "close-is": "{a.close_after_days} days after the confirmation, when nothing is left to do",
        "months": "every {} months",
        "rung": "Step",
        "two": "Two coordinators",
        "yes": "allowed",
        "no": "not allowed",
        "content": "What may be sent",
        "content-header": "only who it is and what is asked for",
        "content-needs": "also needs and reasons",
        "content-plan": "everything, with attachments",
        "basis": "Legal basis",
        "closed": "Closed days",
        "ages": "Ages of consent",
        "ages-are": "{a.health_consent} years: consents alone; {a.may_withhold} years: may keep things from parents",
        "shares": "Plan is shared",
        "shares-not": "not: that takes an agreement that names both parties",
        "shares-by-name": "when the coordinator says so, for each party",
        "shares-by-rule": "when the party is in the care team and the consent permits",
        "requests": "Asks for the plan",
        "requests-person-decides": "a person decides; told unanswered after {t.request_days} working days",
        "requests-by-rule": "granted to who is in the care team, if the consent permits; "
        "else a person decides, told unanswered after {t.request_days} working days",
        "changes": "Changes of the plan",
        "changes-is": "told undecided after {t.change_days} working days, to the leader after {t.change_leader_days}; "
        "at most {t.undecided_changes} at a time",
        "old": "Changes are made on",
        "old-is": "what the party saw at most {t.base_days} calendar days ago",
        "invitations": "Invitations",
        "invitations-is": "sent once more after {t.invitation_days} working days, told after as many again",
        "handovers": "Plan handed over",
        "handovers-is": "offered once more after {t.handover_days} working days, told after as many again",
        "views": "Plan received",
        "views-is": "told unacknowledged after {t.acknowledgement_days} working days",
        "warning": "View changes by date",
        "warning-is": "told {t.warning_days} calendar days before",
        "at_once": "At once, their own",
        "at_once_for_all": "At once, all",
        "proposed": "To be decided",
        "never": "Never changed",
    },
}
