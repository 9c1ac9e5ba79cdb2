"""The promises of a `WorklistStore`: items are open until somebody has done them."""
# ruff: noqa: S101, PT012 - a contract is asserts; a transaction's block is what must fail

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ip_fhir.domain.effects import Reason
from ip_fhir.domain.green_form import Missing
from ip_fhir.domain.loop.worklist import IN_ITS_PLACE
from ip_fhir.domain.values.aggregate import PLAN, REFERRAL, Aggregate
from ip_fhir.testing.store_samples import NOON, NURSE, PERSON, Trouble, after, work_item

if TYPE_CHECKING:
    from ip_fhir.domain.loop.worklist import WorklistItem
    from ip_fhir.ports.capabilities import WorklistStore


class WorklistContract:
    """The contract suite. The subclass has a fixture `store`, empty for each test."""

    def test_an_item_comes_back_equal(self, store: WorklistStore) -> None:
        """Items come back as they were opened, oldest first, at most `limit`."""
        late = work_item("late", opened=after(days=1), reason=Reason.CONFIRMED, form_id="form", due=after(days=9))
        early = work_item("early", to="leader", text=PERSON, number=2, missing=(Missing.COORDINATOR,))
        _open(store, late, early)
        assert store.worklist() == [early, late]
        assert store.worklist(limit=1) == [early]
        assert store.figures().open_items == 2
        with store.begin() as transaction:
            assert transaction.item("late") == late
            assert transaction.item("nobody") is None

    def test_pages_behind_a_place(self, store: WorklistStore) -> None:
        """Page by page each item comes once, also of those opened at one time, and if one is done between two pages."""
        _open(store, *(work_item(ident, of=ident) for ident in "abc"), work_item("d", of="d", opened=after(days=1)))
        with store.begin() as transaction:
            transaction.finish_item("a", NOON, NURSE, None)
        assert [one.id for one in store.worklist(limit=2)] == ["b", "c"]
        assert [one.id for one in store.worklist(limit=2, after=(False, NOON, "c"))] == ["d"]
        with store.begin() as transaction:
            transaction.finish_item("c", NOON, NURSE, None)
        assert [one.id for one in store.worklist(after=(False, NOON, "c"))] == ["d"]
        assert [one.id for one in store.worklist(open_only=False, after=(False, NOON, "b"))] == ["d", "a", "c"]
        assert [one.id for one in store.worklist(open_only=False, after=(True, NOON, "a"))] == ["c"]
        one = Aggregate(kind=REFERRAL, id="d")
        assert [item.id for item in store.worklist(aggregate=one, after=(False, NOON, "b"))] == ["d"]
        assert store.worklist(aggregate=one, after=(False, after(days=1), "d")) == []

    def test_done_once(self, store: WorklistStore) -> None:
        """The first `finish_item` counts, with its time, person and note; the item is no longer listed as open."""
        _open(store, work_item("a"), work_item("b", of="s"))
        with store.begin() as transaction:
            assert transaction.finish_item("a", after(hours=1), NURSE, "phoned")
            assert not transaction.finish_item("a", after(hours=2), None, None)
            assert not transaction.finish_item("nobody", NOON, None, None)
        done = work_item("a").evolve(done=after(hours=1), by=NURSE, note="phoned")
        assert store.worklist() == [work_item("b", of="s")]
        assert store.worklist(open_only=False) == [work_item("b", of="s"), done]
        assert store.figures().open_items == 1

    def test_an_item_is_opened_once(self, store: WorklistStore) -> None:
        """Opening an id again changes nothing, also when it is done."""
        _open(store, work_item("a"))
        _open(store, work_item("a", text="other"))
        with store.begin() as transaction:
            transaction.finish_item("a", NOON, None, None)
        _open(store, work_item("a"), work_item("b"))
        assert store.worklist() == [work_item("b")]

    def test_a_later_one_takes_its_place(self, store: WorklistStore) -> None:
        """One is open for each aggregate and reason; contacts and words of the earlier go on in it, each once."""
        _open(store, work_item("a", to="leader", text="first"), work_item("other", of="s"))
        _open(store, work_item("b", opened=after(days=1), to="office", text="second", number=2))
        _open(store, work_item("c", opened=after(days=2), to="leader", text="first", number=3))
        _open(store, work_item("a", to="leader", text="first"))
        joined = work_item("c", opened=after(days=2), to="office; leader", text="second\nfirst", number=3)
        assert store.worklist() == [work_item("other", of="s"), joined]
        closed = {item.id: (item.done, item.by, item.note) for item in store.worklist(open_only=False) if item.done}
        assert closed == {"a": (after(days=1), None, IN_ITS_PLACE), "b": (after(days=2), None, IN_ITS_PLACE)}
        assert store.figures().open_items == 2

    def test_a_done_one_stays_done(self, store: WorklistStore) -> None:
        """One that a person has done is no longer in the way, and its words do not come back."""
        _open(store, work_item("a", text="first"))
        with store.begin() as transaction:
            transaction.finish_item("a", NOON, NURSE, None)
            transaction.open_items([work_item("b", text="second"), work_item("c", text="third")])
        assert store.worklist() == [work_item("c", text="second\nthird")]
        assert {item.id: item.by for item in store.worklist(open_only=False)} == {"a": NURSE, "b": None, "c": None}

    def test_what_nobody_needs_to_do_any_more(self, store: WorklistStore) -> None:
        """Open items of one aggregate with certain reasons are closed; one that a person has done is left as it is."""
        reasons = (Reason.REMINDED, Reason.NEW_NOTICE, Reason.NOT_TAKEN)
        _open(store, *(work_item(str(reason), reason=reason) for reason in reasons))
        _open(store, work_item("other", of="s"), work_item("twin", of="r", kind=PLAN))
        with store.begin() as transaction:
            transaction.finish_item("reminded", NOON, NURSE, None)
            transaction.finish_items(
                Aggregate.of_referral("r"), ("reminded", "new-notice"), after(days=1), None, "the loop is confirmed"
            )
        open_ = {item.id for item in store.worklist()}
        assert open_ == {"not-taken", "other", "twin"}
        done = {item.id: (item.by, item.note) for item in store.worklist(open_only=False) if item.done}
        assert done == {"reminded": (NURSE, None), "new-notice": (None, "the loop is confirmed")}

    def test_of_one_aggregate(self, store: WorklistStore) -> None:
        """A referral and a plan with the same id have different items."""
        _open(store, work_item("a"), work_item("b", of="s"), work_item("c", kind=PLAN))
        assert [item.id for item in store.worklist(aggregate=Aggregate.of_referral("r"))] == ["a"]
        assert [item.id for item in store.worklist(aggregate=Aggregate(kind=PLAN, id="r"), open_only=False)] == ["c"]

    def test_what_was_undone_is_not_there(self, store: WorklistStore) -> None:
        """A failed transaction neither opens nor finishes an item."""
        _open(store, work_item("a"), work_item("c", of="s"))
        with pytest.raises(Trouble), store.begin() as transaction:
            transaction.open_items([work_item("b")])
            transaction.finish_item("c", NOON, NURSE, None)
            raise Trouble
        assert store.worklist(open_only=False) == [work_item("a"), work_item("c", of="s")]

    def test_items_are_silent(self, store: WorklistStore) -> None:
        """A `repr` shows neither the item's text nor the person who did it."""
        _open(store, work_item("a", text=PERSON))
        with store.begin() as transaction:
            transaction.finish_item("a", NOON, NURSE, PERSON)
        said = repr(store.worklist(open_only=False))
        assert PERSON not in said
        assert NURSE.name not in said


def _open(store: WorklistStore, *items: WorklistItem) -> None:
    with store.begin() as transaction:
        transaction.open_items(items)
