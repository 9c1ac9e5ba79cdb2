"""The views of `plan show`: the plan, a participant's view of it, or that of somebody with a mandate."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ip_fhir.cli.commands.plans.lookup import held_plan

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import date

    from ip_fhir.domain.plan import IndividualPlan
    from ip_fhir.domain.sharing.case import SharedPlan
    from ip_fhir.domain.sharing.view import PlanView
    from ip_fhir.exchange import Exchange
    from ip_fhir.report.words.codes import Language


@dataclass(frozen=True, slots=True)
class WholePlan:
    """The plan, or what of it somebody with a mandate sees."""

    plan: IndividualPlan

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
    from ip_fhir.domain.sharing.lens.representatives import representative_view
    from ip_fhir.domain.sharing.see import see
    from ip_fhir.errors import InvalidInput

    content = held_plan(plan)
    if who == content.owner.id:
        return [WholePlan(content)]
    if any(person.id == who for person in content.related_persons):
        return [WholePlan(representative_view(content, who, on, exchange.ages))]
    if who not in exchange.parties():
        reason = f"is one of {', '.join(exchange.parties())}, or the id of the person or a relative in the plan"
        raise InvalidInput.at("--as", reason, "not-found")
    shares = [share for share in plan.shares if share.party == who and share.goes_on]
    return [OneView(see(content, share, on), on) for share in shares] or _would_see(exchange, plan, who, on)


def _would_see(exchange: Exchange, plan: SharedPlan, party: str, on: date) -> list[WholePlan | OneView]:
    from ip_fhir.errors import InvalidInput

    found = [one for one in exchange.forecast(plan.id, begin=[party]).shares if one.party == party]
    if refused := next((one.refusal for one in found if one.refusal is not None), None):
        raise refused
    if not found:
        raise InvalidInput.at("--as", "nobody of it takes part in the plan today", "business-rule")
    sys.stderr.write("ip-fhir: warning: the plan is not shared with it: this is what it would see\n")
    return [OneView(one.view, on) for one in found if one.view is not None]
