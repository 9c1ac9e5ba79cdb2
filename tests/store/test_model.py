"""Whatever is done to inbox and outbox, in whatever order, they do what a model of a few lines does."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from ip_fhir.domain.effects import EffectKind
from ip_fhir.errors import InvalidInput, StoreError
from ip_fhir.ports import OutboxStatus, Seen
from ip_fhir.store import open_store
from ip_fhir.testing.store_samples import NOON, enqueue, outbox_row
from tests.store.places import Place

ROWS = [f"row{number}" for number in range(6)]
limits = st.sampled_from([9, 9, 1, 2, 0])
LEASE = timedelta(minutes=5)
rows = st.sampled_from(ROWS)
referrals = st.sampled_from(["r", "s"])
kinds = st.sampled_from(EffectKind)
minutes = st.sampled_from([0, 0, 0, 1, 4, 5, 6]).map(lambda number: timedelta(minutes=number))


@dataclass
class Row:
    """What the model knows of a row."""

    id: str
    referral: str
    kind: EffectKind
    due: datetime
    status: OutboxStatus = "waiting"
    lease: datetime | None = None
    attempts: int = 0
    claim: int = 0
    content: bytes | None = None
    error: str | None = None
    handovers: int = 0

    def end(self, status: OutboxStatus, error: str | None) -> None:
        """Give the lease back, in a new status."""
        self.status, self.error, self.lease = status, error, None


class Boxes(RuleBasedStateMachine):
    """The store beside the model; after every step both say the same."""

    place: Callable[[], Place]

    @initialize(rows_at_noon=st.lists(st.tuples(referrals, kinds), max_size=3))
    def open(self, rows_at_noon: list[tuple[str, EffectKind]]) -> None:
        """Start at noon, with some rows that are due."""
        place = type(self).place()
        place.empty()
        self.store = open_store(place.url)
        self.now = NOON
        self.rows: list[Row] = []
        self.inbox: dict[str, Seen] = {}
        for ident, (referral, kind) in zip(ROWS, rows_at_noon, strict=False):
            self.add(ident, referral, kind, timedelta())

    def teardown(self) -> None:
        """Close."""
        self.store.close()

    def row(self, ident: str) -> Row | None:
        """The model's row."""
        return next((row for row in self.rows if row.id == ident), None)

    @rule(passed=minutes)
    def time_passes(self, passed: timedelta) -> None:
        """The clock goes on."""
        self.now += passed

    @rule(
        ident=rows,
        referral=referrals,
        kind=kinds,
        wait=minutes,
    )
    def add(self, ident: str, referral: str, kind: EffectKind, wait: timedelta) -> None:
        """An id that is there already changes nothing."""
        enqueue(self.store, outbox_row(ident, referral, self.now + wait, kind))
        if self.row(ident) is None:
            self.rows.append(Row(ident, referral, kind, self.now + wait))

    @rule(limit=limits)
    def claim(self, limit: int) -> None:
        """The first waiting row of each lane, if it is due and not held; those due longest first."""
        heads: dict[tuple[str, EffectKind], Row] = {}
        for row in self.rows:
            if row.status in ("waiting", "awaiting"):
                heads.setdefault((row.referral, row.kind), row)
        first = [row for row in heads.values() if row.status == "waiting"]
        free = [row for row in first if row.due <= self.now and (row.lease is None or row.lease <= self.now)]
        expected = sorted(free, key=lambda row: (row.due, self.rows.index(row)))[:limit]
        claimed = self.store.claim("worker", self.now, LEASE, limit)
        assert [row.id for row in claimed] == [row.id for row in expected]
        for row in expected:
            row.lease = self.now + LEASE
            row.attempts += 1
            row.claim += 1

    @rule(ident=rows, content=st.binary(max_size=3))
    def keep(self, ident: str, content: bytes) -> None:
        """The first bytes stay."""
        row = self.row(ident)
        if row is None:
            return self.unknown(self.store.keep_content, ident, content, "text/plain")
        row.content = content if row.content is None else row.content
        assert self.store.keep_content(ident, content, "text/plain").content == row.content
        return None

    @rule(ident=rows)
    def sent(self, ident: str) -> None:
        """Sent is sent."""
        row = self.row(ident)
        if row is None:
            return self.unknown(self.store.sent, ident, self.now)
        self.store.sent(ident, self.now)
        return row.end("sent", None)

    @rule(ident=rows, wait=minutes, late=st.sampled_from([0, 0, 0, 1]))
    def hand_over(self, ident: str, wait: timedelta, late: int) -> None:
        """A waiting row awaits its receipt, by a report of the claim that is in force."""
        row = self.row(ident)
        if row is None:
            return self.unknown(self.store.hand_over, ident, self.now, self.now, 0)
        self.store.hand_over(ident, self.now, self.now + wait, row.claim - late)
        if row.status == "waiting" and not late:
            row.end("awaiting", None)
            row.due, row.handovers = self.now + wait, row.handovers + 1
        return None

    @rule(ident=rows, wait=st.none() | minutes, late=st.integers(0, 2))
    def failed(self, ident: str, wait: timedelta | None, late: int) -> None:
        """A report counts for a waiting or awaiting row, from the claim that is in force."""
        row = self.row(ident)
        next_try = None if wait is None else self.now + wait
        if row is None:
            return self.unknown(self.store.failed, ident, "why", next_try)
        self.store.failed(ident, "why", next_try, claim=row.claim - late)
        if row.status in ("waiting", "awaiting") and not late:
            row.end("parked" if next_try is None else "waiting", "why")
            row.due = next_try or row.due
        return None

    @rule(ident=rows)
    def refused(self, ident: str) -> None:
        """What was not sent yet is not sent any more."""
        row = self.row(ident)
        if row is None:
            return self.unknown(self.store.refused, ident, "no")
        self.store.refused(ident, "no")
        if row.status in ("waiting", "awaiting", "parked"):
            row.end("refused", "no")
        return None

    @rule(ident=rows)
    def retry(self, ident: str) -> None:
        """What was parked or sent waits again, what waits or is awaited is due, what was refused stays so."""
        row = self.row(ident)
        if row is None or row.status == "refused":
            return self.unknown(self.store.retry, ident, self.now)
        self.store.retry(ident, self.now)
        if row.status == "awaiting":
            row.status, row.due, row.attempts = "waiting", self.now, 0
        elif row.status != "waiting":
            row.end("waiting", row.error)
            row.due, row.attempts, row.handovers = self.now, 0, 0
        elif row.due > self.now:
            row.due, row.attempts = self.now, 0
        return None

    @rule(referral=referrals, keep=st.lists(rows, max_size=2))
    def drop(self, referral: str, keep: list[str]) -> None:
        """A referral's unsent rows are refused, but for some."""
        with self.store.begin() as transaction:
            transaction.drop_waiting(referral, "over", keep)
        for row in self.rows:
            if row.referral == referral and row.status in ("waiting", "awaiting", "parked") and row.id not in keep:
                row.end("refused", "over")

    @rule(key=st.sampled_from("xyz"), digest=st.sampled_from(["one", "two"]))
    def remember(self, key: str, digest: str) -> None:
        """The first is kept, the second an error."""
        seen = Seen(key, digest, digest.encode())
        if key not in self.inbox:
            with self.store.begin() as transaction:
                transaction.remember(seen, self.now)
            self.inbox[key] = seen
            return
        with pytest.raises(StoreError), self.store.begin() as transaction:
            transaction.remember(seen, self.now)

    def unknown(self, report: Any, *arguments: Any) -> None:
        """A report that must be refused."""
        with pytest.raises(InvalidInput):
            report(*arguments)

    @invariant()
    def same(self) -> None:
        """Both say the same."""
        kept = [
            (row.id, row.due, row.status, row.attempts, row.claim, row.content, row.last_error, row.handovers)
            for row in self.store.outbox()
        ]
        assert kept == [
            (row.id, row.due, row.status, row.attempts, row.claim, row.content, row.error, row.handovers)
            for row in self.rows
        ]
        with self.store.begin() as transaction:
            assert {key: transaction.seen(key) for key in "xyz"} == {key: self.inbox.get(key) for key in "xyz"}


def at(boxes: type[Boxes], place: Place) -> type[Boxes]:
    """The same, on a database."""
    return type("At", (boxes,), {"place": staticmethod(lambda: place)})


@pytest.mark.slow
def test_boxes_do_as_the_model(place: Place) -> None:
    """Any sequence of steps: the store's outbox and inbox are as the model's."""
    examples = 60 if place.embedded else 15
    run_state_machine_as_test(at(Boxes, place), settings=settings(max_examples=examples, stateful_step_count=30))


@pytest.mark.slow
def test_the_model_can_fail(sqlite: Place) -> None:
    """A model in which nobody holds what was claimed does something else than the store, and that is found."""

    class Forgetful(Boxes):
        @rule(limit=limits)
        def claim(self, limit: int) -> None:
            super().claim(limit)
            self.rows = [replace(row, lease=None) for row in self.rows]

    quick = settings(phases=[Phase.generate])  # not the smallest example: any will do
    with pytest.raises(AssertionError):
        run_state_machine_as_test(at(Forgetful, sqlite), settings=quick)
