"""The plan that a command is about: by its id, or by the person's number, which is in no argument and no error."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from ip_fhir.cli.options import author

if TYPE_CHECKING:
    from datetime import date

    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.referral import Author
    from ip_fhir.domain.sharing.case import SharedPlan
    from ip_fhir.domain.values.ids import PersonId
    from ip_fhir.exchange import Exchange
    from ip_fhir.ports.plans import NameKind, PlanStore

PlanArgument: TypeAlias = Annotated[
    str | None, typer.Argument(metavar="[PLAN-ID]", help="As `plan list` shows it.", show_default=False)
]
Plan: TypeAlias = Annotated[str, typer.Argument(metavar="PLAN-ID", help="As `plan list` shows it.", show_default=False)]
PersonFile: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--person",
        metavar="FILE",
        help="Instead of the id: a file with the person's number, or - for stdin (on a terminal it is asked for).",
        show_default=False,
    ),
]
Doer: TypeAlias = Annotated[
    str, typer.Option("--by", metavar='"ID NAME"', help="Who does it; kept as evidence, never sent.")
]
Yes: TypeAlias = Annotated[
    bool, typer.Option("--yes", help="Do it without asking, although a participant will see something new.")
]
Reason: TypeAlias = Annotated[str | None, typer.Option("--reason", help="The reason, in words.", show_default=False)]

_MOST_BYTES = 1000


def doer(text: str) -> Author:
    """Returns the person that `--by` names. Raises `InvalidInput` for anything but an id, a blank and a name."""
    who = author(text)
    assert who is not None  # noqa: S101 - only no text gives nobody
    return who


def plan_store(exchange: Exchange) -> PlanStore:
    """Returns the store as one that keeps plans. Raises `InvalidInput` if it keeps loops only."""
    from ip_fhir.errors import InvalidInput
    from ip_fhir.ports.plans import keeps_plans

    if not keeps_plans(exchange.store):
        raise InvalidInput.at("store", "keeps loops only, and no plans", "not-supported")
    return exchange.store


def found_plan(exchange: Exchange, plan_id: str | None, person: str | None) -> SharedPlan:
    """Returns the plan of this id, or the one plan about the person whose number is in a file.

    Raises `InvalidInput` if neither or both are given, there is no such plan, or the person has several.
    """
    from ip_fhir.errors import InvalidInput

    if (plan_id is None) == (person is None):
        raise InvalidInput.at("PLAN-ID", "name one plan: its id, or --person", "required")
    if plan_id is not None:
        return exchange.plan(plan_id)
    about = exchange.plan_of(_number(person or "-"))
    found = [plan for plan in about if not plan.over] or about
    if not found:
        raise InvalidInput.at("--person", "no plan here is about this person", "not-found")
    if len(found) > 1:
        idents = ", ".join(plan.id for plan in found)
        raise InvalidInput.at("--person", f"several plans are about this person: {idents}", "multiple-matches")
    return found[0]


def named_plan(exchange: Exchange, kind: NameKind, ident: str) -> SharedPlan:
    """Returns the plan that has a change, share, invitation, request or handover of this id. Raises `InvalidInput`."""
    from ip_fhir.errors import InvalidInput

    with plan_store(exchange).begin() as tx:
        found = tx.plan_named(kind, ident)
    if found is None:
        raise InvalidInput.at(ident, f"there is no {kind} of this id here", "not-found")
    return exchange.plan(found)


def held_plan(plan: SharedPlan) -> IndividualPlan:
    """Returns the newest version of a plan that this side holds. Raises `InvalidInput` if another side holds it."""
    from ip_fhir.errors import InvalidInput

    if plan.plan is None:
        reason = f"{plan.holder or 'another side'} holds it: here is what it shares with us"
        raise InvalidInput.at(plan.id, reason, "business-rule")
    return plan.plan


def today(exchange: Exchange) -> date:
    """Returns the present day in Norway, by the side's clock."""
    from ip_fhir.domain.values.calendar import local_day

    return local_day(exchange.now())


def _number(file: str) -> PersonId:
    """Reads a person's number from a file, from stdin (`-`), or from whoever sits at the terminal."""
    from ip_fhir.cli.files import read_file
    from ip_fhir.domain.values.ids import PersonId
    from ip_fhir.errors import InvalidInput

    if file == "-" and sys.stdin.isatty():
        text = typer.prompt("Person's number", hide_input=True, err=True)
    else:
        content = read_file(file)
        text = content.data[:_MOST_BYTES].decode("utf-8", "replace")
    try:
        return PersonId("".join(text.split()))
    except InvalidInput as error:
        raise InvalidInput.at("--person", error.problems[0].reason, "value") from None
