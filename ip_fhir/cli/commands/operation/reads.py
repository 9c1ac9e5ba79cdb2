"""`reads list`, `reads counts`: who was shown what by the endpoint, and how often nothing new was found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from ip_fhir.cli.options import Config, Json

if TYPE_CHECKING:
    from ip_fhir.ports.readings import Reading

app = typer.Typer(help="Who was shown what: the log of reads.", rich_markup_mode=None)

Most = Annotated[int, typer.Option("--limit", min=1, max=100_000, help="At most so many.")]


@app.command("list")
def list_(
    config: Config,
    of: Annotated[
        str | None, typer.Option("--of", metavar="CORRELATION-ID", help="Only of this loop.", show_default=False)
    ] = None,
    plan: Annotated[
        str | None, typer.Option("--plan", metavar="PLAN-ID", help="Only of this plan.", show_default=False)
    ] = None,
    limit: Most = 100,
    as_json: Json = False,
) -> None:
    """List what other parties were shown of loops and plans, latest first.

    Time, party and its client, interaction, resource and version, and the ground: that the party takes part in the
    loop, its share of the plan, or that it was refused. Of a search the names of its criteria, not their values.
    """
    from ip_fhir.cli.opening import opened_store
    from ip_fhir.cli.output import emit, say, show
    from ip_fhir.domain.values.aggregate import Aggregate
    from ip_fhir.errors import InvalidInput

    if of is not None and plan is not None:
        raise InvalidInput.at("--plan", "not together with --of", "structure")
    about = Aggregate.of_plan(plan) if plan is not None else None if of is None else Aggregate.of_referral(of)
    with opened_store(config) as store:
        found = store.readings(about, limit)
    if as_json:
        emit([_data(one) for one in found])
    elif not found:
        say("nobody was shown anything")
    else:
        show(("When (UTC)", "Who", "How", "What", "Of", "Ground"), [_row(one) for one in found])


@app.command("counts")
def counts(config: Config, limit: Most = 100, as_json: Json = False) -> None:
    """Count requests that were not listed, by party and hour.

    They showed only what the same search had shown within the hour (nothing-new), or nothing (nothing-found).
    """
    from ip_fhir.cli.opening import opened_store
    from ip_fhir.cli.output import emit, say, show

    with opened_store(config) as store:
        found = store.reading_counts(limit)
    if as_json:
        names = ("party", "outcome", "times")
        emit([{"hour": one.hour.isoformat(), **{name: getattr(one, name) for name in names}} for one in found])
    elif not found:
        say("nothing was counted")
    else:
        rows = [(f"{one.hour:%Y-%m-%d %H}", one.party, one.outcome, str(one.times)) for one in found]
        show(("Hour (UTC)", "Who", "Outcome", "Times"), rows)


def _row(one: Reading) -> tuple[str, ...]:
    way = f"{one.way} by {', '.join(one.criteria)}" if one.criteria else one.way
    what = f"{one.type}/{one.id} version {one.version}"
    who = f"{one.party} ({one.client})" if one.client else one.party
    return (f"{one.at:%Y-%m-%d %H:%M:%S}", who, way, what, one.aggregate.id, one.ground)


def _data(one: Reading) -> dict[str, Any]:
    return {
        "number": one.number,
        "at": one.at.isoformat(),
        "party": one.party,
        "client": one.client or None,
        "way": one.way,
        "criteria": list(one.criteria),
        "resource": f"{one.type}/{one.id}",
        "version": one.version,
        "of": one.aggregate.to_data(),
        "ground": one.ground,
    }
