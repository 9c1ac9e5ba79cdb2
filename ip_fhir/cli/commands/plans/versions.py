"""`plan save`, `history`, `diff`: the versions of a plan that this side holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ip_fhir.cli.commands.loop.case import local
from ip_fhir.cli.commands.plans.files import read_plan
from ip_fhir.cli.commands.plans.lookup import (
    Doer,
    PersonFile,
    Plan,
    PlanArgument,
    Yes,
    doer,
    found_plan,
    held_plan,
    plan_store,
)
from ip_fhir.cli.commands.plans.preview import agreed_to
from ip_fhir.cli.commands.plans.stored import show_stored
from ip_fhir.cli.given import Given
from ip_fhir.cli.options import Config, Created, File, Json, Lang, NoNames, Owner, PlanId, spoken

if TYPE_CHECKING:
    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.exchange import Exchange
    from ip_fhir.ports.plans import SavedVersion
    from ip_fhir.report.words.codes import Language


def save(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    file: File,
    config: Config,
    by: Doer,
    referral: Annotated[
        str | None,
        typer.Option("--from", metavar="REFERRAL", help="The id of the loop it comes of.", show_default=False),
    ] = None,
    created: Created = None,
    owner: Owner = None,
    care_plan: PlanId = None,
    yes: Yes = False,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Save a plan: a new one, or the next version of one that is here.

    The file is a plan (JSON) or a FHIR Bundle with one; files of plans from before plans were shared are saved as they
    are. Its version is the one that it was changed from. Saving the same again changes nothing. If somebody else has
    saved the plan since, nothing is saved: the exit code is 4, and what was changed since, and by whom, is shown.
    Every participant whose view changes gets its next one when `serve` or `work` runs. Where a participant will see
    something new, it is shown, and a yes is asked for (or --yes).
    """
    from ip_fhir.cli.files import naming
    from ip_fhir.cli.opening import opened
    from ip_fhir.errors import Conflict

    plan, who, language = read_plan(file, config, Given(created, owner, care_plan)), doer(by), spoken(lang)
    with opened(config) as exchange, naming("stdin" if file == "-" else file):
        try:
            found = exchange.forecast(plan.id, plan)
            new = {one.party for one in found.shares if one.is_shared}
            agreed_to(found, exchange.parties(), language, new, yes=yes)
            saved = exchange.save_plan(plan, by=who, referral=referral)
        except Conflict:
            _show_since(exchange, plan, language, as_json=as_json)
            raise
        show_stored(exchange, saved, as_json=as_json)


def history(
    config: Config,
    plan_id: PlanArgument = None,
    person: PersonFile = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=10_000, help="At most so many.")] = 100,
    before: Annotated[
        int | None, typer.Option("--before", min=1, help="Only versions before this one.", show_default=False)
    ] = None,
    no_names: NoNames = False,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Show the versions of a plan, newest first: when each was saved, by whom, and what it changed."""
    from ip_fhir.cli.commands.plans.views import note_read
    from ip_fhir.cli.opening import opened
    from ip_fhir.cli.output import emit, show
    from ip_fhir.report.plans.history import history_headings, history_rows

    language = spoken(lang)
    with opened(config) as exchange:
        plan, store = found_plan(exchange, plan_id, person), plan_store(exchange)
        newest = held_plan(plan).version
        numbers = [one.version for one in store.plan_versions(plan.id, limit + 1, before)]
        found = [store.plan_version(plan.id, number) for number in numbers]
        if not no_names:
            note_read(exchange, plan.id, newest, "history")
    rows = history_rows([one for one in found if one is not None], language, names=not no_names)[:limit]
    if as_json:
        data = [_version_data(one, names=not no_names) for one in found[:limit] if one is not None]
        emit([{**one, "changed": row[-1]} for one, row in zip(data, rows, strict=True)])
        return
    show(history_headings(language), rows)


def diff(
    plan_id: Plan,
    config: Config,
    first: Annotated[
        int | None, typer.Argument(metavar="[V1]", help="By default the version before V2.", show_default=False)
    ] = None,
    second: Annotated[
        int | None, typer.Argument(metavar="[V2]", help="By default the newest.", show_default=False)
    ] = None,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Show the difference of two versions of a plan in words."""
    from ip_fhir.cli.commands.plans.views import note_read
    from ip_fhir.cli.opening import opened
    from ip_fhir.cli.output import emit, say

    language = spoken(lang)
    with opened(config) as exchange:
        newest = held_plan(exchange.plan(plan_id)).version
        after = newest if second is None else second
        before = max(after - 1, 1) if first is None else first
        lines = _difference(_version(exchange, plan_id, before), _version(exchange, plan_id, after), language)
        note_read(exchange, plan_id, after, "history")
    if as_json:
        emit({"plan": plan_id, "from": before, "to": after, "difference": lines})
        return
    for line in lines or [_WORDS[language]["same"]]:
        say(line)


def _version(exchange: Exchange, plan_id: str, version: int) -> IndividualPlan:
    from ip_fhir.errors import InvalidInput

    found = plan_store(exchange).plan_version(plan_id, version)
    if found is None:
        raise InvalidInput.at(f"version {version}", "is not here: there was none, or it was purged", "not-found")
    return found.plan


def _difference(before: IndividualPlan, after: IndividualPlan, language: Language) -> list[str]:
    from ip_fhir.report.plan_difference import plan_difference

    return list(plan_difference(before, after, language))


def _show_since(exchange: Exchange, plan: IndividualPlan, language: Language, *, as_json: bool) -> None:
    """Shows which versions were saved after the one that a plan was changed from, by whom, and what they changed."""
    from ip_fhir.cli.output import emit, say, show
    from ip_fhir.report.plans.history import history_headings

    store = plan_store(exchange)
    since = [one for one in store.plan_versions(plan.id) if one.version > plan.version]
    base = store.plan_version(plan.id, plan.version)
    now = store.shared_plan(plan.id)
    lines: list[str] = []
    if base is not None and now is not None and now.plan.plan is not None:
        lines = _difference(base.plan, now.plan.plan, language)
    if as_json:
        emit({"plan": plan.id, "since": [_version_data(one, names=True) for one in since], "difference": lines})
        return
    say(_WORDS[language]["since"].format(version=plan.version))
    show(history_headings(language)[:3], [_version_row(one, names=True) for one in since])
    for line in lines:
        say(f"  {line}")


def _version_row(one: SavedVersion, *, names: bool) -> tuple[str, str, str]:
    who = one.by.name if one.by is not None and names else ""
    return str(one.version), local(one.saved), who


def _version_data(one: SavedVersion, *, names: bool) -> dict[str, Any]:
    return {
        "version": one.version,
        "saved": one.saved.isoformat(),
        "by": one.by.to_data() if one.by is not None and names else None,
        "digest": one.digest,
    }


_WORDS: dict[Language, dict[str, str]] = {
    "nb": {
        "since": "Planen er lagret av andre siden versjon {version}. Dette er endret:",
        "same": "ingen forskjell",
    },
    "en": {
        "since": "The plan was saved by others since version {version}. This has changed:",
        "same": "no difference",
    },
}
