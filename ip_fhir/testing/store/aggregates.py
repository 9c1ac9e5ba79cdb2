"""The promises of an `AggregateStore`: it keeps plans beside referrals, also if they have the same id."""
# ruff: noqa: S101 - a contract is asserts

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ip_fhir.domain.values.aggregate import PLAN, Aggregate
from ip_fhir.testing.store_samples import MINUTE, NOON, append, enqueue, outbox_row, record, task

if TYPE_CHECKING:
    from ip_fhir.ports import OutboxRow
    from ip_fhir.ports.capabilities import AggregateStore

_REFERRAL, _PLAN = Aggregate.of_referral("r"), Aggregate(kind=PLAN, id="r")


class AggregateContract:
    """The contract suite. The subclass has a fixture `store`, empty for each test."""

    def test_one_chain_for_all(self, store: AggregateStore) -> None:
        """Each aggregate has its own records, in order, in one chain that verifies; `evidence` has only referrals'."""
        append(store, "r", "1")
        with store.begin() as transaction:
            transaction.append_records(_PLAN, [{"b": 1, "a": "å"}, {"second": True}])
        append(store, "r", "2")
        found = store.records(_PLAN)
        assert [(link.number, link.aggregate, link.record) for link in found] == [
            (2, _PLAN, {"a": "å", "b": 1}),
            (3, _PLAN, {"second": True}),
        ]
        assert [link.number for link in store.records(_REFERRAL)] == [1, 4]
        assert store.records(_REFERRAL)[0].record == record("1").to_data()
        for evidence in (store.evidence("r"), store.evidence()):
            assert [link.record.event.id for link in evidence] == ["1", "2"]
        assert found[0].previous == store.evidence()[0].hash
        assert store.head().number == 4
        assert store.verify() == ()

    def test_lanes_of_their_own(self, store: AggregateStore) -> None:
        """A plan's row does not wait behind a referral's, and keeps its kind."""
        enqueue(store, outbox_row("a"), _of_plan("b"), _of_plan("c"))
        rows = store.claim("one", NOON, MINUTE, 10)
        assert {row.id: row.aggregate for row in rows} == {"a": _REFERRAL, "b": _PLAN}

    def test_dropped_by_kind(self, store: AggregateStore) -> None:
        """`drop_rows` closes the rows of one aggregate, except those to keep, and no others."""
        enqueue(store, outbox_row("a"), _of_plan("b"), _of_plan("c"))
        with store.begin() as transaction:
            transaction.drop_rows(_PLAN, "over", keep=["c"])
        assert [row.id for row in store.outbox("refused")] == ["b"]
        with store.begin() as transaction:
            transaction.drop_waiting("r", "over")
        assert [row.id for row in store.outbox("waiting")] == ["c"]

    def test_resources_by_kind(self, store: AggregateStore) -> None:
        """A plan's resource comes back with its kind, and is not found by a correlation id equal to the plan's id."""
        plans = replace(task("p"), aggregate_kind=PLAN)
        with store.begin() as transaction:
            transaction.put_resource(plans, None)
            transaction.put_resource(task("t"), None)
            assert transaction.resource("Task", "p") == plans
        assert [one.id for one in store.search_resources("Task", {"correlation": "r"})] == ["t"]
        assert len(store.search_resources("Task", {})) == 2


def _of_plan(ident: str) -> OutboxRow:
    return replace(outbox_row(ident), aggregate_kind=PLAN)
