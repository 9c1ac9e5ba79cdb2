"""`plan share`, `end`, `release`: who gets a view of a plan, and who no longer."""

from __future__ import annotations

from typing import Annotated

import typer

from ip_fhir.cli.commands.plans.lookup import Doer, Plan, Reason, Yes, doer
from ip_fhir.cli.commands.plans.preview import agreed_to
from ip_fhir.cli.commands.plans.stored import show_stored
from ip_fhir.cli.completing import peer_names
from ip_fhir.cli.options import Config, Json, Lang, Released, parts, spoken

Party = Annotated[
    str,
    typer.Argument(metavar="PARTY", help="Its name in the settings.", show_default=False, autocompletion=peer_names),
]
ShareId = Annotated[str, typer.Argument(metavar="SHARE-ID", help="As `plan shares` shows it.", show_default=False)]


def share(  # noqa: PLR0913, PLR0917 - each is an option of the command line
    plan_id: Plan,
    party: Party,
    config: Config,
    by: Doer,
    member: Annotated[
        str | None,
        typer.Option(
            "--member",
            metavar="PERSON-ID",
            help="Only this person of the party, by the id in the plan, where it keeps its people apart.",
            show_default=False,
        ),
    ] = None,
    release: Released = None,
    yes: Yes = False,
    as_json: Json = False,
    lang: Lang = None,
) -> None:
    """Begin to share a plan with a party: it gets its view when `serve` or `work` runs.

    What it will see is shown first, and a yes is asked for (or --yes). A share that had ended begins again with the
    same ids; one that goes on is sent again, and one that was out of step goes on with a higher number. Exit code 5 if
    no consent opens anything to the party.
    """
    from ip_fhir.cli.files import naming
    from ip_fhir.cli.opening import opened

    who, language = doer(by), spoken(lang)
    with opened(config) as exchange, naming(plan_id):
        found = exchange.forecast(plan_id, begin=[party])
        agreed_to(found, exchange.parties(), language, [party], yes=yes)
        after = exchange.share(plan_id, party, by=who, person=member, released=parts(release))
        show_stored(exchange, after, as_json=as_json)


def end(share_id: ShareId, config: Config, by: Doer, reason: Reason = None, as_json: Json = False) -> None:
    """End a share: its participant is told to stop using the plan.

    `plan end` ends the sharing with one participant, never the plan: that ends by its status, with `plan save`.
    """
    from ip_fhir.cli.files import naming
    from ip_fhir.cli.opening import opened

    who = doer(by)
    with opened(config) as exchange, naming(share_id):
        show_stored(exchange, exchange.end_share(share_id, by=who, reason=reason), as_json=as_json)


def release(share_id: ShareId, config: Config, by: Doer, release: Released = None, as_json: Json = False) -> None:
    """Say which parts of a protected address go to one participant: those of --release, and no others."""
    from ip_fhir.cli.files import naming
    from ip_fhir.cli.opening import opened

    who = doer(by)
    with opened(config) as exchange, naming(share_id):
        show_stored(exchange, exchange.release(share_id, parts(release), by=who), as_json=as_json)
