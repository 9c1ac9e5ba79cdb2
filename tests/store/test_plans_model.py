"""Whatever two processes do to shared plans, in whatever order, they see what a model of a few lines does."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from ip_fhir.domain.sharing.case import SharedPlan
from ip_fhir.domain.sharing.kinds import PlanMessageKind
from ip_fhir.domain.values.aggregate import PLAN, Aggregate
from ip_fhir.errors import Conflict, InvalidInput
from ip_fhir.ports import OutboxStatus
from ip_fhir.ports.plans import ViewMade
from ip_fhir.store import SqlStore, open_store
from ip_fhir.testing.store_samples import (
    NOON,
    PERSON_NUMBER,
    Trouble,
    after,
    plan_row,
    plan_version,
    share,
    shared_plan,
    view_made,
)
from tests.store.places import Place

PLANS = ["p", "q"]
SHARES = ["s1", "s2", "s3"]
plans = st.sampled_from(PLANS)
shares = st.sampled_from(SHARES)
steps = st.sampled_from([0, 0, 1, 1, 2])
stores = st.sampled_from([0, 1])
AGES = {0: timedelta(0), 1: timedelta(days=1), 2: timedelta(days=200)}


@dataclass
class Kept:
    """What the model knows of a plan."""

    plan: SharedPlan
    revision: int
    saved: dict[int, datetime] = field(default_factory=dict)


class Plans(RuleBasedStateMachine):
    """Two stores on one database beside the model; after every step all three say the same."""

    place: Callable[[], Place]

    @initialize()
    def open(self) -> None:
        """Nothing is there."""
        place = type(self).place()
        place.empty()
        self.stores = [open_store(place.url) for _ in range(2)]
        self.now = NOON
        self.plans: dict[str, Kept] = {}
        self.names: dict[str, str] = {}
        self.views: dict[tuple[str, int], ViewMade] = {}
        self.rows: dict[str, tuple[str, str, OutboxStatus]] = {}

    def teardown(self) -> None:
        """Close."""
        for store in self.stores:
            store.close()

    @rule(plan=plans, at=stores, more=steps, behind=steps, has=st.sets(shares), due=st.booleans(), over=st.booleans())
    def save(self, plan: str, at: int, more: int, behind: int, has: Collection[str], *, due: bool, over: bool) -> None:
        """Save a plan with a version more, the same one, or a step too far; on the newest revision, or an older one."""
        kept = self.plans.get(plan)
        version = more or 1 if kept is None else _version(kept) + more
        given = tuple(share(one, plan) for one in sorted(has))
        content = shared_plan(
            plan, self.now, after(hours=1) if due else None, plan=plan_version(plan, version), shares=given, over=over
        )
        based_on = None if kept is None else kept.revision - behind or None
        if based_on != (kept.revision if kept is not None else None):
            with pytest.raises(Conflict):
                self.write(at, content, based_on)
        elif any(self.names.get(one, plan) != plan for one in has):
            with pytest.raises(InvalidInput):
                self.write(at, content, based_on)
        else:
            self.write(at, content, based_on)
            self.keep(content)

    def write(self, at: int, content: SharedPlan, revision: int | None) -> None:
        """Write a plan as the exchange does: what is there is read before."""
        with self.stores[at].begin() as tx:
            tx.load_plan(content.id)
            tx.save_plan(content, revision)

    def keep(self, content: SharedPlan) -> None:
        """Remember what was written."""
        before = self.plans.get(content.id)
        now = Kept(content, 1 if before is None else before.revision + 1, {} if before is None else before.saved)
        now.saved.setdefault(_version(now), self.now)
        self.plans[content.id] = now
        self.names |= {one.id: content.id for one in content.shares}

    @rule(plan=plans, at=stores)
    def another_content(self, plan: str, at: int) -> None:
        """A version that is there is not written over."""
        if (kept := self.plans.get(plan)) is not None:
            changed = plan_version(plan, _version(kept), title="another")
            with pytest.raises(Conflict):
                self.write(at, kept.plan.evolve(plan=changed), kept.revision)

    @rule(plan=plans, at=stores)
    def undo(self, plan: str, at: int) -> None:
        """Of what fails in the end nothing stays."""
        kept = self.plans.get(plan)
        version = 7 if kept is None else _version(kept) + 1
        with pytest.raises(Trouble), self.stores[at].begin() as tx:  # noqa: PT012 - the block is what fails
            content = shared_plan(plan, plan=plan_version(plan, version), shares=(share("undone", plan),))
            tx.save_plan(content, None if kept is None else kept.revision)
            tx.add_views(plan, [view_made("undone")])
            raise Trouble

    @rule(plan=plans, of=shares, at=stores)
    def view(self, plan: str, of: str, at: int) -> None:
        """A view is made of the newest version, and a message with it queued; earlier ones give way."""
        if plan not in self.plans or self.names.get(of) != plan:
            return
        number = 1 + max((number for one, number in self.views if one == of), default=0)
        made = view_made(of, number, _version(self.plans[plan]), self.now.date())
        with self.stores[at].begin() as tx:
            tx.add_views(plan, [made])
            tx.supersede_rows(Aggregate(kind=PLAN, id=plan), of, [PlanMessageKind.PLAN], "newer")
            tx.enqueue([plan_row(f"{of}-{number}", plan, of, due=self.now, number=number)])
        for ident, (row_plan, about, status) in self.rows.items():
            if (row_plan, about, status) == (plan, of, "waiting"):
                self.rows[ident] = (plan, of, "superseded")
        self.views[of, number] = made
        self.rows[f"{of}-{number}"] = (plan, of, "waiting")

    @rule(at=stores)
    def send(self, at: int) -> None:
        """Whatever is due is sent."""
        for row in self.stores[at].claim("w", self.now, timedelta(minutes=1), 99):
            self.stores[at].sent(row.id, self.now)
            plan, about, _ = self.rows[row.id]
            self.rows[row.id] = (plan, about, "sent")

    @rule(step=steps)
    def time(self, step: int) -> None:
        """Time passes."""
        self.now += AGES[step]

    @invariant()
    def same(self) -> None:
        """Each store says what the model says, and all is whole."""
        for store in self.stores:
            self.look(store)
        assert self.stores[0].verify() == ()

    def look(self, store: SqlStore) -> None:
        """Ask a store for all that it has."""
        for plan in PLANS:
            kept, stored = self.plans.get(plan), store.shared_plan(plan)
            assert (stored and stored.plan, stored and stored.revision) == (kept and kept.plan, kept and kept.revision)
            saved = {one.version: one.saved for one in store.plan_versions(plan)}
            assert saved == (kept.saved if kept is not None else {})
        due = {ident for ident, kept in self.plans.items() if kept.plan.timers}
        assert set(store.due_plans(after(hours=1), 9)) == due
        assert set(store.plans_about(str(PERSON_NUMBER))) == set(self.plans)
        order = sorted(self.plans.values(), key=lambda kept: (kept.plan.changed, kept.plan.id), reverse=True)
        assert store.plans() == [kept.plan for kept in order]
        assert {row.id: row.status for row in store.outbox()} == {ident: row[2] for ident, row in self.rows.items()}
        with store.begin() as tx:
            assert {one: tx.plan_named("share", one) for one in (*SHARES, "undone")} == {
                one: self.names.get(one) for one in (*SHARES, "undone")
            }
            assert [tx.view_made(*key) for key in self.views] == list(self.views.values())


def _version(kept: Kept) -> int:
    assert kept.plan.plan is not None
    return kept.plan.plan.version


def at(machine: type[Plans], place: Place) -> Any:
    """The machine on a database."""
    return type("AtPlace", (machine,), {"place": staticmethod(lambda: place)})


@pytest.mark.slow
def test_plans_do_as_the_model(place: Place) -> None:
    """Any sequence of steps: each store's plans, versions, views, names and rows are as the model's."""
    examples = 12 if place.embedded else 4
    how = settings(max_examples=examples, stateful_step_count=20, deadline=None)
    run_state_machine_as_test(at(Plans, place), settings=how)


@pytest.mark.slow
def test_the_model_can_fail(sqlite: Place) -> None:
    """A model that takes back a name does something else than the store, and that is found."""

    class Forgetful(Plans):
        def keep(self, content: SharedPlan) -> None:
            super().keep(content)
            self.names = {one.id: content.id for one in content.shares}

    quick = settings(phases=[Phase.generate], deadline=None)
    with pytest.raises(AssertionError):
        run_state_machine_as_test(at(Forgetful, sqlite), settings=quick)
