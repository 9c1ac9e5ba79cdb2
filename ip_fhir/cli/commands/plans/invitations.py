"""`plan invite`, `hand-over`, `ask` and the answers to them: what one party asks of another about a plan."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ip_fhir.cli.commands.plans.lookup import Doer, Plan, Reason, doer
from ip_fhir.cli.commands.plans.shares import Party
from ip_fhir.cli.commands.plans.stored import show_stored
from ip_fhir.cli.options import Config, Json

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Protocol

    from ip_fhir.domain.referral import Author
    from ip_fhir.domain.sharing.case import SharedPlan
    from ip_fhir.exchange import Exchange

    class Answering(Protocol):
        """A verb of the exchange that answers what a party asks."""

        def __call__(self, ident: str, accepts: bool, /, *, by: Author, reason: str | None) -> SharedPlan:
            """Answer, and return the plan after it."""
            ...


class Answer(StrEnum):
    """The two answers to whatever a party asks."""

    YES = "yes"
    NO = "no"


Given = Annotated[Answer, typer.Argument(help="The answer.", show_default=False)]


def _shown(metavar: str) -> Any:
    """The argument for an id that another command shows."""
    return typer.Argument(metavar=metavar, help="As `plan shares` shows it.", show_default=False)


InvitationId = Annotated[str, _shown("INVITATION-ID")]
HandoverId = Annotated[str, _shown("HANDOVER-ID")]
RequestId = Annotated[str, _shown("REQUEST-ID")]


def invite(
    plan_id: Plan,
    membership: Annotated[
        str,
        typer.Argument(
            metavar="MEMBERSHIP-ID", help="A membership of the plan's team that is proposed.", show_default=False
        ),
    ],
    config: Config,
    by: Doer,
    as_json: Json = False,
) -> None:
    """Invite the party of a proposed membership to take part. Nobody is a member before they accept.

    They are asked once more if they do not answer within the agreement's days, and then our people are told.
    """
    _ask(config, plan_id, lambda exchange: exchange.invite(plan_id, membership, by=doer(by)), as_json=as_json)


def answer_invitation(
    invitation: InvitationId, answer: Given, config: Config, by: Doer, reason: Reason = None, as_json: Json = False
) -> None:
    """Accept or decline an invitation to take part in a plan."""
    _answer(config, invitation, lambda exchange: exchange.answer_invitation, (answer, by, reason), as_json=as_json)


def hand_over(
    plan_id: Plan, party: Party, config: Config, by: Doer, reason: Reason = None, as_json: Json = False
) -> None:
    """Offer a plan to another holder, as when the person moves.

    It goes with its shares and undecided changes, if the person consents to all of it for them. Until they accept it
    stays ours; then every participant goes on with the new holder.
    """
    _ask(
        config,
        plan_id,
        lambda exchange: exchange.hand_over(plan_id, party, by=doer(by), reason=reason),
        as_json=as_json,
    )


def answer_handover(
    handover: HandoverId, answer: Given, config: Config, by: Doer, reason: Reason = None, as_json: Json = False
) -> None:
    """Take over a plan that is offered to us, or decline it. No to an offer of our own takes it back."""
    _answer(config, handover, lambda exchange: exchange.answer_handover, (answer, by, reason), as_json=as_json)


def ask(
    party: Party,
    config: Config,
    by: Doer,
    owner: Annotated[
        str,
        typer.Option(
            "--owner",
            metavar="FILE",
            help="The person: a FHIR Patient, or a plan's owner (JSON), with a number.",
            show_default=False,
        ),
    ],
    reason: Reason = None,
    as_json: Json = False,
) -> None:
    """Ask a party for the plan about a person.

    Whoever takes part in the plan, or has an open loop about the person, may ask. The answer is the plan; a no is not
    told, and whether there is a plan is not told either: our people are told when the agreement's days have passed.
    """
    from ip_fhir.cli.given import read_owner
    from ip_fhir.mapping import default

    whom = read_owner(owner, default())
    who = doer(by)
    _ask(config, party, lambda exchange: exchange.ask_for_plan(whom, party, by=who, reason=reason), as_json=as_json)


def answer_request(
    request: RequestId, answer: Given, config: Config, by: Doer, reason: Reason = None, as_json: Json = False
) -> None:
    """Grant or refuse a party's question for a plan. Granted, a share begins; a no is not told."""
    _answer(config, request, lambda exchange: exchange.answer_request, (answer, by, reason), as_json=as_json)


def _answer(
    config: Path,
    ident: str,
    verb: Callable[[Exchange], Answering],
    given: tuple[Answer, str, str | None],
    *,
    as_json: bool,
) -> None:
    """Give the answer, by whom and for which reason, to what has this id."""
    answer, by, reason = given
    who = doer(by)
    _ask(
        config,
        ident,
        lambda exchange: verb(exchange)(ident, answer is Answer.YES, by=who, reason=reason),
        as_json=as_json,
    )


def _ask(config: Path, name: str, do: Callable[[Exchange], SharedPlan], *, as_json: bool) -> None:
    from ip_fhir.cli.files import naming
    from ip_fhir.cli.opening import opened

    with opened(config) as exchange, naming(name):
        show_stored(exchange, do(exchange), as_json=as_json)
