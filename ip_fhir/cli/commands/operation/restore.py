"""`db restore`: what must be said to other parties after a backup of the store was put back."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated

import typer

from ip_fhir.cli.options import Config, Json, author

if TYPE_CHECKING:
    from collections.abc import Collection

    from ip_fhir.domain.referral import Author
    from ip_fhir.domain.sharing.case import SharedPlan
    from ip_fhir.exchange import Exchange


def restore(
    config: Config,
    by: Annotated[
        str, typer.Option("--by", metavar='"ID NAME"', help="Who does it; kept as evidence.", show_default=False)
    ],
    without: Annotated[
        list[str] | None,
        typer.Option(
            "--without",
            metavar="PARTY",
            help="Go on without its answer: it cannot be asked, and a person decided so; may be repeated.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Mark the store after a backup of it was put back, before `serve` and `work` are started again.

    What was sent after the backup was made is not in it. So every party with which we share a plan is asked which view
    it holds, and until it has said so nothing goes to it but withdrawals; numbers go on above the highest, and who is
    ahead of us is shown to a person, who shares the plan again. Those that share plans with us are told what we hold,
    and send the newest. Done again, it asks again.
    """
    from ip_fhir.cli.opening import opened
    from ip_fhir.cli.output import counted, emit, say
    from ip_fhir.errors import InvalidInput

    who = author(by)
    assert who is not None  # noqa: S101 - only no text gives nobody
    skipped = set(without or ())
    asked: Counter[str] = Counter()
    sides: Counter[str] = Counter()
    went_on = 0
    with opened(config) as exchange:
        if unknown := skipped - set(exchange.parties()):
            raise InvalidInput.at(
                "--without", f"{min(unknown)} is none of {', '.join(exchange.parties())}", "not-found"
            )
        for plan in counted(exchange.restore(by=who), "plans"):
            sides[str(plan.side)] += 1
            waiting = [share.party for share in plan.shares if not share.in_step]
            asked.update(set(waiting) - skipped)
            went_on += _go_on(exchange, plan, skipped, who)
    if as_json:
        emit({"plans": dict(sides), "asked": dict(asked), "without": went_on})
    else:
        _say(sides, asked)
        if skipped:
            say(f"  {went_on} shares go on without an answer")


def _say(sides: Counter[str], asked: Counter[str]) -> None:
    from ip_fhir.cli.output import say

    say(f"marked: {sides['holder']} plans that we hold, {sides['participant']} that are shared with us")
    for party, number in sorted(asked.items()):
        say(f"  {party}: asked which views it holds, of {number} plans; nothing else goes to it before it has said so")


def _go_on(exchange: Exchange, plan: SharedPlan, skipped: Collection[str], who: Author) -> int:
    """Shares a plan again with the parties that cannot be asked, and returns how many shares that were."""
    parties = {share.party for share in plan.shares if share.goes_on and not share.in_step} & set(skipped)
    for party in sorted(parties):
        exchange.share(plan.id, party, by=who)
    return len(parties)
