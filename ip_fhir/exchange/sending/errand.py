"""The errand of a row that leaves: whom it goes to, if it may, and its message; worked out anew for each attempt."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from ip_fhir.domain.consent.permission import Refused
from ip_fhir.domain.consent.release import awaits_yes, is_strict
from ip_fhir.domain.loop import message_of
from ip_fhir.domain.loop.consent_gate import may_send
from ip_fhir.domain.values.aggregate import REFERRAL
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.plans.outbound import PlanErrand

if TYPE_CHECKING:
    from datetime import datetime

    from ip_fhir.domain.agreement import Agreement
    from ip_fhir.domain.message import Message
    from ip_fhir.domain.people import PlanOwner
    from ip_fhir.domain.referral import Referral
    from ip_fhir.domain.sharing.messages import PlanMessage
    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.peers import Peer
    from ip_fhir.ports import OutboxRow, Transaction


class Errand(Protocol):
    """A row and all that decides its sending, as the store has it at this moment."""

    @property
    def peer(self) -> Peer:
        """The party that it goes to."""
        ...

    @property
    def about(self) -> str:
        """The id, on the wire, of the loop or plan."""
        ...

    @property
    def agreement(self) -> Agreement:
        """The agreement with that party."""
        ...

    @property
    def owner(self) -> PlanOwner | None:
        """The person of a referral; None for a plan, whose messages say themselves whom they name."""
        ...

    @property
    def is_strict(self) -> bool:
        """True if somebody whom it is about has a strictly confidential address."""
        ...

    @property
    def withheld_from(self) -> tuple[str, ...]:
        """The other parties that read the server on its way and may not see it, or of whom nobody can tell."""
        ...

    @property
    def awaits_readers(self) -> bool:
        """True if it waits until settings say who reads the server on its way."""
        ...

    def close(self, now: datetime) -> bool:
        """Close the row if it must not leave now (UTC). True if it was closed."""
        ...

    def awaits_yes(self, tx: Transaction) -> bool:
        """True if a person must let it go first, by what the transaction reads."""
        ...

    def message(self, now: datetime) -> Message | PlanMessage:
        """The message, as it is made now (UTC)."""
        ...


def errand_of(context: Context, row: OutboxRow) -> Errand:
    """Return the errand of a row. Raises `InvalidInput` if what it is about or its receiver is not known."""
    if row.aggregate_kind != REFERRAL:
        return PlanErrand.of(context, row)
    stored = context.store.referral(row.correlation_id)
    if stored is None:
        raise InvalidInput.at("outbox", "the row's referral is not in the store", "not-found")
    peer = context.peer_of(stored.referral, row.effect)
    return ReferralErrand(context, row, stored.referral, peer)


@dataclass(frozen=True, slots=True)
class ReferralErrand:
    """The errand of a row about a referral."""

    context: Context
    row: OutboxRow
    referral: Referral
    peer: Peer

    @property
    def about(self) -> str:
        """The correlation id of the notice; the row's is our own key."""
        return self.referral.notice.correlation_id

    @property
    def agreement(self) -> Agreement:
        """The agreement between hospital and municipality."""
        return self.context.agreement(self.referral)

    @property
    def owner(self) -> PlanOwner:
        """The person of the notice."""
        return self.referral.notice.owner

    @property
    def is_strict(self) -> bool:
        """True if an address in the notice is strictly confidential."""
        return is_strict(self.referral)

    @property
    def withheld_from(self) -> tuple[str, ...]:
        """The readers of the server on its way that this loop does not concern."""
        concerned = self.context.parties_of(self.referral) if self.peer.readers else frozenset()
        return tuple(party for party in self.peer.readers if party not in concerned)

    @property
    def awaits_readers(self) -> bool:
        """False: whom a notice goes to is said in it, and agreed with the person."""
        return False

    def close(self, now: datetime) -> bool:
        """Close the row if consent does not let it go."""
        verdict = may_send(self.referral, self.row.effect, self.agreement, now)
        if not isinstance(verdict, Refused):
            return False
        self.context.store.refused(self.row.id, f"{verdict.rule}: {verdict.reason}")
        return True

    def awaits_yes(self, tx: Transaction) -> bool:
        """True if an address in the notice is strictly confidential, and nobody has let this message go."""
        before = tx.load(self.row.correlation_id)
        return before is not None and awaits_yes(before.referral, self.row.effect)

    def message(self, now: datetime) -> Message:
        """The message to the other party."""
        at = max(now, self.referral.changed)  # the clock may have been turned back: see `commit.not_before`
        return message_of(self.referral, self.row.effect, at, self.agreement)
