"""Five parties around one plan, real stores, and a network that loses, doubles, delays and reorders what it is given.

People of all sides act, consents come and go, days turn, the person moves and the plan is handed over. In the end each
participant's copy is the view of the one holder (promises 1 and 9), every change is answered and has its effect once
(3), and nothing that is withheld was ever on the wire to whom it is withheld from (2).

`IP_FHIR_RING_EXAMPLES` says how many runs (12; `make soak ARGS="sharing"`: 200).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from ip_fhir.domain.consent.consent import Access, Consent, ConsentStatus, Provision
from ip_fhir.domain.plan import IndividualPlan, Measure
from ip_fhir.domain.sharing.case import HandoverStatus, PlanSide, SharedPlan
from ip_fhir.domain.sharing.change import ChangeStatus, Outcome, PartDecision
from ip_fhir.domain.sharing.see import see
from ip_fhir.domain.values.calendar import local_day
from ip_fhir.domain.values.terms import LifeArea
from ip_fhir.domain.values.value import Period
from ip_fhir.errors import Conflict, ConsentRefused, InvalidInput
from ip_fhir.exchange import Exchange
from tests.support.ring import NINA, OLE, Ring, make_plan, make_ring, organization

PLAN = "plan-of-the-ring"
EXAMPLES = int(os.environ.get("IP_FHIR_RING_EXAMPLES", "12"))
PARTICIPANTS = ("hospital", "school", "practice")
MUNICIPALITIES = ("municipality", "elsewhere")
COMPLETED: list[int] = []
"""The handovers that were completed, of each run so far."""

CANARY = "kanarifugl"
"""Stands in all that the person keeps from all participants, for as long as the test lasts."""

FATES = ("deliver", "lose", "lose-receipt", "double", "delay")


class Around(RuleBasedStateMachine):
    """The parties act in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.place = tempfile.TemporaryDirectory()
        self.ring: Ring = make_ring(Path(self.place.name))
        self.fates: list[str] = []
        self.asked: dict[str, tuple[str, str]] = {}  # change -> party, words
        self.ring.network.fate = lambda: self.fates.pop() if self.fates else "deliver"

    def teardown(self) -> None:
        """Let the network be well, the person move who has not moved so far, and look at all sides."""
        try:
            self._calm()
            self._move_at_last()
            self._look()
        finally:
            self.ring.close()
            self.place.cleanup()

    def _move_at_last(self) -> None:
        if self._plan().epoch == 1:
            self.move([])
            self._calm()

    # --- people

    @initialize()
    def begins(self) -> None:
        """The coordinator makes the plan, with something that nobody but the person and a holder may see."""
        plan = make_plan()
        secret = Measure(id="measure-secret", what=CANARY, areas=(LifeArea.FAMILY,), how=CANARY)
        sharing = plan.consents[1]
        closed = Provision(access=Access.DENY, recipients=PARTICIPANTS, areas=(LifeArea.FAMILY,))
        consents = (plan.consents[0], sharing.evolve(provisions=(*sharing.provisions, closed)))
        organizations = (*plan.organizations, organization("elsewhere"))
        measures = (*plan.measures, secret)
        plan = plan.evolve(measures=measures, consents=consents, organizations=organizations)
        self.ring.holder.save_plan(plan, by=NINA)

    @rule(fates=st.lists(st.sampled_from(FATES), max_size=4))
    def network(self, fates: list[str]) -> None:
        """The network will do this with what comes next."""
        self.fates = fates

    @rule(party=st.sampled_from(PARTICIPANTS))
    def share(self, party: str) -> None:
        """The coordinator shares the plan."""
        if self._is_under_way():
            return
        with suppress(InvalidInput, ConsentRefused):  # nothing is open to it now
            self.holder.share(PLAN, party, by=NINA)

    @rule(party=st.sampled_from(PARTICIPANTS))
    def end(self, party: str) -> None:
        """The coordinator ends a share."""
        for share in self._plan().shares:
            if share.party == party and share.goes_on:
                self.holder.end_share(share.id, by=NINA)

    @rule(number=st.integers(0, 2), how=st.sampled_from(["Morgen", "Kveld", "Helg"]))
    def coordinate(self, number: int, how: str) -> None:
        """The coordinator changes how a measure is done."""
        self._save(lambda plan: _measure(plan, number, how=how))

    @rule(closed=st.booleans(), days=st.integers(0, 3), party=st.sampled_from(PARTICIPANTS))
    def consent(self, closed: bool, days: int, party: str) -> None:
        """The person closes or opens an area to a party, perhaps from a later day on."""
        start = local_day(self.ring.clock.now()) + timedelta(days=days)
        said = Provision(
            access=Access.DENY if closed else Access.PERMIT,
            recipients=(party,),
            areas=(LifeArea.LEISURE,),
            period=Period(start=start),
        )

        def change(plan: IndividualPlan) -> IndividualPlan:
            sharing = next(one for one in plan.consents if one.id == "consent-sharing")
            kept = tuple(one for one in sharing.provisions if LifeArea.LEISURE not in one.areas)
            return _consent(plan, sharing.evolve(provisions=(*kept, said)))

        self._save(change)

    @rule(withdrawn=st.booleans())
    def sharing(self, withdrawn: bool) -> None:
        """The person withdraws the consent to sharing, or gives it again."""
        on = local_day(self.ring.clock.now()) if withdrawn else None
        status = ConsentStatus.WITHDRAWN if withdrawn else ConsentStatus.ACTIVE

        def change(plan: IndividualPlan) -> IndividualPlan:
            sharing = next(one for one in plan.consents if one.id == "consent-sharing")
            return _consent(plan, sharing.evolve(status=status, withdrawn_on=on))

        self._save(change)

    @rule(party=st.sampled_from(PARTICIPANTS), number=st.integers(0, 2), words=st.uuids())
    def ask(self, party: str, number: int, words: object) -> None:
        """Somebody of a participant proposes another extent of a measure, in words that nobody else uses."""
        plan = self.ring.plan(party)
        views = [copy.view for copy in plan.copies if copy.view is not None] if plan is not None else []
        if not views or number >= len(views[0].plan.measures):
            return
        wanted = views[0].evolve(plan=_measure(views[0].plan, number, extent=str(words)))
        with suppress(InvalidInput):
            after = self.ring[party].change_plan(wanted, by=OLE)
            self.asked[after.changes[-1].change.id] = (party, str(words))

    @rule(yes=st.booleans())
    def decide(self, yes: bool) -> None:
        """The coordinator decides the first change that waits."""
        waiting = [one for one in self._plan().changes if one.status in (ChangeStatus.PROPOSED, ChangeStatus.CONFLICT)]
        if not waiting or self._is_under_way():
            return
        open_parts = [p for p in waiting[0].decisions if p.outcome in (Outcome.PROPOSED, Outcome.CONFLICT)]
        outcome = Outcome.ACCEPTED if yes else Outcome.DECLINED
        said = [PartDecision(field=p.field, id=p.id, outcome=outcome, reason="Bestemt") for p in open_parts]
        with suppress(InvalidInput):
            self.holder.answer_change(waiting[0].change.id, said, by=NINA)

    @rule(fates=st.lists(st.sampled_from(FATES), max_size=3))
    def move(self, fates: list[str]) -> None:
        """The person moves: offer, yes and plan are on their way, over a network that may lose or delay each."""
        self.fates = fates
        for _ in range(3):
            for name in MUNICIPALITIES:
                self._hand_over(name)
            for name in MUNICIPALITIES:
                self.ring[name].run_due()
            self.ring.clock.forward(hours=1)

    def _hand_over(self, name: str) -> None:
        """Do what a handover needs next at one side: accept the offer that waits, or offer what is held."""
        plan = self.ring.plan(name)
        offer = plan.handover if plan is not None else None
        waits = offer is not None and offer.status is HandoverStatus.OFFERED
        if (
            plan is None
            or waits == (plan.side is PlanSide.HOLDER)
            or (not waits and offer is not None and plan.epoch > 1)
        ):
            return
        with suppress(InvalidInput, ConsentRefused):
            if plan.side is PlanSide.HOLDER:
                self.ring[name].hand_over(PLAN, _other(name), by=NINA)
            elif offer is not None:
                self.ring[name].answer_handover(offer.id, accepts=True, by=NINA)

    @rule(accepts=st.booleans())
    def answer_offer(self, accepts: bool) -> None:
        """Who is offered the plan says yes or no; who offers it takes it back."""
        for name in MUNICIPALITIES:
            plan = self.ring.plan(name)
            offer = plan.handover if plan is not None else None
            if plan is None or offer is None or offer.status is not HandoverStatus.OFFERED:
                continue
            if plan.side is PlanSide.PARTICIPANT or not accepts:
                self.ring[name].answer_handover(offer.id, accepts=accepts, by=NINA)
                return

    @rule(party=st.sampled_from((*MUNICIPALITIES, *PARTICIPANTS)))
    def work(self, party: str) -> None:
        """The worker of a side runs."""
        self.ring[party].run_due()

    @rule(hours=st.integers(1, 30))
    def time(self, hours: int) -> None:
        """Time passes."""
        self.ring.clock.forward(hours=hours)

    @rule()
    def late(self) -> None:
        """What was delayed or doubled comes."""
        self.ring.network.come_late()

    # --- the end

    def _calm(self) -> None:
        self.fates = []
        self.ring.settle()

    def _look(self) -> None:
        plan, on = self._plan(), local_day(self.ring.clock.now())
        assert plan.plan is not None, "somebody holds it"
        assert sum(self._holds(name) for name in self.ring.network.sides) == 1, "and nobody else"
        COMPLETED.append(plan.epoch - 1)
        for share in plan.shares:
            held = self.ring.copy(share.party, share.id)
            assert held == (see(plan.plan, share, on) if share.goes_on else None), share.party
        for side in self.ring.network.sides.values():
            assert side.store.verify() == ()
            assert side.store.look_through() == (), "what was written can be read"  # type: ignore[attr-defined]
        for _sender, to, content in self.ring.network.sent:
            assert to not in PARTICIPANTS or CANARY.encode() not in content
        for change_id, (party, words) in self.asked.items():
            theirs = self.ring.plan(party)
            assert theirs is not None
            (kept,) = (one for one in theirs.changes if one.change.id == change_id)
            ours = [one for one in plan.changes if one.change.id == change_id]
            waits = any(one.status in (ChangeStatus.PROPOSED, ChangeStatus.CONFLICT) for one in ours)
            assert kept.status is not ChangeStatus.SENT, "it is answered"
            assert waits == (kept.status in (ChangeStatus.PROPOSED, ChangeStatus.CONFLICT))
            assert sum(words == measure.extent for measure in plan.plan.measures) <= 1

    @property
    def holder(self) -> Exchange:
        """The side that holds the plan; while it is on its way, the one that held it first."""
        return self.ring[self._holder_name()]

    def _holder_name(self) -> str:
        return next((name for name in MUNICIPALITIES if self._holds(name)), MUNICIPALITIES[0])

    def _holds(self, name: str) -> bool:
        plan = self.ring.plan(name)
        return plan is not None and plan.side is PlanSide.HOLDER

    def _plan(self) -> SharedPlan:
        plan = self.ring.plan(self._holder_name())
        assert plan is not None
        return plan

    def _is_under_way(self) -> bool:
        """True while nobody holds the plan: it is on its way to its new holder."""
        return self._plan().plan is None

    def _save(self, change: Callable[[IndividualPlan], IndividualPlan]) -> None:
        plan = self._plan().plan
        if plan is None:
            return
        with suppress(Conflict):
            self.holder.save_plan(change(plan), by=NINA)


def _measure(plan: IndividualPlan, number: int, **changes: object) -> IndividualPlan:
    measures = list(plan.measures)
    measures[number] = measures[number].evolve(**changes)
    return plan.evolve(measures=tuple(measures))


def _consent(plan: IndividualPlan, consent: Consent) -> IndividualPlan:
    return plan.evolve(consents=tuple(consent if one.id == consent.id else one for one in plan.consents))


def _other(name: str) -> str:
    return next(one for one in MUNICIPALITIES if one != name)


@pytest.mark.slow
@pytest.mark.sharing_promise(1, 2, 3, 9)
@pytest.mark.timeout(300 + 30 * EXAMPLES)
def test_around() -> None:
    """Whatever people and network do, each copy is its view in the end, and nothing withheld was ever sent.

    In each second run, or more often, the plan changes hands.
    """
    COMPLETED.clear()
    run_state_machine_as_test(Around, settings=settings(max_examples=EXAMPLES, stateful_step_count=30, deadline=None))
    assert sum(number > 0 for number in COMPLETED) >= len(COMPLETED) / 2
