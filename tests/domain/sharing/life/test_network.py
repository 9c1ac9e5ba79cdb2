"""A holder and three participants on a network that loses, doubles, delays and reorders, while the days turn."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ip_fhir.domain.sharing.change import Change, ChangeStatus, Outcome, PartDecision
from ip_fhir.domain.sharing.life.changes import waits
from ip_fhir.domain.sharing.see import see
from ip_fhir.domain.values.calendar import local_day
from ip_fhir.domain.values.terms import LifeArea
from ip_fhir.domain.values.value import Period
from ip_fhir.errors import InvalidInput
from tests.support.plan_life import PLAN, Side, holder, participant, saved, with_item
from tests.support.plan_network import Town

NAMES = ("hospital", "school", "gp")
AREAS = st.sampled_from([LifeArea.EDUCATION, LifeArea.TREATMENT, LifeArea.LEISURE])
TEXTS = st.sampled_from(["a", "b", "c"])


class Network(RuleBasedStateMachine):
    """What people do, what the network does, and what must be so in the end."""

    def __init__(self) -> None:
        super().__init__()
        self.town = Town(holder(), {name: participant(name) for name in NAMES})
        self.changes: list[tuple[Side, Change]] = []
        saved(self.town.unit)

    # --- people of the holder

    @rule(measure=st.sampled_from(["train", "read", "visit"]), text=TEXTS)
    def edit(self, measure: str, text: str) -> None:
        """Changes a field of a measure."""
        saved(self.town.unit, with_item(self.town.plan, "measures", measure, how=text), self.town.now)

    @rule(area=AREAS, goal=st.sampled_from(["goal-1", "goal-2", "goal-3"]))
    def move(self, area: LifeArea, goal: str) -> None:
        """Moves a goal to another life area, so that views open and shrink."""
        saved(self.town.unit, with_item(self.town.plan, "goals", goal, areas=(area,)), self.town.now)

    @rule(name=st.sampled_from(NAMES), area=AREAS, start=st.integers(-3, 20), length=st.none() | st.integers(0, 30))
    def deny(self, name: str, area: LifeArea, start: int, length: int | None) -> None:
        """Closes an area to a party for a time, with a new provision in the place of the one before."""
        day = local_day(self.town.now)
        first = day + timedelta(days=start)
        period = Period(start=first, end=None if length is None else first + timedelta(days=length))
        consent = self.town.plan.consents[0]
        denied = consent.provisions[0].evolve(recipients=(name,), areas=(area,), period=period)
        rest = [one for one in consent.provisions if one.recipients != (name,)]
        plan = self.town.plan.evolve(consents=(consent.evolve(provisions=(denied, *rest)),))
        saved(self.town.unit, plan, self.town.now)

    @rule(ends=st.none() | st.integers(-2, 10), index=st.integers(0, 2))
    def leave(self, ends: int | None, index: int) -> None:
        """Ends a membership by a date, or lets it go on."""
        team = self.town.plan.team
        assert team is not None
        end = None if ends is None else local_day(self.town.now) + timedelta(days=ends)
        place = team.memberships[index].evolve(period=Period(end=end))
        places = tuple(place if one.id == place.id else one for one in team.memberships)
        saved(self.town.unit, self.town.plan.evolve(team=team.evolve(memberships=places)), self.town.now)

    @rule(data=st.data(), accept=st.booleans())
    def decide(self, data: st.DataObject, accept: bool) -> None:
        """Decides all that waits of one change."""
        assert self.town.unit.case is not None
        waiting = [kept for kept in self.town.unit.case.changes if waits(kept)]
        if not waiting:
            return
        kept = data.draw(st.sampled_from(waiting))
        outcome = Outcome.ACCEPTED if accept else Outcome.DECLINED
        parts = [one for one in kept.decisions if one.outcome in (Outcome.PROPOSED, Outcome.CONFLICT)]
        said = tuple(PartDecision(field=one.field, id=one.id, outcome=outcome) for one in parts)
        try:
            self.town.unit.do("decide", self.town.now, about=kept.change.id, decisions=said)
        except InvalidInput:  # what was there when it was proposed is gone by now
            no = tuple(one.evolve(outcome=Outcome.DECLINED) for one in said)
            self.town.unit.do("decide", self.town.now, about=kept.change.id, decisions=no)

    # --- people of participants

    @rule(name=st.sampled_from(NAMES), number=st.integers(0, 5), status=st.booleans(), text=TEXTS, add=st.booleans())
    def change(self, name: str, number: int, status: bool, text: str, add: bool) -> None:
        """Changes the copy that is here, and sends that to the holder."""
        side = self.town.others[name]
        copies = [copy for copy in side.case.copies if copy.view is not None] if side.case is not None else []
        if not copies or copies[0].view is None:
            return
        view = copies[0].view
        last = view.holds_until or date.max
        if last < local_day(self.town.now) or not copies[0].in_step:
            return
        wanted, measures = view.plan, view.plan.measures
        if measures:
            one = measures[number % len(measures)]
            given: dict[str, Any] = {"status": "in-progress"} if status else {"how": text}
            wanted = with_item(wanted, "measures", one.id, **given)
        ident = f"change-{len(self.changes)}"
        if add:
            goal = wanted.goals[0].id if wanted.goals else None
            new = PLAN.measures[0].evolve(id=ident, what=ident, goals=(goal,) if goal else (), responsible=None)
            wanted = wanted.evolve(measures=(*wanted.measures, new))
        made = Change(
            id=ident, share=view.share, base=view.number, wanted=wanted, whole=number % 2 == 0, made=self.town.now
        )
        side.do("change", self.town.now, by_participant=True, change=made, share=view.share, about=ident)
        self.changes.append((side, made))

    # --- the network

    @rule(index=st.integers(0, 30))
    def send(self, index: int) -> None:
        """Sends, or sends again, any row that waits."""
        rows = [(side, row) for side in self.town.sides() for row in side.waiting]
        if rows:
            self.town.send(*rows[index % len(rows)])

    @precondition(lambda self: self.town.wire)
    @rule(index=st.integers(0, 30), again=st.booleans())
    def deliver(self, index: int, again: bool) -> None:
        """Delivers any message under way, perhaps leaving it to come again."""
        number = index % len(self.town.wire)
        self.town.deliver(self.town.wire[number] if again else self.town.wire.pop(number))

    @precondition(lambda self: self.town.wire)
    @rule(index=st.integers(0, 30))
    def lose(self, index: int) -> None:
        """Loses a message."""
        self.town.wire.pop(index % len(self.town.wire))

    @precondition(lambda self: self.town.receipts)
    @rule(index=st.integers(0, 30), lost=st.booleans())
    def receipt(self, index: int, lost: bool) -> None:
        """Delivers any receipt under way, or loses it."""
        one = self.town.receipts.pop(index % len(self.town.receipts))
        if not lost:
            self.town.receive(*one)

    @rule(hours=st.sampled_from([1, 13, 24, 24 * 9]))
    def wait(self, hours: int) -> None:
        """Lets time go by."""
        self.town.now += timedelta(hours=hours)
        for side in self.town.sides():
            if side.case is not None:
                side.turn(self.town.now)

    # --- what must be so

    @invariant()
    def numbers_rise(self) -> None:
        """No participant holds a number that was never given."""
        for side in self.town.others.values():
            for copy in side.case.copies if side.case is not None else ():
                share = self.town.unit.case.share(copy.share) if self.town.unit.case is not None else None
                assert share is not None
                assert copy.number <= share.number

    def teardown(self) -> None:
        """In the end each copy is the view of that day, and each change is decided once and answered."""
        self.town.settle()
        assert self.town.unit.case is not None
        day = local_day(self.town.now)
        for share in self.town.unit.case.shares:
            case = self.town.others[share.party].case
            copy = case.copy_of(share.id) if case is not None else None
            if copy is None:  # it was withdrawn before any view of it had arrived
                assert not share.goes_on
                continue
            assert copy.number == share.number == share.acknowledged
            assert copy.in_step
            now = see(self.town.plan, share, day) if share.goes_on else None
            assert (copy.view and copy.view.digest()) == (now and now.digest())
        kept = {one.change.id: one for one in self.town.unit.case.changes}
        for side, made in self.changes:
            assert side.case is not None
            (ours,) = [one for one in side.case.changes if one.change.id == made.id]
            theirs = kept.get(made.id)
            if theirs is None:  # refused whole, and said so
                assert ours.status is ChangeStatus.DECLINED
            else:
                assert (ours.status, ours.decisions) == (theirs.status, theirs.decisions)
        texts = [measure.what for measure in self.town.plan.measures]
        assert len(texts) == len(set(texts)), "a change had its effect twice"


@pytest.mark.sharing_promise(1, 3)
class TestNetwork(Network.TestCase):  # type: ignore[misc,valid-type]
    """Whatever the network does, in the end each copy is its view, and each change was decided once."""

    settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
