"""Messages about persons with a strictly confidential address: each is held until a person of ours lets it go.

Consent, protection and hold are looked at before each attempt, so that a row which becomes due again in whatever way is
held again. Row, worklist item and evidence change in one commit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import NAMESPACE_URL, uuid4, uuid5

from ip_fhir.domain.consent.release import awaits_yes, let_go, release
from ip_fhir.domain.effects import Effect, EffectKind, Reason
from ip_fhir.domain.loop.content import left_out
from ip_fhir.domain.referral import EventKind
from ip_fhir.domain.sharing.events import PlanEventKind
from ip_fhir.domain.values.aggregate import PLAN
from ip_fhir.errors import InvalidInput
from ip_fhir.exchange.commit import again_on_conflict, not_before, tell_our_people, write
from ip_fhir.exchange.plans.commit import announce
from ip_fhir.exchange.plans.release import let_message_go
from ip_fhir.exchange.receipts import conclude
from ip_fhir.ports.capabilities import holds_rows, writes_worklist

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime

    from ip_fhir.domain.consent.protection import LocatingPart
    from ip_fhir.domain.referral import Author, Referral
    from ip_fhir.domain.sharing.case import SharedPlan
    from ip_fhir.exchange.context import Context
    from ip_fhir.exchange.sending.errand import Errand
    from ip_fhir.exchange.sending.run_counts import PlanChange
    from ip_fhir.ports import OutboxRow, Stored, Transaction

HELD: Final = "awaits a person's yes: an address is strictly confidential"
"""The reason that a held row shows."""

_STATUSES: Final = ("waiting", "held", "parked")


def hold(context: Context, errand: Errand, row: OutboxRow, now: datetime) -> bool:
    """Hold a claimed row that waits for a person's yes, and open a worklist item for it. False if it waits for none.

    A store that cannot hold rows parks it. Raises `StoreError`.
    """
    if not errand.is_strict:
        return False

    def once() -> bool:
        with context.store.begin() as tx:
            if not errand.awaits_yes(tx):
                return False
            if not holds_rows(tx):
                tx.failed(row.id, HELD, None, row.claim)
            elif not tx.hold_row(row.id, HELD, row.claim):
                return True  # claimed again, or ended: somebody else's by now
            _tell(tx, row, now)
            return True

    return again_on_conflict(once)


@dataclass(frozen=True, slots=True)
class Releases:
    """Decisions of our people about persons with a protected address (`Exchange.releases`). `by` becomes evidence.

    Each method raises `StoreError`; after an error nothing has changed.
    """

    context: Context
    changed: Callable[[], None]

    def parts(self, correlation_id: str, party: str, parts: Collection[LocatingPart], *, by: Author) -> Referral:
        """Let these parts, and no others, go to one party, in messages that are made from now on.

        Raises `InvalidInput` (unknown referral or party; nobody in the notice is protected).
        """
        self.context.peers.party(party)

        def once() -> Referral:
            with self.context.store.begin() as tx:
                return _release(self.context, tx, _loaded(tx, correlation_id), party, parts, by)

        return again_on_conflict(once)

    def yes(
        self, row_id: str, *, by: Author, note: str | None = None, along: Collection[LocatingPart] = ()
    ) -> Referral | SharedPlan:
        """Let a held message leave: it is due now, and stays let go if it is sent again. Returns the loop or plan.

        Also one that was kept back before. The parts `along` go to its recipient, in this and later messages; of a plan
        they are let go by `Exchange.release`, which makes a new view. Raises `InvalidInput` (not-found; business-rule:
        it waits for no yes).
        """
        now = self.context.clock.now()

        def once() -> tuple[Referral | SharedPlan, PlanChange | None]:
            with self.context.store.begin() as tx:
                row = _row(tx, row_id)
                if row.status not in _STATUSES:
                    raise InvalidInput.at("row", "it does not wait for a person's yes", "business-rule")
                after = self._let_go(tx, row, along, by, now)
                tx.retry(row.id, now)
                if writes_worklist(tx):
                    tx.finish_item(_item_id(row), now, by, note)
            return after

        after, moved = again_on_conflict(once)
        if moved is not None:
            announce(self.context, PlanEventKind.RELEASE, moved)
        self.changed()
        return after

    def _let_go(
        self, tx: Transaction, row: OutboxRow, along: Collection[LocatingPart], by: Author, now: datetime
    ) -> tuple[Referral | SharedPlan, PlanChange | None]:
        if row.aggregate_kind == PLAN:
            if along:
                raise InvalidInput.at(
                    "along", "the parts of a plan are let go for its share, not here", "business-rule"
                )
            return let_message_go(self.context, tx, row, by, now)
        before = _loaded(tx, row.correlation_id)
        if not awaits_yes(before.referral, row.effect):
            raise InvalidInput.at("row", "it does not wait for a person's yes", "business-rule")
        if along:
            _release(self.context, tx, before, self.context.peer_of(before.referral, row.effect).name, along, by)
            before = _loaded(tx, row.correlation_id)
        decision = let_go(before.referral, row.id, by, event_id=str(uuid4()), at=not_before(before, now))
        write(tx, before, decision, now, context=self.context)
        return decision.referral, None

    def no(self, row_id: str, reason: str, *, by: Author) -> None:
        """Keep a held message back: it is parked, and the loop learns that it does not arrive.

        Raises `InvalidInput` (not-found; business-rule: it is not held).
        """
        context, now = self.context, self.context.clock.now()
        with context.store.begin() as tx:
            row = _row(tx, row_id)
        if row.status != "held":
            raise InvalidInput.at("row", f"it is {row.status}, and not held", "business-rule")
        conclude(context, row, EventKind.RECEIPT_ERROR, now, f"not released: {reason}", by, statuses=("held",))
        with context.store.begin() as tx:
            if writes_worklist(tx):
                tx.finish_item(_item_id(row), now, by, reason)
        self.changed()

    def left_out(self, referral: Referral) -> tuple[str, ...]:
        """The parts of a referral's notice that do not go to its recipient, in words, without their content."""
        level = self.context.agreement(referral).content_level
        return left_out(referral.notice, level, referral.released_to(referral.party))


def release_in(
    context: Context, tx: Transaction, referral: Referral, parts: Collection[LocatingPart], by: Author | None
) -> Referral:
    """Let the parts go to the other party of a referral that `tx` has just written; returns the referral.

    Raises `InvalidInput` if nobody says who decided so, or the settings do not know the other party.
    """
    if by is None:
        raise InvalidInput.at("by", "missing: who releases what is protected is evidence", "required")
    if referral.party is None:
        raise InvalidInput.at("release", "the settings name no party with the recipient's numbers", "not-found")
    return _release(context, tx, _loaded(tx, referral.correlation_id), referral.party, parts, by)


def _release(
    context: Context, tx: Transaction, before: Stored, party: str, parts: Collection[LocatingPart], by: Author
) -> Referral:
    now = context.clock.now()
    at = not_before(before, now)
    decision = release(before.referral, party, parts, by, event_id=str(uuid4()), at=at)
    write(tx, before, decision, now, context=context)
    return decision.referral


def _loaded(tx: Transaction, correlation_id: str) -> Stored:
    before = tx.load(correlation_id)
    if before is None:
        raise InvalidInput.at("correlation_id", "no referral has this correlation id", "not-found")
    return before


def _row(tx: Transaction, row_id: str) -> OutboxRow:
    row = tx.row(row_id)
    if row is None:
        raise InvalidInput.at("row", "there is no such outbox row", "not-found")
    return row


def _tell(tx: Transaction, row: OutboxRow, now: datetime) -> None:
    """Tell our people, and open an item, that this message waits for a yes."""
    text = f"{row.effect.message or row.effect.plan_message} {row.id}"
    ident, about = _item_id(row), row.effect.about
    effect = Effect(
        id=ident, kind=EffectKind.TELL, reason=Reason.AWAITING_RELEASE, answers=row.id, about=about, text=text
    )
    tell_our_people(tx, row.aggregate, effect, now)


def _item_id(row: OutboxRow) -> str:
    """The id of the item about this hold; a row that is held anew has been claimed anew, and gets another."""
    return str(uuid5(NAMESPACE_URL, f"{row.id}#held-{row.claim}"))
