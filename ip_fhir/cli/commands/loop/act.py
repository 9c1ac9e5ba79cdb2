"""`act`, `referrals close`: every event that our own people may raise, and what is possible now."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time
from typing import TYPE_CHECKING, Annotated
from uuid import uuid4

import typer

from ip_fhir.cli.commands.loop.exchange import Correlation
from ip_fhir.cli.options import By, Config, Json, Lang, author, spoken

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path

    from ip_fhir.cli.options import Language
    from ip_fhir.domain.green_form import GreenForm
    from ip_fhir.domain.referral import Author, Event, EventKind, Referral
    from ip_fhir.exchange import Exchange

_OPTIONS = {"text": "--text WORDS", "form": "--form FILE"}
_NAMES = {f"event.{field}": option.partition(" ")[0] for field, option in _OPTIONS.items()}

Text = Annotated[str | None, typer.Option("--text", help="Words that go with it.", show_default=False)]
On = Annotated[
    str | None,
    typer.Option(
        "--on",
        metavar="DATE|TIME",
        help="When it happened, ISO 8601 (local: Oslo); by default now.",
        show_default=False,
    ),
]


def act(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    correlation_id: Correlation,
    config: Config,
    event: Annotated[
        str | None, typer.Argument(metavar="[EVENT]", help="Without: what is possible now.", show_default=False)
    ] = None,
    text: Text = None,
    form: Annotated[
        str | None, typer.Option("--form", metavar="FILE", help="The green form, for `answer`.", show_default=False)
    ] = None,
    on: On = None,
    by: By = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Do something with a loop: withdraw consent, accept, assess, answer, close ...

    `ip-fhir act ID` shows what is possible now, with what each act needs. `ip-fhir act ID withdraw-consent` withdraws
    consent. What is done is stored, and what it says to the other side goes out when `serve` or `work` runs.
    """
    if event is None:
        _possible(correlation_id, config, as_json=as_json, lang=lang)
        return
    _act(correlation_id, config, _kind(event), text=text, form=form, on=on, by=author(by), as_json=as_json)


def close(
    correlation_id: Correlation, config: Config, text: Text = None, on: On = None, by: By = None, as_json: Json = False
) -> None:
    """Close a loop without a form.

    The person died or moved, or all is done; --text says which. The other side is told. The same as `act ID close`.
    """
    from ip_fhir.domain.referral import EventKind

    _act(correlation_id, config, EventKind.CLOSE, text=text, form=None, on=on, by=author(by), as_json=as_json)


def _act(
    correlation_id: str,
    config: Path,
    kind: EventKind,
    *,
    text: str | None,
    form: str | None,
    on: str | None,
    by: Author | None,
    as_json: bool,
) -> None:
    from ip_fhir.cli.commands.loop.stored import show_stored
    from ip_fhir.cli.files import naming
    from ip_fhir.cli.opening import opened
    from ip_fhir.domain.referral import Event

    filled = _read_form(kind, form)
    with opened(config, in_loop=True) as exchange, naming(correlation_id):
        referral = _referral(exchange, correlation_id)
        event = Event(
            id=filled.id if filled else str(uuid4()),
            kind=kind,
            at=_moment(on, referral, exchange.now()),
            raised_by=referral.role,
            text=text,
            form=filled,
            by=by,
        )
        show_stored(exchange, _submit(exchange, referral, event), as_json=as_json)


def _submit(exchange: Exchange, referral: Referral, event: Event) -> Referral:
    """Submit the event. A field that is missing is named as the option that gives it."""
    from ip_fhir.errors import InvalidInput

    try:
        return exchange.submit(referral.correlation_id, event)
    except InvalidInput as error:
        raise type(error)(replace(p, path=_NAMES.get(p.path, p.path)) for p in error.problems) from None


def _kind(name: str) -> EventKind:
    from ip_fhir.domain.loop import OWN_EVENTS
    from ip_fhir.errors import InvalidInput

    known = {str(kind): kind for kinds in OWN_EVENTS.values() for kind in kinds}
    if name not in known:
        raise InvalidInput.at("EVENT", f"is one of {', '.join(known)}", "code-invalid")
    return known[name]


def _read_form(kind: EventKind, file: str | None) -> GreenForm | None:
    """Read the file of --form, which `answer` takes and no other act."""
    from ip_fhir.cli.files import expect, read_file, read_value
    from ip_fhir.domain.green_form import GreenForm
    from ip_fhir.domain.referral import EventKind
    from ip_fhir.errors import InvalidInput

    if file is None:
        return None
    if kind is not EventKind.ANSWER:
        raise InvalidInput.at("--form", f"{kind} takes no form, answer does", "not-supported")
    content = read_file(file)
    expect(content, "green-form")
    return read_value(GreenForm, content)


def _moment(on: str | None, referral: Referral, now: datetime) -> datetime:
    """The time of --on, with zone. A day alone is its first moment at which it can have happened."""
    from ip_fhir.domain.values.calendar import OSLO
    from ip_fhir.errors import InvalidInput

    if on is None:
        return now
    try:
        said = datetime.fromisoformat(on)
    except ValueError:
        raise InvalidInput.at("--on", "a date (2026-03-02) or a time (2026-03-02T09:30)") from None
    at = said if said.tzinfo else said.replace(tzinfo=OSLO)
    if said.time() == time() and "T" not in on and " " not in on and at.date() == _day(referral.changed):
        at = max(at, referral.changed)
    if at < referral.changed:
        changed = referral.changed.astimezone(OSLO)
        reason = f"before the last change of the loop ({changed:%Y-%m-%d %H:%M}): --on is not earlier"
        raise InvalidInput.at("--on", reason, "business-rule")
    return at.astimezone(UTC)


def _day(at: datetime) -> date:
    from ip_fhir.domain.values.calendar import local_day

    return local_day(at)


def _referral(exchange: Exchange, correlation_id: str) -> Referral:
    from ip_fhir.errors import InvalidInput

    stored = exchange.store.referral(correlation_id)
    if stored is None:
        raise InvalidInput.at("", "the store has no such referral", "not-found")
    return stored.referral


def _possible(correlation_id: str, config: Path, *, as_json: bool, lang: Language | None) -> None:
    """Show the acts that are possible now, with what each needs, in words."""
    from ip_fhir.cli.files import naming
    from ip_fhir.cli.opening import opened
    from ip_fhir.cli.output import emit, say, show
    from ip_fhir.domain.loop import needed_from_our_side, possible_events
    from ip_fhir.report.words.acts import act_words
    from ip_fhir.report.words.codes import word

    with opened(config, in_loop=True) as exchange, naming(correlation_id):
        referral = _referral(exchange, correlation_id)
    language = spoken(lang)
    needs = {kind: needed_from_our_side(kind) for kind in possible_events(referral)}
    if as_json:
        possible = [{"event": str(kind), "needs": needed} for kind, needed in needs.items()]
        emit({"correlation_id": correlation_id, "state": str(referral.state), "possible": possible})
        return
    say(f"{correlation_id}: {word(referral.state, language)}")
    if not needs:
        say(_NOTHING[language])
        return
    rows = [
        (str(kind), _OPTIONS[needed] if needed else "", act_words(kind, language)) for kind, needed in needs.items()
    ]
    show(_HEADINGS[language], rows)


_NOTHING = {"nb": "ingenting mer kan gjøres med den", "en": "nothing more can be done with it"}
_HEADINGS = {"nb": ("Hendelse", "Trenger", "Betyr"), "en": ("Event", "Needs", "Meaning")}
