"""`plan preview`, and what `plan save` and `plan share` show before they let a participant see something new."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ip_fhir.cli.commands.plans.files import read_plan
from ip_fhir.cli.commands.plans.lookup import PersonFile, PlanArgument, found_plan, plan_store
from ip_fhir.cli.given import Given
from ip_fhir.cli.options import Created, Json, Lang, Owner, PlanId, spoken

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ip_fhir.domain.people import Organization
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.sharing.case import SharedPlan
    from ip_fhir.domain.sharing.events import PlanEvent
    from ip_fhir.domain.sharing.life.surroundings import Surroundings
    from ip_fhir.errors import ConsentRefused, InvalidInput
    from ip_fhir.exchange.plans.forecast import PlanForecast, ShareForecast
    from ip_fhir.report.plans.preview import ParticipantPreview
    from ip_fhir.report.plans.warnings import Seen
    from ip_fhir.report.words.codes import Language

ConfigIfAny = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        envvar="IP_FHIR_CONFIG",
        help="The settings file (TOML). Without, a file is shown as if each enterprise in it were a party.",
        show_default=False,
    ),
]


def preview(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    config: ConfigIfAny = None,
    plan_id: PlanArgument = None,
    person: PersonFile = None,
    file: Annotated[
        str | None, typer.Option("--with", metavar="FILE", help="As if this were saved.", show_default=False)
    ] = None,
    created: Created = None,
    owner: Owner = None,
    care_plan: PlanId = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Show what each participant will see, and what is new to it.

    Of a plan in the store, or with --with as if a file were saved: a plan (JSON) or a FHIR Bundle. Participants whose
    share has not begun are shown as if it had. It warns of those who are responsible for what they may not see, and
    names those for whom no party of the settings stands. Nothing is stored, and nothing is sent.
    """
    from ip_fhir.cli.commands.plans.views import note_read
    from ip_fhir.cli.opening import opened
    from ip_fhir.errors import InvalidInput

    given = Given(created, owner, care_plan)
    plan = read_plan(file, config, given) if file is not None else None
    if config is None:
        if plan is None:
            raise InvalidInput.at("--config", "missing: a plan in a store needs the settings of its side", "required")
        found, names = _of_file(plan)
    else:
        with opened(config) as exchange:
            if plan is None or plan_id is not None or person is not None:
                plan_id = found_plan(exchange, plan_id, person).id
            if plan is not None and plan_id not in (None, plan.id):
                raise InvalidInput.at("--with", "is another plan: it has another id", "invariant")
            found, names = exchange.forecast(plan_id or plan.id, plan), exchange.parties()  # type: ignore[union-attr]
            if plan_store(exchange).shared_plan(found.plan.id) is not None:
                note_read(exchange, found.plan.id, found.plan.version, "read")
    show_preview(found, names, spoken(lang), as_json=as_json)


def show_preview(
    found: PlanForecast, names: Mapping[str, Organization], language: Language, *, as_json: bool = False
) -> None:
    """Shows a forecast in words, or as JSON."""
    from ip_fhir.cli.output import emit, say, show
    from ip_fhir.report.plans.warnings import warnings

    made = participants_of(found, names)
    warned = warnings(found.plan, _seen_by(found, names), found.on_paper)
    refusals = [(label(one.party, names), _why(one.refusal, language)) for one in found.shares if one.refusal]
    if as_json:
        emit(
            {
                "plan": found.plan.id,
                "on": found.on.isoformat(),
                "participants": [one.to_data() for one in made],
                "warnings": [one.to_data() for one in warned],
                "not_shared": dict(refusals),
            }
        )
        return
    from ip_fhir.report.plans.preview import preview_lines

    for line in preview_lines(found.plan, made, warned, language, found.on):
        say(line)
    if refusals:
        say()
        show(_REFUSED[language], refusals)


def agreed_to(
    found: PlanForecast, names: Mapping[str, Organization], language: Language, parties: Collection[str], *, yes: bool
) -> None:
    """Shows what will be new to these parties and asks for a yes; returns if there is nothing new, or it is given.

    Raises `InvalidInput` if nobody can be asked and --yes was not said, and ends the command if the answer is no.
    """
    from ip_fhir.errors import InvalidInput

    new = [one for one in found.shares if one.party in parties and opens(one)]
    if not new or yes:
        return
    if not sys.stdin.isatty():
        who = ", ".join(dict.fromkeys(one.party for one in new))
        reason = f"something new opens to {who}: look at it with `ip-fhir plan preview`, then say --yes"
        raise InvalidInput.at("--yes", reason, "business-rule")
    show_preview(found, names, language)
    if not typer.confirm(_WORDS[language]["ask"], err=True):
        raise typer.Exit(1)


def _why(refusal: ConsentRefused | InvalidInput, language: Language) -> str:
    """Returns in words why nothing can be shared with a participant."""
    from ip_fhir.errors import ConsentRefused

    if isinstance(refusal, ConsentRefused):
        return _WORDS[language]["no-consent"]
    return refusal.problems[0].reason


def opens(one: ShareForecast) -> bool:
    """True if the participant would see an item that it does not see now."""
    from ip_fhir.domain.merge.difference import ChangeKind, difference

    if one.view is None:
        return False
    if one.before is None:
        return True
    return any(change.kind is ChangeKind.ADDED for change in difference(one.before.plan, one.view.plan))


def participants_of(found: PlanForecast, names: Mapping[str, Organization]) -> tuple[ParticipantPreview, ...]:
    """Returns the preview of each participant that sees something now or would."""
    from ip_fhir.report.plans.preview import previews

    views = {_name(one, found, names): one.view for one in found.shares}
    before = {_name(one, found, names): one.before for one in found.shares}
    readers = {
        _name(one, found, names): tuple(label(reader.party, names) for reader in one.share.readers)
        if one.readers_known
        else None
        for one in found.shares
        if one.share is not None
    }
    return previews(found.plan, views, before, _seen_by(found, names), readers)


def label(party: str, names: Mapping[str, Organization]) -> str:
    """Returns a party as people know it: by its enterprise's name, with a peer's name in the settings."""
    from ip_fhir.domain.parties import OURS

    organization = names.get(party)
    if organization is None:
        return party
    return organization.name if party in (OURS, organization.name) else f"{organization.name} ({party})"


def _name(one: ShareForecast, found: PlanForecast, names: Mapping[str, Organization]) -> str:
    from ip_fhir.report.words.plan import names_in

    name = label(one.party, names)
    person = one.share.person if one.share is not None else None
    return name if person is None else f"{name}: {names_in(found.plan).get(person, person)}"


def _seen_by(found: PlanForecast, names: Mapping[str, Organization]) -> dict[str, Seen]:
    from ip_fhir.report.plans.warnings import seen_by

    return {
        _name(one, found, names): seen_by(found.plan, one.share, one.view, found.on)
        for one in found.shares
        if one.share is not None and one.view is not None
    }


def _of_file(plan: IndividualPlan) -> tuple[PlanForecast, dict[str, Organization]]:
    """Returns the forecast of a plan as if every enterprise in it were a party, with the default agreement."""
    from datetime import UTC, datetime
    from functools import partial

    from ip_fhir.exchange.plans.forecast import forecast

    names = {one.id: one for one in plan.organizations if one.part_of is None}
    return forecast(None, plan, partial(_surroundings, names), datetime.now(UTC)), names


def _surroundings(names: Mapping[str, Organization], case: SharedPlan | None, event: PlanEvent) -> Surroundings:
    """Returns the surroundings of a plan of which nothing is known but what stands in it."""
    import secrets

    from ip_fhir.domain.sharing.life.surroundings import PartyTerms, Surroundings
    from ip_fhir.domain.sharing.participants import nearest_parties

    plan = event.plan or (case.plan if case is not None else None)
    party_of = nearest_parties(plan, lambda one: one.id if one.id in names else None) if plan is not None else {}
    terms = dict.fromkeys(names, PartyTerms(agreed=True))
    return Surroundings(party_of, terms, new_key=lambda: secrets.token_hex(32))


_REFUSED: dict[Language, tuple[str, str]] = {
    "nb": ("Deltaker", "Hvorfor ingenting kan deles"),
    "en": ("Participant", "Why nothing can be shared"),
}
_WORDS: dict[Language, dict[str, str]] = {
    "nb": {"ask": "Skal de få se dette?", "no-consent": "personen har ikke samtykket"},
    "en": {
        "ask": "Shall they see this?",
        "no-consent": "the person has not consented",
    },
}
