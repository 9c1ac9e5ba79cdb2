"""The way out of a message about a plan: made anew before each attempt, so that nothing that was closed leaves.

Before a view is sent, the plan's clocks are applied: the day may have turned since the row was made. A row whose view
is no longer the newest of its share is closed as superseded; the newest has a row of its own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ip_fhir.domain.consent.protection import is_strictly_confidential
from ip_fhir.domain.parties import OURS
from ip_fhir.domain.sharing.case import PlanSide
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.sharing.letters import Letter
from ip_fhir.domain.sharing.life.numbers import is_to_leave
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.formats import LeavingWriter
from ip_fhir.exchange.plans.commit import IN_ITS_PLACE, OF_A_SHARE
from ip_fhir.exchange.plans.due import up_to_date
from ip_fhir.exchange.plans.views import acknowledged_view
from ip_fhir.ports.plans import keeps_plans, writes_plans

if TYPE_CHECKING:
    from datetime import datetime

    from ip_fhir.domain.agreement import Agreement
    from ip_fhir.domain.sharing.case import SharedPlan
    from ip_fhir.domain.sharing.messages import PlanMessage
    from ip_fhir.domain.sharing.view import PlanView
    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.peers import Peer
    from ip_fhir.ports import OutboxRow, Transaction
    from ip_fhir.ports.plans import PlanStore

_OFFERS: Final = (PlanMessageKind.INVITATION, PlanMessageKind.HANDOVER)
_ENDED: Final = "it was taken back or is answered, or the plan has come back"
_WHILE_NEWEST: Final = (*OF_A_SHARE, *_OFFERS, PlanMessageKind.PLAN_GONE)
_NUMBERS_ONLY: Final = (
    *(PlanMessageKind.PLAN_WITHDRAWN, PlanMessageKind.PLAN_GONE),
    *(PlanMessageKind.PLAN_STATE_REQUEST, PlanMessageKind.PLAN_STATE),
)
_NEVER_WAITS: Final = (PlanMessageKind.PLAN_WITHDRAWN, PlanMessageKind.PLAN_GONE)


@dataclass(slots=True)
class PlanErrand:
    """The errand of a row about a plan; `plan` is as it was loaded last."""

    context: Context
    store: PlanStore
    row: OutboxRow
    plan: SharedPlan
    peer: Peer

    @classmethod
    def of(cls, context: Context, row: OutboxRow) -> PlanErrand:
        """Load the plan. Raises `InvalidInput` if it, or the party that the row goes to, is not known."""
        store = context.store
        if not keeps_plans(store):
            raise InvalidInput.at("outbox", "this side keeps no plans", "not-supported")
        stored = store.shared_plan(row.correlation_id)
        if stored is None:
            raise _not_here()
        return cls(context, store, row, stored.plan, context.peers.party(row.effect.party or ""))

    @property
    def about(self) -> str:
        """The id of the plan."""
        return self.plan.id

    @property
    def agreement(self) -> Agreement:
        """The agreement with the party."""
        return self.context.agreement_between_us_and(self.peer.name)

    @property
    def owner(self) -> None:
        """None: a message about a plan says itself whom it names."""

    @property
    def is_strict(self) -> bool:
        """True if an address in the plan is strictly confidential."""
        return _is_strict(self.plan)

    @property
    def withheld_from(self) -> tuple[str, ...]:
        """The other readers of the server on its way, for all but a view, which is cut to what they may see, too.

        A message of ids and numbers alone is withheld from nobody, nor is an answer to a change without words.
        """
        is_cut = self.row.effect.plan_message is PlanMessageKind.PLAN
        return () if is_cut or not self.peer.readers or self._is_for_anybody else self.peer.readers

    @property
    def awaits_readers(self) -> bool:
        """True if it waits until settings say who reads the server on its way: not what is withheld from nobody."""
        return not self.peer.readers_known and not self._is_for_anybody

    @property
    def _is_for_anybody(self) -> bool:
        return self.row.effect.plan_message in _NUMBERS_ONLY or self._is_wordless_answer

    @property
    def _is_wordless_answer(self) -> bool:
        effect = self.row.effect
        if effect.plan_message is not PlanMessageKind.PLAN_CHANGE_ANSWER or effect.text is not None:
            return False
        decisions = [one for kept in self.plan.changes if kept.change.id == effect.about for one in kept.decisions]
        return all(one.reason is None for one in decisions)

    def close(self, now: datetime) -> bool:
        """Close the row if it is not to leave any more: see `numbers.is_to_leave`."""
        effect = self.row.effect
        if effect.plan_message not in _WHILE_NEWEST or self.plan.side is not PlanSide.HOLDER:
            return False
        plan = up_to_date(self.context, self.store, self.plan, now)
        if plan is None:
            raise _not_here()
        self.plan = plan
        if is_to_leave(self.plan, effect):
            return False
        with self.store.begin() as tx:
            tx.supersede_row(self.row.id, IN_ITS_PLACE if effect.plan_message in OF_A_SHARE else _ENDED)
        return True

    def awaits_yes(self, tx: Transaction) -> bool:
        """True if an address in the plan is strictly confidential, and nobody has let this message go."""
        before = tx.load_plan(self.plan.id) if writes_plans(tx) else None
        return before is not None and awaits_yes(before.plan, self.row)

    def message(self, now: datetime) -> PlanMessage:
        """The message to the party; a view as it is on the Norwegian day."""
        sent = max(now, self.plan.changed)  # the clock may have been turned back
        enterprises = self.context.enterprises()
        letter = Letter(self.plan, self.row.effect, sent, enterprises, self._before())
        return letter.message(enterprises[OURS], enterprises[self.peer.name])

    def _before(self) -> PlanView | None:
        """The last view that the party acknowledged; None where its format does not say what left since then."""
        effect = self.row.effect
        if effect.plan_message is not PlanMessageKind.PLAN:
            return None
        writer = self.context.formats.writer(self.peer.adapter.format, self.peer.lines)
        share = self.plan.share(effect.about or "")
        if share is None or not isinstance(writer, LeavingWriter):
            return None
        found = acknowledged_view(self.store, share)
        return None if found is None else found[0]


def awaits_yes(plan: SharedPlan, row: OutboxRow) -> bool:
    """True if an address in the plan is strictly confidential, and nobody has let the message of this row go."""
    return _is_strict(plan) and row.effect.plan_message not in _NEVER_WAITS and row.id not in plan.released


def _is_strict(plan: SharedPlan) -> bool:
    return plan.plan is not None and is_strictly_confidential(plan.plan)


def _not_here() -> InvalidInput:
    return InvalidInput.at("outbox", "the row's plan is not in the store", "not-found")
