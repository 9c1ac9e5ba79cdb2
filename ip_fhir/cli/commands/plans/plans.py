"""`plan list`, `show`, `shares`: the plans that this side holds, and those that others share with it."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ip_fhir.cli.commands.loop.case import local
from ip_fhir.cli.commands.plans.lookup import PersonFile, PlanArgument, found_plan, plan_store, today
from ip_fhir.cli.commands.plans.preview import label
from ip_fhir.cli.commands.plans.stored import share_data
from ip_fhir.cli.options import Config, Json, Lang, NoNames, spoken

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ip_fhir.domain.people import Organization
    from ip_fhir.domain.sharing.case import SharedPlan
    from ip_fhir.exchange import Exchange
    from ip_fhir.report.words.codes import Language

app = typer.Typer(help="Individual plans that are shared between parties.", rich_markup_mode=None)


class Side(StrEnum):
    """The parts that a side may have in a plan (`domain.sharing.case.PlanSide`)."""

    HOLDER = "holder"
    PARTICIPANT = "participant"


@app.command("list")
def list_(
    config: Config,
    side: Annotated[
        Side | None, typer.Option("--side", help="Only plans that we hold, or that others share with us.")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000, help="At most so many.")] = 100,
    after: Annotated[
        str | None, typer.Option("--after", help="The last id of the page before.", show_default=False)
    ] = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """List the plans, latest changed first.

    Who holds each, its status and version, with how many it is shared, and what waits for us; no names.
    """
    from ip_fhir.cli.opening import opened
    from ip_fhir.cli.output import emit, name_unreadable, say, show
    from ip_fhir.domain.sharing.case import PlanSide

    with opened(config) as exchange:
        found = plan_store(exchange).plans(None if side is None else PlanSide(side.value), limit, after)
        name_unreadable(exchange.store, "plan")
    language = spoken(lang)
    if as_json:
        emit([summary(plan) for plan in found])
    elif not found:
        say("no plans")
    else:
        show(_HEADINGS[language], [_row(plan, language) for plan in found])


@app.command("show")
def show_(
    config: Config,
    plan_id: PlanArgument = None,
    person: PersonFile = None,
    as_: Annotated[
        str | None,
        typer.Option(
            "--as",
            metavar="PARTY|PERSON-ID",
            help="As a participant sees it, or somebody with a mandate: their id among the plan's relatives.",
            show_default=False,
        ),
    ] = None,
    version: Annotated[
        int | None, typer.Option("--version", min=1, help="An earlier version.", show_default=False)
    ] = None,
    no_names: NoNames = False,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Show a plan in words.

    For whoever may read the store, but without what leads to a person with a protected address. Where others hold the
    plan, it is what they share with us, until the last day on which it may be shown. --json gives the whole plan, as
    `plan save` reads it, or our view of it, as `plan change` reads it. --no-names shows no word of the plan.
    """
    from ip_fhir.cli.commands.plans.views import note_reads, seen_as, shown
    from ip_fhir.cli.opening import opened
    from ip_fhir.cli.output import emit, say

    language = spoken(lang)
    with opened(config) as exchange:
        plan, on, names = found_plan(exchange, plan_id, person), today(exchange), exchange.parties()
        whole = plan if version is None else _at_version(exchange, plan, version)
        contents = seen_as(exchange, whole, as_, on) if as_ is not None else shown(whole, on)
        if not no_names:
            note_reads(exchange, plan.id, contents)
    if no_names:
        _show_facts(plan, language, as_json=as_json)
    elif as_json:
        emit(contents[0].to_data() if len(contents) == 1 else [one.to_data() for one in contents])
    else:
        for number, content in enumerate(contents):
            if number:
                say()
            for line in content.lines(language, on):
                say(line)
        if as_ is None:
            _show_sharing(plan, names, language)


@app.command("shares")
def shares(
    config: Config, plan_id: PlanArgument = None, person: PersonFile = None, as_json: Json = False, lang: Lang = None
) -> None:
    """Show with whom a plan is shared.

    Each share with the number of its last view and the number that the participant has acknowledged, and why it ended;
    invitations, questions for the plan, and its way to another holder.
    """
    from ip_fhir.cli.opening import opened
    from ip_fhir.cli.output import emit, say

    with opened(config) as exchange:
        plan, names = found_plan(exchange, plan_id, person), exchange.parties()
    if as_json:
        emit({**summary(plan), **_sharing_data(plan)})
        return
    say(plan.id)
    _show_sharing(plan, names, spoken(lang))


def summary(plan: SharedPlan) -> dict[str, Any]:
    """Returns a plan for machines, without a word about the person."""
    from ip_fhir.cli.commands.plans.waiting import waits

    content = plan.plan
    return {
        "plan": plan.id,
        "side": str(plan.side),
        "holder": plan.holder,
        "epoch": plan.epoch,
        "status": str(content.status) if content is not None else None,
        "version": content.version if content is not None else None,
        "views": {copy.share: copy.number for copy in plan.copies},
        "shared_with": sorted({share.party for share in plan.shares if share.goes_on}),
        "waiting": sum(waits(kept) for kept in plan.changes),
        "opened": plan.opened.isoformat(),
        "changed": plan.changed.isoformat(),
        "over": plan.over,
    }


def _row(plan: SharedPlan, language: Language) -> tuple[str, ...]:
    from ip_fhir.report.words.codes import word

    facts = summary(plan)
    numbers = ", ".join(str(number) for number in facts["views"].values())
    return (
        plan.id,
        word(plan.side, language) if plan.holder is None else f"{word(plan.side, language)}: {plan.holder}",
        word(plan.plan.status, language) if plan.plan is not None else "",
        str(facts["version"] or numbers),
        ", ".join(facts["shared_with"]),
        str(facts["waiting"] or ""),
        local(plan.changed),
    )


def _show_facts(plan: SharedPlan, language: Language, *, as_json: bool) -> None:
    from ip_fhir.cli.output import emit, say, show

    if as_json:
        emit({**summary(plan), **_sharing_data(plan)})
        return
    show(_HEADINGS[language], [_row(plan, language)])
    say()
    _show_sharing(plan, {}, language)


def _at_version(exchange: Exchange, plan: SharedPlan, version: int) -> SharedPlan:
    """Returns the plan with the content of one of its versions. Raises `InvalidInput` if it is not there."""
    from ip_fhir.errors import InvalidInput

    found = plan_store(exchange).plan_version(plan.id, version)
    if found is None:
        raise InvalidInput.at("--version", "there is no such version here", "not-found")
    return plan.evolve(plan=found.plan)


def _sharing_data(plan: SharedPlan) -> dict[str, Any]:
    handover = plan.handover
    return {
        "shares": [share_data(plan, share.id) for share in plan.shares],
        "invitations": [
            {
                "invitation": one.id,
                "party": one.party,
                "membership": one.membership,
                "status": str(one.status),
                "sent": one.sent.isoformat(),
                "answered": one.answered.isoformat() if one.answered else None,
            }
            for one in plan.invitations
        ],
        "requests": [
            {
                "request": one.id,
                "party": one.party,
                "asked": one.asked.isoformat(),
                "answered": one.answered.isoformat() if one.answered else None,
                "granted": one.granted,
            }
            for one in plan.requests
        ],
        "handover": None
        if handover is None
        else {
            "handover": handover.id,
            "party": handover.party,
            "status": str(handover.status),
            "epoch": handover.epoch,
            "sent": handover.sent.isoformat(),
        },
    }


def _show_sharing(plan: SharedPlan, names: Mapping[str, Organization], language: Language) -> None:
    """Shows shares, invitations, requests and the handover of a plan, each as a line of a table."""
    from ip_fhir.cli.output import say, show

    rows = [*_share_rows(plan, names, language), *_asked_rows(plan, names, language)]
    if rows:
        say()
        show(_SHARING[language], rows)


def _share_rows(plan: SharedPlan, names: Mapping[str, Organization], language: Language) -> Iterator[tuple[str, ...]]:
    from ip_fhir.report.words.codes import day_words, word

    words = _WORDS[language]
    for share in plan.shares:
        if share.ended is not None:
            said = f"{words['ended']} {day_words(share.ended, language, year=True)}"
            said += f": {word(share.end_reason, language)}" if share.end_reason is not None else ""
        elif not share.in_step:
            said = words["out-of-step"]
        elif share.is_behind:
            said = words["not-acknowledged"].format(number=share.number)
        else:
            said = words["has"].format(number=share.number)
        since = day_words(share.began, language, year=True)
        yield share.id, words["share"], label(share.party, names), f"{words['since']} {since}", said


def _asked_rows(plan: SharedPlan, names: Mapping[str, Organization], language: Language) -> Iterator[tuple[str, ...]]:
    from ip_fhir.report.words.codes import word

    words = _WORDS[language]
    for invitation in plan.invitations:
        status = word(invitation.status, language)
        yield invitation.id, words["invitation"], label(invitation.party, names), local(invitation.sent), status
    for request in plan.requests:
        answer = {None: words["open"], True: words["granted"], False: words["refused"]}[request.granted]
        yield request.id, words["request"], label(request.party, names), local(request.asked), answer
    if (handover := plan.handover) is not None:
        status = word(handover.status, language)
        yield handover.id, words["handover"], label(handover.party, names), local(handover.sent), status


_HEADINGS: dict[Language, tuple[str, ...]] = {
    "nb": ("Id", "Vår del", "Status", "Versjon", "Deles med", "Venter", "Endret"),
    "en": ("Id", "Our part", "Status", "Version", "Shared with", "Waiting", "Changed"),
}
_SHARING: dict[Language, tuple[str, ...]] = {
    "nb": ("Id", "Hva", "Hvem", "Siden", "Tilstand"),
    "en": ("Id", "What", "Who", "Since", "State"),
}
_WORDS: dict[Language, dict[str, str]] = {
    "nb": {
        "share": "deling",
        "since": "fra",
        "ended": "avsluttet",
        "has": "har utsnitt nr. {number}",
        "not-acknowledged": "har ikke kvittert for utsnitt nr. {number}",
        "out-of-step": "ute av takt: noen må se på det, og dele på nytt",
        "invitation": "invitasjon",
        "request": "spørsmål om planen",
        "handover": "overtakelse",
        "open": "ikke besvart",
        "granted": "ja",
        "refused": "nei",
    },
    "en": {
        "share": "share",
        "since": "from",
        "ended": "ended",
        "has": "has view number {number}",
        "not-acknowledged": "has not acknowledged view number {number}",
        "out-of-step": "out of step: somebody has to look, and share again",
        "invitation": "invitation",
        "request": "question for the plan",
        "handover": "handover",
        "open": "not answered",
        "granted": "yes",
        "refused": "no",
    },
}
