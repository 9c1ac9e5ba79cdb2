"""Receipts of views that come late: numbers decide, and the EHR's hook hears of each."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest

from ip_fhir.domain.people import AddressProtection
from ip_fhir.domain.sharing.case import PlanTimerKind
from ip_fhir.domain.sharing.events import PlanEventKind
from ip_fhir.domain.sharing.share import Share
from ip_fhir.exchange import Exchange
from ip_fhir.exchange.peers import Peers
from ip_fhir.exchange.sending.run_counts import PlanChange
from ip_fhir.ports import Outgoing, Receipt
from ip_fhir.testing import HandingOver
from tests.support.ring import NINA, PARTIES, Ring, make_plan
from tests.support.ring_plan import PLAN


@dataclass
class Deferred:
    """A holder whose way to the hospital only hands over, and what its EHR was told."""

    ring: Ring
    adapter: HandingOver
    told: list[tuple[PlanEventKind, PlanChange]] = field(default_factory=list)

    @property
    def holder(self) -> Exchange:
        """The holder's side."""
        return self.ring.holder

    def share(self) -> Share:
        """The hospital's share."""
        (found,) = self.holder.plan(PLAN).shares
        return found

    def handed(self, number: int) -> Outgoing:
        """The message that was handed over as the `number`-th."""
        return self.adapter.handed[number]

    def receipt(self, number: int) -> Receipt:
        """The hospital's receipt of a message, which it takes in by this."""
        return self.ring.network.deliver(PARTIES[0], "hospital", self.handed(number).content)

    def comes(self, receipt: Receipt) -> str:
        """A receipt comes in."""
        return self.holder.receive_receipt(receipt, "hospital")

    def status(self, number: int) -> str:
        """The status of the row of a message."""
        return next(row.status for row in self.holder.store.outbox() if row.id == self.handed(number).message_id)


@pytest.fixture
def deferred(ring: Ring) -> Deferred:
    """The first view was handed over and awaits its receipt; then the plan was saved, and the second one, too."""
    made = Deferred(ring, HandingOver())
    context = ring.holder._context
    peers = [replace(one, adapter=made.adapter) if one.name == "hospital" else one for one in context.peers]
    side = Exchange(replace(context, peers=Peers(peers), plan_moved=lambda *what: made.told.append(what)))
    ring.network.sides[PARTIES[0]] = side
    side.save_plan(make_plan(), by=NINA)
    side.share(PLAN, "hospital", by=NINA)
    side.run_due()
    plan = side.plan(PLAN).plan
    assert plan is not None
    side.save_plan(plan.evolve(title="Min plan"), by=NINA)
    side.run_due()
    return made


def waits(deferred: Deferred) -> bool:
    """True while the holder waits for the hospital's acknowledgement."""
    return any(timer.kind is PlanTimerKind.ACKNOWLEDGEMENT for timer in deferred.holder.plan(PLAN).timers)


def test_a_late_yes_to_a_view_that_another_has_replaced(deferred: Deferred) -> None:
    """It had got out before: the row says so, the participant holds that number, and the newest is still awaited."""
    assert [deferred.status(number) for number in (0, 1)] == ["superseded", "awaiting"]
    assert deferred.comes(deferred.receipt(0)) == "settled"
    assert [deferred.status(number) for number in (0, 1)] == ["sent", "awaiting"]
    assert (deferred.share().acknowledged, deferred.share().in_step, waits(deferred)) == (1, True, True)
    assert deferred.comes(deferred.receipt(1)) == "settled"
    assert (deferred.share().acknowledged, waits(deferred)) == (2, False)
    assert deferred.comes(Receipt(deferred.handed(0).message_id, "ok")) == "repeated"


def test_a_yes_to_the_newest_before_the_one_that_it_replaced(deferred: Deferred) -> None:
    """What is acknowledged never goes back: the hospital took the second view, and says so of the first as late."""
    second = deferred.receipt(1)
    first = deferred.receipt(0)
    assert (first.code, second.code) == ("ok", "ok")
    assert [deferred.comes(second), deferred.comes(first)] == ["settled", "settled"]
    assert (deferred.share().acknowledged, deferred.share().in_step, waits(deferred)) == (2, True, False)


def test_a_late_no_to_a_view_that_another_has_replaced(deferred: Deferred) -> None:
    """The newest is under way: nobody need look, and the share is in step."""
    before = deferred.holder.worklist()
    assert deferred.comes(Receipt(deferred.handed(0).message_id, "fatal-error")) == "late"
    assert deferred.status(0) == "superseded"
    assert (deferred.share().in_step, deferred.share().acknowledged) == (True, 0)
    assert deferred.holder.worklist() == before
    assert deferred.comes(deferred.receipt(1)) == "settled"
    assert deferred.share().acknowledged == 2


def test_the_hook_hears_of_receipts(deferred: Deferred) -> None:
    """Of each receipt that moved the plan, once, with the share that it moved; of one that is repeated, not."""
    deferred.told.clear()
    for number in (0, 1, 1):
        deferred.comes(deferred.receipt(number))
    ok = (PlanEventKind.RECEIPT_OK, PlanChange(PLAN, (deferred.share().id,)))
    assert deferred.told == [ok, ok]


def test_the_hook_hears_of_what_is_not_taken(deferred: Deferred) -> None:
    """A no to the newest view puts the share out of step, and the EHR is told at once."""
    deferred.told.clear()
    deferred.comes(Receipt(deferred.handed(1).message_id, "fatal-error"))
    assert deferred.told == [(PlanEventKind.RECEIPT_ERROR, PlanChange(PLAN, (deferred.share().id,)))]


def test_the_hook_hears_of_a_restored_backup(deferred: Deferred) -> None:
    """Every plan is marked, and the EHR is told of each."""
    deferred.told.clear()
    list(deferred.holder.restore(by=NINA))
    assert [kind for kind, _ in deferred.told] == [PlanEventKind.RESTORED]


def test_the_hook_hears_of_a_yes_to_a_held_message(deferred: Deferred) -> None:
    """About a strictly confidential address a person lets the view go: the EHR is told of that, too."""
    plan = deferred.holder.plan(PLAN).plan
    assert plan is not None
    owner = plan.owner.evolve(protection=AddressProtection.STRICTLY_CONFIDENTIAL)
    deferred.holder.save_plan(plan.evolve(owner=owner), by=NINA)
    deferred.holder.run_due()
    (held,) = deferred.holder.store.outbox("held")
    deferred.told.clear()
    deferred.holder.releases.yes(held.id, by=NINA)
    assert [kind for kind, _ in deferred.told] == [PlanEventKind.RELEASE]
