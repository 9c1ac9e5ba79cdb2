"""`referrals list`, `referrals show`: what a store holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ip_fhir.cli.commands.loop.case import case_data, case_lines, local, next_due, step_rows
from ip_fhir.cli.commands.loop.exchange import Correlation
from ip_fhir.cli.options import Config, Json, Lang, NoNames, spoken

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from ip_fhir.domain.referral import Referral
    from ip_fhir.errors import Problem
    from ip_fhir.ports import EvidenceRecord
    from ip_fhir.report.words.codes import Language

app = typer.Typer(help="The loops in a store.", rich_markup_mode=None)


@app.command("list")
def list_(
    config: Config,
    state: Annotated[list[str] | None, typer.Option("--state", help="Only in this state; may be repeated.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many.")] = 100,
    after: Annotated[
        str | None, typer.Option("--after", help="The last id of the page before.", show_default=False)
    ] = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """List the loops, latest changed first.

    State, what is asked for, reminders and the next deadline; no names.
    """
    from ip_fhir.cli.opening import opened
    from ip_fhir.cli.output import emit, name_unreadable, say, show

    states = _states(state or [])
    with opened(config, existing=True) as exchange:
        found = exchange.store.referrals(states, limit, after)
        name_unreadable(exchange.store, "referral")
    if as_json:
        emit([_summary(referral) for referral in found])
    elif not found:
        say("no referrals")
    else:
        language = spoken(lang)
        show(_HEADINGS[language], [_row(referral, language) for referral in found])


@app.command("show")
def show_(
    correlation_id: Correlation, config: Config, no_names: NoNames = False, as_json: Json = False, lang: Lang = None
) -> None:
    """Show one loop: whom it is about, who coordinates, how to reach them, and every step with its reason.

    For whoever may read the store, but without what leads to a person with a protected address. --json gives the whole
    referral; with --no-names it says who nobody is.
    """
    from ip_fhir.cli.opening import opened
    from ip_fhir.cli.output import emit, name_unreadable
    from ip_fhir.domain.consent.protection import withheld
    from ip_fhir.domain.values.calendar import local_day
    from ip_fhir.errors import InvalidInput

    with opened(config, existing=True) as exchange:
        stored = exchange.store.referral(correlation_id)
        evidence = exchange.store.evidence(correlation_id)
        today = local_day(exchange.now())
        not_read = exchange.not_read(correlation_id)
        name_unreadable(exchange.store, "evidence")
    if stored is None:
        raise InvalidInput.at(correlation_id, "the store has no such referral", "not-found")
    referral = stored.referral.evolve(notice=withheld(stored.referral.notice))
    if not as_json:
        _show(referral, evidence, today, spoken(lang), names=not no_names)
        _show_not_read(not_read, spoken(lang))
        return
    steps = [_step(record, names=not no_names) for record in evidence]
    said = case_data(referral, today, names=False) if no_names else referral.to_data()
    emit({**said, "evidence": steps, "not_read": [{"path": p.path, "reason": p.reason} for p in not_read]})


def _states(names: Sequence[str]) -> list[str]:
    from ip_fhir.domain.referral import State
    from ip_fhir.errors import InvalidInput

    known = [str(state) for state in State]
    if [name for name in names if name not in known]:
        raise InvalidInput.at("--state", f"is one of {', '.join(known)}", "code-invalid")
    return list(names)


def _summary(referral: Referral) -> dict[str, Any]:
    due = next_due(referral)
    return {
        "correlation_id": referral.correlation_id,
        "party": referral.party,
        "role": str(referral.role),
        "state": str(referral.state),
        "kind": str(referral.notice.kind),
        "opened": referral.opened.isoformat(),
        "changed": referral.changed.isoformat(),
        "reminders": referral.reminders,
        "escalations": referral.escalations,
        "next_due": due.isoformat() if due else None,
    }


def _row(referral: Referral, language: Language) -> tuple[str, ...]:
    from ip_fhir.report.words.codes import word

    due = next_due(referral)
    return (
        referral.correlation_id,
        word(referral.state, language),
        word(referral.notice.kind, language),
        referral.party or "",
        local(referral.changed),
        str(referral.reminders),
        local(due) if due else "",
    )


def _show(
    referral: Referral, evidence: Sequence[EvidenceRecord], today: date, language: Language, *, names: bool
) -> None:
    from ip_fhir.cli.output import say, show
    from ip_fhir.report.words.codes import word

    say(referral.correlation_id)
    for label, text in case_lines(referral, today, language, names=names):
        say(f"  {label}: {text}")
    for kept in referral.forms:
        missing = "; ".join(word(item, language) for item in kept.missing)
        say(
            f"  {local(kept.received)} {kept.form.id}: {word(kept.status, language)}"
            + (f": {missing}" if missing else "")
        )
    show(_STEPS[language], step_rows(evidence, language, names=names))


def _show_not_read(places: Sequence[Problem], language: Language) -> None:
    from ip_fhir.cli.output import say

    if places:
        say(_NOT_READ[language])
    for place in places:
        say(f"  {place}")


_NOT_READ: dict[Language, str] = {
    "nb": "Kom med meldingen, men er ikke lest (det er tatt vare på):",
    "en": "Came with the notice, but was not read (it is kept):",
}


def _step(link: EvidenceRecord, *, names: bool) -> dict[str, Any]:
    """A step without what it carried: that stands in the referral."""
    record = link.record
    return {
        "number": link.number,
        "at": record.event.at.isoformat(),
        "event": str(record.event.kind),
        "raised_by": str(record.event.raised_by),
        "party": record.event.party,
        "by": record.event.by.to_data() if record.event.by and names else None,
        "before": str(record.before) if record.before else None,
        "after": str(record.after),
        "note": record.note,
        "message_id": record.event.message_id,
        "hash": link.hash,
    }


_HEADINGS: dict[Language, tuple[str, ...]] = {
    "nb": ("Id", "Tilstand", "Gjelder", "Part", "Endret", "Purringer", "Neste frist"),
    "en": ("Id", "State", "Asks for", "Party", "Changed", "Reminders", "Next deadline"),
}
_STEPS: dict[Language, tuple[str, ...]] = {
    "nb": ("Nr.", "Tid", "Hendelse", "Av", "Tilstand etter", "Hvorfor"),
    "en": ("No.", "Time", "Event", "By", "State after", "Why"),
}
