"""The views of `plan show`: the plan, a participant's view of it, or that of somebody with a mandate."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from ip_fhir.cli.commands.plans.lookup import held_plan

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date

    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.sharing.case import SharedPlan
    from ip_fhir.domain.sharing.view import PlanView
    from ip_fhir.exchange import Exchange
    from ip_fhir.ports.readings import ReadingWay
    from ip_fhir.report.words.codes import Language


@dataclass(frozen=True, slots=True)
class WholePlan:
    """The plan, or what of it somebody with a mandate sees."""

    plan: IndividualPlan
    way: ClassVar[ReadingWay] = "read"

    @property
    def number(self) -> int:
        """The version, for the log of reads."""
        return self.plan.version

    def lines(self, language: Language, on: date) -> Iterator[str]:
        """Yields it in words."""
        from ip_fhir.report.plans.plan import plan_lines

        return plan_lines(self.plan, language, on)

    def to_data(self) -> dict[str, Any]:
        """Returns it as `plan save` reads it."""
        return self.plan.to_data()


@dataclass(frozen=True, slots=True)
class OneView:
    """A view; after its last day only its terms are shown."""

    view: PlanView
    on: date
    way: ClassVar[ReadingWay] = "view"

    @property
    def number(self) -> int:
        """The number of the view, for the log of reads."""
        return self.view.number

    def lines(self, language: Language, on: date) -> Iterator[str]:
        """Yields it in words."""
        from ip_fhir.report.plans.view import view_lines

        return view_lines(self.view, language, on)

    def to_data(self) -> dict[str, Any]:
        """Returns it as `plan change` reads it."""
        data = self.view.to_data()
        if self.view.holds_until is not None and self.view.holds_until < self.on:
            del data["plan"]
        return data


def note_reads(exchange: Exchange, plan_id: str, contents: Sequence[WholePlan | OneView]) -> None:
    """Records that whoever runs the command is about to be shown a plan, or views of it."""
    for content in contents:
        note_read(exchange, plan_id, content.number, content.way)


def note_read(exchange: Exchange, plan_id: str, number: int, way: ReadingWay) -> None:
    """Records that whoever runs the command is about to be shown a plan, or its history, by the name of their account.

    `number` is that of the version or the view; 0 where another side holds the plan.
    """
    import getpass

    from ip_fhir.domain.referral import Author

    try:
        account = getpass.getuser()
    except (OSError, KeyError):  # an account without a name, as in a container
        account = "unknown"
    exchange.note_read(plan_id, number, Author(id=account, name=account), way)


def shown(plan: SharedPlan, on: date) -> list[WholePlan | OneView]:
    """Returns the plan that this side holds, or the views that it was sent and that were not withdrawn."""
    if plan.plan is not None:
        return [WholePlan(plan.plan)]
    return [OneView(copy.view, on) for copy in plan.copies if copy.view is not None]


def seen_as(exchange: Exchange, plan: SharedPlan, who: str, on: date) -> list[WholePlan | OneView]:
    """Returns what a party of the settings sees, or somebody whom the plan names by this id.

    A party with which the plan is not shared: what it would see, which is told on stderr. Raises `InvalidInput` if
    another side holds the plan, or nobody is called so.
    """
    held_plan(plan)
    found = exchange.seen_as(plan, who)
    if found.plan is not None:
        return [WholePlan(found.plan)]
    if not found.is_shared:
        sys.stderr.write("ip-fhir: warning: the plan is not shared with it: this is what it would see\n")
    return [OneView(view, on) for view in found.views]
